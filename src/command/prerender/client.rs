//! Speaks to a running server as any client would: `POST /v1/picks`, then its tickets.

use std::time::Duration;

use bytes::Bytes;
use festoon_spec::{Lane, Progress, RenderKey};
use reqwest::{Method, StatusCode, Url, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{http::clip_address, pick::Pick};

/// A server that takes longer to be reached is taken for absent.
const CONNECT: Duration = Duration::from_secs(5);
/// Orders and tickets are answered at once; this is for a machine that is busy painting.
const ANSWER: Duration = Duration::from_secs(60);
/// Waited after a `429` that does not say how long.
const RETRY: u64 = 5;

/// A running server.
pub struct Client {
    server: Url,
    http: reqwest::Client,
    token: Option<String>,
}

/// Why a server does not answer as it should.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ClientError {
    /// Not an address.
    #[error("`{given}` is not the address of a server: {reason}")]
    #[diagnostic(help("write it as `http://127.0.0.1:8080`"))]
    Address {
        /// As given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody is there.
    #[error("no server answers at {server}: {reason}")]
    #[diagnostic(help("start one with `festoon up`, or name another with --server"))]
    Unreachable {
        /// Where.
        server: Url,
        /// What the connection says.
        reason: String,
    },
    /// It does not do it.
    #[error("the server refuses: {reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
    /// It does not have a clip.
    #[error("{address} answers {status}")]
    NoClip {
        /// The clip.
        address: Url,
        /// The status.
        status: StatusCode,
    },
    /// Somebody else is there, or another release.
    #[error("{server} answers {status} with something that is no answer of festoon")]
    Foreign {
        /// Where.
        server: Url,
        /// The status.
        status: StatusCode,
    },
}

/// What the server says to an order.
#[derive(Debug)]
pub enum Ordered {
    /// The plate is there.
    Ready {
        /// Its key.
        plate: RenderKey,
    },
    /// It will be painted.
    Promised(Ticket),
    /// The queue is full: try again later.
    Later {
        /// How much later.
        wait: Duration,
    },
    /// It will not be painted.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A ticket as the server shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// The job.
    pub id: String,
    /// The plate's key.
    pub plate: RenderKey,
    /// Where it stands.
    pub status: Status,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Why it was given up.
    pub reason: Option<String>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Waits for a renderer.
    Queued,
    /// A renderer works on it.
    Painting,
    /// The plate is there.
    Done,
    /// It was given up.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

#[derive(Serialize)]
struct Order<'a> {
    #[serde(flatten)]
    pick: &'a Pick,
    lane: Lane,
}

#[derive(Deserialize)]
struct Ready {
    plate: RenderKey,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Problem {
    fn sentence(self) -> String {
        let detail = self.detail.unwrap_or(self.title);
        self.hint.map_or(detail.clone(), |hint| format!("{detail}; {hint}"))
    }
}

impl Client {
    /// A client of the server at this address, with its token: without one it may only look.
    ///
    /// # Errors
    /// If it is no `http` or `https` address.
    pub fn new(server: &str, token: Option<String>) -> Result<Self, ClientError> {
        let wrong = |reason: String| ClientError::Address { given: server.to_owned(), reason };
        let address: Url = server.parse().map_err(|error| wrong(format!("{error}")))?;
        if !matches!(address.scheme(), "http" | "https") || address.host_str().is_none() {
            return Err(wrong("it is neither http nor https".to_owned()));
        }
        // Err: the process has a provider already, which will do.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().connect_timeout(CONNECT).timeout(ANSWER).build();
        Ok(Self { http: http.map_err(|error| wrong(error.to_string()))?, server: address, token })
    }

    /// Orders a pick in the lane `prerender`.
    ///
    /// # Errors
    /// If the server cannot be reached or is no festoon.
    pub async fn order(&self, pick: &Pick) -> Result<Ordered, ClientError> {
        let order = Order { pick, lane: Lane::Prerender };
        let mut request = self.http.post(self.url("/v1/picks")).json(&order);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        match status {
            StatusCode::OK => self.read(status, &body).map(|Ready { plate }| Ordered::Ready { plate }),
            StatusCode::ACCEPTED => self.read(status, &body).map(Ordered::Promised),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Ok(Ordered::Later { wait: Duration::from_secs(wait.unwrap_or(RETRY)) })
            }
            _ => self.read(status, &body).map(|problem: Problem| Ordered::Refused { reason: problem.sentence() }),
        }
    }

    /// A ticket as it is now; `None` if the server does not know it.
    ///
    /// # Errors
    /// If the server cannot be reached or is no festoon.
    pub async fn ticket(&self, id: &str) -> Result<Option<Ticket>, ClientError> {
        let response = self.http.get(self.url(&format!("/v1/tickets/{id}"))).send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.read(status, &body).map(Some),
        }
    }

    /// A clip's bytes, fetched as a player does.
    ///
    /// # Errors
    /// If the server cannot be reached, or does not have the clip.
    pub async fn clip(&self, pick: &Pick) -> Result<Bytes, ClientError> {
        let address = self.server.join(&clip_address(pick)).expect("a clip's address is a path and a query");
        let response = self.http.get(address.clone()).send().await.map_err(|error| self.lost(&error))?;
        match response.status() {
            StatusCode::OK => response.bytes().await.map_err(|error| self.lost(&error)),
            status => Err(ClientError::NoClip { address, status }),
        }
    }

    /// Asks for what only the operator may ask for; `None` is an answer without a page.
    ///
    /// # Errors
    /// If the server cannot be reached, is no festoon, or refuses.
    pub async fn operate<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<T>, ClientError> {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        match status {
            StatusCode::NO_CONTENT => Ok(None),
            status if status.is_success() => self.read(status, &body).map(Some),
            _ => Err(self.read(status, &body).map(|problem: Problem| ClientError::Refused { reason: problem.sentence() })?),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(path);
        url
    }

    fn lost(&self, error: &reqwest::Error) -> ClientError {
        let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        let reason = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        ClientError::Unreachable { server: self.server.clone(), reason }
    }

    fn read<'a, T: Deserialize<'a>>(&self, status: StatusCode, body: &'a [u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|_| ClientError::Foreign { server: self.server.clone(), status })
    }
}
