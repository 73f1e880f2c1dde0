//! Forms that are made as soon as their plate is there, before anybody asks.
//!
//! Of a plate that titles are drawn on nobody gets the plate itself, so of its forms only the small one is worth making: every
//! clip shares the segments that no title touches. A form that finds no free turn is left to who asks for it.

use festoon_spec::{ClipSpec, Lane, PlateSpec, Profile};

use super::{Edge, clip::has_small_form};
use crate::{
    cache::Entry,
    compositor::{CompositorError, FormOrder, Source},
    pick::poster_frame,
};

impl Edge {
    /// Begins the configured forms of a plate, one behind the other.
    pub(super) fn begin_forms(&self, plate: &Entry, spec: &PlateSpec) {
        let Some(compositor) = self.inner.compositor.clone() else { return };
        let (plate, frame, is_drawn_on) = (plate.clone(), poster_frame(spec), !spec.windows.is_empty());
        let mut profiles = self.inner.config.compositor.eager.clone();
        profiles.retain(|profile| match profile {
            Profile::Small => has_small_form(&plate),
            _ => !is_drawn_on,
        });
        tokio::spawn(async move {
            for profile in profiles {
                let frame = matches!(profile, Profile::Poster(_)).then_some(frame);
                let spec = ClipSpec::of_plate(plate.key, profile, frame, compositor.deriver());
                let order = FormOrder { spec, source: Source::Plate(plate.clone()), lane: Lane::Prerender };
                match compositor.form(order).await {
                    Ok(form) => tracing::debug!(key = %form.key.short(), %profile, bytes = form.bytes, "a form was made ahead"),
                    Err(CompositorError::Full(full)) => {
                        tracing::debug!(plate = %plate.key.short(), %profile, %full, "a form is not made ahead");
                    }
                    // Whoever made it has logged it.
                    Err(CompositorError::Broken(_)) => {}
                    Err(error) => {
                        tracing::warn!(plate = %plate.key.short(), %profile, %error, "a form is not made ahead");
                    }
                }
            }
        });
    }
}
