//! The pictures that overlays are drawn on: from memory, or from the mezzanine.

use std::sync::Arc;

use festoon_film::{Cancel, FilmError, Picture, Pictures};
use festoon_spec::{BlobHash, RenderKey};
use tokio::runtime::Handle;

use super::{CompositorError, Inner};

/// The windows of one plate.
pub(super) struct Windows<'a> {
    pub inner: &'a Inner,
    /// The mezzanine of each window.
    pub blobs: Vec<BlobHash>,
    pub plate: RenderKey,
    pub runtime: Handle,
}

impl Pictures for Windows<'_> {
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, FilmError> {
        let blob = self.blobs[window];
        self.inner.pictures.get(blob, || {
            let loaded = self.runtime.block_on(self.inner.cache.load(&blob));
            let failed = |source: CompositorError| FilmError::Frame { index: 0, source: source.into() };
            let bytes = loaded.map_err(|error| failed(error.into()))?;
            let bytes = bytes.ok_or_else(|| failed(CompositorError::Lost { plate: self.plate, blob }))?;
            // Whoever left: others may wait for the same window, and the next one will.
            self.inner.decoder.pictures(&bytes, &Cancel::default())
        })
    }
}
