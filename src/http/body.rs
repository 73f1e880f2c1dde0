//! Reading a request's body: bounded in size and in time.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use crate::config::Limits;

/// Reads the whole of a JSON body.
///
/// # Errors
/// `wrong-media-type`, `body-too-large`, `too-slow`, `bad-body`.
pub async fn read(request: &HttpRequest, payload: web::Payload, limits: &Limits) -> Result<Bytes, Problem> {
    let kind = text(request.headers(), header::CONTENT_TYPE)?.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::WrongMediaType, format!("Content-Type is `{kind}`, expected `application/json`")));
    }
    collect(request, payload, limits.body_bytes, limits.body_seconds).await
}

/// Reads the whole body, whatever it is: at most `most` bytes that arrive within `seconds`.
///
/// # Errors
/// `body-too-large`, `too-slow`, `bad-body`.
pub async fn collect(request: &HttpRequest, payload: web::Payload, most: usize, seconds: u64) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("at most {most} bytes are read"));
    let announced = text(request.headers(), header::CONTENT_LENGTH)?.and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let collect = async {
        let mut payload = payload;
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Problem::new(Code::BadBody, error.to_string()))?;
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(Duration::from_secs(seconds), collect)
        .await
        .map_err(|_| Problem::new(Code::TooSlow, format!("the body must arrive within {seconds} seconds")))?
}

/// Reads the body as JSON.
///
/// # Errors
/// As [`read`]; `bad-body` names line, column and field.
pub async fn read_json<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload, limits: &Limits) -> Result<T, Problem> {
    let bytes = read(request, payload, limits).await?;
    parse(&bytes)
}

/// Bytes as JSON.
///
/// # Errors
/// `bad-body`, which names line, column and field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::new(Code::BadBody, error.to_string()))
}

/// A header field as text.
///
/// # Errors
/// `bad-header` if it is not printable ASCII.
pub fn text(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(&name) else { return Ok(None) };
    let wrong = |_| Problem::new(Code::BadHeader, format!("{name} is not printable ASCII"));
    value.to_str().map(Some).map_err(wrong)
}
