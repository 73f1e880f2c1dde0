//! The name of a checkpoint folder.

use std::{fs, path::Path};

use festoon_spec::{CheckpointError, ModelDigest};
use tempfile::TempDir;

/// A folder in the diffusers layout.
fn checkpoint() -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "model_index.json", "{}");
    write(folder.path(), "vae/config.json", "{\"z\": 1}");
    write(folder.path(), "transformer/weights.safetensors", "weights");
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn name(folder: &TempDir) -> ModelDigest {
    ModelDigest::of_folder(folder.path()).unwrap()
}

#[test]
fn the_same_files_have_the_same_name_wherever_they_lie() {
    assert_eq!(name(&checkpoint()), name(&checkpoint()));
    assert_eq!(name(&checkpoint()).to_string(), "c3e4a64cf40565ab7883cf2dcefe7853733e882122f2f5c2cd061239325aa422");
}

#[test]
fn what_makes_no_pixel_is_not_in_the_name() {
    let folder = checkpoint();
    let before = name(&folder);
    write(folder.path(), "README.md", "a model card");
    write(folder.path(), "reference.safetensors", "numbers");
    write(folder.path(), "vae/.gitattributes", "");
    assert_eq!(name(&folder), before);
}

#[test]
fn a_file_that_changes_appears_or_moves_changes_the_name() {
    type Change = (&'static str, fn(&Path));
    let before = name(&checkpoint());
    let changes: [Change; 5] = [
        ("a byte", |folder| write(folder, "transformer/weights.safetensors", "weightz")),
        ("a new file", |folder| write(folder, "scheduler/scheduler_config.json", "{}")),
        ("a new empty file", |folder| write(folder, "transformer_2/weights.safetensors", "")),
        ("another place", |folder| fs::rename(folder.join("vae"), folder.join("text_encoder")).unwrap()),
        ("one file less", |folder| fs::remove_file(folder.join("vae/config.json")).unwrap()),
    ];
    for (what, change) in changes {
        let folder = checkpoint();
        change(folder.path());
        assert_ne!(name(&folder), before, "{what}");
    }
}

#[test]
fn where_a_name_ends_and_the_bytes_begin_is_in_the_name() {
    let (one, other) = (checkpoint(), checkpoint());
    write(one.path(), "tokenizer/a", "bc");
    write(other.path(), "tokenizer/ab", "c");
    assert_ne!(name(&one), name(&other));
}

#[test]
fn a_folder_without_an_index_is_no_checkpoint() {
    let folder = TempDir::new().unwrap();
    let error = ModelDigest::of_folder(folder.path()).unwrap_err();
    assert!(matches!(error, CheckpointError::NotACheckpoint { .. }));
    assert!(error.to_string().contains("model_index.json"));
    assert!(ModelDigest::of_folder(&folder.path().join("missing")).is_err());
}
