//! A cache that has somebody above it: an edge's. What it lacks it asks for, and keeps a copy.
//!
//! - Of an entry the row is kept and asked for again once it is older than [`Freshness::fresh_millis`]: in the background, so
//!   that nobody waits. While the origin is away it is served up to [`Freshness::stale_millis`].
//! - That there is no such entry is remembered for [`Freshness::missing_millis`].
//! - A blob is pulled once however many ask, read while it comes, verified, and kept as [`Borrowed`] decides.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use festoon_spec::{BlobHash, RenderKey, UnixMillis};
use serde::{Deserialize, Serialize};

use super::{
    Blobs, Cache, CacheError, Entry, Pulling, Upstream, UpstreamError,
    blobs::Found,
    blocking,
    borrowed::Borrowed,
    pull::{Pull, Pulled},
    usage::Borrowing as Counted,
};
use crate::store::{Batch, IndexError, StoreError, Table, decode, encode};

/// Rows of borrowed entries that are kept in memory.
const KNOWN: u64 = 100_000;

/// How long what the origin said is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// An entry is served so long without asking again.
    pub fresh_millis: u64,
    /// It is served so long while the origin does not answer.
    pub stale_millis: u64,
    /// That there is none is believed so long.
    pub missing_millis: u64,
}

/// Who is asked, and how much is taken.
#[derive(Debug, Clone)]
pub struct Loan {
    /// Who has more.
    pub upstream: Arc<dyn Upstream>,
    /// How long it is believed.
    pub freshness: Freshness,
    /// Most bytes of one blob.
    pub blob_bytes: u64,
}

/// What a cache has of its origin.
#[derive(Debug)]
pub(super) struct Borrowing {
    loan: Loan,
    blobs: Borrowed,
    /// What was said of keys, the lack of an entry included.
    known: moka::future::Cache<RenderKey, Said>,
    /// Keys that are being asked for again in the background.
    asking: Mutex<HashSet<RenderKey>>,
    pulls: Arc<Mutex<HashMap<BlobHash, Arc<Pull>>>>,
    /// What was said earlier is asked for again before it is believed, if the origin answers.
    distrusted: AtomicU64,
}

/// What the origin said of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Said {
    entry: Option<Box<Entry>>,
    at: UnixMillis,
}

/// A blob: here, or on its way.
#[derive(Debug)]
pub enum Loaded {
    /// Every byte.
    Whole(Bytes),
    /// They come.
    Coming(Pulling),
}

/// The entry of a row of the table of borrowed ones.
pub(super) fn entry_of_row(row: &[u8]) -> Result<Option<Entry>, IndexError> {
    Ok(decode::<Said>(row)?.entry.map(|entry| *entry))
}

impl Borrowing {
    pub fn open(blobs: Blobs, budget: u64, loan: Loan) -> Result<Self, StoreError> {
        Ok(Self {
            loan,
            blobs: Borrowed::open(blobs, budget)?,
            known: moka::future::Cache::new(KNOWN),
            asking: Mutex::default(),
            pulls: Arc::default(),
            distrusted: AtomicU64::new(0),
        })
    }

    fn asking(&self) -> MutexGuard<'_, HashSet<RenderKey>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pulls(&self) -> MutexGuard<'_, HashMap<BlobHash, Arc<Pull>>> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn touch(&self, blob: &BlobHash) {
        self.blobs.touch(blob);
    }

    /// What was said of a key, as long as it is to be believed without asking.
    pub async fn believed(&self, key: &RenderKey, now: UnixMillis) -> Option<Option<Entry>> {
        let said = self.known.get(key).await?;
        let patience = if said.entry.is_some() { self.loan.freshness.fresh_millis } else { self.loan.freshness.missing_millis };
        (!self.distrusts(said.at) && now.is_within(patience, said.at)).then(|| said.entry.map(|entry| *entry))
    }

    fn distrusts(&self, at: UnixMillis) -> bool {
        at.0 < self.distrusted.load(Ordering::Relaxed)
    }

    /// Forgets what is kept in memory of what was said; the rows stay.
    pub fn forget_what_was_said(&self) {
        self.known.invalidate_all();
    }

    /// Deletes copies, and says how many bytes that frees. Blocks.
    pub fn delete_copies(&self, blobs: &[BlobHash]) -> Result<u64, StoreError> {
        self.blobs.forget(blobs)
    }

    /// Copies, and their bytes.
    pub fn usage(&self) -> Counted {
        let (blobs, bytes) = self.blobs.usage();
        Counted { blobs, bytes }
    }
}

impl Cache {
    /// An entry that the origin has.
    pub(super) async fn borrow_entry(&self, borrowing: &Borrowing, key: &RenderKey) -> Result<Option<Entry>, CacheError> {
        let now = self.inner.clock.now();
        let said = match borrowing.known.get(key).await {
            Some(said) => Some(said),
            None => self.read_said(key).await?,
        };
        let stale = said.filter(|said| said.entry.is_some() && now.since(said.at) < borrowing.loan.freshness.stale_millis);
        if let Some(Said { entry: Some(entry), at }) = stale {
            if borrowing.distrusts(at) {
                return match self.ask_at_once(borrowing, key).await {
                    Err(CacheError::Upstream(_)) => Ok(Some(*entry)),
                    said => said,
                };
            }
            if now.is_within(borrowing.loan.freshness.fresh_millis, at) {
                borrowing.known.insert(*key, Said { entry: Some(entry.clone()), at }).await;
            } else if borrowing.asking().insert(*key) {
                let (cache, key) = (self.clone(), *key);
                tokio::spawn(async move { cache.ask_again(key).await });
            }
            return Ok(Some(*entry));
        }
        self.ask_at_once(borrowing, key).await
    }

    /// Asks the origin while the caller waits, once however many wait.
    async fn ask_at_once(&self, borrowing: &Borrowing, key: &RenderKey) -> Result<Option<Entry>, CacheError> {
        borrowing.known.invalidate(key).await;
        let (cache, asked) = (self.clone(), *key);
        // In a task of its own: it goes on for the others when whoever asked first goes away.
        let ask = async move {
            let task = tokio::spawn(async move { cache.ask(&asked).await });
            task.await.unwrap_or(Err(CacheError::Store(StoreError::Closing)))
        };
        let said = borrowing.known.try_get_with(*key, ask).await.map_err(|error| match &*error {
            CacheError::Upstream(error) => CacheError::Upstream(error.clone()),
            _ => CacheError::Store(StoreError::Closing),
        })?;
        Ok(said.entry.map(|entry| *entry))
    }

    /// Asks the origin, and writes down what it says.
    async fn ask(&self, key: &RenderKey) -> Result<Said, CacheError> {
        let Some(borrowing) = &self.inner.borrowing else { return Err(StoreError::Closing.into()) };
        let entry = borrowing.loan.upstream.entry(key).await?;
        if let Some(entry) = entry.as_ref().filter(|entry| entry.key != *key) {
            let what = format!("with the entry of another key, {}", entry.key);
            return Err(UpstreamError::Wrong { what }.into());
        }
        let said = Said { entry: entry.map(Box::new), at: self.inner.clock.now() };
        self.write_said(key, &said).await?;
        Ok(said)
    }

    async fn ask_again(&self, key: RenderKey) {
        let Some(borrowing) = &self.inner.borrowing else { return };
        match self.ask(&key).await {
            Ok(said) => borrowing.known.insert(key, said).await,
            // It is served as it is meanwhile.
            Err(error) => tracing::debug!(key = %key.short(), %error, "an entry is not asked for again"),
        }
        borrowing.asking().remove(&key);
    }

    async fn read_said(&self, key: &RenderKey) -> Result<Option<Said>, StoreError> {
        let key = *key;
        self.inner.store.run(move |index| index.read(Table::Borrowed, key.as_bytes())).await
    }

    async fn write_said(&self, key: &RenderKey, said: &Said) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        match said.entry {
            Some(_) => batch.put(Table::Borrowed, key.as_bytes().as_slice(), encode(said)),
            None => batch.remove(Table::Borrowed, key.as_bytes().as_slice()),
        };
        self.inner.store.run(move |index| index.commit(&batch)).await
    }

    /// A blob that is not here, or was not a moment ago.
    pub(super) async fn borrow_blob(&self, borrowing: &Borrowing, blob: BlobHash) -> Result<Option<Bytes>, UpstreamError> {
        let pull = loop {
            match self.join(borrowing, blob) {
                Some(pull) => break pull,
                None => {
                    if let Some(bytes) = self.read_copy(borrowing, blob).await {
                        return Ok(Some(bytes));
                    }
                }
            }
        };
        let Some(pulling) = pull.reader().await? else { return Ok(None) };
        let whole = pulling.whole().await;
        whole.map(Some).map_err(|broken| UpstreamError::Away { reason: broken.to_string(), retry_millis: 1000 })
    }

    /// The copy of a blob. One that cannot be read is as good as none.
    pub(super) async fn read_copy(&self, borrowing: &Borrowing, blob: BlobHash) -> Option<Bytes> {
        if !borrowing.blobs.has(&blob) {
            return None;
        }
        let cache = self.clone();
        let read = blocking(move || match &cache.inner.borrowing {
            Some(borrowing) => borrowing.blobs.read(&blob),
            None => Ok(Found::Nothing),
        });
        match read.await {
            Ok(Found::Whole(bytes)) => Some(bytes),
            Ok(Found::Corrupt) => {
                self.inner.counters.corrupt.fetch_add(1, Ordering::Relaxed);
                None
            }
            Ok(Found::Nothing) => None,
            Err(error) => {
                tracing::error!(blob = %blob.short(), %error, "the copy of a blob cannot be read; it is asked for again");
                borrowing.blobs.overlook(&blob);
                None
            }
        }
    }

    /// A blob, here or on its way: for who passes bytes on as they come.
    ///
    /// # Errors
    /// If the disk fails, or the origin is needed and does not answer.
    pub async fn open_blob(&self, blob: &BlobHash) -> Result<Option<Loaded>, CacheError> {
        if let Some(borrowing) = &self.inner.borrowing
            && self.inner.memory.get(blob).await.is_none()
            && !self.has_own(blob).await?
            && let Some(pull) = self.join(borrowing, *blob)
        {
            return Ok(pull.reader().await?.map(Loaded::Coming));
        }
        Ok(self.load(blob).await?.map(Loaded::Whole))
    }

    async fn has_own(&self, blob: &BlobHash) -> Result<bool, StoreError> {
        let (blobs, blob) = (self.inner.blobs.clone(), *blob);
        blocking(move || Ok(blobs.size(&blob)?.is_some())).await
    }

    /// Joins the pull of a blob, or begins it; `None` if there is a copy.
    fn join(&self, borrowing: &Borrowing, blob: BlobHash) -> Option<Arc<Pull>> {
        let mut pulls = borrowing.pulls();
        if let Some(pull) = pulls.get(&blob) {
            return Some(Arc::clone(pull));
        }
        // A pull ends behind the copy that it leaves, so what landed a moment ago is seen here.
        if borrowing.blobs.has(&blob) {
            return None;
        }
        let pull = Arc::new(Pull::default());
        pulls.insert(blob, Arc::clone(&pull));
        let (cache, began) = (self.clone(), Arc::clone(&pull));
        let landed = Landed { pulls: Arc::clone(&borrowing.pulls), blob };
        tokio::spawn(async move {
            cache.run_pull(&began, blob).await;
            drop(landed);
        });
        Some(pull)
    }

    async fn run_pull(&self, pull: &Pull, blob: BlobHash) {
        let inner = &self.inner;
        let Some(borrowing) = &inner.borrowing else { return };
        match pull.run(&blob, borrowing.loan.upstream.as_ref(), borrowing.loan.blob_bytes).await {
            Pulled::Whole(bytes) => {
                inner.counters.pulled.fetch_add(1, Ordering::Relaxed);
                inner.memory.keep(blob, bytes.clone()).await;
                if !borrowing.blobs.admits(&blob, bytes.len() as u64) {
                    return;
                }
                let cache = self.clone();
                let kept = blocking(move || match &cache.inner.borrowing {
                    Some(borrowing) => borrowing.blobs.keep(blob, bytes),
                    None => Ok(()),
                });
                if let Err(error) = kept.await {
                    tracing::error!(blob = %blob.short(), %error, "a blob was passed on but no copy is kept");
                }
            }
            Pulled::Nothing => {}
            Pulled::Broken(error) => tracing::warn!(blob = %blob.short(), %error, "a blob did not come"),
            Pulled::Forged(found) => {
                inner.counters.forged.fetch_add(1, Ordering::Relaxed);
                tracing::error!(blob = %blob.short(), found = %found.short(), "the origin sent other bytes than the name says; they are dropped");
            }
        }
    }

    /// Forgets that the origin had no such entry.
    pub async fn forget_lack(&self, key: &RenderKey) {
        if let Some(borrowing) = &self.inner.borrowing {
            borrowing.known.invalidate(key).await;
        }
    }

    /// Believes nothing that the origin said before now: it may have been taken back meanwhile.
    pub fn distrust(&self) {
        if let Some(borrowing) = &self.inner.borrowing {
            // What is said in this very millisecond may be from before.
            borrowing.distrusted.store(self.inner.clock.now().0 + 1, Ordering::Relaxed);
            self.inner.losses.fetch_add(1, Ordering::Release);
        }
    }

    /// Which of these blobs stay here whatever is asked for.
    pub fn hold_copies(&self, blobs: HashSet<BlobHash>) {
        if let Some(borrowing) = &self.inner.borrowing {
            borrowing.blobs.pin(blobs);
        }
    }

    /// Whether a copy of the blob, or the blob itself, is on this disk.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn has_blob(&self, blob: &BlobHash) -> Result<bool, CacheError> {
        if self.inner.borrowing.as_ref().is_some_and(|borrowing| borrowing.blobs.has(blob)) {
            return Ok(true);
        }
        Ok(self.has_own(blob).await?)
    }

    /// Forgets what cannot be served any more: entries that were not asked for again for so long.
    pub(super) async fn forget_stale(&self, borrowing: &Borrowing) -> Result<(), StoreError> {
        let (now, patience) = (self.inner.clock.now(), borrowing.loan.freshness.stale_millis);
        self.inner
            .store
            .run(move |index| {
                let mut batch = Batch::default();
                index.visit(Table::Borrowed, &[], &[], |key, value| {
                    if now.since(decode::<Said>(value)?.at) >= patience {
                        batch.remove(Table::Borrowed, key);
                    }
                    Ok(ControlFlow::Continue(()))
                })?;
                index.commit(&batch)
            })
            .await
    }
}

/// Ends a pull however it ends.
struct Landed {
    pulls: Arc<Mutex<HashMap<BlobHash, Arc<Pull>>>>,
    blob: BlobHash,
}

impl Drop for Landed {
    fn drop(&mut self) {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.blob);
    }
}
