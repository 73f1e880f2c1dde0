//! Having campaigns warm before their time: for the operator.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;

use super::{
    Shared, body, leases,
    problem::{Code, Problem},
};

/// Campaigns that one request may name.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    campaigns: Vec<String>,
}

/// `POST /v1/warm`
pub async fn warm(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let Asked { campaigns } = body::read_json(&request, payload, &shared.config.limits).await?;
    if campaigns.is_empty() || campaigns.len() > MOST {
        return Err(Problem::new(Code::BadBody, format!("`campaigns` names 1 to {MOST} of them")));
    }
    let report = shared.edge.warm(&campaigns).await?;
    Ok(HttpResponse::Accepted().insert_header((header::CACHE_CONTROL, "no-store")).json(report))
}

/// `GET /v1/warm`
pub async fn report(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let report = shared.edge.warm_report().await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(report))
}

/// `DELETE /v1/warm/{campaign}`
pub async fn cool(request: HttpRequest, shared: web::Data<Shared>, campaign: web::Path<String>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    shared.edge.cool(&campaign).await?;
    Ok(HttpResponse::NoContent().finish())
}
