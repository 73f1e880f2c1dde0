//! Who looks at a page: the language they read, the locale they want clips in, the region whose feasts they keep.

use actix_web::{HttpRequest, http::header};
use festoon_spec::Locale;

use super::language::Language;
use crate::{
    http::{address, body, language, picks::Wanted, problem::Problem},
    pick::PickError,
    schedule::region_of,
    template::Template,
};

/// Pairs of a page's address that say who looks.
pub const LANG: &str = "lang";
/// The locale of the clips.
pub const LOCALE: &str = "locale";
/// The region whose feasts come first.
pub const REGION: &str = "region";

/// See the [module](self).
pub struct Visitor {
    /// What the page is written in.
    pub language: &'static Language,
    /// Whose feasts are shown.
    pub region: String,
    /// The address's own pairs: those above first, in a fixed order.
    pub said: Vec<(&'static str, String)>,
    /// Every other pair.
    pub pairs: Vec<(String, String)>,
    clips: Wanted,
}

impl Visitor {
    /// Reads the address and `Accept-Language`.
    ///
    /// # Errors
    /// `bad-query`, `bad-header`, `bad-locale`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut pairs = address::read_query(request.uri().query().unwrap_or_default())?;
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(given, _)| given == name)?;
            Some(pairs.remove(at).1).filter(|value| !value.is_empty())
        };
        let (lang, locale, region) = (take(LANG), take(LOCALE), take(REGION));
        let accepted = body::text(request.headers(), header::ACCEPT_LANGUAGE)?.unwrap_or_default().to_owned();
        let read = |tag: &Option<String>| {
            let tag = tag.as_deref().map(str::parse::<Locale>).transpose();
            tag.map_err(|error| Problem::from(&PickError::BadLocale(error)))
        };
        let (lang_tag, locale_tag) = (read(&lang)?, read(&locale)?);
        let page = Wanted { named: lang_tag.clone().or_else(|| locale_tag.clone()), accepted: accepted.clone() };
        let spoken: Vec<&Locale> = Language::all().iter().map(|language| &language.locale).collect();
        let language = page.among(&spoken).and_then(Language::of).unwrap_or_else(Language::english);
        let region = region.filter(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()));
        let kept = region.clone().or_else(|| locale_tag.as_ref().and_then(Locale::region));
        let kept = kept.or_else(|| language::first_region(&accepted)).unwrap_or_else(|| region_of(&language.locale));
        let said = [(LANG, lang), (LOCALE, locale), (REGION, region)];
        Ok(Self {
            language,
            region: kept,
            said: said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            pairs,
            clips: Wanted { named: locale_tag.or(lang_tag), accepted },
        })
    }

    /// The locale of a template's clips.
    pub fn locale_of(&self, template: &Template) -> Locale {
        self.clips.of(template)
    }

    /// What the address says for one of its own pairs.
    pub fn says(&self, name: &str) -> Option<&str> {
        self.said.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Removes a pair of the rest.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(given, _)| given == name)?;
        Some(self.pairs.remove(at).1).filter(|value| !value.is_empty())
    }

    /// A page of this server for the same visitor, with these pairs; a pair replaces what the visitor said.
    pub fn link(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.said.iter().filter(|(name, _)| pairs.iter().all(|(other, _)| other != name)) {
            query.append_pair(name, value);
        }
        query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

impl Visitor {
    /// Somebody of whom nothing is known.
    pub fn unknown() -> Self {
        let language = Language::english();
        Self {
            language,
            region: region_of(&language.locale),
            said: Vec::new(),
            pairs: Vec::new(),
            clips: Wanted { named: None, accepted: String::new() },
        }
    }
}
