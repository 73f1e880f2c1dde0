//! What every queue promises: sentences over the trait, run for each implementation, and a model to compare it with.
#![allow(clippy::unwrap_used)]

mod endings;
mod leases;
mod model;
mod orders;
mod restarts;

use async_trait::async_trait;
use festoon::{clock::ManualClock, queue::*};
use festoon_spec::*;

use crate::bench::*;

/// An implementation under test.
#[async_trait]
pub trait QueueBench: Send {
    /// The queue.
    fn queue(&self) -> &dyn JobQueue;
    /// Its clock, which starts at [`START`] and stands still.
    fn clock(&self) -> &ManualClock;
    /// Ends the process that runs the queue, so far as a test can, and starts it again with other numbers.
    async fn restart(&mut self, policy: Policy);
}

/// The queue of one machine.
struct Embedded {
    bench: Bench,
    queue: Option<EmbeddedQueue>,
}

impl Embedded {
    fn open() -> Self {
        let bench = Bench::new();
        let queue = Some(bench.queue(&bench.store(), Policy::default()));
        Self { bench, queue }
    }
}

#[async_trait]
impl QueueBench for Embedded {
    fn queue(&self) -> &dyn JobQueue {
        self.queue.as_ref().unwrap()
    }
    fn clock(&self) -> &ManualClock {
        &self.bench.clock
    }
    async fn restart(&mut self, policy: Policy) {
        self.queue = None;
        self.queue = Some(self.bench.queue(&self.bench.store(), policy));
    }
}

/// Runs the sentences for each implementation. One that is not listed is dead code, and the compiler says so.
macro_rules! sentences {
    ($($sentence:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $sentence() {
                super::$sentence(&mut crate::queue::Embedded::open()).await;
            })+
        }
    };
}
pub(crate) use sentences;

async fn lease(queue: &dyn JobQueue) -> Lease {
    queue.lease(&ask("r1")).await.unwrap().expect("there is a job to lease")
}

async fn job(queue: &dyn JobQueue, id: &JobId) -> Job {
    queue.get(id).await.unwrap().expect("the job is remembered")
}

fn failure(lease: &Lease, kind: FailureKind) -> Failure {
    Failure { epoch: lease.epoch, reason: "the device fell off the bus".into(), kind }
}

fn renewal(lease: &Lease, permille: Option<u16>) -> Renewal {
    let progress = permille.map(|permille| Progress { stage: Stage::Paint, done: 1, of: 2, permille });
    Renewal { epoch: lease.epoch, progress }
}

fn run_at(job: &Job) -> UnixMillis {
    match job.state {
        JobState::Queued { run_at } => run_at,
        ref other => panic!("expected a queued job, found {other:?}"),
    }
}

fn is_lost<T: std::fmt::Debug>(result: Result<T, QueueError>) -> bool {
    matches!(result, Err(QueueError::LeaseLost { .. }))
}
