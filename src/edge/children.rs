//! What an origin tells its edges: the makers of plates and the files of the templates, so that they resolve a pick to the same
//! keys; what must not be served; and what is purged, at once.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use festoon_spec::{BlobHash, Digest, UnixMillis};
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use super::{Edge, EdgeError};
use crate::{
    cache::Scope,
    origin::{FILE_BYTES, News, Report, Seen, Standing, Warmth},
    store::StoreError,
};

/// Edges that are remembered; beyond it the one that was not heard of for longest is forgotten.
const MOST_EDGES: usize = 1000;
/// Purges that are remembered: an edge that was away for more of them asks again for everything.
const MOST_PURGES: usize = 1000;
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
    /// What of campaigns is there.
    pub warm: BTreeMap<String, Warmth>,
    /// How many of the purges since the origin's start it took part in.
    #[serde(skip)]
    seen: u64,
}

/// The edges below, and what they are told.
#[derive(Debug)]
pub(super) struct Children {
    known: Mutex<HashMap<String, Child>>,
    files: Mutex<Option<Arc<Files>>>,
    /// Tells this start of the origin from others.
    start: String,
    purges: Mutex<Purges>,
    /// Changes with every purge, and with what stands beside the templates.
    moved: watch::Sender<u64>,
    /// Changes whenever an edge asks.
    heard: watch::Sender<u64>,
}

/// The last purges.
#[derive(Debug, Default)]
struct Purges {
    /// How many there were since the start.
    count: u64,
    last: VecDeque<Scope>,
}

impl Purges {
    /// Those behind a number; `None` if not all of them are remembered.
    fn behind(&self, number: u64) -> Option<Vec<Scope>> {
        let missing = usize::try_from(self.count.checked_sub(number)?).ok()?;
        let forgotten = self.last.len().checked_sub(missing)?;
        Some(self.last.iter().skip(forgotten).cloned().collect())
    }
}

impl Children {
    pub fn new(start: u128) -> Self {
        Self {
            known: Mutex::default(),
            files: Mutex::default(),
            start: format!("{start:032x}"),
            purges: Mutex::default(),
            moved: watch::Sender::default(),
            heard: watch::Sender::default(),
        }
    }

    /// Has every edge let go of this. Gives the number of the purge.
    pub fn purge(&self, scope: Scope) -> u64 {
        let number = {
            let mut purges = self.purges.lock().unwrap_or_else(PoisonError::into_inner);
            purges.count += 1;
            purges.last.push_back(scope);
            if purges.last.len() > MOST_PURGES {
                purges.last.pop_front();
            }
            purges.count
        };
        self.move_on();
        number
    }

    /// What stands has changed.
    pub fn move_on(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    /// Waits until every edge that was heard of since `since` has taken part in a purge, or until the deadline. Says which have.
    pub async fn reached(&self, number: u64, since: UnixMillis, deadline: Instant) -> Vec<Reached> {
        let mut heard = self.heard.subscribe();
        loop {
            heard.mark_unchanged();
            let reached: Vec<Reached> = {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let live = known.values().filter(|child| child.heard_at >= since);
                let mut reached: Vec<_> =
                    live.map(|child| Reached { edge: child.edge.clone(), reached: child.seen >= number }).collect();
                reached.sort_by(|one, other| one.edge.cmp(&other.edge));
                reached
            };
            if reached.iter().all(|edge| edge.reached) {
                return reached;
            }
            tokio::select! {
                _ = heard.changed() => {}
                () = tokio::time::sleep_until(deadline) => return reached,
            }
        }
    }
}

/// Whether an edge took part in a purge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its name.
    pub edge: String,
    /// Whether it did. One that did not does so before it serves anything else, or once it comes back.
    pub reached: bool,
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
        let children = &self.inner.children;
        let (mut readings, mut moved) = (self.inner.library.readings(), children.moved.subscribe());
        loop {
            readings.mark_unchanged();
            moved.mark_unchanged();
            let standing = self.standing().await?;
            let revision = standing.revision();
            let (count, purges) = {
                let purges = children.purges.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = report.seen.as_ref().filter(|seen| seen.start == children.start);
                (purges.count, seen.and_then(|seen| purges.behind(seen.number)))
            };
            let missed = purges.is_none();
            let purges = purges.unwrap_or_default();
            let standing = (report.revision != Some(revision)).then_some(standing);
            let is_up_to_date = standing.is_none() && purges.is_empty() && !missed;
            self.heard_of(report, is_up_to_date);
            let seen = Seen { start: children.start.clone(), number: count };
            let news = News { revision, standing, purges, missed, seen };
            if !is_up_to_date {
                return Ok(news);
            }
            tokio::select! {
                _ = readings.changed() => {}
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(news),
                () = self.inner.draining.cancelled() => return Ok(news),
            }
        }
    }

    fn heard_of(&self, report: &Report, is_up_to_date: bool) {
        let now = self.inner.clock.now();
        let children = &self.inner.children;
        let shortened = |text: &str| text.chars().take(LONGEST_NAME).collect::<String>();
        let (edge, festoon) = (shortened(&report.edge), shortened(&report.festoon));
        let seen = report.seen.as_ref().filter(|seen| seen.start == children.start).map_or(0, |seen| seen.number);
        let mut known = children.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_EDGES && !known.contains_key(&edge) {
            let oldest = known.values().min_by_key(|child| child.heard_at).map(|child| child.edge.clone());
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let warm = report.warm.clone();
        known.insert(edge.clone(), Child { edge, festoon, heard_at: now, is_up_to_date, warm, seen });
        drop(known);
        children.heard.send_modify(|count| *count += 1);
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
            takedowns: self.inner.takedowns.standing().to_vec(),
            wanted: self.wanted().await?,
            replaced: self.inner.decisions.replacements(),
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
