//! Forms that are made as soon as their plate is there, before anybody asks.
//!
//! Of a plate that titles are drawn on nobody gets the plate itself, so of its forms only the small one is worth making: every
//! clip shares the segments that no title touches. A form that finds no free turn is left to who asks for it.

use festoon_spec::{ClipSpec, Lane, PlateSpec, Profile};

use super::{Edge, clip::has_small_form};
use crate::{
    cache::Entry,
    compositor::{CompositorError, FormOrder, Source},
};

impl Edge {
    /// Begins the configured forms of a plate, one behind the other.
    pub(super) fn begin_forms(&self, plate: &Entry, spec: &PlateSpec) {
        let Some(compositor) = self.inner.compositor.clone() else { return };
        // A template that is gone meanwhile names no picture.
        let poster = self.inner.library.current().find(spec.template.as_str()).ok().map(|template| template.poster);
        let (plate, is_drawn_on) = (plate.clone(), !spec.windows.is_empty());
        let mut profiles = self.inner.config.compositor.eager.clone();
        profiles.retain(|profile| match profile {
            Profile::Small => has_small_form(&plate),
            Profile::Poster(_) => !is_drawn_on && poster.is_some_and(|poster| poster < plate.media.frames),
            _ => !is_drawn_on,
        });
        tokio::spawn(async move {
            for profile in profiles {
                let frame = poster.filter(|_| matches!(profile, Profile::Poster(_)));
                let spec = ClipSpec::of_plate(plate.key, profile, frame, compositor.deriver());
                let order = FormOrder { spec, source: Source::Plate(plate.clone().into()), bed: None, lane: Lane::Prerender };
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
