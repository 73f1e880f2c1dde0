//! The model, on the tiny checkpoint with random weights.

use std::{
    fs,
    path::{Path, PathBuf},
};

use festoon_film::probe;
use festoon_spec::{FailureKind, Milli, ModelDigest, Noise, PlateSpec, Scene, WanScene};

use crate::{
    origin::{Origin, lease},
    plates,
    program::{self, output},
};

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wan/tests/fixture")
}

fn model() -> String {
    format!("tiny={}", checkpoint().display())
}

fn digest() -> ModelDigest {
    ModelDigest::of_folder(&checkpoint()).unwrap()
}

/// The smallest clip with more than one latent frame.
fn small() -> PlateSpec {
    plates::wan(digest(), 64, 48, 5)
}

fn with(change: impl FnOnce(&mut WanScene)) -> PlateSpec {
    let mut spec = small();
    match &mut spec.scene {
        Scene::Wan(scene) => change(scene),
        Scene::Motion(_) => unreachable!("plates::wan makes a wan scene"),
    }
    spec
}

#[test]
fn a_plate_of_the_model_is_painted_and_handed_in() {
    let lease = lease(1, small());
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    let outcome = origin.hand_in(&lease.job).outcome;
    let bytes = origin.with(|desk| desk.blobs[&outcome.blob].clone());
    let media = probe(&bytes).unwrap();
    assert_eq!((media.width, media.height, media.frames, media.fps), (64, 48, 5, 16));
    assert_eq!(outcome.media, media);
    for stage in ["load", "text", "denoise", "decode", "encode", "hand-in"] {
        assert!(outcome.timings.contains_key(stage), "{stage} is not in {:?}", outcome.timings);
    }
    let asked = origin.with(|desk| desk.asked[0].capabilities.clone());
    assert_eq!(asked.models, [digest()]);
    let log = renderer.drain();
    assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:#?}");
}

#[test]
fn the_key_makes_the_noise_and_so_the_bytes() {
    let mut another = small();
    another.variation = 1;
    let seeded = with(|scene| scene.noise = Noise::TorchSeed { seed: 1 });
    let leases = [lease(1, small()), lease(2, small()), lease(3, another), lease(4, seeded)];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    let [first, again, other, seeded] = leases.map(|lease| origin.hand_in(&lease.job).outcome.blob);
    assert_eq!(first, again);
    assert!(other != first && seeded != first && seeded != other);
    renderer.drain();
}

#[test]
fn a_lora_is_found_by_its_digest_and_changes_the_picture() {
    let folder = checkpoint().join("lora");
    let file = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")).min().unwrap();
    let lora = |digest| festoon_spec::Lora { digest, weight_high: Milli(1000), weight_low: Milli(0) };
    let digest = festoon_spec::Digest::of(&fs::read(&file).unwrap());
    let leases = [
        lease(1, small()),
        lease(2, with(|scene| scene.loras = vec![lora(digest)])),
        lease(3, with(|scene| scene.loras = vec![lora(festoon_spec::Digest::from_bytes([3; 32]))])),
    ];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[("LORAS__FOLDERS", folder.to_str().unwrap())], &["--model", &model()]);
    let plain = origin.hand_in(&leases[0].job).outcome.blob;
    assert_ne!(origin.hand_in(&leases[1].job).outcome.blob, plain);
    let failure = origin.failure(&leases[2].job);
    assert_eq!(failure.kind, FailureKind::Transient);
    assert!(failure.reason.starts_with("LoRA file 0303"), "{}", failure.reason);
    renderer.drain();
}

#[test]
fn what_the_model_cannot_paint_is_refused_for_good_by_the_field() {
    let leases = [
        lease(1, plates::wan(digest(), 64, 48, 7)),
        lease(2, plates::wan(digest(), 72, 48, 5)),
        lease(3, with(|scene| scene.steps = 0)),
    ];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    for (lease, told) in leases.iter().zip(["canvas.frames is 7: the model paints 4n + 1, here 5 or 9", "width: 72", "steps"]) {
        let failure = origin.failure(&lease.job);
        assert_eq!(failure.kind, FailureKind::Permanent, "{}", failure.reason);
        assert!(failure.reason.contains(told), "{}", failure.reason);
    }
    renderer.drain();
}

#[test]
fn a_cancelled_painting_stops_between_two_steps() {
    // The most steps that the model takes, on a picture large enough that they take minutes.
    let long = PlateSpec { canvas: plates::wan(digest(), 512, 288, 33).canvas, ..with(|scene| scene.steps = 1000) };
    let leases = [lease(1, long), lease(2, small())];
    let origin = Origin::open(leases.clone());
    origin.with(|desk| desk.cancelled.push(leases[0].job.clone()));
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    let failure = origin.failure(&leases[0].job);
    assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::HandedBack, "cancelled"));
    origin.hand_in(&leases[1].job);
    renderer.drain();
}

#[test]
fn info_names_the_checkpoint_and_its_digest() {
    let home = tempfile::tempdir().unwrap();
    let output = output(&home, &["info", "--json", "--model", &model()]);
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["painters"], serde_json::json!(["motion/2", "wan/1"]));
    assert_eq!(info["models"][0]["name"], "tiny");
    assert_eq!(info["models"][0]["digest"], digest().to_string());
}

#[test]
fn a_truncated_checkpoint_is_told_with_the_file() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("broken");
    copy_folder(&checkpoint(), &copy);
    let weights = fs::read_dir(copy.join("vae")).unwrap().map(|entry| entry.unwrap().path());
    let weights = weights.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")).min().unwrap();
    let whole = fs::metadata(&weights).unwrap().len();
    fs::OpenOptions::new().write(true).open(&weights).unwrap().set_len(whole / 2).unwrap();
    let model = format!("broken={}", copy.display());
    for arguments in [["info", "--model", &model], ["run", "--model", &model]] {
        let output = output(&home, &arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{error}");
        assert!(error.contains(&format!("error: model `broken`: {}", weights.display())), "{error}");
        assert!(error.contains("hint: the file may be truncated"), "{error}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
