//! The only place that says sled.
//!
//! sled 0.34.7 reports damage in three ways: an error, a panic, or silence. Each call here turns the first two into
//! [`IndexError::Damaged`]; the third is found by [`Rebuild::compare`](super::Rebuild::compare). Its default cache of 1 GiB
//! is cut to [`CACHE_BYTES`].

use std::{
    collections::BTreeMap,
    fmt, io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use sled::{
    Transactional,
    transaction::{ConflictableTransactionError, TransactionError},
};

use super::StoreError;

/// Memory that sled may use for pages.
const CACHE_BYTES: u64 = 64 << 20;
/// How long a write that nobody flushed may stay in memory.
const FLUSH_EVERY_MS: u64 = 200;
/// First byte of each value; a change of what a table holds takes the next number.
const VALUE_VERSION: u8 = 1;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What is kept in the index. Numbers inside keys are big-endian, so that keys sort as numbers do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Table { $($(#[$doc])* $name),+ }
        impl Table {
            /// Every table.
            pub const ALL: &'static [Table] = &[$(Table::$name),+];
            /// The name on disk.
            pub const fn name(self) -> &'static str {
                match self { $(Table::$name => $text),+ }
            }
        }
    };
}

tables!(
    /// What is known of the index itself.
    Meta = "meta-1",
    /// Render key → entry.
    Entries = "entries-2",
    /// Blob hash, render key → its bytes, and whether it is the entry's whole file: which entries hold a blob.
    Holders = "holders-2",
    /// Template, 0, render key → nothing: the plates of a template.
    Plates = "plates-1",
    /// Render key → last use.
    Touches = "touches-1",
    /// Render key → what the origin said of it, and when: an edge's.
    Borrowed = "borrowed-1",
    /// Render key → refusal.
    Refusals = "refusals-1",
    /// Job id → job.
    Jobs = "jobs-1",
    /// Render key → id of its live job.
    Live = "live-1",
    /// Needs, deadline, job id → nothing: jobs that may be leased.
    Ready = "ready-1",
    /// Earliest start, job id → nothing: jobs that back off.
    Delayed = "delayed-1",
    /// End of lease, job id → nothing.
    Leases = "leases-1",
    /// Lane, tenant → virtual time up to which the tenant has had its share.
    Shares = "shares-1",
    /// When it ended, job id → nothing.
    Ended = "ended-1",
);

/// Why a call on the index failed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// What is on disk cannot be right.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// The disk refused.
    #[error("the index cannot be read or written: {0}")]
    Io(#[source] io::Error),
    /// The files that the index is made from cannot be read.
    #[error(transparent)]
    Files(Box<StoreError>),
}

impl From<StoreError> for IndexError {
    fn from(error: StoreError) -> Self {
        Self::Files(Box::new(error))
    }
}

impl From<sled::Error> for IndexError {
    fn from(error: sled::Error) -> Self {
        match error {
            // Truncated files end too early or hold what cannot be decoded.
            sled::Error::Io(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
                Self::Damaged(error.to_string())
            }
            // sled wraps "file is locked" and "bad snapshot" alike in `Other`; the folder's own lock is held, so it is damage.
            sled::Error::Io(error) if error.kind() == io::ErrorKind::Other => Self::Damaged(error.to_string()),
            // A file where a folder should be, or the other way round.
            sled::Error::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists
                ) =>
            {
                Self::Damaged(error.to_string())
            }
            sled::Error::Io(error) => Self::Io(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Runs a call into sled; a panic inside it is damage.
fn guard<T, E: Into<IndexError>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into());
            Err(IndexError::Damaged(format!("a panic while reading it: {}", text.chars().take(200).collect::<String>())))
        }
    }
}

/// The open index. Every call may block on the disk.
pub struct Index {
    database: sled::Db,
    /// By the order of [`Table::ALL`].
    trees: Vec<sled::Tree>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("tables", &self.trees.len()).finish()
    }
}

impl Index {
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        guard(|| {
            let database =
                sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(Some(FLUSH_EVERY_MS)).open()?;
            let trees = Table::ALL.iter().map(|table| database.open_tree(table.name())).collect::<Result<_, _>>()?;
            Ok::<_, sled::Error>(Self { database, trees })
        })
    }

    /// Ends the flushing thread and writes by path, whatever state the files are in.
    pub(super) fn close(self) {
        if let Err(error) = guard(|| {
            drop(self);
            Ok::<_, sled::Error>(())
        }) {
            tracing::warn!(%error, "a damaged index did not close cleanly");
        }
    }

    fn tree(&self, table: Table) -> &sled::Tree {
        &self.trees[table as usize]
    }

    /// The value under a key.
    ///
    /// # Errors
    /// If the index is damaged or the disk fails; so for all calls here.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        guard(|| self.tree(table).get(key)).map(|value| value.map(|value| value.to_vec()))
    }

    /// The value under a key, read as [`encode`] wrote it.
    ///
    /// # Errors
    /// Also if it does not read as a `T`.
    pub fn read<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, IndexError> {
        self.get(table, key)?.map(|value| decode(&value)).transpose()
    }

    /// Shows the rows whose key starts with `prefix`, from `start` on if that is greater, in order, until told to stop.
    ///
    /// # Errors
    /// What `visit` returns stops the walk.
    pub fn visit(
        &self,
        table: Table,
        prefix: &[u8],
        start: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, IndexError>,
    ) -> Result<(), IndexError> {
        let mut rows = guard(|| Ok::<_, sled::Error>(self.tree(table).range(start.max(prefix)..)))?;
        while let Some((key, value)) = guard(|| rows.next().transpose())? {
            if !key.starts_with(prefix) || visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Shows the rows below a key, or all, from the last to the first, until told to stop.
    ///
    /// # Errors
    /// What `visit` returns stops the walk.
    pub fn visit_down(
        &self,
        table: Table,
        below: Option<&[u8]>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, IndexError>,
    ) -> Result<(), IndexError> {
        let tree = self.tree(table);
        let rows = guard(|| Ok::<_, sled::Error>(below.map_or_else(|| tree.iter(), |below| tree.range(..below))))?;
        let mut rows = rows.rev();
        while let Some((key, value)) = guard(|| rows.next().transpose())? {
            if visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The first key that starts with `prefix`.
    ///
    /// # Errors
    /// If the index is damaged or the disk fails.
    pub fn first(&self, table: Table, prefix: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let mut first = None;
        self.visit(table, prefix, prefix, |key, _| {
            first = Some(key.to_vec());
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// Makes every change of the batch, or none: one transaction over all tables in it.
    ///
    /// # Errors
    /// If the index is damaged or the disk is full; nothing has changed then.
    pub fn commit(&self, batch: &Batch) -> Result<(), IndexError> {
        let changed: Vec<Table> = batch.changes.keys().copied().collect();
        if changed.is_empty() {
            return Ok(());
        }
        let trees: Vec<sled::Tree> = changed.iter().map(|table| self.tree(*table).clone()).collect();
        guard(|| {
            trees
                .as_slice()
                .transaction(|trees| {
                    for (tree, changes) in trees.iter().zip(batch.changes.values()) {
                        for (key, value) in changes {
                            match value {
                                Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                                None => tree.remove(key.as_slice())?,
                            };
                        }
                    }
                    Ok::<(), ConflictableTransactionError<std::convert::Infallible>>(())
                })
                .map_err(|error| match error {
                    TransactionError::Abort(never) => match never {},
                    TransactionError::Storage(error) => error,
                })
        })
    }

    /// Returns once everything committed before survives the end of this process.
    ///
    /// # Errors
    /// If the index is damaged or the disk is full.
    pub fn flush(&self) -> Result<(), IndexError> {
        guard(|| self.database.flush()).map(drop)
    }

    /// Reads every page and checks it.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn verify(&self) -> Result<(), IndexError> {
        guard(|| self.database.verify_integrity())?;
        for table in Table::ALL {
            self.visit(*table, &[], &[], |_, _| Ok(ControlFlow::Continue(())))?;
        }
        Ok(())
    }
}

/// Changes that are made together.
#[derive(Debug, Default)]
pub struct Batch {
    changes: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Batch {
    /// Puts a value under a key. The last change of a key counts.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.entry(table).or_default().insert(key.into(), Some(value.into()));
        self
    }

    /// Takes a key away, if it is there.
    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.entry(table).or_default().insert(key.into(), None);
        self
    }
}

/// A value as the tables keep it: a version, then JSON.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![VALUE_VERSION];
    serde_json::to_writer(&mut bytes, value).expect("rows are plain data with text keys, and memory does not refuse a write");
    bytes
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// If it is something else: damage, or a release that wrote another version. Both are rebuilt from the files.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, IndexError> {
    match bytes.split_first() {
        Some((&VALUE_VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| IndexError::Damaged(format!("a row does not read: {error}")))
        }
        Some((version, _)) => Err(IndexError::Damaged(format!("a row has version {version}, expected {VALUE_VERSION}"))),
        None => Err(IndexError::Damaged("a row is empty".into())),
    }
}
