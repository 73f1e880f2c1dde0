//! Remembers the digests of large files, so that a checkpoint of many gigabytes is read whole once and not at each start.
//!
//! A digest is remembered together with a fingerprint (each file's name, size, inode and time of change; the time of
//! change, unlike that of writing, cannot be set back). If the fingerprint moved, the files are read again. The memory is
//! only a memory: a damaged or unwritable file costs time, nothing else.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{CheckpointError, Digest, ModelDigest};

/// The file's name wears the version of its form.
const FILE: &str = "digests-v1.json";

/// What is known of one file or folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    fingerprint: String,
    digest: String,
}

/// Digests by the absolute path of what they name.
#[derive(Debug, Default)]
pub struct DigestMemory {
    file: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    learned: bool,
}

impl DigestMemory {
    /// What is remembered in this folder, which need not exist.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let known = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, known, learned: false }
    }

    /// The digest of the checkpoint in `folder`, see [`ModelDigest::of_folder`]: the remembered one if nothing moved.
    ///
    /// # Errors
    /// As [`ModelDigest::of_folder`].
    pub fn model(&mut self, folder: &Path) -> Result<ModelDigest, CheckpointError> {
        self.of(folder, ModelDigest::of_folder)
    }

    /// blake3 of the file at `path`: the remembered one if nothing moved.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(&mut self, path: &Path) -> Result<Digest, CheckpointError> {
        self.of(path, |path| {
            let mut hasher = blake3::Hasher::new();
            hasher.update_mmap_rayon(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
            Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
        })
    }

    /// Writes the memory if something was learned since. Without it the same files are read again at the next start.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn save(&mut self) -> Result<(), CheckpointError> {
        if !self.learned {
            return Ok(());
        }
        let write = || -> io::Result<()> {
            let folder = self.file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&mut draft, &self.known)?;
            draft.persist(&self.file)?;
            Ok(())
        };
        write().map_err(|source| CheckpointError::Write { path: self.file.clone(), source })?;
        self.learned = false;
        Ok(())
    }

    fn of<D: Display + FromStr>(
        &mut self,
        path: &Path,
        read: impl FnOnce(&Path) -> Result<D, CheckpointError>,
    ) -> Result<D, CheckpointError> {
        let place = fs::canonicalize(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
        let fingerprint = fingerprint(&place)?;
        let known = self.known.get(&place).filter(|known| known.fingerprint == fingerprint);
        if let Some(digest) = known.and_then(|known| known.digest.parse().ok()) {
            return Ok(digest);
        }
        let digest = read(&place)?;
        self.known.insert(place, Known { fingerprint, digest: digest.to_string() });
        self.learned = true;
        Ok(digest)
    }
}

fn fingerprint(place: &Path) -> Result<String, CheckpointError> {
    let mut files = Vec::new();
    walk(place, &mut files)?;
    files.sort();
    Ok(blake3::hash(files.join("\n").as_bytes()).to_hex().to_string())
}

fn walk(path: &Path, files: &mut Vec<String>) -> Result<(), CheckpointError> {
    let unreadable = |source| CheckpointError::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(unreadable)? {
            walk(&entry.map_err(unreadable)?.path(), files)?;
        }
    } else {
        let (size, inode, changed) = (metadata.size(), metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()));
        files.push(format!("{path:?} {size} {inode} {changed:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(path: &Path) -> Result<Digest, CheckpointError> {
        let bytes = fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
        Ok(Digest::of(&bytes))
    }
    fn must_not_read(path: &Path) -> Result<Digest, CheckpointError> {
        panic!("{} was read again", path.display())
    }
    fn learn(memory: &Path, file: &Path) -> Digest {
        let mut memory = DigestMemory::open(memory);
        let digest = memory.of(file, read).unwrap();
        memory.save().unwrap();
        digest
    }

    #[test]
    fn a_file_is_read_again_only_after_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, file) = (folder.path().join("memory"), folder.path().join("lora.safetensors"));
        fs::write(&file, "one").unwrap();
        assert_eq!(learn(&memory, &file), Digest::of(b"one"));
        assert_eq!(DigestMemory::open(&memory).of(&file, must_not_read).unwrap(), Digest::of(b"one"));
        // As long as before, and its time of writing set back: the time of change gives it away.
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, "two").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        assert_eq!(learn(&memory, &file), Digest::of(b"two"));
    }

    #[test]
    fn a_damaged_memory_costs_a_reading_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lora.safetensors");
        fs::write(&file, "one").unwrap();
        fs::write(folder.path().join(FILE), "{ half a li").unwrap();
        assert_eq!(learn(folder.path(), &file), Digest::of(b"one"));
        assert_eq!(DigestMemory::open(folder.path()).of(&file, must_not_read).unwrap(), Digest::of(b"one"));
    }

    #[test]
    fn a_memory_that_cannot_be_kept_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lora.safetensors");
        fs::write(&file, "one").unwrap();
        // A file stands where the memory's folder would be.
        let mut memory = DigestMemory::open(&file);
        assert_eq!(memory.file(&file).unwrap(), Digest::of(b"one"));
        let error = memory.save().unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}/{FILE}", file.display())), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gone");
        let error = DigestMemory::open(folder.path()).file(&file).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot read {}", file.display())), "{error}");
    }
}
