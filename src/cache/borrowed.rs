//! Copies of blobs that the origin has: files that may go at any time, at most so many bytes of them.
//!
//! What was used longest ago goes first, except what is pinned. Once there is no room, bytes are let in only if they were asked
//! for before, so that what many ask for once does not throw out what some ask for often. Last uses live in memory; after a start
//! the files' own times stand in for them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    time::SystemTime,
};

use bytes::Bytes;
use festoon_spec::BlobHash;

use super::{Blobs, blobs::Found};
use crate::store::StoreError;

/// Blobs that are remembered to have been asked for.
const SEEN: u64 = 1 << 16;

/// The copies.
#[derive(Debug)]
pub(super) struct Borrowed {
    blobs: Blobs,
    budget: u64,
    shelf: Mutex<Shelf>,
    seen: moka::sync::Cache<BlobHash, ()>,
}

#[derive(Debug, Default)]
struct Shelf {
    copies: HashMap<BlobHash, Copy>,
    /// The one used longest ago first.
    order: BTreeMap<u64, BlobHash>,
    pinned: HashSet<BlobHash>,
    bytes: u64,
    uses: u64,
}

#[derive(Debug, Clone, Copy)]
struct Copy {
    bytes: u64,
    used: u64,
}

impl Shelf {
    fn use_now(&mut self, blob: &BlobHash) {
        self.uses += 1;
        let now = self.uses;
        if let Some(copy) = self.copies.get_mut(blob) {
            self.order.remove(&copy.used);
            copy.used = now;
            self.order.insert(now, *blob);
        }
    }

    fn put(&mut self, blob: BlobHash, bytes: u64) {
        self.take(&blob);
        self.uses += 1;
        self.copies.insert(blob, Copy { bytes, used: self.uses });
        self.order.insert(self.uses, blob);
        self.bytes += bytes;
    }

    fn take(&mut self, blob: &BlobHash) -> bool {
        let Some(copy) = self.copies.remove(blob) else { return false };
        self.order.remove(&copy.used);
        self.bytes -= copy.bytes;
        true
    }

    /// What goes, so that so many bytes find room.
    fn make_room(&mut self, bytes: u64, budget: u64) -> Vec<BlobHash> {
        let mut gone = Vec::new();
        let mut left = self.bytes + bytes;
        for blob in self.order.values() {
            if left <= budget {
                break;
            }
            if !self.pinned.contains(blob) {
                left -= self.copies[blob].bytes;
                gone.push(*blob);
            }
        }
        for blob in &gone {
            self.take(blob);
        }
        gone
    }
}

impl Borrowed {
    /// Lists what is there. Blocks.
    pub fn open(blobs: Blobs, budget: u64) -> Result<Self, StoreError> {
        let mut found: Vec<(SystemTime, BlobHash, u64)> = Vec::new();
        for blob in blobs.list()?.0 {
            let path = blobs.path(&blob);
            let data = fs::metadata(&path).map_err(|error| StoreError::at(&path, error))?;
            found.push((data.modified().unwrap_or(SystemTime::UNIX_EPOCH), blob, data.len()));
        }
        found.sort_unstable();
        let mut shelf = Shelf::default();
        for (_, blob, bytes) in found {
            shelf.put(blob, bytes);
        }
        let borrowed = Self { blobs, budget, shelf: Mutex::new(shelf), seen: moka::sync::Cache::new(SEEN) };
        // The budget may have become smaller.
        let gone = borrowed.shelf().make_room(0, budget);
        borrowed.delete(&gone)?;
        Ok(borrowed)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a use, unless somebody else does that very moment.
    pub fn touch(&self, blob: &BlobHash) {
        match self.shelf.try_lock() {
            Ok(mut shelf) => shelf.use_now(blob),
            Err(TryLockError::Poisoned(shelf)) => shelf.into_inner().use_now(blob),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    pub fn has(&self, blob: &BlobHash) -> bool {
        self.shelf().copies.contains_key(blob)
    }

    /// The bytes, verified. A copy that is damaged is moved out of reach. Blocks.
    pub fn read(&self, blob: &BlobHash) -> Result<Found, StoreError> {
        let found = self.blobs.read(blob)?;
        match &found {
            Found::Whole(_) => self.touch(blob),
            Found::Nothing => {
                self.shelf().take(blob);
            }
            Found::Corrupt => {
                let to = self.blobs.quarantine(blob)?;
                self.shelf().take(blob);
                tracing::error!(blob = %blob.short(), to = %to.display(), "the copy of a blob is corrupt; it is asked for again");
            }
        }
        Ok(found)
    }

    /// Counts a copy as gone: its file is written over when it comes again.
    pub fn overlook(&self, blob: &BlobHash) {
        self.shelf().take(blob);
    }

    /// Whether a blob of so many bytes is worth a place. Notes that it was asked for.
    pub fn admits(&self, blob: &BlobHash, bytes: u64) -> bool {
        let again = self.seen.contains_key(blob);
        self.seen.insert(*blob, ());
        let shelf = self.shelf();
        shelf.bytes + bytes <= self.budget || shelf.pinned.contains(blob) || again && bytes <= self.budget
    }

    /// Writes verified bytes. Blocks.
    pub fn keep(&self, blob: BlobHash, bytes: Bytes) -> Result<(), StoreError> {
        let length = bytes.len() as u64;
        let gone = self.shelf().make_room(length, self.budget);
        self.delete(&gone)?;
        self.blobs.place(self.blobs.stage_now(&bytes)?)?;
        self.shelf().put(blob, length);
        Ok(())
    }

    /// Deletes copies, and says how many bytes that frees. Blocks.
    pub fn forget(&self, blobs: &[BlobHash]) -> Result<u64, StoreError> {
        let freed = {
            let mut shelf = self.shelf();
            let before = shelf.bytes;
            for blob in blobs {
                shelf.take(blob);
            }
            before - shelf.bytes
        };
        self.delete(blobs)?;
        Ok(freed)
    }

    fn delete(&self, blobs: &[BlobHash]) -> Result<(), StoreError> {
        blobs.iter().try_for_each(|blob| self.blobs.remove(blob).map(drop))
    }

    /// What stays whatever happens.
    pub fn pin(&self, blobs: HashSet<BlobHash>) {
        self.shelf().pinned = blobs;
    }

    /// How many copies there are, and how many bytes.
    pub fn usage(&self) -> (u64, u64) {
        let shelf = self.shelf();
        (shelf.copies.len() as u64, shelf.bytes)
    }
}
