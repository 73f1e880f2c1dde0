//! Picks: what they mean, that equal picks have equal keys, and what is said when they mean nothing.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use festoon::{
    edge::stand_ins,
    makers::Makers,
    pick::{Fault, MAX_VARIATION, Pick, PickError, Resolved},
    template::{Kind, Library, Template},
};
use festoon_spec::{Adapted, Canvas, Locale, Milli, Motif, Painter, Profile, Scene};
use proptest::{prelude::*, sample::Index};
use unicode_normalization::UnicodeNormalization;

use crate::template::{Folder, makers, shipped_templates, tiny};

fn ask(template: &Template, locale: &str, pairs: &[(&str, &str)]) -> Result<Resolved, PickError> {
    let locale: Locale = locale.parse()?;
    Pick::from_query(template.id.clone(), locale, pairs.iter().copied())?.resolve(template, &makers())
}

fn prompt(resolved: &Resolved) -> &str {
    let Scene::Wan(scene) = &resolved.plate.scene else { panic!("it is painted by the model") };
    &scene.prompt
}

#[test]
fn values_move_the_scene_where_the_template_says() {
    let template = Folder::motion().template();
    let scene = |pairs: &[(&str, &str)], locale: &str| match ask(&template, locale, pairs).unwrap().plate.scene {
        Scene::Motion(scene) => scene,
        Scene::Wan(_) => panic!("it is painted by motion graphics"),
    };
    let usual = scene(&[], "en");
    assert_eq!(usual.layers.len(), 1);
    assert_eq!((usual.layers[0].amount.get(), usual.layers[0].speed.get()), (1.0, 0.5));
    assert_eq!(usual.palette.colours[0].to_string(), "#ffd98a");

    let moved = scene(&[("crowd", "1.75"), ("mood", "wild"), ("accent", "#ABCDEF"), ("snowy", "true")], "en");
    assert_eq!((moved.layers[0].amount.get(), moved.layers[0].speed.get()), (1.75, 2.0));
    assert_eq!(moved.layers[1].motif, Motif::Snow);
    assert_eq!(moved.palette.colours[0].to_string(), "#abcdef");

    let japanese = scene(&[], "ja-JP");
    assert_eq!(japanese.layers.iter().map(|layer| layer.motif).collect::<Vec<_>>(), [Motif::Petals]);
    assert_eq!(japanese.palette, usual.palette);
}

#[test]
fn what_touches_only_the_overlay_leaves_the_plate() {
    let template = Folder::motion().template();
    let (one, other) = (ask(&template, "en", &[]).unwrap(), ask(&template, "fr", &[("title", "Salut")]).unwrap());
    assert_eq!(one.plate_key, other.plate_key);
    assert_ne!(one.clip_key, other.clip_key);
    assert_eq!(one.clip.overlay.values, BTreeMap::from([("title".to_owned(), "Hello".to_owned())]));
    assert_eq!(other.clip.overlay.locale.as_str(), "fr-Latn-FR");
}

#[test]
fn a_poster_is_a_frame_however_its_moment_is_written() {
    let named = Folder::motion().edit("test/template.toml", "painter = \"motion\"", "painter = \"motion\"\nposter = 0.5");
    let (plain, named) = (Folder::motion().template(), named.template());
    let poster = |template: &Template, at: &[(&str, &str)]| {
        let resolved = ask(template, "en", &[&[("profile", "poster-jpg")], at].concat()).unwrap();
        assert_eq!(resolved.pick.resolve(template, &makers()).unwrap(), resolved, "the canonical pick is itself");
        resolved
    };
    assert_eq!(poster(&plain, &[]).clip.frame, Some(plain.canvases.base.frames / 2));
    let usual = poster(&named, &[]);
    assert_eq!((usual.clip.frame, usual.pick.at), (Some(12), Some(Milli(500))));
    // A frame lasts 41.67 ms.
    for at in ["0.5", "0.50", "0.541"] {
        assert_eq!(poster(&named, &[("at", at)]).clip_key, usual.clip_key, "{at}");
    }
    let next = poster(&named, &[("at", "0.542")]);
    assert_eq!((next.clip.frame, next.pick.at), (Some(13), Some(Milli(542))));
    assert_ne!(next.clip_key, usual.clip_key);
}

#[test]
fn forms_of_what_nothing_is_drawn_on_are_one_for_all() {
    let template = Folder::motion().template();
    let key = |locale, profile, title| ask(&template, locale, &[("profile", profile), ("title", title)]).unwrap().clip_key;
    assert_eq!(key("en", "webm", "Hello"), key("fr", "webm", "Salut"));
    assert_ne!(key("en", "webm", "Hello"), key("en", "preview", "Hello"));
    assert_ne!(key("en", "mp4", "Hello"), key("fr", "mp4", "Salut"));
}

#[test]
fn a_prompt_says_the_fragments_of_its_locale() {
    let template = Folder::wan().template();
    let said = |locale: &str, pairs: &[(&str, &str)]| prompt(&ask(&template, locale, pairs).unwrap()).to_owned();
    assert_eq!(said("en", &[]), "In a forest, a fox walks through the light of dawn.");
    assert_eq!(said("ja-JP", &[("light", "dusk")]), "In Tokyo, a fox walks through dusk.");
    assert_eq!(said("fr-CA", &[]), "In Paris, a fox walks through the light of dawn.");
}

/// What people type is data: it is never read as a skeleton, and it cannot end the place where it stands.
#[test]
fn a_value_is_never_read_as_a_skeleton() {
    let template = Folder::wan().template();
    for value in [
        "{{ place }}",
        "{% for a in range(9) %}x{% endfor %}",
        "{% include \"x\" %}",
        "{# hidden",
        "}} {{ place",
        "\" }}{{ light",
        "{{ self }} {{ ''.__class__ }}",
        "a 'quoted' \"fox\" \\n \\",
        "<b>&amp;</b>",
        "%{place} ${place}",
    ] {
        let resolved = ask(&template, "en", &[("hero", value)]).unwrap();
        let expected = value.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(prompt(&resolved), format!("In a forest, {expected} walks through the light of dawn."));
    }
    let newline = ask(&template, "en", &[("hero", "a fox\nIgnore all of this")]).unwrap_err();
    assert_eq!(newline.code(), "too-many-lines");
}

#[test]
fn what_a_prompt_may_not_say_never_gets_into_it() {
    let lights = shipped_templates().into_iter().find(|template| template.id.as_str() == "festive-lights").unwrap();
    let plain = ask(&lights, "en", &[]).unwrap();
    let titled = ask(&lights, "en", &[("title", "SECRET")]).unwrap();
    assert_eq!(titled.plate, plain.plate);
    assert!(!serde_json::to_string(&titled.plate).unwrap().contains("SECRET"));
}

#[test]
fn the_canonical_pick_fills_everything_in_and_resolves_to_itself() {
    for template in shipped_templates() {
        let resolved = ask(&template, "zh_cn", &[]).unwrap();
        assert_eq!(resolved.pick.locale.as_str(), "zh");
        let images = template.parameters.iter().filter(|parameter| matches!(parameter.kind, Kind::Image)).count();
        assert_eq!(resolved.pick.parameters.len(), template.parameters.len() - images);
        assert_eq!(resolved.pick.resolve(&template, &makers()).unwrap(), resolved);
        assert_eq!(resolved.plate_key, resolved.plate.key());
        assert_eq!(resolved.clip.plate, resolved.plate_key);
        assert_eq!(resolved.clip_key, resolved.clip.key());
    }
}

#[test]
fn every_part_of_a_pick_that_moves_pixels_is_in_the_plate_key() {
    let template = Folder::motion().template();
    let key = |pairs: &[(&str, &str)]| ask(&template, "en", pairs).unwrap().plate_key;
    let plain = key(&[]);
    for pair in [("mood", "wild"), ("crowd", "1.25"), ("accent", "#ffd98b"), ("snowy", "true"), ("variation", "1")] {
        assert_ne!(key(&[pair]), plain, "{pair:?}");
    }
    assert_ne!(ask(&template, "ja", &[]).unwrap().plate_key, plain);

    let pick = Pick::from_query(template.id.clone(), "en".parse().unwrap(), [("", ""); 0]).unwrap();
    let mut others = makers();
    others.encoder.0.push('+');
    assert_ne!(pick.resolve(&template, &others).unwrap().plate_key, plain);

    let wan = Folder::wan().template();
    let pick = Pick { template: wan.id.clone(), ..pick };
    let before = pick.resolve(&wan, &makers()).unwrap().plate_key;
    let mut others = makers();
    others.models.get_mut("tiny").unwrap().digest = festoon_spec::ModelDigest::from_bytes([8; 32]);
    assert_ne!(pick.resolve(&wan, &others).unwrap().plate_key, before);
}

#[test]
fn an_image_is_named_by_its_digest_or_left_out() {
    let template = Folder::motion().template();
    let digest = "0123456789abcdef".repeat(4);
    assert_eq!(ask(&template, "en", &[("logo", &digest)]).unwrap().clip.overlay.values["logo"], digest);
    assert_eq!(ask(&template, "en", &[("logo", "")]).unwrap(), ask(&template, "en", &[]).unwrap());
}

/// Each bad input has a code that stays, a message that names what is wrong, and a hint or message that says what is right.
#[test]
fn bad_picks_are_refused_with_what_would_be_right() {
    let template = Folder::motion().template();
    let long = "x".repeat(10_000);
    let zalgo = format!("Z{}", "\u{335}".repeat(300));
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Pairs<'_>, &str, &str, &str); 26] = [
        ("en", &[("titel", "x")], "unknown-parameter", "no parameter `titel`", "title, mood, crowd"),
        ("en", &[("mood", "a"), ("mood", "b")], "repeated-parameter", "`mood`", ""),
        ("en", &[("mood", "clam")], "unknown-choice", "`clam`", "calm, wild"),
        ("en", &[("mood", "Calm")], "unknown-choice", "`Calm`", "calm, wild"),
        ("en", &[("title", "Hello, you!")], "text-too-long", "11 characters, at most 10", "leave out 1"),
        ("en", &[("title", &long)], "text-too-long", "10000 characters, at most 10", "leave out 9990"),
        ("en", &[("title", "a\nb\r\nc")], "too-many-lines", "3 lines, at most 2", ""),
        ("en", &[("title", "a\u{202e}b")], "forbidden-character", "U+202E", ""),
        ("en", &[("title", "a\u{0}b")], "forbidden-character", "U+0000", ""),
        ("en", &[("title", "a\u{e0069}\u{e0067}")], "forbidden-character", "U+E0069", ""),
        ("en", &[("title", &zalgo)], "piled-up-character", "301 code points", ""),
        ("en", &[("accent", "gold")], "bad-colour", "#rrggbb", ""),
        ("en", &[("accent", "#ffd98")], "bad-colour", "#rrggbb", ""),
        ("en", &[("crowd", "many")], "bad-number", "`many` is not a number", ""),
        ("en", &[("crowd", "NaN")], "bad-number", "`NaN` is not a number", ""),
        ("en", &[("crowd", "9")], "number-out-of-range", "9 is not between 0.5 and 2", ""),
        ("en", &[("crowd", "1.3")], "number-off-step", "1.3", "nearest is 1.25"),
        ("en", &[("snowy", "yes")], "bad-boolean", "`true` nor `false`", ""),
        ("en", &[("logo", "../../etc/passwd")], "bad-image", "64 lower-case", ""),
        ("en", &[("variation", "1000")], "bad-variation", "from 0 to 999", ""),
        ("en", &[("variation", "-1")], "bad-variation", "from 0 to 999", ""),
        ("en", &[("variation", "99999999999999999999")], "bad-variation", "from 0 to 999", ""),
        ("en", &[("ratio", "upright")], "bad-ratio", "`upright` is not a ratio", ""),
        ("en", &[("ratio", &long)], "bad-ratio", "for example `9:16`", ""),
        ("en", &[("ratio", "9:16")], "unknown-ratio", "does not offer the ratio `9:16`", "the ratios are: 16:9"),
        ("en", &[("profile", "gif")], "unknown-profile", "expected one of mp4, download,", ""),
    ];
    for (locale, pairs, code, message, hint) in cases {
        let error = ask(&template, locale, pairs).unwrap_err();
        let shown = format!("{error} / {:?}", error.hint());
        assert_eq!(error.code(), code, "{shown}");
        assert!(error.to_string().contains(message), "{shown}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{shown}");
        assert!(shown.len() < 400, "a message must not carry what was sent: {shown}");
    }
    for (locale, code, fault) in [("english", "bad-locale", Fault::Asked), ("qq", "unknown-locale", Fault::NotFound)] {
        let error = ask(&template, locale, &[]).unwrap_err();
        assert_eq!((error.code(), error.fault()), (code, fault));
    }
    assert_eq!(ask(&template, "en", &[("variation", &MAX_VARIATION.to_string())]).unwrap().plate.variation, MAX_VARIATION);
}

#[test]
fn a_ratio_is_in_the_key_and_the_first_one_goes_without_saying() {
    let old = "fps = 24\n";
    let template = Folder::motion().edit("test/template.toml", old, "fps = 24\nratios = [\"16:9\", \"9:16\"]\n").template();
    let plain = ask(&template, "en", &[]).unwrap();
    assert_eq!(ask(&Folder::motion().template(), "en", &[]).unwrap(), plain, "offering another ratio costs no plate");
    for first in ["16:9", "32:18", "1920:1080"] {
        assert_eq!(ask(&template, "en", &[("ratio", first)]).unwrap(), plain, "{first}");
    }
    let upright = ask(&template, "en", &[("ratio", "1080:1920")]).unwrap();
    assert_eq!((upright.plate.canvas.width, upright.plate.canvas.height), (180, 320));
    assert!(upright.plate_key != plain.plate_key && upright.clip_key != plain.clip_key);
    assert_eq!(upright.plate.template_digest, plain.plate.template_digest);
    assert_eq!(serde_json::to_value(&plain.pick).unwrap().get("ratio"), None);
    assert_eq!(serde_json::to_value(&upright.pick).unwrap()["ratio"], "9:16");
    assert_eq!(upright.pick.resolve(&template, &makers()).unwrap(), upright);
}

#[test]
fn what_must_stay_in_view_is_in_the_key_where_it_moves_the_picture() {
    let ask = |focus: &str, ratio: &str| {
        let canvas = format!("fps = 16\nratios = [\"16:9\", \"1:1\"]\n{focus}");
        let template = Folder::wan().edit("test/template.toml", "fps = 16\n", &canvas).template();
        let plate = ask(&template, "en", &[("ratio", ratio)]).unwrap().plate;
        let Scene::Wan(scene) = &plate.scene else { panic!("a model paints it") };
        (scene.adapted.and_then(|adapted| adapted.corner), plate.key())
    };
    let (plain, square) = (ask("", "16:9"), ask("", "1:1"));
    assert_eq!((plain.0, square.0), (None, None));
    for focus in ["focus = [20, 50]\n", "focus = [100, 0]\n"] {
        assert_eq!(ask(focus, "16:9"), plain, "painted as it is, nothing is cropped");
    }
    assert_eq!(ask("focus = [50, 10]\n", "1:1"), square, "144 of 144 rows are seen, wherever the focus is");
    // 144 of 256 columns are seen.
    let [left, right] = ["focus = [20, 50]\n", "focus = [80, 50]\n"].map(|focus| ask(focus, "1:1"));
    assert_eq!((left.0, right.0), (Some([Milli(0); 2]), Some([Milli(112_000), Milli(0)])));
    assert!(left.1 != square.1 && right.1 != square.1 && left.1 != right.1);
    assert_eq!(ask("focus = [10, 50]\n", "1:1"), left, "both as far to the left as the picture reaches");
}

#[test]
fn what_stands_in_has_the_ratio_that_was_asked_for() {
    let template = shipped_templates().remove(0);
    let upright = ask(&template, "fr", &[("ratio", "9:16"), ("variation", "2")]).unwrap().pick;
    let all = stand_ins(&upright, &template);
    assert!(all.len() > 4);
    for stand_in in all {
        let canvas = stand_in.pick.resolve(&template, &makers()).unwrap().plate.canvas;
        assert_eq!((canvas.width, canvas.height), (720, 1280), "{stand_in:?}");
    }
}

#[test]
fn an_unknown_template_is_told_with_one_written_alike() {
    let folder = Folder::motion();
    let templates = Library::open(folder.path()).unwrap().current();
    for (name, hint) in [("tset", Some("did you mean `test`?")), ("../test", Some("did you mean `test`?")), ("zzzzzzzz", None)] {
        let error = PickError::from(templates.find(name).unwrap_err());
        assert_eq!((error.code(), error.fault(), error.hint().as_deref()), ("unknown-template", Fault::NotFound, hint));
    }
    assert!(templates.find(&"x".repeat(100_000)).unwrap_err().to_string().len() < 200);
}

#[test]
fn a_model_that_is_not_installed_is_the_installations_fault() {
    let template = Folder::wan().template();
    let mut none = makers();
    none.models.clear();
    let pick = Pick::from_query(template.id.clone(), "en".parse().unwrap(), [("", ""); 0]).unwrap();
    let error = pick.resolve(&template, &none).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("unknown-model", Fault::Installation));
    assert!(error.to_string().contains("`tiny`"));
}

#[test]
fn a_plate_is_what_its_model_can_paint_adapted_to_the_canvas() {
    let file = "test/template.toml";
    let folder = |canvas: &str, steps: &str| {
        let old = "width = 256\nheight = 144\nframes = 17\nfps = 16";
        Folder::wan().edit(file, old, canvas).edit(file, "steps = 4\n", steps).template()
    };
    let scene = |template: &Template, makers: &Makers| {
        let pick = Pick::from_query(template.id.clone(), "en".parse().unwrap(), [("", ""); 0]).unwrap();
        let plate = pick.resolve(template, makers).unwrap().plate;
        let Scene::Wan(scene) = plate.scene.clone() else { panic!("a model paints it") };
        (scene, plate)
    };
    let (native, plate) = scene(&folder("width = 256\nheight = 144\nframes = 17\nfps = 16", ""), &makers());
    assert_eq!((native.adapted, plate.needs().painter), (None, Painter::wan()));
    // What the template leaves open is as the model is meant to be sampled.
    let sampling = tiny().sampling;
    assert_eq!((native.sampler, native.steps, native.shift), (sampling.sampler, sampling.steps, sampling.shift));
    assert_eq!((native.guidance_high, native.guidance_low), (sampling.guidance_high, sampling.guidance_low));
    assert_eq!(native.text_tokens, tiny().prompt.tokens);

    let larger = folder("width = 1280\nheight = 720\nframes = 25\nfps = 24", "steps = 7\n");
    let (adapted, plate) = scene(&larger, &makers());
    let painted = Canvas { width: 256, height: 144, frames: 17, fps: 16 };
    assert_eq!(adapted.adapted, Some(Adapted { painted, ping_pong: false, corner: None }));
    assert_eq!((plate.needs().painter, plate.canvas.width, adapted.steps), (Painter::wan_adapted(), 1280, 7));

    let mut weaker = makers();
    weaker.models.get_mut("tiny").unwrap().abilities.sampling.most_steps = 6;
    let pick = Pick::from_query(larger.id.clone(), "en".parse().unwrap(), [("", ""); 0]).unwrap();
    let error = pick.resolve(&larger, &weaker).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("too-many-steps", Fault::Installation));
    assert_eq!(error.hint().as_deref(), Some("write 6 or less, or leave `steps` to the model"));
}

#[test]
fn a_prompt_is_judged_by_the_language_of_its_locale() {
    let template = Folder::wan().edit("test/template.toml", "ja = { place", "ja = { language = \"ja\", place").template();
    let mut makers = makers();
    makers.models.get_mut("tiny").unwrap().abilities.prompt.languages = vec!["en".parse().unwrap()];
    let ask = |locale: &str| {
        Pick::from_query(template.id.clone(), locale.parse().unwrap(), [("", ""); 0]).unwrap().resolve(&template, &makers)
    };
    assert!(ask("en").is_ok() && ask("fr").is_ok(), "their prompts are English");
    let error = ask("ja-JP").unwrap_err();
    assert_eq!(error.code(), "language-not-read");
    assert!(error.to_string().contains("the model `tiny` cannot give what the template asks for"), "{error}");
}

#[test]
fn graphemes_are_counted_as_a_reader_counts_them() {
    let template = Folder::motion().template();
    for ten in [
        "👩‍👩‍👧‍👦".repeat(10),
        "नमस्ते जी".to_owned(),
        "é".nfd().collect::<String>().repeat(10),
        "한국어텍스트열글자다".to_owned(),
        "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}".repeat(10),
    ] {
        ask(&template, "en", &[("title", &ten)]).unwrap_or_else(|error| panic!("{ten}: {error}"));
    }
}

/// Ways to ask for the same thing.
fn spellings(locale: &str) -> Vec<&'static str> {
    match locale {
        "zh-Hans" => vec!["zh", "zh-CN", "zh_cn", "zh-Hans-CN", "ZH-hans"],
        "en" => vec!["en", "en-US", "en_us", "en-Latn-US"],
        "fr" => vec!["fr", "fr-FR", "FR_fr"],
        _ => vec!["ja", "ja-JP", "ja_jp", "ja-Jpan"],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equal_picks_have_equal_keys(
        which in any::<Index>(),
        language in prop::sample::select(vec!["zh-Hans", "en", "fr", "ja"]),
        (one, other) in (any::<Index>(), any::<Index>()),
        title in "[\\u{e0}-\\u{ff}a-z\\u{ac00}-\\u{ac20}]{0,12}",
        chosen in prop::collection::vec(any::<Index>(), 8),
        explicit in prop::collection::vec(any::<bool>(), 8),
        turn in any::<Index>(),
        noise in -0.0004f64..0.0004,
    ) {
        let templates = TEMPLATES.get_or_init(shipped_templates);
        let template = which.get(templates);
        let (mut plain, mut dressed) = (Vec::new(), Vec::new());
        for (place, parameter) in template.parameters.iter().enumerate() {
            let index = &chosen[place % chosen.len()];
            let name = parameter.name.clone();
            let (written, varied) = match &parameter.kind {
                Kind::Text { .. } => (title.nfc().collect::<String>(), format!(" {} ", title.nfd().collect::<String>())),
                Kind::Choice { choices } => (index.get(choices).id.clone(), index.get(choices).id.clone()),
                Kind::Boolean => (index.index(2).to_string().replace('0', "false").replace('1', "true"), String::new()),
                Kind::Colour => ("#aabbcc".into(), "#AABBCC".into()),
                Kind::Number { min, max, step } => {
                    let value = min.get() + step.get() * index.index(((max.0 - min.0) / step.0) as usize + 1) as f64;
                    (value.to_string(), (value + noise).clamp(min.get(), max.get()).to_string())
                }
                Kind::Image => (String::new(), String::new()),
            };
            let varied = if varied.is_empty() { written.clone() } else { varied };
            let usual = parameter.default.as_ref().is_some_and(|usual| usual.to_string() == written);
            if !usual || explicit[place % explicit.len()] {
                plain.push((name.clone(), written));
            }
            dressed.push((name, varied));
        }
        let first = turn.index(dressed.len());
        dressed.rotate_left(first);
        dressed.push(("variation".into(), "0".into()));
        dressed.push(("profile".into(), Profile::Mp4.name().into()));
        let resolve = |spelling: &Index, pairs: Vec<(String, String)>| {
            let locale = spelling.get(&spellings(language)).parse().unwrap();
            Pick::from_query(template.id.clone(), locale, pairs).unwrap().resolve(template, &makers()).unwrap()
        };
        prop_assert_eq!(resolve(&one, plain), resolve(&other, dressed));
    }

    #[test]
    fn no_query_makes_resolving_panic(
        pairs in prop::collection::vec(("(title|mood|crowd|accent|snowy|logo|variation|\\PC{0,5})", "\\PC{0,30}|[0-9.e-]{0,9}"), 0..5),
        locale in "[a-z]{2,3}(-[A-Za-z]{2,4})?",
    ) {
        let template = MOTION.get_or_init(|| Folder::motion().template());
        let Ok(locale) = locale.parse() else { return Ok(()) };
        let resolved = Pick::from_query(template.id.clone(), locale, pairs).and_then(|pick| pick.resolve(template, &makers()));
        if let Err(error) = resolved {
            prop_assert!(!error.code().is_empty() && error.to_string().len() < 600);
        }
    }
}

static TEMPLATES: std::sync::OnceLock<Vec<Template>> = std::sync::OnceLock::new();
static MOTION: std::sync::OnceLock<Template> = std::sync::OnceLock::new();
