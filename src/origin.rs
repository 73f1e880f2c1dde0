//! An edge's origin, over HTTP: the only server that an edge ever asks, at the address that its settings name.
//!
//! What comes is bounded in size, in time and in number; a redirect is not followed. An origin that fails again and again is left
//! alone for a while ([`Breaker`]), and callers are told so at once. Nothing here verifies bytes: the
//! [cache](crate::cache::Upstream) and whoever passes an answer on do.

mod breaker;
mod news;
mod passing;
mod places;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use festoon_spec::{BlobHash, RenderKey};
use futures_util::{StreamExt, stream::BoxStream};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;

pub use breaker::{Breaker, LeftAlone};
pub use news::{FILE_BYTES, Model, News, Report, Seen, Standing, Warmth};
pub use passing::{Fields, Passed, Passing};
use places::Places;

use crate::{
    cache::{Coming, Entry, Upstream, UpstreamError},
    clock::Clock,
    config::Config,
};

/// Most bytes of an entry's page. A plate of a minute has a few hundred parts of some 100 bytes.
const ENTRY_BYTES: usize = 1 << 20;
/// Says on whose behalf an edge asks, so that an edge whose origin is an edge notices.
pub const EDGE: &str = "festoon-edge";

/// Why there is no origin to ask.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OriginError {
    /// The address is none.
    #[error("`url` of [origin] is `{given}`: {reason}")]
    #[diagnostic(help("write it as `https://origin.example.com`, or give it with --origin"))]
    Address {
        /// As given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The client cannot be made.
    #[error("no connection can be made from here: {0}")]
    Client(reqwest::Error),
}

/// The origin. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Origin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: Url,
    name: String,
    token: Option<String>,
    client: Client,
    breaker: Breaker,
    places: Places,
    passed_on: Places,
    /// For the head of an answer, and for each piece.
    patience: Duration,
}

impl Origin {
    /// The origin that the settings name, asked with this token.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(config: &Config, token: Option<String>, clock: Arc<dyn Clock>) -> Result<Self, OriginError> {
        let settings = &config.origin;
        let wrong = |reason: &str| OriginError::Address { given: settings.url.clone(), reason: reason.to_owned() };
        let url: Url = settings.url.parse().map_err(|error| wrong(&format!("{error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it is neither http nor https"));
        }
        if url.path() != "/" || url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("only a scheme, a host and a port are expected"));
        }
        // Err: the process has a provider already, which will do.
        rustls::crypto::ring::default_provider().install_default().ok();
        let patience = Duration::from_secs(settings.answer_seconds);
        let client = Client::builder()
            .connect_timeout(patience)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(OriginError::Client)?;
        let name = match settings.name.as_str() {
            "" => format!("{}:{}", machine(), config.server.listen.port()),
            name => name.to_owned(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                url,
                name,
                token,
                client,
                breaker: Breaker::new(settings.failures, settings.pause_seconds * 1000, clock),
                places: Places::new(settings.at_once, settings.waiting),
                passed_on: Places::new(settings.passed_on, 0),
                patience,
            }),
        })
    }

    /// What this edge is called.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether it answered of late, as far as is known.
    pub fn answers(&self) -> bool {
        self.inner.breaker.is_closed()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.inner.url.clone();
        url.set_path(path);
        let request = self.inner.client.request(method, url).header(EDGE, &self.inner.name);
        match &self.inner.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request unless the origin is left alone, and counts how it went.
    async fn send(&self, request: RequestBuilder, patience: Duration) -> Result<Response, UpstreamError> {
        let breaker = &self.inner.breaker;
        breaker.enter().map_err(|left_alone| UpstreamError::Away {
            reason: "it failed several times in a row".into(),
            retry_millis: left_alone.millis,
        })?;
        let away = |reason: String| {
            breaker.failed(&reason);
            UpstreamError::Away { reason, retry_millis: 1000 }
        };
        let response = match tokio::time::timeout(patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(away(cause(&error))),
            Err(_) => return Err(away(format!("nothing came within {} seconds", patience.as_secs()))),
        };
        match response.status() {
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => breaker.failed(&response.status()),
            _ => breaker.succeeded(),
        }
        Ok(response)
    }

    /// Asks for a JSON page of at most so many bytes. `None` is 404.
    async fn page<T: DeserializeOwned>(&self, request: RequestBuilder, most: usize) -> Result<Option<T>, UpstreamError> {
        let response = self.send(request, self.inner.patience).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(refused(status)),
        }
        let body = collect(self.pieces(response), most).await?;
        let read = serde_json::from_slice(&body);
        read.map(Some).map_err(|error| UpstreamError::Wrong { what: format!("with a page that does not read: {error}") })
    }

    /// The body of an answer; a piece that does not come in time ends it.
    fn pieces(&self, response: Response) -> BoxStream<'static, Result<Bytes, UpstreamError>> {
        pieces(self.clone(), response, self.inner.patience)
    }
}

#[async_trait]
impl Upstream for Origin {
    async fn entry(&self, key: &RenderKey) -> Result<Option<Entry>, UpstreamError> {
        let _place = self.inner.places.take().await?;
        self.page(self.request(Method::GET, &format!("/v1/entries/{key}")), ENTRY_BYTES).await
    }

    async fn blob(&self, blob: &BlobHash) -> Result<Option<Coming>, UpstreamError> {
        let place = self.inner.places.take().await?;
        let request = self.request(Method::GET, &format!("/v1/blobs/{blob}.mp4"));
        let response = self.send(request, self.inner.patience).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(refused(status)),
        }
        let Some(length) = length(&response) else {
            return Err(UpstreamError::Wrong { what: "with bytes of unknown number".into() });
        };
        let pieces = self.pieces(response).inspect(move |_| {
            let _held_until_the_last = &place;
        });
        Ok(Some(Coming { length, pieces: pieces.boxed() }))
    }
}

fn length(response: &Response) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn pieces(origin: Origin, response: Response, patience: Duration) -> BoxStream<'static, Result<Bytes, UpstreamError>> {
    let body = (origin, response.bytes_stream());
    futures_util::stream::unfold(Some(body), move |body| async move {
        let (origin, mut body) = body?;
        let reason = match tokio::time::timeout(patience, body.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(piece))) => return Some((Ok(piece), Some((origin, body)))),
            Ok(Some(Err(error))) => cause(&error),
            Err(_) => format!("no further piece came within {} seconds", patience.as_secs()),
        };
        origin.inner.breaker.failed(&reason);
        Some((Err(UpstreamError::Away { reason, retry_millis: 1000 }), None))
    })
    .boxed()
}

async fn collect(mut pieces: BoxStream<'static, Result<Bytes, UpstreamError>>, most: usize) -> Result<Bytes, UpstreamError> {
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if body.len() + piece.len() > most {
            return Err(UpstreamError::Wrong { what: format!("with more than {most} bytes") });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn refused(status: StatusCode) -> UpstreamError {
    match status {
        StatusCode::UNAUTHORIZED => {
            UpstreamError::Wrong { what: format!("{status}: `token` of [renderers] is not the origin's") }
        }
        status if status.is_server_error() => UpstreamError::Away { reason: status.to_string(), retry_millis: 1000 },
        status => UpstreamError::Wrong { what: status.to_string() },
    }
}

/// The last of an error's causes: the first ones only name the address.
fn cause(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The name of this machine.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "edge".to_owned(),
        name => name.to_owned(),
    }
}
