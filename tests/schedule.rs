//! Feasts, the plan and the campaigns.
#![allow(clippy::unwrap_used)]

mod agenda;
mod campaign;
mod feasts;
mod plan;
mod prerender;
mod preview;
mod tick;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use festoon::{
    makers::Makers,
    template::{Library, Templates},
};
use festoon_spec::EncoderId;

/// Writes a template with one choice that moves the plate, a scene of its own for Japanese, and `rules`.
fn write_template(folder: &Path, id: &str, rules: &str) {
    let head = r##"
painter = "motion"
canvas = { width = 320, height = 180, frames = 24, fps = 24, ratios = ["16:9", "9:16"] }
[parameters.mood]
kind = "choice"
touches = "plate"
choices = ["still", "lively"]
[palettes.night]
sky = ["#000010", "#101030"]
colours = ["#ffffff"]
[scene]
palette = "night"
layers = [{ motif = "snow" }, { motif = "bokeh", when = { mood = "lively" } }]
[scene.locale.ja]
layers = [{ motif = "petals" }]
"##;
    let template = folder.join(id);
    fs::create_dir_all(template.join("words")).unwrap();
    fs::write(template.join("template.toml"), format!("{head}{rules}")).unwrap();
    for locale in ["en", "fr", "ja"] {
        let words = "title = 'Card'\ndescription = 'A card.'\n[parameters.mood]\nlabel = 'Mood'\nchoices = { still = 'Still', lively = 'Lively' }\n";
        fs::write(template.join(format!("words/{locale}.toml")), words).unwrap();
    }
}

/// The one template `card`, with these rules.
fn templates(rules: &str) -> Arc<Templates> {
    let folder = tempfile::tempdir().unwrap();
    write_template(folder.path(), "card", rules);
    open(folder.path())
}

fn open(folder: &Path) -> Arc<Templates> {
    Library::open(folder).unwrap_or_else(|report| panic!("{report}")).current()
}

fn makers() -> Makers {
    Makers {
        models: BTreeMap::new(),
        encoder: EncoderId("x264 test plate/1".into()),
        compositor: "festoon test".into(),
        deriver: "derive test".into(),
        sounds: BTreeMap::new(),
    }
}
