//! HTTP: translates between requests and the edge. The only place that says actix.
//!
//! [`Bound::take`] takes the address first, so that a taken port is known before anything else is opened;
//! [`Bound::serve`] answers until it is told to stop, then what is in flight may finish.

mod address;
mod body;
mod clips;
mod counted;
mod delivery;
mod edges;
mod gate;
mod health;
mod images;
mod language;
mod leases;
mod opinions;
mod page;
mod passing;
mod picks;
mod problem;
mod purges;
mod range;
mod routes;
mod stream;
mod tickets;
mod written;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    num::NonZero,
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, http::KeepAlive, http::header::HeaderValue, middleware::from_fn, web};

pub use address::of_clip as clip_address;
pub use problem::Code;
pub use routes::{ROWS, Row};

use crate::{
    config::Config,
    edge::{Edge, Opened, RendererToken},
    schedule::Feasts,
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
    images: counted::Counted,
    speakers: counted::Counted,
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

/// An address that is taken, before anything answers there.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the address.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn take(address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { address },
            _ => BindError::Refused { address, source },
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
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

    /// Answers until `stop` is done, then finishes what is in flight. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the workers cannot be started.
    pub async fn serve(self, opened: &Opened, feasts: Feasts, stop: impl Future<Output = ()>) -> io::Result<()> {
        let config = Arc::clone(opened.edge.config());
        let (server, limits) = (config.server.clone(), config.limits.clone());
        let role = server.role;
        let shared = web::Data::new(Shared {
            edge: opened.edge.clone(),
            token: opened.token.clone(),
            allow_origin: HeaderValue::from_str(&config.delivery.allow_origin).map_err(io::Error::other)?,
            pages: page::Pages::new(),
            feasts,
            answers: picks::Answers::default(),
            images: counted::Counted::default(),
            speakers: counted::Counted::default(),
            config,
        });
        let workers = match server.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            count => count,
        };
        let stall = Duration::from_secs(limits.stall_seconds);
        let application = move || {
            App::new()
                .app_data(shared.clone())
                .wrap(from_fn(gate::gate))
                .configure(|application| routes::configure(application, role))
                .default_service(web::to(routes::nothing))
        };
        let running = HttpServer::new(application)
            .workers(workers)
            // Else every answer of more than one write waits 40 ms for the other side's delayed acknowledgement.
            .tcp_nodelay(true)
            .h1_write_buffer_size(delivery::SLICE)
            .max_connections(limits.connections)
            .keep_alive(KeepAlive::Timeout(Duration::from_secs(limits.keep_alive_seconds)))
            .client_request_timeout(Duration::from_secs(limits.head_seconds))
            .client_disconnect_timeout(Duration::from_secs(limits.head_seconds))
            .on_connect(move |connection, _| delivery::cut_stalled_readers(connection, stall))
            .shutdown_timeout(server.shutdown_seconds)
            .disable_signals()
            .listen(self.listener)?
            .run();
        let handle = running.handle();
        let running = tokio::spawn(running);
        stop.await;
        tokio::time::sleep(Duration::from_secs(server.drain_seconds)).await;
        handle.stop(true).await;
        running.await.map_err(io::Error::other)?
    }
}
