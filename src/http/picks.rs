//! What can be picked, and asking for it by JSON.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web,
};
use bytes::Bytes;
use festoon_spec::{BlobHash, JobId, Lane, Locale, Media, RenderKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Shared, address, body,
    clips::ascii,
    language,
    problem::{Code, Problem},
    tickets::{self, TicketPage},
};
use crate::{
    edge::{Answer, How, Shown},
    pick::{Pick, PickError, Resolved},
    template::Template,
};

/// Characters of an `Idempotency-Key`.
const LONGEST_KEY: usize = 255;
/// Keys that are remembered, and how long.
const REMEMBERED: (u64, Duration) = (10_000, Duration::from_secs(24 * 3600));

/// The body of `POST /v1/picks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    template: String,
    locale: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    variation: u32,
    #[serde(default)]
    profile: Option<String>,
    /// How urgent; `free` unless it says otherwise.
    #[serde(default)]
    lane: Option<Lane>,
}

/// A clip that is there.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    status: &'static str,
    clip_url: String,
    blob_url: String,
    clip: RenderKey,
    plate: RenderKey,
    blob: BlobHash,
    bytes: u64,
    media: &'a Media,
    overlay: &'a str,
    pick: &'a Pick,
}

impl<'a> Ready<'a> {
    fn of(shown: &'a Shown) -> Self {
        let Shown { entry, resolved } = shown;
        Self {
            status: "ready",
            clip_url: address::of_clip(&resolved.pick),
            blob_url: address::of_blob(&entry.blob, resolved.pick.profile),
            clip: resolved.clip_key,
            plate: resolved.plate_key,
            blob: entry.blob,
            bytes: entry.bytes,
            media: &entry.media,
            overlay: resolved.clip.compositor.split('/').next().unwrap_or_default(),
            pick: &resolved.pick,
        }
    }
}

/// A clip that will be there.
#[derive(Debug, Serialize)]
struct Promised<'a> {
    #[serde(flatten)]
    ticket: TicketPage<'a>,
    clip_url: String,
    clip: RenderKey,
    pick: &'a Pick,
}

impl<'a> Promised<'a> {
    fn of(ticket: &'a crate::edge::Ticket, resolved: &'a Resolved) -> Self {
        Self {
            ticket: TicketPage::of(ticket),
            clip_url: address::of_clip(&resolved.pick),
            clip: resolved.clip_key,
            pick: &resolved.pick,
        }
    }
}

/// What was ordered under each `Idempotency-Key`: the body's hash and the job. Kept in memory: after a restart a repeated
/// order joins its live job all the same, it only counts as one more that waits.
pub struct Answers(moka::future::Cache<String, (blake3::Hash, JobId)>);

impl Answers {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        let (most, long) = REMEMBERED;
        Self(moka::future::Cache::builder().max_capacity(most).time_to_live(long).build())
    }
}

/// `POST /v1/picks`
pub async fn pick(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(&request)?;
    let bytes = body::read(&request, payload, &shared.config.limits).await?;
    let asked: Asked = body::parse(&bytes)?;
    let lane = asked.lane.unwrap_or(Lane::Free);
    let pick = asked.into_pick(&shared)?;
    // A repeated request does not count as another one that waits.
    let repeated = match &key {
        Some(key) => shared.answers.0.get(key).await,
        None => None,
    };
    if let Some((hash, _)) = &repeated
        && *hash != blake3::hash(&bytes)
    {
        return Err(Problem::new(Code::KeyReused, "the same key came with another body").hint("make a new key for each order"));
    }
    let how = How { lane, may_leave: repeated.is_none(), ..How::default() };
    Ok(match shared.edge.answer(&pick, &how).await? {
        Answer::Ready(shown) | Answer::Nearest { shown, .. } => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Ready::of(&shown))
        }
        Answer::Ticket { ticket, resolved } => {
            remember(&shared, key, &bytes, &ticket.id).await;
            HttpResponse::Accepted()
                .insert_header((header::LOCATION, ascii(&tickets::address(&ticket.id))))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .json(Promised::of(&ticket, &resolved))
        }
        Answer::Refused { reasons, until } => return Err(super::clips::refused(&shared, &reasons, until)),
    })
}

async fn remember(shared: &Shared, key: Option<String>, bytes: &Bytes, job: &JobId) {
    if let Some(key) = key {
        shared.answers.0.insert(key, (blake3::hash(bytes), job.clone())).await;
    }
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let key = body::text(request.headers(), HeaderName::from_static("idempotency-key"))?;
    match key {
        Some(key) if key.is_empty() || key.len() > LONGEST_KEY => {
            Err(Problem::new(Code::BadHeader, format!("Idempotency-Key must have 1 to {LONGEST_KEY} characters")))
        }
        key => Ok(key.map(str::to_owned)),
    }
}

impl Asked {
    fn into_pick(self, shared: &Shared) -> Result<Pick, Problem> {
        let templates = shared.edge.library().current();
        let template = templates.find(&self.template).map_err(|error| Problem::from(&error))?.id.clone();
        let locale = self.locale.parse().map_err(|error| Problem::from(&PickError::BadLocale(error)))?;
        let profile = self.profile.map(|profile| profile.parse()).transpose();
        let profile = profile.map_err(|error| Problem::from(&PickError::UnknownProfile(error)))?.unwrap_or_default();
        Ok(Pick { template, locale, parameters: self.parameters, variation: self.variation, profile })
    }
}

/// `GET /v1/templates?locale=…`
pub async fn templates(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let wanted = wanted_locale(&request)?;
    let templates = shared.edge.library().current();
    let list: Vec<Value> = templates.iter().map(|template| describe(template, &wanted.of(template))).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=30"))
        .insert_header((header::VARY, "Accept-Language"))
        .json(json!({ "templates": list })))
}

fn describe(template: &Template, locale: &Locale) -> Value {
    let (spoken, words) = template.words(locale);
    json!({
        "id": template.id,
        "painter": template.painter(),
        "model": template.model(),
        "canvas": template.canvas,
        "locales": template.locales().collect::<Vec<_>>(),
        "default_locale": template.default_locale(),
        "locale": spoken,
        "words": words,
        "parameters": template.parameters,
    })
}

/// The locale that a visitor reads.
pub struct Wanted {
    named: Option<Locale>,
    accepted: String,
}

impl Wanted {
    /// The nearest that a template has words for.
    pub fn of(&self, template: &Template) -> Locale {
        let spoken: Vec<&Locale> = template.locales().collect();
        self.among(&spoken).unwrap_or(template.default_locale()).clone()
    }

    /// The nearest among these.
    pub fn among<'a>(&self, spoken: &[&'a Locale]) -> Option<&'a Locale> {
        match &self.named {
            Some(named) => language::closest(named, spoken),
            None => language::wanted(&self.accepted, spoken),
        }
    }
}

/// From `?locale=`, else from `Accept-Language`.
pub fn wanted_locale(request: &HttpRequest) -> Result<Wanted, Problem> {
    let pairs = address::read_query(request.uri().query().unwrap_or_default())?;
    let named = pairs.iter().find(|(name, _)| name == "locale").map(|(_, tag)| tag.parse());
    let named = named.transpose().map_err(|error| Problem::from(&PickError::BadLocale(error)))?;
    let accepted = body::text(request.headers(), header::ACCEPT_LANGUAGE)?.unwrap_or_default().to_owned();
    Ok(Wanted { named, accepted })
}
