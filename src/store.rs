//! The state folder of one machine: who may open it, and the index inside.
//!
//! One process holds the folder ([`StoreError::Locked`] names the other). The index is a convenience: files (manifests,
//! blobs, the queue's journal) are the truth. When the index is damaged, on open or on any later call, its folder is set
//! aside as `index.damaged-<time>`, a fresh one is filled by everything that was [attached](Store::attach), and the call
//! that found the damage runs again. Nobody above this door notices more than a pause.
//!
//! What a call has written survives a `kill -9` once it called [`Index::flush`]; a power cut may take more, which is why
//! whoever promises more keeps a fsynced file of its own.

mod damage;
pub mod durable;
mod index;
pub mod lines;
mod lock;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

pub use damage::{Comparison, Rebuild};
pub use index::{Batch, Index, IndexError, Table, decode, encode};
use lock::StateLock;

use crate::clock::Clock;

/// Folder of the index inside the state folder.
const INDEX: &str = "index";
/// Folder of unfinished files inside the state folder.
const STAGING: &str = "staging";

/// The open state folder. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    /// Calls read it; only setting a damaged index aside writes it, so that no call holds the old one.
    open: RwLock<Open>,
    attached: Mutex<Vec<Arc<dyn Rebuild>>>,
    set_aside: AtomicU64,
    /// Last, so that the folder is free only after the index is closed.
    _lock: StateLock,
}

#[derive(Debug)]
struct Open {
    /// Grows with each replacement, so that two calls that met the same damage replace the index once.
    generation: u64,
    /// `None` only after it could not be opened again, for example on a full disk; the next call tries.
    index: Option<Index>,
}

/// What takes the place of an index that failed.
enum Replacement<'a> {
    /// The same folder, opened again: the disk failed, not the content.
    Reopened,
    /// A fresh one: the content is damaged, for this reason.
    Fresh(&'a str),
}

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("the state folder {} is in use by {}", folder.display(), holder(*.pid))]
    Locked {
        /// The state folder.
        folder: PathBuf,
        /// The other process, if it could be told.
        pid: Option<u32>,
    },
    /// The folder may not be written.
    #[error("the state folder {} is read-only: {source}", folder.display())]
    ReadOnly {
        /// The state folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk has no room.
    #[error("no space is left for {}", path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// A file of the state folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index is damaged and what replaced it is damaged too.
    #[error("the index in {} is damaged and could not be replaced: {reason}", folder.display())]
    Damaged {
        /// The state folder.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The program is shutting down.
    #[error("the program is shutting down")]
    Closing,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another festoon process".into(), |pid| format!("another festoon process (pid {pid})"))
}

impl StoreError {
    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("stop the other process, or give this one another state folder (--state)"),
            Self::ReadOnly { .. } => Some("mount it writable or give it to the user that runs festoon"),
            Self::Full { .. } => Some("free some disk, or lower the cache's disk budget and run `festoon gc`"),
            Self::Damaged { .. } => Some("run `festoon doctor`"),
            Self::Io { .. } | Self::Closing => None,
        }
    }

    /// Puts a path to what the system said, and tells a full disk from the rest.
    pub fn at(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { folder: path, source },
            _ => Self::Io { path, source },
        }
    }
}

impl Store {
    /// Opens the state folder, and makes it if there is none. A damaged index is set aside here already; what was in it
    /// comes back as its owners [attach](Self::attach). Blocks.
    ///
    /// # Errors
    /// If another process holds the folder, or it cannot be written.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let lock = StateLock::take(folder)?;
        sweep(&folder.join(STAGING))?;
        let mut set_aside = 0;
        let index = match Index::open(&folder.join(INDEX)) {
            Ok(index) => index,
            Err(IndexError::Damaged(reason)) => {
                damage::set_aside(folder, INDEX, &reason, clock.now())?;
                set_aside = 1;
                Index::open(&folder.join(INDEX)).map_err(|error| Self::name(folder, error))?
            }
            Err(error) => return Err(Self::name(folder, error)),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                clock,
                open: RwLock::new(Open { generation: 0, index: Some(index) }),
                attached: Mutex::default(),
                set_aside: AtomicU64::new(set_aside),
                _lock: lock,
            }),
        })
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// The folder of files that are not whole yet, on the file system of those that are. What a crash left in it is deleted
    /// when the store opens.
    pub fn staging(&self) -> PathBuf {
        self.inner.folder.join(STAGING)
    }

    /// How often an index was set aside since the start: a metric, and a reason to look at the disk.
    pub fn damages(&self) -> u64 {
        self.inner.set_aside.load(Ordering::Relaxed)
    }

    /// Brings what `owner` keeps in the index in line with its files, now and whenever the index is replaced. Blocks.
    ///
    /// # Errors
    /// If the files cannot be read or the index cannot be written.
    pub fn attach(&self, owner: Arc<dyn Rebuild>) -> Result<(), StoreError> {
        let name = owner.name();
        let comparison = self
            .run_blocking(|index| if damage::is_built(index, name)? { owner.compare(index) } else { Ok(Comparison::Behind) })?;
        self.attached().push(Arc::clone(&owner));
        match comparison {
            Comparison::Same => Ok(()),
            Comparison::Behind => self.run_blocking(|index| damage::build(index, owner.as_ref())),
            Comparison::Lost(reason) => {
                let generation = self.inner.open.read().unwrap_or_else(PoisonError::into_inner).generation;
                self.replace(generation, Replacement::Fresh(&reason))
            }
        }
    }

    /// Runs `call` on the index in the pool for blocking work. It may run twice: if it meets damage, it runs again on the
    /// index that was rebuilt; so it must do its reading, deciding and its one commit inside.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub async fn run<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Index) -> Result<T, IndexError> + Send + 'static,
    {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || store.run_blocking(call)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closing),
        }
    }

    /// [`run`](Self::run) for callers that may block.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub fn run_blocking<T>(&self, call: impl Fn(&Index) -> Result<T, IndexError>) -> Result<T, StoreError> {
        let (generation, first) = self.attempt(&call);
        match first {
            Some(Ok(value)) => return Ok(value),
            Some(Err(IndexError::Damaged(reason))) => self.replace(generation, Replacement::Fresh(&reason))?,
            None => self.replace(generation, Replacement::Reopened)?,
            Some(Err(error @ IndexError::Io(_))) => {
                // After one failed write sled refuses everything until it is opened again.
                if let Err(error) = self.replace(generation, Replacement::Reopened) {
                    tracing::warn!(%error, "the index stays closed until the next call");
                }
                return Err(self.named(error));
            }
            Some(Err(error @ IndexError::Files(_))) => return Err(self.named(error)),
        }
        match self.attempt(&call).1 {
            Some(result) => result.map_err(|error| self.named(error)),
            None => Err(self.named(IndexError::Damaged("it was closed again at once".into()))),
        }
    }

    /// Runs the call unless the index is closed, and says on which generation.
    fn attempt<T>(&self, call: impl Fn(&Index) -> Result<T, IndexError>) -> (u64, Option<Result<T, IndexError>>) {
        let open = self.inner.open.read().unwrap_or_else(PoisonError::into_inner);
        (open.generation, open.index.as_ref().map(call))
    }

    /// Closes the index of `generation`, unless somebody else did, and opens one that agrees with the files.
    fn replace(&self, generation: u64, how: Replacement<'_>) -> Result<(), StoreError> {
        let mut open = self.inner.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.generation != generation {
            return Ok(());
        }
        let folder = &self.inner.folder;
        // Closed before its folder moves: a closing index still writes by path.
        if let Some(index) = open.index.take() {
            index.close();
        }
        let mut opened = match how {
            Replacement::Reopened => Index::open(&folder.join(INDEX)),
            Replacement::Fresh(reason) => Err(IndexError::Damaged(reason.to_owned())),
        };
        if let Err(IndexError::Damaged(reason)) = opened {
            damage::set_aside(folder, INDEX, &reason, self.inner.clock.now())?;
            self.inner.set_aside.fetch_add(1, Ordering::Relaxed);
            opened = Index::open(&folder.join(INDEX));
        }
        let index = opened.map_err(|error| self.named(error))?;
        for owner in self.attached().iter() {
            damage::build(&index, owner.as_ref()).map_err(|error| self.named(error))?;
        }
        open.index = Some(index);
        open.generation += 1;
        Ok(())
    }

    fn attached(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Rebuild>>> {
        self.inner.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, error: IndexError) -> StoreError {
        Self::name(&self.inner.folder, error)
    }

    fn name(folder: &Path, error: IndexError) -> StoreError {
        match error {
            IndexError::Damaged(reason) => StoreError::Damaged { folder: folder.to_owned(), reason },
            IndexError::Io(source) => StoreError::at(&folder.join(INDEX), source),
            IndexError::Files(error) => *error,
        }
    }
}

/// Makes the staging folder, or deletes what a crash left in it.
fn sweep(staging: &Path) -> Result<(), StoreError> {
    make_folder(staging)?;
    for entry in fs::read_dir(staging).map_err(|error| StoreError::at(staging, error))? {
        let path = entry.map_err(|error| StoreError::at(staging, error))?.path();
        fs::remove_file(&path).map_err(|error| StoreError::at(&path, error))?;
    }
    Ok(())
}

/// Makes a folder and those above it.
///
/// # Errors
/// If the system refuses.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|error| StoreError::at(path, error))
}
