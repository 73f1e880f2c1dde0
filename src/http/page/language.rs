//! The words of the pages, one file per language in `page/languages`: adding a language is adding a file.

use std::{collections::BTreeMap, sync::LazyLock};

use festoon_spec::Locale;
use serde::Deserialize;

/// Words by their name.
pub type Words = BTreeMap<String, String>;

/// The embedded files.
#[derive(rust_embed::Embed)]
#[folder = "src/http/page/languages"]
struct Files;

/// A language that the pages speak.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// As its file is named.
    #[serde(skip, default = "english")]
    pub locale: Locale,
    /// What its speakers call it.
    pub name: String,
    /// What visitors read.
    pub words: Words,
    /// Feasts by their id. One that is not here has the name of its file.
    pub feasts: Words,
    /// What is wrong with a value, by the code of the problem. One that is not here is told in English.
    pub problems: Words,
    /// What operators read. A language may leave it out: its operators read English.
    #[serde(default)]
    pub operator: Words,
}

fn english() -> Locale {
    "en".parse().expect("`en` is a locale")
}

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let mut languages: Vec<Language> = Files::iter().map(|file| read(&file)).collect();
    languages.sort_by(|one, other| one.locale.cmp(&other.locale));
    languages
});

fn read(file: &str) -> Language {
    let bytes = Files::get(file).expect("it was just listed").data;
    let text = std::str::from_utf8(&bytes).expect("a test reads every file");
    let mut language: Language = toml::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    language.locale = file.trim_end_matches(".toml").parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    language
}

impl Language {
    /// Every language, by its tag.
    pub fn all() -> &'static [Self] {
        &LANGUAGES
    }

    /// The one that everybody gets who asks for none of them.
    pub fn english() -> &'static Self {
        Self::of(&english()).expect("there is a file of English words")
    }

    /// The one with this tag, in any spelling.
    pub fn of(locale: &Locale) -> Option<&'static Self> {
        Self::all().iter().find(|language| language.locale.minimized() == locale.minimized())
    }

    /// What a locale is called by its own speakers, where that is known.
    pub fn name_of(locale: &Locale) -> String {
        Self::of(locale).map_or_else(|| locale.to_string(), |language| language.name.clone())
    }

    /// What operators read, and in which language.
    pub fn for_operators(&self) -> (&'static Locale, &'static Words) {
        let spoken = Self::of(&self.locale).filter(|own| !own.operator.is_empty()).unwrap_or_else(Self::english);
        (&spoken.locale, &spoken.operator)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_language_has_every_word() {
        let names = |words: &Words| words.keys().cloned().collect::<BTreeSet<_>>();
        let english = Language::english();
        assert!(Language::all().len() > 2);
        for language in Language::all() {
            assert_eq!(names(&language.words), names(&english.words), "{}", language.locale);
            assert_eq!(names(&language.problems), names(&english.problems), "{}", language.locale);
            assert!(language.operator.is_empty() || names(&language.operator) == names(&english.operator), "{}", language.locale);
            let texts = language.words.values().chain(language.problems.values()).chain(language.operator.values());
            assert!(texts.chain(language.feasts.values()).all(|text| !text.trim().is_empty()), "{}", language.locale);
        }
    }

    #[test]
    fn what_is_filled_into_a_sentence_is_the_same_in_every_language() {
        let holes = |text: &str| {
            let holes = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()));
            holes.collect::<BTreeSet<_>>()
        };
        let english = Language::english();
        for language in Language::all() {
            let pairs = [(&language.words, &english.words), (&language.operator, &english.operator)];
            for (own, usual) in pairs {
                for (name, text) in own {
                    assert_eq!(holes(text), holes(&usual[name]), "{}: {name}", language.locale);
                }
            }
        }
    }

    #[test]
    fn chinese_japanese_and_english_speak_of_every_feast_and_to_operators() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/feasts");
        let feasts: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        for tag in ["zh-Hans", "ja", "en"] {
            let language = Language::of(&tag.parse().unwrap()).unwrap();
            assert!(!language.operator.is_empty(), "{tag}");
            assert_eq!(language.feasts.keys().cloned().collect::<BTreeSet<_>>(), feasts, "{tag}");
        }
    }
}
