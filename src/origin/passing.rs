//! A client's request that the origin answers: passed on as it is, and the answer passed back as it comes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use reqwest::{
    Method, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use super::{EDGE, Origin, length, pieces};
use crate::cache::UpstreamError;

/// An event stream says at least a comment within this time.
const SILENCE: Duration = Duration::from_secs(60);

/// Names and values of header fields.
pub type Fields = Vec<(String, Vec<u8>)>;

/// A request of a client.
#[derive(Debug, Clone)]
pub struct Passing {
    /// Its method.
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Its header fields. Those that concern a connection are left out.
    pub fields: Fields,
    /// Its body.
    pub body: Bytes,
    /// Seconds that the origin may hold it open.
    pub held_seconds: u64,
}

/// The origin's answer.
pub struct Passed {
    /// Status.
    pub status: u16,
    /// Header fields, without those that concern a connection.
    pub fields: Fields,
    /// Bytes of the body, if the origin says it.
    pub length: Option<u64>,
    /// The body as it comes.
    pub body: BoxStream<'static, Result<Bytes, UpstreamError>>,
}

/// Fields between two neighbours (RFC 9110 §7.6.1), and those that each connection sets itself.
const NEIGHBOURLY: [HeaderName; 10] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
];

/// What a client said that can be said again.
fn said(fields: &Fields) -> HeaderMap {
    let read = |(name, value): &(String, Vec<u8>)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?));
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter().filter_map(read) {
        headers.append(name, value);
    }
    headers
}

fn without_neighbourly(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&NEIGHBOURLY) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers
}

impl Origin {
    /// Passes a request on.
    ///
    /// # Errors
    /// If the origin does not answer, or too many are passed on already.
    pub async fn pass_on(&self, passing: Passing) -> Result<Passed, UpstreamError> {
        let Passing { method, target, fields, body, held_seconds } = passing;
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|error| UpstreamError::Wrong { what: format!("no such method: {error}") })?;
        let place = self.inner.passed_on.take().await?;
        let url = self.at(&target);
        let headers = without_neighbourly(said(&fields));
        let request = self.inner.client.request(method, url).headers(headers).header(EDGE, &self.inner.name).body(body);
        let response = self.send(request, self.inner.patience + Duration::from_secs(held_seconds)).await?;
        let (status, length) = (response.status().as_u16(), length(&response));
        let headers = without_neighbourly(response.headers().clone());
        let fields = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let body = pieces(self.clone(), response, SILENCE.max(self.inner.patience)).inspect(move |_| {
            let _held_until_the_last = &place;
        });
        Ok(Passed { status, fields, length, body: body.boxed() })
    }

    /// The origin's address with this path and query, whatever they are.
    fn at(&self, target: &str) -> Url {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut url = self.inner.url.clone();
        url.set_path(path);
        url.set_query(query);
        url
    }
}
