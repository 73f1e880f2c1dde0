//! What a checkpoint can give, as its folder says: `festoon.json` beside `model_index.json`.
//!
//! ```json
//! {
//!   "title": "Small harbour", "licence": "MIT", "kind": "demonstration",
//!   "sizes": ["160x96"], "frames": {"least": 17, "most": 17}, "fps": 8,
//!   "prompt": {"languages": ["en", "zh"], "tokens": 64},
//!   "sampling": {"sampler": "euler", "steps": 4, "most_steps": 8, "shift": 3, "guidance_high": 1, "guidance_low": 1}
//! }
//! ```
//!
//! Every field must be there, none may be added. Where the experts change over is not said here: `model_index.json` does.
//! Of a folder without the file the values hold that Wan2.2-T2V-A14B was published with ([`Abilities::official`]).

use std::{fmt, fs, io, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{CheckpointError, Gates, Locale, Milli, Sampler};

/// The file's name in the checkpoint's folder.
pub(crate) const FILE: &str = "festoon.json";
/// A larger file is refused unread.
const MOST_BYTES: u64 = 64 << 10;
/// The model paints sides that are multiples of this (8 by the autoencoder, 2 by the patches of the transformer) …
const SIDE: u32 = 16;
/// … between these, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=3840;
/// The autoencoder keeps the first frame and packs four of the others into one.
const PACKED_FRAMES: u32 = 4;

/// What a checkpoint can give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abilities {
    /// Its name for people.
    pub title: String,
    /// Under what terms it may be used, as an SPDX expression.
    pub licence: String,
    /// What it is good for.
    pub kind: CheckpointKind,
    /// The sizes that it was trained on; any other is painted badly.
    pub sizes: Vec<NativeSize>,
    /// How many frames it paints at a time.
    pub frames: FrameCounts,
    /// Frames per second of what it was trained on.
    pub fps: u32,
    /// What it reads.
    pub prompt: PromptAbilities,
    /// How it is meant to be sampled.
    pub sampling: SamplingAbilities,
}

/// What a checkpoint is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointKind {
    /// Footage to publish.
    Production,
    /// To show on any machine that the way through works: manifest and page say so.
    Demonstration,
}

/// A size in pixels, written `160x96`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NativeSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Numbers of frames, each of the form 4 n + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameCounts {
    /// The fewest.
    pub least: u32,
    /// The most.
    pub most: u32,
}

/// What a checkpoint reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptAbilities {
    /// The languages of the captions that it was trained on.
    pub languages: Vec<Locale>,
    /// The length of its text input, 2 to 512: prompts are cut to it and padded to it, and the padding is seen.
    pub tokens: u32,
}

/// How a checkpoint is meant to be sampled. A template that says nothing else is painted so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingAbilities {
    /// The solver and its time grid.
    pub sampler: Sampler,
    /// Denoising steps.
    pub steps: u32,
    /// More steps are refused: they cost time and, of a distilled checkpoint, quality.
    pub most_steps: u32,
    /// Flow shift of the time grid.
    pub shift: Milli,
    /// Classifier-free guidance of the high-noise expert; 1 or less for none.
    pub guidance_high: Milli,
    /// Classifier-free guidance of the low-noise expert.
    pub guidance_low: Milli,
}

impl Abilities {
    /// What Wan2.2-T2V-A14B was published with: `wan/configs/wan_t2v_A14B.py` and the sizes of its README; 512 is the text
    /// length and en, zh the languages of its model card.
    pub fn official() -> Self {
        let size = |width, height| NativeSize { width, height };
        let language = |tag: &str| tag.parse().expect("a constant that is a locale");
        Self {
            title: "Wan2.2-T2V-A14B".into(),
            licence: "Apache-2.0".into(),
            kind: CheckpointKind::Production,
            sizes: vec![size(1280, 720), size(720, 1280), size(832, 480), size(480, 832)],
            frames: FrameCounts { least: 5, most: 81 },
            fps: 16,
            prompt: PromptAbilities { languages: vec![language("en"), language("zh")], tokens: 512 },
            sampling: SamplingAbilities {
                sampler: Sampler::Unipc,
                steps: 40,
                most_steps: 100,
                shift: Milli(12_000),
                guidance_high: Milli(4000),
                guidance_low: Milli(3000),
            },
        }
    }

    /// What the checkpoint in `folder` says of itself, else the [official](Abilities::official) values. One that missed one of
    /// its [gates](Gates) is for demonstration, whatever it says.
    ///
    /// # Errors
    /// If a file cannot be read, is not of its form, or a value is out of its range: with the file and the field.
    pub fn of_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let mut abilities = Self::said_in(folder)?;
        if Gates::of_folder(folder)?.missed().next().is_some() {
            abilities.kind = CheckpointKind::Demonstration;
        }
        Ok(abilities)
    }

    fn said_in(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(FILE);
        let wrong = |problem| CheckpointError::Abilities { path: path.clone(), problem };
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::official()),
            Err(source) => return Err(CheckpointError::Read { path, source }),
        };
        if length > MOST_BYTES {
            return Err(wrong(format!("the file has {length} bytes, expected at most {MOST_BYTES}")));
        }
        let text = fs::read(&path).map_err(|source| CheckpointError::Read { path: path.clone(), source })?;
        let abilities: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        abilities.problem().map_or(Ok(abilities), |problem| Err(wrong(problem)))
    }

    /// Whether it was trained on captions in the language of this locale.
    pub fn reads(&self, locale: &Locale) -> bool {
        self.prompt.languages.iter().any(|known| known.language() == locale.language())
    }

    /// The first value that no checkpoint can have.
    fn problem(&self) -> Option<String> {
        let Self { frames, sampling, .. } = self;
        for (field, text) in [("title", &self.title), ("licence", &self.licence)] {
            if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
                return Some(format!("`{field}` is {text:?}, expected 1 to 200 characters on one line"));
            }
        }
        for (field, count) in [("sizes", self.sizes.len()), ("prompt.languages", self.prompt.languages.len())] {
            if !(1..=100).contains(&count) {
                return Some(format!("`{field}` has {count} items, expected 1 to 100"));
            }
        }
        for (field, count) in [("frames.least", frames.least), ("frames.most", frames.most)] {
            if count % PACKED_FRAMES != 1 || count > 1801 {
                return Some(format!("`{field}` is {count}, expected 4 n + 1 up to 1801"));
            }
        }
        if frames.least > frames.most {
            return Some(format!("`frames.least` is {}, which is more than `frames.most`, {}", frames.least, frames.most));
        }
        let whole = [
            ("fps", self.fps, 1..=60),
            ("prompt.tokens", self.prompt.tokens, 2..=512),
            ("sampling.most_steps", sampling.most_steps, 1..=1000),
            ("sampling.steps", sampling.steps, 1..=sampling.most_steps),
        ];
        for (field, number, range) in whole {
            if !range.contains(&number) {
                return Some(format!("`{field}` is {number}, expected {} to {}", range.start(), range.end()));
            }
        }
        let fractions = [
            ("sampling.shift", sampling.shift, Milli(100)..=Milli(20_000)),
            ("sampling.guidance_high", sampling.guidance_high, Milli(0)..=Milli(20_000)),
            ("sampling.guidance_low", sampling.guidance_low, Milli(0)..=Milli(20_000)),
        ];
        for (field, number, range) in fractions {
            if !range.contains(&number) {
                return Some(format!("`{field}` is {number}, expected {} to {}", range.start(), range.end()));
            }
        }
        None
    }
}

/// Not a size that the model paints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a native size: expected `160x96`, both multiples of {SIDE} from {} to {}", SIDES.start(), SIDES.end())]
pub struct NativeSizeError {
    given: String,
}

impl FromStr for NativeSize {
    type Err = NativeSizeError;
    fn from_str(text: &str) -> Result<Self, NativeSizeError> {
        let side = |text: &str| {
            let side = text.parse().ok().filter(|side| SIDES.contains(side) && side % SIDE == 0);
            side.filter(|_| text.starts_with(|first: char| first.is_ascii_digit()))
        };
        let size = text.split_once('x').and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }));
        size.ok_or_else(|| NativeSizeError { given: text.chars().take(40).collect() })
    }
}

impl fmt::Display for NativeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Serialize for NativeSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NativeSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CheckpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CheckpointKind::Production => "production",
            CheckpointKind::Demonstration => "demonstration",
        })
    }
}
