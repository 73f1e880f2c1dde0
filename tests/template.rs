//! Templates: what is read, every mistake that is found, and the library that follows its folder.
#![allow(clippy::unwrap_used)]

mod audio;
mod commands;
mod digests;
mod library;
mod locales;
mod mistakes;
mod new;
mod overlays;
mod ratios;
mod rules;
mod shipped;

use std::{collections::BTreeMap, fs, path::Path};

use festoon::{
    makers::Makers,
    template::{Known, Mistake, Report, Template, check, reference::reference},
};
use festoon_spec::{Abilities, Checkpoint, EncoderId, Gates, ModelDigest};
use tempfile::TempDir;

pub use shipped::shipped_templates;

/// A template of motion graphics with a parameter of each kind.
const MOTION: &str = r##"painter = "motion"

[canvas]
width = 320
height = 180
frames = 24
fps = 24

[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 10
lines = 2

[parameters.mood]
kind = "choice"
touches = "plate"
choices = ["calm", "wild"]

[parameters.crowd]
kind = "number"
touches = "plate"
min = 0.5
max = 2
step = 0.25
default = 1

[parameters.accent]
kind = "colour"
touches = "plate"
default = "#ffd98a"

[parameters.snowy]
kind = "boolean"
touches = "plate"

[parameters.logo]
kind = "image"
touches = "overlay"

[palettes.night]
sky = ["#000000", "#101020"]
colours = ["{accent}", "#ffffff"]

[scene]
palette = "night"

[[scene.layers]]
motif = "fireworks"
amount = "{crowd}"
speed = { by = "mood", calm = 0.5, wild = 2 }

[[scene.layers]]
motif = "snow"
when = { snowy = true }

[scene.locale.ja]
layers = [{ motif = "petals" }]

[[prerender]]
choices = { mood = ["wild", "calm"] }
"##;

const MOTION_WORDS: &str = r#"title = "Test"
description = "A test."

[parameters.title]
label = "Title"
default = "Hello"

[parameters.mood]
label = "Mood"
choices = { calm = "Calm", wild = "Wild" }

[parameters.crowd]
label = "Crowd"

[parameters.accent]
label = "Accent"

[parameters.snowy]
label = "Snow"

[parameters.logo]
label = "Logo"
"#;

/// A template of the text-to-video model.
const WAN: &str = r#"painter = "wan"

[canvas]
width = 256
height = 144
frames = 17
fps = 16

[parameters.light]
kind = "choice"
touches = "plate"
[parameters.light.choices.dawn]
prompt = "the light of dawn"
[parameters.light.choices.dusk]

[parameters.hero]
kind = "text"
touches = "plate"
in_prompt = true
max_graphemes = 80
default = "a fox"

[prompt]
skeleton = """
In {{ place }}, {{ hero }}
walks through {{ light }}.
"""
negative = "text"
fragments = { place = "a forest" }
locale = { ja = { place = "Tokyo" }, fr = { place = "Paris" } }

[sampling]
model = "tiny"
steps = 4
"#;

const WAN_WORDS: &str = r#"title = "Test"
description = "A test."

[parameters.light]
label = "Light"
choices = { dawn = "Dawn", dusk = "Dusk" }

[parameters.hero]
label = "Hero"
"#;

/// A folder of templates that a test writes.
pub struct Folder(TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// With one template, `test`, that motion graphics paint.
    pub fn motion() -> Self {
        Self::empty().with("test/template.toml", MOTION).with("test/words/en.toml", MOTION_WORDS)
    }

    /// With one template, `test`, that the model paints.
    pub fn wan() -> Self {
        Self::empty().with("test/template.toml", WAN).with("test/words/en.toml", WAN_WORDS)
    }

    pub fn with(self, file: &str, text: &str) -> Self {
        self.write(file, text);
        self
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts `new` in the place of `old`, which must be there.
    pub fn edit(self, file: &str, old: &str, new: &str) -> Self {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no {old:?}");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn template(&self) -> Template {
        let (mut templates, report) = check(self.path(), &Known::default());
        assert!(report.is_clean(), "{report}");
        templates.remove(0)
    }

    fn report(&self) -> Report {
        check(self.path(), &Known::default()).1
    }

    /// `file:line:column code` of each mistake, files without the folder.
    fn places(&self) -> Vec<String> {
        places(&self.report(), self.path())
    }
}

fn places(report: &Report, folder: &Path) -> Vec<String> {
    let place = |mistake: &Mistake| {
        let file = mistake.place.file.path.strip_prefix(folder).unwrap().display().to_string();
        let (line, column) = mistake.place.file.line_and_column(mistake.place.span.start);
        format!("{file}:{line}:{column} {}", mistake.code)
    };
    report.mistakes.iter().map(place).collect()
}

/// What the shipped model `tiny` says of itself.
pub fn tiny() -> Abilities {
    said_by("tiny")
}

fn said_by(model: &str) -> Abilities {
    Abilities::of_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(model)).unwrap()
}

/// Makers with the shipped models.
pub fn makers() -> Makers {
    let checkpoint = |name: &str, byte| {
        let abilities = said_by(name);
        (name.to_owned(), Checkpoint { digest: ModelDigest::from_bytes([byte; 32]), abilities, gates: Gates::default() })
    };
    Makers {
        models: BTreeMap::from([checkpoint("tiny", 7), checkpoint("default", 9)]),
        encoder: EncoderId("x264 test plate/1".into()),
        compositor: "festoon test".into(),
        deriver: "derive test".into(),
        sounds: BTreeMap::new(),
    }
}

/// Templates may refer to the model `tiny`.
fn knowing_tiny() -> Known {
    knowing(&["tiny"])
}

/// Templates may refer to these shipped models.
fn knowing(models: &[&str]) -> Known {
    let models = models.iter().map(|name| ((*name).to_owned(), Some(said_by(name)))).collect();
    Known { models: Some(models), ..Known::default() }
}

#[test]
fn the_reference_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let written = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, reference(), "write it again: festoon check --reference > docs/templates.md");
}
