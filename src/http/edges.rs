//! What an origin tells its edges, and the operator of them.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::{Digest, DigestError, RenderKey};
use serde_json::json;

use super::{
    Shared, body, leases,
    problem::{Code, Problem},
};
use crate::origin::Report;

/// `GET /v1/entries/{key}`
pub async fn entry(request: HttpRequest, shared: web::Data<Shared>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let key: RenderKey = key.parse().map_err(|error: DigestError| Problem::new(Code::UnknownEntry, error.to_string()))?;
    let entry = shared.edge.entry(&key).await?;
    let entry = entry.ok_or_else(|| Problem::new(Code::UnknownEntry, format!("nothing is kept under {key}")))?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(entry))
}

/// `POST /v1/edges`
pub async fn news(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let report: Report = body::read_json(&request, payload, &shared.config.limits).await?;
    Ok(HttpResponse::Ok().json(shared.edge.news(&report).await?))
}

/// `GET /v1/edges`
pub async fn edges(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "edges": shared.edge.children() })))
}

/// `GET /v1/edges/files/{blob}`
pub async fn file(request: HttpRequest, shared: web::Data<Shared>, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let file: Digest = file.parse().map_err(|error: DigestError| Problem::new(Code::UnknownBlob, error.to_string()))?;
    let bytes = shared.edge.template_file(&file).await?;
    let bytes = bytes.ok_or_else(|| Problem::new(Code::UnknownBlob, format!("no template has the file {file}")))?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).content_type("application/octet-stream").body(bytes))
}
