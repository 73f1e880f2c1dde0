//! Copies of blobs in memory, and one read for all who ask at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use festoon_spec::BlobHash;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use crate::store::StoreError;

/// What an entry costs beside its bytes.
const OVERHEAD: u32 = 256;
/// A blob larger than this part of the memory would throw out too many others.
const LARGEST_PART: u64 = 8;

type Loaded = Result<Option<Bytes>, Arc<StoreError>>;

/// Holds copies only: what it lets go is still on the disk.
#[derive(Debug)]
pub(super) struct Memory {
    /// Least recently used rather than TinyLFU, which turns away what is new while what is old is popular: the morning of a
    /// launch.
    blobs: moka::future::Cache<BlobHash, Bytes>,
    largest: u64,
    flights: Arc<Mutex<HashMap<BlobHash, Shared<BoxFuture<'static, Loaded>>>>>,
}

impl Memory {
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &BlobHash, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(OVERHEAD);
        let blobs = moka::future::Cache::builder()
            .max_capacity(bytes)
            .weigher(weigh)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build();
        Self { blobs, largest: bytes / LARGEST_PART, flights: Arc::default() }
    }

    pub async fn get(&self, blob: &BlobHash) -> Option<Bytes> {
        self.blobs.get(blob).await
    }

    /// Takes bytes in that came another way.
    pub async fn keep(&self, blob: BlobHash, bytes: Bytes) {
        if bytes.len() as u64 <= self.largest {
            self.blobs.insert(blob, bytes).await;
        }
    }

    pub async fn forget(&self, blob: &BlobHash) {
        self.blobs.invalidate(blob).await;
    }

    pub fn bytes(&self) -> u64 {
        self.blobs.weighted_size()
    }

    pub async fn maintain(&self) {
        self.blobs.run_pending_tasks().await;
    }

    /// Waits for the read of a blob that is under way, or starts it. The read is a task of its own: it goes on when
    /// whoever started it goes away.
    pub async fn fly(
        &self,
        blob: BlobHash,
        read: impl Future<Output = Result<Option<Bytes>, StoreError>> + Send + 'static,
    ) -> Loaded {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&blob) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.start(blob, read);
                    flights.insert(blob, flight.clone());
                    flight
                }
            }
        };
        flight.await
    }

    fn start(
        &self,
        blob: BlobHash,
        read: impl Future<Output = Result<Option<Bytes>, StoreError>> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Loaded>> {
        let (blobs, flights, largest) = (self.blobs.clone(), Arc::clone(&self.flights), self.largest);
        let task = tokio::spawn(async move {
            let landed = Landed { flights, blob };
            let loaded = read.await.map_err(Arc::new);
            if let Ok(Some(bytes)) = &loaded
                && bytes.len() as u64 <= largest
            {
                blobs.insert(blob, bytes.clone()).await;
            }
            drop(landed);
            loaded
        });
        // A read that panicked took nothing with it; whoever waits is told that it did not happen.
        async move { task.await.unwrap_or_else(|_| Err(Arc::new(StoreError::Closing))) }.boxed().shared()
    }
}

/// Ends a flight however it ends.
struct Landed {
    flights: Arc<Mutex<HashMap<BlobHash, Shared<BoxFuture<'static, Loaded>>>>>,
    blob: BlobHash,
}

impl Drop for Landed {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.blob);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn blob(number: u32) -> (BlobHash, Bytes) {
        let bytes = Bytes::from(number.to_be_bytes().repeat(256));
        (BlobHash::of(&bytes), bytes)
    }

    /// TinyLFU turned away 100 of 100 new clips while the old ones were popular (measured): a launch would be read from the disk.
    #[tokio::test]
    async fn what_is_new_is_let_in_while_the_old_is_popular() {
        let memory = Memory::new(100 * (1024 + u64::from(OVERHEAD)));
        for number in 0..100 {
            let (name, bytes) = blob(number);
            memory.keep(name, bytes).await;
        }
        memory.maintain().await;
        for _ in 0..50 {
            for number in 0..100 {
                assert!(memory.get(&blob(number).0).await.is_some(), "all of them fit");
            }
            memory.maintain().await;
        }
        for number in 100..150 {
            let (name, bytes) = blob(number);
            memory.keep(name, bytes).await;
            memory.maintain().await;
            assert!(memory.get(&name).await.is_some(), "{number} was turned away");
        }
        assert!(memory.bytes() <= 100 * (1024 + u64::from(OVERHEAD)));
    }
}
