//! The commands of a template's author.

use std::{path::Path, process::Command};

use super::{Folder, MOTION, MOTION_WORDS, tiny};

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
    assert_eq!(code, Some(0));
    assert!(out.ends_with("1 template, no mistakes\n"), "{out}");

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
fn check_shows_which_locale_gets_which_scene() {
    let folder = Folder::motion().with("test/words/fr.toml", MOTION_WORDS);
    let (_, out, _) = festoon(&["check", "."], folder.path());
    let rows: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().filter(|cell| *cell != "│").collect()).collect();
    for row in [
        vec!["test", "en", "fr", "fireworks", "#000000", "#101020", "/", "#ffd98a", "#ffffff"],
        vec!["ja", "petals", "#000000", "#101020", "/", "#ffd98a", "#ffffff"],
    ] {
        assert!(rows.contains(&row), "{row:?}: {out}");
    }
    let (_, out, _) = festoon(&["check", ".", "--json"], folder.path());
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    let scenes = &shown["scenes"][0]["scenes"];
    assert_eq!(scenes[1]["locales"], serde_json::json!(["ja"]));
    assert_eq!((&scenes[1]["painter"], &scenes[1]["scene"]["layers"][0]["motif"]), (&"motion".into(), &"petals".into()));
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
fn check_says_how_a_model_paints_each_template_that_is_left_to_it() {
    let wan = Folder::wan().edit("test/template.toml", "width = 256\nheight = 144", "width = 1280\nheight = 800");
    let project = Folder::empty().with("config/festoon.toml", "[models]\ntiny = \"models/tiny\"\ngone = \"models/gone\"\n");
    project.write("models/tiny/festoon.json", &serde_json::to_string(&tiny()).unwrap());
    let settings = project.path().join("config/festoon.toml");
    let arguments = ["check", ".", "--config", settings.to_str().unwrap()];
    let (code, out, err) = festoon(&arguments, wan.path());
    let making = "test: adapted, painted 256x144 x17 at 16 fps, cropped to 230x144, scaled to 1280x800; by `tiny` (demonstration), 4 steps of unipc";
    assert_eq!(code, Some(0), "{err}");
    assert!(out.ends_with(&format!("{making}\n1 template, no mistakes\n")), "{out}");
    let (_, out, _) = festoon(&[&arguments[..], &["--json"]].concat(), wan.path());
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["makings"][0]["adapted"]["painted"]["width"], 256);

    project.write("models/tiny/festoon.json", "{}");
    let (code, _, err) = festoon(&arguments, wan.path());
    assert_eq!(code, Some(1));
    assert!(err.contains("model `tiny`") && err.contains("missing field `title`"), "{err}");
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
        "  scene.prompt             \"In Paris, a fox walks through the light of dawn.\"\n",
        "  encoder                  \"x264 9 plate/1\"\n",
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
