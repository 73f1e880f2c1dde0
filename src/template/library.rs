//! All templates of a folder, and how they follow it while it changes.
//!
//! A saved change is picked up without a restart. A template that a save breaks stays as it was, and [`Library::problems`]
//! says why; the others move on. Readers never wait: they take the whole set as it is at one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use festoon_spec::TemplateId;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

use super::{
    Known, Report, Template,
    folder::{ReadFolder, read_all},
    reader::closest,
};

/// A folder is read again once it has been still for this long: editors and copies write several files for one save.
const STILL: Duration = Duration::from_millis(100);

/// No template has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no template `{given}`")]
pub struct UnknownTemplate {
    /// As asked, shortened.
    pub given: String,
    /// One that is written alike.
    pub alike: Option<TemplateId>,
}

impl UnknownTemplate {
    /// What would be right.
    pub fn hint(&self) -> Option<String> {
        self.alike.as_ref().map(|alike| format!("did you mean `{alike}`?"))
    }
}

/// The templates at one moment.
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<TemplateId, Arc<Template>>);

impl Templates {
    /// The template with this name.
    pub fn get(&self, id: &TemplateId) -> Option<&Arc<Template>> {
        self.0.get(id)
    }

    /// The template that a stranger calls `name`.
    ///
    /// # Errors
    /// If there is none; the error names one that is written alike.
    pub fn find(&self, name: &str) -> Result<&Arc<Template>, UnknownTemplate> {
        name.parse().ok().and_then(|id| self.0.get(&id)).ok_or_else(|| {
            let given: String = name.chars().take(80).collect();
            let alike = closest(&given, self.0.keys().map(TemplateId::as_str)).and_then(|alike| alike.parse().ok());
            UnknownTemplate { given, alike }
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Template>> {
        self.0.values()
    }
}

/// The templates of a folder; a cheap handle that may be cloned.
#[derive(Debug, Clone)]
pub struct Library(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    known: Known,
    templates: ArcSwap<Templates>,
    problems: ArcSwap<Report>,
    readings: watch::Sender<u64>,
}

impl Library {
    /// Reads the templates in `folder`.
    ///
    /// # Errors
    /// If there is a mistake in any: a server does not start with one.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Report> {
        Self::open_knowing(folder, Known::default())
    }

    /// As [`Library::open`]; what templates refer to is checked against `known`.
    ///
    /// # Errors
    /// If there is a mistake in any.
    pub fn open_knowing(folder: impl Into<PathBuf>, known: Known) -> Result<Self, Report> {
        let library = Self::open_as_it_is(folder, known);
        let problems = library.problems();
        if problems.is_clean() { Ok(library) } else { Err((*problems).clone()) }
    }

    /// As [`Library::open_knowing`], for whoever is writing them: what has a mistake is left out, and [`Library::problems`] says
    /// why.
    pub fn open_as_it_is(folder: impl Into<PathBuf>, known: Known) -> Self {
        let folder = folder.into();
        let (templates, problems) = sort(read_all(&folder, &known), &Templates::default());
        let (readings, _) = watch::channel(0);
        let (templates, problems) = (ArcSwap::from_pointee(templates), ArcSwap::from_pointee(problems));
        Self(Arc::new(Shelf { folder, known, templates, problems, readings }))
    }

    /// The templates as they are now.
    pub fn current(&self) -> Arc<Templates> {
        self.0.templates.load_full()
    }

    /// What is wrong with the files as they are now. Clean unless a save broke a template, which then is still served as it
    /// was before.
    pub fn problems(&self) -> Arc<Report> {
        self.0.problems.load_full()
    }

    /// The folder that they are read from.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Counts the readings after the first; changes when the folder was read again.
    pub fn readings(&self) -> watch::Receiver<u64> {
        self.0.readings.subscribe()
    }

    /// Reads the folder again, and says in the log what changed.
    pub fn reload(&self) {
        self.0.reload();
    }

    /// Follows the folder until the result is dropped.
    ///
    /// # Errors
    /// If the system cannot watch it.
    pub fn watch(&self) -> Result<Watch, WatchError> {
        let folder = &self.0.folder;
        let failed = |source| WatchError { folder: folder.clone(), source };
        let (send, changes) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(send).map_err(failed)?;
        watcher.watch(folder, RecursiveMode::Recursive).map_err(failed)?;
        let shelf = Arc::downgrade(&self.0);
        let follow = move || {
            while let Ok(change) = changes.recv() {
                let mut changed = matters(change);
                while let Ok(change) = changes.recv_timeout(STILL) {
                    changed |= matters(change);
                }
                match shelf.upgrade() {
                    Some(shelf) if changed => shelf.reload(),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        thread::Builder::new().name("templates".into()).spawn(follow).map_err(|error| failed(notify::Error::io(error)))?;
        Ok(Watch { _watcher: watcher })
    }
}

/// Whether a change can have moved what is read. Reading the files is a change too, which must not lead to another reading.
/// An error of the watcher may have swallowed changes.
fn matters(change: notify::Result<notify::Event>) -> bool {
    match change {
        Ok(event) => !event.kind.is_access(),
        Err(error) => {
            tracing::warn!(%error, "the watch over the templates has a gap");
            true
        }
    }
}

impl Shelf {
    fn reload(&self) {
        let before = self.templates.load_full();
        let (templates, problems) = sort(read_all(&self.folder, &self.known), &before);
        for line in problems.lines() {
            tracing::warn!(problem = line, "a template has a mistake: what was there before is kept");
        }
        for template in templates.iter() {
            if before.get(&template.id).is_none_or(|old| old.revision != template.revision) {
                tracing::info!(template = %template.id, revision = template.revision.short(), "template read again");
            }
        }
        for gone in before.iter().filter(|old| templates.get(&old.id).is_none()) {
            tracing::info!(template = %gone.id, "template removed");
        }
        self.templates.store(Arc::new(templates));
        self.problems.store(Arc::new(problems));
        self.readings.send_modify(|count| *count += 1);
    }
}

/// Puts what was read together with what must be kept: a template with a mistake as it was before, and all of them if the
/// folder itself cannot be read.
fn sort(read: Vec<ReadFolder>, before: &Templates) -> (Templates, Report) {
    let mut templates = BTreeMap::new();
    let mut problems = Report::default();
    let mut broken = BTreeSet::new();
    for (name, read) in read {
        match read {
            Ok(template) => {
                let unchanged = before.get(&template.id).filter(|old| old.revision == template.revision);
                templates.insert(template.id.clone(), unchanged.cloned().unwrap_or_else(|| Arc::new(template)));
            }
            Err(mistakes) => {
                problems.mistakes.extend(mistakes);
                broken.insert(name);
            }
        }
    }
    for old in before.iter().filter(|old| broken.contains("") || broken.contains(old.id.as_str())) {
        templates.entry(old.id.clone()).or_insert_with(|| old.clone());
    }
    (Templates(templates), problems)
}

/// Keeps a [`Library`] up to date while it lives.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// The system cannot watch a folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {folder} for changes: {source}")]
pub struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

impl WatchError {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
