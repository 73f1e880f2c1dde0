//! Templates: what is read, every mistake that is found, and the library that follows its folder.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use festoon::{
    makers::Makers,
    pick::Pick,
    schedule::Feasts,
    template::{Kind, Known, Library, Report, Template, check, reference::reference},
};
use festoon_spec::{EncoderId, Locale, ModelDigest, Profile};
use tempfile::TempDir;

/// The languages that every shipped template speaks.
const LANGUAGES: [&str; 8] = ["ar", "de", "en", "es", "fr", "hi", "ja", "zh-Hans"];

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
    let place = |mistake: &festoon::template::Mistake| {
        let file = mistake.place.file.path.strip_prefix(folder).unwrap().display().to_string();
        let (line, column) = mistake.place.file.line_and_column(mistake.place.span.start);
        format!("{file}:{line}:{column} {}", mistake.code)
    };
    report.mistakes.iter().map(place).collect()
}

/// Makers with a model `tiny`.
pub fn makers() -> Makers {
    let models = BTreeMap::from([("tiny".to_owned(), ModelDigest::from_bytes([7; 32]))]);
    Makers { models, encoder: EncoderId("x264 test plate/1".into()) }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")
}

/// The templates that come with festoon.
pub fn shipped_templates() -> Vec<Template> {
    let feasts = Feasts::load(&shipped().with_file_name("config").join("feasts")).unwrap();
    let known =
        Known { feasts: Some(feasts.ids().map(str::to_owned).collect()), models: Some(BTreeSet::from(["tiny".to_owned()])) };
    let (templates, report) = check(&shipped(), &known);
    assert!(report.is_clean(), "{report}");
    templates
}

#[test]
fn every_shipped_template_speaks_eight_languages() {
    let templates = shipped_templates();
    assert!(templates.len() >= 11);
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
                let pick = Pick { template: template.id.clone(), locale, parameters, variation: 0, profile: Profile::Mp4 };
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
            let picks = rule.picks(template);
            assert!(picks.is_sorted_by_key(|ranked| ranked.rank), "{}", template.id);
            assert_eq!(picks[0].pick.locale, rule.locales[0]);
            for ranked in &picks {
                ranked.pick.resolve(template, &makers()).unwrap();
            }
        }
    }
}

#[test]
fn a_rule_ranks_by_how_far_down_its_lists_a_pick_stands() {
    let folder = Folder::motion().edit(
        "test/template.toml",
        "choices = { mood = [\"wild\", \"calm\"] }",
        "choices = { mood = [\"wild\", \"calm\"] }\nlocales = [\"en\", \"en-GB\"]\nvariations = 2",
    );
    let template = folder.template();
    let picks = template.prerender[0].picks(&template);
    let shown: Vec<_> = picks
        .iter()
        .map(|ranked| {
            format!("{} {} {} {}", ranked.rank, ranked.pick.locale, ranked.pick.parameters["mood"], ranked.pick.variation)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 en wild 0",
            "1 en wild 1",
            "1 en calm 0",
            "1 en-GB wild 0",
            "2 en calm 1",
            "2 en-GB wild 1",
            "2 en-GB calm 0",
            "3 en-GB calm 1",
        ]
    );
}

/// Each edit makes one mistake; it must be found where it is, and say what would be right.
#[test]
fn each_mistake_in_a_template_is_found_where_it_is() {
    let file = "test/template.toml";
    let cases = [
        ("width = 320", "widht = 320", "4:1 unknown-key", "there is no key `widht`", "did you mean `width`?"),
        ("width = 320", "width = 321", "4:9 bad-canvas", "multiple of 2", "320 and 322 are"),
        ("width = 320", "width = \"wide\"", "4:9 wrong-type", "of type string, expected a whole number from 16 to 3840", ""),
        ("fps = 24", "fps = 0", "7:7 out-of-range", "`fps` is 0, expected a whole number from 1 to 60", ""),
        ("painter = \"motion\"", "painter = \"motoin\"", "1:11 unknown-painter", "no painter `motoin`", "motion, wan"),
        ("painter = \"motion\"", "default_locale = \"ko\"\npainter = \"motion\"", "1:18 missing-words", "`ko`", "words/ko.toml"),
        ("painter = \"motion\"", "fallback = { xx-invalid-tag = \"en\" }\npainter = \"motion\"", "1:14 bad-locale", "BCP-47", ""),
        ("kind = \"text\"", "kind = \"txet\"", "9:1 unknown-kind", "`txet`", "did you mean `text`?"),
        ("touches = \"overlay\"", "touches = \"over\"", "11:11 bad-value", "expected `plate` or `overlay`", ""),
        ("max_graphemes = 10", "max_graphemes = 10\npattern = \"(\"", "13:11 bad-pattern", "unclosed group", ""),
        ("[parameters.title]", "[parameters.variation]", "9:13 reserved-name", "query string", "another name"),
        ("[parameters.title]", "[parameters.Titel]", "9:13 bad-name", "`Titel`", "lower-case"),
        ("\"calm\", \"wild\"]", "\"calm\", \"calm\"]", "18:20 repeated-name", "`calm` is there twice", ""),
        (
            "choices = [\"calm\", \"wild\"]",
            "choices = [\"calm\", \"wild\"]\ndefault = \"clam\"",
            "19:11 unknown-choice",
            "`clam`",
            "calm, wild",
        ),
        ("max = 2\n", "max = 2.1\n", "24:7 number-off-step", "2.1", "last number of the grid is 2"),
        ("default = 1\n", "default = 1.1\n", "26:11 number-off-step", "1.1", "nearest is 1"),
        ("default = 1\n", "default = 7\n", "26:11 number-out-of-range", "7 is not between 0.5 and 2", ""),
        ("default = \"#ffd98a\"", "default = \"gold\"", "31:11 bad-colour", "#rrggbb", ""),
        ("sky = [\"#000000\", \"#101020\"]", "sky = [\"#000000\"]", "42:7 too-few", "at least 2 colours", ""),
        ("sky = [\"#000000\"", "sky = [\"#00000\"", "42:8 bad-value", "`#00000` is not a colour", ""),
        (
            "colours = [\"{accent}\"",
            "colours = [\"{crowd}\"",
            "43:12 misfit",
            "the number parameter `crowd` does not fit",
            "a colour parameter",
        ),
        (
            "colours = [\"{accent}\"",
            "colours = [\"{acent}\"",
            "43:12 unknown-parameter",
            "no parameter `acent`",
            "did you mean `accent`?",
        ),
        ("palette = \"night\"", "palette = \"nihgt\"", "46:11 unknown-palette", "no palette `nihgt`", "did you mean `night`?"),
        (
            "motif = \"fireworks\"",
            "motif = \"firework\"",
            "49:9 unknown-motif",
            "no motif `firework`",
            "did you mean `fireworks`?",
        ),
        (
            "amount = \"{crowd}\"",
            "amount = \"{mood}\"",
            "50:10 misfit",
            "the choice parameter `mood` does not fit",
            "a number parameter",
        ),
        ("amount = \"{crowd}\"", "amount = 4", "50:10 out-of-range", "from 0 to 3", ""),
        ("amount = \"{crowd}\"", "depth = \"{crowd}\"", "50:9 misfit", "does not fit here: `2` does not", "whose range fits"),
        ("calm = 0.5, wild = 2", "calm = 0.5, wlid = 2", "51:36 unknown-choice", "`wlid`", "did you mean `wild`?"),
        ("by = \"mood\", calm", "calm", "51:9 missing-key", "needs the key `by`", ""),
        ("when = { snowy = true }", "when = { snowy = 3 }", "55:18 bad-boolean", "neither `true` nor `false`", ""),
        ("speed = { by = \"mood\", calm = 0.5, wild = 2 }\n", "when = { snowy = false }\n", "48:1 no-layer", "always there", ""),
        ("[scene.locale.ja]", "[scene.locale.jp_JP_x]", "57:15 bad-locale", "BCP-47", ""),
        ("mood = [\"wild\", \"calm\"]", "mood = [\"wild\", \"clam\"]", "61:29 unknown-choice", "`clam`", "calm, wild"),
        ("mood = [\"wild\", \"calm\"]", "title = [\"x\"]", "61:13 not-in-plate", "touches the overlay", ""),
        ("[[prerender]]", "[[prerender]]\nlocales = [\"ko-KR\"]", "61:12 missing-words", "`ko-KR`", "words/ko-KR.toml"),
        ("[[prerender]]", "[[prerender]]\nready = \"P21D before\"", "61:9 misplaced-key", "counted from a feast", "feast"),
        ("[[prerender]]", "[[prerender]]\nfeast = \"x\"\nready = \"21 days\"", "62:9 bad-value", "ISO 8601", ""),
        (
            "[[prerender]]",
            "[[prerender]]\nfeast = \"x\"\nshow = [\"P1D after\", \"P1D before\"]",
            "62:8 out-of-range",
            "which is not after",
            "",
        ),
        ("[[prerender]]", "[[prerender]]\nbudget = { plates = 0 }", "61:21 out-of-range", "`plates` is 0", ""),
        ("[[prerender]]", "[[prerender]]\ncatch_up = \"all\"", "61:12 bad-value", "`latest`", ""),
        ("[scene]\n", "[sampling]\nmodel = \"tiny\"\nsteps = 4\n[scene]\n", "45:1 misplaced-key", "does not read `sampling`", ""),
        ("fps = 24", "fps = 24\nfps = 25", "8:1 syntax", "duplicate key", ""),
        ("[[scene.layers]]", "[[scene.layers]", "48:16 syntax", "unclosed array table", ""),
    ];
    assert_found(Folder::motion, file, &cases);
}

/// What is put in the place of what, and the mistake that it makes: `line:column code`, parts of its message and its hint.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn assert_found(folder: impl Fn() -> Folder, file: &str, cases: &[Case]) {
    let missed = cases.iter().filter_map(|(old, new, place, message, hint)| {
        let report = folder().edit(file, old, new).report();
        let found = report.mistakes.iter().any(|mistake| {
            let (line, column) = mistake.place.file.line_and_column(mistake.place.span.start);
            mistake.place.file.path.ends_with(file)
                && format!("{line}:{column} {}", mistake.code) == *place
                && mistake.message.contains(message)
                && mistake.hint.as_deref().unwrap_or("").contains(hint)
        });
        (!found).then(|| format!("{new:?}: expected {place} {message:?} {hint:?}, found {report}"))
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_mistake_in_a_prompt_is_found_at_its_line() {
    let cases = [
        ("width = 256", "width = 250", "4:9 bad-canvas", "multiple of 16", "240 and 256 are"),
        ("frames = 17", "frames = 16", "6:10 bad-canvas", "4 n + 1", "13 and 17 are"),
        ("{{ light }}.", "{{ light }.", "26:1 prompt-syntax", "in its line 2", ""),
        ("{{ light }}.", "{{ lihgt }}.", "26:18 unknown-name", "`lihgt`", "did you mean `light`?"),
        ("{{ light }}.", "{{ light | shout }}.", "26:1 prompt-fails", "shout", ""),
        ("{{ light }}.", "{% include \"x\" %}{{ light }}.", "26:1 prompt-syntax", "include", ""),
        ("{{ light }}.", "{{ light }}{% if light == \"dusk\" %}{{ 1 + light }}{% endif %}.", "26:1 prompt-fails", "", ""),
        ("{{ light }}.", "{{ light }}{% for a in [1] * 99999 %}{% endfor %}.", "26:1 prompt-fails", "fuel", ""),
        ("{{ light }}.", "{{ light }}{{ \"x\" * 9999 }}.", "24:12 prompt-fails", "longer than 8192 bytes", ""),
        ("in_prompt = true\n", "", "24:20 text-in-prompt", "`hero` may not be put into a prompt", "in_prompt = true"),
        (
            "touches = \"plate\"\nin_prompt",
            "touches = \"overlay\"\nin_prompt",
            "19:13 misplaced-key",
            "cannot be in a prompt",
            "plate",
        ),
        ("ja = { place", "ja = { plaec", "30:17 unknown-fragment", "`plaec`", "did you mean `place`?"),
        ("place = \"a forest\"", "place = \"a forest\", corner = \"x\"", "29:13 unused-fragment", "`corner`", ""),
        ("place = \"a forest\"", "place = \"a forest\", hero = \"x\"", "29:13 repeated-name", "`hero`", ""),
        ("[sampling]", "[smapling]", "32:2 unknown-key", "`smapling`", "did you mean `sampling`?"),
        ("steps = 4", "steps = 0", "34:9 out-of-range", "from 1 to 100", ""),
        ("steps = 4", "steps = 4\nsampler = \"uni\"", "35:11 unknown-sampler", "`uni`", "unipc, euler, lightning"),
        ("steps = 4", "steps = 4\nloras = [{ digest = \"abc\" }]", "35:21 bad-value", "64 lower-case hexadecimal digits", ""),
        ("steps = 4", "steps = 4\nshift = nan", "35:9 out-of-range", "NaN", ""),
        ("[sampling]", "[scene]\n[sampling]", "32:1 misplaced-key", "does not read `scene`", "leave it out"),
        (", {{ hero }}", "", "16:13 unused-parameter", "`hero`", "overlay"),
    ];
    assert_found(Folder::wan, "test/template.toml", &cases);
}

#[test]
fn each_mistake_in_words_is_found_where_it_is() {
    let cases = [
        ("title = \"Test\"", "titel = \"Test\"", "1:1 unknown-key", "`titel`", "did you mean `title`?"),
        ("title = \"Test\"", "", "1:1 missing-key", "`title`", ""),
        ("title = \"Test\"", "title = \" \"", "1:9 empty-text", "`title` is empty", ""),
        ("[parameters.crowd]\nlabel = \"Crowd\"", "", "1:1 missing-words", "`crowd`", "[parameters.crowd]"),
        ("[parameters.crowd]", "[parameters.crwod]", "12:13 undeclared-parameter", "`crwod`", "did you mean `crowd`?"),
        ("default = \"Hello\"", "", "4:1 missing-default", "`title`", "default"),
        ("default = \"Hello\"", "default = \"Hello, hello\"", "6:11 text-too-long", "12 characters, at most 10", "leave out 2"),
        ("calm = \"Calm\", wild", "clam = \"Calm\", wild", "10:13 unknown-choice", "`clam`", "did you mean `calm`?"),
        ("calm = \"Calm\", ", "", "10:11 missing-label", "calm", "[parameters.mood.choices]"),
        ("label = \"Crowd\"", "label = \"Crowd\"\nchoices = {}", "14:11 misplaced-key", "has no choices", ""),
        ("label = \"Crowd\"", "label = \"Crowd\"\ndefault = \"1\"", "14:11 misplaced-key", "number parameter", "template.toml"),
        ("label = \"Mood\"", "label = Mood", "9:9 syntax", "", ""),
    ];
    assert_found(Folder::motion, "test/words/en.toml", &cases);
}

#[test]
fn every_mistake_is_reported_at_once_over_all_files() {
    let folder = Folder::motion()
        .edit("test/template.toml", "width = 320", "width = 321")
        .edit("test/template.toml", "motif = \"snow\"", "motif = \"snwo\"")
        .edit("test/words/en.toml", "label = \"Mood\"", "lable = \"Mood\"")
        .with("other/template.toml", "painter = \"wan\"")
        .with("Bad_Name/template.toml", MOTION);
    assert_eq!(
        folder.places(),
        [
            "Bad_Name/template.toml:1:1 missing-words",
            "Bad_Name:1:1 bad-template-id",
            "Bad_Name/words:1:1 unreadable",
            "other/template.toml:1:1 missing-words",
            "other/template.toml:1:1 missing-key",
            "other/template.toml:1:11 missing-key",
            "other/template.toml:1:11 missing-key",
            "other/words:1:1 unreadable",
            "test/template.toml:4:9 bad-canvas",
            "test/template.toml:54:9 unknown-motif",
            "test/words/en.toml:9:1 unknown-key",
        ]
    );
}

#[test]
fn files_that_are_no_text_or_too_large_are_refused() {
    let folder = Folder::motion();
    fs::write(folder.path().join("test/words/fr.toml"), b"title = \"\xff\"").unwrap();
    let folder = folder.with("test/words/de.toml", &"#".repeat(300_000)).with("test/words/zh_cn.toml", MOTION_WORDS);
    let folder = folder.with("test/words/en-US.toml", MOTION_WORDS).with("test/words/notes.txt", "not read");
    assert_eq!(
        folder.places(),
        [
            "test/words/de.toml:1:1 too-large",
            "test/words/en.toml:1:1 repeated-locale",
            "test/words/fr.toml:1:1 not-utf-8",
            "test/words/zh_cn.toml:1:1 bad-locale",
        ]
    );
    let empty = Folder::empty();
    assert!(empty.report().mistakes[0].message.contains("expected 1 to 1000 folders"));
    let (_, report) = check(&empty.path().join("missing"), &Known::default());
    assert_eq!(report.mistakes[0].code, "unreadable");
}

#[test]
fn feasts_and_models_are_checked_where_they_are_known() {
    let motion = Folder::motion().edit("test/template.toml", "[[prerender]]", "[[prerender]]\nfeast = \"eid_al_fitri\"");
    let known = Known { feasts: Some(BTreeSet::from(["eid_al_fitr".into()])), models: Some(BTreeSet::new()) };
    let (_, report) = check(motion.path(), &known);
    assert_eq!(places(&report, motion.path()), ["test/template.toml:61:9 unknown-feast"]);
    assert_eq!(report.mistakes[0].hint.as_deref(), Some("did you mean `eid_al_fitr`?"));
    assert!(motion.report().is_clean());

    let (_, report) = check(Folder::wan().path(), &known);
    assert_eq!(report.mistakes[0].code, "unknown-model");
}

#[test]
fn one_template_can_be_checked_by_its_folder() {
    let folder = Folder::motion();
    let (templates, report) = check(&folder.path().join("test"), &Known::default());
    assert!(report.is_clean(), "{report}");
    assert_eq!(templates[0].id.as_str(), "test");
}

/// Comments and blanks, words, choices that were not made: none of them may cost a plate.
#[test]
fn the_plate_digest_names_what_every_plate_depends_on_and_nothing_else() {
    let file = "test/template.toml";
    let before = Folder::motion().template();
    for (old, new) in [
        ("[canvas]", "# A comment.\n\n[canvas]"),
        ("width = 320\nheight = 180", "height = 180\nwidth = 320"),
        ("by = \"mood\", calm = 0.5, wild = 2", "calm = 0.50, wild = 2.0, by = \"mood\""),
        ("max = 2\n", "max = 3\n"),
        ("#101020", "#101021"),
        ("[scene.locale.ja]", "[scene.locale.ko]"),
        ("max_graphemes = 10", "max_graphemes = 20"),
    ] {
        let after = Folder::motion().edit(file, old, new).template();
        assert_eq!(after.plate_digest(), before.plate_digest(), "{new}");
        assert_ne!(after.revision, before.revision, "{new}");
    }
    for (old, new) in [
        ("width = 320", "width = 322"),
        ("motif = \"snow\"", "motif = \"petals\""),
        ("palette = \"night\"", "palette = \"night\"\nlooped = true"),
        ("wild = 2 }", "wild = 2.5 }"),
    ] {
        assert_ne!(Folder::motion().edit(file, old, new).template().plate_digest(), before.plate_digest(), "{new}");
    }
    let wan = Folder::wan().template();
    for (old, new, moves) in [
        ("walks", "runs", true),
        ("steps = 4", "steps = 5", true),
        ("negative = \"text\"", "negative = \"blur\"", true),
        ("Paris", "Lyon", false),
        ("a fox\"", "a hare\"", false),
    ] {
        assert_eq!(Folder::wan().edit(file, old, new).template().plate_digest() != wan.plate_digest(), moves, "{new}");
    }
}

#[test]
fn the_overlay_digest_names_the_words_that_can_be_drawn() {
    let badge = "[parameters.badge]\nkind = \"choice\"\ntouches = \"overlay\"\nchoices = [\"new\"]\n\n[palettes.night]";
    let words = format!("{MOTION_WORDS}\n[parameters.badge]\nlabel = \"Badge\"\nchoices = {{ new = \"New\" }}\n");
    let folder = || {
        let folder = Folder::motion().edit("test/template.toml", "[palettes.night]", badge);
        folder.with("test/words/en.toml", &words).with("test/words/fr.toml", &words.replace("\"New\"", "\"Nouveau\""))
    };
    let digest = |template: &Template, locale: &str| template.overlay_digest(&locale.parse().unwrap());
    let before = folder().template();
    assert_ne!(digest(&before, "en"), digest(&before, "fr"));
    assert_eq!(digest(&before, "fr-CA"), digest(&before, "fr"));

    let label = folder().edit("test/words/en.toml", "label = \"Badge\"", "label = \"Sign\"").template();
    assert_eq!(digest(&label, "en"), digest(&before, "en"), "a label is never drawn");
    let drawn = folder().edit("test/words/en.toml", "\"New\"", "\"Fresh\"").template();
    assert_ne!(digest(&drawn, "en"), digest(&before, "en"));
    assert_eq!(digest(&drawn, "fr"), digest(&before, "fr"));
    let another = Folder::motion().template();
    assert_ne!(digest(&another, "en"), digest(&before, "en"), "an overlay parameter more");
}

#[test]
fn words_come_from_the_nearest_locale_that_has_any() {
    let words = |title: &str| MOTION_WORDS.replace("Test", title);
    let folder = |fallback: &str| {
        let folder = Folder::motion().edit("test/template.toml", "painter", &format!("{fallback}\npainter"));
        let folder = folder.with("test/words/fr.toml", &words("French")).with("test/words/zh-Hans.toml", &words("Simplified"));
        folder.with("test/words/pt-PT.toml", &words("European Portuguese"))
    };
    let title = |template: &Template, locale: &str| template.words(&locale.parse().unwrap()).1.title.clone();
    let template = folder("").template();
    for (locale, expected) in [
        ("fr", "French"),
        ("fr-CA", "French"),
        ("zh-CN", "Simplified"),
        ("zh-SG", "Simplified"),
        ("zh-TW", "Test"),
        ("pt-PT", "European Portuguese"),
        ("pt-BR", "Test"),
        ("ko-KR", "Test"),
    ] {
        assert_eq!(title(&template, locale), expected, "{locale}");
    }
    let declared = folder("fallback = { zh-Hant = \"zh-Hans\", ko = \"fr\" }").template();
    assert_eq!(title(&declared, "zh-HK"), "Simplified");
    assert_eq!(title(&declared, "ko-KR"), "French");
}

#[test]
fn the_reference_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let written = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, reference(), "write it again: festoon check --reference > docs/templates.md");
}

/// Waits until the library has read its folder again and finds it as wanted.
async fn read_again_until(library: &Library, wanted: impl Fn(&Library) -> bool) {
    const GIVE_UP: Duration = Duration::from_secs(60);
    let mut readings = library.readings();
    let wait = async {
        while !wanted(library) {
            readings.changed().await.expect("the library lives");
        }
    };
    tokio::time::timeout(GIVE_UP, wait).await.expect("the library did not follow its folder");
}

fn title(library: &Library) -> Option<String> {
    let id = "test".parse().unwrap();
    library.current().get(&id).map(|template| template.words(&"en".parse().unwrap()).1.title.clone())
}

#[tokio::test]
async fn a_saved_change_is_read_without_a_restart() {
    let folder = Folder::motion();
    let library = Library::open(folder.path()).unwrap();
    let _watch = library.watch().unwrap();
    let kept = library.current();

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("Test", "Changed"));
    read_again_until(&library, |library| title(library).as_deref() == Some("Changed")).await;
    assert!(library.problems().is_clean());
    assert_eq!(kept.iter().next().unwrap().words(&"en".parse().unwrap()).1.title, "Test", "what was taken before stays");

    folder.write("second/words/en.toml", WAN_WORDS);
    folder.write("second/template.toml", WAN);
    read_again_until(&library, |library| library.current().iter().len() == 2 && library.problems().is_clean()).await;

    fs::remove_dir_all(folder.path().join("test")).unwrap();
    read_again_until(&library, |library| title(library).is_none() && library.problems().is_clean()).await;
}

#[tokio::test]
async fn a_broken_save_keeps_the_old_template_and_says_so() {
    let folder = Folder::motion().with("second/template.toml", WAN).with("second/words/en.toml", WAN_WORDS);
    let library = Library::open(folder.path()).unwrap();
    let _watch = library.watch().unwrap();

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("title = \"Test\"", "titel = \"Broken\""));
    read_again_until(&library, |library| !library.problems().is_clean()).await;
    assert_eq!(title(&library).as_deref(), Some("Test"));
    let problems = library.problems();
    assert!(problems.lines().any(|line| line.contains("en.toml:1:1") && line.contains("did you mean `title`?")), "{problems}");

    // The other template still follows its files.
    folder.write("second/words/en.toml", &WAN_WORDS.replace("Test", "Moved on"));
    let second = "second".parse().unwrap();
    let moved = |library: &Library| library.current().get(&second).unwrap().words(&"en".parse().unwrap()).1.title == "Moved on";
    read_again_until(&library, moved).await;
    assert_eq!(title(&library).as_deref(), Some("Test"));

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("Test", "Mended"));
    read_again_until(&library, |library| title(library).as_deref() == Some("Mended")).await;
    assert!(library.problems().is_clean());
}

#[test]
fn a_library_does_not_open_with_a_mistake() {
    let folder = Folder::motion().edit("test/template.toml", "width = 320", "width = 321");
    let report = Library::open(folder.path()).unwrap_err();
    assert_eq!(places(&report, folder.path()), ["test/template.toml:4:9 bad-canvas"]);
}

#[test]
fn an_unreadable_folder_keeps_every_template() {
    let folder = Folder::motion();
    let library = Library::open(folder.path()).unwrap();
    fs::rename(folder.path().join("test"), folder.path().join(".hidden")).unwrap();
    library.reload();
    assert_eq!(title(&library).as_deref(), Some("Test"));
    assert_eq!(library.problems().mistakes[0].code, "no-templates");
}

/// Runs the program as a template's author would.
fn festoon(arguments: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_festoon")).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_ends_with_1_and_shows_each_line() {
    let folder = Folder::motion();
    let (code, out, _) = festoon(&["check", "."], folder.path());
    assert_eq!((code, out.as_str()), (Some(0), "1 template, no mistakes\n"));

    let folder = folder.edit("test/template.toml", "width = 320", "widht = 320");
    let (code, _, err) = festoon(&["check", "."], folder.path());
    assert_eq!(code, Some(1));
    for part in ["test/template.toml:4:1", "widht = 320", "did you mean `width`?", "1 mistake in ."] {
        assert!(err.contains(part), "{part}: {err}");
    }

    let (code, out, _) = festoon(&["check", ".", "--json"], folder.path());
    assert_eq!(code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let mistake = &report["mistakes"][0];
    assert_eq!(report["clean"], false);
    assert_eq!((&mistake["line"], &mistake["column"], &mistake["code"]), (&4.into(), &1.into(), &"unknown-key".into()));
}

#[test]
fn check_knows_the_feasts_of_the_settings() {
    let project = Folder::empty().with("config/festoon.toml", "");
    project.write("config/feasts/eid.toml", "id = \"eid\"\nname = \"Eid\"\ndefault = { fixed = \"03-20\" }\n");
    project.write("templates/test/words/en.toml", MOTION_WORDS);
    project.write("templates/test/template.toml", &MOTION.replace("[[prerender]]", "[[prerender]]\nfeast = \"eit\""));
    let (code, _, err) = festoon(&["check"], project.path());
    assert_eq!(code, Some(1));
    assert!(err.contains("there is no feast `eit`") && err.contains("did you mean `eid`?"), "{err}");
    project.write("templates/test/template.toml", &MOTION.replace("[[prerender]]", "[[prerender]]\nfeast = \"eid\""));
    assert_eq!(festoon(&["check"], project.path()).0, Some(0));
}

#[test]
fn key_explains_both_keys_field_by_field() {
    let folder = Folder::wan();
    let model = format!("tiny={}", "a".repeat(64));
    let arguments =
        ["key", "test", "--locale", "fr-CA", "light=dawn", "--templates", ".", "--model", &model, "--encoder", "x264 9 plate/1"];
    let (code, out, err) = festoon(&arguments, folder.path());
    assert_eq!(code, Some(0), "{err}");
    for part in [
        "  scene.prompt         \"In Paris, a fox walks through the light of dawn.\"\n",
        "  encoder              \"x264 9 plate/1\"\n",
        "  overlay.locale      \"fr-Latn-CA\"\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (_, out, _) = festoon(&[&arguments[..], &["--json"]].concat(), folder.path());
    let explained: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(explained["plate"]["key"], explained["clip"]["fields"][0]["value"]);
    assert_eq!(explained["pick"]["parameters"]["light"], "dawn");

    let (code, _, err) =
        festoon(&["key", "test", "--locale", "fr", "light=down", "--templates", ".", "--encoder", "e"], folder.path());
    assert_eq!(code, Some(1));
    assert!(err.contains("unknown-choice") && err.contains("dawn, dusk"), "{err}");
}
