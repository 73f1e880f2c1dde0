//! Making room: what was used longest ago goes first, what a campaign pins stays.

use std::{collections::HashMap, sync::atomic::Ordering};

use festoon_spec::{BlobHash, RenderKey};
use serde::Serialize;

use super::{Cache, CacheError, Entry, Rows, entry::Held, uninterrupted};
use crate::store::Table;

/// What an eviction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Evicted {
    /// Entries dropped.
    pub entries: u64,
    /// Bytes freed.
    pub bytes: u64,
    /// Bytes that are still there.
    pub kept_bytes: u64,
    /// Bytes above the budget that could not be freed because campaigns pin them.
    pub over_bytes: u64,
}

impl Cache {
    /// Drops entries, the one used longest ago first, until the blobs on disk are no more than `budget` bytes. What a
    /// campaign pins stays, even above the budget. Readers that have the bytes keep them.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn gc(&self, budget: u64) -> Result<Evicted, CacheError> {
        let cache = self.clone();
        uninterrupted(async move { cache.evict(budget).await }).await
    }

    async fn evict(&self, budget: u64) -> Result<Evicted, CacheError> {
        self.write_touches().await?;
        let held = self.inner.store.run(|index| Rows(index).held()).await?;
        let mut evicted = Evicted::default();
        for key in self.plan(held, budget) {
            // One at a time, so that keeping a plate waits for one and not for all.
            let _shelf = self.inner.shelf.lock().await;
            if self.inner.counters.bytes.load(Ordering::Relaxed) <= budget {
                break;
            }
            let entry: Option<Entry> = self.inner.store.run(move |index| index.read(Table::Entries, key.as_bytes())).await?;
            // Pinned or dropped since the plan was made.
            let Some(entry) = entry.filter(|_| !self.inner.pins.hold(&key)) else { continue };
            evicted.bytes += self.drop_key(entry).await?;
            evicted.entries += 1;
        }
        self.inner.counters.evicted.fetch_add(evicted.entries, Ordering::Relaxed);
        evicted.kept_bytes = self.inner.counters.bytes.load(Ordering::Relaxed);
        evicted.over_bytes = evicted.kept_bytes.saturating_sub(budget);
        Ok(evicted)
    }

    /// Which entries go, in this order. A blob is free once all its entries are gone, so an entry whose blob another keeps
    /// in place is not worth dropping.
    fn plan(&self, held: Vec<Held>, budget: u64) -> Vec<RenderKey> {
        let mut blobs: HashMap<BlobHash, (u64, Vec<Held>, bool)> = HashMap::new();
        for held in held {
            let (bytes, holders, pinned) = blobs.entry(held.blob).or_default();
            *bytes = held.bytes;
            *pinned |= self.inner.pins.hold(&held.key);
            holders.push(held);
        }
        let mut total: u64 = blobs.values().map(|(bytes, ..)| bytes).sum();
        let mut free: Vec<_> = blobs.into_iter().filter(|(_, (_, _, pinned))| !pinned).collect();
        free.sort_by_key(|(blob, (_, holders, _))| (holders.iter().map(|held| held.used).max(), *blob));
        let mut plan = Vec::new();
        for (_, (bytes, holders, _)) in free {
            if total <= budget {
                break;
            }
            total -= bytes;
            plan.extend(holders.into_iter().map(|held| held.key));
        }
        plan
    }
}
