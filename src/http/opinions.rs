//! What people say of a clip: another one, and why; or that they like it.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::{Profile, RenderKey};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared, body, gate, leases,
    picks::Asked,
    problem::{Code, Problem},
};
use crate::{
    opinion::{self, Heard, Opinion},
    pick::Pick,
};

/// Takes that a visitor may say to have seen.
const MOST_SEEN: usize = 1000;

/// The body of `POST /v1/clips/{key}/another`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnedDown {
    pick: Asked,
    /// Takes that are not to be offered again.
    #[serde(default)]
    seen: BTreeSet<u32>,
}

/// The body of `POST /v1/clips/{key}/opinion`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    pick: Asked,
    opinion: Opinion,
}

/// `POST /v1/clips/{key}/another`
pub async fn another(
    request: HttpRequest,
    shared: web::Data<Shared>,
    key: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let TurnedDown { pick, seen } = body::read_json(&request, payload, &shared.config.limits).await?;
    if seen.len() > MOST_SEEN {
        return Err(Problem::new(Code::BadBody, format!("`seen` has more than {MOST_SEEN} takes")));
    }
    let pick = named(&shared, &key, pick)?;
    let next = shared.edge.another(&pick, &seen).await?;
    let answer = json!({ "variation": next.variation, "ready": next.ready });
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}

/// `POST /v1/clips/{key}/opinion`
pub async fn opinion(
    request: HttpRequest,
    shared: web::Data<Shared>,
    key: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    admit(&request, &shared)?;
    let Said { pick, opinion } = body::read_json(&request, payload, &shared.config.limits).await?;
    let pick = named(&shared, &key, pick)?;
    shared.edge.say(&pick, opinion).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /v1/opinions`
pub async fn opinions(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let heard = shared.edge.opinions();
    let topics: Vec<_> = heard.iter().map(describe).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "topics": topics })))
}

fn describe(heard: &Heard) -> serde_json::Value {
    let (liked, turned_down) = heard.sum();
    let takes =
        heard.takes.iter().map(|(take, tally)| json!({ "variation": take, "score": opinion::score(tally), "said": tally }));
    json!({
        "template": heard.topic.template,
        "locale": heard.topic.locale,
        "prompt": heard.topic.prompt,
        "told": heard.topic.told,
        "liked": liked,
        "turned_down": turned_down,
        "takes": takes.collect::<Vec<_>>(),
        "said_at": heard.said_at,
    })
}

/// Each opinion is written to the disk: one address has only so many.
fn admit(request: &HttpRequest, shared: &Shared) -> Result<(), Problem> {
    let most = shared.config.limits.opinions_per_minute;
    shared.speakers.spend(gate::client(request), shared.edge.now()).map_err(|seconds| {
        let detail = format!("at most {most} opinions a minute are taken from one address");
        Problem::new(Code::TooManyOpinions, detail).retry_after(seconds)
    })
}

/// The pick of the body, which must be that of the clip in the address.
fn named(shared: &Shared, key: &str, asked: Asked) -> Result<Pick, Problem> {
    let pick = Pick { profile: Profile::Mp4, at: None, ..asked.into_pick(shared)? };
    let (_, resolved) = shared.edge.resolve(&pick)?;
    match key.parse::<RenderKey>() {
        Ok(key) if key == resolved.clip_key => Ok(pick),
        _ => Err(Problem::new(Code::BadBody, format!("the clip of this pick is {}", resolved.clip_key))),
    }
}
