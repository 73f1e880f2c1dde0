//! A part of a plate, in frames.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

/// Frames from `start` to before `end`, counted from the start of the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameRange {
    /// The first.
    pub start: u32,
    /// Behind the last.
    pub end: u32,
}

impl FrameRange {
    /// How many.
    pub fn count(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the other has a frame that this one has.
    pub fn touches(self, other: FrameRange) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether every frame of the other is in this one.
    pub fn holds(self, other: FrameRange) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

impl From<Range<u32>> for FrameRange {
    fn from(frames: Range<u32>) -> Self {
        Self { start: frames.start, end: frames.end }
    }
}

impl From<FrameRange> for Range<u32> {
    fn from(frames: FrameRange) -> Self {
        frames.start..frames.end
    }
}

impl fmt::Display for FrameRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}
