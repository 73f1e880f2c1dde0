//! What a renderer hands in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{BlobHash, Stage, UnixMillis};

/// A painted plate: its bytes' names and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// blake3 of the bytes.
    pub blob: BlobHash,
    /// Number of bytes.
    pub bytes: u64,
    /// MD5 of the bytes, 32 lower-case digits: an audit record, not proof against tampering.
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
}

impl Outcome {
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
