//! What must not be served, ordered or painted.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use festoon_spec::{BlobHash, RenderKey, TemplateId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::Selector;
use crate::{
    cache::Scope,
    store::{StoreError, durable},
};

/// Takedowns that may stand at once.
const MOST: usize = 10_000;

/// One that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takedown {
    /// Its name, by which it is lifted.
    pub id: String,
    /// When it was made.
    pub at: UnixMillis,
    /// Why, as somebody said.
    pub reason: String,
    /// What was named.
    pub what: Vec<Selector>,
    /// What that meant.
    pub scope: Scope,
}

/// Those that stand, in memory and as a file. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Takedowns {
    path: PathBuf,
    staging: PathBuf,
    standing: Arc<ArcSwap<Vec<Takedown>>>,
    writing: Arc<Mutex<()>>,
}

impl Takedowns {
    /// Those of a state folder. Blocks.
    ///
    /// # Errors
    /// If the file cannot be read: nothing is served rather than what was taken down.
    pub fn open(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        let path = state.join("takedowns.json");
        let standing = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| StoreError::at(&path, io::Error::other(error)))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::at(&path, error)),
        };
        Ok(Self { path, staging, standing: Arc::new(ArcSwap::from_pointee(standing)), writing: Arc::default() })
    }

    /// Those that stand now, the oldest first.
    pub fn standing(&self) -> Arc<Vec<Takedown>> {
        self.standing.load_full()
    }

    /// Whether anything of this template is taken down, this key, or these bytes.
    pub fn mean(&self, template: Option<&TemplateId>, keys: &[RenderKey], blob: Option<&BlobHash>) -> bool {
        self.standing.load().iter().any(|Takedown { scope, .. }| {
            template.is_some_and(|template| scope.templates.contains(template))
                || keys.iter().any(|key| scope.keys.contains(key))
                || blob.is_some_and(|blob| scope.blobs.contains(blob))
        })
    }

    /// One more. Blocks.
    ///
    /// # Errors
    /// If the disk is full or failing, or too many stand already; nothing changes then.
    pub fn add(&self, takedown: Takedown) -> Result<(), StoreError> {
        self.change(|standing| standing.push(takedown))
    }

    /// One less. `None` if there is none of this name. Blocks.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub fn lift(&self, id: &str) -> Result<Option<Takedown>, StoreError> {
        if !self.standing().iter().any(|takedown| takedown.id == id) {
            return Ok(None);
        }
        let mut lifted = None;
        self.change(|standing| {
            if let Some(at) = standing.iter().position(|takedown| takedown.id == id) {
                lifted = Some(standing.remove(at));
            }
        })?;
        Ok(lifted)
    }

    /// Those that stand at the origin. Says which are new here. Blocks.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub fn take_over(&self, theirs: Vec<Takedown>) -> Result<Vec<Takedown>, StoreError> {
        let before = self.standing();
        if *before == theirs {
            return Ok(Vec::new());
        }
        let fresh = theirs.iter().filter(|takedown| !before.contains(takedown)).cloned().collect();
        self.change(|standing| *standing = theirs)?;
        Ok(fresh)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Takedown>)) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = (*self.standing()).clone();
        change(&mut standing);
        if standing.len() > MOST {
            let full = io::Error::other(format!("{MOST} takedowns stand already"));
            return Err(StoreError::at(&self.path, full));
        }
        let text = serde_json::to_vec(&standing).expect("takedowns are plain data");
        durable::write(&self.path, &text, &self.staging)?;
        self.standing.store(Arc::new(standing));
        Ok(())
    }
}
