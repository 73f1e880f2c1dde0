//! One process per state folder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

use super::StoreError;

/// Held while the process uses the folder. The lock is the kernel's, so it ends with the process, however that ends; the
/// pid inside is for people.
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
}

impl StateLock {
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { folder: folder.to_owned(), source }
            }
            _ => StoreError::at(folder, source),
        };
        fs::create_dir_all(folder).map_err(refused)?;
        let path = folder.join("lock");
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only the message is poorer without it.
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::Locked { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        match written {
            // A full disk must not keep a server from serving what it has.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(refused(error)),
            _ => Ok(Self { _file: file }),
        }
    }
}
