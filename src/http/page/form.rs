//! The form of a template: a field for each parameter, with what may be chosen shown as pictures where there are any.

use std::collections::BTreeMap;

use festoon_spec::{Colour, Locale, MotionScene, Scene};
use serde::Serialize;

use super::card::poster;
use crate::{
    edge::Edge,
    http::problem::Problem,
    pick::{Pick, Resolved},
    template::{Kind, Parameter, ParameterWords, Ratio, Template, Touches},
};

/// Choices of which pictures are looked for.
const MOST_PICTURES: usize = 12;

/// One parameter.
#[derive(Debug, Serialize)]
pub struct Field {
    name: String,
    label: String,
    hint: Option<String>,
    kind: &'static str,
    /// What is chosen; of a text, nothing where it is the usual one.
    value: String,
    /// What is taken if nothing is.
    usual: String,
    choices: Vec<Choice>,
    min: String,
    max: String,
    step: String,
    longest: usize,
    lines: usize,
    /// Whether a change needs another plate.
    repaints: bool,
    /// Of a colour: those that go with the picture.
    swatches: Vec<String>,
}

/// One of a few.
#[derive(Debug, Serialize)]
struct Choice {
    id: String,
    label: String,
    current: bool,
    /// What it looks like, if it is painted.
    picture: Option<String>,
    /// Its colours, where it changes them: the background from top to bottom, then what moves.
    sky: Vec<String>,
    colours: Vec<String>,
}

/// A choice among locales or ratios.
#[derive(Debug, Serialize)]
pub struct Setting {
    value: String,
    label: String,
    current: bool,
}

/// The locales of a template, one of them the current one, each by the name that `label` gives it.
pub fn locales(template: &Template, current: &Locale, label: impl Fn(&Locale) -> String) -> Vec<Setting> {
    template.locales().map(|own| Setting { value: own.to_string(), label: label(own), current: own == current }).collect()
}

/// The ratios of a template, one of them the current one.
pub fn ratios(template: &Template, current: Ratio) -> Vec<Setting> {
    let setting = |own: &Ratio| Setting { value: own.to_string(), label: own.to_string(), current: *own == current };
    template.canvases.ratios().iter().map(setting).collect()
}

/// Fills in the form of a template for a pick that resolved to `resolved`, labelled in the page's language.
///
/// # Errors
/// If the cache fails.
pub async fn fields(
    edge: &Edge,
    template: &Template,
    page: &Locale,
    given: &BTreeMap<String, String>,
    resolved: Option<&Resolved>,
) -> Result<Vec<Field>, Problem> {
    let (_, words) = template.words(page);
    let locale = resolved.map_or(template.default_locale(), |resolved| &resolved.pick.locale);
    let usual = Pick::usual(template.id.clone(), locale.clone()).resolve(template, &edge.makers()).ok();
    let mut fields = Vec::with_capacity(template.parameters.len());
    for parameter in &template.parameters {
        let own = words.parameters.get(&parameter.name);
        let usual_value =
            usual.as_ref().and_then(|usual| usual.pick.parameters.get(&parameter.name)).cloned().unwrap_or_default();
        let given = given.get(&parameter.name).cloned();
        let value = match &parameter.kind {
            Kind::Text { .. } => given.filter(|given| *given != usual_value).unwrap_or_default(),
            _ => given.unwrap_or_else(|| usual_value.clone()),
        };
        let mut field = Field::new(parameter, own, value, usual_value);
        match &parameter.kind {
            Kind::Choice { choices } => {
                for choice in choices {
                    let label = own.and_then(|own| own.choices.get(&choice.id)).unwrap_or(&choice.id);
                    field.choices.push(field.choice(&choice.id, label.clone()));
                }
                if parameter.touches == Touches::Plate
                    && let Some(resolved) = resolved
                {
                    field.show(edge, template, resolved).await?;
                }
            }
            Kind::Text { max_graphemes, lines, .. } => (field.longest, field.lines) = (*max_graphemes, *lines),
            Kind::Number { min, max, step } => {
                (field.min, field.max, field.step) = (min.to_string(), max.to_string(), step.to_string());
            }
            Kind::Colour => field.swatches = resolved.map(swatches).unwrap_or_default(),
            Kind::Image | Kind::Boolean => {}
        }
        fields.push(field);
    }
    Ok(fields)
}

impl Field {
    fn new(parameter: &Parameter, own: Option<&ParameterWords>, value: String, usual: String) -> Self {
        Self {
            name: parameter.name.clone(),
            label: own.map_or_else(|| parameter.name.clone(), |own| own.label.clone()),
            hint: own.and_then(|own| own.hint.clone()),
            kind: parameter.kind.name(),
            value,
            usual,
            choices: Vec::new(),
            min: String::new(),
            max: String::new(),
            step: String::new(),
            longest: 0,
            lines: 1,
            repaints: parameter.touches == Touches::Plate,
            swatches: Vec::new(),
        }
    }

    fn choice(&self, id: &str, label: String) -> Choice {
        let (picture, sky, colours) = (None, Vec::new(), Vec::new());
        Choice { current: id == self.value, id: id.to_owned(), label, picture, sky, colours }
    }

    /// Finds what each choice looks like: a poster where its plate is painted, else its colours where they are its own.
    async fn show(&mut self, edge: &Edge, template: &Template, resolved: &Resolved) -> Result<(), Problem> {
        let painted = |name: &str| template.parameter(name).is_some_and(|parameter| parameter.touches == Touches::Plate);
        // With the usual texts, so that the pictures are the same for everybody.
        let mut parameters = resolved.pick.parameters.clone();
        parameters.retain(|name, _| painted(name));
        let mut palettes = Vec::new();
        for choice in self.choices.iter_mut().take(MOST_PICTURES) {
            parameters.insert(self.name.clone(), choice.id.clone());
            let pick = Pick { parameters: parameters.clone(), variation: 0, ..resolved.pick.clone() };
            choice.picture = edge.peek(&pick, false).await?.as_ref().map(poster);
            if let Ok(Resolved { plate, .. }) = pick.resolve(template, &edge.makers())
                && let Scene::Motion(MotionScene { palette, .. }) = plate.scene
            {
                let texts = |colours: &[Colour]| colours.iter().map(Colour::to_string).collect();
                (choice.sky, choice.colours) = (texts(&palette.sky), texts(&palette.colours));
                palettes.push(palette);
            }
        }
        // A parameter that leaves the colours alone is not told apart by them.
        if palettes.windows(2).all(|pair| pair[0] == pair[1]) {
            self.choices.iter_mut().for_each(|choice| (choice.sky, choice.colours) = Default::default());
        }
        Ok(())
    }
}

/// The colours of the picture, each once.
fn swatches(resolved: &Resolved) -> Vec<String> {
    let Scene::Motion(MotionScene { palette, .. }) = &resolved.plate.scene else { return Vec::new() };
    let mut colours: Vec<String> = Vec::new();
    for colour in palette.colours.iter().chain(&palette.sky) {
        let text = colour.to_string();
        if !colours.contains(&text) {
            colours.push(text);
        }
    }
    colours
}
