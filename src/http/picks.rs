//! What can be picked, and asking for it by JSON.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web,
};
use festoon_spec::{BlobHash, Canvas, Lane, Locale, Media, Milli, RenderKey, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Shared, address, body,
    delivery::ascii,
    language, leases, passing,
    problem::{Code, Problem},
    tickets::{self, TicketPage},
    visitors,
};
use crate::{
    cache::Entry,
    config::MayAsk,
    edge::{Answer, Edge, How, Shown, TicketId},
    pick::{Heard, Pick, PickError, Resolved},
    template::Template,
};

/// Characters of an `Idempotency-Key`.
const LONGEST_KEY: usize = 255;
/// Keys that are remembered …
const MOST_KEYS: usize = 10_000;
/// … and for how long.
const REMEMBERED_MILLIS: u64 = 24 * 3600 * 1000;

/// The body of `POST /v1/picks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    template: String,
    locale: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    ratio: Option<String>,
    #[serde(default)]
    variation: u32,
    #[serde(default)]
    profile: Option<String>,
    /// Which moment a poster shows, in seconds.
    #[serde(default)]
    at: Option<Milli>,
    /// How urgent; `free` unless it says otherwise.
    #[serde(default)]
    lane: Option<Lane>,
}

/// A clip that is there.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    status: &'static str,
    clip_url: String,
    /// Of the finished clip. A clip with an overlay has none before somebody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_url: Option<String>,
    clip: RenderKey,
    plate: RenderKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<BlobHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    media: &'a Media,
    overlay: &'a str,
    /// What is heard, of a profile that can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    sound: Option<&'static str>,
    pick: &'a Pick,
}

impl<'a> Ready<'a> {
    fn of(shown: &'a Shown, kept: Option<&Entry>) -> Self {
        let Shown { entry, resolved } = shown;
        Self {
            status: "ready",
            clip_url: address::of_clip(&resolved.pick),
            blob_url: kept.map(|kept| address::of_blob(&kept.blob, resolved.pick.profile)),
            clip: resolved.clip_key,
            plate: resolved.plate_key,
            blob: kept.map(|kept| kept.blob),
            bytes: kept.map(|kept| kept.bytes),
            media: &entry.media,
            overlay: resolved.clip.compositor.split('/').next().unwrap_or_default(),
            sound: resolved.heard(resolved.pick.profile).map(Heard::name),
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
    /// What may be shown meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Nearest>,
}

/// A clip that is ready and stands in for another.
#[derive(Debug, Serialize)]
struct Nearest {
    clip_url: String,
    /// In what it differs: `variation`, `parameters`, `locale`.
    differs: &'static str,
}

impl Nearest {
    async fn to(edge: &Edge, pick: &Pick) -> Result<Option<Self>, Problem> {
        let nearest = edge.stand_in(pick).await?;
        Ok(nearest.map(|(shown, differs)| Self { clip_url: address::of_clip(&shown.resolved.pick), differs }))
    }
}

impl<'a> Promised<'a> {
    fn of(ticket: &'a crate::edge::Ticket, resolved: &'a Resolved, nearest: Option<Nearest>) -> Self {
        Self {
            ticket: TicketPage::of(ticket),
            clip_url: address::of_clip(&resolved.pick),
            clip: resolved.clip_key,
            pick: &resolved.pick,
            nearest,
        }
    }
}

/// What was ordered under each `Idempotency-Key`: the hash of the body that came with it, and the ticket that it got. Kept in
/// memory: after a restart a repeated order joins its live job all the same, it only counts as one more that waits.
#[derive(Default)]
pub struct Answers(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    answers: HashMap<String, (blake3::Hash, TicketId)>,
    /// The oldest in front.
    order: VecDeque<(UnixMillis, String)>,
}

impl Answers {
    /// The body that came with this key before, and the ticket that it got.
    fn get(&self, key: &str, now: UnixMillis) -> Option<(blake3::Hash, TicketId)> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { answers, order } = &mut *remembered;
        while order.len() > MOST_KEYS || order.front().is_some_and(|(since, _)| now.since(*since) > REMEMBERED_MILLIS) {
            if let Some((_, oldest)) = order.pop_front() {
                answers.remove(&oldest);
            }
        }
        answers.get(key).cloned()
    }

    fn remember(&self, key: String, body: blake3::Hash, ticket: TicketId, now: UnixMillis) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.answers.insert(key.clone(), (body, ticket)).is_none() {
            remembered.order.push_back((now, key));
        }
    }
}

/// `POST /v1/picks`
pub async fn pick(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(&request)?;
    let bytes = body::read(&request, payload, &shared.config.limits).await?;
    let asked: Asked = body::parse(&bytes)?;
    let lane = asked.lane.unwrap_or(Lane::Free);
    if lane != Lane::Free {
        // Who may be served before others is the operator's to say; a stranger's turn is `free`.
        leases::admit(&request, &shared)?;
    }
    let pick = asked.into_pick(&shared)?;
    let (now, body) = (shared.edge.now(), blake3::hash(&bytes));
    let before = key.as_deref().and_then(|key| shared.answers.get(key, now));
    if before.as_ref().is_some_and(|(before, _)| *before != body) {
        return Err(Problem::new(Code::KeyReused, "the same key came with another body").hint("make a new key for each order"));
    }
    // A repeated request does not count as another one that waits.
    if shared.config.strangers.may == MayAsk::Nothing {
        leases::admit(&request, &shared)?;
    }
    let visitor = visitors::visitor(&request, &shared, None);
    let how = How { lane, may_leave: before.is_none(), visitor, ..How::default() };
    Ok(match shared.edge.answer(&pick, &how).await? {
        Answer::Ready(shown) | Answer::Nearest { shown, .. } => {
            let kept = shared.edge.kept_clip(&shown).await?;
            if kept.is_none() {
                shared.edge.check_drawing(&shown).await?;
            }
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Ready::of(&shown, kept.as_ref()))
        }
        Answer::Ticket { mut ticket, resolved } => {
            if let Some((_, earlier)) = before.filter(|(_, earlier)| earlier.job == ticket.id.job) {
                ticket.id = earlier;
            }
            if let Some(key) = key {
                shared.answers.remember(key, body, ticket.id.clone(), now);
            }
            HttpResponse::Accepted()
                .insert_header((header::LOCATION, ascii(&tickets::address(&ticket.id))))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .json(Promised::of(&ticket, &resolved, Nearest::to(&shared.edge, &resolved.pick).await?))
        }
        Answer::Refused { reasons, until } => return Err(super::clips::refused(&shared, &reasons, until)),
        Answer::AtOrigin => return passing::pass_on(&request, &shared, bytes).await,
    })
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
    /// The pick, of what there is here.
    pub fn into_pick(self, shared: &Shared) -> Result<Pick, Problem> {
        let templates = shared.edge.library().current();
        let template = templates.find(&self.template).map_err(|error| Problem::from(&PickError::from(error)))?.id.clone();
        let locale = self.locale.parse().map_err(|error| Problem::from(&PickError::BadLocale(error)))?;
        let profile = self.profile.map(|profile| profile.parse()).transpose();
        let profile = profile.map_err(|error| Problem::from(&PickError::UnknownProfile(error)))?.unwrap_or_default();
        let ratio = self.ratio.map(|ratio| ratio.parse()).transpose();
        let ratio = ratio.map_err(|error| Problem::from(&PickError::BadRatio(error)))?;
        Ok(Pick { template, locale, parameters: self.parameters, ratio, variation: self.variation, profile, at: self.at })
    }
}

/// `GET /v1/templates?locale=…`
pub async fn templates(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let wanted = wanted_locale(&request)?;
    let templates = shared.edge.library().current();
    let list: Vec<Value> = templates.iter().map(|template| describe(&shared.edge, template, &wanted.of(template))).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=30"))
        .insert_header((header::VARY, "Accept-Language"))
        .json(json!({ "templates": list })))
}

fn describe(edge: &Edge, template: &Template, locale: &Locale) -> Value {
    let (spoken, words) = template.words(locale);
    let ratio = |(ratio, Canvas { width, height, .. })| json!({ "ratio": ratio, "width": width, "height": height });
    let ratios: Vec<Value> = template.canvases.each().map(ratio).collect();
    let makers = edge.makers();
    let checkpoint = template.model().and_then(|model| makers.models.get(model));
    json!({
        "id": template.id,
        "painter": template.painter(),
        "model": template.model(),
        "model_kind": checkpoint.map(|checkpoint| checkpoint.abilities.kind),
        "canvas": template.canvases.base,
        "ratios": ratios,
        "locales": template.locales().collect::<Vec<_>>(),
        "default_locale": template.default_locale(),
        "locale": spoken,
        "words": words,
        "parameters": template.parameters,
    })
}

/// The locale that a visitor reads.
pub struct Wanted {
    /// The locale that is asked for by name.
    pub(super) named: Option<Locale>,
    /// `Accept-Language`.
    pub(super) accepted: String,
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
