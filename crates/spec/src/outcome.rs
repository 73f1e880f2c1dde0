//! What a renderer hands in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{BlobHash, FrameRange, Stage, UnixMillis};

/// A painted plate or a composed clip: its bytes' names and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// blake3 of the whole file.
    pub blob: BlobHash,
    /// Number of its bytes.
    pub bytes: u64,
    /// MD5 of its bytes, 32 lower-case digits: an audit record, not proof against tampering.
    pub md5: String,
    /// What the gate says of it.
    pub verdict: Verdict,
    /// What is inside.
    pub media: Media,
    /// Who made it.
    pub renderer: RendererInfo,
    /// Milliseconds spent per stage, by its wire name.
    pub timings: BTreeMap<String, u64>,
    /// When it was finished.
    pub made_at: UnixMillis,
    /// The same plate in the form that clips are composed from; a clip has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmented: Option<Segmented>,
}

/// Bytes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// blake3 of the bytes.
    pub blob: BlobHash,
    /// Number of bytes.
    pub bytes: u64,
}

/// Bytes of their own that hold these frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FramesPart {
    /// Which frames.
    pub frames: FrameRange,
    /// The bytes.
    #[serde(flatten)]
    pub part: Part,
}

/// A plate cut where overlays begin and end. `init` and all segments one behind the other are a fragmented MP4 file; so they
/// are with segments replaced by others of the same frames and the same parameter sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmented {
    /// What stands in front: the index without samples.
    pub init: Part,
    /// Fragments that hold every frame, in order. Each begins with a key.
    pub segments: Vec<FramesPart>,
    /// For each window its frames at nearly no loss, as a file of its own: what overlays are drawn on.
    pub mezzanines: Vec<FramesPart>,
}

impl Segmented {
    /// Everything in it.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let held = self.segments.iter().chain(&self.mezzanines).map(|held| held.part);
        std::iter::once(self.init).chain(held)
    }
}

impl Outcome {
    /// Every blob that it names: the whole file, then the parts of its segmented form. One that is named twice comes twice.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let whole = Part { blob: self.blob, bytes: self.bytes };
        std::iter::once(whole).chain(self.segmented.iter().flat_map(Segmented::parts))
    }

    /// Adds to a stage's milliseconds.
    pub fn spent(timings: &mut BTreeMap<String, u64>, stage: Stage, millis: u64) {
        let name = match stage {
            Stage::Load => "load",
            Stage::Text => "text",
            Stage::Denoise => "denoise",
            Stage::Decode => "decode",
            Stage::Paint => "paint",
            Stage::Encode => "encode",
            Stage::HandIn => "hand-in",
        };
        *timings.entry(name.to_owned()).or_default() += millis;
    }
}

/// What a video file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Number of frames.
    pub frames: u32,
    /// Frames per second.
    pub fps: u32,
    /// RFC 6381 codec string, for example `avc1.64001f`.
    pub codec: String,
}

/// The process that painted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RendererInfo {
    /// Its name.
    pub name: String,
    /// festoon-renderer's version.
    pub version: String,
    /// `cpu`, or the accelerator's name.
    pub device: String,
}

/// What the gate says of a plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// May be served.
    Passed,
    /// May be served after somebody looked.
    Flagged {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// Never served.
    Failed {
        /// Why.
        reasons: Vec<Reason>,
    },
}

/// One finding of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable name, for example `black` or `frozen`.
    pub code: String,
    /// What was measured, in a sentence.
    pub detail: String,
}
