//! What is drawn on clips, laid out: kept while a title is typed, asked for and fetched in its forms.

use std::sync::Arc;

use festoon_film::overlay::Drawing;
use festoon_spec::{Canvas, Digest};

use super::{Edge, EdgeError};
use crate::pick::Resolved;

/// Memory for laid out overlays: a title takes 1 to 4 MB of it at 1280x720.
const MOST_BYTES: u64 = 64 << 20;
/// Weights are counted in these.
const UNIT: u64 = 1 << 10;

/// An overlay, and the size of the frames that it is laid out for.
type Name = (Digest, [u32; 2]);

/// Overlays that were laid out lately. It holds copies only: what it lets go is laid out again.
pub(super) struct Drawings(moka::sync::Cache<Name, Arc<Drawing>>);

impl Default for Drawings {
    fn default() -> Self {
        let weigh = |_: &Name, drawing: &Arc<Drawing>| u32::try_from(drawing.bytes() as u64 / UNIT + 1).unwrap_or(u32::MAX);
        let lately = moka::policy::EvictionPolicy::lru();
        Self(moka::sync::Cache::builder().max_capacity(MOST_BYTES / UNIT).weigher(weigh).eviction_policy(lately).build())
    }
}

impl Edge {
    /// What is drawn on the clip, laid out; once however often it is asked for.
    ///
    /// # Errors
    /// [`EdgeError::Pick`], naming the layer and the limit.
    pub(super) async fn drawing(&self, resolved: &Resolved) -> Result<Arc<Drawing>, EdgeError> {
        let mut resolved = resolved.clone();
        // Also for what is laid out: a picture may have been taken down since.
        self.supply_images(&mut resolved).await?;
        let Canvas { width, height, .. } = resolved.plate.canvas;
        let name = (resolved.overlay.digest(), [width, height]);
        if let Some(drawing) = self.inner.drawings.0.get(&name) {
            return Ok(drawing);
        }
        let faces = Arc::clone(&self.inner.faces);
        let drawing = match tokio::task::spawn_blocking(move || resolved.prepare(&faces)).await {
            Ok(drawing) => Arc::new(drawing?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.inner.drawings.0.insert(name, Arc::clone(&drawing));
        Ok(drawing)
    }
}
