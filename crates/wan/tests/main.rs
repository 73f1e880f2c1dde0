//! The package as a caller sees it.
#![allow(clippy::unwrap_used)]

#[path = "../examples/check/conformance.rs"]
mod conformance;

mod checkpoint;
mod painting;
mod reference;

use std::path::{Path, PathBuf};

/// The tiny checkpoint with its reference numbers.
pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture")
}

/// A copy of the checkpoint that a test may damage.
pub fn checkpoint() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for component in ["", "tokenizer", "text_encoder", "transformer", "transformer_2", "vae"] {
        let (from, to) = (fixture().join(component), folder.path().join(component));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.path().is_file() && entry.file_name() != "reference.safetensors" {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}
