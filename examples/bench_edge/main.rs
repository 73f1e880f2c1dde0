//! `make bench-edge`: what a hit costs, beside nginx and Varnish.
//!
//! Servers run on one core and this program on another, one server at a time, in turns within one run, so that noise of the
//! machine hits all. What counts is processor time per request. Writes target/bench/edge.json, edge.md and edge.svg; ends with 1
//! if a floor is not held.
//!
//! Usage: `bench_edge held`, or `bench_edge [--rounds 5] [--many 1000000] [--percent 100] [--only CASE]`: how many entries the full index has (0 leaves
//! it out), how many of the usual requests are sent, and which case alone is measured.

mod held;
mod load;
mod report;
mod servers;
mod stock;

use std::{collections::BTreeMap, error::Error, fs, path::Path, process::ExitCode};

use load::Question;
use report::{Index, Measured, Report, Stalled};
use servers::*;
use stock::Stock;

type Failure = Box<dyn Error + Send + Sync>;

const FESTOON: u16 = 18_650;
const FESTOON_MANY: u16 = 18_651;
/// Keep-alive connections of the load.
const CONNECTIONS: usize = 16;
/// Entries of the index in the usual installation.
const FEW: u32 = 10_000;
/// Readers that take nothing.
const STALLED: usize = 200;
/// Where a range begins, and its bytes.
const RANGE: (usize, usize) = (1 << 20, 64 << 10);

struct Options {
    rounds: usize,
    many: u32,
    percent: usize,
    only: Option<String>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { rounds: 5, many: 1_000_000, percent: 100, only: None };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--rounds" => options.rounds = value.parse()?,
            "--many" => options.many = value.parse()?,
            "--percent" => options.percent = value.parse()?,
            "--only" => options.only = Some(value),
            _ => return Err(format!("`{name}` is not known: --rounds, --many, --percent, --only").into()),
        }
    }
    Ok(options)
}

/// What is asked of all servers alike.
struct Case {
    name: &'static str,
    size: &'static str,
    requests: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Range,
    NotModified,
    /// A clip by five parameters instead of bytes by their hash.
    Query,
}

const CASES: [Case; 7] = [
    Case { name: "4k", size: "4k", requests: 16_000, kind: Kind::Whole },
    Case { name: "64k", size: "64k", requests: 8_000, kind: Kind::Whole },
    Case { name: "1m", size: "1m", requests: 800, kind: Kind::Whole },
    Case { name: "4m", size: "4m", requests: 240, kind: Kind::Whole },
    Case { name: "range64k", size: "4m", requests: 8_000, kind: Kind::Range },
    Case { name: "304", size: "4k", requests: 16_000, kind: Kind::NotModified },
    Case { name: "query5", size: "4k", requests: 16_000, kind: Kind::Query },
];

/// One server at one of its ports.
struct Lane<'a> {
    name: &'static str,
    server: &'a Server,
    port: u16,
}

fn main() -> Result<ExitCode, Failure> {
    let folder = std::path::absolute("target/bench")?;
    if std::env::args().nth(1).as_deref() == Some("held") {
        return Ok(if held::measure(&folder)? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let options = options()?;
    let root = folder.join(format!("edge-{FEW}"));
    let stock = Stock::lay_out(&root, FESTOON, FEW)?;
    let many = folder.join(format!("edge-{}", options.many));
    if options.many > 0 {
        Stock::lay_out(&many, FESTOON_MANY, options.many)?;
    }
    pin(LOAD_CORE)?;

    let (festoon, ready_millis) = Server::festoon(&root, FESTOON)?;
    let nginx = Server::nginx(&folder.join("nginx"), &stock.config.state().join("blobs"))?;
    let varnish = Server::varnish(&folder.join("varnish"))?;
    let full = if options.many > 0 { Some(Server::festoon(&many, FESTOON_MANY)?) } else { None };
    let mut lanes = vec![
        Lane { name: "festoon", server: &festoon, port: FESTOON },
        Lane { name: "nginx-static", server: &nginx, port: NGINX_STATIC },
        Lane { name: "nginx-static nopush", server: &nginx, port: NGINX_STATIC_NOPUSH },
        Lane { name: "nginx-proxy-cache", server: &nginx, port: NGINX_PROXY },
        Lane { name: "nginx-proxy-cache nopush", server: &nginx, port: NGINX_PROXY_NOPUSH },
        Lane { name: "varnish", server: &varnish, port: VARNISH },
    ];
    if let Some((full, _)) = &full {
        lanes.push(Lane { name: "festoon full", server: full, port: FESTOON_MANY });
    }

    let mut rounds: BTreeMap<(&str, &str), Vec<Measured>> = BTreeMap::new();
    for round in 0..=options.rounds {
        for case in CASES.iter().filter(|case| options.only.as_deref().is_none_or(|only| only == case.name)) {
            for lane in lanes.iter().filter(|lane| asked_of(case, lane)) {
                let question = question(case, lane, &stock)?;
                // The first round warms caches on all sides.
                let requests = case.requests * options.percent / if round == 0 { 400 } else { 100 };
                let before = lane.server.cpu_micros()?;
                let micros = load::burst(lane.port, &question, CONNECTIONS, requests.max(CONNECTIONS))?;
                let cpu = lane.server.cpu_micros()? - before;
                if round > 0 {
                    rounds.entry((case.name, lane.name)).or_default().push(Measured::of(cpu, micros));
                }
            }
        }
        eprintln!("round {round} of {} done", options.rounds);
    }
    let measured: BTreeMap<_, _> = rounds.into_iter().map(|(key, rounds)| (key, Measured::median(&rounds))).collect();

    let index = full.as_ref().map(|(full, millis)| -> Result<Index, Failure> {
        Ok(Index {
            entries: [FEW, options.many],
            ready_millis: [ready_millis, *millis],
            resident_mib: [festoon.resident_mib()?, full.resident_mib()?],
        })
    });
    let report = Report {
        rounds: options.rounds,
        measured,
        stalled: stalled(&festoon, FESTOON, &stock)?,
        index: index.transpose()?,
        peers: [version("/usr/sbin/nginx", "-v"), version("/usr/sbin/varnishd", "-V")].into_iter().flatten().collect(),
    };
    let table = report.markdown();
    fs::write(folder.join("edge.md"), &table)?;
    fs::write(folder.join("edge.json"), serde_json::to_string_pretty(&report.json())?)?;
    fs::write(folder.join("edge.svg"), report.plot())?;
    println!("{table}");
    drop(full);
    remove(&many, options.many)?;
    Ok(if report.floors_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A clip by its parameters is festoon's alone; how full the index is shows at small answers.
fn asked_of(case: &Case, lane: &Lane<'_>) -> bool {
    match lane.name {
        "festoon" => true,
        "festoon full" => matches!(case.name, "4k" | "query5"),
        _ => case.kind != Kind::Query,
    }
}

fn question(case: &Case, lane: &Lane<'_>, stock: &Stock) -> Result<Question, Failure> {
    let target = stock.targets.iter().find(|target| target.size == case.size).ok_or("there is a target of each size")?;
    let path = if lane.name.starts_with("festoon") { &target.blob } else { &target.file };
    Ok(match case.kind {
        Kind::Whole => Question::get([path.as_str()], "", 200, target.bytes),
        Kind::Range => {
            let (first, bytes) = RANGE;
            Question::get([path.as_str()], &format!("Range: bytes={first}-{}\r\n", first + bytes - 1), 206, bytes)
        }
        Kind::NotModified => {
            let head = load::head(lane.port, path)?;
            let tag = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("etag").then(|| value.trim().to_owned())
            });
            let tag = tag.ok_or_else(|| format!("{} names no ETag: {head}", lane.name))?;
            Question::get([path.as_str()], &format!("If-None-Match: {tag}\r\n"), 304, 0)
        }
        Kind::Query => {
            let queries = target.queries();
            Question::get(queries.iter().map(String::as_str), "", 200, target.bytes)
        }
    })
}

/// What readers cost that ask for the largest clip and take nothing.
fn stalled(festoon: &Server, port: u16, stock: &Stock) -> Result<Stalled, Failure> {
    let largest = stock.targets.last().ok_or("there are targets")?;
    let before = festoon.resident_mib()?;
    let readers = load::stalled(port, &largest.blob, STALLED)?;
    // Once everybody's buffers are full nothing moves any more.
    let mut after = festoon.resident_mib()?;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let now = festoon.resident_mib()?;
        if (now - after).abs() < 0.5 {
            break;
        }
        after = now;
    }
    drop(readers);
    Ok(Stalled { readers: STALLED, bytes: largest.bytes, mib: after - before })
}

/// The full installation takes gigabytes.
fn remove(many: &Path, entries: u32) -> Result<(), Failure> {
    if entries > 0 {
        fs::remove_dir_all(many)?;
    }
    Ok(())
}
