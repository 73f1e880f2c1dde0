//! From what is ready to what is delivered: a plate as it is, or a clip composed on it.

use std::sync::Arc;

use festoon_film::{Draw, overlay::Drawing};
use festoon_spec::Lane;

use super::{Edge, EdgeError, Shown};
use crate::{
    cache::Entry,
    compositor::{Clip, Order},
    pick::Resolved,
};

impl Edge {
    /// The clip of what is shown: kept, or being composed, which this begins if nobody did.
    ///
    /// # Errors
    /// [`EdgeError::Pick`] if it cannot be drawn as it is meant, [`EdgeError::Compositor`] if too many clips are being composed or
    /// composing fails at once, [`EdgeError::NoCompositor`] if nothing is composed here.
    pub async fn clip(&self, shown: &Shown, lane: Lane) -> Result<Clip, EdgeError> {
        if let Some(kept) = self.kept_clip(shown).await? {
            return Ok(Clip::Kept(kept.into()));
        }
        let Shown { entry, resolved } = shown;
        let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
        let drawing: Arc<dyn Draw> = Arc::new(self.drawing(resolved).await?);
        let order = Order { spec: resolved.clip.clone(), plate: entry.clone(), drawing, lane };
        Ok(compositor.clip(order).await?)
    }

    /// The clip of what is shown, if it is kept: the plate where nothing is drawn, else what was composed before.
    ///
    /// # Errors
    /// If the cache fails.
    pub async fn kept_clip(&self, shown: &Shown) -> Result<Option<Entry>, EdgeError> {
        if shown.resolved.overlay.layers.is_empty() {
            return Ok(Some(shown.entry.clone()));
        }
        Ok(self.inner.cache.find(&shown.resolved.clip_key).await?)
    }

    /// Whether the clip can be drawn as it is meant.
    ///
    /// # Errors
    /// [`EdgeError::Pick`], naming the layer and the limit.
    pub async fn check_drawing(&self, shown: &Shown) -> Result<(), EdgeError> {
        self.drawing(&shown.resolved).await.map(drop)
    }

    /// What is drawn on the clip, laid out.
    ///
    /// # Errors
    /// [`EdgeError::Pick`], naming the layer and the limit.
    pub(super) async fn drawing(&self, resolved: &Resolved) -> Result<Drawing, EdgeError> {
        let (mut resolved, faces) = (resolved.clone(), Arc::clone(&self.inner.faces));
        self.supply_images(&mut resolved).await?;
        match tokio::task::spawn_blocking(move || resolved.prepare(&faces)).await {
            Ok(drawing) => Ok(drawing?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
