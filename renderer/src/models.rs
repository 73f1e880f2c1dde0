//! The files that the model may be loaded from: checkpoints and LoRA files, found by their digests.
//!
//! What cannot be used is set aside and told ([`Models::set_aside`]): a damaged checkpoint costs the plates that need it, not
//! those that other painters or other checkpoints paint.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use festoon_spec::{Abilities, Checkpoint, CheckpointError, Digest, DigestMemory, Gates, ModelDigest};
use serde::Serialize;

use crate::config::Config;

/// Why there is no such checkpoint or LoRA file here.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// A configured checkpoint or LoRA folder cannot be read.
    #[error(transparent)]
    Unreadable(#[from] CheckpointError),
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
    /// How large its files are together.
    pub bytes: u64,
    /// What it can give.
    pub abilities: Abilities,
    /// What it was measured to do.
    pub gates: Gates,
}

/// A LoRA file.
#[derive(Debug, Clone, Serialize)]
pub struct LoraFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub digest: Digest,
}

/// What is configured and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// `model \`x\`` or `loras.folders`.
    pub what: String,
    /// What is wrong, with the file.
    pub error: String,
    /// What would help.
    pub hint: Option<String>,
}

/// The checkpoints and LoRA files of this renderer.
#[derive(Debug)]
pub struct Models {
    models: Vec<Model>,
    broken: Vec<Broken>,
    lora_folders: Vec<PathBuf>,
    memory: Mutex<DigestMemory>,
}

impl Models {
    /// Names every configured checkpoint and LoRA file. Reads each of them whole the first time. What cannot be read is set
    /// aside.
    pub fn find(config: &Config) -> Self {
        let mut models = Self {
            models: Vec::new(),
            broken: Vec::new(),
            lora_folders: config.loras.folders.clone(),
            memory: Mutex::new(DigestMemory::open(&config.folders.cache)),
        };
        for (name, folder) in &config.models {
            let opened = Checkpoint::open(folder, &mut models.memory());
            match opened.and_then(|checkpoint| Ok((checkpoint, bytes_in(folder)?))) {
                Ok((Checkpoint { digest, abilities, gates }, bytes)) => {
                    models.models.push(Model { name: name.clone(), folder: folder.clone(), digest, bytes, abilities, gates });
                }
                Err(error) => {
                    let hint = "models are set in the settings file or with --model NAME=FOLDER".to_owned();
                    models.set_aside(name, error.to_string(), Some(hint));
                }
            }
        }
        if let Err(error) = models.loras() {
            models.broken.push(Broken { what: "loras.folders".into(), error: error.to_string(), hint: None });
        }
        models.remember();
        models
    }

    /// Takes a checkpoint out of what can be used.
    pub fn set_aside(&mut self, name: &str, error: String, hint: Option<String>) {
        self.models.retain(|model| model.name != name);
        self.broken.push(Broken { what: format!("model `{name}`"), error, hint });
    }

    /// What is configured and cannot be used.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The checkpoints, by name.
    pub fn all(&self) -> &[Model] {
        &self.models
    }

    /// The checkpoint with this digest, its folder looked at again: one that was exchanged is refused.
    ///
    /// # Errors
    /// If there is none, or its files have changed since the start.
    pub fn checked(&self, digest: &ModelDigest) -> Result<&Model, ModelsError> {
        let model = self.models.iter().find(|model| model.digest == *digest).ok_or(ModelsError::NoModel(*digest))?;
        let is = self.memory().model(&model.folder)?;
        self.remember();
        if is == *digest { Ok(model) } else { Err(ModelsError::Changed { folder: model.folder.clone(), was: *digest, is }) }
    }

    /// The LoRA files that are there now.
    ///
    /// # Errors
    /// If a configured folder or a file in it cannot be read.
    pub fn loras(&self) -> Result<Vec<LoraFile>, ModelsError> {
        let mut files = Vec::new();
        for folder in &self.lora_folders {
            let failed = |source| CheckpointError::Read { path: folder.clone(), source };
            for entry in fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|extension| extension == "safetensors") {
                    let digest = self.memory().file(&path)?;
                    files.push(LoraFile { path, digest });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.remember();
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

    fn remember(&self) {
        if let Err(error) = self.memory().save() {
            tracing::debug!(%error, "digests are not remembered");
        }
    }

    fn memory(&self) -> MutexGuard<'_, DigestMemory> {
        // A panic while the memory was held can only have lost a remembered digest.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of all files in a folder and the folders in it.
fn bytes_in(folder: &Path) -> Result<u64, CheckpointError> {
    let failed = |source| CheckpointError::Read { path: folder.to_owned(), source };
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Through links, as the files are read.
        let metadata = fs::metadata(&path).map_err(failed)?;
        bytes += if metadata.is_dir() { bytes_in(&path)? } else { metadata.len() };
    }
    Ok(bytes)
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
    fn a_checkpoint_that_is_not_there_is_set_aside_with_its_name_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let broken = |config: &Config| {
            let models = Models::find(config);
            assert!(models.all().is_empty());
            models.broken().to_vec()
        };
        let mut config = config(folder.path());
        config.loras.folders.clear();
        let found = broken(&config);
        assert_eq!(found[0].what, "model `tiny`");
        assert!(found[0].error.starts_with(&format!("cannot read {}/tiny", folder.path().display())), "{found:?}");
        fs::create_dir(folder.path().join("tiny")).unwrap();
        assert!(broken(&config)[0].error.contains("there is no model_index.json in it"));
        checkpoint(folder.path());
        fs::write(folder.path().join("tiny/festoon.json"), "[]").unwrap();
        assert!(broken(&config)[0].error.contains("tiny/festoon.json: "), "{:?}", broken(&config));
        config.loras.folders = vec![folder.path().join("loras")];
        fs::remove_file(folder.path().join("tiny/festoon.json")).unwrap();
        let models = Models::find(&config);
        assert_eq!((models.all().len(), models.broken()[0].what.as_str()), (1, "loras.folders"));
    }

    #[test]
    fn a_checkpoint_is_found_by_its_digest_until_its_files_change() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(folder.path());
        let models = Models::find(&config(folder.path()));
        let digest = models.all()[0].digest;
        assert_eq!(models.checked(&digest).unwrap().folder, folder.path().join("tiny"));
        fs::write(folder.path().join("tiny/vae/config.json"), "{\"z_dim\": 16}").unwrap();
        assert!(matches!(models.checked(&digest).unwrap_err(), ModelsError::Changed { was, .. } if was == digest));
        let other = ModelDigest::from_bytes([7; 32]);
        assert!(matches!(models.checked(&other).unwrap_err(), ModelsError::NoModel(asked) if asked == other));
    }

    #[test]
    fn a_lora_file_that_came_after_the_start_is_found_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(folder.path());
        fs::create_dir(folder.path().join("loras")).unwrap();
        let models = Models::find(&config(folder.path()));
        let digest = Digest::of(b"weights");
        assert!(matches!(models.lora(&digest).unwrap_err(), ModelsError::NoLora(asked) if asked == digest));
        let path = folder.path().join("loras/style.safetensors");
        fs::write(&path, "weights").unwrap();
        assert_eq!(models.lora(&digest).unwrap(), path);
    }
}
