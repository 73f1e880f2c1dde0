//! The model, on the tiny checkpoint with random weights.

use std::{
    fs,
    path::{Path, PathBuf},
};

use festoon_film::{BoxError, Cancel, Ffmpeg, probe};
use festoon_spec::{Adapted, Canvas, FailureKind, Milli, ModelDigest, Noise, PlateSpec, Scene, WanScene};

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

/// Small, short and slow, for a canvas that is neither.
fn adapted() -> PlateSpec {
    let painted = small().canvas;
    let painted = Canvas { fps: 8, ..painted };
    let canvas = Canvas { width: 192, height: 108, frames: 13, fps: 24 };
    PlateSpec { canvas, ..with(|scene| scene.adapted = Some(Adapted { painted, ping_pong: false, corner: None })) }
}

#[test]
fn what_the_model_paints_is_adapted_to_the_canvas() {
    let lease = lease(1, adapted());
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    let outcome = origin.hand_in(&lease.job).outcome;
    let media = outcome.media;
    assert_eq!((media.width, media.height, media.frames, media.fps), (192, 108, 13, 24));
    for stage in ["denoise", "decode", "paint", "encode"] {
        assert!(outcome.timings.contains_key(stage), "{stage} is not in {:?}", outcome.timings);
    }
    renderer.drain();
}

/// The noise is seeded, so that nothing but the crop differs between the plates.
#[test]
fn the_part_in_focus_is_seen_of_a_square_plate() {
    let seeded = |canvas: Canvas, adapted: Option<Adapted>| {
        let change = |scene: &mut WanScene| (scene.noise, scene.adapted) = (Noise::TorchSeed { seed: 3 }, adapted);
        PlateSpec { canvas, ..with(change) }
    };
    let whole = small().canvas;
    let square = Canvas { width: 48, ..whole };
    let at = |left: i64| Adapted { painted: whole, ping_pong: false, corner: Some([Milli(left * 1000), Milli(0)]) };
    let plates = [seeded(whole, None), seeded(square, Some(at(0))), seeded(square, Some(at(16)))];
    let leases: Vec<_> = (1..).zip(plates).map(|(job, plate)| lease(job, plate)).collect();
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    let painted: Vec<Vec<u8>> = leases
        .iter()
        .map(|lease| {
            let blob = origin.hand_in(&lease.job).outcome.blob;
            decoded(&origin.with(|desk| desk.blobs[&blob].clone()))
        })
        .collect();
    renderer.drain();
    let columns = |left: usize| -> Vec<u8> {
        painted[0].chunks_exact(64 * 3).flat_map(|row| row[left * 3..(left + 48) * 3].to_vec()).collect()
    };
    for (plate, left, other) in [(1, 0, 16), (2, 16, 0)] {
        let (right, wrong) = (likeness(&painted[plate], &columns(left)), likeness(&painted[plate], &columns(other)));
        assert!(right > 30.0 && right > wrong + 6.0, "from column {left}: {right:.1} dB, of the other part {wrong:.1} dB");
    }
}

#[test]
fn the_same_plate_is_the_same_bytes_whatever_the_number_of_threads() {
    // Large enough that two threads would share sums.
    let large = PlateSpec { canvas: plates::wan(digest(), 320, 192, 17).canvas, ..with(|scene| scene.steps = 2) };
    let leases = [lease(1, large), lease(2, adapted()), lease(3, plates::small())];
    let painted = ["1", "2"].map(|threads| {
        let origin = Origin::open(leases.clone());
        let renderer = program::run(&origin, &[("THREADS", threads)], &["--model", &model()]);
        let blobs = leases.clone().map(|lease| origin.hand_in(&lease.job).outcome.blob);
        renderer.drain();
        blobs
    });
    assert_eq!(painted[0], painted[1]);
}

/// Every frame of a plate, one behind the other.
fn decoded(plate: &[u8]) -> Vec<u8> {
    let mut levels = Vec::new();
    let mut take = |_: u32, frame: &[u8]| -> Result<(), BoxError> {
        levels.extend_from_slice(frame);
        Ok(())
    };
    Ffmpeg::find().unwrap().decode(plate, &Cancel::default(), &mut take).unwrap();
    levels
}

/// Decibels of peak signal to noise.
fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let squares: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / (squares as f64).max(1e-9)).log10()
}

/// On another processor sums are added up in another order. What is promised there is the same picture, not the same bytes.
#[test]
fn another_processor_paints_the_same_picture() {
    let home = tempfile::tempdir().unwrap();
    let spec = home.path().join("spec.json");
    fs::write(&spec, serde_json::to_string(&adapted()).unwrap()).unwrap();
    let paint = |name: &str, processor: &[(&str, &str)]| {
        let out = home.path().join(name);
        let mut command = program::command(&home);
        command.envs(processor.iter().copied()).args(["paint", "--model", &model(), "--spec"]).arg(&spec).arg("--out").arg(&out);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        decoded(&fs::read(&out).unwrap())
    };
    let here = paint("here.mp4", &[]);
    let there = paint("there.mp4", &[("ATEN_CPU_CAPABILITY", "default"), ("ONEDNN_MAX_CPU_ISA", "SSE41")]);
    let decibels = likeness(&here, &there);
    assert!(here.len() == there.len() && decibels > 38.0, "{decibels:.1} dB after encoding");
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
        lease(4, {
            let mut spec = adapted();
            if let Scene::Wan(scene) = &mut spec.scene
                && let Some(adapted) = &mut scene.adapted
            {
                adapted.painted.frames = 6;
            }
            spec
        }),
    ];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &["--model", &model()]);
    for (lease, told) in leases.iter().zip([
        "canvas.frames is 7: the model paints 4n + 1, here 5 or 9",
        "width: 72",
        "steps",
        "adapted.painted.frames is 6: the model paints 4n + 1, here 5 or 9",
    ]) {
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
fn info_names_the_checkpoint_its_digest_and_what_it_can_give() {
    let home = tempfile::tempdir().unwrap();
    let output = output(&home, &["info", "--json", "--model", &model()]);
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["painters"], serde_json::json!(["motion/4", "wan/1", "wan/1 adapt/2"]));
    assert_eq!(info["models"][0]["name"], "tiny");
    assert_eq!(info["models"][0]["digest"], digest().to_string());
    // The fixture says nothing of itself.
    assert_eq!(info["models"][0]["abilities"]["title"], "Wan2.2-T2V-A14B");
    assert_eq!(info["models"][0]["gates"]["passed"], serde_json::json!({}));
    assert_eq!(info["broken"], serde_json::json!([]));
}

#[test]
fn info_says_which_gates_a_checkpoint_missed() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("measured");
    copy_folder(&checkpoint(), &copy);
    fs::write(copy.join("gates.json"), r#"{"megabytes": 22.1, "passed": {"sharp": false, "small": true}}"#).unwrap();
    let output = output(&home, &["info", "--model", &format!("measured={}", copy.display())]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("(demonstration, ") && page.contains("1 of 2 gates passed; missed: sharp\n"), "{page}");
    assert!(page.contains(&digest().to_string()), "measuring makes no pixels: {page}");
}

#[test]
fn a_broken_checkpoint_is_told_and_costs_only_the_plates_that_need_it() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("broken");
    copy_folder(&checkpoint(), &copy);
    let weights = fs::read_dir(copy.join("vae")).unwrap().map(|entry| entry.unwrap().path());
    let weights = weights.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")).min().unwrap();
    let whole = fs::metadata(&weights).unwrap().len();
    fs::OpenOptions::new().write(true).open(&weights).unwrap().set_len(whole / 2).unwrap();
    let models = [&format!("broken={}", copy.display()), "gone=/no/such/folder", &model()].map(str::to_owned);
    let models = ["--model", &models[0], "--model", &models[1], "--model", &models[2]];

    let output = output(&home, &[&["info"], &models[..]].concat());
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}");
    assert!(page.contains(&format!("broken    model `broken`: {}", weights.display())), "{page}");
    assert!(page.contains("hint: the file may be truncated"), "{page}");
    assert!(page.contains("broken    model `gone`: cannot read /no/such/folder"), "{page}");
    assert!(page.contains("model     tiny"), "{page}");

    let broken = plates::wan(ModelDigest::of_folder(&copy).unwrap(), 64, 48, 5);
    let leases = [lease(1, broken), lease(2, small()), lease(3, plates::small())];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &models);
    let failure = origin.failure(&leases[0].job);
    assert_eq!(failure.kind, FailureKind::Transient, "another renderer may have it whole");
    assert!(failure.reason.starts_with("this renderer does not have what the plate needs"), "{}", failure.reason);
    origin.hand_in(&leases[1].job);
    origin.hand_in(&leases[2].job);
    let asked = origin.with(|desk| desk.asked[0].capabilities.clone());
    assert_eq!(asked.models, [digest()]);
    let log = renderer.drain();
    for told in ["model `broken`", "model `gone`"] {
        assert_eq!(log.iter().filter(|line| line.contains("ERROR") && line.contains(told)).count(), 1, "{log:#?}");
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
