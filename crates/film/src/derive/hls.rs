//! HLS playlists (RFC 8216): which renditions there are, and where each one's segments lie.

use std::{fmt::Write as _, ops::Range};

use festoon_spec::{FrameRange, Media};

/// The version that has fragmented MP4 and byte ranges.
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n";

/// Where bytes are to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The address of a file.
    pub uri: String,
    /// Which part of the file; none is all of it.
    pub range: Option<Range<u64>>,
    /// How many bytes they are.
    pub bytes: u64,
}

/// A clip as HLS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// What is in it.
    pub media: Media,
    /// What is in front of its segments.
    pub init: Addressed,
    /// Its segments, in order.
    pub segments: Vec<(FrameRange, Addressed)>,
}

/// A rendition, and where its playlist is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The address of its playlist.
    pub uri: String,
    /// What it is.
    pub rendition: Rendition,
}

impl Addressed {
    fn byte_range(&self) -> Option<String> {
        self.range.as_ref().map(|range| format!("{}@{}", range.end - range.start, range.start))
    }
}

impl Rendition {
    fn seconds(&self, frames: FrameRange) -> f64 {
        f64::from(frames.count()) / f64::from(self.media.fps)
    }

    /// Bits per second of its segment with the most: no run of segments has more.
    fn peak(&self) -> u64 {
        let rate = |(frames, part): &(FrameRange, Addressed)| (part.bytes as f64 * 8.0 / self.seconds(*frames)).ceil() as u64;
        self.segments.iter().map(rate).max().unwrap_or(0)
    }

    fn average(&self) -> u64 {
        let bytes: u64 = self.segments.iter().map(|(_, part)| part.bytes).sum();
        (bytes * 8 * u64::from(self.media.fps)).div_ceil(u64::from(self.media.frames))
    }
}

/// The playlist of a rendition.
pub fn media_playlist(rendition: &Rendition) -> String {
    let longest = rendition.segments.iter().map(|(frames, _)| rendition.seconds(*frames)).fold(0.0, f64::max);
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "#EXT-X-TARGETDURATION:{}\n#EXT-X-PLAYLIST-TYPE:VOD", longest.round().max(1.0));
    let init = &rendition.init;
    let range = init.byte_range().map(|range| format!(",BYTERANGE=\"{range}\"")).unwrap_or_default();
    let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"{range}", init.uri);
    for (frames, part) in &rendition.segments {
        let _ = writeln!(text, "#EXTINF:{:.6},", rendition.seconds(*frames));
        if let Some(range) = part.byte_range() {
            let _ = writeln!(text, "#EXT-X-BYTERANGE:{range}");
        }
        text.push_str(&part.uri);
        text.push('\n');
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The playlist that names the renditions, the one that a player begins with in front.
pub fn master_playlist(variants: &[Variant]) -> String {
    let mut text = HEAD.to_owned();
    for Variant { uri, rendition } in variants {
        let Media { width, height, fps, codec, .. } = &rendition.media;
        let (peak, average) = (rendition.peak(), rendition.average());
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codec}\",RESOLUTION={width}x{height},FRAME-RATE={fps}.000\n{uri}"
        );
    }
    text
}
