//! A program in its jail, from its start to its end.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, getpriority_process, kill_process_group, pidfd_open, setpriority_process},
};
use tempfile::TempDir;

use super::{Input, JailError, Limits};
use crate::Cancel;

/// How often a wait looks at the cancel flag.
const TICK: Duration = Duration::from_millis(50);
/// Wished size of the pipes: the program can go on while its next input is being made, and takes it in few bites.
const PIPE_BYTES: usize = 1 << 20;
/// How much of the end of standard error is kept.
const STDERR_BYTES: usize = 8 << 10;

/// A program that was started in its jail and waits for its input. Dropping it kills its process group and buries it.
#[derive(Debug)]
pub struct Prisoner {
    program: PathBuf,
    limits: Limits,
    child: Child,
    pid: Pid,
    buried: bool,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stderr_tail: Vec<u8>,
    /// Where it stands.
    _folder: TempDir,
}

/// Which of a program's pipes can be served, and whether it has ended.
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    exited: bool,
}

impl Prisoner {
    pub(super) fn new(mut child: Child, folder: TempDir, program: &Path, limits: Limits) -> Result<Self, JailError> {
        let pid = Pid::from_child(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let program = program.to_owned();
        let prisoner =
            Self { program, limits, child, pid, buried: false, stdin, stdout, stderr, stderr_tail: Vec::new(), _folder: folder };
        prisoner.open_pipes().map_err(|source| prisoner.pipe(source))?;
        Ok(prisoner)
    }

    /// Its process.
    #[cfg(test)]
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it is still there. One that waits for input has nothing to end for, unless something is wrong with it.
    pub fn is_waiting(&mut self) -> bool {
        let ended = self.child.try_wait();
        self.buried |= matches!(ended, Ok(Some(_)));
        matches!(ended, Ok(None))
    }

    /// Takes over the nice value of the thread that works with it, which may have been raised since the program was started.
    fn be_as_urgent(&self) {
        // Whoever keeps another urgency does the same work.
        let _ = getpriority_process(None).and_then(|nice| setpriority_process(Some(self.pid), nice));
    }

    /// As [`Jail::output`](super::Jail::output).
    ///
    /// # Errors
    /// As there.
    pub fn output<E: From<JailError>>(self, cancel: &Cancel, input: &mut dyn Input<E>) -> Result<Vec<u8>, E> {
        let mut output = Vec::new();
        self.run(cancel, input, &mut |piece| {
            output.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(output)
    }

    /// As [`Jail::run`](super::Jail::run).
    ///
    /// # Errors
    /// As there.
    pub fn run<E: From<JailError>>(
        mut self,
        cancel: &Cancel,
        input: &mut dyn Input<E>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<String, E> {
        self.be_as_urgent();
        self.serve(cancel, input, take)?;
        let status = self.wait().map_err(|source| self.pipe(source))?;
        let stderr = String::from_utf8_lossy(&self.stderr_tail).trim().to_owned();
        if status.success() {
            return Ok(stderr);
        }
        let program = self.program.clone();
        let error = match status.signal() {
            Some(signal) if signal == Signal::XCPU.as_raw() => JailError::CpuSpent { program, limit: self.limits.cpu },
            _ => JailError::Failed { program, status, stderr },
        };
        Err(error.into())
    }

    /// Moves bytes until the program has ended and its output is read.
    fn serve<E: From<JailError>>(
        &mut self,
        cancel: &Cancel,
        input: &mut dyn Input<E>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let exited = pidfd_open(self.pid, PidfdFlags::empty()).map_err(|error| self.pipe(error.into()))?;
        let mut rest: &[u8] = &[];
        let mut piece = vec![0; 64 << 10];
        let mut taken = 0;
        let mut waited = Duration::ZERO;
        loop {
            if cancel.is_cancelled() {
                return Err(JailError::Cancelled { program: self.program.clone() }.into());
            }
            if self.stdin.is_some() && rest.is_empty() {
                match input.next()? {
                    Some(more) => rest = more,
                    None => {
                        rest = &[];
                        self.stdin = None;
                    }
                }
                continue;
            }
            if waited >= self.limits.patience {
                return Err(JailError::TimedOut { program: self.program.clone(), limit: self.limits.patience }.into());
            }

            let before = Instant::now();
            let within = TICK.min(self.limits.patience.saturating_sub(waited));
            let ready = self.ready(&exited, within).map_err(|error| self.pipe(error))?;
            waited += before.elapsed();

            if ready.stdin
                && let Some(pipe) = &mut self.stdin
            {
                match pipe.write(rest) {
                    Ok(count) => rest = &rest[count..],
                    // It has closed its input: it has enough, or it is about to say why.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.stdin = None,
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.stdout
                && let Some(pipe) = &mut self.stdout
            {
                match pipe.read(&mut piece) {
                    Ok(0) => self.stdout = None,
                    Ok(count) => {
                        taken += count as u64;
                        let limit = self.limits.output;
                        if taken > limit {
                            return Err(JailError::OutputTooLarge { program: self.program.clone(), limit }.into());
                        }
                        take(&piece[..count])?;
                    }
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.stderr
                && let Some(pipe) = &mut self.stderr
            {
                match pipe.read(&mut piece) {
                    Ok(0) => self.stderr = None,
                    Ok(count) => self.keep_stderr(&piece[..count]),
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(self.pipe(error).into()),
                }
            }
            if ready.exited {
                self.stdin = None;
            }
            if ready.exited && self.stdout.is_none() && self.stderr.is_none() {
                return Ok(());
            }
        }
    }

    fn open_pipes(&self) -> io::Result<()> {
        // A smaller pipe only makes one side wait more often.
        let widen = |pipe: BorrowedFd<'_>| {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
        };
        if let Some(pipe) = &self.stdin {
            rustix::io::ioctl_fionbio(pipe, true)?;
            widen(pipe.as_fd());
        }
        if let Some(pipe) = &self.stdout {
            rustix::io::ioctl_fionbio(pipe, true)?;
            widen(pipe.as_fd());
        }
        if let Some(pipe) = &self.stderr {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(())
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

    fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.buried = true;
        Ok(status)
    }

    fn pipe(&self, source: io::Error) -> JailError {
        JailError::Pipe { program: self.program.clone(), source }
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
