//! A text with parameters in it: `Hello {name}`, `{words.call}`.

use std::ops::Range;

use super::super::{
    Chosen, Kind, Parameter, Touches, Words,
    declared::Declared,
    place::Values,
    reader::{Page, did_you_mean},
};

/// The start of a name that is looked for in the words of a locale.
const OF_WORDS: &str = "words.";

/// A text with parameters in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::template) struct Phrase(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Plain(String),
    /// What was chosen.
    Of(String),
    /// A phrase of the locale's words.
    Word(String),
}

/// Where phrases are read: what they may refer to.
pub(in crate::template) struct Names<'n> {
    /// The parameters.
    pub declared: &'n Declared,
    /// The names of phrases in the words, where they may be referred to.
    pub words: &'n [String],
    /// Called with each parameter that is used.
    pub used: &'n dyn Fn(&str),
}

impl Phrase {
    /// Reads a phrase that stands at `span`. Notes each name that means nothing.
    pub fn read(text: &str, page: &Page, span: Range<usize>, names: &Names<'_>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut sound = true;
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..].find('}').filter(|_| rest[open..].starts_with('{'));
            let Some(close) = close else {
                let hint = "write `{parameter}` or `{words.name}`".to_owned();
                page.mistake("bad-phrase", span, "a brace stands alone", hint);
                return None;
            };
            let name = &rest[open + 1..open + close];
            parts.push(Part::Plain(rest[..open].to_owned()));
            match part(name, names) {
                Ok(part) => parts.extend(part),
                Err((code, message, hint)) => {
                    page.mistake(code, span.clone(), message, hint);
                    sound = false;
                }
            }
            rest = &rest[open + close + 1..];
        }
        parts.push(Part::Plain(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Plain(text) if text.is_empty()));
        sound.then_some(Self(parts))
    }

    /// The parameters that it takes itself.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| if let Part::Of(name) = part { Some(name.as_str()) } else { None })
    }

    /// The text for the chosen values in the words of a locale. If all that it takes is empty, so is it.
    pub fn write(&self, values: &Values, words: &Words) -> String {
        let mut text = String::new();
        let (mut taken, mut filled) = (false, false);
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Of(name) => {
                    let value = values.get(name).map(|value| match value {
                        Chosen::Choice(id) => {
                            words.parameters.get(name).and_then(|own| own.choices.get(id)).unwrap_or(id).clone()
                        }
                        value => value.to_string(),
                    });
                    let value = value.unwrap_or_default();
                    (taken, filled) = (true, filled || !value.is_empty());
                    text.push_str(&value);
                }
                Part::Word(name) => {
                    let word = words.overlay.get(name).map(|phrase| phrase.write(values, words)).unwrap_or_default();
                    (taken, filled) = (true, filled || !word.is_empty());
                    text.push_str(&word);
                }
            }
        }
        if taken && !filled { String::new() } else { text }
    }
}

type Wrong = (&'static str, String, Option<String>);

/// What `{name}` means; nothing of a parameter that has a mistake of its own.
fn part(name: &str, names: &Names<'_>) -> Result<Option<Part>, Wrong> {
    if let Some(word) = name.strip_prefix(OF_WORDS) {
        return match names.words.iter().any(|known| known == word) {
            true => Ok(Some(Part::Word(word.to_owned()))),
            false => {
                Err(("bad-phrase", format!("`{{{name}}}` cannot stand here"), Some("words refer to parameters only".to_owned())))
            }
        };
    }
    let parameter: Option<&Parameter> = names.declared.find(name).map_err(|hint| {
        let hint = did_you_mean(name, names.declared.sound.iter().map(|parameter| parameter.name.as_str())).unwrap_or(hint);
        ("unknown-parameter", format!("there is no parameter `{name}`"), Some(hint))
    })?;
    let Some(parameter) = parameter else { return Ok(None) };
    (names.used)(name);
    if parameter.touches == Touches::Sound {
        let hint = format!("write `touches = \"overlay\"` in [parameters.{name}]");
        return Err(("not-in-overlay", format!("the parameter `{name}` touches the sound, but is written"), Some(hint)));
    }
    match parameter.kind {
        Kind::Text { .. } | Kind::Choice { .. } | Kind::Number { .. } => Ok(Some(Part::Of(name.to_owned()))),
        _ => Err((
            "misfit",
            format!("the {} parameter `{name}` cannot be written", parameter.kind.name()),
            Some("expected a text, a choice or a number".to_owned()),
        )),
    }
}

/// The names of all `{words.name}` in a file, in order.
pub(in crate::template) fn named_words(file: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, _) in file.match_indices(&format!("{{{OF_WORDS}")) {
        let rest = &file[at + 1 + OF_WORDS.len()..];
        let name = rest.split('}').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_name && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
