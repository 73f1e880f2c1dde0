//! What templates draw: how it is read, every mistake in it, what picks come to, and the proofs of `festoon check`.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use festoon::{
    pick::{Fault, Pick, Resolved},
    template::{
        Template,
        proof::{prove, prove_all},
    },
};
use festoon_film::overlay::{Content, Faces, Layer, Text};

use super::{Folder, MOTION_WORDS, makers, shipped_templates};

pub(super) static FACES: LazyLock<Faces> =
    LazyLock::new(|| Faces::find().expect("fonts-noto-core, -cjk and -color-emoji are installed"));

/// Put before the pre-render rules.
const OVERLAY: &str = r##"[overlay]
windows = [{ name = "title", from = 0.5, until = 0.875 }]
safe_area = [6, 8]

[overlay.colours]
ink = { by = "mood", calm = "#ffffff", wild = "#ffd98a" }
night = "#000010"

[overlay.faces.title]
voice = "serif"

[[overlay.layers]]
name = "shade"
kind = "scrim"
window = "title"
side = "bottom"
colour = "night"

[[overlay.layers]]
name = "title"
kind = "text"
window = "title"
text = "{title}"
face = "title"
colour = "#ffffff"
size = [8, 14]
anchor = "bottom-start"
enter = { kind = "rise", seconds = 0.1 }

[[overlay.layers]]
name = "mood"
kind = "text"
window = "title"
text = "{words.mood} {mood}"
colour = "ink"
size = 8
under = "title"
when = { snowy = false }

[[overlay.layers]]
name = "logo"
kind = "image"
window = "title"
file = "{logo}"
within = [10, 10]
anchor = "top-end"

"##;

pub(super) fn folder() -> Folder {
    let words = format!("{MOTION_WORDS}\n[overlay]\nmood = \"Feeling\"\n");
    Folder::motion()
        .edit("test/template.toml", "[[prerender]]", &format!("{OVERLAY}[[prerender]]"))
        .with("test/words/en.toml", &words)
        .with("test/words/fr.toml", &words.replace("Feeling", "Humeur").replace("\"Calm\"", "\"Doux\""))
}

fn pick(template: &Template, locale: &str, parameters: &[(&str, &str)]) -> Resolved {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
    let pick = Pick { parameters, ..Pick::usual(template.id.clone(), locale.parse().unwrap()) };
    pick.resolve(template, &makers()).unwrap()
}

fn names(resolved: &Resolved) -> Vec<&str> {
    resolved.overlay.layers.iter().map(|layer| layer.name.as_str()).collect()
}

pub(super) fn text<'r>(resolved: &'r Resolved, name: &str) -> &'r Text {
    let layer: &Layer = resolved.overlay.layers.iter().find(|layer| layer.name == name).unwrap();
    match &layer.content {
        Content::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pick_comes_to_the_words_colours_and_layers_of_its_values() {
    let template = folder().template();
    let usual = pick(&template, "en", &[]);
    assert_eq!(names(&usual), ["shade", "title", "mood"], "without a picture there is no logo");
    assert_eq!((text(&usual, "title").words.as_str(), text(&usual, "mood").words.as_str()), ("Hello", "Feeling Calm"));
    assert_eq!(text(&pick(&template, "fr-CA", &[]), "mood").words, "Humeur Doux");
    let wild = pick(&template, "en", &[("mood", "wild"), ("title", "Bye")]);
    assert_eq!(text(&wild, "title").words, "Bye");
    assert_eq!(text(&wild, "mood").colour.to_string(), "#ffd98a");
    assert_eq!(names(&pick(&template, "en", &[("snowy", "true")])), ["shade", "title"]);
    let logo = pick(&template, "en", &[("logo", &"0".repeat(64))]);
    assert_eq!(names(&logo), ["shade", "title", "mood", "logo"]);
    assert_eq!(logo.overlay.missing_images().count(), 1);

    let untitled = pick(&template, "en", &[("title", "")]);
    let mood = untitled.overlay.layers.iter().find(|layer| layer.name == "mood").unwrap();
    assert_eq!(mood.place.under, None, "what stood under a layer that is not there takes its place");
    let title = usual.overlay.layers.iter().find(|layer| layer.name == "title").unwrap();
    assert_eq!(mood.place.anchor, title.place.anchor);
}

#[test]
fn the_key_of_a_clip_says_what_is_drawn_and_by_whom() {
    let template = folder().template();
    let before = pick(&template, "en", &[]);
    assert_eq!(before.clip.compositor, "festoon test");
    assert_eq!(pick(&Folder::motion().template(), "en", &[]).clip.compositor, "none/1", "nothing is drawn");
    for (old, new) in [
        ("size = [8, 14]", "size = [8, 15]"),
        ("from = 0.5", "from = 0.6"),
        ("#ffffff\"\nsize", "#fffffe\"\nsize"),
        ("safe_area = [6, 8]", "safe_area = 6"),
    ] {
        let after = folder().edit("test/template.toml", old, new).template();
        assert_ne!(pick(&after, "en", &[]).clip_key, before.clip_key, "{new}");
    }
    let words = folder().edit("test/words/en.toml", "Feeling", "Mood").template();
    assert_ne!(pick(&words, "en", &[]).clip_key, before.clip_key);
    assert_eq!(pick(&words, "fr", &[]).clip_key, pick(&template, "fr", &[]).clip_key);
    let label = folder().edit("test/words/en.toml", "label = \"Mood\"", "label = \"Weather\"").template();
    assert_eq!(pick(&label, "en", &[]).clip_key, before.clip_key, "a label is never drawn");
    let unseen = folder().edit("test/template.toml", "wild = \"#ffd98a\"", "wild = \"#ff0000\"").template();
    assert_eq!(pick(&unseen, "en", &[]).clip_key, before.clip_key, "what is not chosen is not drawn");
}

#[test]
fn windows_do_not_depend_on_what_is_chosen() {
    assert_eq!(folder().template().overlay_windows(), [12..21]);
    assert!(Folder::motion().template().overlay_windows().is_empty());
}

/// Each edit makes one mistake; it must be found where it is, and say what would be right.
#[test]
fn each_mistake_in_an_overlay_is_found_where_it_is() {
    let cases = [
        ("from = 0.5", "from = 0.4", "too-early", "begins at 0.4 s", "0.5 or later"),
        ("from = 0.5", "from = -1", "out-of-range", "-1", ""),
        ("until = 0.875", "until = 0.5", "out-of-range", "before it begins", ""),
        ("until = 0.875", "until = 1.5", "out-of-range", "the plate at 1 s", ""),
        (
            "until = 0.875 }",
            "until = 0.875 }, { name = \"late\", from = 0.7, until = 1 }",
            "overlapping-windows",
            "`late` overlaps the window `title`",
            "6 frames later",
        ),
        (
            "until = 0.875 }",
            "until = 0.75 }, { name = \"late\", from = 0.75, until = 1 }",
            "overlapping-windows",
            "touches",
            "one window of the two",
        ),
        ("safe_area = [6, 8]", "budget = 0.2", "over-budget", "take 0.375 s together, the budget is 0.2 s", "encoded while"),
        ("window = \"title\"\nside", "window = \"titel\"\nside", "unknown-window", "`titel`", "did you mean `title`?"),
        ("name = \"mood\"\nkind", "name = \"title\"\nkind", "repeated-name", "two layers called `title`", ""),
        ("kind = \"scrim\"", "kind = \"scrum\"", "unknown-kind", "`scrum`", "did you mean `scrim`?"),
        ("side = \"bottom\"", "side = \"botom\"", "bad-value", "no side `botom`", "did you mean `bottom`?"),
        ("text = \"{title}\"", "text = \"{titel}\"", "unknown-parameter", "`titel`", "did you mean `title`?"),
        ("text = \"{title}\"", "text = \"{title\"", "bad-phrase", "a brace stands alone", "{parameter}"),
        (
            "text = \"{title}\"",
            "text = \"{title} {accent}\"",
            "misfit",
            "the colour parameter `accent` cannot be written",
            "a text",
        ),
        ("face = \"title\"", "face = \"titel\"", "unknown-face", "`titel`", "did you mean `title`?"),
        ("colour = \"ink\"", "colour = \"inc\"", "unknown-colour", "`inc`", "did you mean `ink`?"),
        ("colour = \"ink\"", "colour = \"#12\"", "bad-value", "`#12` is not a colour", ""),
        ("size = [8, 14]", "size = [14, 8]", "out-of-range", "shrinks from 14 to 8", "smaller one first"),
        ("size = [8, 14]", "size = -8", "out-of-range", "-8, expected a number from 1 to 60", ""),
        ("anchor = \"bottom-start\"", "anchor = \"bottom-left-ish\"", "bad-value", "no anchor", "bottom-start"),
        ("under = \"title\"", "under = \"logo\"", "unknown-layer", "no earlier layer `logo`", ""),
        ("kind = \"rise\"", "kind = \"raise\"", "bad-value", "no kind `raise`", "did you mean `rise`?"),
        ("seconds = 0.1", "seconds = 0.5", "out-of-range", "takes longer to come and go", "shorter"),
        ("file = \"{logo}\"", "file = \"{accent}\"", "misfit", "`accent` is no picture", "an image parameter"),
        ("file = \"{logo}\"", "file = \"../other/logo.png\"", "bad-path", "not the name of a file beside", "logo.svg"),
        ("file = \"{logo}\"", "file = \"none.png\"", "unreadable", "none.png", ""),
        ("voice = \"serif\"", "file = \"words/en.toml\"", "bad-face", "neither a TrueType nor an OpenType font", ""),
        ("when = { snowy = false }", "when = { snowy = \"no\" }", "bad-boolean", "`no`", ""),
    ];
    for (old, new, code, message, hint) in cases {
        let folder = folder().edit("test/template.toml", old, new);
        let report = folder.report();
        let found = report.mistakes.iter().find(|mistake| mistake.code == code);
        let found = found.unwrap_or_else(|| panic!("{new}: no {code} in\n{report}"));
        assert!(found.message.contains(message), "{new}: {}", found.message);
        assert!(found.hint.as_deref().unwrap_or_default().contains(hint), "{new}: {:?}", found.hint);
        let line = fs::read_to_string(folder.path().join("test/template.toml")).unwrap();
        let (at, _) = found.place.file.line_and_column(found.place.span.start);
        let lines: Vec<_> = line.lines().skip(at - 1).take(12).collect();
        let wrong = new.split('\n').next().unwrap();
        assert!(lines.join("\n").contains(wrong) || found.place.span.is_empty(), "{new}: found at line {at}: {lines:?}");
    }
}

#[test]
fn words_that_are_missing_or_that_nobody_draws_are_mistakes() {
    let missing = folder().edit("test/words/fr.toml", "mood = \"Humeur\"", "");
    assert_eq!(missing.places(), ["test/words/fr.toml:1:1 missing-words"]);
    let unused = folder().edit("test/words/fr.toml", "mood = \"Humeur\"", "mood = \"Humeur\"\nmoood = \"x\"");
    assert_eq!(unused.places(), ["test/words/fr.toml:26:1 unused-words"]);
    let nobody = folder().edit("test/template.toml", "file = \"{logo}\"", "file = \"logo.svg\"").with(
        "test/logo.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4\" height=\"4\"><rect width=\"4\" height=\"4\"/></svg>",
    );
    assert_eq!(nobody.places(), ["test/template.toml:37:13 unused-parameter"]);
}

#[test]
fn what_is_drawn_is_proved_to_fit_and_to_stand_out() {
    assert!(prove(&folder().template(), &FACES).is_empty());
    let mistakes = |old: &str, new: &str| {
        let template = folder().edit("test/template.toml", old, new).template();
        prove(&template, &FACES)
    };
    let faint = mistakes("colour = \"#ffffff\"", "colour = \"#202030\"");
    assert_eq!(faint[0].code, "faint-text");
    assert!(faint[0].message.starts_with("en: `title` has a contrast of 1.") && faint[0].hint.is_some(), "{}", faint[0].message);
    let (line, _) = faint[0].place.file.line_and_column(faint[0].place.span.start);
    assert!((75..82).contains(&line), "at its layer, line {line}");

    let wide = mistakes("size = [8, 14]", "size = [40, 50]");
    assert_eq!(wide[0].code, "text-does-not-fit");
    let long = mistakes("max_graphemes = 10", "max_graphemes = 100");
    assert_eq!(long[0].code, "text-does-not-fit");
    assert!(long[0].message.contains("as long as may be typed") && long[0].hint.as_ref().unwrap().contains("max_graphemes"));
    let unknown = folder().edit("test/words/fr.toml", "\"Humeur\"", "\"𒀀\"").template();
    let unknown = prove(&unknown, &FACES);
    assert_eq!((unknown[0].code, unknown[0].message.starts_with("fr: `mood`")), ("missing-glyph", true));
}

#[test]
fn every_shipped_template_draws_a_title_that_is_proved() {
    let templates = shipped_templates();
    for template in &templates {
        let windows = template.overlay_windows();
        assert!(windows.len() >= 2, "{}", template.id);
        let touched: u32 = windows.iter().map(|window| window.end - window.start).sum();
        assert!(touched <= 3 * template.canvases.base.fps, "{}: {touched} frames are encoded for each person", template.id);
        let title = pick(template, "en", &[("title", "Zoë & 山田")]);
        assert_eq!(text(&title, "title").words, "Zoë & 山田", "{}", template.id);
    }
    let mistakes = prove_all(&templates, &FACES, &|| {});
    assert!(mistakes.is_empty(), "{:#?}", mistakes.iter().map(|mistake| mistake.line()).collect::<Vec<_>>());
}

#[test]
fn a_title_that_does_not_fit_is_told_before_anything_is_painted() {
    let template = shipped_templates().into_iter().find(|template| template.id.as_str() == "new-year").unwrap();
    let long = pick(&template, "en", &[("title", &"W".repeat(48))]);
    let error = long.prepare(&FACES).expect_err("48 wide letters without a break do not fit");
    assert_eq!((error.code(), error.fault()), ("text-does-not-fit", Fault::Asked));
    assert!(error.to_string().contains("`title` does not fit: one of its words is wider than a line"), "{error}");
    assert!(error.hint().is_some());
}
