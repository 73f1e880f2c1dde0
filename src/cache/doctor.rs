//! Looking for damage, and undoing it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::{Path, PathBuf},
};

use festoon_spec::{BlobHash, Part, RenderKey};
use serde::Serialize;

use super::{Cache, CacheError, Rows, blobs::Blobs, blocking, manifest::Manifests, uninterrupted};
use crate::store::{Index, IndexError, Store, StoreError, Table};

/// What was found in a state folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Examination {
    /// Blobs whose bytes were hashed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Manifests that were read.
    pub manifests: u64,
    /// Rows of entries in the index; `None` if the index was not looked at.
    pub rows: Option<u64>,
    /// Blobs in `quarantine/`.
    pub quarantined: u64,
    /// Bytes that the disk has left.
    pub free_bytes: u64,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// A blob's bytes are not what its name says.
    CorruptBlob {
        /// Its name.
        blob: BlobHash,
        /// Its bytes' name.
        found: BlobHash,
    },
    /// A manifest names a blob that is not there.
    MissingBlob {
        /// The manifest's key.
        key: RenderKey,
        /// The blob.
        blob: BlobHash,
    },
    /// No manifest names the blob.
    OrphanBlob {
        /// Its name.
        blob: BlobHash,
        /// How many bytes.
        bytes: u64,
    },
    /// A manifest does not read.
    CorruptManifest {
        /// Its key.
        key: RenderKey,
    },
    /// The index lacks an entry.
    MissingRow {
        /// Its key.
        key: RenderKey,
    },
    /// The index has an entry without a manifest.
    GhostRow {
        /// Its key.
        key: RenderKey,
    },
    /// The index is damaged.
    DamagedIndex {
        /// What was found.
        reason: String,
    },
    /// A file that festoon did not put there, or put there under another name.
    StrayFile {
        /// Where.
        path: PathBuf,
    },
}

impl Problem {
    /// Whether [`Cache::repair`] can do something about it.
    pub fn can_be_repaired(&self) -> bool {
        !matches!(self, Self::StrayFile { .. })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorruptBlob { blob, found } => write!(f, "the bytes of blob {blob} are those of {found}"),
            Self::MissingBlob { key, blob } => write!(f, "the blob {blob} of entry {key} is not there"),
            Self::OrphanBlob { blob, bytes } => write!(f, "no entry has the blob {blob} ({bytes} bytes)"),
            Self::CorruptManifest { key } => write!(f, "the manifest of entry {key} does not read"),
            Self::MissingRow { key } => write!(f, "the index lacks the entry {key}"),
            Self::GhostRow { key } => write!(f, "the index has an entry {key} without a manifest"),
            Self::DamagedIndex { reason } => write!(f, "the index is damaged: {reason}"),
            Self::StrayFile { path } => write!(f, "{} is not festoon's", path.display()),
        }
    }
}

impl Examination {
    /// Reads every file of the cache in a state folder, and changes nothing. A server may be at work meanwhile. Blocks.
    ///
    /// # Errors
    /// If there is no state folder or its disk fails.
    pub fn of_files(state: &Path) -> Result<Self, StoreError> {
        Self::of_files_watched(state, &mut |_, _| {})
    }

    /// As [`Examination::of_files`]; tells `look` after each blob how many of how many are hashed.
    ///
    /// # Errors
    /// As [`Examination::of_files`].
    pub fn of_files_watched(state: &Path, look: &mut dyn FnMut(u64, u64)) -> Result<Self, StoreError> {
        let folder = |name: &str| std::fs::read_dir(state.join(name)).map_err(|error| StoreError::at(&state.join(name), error));
        folder("blobs")?;
        folder("manifests")?;
        folder("quarantine")?;
        let staging = state.join("staging");
        let blobs = Blobs::open(state, staging.clone())?;
        let manifests = Manifests::open(state, staging)?;
        let mut examination =
            Self { free_bytes: free_bytes(state)?, quarantined: blobs.quarantined()? as u64, ..Self::default() };
        let problems = &mut examination.problems;

        // Blobs are listed before manifests: one that is put there meanwhile is not listed and cannot be an orphan.
        let (names, stray) = blobs.list()?;
        let mut unnamed: HashMap<BlobHash, u64> = HashMap::new();
        problems.extend(stray.into_iter().map(|path| Problem::StrayFile { path }));
        let all = names.len() as u64;
        for (blob, hashed) in names.into_iter().zip(1..) {
            look(hashed - 1, all);
            // Dropped meanwhile.
            let (Some(bytes), Some(found)) = (blobs.size(&blob)?, blobs.hash(&blob)?) else { continue };
            examination.blobs += 1;
            examination.bytes += bytes;
            if found != blob {
                problems.push(Problem::CorruptBlob { blob, found });
            }
            unnamed.insert(blob, bytes);
        }
        let (keys, stray) = manifests.list()?;
        problems.extend(stray.into_iter().map(|path| Problem::StrayFile { path }));
        for key in keys {
            match manifests.read(&key)? {
                Some(manifest) => {
                    for Part { blob, .. } in manifest.entry().parts() {
                        unnamed.remove(&blob);
                        if blobs.size(&blob)?.is_none() && manifests.path(&key).exists() {
                            problems.push(Problem::MissingBlob { key, blob });
                        }
                    }
                    examination.manifests += 1;
                }
                None if manifests.path(&key).exists() => problems.push(Problem::CorruptManifest { key }),
                None => {}
            }
        }
        let mut orphans: Vec<_> = unnamed.into_iter().collect();
        orphans.sort_unstable();
        for (blob, bytes) in orphans {
            if blobs.size(&blob)?.is_some() {
                problems.push(Problem::OrphanBlob { blob, bytes });
            }
        }
        Ok(examination)
    }

    /// Reads every page of the index and compares it with the manifests; to be called before a [`Cache`] is opened on the
    /// store, which would bring them in line. A damaged index is set aside, as at any other use. Blocks.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn add_index(&mut self, store: &Store) -> Result<(), StoreError> {
        let manifests = Manifests::open(store.folder(), store.staging())?;
        let written: HashSet<RenderKey> = manifests.keys()?.into_iter().collect();
        let read = |index: &Index| -> Result<Result<HashSet<RenderKey>, String>, IndexError> {
            match index.verify().and_then(|()| Rows(index).keys()) {
                Ok(keys) => Ok(Ok(keys)),
                // Told to the caller before the store sees to it.
                Err(IndexError::Damaged(reason)) => Ok(Err(reason)),
                Err(error) => Err(error),
            }
        };
        if store.damages() > 0 {
            self.problems.push(Problem::DamagedIndex { reason: "it did not open".into() });
        }
        match store.run_blocking(read)? {
            Ok(known) => {
                self.rows = Some(known.len() as u64);
                let sorted = |keys: std::collections::hash_set::Difference<'_, RenderKey, _>| {
                    let mut keys: Vec<RenderKey> = keys.copied().collect();
                    keys.sort_unstable();
                    keys
                };
                self.problems.extend(sorted(written.difference(&known)).into_iter().map(|key| Problem::MissingRow { key }));
                self.problems.extend(sorted(known.difference(&written)).into_iter().map(|key| Problem::GhostRow { key }));
            }
            Err(reason) => self.problems.push(Problem::DamagedIndex { reason }),
        }
        Ok(())
    }
}

impl Cache {
    /// Undoes what can be undone: corrupt blobs go to `quarantine/` and their entries are dropped, entries without a blob
    /// or a readable manifest are dropped, orphans are deleted, rows are made again. Returns what is left.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub async fn repair(&self, problems: Vec<Problem>) -> Result<Vec<Problem>, CacheError> {
        let cache = self.clone();
        uninterrupted(async move {
            let mut left = Vec::new();
            for problem in problems {
                if problem.can_be_repaired() {
                    cache.undo(&problem).await?;
                } else {
                    left.push(problem);
                }
            }
            cache.make_rows().await?;
            Ok(left)
        })
        .await
    }

    async fn undo(&self, problem: &Problem) -> Result<(), CacheError> {
        let inner = &self.inner;
        match *problem {
            Problem::CorruptBlob { blob, .. } => {
                self.read(blob).await?;
            }
            Problem::OrphanBlob { blob, .. } => {
                let _shelf = inner.shelf.lock().await;
                let held = inner.store.run(move |index| Ok(!Rows(index).holders(&blob)?.is_empty())).await?;
                if !held {
                    let blobs = inner.blobs.clone();
                    blocking(move || blobs.remove(&blob)).await?;
                }
            }
            Problem::MissingBlob { key, .. } | Problem::CorruptManifest { key } => {
                let _shelf = inner.shelf.lock().await;
                match inner.store.run(move |index| index.read(Table::Entries, key.as_bytes())).await? {
                    Some(entry) => {
                        self.drop_key(entry).await?;
                    }
                    None => {
                        let manifests = inner.manifests.clone();
                        blocking(move || manifests.remove(&key)).await?;
                    }
                }
            }
            // Opening the cache and making the rows again did it.
            Problem::MissingRow { .. } | Problem::GhostRow { .. } | Problem::DamagedIndex { .. } => {}
            Problem::StrayFile { .. } => {}
        }
        Ok(())
    }
}

/// Bytes that the disk of a folder has left for this user.
pub(super) fn free_bytes(folder: &Path) -> Result<u64, StoreError> {
    let disk = rustix::fs::statvfs(folder).map_err(|error| StoreError::at(folder, error.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
