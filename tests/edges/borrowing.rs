//! The cache of an edge: what is believed for how long, what finds room, and what is pulled.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use festoon::cache::{
    Cache, CacheError, CacheOptions, Coming, Entry, Freshness, Loaded, Loan, Manifest, Recipe, Upstream, UpstreamError,
};
use festoon_spec::*;
use futures_util::StreamExt;

use crate::bench::*;

const FRESH: u64 = 30_000;
const STALE: u64 = 600_000;
const MISSING: u64 = 5_000;

/// An origin with these entries and bytes.
#[derive(Debug, Default)]
struct Origin {
    entries: Mutex<BTreeMap<RenderKey, Entry>>,
    blobs: Mutex<BTreeMap<BlobHash, Bytes>>,
    is_away: AtomicBool,
    asked: AtomicUsize,
    pulled: AtomicUsize,
}

fn away() -> UpstreamError {
    UpstreamError::Away { reason: "nobody is there".into(), retry_millis: 1000 }
}

#[async_trait]
impl Upstream for Origin {
    async fn entry(&self, key: &RenderKey) -> Result<Option<Entry>, UpstreamError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) { Err(away()) } else { Ok(self.entries.lock().unwrap().get(key).cloned()) }
    }

    async fn blob(&self, blob: &BlobHash) -> Result<Option<Coming>, UpstreamError> {
        self.pulled.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(away());
        }
        let Some(bytes) = self.blobs.lock().unwrap().get(blob).cloned() else { return Ok(None) };
        let pieces: Vec<_> = bytes.chunks(100).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Ok(Some(Coming { length: bytes.len() as u64, pieces: futures_util::stream::iter(pieces).boxed() }))
    }
}

struct Edge {
    bench: Bench,
    origin: Arc<Origin>,
    cache: Cache,
}

impl Edge {
    /// An edge with room for so many bytes that it borrows.
    fn with_room(bytes: u64) -> Self {
        let (bench, origin) = (Bench::new(), Arc::new(Origin::default()));
        let freshness = Freshness { fresh_millis: FRESH, stale_millis: STALE, missing_millis: MISSING };
        let loan = Loan { upstream: origin.clone(), freshness, blob_bytes: 1 << 20 };
        // Three parts of four are for what is borrowed; no memory, so that the disk is seen.
        let options = CacheOptions { memory_bytes: 0, disk_bytes: bytes / 3 * 4 };
        let cache = Cache::open_borrowing(&bench.store(), options, loan, bench.clock.clone()).unwrap();
        Self { bench, origin, cache }
    }

    /// The origin gets a numbered plate.
    fn paint(&self, number: u32, bytes: usize) -> Entry {
        let bytes = footage(number, bytes);
        let entry = Manifest::new(Recipe::Plate(Box::new(plate(number))), outcome(&bytes), START).entry();
        self.origin.blobs.lock().unwrap().insert(entry.blob, bytes);
        self.origin.entries.lock().unwrap().insert(entry.key, entry.clone());
        entry
    }

    fn copy(&self, blob: &BlobHash) -> PathBuf {
        let name = blob.to_string();
        self.bench.state().join("borrowed").join(&name[..2]).join(name)
    }

    /// Pulls a blob that is let in.
    async fn pull(&self, entry: &Entry) {
        assert_eq!(self.cache.load(&entry.blob).await.unwrap().unwrap().len() as u64, entry.bytes);
        // Its readers have it before the copy is kept.
        while !self.cache.has_blob(&entry.blob).await.unwrap() {
            tokio::task::yield_now().await;
        }
    }

    fn pulled(&self) -> usize {
        self.origin.pulled.load(Ordering::SeqCst)
    }

    fn asked(&self) -> usize {
        self.origin.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_asked_for_again_once_it_is_not_fresh_and_served_stale_while_nobody_answers() {
    let edge = Edge::with_room(1 << 20);
    let entry = edge.paint(1, 1000);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(entry.clone()));
    edge.bench.clock.advance(FRESH - 1);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(entry.clone()));
    assert_eq!(edge.asked(), 1);
    // The first who comes later is answered with what there is, and has it asked for.
    let repainted = Entry { made_at: START.plus_millis(1), ..entry.clone() };
    edge.origin.entries.lock().unwrap().insert(entry.key, repainted.clone());
    edge.bench.clock.advance(1);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(entry.clone()));
    while edge.cache.find(&entry.key).await.unwrap() != Some(repainted.clone()) {}
    edge.origin.is_away.store(true, Ordering::SeqCst);
    edge.bench.clock.advance(STALE - 1);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(repainted));
    edge.bench.clock.advance(1);
    let refused = edge.cache.find(&entry.key).await.unwrap_err();
    assert!(matches!(refused, CacheError::Upstream(UpstreamError::Away { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_makes_nothing_fresh_for_longer() {
    let edge = Edge::with_room(1 << 20);
    let entry = edge.paint(1, 1000);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(entry.clone()));
    assert_eq!(edge.cache.find(&key(2)).await.unwrap(), None);
    assert_eq!(edge.asked(), 2);
    edge.bench.clock.set(UnixMillis(START.0 - 24 * 3600 * 1000));
    let second = edge.paint(2, 1000);
    assert_eq!(edge.cache.find(&second.key).await.unwrap(), Some(second), "that there is none is asked again");
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), Some(entry.clone()), "what is there is served");
    while edge.asked() < 4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_there_is_no_entry_is_believed_for_a_while() {
    let edge = Edge::with_room(1 << 20);
    assert_eq!(edge.cache.find(&key(1)).await.unwrap(), None);
    edge.bench.clock.advance(MISSING - 1);
    let entry = edge.paint(1, 1000);
    assert_eq!(edge.cache.find(&key(1)).await.unwrap(), None);
    assert_eq!(edge.asked(), 1);
    edge.bench.clock.advance(1);
    assert_eq!(edge.cache.find(&key(1)).await.unwrap(), Some(entry));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_asked_again_at_once_when_it_is_distrusted() {
    let edge = Edge::with_room(1 << 20);
    let entry = edge.paint(1, 1000);
    edge.cache.find(&entry.key).await.unwrap();
    edge.origin.entries.lock().unwrap().clear();
    edge.cache.distrust();
    edge.bench.clock.advance(1);
    assert_eq!(edge.cache.find(&entry.key).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_keeps_what_was_used_last_and_lets_a_blob_in_the_second_time_it_is_asked_for() {
    let edge = Edge::with_room(3000);
    let [old, used, last, new] = [1, 2, 3, 4].map(|number| edge.paint(number, 1000));
    for entry in [&old, &used, &last] {
        edge.pull(entry).await;
    }
    edge.pull(&old).await;
    let there = |entry: &Entry| edge.copy(&entry.blob).exists();
    assert!(there(&old) && there(&used) && there(&last));
    let before = edge.pulled();
    // The second pull says that the first one left no copy.
    while edge.pulled() < before + 2 {
        edge.cache.load(&new.blob).await.unwrap().unwrap();
    }
    edge.pull(&new).await;
    assert_eq!(edge.pulled(), before + 2, "what was asked for twice was not let in");
    assert!(there(&old) && !there(&used) && there(&last), "another than the one used longest ago went");
    assert_eq!(edge.cache.usage().borrowed.bytes, 3000);
    // What is held stays, and comes in the first time.
    let held = edge.paint(5, 1000);
    edge.cache.hold_copies(HashSet::from([last.blob, held.blob]));
    edge.pull(&held).await;
    assert!(there(&held) && there(&last));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_never_served_and_is_pulled_again() {
    let edge = Edge::with_room(1 << 20);
    let entry = edge.paint(1, 1000);
    edge.pull(&entry).await;
    let path = edge.copy(&entry.blob);
    let mut bytes = fs::read(&path).unwrap();
    bytes[500] ^= 1;
    fs::write(&path, bytes).unwrap();
    let right = edge.origin.blobs.lock().unwrap()[&entry.blob].clone();
    assert_eq!(edge.cache.load(&entry.blob).await.unwrap(), Some(right));
    assert_eq!(edge.cache.usage().corrupt, 1);
    assert!(edge.bench.state().join("quarantine").join(entry.blob.to_string()).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_pieces_as_they_come_but_the_last_one_only_of_the_right_bytes() {
    let edge = Edge::with_room(1 << 20);
    for (wrong_at, number) in [(None, 1), (Some(0), 2), (Some(999), 3)] {
        let entry = edge.paint(number, 1000);
        let mut bytes = edge.origin.blobs.lock().unwrap()[&entry.blob].to_vec();
        wrong_at.into_iter().for_each(|at: usize| bytes[at] ^= 1);
        edge.origin.blobs.lock().unwrap().insert(entry.blob, bytes.into());
        let Loaded::Coming(mut pulling) = edge.cache.open_blob(&entry.blob).await.unwrap().unwrap() else {
            panic!("it was there already")
        };
        let mut sizes = Vec::new();
        let mut broken = false;
        while let Some(piece) = pulling.next().await {
            match piece {
                Ok(piece) => sizes.push(piece.len()),
                Err(_) => broken = true,
            }
        }
        assert_eq!((sizes.len(), broken), if wrong_at.is_some() { (9, true) } else { (10, false) });
    }
    assert_eq!(edge.cache.usage().forged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_another_key_is_not_believed() {
    let edge = Edge::with_room(1 << 20);
    let entry = edge.paint(1, 1000);
    edge.origin.entries.lock().unwrap().insert(key(2), entry);
    let refused = edge.cache.find(&key(2)).await.unwrap_err();
    assert!(refused.to_string().contains("another key"), "{refused}");
}
