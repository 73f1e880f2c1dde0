//! Turns: a few at once, a few that wait, the urgent ones first.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use festoon_spec::Lane;
use tokio::sync::oneshot;

/// Nobody of this lane may wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{running} clips are being composed and {waiting} wait")]
pub struct Full {
    /// Having their turn.
    pub running: usize,
    /// Waiting for it.
    pub waiting: usize,
}

/// Gives turns. Clones are the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct Turns {
    at_once: usize,
    /// How many may wait when somebody of this lane comes.
    places: [usize; Lane::ALL.len()],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: [VecDeque<oneshot::Sender<Turn>>; Lane::ALL.len()],
}

/// A turn that has come. Dropping it gives it to the next.
#[derive(Debug)]
pub struct Turn {
    /// There until it is given on.
    turns: Option<Arc<Turns>>,
}

/// A turn that will come. Dropping it leaves the line.
#[derive(Debug)]
pub struct Waiting(oneshot::Receiver<Turn>);

impl Waiting {
    /// Waits for it.
    pub async fn turn(self) -> Turn {
        self.0.await.expect("who waits is called before the line is dropped: its turn holds the line")
    }
}

impl Pool {
    /// With `at_once` turns at a time and `waiting` places in line. Who pays may take all of them, others half, and what nobody
    /// waits for none.
    pub fn new(at_once: NonZeroUsize, waiting: usize) -> Self {
        let places = Lane::ALL.map(|lane| match lane {
            Lane::Paid => waiting,
            Lane::Free => waiting / 2,
            Lane::Prerender => 0,
        });
        Self { turns: Arc::new(Turns { at_once: at_once.get(), places, state: Mutex::default() }) }
    }

    /// Takes a place in line, or has a turn at once.
    ///
    /// # Errors
    /// [`Full`] if there is no place for this lane.
    pub fn enter(&self, lane: Lane) -> Result<Waiting, Full> {
        let (call, called) = oneshot::channel();
        let mut state = self.turns.state();
        for line in &mut state.waiting {
            line.retain(|call| !call.is_closed());
        }
        let waiting = state.waiting.iter().map(VecDeque::len).sum();
        if state.running < self.turns.at_once {
            state.running += 1;
            drop(state);
            // `called` is there, so it is not refused.
            let _ = call.send(Turn { turns: Some(Arc::clone(&self.turns)) });
        } else if waiting < self.turns.places[lane as usize] {
            state.waiting[lane as usize].push_back(call);
        } else {
            return Err(Full { running: state.running, waiting });
        }
        Ok(Waiting(called))
    }

    /// How many have their turn.
    pub fn running(&self) -> usize {
        self.turns.state().running
    }
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.turns.take() else { return };
        loop {
            let next = {
                let mut state = turns.state();
                let next = state.waiting.iter_mut().find_map(VecDeque::pop_front);
                if next.is_none() {
                    state.running -= 1;
                }
                next
            };
            let Some(call) = next else { return };
            match call.send(Turn { turns: Some(Arc::clone(&turns)) }) {
                Ok(()) => return,
                // It left the line in this moment: the turn is still ours to give.
                Err(mut refused) => refused.turns = None,
            }
        }
    }
}
