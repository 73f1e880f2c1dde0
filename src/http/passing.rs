//! What an edge does not answer itself: passed on to its origin, and the answer passed back.
//!
//! The bytes of clips are never passed back like this: they are pulled and verified as any others.

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use bytes::Bytes;

use super::{
    Shared, body, gate,
    problem::{Code, Problem},
};
use crate::origin::{EDGE, Fields, Origin, Passed, Passing};

/// What an origin says of a clip that it was asked for on a client's behalf.
pub enum Told {
    /// Something that the client is to read: a promise, a refusal.
    Answer(HttpResponse),
    /// The plate is there now.
    Ready,
    /// It would show another one meanwhile.
    Nearest {
        /// In what that differs.
        differs: HeaderValue,
        /// The promise of the right one.
        ticket: Option<HeaderValue>,
    },
}

/// Asks for a clip, held open as the client wishes.
///
/// # Errors
/// `origin-away`, `unavailable`.
pub async fn ask(request: &HttpRequest, shared: &Shared) -> Result<Told, Problem> {
    let mut fields = fields(request);
    // It is what the answer says that counts, not its bytes.
    let concerns_bytes = [header::RANGE, header::IF_RANGE, header::IF_MATCH, header::IF_NONE_MATCH];
    fields.retain(|(name, _)| concerns_bytes.iter().all(|concerns| concerns.as_str() != name));
    let passed = send(request, shared, fields, Bytes::new()).await?;
    let field = |name: &str| {
        let value = passed.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        value.and_then(|value| HeaderValue::from_bytes(value).ok())
    };
    Ok(match passed.status {
        200 | 206 => match field("festoon-nearest") {
            Some(differs) => Told::Nearest { differs, ticket: field("festoon-ticket") },
            None => Told::Ready,
        },
        _ => Told::Answer(back(passed, request.method() == Method::HEAD)?),
    })
}

/// Passes a request on whole: an order, an image, a ticket and its events.
///
/// # Errors
/// `origin-away`, `unavailable`.
pub async fn pass_on(request: &HttpRequest, shared: &Shared, body: Bytes) -> Result<HttpResponse, Problem> {
    let passed = send(request, shared, fields(request), body).await?;
    back(passed, request.method() == Method::HEAD)
}

/// Any address that only the origin answers.
///
/// # Errors
/// As [`pass_on`]; what is wrong with the body.
pub async fn everything(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let (limits, images) = (&shared.config.limits, &shared.config.images);
    let body = body::collect(&request, payload, images.bytes.max(limits.body_bytes), limits.body_seconds).await?;
    pass_on(&request, &shared, body).await
}

/// Any address that an edge does not have.
///
/// # Errors
/// Always.
pub async fn not_at_an_edge(_: web::Data<Shared>) -> Result<&'static str, Problem> {
    Err(Problem::new(Code::NotFound, "this server is an edge").hint("renderers, edges and operators ask its origin"))
}

async fn send(request: &HttpRequest, shared: &Shared, fields: Fields, body: Bytes) -> Result<Passed, Problem> {
    let origin: &Origin = shared.edge.origin().ok_or_else(|| Problem::new(Code::NotFound, "this server has no origin"))?;
    if request.headers().contains_key(EDGE) {
        tracing::error!(origin = %shared.config.origin.url, "an edge asks this server, which is an edge itself");
        return Err(Problem::new(Code::OriginAway, "this server is an edge, and no edge's origin"));
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = request.method().to_string();
    let passing = Passing { method, target, fields, body, held_seconds: shared.config.limits.wait_seconds };
    origin.pass_on(passing).await.map_err(|error| Problem::from(&error))
}

/// The client's header fields, and who it is.
fn fields(request: &HttpRequest) -> Fields {
    let field = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
    let mut fields: Fields = request.headers().iter().map(field).collect();
    // Who it is behind proxies that are trusted here: the origin trusts this edge, and need not know them. What strangers wrote of
    // themselves ends here.
    fields.retain(|(name, _)| name != header::FORWARDED.as_str() && name != header::X_FORWARDED_FOR.as_str());
    let address = gate::client(request).to_canonical();
    let who = if address.is_ipv6() { format!("for=\"[{address}]\"") } else { format!("for={address}") };
    fields.push((header::FORWARDED.to_string(), who.into_bytes()));
    fields
}

fn back(passed: Passed, is_head: bool) -> Result<HttpResponse, Problem> {
    let Passed { status, fields, length, body } = passed;
    let status = StatusCode::from_u16(status).map_err(|error| Problem::internal(&error))?;
    let mut response = HttpResponse::build(status);
    for (name, value) in &fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            response.append_header((name, value));
        }
    }
    Ok(match length {
        _ if is_head => response.finish(),
        Some(length) => response.body(SizedStream::new(length, body)),
        None => response.streaming(body),
    })
}
