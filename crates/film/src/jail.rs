//! Runs a program that must not be trusted with more than its pipes: an encoder, a decoder.
//!
//! Inside, the program has its standard input, output and error and nothing else it could harm with: an empty
//! environment, an empty folder to stand in, no inherited descriptors, no network, no way to write, rename or delete a
//! file, no second process, no new privileges ([`filter`] says how), and limits on processor time, memory, open files and
//! output. It can read what this user can read; what it reads can leave only through its output. It dies with the thread
//! that runs it, when it is cancelled, when it takes too long, and when [`Jail::run`] returns for whatever reason.
//!
//! One thread serves all three pipes, so the program never waits for a reader that waits for the program.

mod filter;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getppid, getrlimit, kill_process_group, pidfd_open,
        set_parent_process_death_signal, setrlimit,
    },
};

use crate::Cancel;

/// How often a wait looks at the cancel flag.
const TICK: Duration = Duration::from_millis(50);
/// Wished size of the pipes: the program can go on while its next input is being made, and takes it in few bites.
const PIPE_BYTES: usize = 1 << 20;
/// How much of the end of standard error is kept.
const STDERR_BYTES: usize = 8 << 10;

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

/// Whether there is more input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Ask again after this.
    More,
    /// This was the last of it.
    End,
}

/// A program, its arguments and its limits.
#[derive(Debug, Clone)]
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
    /// Runs the program to its end. `feed` fills an empty buffer with the next input, `take` gets the output piece by
    /// piece; an error of either kills the program and is returned. Gives the end of standard error.
    ///
    /// A program that ends well without reading all its input has done its work.
    pub fn run<E: From<JailError>>(
        &self,
        cancel: &Cancel,
        feed: &mut dyn FnMut(&mut Vec<u8>) -> Result<Feed, E>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<String, E> {
        let folder = tempfile::tempdir().map_err(|source| JailError::Folder {
            program: self.program.clone(),
            under: std::env::temp_dir(),
            source,
        })?;
        let mut prisoner = self.start(folder.path())?;
        self.serve(&mut prisoner, cancel, feed, take)?;
        let status = prisoner.wait().map_err(|source| self.pipe(source))?;
        let stderr = prisoner.stderr_text();
        if status.success() {
            return Ok(stderr);
        }
        let error = match status.signal() {
            Some(signal) if signal == Signal::XCPU.as_raw() => {
                JailError::CpuSpent { program: self.program.clone(), limit: self.limits.cpu }
            }
            _ => JailError::Failed { program: self.program.clone(), status, stderr },
        };
        Err(error.into())
    }

    /// As [`Jail::run`], and gives all that the program wrote to standard output.
    ///
    /// # Errors
    /// As [`Jail::run`].
    pub fn output<E: From<JailError>>(
        &self,
        cancel: &Cancel,
        feed: &mut dyn FnMut(&mut Vec<u8>) -> Result<Feed, E>,
    ) -> Result<Vec<u8>, E> {
        let mut output = Vec::new();
        self.run(cancel, feed, &mut |piece| {
            output.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(output)
    }

    /// Moves bytes until the program has ended and its output is read.
    fn serve<E: From<JailError>>(
        &self,
        prisoner: &mut Prisoner,
        cancel: &Cancel,
        feed: &mut dyn FnMut(&mut Vec<u8>) -> Result<Feed, E>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let exited = pidfd_open(prisoner.pid, PidfdFlags::empty()).map_err(|error| self.pipe(error.into()))?;
        let mut input = Vec::new();
        let mut sent = 0;
        let mut last = false;
        let mut piece = vec![0; 64 << 10];
        let mut taken = 0;
        let mut waited = Duration::ZERO;
        loop {
            if cancel.is_cancelled() {
                return Err(JailError::Cancelled { program: self.program.clone() }.into());
            }
            if prisoner.stdin.is_some() && sent == input.len() {
                input.clear();
                sent = 0;
                if last {
                    prisoner.stdin = None;
                } else {
                    last = feed(&mut input)? == Feed::End;
                    continue;
                }
            }
            if waited >= self.limits.patience {
                return Err(JailError::TimedOut { program: self.program.clone(), limit: self.limits.patience }.into());
            }

            let before = Instant::now();
            let ready = prisoner
                .ready(&exited, TICK.min(self.limits.patience.saturating_sub(waited)))
                .map_err(|error| self.pipe(error))?;
            waited += before.elapsed();

            if ready.stdin
                && let Some(pipe) = &mut prisoner.stdin
            {
                match pipe.write(&input[sent..]) {
                    Ok(count) => sent += count,
                    // It has closed its input: it has enough, or it is about to say why.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => prisoner.stdin = None,
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.stdout
                && let Some(pipe) = &mut prisoner.stdout
            {
                match pipe.read(&mut piece) {
                    Ok(0) => prisoner.stdout = None,
                    Ok(count) => {
                        taken += count as u64;
                        if taken > self.limits.output {
                            let limit = self.limits.output;
                            return Err(JailError::OutputTooLarge { program: self.program.clone(), limit }.into());
                        }
                        take(&piece[..count])?;
                    }
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.stderr
                && let Some(pipe) = &mut prisoner.stderr
            {
                match pipe.read(&mut piece) {
                    Ok(0) => prisoner.stderr = None,
                    Ok(count) => prisoner.keep_stderr(&piece[..count]),
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.exited {
                prisoner.stdin = None;
            }
            if ready.exited && prisoner.stdout.is_none() && prisoner.stderr.is_none() {
                return Ok(());
            }
        }
    }

    fn start(&self, folder: &Path) -> Result<Prisoner, JailError> {
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
        let child = command.spawn().map_err(failed)?;
        Prisoner::new(child).map_err(|source| self.pipe(source))
    }

    fn pipe(&self, source: io::Error) -> JailError {
        JailError::Pipe { program: self.program.clone(), source }
    }
}

/// A running program. Dropping it kills its process group and buries it.
struct Prisoner {
    child: Child,
    pid: Pid,
    buried: bool,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stderr_tail: Vec<u8>,
}

/// Which of a program's pipes can be served, and whether it has ended.
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    exited: bool,
}

impl Prisoner {
    fn new(mut child: Child) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let prisoner = Self { child, pid, buried: false, stdin, stdout, stderr, stderr_tail: Vec::new() };
        // A smaller pipe only makes one side wait more often.
        let widen = |pipe: BorrowedFd<'_>| {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
        };
        if let Some(pipe) = &prisoner.stdin {
            rustix::io::ioctl_fionbio(pipe, true)?;
            widen(pipe.as_fd());
        }
        if let Some(pipe) = &prisoner.stdout {
            rustix::io::ioctl_fionbio(pipe, true)?;
            widen(pipe.as_fd());
        }
        if let Some(pipe) = &prisoner.stderr {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(prisoner)
    }

    /// Waits until something can be done, or until `within` has passed.
    fn ready(&self, exited: &OwnedFd, within: Duration) -> io::Result<Ready> {
        let mut fds = vec![PollFd::new(exited, PollFlags::IN)];
        fds.extend(self.stdout.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(self.stderr.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(self.stdin.iter().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        let within = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: i64::from(within.subsec_nanos()) };
        match poll(&mut fds, Some(&within)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut answers = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut answer = |asked: bool| asked && answers.next().unwrap_or(false);
        Ok(Ready {
            exited: answer(true),
            stdout: answer(self.stdout.is_some()),
            stderr: answer(self.stderr.is_some()),
            stdin: answer(self.stdin.is_some()),
        })
    }

    /// Keeps the end of what it says.
    fn keep_stderr(&mut self, piece: &[u8]) {
        self.stderr_tail.extend_from_slice(piece);
        let surplus = self.stderr_tail.len().saturating_sub(STDERR_BYTES);
        self.stderr_tail.drain(..surplus);
    }

    fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr_tail).trim().to_owned()
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.buried = true;
        Ok(status)
    }
}

impl Drop for Prisoner {
    fn drop(&mut self) {
        // A buried process's number may already be another's.
        if !self.buried {
            // It fails only if the process has just ended by itself, and a killed child can always be waited for.
            let _ = kill_process_group(self.pid, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
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
