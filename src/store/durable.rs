//! Files that are whole or not there, also after a power cut.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use super::{StoreError, make_folder};

/// Makes `bytes` the content of `path`: a reader sees the old content or the new one, never a part, and once this returns
/// the new one survives a power cut. `staging` is a folder on the same file system that is swept at the start.
///
/// # Errors
/// If the disk is full or failing; `path` is then as it was.
pub fn write(path: &Path, bytes: &[u8], staging: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::at(path, error);
    let mut file = tempfile::Builder::new().prefix("file-").tempfile_in(staging).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    publish(file.into_temp_path(), path)
}

/// Gives a file that is already synced its name. Replaces what has the name.
///
/// # Errors
/// If the system refuses; the file is then deleted.
pub fn publish(file: tempfile::TempPath, path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().expect("a file has a folder");
    if !folder.is_dir() {
        make_folder(folder)?;
        // The new folder's own name must last as well.
        if let Some(above) = folder.parent() {
            sync_folder(above)?;
        }
    }
    file.persist(path).map_err(|error| StoreError::at(path, error.error))?;
    sync_folder(folder)
}

/// Deletes a file, if it is there, for good.
///
/// # Errors
/// If the system refuses.
pub fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path.parent().expect("a file has a folder")).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::at(path, error)),
    }
}

/// Makes the names in a folder last.
///
/// # Errors
/// If the system refuses.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| StoreError::at(folder, error))
}
