//! What a checkpoint says of itself.

use std::{fs, path::Path};

use festoon_spec::{Abilities, Checkpoint, CheckpointKind, DigestMemory, Locale, ModelDigest, NativeSize};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A checkpoint that says this of itself.
fn saying(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model_index.json"), "{}").unwrap();
    fs::write(folder.path().join("festoon.json"), text).unwrap();
    folder
}

fn small() -> Value {
    json!({
        "title": "Small harbour", "licence": "MIT", "kind": "demonstration",
        "sizes": ["160x96", "96x160"], "frames": {"least": 17, "most": 17}, "fps": 8,
        "prompt": {"languages": ["en", "zh"], "tokens": 64},
        "sampling": {
            "sampler": "euler", "steps": 4, "most_steps": 8, "shift": 3.5, "guidance_high": 1, "guidance_low": 1.25
        }
    })
}

fn mistake(json: &Value) -> String {
    let folder = saying(&json.to_string());
    let text = Abilities::of_folder(folder.path()).unwrap_err().to_string();
    let file = format!("{}: ", folder.path().join("festoon.json").display());
    text.strip_prefix(&file).unwrap_or_else(|| panic!("`{text}` does not begin with the file")).to_owned()
}

#[test]
fn a_checkpoint_says_what_it_can_give() {
    let abilities = Abilities::of_folder(saying(&small().to_string()).path()).unwrap();
    assert_eq!(abilities.kind, CheckpointKind::Demonstration);
    assert_eq!(abilities.sizes, [NativeSize { width: 160, height: 96 }, NativeSize { width: 96, height: 160 }]);
    assert_eq!(abilities.sampling.guidance_low.get(), 1.25);
    assert_eq!(serde_json::to_value(&abilities).unwrap()["prompt"], small()["prompt"]);
    let reads = |tag: &str| abilities.reads(&tag.parse::<Locale>().unwrap());
    assert!(reads("en-GB") && reads("zh-Hant") && !reads("ja"));
}

#[test]
fn a_checkpoint_that_says_nothing_is_taken_for_the_published_one() {
    let folder = TempDir::new().unwrap();
    let abilities = Abilities::of_folder(folder.path()).unwrap();
    assert_eq!(abilities, Abilities::official());
    assert_eq!((abilities.sampling.steps, abilities.frames.most, abilities.fps), (40, 81, 16));
    // The published values are ones that a checkpoint may say.
    let folder = saying(&serde_json::to_string(&abilities).unwrap());
    assert_eq!(Abilities::of_folder(folder.path()).unwrap(), abilities);
}

#[test]
fn what_a_checkpoint_says_is_part_of_its_name() {
    let (one, other) = (saying(&small().to_string()), saying("{}"));
    assert_ne!(ModelDigest::of_folder(one.path()).unwrap(), ModelDigest::of_folder(other.path()).unwrap());
}

#[test]
fn each_shipped_checkpoint_says_what_it_can_give() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    for entry in fs::read_dir(models).unwrap() {
        let folder = entry.unwrap().path();
        if folder.join("model_index.json").is_file() {
            assert!(folder.join("festoon.json").is_file(), "{}", folder.display());
            let checkpoint = Checkpoint::open(&folder, &mut DigestMemory::default()).unwrap();
            assert_eq!(checkpoint.abilities.kind, CheckpointKind::Demonstration, "{}", folder.display());
        }
    }
}

#[test]
fn a_wrong_field_is_named_with_its_file_and_what_would_be_right() {
    let with = |pointer: &str, value: Value| {
        let mut json = small();
        *json.pointer_mut(pointer).unwrap() = value;
        mistake(&json)
    };
    for (pointer, value, told) in [
        ("/kind", json!("toy"), "unknown variant `toy`, expected `production` or `demonstration`"),
        ("/sizes", json!([]), "`sizes` has 0 items, expected 1 to 100"),
        ("/sizes/0", json!("160x90"), "`160x90` is not a native size: expected `160x96`, both multiples of 16 from 16 to 3840"),
        ("/sizes/0", json!("+160x96"), "`+160x96` is not a native size"),
        ("/frames/most", json!(16), "`frames.most` is 16, expected 4 n + 1 up to 1801"),
        ("/frames/most", json!(13), "`frames.least` is 17, which is more than `frames.most`, 13"),
        ("/frames/least", json!(-3), "invalid value: integer `-3`"),
        ("/fps", json!(0), "`fps` is 0, expected 1 to 60"),
        ("/prompt/languages/0", json!("?"), "`?` is not a locale"),
        ("/prompt/tokens", json!(513), "`prompt.tokens` is 513, expected 2 to 512"),
        ("/sampling/sampler", json!("ddim"), "unknown variant `ddim`, expected one of `unipc`, `euler`, `lightning`"),
        ("/sampling/steps", json!(9), "`sampling.steps` is 9, expected 1 to 8"),
        ("/sampling/shift", json!(0), "`sampling.shift` is 0, expected 0.1 to 20"),
        ("/title", json!(" "), "`title` is \" \", expected 1 to 200 characters on one line"),
    ] {
        let mistake = with(pointer, value.clone());
        assert!(mistake.starts_with(told), "{pointer} = {value}: {mistake}");
    }
}

#[test]
fn a_field_too_many_or_too_few_is_named_with_its_line() {
    let mut more = small();
    more["frame_rate"] = json!(8);
    assert!(mistake(&more).starts_with("unknown field `frame_rate`, expected one of `title`"), "{}", mistake(&more));
    let mut fewer = small();
    fewer.as_object_mut().unwrap().remove("fps");
    assert!(mistake(&fewer).starts_with("missing field `fps` at line 1"), "{}", mistake(&fewer));
    let folder = saying("{\n  \"title\": }");
    let error = Abilities::of_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("festoon.json: expected value at line 2 column 12"), "{error}");
    let folder = saying(&" ".repeat(70_000));
    let error = Abilities::of_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("70000 bytes, expected at most 65536"), "{error}");
}

#[test]
fn a_checkpoint_that_missed_a_gate_is_for_demonstration_and_leads_nowhere() {
    let mut said = small();
    said["kind"] = "production".into();
    let folder = saying(&said.to_string());
    let open = || Checkpoint::open(folder.path(), &mut DigestMemory::default());
    let unmeasured = open().unwrap();
    assert_eq!((unmeasured.abilities.kind, unmeasured.may_lead()), (CheckpointKind::Production, true));
    fs::write(folder.path().join("gates.json"), r#"{"megabytes": 22.1, "passed": {"small": true, "sharp": false}}"#).unwrap();
    let missed = open().unwrap();
    assert_eq!((missed.abilities.kind, missed.may_lead()), (CheckpointKind::Demonstration, false));
    assert_eq!(missed.gates.missed().collect::<Vec<_>>(), ["sharp"]);
    assert_eq!(missed.digest, unmeasured.digest, "measuring makes no pixels");
    fs::write(folder.path().join("gates.json"), r#"{"passed": []}"#).unwrap();
    let error = open().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", folder.path().join("gates.json").display())), "{error}");
}
