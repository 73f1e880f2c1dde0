//! Naming the makers of plates and clips: checkpoints and faces by digest, the encoder by build.
//!
//! Reading a checkpoint of 126 GB takes minutes, so digests are remembered in the state folder.

use std::collections::BTreeMap;

use festoon_film::{
    Deriver, Encoder, FilmError, find_encoder,
    overlay::{COMPOSITOR, Faces, FacesError},
};
use festoon_spec::{Abilities, Checkpoint, CheckpointError, DigestMemory, EncoderId, SoundCodec};

use super::Config;
use crate::makers::Makers;

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
    /// There are no faces to write with.
    #[error("titles cannot be written: {source}")]
    Faces {
        /// Which one, and where it was looked for.
        source: FacesError,
        /// What would be right.
        #[help]
        hint: String,
    },
    /// A face cannot be read.
    #[error("titles cannot be written: {0}")]
    FaceFile(CheckpointError),
    /// A checkpoint cannot be read.
    #[error("model `{name}`: {source}")]
    Checkpoint {
        /// The configured name.
        name: String,
        /// The cause.
        source: CheckpointError,
    },
}

impl Config {
    /// The makers that plates are asked from. A model whose folder does not exist is left out with a warning: templates
    /// that need it cannot be picked, the others can.
    ///
    /// # Errors
    /// If no encoder is configured or found, or a checkpoint cannot be read or says nonsense of itself.
    pub fn makers(&self) -> Result<Makers, MakersError> {
        self.makers_with(&find_encoder(), &find_faces()?)
    }

    /// As [`Config::makers`], by whoever looked for the encoder and the faces already.
    ///
    /// # Errors
    /// As [`Config::makers`].
    pub fn makers_with(&self, found: &Result<Box<dyn Encoder>, FilmError>, faces: &Faces) -> Result<Makers, MakersError> {
        let encoder = match (self.encoder.id.as_str(), found) {
            ("", Ok(encoder)) => encoder.id().clone(),
            ("", Err(error)) => return Err(MakersError::Encoder { cause: error.to_string() }),
            (id, _) => EncoderId(id.to_owned()),
        };
        // Without an encoder nothing is composed here, but clips that others composed still have names.
        let build = found.as_ref().map_or("without an encoder", |encoder| encoder.build());
        let mut memory = DigestMemory::open(&self.state());
        let models = self.checkpoints(&mut memory)?;
        // A command that only asks leaves no folder behind: where there is no state, the faces are read each time.
        let mut forgetful = DigestMemory::default();
        let memory_of_faces = if self.state().is_dir() { &mut memory } else { &mut forgetful };
        let digest = faces.digest(memory_of_faces).map_err(MakersError::FaceFile)?;
        let compositor = format!("{COMPOSITOR} faces {digest} {}", festoon_film::compositor(build));
        let found = Deriver::find();
        let deriver = found.as_ref().map_or("without a deriver", Deriver::build).to_owned();
        let sound = |codec: SoundCodec| Some((codec, found.as_ref().ok()?.sound_build(codec)?));
        let sounds = SoundCodec::ALL.into_iter().filter_map(sound).collect();
        if let Err(error) = memory.save() {
            tracing::warn!(%error, "digests are not remembered and will be computed again");
        }
        Ok(Makers { models, encoder, compositor, deriver, sounds })
    }

    /// What each configured checkpoint can give, by its name; nothing of one whose folder does not exist. Reads no weights.
    ///
    /// # Errors
    /// If a checkpoint says nonsense of itself.
    pub fn abilities(&self) -> Result<BTreeMap<String, Option<Abilities>>, MakersError> {
        let mut abilities = BTreeMap::new();
        for (name, folder) in &self.models.0 {
            let folder = self.path(folder);
            let wrong = |source| MakersError::Checkpoint { name: name.clone(), source };
            let found = folder.is_dir().then(|| Abilities::of_folder(&folder)).transpose().map_err(wrong)?;
            abilities.insert(name.clone(), found);
        }
        Ok(abilities)
    }

    fn checkpoints(&self, memory: &mut DigestMemory) -> Result<BTreeMap<String, Checkpoint>, MakersError> {
        let mut checkpoints = BTreeMap::new();
        for (name, folder) in &self.models.0 {
            let folder = self.path(folder);
            if !folder.is_dir() {
                tracing::warn!(model = name, folder = %folder.display(), "no such checkpoint: templates that need it cannot be picked");
                continue;
            }
            let checkpoint = Checkpoint::open(&folder, memory);
            let checkpoint = checkpoint.map_err(|source| MakersError::Checkpoint { name: name.clone(), source })?;
            checkpoints.insert(name.clone(), checkpoint);
        }
        Ok(checkpoints)
    }
}

/// The faces of this machine.
///
/// # Errors
/// [`MakersError::Faces`].
pub fn find_faces() -> Result<Faces, MakersError> {
    Faces::find().map_err(|source| MakersError::Faces { hint: source.hint(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, path::Path};

    use festoon_spec::ModelDigest;

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
    fn a_digest_is_remembered_in_the_state_folder_until_a_file_changes() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path());
        checkpoint(root.path(), b"one");
        let first = config.makers().unwrap();
        let memory = config.state().join("digests-v1.json");
        let poisoned = fs::read_to_string(&memory).unwrap().replace(&first.models["tiny"].digest.to_string(), &"0".repeat(64));
        fs::write(&memory, poisoned).unwrap();
        assert_eq!(config.makers().unwrap().models["tiny"].digest.to_string(), "0".repeat(64), "the memory was not used");
        checkpoint(root.path(), b"longer");
        let second = config.makers().unwrap();
        assert_eq!(second.models["tiny"].digest, ModelDigest::of_folder(&root.path().join("models/tiny")).unwrap());
    }

    #[test]
    fn a_missing_checkpoint_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        assert!(config(root.path()).makers().unwrap().models.is_empty());
        let missing = ["default", "tiny"].map(|name| (name.to_owned(), None));
        assert_eq!(config(root.path()).abilities().unwrap(), BTreeMap::from(missing));
    }

    #[test]
    fn a_checkpoint_that_says_nonsense_of_itself_is_told_with_its_file() {
        let root = tempfile::tempdir().unwrap();
        checkpoint(root.path(), b"one");
        fs::write(root.path().join("models/tiny/festoon.json"), "{\"fps\": 8}").unwrap();
        let told = |error: MakersError| error.to_string();
        for error in [config(root.path()).makers().map(drop), config(root.path()).abilities().map(drop)].map(Result::unwrap_err) {
            let error = told(error);
            assert!(error.starts_with("model `tiny`: ") && error.contains("festoon.json: missing field `title`"), "{error}");
        }
    }
}
