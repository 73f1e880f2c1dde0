//! `make bench-hit`: how long a hit takes, and how long a start takes with 10,000 plates in the index.
//!
//! The shipped program answers over loopback on one connection, nginx (if installed) serves the same files beside it, in
//! turns within one run, so that noise of the machine hits both. Writes target/bench/hit.json and hit.md.
//!
//! Usage: `cargo build --release && cargo run --release --example bench_hit [-- --rounds 5 --requests 2000 --entries 10000]`

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use festoon::{
    cache::{Cache, CacheOptions, Manifest, Recipe},
    clock::SystemClock,
    config::Config,
    http::clip_address,
    pick::Pick,
    store::Store,
    template::Library,
};
use festoon_spec::*;
use md5::{Digest as _, Md5};
use serde::Serialize;

type Failure = Box<dyn Error + Send + Sync>;

/// Sizes of plates: a thumbnail, a small clip, a usual one, a large one.
const SIZES: [(&str, usize); 4] = [("4k", 4 << 10), ("64k", 64 << 10), ("1m", 1 << 20), ("4m", 4 << 20)];
const NGINX_PORT: u16 = 18_651;
const FESTOON_PORT: u16 = 18_650;

const TEMPLATE: &str = r##"
painter = "motion"
[canvas]
width = 1280
height = 720
frames = 120
fps = 24
[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 40
[palettes.night]
sky = ["#000010", "#202040"]
colours = ["#ffd166"]
[scene]
palette = "night"
[[scene.layers]]
motif = "fireworks"
"##;
const WORDS: &str = "title = \"Bench\"\ndescription = \"A bench.\"\n[parameters.title]\nlabel = \"Title\"\ndefault = \"Hello\"\n";

/// One server answering one size.
#[derive(Debug, Clone, Serialize)]
struct Case {
    case: String,
    requests: usize,
    p50_micros: f64,
    p99_micros: f64,
    /// Processor time of the server, user and system.
    cpu_micros_per_request: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    entries: u64,
    /// Medians over the rounds.
    cases: Vec<Case>,
    /// From the program's start to `/readyz` answering 200, each round.
    ready_millis: Vec<f64>,
    resident_mib: f64,
    nginx: Option<String>,
}

struct Options {
    rounds: usize,
    requests: usize,
    entries: u32,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { rounds: 5, requests: 2000, entries: 10_000 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--rounds" => options.rounds = value.parse()?,
            "--requests" => options.requests = value.parse()?,
            "--entries" => options.entries = value.parse()?,
            _ => return Err(format!("`{name}` is not known: --rounds, --requests, --entries").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let folder = std::path::absolute("target/bench")?;
    let root = folder.join(format!("hit-{}", options.entries));
    let config = lay_out(&root)?;
    let targets = fill(&root, &config, options.entries)?;
    let festoon = std::env::current_exe()?.parent().and_then(Path::parent).ok_or("no folder above")?.join("festoon");
    if !festoon.is_file() {
        return Err(format!("{} is not built: run `cargo build --release` first", festoon.display()).into());
    }

    let mut ready_millis = Vec::new();
    let mut server = None;
    for _ in 0..options.rounds {
        drop(server.take());
        let (started, millis) = Server::festoon(&festoon, &root)?;
        ready_millis.push(millis);
        server = Some(started);
    }
    let server = server.ok_or("at least one round")?;
    let nginx = Server::nginx(&root)?;

    let mut measured: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for round in 0..=options.rounds {
        for target in &targets {
            let requests = if target.bytes > 1 << 19 { options.requests / 8 } else { options.requests }.max(10);
            let mut cases = vec![
                server.measure(&format!("festoon-clip/{}", target.size), FESTOON_PORT, &target.clip, target.bytes, requests)?,
                server.measure(&format!("festoon-blob/{}", target.size), FESTOON_PORT, &target.blob, target.bytes, requests)?,
            ];
            if let Some((nginx, _)) = &nginx {
                let case = format!("nginx-static/{}", target.size);
                cases.push(nginx.measure(&case, NGINX_PORT, &target.file, target.bytes, requests)?);
            }
            // The first round warms caches on all sides.
            for case in cases.into_iter().filter(|_| round > 0) {
                measured.entry(case.case.clone()).or_default().push(case);
            }
        }
    }
    let report = Report {
        entries: u64::from(options.entries) + targets.len() as u64,
        cases: measured.into_values().map(|rounds| medians(&rounds)).collect(),
        ready_millis,
        resident_mib: server.resident_mib()?,
        nginx: nginx.as_ref().map(|(_, version)| version.clone()),
    };
    fs::write(folder.join("hit.json"), serde_json::to_string_pretty(&report)?)?;
    let table = markdown(&report, &options);
    fs::write(folder.join("hit.md"), &table)?;
    println!("{table}");
    Ok(())
}

/// What is asked for.
struct Target {
    size: &'static str,
    bytes: usize,
    clip: String,
    blob: String,
    /// The same bytes as nginx serves them.
    file: String,
}

/// Settings and one template.
fn lay_out(root: &Path) -> Result<Config, Failure> {
    fs::create_dir_all(root.join("templates/bench/words"))?;
    fs::create_dir_all(root.join("config/feasts"))?;
    fs::write(root.join("templates/bench/template.toml"), TEMPLATE)?;
    fs::write(root.join("templates/bench/words/en.toml"), WORDS)?;
    let mut config = Config::in_folder(root);
    config.server.listen.set_port(FESTOON_PORT);
    config.server.workers = 1;
    config.schedule.enabled = false;
    config.models.0.clear();
    config.encoder.id = "x264 bench plate/1".into();
    config.log.filter = "warn".into();
    fs::write(root.join("festoon.toml"), toml::to_string(&config)?)?;
    Ok(config)
}

/// Keeps one plate of each size, and small ones up to `entries`; what is kept from an earlier run stays.
fn fill(root: &Path, config: &Config, entries: u32) -> Result<Vec<Target>, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let library = Library::open(root.join("templates"))?;
    let (templates, makers) = (library.current(), config.makers()?);
    let template = templates.find("bench")?;
    runtime.block_on(async {
        let clock = Arc::new(SystemClock);
        let store = Store::open(&config.state(), clock.clone())?;
        let cache = Cache::open(&store, CacheOptions::default(), clock)?;
        let mut targets = Vec::new();
        for (variation, (size, bytes)) in SIZES.into_iter().enumerate() {
            let pick = Pick { variation: variation as u32, ..Pick::usual("bench".parse()?, "en".parse()?) };
            let resolved = pick.resolve(template, &makers)?;
            let blob = keep(&cache, resolved.plate, bytes).await?;
            let name = blob.to_string();
            targets.push(Target {
                size,
                bytes,
                clip: clip_address(&resolved.pick),
                blob: format!("/v1/blobs/{blob}.mp4"),
                file: format!("/{}/{name}", &name[..2]),
            });
        }
        let plate = Pick::usual("bench".parse()?, "en".parse()?).resolve(template, &makers)?.plate;
        for number in 0..entries {
            keep(&cache, PlateSpec { variation: 1000 + number, ..plate.clone() }, 1024).await?;
            if number % 1000 == 999 {
                eprintln!("{} of {entries} plates kept", number + 1);
            }
        }
        Ok(targets)
    })
}

/// Keeps a plate of random-looking bytes, unless it is there.
async fn keep(cache: &Cache, plate: PlateSpec, bytes: usize) -> Result<BlobHash, Failure> {
    if let Some(entry) = cache.find(&plate.key()).await? {
        return Ok(entry.blob);
    }
    let mut footage = vec![0; bytes];
    blake3::Hasher::new().update(plate.key().as_bytes()).finalize_xof().fill(&mut footage);
    let outcome = Outcome {
        blob: BlobHash::of(&footage),
        bytes: bytes as u64,
        md5: Md5::digest(&footage).iter().map(|byte| format!("{byte:02x}")).collect(),
        verdict: Verdict::Passed,
        media: Media { width: 1280, height: 720, frames: 120, fps: 24, codec: "avc1.64001f".into() },
        renderer: RendererInfo { name: "bench".into(), version: "0".into(), device: "cpu".into() },
        timings: BTreeMap::new(),
        segmented: None,
        made_at: UnixMillis(1_800_000_000_000),
    };
    let staged = cache.stage_bytes(Bytes::from(footage)).await?;
    Ok(cache.keep(staged, Manifest::new(Recipe::Plate(Box::new(plate)), outcome, UnixMillis(1_800_000_000_000))).await?.blob)
}

/// A server process. Dropping it ends it.
struct Server {
    child: Child,
    /// Whose processor time counts.
    workers: Vec<u32>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: the child is not reaped yet, so the id is its own.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        if let Err(error) = self.child.wait() {
            eprintln!("a server cannot be waited for: {error}");
        }
    }
}

impl Server {
    /// Starts festoon and waits until it is ready; also says how long that took.
    fn festoon(program: &Path, root: &Path) -> Result<(Self, f64), Failure> {
        let started = Instant::now();
        let child = Command::new(program)
            .args(["up", "--renderers", "0", "--config"])
            .arg(root.join("festoon.toml"))
            .stdout(Stdio::null())
            .spawn()?;
        let workers = vec![child.id()];
        let mut server = Self { child, workers };
        server.wait_for(FESTOON_PORT, "/readyz")?;
        Ok((server, started.elapsed().as_secs_f64() * 1000.0))
    }

    /// Starts nginx on the folder of blobs, if it is installed.
    fn nginx(root: &Path) -> Result<Option<(Self, String)>, Failure> {
        let Ok(version) = Command::new("nginx").arg("-v").output() else { return Ok(None) };
        let version = String::from_utf8_lossy(&version.stderr).trim().to_owned();
        let folder = root.join("nginx");
        fs::create_dir_all(&folder)?;
        let here = folder.display();
        let settings = format!(
            "daemon off; worker_processes 1; pid {here}/pid; error_log {here}/error.log; {user}
             events {{ worker_connections 256; }}
             http {{
               access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000; default_type video/mp4;
               client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
               open_file_cache max=1000;
               server {{ listen 127.0.0.1:{NGINX_PORT}; root {blobs}; add_header Cache-Control \"public, max-age=31536000, immutable\"; }}
             }}",
            // SAFETY: getuid has no conditions.
            user = if unsafe { libc::getuid() } == 0 { "user root;" } else { "" },
            blobs = root.join("state/blobs").display(),
        );
        fs::write(folder.join("nginx.conf"), settings)?;
        let child =
            Command::new("nginx").arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf")).spawn()?;
        let mut server = Self { child, workers: Vec::new() };
        server.wait_for(NGINX_PORT, "/")?;
        let master = server.child.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
        server.workers = children.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Some((server, version)))
    }

    /// Asks until the address answers anything but "not ready".
    fn wait_for(&mut self, port: u16, path: &str) -> Result<(), Failure> {
        let patience = Instant::now() + Duration::from_secs(120);
        while Instant::now() < patience {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("a server ended before it was ready: {status}").into());
            }
            if let Ok(mut client) = Client::connect(port)
                && client.get(path).is_ok_and(|(status, _)| status != 503)
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("port {port} does not answer").into())
    }

    fn measure(&self, case: &str, port: u16, path: &str, bytes: usize, requests: usize) -> Result<Case, Failure> {
        let mut client = Client::connect(port)?;
        let mut micros = Vec::with_capacity(requests);
        let before = self.cpu()?;
        for _ in 0..requests {
            let started = Instant::now();
            let (status, length) = client.get(path)?;
            micros.push(started.elapsed().as_secs_f64() * 1e6);
            if (status, length) != (200, bytes) {
                return Err(format!("{case}: {path} answers {status} with {length} bytes").into());
            }
        }
        let cpu = self.cpu()? - before;
        micros.sort_by(f64::total_cmp);
        let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
        Ok(Case {
            case: case.to_owned(),
            requests,
            p50_micros: at(0.5),
            p99_micros: at(0.99),
            cpu_micros_per_request: cpu / requests as f64,
        })
    }

    /// Microseconds of processor time, by the scheduler's own count.
    fn cpu(&self) -> Result<f64, Failure> {
        let mut nanos = 0_u64;
        for id in &self.workers {
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let text = fs::read_to_string(thread?.path().join("schedstat"))?;
                nanos += text.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
            }
        }
        Ok(nanos as f64 / 1000.0)
    }

    fn resident_mib(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

/// One keep-alive connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, buffer: vec![0; 1 << 20] })
    }

    /// Status and length of the body, which is read and dropped.
    fn get(&mut self, path: &str) -> Result<(u16, usize), Failure> {
        write!(self.stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut filled = 0;
        let head = loop {
            let count = self.stream.read(&mut self.buffer[filled..])?;
            if count == 0 {
                return Err("the connection closed in the head".into());
            }
            filled += count;
            if let Some(end) = self.buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
        let length: usize =
            text.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(Ok(0), |value| value.trim().parse())?;
        let mut left = length - (filled - head).min(length);
        while left > 0 {
            let most = left.min(self.buffer.len());
            match self.stream.read(&mut self.buffer[..most])? {
                0 => return Err("the connection closed in the body".into()),
                count => left -= count,
            }
        }
        Ok((status, length))
    }
}

fn medians(rounds: &[Case]) -> Case {
    let median = |value: fn(&Case) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Case {
        case: rounds[0].case.clone(),
        requests: rounds.iter().map(|case| case.requests).sum(),
        p50_micros: median(|case| case.p50_micros),
        p99_micros: median(|case| case.p99_micros),
        cpu_micros_per_request: median(|case| case.cpu_micros_per_request),
    }
}

fn markdown(report: &Report, options: &Options) -> String {
    let mut ready = report.ready_millis.clone();
    ready.sort_by(f64::total_cmp);
    let mut text = format!(
        "# Hits\n\nOne connection, loopback, {} rounds in turns, medians. {} entries in the index: ready {:.0} ms after the start \
         (median of {}, {:.0} to {:.0}), {:.0} MiB resident after the hits.\n\n| case | p50 µs | p99 µs | CPU µs per request | requests |\n|---|---|---|---|---|\n",
        options.rounds,
        report.entries,
        ready[ready.len() / 2],
        ready.len(),
        ready[0],
        ready[ready.len() - 1],
        report.resident_mib
    );
    for case in &report.cases {
        text += &format!(
            "| {} | {:.0} | {:.0} | {:.1} | {} |\n",
            case.case, case.p50_micros, case.p99_micros, case.cpu_micros_per_request, case.requests
        );
    }
    text + &report.nginx.as_ref().map_or("\nnginx is not installed.\n".to_owned(), |version| format!("\nPeer: {version}.\n"))
}
