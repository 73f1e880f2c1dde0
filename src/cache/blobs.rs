//! Bytes as files, named by their hash.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use festoon_spec::{BlobHash, Digest, Outcome, Part};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use tempfile::TempPath;

use super::{CacheError, blocking};
use crate::store::{StoreError, durable, make_folder};

/// The folder of blobs.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    folder: PathBuf,
    quarantine: PathBuf,
    staging: PathBuf,
}

/// What is under a blob's name.
pub(super) enum Found {
    /// What its name says.
    Whole(Bytes),
    /// Something else.
    Corrupt,
    /// No file.
    Nothing,
}

impl Blobs {
    pub fn open(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        Self::in_folder(state, "blobs", staging)
    }

    /// Those that may go at any time, since somebody else has them.
    pub fn of_copies(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        Self::in_folder(state, "borrowed", staging)
    }

    fn in_folder(state: &Path, name: &str, staging: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self { folder: state.join(name), quarantine: state.join("quarantine"), staging };
        make_folder(&blobs.folder)?;
        make_folder(&blobs.quarantine)?;
        Ok(blobs)
    }

    pub fn path(&self, blob: &BlobHash) -> PathBuf {
        let name = blob.to_string();
        self.folder.join(&name[..2]).join(name)
    }

    /// Reads a blob and checks it.
    pub fn read(&self, blob: &BlobHash) -> Result<Found, StoreError> {
        let path = self.path(blob);
        match fs::read(&path) {
            Ok(bytes) if BlobHash::of(&bytes) == *blob => Ok(Found::Whole(Bytes::from(bytes))),
            Ok(_) => Ok(Found::Corrupt),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(StoreError::at(&path, error)),
        }
    }

    /// The hash of what is under a blob's name, read in pieces.
    pub fn hash(&self, blob: &BlobHash) -> Result<Option<BlobHash>, StoreError> {
        let path = self.path(blob);
        let failed = |error| StoreError::at(&path, error);
        let mut file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece).map_err(failed)? {
                0 => return Ok(Some(BlobHash::from_bytes(*hasher.finalize().as_bytes()))),
                count => hasher.update(&piece[..count]),
            };
        }
    }

    pub fn size(&self, blob: &BlobHash) -> Result<Option<u64>, StoreError> {
        let path = self.path(blob);
        match fs::metadata(&path) {
            Ok(data) => Ok(Some(data.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::at(&path, error)),
        }
    }

    /// Whether these are there, by their sizes.
    pub fn have_all(&self, parts: &[Part]) -> Result<bool, StoreError> {
        for part in parts {
            if self.size(&part.blob)? != Some(part.bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every blob by its name, and files that have no business here.
    pub fn list(&self) -> Result<(Vec<BlobHash>, Vec<PathBuf>), StoreError> {
        named_files(&self.folder, "", |name| name.parse().ok())
    }

    pub fn stage(&self, limit: u64) -> Result<Staging, StoreError> {
        Ok(Staging { work: Some(Box::new(self.work()?)), limit })
    }

    fn work(&self) -> Result<Work, StoreError> {
        let file = tempfile::Builder::new().prefix("blob-").tempfile_in(&self.staging);
        let file = file.map_err(|error| StoreError::at(&self.staging, error))?;
        Ok(Work { file, hasher: blake3::Hasher::new(), md5: Md5::new(), sha256: Sha256::new(), bytes: 0 })
    }

    /// Writes bytes that are all there.
    pub fn stage_now(&self, bytes: &[u8]) -> Result<Staged, StoreError> {
        let mut work = self.work()?;
        work.write(bytes)?;
        work.finish()
    }

    /// Gives staged bytes their name, for good.
    pub fn place(&self, staged: Staged) -> Result<(), StoreError> {
        durable::publish(staged.file, &self.path(&staged.blob))
    }

    pub fn remove(&self, blob: &BlobHash) -> Result<bool, StoreError> {
        durable::remove(&self.path(blob))
    }

    /// Moves what is under a blob's name out of reach, for a look.
    pub fn quarantine(&self, blob: &BlobHash) -> Result<PathBuf, StoreError> {
        let (from, to) = (self.path(blob), self.quarantine.join(blob.to_string()));
        fs::rename(&from, &to).map_err(|error| StoreError::at(&from, error))?;
        durable::sync_folder(from.parent().expect("a blob has a folder"))?;
        durable::sync_folder(&self.quarantine)?;
        Ok(to)
    }

    /// How many blobs wait for a look.
    pub fn quarantined(&self) -> Result<usize, StoreError> {
        fs::read_dir(&self.quarantine).map(Iterator::count).map_err(|error| StoreError::at(&self.quarantine, error))
    }
}

/// The files of a folder of folders of two digits, by what `parse` makes of their names, and those it makes nothing of.
pub(super) fn named_files<T>(
    folder: &Path,
    suffix: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(Vec<T>, Vec<PathBuf>), StoreError> {
    let (mut named, mut stray) = (Vec::new(), Vec::new());
    let list = |folder: &Path| fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for part in list(folder).map_err(|error| StoreError::at(folder, error))? {
        let part = part.path();
        if !part.is_dir() {
            stray.push(part);
            continue;
        }
        for file in list(&part).map_err(|error| StoreError::at(&part, error))? {
            let name = file.file_name();
            let parsed = name.to_str().and_then(|name| name.strip_suffix(suffix)).and_then(&parse);
            match parsed {
                Some(parsed) => named.push(parsed),
                None => stray.push(file.path()),
            }
        }
    }
    Ok((named, stray))
}

/// Bytes on their way in. Dropping it deletes them.
#[derive(Debug)]
pub struct Staging {
    /// Away while a piece is written.
    work: Option<Box<Work>>,
    limit: u64,
}

#[derive(Debug)]
struct Work {
    file: tempfile::NamedTempFile,
    hasher: blake3::Hasher,
    md5: Md5,
    sha256: Sha256,
    bytes: u64,
}

impl Work {
    fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.file.as_file().write_all(piece).map_err(|error| StoreError::at(self.file.path(), error))?;
        self.hasher.update(piece);
        self.md5.update(piece);
        self.sha256.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<Staged, StoreError> {
        let Work { file, hasher, md5, sha256, bytes } = self;
        file.as_file().sync_all().map_err(|error| StoreError::at(file.path(), error))?;
        let md5 = md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let blob = BlobHash::from_bytes(*hasher.finalize().as_bytes());
        let sha256 = Digest::from_bytes(sha256.finalize().into());
        Ok(Staged { file: file.into_temp_path(), blob, bytes, md5, sha256 })
    }
}

impl Staging {
    /// Writes the next piece.
    ///
    /// # Errors
    /// [`CacheError::TooLarge`] as soon as it is more than allowed; if the disk is full or failing. Give up then.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), CacheError> {
        // Away after an error or when the caller went away in mid-write.
        let mut work = self.work.take().ok_or(StoreError::Closing)?;
        if work.bytes + piece.len() as u64 > self.limit {
            return Err(CacheError::TooLarge { limit: self.limit });
        }
        let work = blocking(move || work.write(&piece).map(|()| work));
        self.work = Some(work.await?);
        Ok(())
    }

    /// Ends it: the bytes are on the disk, under no name yet.
    ///
    /// # Errors
    /// If nothing was written, or the disk is full or failing.
    pub async fn finish(mut self) -> Result<Staged, CacheError> {
        let work = self.work.take().ok_or(StoreError::Closing)?;
        if work.bytes == 0 {
            return Err(CacheError::Empty);
        }
        Ok(blocking(move || work.finish()).await?)
    }
}

/// Bytes that are on the disk but under no name. Dropping it deletes them.
#[derive(Debug)]
pub struct Staged {
    file: TempPath,
    blob: BlobHash,
    bytes: u64,
    md5: String,
    sha256: Digest,
}

impl Staged {
    /// Their name.
    pub fn blob(&self) -> BlobHash {
        self.blob
    }
    /// How many.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    /// Their MD5, 32 lower-case digits.
    pub fn md5(&self) -> &str {
        &self.md5
    }
    /// Their SHA-256.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }
    /// Where they are until they are kept: to look inside.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Compares what came with what was announced.
    ///
    /// # Errors
    /// [`CacheError::Mismatch`].
    pub fn check(&self, outcome: &Outcome) -> Result<(), CacheError> {
        let wrong = |what, announced: String, found: String| Err(CacheError::Mismatch { what, announced, found });
        if self.bytes != outcome.bytes {
            return wrong("number of bytes", outcome.bytes.to_string(), self.bytes.to_string());
        }
        if self.blob != outcome.blob {
            return wrong("blake3", outcome.blob.to_string(), self.blob.to_string());
        }
        if self.md5 != outcome.md5 {
            return wrong("MD5", outcome.md5.chars().take(40).collect(), self.md5.clone());
        }
        Ok(())
    }
}
