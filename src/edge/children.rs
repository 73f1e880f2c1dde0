//! What an origin tells its edges: the makers of plates and the files of the templates, so that they resolve a pick to the same
//! keys.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use festoon_spec::{BlobHash, Digest, UnixMillis};
use serde::Serialize;
use tokio::time::Instant;

use super::{Edge, EdgeError};
use crate::{
    origin::{FILE_BYTES, News, Report, Standing},
    store::StoreError,
};

/// Edges that are remembered; beyond it the one that was not heard of for longest is forgotten.
const MOST_EDGES: usize = 1000;
/// Characters of an edge's name.
const LONGEST_NAME: usize = 200;
/// Files of all templates together.
const MOST_FILES: usize = 20_000;
/// Bytes of all templates together.
const MOST_BYTES: usize = 256 << 20;
/// Folders inside each other.
const DEEPEST: usize = 8;

/// An edge as its origin knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Child {
    /// Its name.
    pub edge: String,
    /// The release that it runs.
    pub festoon: String,
    /// When it asked for news last.
    pub heard_at: UnixMillis,
    /// Whether it knows all news.
    pub is_up_to_date: bool,
}

/// The edges below, and what they are told.
#[derive(Debug, Default)]
pub(super) struct Children {
    known: Mutex<HashMap<String, Child>>,
    files: Mutex<Option<Arc<Files>>>,
}

/// The templates' files at one moment.
#[derive(Debug)]
struct Files {
    /// Which reading of the library they are.
    reading: u64,
    paths: BTreeMap<String, BlobHash>,
    bytes: HashMap<BlobHash, Bytes>,
}

impl Edge {
    /// What is new for an edge. Held open until there is something, for as long as the report says and the settings allow.
    ///
    /// # Errors
    /// If the templates' files cannot be read.
    pub async fn news(&self, report: &Report) -> Result<News, EdgeError> {
        let wait = report.wait_seconds.min(self.inner.config.limits.wait_seconds);
        let deadline = Instant::now() + Duration::from_secs(wait);
        let mut readings = self.inner.library.readings();
        loop {
            readings.mark_unchanged();
            let standing = self.standing().await?;
            let revision = standing.revision();
            let is_up_to_date = report.revision == Some(revision);
            self.heard_of(report, is_up_to_date);
            if !is_up_to_date {
                return Ok(News { revision, standing: Some(standing) });
            }
            tokio::select! {
                _ = readings.changed() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(News { revision, standing: None }),
                () = self.inner.draining.cancelled() => return Ok(News { revision, standing: None }),
            }
        }
    }

    fn heard_of(&self, report: &Report, is_up_to_date: bool) {
        let now = self.inner.clock.now();
        let shortened = |text: &str| text.chars().take(LONGEST_NAME).collect::<String>();
        let edge = shortened(&report.edge);
        let mut known = self.inner.children.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_EDGES && !known.contains_key(&edge) {
            let oldest = known.values().min_by_key(|child| child.heard_at).map(|child| child.edge.clone());
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let festoon = shortened(&report.festoon);
        known.insert(edge.clone(), Child { edge, festoon, heard_at: now, is_up_to_date });
    }

    /// The edges that asked for news, by name.
    pub fn children(&self) -> Vec<Child> {
        let known = self.inner.children.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut children: Vec<Child> = known.values().cloned().collect();
        children.sort_by(|one, other| one.edge.cmp(&other.edge));
        children
    }

    async fn standing(&self) -> Result<Standing, EdgeError> {
        let makers = self.makers();
        Ok(Standing {
            encoder: makers.encoder.clone(),
            models: makers.models.iter().map(|(name, checkpoint)| (name.clone(), checkpoint.into())).collect(),
            templates: self.files().await?.paths.clone(),
        })
    }

    /// A file of a template, by its hash; `None` if none of them has it.
    ///
    /// # Errors
    /// If the templates' files cannot be read.
    pub async fn template_file(&self, file: &Digest) -> Result<Option<Bytes>, EdgeError> {
        Ok(self.files().await?.bytes.get(&BlobHash::from_bytes(*file.as_bytes())).cloned())
    }

    /// The files of the library as it was read last. While a save has a mistake, those from before.
    async fn files(&self) -> Result<Arc<Files>, EdgeError> {
        let reading = *self.inner.library.readings().borrow();
        let before = self.inner.children.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(before) = before
            && (before.reading == reading || !self.inner.library.problems().is_clean())
        {
            return Ok(before);
        }
        let folder = self.inner.library.folder().to_owned();
        let read = tokio::task::spawn_blocking(move || Files::read(&folder, reading)).await;
        let read = read.map_err(|_| StoreError::Closing).and_then(|read| read).map_err(crate::cache::CacheError::from)?;
        let files = Arc::new(read);
        *self.inner.children.files.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&files));
        Ok(files)
    }
}

impl Files {
    fn read(folder: &Path, reading: u64) -> Result<Self, StoreError> {
        let mut files = Self { reading, paths: BTreeMap::new(), bytes: HashMap::new() };
        let mut total = 0;
        // The folder of one template stands for a folder that has only this one.
        let is_one = folder.join("template.toml").is_file();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut waiting = vec![(folder.to_owned(), if is_one { format!("{name}/") } else { String::new() }, 0)];
        while let Some((folder, prefix, depth)) = waiting.pop() {
            for (name, path) in list(&folder)? {
                let data = fs::metadata(&path).map_err(|error| StoreError::at(&path, error))?;
                if data.is_dir() && depth < DEEPEST {
                    waiting.push((path, format!("{prefix}{name}/"), depth + 1));
                } else if data.is_file() {
                    let bytes = fs::read(&path).map_err(|error| StoreError::at(&path, error))?;
                    total += bytes.len();
                    if bytes.len() > FILE_BYTES || total > MOST_BYTES || files.paths.len() >= MOST_FILES {
                        let limits = format!(
                            "the templates are more than edges take: at most {FILE_BYTES} bytes in a file, {MOST_BYTES} and {MOST_FILES} files in all"
                        );
                        return Err(StoreError::at(&path, io::Error::other(limits)));
                    }
                    let blob = BlobHash::of(&bytes);
                    files.paths.insert(format!("{prefix}{name}"), blob);
                    files.bytes.insert(blob, bytes.into());
                }
            }
        }
        Ok(files)
    }
}

/// What is in a folder, without what is hidden.
fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let failed = |error| StoreError::at(folder, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // A name that is no text is no template's.
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}
