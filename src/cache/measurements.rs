//! What was measured of plates, in memory: plain numbers, measured again when they are gone.

use std::{future::Future, sync::Arc};

use festoon_film::Measured;
use festoon_spec::BlobHash;

/// Plates whose numbers are kept; those of a minute of film have 50 KB.
const PLATES: u64 = 500;

/// The numbers of each frame of plates, by the plate's blob. Clones are the same memory.
#[derive(Debug, Clone)]
pub struct MeasurementMemory {
    plates: moka::future::Cache<BlobHash, Arc<Vec<Measured>>>,
}

impl Default for MeasurementMemory {
    fn default() -> Self {
        Self { plates: moka::future::Cache::new(PLATES) }
    }
}

impl MeasurementMemory {
    /// The numbers of this plate, measured once however many ask.
    ///
    /// # Errors
    /// What `measure` returns; the next one to ask measures again.
    pub async fn get<E: Send + Sync + 'static>(
        &self,
        plate: BlobHash,
        measure: impl Future<Output = Result<Vec<Measured>, E>>,
    ) -> Result<Arc<Vec<Measured>>, Arc<E>> {
        self.plates.try_get_with(plate, async { measure.await.map(Arc::new) }).await
    }
}
