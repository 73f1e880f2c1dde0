//! A job as the queue keeps it, and every change that can happen to it. Nothing here reads a clock or a disk: a store only
//! has to keep what comes out.

use std::collections::BTreeSet;

use festoon_spec::{Failure, FailureKind, Job, JobId, JobState, Lane, Lease, Needs, Progress, UnixMillis};
use serde::{Deserialize, Serialize};

use super::{Order, OrderId, Policy, QueueError, StateName};

/// Share of a job, in thousandths, past which it is finished though nobody waits any more.
const PAST_HALF: u16 = 500;
/// Orders of a job that may be taken back. Each is kept with the job; whoever comes later waits without that right.
const MOST_ORDERS: usize = 256;

/// A job and what only the queue needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub job: Job,
    /// The first order's estimate.
    pub cost_millis: u64,
    /// Grows with each change: of two copies the higher is the truth.
    pub revision: u64,
    /// Whether the plan is among those who wait.
    #[serde(default)]
    pub planned: bool,
    /// Those who wait and may leave.
    #[serde(default)]
    pub orders: BTreeSet<OrderId>,
    /// Waits until its earliest start rather than among the jobs that may be leased.
    pub delayed: bool,
    /// When it was done, dead or cancelled.
    pub ended_at: Option<UnixMillis>,
}

/// Where in its lane, and in its tenant's share of it, an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub deadline: UnixMillis,
    /// The tenant's virtual time after it, if the order uses the share.
    pub share: Option<UnixMillis>,
}

impl Turn {
    /// `share` is the tenant's virtual time in this lane before the order.
    pub fn of(order: &Order, share: UnixMillis, now: UnixMillis, policy: &Policy) -> Self {
        let start = match order.lane {
            // A pre-render that is in time keeps its date and takes nobody's turn.
            Lane::Prerender => {
                let margin = policy.prerender_margin_millis;
                let deadline = order.due.map_or(now.plus_millis(margin), |due| UnixMillis(due.0.saturating_sub(margin)));
                if deadline > now {
                    return Self { deadline, share: None };
                }
                now
            }
            Lane::Paid | Lane::Free => now,
        };
        let horizon = now.plus_millis(policy.share_horizon_millis);
        let start = start.max(share).min(horizon);
        let delay = if order.lane == Lane::Free { policy.free_delay_millis } else { 0 };
        Self { deadline: start.plus_millis(delay), share: Some(start.plus_millis(order.cost_millis).min(horizon)) }
    }
}

impl Row {
    /// The row of a job that nobody waits for yet.
    pub fn new(order: Order, id: JobId, deadline: UnixMillis, now: UnixMillis) -> Self {
        let job = Job {
            id,
            key: order.key,
            spec: order.spec,
            lane: order.lane,
            tenant: order.tenant,
            deadline,
            ordered_at: now,
            attempts: 0,
            max_attempts: order.max_attempts.max(1),
            epoch: 0,
            waiters: 0,
            progress: None,
            cancel: false,
            state: JobState::Queued { run_at: now },
        };
        let (cost_millis, orders) = (order.cost_millis, BTreeSet::new());
        Self { job, cost_millis, revision: 0, planned: false, orders, delayed: false, ended_at: None }
    }

    pub fn needs(&self) -> Needs {
        self.job.spec.needs()
    }

    /// One more waits: the plan, or whoever is given `id`. Returns what that one may leave with.
    pub fn join(&mut self, lane: Lane, deadline: UnixMillis, planned: bool, id: OrderId) -> Option<OrderId> {
        let job = &mut self.job;
        if !(planned && self.planned) {
            job.waiters = job.waiters.saturating_add(1);
        }
        self.planned |= planned;
        let may_leave = !planned && self.orders.len() < MOST_ORDERS;
        if may_leave {
            self.orders.insert(id.clone());
        }
        job.lane = job.lane.min(lane);
        job.deadline = job.deadline.min(deadline);
        job.cancel = false;
        self.revision += 1;
        may_leave.then_some(id)
    }

    pub fn claim(&mut self, renderer: &str, now: UnixMillis, policy: &Policy) -> Lease {
        let job = &mut self.job;
        job.attempts += 1;
        job.epoch += 1;
        job.progress = None;
        job.state = JobState::Leased { renderer: renderer.to_owned(), until: now.plus_millis(policy.lease_millis) };
        self.revision += 1;
        Lease {
            job: job.id.clone(),
            epoch: job.epoch,
            key: job.key,
            spec: job.spec.clone(),
            attempt: job.attempts,
            lease_millis: policy.lease_millis,
        }
    }

    /// Refuses whoever does not hold the lease.
    pub fn held(&self, epoch: u32) -> Result<(), QueueError> {
        let job = &self.job;
        if matches!(job.state, JobState::Leased { .. }) && job.epoch == epoch {
            return Ok(());
        }
        Err(QueueError::LeaseLost { job: job.id.clone(), epoch, current: job.epoch, state: StateName::of(&job.state).text() })
    }

    /// Moves the end of the lease, if there is one.
    pub fn lease_until(&mut self, end: UnixMillis) {
        if let JobState::Leased { until, .. } = &mut self.job.state {
            *until = end;
            self.revision += 1;
        }
    }

    pub fn renew(&mut self, progress: Option<Progress>, now: UnixMillis, policy: &Policy) {
        self.lease_until(now.plus_millis(policy.lease_millis));
        self.job.progress = progress.or(self.job.progress);
    }

    /// Whether this epoch's hand-in was accepted before: its answer may have been lost on the way.
    pub fn was_completed_by(&self, epoch: u32) -> bool {
        self.job.state == JobState::Done && self.job.epoch == epoch
    }

    pub fn end(&mut self, state: JobState, now: UnixMillis) {
        self.job.state = state;
        self.job.cancel = false;
        self.orders.clear();
        self.delayed = false;
        self.ended_at = Some(now);
        self.revision += 1;
    }

    pub fn fail(&mut self, failure: &Failure, now: UnixMillis, policy: &Policy) {
        if self.job.cancel {
            return self.end(JobState::Cancelled, now);
        }
        match failure.kind {
            FailureKind::Permanent => self.end(JobState::Dead { reason: failure.reason.clone() }, now),
            FailureKind::Transient => self.retry(&failure.reason, now, policy),
            FailureKind::HandedBack => {
                self.job.attempts = self.job.attempts.saturating_sub(1);
                self.queue(now, now);
            }
        }
    }

    /// The lease ran out.
    pub fn expire(&mut self, now: UnixMillis, policy: &Policy) {
        let renderer = match &self.job.state {
            JobState::Leased { renderer, .. } => renderer.clone(),
            _ => return,
        };
        if self.job.cancel {
            return self.end(JobState::Cancelled, now);
        }
        self.retry(&format!("renderer `{renderer}` was not heard of again"), now, policy);
    }

    pub fn cancel(&mut self, now: UnixMillis) {
        match self.job.state {
            JobState::Queued { .. } => self.end(JobState::Cancelled, now),
            JobState::Leased { .. } => {
                self.job.cancel = true;
                self.revision += 1;
            }
            JobState::Done | JobState::Dead { .. } | JobState::Cancelled => {}
        }
    }

    pub fn leave(&mut self, order: &OrderId, now: UnixMillis) {
        // Whoever leaves twice does not take another's place.
        if self.orders.remove(order) {
            self.one_less(now);
        }
    }

    pub fn withdraw(&mut self, now: UnixMillis) {
        if std::mem::take(&mut self.planned) {
            self.one_less(now);
        }
    }

    fn one_less(&mut self, now: UnixMillis) {
        if !self.job.is_live() {
            return;
        }
        self.job.waiters -= 1;
        self.revision += 1;
        let past_half = self.job.progress.is_some_and(|progress| progress.permille >= PAST_HALF);
        if self.job.waiters == 0 && !past_half {
            self.cancel(now);
        }
    }

    fn retry(&mut self, reason: &str, now: UnixMillis, policy: &Policy) {
        let attempts = self.job.attempts;
        if attempts >= self.job.max_attempts {
            let reason = format!("{reason} (attempt {attempts} of {})", self.job.max_attempts);
            return self.end(JobState::Dead { reason }, now);
        }
        let run_at = now.plus_millis(self.backoff(policy));
        self.queue(run_at, now);
    }

    fn queue(&mut self, run_at: UnixMillis, now: UnixMillis) {
        self.job.state = JobState::Queued { run_at };
        self.job.progress = None;
        self.delayed = run_at > now;
        self.revision += 1;
    }

    /// Doubles with each attempt, less up to a quarter, so that jobs that failed together do not come back together. The
    /// share comes from the job's name: the same after a restart.
    fn backoff(&self, policy: &Policy) -> u64 {
        let doublings = self.job.attempts.saturating_sub(1).min(32);
        let full = policy.backoff_millis.saturating_mul(1 << doublings).min(policy.backoff_limit_millis);
        let hash = blake3::Hasher::new().update(self.job.id.0.as_bytes()).update(&self.job.attempts.to_be_bytes()).finalize();
        let byte = u64::from(hash.as_bytes()[0]);
        full - full / 4 * byte / 255
    }
}
