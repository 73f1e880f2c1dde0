//! What the server acknowledged, and what must therefore be so.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use festoon_spec::{BlobHash, JobId, Lease, RenderKey};

use super::LIKED;
use crate::{faults::*, installation::*};

/// Of what has been acknowledged before the last start, so many of each kind are looked at again.
const SAMPLE: usize = 12;

/// See the [module](self).
#[derive(Default)]
pub struct Ledger {
    /// Addresses that were ordered, with their tickets, by the plate that they need.
    orders: BTreeMap<RenderKey, (String, String)>,
    /// Plates that were handed in.
    plates: BTreeMap<RenderKey, BlobHash>,
    /// Plates that a takedown was asked for.
    gone: BTreeSet<RenderKey>,
    /// Those whose takedown or lift has not been answered.
    doubtful: BTreeSet<BlobHash>,
    /// Takedowns by what they mean.
    takedowns: BTreeMap<BlobHash, String>,
    /// Plates whose takedown was lifted: they are gone, and nobody has ordered them again.
    lifted: BTreeSet<BlobHash>,
    /// Clips with titles by their address, as they were streamed.
    clips: BTreeMap<String, BlobHash>,
    /// Pictures by their address.
    images: BTreeMap<String, BlobHash>,
    /// Likes that were acknowledged, and that may count as well.
    likes: [u64; 2],
    leases: HashMap<JobId, Grant>,
    /// Lines that the audit must have.
    pub audited: usize,
    /// How many of each kind of write.
    pub acknowledged: BTreeMap<&'static str, u64>,
    /// What was acknowledged since it was last looked at.
    fresh: Vec<Question>,
}

/// The last lease of a job.
struct Grant {
    epoch: u32,
    /// Until when nobody else may have it.
    held: Option<Instant>,
    ended: bool,
}

/// Something to ask, and the answer that must come.
#[derive(Clone)]
pub struct Question {
    path: String,
    expected: Expected,
}

#[derive(Clone)]
enum Expected {
    /// 200 with these bytes.
    Bytes(BlobHash),
    Status(u16),
    /// At least so many likes, and at most.
    Likes([u64; 2]),
}

pub fn blob_path(blob: &BlobHash) -> String {
    format!("/v1/blobs/{blob}.mp4")
}

impl Ledger {
    fn write(&mut self, kind: &'static str, path: String, expected: Expected) {
        *self.acknowledged.entry(kind).or_default() += 1;
        self.fresh.push(Question { path, expected });
    }

    pub fn ordered(&mut self, path: &str, key: RenderKey, ticket: &str) {
        self.orders.insert(key, (path.to_owned(), ticket.to_owned()));
        self.write("orders", format!("/v1/tickets/{ticket}"), Expected::Status(200));
    }

    /// Orders that nobody is known to have painted.
    pub fn unpainted(&self) -> Vec<String> {
        let unpainted = self.orders.iter().filter(|(key, _)| !self.plates.contains_key(key) && !self.gone.contains(key));
        unpainted.map(|(_, (path, _))| path.clone()).collect()
    }

    /// A lease was given; `asked` is when it was asked for, and with it earlier than when it began.
    pub fn leased(&mut self, lease: &Lease, asked: Instant) {
        *self.acknowledged.entry("leases").or_default() += 1;
        if let Some(before) = self.leases.get(&lease.job) {
            assert!(!before.ended, "job {} has ended and is leased again", lease.job);
            assert!(lease.epoch > before.epoch, "job {}: epoch {} after {}", lease.job, lease.epoch, before.epoch);
            let held = before.held.is_some_and(|until| Instant::now() < until);
            assert!(!held, "job {} is leased twice at a time", lease.job);
        }
        let held = Some(asked + Duration::from_millis(lease.lease_millis));
        self.leases.insert(lease.job.clone(), Grant { epoch: lease.epoch, held, ended: false });
    }

    /// A renderer gives a lease back, or was told that it has lost it.
    pub fn let_go(&mut self, lease: &Lease) {
        if let Some(grant) = self.leases.get_mut(&lease.job) {
            grant.held = None;
        }
    }

    pub fn kept(&mut self, lease: &Lease, blob: BlobHash) {
        if let Some(grant) = self.leases.get_mut(&lease.job) {
            grant.ended = true;
        }
        self.plates.insert(lease.key, blob);
        self.write("plates", blob_path(&blob), Expected::Bytes(blob));
    }

    pub fn any_plate(&self, random: &mut fastrand::Rng) -> Option<(RenderKey, BlobHash)> {
        random.choice(self.plates.iter().collect::<Vec<_>>()).map(|(key, blob)| (*key, *blob))
    }

    /// A plate that may go: not one that others write on.
    pub fn any_poster(&self, random: &mut fastrand::Rng) -> Option<(RenderKey, BlobHash)> {
        let posters: Vec<_> = self.plates.iter().filter(|(key, _)| self.orders.contains_key(key)).collect();
        random.choice(posters).map(|(key, blob)| (*key, *blob))
    }

    pub fn has(&self, key: &RenderKey) -> bool {
        self.plates.contains_key(key)
    }

    /// A takedown of a plate is about to be asked for.
    pub fn takes_down(&mut self, key: &RenderKey) {
        self.doubtful.extend(self.plates.remove(key));
        self.gone.insert(*key);
    }

    pub fn taken_down(&mut self, blob: BlobHash, takedown: &str) {
        self.doubtful.remove(&blob);
        self.takedowns.insert(blob, takedown.to_owned());
        self.audited += 1;
        self.write("takedowns", blob_path(&blob), Expected::Status(451));
    }

    /// A takedown that is about to be lifted.
    pub fn lifts(&mut self) -> Option<(BlobHash, String)> {
        let (blob, takedown) = self.takedowns.pop_first()?;
        self.doubtful.insert(blob);
        Some((blob, takedown))
    }

    pub fn lifted(&mut self, blob: BlobHash) {
        self.doubtful.remove(&blob);
        self.lifted.insert(blob);
        self.audited += 1;
        self.write("lifts", blob_path(&blob), Expected::Status(404));
    }

    pub fn purged(&mut self) {
        self.audited += 1;
        *self.acknowledged.entry("purges").or_default() += 1;
    }

    /// A clip was streamed to its end; it is made of the same bytes each time.
    pub fn streamed(&mut self, path: &str, blob: BlobHash) {
        let before = self.clips.insert(path.to_owned(), blob);
        assert!(before.is_none_or(|before| before == blob), "{path} has changed from {before:?} to {blob}");
        self.write("clips", path.to_owned(), Expected::Bytes(blob));
    }

    pub fn brought(&mut self, url: &str, blob: BlobHash) {
        self.images.insert(url.to_owned(), blob);
        self.write("images", url.to_owned(), Expected::Bytes(blob));
    }

    pub fn likes(&mut self) {
        self.likes[1] += 1;
    }

    pub fn liked(&mut self) {
        self.likes[0] += 1;
        *self.acknowledged.entry("opinions").or_default() += 1;
    }

    /// What is to be asked after a start: what is new, and some of the rest or all of it, at the end also whether all is painted.
    pub fn questions(&mut self, random: &mut fastrand::Rng, all: bool) -> Vec<Question> {
        let mut questions = std::mem::take(&mut self.fresh);
        // What was taken down since has another answer by now.
        questions.retain(|question| match question.expected {
            Expected::Bytes(blob) => {
                !self.doubtful.contains(&blob) && !self.takedowns.contains_key(&blob) && !self.lifted.contains(&blob)
            }
            Expected::Status(451) => self.takedowns.keys().any(|blob| blob_path(blob) == question.path),
            _ => true,
        });
        let mut rest = Vec::new();
        let mut add = |path: String, expected| rest.push(Question { path, expected });
        self.plates.values().for_each(|blob| add(blob_path(blob), Expected::Bytes(*blob)));
        self.takedowns.keys().for_each(|blob| add(blob_path(blob), Expected::Status(451)));
        self.lifted.iter().for_each(|blob| add(blob_path(blob), Expected::Status(404)));
        self.images.iter().for_each(|(url, blob)| add(url.clone(), Expected::Bytes(*blob)));
        self.orders.values().for_each(|(_, ticket)| add(format!("/v1/tickets/{ticket}"), Expected::Status(200)));
        if all {
            self.clips.iter().for_each(|(path, blob)| add(path.clone(), Expected::Bytes(*blob)));
            let orders = self.orders.iter().filter(|(key, _)| !self.gone.contains(key));
            orders.for_each(|(_, (path, _))| add(path.clone(), Expected::Status(200)));
        } else {
            random.shuffle(&mut rest);
            rest.truncate(SAMPLE);
        }
        questions.extend(rest);
        questions.push(Question { path: "/v1/opinions".into(), expected: Expected::Likes(self.likes) });
        questions
    }
}

/// Asks; panics at a wrong answer. Gives how many were right.
pub async fn ask(server: &Server, questions: Vec<Question>) -> u64 {
    let count = questions.len() as u64;
    for Question { path, expected } in questions {
        let request = client().get(format!("{}{path}", server.url)).bearer_auth(TOKEN);
        let answer = Answer::of(request.send().await.unwrap()).await;
        let status = answer.status;
        match expected {
            Expected::Bytes(blob) => assert_eq!((status, BlobHash::of(&answer.body)), (200, blob), "{path} is lost"),
            Expected::Status(expected) => assert_eq!(status, expected, "{path}: {}", answer.text()),
            Expected::Likes([at_least, at_most]) => {
                let told = answer.json();
                let topic = told["topics"].as_array().unwrap().iter().find(|topic| topic["template"] == "lantern");
                let said = topic.map_or(0, |topic| topic["takes"][0]["said"]["liked"].as_u64().unwrap_or(0));
                assert!((at_least..=at_most).contains(&said), "{said} likes of {LIKED}, {at_least} to {at_most} were said");
            }
        }
    }
    count
}
