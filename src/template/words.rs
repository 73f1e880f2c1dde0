//! The words of a template in one locale: what people read when they choose, and the texts that hold when they type none.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Chosen, Kind, Parameter,
    declared::Declared,
    overlay::{Names, Phrase},
    reader::{Key, Page, Section, Table, did_you_mean},
};

/// `words/<locale>.toml`.
pub static WORDS: Section = Section {
    title: "words/<locale>.toml",
    about: "The words of one locale. A locale without a file falls back to its parents (`fr-CA` to `fr`), then to what `fallback` declares, then to `default_locale`.",
    keys: &[
        Key::needed("title", "a text of at most 80 characters", "The name of the template in the gallery."),
        Key::needed(
            "description",
            "a text of at most 400 characters",
            "What it shows, in a sentence or two; says who paints it.",
        ),
        Key::optional(
            "parameters",
            "a table for each parameter, see `[parameters.<name>]` of the words",
            "none",
            "What people read beside each choice.",
        ),
        Key::optional(
            "overlay",
            "a table of texts, one for each `{words.name}` of the layers",
            "none",
            "What is drawn on the picture beside what people choose. `{parameter}` in it takes the value: `{discount} % off`.",
        ),
    ],
};

/// `[parameters.<name>]` of the words.
pub static PARAMETER_WORDS: Section = Section {
    title: "[parameters.<name>] of the words",
    about: "The words of one parameter.",
    keys: &[
        Key::needed("label", "a text of at most 80 characters", "What the parameter is called."),
        Key::optional("hint", "a text of at most 200 characters", "none", "A sentence of advice."),
        Key::optional(
            "default",
            "a text",
            "the `default` of template.toml",
            "Only for a text parameter: what is taken when nothing is typed.",
        ),
        Key::optional(
            "choices",
            "a table of texts, one for each choice",
            "none",
            "Only for a choice parameter, and needed there: what each choice is called.",
        ),
    ],
};

/// The words of a template in one locale.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Words {
    /// The name of the template.
    pub title: String,
    /// What it shows.
    pub description: String,
    /// Words of each parameter, by its name.
    pub parameters: BTreeMap<String, ParameterWords>,
    /// What layers draw, by the name that they call it.
    #[serde(skip)]
    pub(super) overlay: BTreeMap<String, Phrase>,
}

/// The words of one parameter.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ParameterWords {
    /// What it is called.
    pub label: String,
    /// A sentence of advice.
    pub hint: Option<String>,
    /// Taken when nothing is typed; in canonical form.
    pub default: Option<Chosen>,
    /// What each choice is called, by its id.
    pub choices: BTreeMap<String, String>,
}

impl Words {
    /// Reads a file of words for a template with these parameters, whose layers draw the words called `drawn`. The result is
    /// whole only if there was no mistake.
    pub(super) fn read(page: &Page, declared: &Declared, drawn: &[String]) -> Self {
        let document = page.parse();
        let table = page.open(&document, &WORDS);
        let mut words =
            Words { title: text(&table, "title", 80), description: text(&table, "description", 400), ..Words::default() };
        for (name, item) in table.entries("parameters", 64) {
            let parameter = match declared.find(name.value) {
                Ok(Some(parameter)) => parameter,
                Ok(None) => continue,
                Err(hint) => {
                    let message = format!("words for `{}`, which is no parameter of the template", name.value);
                    page.mistake("undeclared-parameter", name.span, message, hint);
                    continue;
                }
            };
            if let Some(own) = item.table(&PARAMETER_WORDS) {
                words.parameters.insert(parameter.name.clone(), ParameterWords::read(&own, parameter));
            }
        }
        words.read_drawn(page, &table, declared, drawn);
        for parameter in declared.sound.iter().filter(|parameter| !words.parameters.contains_key(&parameter.name)) {
            let name = &parameter.name;
            if !table.entries("parameters", 64).iter().any(|(written, _)| written.value == name) {
                let hint = format!("write [parameters.{name}] with its label");
                page.mistake("missing-words", table.span.clone(), format!("there are no words for the parameter `{name}`"), hint);
            }
        }
        words
    }

    /// The parameters that its drawn words take.
    pub(super) fn drawn_parameters(&self) -> impl Iterator<Item = &str> {
        self.overlay.values().flat_map(Phrase::parameters)
    }

    fn read_drawn(&mut self, page: &Page, table: &Table<'_>, declared: &Declared, drawn: &[String]) {
        for (name, item) in table.entries("overlay", 32) {
            if !drawn.iter().any(|known| known == name.value) {
                let hint = did_you_mean(name.value, drawn.iter().map(String::as_str))
                    .unwrap_or_else(|| format!("write {{words.{}}} in the `text` of a layer", name.value));
                page.mistake("unused-words", name.span, format!("no layer draws the words `{}`", name.value), hint);
                continue;
            }
            let Some(text) = item.text() else { continue };
            if text.value.chars().count() > 120 {
                item.mistake("too-long", format!("`{}` has more than 120 characters", name.value), None);
            }
            // Words take no words: nothing can go in a circle.
            let names = Names { declared, words: &[], used: &|_| () };
            if let Some(phrase) = Phrase::read(text.value.trim(), page, text.span, &names) {
                self.overlay.insert(name.value.to_owned(), phrase);
            }
        }
        let written: Vec<_> = table.entries("overlay", 32).iter().map(|(name, _)| name.value).collect();
        for name in drawn.iter().filter(|name| !written.contains(&name.as_str())) {
            let hint = format!("write [overlay] with `{name} = …`");
            page.mistake("missing-words", table.span.clone(), format!("there are no words `{name}`, which a layer draws"), hint);
        }
    }
}

impl ParameterWords {
    fn read(table: &Table<'_>, parameter: &Parameter) -> Self {
        let name = &parameter.name;
        let mut words = ParameterWords { label: text(table, "label", 80), ..ParameterWords::default() };
        if table.has("hint") {
            words.hint = Some(text(table, "hint", 200));
        }
        match &parameter.kind {
            Kind::Text { .. } => match table.find("default").and_then(|item| item.text()) {
                Some(written) => match parameter.read(written.value) {
                    Ok(value) => words.default = Some(value),
                    Err(error) => table.mistake(
                        error.code(),
                        "default",
                        format!("the default of `{name}` is refused: {error}"),
                        error.hint(),
                    ),
                },
                None if parameter.default.is_none() && !table.has("default") => {
                    let hint = "write `default = …` here, or in template.toml for all locales".to_owned();
                    table.mistake("missing-default", "default", format!("the text parameter `{name}` has no default"), hint);
                }
                None => {}
            },
            _ if table.has("default") => {
                let hint = format!("write the default in [parameters.{name}] of template.toml");
                table.mistake(
                    "misplaced-key",
                    "default",
                    format!("the {} parameter `{name}` has no words for a default", parameter.kind.name()),
                    hint,
                );
            }
            _ => {}
        }
        match &parameter.kind {
            Kind::Choice { choices } => {
                for (id, item) in table.entries("choices", 128) {
                    if !choices.iter().any(|choice| choice.id == id.value) {
                        let hint = did_you_mean(id.value, choices.iter().map(|choice| choice.id.as_str()));
                        table.page.mistake(
                            "unknown-choice",
                            id.span,
                            format!("`{}` is not a choice of `{name}`", id.value),
                            hint,
                        );
                    } else if let Some(label) = item.text() {
                        words.choices.insert(id.value.to_owned(), label.value.to_owned());
                    }
                }
                let written: Vec<_> = table.entries("choices", 128).iter().map(|(id, _)| id.value).collect();
                let missing: Vec<_> =
                    choices.iter().map(|choice| choice.id.as_str()).filter(|id| !written.contains(id)).collect();
                if !missing.is_empty() {
                    let hint = format!("write them in [parameters.{name}.choices]");
                    table.mistake(
                        "missing-label",
                        "choices",
                        format!("these choices of `{name}` have no label: {}", missing.join(", ")),
                        hint,
                    );
                }
            }
            _ if table.has("choices") => {
                table.mistake(
                    "misplaced-key",
                    "choices",
                    format!("the {} parameter `{name}` has no choices", parameter.kind.name()),
                    None,
                );
            }
            _ => {}
        }
        words
    }
}

/// The text of `key`, which is neither blank nor longer than `limit` characters.
fn text(table: &Table<'_>, key: &str, limit: usize) -> String {
    let Some(text) = table.text(key) else { return String::new() };
    let text = text.value.trim();
    if text.is_empty() {
        table.mistake("empty-text", key, format!("`{key}` is empty"), None);
    } else if text.chars().count() > limit {
        table.mistake(
            "too-long",
            key,
            format!("`{key}` has {} characters, at most {limit} are allowed", text.chars().count()),
            None,
        );
    }
    text.to_owned()
}
