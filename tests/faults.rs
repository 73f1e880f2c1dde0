//! The real programs under what kills naive services: taken ports, locked and read-only folders, `kill -9`.
//!
//! `festoon` is built by cargo for these tests; `festoon-renderer` must lie beside it, as `make test` puts it there.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use festoon::config::Config;
use festoon_spec::*;

use crate::installation::*;

pub const FESTOON: &str = env!("CARGO_BIN_EXE_festoon");
pub const TOKEN: &str = "a token that only this test knows";

/// Writes an installation and its settings into `root`; gives the settings' file.
pub fn settings(root: &Path, change: impl FnOnce(&mut Config)) -> PathBuf {
    let mut config = lay_out(root);
    config.renderers.token = TOKEN.into();
    config.encoder.id = X264_HERE_ID.clone();
    change(&mut config);
    let file = root.join("festoon.toml");
    fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    file
}

static X264_HERE_ID: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| festoon_film::Encoder::id(&*X264_HERE).0.clone());

/// A running `festoon`. Dropping it kills it.
pub struct Server {
    pub child: Child,
    pub stdout: BufReader<ChildStdout>,
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(arguments: &[&str], settings: &Path) -> Self {
        Self::start_with(Command::new(FESTOON), arguments, settings)
    }

    /// On a machine that has neither an encoder nor a decoder.
    pub fn start_without_programs(arguments: &[&str], settings: &Path) -> Self {
        let mut command = Command::new(FESTOON);
        command.env("PATH", "/nowhere").env_remove("FESTOON_X264").env_remove("FESTOON_FFMPEG");
        Self::start_with(command, arguments, settings)
    }

    /// With the settings, templates and models that come with festoon; what it keeps lies in `state`, campaigns too.
    pub fn start_as_it_comes(arguments: &[&str], state: &Path) -> Self {
        let mut command = Command::new(FESTOON);
        command
            .env("FESTOON__PATHS__STATE", state)
            .env("FESTOON__PATHS__CAMPAIGNS", state.join("campaigns"))
            .env("FESTOON__SERVER__LISTEN", "127.0.0.1:0")
            .env("FESTOON__SCHEDULE__ENABLED", "false");
        Self::start_with(command, arguments, &Path::new(env!("CARGO_MANIFEST_DIR")).join("config/festoon.toml"))
    }

    pub fn start_with(mut command: Command, arguments: &[&str], settings: &Path) -> Self {
        command.args(arguments).arg("--config").arg(settings).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(url) = line.trim().strip_prefix("festoon answers at ") else {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("festoon did not start: {line}{told}");
        };
        // Its lines are read, so that a full pipe never stops it.
        let (stderr, log) = (child.stderr.take().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { url: url.to_owned(), child, stdout, log }
    }

    /// Neither a panic nor an error is in its log.
    pub fn said_nothing_bad(&self) {
        let log = self.log.lock().unwrap();
        let bad: Vec<_> = log.iter().filter(|line| line.contains("panicked") || line.contains("ERROR")).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: the child is not reaped before `wait`, so the id is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.child.wait().unwrap();
    }

    pub fn renderer(&self, name: &str) -> Renderer {
        Renderer { client: client(), url: self.url.clone(), token: TOKEN.into(), name: name.into() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(client().get(format!("{}{path}", self.url)).send().await.unwrap()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}

/// Runs `festoon` to its end.
pub fn run(arguments: &[&str], settings: &Path) -> (i32, String) {
    let Output { status, stderr, .. } = Command::new(FESTOON).args(arguments).arg("--config").arg(settings).output().unwrap();
    // The terminal's width breaks lines; sentences are compared without it.
    let told = String::from_utf8_lossy(&stderr).replace(['│', '×'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    (status.code().unwrap(), told)
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = settings(root.path(), |config| config.server.listen = address);
    for verb in [&["serve"][..], &["up", "--renderers", "0"]] {
        let (code, told) = run(verb, &settings);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(&format!("port {} of 127.0.0.1 is taken by another program", address.port())), "{told}");
        assert!(told.contains("FESTOON__SERVER__LISTEN"), "{told}");
    }
    assert!(!root.path().join("state").exists(), "the state folder was opened before the port was known to be free");
}

#[test]
fn a_state_folder_that_another_process_has_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let first = Server::start(&["serve"], &settings);
    let (code, told) = run(&["serve", "--port", "0"], &settings);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("is in use by another festoon process") && told.contains(&first.child.id().to_string()), "{told}");
}

#[test]
fn a_read_only_state_folder_is_told_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let state = root.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o555)).unwrap();
    // Where whoever runs it may go.
    let program = root.path().join("festoon");
    fs::copy(FESTOON, &program).unwrap();
    let mut command = Command::new(program);
    command.args(["serve", "--config"]).arg(&settings);
    // SAFETY: getuid has no conditions.
    if unsafe { libc::getuid() } == 0 {
        // Root may write everywhere; nobody may not.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("state") && (told.contains("read-only") || told.contains("ermission denied")), "{told}");
}

#[test]
fn a_mistake_in_the_settings_is_told_with_its_key() {
    let root = tempfile::tempdir().unwrap();
    let file = settings(root.path(), |_| {});
    fs::write(&file, "[server]\nport = 80\n").unwrap();
    let (code, told) = run(&["serve"], &file);
    assert!(code == 1 && told.contains("port") && told.contains("festoon.toml") && told.contains("listen"), "{told}");
    let (code, told) = run(&["serve"], &root.path().join("missing.toml"));
    assert!(code == 1 && told.contains("missing.toml") && told.contains("--config"), "{told}");
}

#[tokio::test]
async fn sigterm_lets_what_is_in_flight_finish() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let mut server = Server::start(&["serve"], &settings);
    let request = client().get(format!("{}/v1/clips/lantern/en.mp4", server.url)).header("Prefer", "wait=60");
    let held = tokio::spawn(async move { Answer::of(request.send().await.unwrap()).await });
    // Once there is a job, the request is in flight.
    server.renderer("r1").lease(60).await.unwrap();
    server.terminate();
    assert_eq!(held.await.unwrap().status, 202);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// What was promised and kept while the server was killed.
#[derive(Default)]
struct Acknowledged {
    /// Orders that were answered, by the job's id.
    tickets: BTreeSet<String>,
    /// Hand-ins that were answered, by the clip's address.
    plates: BTreeMap<String, BlobHash>,
}

impl Acknowledged {
    async fn is_all_there(&self, server: &Server) {
        for (path, blob) in &self.plates {
            let answer = server.get(path).await;
            assert_eq!((answer.status, BlobHash::of(&answer.body)), (200, *blob), "{path}");
        }
        for id in &self.tickets {
            assert_eq!(server.get(&format!("/v1/tickets/{id}")).await.status, 200, "the order {id} is lost");
        }
    }

    async fn order(&mut self, server: &Server, number: usize) {
        let answer = server.get(&clip(number)).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.tickets.insert(answer.json()["id"].as_str().unwrap().to_owned());
    }
}

/// A take of the lantern; the first is named by leaving its number out.
pub fn clip(number: usize) -> String {
    match number {
        0 => "/v1/clips/lantern/en.mp4".into(),
        number => format!("/v1/clips/lantern/en.mp4?variation={number}"),
    }
}

/// Jobs finish while the server is killed fifty times, in the middle of each kind of request in turn, sooner or later within
/// it: whatever was acknowledged is there, byte for byte, and nothing half is ever served.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_that_was_acknowledged() {
    const KILLS: usize = 50;
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| config.queue.max_attempts = 1000);
    let mut acknowledged = Acknowledged::default();
    for round in 0..KILLS {
        let mut server = Server::start(&["serve"], &settings);
        acknowledged.is_all_there(&server).await;
        let renderer = server.renderer("r1");
        acknowledged.order(&server, round * 2).await;
        let lease = renderer.lease(0).await.unwrap();
        let path = clip(lease.spec.variation as usize);
        let (blobs, outcome) = painted(&lease);
        let bytes = blobs[0].clone();
        if round % 4 == 3 {
            for bytes in blobs {
                assert_eq!(renderer.put(&lease, &BlobHash::of(&bytes), bytes).await.status, 204);
            }
        }
        let url = server.url.clone();
        let blob = outcome.blob;
        let mut in_flight = tokio::spawn(async move {
            match round % 4 {
                0 => client().get(format!("{url}{}", clip(round * 2 + 1))).send().await.map(|answer| answer.status().as_u16()),
                1 => renderer.try_lease(0).await.map(|_| 200),
                2 => renderer.try_put(&lease, &outcome.blob, bytes).await.map(|answer| answer.status),
                _ => renderer.try_hand_in(&lease, &outcome).await.map(|answer| answer.status),
            }
        });
        // The last time round the kill comes right behind the answer.
        let mut answer = None;
        match round / 4 % 6 {
            5 => answer = Some((&mut in_flight).await),
            soon => after(&server.url, soon).await,
        }
        server.kill();
        let answer = match answer {
            Some(answer) => answer,
            None => in_flight.await,
        };
        if round % 4 == 3 && matches!(answer.unwrap(), Ok(204)) {
            acknowledged.plates.insert(path, blob);
        }
    }
    let server = Server::start(&["serve"], &settings);
    acknowledged.is_all_there(&server).await;
    assert_eq!(acknowledged.tickets.len(), KILLS);
    assert!(!acknowledged.plates.is_empty(), "no hand-in was answered before its kill");
    let left: Vec<_> = fs::read_dir(root.path().join("state/staging")).unwrap().collect();
    assert!(left.is_empty(), "half files are left behind: {left:?}");
    let damaged = fs::read_dir(root.path().join("state"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged"));
    assert_eq!(damaged.count(), 0, "a kill damaged the index");
}

/// Ends after the server has answered so many small requests, a clock that runs at its own pace.
pub async fn after(url: &str, requests: usize) {
    let client = client();
    for _ in 0..requests {
        client.get(format!("{url}/healthz")).send().await.unwrap();
    }
}

/// The renderer that lies beside `festoon`.
pub fn renderer_program() -> PathBuf {
    let program = Path::new(FESTOON).with_file_name("festoon-renderer");
    let works = Command::new(&program)
        .arg("--help")
        .output()
        .is_ok_and(|output| output.status.success() && String::from_utf8_lossy(&output.stdout).contains("--config"));
    assert!(works, "{} is missing or too old: run `cargo build -p festoon-renderer`, or `make test`", program.display());
    program
}

/// The checkpoint of [`lay_out`] is one in name only, and a real renderer would say so.
pub fn with_real_renderers(config: &mut Config, program: PathBuf) {
    config.renderers.program = program;
    config.models.0.clear();
    fs::remove_dir_all(config.root().join("templates/poster")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_that_is_killed_in_mid_paint_is_started_again_and_its_job_is_finished_once() {
    let program = renderer_program();
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        with_real_renderers(config, program);
        config.queue.lease_seconds = 2;
    });
    // Large enough to be caught in the middle.
    let template = root.path().join("templates/lantern/template.toml");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("width = 64\nheight = 36\nframes = 6", "width = 640\nheight = 360\nframes = 96")).unwrap();
    let mut server = Server::start(&["up", "--renderers", "1"], &settings);
    let ticket = server.get("/v1/clips/lantern/en.mp4").await.json();
    let ticket = ticket["url"].as_str().unwrap();
    while server.get(ticket).await.json()["status"] != "painting" {}
    let first = renderers_of(server.child.id());
    let [first] = first.as_slice() else { panic!("expected one renderer, found {first:?}") };
    // SAFETY: the supervisor has not reaped it, so the id is the renderer's.
    assert_eq!(unsafe { libc::kill(*first as i32, libc::SIGKILL) }, 0);
    let request = client().get(format!("{}/v1/clips/lantern/en.mp4", server.url)).header("Prefer", "wait=60");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let second = renderers_of(server.child.id());
    assert!(second.len() == 1 && second[0] != *first, "{second:?}");
    // Who waits wakes before the hand-in is counted.
    let mut counters = String::new();
    for _ in 0..1000 {
        counters = server.get("/metrics").await.text();
        if counters.contains("festoon_accepted_total{") {
            break;
        }
    }
    assert!(counters.contains("festoon_accepted_total{result=\"kept\"} 1"), "{counters}");
    assert_eq!(server.get(ticket).await.json()["attempts"], 2);
    server.terminate();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&format!("/proc/{}", second[0])).exists(), "a renderer outlived its supervisor");
    let mut rest = String::new();
    server.stdout.read_to_string(&mut rest).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_renderer_outlives_a_supervisor_that_was_killed() {
    let program = renderer_program();
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| with_real_renderers(config, program));
    let mut server = Server::start(&["up", "--renderers", "2"], &settings);
    let renderers = renderers_of(server.child.id());
    assert_eq!(renderers.len(), 2);
    let watched: Vec<_> = renderers.iter().map(|id| watch_process(*id)).collect();
    server.kill();
    for process in watched {
        ended(process);
    }
}

/// The renderers that this process started, by the kernel's list; encoders that stand by are there, too.
fn renderers_of(parent: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{parent}/task")).unwrap() {
        let list = fs::read_to_string(thread.unwrap().path().join("children")).unwrap();
        children.extend(list.split_whitespace().map(|id| id.parse::<u32>().unwrap()));
    }
    // The kernel keeps fifteen letters of a name.
    children.retain(|id| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "festoon-rendere"));
    children
}

/// A handle that becomes readable when the process ends (`pidfd_open(2)`).
fn watch_process(id: u32) -> libc::c_int {
    // SAFETY: plain system call; the result is checked.
    let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, id as libc::pid_t, 0) };
    assert!(handle >= 0, "process {id} cannot be watched");
    handle as libc::c_int
}

fn ended(handle: libc::c_int) {
    let mut wait = libc::pollfd { fd: handle, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which is open.
    assert_eq!(unsafe { libc::poll(&raw mut wait, 1, -1) }, 1);
}
