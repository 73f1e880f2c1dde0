//! `/`: the templates as posters, those that are due next in front.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use festoon_spec::Locale;
use serde::Serialize;

use super::{
    Frame, Made, answer,
    card::Card,
    language::Language,
    visitor::{LOCALE, REGION, Visitor},
};
use crate::{
    http::{Shared, problem::Problem},
    schedule::today_in,
    template::{Ratio, Template},
};

/// Feasts within so many days are what is due next.
const SOON_DAYS: i64 = 60;
/// Characters of a search that are looked for.
const LONGEST_SEARCH: usize = 80;

/// The page.
#[derive(Debug, Serialize)]
struct View {
    groups: Vec<Group>,
    /// How many templates are shown, and how many there are.
    shown: usize,
    all: usize,
    search: String,
    feasts: Vec<Choice>,
    ratios: Vec<Choice>,
    locales: Vec<Choice>,
    regions: Vec<Choice>,
    region: String,
    /// The gallery without filters.
    all_href: String,
}

/// Some templates under one heading.
#[derive(Debug, Serialize)]
struct Group {
    /// Which word is its heading.
    heading: &'static str,
    cards: Vec<Card>,
}

/// What a filter can be set to.
#[derive(Debug, Serialize)]
struct Choice {
    value: String,
    label: String,
    current: bool,
}

/// `/`
pub async fn gallery(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    answer(&request, &shared, "gallery", view(&request, &shared).await)
}

async fn view(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let mut visitor = Visitor::of(request)?;
    let search: String = visitor.take("q").unwrap_or_default().chars().take(LONGEST_SEARCH).collect();
    let (feast, ratio) = (visitor.take("feast"), visitor.take("ratio"));
    let today = today_in(&visitor.region, shared.edge.now());
    let templates = shared.edge.library().current();
    let all: Vec<&Template> = templates.iter().map(AsRef::as_ref).collect();

    let wanted_locale: Option<Locale> = visitor.says(LOCALE).and_then(|tag| tag.parse().ok());
    let speaks = |template: &Template| {
        wanted_locale.as_ref().is_none_or(|wanted| template.locales().any(|own| own.language() == wanted.language()))
    };
    let offers = |template: &Template| {
        ratio.as_deref().is_none_or(|wanted| template.canvases.ratios().iter().any(|own| own.to_string() == wanted))
    };
    let terms: Vec<String> = search.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut cards = Vec::new();
    for template in all.iter().filter(|template| speaks(template) && offers(template)) {
        let mut card = Card::of(&shared.edge, &shared.feasts, template, &visitor, today).await?;
        let of_feast = feast.as_deref().is_none_or(|wanted| prepares(template, wanted));
        if of_feast && terms.iter().all(|term| card.search.contains(term)) {
            if let Some(ratio) = &ratio {
                card.href = visitor.link(&format!("/t/{}", template.id), &[("ratio", ratio)]);
            }
            cards.push(card);
        }
    }
    cards.sort_by_cached_key(Card::place);

    let view = View {
        shown: cards.len(),
        all: all.len(),
        groups: grouped(cards),
        search,
        feasts: feast_choices(&all, shared, &visitor, feast.as_deref(), today),
        ratios: ratio_choices(&all, ratio.as_deref()),
        locales: locale_choices(&all, wanted_locale.as_ref()),
        regions: region_choices(shared, &visitor.region),
        region: visitor.region.clone(),
        all_href: {
            let said: Vec<_> = [LOCALE, REGION].into_iter().map(|name| (name, "")).collect();
            visitor.link("/", &said)
        },
    };
    let title = format!("festoon – {}", visitor.language.words["tagline"]);
    Made::new(Frame::of(&visitor, request), title, &view)
}

fn prepares(template: &Template, feast: &str) -> bool {
    match feast {
        "always" => template.prerender.iter().all(|rule| rule.feast.is_none()),
        feast => template.prerender.iter().any(|rule| rule.feast.as_deref() == Some(feast)),
    }
}

/// The cards under their headings, in their order.
fn grouped(cards: Vec<Card>) -> Vec<Group> {
    let heading = |card: &Card| match &card.due {
        Some(due) if due.days <= SOON_DAYS => "due_soon",
        Some(_) => "due_later",
        None => "all_year",
    };
    let mut groups: Vec<Group> = ["due_soon", "due_later", "all_year"].map(|heading| Group { heading, cards: Vec::new() }).into();
    for card in cards {
        let own = heading(&card);
        if let Some(group) = groups.iter_mut().find(|group| group.heading == own) {
            group.cards.push(card);
        }
    }
    groups.retain(|group| !group.cards.is_empty());
    groups
}

fn feast_choices(
    templates: &[&Template],
    shared: &Shared,
    visitor: &Visitor,
    current: Option<&str>,
    today: chrono::NaiveDate,
) -> Vec<Choice> {
    let rules = templates.iter().flat_map(|template| &template.prerender);
    let named: BTreeSet<&str> = rules.filter_map(|rule| rule.feast.as_deref()).collect();
    let mut feasts: Vec<_> = named.into_iter().filter_map(|id| shared.feasts.get(id)).collect();
    feasts.sort_by_key(|feast| {
        let next = feast.next(&visitor.region, today).map(|day| day.date);
        (next.is_none(), next)
    });
    let label = |id: &str, name: &str| visitor.language.feasts.get(id).cloned().unwrap_or_else(|| name.to_owned());
    let mut choices: Vec<Choice> = feasts
        .into_iter()
        .map(|feast| Choice {
            value: feast.id.clone(),
            label: label(&feast.id, &feast.name),
            current: current == Some(&feast.id),
        })
        .collect();
    let label = visitor.language.words["all_year"].clone();
    choices.push(Choice { value: "always".into(), label, current: current == Some("always") });
    choices
}

fn ratio_choices(templates: &[&Template], current: Option<&str>) -> Vec<Choice> {
    let mut ratios: Vec<Ratio> = Vec::new();
    for ratio in templates.iter().flat_map(|template| template.canvases.ratios()) {
        if !ratios.contains(ratio) {
            ratios.push(*ratio);
        }
    }
    let choice = |ratio: Ratio| Choice {
        value: ratio.to_string(),
        label: ratio.to_string(),
        current: current == Some(&ratio.to_string()),
    };
    ratios.into_iter().map(choice).collect()
}

fn locale_choices(templates: &[&Template], current: Option<&Locale>) -> Vec<Choice> {
    let locales: BTreeSet<&Locale> = templates.iter().flat_map(|template| template.locales()).collect();
    let choice = |locale: &Locale| Choice {
        value: locale.to_string(),
        label: Language::name_of(locale),
        current: current.is_some_and(|current| current.minimized() == locale.minimized()),
    };
    locales.into_iter().map(choice).collect()
}

/// The regions that any feast has a rule for, and the visitor's.
fn region_choices(shared: &Shared, current: &str) -> Vec<Choice> {
    let named = shared.feasts.iter().flat_map(|feast| feast.regions.keys()).map(String::as_str);
    let regions: BTreeSet<&str> = named.chain([current]).filter(|region| region.len() == 2).collect();
    let choice = |region: &str| Choice { value: region.to_owned(), label: region.to_owned(), current: region == current };
    regions.into_iter().map(choice).collect()
}
