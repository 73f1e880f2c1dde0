//! What the planner remembers: through which due date each schedule is planned, and which occurrences were placed.
//!
//! It is a memory, not the truth: if it is lost, the dates ahead are placed once more, and the queue and the cache know that
//! they have them already.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use festoon_spec::{Digest, RenderKey, UnixMillis};
use serde::{Deserialize, Serialize};

use super::Occurrence;
use crate::store::{durable, make_folder};

/// After this long an occurrence that was claimed but not placed may be claimed by another planner: the first one has died.
pub const CLAIM_MILLIS: u64 = 5 * 60 * 1000;

/// Why the memory does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the planner's memory at {place} cannot be {action}: {source}")]
pub struct StateError {
    /// The file, or the table.
    pub place: String,
    /// `read` or `written`.
    pub action: &'static str,
    /// The cause.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What came of an attempt to claim an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The caller places it, and says so.
    Mine,
    /// It was placed before.
    Placed,
    /// Another planner is at it, or died at it a moment ago.
    Elsewhere,
}

/// An occurrence as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The schedule's id.
    pub schedule: String,
    /// The schedule's revision.
    pub revision: Digest,
    /// When it is due.
    pub due: UnixMillis,
    /// When its plates are no longer shown.
    pub shown_until: Option<UnixMillis>,
    /// When it was claimed.
    pub claimed_at: UnixMillis,
    /// The plates that were ordered for it; `None` while it is only claimed.
    pub plates: Option<BTreeSet<RenderKey>>,
}

/// The planner's memory, shared by every planner of an installation. Each call is atomic and, once it returns, survives a
/// crash.
#[async_trait]
pub trait PlannerState: Send + Sync {
    /// The latest due date through which this revision of a schedule is planned.
    async fn planned_through(&self, schedule: &str, revision: &Digest) -> Result<Option<UnixMillis>, StateError>;

    /// Claims occurrences before they are placed, one answer each: a key is given to one planner only, unless that one has
    /// not placed it for [`CLAIM_MILLIS`].
    async fn claim(&self, occurrences: &[Occurrence], now: UnixMillis) -> Result<Vec<Claim>, StateError>;

    /// Remembers which plates were ordered for claimed occurrences.
    async fn placed(&self, placed: &[(Digest, BTreeSet<RenderKey>)]) -> Result<(), StateError>;

    /// Remembers that every due date through this one is planned, and forgets it of other revisions. May go back, after the
    /// clock did.
    async fn advance(&self, schedule: &str, revision: &Digest, through: UnixMillis) -> Result<(), StateError>;

    /// Every occurrence that is remembered, by its key.
    async fn remembered(&self) -> Result<BTreeMap<Digest, Remembered>, StateError>;

    /// Forgets these occurrences, and how far their schedules' revisions were planned: one that comes back is placed again.
    async fn forget(&self, occurrences: &[Digest]) -> Result<(), StateError>;
}

/// The memory as one file, replaced whole at each change. For one process; the state folder's lock keeps others out.
#[derive(Debug)]
pub struct FileState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    staging: PathBuf,
    memory: Mutex<Memory>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    version: Version,
    /// By schedule: the last revision that was planned, and how far.
    planned_through: BTreeMap<String, (Digest, UnixMillis)>,
    occurrences: BTreeMap<Digest, Remembered>,
}

/// The form of the file.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "festoon planner v1")]
    V1,
}

impl FileState {
    /// Opens the memory in `planner.json` of the state folder, or begins an empty one. A damaged file is set aside under another
    /// name and logged.
    ///
    /// # Errors
    /// If the file cannot be read, a damaged one not renamed, or the staging folder not made.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join("planner.json");
        let memory = match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(memory) => memory,
                Err(damage) => {
                    let aside = folder.join("planner.json.damaged");
                    fs::rename(&path, &aside).map_err(|error| failed(&path, "read", error))?;
                    tracing::warn!(%damage, aside = %aside.display(), "the planner's memory was damaged; the dates ahead are planned again");
                    Memory::default()
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(error) => return Err(failed(&path, "read", error)),
        };
        let staging = folder.join("staging");
        make_folder(&staging).map_err(|error| failed(&staging, "written", error))?;
        Ok(Self { inner: Arc::new(Inner { path, staging, memory: Mutex::new(memory) }) })
    }

    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Inner) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || act(&inner)).await;
        done.unwrap_or_else(|panicked| Err(failed(&self.inner.path, "written", io::Error::other(panicked))))
    }
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A change is written before it replaces the memory, so a panic leaves the old one whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a copy, writes it, and only then lets it count.
    fn change<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> Result<T, StateError> {
        let mut memory = self.memory();
        let mut next = memory.clone();
        let answer = change(&mut next);
        let bytes = serde_json::to_vec(&next).expect("the memory is plain data with text keys");
        durable::write(&self.path, &bytes, &self.staging).map_err(|error| failed(&self.path, "written", error))?;
        *memory = next;
        Ok(answer)
    }
}

fn failed(path: &Path, action: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StateError {
    StateError { place: path.display().to_string(), action, source: Box::new(error) }
}

#[async_trait]
impl PlannerState for FileState {
    async fn planned_through(&self, schedule: &str, revision: &Digest) -> Result<Option<UnixMillis>, StateError> {
        let memory = self.inner.memory();
        let planned = memory.planned_through.get(schedule).filter(|(planned, _)| planned == revision);
        Ok(planned.map(|(_, through)| *through))
    }

    async fn claim(&self, occurrences: &[Occurrence], now: UnixMillis) -> Result<Vec<Claim>, StateError> {
        let occurrences = occurrences.to_vec();
        self.with(move |inner| {
            inner.change(|memory| occurrences.iter().map(|occurrence| claim(memory, occurrence, now)).collect())
        })
        .await
    }

    async fn placed(&self, placed: &[(Digest, BTreeSet<RenderKey>)]) -> Result<(), StateError> {
        let placed = placed.to_vec();
        self.with(move |inner| {
            inner.change(|memory| {
                for (key, plates) in placed {
                    if let Some(remembered) = memory.occurrences.get_mut(&key) {
                        remembered.plates = Some(plates);
                    }
                }
            })
        })
        .await
    }

    async fn advance(&self, schedule: &str, revision: &Digest, through: UnixMillis) -> Result<(), StateError> {
        let (schedule, planned) = (schedule.to_owned(), (*revision, through));
        self.with(move |inner| inner.change(|memory| _ = memory.planned_through.insert(schedule, planned))).await
    }

    async fn remembered(&self) -> Result<BTreeMap<Digest, Remembered>, StateError> {
        Ok(self.inner.memory().occurrences.clone())
    }

    async fn forget(&self, occurrences: &[Digest]) -> Result<(), StateError> {
        let occurrences = occurrences.to_vec();
        self.with(move |inner| {
            inner.change(|memory| {
                for key in occurrences {
                    let Some(Remembered { schedule, revision, .. }) = memory.occurrences.remove(&key) else { continue };
                    if memory.planned_through.get(&schedule).is_some_and(|(planned, _)| *planned == revision) {
                        memory.planned_through.remove(&schedule);
                    }
                }
            })
        })
        .await
    }
}

fn claim(memory: &mut Memory, occurrence: &Occurrence, now: UnixMillis) -> Claim {
    if let Some(earlier) = memory.occurrences.get(&occurrence.key) {
        if earlier.plates.is_some() {
            return Claim::Placed;
        }
        // A claim from the future was made before the clock was put back: nobody can tell how old it is.
        if earlier.claimed_at <= now && now.since(earlier.claimed_at) < CLAIM_MILLIS {
            return Claim::Elsewhere;
        }
    }
    let remembered = Remembered {
        schedule: occurrence.schedule.clone(),
        revision: occurrence.revision,
        due: occurrence.due,
        shown_until: occurrence.shown_until,
        claimed_at: now,
        plates: None,
    };
    memory.occurrences.insert(occurrence.key, remembered);
    Claim::Mine
}
