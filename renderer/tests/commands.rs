//! The command line: what it prints, how it ends.

use std::fs;

use festoon_film::probe;

use crate::{
    origin::Origin,
    plates,
    program::{self, output},
};

#[test]
fn info_says_what_this_machine_can_paint_with() {
    let home = tempfile::tempdir().unwrap();
    let output = output(&home, &["info", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["device"], "cpu");
    assert_eq!(info["encoder"], plates::encoder().0);
    assert_eq!(info["painters"], serde_json::json!(["motion/4"]));
    assert!(info["torch"].as_str().unwrap().starts_with("2.11.0"));
}

#[test]
fn a_plate_is_painted_without_a_server() {
    let home = tempfile::tempdir().unwrap();
    let (spec, out) = (home.path().join("spec.json"), home.path().join("plate.mp4"));
    fs::write(&spec, serde_json::to_string(&plates::small()).unwrap()).unwrap();
    let output = output(&home, &["paint", "--spec", spec.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(probe(&fs::read(&out).unwrap()).unwrap().frames, 12);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["key"], plates::small().key().to_string());
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("paint: 12 steps"), "{progress}");
}

#[test]
fn a_spec_that_is_none_is_told_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let (spec, out) = (home.path().join("spec.json"), home.path().join("plate.mp4"));
    let (spec_path, out_path) = (spec.to_str().unwrap(), out.to_str().unwrap());
    let mut odd = plates::small();
    odd.canvas.width = 161;
    let mut foreign = plates::small();
    foreign.encoder.0 = "x264 9".into();
    for (text, told) in [
        ("{}".to_owned(), "is not a plate spec: missing field `template`"),
        (serde_json::to_string(&odd).unwrap(), "161"),
        (serde_json::to_string(&foreign).unwrap(), "hint: write \"encoder\": \"x264 0."),
    ] {
        fs::write(&spec, text).unwrap();
        let output = output(&home, &["paint", "--spec", spec_path, "--out", out_path]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(told), "{error}");
        assert!(!out.exists());
    }
}

#[test]
fn a_wrong_token_ends_the_renderer_with_a_hint() {
    let origin = Origin::open([]);
    let renderer = program::run(&origin, &[("TOKEN", "wrong")], &[]);
    let (status, log) = renderer.end();
    assert_eq!(status.code(), Some(77), "{log:#?}");
    assert!(log.iter().any(|line| line.starts_with("error: ") && line.contains("renderer token")), "{log:#?}");
    assert!(log.iter().any(|line| line.starts_with("hint: set token")), "{log:#?}");
}

#[test]
fn a_wrong_setting_ends_it_before_anything_else() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("renderer.toml");
    fs::write(&file, "[limits]\nmax_with = 3\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, told) in [
        (["run", "--config", file], "unknown field `max_with`"),
        (["run", "--server", "nowhere"], "server is `nowhere`"),
        (["run", "--config", "/no/such/file.toml"], "/no/such/file.toml"),
    ] {
        let output = output(&home, &arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn log_lines_can_be_json() {
    let origin = Origin::open([]);
    let renderer = program::run(&origin, &[("LOG", "json")], &[]);
    origin.wait("a request for work", |desk| (!desk.asked.is_empty()).then_some(()));
    for line in renderer.drain() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}
