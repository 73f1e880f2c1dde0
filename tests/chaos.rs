//! `make chaos`: the real server is killed with SIGKILL again and again, at random moments, also while it starts, while all that it
//! keeps is being written; after each start it must have what it acknowledged. A few kills are an ordinary test.
#![allow(clippy::unwrap_used)]

mod ledger;
mod load;
mod report;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use festoon::config::Config;
use festoon_spec::BlobHash;
use serde_json::json;

use crate::{
    faults::*,
    http::titles::add_card,
    installation::{Renderer, painted},
};
use ledger::Ledger;
use load::Load;
use report::Report;

/// How long a renderer may be silent. Short, since a lease whose answer was killed is only given again after it.
const LEASE_SECONDS: u64 = 4;
/// What opinions are about.
const LIKED: &str = "/v1/clips/lantern/en.mp4";

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_moments_under_every_kind_of_write_lose_nothing_that_was_acknowledged() {
    let report = run(10, 20_261_122).await;
    assert_eq!(report.kills, 10);
}

/// `make chaos`. FESTOON_CHAOS_KILLS and FESTOON_CHAOS_SEED choose how many kills and which.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: `make chaos`"]
async fn two_hundred_kills() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = number("FESTOON_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let report = run(number("FESTOON_CHAOS_KILLS").unwrap_or(200), seed).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/chaos");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("chaos.json"), serde_json::to_string_pretty(&report).unwrap()).unwrap();
    fs::write(folder.join("chaos.md"), report.markdown()).unwrap();
    println!("{}", report.markdown());
}

/// What is tried, for one installation from its beginning to its end.
struct Chaos {
    root: tempfile::TempDir,
    settings: PathBuf,
    random: fastrand::Rng,
    ledger: Arc<Mutex<Ledger>>,
    report: Report,
}

/// Kills a server so often; panics at the first thing that is wrong.
async fn run(kills: u64, seed: u64) -> Report {
    println!("seed {seed}");
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        add_card(config);
        without_limits(config);
    });
    let random = fastrand::Rng::with_seed(seed);
    let mut chaos = Chaos { root, settings, random, ledger: Arc::default(), report: Report::of(seed) };
    chaos.prepare().await;
    while chaos.report.kills < kills {
        match chaos.random.u8(0..8) {
            0 => chaos.kill_while_it_starts().await,
            _ => chaos.kill_under_load().await,
        }
        chaos.report.kills += 1;
        if chaos.report.kills.is_multiple_of(20) {
            println!("{} kills survived", chaos.report.kills);
        }
    }
    chaos.finish().await;
    chaos.report.clone()
}

impl Drop for Chaos {
    /// What failed can be looked at.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.root.disable_cleanup(true);
            println!(
                "seed {}, kill {}; the installation is left in {}",
                self.report.seed,
                self.report.kills,
                self.root.path().display()
            );
        }
    }
}

fn without_limits(config: &mut Config) {
    config.queue.max_attempts = 10_000;
    config.queue.lease_seconds = LEASE_SECONDS;
    config.limits.opinions_per_minute = u32::MAX;
    config.images.per_minute = u32::MAX;
    config.strangers.work_per_minute = u32::MAX;
    config.on_demand.max_queue = 1000;
}

impl Chaos {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// Paints what titles are drawn on and what is liked.
    async fn prepare(&mut self) {
        let server = Server::start(&["serve"], &self.settings);
        let renderer = server.renderer("first");
        for path in [LIKED, "/v1/clips/card/en.mp4"] {
            assert_eq!(server.get(path).await.status, 202);
        }
        for path in [LIKED, "/v1/clips/card/en.mp4"] {
            self.paint_until(&server, &renderer, path).await;
        }
    }

    /// Paints whatever waits until this is there. A lease that nobody knows of any more runs out first, and what was lost pauses.
    async fn paint_until(&self, server: &Server, renderer: &Renderer, path: &str) {
        for _ in 0..1000 {
            if server.get(path).await.status == 200 {
                return;
            }
            let Some(lease) = renderer.lease(LEASE_SECONDS as u32).await else { continue };
            let (blobs, outcome) = painted(&lease);
            let mut answers = Vec::new();
            for bytes in blobs {
                answers.push(renderer.put(&lease, &BlobHash::of(&bytes), bytes).await);
            }
            answers.push(renderer.hand_in(&lease, &outcome).await);
            match answers.iter().find(|answer| answer.status != 204) {
                None => self.ledger().kept(&lease, outcome.blob),
                // On a busy machine a lease runs out.
                Some(refused) => assert_eq!(refused.code(), "lease-lost", "{}", refused.text()),
            }
        }
        panic!("{path} is never painted: {}", server.get(path).await.text());
    }

    /// A moment of the start is not to be had otherwise than by the clock.
    async fn kill_while_it_starts(&mut self) {
        let usual = self.report.start_millis.last().copied().unwrap_or(500);
        let mut command = Command::new(FESTOON);
        command.args(["serve", "--config"]).arg(&self.settings).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        tokio::time::sleep(Duration::from_micros(self.random.u64(0..=usual * 1000))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        self.report.kills_while_starting += 1;
    }

    async fn kill_under_load(&mut self) {
        let mut server = self.start().await;
        let answers = match self.random.u8(0..4) {
            0 => self.random.usize(40..160),
            _ => self.random.usize(0..40),
        };
        let mut load = Load::start(&server, &self.ledger, &mut self.random);
        load.answered(answers).await;
        after(&server.url, self.random.usize(0..6)).await;
        server.kill();
        self.report.count(load.end().await);
        server.said_nothing_bad();
    }

    /// Starts the server and looks at everything that was acknowledged since the last start, and at some of the rest.
    async fn start(&mut self) -> Server {
        let began = Instant::now();
        let server = Server::start(&["serve"], &self.settings);
        self.report.start_millis.push(began.elapsed().as_millis() as u64);
        self.look_at_files();
        let asked = self.ledger.lock().unwrap().questions(&mut self.random, false);
        self.report.checked += ledger::ask(&server, asked).await;
        server
    }

    fn look_at_files(&self) {
        let state = self.root.path().join("state");
        let names = |folder: &str| -> Vec<String> {
            let Ok(entries) = fs::read_dir(state.join(folder)) else { return Vec::new() };
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("staging"), [""; 0], "half files are left behind");
        assert_eq!(names("quarantine"), [""; 0], "something corrupt was found");
        let odd: Vec<_> = names("").into_iter().filter(|name| name.contains("damaged") || name.ends_with(".new")).collect();
        assert_eq!(odd, [""; 0], "a kill left something in the state folder");
        let audit = fs::read_to_string(state.join("audit.jsonl")).unwrap_or_default();
        for line in audit.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error} in the audit: {line}"));
        }
        assert!(audit.lines().count() >= self.ledger().audited, "a line of the audit is lost");
    }

    /// The queue is painted empty; then all that was ever acknowledged is looked at.
    async fn finish(&mut self) {
        let mut server = self.start().await;
        let renderer = server.renderer("last");
        let unpainted = self.ledger().unpainted();
        for path in unpainted {
            self.paint_until(&server, &renderer, &path).await;
        }
        let asked = self.ledger.lock().unwrap().questions(&mut self.random, true);
        self.report.checked += ledger::ask(&server, asked).await;
        server.terminate();
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        server.said_nothing_bad();
        let (_, told) = run_json(&["doctor"], &self.settings);
        let orphan = |problem: &serde_json::Value| problem.to_string().contains("orphan");
        let problems = told["problems"].as_array().unwrap();
        assert!(problems.iter().all(orphan), "{problems:#?}");
        self.report.orphans = problems.len();
        self.report.acknowledged = self.ledger.lock().unwrap().acknowledged.clone();
    }
}

/// Runs a verb that answers in JSON.
fn run_json(arguments: &[&str], settings: &Path) -> (i32, serde_json::Value) {
    let output = Command::new(FESTOON).args(arguments).args(["--json", "--config"]).arg(settings).output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap(), told)
}

/// The body of `POST /v1/picks` for what opinions are about.
fn liked() -> serde_json::Value {
    json!({"template": "lantern", "locale": "en"})
}
