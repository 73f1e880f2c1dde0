//! The files that the model may be loaded from: checkpoints and LoRA files, found by their digests.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use festoon_spec::{CheckpointError, Digest, ModelDigest};
use serde::Serialize;

use crate::{
    config::Config,
    digests::{Digests, Unreadable},
};

/// Why there is no such checkpoint or LoRA file here.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// A configured checkpoint has no name.
    #[error("model `{name}`: {source}")]
    Checkpoint {
        /// Its configured name.
        name: String,
        /// The cause.
        source: CheckpointError,
    },
    /// A configured folder or file cannot be read.
    #[error("{what}: {source}")]
    Unreadable {
        /// `model \`x\`` or `loras.folders`.
        what: String,
        /// The cause.
        source: Unreadable,
    },
    /// No configured checkpoint has this digest.
    #[error("checkpoint {0} is not on this renderer")]
    NoModel(ModelDigest),
    /// No file in the LoRA folders has this digest.
    #[error("LoRA file {0} is not on this renderer")]
    NoLora(Digest),
    /// The folder's files are not those that were there at the start.
    #[error("checkpoint folder {folder} has changed since the renderer started: it was {was}, it is {is}")]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// The digest at the start.
        was: ModelDigest,
        /// The digest now.
        is: ModelDigest,
    },
}

/// A checkpoint folder.
#[derive(Debug, Clone, Serialize)]
pub struct Model {
    /// Its configured name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// What it is.
    pub digest: ModelDigest,
}

/// A LoRA file.
#[derive(Debug, Clone, Serialize)]
pub struct LoraFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub digest: Digest,
}

/// The checkpoints and LoRA files of this renderer.
#[derive(Debug)]
pub struct Models {
    models: Vec<Model>,
    lora_folders: Vec<PathBuf>,
    digests: Mutex<Digests>,
}

/// Reads and errors of one checkpoint folder, before its configured name is put to them.
enum Reading {
    Unreadable(Unreadable),
    Checkpoint(CheckpointError),
}

impl From<Unreadable> for Reading {
    fn from(error: Unreadable) -> Self {
        Reading::Unreadable(error)
    }
}

impl Models {
    /// Names every configured checkpoint. Reads each of them whole the first time.
    ///
    /// # Errors
    /// If a configured folder is no checkpoint or cannot be read.
    pub fn find(config: &Config) -> Result<Self, ModelsError> {
        let mut digests = Digests::open(&config.folders.cache);
        let mut models = Vec::new();
        for (name, folder) in &config.models {
            let digest = digest_of(&mut digests, name, folder)?;
            models.push(Model { name: name.clone(), folder: folder.clone(), digest });
        }
        Ok(Self { models, lora_folders: config.loras.folders.clone(), digests: Mutex::new(digests) })
    }

    /// The checkpoints, by name.
    pub fn all(&self) -> &[Model] {
        &self.models
    }

    /// The folder of the checkpoint with this digest, looked at again: a folder that was exchanged is refused.
    ///
    /// # Errors
    /// If there is none, or its files have changed since the start.
    pub fn folder(&self, digest: &ModelDigest) -> Result<&Path, ModelsError> {
        let model = self.models.iter().find(|model| model.digest == *digest).ok_or(ModelsError::NoModel(*digest))?;
        let is = digest_of(&mut self.digests(), &model.name, &model.folder)?;
        if is == *digest {
            Ok(&model.folder)
        } else {
            Err(ModelsError::Changed { folder: model.folder.clone(), was: *digest, is })
        }
    }

    /// The LoRA files that are there now.
    ///
    /// # Errors
    /// If a configured folder or a file in it cannot be read.
    pub fn loras(&self) -> Result<Vec<LoraFile>, ModelsError> {
        let unreadable = |source| ModelsError::Unreadable { what: "loras.folders".into(), source };
        let mut files = Vec::new();
        for folder in &self.lora_folders {
            let failed = |source| unreadable(Unreadable { path: folder.clone(), source });
            for entry in fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|extension| extension == "safetensors") {
                    let digest = self.digests().of(&path, blake3_of).map_err(unreadable)?;
                    files.push(LoraFile { path, digest });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The LoRA file with this digest.
    ///
    /// # Errors
    /// If there is none, or the folders cannot be read.
    pub fn lora(&self, digest: &Digest) -> Result<PathBuf, ModelsError> {
        let found = self.loras()?.into_iter().find(|file| file.digest == *digest);
        found.map(|file| file.path).ok_or(ModelsError::NoLora(*digest))
    }

    fn digests(&self) -> MutexGuard<'_, Digests> {
        // A panic while the memory was held can only have lost a remembered digest.
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(digests: &mut Digests, name: &str, folder: &Path) -> Result<ModelDigest, ModelsError> {
    digests.of(folder, |folder| ModelDigest::of_folder(folder).map_err(Reading::Checkpoint)).map_err(|error| match error {
        Reading::Unreadable(source) => ModelsError::Unreadable { what: format!("model `{name}`"), source },
        Reading::Checkpoint(source) => ModelsError::Checkpoint { name: name.to_owned(), source },
    })
}

fn blake3_of(path: &Path) -> Result<Digest, Unreadable> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap_rayon(path).map_err(|source| Unreadable { path: path.to_owned(), source })?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(folder: &Path) -> Config {
        let mut config = Config::load(None).unwrap();
        config.folders.cache = folder.join("cache");
        config.models = [("tiny".to_owned(), folder.join("tiny"))].into();
        config.loras.folders = vec![folder.join("loras")];
        config
    }

    fn checkpoint(folder: &Path) {
        fs::create_dir_all(folder.join("tiny/vae")).unwrap();
        fs::write(folder.join("tiny/model_index.json"), "{}").unwrap();
        fs::write(folder.join("tiny/vae/config.json"), "{}").unwrap();
    }

    #[test]
    fn a_checkpoint_that_is_not_there_is_told_with_its_name_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let error = Models::find(&config(folder.path())).unwrap_err().to_string();
        assert!(error.starts_with(&format!("model `tiny`: cannot read {}/tiny", folder.path().display())), "{error}");
        fs::create_dir(folder.path().join("tiny")).unwrap();
        let error = Models::find(&config(folder.path())).unwrap_err().to_string();
        assert!(error.contains("there is no model_index.json in it"), "{error}");
    }

    #[test]
    fn a_checkpoint_is_found_by_its_digest_until_its_files_change() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(folder.path());
        let models = Models::find(&config(folder.path())).unwrap();
        let digest = models.all()[0].digest;
        assert_eq!(models.folder(&digest).unwrap(), folder.path().join("tiny"));
        fs::write(folder.path().join("tiny/vae/config.json"), "{\"z_dim\": 16}").unwrap();
        assert!(matches!(models.folder(&digest).unwrap_err(), ModelsError::Changed { was, .. } if was == digest));
        let other = ModelDigest::from_bytes([7; 32]);
        assert!(matches!(models.folder(&other).unwrap_err(), ModelsError::NoModel(asked) if asked == other));
    }

    #[test]
    fn a_lora_file_that_came_after_the_start_is_found_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(folder.path());
        fs::create_dir(folder.path().join("loras")).unwrap();
        let models = Models::find(&config(folder.path())).unwrap();
        let digest = Digest::of(b"weights");
        assert!(matches!(models.lora(&digest).unwrap_err(), ModelsError::NoLora(asked) if asked == digest));
        let path = folder.path().join("loras/style.safetensors");
        fs::write(&path, "weights").unwrap();
        assert_eq!(models.lora(&digest).unwrap(), path);
    }
}
