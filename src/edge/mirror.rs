//! What an edge knows of its origin: templates and makers, kept in the state folder, so that it starts while the origin is away.
//!
//! ```text
//! origin/standing.json    what the origin said last
//! origin/templates/       its templates
//! ```

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use festoon_spec::{BlobHash, Digest};
use tokio::task::JoinSet;

use super::{Edge, EdgeError, warming::Warmer};
use crate::{
    cache::{Purging, UpstreamError},
    makers::Makers,
    origin::{News, Origin, Report, Seen, Standing},
    store::{StoreError, durable, make_folder},
};

/// How long the origin may hold a question for news.
const WAIT_SECONDS: u64 = 25;
/// Between two questions when the origin does not answer, or its answer cannot be used.
const PAUSE: Duration = Duration::from_secs(1);

/// Why nothing is known of the origin.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// It does not answer.
    #[error(transparent)]
    Origin(#[from] UpstreamError),
    /// What it says of a template's file cannot be a file here.
    #[error("the origin names a template's file `{path}`, which is no path inside a folder")]
    Path {
        /// As named.
        path: String,
    },
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The origin's templates and makers, as files.
#[derive(Debug)]
pub(super) struct Mirror {
    origin: Origin,
    folder: PathBuf,
    staging: PathBuf,
    revision: Option<Digest>,
    seen: Option<Seen>,
    warmer: Warmer,
}

impl Mirror {
    pub fn new(origin: Origin, state: &Path, staging: PathBuf) -> Self {
        Self { origin, folder: state.join("origin"), staging, revision: None, seen: None, warmer: Warmer::default() }
    }

    /// What pulls what campaigns need.
    pub fn warmer(&self) -> Warmer {
        self.warmer.clone()
    }

    /// The folder of the templates.
    pub fn templates(&self) -> PathBuf {
        self.folder.join("templates")
    }

    /// What stands at the origin now, else what stood there when it answered last.
    pub async fn begin(&self) -> Result<Standing, MirrorError> {
        make_folder(&self.templates())?;
        let away = match self.news(0).await {
            Ok(News { standing: Some(standing), .. }) => return Ok(standing),
            Ok(_) => UpstreamError::Wrong { what: "without saying what stands there".into() }.into(),
            Err(error) => error,
        };
        let path = self.standing_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(away),
            Err(error) => return Err(StoreError::at(&path, error).into()),
        };
        let Ok(standing) = serde_json::from_slice(&text) else { return Err(away) };
        tracing::warn!(error = %away, "the origin cannot be asked; this edge starts with what it knew");
        Ok(standing)
    }

    fn standing_file(&self) -> PathBuf {
        self.folder.join("standing.json")
    }

    /// Asks for news, and writes down what stands at the origin, if that changed.
    async fn news(&self, wait_seconds: u64) -> Result<News, MirrorError> {
        let report = Report {
            edge: self.origin.name().to_owned(),
            festoon: env!("CARGO_PKG_VERSION").to_owned(),
            revision: self.revision,
            seen: self.seen.clone(),
            warm: self.warmer.warm(),
            wait_seconds,
        };
        let news = self.origin.news(&report).await?;
        if let Some(standing) = &news.standing {
            self.take_over(standing).await?;
        }
        Ok(news)
    }

    /// Writes the files that changed, deletes those that are gone, then notes what stands.
    async fn take_over(&self, standing: &Standing) -> Result<(), MirrorError> {
        let (root, said) = (self.templates(), standing.clone());
        let missing = blocking(move || missing(&root, &said)).await?;
        // All of them before the first is written, so that templates are not seen half changed for long.
        let mut fetched = Vec::with_capacity(missing.len());
        for (path, blob) in missing {
            fetched.push((path, self.origin.template_file(&blob).await?));
        }
        let (root, said) = (self.templates(), standing.clone());
        let (staging, note) = (self.staging.clone(), self.standing_file());
        blocking(move || {
            for (path, bytes) in fetched {
                durable::write(&path, &bytes, &staging)?;
            }
            remove_others(&root, &said.templates.keys().map(|path| root.join(path)).collect())?;
            let text = serde_json::to_vec(&said).expect("it is plain data with text keys");
            Ok(durable::write(&note, &text, &staging)?)
        })
        .await
    }

    /// Follows the origin for as long as the edge runs.
    pub async fn follow(mut self, edge: Edge) {
        let mut answers = true;
        // Ends with this task.
        let mut warming = JoinSet::new();
        warming.spawn(self.warmer.clone().run(edge.clone()));
        let warmer = self.warmer.clone();
        loop {
            let heard = tokio::select! {
                heard = self.news(WAIT_SECONDS) => heard,
                // Told at once; the question that is open is asked anew.
                () = warmer.changed() => continue,
            };
            let heard = match heard {
                Ok(news) => self.act(&edge, news).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match heard {
                Ok(()) => answers = true,
                Err(error) => {
                    if std::mem::take(&mut answers) {
                        tracing::warn!(error, "the origin is not heard; what was borrowed is served");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Does as the news say. They count as known once that is done.
    async fn act(&mut self, edge: &Edge, news: News) -> Result<(), EdgeError> {
        let News { revision, standing, purges, missed, seen } = news;
        if missed {
            edge.inner.cache.distrust();
        }
        for scope in &purges {
            edge.inner.cache.purge(scope, Purging::Everything).await?;
        }
        if let Some(standing) = standing {
            edge.heed_takedowns(standing.takedowns.clone()).await?;
            edge.inner.decisions.take_over(&standing.replaced);
            self.warmer.want(standing.wanted.clone());
            edge.inner.makers.store(Arc::new(borrowed(&edge.makers(), standing)));
            edge.inner.library.reload();
            tracing::debug!("what stands at the origin was taken over");
            self.revision = Some(revision);
        }
        self.seen = Some(seen);
        Ok(())
    }
}

/// What makes plates at the origin, and clips here.
pub(super) fn borrowed(here: &Makers, standing: Standing) -> Makers {
    let models = standing.models.into_iter().map(|(name, model)| (name, model.into())).collect();
    let Makers { compositor, deriver, sounds, .. } = here.clone();
    Makers { models, encoder: standing.encoder, compositor, deriver, sounds }
}

/// The files whose bytes are not here yet.
fn missing(root: &Path, standing: &Standing) -> Result<Vec<(PathBuf, BlobHash)>, MirrorError> {
    let mut missing = Vec::new();
    for (path, blob) in &standing.templates {
        let inside = inside(path).ok_or_else(|| MirrorError::Path { path: path.chars().take(200).collect() })?;
        let path = root.join(inside);
        match fs::read(&path) {
            Ok(bytes) if BlobHash::of(&bytes) == *blob => {}
            Ok(_) => missing.push((path, *blob)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((path, *blob)),
            Err(error) => return Err(StoreError::at(&path, error).into()),
        }
    }
    Ok(missing)
}

/// Runs file work in the pool for blocking work.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, MirrorError> + Send + 'static) -> Result<T, MirrorError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closing.into()))
}

/// A path that leads nowhere but into a folder.
fn inside(path: &str) -> Option<&Path> {
    let path = Path::new(path);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.to_string_lossy().starts_with('.'));
    (path.components().count() > 1 && path.components().all(is_plain)).then_some(path)
}

/// Deletes the files of a folder that nobody wants, and the folders that become empty. Says whether anything is left.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<bool, StoreError> {
    let failed = |error| StoreError::at(folder, error);
    let mut left = false;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            if remove_others(&path, wanted)? {
                left = true;
            } else {
                fs::remove_dir(&path).map_err(|error| StoreError::at(&path, error))?;
            }
        } else if wanted.contains(&path) {
            left = true;
        } else {
            fs::remove_file(&path).map_err(|error| StoreError::at(&path, error))?;
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn an_origin_names_only_files_inside_the_folder_of_templates() {
        assert!(inside("new-year/words/en.toml").is_some());
        for path in ["/etc/passwd", "../up", "a/../../b", "a/./b/..", "a/.hidden", "template.toml", ""] {
            assert!(inside(path).is_none(), "{path}");
        }
    }
}
