//! The clip: a plate, what is drawn on it, and how it is wrapped for delivery.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Canonical, Digest, Locale, Profile, RenderKey, SoundSpec, Value};

/// Context of [`ClipSpec::key`].
const CLIP_CONTEXT: &str = "festoon 2026-11 clip key v1";

/// What is delivered. Two equal specs are one clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// The plate below.
    pub plate: RenderKey,
    /// What is drawn on it.
    pub overlay: OverlaySpec,
    /// How it is encoded and wrapped.
    pub profile: Profile,
    /// Which frame, of a profile that shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u32>,
    /// What sounds under it; none is silent, also where the profile shows pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundSpec>,
    /// Version of what draws the overlay and of what makes the profile. `none/1` delivers the plate as it is.
    pub compositor: String,
}

/// What is drawn on a plate, fully resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlaySpec {
    /// Digest of the template's overlay part together with the words of the locale.
    pub digest: Digest,
    /// The maximised locale: it chooses the faces of Han characters, the direction and the line breaking.
    pub locale: Locale,
    /// Values of the parameters that touch the overlay, by name.
    pub values: BTreeMap<String, String>,
}

impl OverlaySpec {
    /// Nothing is drawn: who looks at the plate, and in which words, makes no difference.
    pub fn none() -> Self {
        Self {
            digest: Digest::of(b"nothing is drawn"),
            locale: "zxx".parse().expect("ISO 639 has it for what is without language"),
            values: BTreeMap::new(),
        }
    }
}

impl ClipSpec {
    /// The compositor that delivers a plate as it is, because nothing is drawn on it.
    pub const UNTOUCHED: &str = "none/1";

    /// A plate as it is in another form, made by `deriver`.
    pub fn of_plate(plate: RenderKey, profile: Profile, frame: Option<u32>, deriver: &str) -> Self {
        let compositor = format!("{} {deriver}", Self::UNTOUCHED);
        Self { plate, overlay: OverlaySpec::none(), profile, frame, sound: None, compositor }
    }

    /// Everything that changes the delivered bytes, in canonical order.
    pub fn canonical(&self) -> Canonical {
        let mut form = Canonical::default();
        form.put("plate", Value::Digest(*self.plate.as_bytes()));
        form.group("overlay", |overlay| {
            overlay.put("digest", Value::Digest(*self.overlay.digest.as_bytes()));
            overlay.text("locale", self.overlay.locale.as_str());
            let values: Vec<_> = self.overlay.values.iter().collect();
            overlay.list("values", &values, |form, (name, value)| {
                form.text("name", name);
                form.text("value", value);
            });
        });
        form.text("profile", self.profile.name());
        if let Some(frame) = self.frame {
            form.integer("frame", frame);
        }
        if let Some(sound) = &self.sound {
            form.group("sound", |form| sound.write(form));
        }
        form.text("compositor", &self.compositor);
        form
    }

    /// The clip's name.
    pub fn key(&self) -> RenderKey {
        self.canonical().key(CLIP_CONTEXT)
    }
}
