//! `/t/{template}`: one template, its form, and the clip of what is chosen.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use festoon_spec::{Locale, Profile, RenderKey, Still};
use serde::Serialize;

use super::{
    Frame, Made, answer,
    card::{Card, poster},
    form::{Field, Setting, fields, locales, ratios},
    language::Language,
    visitor::{LOCALE, Visitor},
};
use crate::{
    edge::{Edge, EdgeError, Shown},
    http::{
        Shared, address, gate,
        problem::{Code, Problem},
    },
    pick::{Pick, PickError, Resolved},
    schedule::today_in,
    template::{Ratio, Template},
};

/// The page.
#[derive(Debug, Serialize)]
struct View {
    card: Card,
    fields: Vec<Field>,
    locales: Vec<Setting>,
    ratios: Vec<Setting>,
    takes: Vec<Take>,
    variation: u32,
    locale: Locale,
    direction: &'static str,
    ratio: Ratio,
    width: u32,
    height: u32,
    /// What plays: the clip of the form's values, or what stands in for it.
    clip: Option<String>,
    poster: Option<String>,
    /// In what it differs, if it stands in.
    differs: Option<&'static str>,
    /// Where the clip of the form's values is, painted or not.
    files: Option<Files>,
    /// Whether something is drawn on the plate.
    drawn: bool,
    problem: Option<Told>,
    /// The page of the next take.
    another: String,
    /// This page's address without the host.
    here: String,
    /// Scheme and host, as the visitor knows them.
    origin: String,
}

/// What can be taken along.
#[derive(Debug, Serialize)]
struct Files {
    /// The clip's key.
    key: RenderKey,
    clip: String,
    download: String,
    webm: String,
    poster: String,
    captions: Option<String>,
}

/// A take that is painted.
#[derive(Debug, Serialize)]
struct Take {
    number: u32,
    href: String,
    clip: String,
    picture: String,
    current: bool,
}

/// What is wrong with the values.
#[derive(Debug, Serialize)]
struct Told {
    title: String,
    detail: String,
    /// Which field, if it is one.
    field: Option<String>,
}

/// `/t/{template}`
pub async fn studio(request: HttpRequest, shared: web::Data<Shared>, name: web::Path<String>) -> HttpResponse {
    answer(&request, &shared, "studio", view(&request, &shared, &name).await)
}

async fn view(request: &HttpRequest, shared: &Shared, name: &str) -> Result<Made, Problem> {
    let visitor = Visitor::of(request)?;
    let edge = &shared.edge;
    let templates = edge.library().current();
    let template = templates.find(name).map_err(|error| Problem::from(&PickError::from(error)))?;
    let locale = visitor.locale_of(template);
    // An empty field is one that nothing was put into.
    let pairs = visitor.pairs.iter().filter(|(name, value)| !value.is_empty() && name != "profile" && name != "at");
    let pick = Pick::from_query(template.id.clone(), locale.clone(), pairs.map(|(name, value)| (name, value)));
    let pick = pick.map_err(|error| Problem::from(&error))?;
    let chosen = Chosen::of(edge, template, &pick, visitor.language).await?;

    let ratio = pick.ratio.filter(|ratio| template.canvases.ratios().contains(ratio)).unwrap_or(template.canvases.usual());
    let canvas = template.canvases.of(ratio);
    let today = today_in(&visitor.region, edge.now());
    let base = match &chosen.resolved {
        Some(resolved) => Some(resolved.clone()),
        // The form of values that do not fit is shown with the usual ones.
        None => Pick { parameters: BTreeMap::new(), ..pick.clone() }.resolve(template, &edge.makers()).ok(),
    };
    let view = View {
        card: Card::of(edge, &shared.feasts, template, &visitor, today).await?,
        fields: fields(edge, template, &visitor.language.locale, &pick.parameters, base.as_ref()).await?,
        locales: locales(template, &locale, Language::name_of),
        ratios: ratios(template, ratio),
        takes: match &chosen.resolved {
            Some(resolved) => takes(edge, resolved, &pick, &visitor).await?,
            None => Vec::new(),
        },
        variation: pick.variation,
        direction: if locale.is_right_to_left() { "rtl" } else { "ltr" },
        locale,
        ratio,
        width: canvas.width,
        height: canvas.height,
        clip: chosen.shown.as_ref().map(|shown| address::of_clip(&shown.resolved.pick)),
        poster: chosen.shown.as_ref().map(poster),
        differs: chosen.differs,
        files: chosen.resolved.as_ref().filter(|_| chosen.told.is_none()).map(Files::of),
        drawn: chosen.resolved.as_ref().is_some_and(|resolved| !resolved.is_untouched()),
        problem: chosen.told,
        another: page_of(&Pick { variation: pick.variation + 1, ..pick.clone() }, &visitor),
        here: page_of(&pick, &visitor),
        origin: gate::origin(request),
    };
    let title = format!("{} – festoon", view.card.title);
    Made::new(Frame::of(&visitor, request), title, &view)
}

/// The address of a pick's page.
fn page_of(pick: &Pick, visitor: &Visitor) -> String {
    let (locale, ratio) = (pick.locale.to_string(), pick.ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
    let variation = if pick.variation == 0 { String::new() } else { pick.variation.to_string() };
    let mut pairs = vec![(LOCALE, locale.as_str())];
    pairs.extend(pick.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    pairs.extend([("ratio", ratio.as_str()), ("variation", variation.as_str())]);
    visitor.link(&format!("/t/{}", pick.template), &pairs)
}

/// What the values of the form come to.
struct Chosen {
    resolved: Option<Resolved>,
    shown: Option<Shown>,
    differs: Option<&'static str>,
    told: Option<Told>,
}

impl Chosen {
    async fn of(edge: &Edge, template: &Template, pick: &Pick, language: &Language) -> Result<Self, Problem> {
        let told = |error: &PickError| Told::of(error, language);
        let resolved = match pick.resolve(template, &edge.makers()) {
            Ok(resolved) => resolved,
            // Without its model a template has a page all the same.
            Err(error @ (PickError::Value { .. } | PickError::Scene(_) | PickError::UnknownParameter { .. })) => {
                return Ok(Self { resolved: None, shown: None, differs: None, told: Some(told(&error)) });
            }
            Err(error) => return Err(Problem::from(&error)),
        };
        let (shown, differs) = match edge.peek(pick, false).await? {
            Some(shown) => (Some(shown), None),
            None => edge.stand_in(&resolved.pick).await?.map_or((None, None), |(shown, differs)| (Some(shown), Some(differs))),
        };
        if let Some(ready) = &shown
            && let Err(error) = edge.check_drawing(ready).await
        {
            let EdgeError::Pick(error) = error else { return Err(error.into()) };
            return Ok(Self { resolved: Some(resolved), shown: None, differs: None, told: Some(told(&error)) });
        }
        Ok(Self { resolved: Some(resolved), shown, differs, told: None })
    }
}

impl Told {
    fn of(error: &PickError, language: &Language) -> Self {
        let field = match error {
            PickError::Value { parameter, .. } | PickError::UnknownImage { parameter, .. } => Some(parameter.clone()),
            _ => None,
        };
        let usual = Code::ALL.iter().find(|code| code.name() == error.code()).map_or("", |code| code.title());
        let title = language.problems.get(error.code()).map_or_else(|| usual.to_owned(), Clone::clone);
        Self { title, detail: error.to_string(), field }
    }
}

impl Files {
    fn of(resolved: &Resolved) -> Self {
        let form = |profile| address::of_clip(&Pick { profile, at: None, ..resolved.pick.clone() });
        Self {
            key: resolved.form(Profile::Mp4, None).key(),
            clip: form(Profile::Mp4),
            download: form(Profile::Download),
            webm: form(Profile::Webm),
            poster: form(Profile::Poster(Still::Jpeg)),
            captions: (!resolved.is_untouched()).then(|| form(Profile::Captions)),
        }
    }
}

/// The takes that are painted, the best liked in front.
async fn takes(edge: &Edge, resolved: &Resolved, pick: &Pick, visitor: &Visitor) -> Result<Vec<Take>, Problem> {
    let painted = edge.takes(&resolved.pick).await?;
    Ok(painted.iter().map(|shown| Take::of(shown, pick, visitor)).collect())
}

impl Take {
    fn of(shown: &Shown, pick: &Pick, visitor: &Visitor) -> Self {
        let number = shown.resolved.pick.variation;
        Self {
            number,
            href: page_of(&Pick { variation: number, ..pick.clone() }, visitor),
            clip: address::of_clip(&shown.resolved.pick),
            picture: poster(shown),
            current: number == pick.variation,
        }
    }
}
