//! A checkpoint: a folder in the diffusers layout, its name and what it can give.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Abilities, CheckpointKind, DigestMemory, Gates, ModelDigest, abilities};

/// Context of a checkpoint's digest.
const MODEL_CONTEXT: &str = "festoon 2026-11 model digest v1";

/// The parts of the layout that make pixels, and what the checkpoint says of itself, which decides how it is asked; anything
/// else in the folder (a model card, reference numbers) does not count.
const PARTS: [&str; 8] =
    ["model_index.json", abilities::FILE, "scheduler", "text_encoder", "tokenizer", "transformer", "transformer_2", "vae"];

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its name.
    pub digest: ModelDigest,
    /// What it can give.
    pub abilities: Abilities,
    /// What it was measured to do.
    pub gates: Gates,
}

impl Checkpoint {
    /// The checkpoint in `folder`. Its files are read whole unless `memory` knows them.
    ///
    /// # Errors
    /// If the folder is no checkpoint, says nonsense of itself, or a file cannot be read.
    pub fn open(folder: &Path, memory: &mut DigestMemory) -> Result<Self, CheckpointError> {
        Ok(Self { digest: memory.model(folder)?, abilities: Abilities::of_folder(folder)?, gates: Gates::of_folder(folder)? })
    }

    /// Whether what it paints may stand among the first things that a visitor sees: of a checkpoint for demonstration, only if
    /// it was measured and passed every gate.
    pub fn may_lead(&self) -> bool {
        self.abilities.kind == CheckpointKind::Production || self.gates.are_passed()
    }
}

/// What is wrong with a checkpoint's folder.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder is not in the diffusers layout.
    #[error("{folder} is not a checkpoint: there is no model_index.json in it")]
    NotACheckpoint {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What the checkpoint says of itself cannot be.
    #[error("{path}: {problem}")]
    Abilities {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the field.
        problem: String,
    },
    /// Digests cannot be remembered.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl ModelDigest {
    /// Names the checkpoint in `folder` by the names and the bytes of the files that make pixels, read whole.
    /// File order on disk, times and other files in the folder do not matter.
    ///
    /// # Errors
    /// If the folder has no `model_index.json` or a file cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self, CheckpointError> {
        if !folder.join("model_index.json").is_file() {
            return Err(CheckpointError::NotACheckpoint { folder: folder.to_owned() });
        }
        let mut files = Vec::new();
        for part in PARTS {
            collect(&folder.join(part), part, &mut files)?;
        }
        files.sort();
        let mut whole = blake3::Hasher::new_derive_key(MODEL_CONTEXT);
        for (name, path) in files {
            let mut file = blake3::Hasher::new();
            file.update_mmap_rayon(&path).map_err(|source| CheckpointError::Read { path: path.clone(), source })?;
            whole.update(&(name.len() as u32).to_le_bytes());
            whole.update(name.as_bytes());
            whole.update(file.finalize().as_bytes());
        }
        Ok(Self::from_bytes(*whole.finalize().as_bytes()))
    }
}

/// Regular files at or below `path`, named by their path inside the checkpoint. Hidden files are left out.
fn collect(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), CheckpointError> {
    let read = |source| CheckpointError::Read { path: path.to_owned(), source };
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    if metadata.is_file() {
        files.push((name.to_owned(), path.to_owned()));
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(read)? {
        let entry = entry.map_err(read)?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if !file_name.starts_with('.') {
            collect(&entry.path(), &format!("{name}/{file_name}"), files)?;
        }
    }
    Ok(())
}
