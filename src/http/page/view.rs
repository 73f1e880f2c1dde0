//! What the gallery shows, as plain data.

use std::{collections::BTreeMap, sync::LazyLock};

use festoon_spec::{Checkpoint, CheckpointKind, Locale, Painter, Profile, RenderKey};
use serde::Serialize;

use crate::{
    edge::{Edge, EdgeError, Shown},
    http::{address, picks::Wanted, problem::Problem},
    pick::{Pick, PickError},
    template::{Kind, Template},
};

/// The page's own words, by locale.
static WORDS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> =
    LazyLock::new(|| toml::from_str(include_str!("words.toml")).expect("the embedded words are checked by a test"));

/// The page.
#[derive(Debug, Serialize)]
pub struct View {
    locale: Locale,
    direction: &'static str,
    words: &'static BTreeMap<String, String>,
    words_json: String,
    languages: Vec<Language>,
    cards: Vec<Card>,
    chosen: Option<Chosen>,
}

/// One language that can be switched to.
#[derive(Debug, Serialize)]
struct Language {
    tag: String,
    name: String,
    current: bool,
}

/// One template.
#[derive(Debug, Serialize)]
struct Card {
    id: String,
    title: String,
    description: String,
    /// Whether the text-to-video model paints it.
    by_model: bool,
    /// Whether that model is for demonstration.
    demonstration: bool,
    /// Whether it stands behind the others.
    behind: bool,
    /// Who painted it, honestly.
    badge: String,
    /// Words' locale, where it is not the page's.
    lang: Option<Locale>,
    /// A clip that is ready.
    clip: Option<String>,
    current: bool,
}

/// The template whose form is shown.
#[derive(Debug, Serialize)]
struct Chosen {
    card: Card,
    fields: Vec<Field>,
    variation: u32,
    locale: Locale,
    canvas: festoon_spec::Canvas,
    /// The clip of the form's values if it is ready; else what may stand in.
    clip: Option<String>,
    /// Whether `clip` stands in.
    nearest: bool,
    /// The same clip as a file to keep.
    download: Option<String>,
    /// Whether the texts are in the picture.
    drawn: bool,
    /// What the template shows in each language.
    scenes: Vec<LocaleScene>,
    /// A value that does not fit, told beside the form.
    problem: Option<String>,
}

/// The languages that share a clip of the chosen template, as it is when nothing is chosen.
#[derive(Debug, Serialize)]
struct LocaleScene {
    clip: Option<String>,
    languages: Vec<Language>,
    current: bool,
}

/// One parameter in the form.
#[derive(Debug, Serialize)]
struct Field {
    name: String,
    label: String,
    hint: Option<String>,
    kind: &'static str,
    value: String,
    choices: Vec<(String, String)>,
    min: String,
    max: String,
    step: String,
    longest: usize,
    lines: usize,
    /// Whether a change needs another plate.
    repaints: bool,
}

impl View {
    /// The page for a visitor; the query says locale, template and values.
    pub async fn of(edge: &Edge, wanted: &Wanted, query: &str) -> Result<Self, Problem> {
        let templates = edge.library().current();
        let locale = page_locale(wanted);
        let tag = locale.to_string();
        let words = &WORDS[&tag];
        let mut pairs = address::read_query(query)?;
        pairs.retain(|(name, _)| name != "locale");
        let named = pairs.iter().position(|(name, _)| name == "template").map(|at| pairs.remove(at).1);
        let current = named
            .map(|name| templates.find(&name).cloned())
            .transpose()
            .map_err(|error| Problem::from(&PickError::from(error)))?;
        let mut cards = Vec::with_capacity(templates.iter().len());
        for template in templates.iter() {
            let is_current = current.as_ref().is_some_and(|current| current.id == template.id);
            cards.push(card(edge, template, &wanted.of(template), &locale, is_current).await?);
        }
        // Whoever comes for the first time sees what is painted well; the order is otherwise that of the folder.
        cards.sort_by_key(|card| card.behind);
        let chosen = match &current {
            Some(template) => Some(choose(edge, template, &wanted.of(template), &locale, pairs).await?),
            None => None,
        };
        let words_json = serde_json::to_string(words).map_err(|error| Problem::internal(&error))?;
        let languages = WORDS.iter().map(|(spoken, words)| Language {
            tag: spoken.clone(),
            name: words["name"].clone(),
            current: *spoken == tag,
        });
        Ok(Self {
            direction: if locale.is_right_to_left() { "rtl" } else { "ltr" },
            languages: languages.collect(),
            locale,
            words,
            words_json,
            cards,
            chosen,
        })
    }
}

/// The locale of the page's own words.
fn page_locale(wanted: &Wanted) -> Locale {
    let spoken: Vec<Locale> = WORDS.keys().map(|tag| tag.parse().expect("the embedded words are checked by a test")).collect();
    let spoken: Vec<&Locale> = spoken.iter().collect();
    wanted.among(&spoken).cloned().unwrap_or_else(|| "en".parse().expect("`en` is a locale"))
}

/// What each language that the template speaks sees, those that share a plate together.
async fn locale_scenes(edge: &Edge, template: &Template, locale: &Locale) -> Result<Vec<LocaleScene>, Problem> {
    let (current, _) = template.words(locale);
    let mut scenes: Vec<(RenderKey, LocaleScene)> = Vec::new();
    for spoken in template.locales() {
        let pick = Pick::usual(template.id.clone(), spoken.clone());
        // Without its model a template has no plates to show.
        let Ok(resolved) = pick.resolve(template, &edge.makers()) else { return Ok(Vec::new()) };
        let tag = spoken.minimized().to_string();
        let name = WORDS.get(&tag).map_or_else(|| spoken.to_string(), |words| words["name"].clone());
        let language = Language { tag, name, current: spoken == current };
        if let Some((_, scene)) = scenes.iter_mut().find(|(plate, _)| *plate == resolved.plate_key) {
            scene.current |= language.current;
            scene.languages.push(language);
            continue;
        }
        let clip = edge.peek(&pick, false).await?.map(|shown| plate_url(&shown));
        scenes.push((resolved.plate_key, LocaleScene { clip, current: language.current, languages: vec![language] }));
    }
    Ok(scenes.into_iter().map(|(_, scene)| scene).collect())
}

async fn card(edge: &Edge, template: &Template, locale: &Locale, page: &Locale, current: bool) -> Result<Card, Problem> {
    let (spoken, words) = template.words(locale);
    let clip = match edge.peek(&Pick::usual(template.id.clone(), locale.clone()), true).await {
        Ok(shown) => shown.map(|shown| plate_url(&shown)),
        // Without its model a template is shown, only not playing.
        Err(EdgeError::Pick(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let by_model = template.painter() == Painter::wan();
    let page_words = &WORDS[page.as_str()];
    let makers = edge.makers();
    let checkpoint = template.model().map(|model| makers.models.get(model));
    let badge = match checkpoint {
        Some(Some(Checkpoint { abilities, .. })) => format!("{}: {}", page_words["by_model"], abilities.title),
        Some(None) => page_words["by_model"].clone(),
        None => page_words["by_motion"].clone(),
    };
    Ok(Card {
        id: template.id.to_string(),
        title: words.title.clone(),
        description: words.description.clone(),
        by_model,
        demonstration: checkpoint.flatten().is_some_and(|it| it.abilities.kind == CheckpointKind::Demonstration),
        behind: checkpoint.is_some_and(|checkpoint| !checkpoint.is_some_and(Checkpoint::may_lead)),
        badge,
        lang: (spoken.language() != page.language()).then(|| spoken.clone()),
        clip,
        current,
    })
}

/// The plate by its bytes, so that what plays in a card is what was ready when the page was made, and nothing is composed for it.
fn plate_url(shown: &Shown) -> String {
    address::of_blob(&shown.entry.blob, shown.resolved.pick.profile)
}

async fn choose(
    edge: &Edge,
    template: &Template,
    locale: &Locale,
    page: &Locale,
    pairs: Vec<(String, String)>,
) -> Result<Chosen, Problem> {
    let pick = Pick::from_query(template.id.clone(), locale.clone(), pairs).map_err(|error| Problem::from(&error))?;
    let resolved = pick.resolve(template, &edge.makers());
    let mut problem = match &resolved {
        Err(error @ (PickError::Value { .. } | PickError::Scene(_))) => Some(error.to_string()),
        Err(error) => return Err(Problem::from(error)),
        Ok(_) => None,
    };
    let (mut shown, mut nearest, mut drawn) = (None, false, false);
    if let Ok(resolved) = &resolved {
        shown = edge.peek(&pick, false).await?;
        nearest = shown.is_none();
        if nearest {
            shown = edge.peek(&resolved.pick, true).await?;
        }
        drawn = !resolved.overlay.layers.is_empty();
    }
    if let Some(ready) = &shown
        && let Err(error) = edge.check_drawing(ready).await
    {
        let EdgeError::Pick(error) = error else { return Err(error.into()) };
        (shown, problem) = (None, Some(error.to_string()));
    }
    let clip = shown.as_ref().map(|shown| address::of_clip(&shown.resolved.pick));
    let download = shown.map(|shown| address::of_clip(&Pick { profile: Profile::Download, ..shown.resolved.pick }));
    let defaults = Pick { parameters: BTreeMap::new(), ..pick.clone() };
    let defaults = resolved.or_else(|_| defaults.resolve(template, &edge.makers())).map(|resolved| resolved.pick.parameters);
    let mut values = defaults.unwrap_or_default();
    values.extend(pick.parameters.clone());
    Ok(Chosen {
        fields: fields(template, locale, &values),
        card: card(edge, template, locale, page, true).await?,
        variation: pick.variation,
        locale: locale.clone(),
        canvas: template.canvases.of(pick.ratio.unwrap_or(template.canvases.usual())),
        clip,
        nearest,
        download,
        drawn,
        scenes: locale_scenes(edge, template, locale).await?,
        problem,
    })
}

fn fields(template: &Template, locale: &Locale, values: &BTreeMap<String, String>) -> Vec<Field> {
    let (_, words) = template.words(locale);
    // There is nowhere to upload a picture yet.
    let shown = template.parameters.iter().filter(|parameter| !matches!(parameter.kind, Kind::Image));
    let field = shown.map(|parameter| {
        let own = words.parameters.get(&parameter.name);
        let mut field = Field {
            name: parameter.name.clone(),
            label: own.map_or_else(|| parameter.name.clone(), |own| own.label.clone()),
            hint: own.and_then(|own| own.hint.clone()),
            kind: parameter.kind.name(),
            value: values.get(&parameter.name).cloned().unwrap_or_default(),
            choices: Vec::new(),
            min: String::new(),
            max: String::new(),
            step: String::new(),
            longest: 0,
            lines: 1,
            repaints: parameter.touches == crate::template::Touches::Plate,
        };
        match &parameter.kind {
            Kind::Choice { choices } => {
                let label = |id: &str| own.and_then(|own| own.choices.get(id)).cloned().unwrap_or_else(|| id.to_owned());
                field.choices = choices.iter().map(|choice| (choice.id.clone(), label(&choice.id))).collect();
            }
            Kind::Text { max_graphemes, lines, .. } => (field.longest, field.lines) = (*max_graphemes, *lines),
            Kind::Number { min, max, step } => {
                (field.min, field.max, field.step) = (min.to_string(), max.to_string(), step.to_string());
            }
            Kind::Colour | Kind::Image | Kind::Boolean => {}
        }
        field
    });
    field.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_language_has_every_word() {
        let english: BTreeSet<&String> = WORDS["en"].keys().collect();
        for (tag, words) in WORDS.iter() {
            assert_eq!(tag.parse::<Locale>().unwrap().to_string(), *tag);
            assert_eq!(words.keys().collect::<BTreeSet<_>>(), english, "{tag}");
        }
    }
}
