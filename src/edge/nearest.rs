//! Which other picks may stand in for one that is not painted yet, the nearest first. Pure.

use std::collections::BTreeMap;

use festoon_spec::Locale;

use crate::{
    pick::Pick,
    template::{Template, Touches},
};

/// Most stand-ins that are looked up for one request.
const MOST: usize = 16;

/// A pick that may stand in, and in what it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// What is shown instead.
    pub pick: Pick,
    /// In what it differs, for the `Festoon-Nearest` header: `variation`, `parameters`, `locale`, joined by `, `.
    pub differs: &'static str,
}

/// Stand-ins for `pick`: another take; one of the values that the plate is painted from at its default, then all of them, in the
/// same locale; then the first and the last of these in the locales that the template has words for, those of the same language
/// first, its default locale next. What is drawn on the plate stays as it was asked for.
pub fn stand_ins(pick: &Pick, template: &Template) -> Vec<StandIn> {
    let with = |locale: &Locale, parameters: &BTreeMap<String, String>, differs| StandIn {
        pick: Pick { locale: locale.clone(), parameters: parameters.clone(), variation: 0, ..pick.clone() },
        differs,
    };
    let painted = |name: &str| template.parameter(name).is_none_or(|parameter| parameter.touches == Touches::Plate);
    let without = |left_out: &dyn Fn(&str) -> bool| -> BTreeMap<String, String> {
        pick.parameters.iter().filter(|(name, _)| !left_out(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let defaults = without(&painted);
    let mut all = Vec::new();
    if pick.variation != 0 {
        all.push(with(&pick.locale, &pick.parameters, "variation"));
    }
    for name in pick.parameters.keys().filter(|name| painted(name)) {
        all.push(with(&pick.locale, &without(&|other| other == name), "parameters"));
    }
    all.push(with(&pick.locale, &defaults, "parameters"));
    for locale in other_locales(pick, template) {
        all.push(with(&locale, &pick.parameters, "locale"));
        all.push(with(&locale, &defaults, "locale, parameters"));
    }
    all.truncate(MOST);
    all
}

fn other_locales(pick: &Pick, template: &Template) -> Vec<Locale> {
    let (spoken, _) = template.words(&pick.locale);
    let mut locales = vec![spoken.clone()];
    locales.extend(template.locales().filter(|locale| locale.language() == pick.locale.language()).cloned());
    locales.push(template.default_locale().clone());
    locales.extend(template.locales().cloned());
    let mut seen = vec![pick.locale.clone()];
    locales.retain(|locale| {
        !seen.contains(locale) && {
            seen.push(locale.clone());
            true
        }
    });
    locales
}
