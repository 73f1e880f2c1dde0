//! `festoon-renderer motion --dataset`, as a training calls it: what lies in the folder, and that it can be gone on with.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::Output,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program;

/// Two shards, the second not full, of clips that cost next to nothing.
const CLIPS: usize = 260;
const FRAMES: usize = 2;
const WIDTH: usize = 34;
const HEIGHT: usize = 18;
const CLIP: usize = FRAMES * WIDTH * HEIGHT * 3;

fn motion(out: &Path, more: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let usual = ["--dataset", "260", "--size", "34x18", "--frames", "2", "--motifs", "bokeh,confetti", "--threads", "1"];
    // What is said last counts.
    let mut arguments = vec!["motion", "--out", out.to_str().unwrap()];
    for pair in usual.chunks_exact(2).filter(|pair| !more.contains(&pair[0])) {
        arguments.extend(pair);
    }
    arguments.extend(more);
    program::output(&home, &arguments)
}

fn filled(more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = motion(folder.path(), more);
    assert!(output.status.success(), "{output:?}");
    folder
}

fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every file of a folder but the lock.
fn files(folder: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    let files = entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    files.filter(|(name, _)| name != "lock").collect()
}

/// The shape in an array's head and the bytes after it, read as NumPy reads them.
fn array(bytes: &[u8]) -> (Vec<usize>, &[u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "the data are aligned");
    let head = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(head.starts_with("{'descr': '|u1', 'fortran_order': False, 'shape': (") && head.ends_with('\n'), "{head}");
    let (_, shape) = head.split_once("'shape': (").unwrap();
    let (shape, rest) = shape.split_once(')').unwrap();
    assert_eq!(rest.trim(), ", }");
    (shape.split(',').map(|number| number.trim().parse().unwrap()).collect(), &bytes[10 + length..])
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn shards_are_arrays_that_numpy_maps_with_a_line_of_labels_per_clip() {
    let folder = filled(&[]);
    let files = files(&folder);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["clips-00000.jsonl", "clips-00000.npy", "clips-00001.jsonl", "clips-00001.npy", "dataset.json"]);
    let mut index = 0;
    for (shard, clips) in [(0, 256), (1, CLIPS - 256)] {
        let (shape, data) = array(&files[&format!("clips-{shard:05}.npy")]);
        assert_eq!(shape, [clips, FRAMES, HEIGHT, WIDTH, 3]);
        assert_eq!(data.len(), clips * CLIP);
        assert!(data.chunks_exact(CLIP).all(|clip| clip.iter().any(|&value| value > 40)), "no clip was left out");
        let lines = lines(&files[&format!("clips-{shard:05}.jsonl")]);
        assert_eq!(lines.len(), clips);
        for line in lines {
            assert_eq!(line["index"], index);
            assert!(["bokeh", "confetti"].contains(&line["motif"].as_str().unwrap()), "{line}");
            for field in ["palette", "background", "camera"] {
                assert!(line[field].is_string(), "{line}");
            }
            for language in ["en", "zh", "ja"] {
                assert!(line["captions"][language].as_str().unwrap().chars().count() > 8, "{line}");
            }
            index += 1;
        }
    }
    let recipe: Value = serde_json::from_slice(&files["dataset.json"]).unwrap();
    assert_eq!(recipe["motifs"], serde_json::json!(["confetti", "bokeh"]));
    assert_eq!((&recipe["count"], &recipe["width"], &recipe["frames"]), (&260.into(), &34.into(), &2.into()));
}

#[test]
fn the_bytes_are_the_same_for_any_number_of_threads_and_when_a_run_was_cut_off() {
    let whole = filled(&["--threads", "1"]);
    let cut = filled(&["--threads", "3"]);
    assert!(files(&whole) == files(&cut), "three threads");
    // As a run leaves it that was killed while it wrote the second shard's array, and one killed before its labels.
    for lost in [&["clips-00001.npy", "clips-00001.jsonl"][..], &["clips-00000.jsonl"]] {
        lost.iter().for_each(|name| fs::remove_file(cut.path().join(name)).unwrap());
        fs::write(cut.path().join("clips-00001.npy.part"), "torn").unwrap();
        let told = told(&motion(cut.path(), &["--threads", "2"]));
        let again = if lost.len() == 2 { CLIPS - 256 } else { 256 };
        assert_eq!((&told["painted"], &told["found"]), (&again.into(), &(CLIPS - again).into()), "only what is missing");
        let _ = fs::remove_file(cut.path().join("clips-00001.npy.part"));
        assert!(files(&whole) == files(&cut), "gone on with after {lost:?} was lost");
    }
    assert_eq!(told(&motion(cut.path(), &[]))["painted"], 0, "nothing is left to do");
}

#[test]
fn a_run_may_begin_at_a_later_clip_so_that_some_are_held_out() {
    let (all, later) = (filled(&["--dataset", "9"]), filled(&["--dataset", "3", "--first", "6"]));
    let (all, later) = (files(&all), files(&later));
    let (all_clips, later_clips) = (array(&all["clips-00000.npy"]).1, array(&later["clips-00000.npy"]).1);
    assert!(all_clips[6 * CLIP..] == *later_clips);
    assert_eq!(lines(&all["clips-00000.jsonl"])[6..], lines(&later["clips-00000.jsonl"]));
    let other = files(&filled(&["--dataset", "9", "--seed", "1"]));
    assert!(all["clips-00000.npy"] != other["clips-00000.npy"], "another seed makes other clips");
}

#[test]
fn a_folder_is_filled_after_one_recipe_by_one_process_at_a_time() {
    let folder = filled(&["--dataset", "4"]);
    let before = files(&folder);
    for (more, told) in [
        (&["--dataset", "4", "--seed", "9"][..], "`seed` is 0, asked for 9"),
        (&["--dataset", "5"], "`count` is 4, asked for 5"),
        (&["--dataset", "4", "--motifs", "bokeh"], "`motifs` is [\"confetti\",\"bokeh\"], asked for [\"bokeh\"]"),
    ] {
        let error = refused(&motion(folder.path(), more), 1);
        assert!(error.contains(told) && error.contains("hint: choose another folder"), "{error}");
    }
    assert!(files(&folder) == before, "nothing was touched");
    let lock = File::open(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = refused(&motion(folder.path(), &["--dataset", "4"]), 1);
    assert!(error.contains("another process is filling"), "{error}");
    drop(lock);
    fs::write(folder.path().join("dataset.json"), "[]").unwrap();
    let error = refused(&motion(folder.path(), &["--dataset", "4"]), 1);
    assert!(error.contains("dataset.json is not what a data set begins with"), "{error}");
}

fn refused(output: &Output, status: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{error}");
    error
}

#[test]
fn what_cannot_be_made_is_refused_with_a_word_on_what_can() {
    let folder = tempfile::tempdir().unwrap();
    for (more, status, told) in [
        (&["--size", "161x96"][..], 1, "`width` is 161, which is odd\nhint: use 162 for `width`"),
        (&["--size", "160x8"], 1, "`height` is 8, outside 16 to 4096"),
        (&["--size", "160"], 2, "expected WIDTHxHEIGHT, for example 160x96"),
        (&["--frames", "0"], 1, "`frames` is 0, outside 1 to 1200"),
        (&["--fps", "121"], 1, "`fps` is 121, outside 1 to 120"),
        (&["--motifs", "bokeh,volcano"], 1, "there is no motif `volcano`\nhint: use one of fireworks, "),
        (&["--dataset", "0"], 2, "0 is not in 1..=10000000"),
        (&["--dataset", "10000001"], 2, "10000001 is not in 1..=10000000"),
        (&["--threads", "0"], 2, "0 is not in 1..=1024"),
    ] {
        let error = refused(&motion(folder.path(), more), status);
        assert!(error.contains(told), "{more:?}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&motion(&file, &[]), 1);
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_no_half_shard() {
    let folder = tempfile::tempdir().unwrap();
    // A device that is always full stands where the draft of the array would.
    let draft = folder.path().join("clips-00000.npy.part");
    symlink("/dev/full", &draft).unwrap();
    let error = refused(&motion(folder.path(), &["--dataset", "4"]), 1);
    assert!(error.contains("clips-00000.npy") && error.contains("No space left on device"), "{error}");
    assert!(error.contains("hint: make room and run the same command again"), "{error}");
    assert!(!folder.path().join("clips-00000.npy").exists());
    fs::remove_file(draft).unwrap();
    assert_eq!(told(&motion(folder.path(), &["--dataset", "4"]))["painted"], 4, "with room it is gone on with");
}
