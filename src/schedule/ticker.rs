//! The minute tick: the only place that knows `tokio_cron_scheduler`.
//!
//! That library freezes a zone's offset when a job is made, may start a run while the last one is still at work, and does not
//! wait for a run when it is shut down. So it gets one job, in UTC, that says nothing but "a minute has passed"; a run that finds
//! another at work leaves; and [`Ticker::stop`] waits.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::FutureExt;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Each minute, on the minute.
const EVERY_MINUTE: &str = "0 * * * * *";

/// Why there is no ticker.
#[derive(Debug, thiserror::Error)]
#[error("the minute ticker cannot be started: {source}")]
pub struct TickerError {
    /// The cause.
    #[from]
    source: JobSchedulerError,
}

/// Runs something at once and then each minute, never twice at a time.
pub struct Ticker {
    scheduler: JobScheduler,
    guard: Guard,
}

/// What keeps runs apart.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    running: Arc<Mutex<()>>,
    stopped: Arc<AtomicBool>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It ran to its end.
    Finished,
    /// It panicked, which is logged; the next minute tries again.
    Panicked,
    /// Another was at work.
    Overlapped,
    /// The ticker was stopped.
    Stopped,
}

impl Guard {
    /// Runs `tick`, unless another run is at work or the guard was closed.
    pub async fn run(&self, tick: impl Future<Output = ()>) -> Run {
        let Ok(_running) = self.running.try_lock() else { return Run::Overlapped };
        if self.stopped.load(Ordering::SeqCst) {
            return Run::Stopped;
        }
        match AssertUnwindSafe(tick).catch_unwind().await {
            Ok(()) => Run::Finished,
            Err(_) => {
                tracing::error!("a minute tick panicked; the next one tries again");
                Run::Panicked
            }
        }
    }

    /// Lets no further run begin and waits for the one at work.
    pub async fn close(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _idle = self.running.lock().await;
    }
}

impl Ticker {
    /// Starts. The first run begins at once, in the background.
    ///
    /// # Errors
    /// If the scheduler does not start.
    pub async fn start<F, R>(tick: F) -> Result<Self, TickerError>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (guard, tick) = (Guard::default(), Arc::new(tick));
        let scheduler = JobScheduler::new().await?;
        let each = (guard.clone(), tick.clone());
        let job = Job::new_async(EVERY_MINUTE, move |_, _| {
            let (guard, tick) = each.clone();
            Box::pin(async move {
                guard.run(tick()).await;
            })
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        let first = guard.clone();
        tokio::spawn(async move { first.run(tick()).await });
        Ok(Self { scheduler, guard })
    }

    /// Stops, once a run that is at work has ended.
    pub async fn stop(mut self) {
        self.guard.close().await;
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the minute ticker did not stop cleanly");
        }
    }
}
