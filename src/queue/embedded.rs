//! The queue of one machine: rows in the index of the state folder, truth in the [journal](super::journal).
//!
//! One process owns the folder, so one lock takes the changes in turns; a turn reads, decides, makes one transaction and
//! hands its rows to the journal. Waiting for the disk happens after the turn, so that many changes share one sync.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use festoon_spec::{Failure, Job, JobId, JobState, Lease, LeaseRequest, RenderKey, Renewal, RenewalAnswer, UnixMillis};
use tokio::sync::broadcast;

use super::{
    Ahead, Depth, JobEvent, JobEventKind, JobFilter, JobQueue, Order, OrderId, Ordered, Policy, QueueError,
    counts::Counts,
    journal::{Journal, JournalCheck, Kept},
    places::{ahead, dangling, place, share_key, split, write},
    row::{Row, Turn},
};
use crate::{
    clock::{Clock, Ids},
    store::{Batch, Comparison, Index, IndexError, Rebuild, Store, StoreError, Table, encode},
};

/// Events that a slow subscriber may be behind.
const EVENTS: usize = 4096;
/// Rows that one turn moves in bulk (promotions, expired leases, forgotten jobs), so that no turn is long.
const AT_ONCE: usize = 256;

/// The embedded [`JobQueue`].
#[derive(Debug)]
pub struct EmbeddedQueue {
    store: Store,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    policy: Policy,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    journal: Journal,
    /// Whoever holds it has the turn. `None` means that they must be counted anew.
    counts: Mutex<Option<Counts>>,
    events: broadcast::Sender<JobEvent>,
}

/// One turn: what it found, what it wants changed.
struct Change<'a> {
    index: &'a Index,
    room: &'a Room,
    counts: &'a Counts,
    now: UnixMillis,
    batch: Batch,
    moves: Vec<Move>,
}

struct Move {
    old: Option<Row>,
    new: Option<Row>,
    /// What subscribers are told; changes that are not told are not journalled either, since nobody was promised them.
    event: Option<JobEventKind>,
}

impl Change<'_> {
    fn find(&self, id: &JobId) -> Result<Option<Row>, IndexError> {
        self.index.read(Table::Jobs, id.0.as_bytes())
    }

    fn live(&self, key: &RenderKey) -> Result<Option<Row>, IndexError> {
        match self.index.get(Table::Live, key.as_bytes())? {
            Some(id) => self.index.read(Table::Jobs, &id),
            None => Ok(None),
        }
    }

    fn put(&mut self, old: Option<Row>, new: Row, event: Option<JobEventKind>) {
        write(&mut self.batch, old.as_ref(), &new);
        self.moves.push(Move { old, new: Some(new), event });
    }

    fn forget(&mut self, old: Row) {
        let (table, key, _) = place(&old);
        self.batch.remove(table, key);
        self.batch.remove(Table::Jobs, old.job.id.0.as_bytes());
        self.moves.push(Move { old: Some(old), new: None, event: None });
    }

    /// The first rows of a table whose time is not after `until`.
    fn before(&self, table: Table, until: UnixMillis) -> Result<Vec<Row>, IndexError> {
        let mut rows = Vec::new();
        self.index.visit(table, &[], &[], |key, _| {
            let (at, id) = split(key)?;
            if at > until || rows.len() == AT_ONCE {
                return Ok(ControlFlow::Break(()));
            }
            rows.push(self.find(&id)?.ok_or_else(|| dangling(table, &id))?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The last rows of a table, if their time is after `limit`: times that the clock, set back since, cannot have meant.
    fn after(&self, table: Table, limit: UnixMillis) -> Result<Vec<Row>, IndexError> {
        let mut rows = Vec::new();
        self.index.visit(table, &[], &limit.plus_millis(1).0.to_be_bytes(), |key, _| {
            let (_, id) = split(key)?;
            rows.push(self.find(&id)?.ok_or_else(|| dangling(table, &id))?);
            Ok(if rows.len() == AT_ONCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(rows)
    }
}

/// What a turn decided, inside what the index said.
type Decided<T> = Result<Result<T, QueueError>, IndexError>;

impl Room {
    fn turn(&self) -> MutexGuard<'_, Option<Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn, commits, and returns the answer with what must still reach the disk.
    fn decide<T>(&self, index: &Index, decide: impl Fn(&mut Change<'_>) -> Decided<T>) -> Decided<(T, Vec<Kept>)> {
        let mut turn = self.turn();
        let counts = match turn.take() {
            Some(counts) => turn.insert(counts),
            None => turn.insert(Counts::of(index)?),
        };
        let now = self.clock.now();
        let mut change = Change { index, room: self, counts, now, batch: Batch::default(), moves: Vec::new() };
        let answer = match decide(&mut change)? {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let Change { batch, moves, .. } = change;
        index.commit(&batch)?;
        let mut kept = Vec::new();
        for Move { old, new, event } in moves {
            if let Some(old) = &old {
                counts.take(old);
            }
            let Some(new) = new else { continue };
            counts.add(&new);
            let Some(kind) = event else { continue };
            if kind != JobEventKind::Progress {
                kept.push(self.journal.append(&new));
            }
            // Nobody may be listening.
            let _ = self.events.send(JobEvent { kind, job: new.job });
        }
        drop(turn);
        if !kept.is_empty() {
            index.flush()?;
        }
        Ok(Ok((answer, kept)))
    }
}

/// Makes the index agree with the journal: of two copies of a job, the later counts.
#[derive(Debug)]
struct FromJournal(Arc<Room>);

impl Rebuild for FromJournal {
    fn name(&self) -> &'static str {
        "queue"
    }

    /// Always: a job's revision is in its row, so finding out costs as much as making it so.
    fn compare(&self, _index: &Index) -> Result<Comparison, IndexError> {
        Ok(Comparison::Behind)
    }

    fn rebuild(&self, index: &Index) -> Result<(), IndexError> {
        let room = &self.0;
        let now = room.clock.now();
        let mut turn = room.turn();
        let rows = room.journal.read()?;
        // In a fresh index ended jobs come back as well; in another one those that it lacks were forgotten on purpose.
        let fresh = index.first(Table::Jobs, &[])?.is_none();
        let known: HashMap<JobId, u64> = rows.iter().map(|row| (row.job.id.clone(), row.revision)).collect();
        let mut missing = 0;
        for mut row in rows {
            let old: Option<Row> = index.read(Table::Jobs, row.job.id.0.as_bytes())?;
            if old.as_ref().is_some_and(|old| old.revision >= row.revision) {
                continue;
            }
            if old.is_none() && !row.job.is_live() && !fresh {
                continue;
            }
            missing += 1;
            if let JobState::Leased { until, .. } = &mut row.job.state {
                // Renewals are not in the journal.
                *until = now.plus_millis(room.policy.lease_millis);
            }
            let mut batch = Batch::default();
            write(&mut batch, old.as_ref(), &row);
            index.commit(&batch)?;
        }
        if missing > 0 {
            tracing::warn!(jobs = missing, "the index lacked changes of the queue; they were taken from the journal");
        }
        // What a crash left between index and journal, so that the next change of it is not the first the journal hears.
        index.visit(Table::Live, &[], &[], |_, id| {
            if let Some(row) = index.read::<Row>(Table::Jobs, id)?
                && known.get(&row.job.id).is_none_or(|revision| *revision < row.revision)
            {
                room.journal.append(&row);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        *turn = None;
        Ok(())
    }
}

impl EmbeddedQueue {
    /// Opens the queue of a state folder, once per store: the journal has one writer. Leases of before last on, for as long as a fresh one: a server that was away does
    /// not take the plates that were painted meanwhile from their renderers. Blocks.
    ///
    /// # Errors
    /// If the journal or the index cannot be read or written.
    pub fn open(store: &Store, policy: Policy, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, StoreError> {
        let staging = store.staging();
        let journal = Journal::open(&Self::journal(store.folder()), &staging)?;
        let (events, _) = broadcast::channel(EVENTS);
        let room = Arc::new(Room { policy, clock, ids, journal, counts: Mutex::default(), events });
        store.attach(Arc::new(FromJournal(Arc::clone(&room))))?;
        let queue = Self { store: store.clone(), room };
        queue.lengthen_leases()?;
        Ok(queue)
    }

    /// Reads the journal of a state folder and changes nothing. Blocks.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn check_journal(state: &Path) -> Result<JournalCheck, StoreError> {
        JournalCheck::of(&Self::journal(state))
    }

    /// The file that the queue is kept in.
    fn journal(state: &Path) -> std::path::PathBuf {
        state.join("journal").join("queue.jsonl")
    }

    fn lengthen_leases(&self) -> Result<(), StoreError> {
        let room = &self.room;
        let until = room.clock.now().plus_millis(room.policy.lease_millis);
        self.store.run_blocking(|index| {
            let mut leased = Vec::new();
            index.visit(Table::Leases, &[], &[], |key, _| {
                leased.push(split(key)?.1);
                Ok(ControlFlow::Continue(()))
            })?;
            for id in leased {
                let lengthened = room.decide(index, |change| {
                    let old = change.find(&id)?.ok_or_else(|| dangling(Table::Leases, &id))?;
                    let mut row = old.clone();
                    row.lease_until(until);
                    change.put(Some(old), row, None);
                    Ok(Ok(()))
                })?;
                debug_assert!(lengthened.is_ok(), "nothing is refused here");
            }
            Ok(())
        })
    }

    async fn change<T, F>(&self, decide: F) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: Fn(&mut Change<'_>) -> Decided<T> + Send + 'static,
    {
        let room = Arc::clone(&self.room);
        let (answer, kept) = self.store.run(move |index| room.decide(index, &decide)).await??;
        for line in kept {
            line.wait().await?;
        }
        Ok(answer)
    }

    /// Changes one job, if `apply` lets it.
    async fn change_job<T, F>(&self, id: &JobId, apply: F) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: Fn(&mut Row, UnixMillis, &Policy) -> Result<(T, JobEventKind), QueueError> + Send + 'static,
    {
        let id = id.clone();
        self.change(move |change| {
            let Some(old) = change.find(&id)? else { return Ok(Err(QueueError::NoSuchJob(id.clone()))) };
            let mut row = old.clone();
            match apply(&mut row, change.now, &change.room.policy) {
                Ok((answer, event)) => {
                    if row != old {
                        change.put(Some(old), row, Some(event));
                    }
                    Ok(Ok(answer))
                }
                Err(error) => Ok(Err(error)),
            }
        })
        .await
    }
}

/// What subscribers are told after a change that may have ended or queued a job.
fn event(job: &Job) -> JobEventKind {
    match job.state {
        JobState::Queued { .. } => JobEventKind::Queued,
        JobState::Leased { .. } => JobEventKind::Joined,
        JobState::Done | JobState::Dead { .. } | JobState::Cancelled => JobEventKind::Ended,
    }
}

#[async_trait]
impl JobQueue for EmbeddedQueue {
    async fn order(&self, order: Order) -> Result<Ordered, QueueError> {
        let expected = order.spec.key();
        if order.key != expected {
            return Err(QueueError::WrongKey { given: order.key, expected });
        }
        self.change(move |change| {
            let policy = &change.room.policy;
            let share_key = share_key(order.lane, &order.tenant);
            let share = change.index.read(Table::Shares, &share_key)?.unwrap_or_default();
            let turn = Turn::of(&order, share, change.now, policy);
            let id = OrderId::new(change.room.ids.secret());
            if let Some(old) = change.live(&order.key)? {
                let mut row = old.clone();
                let order = row.join(order.lane, turn.deadline, order.planned, id);
                let job = row.job.clone();
                change.put(Some(old), row, Some(JobEventKind::Joined));
                return Ok(Ok(Ordered { job, order, fresh: false }));
            }
            if change.counts.live() >= policy.live_limit {
                return Ok(Err(QueueError::Full { limit: policy.live_limit }));
            }
            if let Some(share) = turn.share {
                change.batch.put(Table::Shares, share_key, encode(&share));
            }
            let mut row = Row::new(order.clone(), change.room.ids.next(change.now), turn.deadline, change.now);
            let order = row.join(order.lane, turn.deadline, order.planned, id);
            let job = row.job.clone();
            change.put(None, row, Some(JobEventKind::Queued));
            Ok(Ok(Ordered { job, order, fresh: true }))
        })
        .await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Lease>, QueueError> {
        self.promote().await?;
        let request = request.clone();
        self.change(move |change| {
            let mut best: Option<(UnixMillis, JobId)> = None;
            for (key, (needs, _)) in &change.counts.ready {
                if request.capabilities.meet(needs)
                    && let Some(first) = change.index.first(Table::Ready, key)?
                {
                    let candidate = split(&first[key.len()..])?;
                    if best.as_ref().is_none_or(|best| candidate < *best) {
                        best = Some(candidate);
                    }
                }
            }
            let Some((_, id)) = best else { return Ok(Ok(None)) };
            let old = change.find(&id)?.ok_or_else(|| dangling(Table::Ready, &id))?;
            let mut row = old.clone();
            let lease = row.claim(&request.renderer, change.now, &change.room.policy);
            change.put(Some(old), row, Some(JobEventKind::Leased));
            Ok(Ok(Some(lease)))
        })
        .await
    }

    async fn renew(&self, job: &JobId, renewal: &Renewal) -> Result<RenewalAnswer, QueueError> {
        let renewal = renewal.clone();
        self.change_job(job, move |row, now, policy| {
            row.held(renewal.epoch)?;
            row.renew(renewal.progress, now, policy);
            Ok((RenewalAnswer { cancel: row.job.cancel, lease_millis: policy.lease_millis }, JobEventKind::Progress))
        })
        .await
    }

    async fn held(&self, job: &JobId, epoch: u32) -> Result<Job, QueueError> {
        let id = job.clone();
        let row: Option<Row> = self.store.run(move |index| index.read(Table::Jobs, id.0.as_bytes())).await?;
        let row = row.ok_or_else(|| QueueError::NoSuchJob(job.clone()))?;
        row.held(epoch)?;
        Ok(row.job)
    }

    async fn complete(&self, job: &JobId, epoch: u32) -> Result<Job, QueueError> {
        self.change_job(job, move |row, now, _| {
            if !row.was_completed_by(epoch) {
                row.held(epoch)?;
                row.end(JobState::Done, now);
            }
            Ok((row.job.clone(), JobEventKind::Ended))
        })
        .await
    }

    async fn fail(&self, job: &JobId, failure: &Failure) -> Result<Job, QueueError> {
        let failure = failure.clone();
        self.change_job(job, move |row, now, policy| {
            row.held(failure.epoch)?;
            row.fail(&failure, now, policy);
            Ok((row.job.clone(), event(&row.job)))
        })
        .await
    }

    async fn cancel(&self, job: &JobId) -> Result<Job, QueueError> {
        self.change_job(job, |row, now, _| {
            row.cancel(now);
            Ok((row.job.clone(), event(&row.job)))
        })
        .await
    }

    async fn withdraw(&self, key: &RenderKey) -> Result<(), QueueError> {
        let key = *key;
        self.change(move |change| {
            let Some(old) = change.live(&key)?.filter(|row| row.planned) else { return Ok(Ok(())) };
            let mut row = old.clone();
            row.withdraw(change.now);
            let told = if row.job.is_live() { JobEventKind::Joined } else { JobEventKind::Ended };
            change.put(Some(old), row, Some(told));
            Ok(Ok(()))
        })
        .await
    }

    async fn leave(&self, job: &JobId, order: &OrderId) -> Result<Job, QueueError> {
        let order = order.clone();
        self.change_job(job, move |row, now, _| {
            row.leave(&order, now);
            let told = if row.job.is_live() { JobEventKind::Joined } else { JobEventKind::Ended };
            Ok((row.job.clone(), told))
        })
        .await
    }

    async fn reap(&self) -> Result<Vec<Job>, QueueError> {
        self.promote().await?;
        self.forget().await?;
        self.change(|change| {
            let policy = &change.room.policy;
            let latest = change.now.plus_millis(policy.lease_millis);
            for old in change.after(Table::Leases, latest)? {
                let mut row = old.clone();
                row.lease_until(latest);
                change.put(Some(old), row, None);
            }
            let mut back = Vec::new();
            for old in change.before(Table::Leases, change.now)? {
                let mut row = old.clone();
                row.expire(change.now, policy);
                back.push(row.job.clone());
                let told = event(&row.job);
                change.put(Some(old), row, Some(told));
            }
            Ok(Ok(back))
        })
        .await
    }

    async fn get(&self, job: &JobId) -> Result<Option<Job>, QueueError> {
        let id = job.clone();
        let row: Option<Row> = self.store.run(move |index| index.read(Table::Jobs, id.0.as_bytes())).await?;
        Ok(row.map(|row| row.job))
    }

    async fn live(&self, key: &RenderKey) -> Result<Option<Job>, QueueError> {
        let key = *key;
        let row: Option<Row> = self
            .store
            .run(move |index| match index.get(Table::Live, key.as_bytes())? {
                Some(id) => index.read(Table::Jobs, &id),
                None => Ok(None),
            })
            .await?;
        Ok(row.map(|row| row.job))
    }

    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, QueueError> {
        let filter = filter.clone();
        let jobs = self
            .store
            .run(move |index| {
                let mut jobs = Vec::new();
                let below = filter.before.as_ref().map(|id| id.0.as_bytes());
                index.visit_down(Table::Jobs, below, |_, value| {
                    if jobs.len() >= filter.limit {
                        return Ok(ControlFlow::Break(()));
                    }
                    let job = crate::store::decode::<Row>(value)?.job;
                    if filter.takes(&job) {
                        jobs.push(job);
                    }
                    Ok(ControlFlow::Continue(()))
                })?;
                Ok(jobs)
            })
            .await?;
        Ok(jobs)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.change(|change| Ok(Ok(change.counts.depth.clone()))).await
    }

    async fn ahead(&self, job: &JobId) -> Result<Option<Ahead>, QueueError> {
        let id = job.clone();
        self.change(move |change| match change.find(&id)? {
            Some(row) if !row.delayed && matches!(row.job.state, JobState::Queued { .. }) => {
                Ok(Ok(Some(ahead(change.index, change.counts, &row)?)))
            }
            _ => Ok(Ok(None)),
        })
        .await
    }

    fn subscribe(&self) -> broadcast::Receiver<JobEvent> {
        self.room.events.subscribe()
    }
}

impl EmbeddedQueue {
    /// Lets jobs whose pause is over be leased.
    async fn promote(&self) -> Result<(), QueueError> {
        self.change(|change| {
            let mut rows = change.before(Table::Delayed, change.now)?;
            rows.extend(change.after(Table::Delayed, change.now.plus_millis(change.room.policy.backoff_limit_millis))?);
            for old in rows {
                let mut row = old.clone();
                row.delayed = false;
                row.revision += 1;
                change.put(Some(old), row, None);
            }
            Ok(Ok(()))
        })
        .await
    }

    /// Drops ended jobs that are too old or too many, and shares that time has caught up with.
    async fn forget(&self) -> Result<(), QueueError> {
        self.change(|change| {
            let policy = &change.room.policy;
            let surplus = change.counts.ended.saturating_sub(policy.ended_limit);
            let surplus = usize::try_from(surplus).unwrap_or(usize::MAX);
            let old = UnixMillis(change.now.0.saturating_sub(policy.ended_millis));
            let until = if surplus > 0 { UnixMillis(u64::MAX) } else { old };
            for (position, row) in change.before(Table::Ended, until)?.into_iter().enumerate() {
                if position < surplus || row.ended_at.is_some_and(|at| at <= old) {
                    change.forget(row);
                }
            }
            let mut past = Vec::new();
            change.index.visit(Table::Shares, &[], &[], |key, value| {
                if crate::store::decode::<UnixMillis>(value)? <= change.now {
                    past.push(key.to_vec());
                }
                Ok(if past.len() == AT_ONCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            for key in past {
                change.batch.remove(Table::Shares, key);
            }
            Ok(Ok(()))
        })
        .await
    }
}
