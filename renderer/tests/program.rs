//! The real program, started as an operator or a supervisor starts it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::origin::{Origin, TOKEN};

/// A command with a settings folder of its own and nothing inherited that would change its settings.
pub fn command(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_festoon-renderer"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FESTOON_RENDERER")) {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", home.path()).env("FESTOON_RENDERER__DEVICE", "cpu").env_remove("RUST_LOG");
    command
}

/// Runs it to its end.
pub fn output(home: &TempDir, arguments: &[&str]) -> Output {
    command(home).args(arguments).output().unwrap()
}

/// A renderer at work. Killed when dropped.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: Vec<String>,
    _home: TempDir,
}

/// Starts `run` for this origin, without a word as a supervisor does if there are no arguments; `settings` are names and
/// values of the environment without the prefix.
pub fn run(origin: &Origin, settings: &[(&str, &str)], arguments: &[&str]) -> Running {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&home);
    command
        .env("FESTOON_RENDERER__SERVER", &origin.address)
        .env("FESTOON_RENDERER__TOKEN", TOKEN)
        .env("FESTOON_RENDERER__NAME", "tester")
        .env("FESTOON_RENDERER__RETRY__FIRST_MILLIS", "20")
        .env("FESTOON_RENDERER__LEASE__PROGRESS_MILLIS", "20");
    for (name, value) in settings {
        command.env(format!("FESTOON_RENDERER__{name}"), value);
    }
    if !arguments.is_empty() {
        command.arg("run").args(arguments);
    }
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    Running { child, lines, log: Vec::new(), _home: home }
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends it a signal.
    pub fn signal(&self, number: i32) {
        signal(self.id(), number);
    }

    /// Waits for a log line with this text.
    pub fn wait_for_line(&mut self, text: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(300)).unwrap_or_else(|_| panic!("no line {text:?}"));
            let found = line.contains(text);
            self.log.push(line);
            if found {
                return;
            }
        }
    }

    /// Waits for its end; what it logged.
    pub fn end(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        let mut log = std::mem::take(&mut self.log);
        log.extend(self.lines.iter());
        (status, log)
    }

    /// Asks it to go and waits for its end; what it logged.
    pub fn drain(self) -> Vec<String> {
        self.signal(libc::SIGTERM);
        let (status, log) = self.end();
        assert!(status.success(), "{status}: {log:#?}");
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a process a signal.
pub fn signal(process: i32, number: i32) {
    // SAFETY: a plain system call; the process is a child that was not waited for yet.
    assert_eq!(unsafe { libc::kill(process, number) }, 0);
}
