//! `/operator/campaigns`: what campaigns want, locale by locale, and how far it is.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use festoon_spec::{Locale, RenderKey};
use serde::Serialize;

use super::{
    Made, operator,
    review::path_of,
    standing::{STATES, Standing},
};
use crate::{
    campaign::{Campaign, Matrix},
    decision::LONGEST_NOTE,
    http::{Shared, problem::Problem},
    pick::Pick,
    schedule::{region_of, shown},
    template::{Template, Templates, Touches},
};

/// The pair of a board's address that says how many plates were ordered by hand.
pub const PLANNED: &str = "planned";
/// Plates of a campaign that are shown.
const MOST_CELLS: usize = 500;

#[derive(Debug, Serialize)]
struct List {
    campaigns: Vec<Row>,
    mistakes: Vec<String>,
    /// The page that makes one.
    new: String,
}

/// One campaign.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    from: Option<String>,
    until: Option<String>,
    is_over: bool,
    paused: bool,
    plates: usize,
    ready: usize,
    href: String,
    /// Why it cannot be shown.
    mistake: Option<String>,
}

#[derive(Debug, Serialize)]
struct Board {
    row: Row,
    /// Where its files are.
    files: String,
    /// This page.
    here: String,
    variants: Vec<String>,
    locales: Vec<LocaleRow>,
    /// Each with the number of its plates.
    states: Vec<(&'static str, usize)>,
    regions: Vec<Region>,
    changed: Vec<Changed>,
    /// Plates that were ordered a moment ago by hand.
    planned: Option<u64>,
    longest_note: usize,
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
    /// The day on which it goes live, if there is one.
    from: Option<NaiveDate>,
    is_live: bool,
    /// In the order of the variants; a locale need not have all.
    cells: Vec<Option<Place>>,
}

/// When a campaign goes live in a region.
#[derive(Debug, Serialize)]
struct Region {
    region: String,
    locales: Vec<Locale>,
    /// Its own day.
    date: Option<NaiveDate>,
}

/// A plate that is no longer what somebody approved.
#[derive(Debug, Serialize)]
struct Changed {
    variant: String,
    locales: Vec<Locale>,
    parts: BTreeSet<String>,
}

/// A plate as one locale sees it.
#[derive(Debug, Clone, Serialize)]
struct Place {
    plate: RenderKey,
    is_approved: bool,
    is_changed: bool,
    state: &'static str,
    permille: u16,
    /// Its page.
    href: String,
    /// How many locales see the same.
    shared_by: usize,
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

async fn listed(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let (campaigns, mistakes) = shared.edge.campaigns().follow();
    let mut rows = Vec::new();
    for campaign in campaigns.values() {
        let href = desk.visitor.link(&format!("/operator/campaigns/{}", campaign.id), &[]);
        let mut row = Row::of(shared, campaign, href);
        match shared.edge.matrix_of(campaign) {
            Ok(matrix) => {
                row.plates = matrix.cells.len();
                for cell in matrix.cells.iter().take(MOST_CELLS) {
                    row.ready += usize::from(Standing::of(&shared.edge, campaign, cell).await?.state == "ready");
                }
            }
            Err(error) => row.mistake = Some(error.to_string()),
        }
        rows.push(row);
    }
    let mistakes = mistakes.iter().map(|mistake| mistake.line()).collect();
    let new = desk.visitor.link("/operator/campaigns/new", &[]);
    desk.made("campaigns", &List { campaigns: rows, mistakes, new })
}

async fn boarded(request: &HttpRequest, shared: &Shared, id: &str) -> Result<Made, Problem> {
    let mut desk = operator::admit(request, shared)?;
    let planned = desk.visitor.take(PLANNED).and_then(|count| count.parse().ok());
    let edge = &shared.edge;
    let campaign = edge.campaign(id)?;
    let templates = edge.library().current();
    let Matrix { cells, beyond } = edge.matrix_of(&campaign)?;
    let mut variants: Vec<String> = Vec::new();
    let mut places: BTreeMap<Locale, BTreeMap<usize, Place>> = BTreeMap::new();
    let (mut states, mut changed) = (BTreeMap::<&str, usize>::new(), Vec::new());
    let (mut spent, mut left, mut ready) = (0, 0, 0);
    for cell in cells.iter().take(MOST_CELLS) {
        let standing = Standing::of(edge, &campaign, cell).await?;
        let in_places: Vec<&'static str> =
            cell.locales().into_iter().map(|locale| standing.state_in(edge, &campaign, locale)).collect();
        // Live somewhere is live.
        let state = if in_places.contains(&"live") { "live" } else { standing.state };
        *states.entry(state).or_insert(0) += 1;
        spent += standing.spent_millis;
        ready += usize::from(standing.state == "ready");
        left += if standing.is_kept || standing.state == "rejected" { 0 } else { cell.cost_millis };
        if !standing.changed.is_empty() {
            changed.push(Changed {
                variant: variant(&cell.picks[0], &templates),
                locales: cell.locales().into_iter().cloned().collect(),
                parts: standing.changed.clone(),
            });
        }
        let shared_by = cell.locales().len();
        for pick in &cell.picks {
            let variant = variant(pick, &templates);
            let column = variants.iter().position(|known| *known == variant).unwrap_or_else(|| {
                variants.push(variant);
                variants.len() - 1
            });
            let page = match standing.is_kept {
                true => desk.visitor.link(&path_of(&standing.key), &[]),
                false => desk.visitor.link(&format!("/t/{}", pick.template), &page_pairs(pick, &templates)),
            };
            let place = Place {
                plate: standing.key,
                is_approved: standing.is_approved,
                is_changed: !standing.changed.is_empty(),
                state: standing.state_in(edge, &campaign, &pick.locale),
                permille: standing.permille,
                href: page,
                shared_by,
                detail: standing.detail.clone(),
            };
            places.entry(pick.locale.clone()).or_default().insert(column, place);
        }
    }
    let regions = regions(&campaign, places.keys());
    let now = edge.now();
    let locales = places.into_iter().map(|(locale, mut row)| LocaleRow {
        from: campaign.goes_live(&region_of(&locale)),
        is_live: shown(&campaign, &locale).is_none_or(|days| days.contains(&now)),
        cells: (0..variants.len()).map(|column| row.remove(&column)).collect(),
        locale,
    });
    let locales = locales.collect();
    let href = desk.visitor.link(&format!("/operator/campaigns/{}", campaign.id), &[]);
    let mut row = Row::of(shared, &campaign, href);
    (row.plates, row.ready) = (cells.len(), ready);
    let board = Board {
        files: format!("/operator/campaigns/{}", campaign.id),
        here: row.href.clone(),
        row,
        variants,
        locales,
        states: STATES.into_iter().map(|state| (state, states.get(state).copied().unwrap_or_default())).collect(),
        regions,
        changed,
        planned,
        longest_note: LONGEST_NOTE,
        forecast_seconds: cells.iter().map(|cell| cell.cost_millis).sum::<u64>() / 1000,
        spent_seconds: spent / 1000,
        left_seconds: left / 1000,
        beyond: beyond.len(),
        hidden: cells.len().saturating_sub(MOST_CELLS),
    };
    desk.made("campaigns", &board)
}

/// The regions of these locales; none where the campaign says nothing of days.
fn regions<'l>(campaign: &Campaign, locales: impl Iterator<Item = &'l Locale>) -> Vec<Region> {
    let mut regions: BTreeMap<String, Vec<Locale>> = BTreeMap::new();
    for locale in locales.filter(|_| campaign.window.is_some()) {
        regions.entry(region_of(locale)).or_default().push(locale.clone());
    }
    let region = |(region, locales): (String, Vec<Locale>)| Region { date: campaign.live.get(&region).copied(), region, locales };
    regions.into_iter().map(region).collect()
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
            paused: campaign.paused,
            plates: 0,
            ready: 0,
            href,
            mistake: None,
        }
    }
}
