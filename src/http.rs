//! HTTP: translates between requests and the edge. The only place that says actix.
//!
//! [`Bound::take`] takes the addresses first, so that a taken port is known before anything else is opened;
//! [`Bound::serve`] answers until it is told to stop, then what is in flight may finish.
//!
//! Readers of what strangers send are open to `fuzz/`.

mod access;
mod address;
mod body;
mod client;
mod clips;
#[doc(hidden)]
pub mod conditions;
mod delivery;
mod edges;
mod express;
mod gate;
mod health;
mod hot;
mod images;
mod language;
mod leases;
mod lifetime;
mod multiplexed;
mod openapi;
mod opinions;
mod page;
mod passing;
mod picks;
#[doc(hidden)]
pub mod plain;
mod problem;
mod proxied;
mod purges;
mod range;
mod reviews;
mod routes;
mod server;
mod stream;
#[doc(hidden)]
pub mod target;
mod tickets;
mod tls;
mod visitors;
mod warm;
mod wire;
mod written;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::http::header::HeaderValue;

pub use address::of_clip as clip_address;
pub use openapi::document as openapi_document;
pub use page::Author;
pub use problem::Code;
pub use routes::{ROWS, Row};
pub use tls::{Certificate, TlsError};

use crate::{
    config::Config,
    edge::{Budget, Edge, Opened, RendererToken},
    schedule::Feasts,
    signing::SigningKeys,
};

/// What every handler sees.
struct Shared {
    edge: Edge,
    config: Arc<Config>,
    token: RendererToken,
    allow_origin: HeaderValue,
    pages: page::Pages,
    feasts: Feasts,
    answers: picks::Answers,
    /// Pictures that addresses brought.
    images: Budget,
    /// Opinions that addresses gave.
    speakers: Budget,
    /// Tokens that addresses tried.
    guesses: Budget,
    /// What was made for addresses.
    work: Arc<Budget>,
    signing_keys: SigningKeys,
    /// Who writes a template here, if this server is there for that alone.
    author: Option<Author>,
}

/// Why the address cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("port {} of {} is taken by another program", .address.port(), .address.ip())]
    #[diagnostic(help(
        "stop it (`ss -ltnp` shows it), or listen elsewhere: `listen` of [server], or FESTOON__SERVER__LISTEN=127.0.0.1:0"
    ))]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// TLS.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Tls(#[from] TlsError),
    /// The system refuses.
    #[error("cannot listen on {address}: {source}")]
    #[diagnostic(help("ports below 1024 need the right to bind them; the address must be one of this machine"))]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

/// Addresses that are taken, before anything answers there.
#[derive(Debug)]
pub struct Bound {
    plain: TcpListener,
    address: SocketAddr,
    tls: Option<(TcpListener, Arc<Certificate>)>,
}

impl Bound {
    /// Takes the addresses; `listener` is one that was taken for this program before it was started.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn take(config: &Config, listener: Option<TcpListener>) -> Result<Self, BindError> {
        let plain = match listener {
            Some(listener) => listener,
            None => listen(config.server.listen)?,
        };
        let address = plain.local_addr().map_err(|source| BindError::Refused { address: config.server.listen, source })?;
        let tls = match config.tls.listen {
            Some(address) => {
                let certificate = Certificate::open(&config.path(&config.tls.certificate), &config.path(&config.tls.key))?;
                Some((listen(address)?, certificate))
            }
            None => None,
        };
        Ok(Self { plain, address, tls })
    }

    /// The certificate that connections in TLS are taken with.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.tls.as_ref().map(|(_, certificate)| Arc::clone(certificate))
    }

    /// The address for TLS, with the port that was given for 0.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The address, with the port that was given for 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients on this machine write it.
    pub fn url(&self) -> String {
        match self.address.ip().is_unspecified() {
            true => format!("http://127.0.0.1:{}", self.address.port()),
            false => format!("http://{}", self.address),
        }
    }

    /// Answers until `stop` is done, then finishes what is in flight; with an author, nobody else than them. Must be called
    /// inside a runtime.
    ///
    /// # Errors
    /// If the workers cannot be started.
    pub async fn serve(
        self,
        opened: &Opened,
        feasts: Feasts,
        author: Option<Author>,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let config = Arc::clone(opened.edge.config());
        let shared = Arc::new(Shared {
            edge: opened.edge.clone(),
            token: opened.token.clone(),
            allow_origin: HeaderValue::from_str(&config.delivery.allow_origin).map_err(io::Error::other)?,
            pages: page::Pages::new(),
            feasts,
            answers: picks::Answers::default(),
            images: Budget::new(config.images.per_minute),
            speakers: Budget::new(config.limits.opinions_per_minute),
            guesses: Budget::new(page::GUESSES),
            work: Arc::new(Budget::new(config.strangers.work_per_minute)),
            signing_keys: SigningKeys::of(&config.state()),
            author,
            config,
        });
        server::run(self.plain, self.tls, shared, stop).await
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { address },
        _ => BindError::Refused { address, source },
    })
}
