//! Letting go of what somebody names, everywhere: here, at the edges, in the CDNs in front.
//!
//! The order matters: first what must not come back is written down, then it goes here, then at the edges, then in the CDNs, so that
//! none of them fetches again what the one behind it still has.

use std::time::Duration;

use festoon_spec::{BlobHash, RenderKey, TemplateId};
use serde::Serialize;
use tokio::time::Instant;

use super::{Edge, EdgeError, children::Reached};
use crate::{
    cache::{CacheError, Purged, Purging, Scope},
    pick::Resolved,
    purge::{AuditLine, Selector, Tag, Takedown, Told, add_digest, tags},
    queue::{JobFilter, QueueError, StateName},
    store::StoreError,
};

/// How long edges get to say that they let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// An edge that was not heard of for so long is not waited for: it holds a question open for 25 seconds.
pub(super) const SILENT_MILLIS: u64 = 60_000;

/// Who wants something to go, and why.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'a> {
    /// As somebody said.
    pub reason: &'a str,
    /// The address that asked.
    pub by: &'a str,
}

/// How far a purge or a takedown came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purge {
    /// By which a takedown is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takedown: Option<String>,
    /// What is gone here.
    pub here: Purged,
    /// The edges that were heard of in the last minute.
    pub edges: Vec<Reached>,
    /// The CDNs in front.
    pub cdns: Vec<Told>,
}

impl Edge {
    /// Lets go of copies, and of what was made of plates, everywhere.
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`]; if the disk fails.
    pub async fn purge(&self, what: &[Selector], cause: Cause<'_>) -> Result<Purge, EdgeError> {
        let scope = self.scope(what)?;
        self.note("purge", what, cause, None).await?;
        self.let_go(scope, Purging::Copies, None).await
    }

    /// Deletes what is named, plates included, and lets nobody have it until it is lifted.
    ///
    /// # Errors
    /// As [`Edge::purge`]; [`EdgeError::TooWide`] if a whole locale is named.
    pub async fn take_down(&self, what: &[Selector], cause: Cause<'_>) -> Result<Purge, EdgeError> {
        let scope = self.scope(what)?;
        if !scope.locales.is_empty() {
            return Err(EdgeError::TooWide);
        }
        let scope = self.inner.cache.widen(scope).await?;
        let now = self.inner.clock.now();
        let id = uuid::Uuid::new_v4().simple().to_string();
        self.note("takedown", what, cause, Some(&id)).await?;
        let reason = cause.reason.to_owned();
        let takedown = Takedown { id: id.clone(), at: now, reason, what: what.to_vec(), scope: scope.clone() };
        let takedowns = self.inner.takedowns.clone();
        blocking(move || takedowns.add(takedown)).await?;
        self.stop_painting(&scope).await?;
        self.let_go(scope, Purging::Everything, Some(id)).await
    }

    /// Lets a takedown go: what it meant may be ordered again. `None` if there is none of this name.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn lift(&self, id: &str, cause: Cause<'_>) -> Result<Option<Takedown>, EdgeError> {
        let (takedowns, name) = (self.inner.takedowns.clone(), id.to_owned());
        let lifted = blocking(move || takedowns.lift(&name)).await?;
        if let Some(lifted) = &lifted {
            self.note("lift", &lifted.what, cause, Some(id)).await?;
            self.inner.children.move_on();
        }
        Ok(lifted)
    }

    /// The takedowns that stand.
    pub fn takedowns(&self) -> Vec<Takedown> {
        self.inner.takedowns.standing().to_vec()
    }

    /// Takes over what the origin took down.
    pub(super) async fn heed_takedowns(&self, theirs: Vec<Takedown>) -> Result<(), EdgeError> {
        let takedowns = self.inner.takedowns.clone();
        for fresh in blocking(move || takedowns.take_over(theirs)).await? {
            self.inner.cache.purge(&fresh.scope, Purging::Everything).await?;
        }
        Ok(())
    }

    /// Whether a pick may be had.
    pub(super) fn stands(&self, resolved: &Resolved) -> Result<(), EdgeError> {
        self.allowed(Some(&resolved.pick.template), &[resolved.plate_key, resolved.film.key(), resolved.clip_key], None)
    }

    /// Whether any of this is taken down.
    pub(super) fn allowed(
        &self,
        template: Option<&TemplateId>,
        keys: &[RenderKey],
        blob: Option<&BlobHash>,
    ) -> Result<(), EdgeError> {
        if self.inner.takedowns.mean(template, keys, blob) { Err(EdgeError::TakenDown) } else { Ok(()) }
    }

    pub(super) async fn let_go(&self, scope: Scope, purging: Purging, takedown: Option<String>) -> Result<Purge, EdgeError> {
        let here = self.inner.cache.purge(&scope, purging).await?;
        let tags = tags(&scope);
        let number = self.inner.children.purge(scope);
        let since = self.inner.clock.now().0.saturating_sub(SILENT_MILLIS);
        let edges = self.inner.children.reached(number, festoon_spec::UnixMillis(since), Instant::now() + PATIENCE).await;
        let cdns = self.inner.cdns.purge(&tags).await;
        tracing::info!(entries = here.entries, bytes = here.bytes, edges = edges.len(), cdns = cdns.len(), ?purging, "let go");
        Ok(Purge { takedown, here, edges, cdns })
    }

    /// Jobs of what is taken down end.
    async fn stop_painting(&self, scope: &Scope) -> Result<(), EdgeError> {
        for state in [StateName::Queued, StateName::Leased] {
            let filter = JobFilter { state: Some(state), limit: usize::MAX, ..JobFilter::default() };
            for job in self.inner.queue.list(&filter).await? {
                if scope.templates.contains(&job.spec.template) || scope.keys.contains(&job.key) {
                    match self.inner.queue.cancel(&job.id).await {
                        Ok(_) | Err(QueueError::NoSuchJob(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }

    fn scope(&self, what: &[Selector]) -> Result<Scope, EdgeError> {
        let mut scope = Scope::default();
        for selector in what {
            match selector {
                Selector::Template(template) => drop(scope.templates.insert(template.clone())),
                Selector::Tag(Tag::Template(template)) => drop(scope.templates.insert(template.clone())),
                Selector::Tag(Tag::Locale(locale)) => drop(scope.locales.insert(locale.clone())),
                Selector::Tag(Tag::Key(key)) => drop(scope.keys.insert(*key)),
                Selector::Tag(Tag::Blob(blob)) => drop(scope.blobs.insert(*blob)),
                Selector::Campaign(campaign) | Selector::Tag(Tag::Campaign(campaign)) => {
                    scope.keys.extend(self.plates_of_campaign(campaign)?);
                }
                Selector::Digest(digest) => add_digest(&mut scope, digest),
            }
        }
        Ok(scope)
    }

    /// The plates that a campaign wants, the most wanted first.
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`], also if its file has a mistake.
    pub fn plates_of_campaign(&self, id: &str) -> Result<Vec<RenderKey>, EdgeError> {
        let matrix = self.matrix_of(&self.campaign(id)?)?;
        Ok(matrix.cells.iter().map(|cell| cell.key).collect())
    }

    async fn note(&self, action: &str, what: &[Selector], cause: Cause<'_>, takedown: Option<&str>) -> Result<(), EdgeError> {
        let line = AuditLine { at: self.inner.clock.now(), action, what, reason: cause.reason, by: cause.by, takedown };
        let (audit, line) = (self.inner.audit.clone(), line.text());
        blocking(move || audit.append(&line)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, EdgeError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closing));
    Ok(done.map_err(CacheError::from)?)
}
