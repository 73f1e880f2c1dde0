//! Time and names, injected so that tests decide both.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use festoon_spec::{JobId, UnixMillis};

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> UnixMillis;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(since.as_millis() as u64)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self(AtomicU64::new(now.0))
    }
    /// Moves it forward.
    pub fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
    /// Sets it, also backwards.
    pub fn set(&self, now: UnixMillis) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// Where the names of jobs come from.
pub trait Ids: Send + Sync + fmt::Debug {
    /// A name never given before.
    fn next(&self, now: UnixMillis) -> JobId;

    /// A number that nobody guesses.
    fn secret(&self) -> u128;
}

/// Names from the time and the machine's randomness.
#[derive(Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, now: UnixMillis) -> JobId {
        let random = uuid::Uuid::new_v4().as_u128() & ((1 << 80) - 1);
        JobId(format!("{:012x}{random:020x}", now.0 & 0xffff_ffff_ffff))
    }

    fn secret(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}

/// Names and secrets that count up: for tests.
#[derive(Debug, Default)]
pub struct CountingIds {
    names: AtomicU64,
    secrets: AtomicU64,
}

impl Ids for CountingIds {
    fn next(&self, now: UnixMillis) -> JobId {
        let number = self.names.fetch_add(1, Ordering::SeqCst);
        JobId(format!("{:012x}{number:020x}", now.0 & 0xffff_ffff_ffff))
    }

    fn secret(&self) -> u128 {
        u128::from(self.secrets.fetch_add(1, Ordering::SeqCst))
    }
}
