//! The spine: answer a pick, accept an outcome.
//!
//! [`Edge::answer`] resolves a pick to its plate and looks for it: ready, refused before, or to be painted; then a job is
//! ordered, and whoever asked holds a [`Ticket`], waits, or is shown the nearest plate that is ready. One job paints a
//! plate however many ask. [`Edge::accept`] takes what a renderer hands in: bytes, then the manifest, then the row, then
//! the job ends, then waiters wake. Whatever is acknowledged is kept first.
//!
//! Knows neither HTTP nor pixels. [`Edge::clip`] makes a clip of what is shown, where something is drawn on it.

mod accept;
mod check;
mod children;
mod clip;
mod eager;
mod error;
mod images;
mod mirror;
mod nearest;
mod opened;
mod orders;
mod parts;
mod planning;
mod purging;
mod renditions;
mod reviewing;
mod still;
mod takes;
mod ticket;
mod token;
mod visitor;
mod warming;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use festoon_film::overlay::Faces;
use festoon_spec::{BlobHash, Digest, Job, JobId, Lane, Lease, LeaseRequest, Reason, RenderKey, TenantId, UnixMillis, Verdict};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::{Cache, CacheError, DrawingMemory, Entry, Loaded, Staged},
    campaign::{Campaigns, Costs},
    clock::Clock,
    compositor::Compositor,
    config::Config,
    decision::Decisions,
    makers::Makers,
    metrics,
    opinion::Opinions,
    origin::Origin,
    pick::{Pick, PickError, Resolved},
    purge::{Audit, Cdns, Takedowns},
    queue::{JobEvent, JobEventKind, JobQueue, Order, OrderId, QueueError},
    template::{Library, Template},
};

pub use crate::compositor::{Broken, Clip, CompositorError, Playing, Stills};
pub use accept::Accepted;
pub use check::Check;
pub use children::{Child, Reached};
pub use error::EdgeError;
pub use images::{KeptImage, Place};
pub use mirror::MirrorError;
pub use nearest::{StandIn, stand_ins};
pub use opened::{OpenError, Opened};
pub use purging::{Cause, Purge};
pub use renditions::{InSegments, Piece, SoundInSegments};
pub use reviewing::{Judgement, Waiting};
pub use still::Below;
pub use takes::Next;
pub use ticket::{Status, Ticket, TicketId};
pub use token::{RendererToken, TokenError};
pub use visitor::{Budget, Visitor};
pub use warming::{WarmEdge, WarmReport};

/// How often a waiting renderer asks the queue although nothing happened: a job that backs off becomes due silently.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Answers picks and accepts outcomes. Clones are the same edge.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Config>,
    library: Library,
    /// An edge's change with its origin's.
    makers: ArcSwap<Makers>,
    cache: Cache,
    queue: Arc<dyn JobQueue>,
    clock: Arc<dyn Clock>,
    /// Bytes that were put and not yet handed in, by job.
    uploads: Mutex<HashMap<JobId, Uploads>>,
    /// What draws on plates; an edge without an encoder has none.
    compositor: Option<Arc<Compositor>>,
    /// What titles are written with.
    faces: Arc<Faces>,
    drawings: DrawingMemory,
    costs: Mutex<Costs>,
    /// What people say of takes.
    opinions: Arc<Opinions>,
    /// What people decided about plates.
    decisions: Decisions,
    /// Where people bring pictures.
    desk_for_images: images::Desk,
    /// Hand-ins are taken one by one, so that the second of two equal ones finds the first one done.
    desk: tokio::sync::Mutex<()>,
    draining: CancellationToken,
    /// What an edge asks for what it lacks.
    origin: Option<Origin>,
    /// Who asks here.
    children: children::Children,
    /// What is painted ahead because somebody said so; an edge has none.
    campaigns: Arc<Campaigns>,
    /// What an edge is to have because campaigns need it.
    warmer: warming::Warmer,
    takedowns: Takedowns,
    audit: Audit,
    cdns: Cdns,
}

/// Blobs that wait for their hand-in.
#[derive(Debug, Default)]
struct Uploads {
    epoch: u32,
    blobs: HashMap<BlobHash, Staged>,
}

/// How somebody wants to be answered.
#[derive(Debug, Clone)]
pub struct How {
    /// How long to wait for a plate that is not ready.
    pub wait: Duration,
    /// Whether another plate may stand in.
    pub nearest: bool,
    /// How urgent an order is.
    pub lane: Lane,
    /// Whether an order may be taken back by [`Edge::leave`]. Who asks again and again for the same (a player that polls)
    /// does not count again and again.
    pub may_leave: bool,
    /// For whom.
    pub tenant: TenantId,
    /// Who asks, if it is somebody without a right of their own.
    pub visitor: Option<Visitor>,
}

impl Default for How {
    fn default() -> Self {
        Self {
            wait: Duration::ZERO,
            nearest: false,
            lane: Lane::Free,
            may_leave: false,
            tenant: TenantId::default(),
            visitor: None,
        }
    }
}

/// The answer to a pick.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is there.
    Ready(Shown),
    /// It is being painted; this may be shown meanwhile.
    Nearest {
        /// What is shown.
        shown: Shown,
        /// In what it differs from what was asked.
        differs: &'static str,
        /// The promise of the right one, unless the order was turned away.
        ticket: Option<Box<Ticket>>,
    },
    /// It is being painted.
    Ticket {
        /// The promise.
        ticket: Ticket,
        /// What will be there.
        resolved: Resolved,
    },
    /// It was painted and found wanting, or could not be painted.
    Refused {
        /// Why.
        reasons: Vec<Reason>,
        /// When it may be tried again.
        until: UnixMillis,
    },
    /// It is not there, and this edge orders nothing itself: the [origin](Edge::origin) answers.
    AtOrigin,
}

/// Something that can be played.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What is kept.
    pub entry: Entry,
    /// What it was made for, in canonical form.
    pub resolved: Resolved,
}

/// What is known of a pick without ordering it.
#[derive(Debug)]
enum Found {
    Ready(Box<Entry>),
    Refused { reasons: Vec<Reason>, until: UnixMillis },
    Nothing,
}

/// What became of a wish to order.
enum Placed {
    /// This job paints it; the order is the asker's own, if one was made that may be taken back.
    Job(Box<Job>, Option<OrderId>),
    /// It was handed in a moment ago.
    Kept(Box<Entry>),
}

impl Edge {
    /// Answers a pick. Orders the plate if nobody did, where the settings allow it.
    ///
    /// # Errors
    /// [`EdgeError::Pick`] if it does not resolve, [`EdgeError::NotPainted`] if nobody may order it,
    /// [`EdgeError::QueueFull`] if too much is promised already, else what failed inside.
    pub async fn answer(&self, pick: &Pick, how: &How) -> Result<Answer, EdgeError> {
        let answer = self.find_or_order(pick, how).await;
        if let Ok(answer) = &answer {
            match answer {
                Answer::Ready(_) => metrics::ready(),
                Answer::Nearest { .. } => metrics::pick("nearest"),
                Answer::Ticket { .. } => metrics::pick("ticket"),
                Answer::Refused { .. } => metrics::pick("refused"),
                Answer::AtOrigin => metrics::pick("at-origin"),
            }
        }
        answer
    }

    async fn find_or_order(&self, pick: &Pick, how: &How) -> Result<Answer, EdgeError> {
        let (template, resolved) = self.resolve(pick)?;
        // Before looking, so that nothing that happens in between is missed.
        let mut events = self.inner.queue.subscribe();
        match self.find(&resolved).await {
            Ok(Found::Ready(entry)) => return Ok(Answer::Ready(Shown { entry: *entry, resolved })),
            Ok(Found::Refused { reasons, until }) => return Ok(Answer::Refused { reasons, until }),
            Ok(Found::Nothing) => {}
            Err(error @ EdgeError::Cache(CacheError::Upstream(_))) => {
                // Without the origin an edge may still have something alike.
                let nearest = if how.nearest { self.nearest(&resolved.pick, &template).await? } else { None };
                let (shown, differs) = nearest.ok_or(error)?;
                return Ok(Answer::Nearest { shown, differs, ticket: None });
            }
            Err(error) => return Err(error),
        }
        self.check_public(how, &template, &resolved)?;
        // Who asks again for what is on its way causes nothing.
        if how.visitor.is_some() && self.inner.queue.live(&resolved.plate_key).await?.is_none() {
            self.spend(how)?;
        }
        // A title that cannot be drawn is refused before anything is painted for it.
        self.drawing(&resolved).await?;
        if self.inner.origin.is_some() {
            return Ok(Answer::AtOrigin);
        }
        let ordered = match self.order(&resolved, how).await {
            Ok(Placed::Job(job, order)) => Ok((*job, order)),
            Ok(Placed::Kept(entry)) => return Ok(Answer::Ready(Shown { entry: *entry, resolved })),
            Err(error) => Err(error),
        };
        if how.nearest
            && let Some((shown, differs)) = self.nearest(&resolved.pick, &template).await?
        {
            let ticket = match ordered {
                // Caches may show this answer to others, who shall not take the order back.
                Ok((job, _)) => Some(Box::new(Ticket::of(&job, None, None))),
                Err(EdgeError::QueueFull { .. } | EdgeError::NotPainted { .. }) => None,
                Err(error) => return Err(error),
            };
            return Ok(Answer::Nearest { shown, differs, ticket });
        }
        let (job, order) = ordered?;
        let job = self.until_ended(job, &mut events, how.wait).await?;
        if !job.is_live() {
            match self.find(&resolved).await? {
                Found::Ready(entry) => return Ok(Answer::Ready(Shown { entry: *entry, resolved })),
                Found::Refused { reasons, until } => return Ok(Answer::Refused { reasons, until }),
                Found::Nothing => {}
            }
        }
        Ok(Answer::Ticket { ticket: self.with_outlook(&job, Ticket::of(&job, order, None)).await?, resolved })
    }

    /// What there is for a pick now, without ordering anything: itself, or with `nearest` what may stand in.
    ///
    /// # Errors
    /// As [`Edge::answer`], except that nothing is ordered.
    pub async fn peek(&self, pick: &Pick, nearest: bool) -> Result<Option<Shown>, EdgeError> {
        let (template, resolved) = self.resolve(pick)?;
        match self.find(&resolved).await {
            Ok(Found::Ready(entry)) => return Ok(Some(Shown { entry: *entry, resolved })),
            // A page is shown without it.
            Ok(_) | Err(EdgeError::Cache(CacheError::Upstream(_)) | EdgeError::TakenDown) => {}
            Err(error) => return Err(error),
        }
        Ok(if nearest { self.nearest(&resolved.pick, &template).await?.map(|(shown, _)| shown) } else { None })
    }

    /// Forgets that the origin lacked the plate of a pick: it has said otherwise since.
    ///
    /// # Errors
    /// If the pick does not resolve.
    pub async fn forget_lack(&self, pick: &Pick) -> Result<(), EdgeError> {
        let (_, resolved) = self.resolve(pick)?;
        self.inner.cache.forget_lack(&resolved.plate_key).await;
        Ok(())
    }

    /// What may stand in for a pick until it is painted, and in what it differs.
    ///
    /// # Errors
    /// As [`Edge::peek`].
    pub async fn stand_in(&self, pick: &Pick) -> Result<Option<(Shown, &'static str)>, EdgeError> {
        let template = self.template(pick)?;
        self.nearest(pick, &template).await
    }

    fn template(&self, pick: &Pick) -> Result<Arc<Template>, EdgeError> {
        Ok(Arc::clone(self.inner.library.current().find(pick.template.as_str()).map_err(PickError::from)?))
    }

    async fn find(&self, resolved: &Resolved) -> Result<Found, EdgeError> {
        self.stands(resolved)?;
        let key = &resolved.plate_key;
        if let Some(reasons) = self.turned_down(key) {
            return Ok(Found::Refused { reasons, until: self.refused_until() });
        }
        if let Some(entry) = self.inner.cache.find(key).await? {
            if self.may_be_served(&entry) {
                return Ok(Found::Ready(entry.into()));
            }
            if let Verdict::Flagged { reasons } = entry.verdict {
                return Ok(Found::Refused { reasons, until: self.refused_until() });
            }
        }
        Ok(match self.inner.cache.refusal(key).await? {
            Some(refusal) => Found::Refused { reasons: refusal.reasons, until: refusal.until },
            None => Found::Nothing,
        })
    }

    fn refused_until(&self) -> UnixMillis {
        self.inner.clock.now().plus_millis(self.inner.config.cache.refused_seconds * 1000)
    }

    async fn nearest(&self, pick: &Pick, template: &Template) -> Result<Option<(Shown, &'static str)>, EdgeError> {
        for StandIn { pick, differs } in stand_ins(pick, template) {
            // A stand-in that does not resolve (a word list without that default, a missing model) stands in for nothing.
            let Ok(resolved) = self.resolve_with(&pick, template) else { continue };
            match self.find(&resolved).await {
                Ok(Found::Ready(entry)) => return Ok(Some((Shown { entry: *entry, resolved }, differs))),
                Ok(_) | Err(EdgeError::Cache(CacheError::Upstream(_)) | EdgeError::TakenDown) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Orders a plate, or finds the job that paints it already.
    async fn order(&self, resolved: &Resolved, how: &How) -> Result<Placed, EdgeError> {
        let Inner { config, queue, .. } = &*self.inner;
        let live = queue.live(&resolved.plate_key).await?;
        if let Some(job) = live {
            if job.lane <= how.lane && !how.may_leave {
                return Ok(Placed::Job(job.into(), None));
            }
        } else {
            // A job keeps its plate before it ends: if one ended since the first look, the plate is there now.
            if let Found::Ready(entry) = self.find(resolved).await? {
                return Ok(Placed::Kept(entry));
            }
            let depth = queue.depth().await?;
            if !config.on_demand.enabled {
                return Err(EdgeError::NotPainted { template: resolved.pick.template.clone() });
            }
            // What is painted before it: the plan's backlog for a month ahead is no reason to turn somebody away who waits.
            let ahead = ..=how.lane as usize;
            let promised = depth.queued_cost_millis[ahead].iter().sum::<u64>() / 1000;
            let queued: u64 = depth.queued[ahead].iter().sum();
            if queued >= config.on_demand.max_queue || promised > config.on_demand.max_wait_seconds {
                metrics::turned_away();
                return Err(EdgeError::QueueFull { queued, promised_seconds: promised });
            }
        }
        let order = Order {
            spec: resolved.plate.clone(),
            key: resolved.plate_key,
            lane: how.lane,
            tenant: how.tenant.clone(),
            due: None,
            cost_millis: self.costs().millis(&resolved.plate),
            max_attempts: config.queue.max_attempts,
            planned: false,
        };
        let ordered = queue.order(order).await?;
        Ok(Placed::Job(ordered.job.into(), ordered.order))
    }

    /// The job when it ended, or as it is after `wait`. Ends early when the server stops.
    async fn until_ended(&self, job: Job, events: &mut broadcast::Receiver<JobEvent>, wait: Duration) -> Result<Job, EdgeError> {
        let deadline = Instant::now() + wait;
        let mut job = job;
        while job.is_live() {
            let event = tokio::select! {
                event = events.recv() => event,
                () = tokio::time::sleep_until(deadline) => break,
                () = self.inner.draining.cancelled() => break,
            };
            match event {
                Ok(event) if event.job.id == job.id => job = event.job,
                Ok(_) => {}
                // Too many events passed unread, or the queue is gone: its memory is asked instead.
                Err(RecvError::Lagged(_)) => job = self.inner.queue.get(&job.id).await?.unwrap_or(job),
                Err(RecvError::Closed) => break,
            }
        }
        Ok(job)
    }

    /// The bytes of a blob, verified.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn blob(&self, blob: &BlobHash) -> Result<Option<Bytes>, EdgeError> {
        self.allowed(None, &[], Some(blob))?;
        if self.inner.decisions.withhold(blob) {
            return Ok(None);
        }
        Ok(self.inner.cache.load(blob).await?)
    }

    /// What is kept under a key and may be shown: for edges.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn entry(&self, key: &RenderKey) -> Result<Option<Entry>, EdgeError> {
        self.allowed(None, &[*key], None)?;
        let entry = self.inner.cache.find(key).await?.filter(|entry| self.may_be_served(entry));
        // An edge knows nothing of who looked.
        Ok(entry.map(|entry| Entry { verdict: Verdict::Passed, ..entry }))
    }

    /// A blob, here or on its way from the origin.
    ///
    /// # Errors
    /// If the disk fails, or the origin is needed and does not answer.
    pub async fn open_blob(&self, blob: &BlobHash) -> Result<Option<Loaded>, EdgeError> {
        self.allowed(None, &[], Some(blob))?;
        if self.inner.decisions.withhold(blob) {
            return Ok(None);
        }
        Ok(self.inner.cache.open_blob(blob).await?)
    }

    /// A blob, if it is here, and its SHA-256.
    ///
    /// # Errors
    /// If the disk fails, or it is taken down.
    pub async fn at_hand(&self, blob: &BlobHash) -> Result<Option<(Bytes, Digest)>, EdgeError> {
        self.allowed(None, &[], Some(blob))?;
        if self.inner.decisions.withhold(blob) {
            return Ok(None);
        }
        let Some(bytes) = self.inner.cache.at_hand(blob).await? else { return Ok(None) };
        let digest = self.inner.cache.sha256(blob, &bytes).await?;
        Ok(Some((bytes, digest)))
    }

    /// How far a ticket is; `None` if there is no such job, or it ended long ago.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn ticket(&self, id: &TicketId) -> Result<Option<Ticket>, EdgeError> {
        let Some(job) = self.inner.queue.get(&id.job).await? else { return Ok(None) };
        Ok(Some(self.view(&job, id.order.clone()).await?))
    }

    /// The view of a job by whoever made `order`, with the bytes' name once there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn view(&self, job: &Job, order: Option<OrderId>) -> Result<Ticket, EdgeError> {
        let entry = if job.is_live() { None } else { self.inner.cache.find(&job.key).await? };
        let ticket = Ticket::of(job, order, entry.filter(|entry| self.may_be_served(entry)).map(|entry| entry.blob));
        self.with_outlook(job, ticket).await
    }

    /// What stands before the job, and when it may be painted.
    async fn with_outlook(&self, job: &Job, ticket: Ticket) -> Result<Ticket, EdgeError> {
        let own = self.costs().millis(&job.spec);
        let (ahead, left_millis) = match ticket.status {
            Status::Queued => match self.inner.queue.ahead(&job.id).await? {
                Some(ahead) => {
                    // As many renderers as are at work now share what is ahead.
                    let renderers = self.inner.queue.depth().await?.leased.max(1);
                    (Some(ahead.jobs), Some(ahead.cost_millis / renderers + own))
                }
                None => (None, None),
            },
            Status::Painting => {
                let done = ticket.progress.map_or(0, |progress| u64::from(progress.permille.min(1000)));
                (None, Some(own * (1000 - done) / 1000))
            }
            Status::Done | Status::Failed | Status::Cancelled => (None, None),
        };
        Ok(Ticket { ahead, left_millis, ..ticket })
    }

    /// Events of jobs from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<JobEvent> {
        self.inner.queue.subscribe()
    }

    /// Takes an order back, once; the last one stops the job. `None` if there is no such job.
    ///
    /// # Errors
    /// [`EdgeError::NotYourOrder`] if the ticket is not that of an order, else if the store fails.
    pub async fn leave(&self, id: &TicketId) -> Result<Option<Ticket>, EdgeError> {
        let Some(order) = &id.order else { return Err(EdgeError::NotYourOrder { job: id.job.clone() }) };
        match self.inner.queue.leave(&id.job, order).await {
            Ok(job) => Ok(Some(self.view(&job, id.order.clone()).await?)),
            Err(QueueError::NoSuchJob(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Work for a renderer; waits for some as long as it asks and the settings allow.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<Option<Lease>, EdgeError> {
        let wait = u64::from(request.wait_seconds).min(self.inner.config.limits.wait_seconds);
        let deadline = Instant::now() + Duration::from_secs(wait);
        let mut events = self.inner.queue.subscribe();
        loop {
            if self.inner.draining.is_cancelled() {
                return Ok(None);
            }
            if let Some(lease) = self.inner.queue.lease(request).await? {
                return Ok(Some(lease));
            }
            let queued = async {
                loop {
                    match events.recv().await {
                        Ok(event) if event.kind != JobEventKind::Queued => {}
                        _ => return,
                    }
                }
            };
            tokio::select! {
                () = queued => {}
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = self.inner.draining.cancelled() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(None),
            }
        }
    }

    /// The time, as the edge sees it.
    pub fn now(&self) -> UnixMillis {
        self.inner.clock.now()
    }
    /// Where the time comes from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }
    /// The templates.
    pub fn library(&self) -> &Library {
        &self.inner.library
    }
    /// What titles are written with.
    pub fn faces(&self) -> &Arc<Faces> {
        &self.inner.faces
    }
    /// The makers of plates.
    pub fn makers(&self) -> Arc<Makers> {
        self.inner.makers.load_full()
    }
    /// What an edge asks for what it lacks; none has a server that is an origin itself.
    pub fn origin(&self) -> Option<&Origin> {
        self.inner.origin.as_ref()
    }
    /// What was made.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }
    /// What is to be made.
    pub fn queue(&self) -> &Arc<dyn JobQueue> {
        &self.inner.queue
    }
    /// What painting takes, as far as is known.
    pub fn costs(&self) -> Costs {
        self.inner.costs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// What is painted ahead because somebody said so.
    pub fn campaigns(&self) -> &Arc<Campaigns> {
        &self.inner.campaigns
    }
    /// What people decided about plates.
    pub fn decisions(&self) -> &Decisions {
        &self.inner.decisions
    }
    /// The settings.
    pub fn config(&self) -> &Arc<Config> {
        &self.inner.config
    }
    /// Ends every wait: the server stops.
    pub fn draining(&self) -> &CancellationToken {
        &self.inner.draining
    }
}
