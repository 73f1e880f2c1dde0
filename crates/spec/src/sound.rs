//! The sound: a bed, cut to the length of a clip, and how it is encoded.

use serde::{Deserialize, Serialize};

use crate::{Canonical, Digest, Milli, RenderKey, Value};

/// Context of [`SoundSpec::key`].
const SOUND_CONTEXT: &str = "festoon 2026-11 sound key v1";

/// How sound is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoundCodec {
    /// AAC-LC (ISO/IEC 14496-3), beside H.264.
    Aac,
    /// Opus (RFC 6716), in WebM.
    Opus,
}

impl SoundCodec {
    /// Both.
    pub const ALL: [SoundCodec; 2] = [SoundCodec::Aac, SoundCodec::Opus];

    /// The name used in keys and headers.
    pub fn name(self) -> &'static str {
        match self {
            SoundCodec::Aac => "aac",
            SoundCodec::Opus => "opus",
        }
    }

    /// RFC 6381.
    pub fn codec(self) -> &'static str {
        match self {
            SoundCodec::Aac => "mp4a.40.2",
            SoundCodec::Opus => "opus",
        }
    }
}

/// How a bed lies under a clip. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Laying {
    /// Where in the bed the clip begins; a loop comes back there.
    pub start: Milli,
    /// Whether the bed begins anew where it ends; it is silent from there on otherwise.
    pub looped: bool,
    /// Decibels that it is made louder, or quieter below 0.
    pub gain: Milli,
    /// For how long it comes.
    pub fade_in: Milli,
    /// For how long it goes, before the clip or the bed ends.
    pub fade_out: Milli,
}

/// What sounds under a clip. Two equal specs are the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundSpec {
    /// The bed's file.
    pub bed: Digest,
    /// How it lies under the clip.
    pub laying: Laying,
    /// Frames of the clip.
    pub frames: u32,
    /// Frames per second of the clip.
    pub fps: u32,
    /// How it is encoded.
    pub codec: SoundCodec,
    /// Version of what mixes it, and the encoder's.
    pub build: String,
}

impl SoundSpec {
    /// Everything that changes the bytes, in canonical order.
    pub fn canonical(&self) -> Canonical {
        let mut form = Canonical::default();
        self.write(&mut form);
        form
    }

    pub(crate) fn write(&self, form: &mut Canonical) {
        form.put("bed", Value::Digest(*self.bed.as_bytes()));
        let Laying { start, looped, gain, fade_in, fade_out } = self.laying;
        form.put("start", Value::Milli(start));
        form.put("looped", Value::Flag(looped));
        form.put("gain", Value::Milli(gain));
        form.put("fade_in", Value::Milli(fade_in));
        form.put("fade_out", Value::Milli(fade_out));
        form.integer("frames", self.frames);
        form.integer("fps", self.fps);
        form.text("codec", self.codec.name());
        form.text("build", &self.build);
    }

    /// The sound's name.
    pub fn key(&self) -> RenderKey {
        self.canonical().key(SOUND_CONTEXT)
    }
}
