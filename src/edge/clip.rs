//! From what is ready to what is delivered: a plate as it is, a clip composed on it, or another form of either.

use std::sync::Arc;

use festoon_film::{Draw, captions, overlay::Drawing, small_canvas};
use festoon_spec::{Canvas, Media, Profile};

use super::{Edge, EdgeError, How, Shown};
use crate::{
    cache::Entry,
    compositor::{Clip, FormOrder, Order, Source},
    pick::Resolved,
};

/// Whether a plate, and what is drawn on it, has a small form: it is not as small already.
pub(super) fn has_small_form(plate: &Entry) -> bool {
    let Media { width, height, frames, fps, .. } = plate.media;
    small_canvas(&Canvas { width, height, frames, fps }).is_some()
}

impl Edge {
    /// The clip of what is shown, in its profile: kept, or being composed, which this begins if nobody did. A form other than
    /// `mp4` is waited for.
    ///
    /// # Errors
    /// [`EdgeError::NotPublic`] and [`EdgeError::TooMuchWork`] if it is not to be made for who asks,
    /// [`EdgeError::Pick`] if it cannot be drawn as it is meant, [`EdgeError::NoSmallerForm`], [`EdgeError::Compositor`] if too many clips are being composed or
    /// composing fails, [`EdgeError::NoCompositor`] if nothing is composed here.
    pub async fn clip(&self, shown: &Shown, how: &How) -> Result<Clip, EdgeError> {
        if let Some(kept) = self.kept_clip(shown).await? {
            return Ok(Clip::Kept(kept.into()));
        }
        let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
        let resolved = &shown.resolved;
        self.admit_making(how, shown, &resolved.clip).await?;
        if resolved.pick.profile == Profile::Mp4 {
            return Ok(compositor.clip(self.film(shown, how).await?).await?);
        }
        if resolved.pick.profile == Profile::Small && !has_small_form(&shown.entry) {
            let Media { width, height, .. } = shown.entry.media;
            return Err(EdgeError::NoSmallerForm { width, height });
        }
        let source = match resolved.is_untouched() {
            true => Source::Plate(shown.entry.clone().into()),
            false => Source::Clip(self.film(shown, how).await?.into()),
        };
        let order = FormOrder { spec: resolved.clip.clone(), source, bed: resolved.bed.clone(), lane: how.lane };
        Ok(Clip::Kept(compositor.form(order).await?.into()))
    }

    /// The clip of what is shown, if it is kept: the plate where nothing is drawn and nothing sounds, else what was made before.
    ///
    /// # Errors
    /// If the cache fails.
    pub async fn kept_clip(&self, shown: &Shown) -> Result<Option<Entry>, EdgeError> {
        let Shown { entry, resolved } = shown;
        if resolved.is_plate() && matches!(resolved.pick.profile, Profile::Mp4 | Profile::Download) {
            return Ok(Some(entry.clone()));
        }
        Ok(self.inner.cache.find(&resolved.clip_key).await?)
    }

    /// What the clip says, and when, as WebVTT.
    pub fn captions(&self, shown: &Shown) -> String {
        captions(&shown.resolved.overlay, shown.entry.media.fps)
    }

    /// Names what makes other forms of clips here.
    pub(super) fn deriver(&self) -> Result<&str, EdgeError> {
        self.inner.compositor.as_ref().map(|compositor| compositor.deriver()).ok_or(EdgeError::NoCompositor)
    }

    /// The order of the clip in the profile `mp4`, which its other forms are made of.
    pub(super) async fn film(&self, shown: &Shown, how: &How) -> Result<Order, EdgeError> {
        let Shown { entry, resolved } = shown;
        let drawing: Arc<dyn Draw> = self.drawing(resolved).await?;
        Ok(Order { spec: resolved.film.clone(), plate: entry.clone(), drawing, bed: resolved.bed.clone(), lane: how.lane })
    }

    /// Whether the clip can be drawn as it is meant.
    ///
    /// # Errors
    /// [`EdgeError::Pick`], naming the layer and the limit.
    pub async fn check_drawing(&self, shown: &Shown) -> Result<(), EdgeError> {
        self.drawing(&shown.resolved).await.map(drop)
    }

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
        if let Some(drawing) = self.inner.drawings.get(&name) {
            return Ok(drawing);
        }
        let faces = Arc::clone(&self.inner.faces);
        let drawing = match tokio::task::spawn_blocking(move || resolved.prepare(&faces)).await {
            Ok(drawing) => Arc::new(drawing?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.inner.drawings.put(name, Arc::clone(&drawing));
        Ok(drawing)
    }
}
