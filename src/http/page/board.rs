//! `/operator/campaigns`: what campaigns want, locale by locale, and how far it is.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use festoon_spec::{JobState, Locale, Verdict};
use serde::Serialize;

use super::{Made, operator};
use crate::{
    campaign::{Campaign, Cell, Matrix},
    edge::Edge,
    http::{
        Shared, address,
        problem::{Code, Problem},
    },
    pick::Pick,
    template::{Template, Templates, Touches},
};

/// Plates of a campaign that are shown.
const MOST_CELLS: usize = 500;

#[derive(Debug, Serialize)]
struct List {
    campaigns: Vec<Row>,
    mistakes: Vec<String>,
}

/// One campaign.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    from: Option<String>,
    until: Option<String>,
    is_over: bool,
    plates: usize,
    ready: usize,
    href: String,
    /// Why it cannot be shown.
    mistake: Option<String>,
}

#[derive(Debug, Serialize)]
struct Board {
    row: Row,
    /// The file with everything in it.
    export: String,
    variants: Vec<String>,
    locales: Vec<LocaleRow>,
    states: BTreeMap<&'static str, usize>,
    forecast_seconds: u64,
    spent_seconds: u64,
    left_seconds: u64,
    /// Plates beyond the budget.
    beyond: usize,
    /// Plates that are not shown, since there are too many.
    hidden: usize,
}

#[derive(Debug, Serialize)]
struct LocaleRow {
    locale: Locale,
    /// In the order of the variants; a locale need not have all.
    cells: Vec<Option<Place>>,
}

/// A plate as one locale sees it.
#[derive(Debug, Clone, Serialize)]
struct Place {
    state: &'static str,
    permille: u16,
    /// Its page.
    href: String,
    /// How many locales see the same.
    shared_by: usize,
    detail: String,
}

/// How far a plate is.
struct Standing {
    state: &'static str,
    permille: u16,
    spent_millis: u64,
    detail: String,
}

/// `/operator/campaigns`
pub async fn campaigns(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    operator::answer(&request, &shared, "campaigns", listed(&request, &shared).await)
}

/// `/operator/campaigns/{campaign}`
pub async fn board(request: HttpRequest, shared: web::Data<Shared>, id: web::Path<String>) -> HttpResponse {
    operator::answer(&request, &shared, "board", boarded(&request, &shared, &id).await)
}

/// `/operator/campaigns/{campaign}/table.csv`
pub async fn export(request: HttpRequest, shared: web::Data<Shared>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    operator::admit(&request, &shared)?;
    let campaign = find(&shared, &id)?;
    let templates = shared.edge.library().current();
    let matrix = matrix(&shared, &campaign, &templates)?;
    let mut lines =
        String::from("plate,state,template,locale,ratio,variation,parameters,forecast_seconds,spent_seconds,clip\r\n");
    for cell in &matrix.cells {
        let standing = Standing::of(&shared.edge, cell).await?;
        for pick in &cell.picks {
            let parameters = pick.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
            let ratio = pick.ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
            let seconds = |millis: u64| (millis / 1000).to_string();
            let fields = [
                cell.key.to_string(),
                standing.state.to_owned(),
                pick.template.to_string(),
                pick.locale.to_string(),
                ratio,
                pick.variation.to_string(),
                parameters,
                seconds(cell.cost_millis),
                seconds(standing.spent_millis),
                address::of_clip(pick),
            ];
            lines.push_str(&fields.map(|field| quoted(&field)).join(","));
            lines.push_str("\r\n");
        }
    }
    let name =
        format!("attachment; filename=\"{}.csv\"", campaign.id.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"));
    let name = HeaderValue::from_str(&name).expect("letters, digits and dashes");
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/csv; charset=utf-8")
        .body(lines))
}

/// A field as RFC 4180 has it. What a table program would take for a formula begins with a quotation mark of its own.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

async fn listed(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let templates = shared.edge.library().current();
    let (campaigns, mistakes) = shared.edge.campaigns().follow();
    let mut rows = Vec::new();
    for campaign in campaigns.values() {
        let href = desk.visitor.link(&format!("/operator/campaigns/{}", campaign.id), &[]);
        let mut row = Row::of(shared, campaign, href);
        match matrix(shared, campaign, &templates) {
            Ok(matrix) => {
                row.plates = matrix.cells.len();
                for cell in matrix.cells.iter().take(MOST_CELLS) {
                    row.ready += usize::from(Standing::of(&shared.edge, cell).await?.state == "ready");
                }
            }
            Err(problem) => row.mistake = Some(problem.detail().to_owned()),
        }
        rows.push(row);
    }
    let mistakes = mistakes.iter().map(|mistake| mistake.line()).collect();
    desk.made("campaigns", &List { campaigns: rows, mistakes })
}

async fn boarded(request: &HttpRequest, shared: &Shared, id: &str) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let campaign = find(shared, id)?;
    let templates = shared.edge.library().current();
    let Matrix { cells, beyond } = matrix(shared, &campaign, &templates)?;
    let mut variants: Vec<String> = Vec::new();
    let mut places: BTreeMap<Locale, BTreeMap<usize, Place>> = BTreeMap::new();
    let mut states = BTreeMap::new();
    let (mut spent, mut left) = (0, 0);
    for cell in cells.iter().take(MOST_CELLS) {
        let standing = Standing::of(&shared.edge, cell).await?;
        *states.entry(standing.state).or_insert(0) += 1;
        spent += standing.spent_millis;
        left += if standing.state == "ready" { 0 } else { cell.cost_millis };
        let shared_by = cell.locales().len();
        for pick in &cell.picks {
            let variant = variant(pick, &templates);
            let column = variants.iter().position(|known| *known == variant).unwrap_or_else(|| {
                variants.push(variant);
                variants.len() - 1
            });
            let place = Place {
                state: standing.state,
                permille: standing.permille,
                href: desk.visitor.link(&format!("/t/{}", pick.template), &page_pairs(pick, &templates)),
                shared_by,
                detail: standing.detail.clone(),
            };
            places.entry(pick.locale.clone()).or_default().insert(column, place);
        }
    }
    let locales = places
        .into_iter()
        .map(|(locale, mut row)| LocaleRow { locale, cells: (0..variants.len()).map(|column| row.remove(&column)).collect() })
        .collect();
    let href = desk.visitor.link(&format!("/operator/campaigns/{}", campaign.id), &[]);
    let mut row = Row::of(shared, &campaign, href);
    (row.plates, row.ready) = (cells.len(), states.get("ready").copied().unwrap_or_default());
    let board = Board {
        export: format!("/operator/campaigns/{}/table.csv", campaign.id),
        row,
        variants,
        locales,
        states,
        forecast_seconds: cells.iter().map(|cell| cell.cost_millis).sum::<u64>() / 1000,
        spent_seconds: spent / 1000,
        left_seconds: left / 1000,
        beyond: beyond.len(),
        hidden: cells.len().saturating_sub(MOST_CELLS),
    };
    desk.made("campaigns", &board)
}

fn find(shared: &Shared, id: &str) -> Result<Campaign, Problem> {
    let (campaigns, _) = shared.edge.campaigns().follow();
    let found = campaigns.values().find(|campaign| campaign.id == id).cloned();
    found.ok_or_else(|| {
        let given: String = id.chars().take(80).collect();
        Problem::new(Code::NotFound, format!("there is no campaign `{given}`"))
    })
}

fn matrix(shared: &Shared, campaign: &Campaign, templates: &Templates) -> Result<Matrix, Problem> {
    let matrix = campaign.matrix(templates, &shared.edge.makers(), &shared.edge.costs());
    matrix.map_err(|error| Problem::new(Code::BadCampaign, error.line()))
}

/// What tells a pick from the others of its locale: its template, what its plate is painted from where that is not the usual, its
/// ratio and its take.
fn variant(pick: &Pick, templates: &Templates) -> String {
    let template = templates.get(&pick.template);
    let usual = |name: &str| template.and_then(|template| template.parameter(name)?.default.as_ref()).map(ToString::to_string);
    let told = pick
        .parameters
        .iter()
        .filter(|(name, value)| painted(template.map(AsRef::as_ref), name) && usual(name).as_ref() != Some(value));
    let mut parts: Vec<String> = told.map(|(name, value)| format!("{name} {value}")).collect();
    parts.extend(pick.ratio.map(|ratio| ratio.to_string()));
    parts.extend((pick.variation > 0).then(|| format!("#{}", pick.variation + 1)));
    match parts.is_empty() {
        true => pick.template.to_string(),
        false => format!("{}: {}", pick.template, parts.join(", ")),
    }
}

fn painted(template: Option<&Template>, name: &str) -> bool {
    template.and_then(|template| template.parameter(name)).is_some_and(|parameter| parameter.touches == Touches::Plate)
}

/// The pairs of a pick's page, without the texts, which are each locale's own.
fn page_pairs<'p>(pick: &'p Pick, templates: &Templates) -> Vec<(&'p str, &'p str)> {
    let template = templates.get(&pick.template).map(AsRef::as_ref);
    let mut pairs = vec![("locale", pick.locale.as_str())];
    pairs.extend(
        pick.parameters.iter().filter(|(name, _)| painted(template, name)).map(|(name, value)| (name.as_str(), value.as_str())),
    );
    pairs
}

impl Row {
    fn of(shared: &Shared, campaign: &Campaign, href: String) -> Self {
        let today = crate::schedule::today_in("001", shared.edge.now());
        Self {
            id: campaign.id.clone(),
            name: campaign.name.clone(),
            from: campaign.window.map(|(from, _)| from.to_string()),
            until: campaign.window.map(|(_, until)| until.to_string()),
            is_over: campaign.is_over(today),
            plates: 0,
            ready: 0,
            href,
            mistake: None,
        }
    }
}

impl Standing {
    async fn of(edge: &Edge, cell: &Cell) -> Result<Self, Problem> {
        let internal = |error: &(dyn std::error::Error + 'static)| Problem::internal(error);
        let standing = |state| Self { state, permille: 0, spent_millis: 0, detail: String::new() };
        if let Some(entry) = edge.cache().find(&cell.key).await.map_err(|error| internal(&error))? {
            let manifest = edge.cache().manifest(&cell.key).await.map_err(|error| internal(&error))?;
            let spent_millis = manifest.map_or(0, |manifest| manifest.outcome.timings.values().sum());
            let (state, detail) = match &entry.verdict {
                Verdict::Passed => ("ready", String::new()),
                Verdict::Flagged { reasons } => ("flagged", told(reasons)),
                Verdict::Failed { reasons } => ("failed", told(reasons)),
            };
            return Ok(Self { state, permille: 1000, spent_millis, detail });
        }
        if let Some(job) = edge.queue().live(&cell.key).await.map_err(|error| internal(&error))? {
            let permille = job.progress.map_or(0, |progress| progress.permille);
            return Ok(match job.state {
                JobState::Leased { renderer, .. } => Self { permille, detail: renderer, ..standing("painting") },
                _ => standing("queued"),
            });
        }
        let refusal = edge.cache().refusal(&cell.key).await.map_err(|error| internal(&error))?;
        Ok(refusal.map_or_else(|| standing("open"), |refusal| Self { detail: told(&refusal.reasons), ..standing("failed") }))
    }
}

fn told(reasons: &[festoon_spec::Reason]) -> String {
    let told: BTreeSet<&str> = reasons.iter().map(|reason| reason.detail.as_str()).collect();
    told.into_iter().collect::<Vec<_>>().join("; ")
}
