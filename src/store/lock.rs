//! One process per state folder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::Duration,
};

use super::StoreError;

/// How often a held lock is tried again, and after which pause. A process that was just killed takes a moment to go, and
/// a child that was just forked holds what its parent let go until it runs its own program.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

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
        let mut locked = file.try_lock();
        for _ in 0..TRIES {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(PAUSE);
            locked = file.try_lock();
        }
        match locked {
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
