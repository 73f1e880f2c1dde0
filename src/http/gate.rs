//! What every request passes: limits on its head, what every answer carries, and the count.

use std::time::Instant;

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web,
};

use super::{
    Shared,
    problem::{Code, Problem},
    routes,
};

/// The gate, as a middleware.
pub async fn gate(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let limits = &shared(request.request()).config.limits;
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut response = if target > limits.uri_bytes {
        let problem = Problem::new(Code::UriTooLong, format!("{target} bytes, at most {} are read", limits.uri_bytes));
        request.error_response(problem)
    } else if head > limits.header_bytes {
        let problem = Problem::new(Code::HeadersTooLarge, format!("{head} bytes, at most {} are read", limits.header_bytes));
        request.error_response(problem)
    } else {
        match next.call(request).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => return Err(error),
        }
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let pattern = response.request().match_pattern();
    let route = routes::label(pattern.as_deref());
    if routes::is_delivery(route) {
        let allow = shared(response.request()).allow_origin.clone();
        open_to_other_sites(response.headers_mut(), allow);
    }
    crate::metrics::answered(route, response.status().as_u16(), started.elapsed());
    Ok(response)
}

fn shared(request: &HttpRequest) -> &web::Data<Shared> {
    request.app_data::<web::Data<Shared>>().expect("the server is built with it")
}

/// Pages of other sites may show and read what is delivered.
fn open_to_other_sites(headers: &mut header::HeaderMap, origin: HeaderValue) {
    const EXPOSED: &str =
        "Content-Range, Content-Length, ETag, Location, Retry-After, Preference-Applied, Festoon-Nearest, Festoon-Overlay";
    if origin != "*" {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    headers.insert(HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*"));
}
