//! What was made, by what was asked.
//!
//! An **entry** says which blobs a render key has: the whole file, and of a plate its segments too; a blob is bytes named by
//! their hash. Bytes and manifests are files and the truth; the index finds entries fast and can be made again from the manifests; memory holds copies only.
//!
//! Promises:
//! - What [`Cache::keep`] returned is there after a `kill -9` and after a power cut: bytes first, then the manifest that
//!   names them, then the row, each synced.
//! - Nothing corrupt is handed out: bytes are hashed when they enter memory. A blob that does not match its name moves to
//!   `quarantine/`, its entries are dropped, and asking for them is a miss, so that they are painted again.
//! - One read per blob however many ask at once; a reader that goes away does not stop it.
//! - [`Cache::gc`] drops what was used longest ago and never what a campaign [pins](Cache::pin).
//!
//! Not promised: when an entry was last used is written in batches by [`Cache::maintain`] and a crash loses the last ones;
//! refusals are lost with a damaged index, and what was refused is tried once more.
//!
//! ```text
//! blobs/ab/<blake3>            bytes
//! manifests/cd/<key>.json      what they are and how they were made
//! pins/<campaign>.json         what a campaign needs
//! borrowed/ab/<blake3>         copies of bytes that the origin has, on an edge
//! quarantine/<blake3>          bytes that do not match their name
//! staging/                     what is not whole yet; deleted at the start
//! ```

mod blobs;
mod borrowed;
mod borrowing;
mod doctor;
mod drawings;
mod entry;
mod eviction;
mod growing;
mod manifest;
mod measurements;
mod memory;
mod pictures;
mod pins;
mod pull;
mod scope;
mod upstream;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use blobs::{Blobs, Found};
pub use blobs::{Staged, Staging};
use borrowing::Borrowing;
pub use borrowing::{Freshness, Loaded, Loan};
use bytes::Bytes;
pub use doctor::{Examination, Problem};
pub use drawings::{DrawingMemory, DrawingName};
pub use entry::{Entry, EntryKind, Refusal};
use entry::{FromManifests, Rows};
pub use eviction::Evicted;
use festoon_spec::{BlobHash, Digest, Reason, RenderKey, TemplateId, UnixMillis};
pub use growing::{BrokenOff, Growing, Reader};
use manifest::Manifests;
pub use manifest::{Manifest, ManifestReader, ModelNote, Recipe};
pub use measurements::MeasurementMemory;
use memory::Memory;
pub use pictures::PictureMemory;
use pins::Pins;
pub use pull::Pulling;
pub use scope::{Purged, Purging, Scope};
use sha2::{Digest as _, Sha256};
pub use upstream::{Coming, Upstream, UpstreamError};
use usage::Counters;
pub use usage::Usage;

use crate::{
    clock::Clock,
    store::{Batch, Index, Store, StoreError, Table, encode},
};

/// Uses that wait to be written; more are not counted until [`Cache::maintain`] ran.
const TOUCHES: usize = 1 << 16;

/// What an edge makes itself has one part of its disk budget in so many, what it borrows the rest.
const OWN_PART: u64 = 4;

/// Sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// Bytes of blobs kept in memory.
    pub memory_bytes: u64,
    /// Bytes of blobs kept on disk by [`Cache::maintain`], what campaigns pin included.
    pub disk_bytes: u64,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, disk_bytes: 20 << 30 }
    }
}

/// Why the cache could not do it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The bytes are more than the caller allows.
    #[error("the bytes are more than the {limit} that are allowed")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// There are no bytes.
    #[error("there are no bytes")]
    Empty,
    /// What came differs from what was announced.
    #[error("the {what} is {found}, announced was {announced}")]
    Mismatch {
        /// Which property.
        what: &'static str,
        /// What the manifest or the outcome says.
        announced: String,
        /// What is so.
        found: String,
    },
    /// The state folder failed; [`StoreError::Full`] is a full disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state folder failed a read that several waited for.
    #[error(transparent)]
    Read(Arc<StoreError>),
    /// The origin is needed and does not give.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// The cache of a state folder. Clones are the same cache.
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    options: CacheOptions,
    blobs: Blobs,
    manifests: Manifests,
    pins: Pins,
    memory: Memory,
    /// Rows that were found before, so that a hit asks no index.
    found: moka::future::Cache<RenderKey, Entry>,
    /// Last uses that are not written yet.
    touches: Mutex<HashMap<RenderKey, UnixMillis>>,
    /// Whoever puts files on the shelf or takes them off holds it, so that a blob is never deleted between its file and
    /// its row, and a crash leaves at most one entry half kept.
    shelf: tokio::sync::Mutex<()>,
    counters: Arc<Counters>,
    /// What is had of somebody else, if there is one above.
    borrowing: Option<Borrowing>,
    /// SHA-256 of blobs that somebody was told of.
    digests: moka::sync::Cache<BlobHash, Digest>,
    losses: AtomicU64,
}

/// Rows kept in memory to answer [`Cache::find`].
const FOUND: u64 = 100_000;

impl Cache {
    /// Opens the cache of a state folder and brings the index in line with the manifests. Blocks.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(store: &Store, options: CacheOptions, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(store, options, None, clock)
    }

    /// As [`Cache::open`], of an edge: what is not here is borrowed. Blocks.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open_borrowing(store: &Store, options: CacheOptions, loan: Loan, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(store, options, Some(loan), clock)
    }

    fn open_with(
        store: &Store,
        mut options: CacheOptions,
        loan: Option<Loan>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let folder = store.folder();
        let blobs = Blobs::open(folder, store.staging())?;
        let borrowing = match loan {
            Some(loan) => {
                let own = options.disk_bytes / OWN_PART;
                let borrowed = options.disk_bytes - own;
                options.disk_bytes = own;
                Some(Borrowing::open(Blobs::of_copies(folder, store.staging())?, borrowed, loan)?)
            }
            None => None,
        };
        let manifests = Manifests::open(folder, store.staging())?;
        let pins = Pins::open(folder, store.staging())?;
        let counters = Arc::new(Counters::default());
        store.attach(Arc::new(FromManifests::new(manifests.clone(), blobs.clone(), Arc::clone(&counters))))?;
        Ok(Self {
            inner: Arc::new(Inner {
                store: store.clone(),
                clock,
                blobs,
                manifests,
                pins,
                memory: Memory::new(options.memory_bytes),
                found: moka::future::Cache::new(FOUND),
                touches: Mutex::default(),
                shelf: tokio::sync::Mutex::default(),
                counters,
                digests: moka::sync::Cache::new(FOUND),
                losses: AtomicU64::new(0),
                options,
                borrowing,
            }),
        })
    }

    /// The entry of a key. It was there a moment ago; [`load`](Self::load) says whether its bytes are.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn find(&self, key: &RenderKey) -> Result<Option<Entry>, CacheError> {
        let inner = &self.inner;
        let entry = match inner.found.get(key).await {
            Some(entry) => entry,
            None => {
                if let Some(borrowing) = &inner.borrowing
                    && let Some(said) = borrowing.believed(key, inner.clock.now()).await
                {
                    return Ok(said);
                }
                let asked = *key;
                let row: Option<Entry> = inner.store.run(move |index| index.read(Table::Entries, asked.as_bytes())).await?;
                let row = match row {
                    Some(row) => Some(row),
                    None => self.find_lost(key).await?,
                };
                let Some(entry) = row else {
                    return match &inner.borrowing {
                        Some(borrowing) => self.borrow_entry(borrowing, key).await,
                        None => Ok(None),
                    };
                };
                inner.found.insert(*key, entry.clone()).await;
                entry
            }
        };
        self.touch(key);
        Ok(Some(entry))
    }

    /// An entry that the index lost: its manifest still knows it.
    async fn find_lost(&self, key: &RenderKey) -> Result<Option<Entry>, CacheError> {
        if !self.manifest_exists(key).await? {
            return Ok(None);
        }
        let (cache, key) = (self.clone(), *key);
        uninterrupted(async move { cache.adopt(&key).await }).await
    }

    /// Makes the row of a manifest, if its blob is there.
    async fn adopt(&self, key: &RenderKey) -> Result<Option<Entry>, CacheError> {
        let _shelf = self.inner.shelf.lock().await;
        let Some(manifest) = self.manifest(key).await? else { return Ok(None) };
        let entry = manifest.entry();
        if !self.blobs_exist(&entry).await? {
            return Ok(None);
        }
        self.insert_row(entry.clone()).await?;
        tracing::warn!(key = %key.short(), "the index lacked an entry; it was taken from its manifest");
        Ok(Some(entry))
    }

    /// The bytes of a blob, verified. `None` if they are not there or not what their name says; the entries that promised
    /// them are dropped then.
    ///
    /// # Errors
    /// If the disk fails: the entry stays.
    pub async fn load(&self, blob: &BlobHash) -> Result<Option<Bytes>, CacheError> {
        match (self.at_hand(blob).await?, &self.inner.borrowing) {
            (None, Some(borrowing)) => Ok(self.borrow_blob(borrowing, *blob).await?),
            (bytes, _) => Ok(bytes),
        }
    }

    /// As [`Cache::load`], of what is here: nobody else is asked.
    ///
    /// # Errors
    /// As [`Cache::load`].
    pub async fn at_hand(&self, blob: &BlobHash) -> Result<Option<Bytes>, CacheError> {
        let inner = &self.inner;
        if let Some(bytes) = inner.memory.get(blob).await {
            inner.counters.memory_hits.fetch_add(1, Ordering::Relaxed);
            if let Some(borrowing) = &inner.borrowing {
                borrowing.touch(blob);
            }
            return Ok(Some(bytes));
        }
        let cache = self.clone();
        let blob = *blob;
        inner.memory.fly(blob, async move { cache.read(blob).await }).await.map_err(CacheError::Read)
    }

    /// The SHA-256 of a blob's bytes, which clients can check: as it was noted when they were kept. Of copies, and of what was
    /// kept before it was noted, it is made once.
    ///
    /// # Errors
    /// If the disk fails, or the server stops.
    pub async fn sha256(&self, blob: &BlobHash, bytes: &Bytes) -> Result<Digest, CacheError> {
        if let Some(digest) = self.inner.digests.get(blob) {
            return Ok(digest);
        }
        let digest = match self.noted_sha256(*blob).await? {
            Some(noted) => noted,
            None => {
                let bytes = bytes.clone();
                blocking(move || Ok(Digest::from_bytes(Sha256::digest(&bytes).into()))).await?
            }
        };
        self.inner.digests.insert(*blob, digest);
        Ok(digest)
    }

    /// What the manifest of an entry that has a blob notes of it.
    async fn noted_sha256(&self, blob: BlobHash) -> Result<Option<Digest>, CacheError> {
        let holder = self.inner.store.run(move |index| Rows(index).holder(&blob)).await?;
        let Some(holder) = holder else { return Ok(None) };
        Ok(self.manifest(&holder).await?.and_then(|manifest| manifest.sha256.get(&blob).copied()))
    }

    /// Changes whenever an entry that was found before may be found no more: who remembers an answer compares.
    pub fn losses(&self) -> u64 {
        self.inner.losses.load(Ordering::Acquire)
    }

    /// Counts loads that were saved by somebody who remembered the bytes for a moment.
    pub fn count_memory_hits(&self, hits: u64) {
        self.inner.counters.memory_hits.fetch_add(hits, Ordering::Relaxed);
    }

    /// Reads a blob's file and deals with what is wrong with it.
    async fn read(&self, blob: BlobHash) -> Result<Option<Bytes>, StoreError> {
        let inner = &self.inner;
        inner.counters.disk_reads.fetch_add(1, Ordering::Relaxed);
        if let Some(borrowing) = &inner.borrowing
            && let Some(bytes) = self.read_copy(borrowing, blob).await
        {
            return Ok(Some(bytes));
        }
        let blobs = inner.blobs.clone();
        if let Found::Whole(bytes) = blocking(move || blobs.read(&blob)).await? {
            return Ok(Some(bytes));
        }
        // Again, alone on the shelf: it may just have been put there or replaced.
        let _shelf = inner.shelf.lock().await;
        let blobs = inner.blobs.clone();
        let found = blocking(move || blobs.read(&blob)).await?;
        match found {
            Found::Whole(bytes) => return Ok(Some(bytes)),
            Found::Nothing => {
                if self.drop_blob(blob).await? > 0 {
                    inner.counters.missing.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(blob = %blob.short(), "a blob is missing; its entries are dropped");
                }
            }
            Found::Corrupt => {
                let blobs = inner.blobs.clone();
                let quarantined = blocking(move || blobs.quarantine(&blob)).await?;
                inner.counters.corrupt.fetch_add(1, Ordering::Relaxed);
                tracing::error!(blob = %blob.short(), to = %quarantined.display(), "a blob is corrupt; its entries are dropped");
                self.drop_blob(blob).await?;
            }
        }
        Ok(None)
    }

    /// Begins to take bytes in, at most `limit`.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub async fn stage(&self, limit: u64) -> Result<Staging, CacheError> {
        let blobs = self.inner.blobs.clone();
        Ok(blocking(move || blobs.stage(limit)).await?)
    }

    /// Takes bytes in that are all there.
    ///
    /// # Errors
    /// If the disk is full or failing, or there are no bytes.
    pub async fn stage_bytes(&self, bytes: Bytes) -> Result<Staged, CacheError> {
        let mut staging = self.stage(bytes.len() as u64).await?;
        staging.write(bytes).await?;
        staging.finish().await
    }

    /// Keeps staged bytes under the manifest's key: bytes, then manifest, then row. The first take of a key stays: a second
    /// one, from a job that ran twice, is let go, unless the first was refused by the gate.
    ///
    /// # Errors
    /// If the manifest does not say what the bytes are, or the disk is full or failing; nothing is kept then.
    pub async fn keep(&self, staged: Staged, manifest: Manifest) -> Result<Entry, CacheError> {
        self.keep_all(staged, Vec::new(), manifest).await
    }

    /// As [`Cache::keep`], with the parts of the segmented form in any order.
    ///
    /// # Errors
    /// As [`Cache::keep`], also if a part is missing.
    pub async fn keep_all(&self, whole: Staged, parts: Vec<Staged>, manifest: Manifest) -> Result<Entry, CacheError> {
        manifest.check()?;
        whole.check(&manifest.outcome)?;
        let named = manifest.entry().parts();
        for part in &named[1..] {
            if !parts.iter().any(|staged| (staged.blob(), staged.bytes()) == (part.blob, part.bytes)) {
                let found = format!("none of these {} bytes", part.bytes);
                return Err(CacheError::Mismatch { what: "part", announced: part.blob.to_string(), found });
            }
        }
        let staged = parts.into_iter().filter(|staged| named[1..].iter().any(|part| part.blob == staged.blob()));
        let staged: Vec<_> = staged.chain([whole]).collect();
        let cache = self.clone();
        uninterrupted(async move { cache.put(staged, manifest).await }).await
    }

    async fn put(&self, staged: Vec<Staged>, mut manifest: Manifest) -> Result<Entry, CacheError> {
        manifest.sha256 = staged.iter().map(|staged| (staged.blob(), staged.sha256())).collect();
        let inner = &self.inner;
        let _shelf = inner.shelf.lock().await;
        let key = manifest.key;
        let before: Option<Entry> = inner.store.run(move |index| index.read(Table::Entries, key.as_bytes())).await?;
        if let Some(before) = before {
            if before.may_be_served() && self.blobs_exist(&before).await? {
                return Ok(before);
            }
            self.drop_key(before).await?;
        }
        let entry = manifest.entry();
        let (blobs, manifests) = (inner.blobs.clone(), inner.manifests.clone());
        blocking(move || {
            for staged in staged {
                blobs.place(staged)?;
            }
            manifests.write(&manifest)
        })
        .await?;
        self.insert_row(entry.clone()).await?;
        inner.found.insert(key, entry.clone()).await;
        Ok(entry)
    }

    /// The manifest of a key: everything that made it.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn manifest(&self, key: &RenderKey) -> Result<Option<Manifest>, CacheError> {
        let manifests = self.inner.manifests.clone();
        let key = *key;
        Ok(blocking(move || manifests.read(&key)).await?)
    }

    /// Plates of a template, at most `limit`, in the order of their keys: what might stand in for one that is not made yet.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn plates_of(&self, template: &TemplateId, limit: usize) -> Result<Vec<Entry>, CacheError> {
        let template = template.clone();
        Ok(self.inner.store.run(move |index| Rows(index).plates_of(&template, limit)).await?)
    }

    /// The plates that the gate flagged, the oldest first.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn flagged(&self) -> Result<Vec<Entry>, CacheError> {
        Ok(self.inner.store.run(|index| Rows(index).flagged()).await?)
    }

    /// Remembers that a key cannot be had, and why, until then.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub async fn refuse(&self, key: &RenderKey, reasons: Vec<Reason>, until: UnixMillis) -> Result<(), CacheError> {
        let key = *key;
        let refusal = Refusal { reasons, until };
        let keep = move |index: &Index| {
            let mut batch = Batch::default();
            batch.put(Table::Refusals, key.as_bytes().as_slice(), encode(&refusal));
            index.commit(&batch)?;
            index.flush()
        };
        Ok(self.inner.store.run(keep).await?)
    }

    /// Why a key cannot be had now, if somebody found out.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn refusal(&self, key: &RenderKey) -> Result<Option<Refusal>, CacheError> {
        let key = *key;
        let refusal: Option<Refusal> = self.inner.store.run(move |index| index.read(Table::Refusals, key.as_bytes())).await?;
        let now = self.inner.clock.now();
        Ok(refusal.filter(|refusal| refusal.until > now))
    }

    /// Forgets that a key was refused.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn forgive(&self, key: &RenderKey) -> Result<(), CacheError> {
        let key = *key;
        let forget = move |index: &Index| {
            let mut batch = Batch::default();
            batch.remove(Table::Refusals, key.as_bytes().as_slice());
            index.commit(&batch)?;
            index.flush()
        };
        Ok(self.inner.store.run(forget).await?)
    }

    /// Says what a campaign needs: these keys, and no others, are not dropped on its account until it is
    /// [unpinned](Self::unpin). They need not be made yet.
    ///
    /// # Errors
    /// If the disk is full or failing; the campaign's pins are as before then.
    pub async fn pin(&self, campaign: &str, keys: impl IntoIterator<Item = RenderKey>) -> Result<(), CacheError> {
        let cache = self.clone();
        let campaign = campaign.to_owned();
        let keys: HashSet<RenderKey> = keys.into_iter().collect();
        Ok(blocking(move || cache.inner.pins.set(&campaign, keys)).await?)
    }

    /// A campaign is over.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn unpin(&self, campaign: &str) -> Result<(), CacheError> {
        let cache = self.clone();
        let campaign = campaign.to_owned();
        Ok(blocking(move || cache.inner.pins.remove(&campaign)).await?)
    }

    /// What campaigns need, made or not, by who needs it.
    pub fn pinned(&self) -> BTreeMap<String, BTreeSet<RenderKey>> {
        self.inner.pins.all()
    }

    /// Who needs it, by the names that they pinned it under.
    pub fn needed_by(&self, key: &RenderKey) -> Vec<String> {
        self.inner.pins.holders(key)
    }

    /// Whether any campaign needs it.
    pub fn is_pinned(&self, key: &RenderKey) -> bool {
        self.inner.pins.hold(key)
    }

    /// Which of these keys have an entry. No use of theirs.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn kept(&self, keys: BTreeSet<RenderKey>) -> Result<BTreeSet<RenderKey>, CacheError> {
        let look = move |index: &Index| {
            let mut kept = BTreeSet::new();
            for key in &keys {
                if index.get(Table::Entries, key.as_bytes())?.is_some() {
                    kept.insert(*key);
                }
            }
            Ok(kept)
        };
        Ok(self.inner.store.run(look).await?)
    }

    /// What has to be done now and then, every few seconds: writes last uses, forgets old refusals, keeps to the disk
    /// budget.
    ///
    /// # Errors
    /// If the disk fails; the next call tries again.
    pub async fn maintain(&self) -> Result<Evicted, CacheError> {
        let inner = &self.inner;
        self.write_touches().await?;
        let now = inner.clock.now();
        inner.store.run(move |index| Rows(index).forget_refusals(now)).await?;
        inner.memory.maintain().await;
        if let Some(borrowing) = &inner.borrowing {
            self.forget_stale(borrowing).await?;
        }
        let full = inner.counters.bytes.load(Ordering::Relaxed) > inner.options.disk_bytes;
        // A little below, so that not each plate that comes throws out one.
        if full { self.gc(inner.options.disk_bytes / 20 * 19).await } else { Ok(Evicted::default()) }
    }

    /// Makes all rows again from the manifests. Returns how many entries there are.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub async fn reindex(&self) -> Result<u64, CacheError> {
        let cache = self.clone();
        uninterrupted(async move { cache.make_rows().await }).await
    }

    /// How many manifests [`Cache::reindex`] has read so far.
    pub fn reindexed(&self) -> u64 {
        self.inner.counters.aligned.load(Ordering::Relaxed)
    }

    async fn make_rows(&self) -> Result<u64, CacheError> {
        let inner = &self.inner;
        let _shelf = inner.shelf.lock().await;
        let source = FromManifests::new(inner.manifests.clone(), inner.blobs.clone(), Arc::clone(&inner.counters));
        inner.store.run(move |index| source.make(index)).await?;
        inner.found.invalidate_all();
        Ok(inner.counters.entries.load(Ordering::Relaxed))
    }

    /// How full it is.
    pub fn usage(&self) -> Usage {
        let Inner { counters, pins, memory, borrowing, .. } = &*self.inner;
        let borrowed = borrowing.as_ref().map(Borrowing::usage).unwrap_or_default();
        counters.usage(pins.count(), memory.bytes(), borrowed)
    }

    /// Bytes that the disk of the state folder has left for this user.
    ///
    /// # Errors
    /// If the system does not say.
    pub async fn free_bytes(&self) -> Result<u64, CacheError> {
        let folder = self.inner.store.folder().to_owned();
        Ok(blocking(move || doctor::free_bytes(&folder)).await?)
    }

    fn touch(&self, key: &RenderKey) {
        let now = self.inner.clock.now();
        let mut touches = self.inner.touches.lock().unwrap_or_else(PoisonError::into_inner);
        if touches.len() < TOUCHES || touches.contains_key(key) {
            touches.insert(*key, now);
        }
    }

    async fn write_touches(&self) -> Result<(), CacheError> {
        let touches = std::mem::take(&mut *self.inner.touches.lock().unwrap_or_else(PoisonError::into_inner));
        if touches.is_empty() {
            return Ok(());
        }
        Ok(self.inner.store.run(move |index| Rows(index).touch(&touches)).await?)
    }

    /// Writes the row of an entry whose files are there.
    async fn insert_row(&self, entry: Entry) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let inserted = self.inner.store.run(move |index| Rows(index).insert(&entry, now)).await?;
        self.inner.counters.entries.fetch_add(u64::from(inserted.new_entry), Ordering::Relaxed);
        self.inner.counters.bytes.fetch_add(inserted.new_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Takes an entry off: manifest, row, and those of its blobs that no other entry has. The shelf is held by the caller. Returns
    /// the bytes that became free.
    async fn drop_key(&self, entry: Entry) -> Result<u64, StoreError> {
        let inner = &self.inner;
        let key = entry.key;
        let manifests = inner.manifests.clone();
        blocking(move || manifests.remove(&key)).await?;
        let free = inner.store.run(move |index| Rows(index).remove(&entry)).await?;
        inner.found.invalidate(&key).await;
        inner.losses.fetch_add(1, Ordering::Release);
        less(&inner.counters.entries, 1);
        let bytes = free.iter().map(|part| part.bytes).sum();
        less(&inner.counters.bytes, bytes);
        for part in &free {
            inner.memory.forget(&part.blob).await;
        }
        let blobs = inner.blobs.clone();
        blocking(move || free.iter().try_for_each(|part| blobs.remove(&part.blob).map(drop))).await?;
        Ok(bytes)
    }

    /// Takes off every entry of a blob. The shelf is held by the caller.
    async fn drop_blob(&self, blob: BlobHash) -> Result<usize, StoreError> {
        let entries = self.inner.store.run(move |index| Rows(index).holders(&blob)).await?;
        let count = entries.len();
        for entry in entries {
            self.drop_key(entry).await?;
        }
        Ok(count)
    }

    async fn manifest_exists(&self, key: &RenderKey) -> Result<bool, StoreError> {
        let path = self.inner.manifests.path(key);
        exists(path).await
    }

    async fn blobs_exist(&self, entry: &Entry) -> Result<bool, StoreError> {
        let (blobs, parts) = (self.inner.blobs.clone(), entry.parts());
        blocking(move || blobs.have_all(&parts)).await
    }
}

fn less(counter: &AtomicU64, by: u64) {
    counter.fetch_sub(by.min(counter.load(Ordering::Relaxed)), Ordering::Relaxed);
}

async fn exists(path: PathBuf) -> Result<bool, StoreError> {
    blocking(move || path.try_exists().map_err(|error| StoreError::at(&path, error))).await
}

/// Runs to its end also when whoever waits for it goes away: what is half on the shelf must not stay so.
async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, CacheError>> + Send + 'static,
) -> Result<T, CacheError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(StoreError::Closing.into()),
    }
}

/// Runs file work in the pool for blocking work.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(StoreError::Closing),
    }
}
