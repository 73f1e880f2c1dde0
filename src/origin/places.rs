//! How many requests may be under way at once, and how many may wait: beyond it the caller is told at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::UpstreamError;

/// Places.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    at_once: usize,
    most: usize,
    /// Those that have a place and those that wait.
    here: Arc<AtomicUsize>,
}

/// A place. Dropping it gives it to others.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _here: Here,
}

#[derive(Debug)]
struct Here(Arc<AtomicUsize>);

impl Drop for Here {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    pub fn new(at_once: usize, waiting: usize) -> Self {
        let free = Arc::new(Semaphore::new(at_once));
        Self { free, at_once, most: at_once.saturating_add(waiting), here: Arc::default() }
    }

    /// A place, once one is free.
    pub async fn take(&self) -> Result<Place, UpstreamError> {
        let here = Here(Arc::clone(&self.here));
        if self.here.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(UpstreamError::Busy { under_way: self.at_once });
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("nobody closes it");
        Ok(Place { _permit: permit, _here: here })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_too_many_is_told_at_once_and_a_place_that_is_left_goes_to_who_waits() {
        let places = Places::new(1, 1);
        let first = places.take().now_or_never().unwrap().unwrap();
        let mut second = Box::pin(places.take());
        assert!((&mut second).now_or_never().is_none(), "the only place was given twice");
        assert_eq!(places.take().now_or_never().unwrap().unwrap_err(), UpstreamError::Busy { under_way: 1 });
        drop(first);
        let second = second.now_or_never().unwrap().unwrap();
        drop(second);
        assert!(places.take().now_or_never().unwrap().is_ok());
    }
}
