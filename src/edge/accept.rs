//! What renderers hand in.
//!
//! A plate arrives in several requests: the bytes of each of its blobs, then the outcome that names them. The bytes wait here
//! under their job's epoch; nothing is kept before the outcome says what they are, the lease is still held, and every file was
//! looked into.

use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
};

use festoon_spec::{
    BlobHash, Failure, FailureKind, HandIn, Job, JobId, JobState, Outcome, Reason, Renewal, RenewalAnswer, Verdict,
};

use super::{Edge, EdgeError, Uploads, parts::Parts, ticket::without_folders};
use crate::{
    cache::{CacheError, Manifest, Recipe, Staged, Staging},
    metrics,
    queue::QueueError,
    store::StoreError,
};

/// Blobs that may wait for one hand-in. A plate of a minute with a window in each second has a hundred and some.
const MOST_BLOBS: usize = 1024;

/// What became of a plate that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is kept and served.
    Kept,
    /// The gate refused it: the refusal is remembered, the bytes are not.
    Refused,
    /// It was handed in before; nothing changed.
    Again,
}

impl Edge {
    /// Begins to take a plate's bytes in.
    ///
    /// # Errors
    /// [`EdgeError::LeaseLost`], or the disk is full or failing.
    pub async fn stage(&self, job: &JobId, epoch: u32) -> Result<Staging, EdgeError> {
        self.held(job, epoch).await?;
        Ok(self.inner.cache.stage(self.inner.config.limits.blob_bytes).await?)
    }

    /// Keeps a blob of a plate until it is handed in. Bytes that came for an older lease of the job are dropped.
    ///
    /// # Errors
    /// [`EdgeError::LeaseLost`]; [`EdgeError::BadOutcome`] if it is one blob too many.
    pub async fn hold(&self, job: &JobId, epoch: u32, staged: Staged) -> Result<(), EdgeError> {
        self.held(job, epoch).await?;
        let mut uploads = self.uploads();
        let waiting = uploads.entry(job.clone()).or_default();
        if waiting.epoch != epoch {
            *waiting = Uploads { epoch, blobs: HashMap::new() };
        }
        if waiting.blobs.len() >= MOST_BLOBS {
            return Err(EdgeError::BadOutcome { job: job.clone(), what: format!("it has more than {MOST_BLOBS} blobs") });
        }
        waiting.blobs.insert(staged.blob(), staged);
        Ok(())
    }

    /// Accepts a painted plate. Handing the same in twice is harmless.
    ///
    /// # Errors
    /// [`EdgeError::LeaseLost`], also if the server was started again since the bytes were put: then the job is queued
    /// again. [`EdgeError::BadOutcome`] if it is not what was ordered, which counts as a failed attempt.
    pub async fn accept(&self, job: &JobId, hand_in: HandIn) -> Result<Accepted, EdgeError> {
        // In a task of its own: a renderer that goes away in the middle must not leave half of it done.
        let (edge, id) = (self.clone(), job.clone());
        let task = tokio::spawn(async move {
            let _desk = edge.inner.desk.lock().await;
            edge.take(&id, hand_in).await
        });
        let result = match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(CacheError::from(StoreError::Closing).into()),
        };
        metrics::accepted(match &result {
            Ok(Accepted::Kept) => "kept",
            Ok(Accepted::Refused) => "refused",
            Ok(Accepted::Again) => "again",
            Err(EdgeError::LeaseLost { .. }) => "stale",
            Err(EdgeError::BadOutcome { .. }) => "wrong",
            Err(_) => "error",
        });
        result
    }

    async fn take(&self, id: &JobId, hand_in: HandIn) -> Result<Accepted, EdgeError> {
        let HandIn { epoch, outcome } = hand_in;
        let job = match self.held(id, epoch).await {
            Ok(job) => job,
            Err(EdgeError::LeaseLost { .. }) if self.ended_at(id, epoch).await? => return Ok(Accepted::Again),
            Err(error) => return Err(error),
        };
        if let Err(taken_down) = self.allowed(Some(&job.spec.template), &[job.key], Some(&outcome.blob)) {
            self.uploads().remove(id);
            self.inner.queue.fail(id, &Failure { epoch, reason: taken_down.to_string(), kind: FailureKind::Permanent }).await?;
            return Ok(Accepted::Refused);
        }
        if let Verdict::Failed { reasons } = &outcome.verdict {
            self.uploads().remove(id);
            self.inner.cache.refuse(&job.key, reasons.clone(), self.refused_until()).await?;
            let reason = reasons.iter().map(|reason| reason.detail.as_str()).collect::<Vec<_>>().join("; ");
            let failure = Failure { epoch, reason: format!("inspection: {reason}"), kind: FailureKind::Permanent };
            self.inner.queue.fail(id, &failure).await?;
            tracing::warn!(key = %job.key.short(), job = %id, reason, "a plate was refused by its inspection");
            return Ok(Accepted::Refused);
        }
        let held = self.uploads().remove(id).filter(|uploads| uploads.epoch == epoch);
        let Some((whole, parts)) = held.and_then(|uploads| sorted(uploads.blobs, &outcome)) else {
            let reason = "the server was started again between the plate's bytes and its hand-in".to_owned();
            self.inner.queue.fail(id, &Failure { epoch, reason, kind: FailureKind::Transient }).await?;
            return Err(EdgeError::LeaseLost { job: id.clone(), epoch });
        };
        if let Err(what) = self.look_into(&job, &whole, &parts, &outcome).await? {
            let failure = Failure { epoch, reason: what.clone(), kind: FailureKind::Transient };
            self.fail(id, &failure).await?;
            return Err(EdgeError::BadOutcome { job: id.clone(), what });
        }
        self.inner.costs.lock().unwrap_or_else(PoisonError::into_inner).learn(&job.spec, &outcome);
        let abilities = job.spec.needs().model.and_then(|model| self.makers().abilities(&model).cloned());
        let mut manifest = Manifest::new(Recipe::Plate(Box::new(job.spec.clone())), outcome, self.inner.clock.now());
        if let Some(abilities) = abilities {
            manifest = manifest.noting(&abilities);
        }
        let entry = self.inner.cache.keep_all(whole, parts, manifest).await?;
        self.inner.queue.complete(id, epoch).await?;
        self.begin_forms(&entry, &job.spec);
        if let Verdict::Flagged { .. } = entry.verdict {
            // Somebody will look at it.
            let (edge, entry) = (self.clone(), entry.clone());
            tokio::spawn(async move { edge.measured(&entry).await });
        }
        if self.inner.cache.is_pinned(&entry.key) {
            // Edges are told that it is there.
            self.inner.children.move_on();
        }
        tracing::info!(key = %entry.key.short(), blob = %entry.blob.short(), bytes = entry.bytes, job = %id, "a plate was kept");
        Ok(Accepted::Kept)
    }

    /// Notes that an attempt failed. A job that is given up is remembered as refused, so that the next request for it does
    /// not start all over.
    ///
    /// # Errors
    /// [`EdgeError::LeaseLost`].
    pub async fn fail(&self, id: &JobId, failure: &Failure) -> Result<(), EdgeError> {
        let job = match self.inner.queue.fail(id, failure).await {
            Ok(job) => job,
            Err(QueueError::LeaseLost { .. }) if self.ended_at(id, failure.epoch).await? => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.uploads().remove(id);
        self.remember_if_dead(&job).await
    }

    /// Keeps a lease.
    ///
    /// # Errors
    /// [`EdgeError::LeaseLost`].
    pub async fn renew(&self, id: &JobId, renewal: &Renewal) -> Result<RenewalAnswer, EdgeError> {
        Ok(self.inner.queue.renew(id, renewal).await?)
    }

    /// What has to be done every second or so: takes back leases that ran out, and drops bytes that were never handed in.
    ///
    /// # Errors
    /// If the store fails; the next call tries again.
    pub async fn reap(&self) -> Result<(), EdgeError> {
        for job in self.inner.queue.reap().await? {
            tracing::warn!(job = %job.id, key = %job.key.short(), attempts = job.attempts, "a lease ran out");
            self.remember_if_dead(&job).await?;
        }
        let waiting: Vec<(JobId, u32)> = self.uploads().iter().map(|(job, waiting)| (job.clone(), waiting.epoch)).collect();
        for (job, epoch) in waiting {
            if matches!(self.held(&job, epoch).await, Err(EdgeError::LeaseLost { .. })) {
                self.uploads().remove(&job);
            }
        }
        Ok(())
    }

    /// Whether the bytes are what the outcome says and what the job ordered; else what differs.
    async fn look_into(
        &self,
        job: &Job,
        whole: &Staged,
        parts: &[Staged],
        outcome: &Outcome,
    ) -> Result<Result<(), String>, EdgeError> {
        if let Err(error) = whole.check(outcome) {
            return Ok(Err(error.to_string()));
        }
        let files = std::iter::once(whole).chain(parts).map(|staged| (staged.blob(), staged.path().to_owned()));
        let parts = Parts { files: files.collect(), outcome: outcome.clone(), spec: job.spec.clone() };
        let compositor = self.inner.compositor.clone();
        match tokio::task::spawn_blocking(move || parts.look_into(compositor.as_deref())).await {
            Ok(looked) => Ok(looked.map_err(CacheError::from)?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(CacheError::from(StoreError::Closing).into()),
        }
    }

    async fn remember_if_dead(&self, job: &Job) -> Result<(), EdgeError> {
        if let JobState::Dead { reason } = &job.state {
            tracing::warn!(key = %job.key.short(), job = %job.id, reason, "a plate was given up");
            let reasons = vec![Reason { code: "given-up".into(), detail: without_folders(reason) }];
            self.inner.cache.refuse(&job.key, reasons, self.refused_until()).await?;
        }
        Ok(())
    }

    async fn held(&self, job: &JobId, epoch: u32) -> Result<Job, EdgeError> {
        match self.inner.queue.held(job, epoch).await {
            // A job that nobody remembers is a lease that nobody has.
            Err(QueueError::NoSuchJob(job)) => Err(EdgeError::LeaseLost { job, epoch }),
            result => Ok(result?),
        }
    }

    /// Whether the job ended with this very lease: then the caller only missed the answer.
    async fn ended_at(&self, job: &JobId, epoch: u32) -> Result<bool, EdgeError> {
        let job = self.inner.queue.get(job).await?;
        Ok(job.is_some_and(|job| job.epoch == epoch && matches!(job.state, JobState::Done | JobState::Dead { .. })))
    }

    fn uploads(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Uploads>> {
        self.inner.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole file and the other blobs that an outcome names; `None` if one was not put. What it does not name is dropped.
fn sorted(mut blobs: HashMap<BlobHash, Staged>, outcome: &Outcome) -> Option<(Staged, Vec<Staged>)> {
    let whole = blobs.remove(&outcome.blob)?;
    let named: HashSet<BlobHash> = outcome.parts().map(|part| part.blob).filter(|blob| *blob != outcome.blob).collect();
    let parts: Option<Vec<Staged>> = named.iter().map(|blob| blobs.remove(blob)).collect();
    Some((whole, parts?))
}
