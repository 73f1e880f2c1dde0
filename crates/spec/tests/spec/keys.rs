//! Golden keys, and proofs that a key says all of its spec.

use std::collections::{BTreeMap, BTreeSet};

use festoon_spec::{BlobHash, Canonical, ClipSpec, ImageSpec, Milli, PlateSpec, Scene, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use unicode_normalization::UnicodeNormalization;

use crate::specs::{clip, focused_plate, motion_plate, sounding_clip, wan_plate};

/// Published keys. If one moves, every cache in the world misses: take the next version of the context instead.
#[test]
fn published_keys_never_move() {
    let image = ImageSpec { image: BlobHash::of(b"a logo") };
    let (sounding, sound) = (sounding_clip(), sounding_clip().sound.unwrap());
    let keys = [motion_plate().key(), wan_plate().key(), clip().key(), image.key(), sounding.key(), sound.key()];
    let keys = keys.map(|key| key.to_string());
    assert_eq!(
        keys,
        [
            "d4688a9c6b2b2c0bd2509a267dcbf3321bc225fd165a2fd16088dc4603affb41",
            "4bc97c048108d497add9785e56c3c15fb9c6b8ac326cbdb7ac4e9c9190554688",
            "805e67f7dd38c5c26c2e27d01420eb544dcdb595747ac0eb4b14fe0212214743",
            "52e3e566278c73ee55dfbeae18643f62796b3e52e102ab8aaae66ac00a7a70ce",
            "8ad180690d10b6bf351c61ab665489c511647ea110de1c3ee9630f8747e52052",
            "7a2907287bd96f6fe147d6e12a9d7c93731300850f1c7d7cdcec7b83a1a48b5f",
        ]
    );
}

/// A stranger can make a key: this is the form of canonical.rs, written out.
#[test]
fn a_key_is_blake3_over_length_prefixed_fields() {
    let mut form = Vec::new();
    let mut field = |name: &str, tag: u8, value: &[u8]| {
        form.extend((name.len() as u32).to_le_bytes());
        form.extend(name.as_bytes());
        form.push(tag);
        form.extend((value.len() as u32).to_le_bytes());
        form.extend(value);
    };
    field("plate", 5, &[9; 32]);
    field("overlay.digest", 5, blake3::hash(b"overlay").as_bytes());
    field("overlay.locale", 1, b"ja-Jpan-JP");
    field("overlay.values.len", 2, &2i64.to_le_bytes());
    for (index, (name, value)) in
        [("badge", "today"), ("title", "\u{3042}\u{3051}\u{307e}\u{3057}\u{3066}\u{304a}\u{3081}\u{3067}\u{3068}\u{3046}")]
            .into_iter()
            .enumerate()
    {
        field(&format!("overlay.values.{index}.name"), 1, name.as_bytes());
        field(&format!("overlay.values.{index}.value"), 1, value.as_bytes());
    }
    field("profile", 1, b"mp4");
    field("compositor", 1, b"none/1");
    assert_eq!(clip().key().as_bytes(), &blake3::derive_key("festoon 2026-11 clip key v1", &form));
}

/// The form is part of what is published: names and order of fields, and what a value looks like.
#[test]
fn the_canonical_form_of_a_plate_is_published() {
    let form: Vec<_> =
        wan_plate().canonical().fields().into_iter().map(|field| format!("{} {}", field.name, field.value)).collect();
    let digest = |bytes: &[u8]| festoon_spec::Digest::of(bytes).to_string();
    assert_eq!(
        form,
        [
            "template \"fox-in-snow\"".to_owned(),
            format!("template_digest {}", digest(b"template")),
            "scene.painter \"wan/1 adapt/2\"".into(),
            "scene.prompt \"A red fox in fresh snow\"".into(),
            "scene.negative \"text, watermark\"".into(),
            format!("scene.model {}", "07".repeat(32)),
            "scene.loras.len 1".into(),
            format!("scene.loras.0.digest {}", digest(b"lora")),
            "scene.loras.0.weight_high 1".into(),
            "scene.loras.0.weight_low 0.5".into(),
            "scene.sampler \"unipc\"".into(),
            "scene.steps 4".into(),
            "scene.shift 3".into(),
            "scene.guidance_high 4".into(),
            "scene.guidance_low 3.5".into(),
            "scene.noise \"plate-key/1\"".into(),
            "scene.text_tokens 64".into(),
            "scene.adapted.width 160".into(),
            "scene.adapted.height 96".into(),
            "scene.adapted.frames 17".into(),
            "scene.adapted.fps 8".into(),
            "scene.adapted.ping_pong false".into(),
            "canvas.width 256".into(),
            "canvas.height 144".into(),
            "canvas.frames 17".into(),
            "canvas.fps 16".into(),
            "windows.len 1".into(),
            "windows.0.start 4".into(),
            "windows.0.end 12".into(),
            "variation 2".into(),
            "encoder \"x264 0.164.3095 plate/1\"".into(),
            "watermark -".into(),
        ]
    );
}

/// A crop around the middle had its key before there was any other: it says nothing of where it is.
#[test]
fn where_a_picture_is_cropped_is_said_only_where_it_is_not_the_middle() {
    let fields = |plate: PlateSpec| {
        let fields = plate.canonical().fields();
        fields.into_iter().map(|field| format!("{} {}", field.name, field.value)).collect::<BTreeSet<_>>()
    };
    let (middle, focused) = (fields(wan_plate()), fields(focused_plate()));
    let said: Vec<_> = focused.difference(&middle).cloned().collect();
    assert_eq!(said, ["scene.adapted.left 10.5", "scene.adapted.top 0"]);
    assert!(middle.is_subset(&focused));
    assert!(!serde_json::to_string(&wan_plate()).unwrap().contains("corner"));
}

/// Walks every leaf of a spec's JSON, so that a field that is added later is covered without a change here.
#[test]
fn every_change_of_a_spec_is_another_key() {
    for plate in [motion_plate(), wan_plate(), focused_plate()] {
        let written = serde_json::to_value(&plate).unwrap();
        let key = |json: &Json| serde_json::from_value::<PlateSpec>(json.clone()).ok().map(|spec| spec.key().to_string());
        assert_each_change_is_another(&written, key);
    }
    let key = |json: &Json| serde_json::from_value::<ClipSpec>(json.clone()).ok().map(|spec| spec.key().to_string());
    for clip in [clip(), sounding_clip()] {
        assert_each_change_is_another(&serde_json::to_value(clip).unwrap(), key);
    }
}

/// Leaves with only one valid value: the tag of the painter (both painters are compared below), the only profile.
const ONLY: [&str; 2] = ["/scene/painter", "/profile"];

fn assert_each_change_is_another(spec: &Json, key: impl Fn(&Json) -> Option<String>) {
    let mut seen = BTreeMap::from([(key(spec).expect("the spec itself is valid"), "unchanged".to_owned())]);
    let mut paths = Vec::new();
    walk(spec, String::new(), &mut paths);
    for path in paths {
        let mut changed = 0;
        for value in others(spec.pointer(&path).unwrap()) {
            let mut other = spec.clone();
            *other.pointer_mut(&path).unwrap() = value.clone();
            if let Some(key) = key(&other) {
                changed += 1;
                if let Some(before) = seen.insert(key, format!("{path} = {value}")) {
                    panic!("{path} = {value} has the key of {before}");
                }
            }
        }
        assert!(changed > 0 || ONLY.contains(&path.as_str()), "no other value of {path} was tried");
    }
}

/// Paths of every leaf, list and map.
fn walk(json: &Json, path: String, paths: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                walk(value, format!("{path}/{name}"), paths);
            }
            if path.ends_with("/values") || path.ends_with("/noise") {
                paths.push(path);
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, format!("{path}/{index}"), paths);
            }
            paths.push(path);
        }
        // Its only other value needs a seed beside it: the whole object is changed instead.
        _ if path.ends_with("/noise/from") => {}
        _ => paths.push(path),
    }
}

/// Values to put in the place of one; those that are no value there do not parse.
fn others(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => vec![json!(""), json!("festoon")],
        Json::Bool(flag) => vec![json!(!flag)],
        Json::Number(number) if number.is_f64() => vec![json!(number.as_f64().unwrap() + 0.001), json!(-0.25)],
        Json::Number(number) => vec![json!(number.as_u64().unwrap() + 1)],
        Json::String(text) if text.len() == 64 => vec![json!("0".repeat(64))],
        Json::String(text) => {
            let names = ["bokeh", "orbit", "euler", "lightning", "#010203", "fr-Latn-FR", "opus", "other"];
            names.iter().filter(|name| *name != text).map(|name| json!(name)).collect()
        }
        Json::Array(items) => {
            let mut longer = items.clone();
            longer.extend(items.last().cloned());
            let mut turned = items.clone();
            turned.reverse();
            let turned = (turned != *items).then_some(Json::Array(turned));
            [Json::Array(longer), json!([])].into_iter().chain(turned).collect()
        }
        Json::Object(fields) if fields.contains_key("from") => {
            vec![json!({"from": "torch-seed", "seed": 1}), json!({"from": "torch-seed", "seed": 2})]
        }
        Json::Object(fields) => {
            let mut more = fields.clone();
            more.insert("another".into(), json!(""));
            vec![Json::Object(more), json!({})]
        }
    }
}

#[test]
fn painters_and_kinds_of_spec_never_share_a_key() {
    let mut motion = motion_plate();
    let Scene::Motion(scene) = &mut motion.scene else { panic!("it is a motion plate") };
    scene.layers.clear();
    let mut wan = wan_plate();
    wan.template = motion.template.clone();
    assert_ne!(motion.key(), wan.key());

    // The same fields under another context.
    let form = || motion_plate().canonical();
    assert_ne!(form().digest("one context"), form().digest("another context"));
}

#[test]
fn where_one_text_ends_and_the_next_begins_is_in_the_key() {
    let with = |prompt: &str, negative: &str| {
        let mut plate = wan_plate();
        let Scene::Wan(scene) = &mut plate.scene else { panic!("it is a wan plate") };
        (scene.prompt, scene.negative) = (prompt.into(), negative.into());
        plate.key()
    };
    let keys = BTreeSet::from([
        with("ab", "c"),
        with("a", "bc"),
        with("abc", ""),
        with("", "abc"),
        with("ab\0", "c"),
        with("ab", "\0c"),
    ]);
    assert_eq!(keys.len(), 6);
}

#[test]
fn no_watermark_is_not_an_empty_one() {
    let mut empty = motion_plate();
    empty.watermark = Some(String::new());
    assert_ne!(empty.key(), motion_plate().key());
}

#[test]
fn both_unicode_forms_of_a_text_are_one_key() {
    let with = |title: &str| {
        let mut clip = clip();
        clip.overlay.values.insert("title".into(), title.into());
        clip.key()
    };
    assert_eq!(with("Joyeux Noe\u{308}l"), with("Joyeux No\u{eb}l"));
    assert_eq!(with("\u{1112}\u{1161}\u{11ab}"), with("\u{d55c}"));
    assert_ne!(with("Noel"), with("No\u{eb}l"));
}

#[test]
fn a_field_that_nobody_knows_is_refused() {
    let mut json = serde_json::to_value(motion_plate()).unwrap();
    json["scene"]["sparkle"] = json!(1);
    assert!(serde_json::from_value::<PlateSpec>(json).unwrap_err().to_string().contains("sparkle"));
}

#[test]
fn thousandths_round_and_refuse_what_is_no_number() {
    assert_eq!(Milli::new(0.1 + 0.2), Milli::new(0.3));
    assert_eq!(Milli::new(1.0004), Some(Milli::ONE));
    assert_eq!(Milli::new(1.0005), Some(Milli(1001)));
    assert_eq!(Milli::new(-0.0), Milli::new(0.0));
    for number in [f64::NAN, f64::INFINITY, 1e20] {
        assert_eq!(Milli::new(number), None, "{number}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Absent),
        "[a-c\0]{0,3}".prop_map(Value::Text),
        (-2i64..3).prop_map(Value::Integer),
        (-2i64..3).prop_map(|thousandths| Value::Milli(Milli(thousandths))),
        any::<bool>().prop_map(Value::Flag),
        (0u8..3).prop_map(|byte| Value::Digest([byte; 32])),
    ]
}

fn digest(fields: &[(String, Value)]) -> festoon_spec::Digest {
    let mut form = Canonical::default();
    fields.iter().for_each(|(name, value)| form.put(name, value.clone()));
    form.digest("test")
}

proptest! {
    #[test]
    fn forms_are_equal_only_if_their_fields_are(
        one in prop::collection::vec(("[ab]{0,2}", any_value()), 0..4),
        other in prop::collection::vec(("[ab]{0,2}", any_value()), 0..4),
    ) {
        prop_assert_eq!(digest(&one) == digest(&other), one == other);
    }

    #[test]
    fn noise_below_a_thousandth_is_not_in_a_key(thousandths in -100_000i64..100_000, noise in -0.4f64..0.4) {
        let number = (thousandths as f64 + noise) / 1000.0;
        prop_assert_eq!(Milli::new(number), Some(Milli(thousandths)));
    }

    #[test]
    fn a_spec_keeps_its_key_on_the_wire(
        prompt in "\\PC{0,40}",
        shift in 0i64..20_000,
        variation in 0u32..1000,
        seed in any::<u64>(),
    ) {
        let mut plate = wan_plate();
        let Scene::Wan(scene) = &mut plate.scene else { unreachable!() };
        scene.prompt = prompt;
        scene.shift = Milli(shift);
        scene.noise = festoon_spec::Noise::TorchSeed { seed };
        plate.variation = variation;
        let text = serde_json::to_string(&plate).unwrap();
        let read: PlateSpec = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.key(), plate.key());
        prop_assert_eq!(read, plate);
    }

    #[test]
    fn equal_texts_are_equal_in_either_form(text in "\\PC{0,40}") {
        let one = vec![("name".to_owned(), Value::Text(text.nfc().collect()))];
        let other = vec![("name".to_owned(), Value::Text(text.nfd().collect()))];
        prop_assert_eq!(digest(&one), digest(&other));
    }
}
