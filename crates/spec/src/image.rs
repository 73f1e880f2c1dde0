//! The image: a picture that somebody brought, to be drawn on clips.

use serde::{Deserialize, Serialize};

use crate::{BlobHash, Canonical, RenderKey, Value};

/// Context of [`ImageSpec::key`].
const IMAGE_CONTEXT: &str = "festoon 2026-11 image key v1";

/// A picture. It was not made from anything that could be asked for again, so its bytes are all that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// What is kept of it.
    pub image: BlobHash,
}

impl ImageSpec {
    /// Everything that it is, in canonical order.
    pub fn canonical(&self) -> Canonical {
        let mut form = Canonical::default();
        form.put("image", Value::Digest(*self.image.as_bytes()));
        form
    }

    /// The picture's name among the things that are kept.
    pub fn key(&self) -> RenderKey {
        self.canonical().key(IMAGE_CONTEXT)
    }
}
