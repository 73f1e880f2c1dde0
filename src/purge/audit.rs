//! Who let go of what, and when: a line of JSON for each purge and takedown, in a file that only grows.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use festoon_spec::UnixMillis;
use serde::Serialize;

use super::Selector;
use crate::store::{StoreError, lines};

/// The file, `audit.jsonl` of the state folder.
#[derive(Debug, Clone)]
pub struct Audit {
    path: PathBuf,
    writing: Arc<Mutex<()>>,
}

/// A line of it.
#[derive(Debug, Serialize)]
pub struct AuditLine<'a> {
    /// When.
    pub at: UnixMillis,
    /// `purge`, `takedown` or `lift`.
    pub action: &'a str,
    /// What was named.
    pub what: &'a [Selector],
    /// Why, as somebody said.
    pub reason: &'a str,
    /// The address that asked.
    pub by: &'a str,
    /// The takedown's name, for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takedown: Option<&'a str>,
}

impl AuditLine<'_> {
    /// As it is written, with its end.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a line is plain data") + "\n"
    }
}

impl Audit {
    /// The file of this state folder.
    pub fn of(state: &Path) -> Self {
        Self { path: state.join("audit.jsonl"), writing: Arc::default() }
    }

    /// Appends a [line](AuditLine::text), for good. Blocks.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub fn append(&self, line: &str) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        lines::append(&self.path, line)
    }
}
