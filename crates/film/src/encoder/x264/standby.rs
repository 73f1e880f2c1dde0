//! Programs that are started before anybody waits for them.
//!
//! Starting an encoder takes as long as encoding five frames of 720p (137 libraries are loaded), and a clip takes several at once.
//! So some wait for the kinds of work that were asked for last. Those that were used are replaced while nothing is being
//! encoded.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{
    Cancel, FilmError,
    jail::{Input, Jail, Prisoner},
};

/// How many wait for each kind of work: a title and an end card of a second and a half each take four.
const EACH: usize = 4;
/// For how many kinds, that is sizes and rates of pictures. An encoder that waits holds 15 MB.
const KINDS: usize = 2;

/// Keeps programs started. They belong to a thread, since a jailed program dies with the thread that started it.
#[derive(Debug)]
pub(super) struct Standby {
    room: Arc<Room>,
    keeper: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was asked for last comes first.
    kinds: VecDeque<Kind>,
    /// How many are at work.
    busy: usize,
    closed: bool,
}

#[derive(Debug)]
struct Kind {
    jail: Jail,
    waiting: Vec<Prisoner>,
}

impl Default for Standby {
    fn default() -> Self {
        let room = Arc::<Room>::default();
        let kept = Arc::clone(&room);
        let keeper = thread::Builder::new().name("encoder-standby".into()).spawn(move || kept.keep());
        // Without the thread nobody waits, and each is started when it is needed.
        Self { room, keeper: keeper.ok() }
    }
}

impl Standby {
    /// As [`Jail::output`], by a program that is started already, if one waits.
    pub fn output(&self, jail: &Jail, cancel: &Cancel, input: &mut dyn Input<FilmError>) -> Result<Vec<u8>, FilmError> {
        let waiting = self.room.take(jail);
        let _busy = Busy(&self.room);
        match waiting {
            Some(prisoner) => prisoner.output(cancel, input),
            None => jail.output(cancel, input),
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.room.state().closed = true;
        self.room.changed.notify_all();
        if let Some(keeper) = self.keeper.take() {
            // It ends without a result; if it panicked, that was told.
            let _ = keeper.join();
        }
    }
}

/// One that is at work.
struct Busy<'a>(&'a Room);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.changed.notify_all();
    }
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits for this kind of work, which is remembered as the last that was asked for. Counts as busy from here.
    fn take(&self, jail: &Jail) -> Option<Prisoner> {
        let mut state = self.state();
        state.busy += 1;
        let mut kind = match state.kinds.iter().position(|kind| kind.jail == *jail) {
            Some(place) => state.kinds.remove(place).expect("it is at this place"),
            None => Kind { jail: jail.clone(), waiting: Vec::new() },
        };
        let mut taken = kind.waiting.pop();
        while taken.as_mut().is_some_and(|prisoner| !prisoner.is_waiting()) {
            taken = kind.waiting.pop();
        }
        state.kinds.push_front(kind);
        let last = state.kinds.len().min(KINDS);
        let forgotten = state.kinds.split_off(last);
        drop(state);
        // Outside of the lock: they are killed and waited for.
        drop(forgotten);
        taken
    }

    /// Starts what is lacking, until the room is closed.
    fn keep(&self) {
        while let Some(jail) = self.next() {
            let started = jail.start();
            let mut state = self.state();
            let kind = state.kinds.iter_mut().find(|kind| kind.jail == jail);
            let surplus = match (kind, started) {
                (Some(kind), Ok(prisoner)) => {
                    kind.waiting.push(prisoner);
                    None
                }
                (None, Ok(prisoner)) => Some(prisoner),
                // Whoever needs the next one is told why there is none.
                (_, Err(_)) => {
                    state.kinds.retain(|kind| kind.jail != jail);
                    None
                }
            };
            drop(state);
            drop(surplus);
        }
        drop(mem::take(&mut self.state().kinds));
    }

    /// What is to be started next; waits while something is being encoded or nothing is lacking. None when the room is closed.
    fn next(&self) -> Option<Jail> {
        let state = self.changed.wait_while(self.state(), |state| !state.closed && (state.busy > 0 || state.lacking().is_none()));
        let state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed { None } else { state.lacking().cloned() }
    }
}

impl State {
    fn lacking(&self) -> Option<&Jail> {
        self.kinds.iter().find(|kind| kind.waiting.len() < EACH).map(|kind| &kind.jail)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
        process::{
            Pid, PidfdFlags, Signal, getpriority_process, kill_process, pidfd_open, setpriority_process, test_kill_process,
        },
    };

    use super::*;
    use crate::jail::Limits;

    /// Says its number and what it reads.
    fn jail(kind: &str) -> Jail {
        let script = format!(": {kind}; read -r line; echo $$ $line");
        Jail {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script.into()],
            limits: Limits::generous(1, 1 << 30, 1 << 20),
        }
    }

    /// Who did the work.
    fn work(standby: &Standby, kind: &str) -> Pid {
        let said = standby.output(&jail(kind), &Cancel::default(), &mut &b"some input\n"[..]).unwrap();
        let said = String::from_utf8(said).unwrap();
        let (pid, read) = said.trim().split_once(' ').unwrap();
        assert_eq!(read, "some input");
        Pid::from_raw(pid.parse().unwrap()).unwrap()
    }

    /// Who waits, once there is nothing left to start.
    fn waiting(standby: &Standby, kind: &str) -> Vec<Pid> {
        loop {
            let state = standby.room.state();
            if state.lacking().is_none() {
                let of_kind = state.kinds.iter().filter(|waiting| waiting.jail == jail(kind));
                return of_kind.flat_map(|kind| &kind.waiting).map(Prisoner::pid).collect();
            }
            drop(state);
            thread::yield_now();
        }
    }

    #[test]
    fn who_comes_again_is_served_by_one_that_waits() {
        let standby = Standby::default();
        let first = work(&standby, "a");
        let waiting_then = waiting(&standby, "a");
        assert_eq!(waiting_then.len(), EACH);
        assert!(!waiting_then.contains(&first));
        assert!(waiting_then.contains(&work(&standby, "a")));
        assert_eq!(waiting(&standby, "a").len(), EACH, "who was used is replaced");
    }

    #[test]
    fn one_that_waited_is_as_urgent_as_whom_it_works_for() {
        /// Looks at the programs when the first piece is asked for.
        struct Looking<'a>(&'a [Pid], Vec<i32>);
        impl Input<FilmError> for Looking<'_> {
            fn next(&mut self) -> Result<Option<&[u8]>, FilmError> {
                if !self.1.is_empty() {
                    return Ok(None);
                }
                self.1 = self.0.iter().map(|pid| getpriority_process(Some(*pid)).unwrap()).collect();
                Ok(Some(b"some input\n"))
            }
        }
        let standby = Standby::default();
        work(&standby, "a");
        let pids = waiting(&standby, "a");
        let own = getpriority_process(None).unwrap();
        let lower = (own + 3).min(19);
        let seen = thread::scope(|scope| {
            let working = scope.spawn(|| {
                setpriority_process(None, lower).unwrap();
                let mut looking = Looking(&pids, Vec::new());
                standby.output(&jail("a"), &Cancel::default(), &mut looking).unwrap();
                looking.1
            });
            working.join().unwrap()
        });
        assert!(seen.contains(&lower), "{seen:?}");
        assert_eq!(seen.iter().filter(|nice| **nice == own).count(), if lower == own { EACH } else { EACH - 1 });
    }

    #[test]
    fn one_that_died_while_it_waited_is_not_used() {
        let standby = Standby::default();
        work(&standby, "a");
        for pid in waiting(&standby, "a") {
            let dead = pidfd_open(pid, PidfdFlags::empty()).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
            poll(&mut [PollFd::new(&dead, PollFlags::IN)], None).unwrap();
        }
        work(&standby, "a");
    }

    #[test]
    fn what_was_not_asked_for_lately_is_let_go_and_at_the_end_everything() {
        let standby = Standby::default();
        work(&standby, "a");
        let old = waiting(&standby, "a");
        work(&standby, "b");
        work(&standby, "c");
        let gone = |pids: Vec<Pid>| pids.into_iter().all(|pid| test_kill_process(pid) == Err(Errno::SRCH));
        assert!(gone(old));
        let last = waiting(&standby, "c");
        assert_eq!(last.len(), EACH);
        drop(standby);
        assert!(gone(last));
    }

    #[test]
    fn a_program_that_cannot_start_is_told_to_who_needs_it() {
        let standby = Standby::default();
        let missing = Jail { program: "/nowhere/x264".into(), ..jail("a") };
        for _ in 0..2 {
            let error = standby.output(&missing, &Cancel::default(), &mut &[][..]).unwrap_err();
            assert_eq!(error.to_string(), "cannot start /nowhere/x264 in its jail");
        }
    }
}
