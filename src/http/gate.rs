//! What every request passes that actix answers: limits on its head, what every answer carries, the count and the log.

use std::{net::IpAddr, rc::Rc, time::Instant};

use actix_web::{
    Error, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Version,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use super::{
    Shared,
    access::{Line, Lines},
    client,
    delivery::Fields,
    express::milliseconds,
    problem::{Code, Problem},
    routes,
};
use crate::metrics::Route;

/// The gate of a worker.
pub struct Gate {
    routes: Vec<(&'static str, Route)>,
    lines: Option<Lines>,
}

impl Gate {
    /// A gate that logs here.
    pub fn new(lines: Option<Lines>) -> Rc<Self> {
        Rc::new(Self { routes: routes::labels().map(|path| (path, Route::of(path))).collect(), lines })
    }

    /// The row that answers a request, or none.
    fn row(&self, pattern: Option<&str>) -> &(&'static str, Route) {
        let known = self.routes.iter().find(|(path, _)| Some(*path) == pattern);
        known.or(self.routes.last()).expect("the last one is of no row")
    }

    /// Lets a request through.
    pub async fn pass(
        self: Rc<Self>,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let started = Instant::now();
        let shared_by_all = shared(request.request());
        let limits = &shared_by_all.config.limits;
        let foreign = shared_by_all.author.as_ref().and_then(|author| author.admits(request.uri(), request.headers()).err());
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let mut response = if let Some(problem) = foreign {
            request.error_response(problem)
        } else if target > limits.uri_bytes {
            let problem = Problem::new(Code::UriTooLong, format!("{target} bytes, at most {} are read", limits.uri_bytes));
            request.error_response(problem)
        } else if head > limits.header_bytes {
            let problem = Problem::new(Code::HeadersTooLarge, format!("{head} bytes, at most {} are read", limits.header_bytes));
            request.error_response(problem)
        } else {
            next.call(request).await?.map_into_boxed_body()
        };
        let (path, route) = self.row(response.request().match_pattern().as_deref());
        let took = started.elapsed();
        let allow_origin = &shared(response.request()).allow_origin.clone();
        let headers = response.headers_mut();
        for (name, value) in everywhere(path, allow_origin) {
            // `Vary` may be there for another reason.
            headers.append(name, value);
        }
        if routes::is_delivery(path) {
            let mut timing = b"edge;dur=".to_vec();
            milliseconds(&mut timing, took);
            let timing = HeaderValue::from_bytes(&timing).expect("digits");
            headers.insert(HeaderName::from_static("server-timing"), timing);
        }
        route.answered(response.status().as_u16(), took);
        if let Some(lines) = &self.lines {
            let (request, status) = (response.request(), response.status().as_u16());
            let bytes = match response.response().body().size() {
                BodySize::None => Some(0),
                BodySize::Sized(bytes) => Some(bytes),
                BodySize::Stream => None,
            };
            lines.add(&Line {
                client: client(request),
                now: shared(request).edge.now(),
                method: request.method().as_str(),
                target: request.path(),
                version: version(request.version()),
                status,
                bytes,
                agent: request.headers().get(header::USER_AGENT).map(HeaderValue::as_bytes),
                took,
            });
        }
        Ok(response)
    }
}

/// Who asks, as far as proxies that are trusted say.
pub fn client(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let last = |name: &str| last(request.headers(), name);
    client::of(peer, [last("x-forwarded-for"), last("forwarded")], &shared(request).config.server.trusted_proxies)
}

/// Scheme and host of a request, as the visitor wrote them; `Forwarded` and `X-Forwarded-Host` are a proxy's word, if it is trusted.
pub fn origin(request: &HttpRequest) -> String {
    let trusted = &shared(request).config.server.trusted_proxies;
    if request.peer_addr().is_some_and(|peer| client::is_trusted(peer.ip(), trusted)) {
        let connection = request.connection_info();
        return format!("{}://{}", connection.scheme(), connection.host());
    }
    let written = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = written.or_else(|| request.uri().authority().map(|host| host.as_str())).unwrap_or("localhost");
    format!("{}://{host}", request.uri().scheme_str().unwrap_or("http"))
}

/// A proxy adds to the last line of a field.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get_all(name).last().map(HeaderValue::as_bytes)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

fn shared(request: &HttpRequest) -> &web::Data<Shared> {
    request.app_data::<web::Data<Shared>>().expect("the server is built with it")
}

/// What every answer at an address carries. Pages of other sites may show and read what is delivered.
pub fn everywhere(path: &str, allow_origin: &HeaderValue) -> Fields {
    const EXPOSED: &str = "Content-Range, Content-Length, ETag, Location, Retry-After, Preference-Applied, Repr-Digest, \
                           Cache-Status, Server-Timing, Festoon-Nearest, Festoon-Overlay, Festoon-Ticket";
    let mut fields = vec![(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
    if routes::is_delivery(path) {
        if allow_origin != "*" {
            fields.push((header::VARY, HeaderValue::from_static("Origin")));
        }
        fields.extend([
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, allow_origin.clone()),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED)),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
            (HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*")),
        ]);
    }
    fields
}
