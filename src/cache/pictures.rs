//! Decoded pictures in memory: what overlays are drawn on when their plate is hot.

use std::sync::Arc;

use festoon_film::{FilmError, Picture};
use festoon_spec::BlobHash;

/// Weights are counted in these, so that a window of gigabytes fits the library's 32 bits.
const UNIT: u64 = 1 << 10;

/// The pictures of mezzanines, by the mezzanine's blob. Clones are the same memory. It holds copies only: what it lets go is
/// decoded again.
#[derive(Debug, Clone)]
pub struct PictureMemory {
    windows: moka::sync::Cache<BlobHash, Arc<Vec<Picture>>>,
}

impl PictureMemory {
    /// With room for this many bytes of pictures.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &BlobHash, pictures: &Arc<Vec<Picture>>| {
            let bytes: u64 = pictures.iter().map(|picture| picture.bytes().len() as u64).sum();
            u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX)
        };
        let windows = moka::sync::Cache::builder()
            .max_capacity(bytes / UNIT)
            .weigher(weigh)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build();
        Self { windows }
    }

    /// The pictures of this mezzanine, decoded once however many threads ask. Blocks.
    ///
    /// # Errors
    /// What `decode` returns; the next one to ask decodes again.
    pub fn get(
        &self,
        mezzanine: BlobHash,
        decode: impl FnOnce() -> Result<Vec<Picture>, FilmError>,
    ) -> Result<Arc<Vec<Picture>>, FilmError> {
        self.windows.try_get_with(mezzanine, || decode().map(Arc::new)).map_err(FilmError::Shared)
    }

    /// Bytes of pictures in memory, to within a unit each.
    pub fn bytes(&self) -> u64 {
        self.windows.weighted_size() * UNIT
    }
}
