//! Letting go of what somebody names, and keeping it away: for the operator.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared, body, leases,
    problem::{Code, Problem},
};
use crate::{edge::Cause, purge::Selector};

/// Things that one request may name.
const MOST: usize = 100;
/// Characters of a reason.
const LONGEST_REASON: usize = 1000;

/// The body of `POST /v1/purge` and `POST /v1/takedowns`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    what: Vec<Selector>,
    #[serde(default)]
    reason: String,
}

impl Asked {
    async fn read(request: &HttpRequest, shared: &Shared, payload: web::Payload) -> Result<Self, Problem> {
        leases::admit(request, shared)?;
        let asked: Self = body::read_json(request, payload, &shared.config.limits).await?;
        if asked.what.is_empty() || asked.what.len() > MOST {
            return Err(Problem::new(Code::BadBody, format!("`what` names 1 to {MOST} things")));
        }
        if asked.reason.chars().count() > LONGEST_REASON {
            return Err(Problem::new(Code::BadBody, format!("`reason` has at most {LONGEST_REASON} characters")));
        }
        Ok(asked)
    }
}

/// The address that asks, for the audit.
fn who(request: &HttpRequest) -> String {
    request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string())
}

/// `POST /v1/purge`
pub async fn purge(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let Asked { what, reason } = Asked::read(&request, &shared, payload).await?;
    let by = who(&request);
    let purge = shared.edge.purge(&what, Cause { reason: &reason, by: &by }).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(purge))
}

/// `POST /v1/takedowns`
pub async fn take_down(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let Asked { what, reason } = Asked::read(&request, &shared, payload).await?;
    if reason.trim().is_empty() {
        return Err(Problem::new(Code::BadBody, "`reason` is missing: whoever looks later wants to know"));
    }
    let by = who(&request);
    let purge = shared.edge.take_down(&what, Cause { reason: &reason, by: &by }).await?;
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(purge))
}

/// `GET /v1/takedowns`
pub async fn list(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let takedowns: Vec<_> = shared
        .edge
        .takedowns()
        .into_iter()
        .map(|takedown| json!({"id": takedown.id, "at": takedown.at, "reason": takedown.reason, "what": takedown.what}))
        .collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "takedowns": takedowns })))
}

/// `DELETE /v1/takedowns/{id}`
pub async fn lift(request: HttpRequest, shared: web::Data<Shared>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let by = who(&request);
    let lifted = shared.edge.lift(&id, Cause { reason: "", by: &by }).await?;
    match lifted {
        Some(_) => Ok(HttpResponse::NoContent().finish()),
        None => {
            let given: String = id.chars().take(40).collect();
            Err(Problem::new(Code::UnknownTakedown, format!("no takedown `{given}` stands")))
        }
    }
}
