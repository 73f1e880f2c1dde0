//! Making room: what was used longest ago goes first, what a campaign pins stays.

use std::{collections::HashMap, sync::atomic::Ordering};

use festoon_spec::{BlobHash, RenderKey, UnixMillis};
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

    /// Which entries go, in this order. A blob is free once all its entries are gone, so entries of one file go together or
    /// not at all.
    fn plan(&self, held: Vec<Held>, budget: u64) -> Vec<RenderKey> {
        let mut holders: HashMap<BlobHash, (u64, usize)> = HashMap::new();
        let mut blobs: HashMap<RenderKey, Vec<BlobHash>> = HashMap::new();
        let mut files: HashMap<BlobHash, File> = HashMap::new();
        for Held { key, blob, bytes, whole, used } in held {
            let (size, count) = holders.entry(blob).or_default();
            *size = bytes;
            *count += 1;
            blobs.entry(key).or_default().push(blob);
            if whole {
                let file = files.entry(blob).or_default();
                file.used = file.used.max(used);
                file.pinned |= self.inner.pins.hold(&key);
                file.keys.push(key);
            }
        }
        let mut total: u64 = holders.values().map(|(bytes, _)| bytes).sum();
        let mut free: Vec<_> = files.into_iter().filter(|(_, file)| !file.pinned).collect();
        free.sort_by_key(|(blob, file)| (file.used, *blob));
        let mut plan = Vec::new();
        for keys in free.into_iter().map(|(_, file)| file.keys) {
            if total <= budget {
                break;
            }
            for blob in keys.iter().flat_map(|key| &blobs[key]) {
                if let Some((bytes, count)) = holders.get_mut(blob) {
                    *count -= 1;
                    total -= if *count == 0 { *bytes } else { 0 };
                }
            }
            plan.extend(keys);
        }
        plan
    }
}

/// The entries of one whole file.
#[derive(Default)]
struct File {
    used: UnixMillis,
    pinned: bool,
    keys: Vec<RenderKey>,
}
