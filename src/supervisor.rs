//! Renderer processes of this machine: starts them, keeps them running, stops them.
//!
//! A renderer that ends is started again after a pause that doubles while it keeps ending early: a device fault (exit
//! code 70) costs one process, never the server. Its lines go to this process's log under its name. Each renderer is in
//! a process group of its own, so that Ctrl-C reaches the supervisor only, which then asks each to drain; and the kernel
//! kills it when this process dies, so that none is left behind.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// The exit code of a renderer whose device failed (`EX_SOFTWARE` of sysexits.h).
pub const DEVICE_FAULT: i32 = 70;

/// Exit codes of a renderer that no other start can help: the server refuses its token, or its settings are wrong
/// (`EX_NOPERM`, `EX_CONFIG`), or its arguments are.
const HOPELESS: [i32; 3] = [77, 78, 2];

/// Characters of a renderer's line that are kept.
const LINE: u64 = 8 << 10;

/// What to start, and how often.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The renderer program.
    pub program: PathBuf,
    /// How many processes.
    pub count: usize,
    /// Its settings file, if there is one.
    pub settings: Option<PathBuf>,
    /// Checkpoint folders that it may load besides those of its settings.
    pub models: Vec<PathBuf>,
    /// Where it remembers digests.
    pub cache: PathBuf,
    /// The server's address, for example `http://127.0.0.1:8080`.
    pub server: String,
    /// What it shows to the server.
    pub token: String,
    /// Pauses between an end and the next start.
    pub pauses: Pauses,
    /// How long a renderer may drain before it is killed.
    pub patience: Duration,
    /// Takes each line that a renderer writes, with its name.
    pub lines: fn(&str, &str),
}

/// Pauses between an end and the next start.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// After the first early end.
    pub first: Duration,
    /// At most.
    pub most: Duration,
    /// Who ran this long did not end early.
    pub healthy: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(60), healthy: Duration::from_secs(60) }
    }
}

impl Pauses {
    /// The pause after a run, given the one before it.
    fn after(&self, ran: Duration, before: Option<Duration>) -> Duration {
        match before {
            Some(before) if ran < self.healthy => (before * 2).min(self.most),
            _ => self.first,
        }
    }
}

/// Why no renderer was started.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SupervisorError {
    /// The program is not there.
    #[error("there is no renderer program at {path}")]
    #[diagnostic(help(
        "build it with `cargo build --release -p festoon-renderer`, name it in `program` of [renderers], or start with --renderers 0"
    ))]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It cannot be started.
    #[error("cannot start {path}: {source}")]
    Start {
        /// The program.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Running renderers. Dropping it kills them.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    starts: watch::Receiver<u64>,
    keepers: JoinSet<()>,
}

impl Supervisor {
    /// Starts the renderers. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the program is missing or does not start.
    pub fn start(plan: Plan) -> Result<Self, SupervisorError> {
        let stop = CancellationToken::new();
        let (count_start, starts) = watch::channel(0);
        if plan.count > 0 && !plan.program.is_file() {
            return Err(SupervisorError::NoProgram { path: plan.program });
        }
        let mut keepers = JoinSet::new();
        for number in 1..=plan.count {
            let name = format!("renderer-{number}");
            let child = spawn(&plan, &name).map_err(|source| SupervisorError::Start { path: plan.program.clone(), source })?;
            count_start.send_modify(|starts| *starts += 1);
            keepers.spawn(keep(plan.clone(), name, child, stop.clone(), count_start.clone()));
        }
        Ok(Self { stop, starts, keepers })
    }

    /// How often a renderer was started so far.
    pub fn starts(&self) -> watch::Receiver<u64> {
        self.starts.clone()
    }

    /// Asks all to drain, waits for them, kills who does not end in time.
    pub async fn drain(mut self) {
        self.stop.cancel();
        self.deserted().await;
    }

    /// Ends when no renderer is kept running any more: none was asked for, or none can be helped.
    pub async fn deserted(&mut self) {
        while let Some(ended) = self.keepers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the keeper of a renderer failed");
            }
        }
    }
}

/// The renderer that lies beside this program.
///
/// # Errors
/// If the system does not tell where this program lies.
pub fn program_beside_this_one() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.parent().unwrap_or(Path::new(".")).join("festoon-renderer"))
}

/// Keeps one renderer running until told to stop.
async fn keep(plan: Plan, name: String, first: Child, stop: CancellationToken, starts: watch::Sender<u64>) {
    let mut child = Some(first);
    let mut pause = None;
    loop {
        let started = Instant::now();
        if let Some(mut child) = child.take() {
            tokio::select! {
                ended = child.wait() => match ended {
                    Ok(status) if status.code().is_some_and(|code| HOPELESS.contains(&code)) => {
                        tracing::error!(renderer = name, end = %describe(status), "a renderer cannot work; it says why above");
                        return;
                    }
                    Ok(status) => tracing::warn!(renderer = name, end = %describe(status), "a renderer ended"),
                    Err(error) => tracing::error!(renderer = name, %error, "a renderer cannot be waited for"),
                },
                () = stop.cancelled() => return end(&name, child, plan.patience).await,
            }
        }
        let next = plan.pauses.after(started.elapsed(), pause);
        pause = Some(next);
        tracing::info!(renderer = name, millis = next.as_millis() as u64, "starting it again after a pause");
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = stop.cancelled() => return,
        }
        match spawn(&plan, &name) {
            Ok(started) => {
                starts.send_modify(|starts| *starts += 1);
                child = Some(started);
            }
            Err(error) => tracing::error!(renderer = name, %error, "a renderer cannot be started"),
        }
    }
}

/// Asks one renderer to drain, then waits, then kills.
async fn end(name: &str, mut child: Child, patience: Duration) {
    if let Some(id) = child.id() {
        // SAFETY: plain system call; the child is not reaped yet, so the id is still its own.
        if unsafe { libc::kill(id as libc::pid_t, libc::SIGTERM) } != 0 {
            tracing::warn!(renderer = name, error = %io::Error::last_os_error(), "a renderer cannot be asked to drain");
        }
    }
    match tokio::time::timeout(patience, child.wait()).await {
        Ok(Ok(status)) => tracing::info!(renderer = name, end = %describe(status), "a renderer drained"),
        Ok(Err(error)) => tracing::error!(renderer = name, %error, "a renderer cannot be waited for"),
        Err(_) => {
            tracing::warn!(renderer = name, seconds = patience.as_secs(), "a renderer did not drain in time and is killed");
            if let Err(error) = child.kill().await {
                tracing::error!(renderer = name, %error, "a renderer cannot be killed");
            }
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "drained".into(),
        (Some(DEVICE_FAULT), _) => "device fault".into(),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".into(),
    }
}

fn spawn(plan: &Plan, name: &str) -> io::Result<Child> {
    let mut command = Command::new(&plan.program);
    if let Some(settings) = &plan.settings {
        command.arg("--config").arg(settings);
    }
    command
        .env("FESTOON_RENDERER__SERVER", &plan.server)
        .env("FESTOON_RENDERER__TOKEN", &plan.token)
        .env("FESTOON_RENDERER__FOLDERS__CACHE", &plan.cache)
        // The name is unique per process: the server tells leases apart by it.
        .env("FESTOON_RENDERER__NAME", format!("{name}-{}", uuid::Uuid::new_v4().simple()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for (number, folder) in plan.models.iter().enumerate() {
        // To a renderer a checkpoint is its digest; the name is for people.
        command.env(format!("FESTOON_RENDERER__MODELS__SERVER{number}"), folder);
    }
    let parent = std::process::id();
    // SAFETY: between fork and exec only system calls are made, which are safe to call there.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the line above took effect.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    if let Some(output) = child.stdout.take() {
        tokio::spawn(relay(name.to_owned(), output, plan.lines));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(relay(name.to_owned(), output, plan.lines));
    }
    Ok(child)
}

/// Passes a renderer's lines on.
async fn relay(name: String, output: impl AsyncRead + Unpin, lines: fn(&str, &str)) {
    use tokio::io::AsyncReadExt;
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) => return,
            Ok(_) => lines(&name, String::from_utf8_lossy(&line).trim_end()),
            Err(error) => return tracing::warn!(renderer = name, %error, "a renderer's lines cannot be read any more"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A program that does `script` instead of painting.
    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("renderer.sh");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn plan(program: PathBuf, count: usize) -> Plan {
        let pauses = Pauses { first: Duration::from_millis(1), most: Duration::from_millis(2), healthy: Duration::from_secs(60) };
        Plan {
            program,
            count,
            settings: None,
            models: Vec::new(),
            cache: "/nowhere".into(),
            server: "http://127.0.0.1:1".into(),
            token: "secret".into(),
            pauses,
            patience: Duration::from_secs(60),
            lines: |name, line| println!("{name} {line}"),
        }
    }

    #[tokio::test]
    async fn a_renderer_that_ends_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::start(plan(program(folder.path(), "exit 70"), 1)).unwrap();
        supervisor.starts().wait_for(|starts| *starts >= 3).await.unwrap();
        supervisor.drain().await;
    }

    #[tokio::test]
    async fn renderers_learn_server_token_and_a_name_of_their_own_and_drain_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let ready = folder.path().join("ready");
        std::process::Command::new("mkfifo").arg(&ready).status().unwrap();
        let script = format!(
            "echo \"$FESTOON_RENDERER__SERVER $FESTOON_RENDERER__TOKEN $FESTOON_RENDERER__NAME\" >> {log}\n\
             trap 'echo drained >> {log}; exit 0' TERM\necho > {ready}\nwhile :; do read line < {ready}; done",
            log = log.display(),
            ready = ready.display()
        );
        let supervisor = Supervisor::start(plan(program(folder.path(), &script), 1)).unwrap();
        // Opens once the renderer has set its trap.
        tokio::task::spawn_blocking(move || fs::read(ready)).await.unwrap().unwrap();
        supervisor.drain().await;
        let lines = fs::read_to_string(log).unwrap();
        assert!(lines.starts_with("http://127.0.0.1:1 secret renderer-1-") && lines.ends_with("drained\n"), "{lines}");
    }

    #[tokio::test]
    async fn a_renderer_that_cannot_work_is_not_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor = Supervisor::start(plan(program(folder.path(), "exit 78"), 2)).unwrap();
        supervisor.deserted().await;
        assert_eq!(*supervisor.starts().borrow(), 2);
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = Supervisor::start(plan("/nowhere/festoon-renderer".into(), 1)).unwrap_err();
        assert_eq!(error.to_string(), "there is no renderer program at /nowhere/festoon-renderer");
        Supervisor::start(plan("/nowhere/festoon-renderer".into(), 0)).unwrap().drain().await;
    }

    #[test]
    fn pauses_double_while_runs_are_short() {
        let pauses = Pauses { first: Duration::from_secs(1), most: Duration::from_secs(5), healthy: Duration::from_secs(60) };
        let mut pause = None;
        let mut seen = Vec::new();
        for ran in [0, 0, 0, 0, 60, 0] {
            pause = Some(pauses.after(Duration::from_secs(ran), pause));
            seen.extend(pause.map(|pause| pause.as_secs()));
        }
        assert_eq!(seen, [1, 2, 4, 5, 1, 2]);
    }
}
