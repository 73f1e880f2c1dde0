//! Leaves an origin alone that fails again and again.
//!
//! After so many failures in a row nothing is asked for a second; then one request goes through to see, and each time that
//! fails the pause doubles. The first success ends it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use festoon_spec::UnixMillis;

use crate::clock::Clock;

/// The first pause.
const FIRST_PAUSE_MILLIS: u64 = 1000;

/// See the module.
pub struct Breaker {
    clock: Arc<dyn Clock>,
    most_failures: u32,
    most_pause_millis: u64,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything goes through; so many failed in a row.
    Closed { failures: u32 },
    /// Nothing goes through until then.
    Open { until: UnixMillis, pause_millis: u64 },
    /// One went through; nothing else does before it is back, or this moment.
    Trying { until: UnixMillis, pause_millis: u64 },
}

/// The origin is left alone for so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftAlone {
    /// Milliseconds until it may be asked.
    pub millis: u64,
}

impl Breaker {
    /// One that lets everything through at first.
    pub fn new(most_failures: u32, most_pause_millis: u64, clock: Arc<dyn Clock>) -> Self {
        Self { clock, most_failures, most_pause_millis, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something may be asked now. Who may, tells how it went with [`succeeded`](Self::succeeded) or
    /// [`failed`](Self::failed); one that never tells is forgotten after a pause.
    ///
    /// # Errors
    /// If the origin is left alone.
    pub fn enter(&self) -> Result<(), LeftAlone> {
        let now = self.clock.now();
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Ok(()),
            // A pause that would last longer than it is was begun before the clock was set back.
            State::Open { until, pause_millis } | State::Trying { until, pause_millis }
                if now < until && until.since(now) <= pause_millis =>
            {
                Err(LeftAlone { millis: until.since(now) })
            }
            State::Open { pause_millis, .. } | State::Trying { pause_millis, .. } => {
                *state = State::Trying { until: now.plus_millis(pause_millis), pause_millis };
                Ok(())
            }
        }
    }

    /// It answered.
    pub fn succeeded(&self) {
        let before = std::mem::replace(&mut *self.state(), State::Closed { failures: 0 });
        if !matches!(before, State::Closed { .. }) {
            tracing::info!("the origin answers again");
        }
    }

    /// It did not.
    pub fn failed(&self, reason: &dyn fmt::Display) {
        let now = self.clock.now();
        let mut state = self.state();
        let pause_millis = match *state {
            State::Closed { failures } if failures + 1 < self.most_failures => {
                *state = State::Closed { failures: failures + 1 };
                return;
            }
            State::Closed { failures } => {
                tracing::warn!(%reason, failures = failures + 1, "the origin does not answer; it is left alone for a while");
                FIRST_PAUSE_MILLIS
            }
            // One that was under way when the origin was left alone.
            State::Open { .. } => return,
            State::Trying { pause_millis, .. } => pause_millis * 2,
        };
        let pause_millis = pause_millis.min(self.most_pause_millis);
        *state = State::Open { until: now.plus_millis(pause_millis), pause_millis };
    }

    /// Whether everything goes through.
    pub fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&*self.state()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn breaker() -> (Arc<ManualClock>, Breaker) {
        let clock = Arc::new(ManualClock::at(UnixMillis(1_800_000_000_000)));
        (Arc::clone(&clock), Breaker::new(3, 4000, clock))
    }

    fn fail(breaker: &Breaker, times: usize) {
        (0..times).for_each(|_| breaker.failed(&"no route"));
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let (_, breaker) = breaker();
        fail(&breaker, 2);
        breaker.succeeded();
        fail(&breaker, 2);
        assert_eq!(breaker.enter(), Ok(()));
        fail(&breaker, 1);
        assert_eq!(breaker.enter(), Err(LeftAlone { millis: 1000 }));
    }

    #[test]
    fn after_a_pause_one_goes_through_and_each_failure_doubles_the_pause() {
        let (clock, breaker) = breaker();
        fail(&breaker, 3);
        for pause in [1000, 2000, 4000, 4000] {
            clock.advance(pause - 1);
            assert_eq!(breaker.enter(), Err(LeftAlone { millis: 1 }));
            clock.advance(1);
            assert_eq!(breaker.enter(), Ok(()));
            assert!(breaker.enter().is_err(), "a second one went through");
            fail(&breaker, 1);
        }
        clock.advance(4000);
        assert_eq!(breaker.enter(), Ok(()));
        breaker.succeeded();
        assert!(breaker.is_closed() && breaker.enter().is_ok());
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_no_pause() {
        let (clock, breaker) = breaker();
        fail(&breaker, 3);
        clock.set(UnixMillis(1_800_000_000_000 - 24 * 3600 * 1000));
        assert_eq!(breaker.enter(), Ok(()));
        assert_eq!(breaker.enter(), Err(LeftAlone { millis: 1000 }));
    }

    #[test]
    fn one_that_never_tells_how_it_went_locks_nobody_out() {
        let (clock, breaker) = breaker();
        fail(&breaker, 3);
        clock.advance(1000);
        assert_eq!(breaker.enter(), Ok(()));
        clock.advance(1000);
        assert_eq!(breaker.enter(), Ok(()));
    }
}
