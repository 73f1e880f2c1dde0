//! One locale type for the whole product, so that `zh-cn`, `zh_CN` and `zh-CN` never become three cache entries.

use std::{fmt, str::FromStr};

use icu_locale::{LocaleCanonicalizer, LocaleExpander, LocaleFallbacker, subtags};
use serde::{Deserialize, Serialize};

/// A BCP-47 language tag in canonical form: aliases replaced, case and separators normalised, no extensions.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locale(String);

/// Why a text is not a locale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a locale: expected a BCP-47 tag such as `ja-JP`, `zh-Hans` or `pt-BR`")]
pub struct LocaleError {
    given: String,
}

impl Locale {
    /// The language, for example `zh`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().expect("a locale has a language")
    }

    /// The language without script and region: `zh-Hant-TW` becomes `zh`.
    pub fn language_alone(&self) -> Locale {
        Locale(self.language().to_owned())
    }

    /// The region, if the tag names one, for example `TW`.
    pub fn region(&self) -> Option<String> {
        self.identifier().region.map(|region| region.to_string())
    }

    /// The tag with the likely script and region filled in: `zh-TW` becomes `zh-Hant-TW`, `fr` becomes `fr-Latn-FR`.
    /// Two tags that mean the same have the same maximised form.
    pub fn maximized(&self) -> Locale {
        let mut identifier = self.identifier();
        LocaleExpander::new_extended().maximize(&mut identifier);
        Locale(identifier.to_string())
    }

    /// The shortest tag that means the same: `zh-Hant-TW` becomes `zh-TW`, `fr-Latn-FR` becomes `fr`.
    pub fn minimized(&self) -> Locale {
        let mut identifier = self.identifier();
        LocaleExpander::new_extended().minimize(&mut identifier);
        Locale(identifier.to_string())
    }

    /// This locale and its parents after CLDR, each [minimized](Locale::minimized): `es-MX`, `es-419`, `es`. A parent is
    /// always written in the same script: `zh-TW` leads to `zh-Hant`, never to `zh`, whose likely script is another.
    pub fn ancestry(&self) -> Vec<Locale> {
        let mut step = LocaleFallbacker::new()
            .for_config(Default::default())
            .fallback_for((&icu_locale::Locale::from(self.identifier())).into());
        let mut chain = vec![self.minimized()];
        while !step.get().is_unknown() {
            let ancestor = Locale(step.get().into_locale().id.to_string()).minimized();
            if !chain.contains(&ancestor) {
                chain.push(ancestor);
            }
            step.step();
        }
        chain
    }

    /// Whether the language is one that CLDR knows the script of; `qq` is a well-formed tag and names nothing.
    pub fn is_known(&self) -> bool {
        self.script().is_some()
    }

    /// The likely script, for example `Hant` for `zh-TW`.
    pub fn script(&self) -> Option<String> {
        self.maximized().identifier().script.map(|script| script.to_string())
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether text of this locale runs from right to left.
    pub fn is_right_to_left(&self) -> bool {
        matches!(self.script().as_deref(), Some("Arab" | "Hebr" | "Thaa" | "Syrc" | "Nkoo" | "Adlm" | "Rohg" | "Mand" | "Samr"))
    }

    fn identifier(&self) -> icu_locale::LanguageIdentifier {
        self.0.parse().expect("checked when the locale was made")
    }
}

impl FromStr for Locale {
    type Err = LocaleError;
    fn from_str(text: &str) -> Result<Self, LocaleError> {
        let wrong = || LocaleError { given: text.chars().take(40).collect() };
        if text.len() > 35 {
            return Err(wrong());
        }
        let mut locale: icu_locale::Locale = text.replace('_', "-").parse().map_err(|_| wrong())?;
        LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
        if locale.id.language == subtags::Language::UNKNOWN {
            return Err(wrong());
        }
        Ok(Locale(locale.id.to_string()))
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locale({})", self.0)
    }
}
impl Serialize for Locale {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
