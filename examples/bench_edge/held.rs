//! `make load`: what hits cost while two thousand connections idle, five hundred readers crawl, and somebody sends heads byte by byte.
//!
//! Everything stays on this machine and ends by itself. Writes target/bench/load.md and load.json; ends with 1 if the bound is broken.

use std::{
    collections::VecDeque,
    error::Error,
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    CONNECTIONS, FESTOON, FEW,
    load::{self, Question},
    report::Measured,
    servers::{LOAD_CORE, Server, pin},
    stock::Stock,
};

type Failure = Box<dyn Error + Send + Sync>;

const IDLE: usize = 2000;
const SLOW_READERS: usize = 500;
const SLOW_HEADS: usize = 300;
/// Bytes that a slow reader takes, and how often.
const SIP: usize = 16 << 10;
const SIPS_EVERY: Duration = Duration::from_millis(250);
/// Requests of a burst, and bursts of each kind.
const REQUESTS: usize = 60_000;
const BURSTS: usize = 5;
/// The load is on for at least so long, so that limits on time are reached.
const LASTS: Duration = Duration::from_secs(20);
/// The slowest hundredth may take so many times longer under the load.
const BOUND: f64 = 5.0;

/// What the load saw.
#[derive(Default)]
struct Seen {
    sips: AtomicU64,
    readers_cut: AtomicU64,
    heads_cut: AtomicU64,
    heads_told: AtomicU64,
    heads_opened: AtomicU64,
}

/// Connections that crawl, on a thread of their own.
struct Crawling {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Crawling {
    fn start(work: impl FnMut() -> Result<(), Failure> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, mut work) = (Arc::clone(&stop), work);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let next = Instant::now() + SIPS_EVERY;
                work()?;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            Ok(())
        });
        Self { stop, thread }
    }

    fn stop(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "a thread of the load died")?
    }
}

/// Measures; whether the bound holds.
pub fn measure(folder: &Path) -> Result<bool, Failure> {
    let stock = Stock::lay_out(&folder.join(format!("edge-{FEW}")), FESTOON, FEW)?;
    pin(LOAD_CORE)?;
    let (server, _) = Server::festoon(&folder.join(format!("edge-{FEW}")), FESTOON)?;
    let target = |size| stock.targets.iter().find(|target| target.size == size).ok_or("there is a target of each size");
    let (small, large) = (target("4k")?, target("4m")?);
    let question = Question::get([small.blob.as_str()], "", 200, small.bytes);
    let bursts = |at_least: Duration| -> Result<Measured, Failure> {
        let (began, mut rounds) = (Instant::now(), Vec::new());
        while rounds.len() < BURSTS || began.elapsed() < at_least {
            let before = server.cpu_micros()?;
            let micros = load::burst(FESTOON, &question, CONNECTIONS, REQUESTS)?;
            rounds.push(Measured::of(server.cpu_micros()? - before, micros));
        }
        Ok(Measured::median(&rounds))
    };
    bursts(Duration::ZERO)?;
    let alone = bursts(Duration::ZERO)?;
    let resident = server.resident_mib()?;

    let idle = load::idle(FESTOON, &small.blob, small.bytes, IDLE)?;
    let with_idle = server.resident_mib()?;
    let seen = Arc::new(Seen::default());
    let readers = Crawling::start(sip(load::stalled(FESTOON, &large.blob, SLOW_READERS)?, large.bytes, Arc::clone(&seen)));
    let heads = Crawling::start(drip(Arc::clone(&seen)));
    let loaded = bursts(LASTS)?;
    let peak = server.peak_mib()?;
    let turned_away = counter(&load::page(FESTOON, "/metrics")?, "festoon_connections_turned_away_total");
    readers.stop()?;
    heads.stop()?;
    let idle_left = idle.iter().filter(|stream| is_open(stream)).count();
    drop(idle);

    let slower = loaded.p99_micros / alone.p99_micros;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let page = format!(
        "# Hits under load\n\n\
         {IDLE} idle keep-alive connections, {SLOW_READERS} readers of 4 MiB that take {} KiB four times a second, and {SLOW_HEADS} \
         connections that send a byte of a head as often; meanwhile {CONNECTIONS} connections ask for 4 KiB as fast as answers come. \
         Server on one core, load on the other; medians of bursts of {REQUESTS} requests.\n\n\
         | | alone | under load | ratio |\n|---|---|---|---|\n\
         | p50 | {:.0} µs | {:.0} µs | {:.2} |\n| p99 | {:.0} µs | {:.0} µs | {slower:.2} (bound {BOUND}) |\n\
         | CPU per request | {:.1} µs | {:.1} µs | {:.2} |\n\n\
         Memory: {resident:.0} MiB alone, {with_idle:.0} MiB with the idle connections ({:.1} KiB each), {peak:.0} MiB at the peak.\n\n\
         Connections turned away: {turned_away}. Slow heads: {} opened, {} told 408 or closed by the server, {} of these with an answer. \
         Slow readers: {} sips, {} cut off. Idle connections still open: {idle_left}.\n",
        SIP >> 10,
        alone.p50_micros,
        loaded.p50_micros,
        loaded.p50_micros / alone.p50_micros,
        alone.p99_micros,
        loaded.p99_micros,
        alone.cpu_micros,
        loaded.cpu_micros,
        loaded.cpu_micros / alone.cpu_micros,
        (with_idle - resident) * 1024.0 / IDLE as f64,
        count(&seen.heads_opened),
        count(&seen.heads_cut),
        count(&seen.heads_told),
        count(&seen.sips),
        count(&seen.readers_cut),
    );
    let told = json!({
        "p50_micros": [alone.p50_micros, loaded.p50_micros],
        "p99_micros": [alone.p99_micros, loaded.p99_micros],
        "cpu_micros": [alone.cpu_micros, loaded.cpu_micros],
        "resident_mib": [resident, with_idle, peak],
        "turned_away": turned_away,
        "slow_heads": [count(&seen.heads_opened), count(&seen.heads_cut)],
    });
    fs::write(folder.join("load.md"), &page)?;
    fs::write(folder.join("load.json"), serde_json::to_string_pretty(&told)?)?;
    println!("{page}");
    Ok(slower < BOUND)
}

/// Takes a little of each body at each turn. Who has all of it asks again.
fn sip(mut readers: Vec<TcpStream>, whole: usize, seen: Arc<Seen>) -> impl FnMut() -> Result<(), Failure> {
    let mut taken = vec![0_usize; readers.len()];
    let mut room = vec![0; SIP];
    move || {
        for (reader, taken) in readers.iter_mut().zip(&mut taken) {
            reader.set_nonblocking(true)?;
            match reader.read(&mut room) {
                Ok(0) => drop(seen.readers_cut.fetch_add(1, Ordering::Relaxed)),
                Ok(count) => {
                    seen.sips.fetch_add(1, Ordering::Relaxed);
                    *taken += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => drop(seen.readers_cut.fetch_add(1, Ordering::Relaxed)),
            }
            debug_assert!(*taken < 2 * whole, "one body is asked for");
        }
        Ok(())
    }
}

/// Sends a byte of a head on each connection at each turn, and opens another where the server closed one.
fn drip(seen: Arc<Seen>) -> impl FnMut() -> Result<(), Failure> {
    let mut open: VecDeque<TcpStream> = VecDeque::new();
    move || {
        while open.len() < SLOW_HEADS {
            let mut stream = TcpStream::connect(("127.0.0.1", FESTOON))?;
            stream.write_all(b"GET /v1/blobs/")?;
            stream.set_nonblocking(true)?;
            seen.heads_opened.fetch_add(1, Ordering::Relaxed);
            open.push_back(stream);
        }
        open.retain_mut(|stream| {
            let mut answer = [0; 1024];
            let told = matches!(stream.read(&mut answer), Ok(1..));
            let ended = told || stream.write_all(b"a").is_err();
            seen.heads_cut.fetch_add(ended.into(), Ordering::Relaxed);
            seen.heads_told.fetch_add(told.into(), Ordering::Relaxed);
            !ended
        });
        Ok(())
    }
}

/// Whether the other side has not closed.
fn is_open(mut stream: &TcpStream) -> bool {
    let waits = stream.set_nonblocking(true).map(|()| stream.read(&mut [0; 1]));
    matches!(waits, Ok(Err(error)) if error.kind() == io::ErrorKind::WouldBlock)
}

/// A counter of the page of metrics; none yet is 0.
fn counter(page: &str, name: &str) -> f64 {
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0.0)
}
