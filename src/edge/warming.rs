//! Warm before anybody asks: what campaigns and rules need soon lies in memory here, and on the disks and in the memory of edges.
//!
//! At the origin: what is [pinned](crate::cache::Cache::pin) and painted is part of what edges are told; [`Edge::warm`] adds a campaign
//! before its time. At an edge: [`Warmer`] pulls what it is told, holds it on its disk, and its [`Report`](crate::origin::Report)
//! says how far it is.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::DateTime;
use festoon_spec::{BlobHash, RenderKey};
use serde::Serialize;
use tokio::sync::{Notify, watch};

use super::{Edge, EdgeError};
use crate::{cache::Entry, origin::Warmth};

/// Who needs what, by name: a report has this many at most.
const MOST_NAMES: usize = 200;

/// Names of the pins that [`Edge::warm`] makes begin like this.
const BY_HAND: &str = "warm:";
/// How the pins of campaigns are named.
const BY_DATE_OR_HAND: [&str; 2] = ["campaign:", BY_HAND];
/// Between two attempts when nothing came.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two when something did: its copy is kept a moment after its bytes have come.
const MOMENT: Duration = Duration::from_millis(100);
/// What is held for campaigns has one part in so many of an edge's disk, and of memory: the rest is for who asks.
const HELD_PART: u64 = 2;

/// Keys by who needs them: a campaign, or a template's rule.
pub type Wanted = BTreeMap<String, BTreeSet<RenderKey>>;

/// What is warm where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarmReport {
    /// At the origin.
    pub here: BTreeMap<String, Warmth>,
    /// At each edge that asked for news.
    pub edges: Vec<WarmEdge>,
}

/// What is warm at an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarmEdge {
    /// Its name.
    pub edge: String,
    /// Whether it asked for news in the last minute.
    pub answers: bool,
    /// By who needs it.
    pub warm: BTreeMap<String, Warmth>,
}

impl Edge {
    /// Has campaigns warm before their time, here and at every edge, until their last day is over or they are
    /// [let go](Edge::cool).
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`], then nothing changes; if the disk fails.
    pub async fn warm(&self, campaigns: &[String]) -> Result<WarmReport, EdgeError> {
        let plates = campaigns.iter().map(|campaign| Ok((campaign, self.plates_of_campaign(campaign)?)));
        let plates = plates.collect::<Result<Vec<_>, EdgeError>>()?;
        for (campaign, keys) in &plates {
            self.inner.cache.pin(&format!("{BY_HAND}{campaign}"), keys.iter().copied()).await?;
        }
        self.inner.children.move_on();
        let wanted = plates.into_iter().flat_map(|(_, keys)| keys);
        self.load(wanted).await?;
        self.warm_report().await
    }

    /// Lets campaigns go that [`Edge::warm`] took; what the plan needs stays.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn cool(&self, campaign: &str) -> Result<(), EdgeError> {
        self.inner.cache.unpin(&format!("{BY_HAND}{campaign}")).await?;
        self.inner.children.move_on();
        Ok(())
    }

    /// The campaigns that need a plate at the moment, by id: those that are planned, and those that are
    /// [warmed](Self::warm) before. An edge knows them of what is painted.
    pub fn campaigns_of(&self, plate: &RenderKey) -> BTreeSet<String> {
        let wanted = self.inner.warmer.wanted.borrow().clone();
        let borrowed = wanted.iter().filter(|(_, keys)| keys.contains(plate)).map(|(name, _)| name.clone());
        let names = self.inner.cache.needed_by(plate).into_iter().chain(borrowed);
        names.filter_map(|name| BY_DATE_OR_HAND.iter().find_map(|begin| Some(name.strip_prefix(begin)?.to_owned()))).collect()
    }

    /// What is warm where.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn warm_report(&self) -> Result<WarmReport, EdgeError> {
        let mut here = BTreeMap::new();
        for (name, keys) in self.inner.cache.pinned() {
            let entries = self.entries(&keys).await?;
            here.insert(name, Warmth::of(keys.len(), &entries));
        }
        let now = self.inner.clock.now();
        let edges = self.children().into_iter().map(|child| WarmEdge {
            answers: now.since(child.heard_at) < super::purging::SILENT_MILLIS,
            edge: child.edge,
            warm: child.warm,
        });
        Ok(WarmReport { here, edges: edges.collect() })
    }

    /// What edges are to have: what is pinned and painted. Campaigns that were warmed by hand and are over are let go.
    pub(super) async fn wanted(&self) -> Result<Wanted, EdgeError> {
        let today = DateTime::from_timestamp_millis(self.inner.clock.now().0 as i64).unwrap_or_default().date_naive();
        let (campaigns, _) = self.inner.campaigns.follow();
        let mut wanted = Wanted::new();
        for (name, keys) in self.inner.cache.pinned() {
            let campaign = name.strip_prefix(BY_HAND).map(|id| campaigns.values().find(|campaign| campaign.id == id));
            if campaign.is_some_and(|campaign| campaign.is_none_or(|campaign| campaign.is_over(today))) {
                self.inner.cache.unpin(&name).await?;
                continue;
            }
            let painted = self.inner.cache.kept(keys).await?;
            if !painted.is_empty() {
                wanted.insert(name, painted);
            }
        }
        Ok(wanted)
    }

    /// Puts plates into memory, the first last, so that these stay when there is too little of it.
    async fn load(&self, keys: impl Iterator<Item = RenderKey>) -> Result<(), EdgeError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for key in keys {
            let Some(entry) = self.inner.cache.find(&key).await? else { continue };
            bytes += size(&entry);
            if bytes > self.inner.config.cache.memory_bytes / HELD_PART {
                break;
            }
            entries.push(entry);
        }
        for part in entries.iter().rev().flat_map(Entry::parts) {
            self.inner.cache.load(&part.blob).await?;
        }
        Ok(())
    }

    /// The entries of those keys that have one.
    async fn entries(&self, keys: &BTreeSet<RenderKey>) -> Result<Vec<Entry>, EdgeError> {
        let mut entries = Vec::new();
        for key in self.inner.cache.kept(keys.clone()).await? {
            entries.extend(self.inner.cache.find(&key).await?);
        }
        Ok(entries)
    }
}

fn size(entry: &Entry) -> u64 {
    entry.parts().iter().map(|part| part.bytes).sum()
}

impl Warmth {
    fn of(wanted: usize, there: &[Entry]) -> Self {
        Self { wanted: wanted as u64, there: there.len() as u64, bytes: there.iter().map(size).sum() }
    }
}

/// What came of one look at everything.
#[derive(Debug, Default)]
struct Round {
    /// Blobs that came.
    pulled: u64,
    /// Entries that were not whole when they were looked at.
    missing: u64,
}

/// Pulls what an edge is to have. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Warmer {
    wanted: watch::Sender<Arc<Wanted>>,
    warm: Arc<Mutex<BTreeMap<String, Warmth>>>,
    /// Told when there is something new to report.
    news: Arc<Notify>,
}

impl Warmer {
    /// What is to be here from now on.
    pub fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|before| {
            let changes = **before != wanted;
            if changes {
                *before = Arc::new(wanted);
            }
            changes
        });
    }

    /// How far it is.
    pub fn warm(&self) -> BTreeMap<String, Warmth> {
        let warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.iter().take(MOST_NAMES).map(|(name, warmth)| (name.clone(), *warmth)).collect()
    }

    /// Ends when that has changed.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    /// Works for as long as the edge runs.
    pub async fn run(self, edge: Edge) {
        let mut wanted = self.wanted.subscribe();
        loop {
            let now = Arc::clone(&wanted.borrow_and_update());
            let again = match self.pull(&edge, &now).await {
                Ok(Round { missing: 0, .. }) => None,
                Ok(Round { pulled: 0, .. }) => Some(PAUSE),
                Ok(_) => Some(MOMENT),
                Err(error) => {
                    tracing::warn!(%error, "what campaigns need is not here yet; trying again");
                    Some(PAUSE)
                }
            };
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(again.unwrap_or_default()), if again.is_some() => {}
            }
        }
    }

    /// Pulls what is missing and has room.
    async fn pull(&self, edge: &Edge, wanted: &Wanted) -> Result<Round, EdgeError> {
        let cache = &edge.inner.cache;
        let room = edge.inner.config.cache.disk_bytes / HELD_PART;
        let (mut held, mut bytes, mut round) = (HashSet::new(), 0, Round::default());
        let mut entries: BTreeMap<&String, Vec<Entry>> = BTreeMap::new();
        for (name, keys) in wanted {
            let of_name = entries.entry(name).or_default();
            for key in keys {
                let Some(entry) = cache.find(key).await? else {
                    round.missing += 1;
                    continue;
                };
                let fresh: Vec<_> = entry.parts().into_iter().filter(|part| !held.contains(&part.blob)).collect();
                let more: u64 = fresh.iter().map(|part| part.bytes).sum();
                if bytes + more > room {
                    continue;
                }
                bytes += more;
                held.extend(fresh.iter().map(|part| part.blob));
                of_name.push(entry);
            }
        }
        // Before they are pulled, so that each is let in.
        cache.hold_copies(held.clone());
        let mut there: HashSet<BlobHash> = HashSet::new();
        for entries in entries.values_mut() {
            let mut whole = Vec::with_capacity(entries.len());
            for entry in entries.drain(..) {
                let mut is_whole = true;
                for part in entry.parts() {
                    if there.contains(&part.blob) || cache.has_blob(&part.blob).await? {
                        there.insert(part.blob);
                    } else {
                        round.pulled += u64::from(cache.load(&part.blob).await?.is_some());
                        is_whole = false;
                    }
                }
                if is_whole { whole.push(entry) } else { round.missing += 1 }
            }
            *entries = whole;
        }
        let warm = entries.into_iter().map(|(name, whole)| (name.clone(), Warmth::of(wanted[name].len(), &whole))).collect();
        let mut told = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != warm {
            *told = warm;
            self.news.notify_one();
        }
        Ok(round)
    }
}
