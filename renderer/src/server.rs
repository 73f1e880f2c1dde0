//! The server as a renderer sees it: five requests. Which of them may be tried again, and how patiently, is decided here;
//! what an answer means for the work in hand is decided in [`crate::lease`].
//!
//! A request that got no answer, or one that says "later" (429, 5xx), is tried again after a pause with full jitter:
//! drawn between nothing and a bound that doubles each time, never shorter than the server's `Retry-After`.
//! That the server went away, and that it is back, is logged once each.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder, Retryable};
use bytes::Bytes;
use festoon_spec::{BlobHash, Failure, HandIn, JobId, Lease, LeaseRequest, Renewal, RenewalAnswer};
use reqwest::{Client, Method, Response, StatusCode, Url, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::config::{Config, Retry, Secret};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a small request may take, beyond what the server was asked to wait.
const SMALL_REQUEST: Duration = Duration::from_secs(30);
/// The slowest upload that is borne, in bytes per second.
const SLOWEST_UPLOAD: u64 = 64 * 1024;
/// The longest error page that is read.
const LONGEST_PROBLEM: usize = 16 * 1024;

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is none.
    #[error("server is `{given}`: expected an http or https address, for example http://127.0.0.1:8080")]
    Address {
        /// What was configured.
        given: String,
    },
    /// The client cannot be made, for want of root certificates for example.
    #[error("cannot make an HTTP client: {}", chain(.0))]
    Client(reqwest::Error),
    /// No answer came.
    #[error("{url} does not answer: {}", chain(.source))]
    Unreachable {
        /// Where it was asked.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The answer says "later".
    #[error("{url} answers {status}")]
    Unavailable {
        /// Where it was asked.
        url: String,
        /// The answer's status.
        status: StatusCode,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The token does not open the door.
    #[error("{url} answers {status}: the renderer token is missing or not valid")]
    Unauthorized {
        /// Where it was asked.
        url: String,
        /// 401 or 403.
        status: StatusCode,
    },
    /// The lease went to somebody else.
    #[error("the lease is lost")]
    LeaseLost,
    /// Any other refusal.
    #[error("{url} answers {status}: {problem}")]
    Refused {
        /// Where it was asked.
        url: String,
        /// The answer's status.
        status: StatusCode,
        /// What it says.
        problem: String,
    },
    /// The answer is not what the contract says.
    #[error("{url} answers something else than the contract says: {}", chain(.source))]
    Malformed {
        /// Where it was asked.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
}

impl ServerError {
    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self, ServerError::Unreachable { .. } | ServerError::Unavailable { .. })
    }

    /// What to do about it, in a line of its own.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ServerError::Unauthorized { .. } => {
                Some("set token, token_file or FESTOON_RENDERER__TOKEN to the renderer token of that server")
            }
            ServerError::Address { .. } => Some("set server, FESTOON_RENDERER__SERVER or --server"),
            _ => None,
        }
    }
}

/// reqwest's own text hides the cause in its sources.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The parts of problem+json that are worth repeating.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    title: String,
    detail: String,
}

/// A festoon server.
#[derive(Debug)]
pub struct Server {
    http: Client,
    base: Url,
    token: Secret,
    retry: Retry,
    answers: AtomicBool,
}

impl Server {
    /// A client for the configured server; nothing is sent yet.
    ///
    /// # Errors
    /// If the address is none, or TLS cannot be set up.
    pub fn new(config: &Config) -> Result<Self, ServerError> {
        let address = || ServerError::Address { given: config.server.clone() };
        let mut base = Url::parse(&config.server).map_err(|_| address())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(address());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut client = Client::builder()
            .user_agent(concat!("festoon-renderer/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        if base.scheme() == "http" {
            // A slim container has no root certificates; without TLS none are needed.
            client = client.tls_certs_only([]);
        }
        if is_this_machine(&base) {
            client = client.no_proxy();
        }
        let http = client.build().map_err(ServerError::Client)?;
        let (token, retry) = (config.token.clone(), config.retry.clone());
        Ok(Self { http, base, token, retry, answers: AtomicBool::new(true) })
    }

    /// Asks for work until the server answers: some, or none for now.
    ///
    /// # Errors
    /// Only what no later attempt can mend.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<Option<Lease>, ServerError> {
        let limit = Duration::from_secs(request.wait_seconds.into()) + SMALL_REQUEST;
        let ask = || async {
            let response = self.post("v1/leases", request, limit).await?;
            match response.status() {
                StatusCode::NO_CONTENT => Ok(None),
                _ => json(response).await.map(Some),
            }
        };
        self.patiently(ask, self.pauses().without_max_times()).await
    }

    /// Keeps a lease and tells the progress. Tried once: the next renewal is never far.
    ///
    /// # Errors
    /// [`ServerError::LeaseLost`] if somebody else has it now.
    pub async fn renew(&self, job: &JobId, renewal: &Renewal) -> Result<RenewalAnswer, ServerError> {
        let answer = self.post(&format!("v1/leases/{job}/renew"), renewal, SMALL_REQUEST).await;
        self.note(&answer);
        json(answer?).await
    }

    /// Puts a blob of a plate where [`Server::hand_in`] will find them.
    ///
    /// # Errors
    /// When patience has run out, or the server refuses.
    pub async fn put_blob(&self, job: &JobId, epoch: u32, blob: &BlobHash, bytes: Bytes) -> Result<(), ServerError> {
        let limit = SMALL_REQUEST + Duration::from_secs(bytes.len() as u64 / SLOWEST_UPLOAD);
        let path = format!("v1/blobs/{blob}.mp4?job={job}&epoch={epoch}");
        let put = || async {
            let request = self.request(Method::PUT, &path, limit).header(header::CONTENT_TYPE, "video/mp4");
            self.send(&path, request.body(bytes.clone())).await.map(drop)
        };
        self.patiently(put, self.bounded_pauses()).await
    }

    /// Reports a plate whose blobs were put.
    ///
    /// # Errors
    /// When patience has run out, or the server refuses.
    pub async fn hand_in(&self, job: &JobId, hand_in: &HandIn) -> Result<(), ServerError> {
        let path = format!("v1/leases/{job}/hand-in");
        let report = || async { self.post(&path, hand_in, SMALL_REQUEST).await.map(drop) };
        self.patiently(report, self.bounded_pauses()).await
    }

    /// Reports a failed attempt.
    ///
    /// # Errors
    /// When patience has run out, or the server refuses.
    pub async fn fail(&self, job: &JobId, failure: &Failure) -> Result<(), ServerError> {
        let path = format!("v1/leases/{job}/fail");
        let report = || async { self.post(&path, failure, SMALL_REQUEST).await.map(drop) };
        self.patiently(report, self.bounded_pauses()).await
    }

    fn request(&self, method: Method, path: &str, limit: Duration) -> reqwest::RequestBuilder {
        let url = self.base.join(path).expect("job ids and digests are hexadecimal: the path is a valid reference");
        self.http.request(method, url).bearer_auth(self.token.reveal()).timeout(limit)
    }

    async fn post(&self, path: &str, body: &impl Serialize, limit: Duration) -> Result<Response, ServerError> {
        self.send(path, self.request(Method::POST, path, limit).json(body)).await
    }

    /// Sends once and sorts the answer.
    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Response, ServerError> {
        let url = format!("{}{}", self.base, path.split('?').next().unwrap_or(path));
        let response = match request.send().await {
            Ok(response) => response,
            Err(source) => return Err(ServerError::Unreachable { url, source }),
        };
        let status = response.status();
        match status {
            _ if status.is_success() => Ok(response),
            StatusCode::CONFLICT => Err(ServerError::LeaseLost),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ServerError::Unauthorized { url, status }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(unavailable(url, &response)),
            _ if status.is_server_error() => Err(unavailable(url, &response)),
            _ => Err(ServerError::Refused { url, status, problem: problem(response).await }),
        }
    }

    fn pauses(&self) -> ExponentialBuilder {
        ExponentialBuilder::default().with_min_delay(self.retry.first()).with_max_delay(self.retry.most())
    }

    fn bounded_pauses(&self) -> ExponentialBuilder {
        self.pauses().without_max_times().with_total_delay(Some(self.retry.give_up()))
    }

    async fn patiently<T, F>(&self, ask: impl FnMut() -> F, pauses: ExponentialBuilder) -> Result<T, ServerError>
    where
        F: Future<Output = Result<T, ServerError>>,
    {
        let most = self.retry.most();
        let answer = ask
            .retry(FullJitter(pauses))
            .when(ServerError::is_passing)
            .adjust(|error, pause| match error {
                ServerError::Unavailable { retry_after: Some(asked), .. } => pause.map(|pause| pause.max((*asked).min(most))),
                _ => pause,
            })
            .notify(|error, _| self.went_away(error))
            .await;
        self.note(&answer);
        answer
    }

    fn note<T>(&self, answer: &Result<T, ServerError>) {
        match answer {
            Err(error) if error.is_passing() => self.went_away(error),
            _ if !self.answers.swap(true, Ordering::Relaxed) => tracing::info!(server = %self.base, "the server answers again"),
            _ => {}
        }
    }

    fn went_away(&self, error: &ServerError) {
        if self.answers.swap(false, Ordering::Relaxed) {
            tracing::warn!(%error, "the server does not answer; trying again until it does");
        }
    }
}

/// Whether requests stay on this machine; a proxy has no part in them.
fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
        None => false,
    }
}

fn unavailable(url: String, response: &Response) -> ServerError {
    let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    ServerError::Unavailable { url, status: response.status(), retry_after: seconds.map(Duration::from_secs) }
}

async fn problem(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_PROBLEM {
            break;
        }
    }
    let Problem { code, title, detail } = serde_json::from_slice(&body).unwrap_or_default();
    let told: Vec<String> = [code, title, detail].into_iter().filter(|part| !part.is_empty()).collect();
    if told.is_empty() { "it does not say why".into() } else { told.join(": ") }
}

async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ServerError> {
    let url = response.url().to_string();
    response.json().await.map_err(|source| ServerError::Malformed { url, source })
}

/// Draws each pause between nothing and the bound, so that renderers which lost their server together do not come back
/// together.
struct FullJitter(ExponentialBuilder);

impl BackoffBuilder for FullJitter {
    type Backoff = std::iter::Map<ExponentialBackoff, fn(Duration) -> Duration>;
    fn build(self) -> Self::Backoff {
        self.0.build().map(|bound| bound.mul_f64(fastrand::f64()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pause_is_drawn_below_a_bound_that_doubles() {
        let exponential = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_millis(400))
            .without_max_times();
        for (pause, bound) in FullJitter(exponential).build().zip([100, 200, 400, 400, 400]) {
            assert!(pause <= Duration::from_millis(bound), "{pause:?} is longer than {bound} ms");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told() {
        let mut config = Config::load(None).unwrap();
        for given in ["", "127.0.0.1:80", "ftp://host", "http://"] {
            config.server = given.into();
            let error = Server::new(&config).unwrap_err();
            assert!(matches!(&error, ServerError::Address { given: told } if told == given), "{error}");
        }
    }
}
