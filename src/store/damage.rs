//! What happens to an index that is damaged, and how its owners fill the next one.

use std::{fmt, fs, path::Path};

use festoon_spec::UnixMillis;

use super::{Batch, Index, IndexError, StoreError, Table, durable};

/// Damaged folders that are kept for a look; older ones are deleted, so that a failing disk does not fill itself.
const KEPT: usize = 3;

/// Somebody who keeps rows in the index and can make them again from files.
pub trait Rebuild: Send + Sync + fmt::Debug {
    /// A name that never changes: the index remembers under it that it was filled.
    fn name(&self) -> &'static str;

    /// How the rows stand to the files; asked once, when the owner attaches.
    ///
    /// # Errors
    /// If one of them cannot be read.
    fn compare(&self, index: &Index) -> Result<Comparison, IndexError>;

    /// Makes the rows as the files say. It may run on a fresh index or on one with rows, and may run again.
    ///
    /// # Errors
    /// If the files cannot be read or the index cannot be written.
    fn rebuild(&self, index: &Index) -> Result<(), IndexError>;
}

/// How the rows of an owner stand to its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// In line.
    Same,
    /// They differ as a crash between a file and its row leaves them: [`Rebuild::rebuild`] brings them in line.
    Behind,
    /// They differ more than a crash explains: the index lost records and is set aside.
    Lost(String),
}

fn marker(name: &str) -> Vec<u8> {
    [b"built/", name.as_bytes()].concat()
}

/// Whether the owner's rows were made completely, and not cut short by a crash.
pub(super) fn is_built(index: &Index, name: &str) -> Result<bool, IndexError> {
    Ok(index.get(Table::Meta, &marker(name))?.is_some())
}

pub(super) fn build(index: &Index, owner: &dyn Rebuild) -> Result<(), IndexError> {
    owner.rebuild(index)?;
    let mut batch = Batch::default();
    batch.put(Table::Meta, marker(owner.name()), vec![1]);
    index.commit(&batch)?;
    index.flush()
}

/// Moves the folder out of the way.
pub(super) fn set_aside(folder: &Path, name: &str, reason: &str, now: UnixMillis) -> Result<(), StoreError> {
    let from = folder.join(name);
    let prefix = format!("{name}.damaged-");
    let mut to = folder.join(format!("{prefix}{}", now.0));
    let mut number = 1;
    while to.exists() {
        to = folder.join(format!("{prefix}{}-{number}", now.0));
        number += 1;
    }
    fs::rename(&from, &to).map_err(|error| StoreError::at(&from, error))?;
    durable::sync_folder(folder)?;
    tracing::error!(reason, set_aside = %to.display(), "the index is damaged; it is rebuilt from the files");
    let mut damaged: Vec<_> = fs::read_dir(folder)
        .map_err(|error| StoreError::at(folder, error))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| (entry.metadata().and_then(|data| data.modified()).ok(), entry.path()))
        .collect();
    damaged.sort();
    damaged.retain(|(_, path)| *path != to);
    while damaged.len() >= KEPT {
        let (_, oldest) = damaged.remove(0);
        fs::remove_dir_all(&oldest).map_err(|error| StoreError::at(&oldest, error))?;
    }
    Ok(())
}
