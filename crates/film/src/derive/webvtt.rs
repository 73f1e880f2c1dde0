//! WebVTT: cues with their times.

use std::fmt::Write as _;

/// A file that grows by cues.
pub(super) struct Track {
    text: String,
    fps: u32,
}

impl Track {
    /// Its times are counted in frames of this rate.
    pub fn new(fps: u32) -> Self {
        Self { text: "WEBVTT\n".to_owned(), fps }
    }

    /// Adds what is shown from one frame up to another. Lines that are empty would end the cue and are left out.
    pub fn cue(&mut self, from: u32, until: u32, lines: impl IntoIterator<Item = String>) {
        let (from, until) = (self.time(from), self.time(until));
        let _ = write!(self.text, "\n{from} --> {until}\n");
        for line in lines.into_iter().filter(|line| !line.trim().is_empty()) {
            self.text.push_str(line.trim());
            self.text.push('\n');
        }
    }

    /// The whole file.
    pub fn whole(self) -> String {
        self.text
    }

    fn time(&self, frame: u32) -> String {
        let millis = (u64::from(frame) * 1000 + u64::from(self.fps) / 2) / u64::from(self.fps);
        let (seconds, millis) = (millis / 1000, millis % 1000);
        format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}
