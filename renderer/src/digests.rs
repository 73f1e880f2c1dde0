//! Remembers the digests of large files, so that a checkpoint of many gigabytes is read whole once and not at each start.
//!
//! A digest is remembered together with a fingerprint (each file's name, size, inode and time of change). If the
//! fingerprint moved, the files are read again. The memory is only a memory: a damaged or unwritable file costs time,
//! nothing else.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

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
pub struct Digests {
    file: PathBuf,
    known: BTreeMap<PathBuf, Known>,
}

impl Digests {
    /// What is remembered in this folder, which need not exist.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let known = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, known }
    }

    /// The digest of the file or folder at `path`: the remembered one if nothing moved, else `read`, remembered.
    ///
    /// # Errors
    /// If `path` cannot be looked at, or `read` fails.
    pub fn of<D, E>(&mut self, path: &Path, read: impl FnOnce(&Path) -> Result<D, E>) -> Result<D, E>
    where
        D: std::fmt::Display + std::str::FromStr,
        E: From<Unreadable>,
    {
        let place = fs::canonicalize(path).map_err(|source| Unreadable { path: path.to_owned(), source })?;
        let fingerprint = fingerprint(&place)?;
        let known = self.known.get(&place).filter(|known| known.fingerprint == fingerprint);
        if let Some(digest) = known.and_then(|known| known.digest.parse().ok()) {
            return Ok(digest);
        }
        let digest = read(&place)?;
        self.known.insert(place, Known { fingerprint, digest: digest.to_string() });
        if let Err(error) = self.save() {
            tracing::debug!(file = %self.file.display(), %error, "digests are not remembered");
        }
        Ok(digest)
    }

    fn save(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut draft, &self.known)?;
        draft.persist(&self.file)?;
        Ok(())
    }
}

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}")]
pub struct Unreadable {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

fn fingerprint(place: &Path) -> Result<String, Unreadable> {
    let mut files = Vec::new();
    walk(place, &mut files)?;
    files.sort();
    Ok(blake3::hash(files.join("\n").as_bytes()).to_hex().to_string())
}

fn walk(path: &Path, files: &mut Vec<String>) -> Result<(), Unreadable> {
    let unreadable = |source| Unreadable { path: path.to_owned(), source };
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
    use festoon_spec::Digest;

    use super::*;

    fn read(path: &Path) -> Result<Digest, Unreadable> {
        let bytes = fs::read(path).map_err(|source| Unreadable { path: path.to_owned(), source })?;
        Ok(Digest::of(&bytes))
    }
    fn must_not_read(path: &Path) -> Result<Digest, Unreadable> {
        panic!("{} was read again", path.display())
    }

    #[test]
    fn a_file_is_read_again_only_after_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (folder.path().join("cache"), folder.path().join("lora.safetensors"));
        fs::write(&file, "one").unwrap();
        assert_eq!(Digests::open(&cache).of(&file, read).unwrap(), Digest::of(b"one"));
        assert_eq!(Digests::open(&cache).of(&file, must_not_read).unwrap(), Digest::of(b"one"));
        fs::write(&file, "three").unwrap();
        assert_eq!(Digests::open(&cache).of(&file, read).unwrap(), Digest::of(b"three"));
    }

    #[test]
    fn a_damaged_memory_costs_a_reading_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lora.safetensors");
        fs::write(&file, "one").unwrap();
        fs::write(folder.path().join(FILE), "{ half a li").unwrap();
        assert_eq!(Digests::open(folder.path()).of(&file, read).unwrap(), Digest::of(b"one"));
        assert_eq!(Digests::open(folder.path()).of(&file, must_not_read).unwrap(), Digest::of(b"one"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gone");
        let error = Digests::open(folder.path()).of(&file, read).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot read {}", file.display())), "{error}");
    }
}
