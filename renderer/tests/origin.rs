//! A server that speaks the renderer's protocol over HTTP/1.1 and does what a test tells it to. It checks what every
//! server would: the token, the epoch, that bytes are what their name says, that bytes come before the report.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use festoon_spec::{BlobHash, Failure, HandIn, JobId, Lease, LeaseRequest, PlateSpec, Renewal, RenewalAnswer};
use serde::{Serialize, de::DeserializeOwned};

pub const TOKEN: &str = "let-me-in";

/// Only a test that would never end meets it.
const WATCHDOG: Duration = Duration::from_secs(300);

/// What the origin has to give, what it was given, and how it behaves.
#[derive(Default)]
pub struct Desk {
    /// Given out in this order.
    pub leases: VecDeque<Lease>,
    /// For each of these, the next request whose path holds it is answered `503` with `Retry-After: 0`.
    pub unavailable: Vec<&'static str>,
    /// Bytes are answered `413`.
    pub full: bool,
    /// Renewals of these jobs are answered "cancel".
    pub cancelled: Vec<JobId>,
    /// Everything about these jobs is answered `409`.
    pub lost: Vec<JobId>,
    /// Called before bytes are taken.
    pub before_put: Option<Box<dyn FnMut() + Send>>,

    pub asked: Vec<LeaseRequest>,
    pub renewals: Vec<(JobId, Renewal)>,
    pub blobs: BTreeMap<BlobHash, Vec<u8>>,
    pub handed_in: Vec<(JobId, HandIn)>,
    pub failures: Vec<(JobId, Failure)>,
    epochs: BTreeMap<JobId, u32>,
}

impl Desk {
    /// Takes every lease for given out: for tests that do not ask for them.
    pub fn accept_all(&mut self) {
        self.epochs.extend(self.leases.drain(..).map(|lease| (lease.job, lease.epoch)));
    }
}

pub struct Origin {
    pub address: String,
    desk: Arc<(Mutex<Desk>, Condvar)>,
}

impl Origin {
    /// Listens on a free port of this machine.
    pub fn open(leases: impl IntoIterator<Item = Lease>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let desk = Desk { leases: leases.into_iter().collect(), ..Desk::default() };
        let desk = Arc::new((Mutex::new(desk), Condvar::new()));
        let shared = desk.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let desk = shared.clone();
                thread::spawn(move || serve(stream, &desk));
            }
        });
        Self { address, desk }
    }

    /// Looks at the desk, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        act(&mut self.desk.0.lock().unwrap())
    }

    /// Waits until the desk looks like this.
    pub fn wait<T>(&self, what: &str, look: impl Fn(&Desk) -> Option<T>) -> T {
        let (mut desk, changed) = (self.desk.0.lock().unwrap(), &self.desk.1);
        loop {
            if let Some(found) = look(&desk) {
                return found;
            }
            let (next, late) = changed.wait_timeout(desk, WATCHDOG).unwrap();
            assert!(!late.timed_out(), "there was never {what}");
            desk = next;
        }
    }

    /// Waits for the report of this job.
    pub fn hand_in(&self, job: &JobId) -> HandIn {
        self.wait("a hand-in", |desk| desk.handed_in.iter().find(|(of, _)| of == job).map(|(_, hand_in)| hand_in.clone()))
    }

    /// Waits for the failure of this job.
    pub fn failure(&self, job: &JobId) -> Failure {
        self.wait("a failure", |desk| desk.failures.iter().find(|(of, _)| of == job).map(|(_, failure)| failure.clone()))
    }

    /// Waits until this job's painting has told how far it is.
    pub fn progress(&self, job: &JobId) {
        let told = |(of, renewal): &(JobId, Renewal)| of == job && renewal.progress.is_some_and(|told| told.permille > 0);
        self.wait("a renewal with progress", |desk| desk.renewals.iter().any(told).then_some(()));
    }
}

/// A first lease on this plate.
pub fn lease(number: u32, spec: PlateSpec) -> Lease {
    Lease { job: JobId(format!("{number:032x}")), epoch: 7, key: spec.key(), spec, attempt: 1, lease_millis: 60_000 }
}

struct Answer(u16, &'static str, Vec<u8>);

fn json(body: &impl Serialize) -> Answer {
    Answer(200, "", serde_json::to_vec(body).unwrap())
}

fn problem(status: u16, title: &str) -> Answer {
    Answer(status, "", format!("{{\"code\": \"test\", \"title\": \"{title}\"}}").into())
}

fn serve(stream: TcpStream, desk: &(Mutex<Desk>, Condvar)) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let [method, target, _] = line.split_whitespace().collect::<Vec<_>>()[..] else { return };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        match header.trim().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let Answer(status, header, bytes) = {
        let mut desk = desk.0.lock().unwrap();
        let authorised = headers.get("authorization").is_some_and(|given| *given == format!("Bearer {TOKEN}"));
        if authorised { answer(&mut desk, &method, &target, &body) } else { problem(401, "no") }
    };
    desk.1.notify_all();
    let head = format!("HTTP/1.1 {status} X\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
    let stream = reader.get_mut();
    // The renderer may have been killed by the test.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
}

fn answer(desk: &mut Desk, method: &str, target: &str, body: &[u8]) -> Answer {
    if let Some(at) = desk.unavailable.iter().position(|part| target.contains(part)) {
        desk.unavailable.remove(at);
        return Answer(503, "retry-after: 0\r\n", Vec::new());
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
        ("POST", ["v1", "leases"]) => {
            desk.asked.push(read(body));
            match desk.leases.pop_front() {
                Some(lease) => {
                    desk.epochs.insert(lease.job.clone(), lease.epoch);
                    json(&lease)
                }
                None => Answer(204, "", Vec::new()),
            }
        }
        ("POST", ["v1", "leases", job, verb]) => {
            let job = JobId((*job).to_owned());
            let epoch = serde_json::from_slice::<serde_json::Value>(body).unwrap()["epoch"].as_u64().unwrap() as u32;
            if desk.lost.contains(&job) || desk.epochs.get(&job) != Some(&epoch) {
                return problem(409, "somebody else has it");
            }
            match *verb {
                "renew" => {
                    desk.renewals.push((job.clone(), read(body)));
                    json(&RenewalAnswer { cancel: desk.cancelled.contains(&job), lease_millis: 60_000 })
                }
                "hand-in" => {
                    let hand_in: HandIn = read(body);
                    let put = hand_in.outcome.parts().all(|part| desk.blobs.contains_key(&part.blob));
                    assert!(put, "the report came before the bytes");
                    desk.handed_in.push((job, hand_in));
                    Answer(204, "", Vec::new())
                }
                "fail" => {
                    desk.failures.push((job, read(body)));
                    Answer(204, "", Vec::new())
                }
                _ => problem(404, "no such verb"),
            }
        }
        ("PUT", ["v1", "blobs", name]) => {
            if let Some(mut before) = desk.before_put.take() {
                before();
            }
            if desk.full {
                return problem(413, "too large");
            }
            let (job, epoch) = query.split_once('&').unwrap();
            let (job, epoch) = (JobId(job.replace("job=", "")), epoch.replace("epoch=", "").parse().unwrap());
            if desk.lost.contains(&job) || desk.epochs.get(&job) != Some(&epoch) {
                return problem(409, "somebody else has it");
            }
            let blob: BlobHash = name.strip_suffix(".mp4").unwrap().parse().unwrap();
            assert_eq!(BlobHash::of(body), blob, "bytes are named by their hash");
            desk.blobs.insert(blob, body.to_owned());
            Answer(201, "", Vec::new())
        }
        _ => problem(404, "no such page"),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap()
}
