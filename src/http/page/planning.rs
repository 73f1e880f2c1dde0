//! Campaigns as operators make and change them: `/operator/campaigns/new`, and the forms of a campaign's board.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use chrono::NaiveDate;
use serde::Serialize;

use super::{
    Made,
    board::PLANNED,
    operator::{self, Desk},
    submitted::Submitted,
};
use crate::{
    campaign::{Campaign, Draft, Head, MOST_BYTES, NotKept, Wishes, Wrong},
    edge::EdgeError,
    http::{
        Shared, body,
        problem::{Code, Problem},
    },
};

/// Bytes of a form with a campaign in it: each may be written as three.
const FORM_BYTES: usize = 3 * MOST_BYTES + 16 * 1024;
/// Bytes of a form that changes one.
const ACT_BYTES: usize = 64 * 1024;
/// What the field of a region's day is called, before the region.
const LIVE: &str = "live-";

/// The page that makes a campaign.
#[derive(Debug, Serialize)]
struct View {
    action: String,
    /// The fields that hold for the whole of it, and the kind of their input.
    heads: [(&'static str, &'static str); 6],
    templates: Vec<Choice>,
    locales: Vec<Choice>,
    ratios: Vec<Choice>,
    /// What was filled in, by field.
    values: BTreeMap<&'static str, String>,
    /// Which of its forms it was.
    kind: String,
    replace: bool,
    wrong: Option<Told>,
    most_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Choice {
    value: String,
    chosen: bool,
}

/// What is wrong, and where.
#[derive(Debug, Serialize)]
struct Told {
    field: &'static str,
    place: String,
    message: String,
    hint: Option<String>,
}

/// `GET /operator/campaigns/new`
pub async fn new(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let made = operator::admit(&request, &shared).and_then(|desk| page(&shared, desk, &Submitted::nothing(), None));
    operator::answer(&request, &shared, "new", made)
}

/// `POST /operator/campaigns`
pub async fn create(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> HttpResponse {
    let kind = body::text(request.headers(), header::CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    match kind.as_str() {
        "application/toml" | "text/csv" => operator::done(&request, &shared, brought(&request, &shared, &kind, payload).await),
        _ => match filled_in(&request, &shared, payload).await {
            Ok(Ok(to)) => operator::done(&request, &shared, Ok(to)),
            Ok(Err(made)) => {
                let mut response = operator::answer(&request, &shared, "new", made);
                if response.status() == StatusCode::OK {
                    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                }
                response
            }
            Err(problem) => operator::done(&request, &shared, Err(problem)),
        },
    }
}

/// `POST /operator/campaigns/{campaign}`
pub async fn act(request: HttpRequest, shared: web::Data<Shared>, id: web::Path<String>, payload: web::Payload) -> HttpResponse {
    operator::done(&request, &shared, acted(&request, &shared, &id, payload).await)
}

/// A file or a table as the body; what holds for a table as a whole is in the address.
async fn brought(request: &HttpRequest, shared: &Shared, kind: &str, payload: web::Payload) -> Result<String, Problem> {
    let desk = operator::admit_act(request, shared)?;
    let bytes = body::collect(request, payload, MOST_BYTES, shared.config.limits.body_seconds).await?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| Problem::new(Code::BadBody, error.to_string()))?;
    let address = Submitted::of(desk.visitor.pairs.clone());
    let draft = match kind {
        "text/csv" => Draft::of_table(&head(&address), &text),
        _ => Ok(Draft::of_file(text)),
    };
    let draft = draft.map_err(|wrong| Problem::from(EdgeError::from(NotKept::from(wrong))))?;
    let campaign = shared.edge.keep_campaign(draft, address.one("replace") == "true").await?;
    Ok(board_of(&desk, &campaign))
}

/// The board of what was made, or the form again with what is wrong.
async fn filled_in(
    request: &HttpRequest,
    shared: &Shared,
    payload: web::Payload,
) -> Result<Result<String, Result<Made, Problem>>, Problem> {
    let desk = operator::admit_act(request, shared)?;
    let form = Submitted::read(request, shared, payload, FORM_BYTES).await?;
    let list = |name| form.all(name).map(str::to_owned).collect();
    let text = form.one("text");
    let draft = match form.one("kind") {
        _ if text.len() > MOST_BYTES => {
            return Err(Problem::new(Code::BodyTooLarge, format!("at most {MOST_BYTES} bytes are read")));
        }
        "file" => Ok(Draft::of_file(text.to_owned())),
        "table" => Draft::of_table(&head(&form), text),
        _ => {
            let wishes = Wishes {
                templates: list("templates"),
                locales: list("locales"),
                ratios: list("ratios"),
                variations: form.one("variations").to_owned(),
                choices: form.one("choices").to_owned(),
            };
            Draft::of_form(&head(&form), &wishes)
        }
    };
    let kept = match draft {
        Ok(draft) => shared.edge.keep_campaign(draft, form.one("replace") == "true").await,
        Err(wrong) => Err(NotKept::from(wrong).into()),
    };
    match kept {
        Ok(campaign) => Ok(Ok(board_of(&desk, &campaign))),
        Err(EdgeError::Campaign(NotKept::Wrong(wrong))) => Ok(Err(page(shared, desk, &form, Some(wrong)))),
        Err(error) => Err(error.into()),
    }
}

fn board_of(desk: &Desk, campaign: &Campaign) -> String {
    desk.visitor.link(&format!("/operator/campaigns/{}", campaign.id), &[])
}

fn head(form: &Submitted) -> Head {
    let field = |name: &'static str| form.one(name).trim().to_owned();
    Head {
        id: field("id"),
        name: field("name"),
        from: field("from"),
        to: field("to"),
        plates: field("plates"),
        gpu_seconds: field("gpu_seconds"),
    }
}

fn page(shared: &Shared, desk: Desk, form: &Submitted, wrong: Option<Wrong>) -> Result<Made, Problem> {
    let templates = shared.edge.library().current();
    let locales: BTreeSet<String> =
        templates.iter().flat_map(|template| template.locales().map(ToString::to_string).collect::<Vec<_>>()).collect();
    let ratios: BTreeSet<String> = templates
        .iter()
        .flat_map(|template| template.canvases.ratios().iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    let chosen = |name: &'static str, values: &mut dyn Iterator<Item = String>| -> Vec<Choice> {
        values.map(|value| Choice { chosen: form.all(name).any(|given| given == value), value }).collect()
    };
    let heads =
        [("id", "text"), ("name", "text"), ("from", "date"), ("to", "date"), ("plates", "number"), ("gpu_seconds", "number")];
    let fields = heads.iter().map(|(name, _)| *name).chain(["variations", "choices", "text"]);
    let view = View {
        action: desk.visitor.link("/operator/campaigns", &[]),
        heads,
        templates: chosen("templates", &mut templates.iter().map(|template| template.id.to_string())),
        locales: chosen("locales", &mut locales.into_iter()),
        ratios: chosen("ratios", &mut ratios.into_iter()),
        values: fields.map(|name| (name, form.one(name).to_owned())).collect(),
        kind: form.one("kind").to_owned(),
        replace: form.one("replace") == "true",
        wrong: wrong.map(|wrong| Told {
            field: wrong.written.field(),
            place: wrong.written.to_string(),
            message: wrong.message,
            hint: wrong.hint,
        }),
        most_bytes: MOST_BYTES,
    };
    desk.made("campaigns", &view)
}

async fn acted(request: &HttpRequest, shared: &Shared, id: &str, payload: web::Payload) -> Result<String, Problem> {
    let desk = operator::admit_act(request, shared)?;
    let form = Submitted::read(request, shared, payload, ACT_BYTES).await?;
    let edge = &shared.edge;
    let mut planned = None;
    match form.one("act") {
        "pause" => edge.pause_campaign(id).await?,
        "resume" => edge.resume_campaign(id).await?,
        "plan" => planned = Some(edge.plan_campaign(id).await?.to_string()),
        "live" => {
            let mut dates = BTreeMap::new();
            for (region, date) in form.beginning(LIVE) {
                let wrong =
                    |_| Problem::new(Code::BadCampaign, format!("`{LIVE}{region}` is no date")).hint("write `YYYY-MM-DD`");
                let date = Some(date.trim()).filter(|date| !date.is_empty()).map(str::parse::<NaiveDate>);
                dates.insert(region.to_owned(), date.transpose().map_err(wrong)?);
            }
            edge.go_live(id, dates).await?;
        }
        other => {
            let given: String = other.chars().take(40).collect();
            return Err(Problem::new(Code::BadBody, format!("`act` is `{given}`: expected `pause`, `resume`, `plan` or `live`")));
        }
    }
    let planned: Vec<(&str, &str)> = planned.iter().map(|count| (PLANNED, count.as_str())).collect();
    Ok(desk.visitor.link(&format!("/operator/campaigns/{id}"), &planned))
}
