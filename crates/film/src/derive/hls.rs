//! HLS playlists (RFC 8216): which renditions there are, and where each one's segments lie.

use std::{fmt::Write as _, ops::Range};

use festoon_spec::{FrameRange, Media, SoundCodec};

use crate::mp4::SOUND_RATE;

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

/// The sound of a clip as HLS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundRendition {
    /// How it is encoded.
    pub codec: SoundCodec,
    /// What is in front of its segments.
    pub init: Addressed,
    /// Its segments in order, each with the samples that sound in it.
    pub segments: Vec<(Range<u64>, Addressed)>,
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

    /// Its segments, each with its length in seconds.
    fn timed(&self) -> impl Iterator<Item = (f64, &Addressed)> {
        self.segments.iter().map(|(frames, part)| (self.seconds(*frames), part))
    }

    /// The target duration that its playlist names, in seconds: those of a clip's renditions must be the same.
    pub fn target(&self) -> u64 {
        self.timed().map(|(seconds, _)| seconds).fold(0.0, f64::max).round().max(1.0) as u64
    }
}

impl SoundRendition {
    /// Its segments, each with its length in seconds.
    fn timed(&self) -> impl Iterator<Item = (f64, &Addressed)> {
        let seconds = |samples: &Range<u64>| (samples.end - samples.start) as f64 / f64::from(SOUND_RATE);
        self.segments.iter().map(move |(samples, part)| (seconds(samples), part))
    }
}

/// Bits per second: of the segment with the most, since no run of segments has more, and of all.
fn rates<'a>(timed: impl Iterator<Item = (f64, &'a Addressed)>) -> [u64; 2] {
    let (mut peak, mut bits, mut length) = (0.0, 0.0, 0.0);
    for (seconds, part) in timed {
        let part = part.bytes as f64 * 8.0;
        peak = f64::max(peak, part / seconds);
        (bits, length) = (bits + part, length + seconds);
    }
    [peak, bits / length].map(|rate| rate.ceil() as u64)
}

/// The playlist of a rendition.
pub fn media_playlist(rendition: &Rendition) -> String {
    playlist(rendition.target(), &rendition.init, rendition.timed())
}

/// The playlist of the sound beside renditions with this [target](Rendition::target).
pub fn sound_playlist(sound: &SoundRendition, target: u64) -> String {
    playlist(target, &sound.init, sound.timed())
}

fn playlist<'a>(target: u64, init: &Addressed, timed: impl Iterator<Item = (f64, &'a Addressed)>) -> String {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:VOD");
    let range = init.byte_range().map(|range| format!(",BYTERANGE=\"{range}\"")).unwrap_or_default();
    let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"{range}", init.uri);
    for (seconds, part) in timed {
        let _ = writeln!(text, "#EXTINF:{seconds:.6},");
        if let Some(range) = part.byte_range() {
            let _ = writeln!(text, "#EXT-X-BYTERANGE:{range}");
        }
        text.push_str(&part.uri);
        text.push('\n');
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The playlist that names the renditions, the one that a player begins with in front, and that of the sound beside all of them.
pub fn master_playlist(variants: &[Variant], sound: Option<(&str, &SoundRendition)>) -> String {
    let mut text = HEAD.to_owned();
    if let Some((uri, _)) = sound {
        let _ = writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{uri}\""
        );
    }
    let [sound_peak, sound_average] = sound.map_or([0; 2], |(_, sound)| rates(sound.timed()));
    let codecs = sound.map(|(_, sound)| format!(",{}", sound.codec.codec())).unwrap_or_default();
    let group = if sound.is_some() { ",AUDIO=\"sound\"" } else { "" };
    for Variant { uri, rendition } in variants {
        let Media { width, height, fps, codec, .. } = &rendition.media;
        let [peak, average] = rates(rendition.timed());
        let (peak, average) = (peak + sound_peak, average + sound_average);
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codec}{codecs}\",RESOLUTION={width}x{height},FRAME-RATE={fps}.000{group}\n{uri}"
        );
    }
    text
}
