//! The clip: a plate, what is drawn on it, and how it is wrapped for delivery.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Canonical, Digest, Locale, RenderKey, Value};

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
    /// Version of what draws the overlay. `none/1` delivers the plate as it is.
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

impl ClipSpec {
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
        form.text("compositor", &self.compositor);
        form
    }

    /// The clip's name.
    pub fn key(&self) -> RenderKey {
        self.canonical().key(CLIP_CONTEXT)
    }
}

/// How a clip is encoded and wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// H.264 High in a progressive MP4 whose index comes first.
    #[default]
    Mp4,
}

impl Profile {
    /// The name used in URLs and keys.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Mp4 => "mp4",
        }
    }

    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Profile::Mp4 => "mp4",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Profile::Mp4 => "video/mp4",
        }
    }
}

/// Not a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{0}`: expected `mp4`")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "mp4" => Ok(Profile::Mp4),
            other => Err(UnknownProfile(other.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
