//! The ratios that templates offer: sizes, mistakes, what is drawn in each, and what that costs in keys.

use std::collections::BTreeMap;

use festoon::{
    pick::{Pick, Resolved},
    template::{Ratio, Template, proof::prove},
};
use festoon_film::overlay::SafeArea;
use festoon_spec::{Canvas, Milli};

use super::{
    Folder, makers,
    overlays::{FACES, folder, text},
    shipped_templates,
};

const FILE: &str = "test/template.toml";
const BASE: &str = "width = 320\nheight = 180\nframes = 24\nfps = 24\n";

/// With a title, in landscape, upright and square.
fn in_three() -> Folder {
    folder().edit(FILE, BASE, &format!("{BASE}ratios = [\"16:9\", \"9:16\", \"1:1\"]\n"))
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

fn pick(template: &Template, asked: &str) -> Resolved {
    let pick = Pick { ratio: Some(ratio(asked)), ..Pick::usual(template.id.clone(), "en".parse().unwrap()) };
    pick.resolve(template, &makers()).unwrap()
}

#[test]
fn every_shipped_template_is_there_for_screens_phones_and_feeds() {
    let sizes = [("16:9", 1280, 720), ("9:16", 720, 1280), ("1:1", 960, 960), ("4:5", 864, 1080)];
    for template in shipped_templates() {
        let offered: Vec<_> = template.canvases.each().collect();
        let expected = sizes.map(|(name, width, height)| (ratio(name), Canvas { width, height, ..template.canvases.base }));
        assert_eq!(offered, expected, "{}", template.id);
        let plates: BTreeMap<_, _> =
            sizes.iter().map(|(name, ..)| (pick(&template, name).plate_key, pick(&template, name).plate.canvas)).collect();
        assert_eq!(plates.len(), 4, "{}: {plates:?}", template.id);
    }
}

#[test]
fn a_narrow_frame_has_as_much_room_for_a_title_in_more_lines() {
    let template = in_three().template();
    let usual = pick(&template, "16:9");
    assert_eq!((text(&usual, "title").lines, text(&usual, "title").width), (1, Milli(80_000)));
    for narrow in ["9:16", "1:1"] {
        let resolved = pick(&template, narrow);
        // 9/16 as wide for its type: two lines for one, and 11.25 % of its width for the margins.
        assert_eq!((text(&resolved, "title").lines, text(&resolved, "title").width), (2, Milli(88_750)), "{narrow}");
        assert_eq!(text(&resolved, "title").size, text(&usual, "title").size);
    }
    let upright_first =
        BASE.replace("width = 320\nheight = 180", "width = 180\nheight = 320") + "ratios = [\"9:16\", \"16:9\"]\n";
    let template = folder().edit(FILE, BASE, &upright_first).template();
    assert_eq!(text(&pick(&template, "16:9"), "title").width, Milli(80_000), "a wider frame leaves a title as it is");
}

#[test]
fn a_layer_says_what_is_different_in_a_ratio() {
    let at = "size = [8, 14]\nat = { \"9:16\" = { size = [6, 9], lines = 3, anchor = \"top-start\" } }";
    let template = in_three().edit(FILE, "size = [8, 14]", at).template();
    let title = |asked: &str| {
        let resolved = pick(&template, asked);
        let title = text(&resolved, "title");
        let anchor = resolved.overlay.layers.iter().find(|layer| layer.name == "title").unwrap().place.anchor;
        (title.size, title.lines, title.width, format!("{:?}", anchor.vertical))
    };
    assert_eq!(title("9:16"), ([Milli(6000), Milli(9000)], 3, Milli(88_750), "Top".to_owned()));
    assert_eq!(title("1:1"), ([Milli(8000), Milli(14_000)], 2, Milli(88_750), "Bottom".to_owned()));
    let same = in_three().template();
    assert_eq!(pick(&template, "16:9").clip_key, pick(&same, "16:9").clip_key, "other ratios are left alone");
    assert_ne!(pick(&template, "9:16").clip_key, pick(&same, "9:16").clip_key);
    assert_eq!(pick(&template, "9:16").plate_key, pick(&same, "9:16").plate_key);
}

#[test]
fn titles_keep_clear_of_what_apps_lay_over_a_phones_screen() {
    let safe = |template: &Template, asked: &str| pick(template, asked).overlay.safe_area;
    let usual = in_three().edit(FILE, "safe_area = [6, 8]\n", "").template();
    let area = |top, right, bottom, left| SafeArea { top, right, bottom, left };
    assert_eq!(safe(&usual, "9:16"), area(Milli(14_000), Milli(6000), Milli(20_000), Milli(6000)));
    assert_eq!(safe(&usual, "1:1"), area(Milli(5000), Milli(5000), Milli(5000), Milli(5000)));
    let own = "at = { \"9:16\" = { safe_area = { top = 10, right = 12, bottom = 35, left = 4 } } }\n\n[overlay.colours]";
    let said = in_three().edit(FILE, "[overlay.colours]", own).template();
    assert_eq!(safe(&said, "9:16"), area(Milli(10_000), Milli(12_000), Milli(35_000), Milli(4000)));
    assert_eq!(safe(&said, "1:1"), area(Milli(8000), Milli(6000), Milli(8000), Milli(6000)), "as [overlay] says");
}

/// Each edit makes one mistake; it must be found, once, and say what would be right.
#[test]
fn each_mistake_about_ratios_is_found() {
    let three = "ratios = [\"16:9\", \"9:16\", \"1:1\"]";
    let cases = [
        (three, "ratios = []", "too-few", "at least one", "`\"16:9\"`"),
        (three, "ratios = [\"9:16\", \"16:9\"]", "bad-canvas", "the first ratio is `9:16`, but 320 by 180 is `16:9`", "first"),
        (three, "ratios = [\"16:9\", \"1920:1080\"]", "repeated-name", "`16:9` is there twice", ""),
        (three, "ratios = [\"16:9\", \"tall\"]", "bad-value", "`tall` is not a ratio", ""),
        (three, "ratios = [\"16:9\", \"1:1000\"]", "out-of-range", "8 by 8000 pixels, at most 3840", ""),
        (three, "focus = [50, 120]", "out-of-range", "120, expected a number from 0 to 100", ""),
        (three, "focus = \"middle\"", "wrong-type", "expected a number", ""),
        ("size = [8, 14]", "size = [8, 14]\nat = { \"4:5\" = { size = 9 } }", "unknown-ratio", "`4:5`", "16:9, 9:16, 1:1"),
        ("size = [8, 14]", "size = [8, 14]\nat = { tall = { size = 9 } }", "bad-value", "`tall` is not a ratio", ""),
        ("size = [8, 14]", "size = [8, 14]\nat = { \"1:1\" = { kind = \"bar\" } }", "misplaced-key", "`kind` is the same", ""),
        ("size = [8, 14]", "size = [8, 14]\nat = { \"1:1\" = { sise = 9 } }", "unknown-key", "`sise`", "did you mean `size`?"),
        ("size = [8, 14]", "size = [8, 14]\nat = { \"1:1\" = { size = 90 } }", "out-of-range", "90, expected a number", ""),
        ("safe_area = [6, 8]", "safe_area = { top = 6, right = 6, bottom = 6 }", "missing-key", "needs the key `left`", ""),
        ("safe_area = [6, 8]", "at = { \"2:3\" = { safe_area = 5 } }", "unknown-ratio", "`2:3`", "16:9, 9:16, 1:1"),
        ("[[prerender]]", "[[prerender]]\nratios = [\"4:5\"]", "unknown-ratio", "does not offer the ratio `4:5`", "16:9, 9:16"),
        ("[[prerender]]", "[[prerender]]\nratios = [\"1:1\", \"2:2\"]", "repeated-name", "`1:1` is there twice", ""),
        ("[parameters.mood]", "[parameters.ratio]", "reserved-name", "`ratio` cannot be the name", "another name"),
    ];
    for (old, new, code, message, hint) in cases {
        let report = in_three().edit(FILE, old, new).report();
        let found: Vec<_> = report.mistakes.iter().filter(|mistake| mistake.code == code).collect();
        let [found] = found.as_slice() else { panic!("{new}: not one {code} in\n{report}") };
        let (told, advice) = (&found.message, found.hint.clone().unwrap_or_default());
        assert!(told.contains(message) && advice.contains(hint), "{new}: {told} / {advice}");
    }
}

#[test]
fn a_title_that_fits_in_landscape_is_proved_upright_too() {
    let large = "size = [8, 14]\nat = { \"9:16\" = { size = 50 } }";
    let mistakes = prove(&in_three().edit(FILE, "size = [8, 14]", large).template(), &FACES);
    let codes: Vec<_> = mistakes.iter().map(|mistake| (mistake.code, mistake.message.split(':').next().unwrap())).collect();
    assert!(!codes.is_empty() && codes.iter().all(|(code, _)| *code == "text-does-not-fit"), "{codes:?}");
    assert!(mistakes[0].message.starts_with("en in 9:16: "), "{}", mistakes[0].message);
    assert!(prove(&in_three().template(), &FACES).is_empty());
}
