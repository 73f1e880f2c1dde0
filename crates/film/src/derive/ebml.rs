//! WebM files: RFC 8794 (EBML) and RFC 9559 (Matroska), of which WebM is a part.
//!
//! Sizes are all known, the table of keys stands in front of the pictures, and nothing tells when or by which program the file
//! was written.

use festoon_spec::{Canvas, SoundCodec};
use mp4_atom::Atom as _;

use super::not_a;
use crate::{
    FilmError,
    mp4::{SOUND_RATE, Soundtrack, WebTrack, packet, priming},
};

// The elements that are written, by their ids.
const EBML: u32 = 0x1A45_DFA3;
const EBML_VERSION: u32 = 0x4286;
const EBML_READ_VERSION: u32 = 0x42F7;
const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
const DOC_TYPE: u32 = 0x4282;
const DOC_TYPE_VERSION: u32 = 0x4287;
const DOC_TYPE_READ_VERSION: u32 = 0x4285;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
const DURATION: u32 = 0x4489;
const MUXING_APP: u32 = 0x4D80;
const WRITING_APP: u32 = 0x5741;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_UID: u32 = 0x73C5;
const TRACK_TYPE: u32 = 0x83;
const FLAG_LACING: u32 = 0x9C;
const DEFAULT_DURATION: u32 = 0x0023_E383;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63A2;
const CODEC_DELAY: u32 = 0x56AA;
const SEEK_PRE_ROLL: u32 = 0x56BB;
const AUDIO: u32 = 0xE1;
const SAMPLING_FREQUENCY: u32 = 0xB5;
const CHANNELS: u32 = 0x9F;
const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;
const COLOUR: u32 = 0x55B0;
const MATRIX_COEFFICIENTS: u32 = 0x55B1;
const RANGE: u32 = 0x55B9;
const TRANSFER_CHARACTERISTICS: u32 = 0x55BA;
const PRIMARIES: u32 = 0x55BB;
const CUES: u32 = 0x1C53_BB6B;
const CUE_POINT: u32 = 0xBB;
const CUE_TIME: u32 = 0xB3;
const CUE_TRACK_POSITIONS: u32 = 0xB7;
const CUE_TRACK: u32 = 0xF7;
const CUE_CLUSTER_POSITION: u32 = 0xF1;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;
const DISCARD_PADDING: u32 = 0x75A2;

/// The track of the pictures.
const TRACK: u64 = 1;
/// The track of the sound.
const SOUND_TRACK: u64 = 2;
/// Nanoseconds of a tick: times are in milliseconds.
const TICK: u64 = 1_000_000;
/// Flag of a block that decoding can begin with.
const KEY: u8 = 0x80;

/// Nanoseconds that decoding of Opus begins ahead of where it is sought (RFC 7845, 4.6).
const OPUS_PRE_ROLL: u64 = 80_000_000;

/// The file of a track of this canvas, with this sound beside it.
pub(super) fn write(track: &WebTrack, canvas: &Canvas, sound: Option<&Soundtrack>) -> Result<Vec<u8>, FilmError> {
    if sound.is_some_and(|sound| sound.codec() != SoundCodec::Opus) {
        return Err(not_a("WebM", "its sound is not Opus"));
    }
    let head = Element::new(EBML)
        .number(EBML_VERSION, 1)
        .number(EBML_READ_VERSION, 1)
        .number(EBML_MAX_ID_LENGTH, 4)
        .number(EBML_MAX_SIZE_LENGTH, 8)
        .text(DOC_TYPE, "webm")
        .number(DOC_TYPE_VERSION, 4)
        .number(DOC_TYPE_READ_VERSION, 2);
    let information = Element::new(INFO)
        .number(TIMESTAMP_SCALE, TICK)
        .float(DURATION, millis(canvas.frames, canvas) as f64)
        .text(MUXING_APP, "festoon")
        .text(WRITING_APP, "festoon");
    let front = [information.whole(), tracks(track, canvas, sound)?.whole()].concat();
    let clusters = clusters(track, canvas, sound)?;
    // The size of the cues depends on their positions, which depend on it: they grow a few times at most.
    let mut cues = Vec::new();
    loop {
        let written = cue_points(&clusters, front.len() + cues.len());
        if written.len() == cues.len() {
            cues = written;
            break;
        }
        cues = written;
    }
    let segment = Element::new(SEGMENT).bytes(&front).bytes(&cues);
    let segment = clusters.iter().fold(segment, |segment, cluster| segment.bytes(&cluster.bytes));
    Ok([head.whole(), segment.whole()].concat())
}

fn tracks(track: &WebTrack, canvas: &Canvas, sound: Option<&Soundtrack>) -> Result<Element, FilmError> {
    // ITU-T H.273: 1 is BT.709 in each of the three; range 1 is the limited one.
    let colour = Element::new(COLOUR)
        .number(MATRIX_COEFFICIENTS, 1)
        .number(RANGE, 1)
        .number(TRANSFER_CHARACTERISTICS, 1)
        .number(PRIMARIES, 1);
    let video =
        Element::new(VIDEO).number(PIXEL_WIDTH, canvas.width.into()).number(PIXEL_HEIGHT, canvas.height.into()).element(colour);
    let entry = Element::new(TRACK_ENTRY)
        .number(TRACK_NUMBER, TRACK)
        .number(TRACK_UID, TRACK)
        .number(TRACK_TYPE, 1)
        .number(FLAG_LACING, 0)
        .number(DEFAULT_DURATION, 1_000_000_000 / u64::from(canvas.fps));
    let entry = match &track.av1 {
        Some(configuration) => {
            let mut private = Vec::new();
            configuration.encode_body(&mut private).map_err(|error| not_a("WebM", error))?;
            entry.text(CODEC_ID, "V_AV1").element(Element { id: CODEC_PRIVATE, body: private })
        }
        None => entry.text(CODEC_ID, "V_VP9"),
    };
    let tracks = Element::new(TRACKS).element(entry.element(video));
    Ok(match sound {
        Some(sound) => tracks.element(sound_entry(sound)),
        None => tracks,
    })
}

fn sound_entry(sound: &Soundtrack) -> Element {
    let (skipped, rate) = (priming(sound.codec()), SOUND_RATE);
    // RFC 7845, 5.1: version 1, two channels, what is skipped, the rate, no gain, left and right.
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend((skipped as u16).to_le_bytes());
    head.extend(rate.to_le_bytes());
    head.extend([0; 3]);
    Element::new(TRACK_ENTRY)
        .number(TRACK_NUMBER, SOUND_TRACK)
        .number(TRACK_UID, SOUND_TRACK)
        .number(TRACK_TYPE, 2)
        .number(FLAG_LACING, 0)
        .text(CODEC_ID, "A_OPUS")
        .element(Element { id: CODEC_PRIVATE, body: head })
        .number(CODEC_DELAY, nanos(skipped.into()))
        .number(SEEK_PRE_ROLL, OPUS_PRE_ROLL)
        .element(Element::new(AUDIO).float(SAMPLING_FREQUENCY, rate.into()).number(CHANNELS, 2))
}

/// How long so many samples of sound last.
fn nanos(samples: u64) -> u64 {
    samples * 1_000_000_000 / u64::from(SOUND_RATE)
}

/// Blocks of sound that are not written yet, each with its time.
struct Sounding<'s> {
    sound: Option<&'s Soundtrack>,
    next: usize,
}

impl Sounding<'_> {
    /// Writes those that come before this time into the cluster that begins at `at`.
    fn before(&mut self, time: u64, at: u64, mut cluster: Element) -> Result<Element, FilmError> {
        let Some(sound) = self.sound else { return Ok(cluster) };
        let samples = |packets: usize| packets as u64 * u64::from(packet(sound.codec()));
        while let Some(bytes) = sound.packets().get(self.next) {
            let begins = samples(self.next) * 1000 / u64::from(SOUND_RATE);
            if begins >= time {
                break;
            }
            self.next += 1;
            let surplus = samples(self.next).saturating_sub(sound.length() + u64::from(priming(sound.codec())));
            cluster = if surplus == 0 {
                cluster.element(block(SIMPLE_BLOCK, SOUND_TRACK, begins, at, KEY, bytes)?)
            } else {
                let padding = Element { id: DISCARD_PADDING, body: (nanos(surplus) as i64).to_be_bytes().to_vec() };
                let last = block(BLOCK, SOUND_TRACK, begins, at, 0, bytes)?;
                cluster.element(Element::new(BLOCK_GROUP).element(last).element(padding))
            };
        }
        Ok(cluster)
    }
}

/// A block of a track, at this time in a cluster that begins at `at`.
fn block(id: u32, track: u64, time: u64, at: u64, flags: u8, bytes: &[u8]) -> Result<Element, FilmError> {
    let behind = time.checked_sub(at).and_then(|behind| i16::try_from(behind).ok());
    let behind = behind.ok_or_else(|| not_a("WebM", "there are more than 32 seconds without a key"))?;
    let mut body = vec![0x80 | track as u8];
    body.extend_from_slice(&behind.to_be_bytes());
    body.push(flags);
    body.extend_from_slice(bytes);
    Ok(Element { id, body })
}

/// Pictures from one key up to the next.
struct Cluster {
    at: u64,
    bytes: Vec<u8>,
}

fn clusters(track: &WebTrack, canvas: &Canvas, sound: Option<&Soundtrack>) -> Result<Vec<Cluster>, FilmError> {
    let mut sounding = Sounding { sound, next: 0 };
    let mut clusters = Vec::new();
    let mut open: Option<(u64, Element)> = None;
    for (sample, frame) in track.samples.iter().zip(0u32..) {
        let time = millis(frame, canvas);
        if let Some((at, cluster)) = open.take() {
            open = Some((at, sounding.before(time, at, cluster)?));
        }
        if sample.key {
            clusters.extend(open.take().map(|(at, element)| Cluster { at, bytes: element.whole() }));
            open = Some((time, Element::new(CLUSTER).number(TIMESTAMP, time)));
        }
        let (at, cluster) = open.take().ok_or_else(|| not_a("WebM", "it does not begin with a key"))?;
        let flags = if sample.key { KEY } else { 0 };
        open = Some((at, cluster.element(block(SIMPLE_BLOCK, TRACK, time, at, flags, &sample.bytes)?)));
    }
    if let Some((at, cluster)) = open {
        let bytes = sounding.before(u64::MAX, at, cluster)?.whole();
        clusters.push(Cluster { at, bytes });
    }
    Ok(clusters)
}

/// The table of keys, if the first cluster begins this far into the segment.
fn cue_points(clusters: &[Cluster], first: usize) -> Vec<u8> {
    let mut position = first as u64;
    let mut cues = Element::new(CUES);
    for Cluster { at, bytes } in clusters {
        let place = Element::new(CUE_TRACK_POSITIONS).number(CUE_TRACK, TRACK).number(CUE_CLUSTER_POSITION, position);
        cues = cues.element(Element::new(CUE_POINT).number(CUE_TIME, *at).element(place));
        position += bytes.len() as u64;
    }
    cues.whole()
}

/// When a frame is shown, to the nearest tick.
fn millis(frame: u32, canvas: &Canvas) -> u64 {
    (u64::from(frame) * 1000 + u64::from(canvas.fps) / 2) / u64::from(canvas.fps)
}

/// An element being written.
struct Element {
    id: u32,
    body: Vec<u8>,
}

impl Element {
    fn new(id: u32) -> Self {
        Self { id, body: Vec::new() }
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    fn element(self, inner: Element) -> Self {
        self.bytes(&inner.whole())
    }

    fn number(self, id: u32, number: u64) -> Self {
        let bytes = number.to_be_bytes();
        let used = (number.leading_zeros() as usize / 8).min(7);
        self.element(Element { id, body: bytes[used..].to_vec() })
    }

    fn float(self, id: u32, number: f64) -> Self {
        self.element(Element { id, body: number.to_be_bytes().to_vec() })
    }

    fn text(self, id: u32, text: &str) -> Self {
        self.element(Element { id, body: text.as_bytes().to_vec() })
    }

    /// Id, size, body.
    fn whole(&self) -> Vec<u8> {
        let id = self.id.to_be_bytes();
        let mut bytes = id[self.id.leading_zeros() as usize / 8..].to_vec();
        let size = self.body.len() as u64;
        // As many bytes as hold it; all ones would say that it is not known.
        let length = (1..8).find(|length| size < (1 << (7 * length)) - 1).unwrap_or(8);
        let marked = size | 1 << (7 * length);
        bytes.extend_from_slice(&marked.to_be_bytes()[8 - length as usize..]);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
