//! What renderers do: ask for work, keep it, put bytes, hand in. The wire is festoon-spec's types as JSON.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::{BlobHash, Failure, HandIn, JobId, LeaseRequest, Profile, Renewal};
use futures_util::StreamExt;

use super::{
    Shared, address, body,
    problem::{Code, Problem},
    tickets,
};
use crate::edge::EdgeError;

/// Characters of a renderer's name.
const LONGEST_NAME: usize = 200;
/// Characters of a reason for failing.
const LONGEST_REASON: usize = 4000;

/// Lets in who has this installation's token: its renderers and its operator.
pub(super) fn admit(request: &HttpRequest, shared: &Shared) -> Result<(), Problem> {
    let shown = body::text(request.headers(), header::AUTHORIZATION)?.unwrap_or_default();
    match shown.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && shared.token.opens(token.trim()) => Ok(()),
        _ => Err(Problem::new(Code::Unauthorized, "the installation's token is missing or wrong")
            .hint("it is in `renderer.token` of the state folder, or in `token` of [renderers]")),
    }
}

/// `POST /v1/leases`
pub async fn lease(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let wish: LeaseRequest = body::read_json(&request, payload, &shared.config.limits).await?;
    if wish.renderer.is_empty() || wish.renderer.len() > LONGEST_NAME {
        return Err(Problem::new(Code::BadBody, format!("`renderer` must have 1 to {LONGEST_NAME} bytes")));
    }
    Ok(match shared.edge.lease(&wish).await? {
        Some(lease) => HttpResponse::Ok().json(lease),
        None => HttpResponse::NoContent().finish(),
    })
}

/// `POST /v1/leases/{job}/renew`
pub async fn renew(
    request: HttpRequest,
    shared: web::Data<Shared>,
    job: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let renewal: Renewal = body::read_json(&request, payload, &shared.config.limits).await?;
    Ok(HttpResponse::Ok().json(shared.edge.renew(&tickets::known(&job)?.job, &renewal).await?))
}

/// `PUT /v1/blobs/{blob}.{ext}?job=…&epoch=…`
pub async fn put(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let (name, extension) = path.into_inner();
    if extension != Profile::Mp4.extension() {
        let given: String = extension.chars().take(20).collect();
        return Err(Problem::new(Code::UnknownFileType, format!("`.{given}`: a plate's bytes are put as `.mp4`")));
    }
    let announced: BlobHash =
        name.parse().map_err(|error: festoon_spec::DigestError| Problem::new(Code::BadOutcome, error.to_string()))?;
    let (job, epoch) = job_and_epoch(&request)?;
    let limits = &shared.config.limits;
    let length = body::text(request.headers(), header::CONTENT_LENGTH)?.and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.blob_bytes) {
        return Err(Problem::new(Code::BodyTooLarge, format!("at most {} bytes are taken", limits.blob_bytes)));
    }
    let mut staging = shared.edge.stage(&job, epoch).await?;
    let patience = Duration::from_secs(limits.body_seconds);
    loop {
        let piece = tokio::time::timeout(patience, payload.next()).await;
        let piece =
            piece.map_err(|_| Problem::new(Code::TooSlow, format!("nothing came for {} seconds", limits.body_seconds)))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| Problem::new(Code::BadBody, error.to_string()))?;
        staging.write(piece).await.map_err(EdgeError::from)?;
    }
    let staged = staging.finish().await.map_err(EdgeError::from)?;
    if staged.blob() != announced {
        return Err(Problem::new(Code::BadOutcome, format!("the bytes are {}, the address says {announced}", staged.blob())));
    }
    shared.edge.hold(&job, epoch, staged).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/leases/{job}/hand-in`
pub async fn hand_in(
    request: HttpRequest,
    shared: web::Data<Shared>,
    job: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let hand_in: HandIn = body::read_json(&request, payload, &shared.config.limits).await?;
    shared.edge.accept(&tickets::known(&job)?.job, hand_in).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/leases/{job}/fail`
pub async fn fail(
    request: HttpRequest,
    shared: web::Data<Shared>,
    job: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let mut failure: Failure = body::read_json(&request, payload, &shared.config.limits).await?;
    if failure.reason.len() > LONGEST_REASON {
        failure.reason = failure.reason.chars().take(LONGEST_REASON).collect();
    }
    shared.edge.fail(&tickets::known(&job)?.job, &failure).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn job_and_epoch(request: &HttpRequest) -> Result<(JobId, u32), Problem> {
    let pairs = address::read_query(request.uri().query().unwrap_or_default())?;
    let value = |name: &str| pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let epoch = value("epoch").and_then(|epoch| epoch.parse().ok());
    match (value("job"), epoch) {
        (Some(job), Some(epoch)) => Ok((tickets::known(job)?.job, epoch)),
        _ => Err(Problem::new(Code::BadQuery, "expected `job` and `epoch` of the lease")),
    }
}
