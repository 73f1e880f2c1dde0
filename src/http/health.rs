//! Whether it lives, whether it can work, and what it counted.

use std::time::Duration;

use actix_web::{HttpResponse, http::header, web};
use serde_json::{Map, Value, json};

use super::{Shared, problem::Problem};
use crate::{edge::Edge, metrics as counters};

/// `/healthz`
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `/readyz`
pub async fn readyz(shared: web::Data<Shared>) -> HttpResponse {
    let checks = shared.edge.check().await;
    let ready = checks.iter().all(|check| check.passed);
    let page: Map<String, Value> = checks
        .into_iter()
        .map(|check| (check.name.to_owned(), json!({"passed": check.passed, "detail": check.detail})))
        .collect();
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(json!({"ready": ready, "checks": page}))
}

/// `/metrics`
pub async fn metrics(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let text = measured(&shared.edge).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

/// What was counted, with what is measured now.
///
/// # Errors
/// If the queue does not answer.
pub async fn measured(edge: &Edge) -> Result<String, Problem> {
    let depth = edge.queue().depth().await.map_err(|error| Problem::internal(&error))?;
    for (lane, queued) in festoon_spec::Lane::ALL.iter().zip(depth.queued) {
        counters::queue_jobs(lane.name(), queued);
    }
    counters::queue_jobs("leased", depth.leased);
    counters::queue_time(Duration::from_millis(depth.queued_cost_millis.iter().sum()));
    counters::cache(&edge.cache().usage());
    if let Some(origin) = edge.origin() {
        counters::origin(origin.answers());
    }
    Ok(counters::render())
}
