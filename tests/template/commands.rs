//! The commands of a template's author.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use festoon_film::{Cancel, Expectation, X264, encode_plate};
use festoon_spec::Canvas;

use super::{Folder, MOTION, MOTION_WORDS, tiny};

/// Runs the program as a template's author would.
fn festoon(arguments: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    festoon_where(arguments, folder, &[])
}

/// The same with these variables in its environment.
pub fn festoon_where(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_festoon"));
    let output = command.args(arguments).envs(variables.iter().copied()).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_ends_with_3_and_shows_each_line() {
    let folder = Folder::motion();
    let (code, out, _) = festoon(&["check", "."], folder.path());
    assert_eq!(code, Some(0));
    assert!(out.ends_with("1 template, no mistakes\n"), "{out}");

    let folder = folder.edit("test/template.toml", "width = 320", "widht = 320");
    let (code, _, err) = festoon(&["check", "."], folder.path());
    assert_eq!(code, Some(3));
    for part in ["test/template.toml:4:1", "widht = 320", "did you mean `width`?", "1 mistake in ."] {
        assert!(err.contains(part), "{part}: {err}");
    }

    let (code, out, _) = festoon(&["check", ".", "--json"], folder.path());
    assert_eq!(code, Some(3));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let mistake = &report["mistakes"][0];
    assert_eq!(report["clean"], false);
    assert_eq!((&mistake["line"], &mistake["column"], &mistake["code"]), (&4.into(), &1.into(), &"unknown-key".into()));
}

#[test]
fn check_shows_what_an_overlay_gets_wrong_where_it_is() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\"><path d=\"M0 0h9v9z\"/></svg>";
    let overlapping = "until = 0.875 }, { name = \"late\", from = 0.6, until = 1 }";
    // Another layer behind the last one.
    let mark =
        "anchor = \"top-end\"\n[[overlay.layers]]\nname = \"mark\"\nkind = \"image\"\nwindow = \"title\"\nwithin = [9, 9]\n";
    for (old, new, told) in [
        ("face = \"title\"", "face = \"headline\"", "there is no face `headline`"),
        ("size = [8, 14]", "size = [-8, 14]", "-8, expected a number from 1 to 60"),
        ("within = [10, 10]", "within = [10, -10]", "-10, expected a number from"),
        ("until = 0.875 }", overlapping, "`late` overlaps the window `title`"),
        ("anchor = \"top-end\"", &format!("{mark}file = \"broken.png\""), "cannot be read as PNG"),
        ("anchor = \"top-end\"", &format!("{mark}file = \"huge.png\""), "20000 x 1 pixels, at most 8192 on a side"),
        ("anchor = \"top-end\"", &format!("{mark}file = \"empty.svg\""), "cannot be read as SVG"),
    ] {
        let folder = super::overlays::folder().edit("test/template.toml", old, new).with("test/empty.svg", svg);
        fs::write(folder.path().join("test/broken.png"), b"\x89PNG\r\n\x1a\n....").unwrap();
        fs::write(folder.path().join("test/huge.png"), crate::http::images::logo(20_000, 1, [1; 3])).unwrap();
        let text = fs::read_to_string(folder.path().join("test/template.toml")).unwrap();
        let (code, out, _) = festoon(&["check", ".", "--json"], folder.path());
        assert_eq!(code, Some(3), "{new}: {out}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let found = report["mistakes"].as_array().unwrap().iter().find(|mistake| {
            let line = text.lines().nth(mistake["line"].as_u64().unwrap() as usize - 1).unwrap();
            // A picture is shown at its layer.
            (line.contains(new) || line == "[[overlay.layers]]") && mistake["message"].as_str().unwrap().contains(told)
        });
        assert!(found.is_some(), "{new}: no {told} in {report:#}");
    }
}

/// A renderer that paints the same grey plate whatever it is asked for.
fn grey_renderer(folder: &Path, canvas: Canvas) -> PathBuf {
    let mut paint = |_: u32, rgb: &mut [u8]| {
        rgb.fill(90);
        Ok(())
    };
    let x264 = X264::find().unwrap();
    let plate = encode_plate(&x264, &canvas, &[], Expectation::default(), &mut paint, &Cancel::default()).unwrap();
    let (stored, program) = (folder.join("grey.mp4"), folder.join("grey-renderer"));
    fs::write(&stored, plate.mp4).unwrap();
    fs::write(&program, format!("#!/bin/sh\nfor out; do :; done\ncp {} \"$out\"\n", stored.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn check_pictures_what_each_locale_will_see() {
    let folder = super::overlays::folder();
    let tools = tempfile::tempdir().unwrap();
    // The template's second, small and at four frames a second.
    let program = grey_renderer(tools.path(), Canvas { width: 256, height: 144, frames: 4, fps: 4 });
    let sheet = |name: &str| {
        let sheet = tools.path().join(name);
        let mut check = Command::new(env!("CARGO_BIN_EXE_festoon"));
        check.args(["check", ".", "--sheet"]).arg(&sheet).current_dir(folder.path()).env("FESTOON__RENDERERS__PROGRAM", &program);
        let output = check.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read(sheet).unwrap()
    };
    let mut reader = png::Decoder::new(std::io::Cursor::new(sheet("sheet.png"))).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    // A window, and a column for each of two locales.
    assert_eq!((info.width, info.height), (8 + 2 * (256 + 8), 8 + 144 + 8));
    let tile = |column: usize| -> Vec<u8> {
        let left = (8 + column * (256 + 8)) * 3;
        let lines = pixels.chunks(info.width as usize * 3).skip(8).take(144);
        lines.flat_map(|line| line[left..left + 256 * 3].to_vec()).collect()
    };
    let (english, french) = (tile(0), tile(1));
    assert_ne!(english, french, "they read other words");
    for tile in [english, french] {
        let white = tile.chunks(3).filter(|pixel| pixel.iter().all(|level| *level > 220)).count();
        assert!((100..3000).contains(&white), "the title is {white} pixels");
    }
    assert!(sheet("sheet.jpg").starts_with(&[0xff, 0xd8, 0xff]));
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
    assert_eq!(code, Some(3));
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
