//! Naming the makers of plates: checkpoints by digest, the encoder by build.
//!
//! Reading a checkpoint of 126 GB takes minutes, so digests are remembered in the state folder beside what the files
//! looked like (name, size, time of change). The memory is only a shortcut: unreadable or out of date, it is made again.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use festoon_film::{Encoder as _, X264};
use festoon_spec::{CheckpointError, EncoderId, ModelDigest};
use serde::{Deserialize, Serialize};

use super::Config;
use crate::makers::Makers;

/// Name of the memory in the state folder. The number rises when its form changes.
const MEMORY: &str = "model-digests-v1.json";

/// Why the makers have no name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MakersError {
    /// There is no usable encoder and none is configured.
    #[error("there is no encoder to ask plates from: {cause}")]
    #[diagnostic(help("install x264 (Debian: apt-get install x264), or set `id` of [encoder] to the renderers' build"))]
    Encoder {
        /// What the search said.
        cause: String,
    },
    /// A checkpoint cannot be read.
    #[error("model `{name}`: {source}")]
    Checkpoint {
        /// The configured name.
        name: String,
        /// The cause.
        source: CheckpointError,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    folders: BTreeMap<PathBuf, Remembered>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// File → size and nanoseconds of the last change.
    files: BTreeMap<PathBuf, (u64, u128)>,
    digest: ModelDigest,
}

impl Config {
    /// The makers that plates are asked from. A model whose folder does not exist is left out with a warning: templates
    /// that need it cannot be picked, the others can.
    ///
    /// # Errors
    /// If no encoder is configured or found, or a checkpoint cannot be read.
    pub fn makers(&self) -> Result<Makers, MakersError> {
        let encoder = match self.encoder.id.as_str() {
            "" => find_encoder()?,
            id => EncoderId(id.to_owned()),
        };
        Ok(Makers { models: self.model_digests()?, encoder })
    }

    fn model_digests(&self) -> Result<BTreeMap<String, ModelDigest>, MakersError> {
        let path = self.state().join(MEMORY);
        let mut memory: Memory = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut digests = BTreeMap::new();
        let mut learned = false;
        for (name, folder) in &self.models.0 {
            let folder = self.path(folder);
            if !folder.is_dir() {
                tracing::warn!(model = name, folder = %folder.display(), "no such checkpoint: templates that need it cannot be picked");
                continue;
            }
            let wrong = |source| MakersError::Checkpoint { name: name.clone(), source };
            let files = looks(&folder).map_err(|source| wrong(CheckpointError::Read { path: folder.clone(), source }))?;
            if let Some(known) = memory.folders.get(&folder).filter(|known| known.files == files) {
                digests.insert(name.clone(), known.digest);
                continue;
            }
            let digest = ModelDigest::of_folder(&folder).map_err(wrong)?;
            memory.folders.insert(folder, Remembered { files, digest });
            digests.insert(name.clone(), digest);
            learned = true;
        }
        if learned && let Err(error) = remember(&path, &memory) {
            tracing::warn!(%error, path = %path.display(), "the models' digests are not remembered and will be computed again");
        }
        Ok(digests)
    }
}

fn find_encoder() -> Result<EncoderId, MakersError> {
    match X264::find() {
        Ok(x264) => Ok(x264.id().clone()),
        Err(error) => Err(MakersError::Encoder { cause: error.to_string() }),
    }
}

fn remember(path: &Path, memory: &Memory) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, memory)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// What the files of a folder look like from outside.
fn looks(folder: &Path) -> io::Result<BTreeMap<PathBuf, (u64, u128)>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            let metadata = fs::metadata(&path)?;
            if metadata.is_dir() {
                folders.push(path);
            } else {
                let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
                files.insert(path, (metadata.len(), changed));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn checkpoint(root: &Path, weights: &[u8]) {
        let folder = root.join("models/tiny");
        fs::create_dir_all(folder.join("vae")).unwrap();
        fs::write(folder.join("model_index.json"), "{}").unwrap();
        fs::write(folder.join("vae/weights.safetensors"), weights).unwrap();
    }

    fn config(root: &Path) -> Config {
        let mut config = Config::in_folder(root);
        config.encoder.id = "x264 test plate/1".into();
        config
    }

    #[test]
    fn a_digest_is_remembered_until_a_file_changes() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path());
        checkpoint(root.path(), b"one");
        let first = config.makers().unwrap();
        let memory = config.state().join(MEMORY);
        let poisoned = fs::read_to_string(&memory).unwrap().replace(&first.models["tiny"].to_string(), &"0".repeat(64));
        fs::write(&memory, poisoned).unwrap();
        assert_eq!(config.makers().unwrap().models["tiny"].to_string(), "0".repeat(64), "the memory was not used");
        checkpoint(root.path(), b"longer");
        let second = config.makers().unwrap();
        assert_eq!(second.models["tiny"], ModelDigest::of_folder(&root.path().join("models/tiny")).unwrap());
    }

    #[test]
    fn a_damaged_memory_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path());
        checkpoint(root.path(), b"one");
        let first = config.makers().unwrap();
        fs::write(config.state().join(MEMORY), "{").unwrap();
        assert_eq!(config.makers().unwrap().models, first.models);
    }

    #[test]
    fn a_missing_checkpoint_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        assert!(config(root.path()).makers().unwrap().models.is_empty());
    }
}
