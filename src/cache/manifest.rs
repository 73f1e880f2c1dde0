//! What is written beside the bytes: everything that made them. From the manifests alone the index is made again, and a
//! plate could be painted again.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use festoon_spec::{
    Abilities, BlobHash, CheckpointKind, ClipSpec, Digest, ImageSpec, Outcome, PlateSpec, RenderKey, SoundSpec, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::{CacheError, Entry, EntryKind, blobs::named_files};
use crate::store::{StoreError, durable, make_folder};

/// Version of the file's form.
const SCHEMA: u32 = 2;

/// All that is known of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub schema: u32,
    /// The release that wrote it.
    pub festoon: String,
    /// The recipe's key.
    pub key: RenderKey,
    /// Everything that changes the bytes.
    pub recipe: Recipe,
    /// What was made of it, by whom.
    pub outcome: Outcome,
    /// When it was kept.
    pub kept_at: UnixMillis,
    /// The checkpoint in words; the recipe has its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelNote>,
    /// SHA-256 of its blobs, which clients can check: of what was kept before there was this field, none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<BlobHash, Digest>,
}

/// What a checkpoint says of itself, as far as it matters to whoever looks at a picture later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelNote {
    /// Its name for people.
    pub title: String,
    /// What it is good for: a demonstration is named as one.
    pub kind: CheckpointKind,
    /// Under what terms it may be used.
    pub licence: String,
}

/// What an entry was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Footage.
    Plate(Box<PlateSpec>),
    /// Footage with an overlay.
    Clip(ClipSpec),
    /// A picture that somebody brought.
    Image(ImageSpec),
    /// A bed, encoded at the length of clips.
    Sound(SoundSpec),
}

impl Recipe {
    /// Its key.
    pub fn key(&self) -> RenderKey {
        match self {
            Self::Plate(spec) => spec.key(),
            Self::Clip(spec) => spec.key(),
            Self::Image(spec) => spec.key(),
            Self::Sound(spec) => spec.key(),
        }
    }
}

impl Manifest {
    /// The manifest of an outcome.
    pub fn new(recipe: Recipe, outcome: Outcome, kept_at: UnixMillis) -> Self {
        let festoon = env!("CARGO_PKG_VERSION").to_owned();
        Self { schema: SCHEMA, festoon, key: recipe.key(), recipe, outcome, kept_at, model: None, sha256: BTreeMap::new() }
    }

    /// With a note on the checkpoint that painted it.
    pub fn noting(self, abilities: &Abilities) -> Self {
        let Abilities { title, kind, licence, .. } = abilities;
        Self { model: Some(ModelNote { title: title.clone(), kind: *kind, licence: licence.clone() }), ..self }
    }

    pub(super) fn check(&self) -> Result<(), CacheError> {
        let found = self.recipe.key();
        if found != self.key {
            return Err(CacheError::Mismatch { what: "recipe's key", announced: self.key.to_string(), found: found.to_string() });
        }
        Ok(())
    }

    /// Its row in the index.
    pub fn entry(&self) -> Entry {
        let outcome = &self.outcome;
        Entry {
            key: self.key,
            blob: outcome.blob,
            bytes: outcome.bytes,
            md5: outcome.md5.clone(),
            verdict: outcome.verdict.clone(),
            media: outcome.media.clone(),
            made_at: outcome.made_at,
            kind: match &self.recipe {
                Recipe::Plate(spec) => EntryKind::Plate(spec.template.clone()),
                Recipe::Clip(spec) => EntryKind::Clip(spec.plate),
                Recipe::Image(_) => EntryKind::Image,
                Recipe::Sound(_) => EntryKind::Sound,
            },
            segmented: outcome.segmented.clone(),
        }
    }

    /// The text of its file: one JSON object with the blake3 of the manifest's own text in front, since a flipped digit would still be JSON.
    pub fn sealed(&self) -> String {
        let text = serde_json::to_string(self).expect("a manifest is plain data with text keys");
        format!("{HEAD}{}{MIDDLE}{text}{TAIL}", blake3::hash(text.as_bytes()).to_hex())
    }

    fn open(file: &str) -> Option<Self> {
        let (seal, text) = file.strip_prefix(HEAD)?.strip_suffix(TAIL)?.split_once(MIDDLE)?;
        if seal != blake3::hash(text.as_bytes()).to_hex().as_str() {
            return None;
        }
        let manifest: Self = serde_json::from_str(text).ok()?;
        (manifest.schema == SCHEMA && manifest.check().is_ok()).then_some(manifest)
    }
}

impl ManifestReader {
    /// Of this state folder, which may be empty or not there yet.
    pub fn of(state: &Path) -> Self {
        Self(Manifests { folder: state.join("manifests"), staging: PathBuf::new() })
    }

    /// The manifest of a key; `None` if there is none or it is damaged.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn read(&self, key: &RenderKey) -> Result<Option<Manifest>, StoreError> {
        self.0.read(key)
    }

    /// At most this many manifests. Their files are named by hashes, so that the first ones are drawn by chance.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn some(&self, most: usize) -> Result<Vec<Manifest>, StoreError> {
        if !self.0.folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut keys = self.0.keys()?;
        keys.sort_unstable();
        keys.iter().take(most).filter_map(|key| self.0.read(key).transpose()).collect()
    }
}

const HEAD: &str = r#"{"seal":""#;
const MIDDLE: &str = r#"","manifest":"#;
const TAIL: &str = "}\n";
const SUFFIX: &str = ".json";

/// The folder of manifests.
#[derive(Debug, Clone)]
pub(super) struct Manifests {
    folder: PathBuf,
    staging: PathBuf,
}

/// Manifests of a state folder, read beside whoever has it: they are files that never change once they are there.
#[derive(Debug)]
pub struct ManifestReader(Manifests);

impl Manifests {
    pub fn open(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        let folder = state.join("manifests");
        make_folder(&folder)?;
        Ok(Self { folder, staging })
    }

    pub fn path(&self, key: &RenderKey) -> PathBuf {
        let name = key.to_string();
        self.folder.join(&name[..2]).join(name + SUFFIX)
    }

    pub fn write(&self, manifest: &Manifest) -> Result<(), StoreError> {
        durable::write(&self.path(&manifest.key), manifest.sealed().as_bytes(), &self.staging)
    }

    /// A manifest; `None` if there is none or it is damaged, which is the same to whoever asks.
    pub fn read(&self, key: &RenderKey) -> Result<Option<Manifest>, StoreError> {
        let path = self.path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::at(&path, error)),
        };
        let manifest = std::str::from_utf8(&bytes).ok().and_then(Manifest::open).filter(|manifest| manifest.key == *key);
        if manifest.is_none() {
            tracing::error!(path = %path.display(), "a manifest is damaged");
        }
        Ok(manifest)
    }

    pub fn remove(&self, key: &RenderKey) -> Result<bool, StoreError> {
        durable::remove(&self.path(key))
    }

    /// The keys that have a manifest, whole or not.
    pub fn keys(&self) -> Result<Vec<RenderKey>, StoreError> {
        Ok(self.list()?.0)
    }

    /// The keys that have a manifest, and files that have no business here.
    pub fn list(&self) -> Result<(Vec<RenderKey>, Vec<PathBuf>), StoreError> {
        named_files(&self.folder, SUFFIX, |name| name.parse().ok())
    }
}
