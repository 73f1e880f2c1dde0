//! The queue: which plate is painted next, by whom, and what becomes of a renderer that is never heard of again.
//!
//! Promises, the same for every implementation (tests/queue.rs holds each to them):
//! - **One live job per key.** Ordering a key that is queued or leased joins its job; it never paints twice at once.
//! - **One sort key.** A [virtual deadline](Order) orders all lanes: paid is due now, free in ten minutes, a pre-render
//!   before its date, each tenant with a fair share of its lane. Nothing starves: a deadline only comes closer.
//! - **Leases with epochs.** Each lease of a job has a higher epoch than the one before; whoever speaks with an older one
//!   is told [`QueueError::LeaseLost`] and changes nothing.
//! - **Attempts count at the claim**, so a plate that kills its renderer reaches the dead letter like any other.
//! - **Acknowledged is kept.** What a method returned survives a `kill -9`, a power cut and a damaged index. Progress is
//!   the exception: it is told, not kept.
//!
//! Time passes only in [`JobQueue::reap`] and [`JobQueue::lease`]; whoever runs the queue calls `reap` every second or so.

mod counts;
mod embedded;
mod journal;
mod places;
mod row;

use async_trait::async_trait;
pub use embedded::EmbeddedQueue;
use festoon_spec::{
    Failure, Job, JobId, JobState, Lane, Lease, LeaseRequest, PlateSpec, RenderKey, Renewal, RenewalAnswer, TenantId, UnixMillis,
};
pub use journal::JournalCheck;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::store::StoreError;

/// A plate that somebody wants.
///
/// Its virtual deadline is, by lane: paid, now; free, [`Policy::free_delay_millis`] from now; pre-render,
/// [`Policy::prerender_margin_millis`] before `due`, or that long from now without one. Where that is later than now plus
/// the share its tenant had already of its lane, the share counts: a tenant that floods a lane queues behind itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What to paint.
    pub spec: PlateSpec,
    /// Its key, as the caller knows it; checked.
    pub key: RenderKey,
    /// How urgent.
    pub lane: Lane,
    /// For whom.
    pub tenant: TenantId,
    /// When it must be there: pre-renders.
    pub due: Option<UnixMillis>,
    /// How long it keeps a renderer busy, about; a tenant with a larger plan may divide it by its weight.
    pub cost_millis: u64,
    /// Attempts before it is given up, at least 1.
    pub max_attempts: u32,
    /// Whether the plan orders it. The plan waits as one, however often it orders, until it [withdraws](JobQueue::withdraw).
    pub planned: bool,
}

/// One order among those that wait for a job. Nobody guesses it, so only who ordered can take the order back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(String);

impl OrderId {
    /// Hexadecimal digits of its text.
    pub const DIGITS: usize = 32;

    fn new(secret: u128) -> Self {
        Self(format!("{secret:032x}"))
    }

    /// Reads the text of one: 32 small hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        (text.len() == Self::DIGITS && is_hexadecimal(text)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is of small hexadecimal digits, as the names of jobs and orders are.
pub fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The answer to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// The job that paints it.
    pub job: Job,
    /// What takes this order back. None for the plan's, which is [withdrawn](JobQueue::withdraw), and none for the orders
    /// after the first 256 that wait for one job: those stay.
    pub order: Option<OrderId>,
    /// Whether this order made the job; else it joined one that was there.
    pub fresh: bool,
}

/// Something happened to a job. A subscriber that lags loses events and must ask [`JobQueue::get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// What happened.
    pub kind: JobEventKind,
    /// The job after it.
    pub job: Job,
}

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobEventKind {
    /// It was made, or came back after a lost lease, a failure or a hand-back. Renderers may ask.
    Queued,
    /// Another order joined or left.
    Joined,
    /// A renderer took it.
    Leased,
    /// Its renderer told progress.
    Progress,
    /// It ended: done, dead or cancelled.
    Ended,
}

/// Which jobs to list: all of these hold. The default lists everything, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<StateName>,
    /// Only of this lane.
    pub lane: Option<Lane>,
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only jobs older than this one: the next page.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: usize,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { state: None, lane: None, tenant: None, before: None, limit: 100 }
    }
}

impl JobFilter {
    /// Whether a job passes, its age aside.
    pub fn takes(&self, job: &Job) -> bool {
        self.state.is_none_or(|state| state == StateName::of(&job.state))
            && self.lane.is_none_or(|lane| lane == job.lane)
            && self.tenant.as_ref().is_none_or(|tenant| *tenant == job.tenant)
    }
}

/// A [`JobState`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateName {
    /// Waits.
    Queued,
    /// Is worked on.
    Leased,
    /// Succeeded.
    Done,
    /// Was given up.
    Dead,
    /// Was stopped.
    Cancelled,
}

impl StateName {
    /// The name of a state.
    pub fn of(state: &JobState) -> Self {
        match state {
            JobState::Queued { .. } => Self::Queued,
            JobState::Leased { .. } => Self::Leased,
            JobState::Done => Self::Done,
            JobState::Dead { .. } => Self::Dead,
            JobState::Cancelled => Self::Cancelled,
        }
    }

    /// The name on the wire and in messages.
    pub fn text(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How full the queue is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Depth {
    /// Queued jobs by lane, in the order of [`Lane::ALL`].
    pub queued: [u64; 3],
    /// Of the queued ones, those that back off.
    pub delayed: u64,
    /// Jobs that a renderer has.
    pub leased: u64,
    /// Milliseconds of a renderer that queued jobs will take, by their orders' estimates; by lane as above.
    pub queued_cost_millis: [u64; 3],
    /// Jobs that were given up and are still remembered.
    pub dead: u64,
}

/// The queue's numbers. The defaults are right for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a lease lasts without a renewal.
    pub lease_millis: u64,
    /// A free order is due so long after it was made.
    pub free_delay_millis: u64,
    /// A pre-render is due so long before its date.
    pub prerender_margin_millis: u64,
    /// A tenant's share runs ahead of the clock by no more than this, which bounds how long anybody waits behind others.
    pub share_horizon_millis: u64,
    /// Pause after the first failed attempt; doubles with each.
    pub backoff_millis: u64,
    /// Longest pause.
    pub backoff_limit_millis: u64,
    /// Live jobs that the queue takes.
    pub live_limit: u64,
    /// Ended jobs that are remembered, at most.
    pub ended_limit: u64,
    /// How long they are remembered, at most.
    pub ended_millis: u64,
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        Self {
            lease_millis: MINUTE,
            free_delay_millis: 10 * MINUTE,
            prerender_margin_millis: 24 * 60 * MINUTE,
            share_horizon_millis: 24 * 60 * MINUTE,
            backoff_millis: 10_000,
            backoff_limit_millis: 60 * MINUTE,
            live_limit: 100_000,
            ended_limit: 10_000,
            ended_millis: 7 * 24 * 60 * MINUTE,
        }
    }
}

/// What is leased before a queued job, if nothing more urgent comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ahead {
    /// Queued jobs, [`Ahead::MOST`] at most.
    pub jobs: u64,
    /// Milliseconds of a renderer that they will take, by their orders' estimates.
    pub cost_millis: u64,
}

impl Ahead {
    /// More jobs than this are not counted: nobody waits for the thousandth place to change.
    pub const MOST: u64 = 1000;
}

/// Why the queue refuses.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such job, or it ended long ago.
    #[error("there is no job `{0}`")]
    NoSuchJob(JobId),
    /// Somebody else has the lease, or the job ended.
    #[error("the lease {epoch} of job `{job}` is lost: the job is {state} at epoch {current}")]
    LeaseLost {
        /// The job.
        job: JobId,
        /// The caller's epoch.
        epoch: u32,
        /// The job's.
        current: u32,
        /// Where the job stands.
        state: &'static str,
    },
    /// The key is not the spec's.
    #[error("the key {given} is not the spec's, which is {expected}")]
    WrongKey {
        /// What the order said.
        given: RenderKey,
        /// What it should have said.
        expected: RenderKey,
    },
    /// There are too many live jobs.
    #[error("the queue is full: {limit} jobs are waiting or being painted")]
    Full {
        /// The limit.
        limit: u64,
    },
    /// The state folder failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// See the [module](self).
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Orders a plate. Joins the key's live job if there is one; its deadline and lane then become the more urgent of both,
    /// and a wish to cancel it is forgotten.
    ///
    /// # Errors
    /// [`QueueError::WrongKey`], [`QueueError::Full`].
    async fn order(&self, order: Order) -> Result<Ordered, QueueError>;

    /// Gives the most urgent job that the renderer can paint, if there is one. Does not wait: the caller waits for
    /// [`JobEventKind::Queued`] and asks again.
    ///
    /// # Errors
    /// Of the store.
    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Lease>, QueueError>;

    /// Lengthens a lease, tells progress, and asks whether to go on. A lease that ran out but that nobody reaped or took
    /// yet can be renewed.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`], [`QueueError::NoSuchJob`].
    async fn renew(&self, job: &JobId, renewal: &Renewal) -> Result<RenewalAnswer, QueueError>;

    /// The job of a lease, if the lease is held.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`], [`QueueError::NoSuchJob`].
    async fn held(&self, job: &JobId, epoch: u32) -> Result<Job, QueueError>;

    /// The plate is in the cache: ends the job.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`], [`QueueError::NoSuchJob`].
    async fn complete(&self, job: &JobId, epoch: u32) -> Result<Job, QueueError>;

    /// The attempt failed: see [`FailureKind`](festoon_spec::FailureKind) for what follows. A job that was to be cancelled
    /// ends cancelled.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`], [`QueueError::NoSuchJob`].
    async fn fail(&self, job: &JobId, failure: &Failure) -> Result<Job, QueueError>;

    /// Stops a job, whoever waits: a queued one ends at once, a leased one when its renderer next renews. Harmless on a
    /// job that ended.
    ///
    /// # Errors
    /// [`QueueError::NoSuchJob`].
    async fn cancel(&self, job: &JobId) -> Result<Job, QueueError>;

    /// Takes this order back, once. The last one leaving cancels the job, unless it is past its half. Harmless on a job that
    /// ended, and with an order that left before or that nobody made.
    ///
    /// # Errors
    /// [`QueueError::NoSuchJob`].
    async fn leave(&self, job: &JobId, order: &OrderId) -> Result<Job, QueueError>;

    /// The plan wants this key no more: its order leaves, if it has one.
    ///
    /// # Errors
    /// Of the store.
    async fn withdraw(&self, key: &RenderKey) -> Result<(), QueueError>;

    /// Takes back the jobs whose lease ran out, and forgets ended jobs that are too old or too many. Returns the jobs taken
    /// back: queued again, dead or cancelled.
    ///
    /// # Errors
    /// Of the store.
    async fn reap(&self) -> Result<Vec<Job>, QueueError>;

    /// A job, also one that ended, while it is remembered.
    ///
    /// # Errors
    /// Of the store.
    async fn get(&self, job: &JobId) -> Result<Option<Job>, QueueError>;

    /// The live job of a key.
    ///
    /// # Errors
    /// Of the store.
    async fn live(&self, key: &RenderKey) -> Result<Option<Job>, QueueError>;

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// Of the store.
    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, QueueError>;

    /// How full it is.
    ///
    /// # Errors
    /// Of the store.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// What stands before a job; `None` if it is not queued, or pauses after a failure.
    ///
    /// # Errors
    /// Of the store.
    async fn ahead(&self, job: &JobId) -> Result<Option<Ahead>, QueueError>;

    /// Events from now on.
    fn subscribe(&self) -> broadcast::Receiver<JobEvent>;
}
