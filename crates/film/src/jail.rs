//! Runs a program that must not be trusted with more than its pipes: an encoder, a decoder.
//!
//! Inside, the program has its standard input, output and error and nothing else it could harm with: an empty
//! environment, an empty folder to stand in, no inherited descriptors, no network, no way to write, rename or delete a
//! file, no second process, no new privileges ([`filter`] says how), and limits on processor time, memory, open files and
//! output. It can read what this user can read; what it reads can leave only through its output. It dies with the thread
//! that started it, when it is cancelled, when it takes too long, and when [`Jail::run`] returns for whatever reason.
//!
//! One thread serves all three pipes, so the program never waits for a reader that waits for the program.

mod filter;
mod prisoner;

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, Signal, getpid, getppid, getrlimit, set_parent_process_death_signal, setrlimit};

pub use self::prisoner::Prisoner;
use crate::Cancel;

/// What a jailed program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the program may keep us waiting, all waits together. Time spent making its input does not count.
    pub patience: Duration,
    /// Processor time, rounded up to seconds.
    pub cpu: Duration,
    /// Bytes of address space.
    pub address_space: u64,
    /// Open files, its pipes and libraries included.
    pub open_files: u64,
    /// Bytes it may write to standard output.
    pub output: u64,
}

impl Limits {
    /// What only a hung or mad program meets: `seconds` of processor time for the work and a minute beside, four times as much
    /// patience, 64 open files.
    pub fn generous(seconds: u64, address_space: u64, output: u64) -> Self {
        let seconds = 60 + seconds;
        Self {
            patience: Duration::from_secs(4 * seconds),
            cpu: Duration::from_secs(seconds),
            address_space,
            open_files: 64,
            output,
        }
    }
}

/// What a program is fed.
pub trait Input<E> {
    /// The next piece, or none at the end.
    ///
    /// # Errors
    /// Why there is no more. The program is killed, and [`Jail::run`] returns the error.
    fn next(&mut self) -> Result<Option<&[u8]>, E>;
}

/// All of it at once.
impl<E> Input<E> for &[u8] {
    fn next(&mut self) -> Result<Option<&[u8]>, E> {
        let all = std::mem::take(self);
        Ok((!all.is_empty()).then_some(all))
    }
}

/// A program, its arguments and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jail {
    /// Full path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What it may use.
    pub limits: Limits,
}

/// Why a jailed program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// No empty folder to stand in could be made.
    #[error("cannot make an empty folder for {} under {}", program.display(), under.display())]
    Folder {
        /// The program.
        program: PathBuf,
        /// The folder for temporary files.
        under: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not start, or the jail could not be closed around it.
    #[error("cannot start {} in its jail", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The pipes to it failed.
    #[error("the pipes to {} failed", program.display())]
    Pipe {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{} failed ({status}): {stderr}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// Exit status or signal.
        status: ExitStatus,
        /// The end of its standard error.
        stderr: String,
    },
    /// It kept us waiting for too long and was killed.
    #[error("{} was killed: it did not finish within {} s", program.display(), limit.as_secs_f64())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// [`Limits::patience`].
        limit: Duration,
    },
    /// It used up its processor time and was killed.
    #[error("{} was killed: it used more than {} s of processor time", program.display(), limit.as_secs_f64())]
    CpuSpent {
        /// The program.
        program: PathBuf,
        /// [`Limits::cpu`].
        limit: Duration,
    },
    /// It wrote too much and was killed.
    #[error("{} was killed: it wrote more than {limit} bytes", program.display())]
    OutputTooLarge {
        /// The program.
        program: PathBuf,
        /// [`Limits::output`].
        limit: u64,
    },
    /// It was killed because somebody cancelled.
    #[error("{} was killed: the work was cancelled", program.display())]
    Cancelled {
        /// The program.
        program: PathBuf,
    },
}

impl Jail {
    /// Runs the program to its end on `input`. `take` gets the output piece by piece; an error of either kills the program and is
    /// returned. Gives the end of standard error.
    ///
    /// A program that ends well without reading all its input has done its work.
    ///
    /// # Errors
    /// [`JailError`], and what `input` or `take` return.
    pub fn run<E: From<JailError>>(
        &self,
        cancel: &Cancel,
        input: &mut dyn Input<E>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<String, E> {
        self.start()?.run(cancel, input, take)
    }

    /// As [`Jail::run`], and gives all that the program wrote to standard output.
    ///
    /// # Errors
    /// As [`Jail::run`].
    pub fn output<E: From<JailError>>(&self, cancel: &Cancel, input: &mut dyn Input<E>) -> Result<Vec<u8>, E> {
        self.start()?.output(cancel, input)
    }

    /// Starts the program, which then waits for its input. It lives no longer than the thread that called this.
    ///
    /// # Errors
    /// [`JailError::Folder`], [`JailError::Start`], [`JailError::Pipe`].
    pub fn start(&self) -> Result<Prisoner, JailError> {
        let folder = tempfile::tempdir().map_err(|source| JailError::Folder {
            program: self.program.clone(),
            under: std::env::temp_dir(),
            source,
        })?;
        let child = self.spawn(folder.path())?;
        Prisoner::new(child, folder, &self.program, self.limits)
    }

    fn spawn(&self, folder: &Path) -> Result<Child, JailError> {
        let failed = |source: io::Error| JailError::Start { program: self.program.clone(), source };
        let filters = filter::filters().map_err(|error| failed(io::Error::other(error)))?;
        let limits = [
            (Resource::Core, 0, 0),
            // Files cannot be written at all; pipes do not count.
            (Resource::Fsize, 0, 0),
            (Resource::Nofile, self.limits.open_files, self.limits.open_files),
            (Resource::As, self.limits.address_space, self.limits.address_space),
            // SIGXCPU at the soft limit tells the reason, the hard limit a second later kills whoever ignores it.
            (Resource::Cpu, cpu_seconds(self.limits.cpu), cpu_seconds(self.limits.cpu) + 1),
        ]
        .map(|(resource, current, maximum)| (resource, narrowed(getrlimit(resource), current, maximum)));
        let parent = getpid();
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let confine = move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if getppid() != Some(parent) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            close_inherited_on_exec()?;
            for (resource, limit) in &limits {
                setrlimit(*resource, *limit)?;
            }
            for filter in filters {
                // Sets no-new-privileges first.
                seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec `confine` makes system calls only; what it reads was made before the fork and it
        // neither allocates nor takes a lock (an `io::Error` of an errno or a kind holds no heap memory).
        unsafe { command.pre_exec(confine) };
        command.spawn().map_err(failed)
    }
}

/// A limit that this process may set: nobody but root goes beyond what it has been given.
fn narrowed(given: Rlimit, current: u64, maximum: u64) -> Rlimit {
    let maximum = given.maximum.map_or(maximum, |given| given.min(maximum));
    Rlimit { current: Some(current.min(maximum)), maximum: Some(maximum) }
}

fn cpu_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Marks every descriptor above standard error to be closed by exec. Rust opens all of its own that way, C libraries in
/// this process may not.
fn close_inherited_on_exec() -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 1 << 2;
    // SAFETY: close_range takes three integers and touches no memory.
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
