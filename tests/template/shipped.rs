//! The templates that come with festoon.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use festoon::{
    pick::{Pick, RankedPick},
    schedule::Feasts,
    template::{Kind, Known, LocaleScene, Template, check},
};
use festoon_spec::{Abilities, Locale};

use super::{knowing, makers};

/// The languages that every shipped template speaks.
const LANGUAGES: [&str; 8] = ["ar", "de", "en", "es", "fr", "hi", "ja", "zh-Hans"];

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")
}

/// The templates that come with festoon.
pub fn shipped_templates() -> Vec<Template> {
    let feasts = Feasts::load(&shipped().with_file_name("config").join("feasts")).unwrap();
    let known = Known { feasts: Some(feasts.ids().map(str::to_owned).collect()), ..knowing(&["default"]) };
    let (templates, report) = check(&shipped(), &known);
    assert!(report.is_clean(), "{report}");
    templates
}

#[test]
fn every_shipped_template_speaks_eight_languages() {
    let templates = shipped_templates();
    assert!(templates.len() >= 15);
    for template in &templates {
        let languages: Vec<_> = template.locales().map(Locale::as_str).collect();
        let languages: BTreeSet<_> = languages.into_iter().collect();
        assert_eq!(languages, BTreeSet::from(LANGUAGES), "{}", template.id);
        let titles: BTreeSet<_> =
            LANGUAGES.iter().map(|language| template.words(&language.parse().unwrap()).1.title.clone()).collect();
        assert!(titles.len() >= 7, "{}: some titles were not translated: {titles:?}", template.id);
        assert!(template.parameters.len() >= 3, "{}", template.id);
        assert!(template.parameter("title").is_some(), "{}", template.id);
    }
}

#[test]
fn every_shipped_template_looks_different_in_another_culture_and_alike_in_some() {
    for template in &shipped_templates() {
        let scenes = template.locale_scenes().unwrap();
        assert!((2..LANGUAGES.len()).contains(&scenes.len()), "{}: {scenes:#?}", template.id);
        let key = |locale: &str| {
            let pick = Pick::usual(template.id.clone(), locale.parse().unwrap());
            pick.resolve(template, &makers()).unwrap().plate_key
        };
        for LocaleScene { locales, .. } in &scenes {
            let keys: BTreeSet<_> = locales.iter().map(|locale| key(locale.as_str())).collect();
            assert_eq!(keys.len(), 1, "{}: {locales:?} see the same, so they share a plate", template.id);
        }
        assert_eq!(key("zh-Hant-TW"), key("zh-Hans-CN"), "{}: a picture is in no script", template.id);
    }
}

#[test]
fn the_examples_for_the_large_model_suit_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wan2.2");
    let models = BTreeMap::from([("wan2.2-t2v-a14b".to_owned(), Some(Abilities::official()))]);
    let (templates, report) = check(&folder, &Known { models: Some(models), ..Known::default() });
    assert!(report.is_clean(), "{report}");
    assert_eq!(templates.len(), 2);
}

#[test]
fn every_value_of_every_shipped_template_resolves_in_every_language() {
    for template in &shipped_templates() {
        for language in LANGUAGES {
            let mut picks = vec![BTreeMap::new()];
            for parameter in &template.parameters {
                let values = match &parameter.kind {
                    Kind::Choice { choices } => choices.iter().map(|choice| choice.id.clone()).collect(),
                    Kind::Number { min, max, .. } => vec![min.to_string(), max.to_string()],
                    Kind::Boolean => vec!["false".into(), "true".into()],
                    Kind::Colour => vec!["#123456".into()],
                    Kind::Text { .. } => vec![String::new(), "x".into()],
                    Kind::Image => vec!["0".repeat(64)],
                };
                picks.extend(values.into_iter().map(|value| BTreeMap::from([(parameter.name.clone(), value)])));
            }
            for parameters in picks {
                let locale = language.parse().unwrap();
                let pick = Pick { parameters, ..Pick::usual(template.id.clone(), locale) };
                let resolved = pick.resolve(template, &makers()).unwrap_or_else(|error| panic!("{pick:?}: {error}"));
                assert!(!resolved.clip.overlay.values["title"].is_empty() || pick.parameters.contains_key("title"), "{pick:?}");
            }
        }
    }
}

#[test]
fn what_is_painted_ahead_resolves_and_the_most_wanted_comes_first() {
    for template in &shipped_templates() {
        assert!(!template.prerender.is_empty(), "{}", template.id);
        for rule in &template.prerender {
            let picks = RankedPick::of(rule, template);
            assert!(picks.is_sorted_by_key(|ranked| ranked.rank), "{}", template.id);
            assert_eq!(picks[0].pick.locale, rule.locales[0]);
            for ranked in &picks {
                ranked.pick.resolve(template, &makers()).unwrap();
            }
        }
    }
}

/// A recording weighs more than a page of text: together they stay within what a clone can carry.
#[test]
fn some_shipped_templates_have_music_that_can_be_left_out() {
    let templates = shipped_templates();
    let sounding: Vec<&Template> = templates.iter().filter(|template| template.sounds()).collect();
    assert!(sounding.len() >= 6);
    let mut beds = BTreeSet::new();
    for template in sounding {
        let heard = |sound: &str| {
            let mut pick = Pick::usual(template.id.clone(), "en".parse().unwrap());
            pick.parameters.insert("sound".into(), sound.into());
            pick.resolve(template, &makers()).unwrap().bed
        };
        let bed = heard("on").unwrap();
        assert_eq!(
            Pick::usual(template.id.clone(), "ja".parse().unwrap()).resolve(template, &makers()).unwrap().bed,
            Some(bed.clone())
        );
        assert_eq!(heard("off"), None, "{}", template.id);
        assert!((bed.seconds() - 5.0).abs() < 0.01 && bed.headroom() > 2.0, "{}: {bed:?}", template.id);
        beds.insert(bed.digest());
    }
    assert!(beds.len() >= 6, "each has its own");
    let bytes: u64 = templates
        .iter()
        .filter_map(|template| shipped().join(template.id.as_str()).join("bed.ogg").metadata().ok())
        .map(|bed| bed.len())
        .sum();
    assert!(bytes < 300_000, "{bytes} bytes");
}
