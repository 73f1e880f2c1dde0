//! Reads just enough of a H.264 stream (ITU-T H.264, Annex B and clauses 7.3, 8.2.1) to put it into a container: parameter
//! sets, where each picture begins, which are keys, and in which order they are shown.
//!
//! It takes what the recipes ask encoders for (progressive frames of one slice, one pair of parameter sets, closed
//! groups) and refuses everything else by name.

use std::ops::Range;

use festoon_spec::Canvas;

/// What a decoder must know before the first picture. Streams that have the same can stand one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSets {
    /// Sequence parameter set, as a unit with its header byte.
    pub sps: Vec<u8>,
    /// Picture parameter set, as a unit with its header byte.
    pub pps: Vec<u8>,
}

/// A video stream in decoding order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// What stands in front of it.
    pub sets: ParameterSets,
    /// One per picture.
    pub samples: Vec<Sample>,
}

/// One coded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its units, each behind its length in four bytes, without parameter sets and supplemental information.
    pub bytes: Vec<u8>,
    /// Decoding can begin here.
    pub key: bool,
    /// Its place in showing order, from 0.
    pub shown: u32,
}

/// Why a stream is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Bits are missing or make no sense.
    #[error("the {unit} at byte {at} cannot be read")]
    Unreadable {
        /// What it is.
        unit: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// It uses something that the recipes switch off.
    #[error("the unit at byte {at} has {what}")]
    Unwanted {
        /// What it uses.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// No parameter set before the first picture.
    #[error("there is no parameter set before the first picture")]
    NoParameters,
    /// A picture in front of the first key.
    #[error("it does not begin with a key picture")]
    NoKey,
    /// Not the asked number of pictures.
    #[error("{asked} pictures went in, {found} came out")]
    Count {
        /// Of the canvas.
        asked: u32,
        /// In the stream.
        found: usize,
    },
    /// Not the asked size.
    #[error("the pictures are {width} x {height}")]
    Size {
        /// In the stream.
        width: u32,
        /// In the stream.
        height: u32,
    },
    /// Two pictures of a group want to be shown at one time.
    #[error("two pictures of the group that begins with picture {first} have one place")]
    Order {
        /// Decoding index of the group's key.
        first: usize,
    },
}

impl Stream {
    /// Reads an Annex B stream and checks that it is what the canvas asks for.
    ///
    /// # Errors
    /// Names what is missing or unwanted and where.
    pub fn parse(annex_b: &[u8], canvas: &Canvas) -> Result<Self, StreamError> {
        let mut sets: [Option<&[u8]>; 2] = [None, None];
        let mut header = None;
        let mut samples = Vec::new();
        let mut counts = OrderCounts::default();
        for range in units(annex_b) {
            let (at, unit) = (range.start, &annex_b[range]);
            match unit[0] & 0x1f {
                kind @ (SPS | PPS) => {
                    let set = &mut sets[usize::from(kind == PPS)];
                    if set.is_some_and(|known| known != unit) {
                        return Err(StreamError::Unwanted { what: "a second parameter set", at });
                    }
                    if kind == SPS && set.is_none() {
                        let read = SequenceHeader::read(unit, at)?;
                        let (width, height) = (read.width, read.height);
                        if (width, height) != (canvas.width, canvas.height) {
                            return Err(StreamError::Size { width, height });
                        }
                        header = Some(read);
                    }
                    *set = Some(unit);
                }
                kind @ (SLICE | KEY_SLICE) => {
                    let Some(header) = &header else { return Err(StreamError::NoParameters) };
                    let key = kind == KEY_SLICE;
                    if !key && samples.is_empty() {
                        return Err(StreamError::NoKey);
                    }
                    match (header.order_lsb(unit, key, at)?, header.lsb_bits) {
                        (Some(lsb), Some(bits)) => counts.add(lsb, bits, key, unit[0] & 0x60 != 0),
                        _ => counts.add_next(key),
                    }
                    let mut bytes = Vec::with_capacity(4 + unit.len());
                    bytes.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                    bytes.extend_from_slice(unit);
                    samples.push(Sample { bytes, key, shown: 0 });
                }
                // Supplemental information: x264's names its version and thread count. Delimiters say nothing here.
                SUPPLEMENTAL | DELIMITER | END_OF_SEQUENCE | END_OF_STREAM | FILLER => {}
                _ => return Err(StreamError::Unwanted { what: "a kind that is not known here", at }),
            }
        }
        if samples.len() != canvas.frames as usize {
            return Err(StreamError::Count { asked: canvas.frames, found: samples.len() });
        }
        for (sample, shown) in samples.iter_mut().zip(counts.ranks(canvas.frames)?) {
            sample.shown = shown;
        }
        let [Some(sps), Some(pps)] = sets.map(|set| set.map(<[u8]>::to_vec)) else { return Err(StreamError::NoParameters) };
        Ok(Self { sets: ParameterSets { sps, pps }, samples })
    }

    /// By how many frames showing must lag behind decoding, so that no picture is shown before it is decoded.
    pub fn delay(&self) -> u32 {
        let lags = self.samples.iter().zip(0u32..).map(|(sample, decoded)| decoded.saturating_sub(sample.shown));
        lags.max().unwrap_or(0)
    }
}

// ITU-T H.264, table 7-1.
const SLICE: u8 = 1;
const KEY_SLICE: u8 = 5;
const SUPPLEMENTAL: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const END_OF_SEQUENCE: u8 = 10;
const END_OF_STREAM: u8 = 11;
const FILLER: u8 = 12;

/// The places of the units between start codes; none is empty.
fn units(annex_b: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut next = start_code(annex_b, 0);
    std::iter::from_fn(move || {
        let start = next? + 3;
        next = start_code(annex_b, start);
        Some(start..next.unwrap_or(annex_b.len()))
    })
    .filter_map(|range| {
        // Zeros in front of the next start code belong to it; a unit ends with a one bit.
        let length = annex_b[range.clone()].iter().rposition(|byte| *byte != 0)? + 1;
        Some(range.start..range.start + length)
    })
}

fn start_code(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].windows(3).position(|window| window == [0, 0, 1]).map(|place| from + place)
}

/// What a sequence parameter set says that is needed here.
struct SequenceHeader {
    width: u32,
    height: u32,
    frame_number_bits: u32,
    /// Bits of the low part of order counts; without them pictures are shown as they are decoded.
    lsb_bits: Option<u32>,
}

impl SequenceHeader {
    fn read(unit: &[u8], at: usize) -> Result<Self, StreamError> {
        let unwanted = |what| StreamError::Unwanted { what, at };
        let mut bits = Bits::of(unit, at, "sequence parameter set");
        let profile = bits.take(8)?;
        bits.take(16)?;
        bits.golomb()?;
        // High and the profiles derived from it say more of their samples.
        if matches!(profile, 100 | 110 | 122 | 244) {
            let (chroma, luma_depth, chroma_depth) = (bits.golomb()?, bits.golomb()?, bits.golomb()?);
            if (chroma, luma_depth, chroma_depth) != (1, 0, 0) {
                return Err(unwanted("samples that are not 4:2:0 in 8 bits"));
            }
            bits.take(1)?;
            if bits.take(1)? == 1 {
                return Err(unwanted("scaling matrices"));
            }
        }
        let frame_number_bits = bits.golomb()? + 4;
        let lsb_bits = match bits.golomb()? {
            0 => Some(bits.golomb()? + 4),
            2 => None,
            _ => return Err(unwanted("a picture order count of type 1")),
        };
        if frame_number_bits > 16 || lsb_bits.is_some_and(|bits| bits > 16) {
            return Err(StreamError::Unreadable { unit: "sequence parameter set", at });
        }
        bits.golomb()?;
        bits.take(1)?;
        let (columns, rows) = (bits.golomb()?, bits.golomb()?);
        if bits.take(1)? == 0 {
            return Err(unwanted("interlaced pictures"));
        }
        bits.take(1)?;
        let crop = match bits.take(1)? {
            0 => [0; 4],
            _ => [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?],
        };
        // In units of two pixels, chroma being halved both ways.
        let side = |blocks: u32, before: u32, after: u32| {
            let cropped = u64::from(before) + u64::from(after);
            let pixels = (u64::from(blocks) + 1) * 16;
            pixels.checked_sub(2 * cropped).and_then(|pixels| u32::try_from(pixels).ok())
        };
        match (side(columns, crop[0], crop[1]), side(rows, crop[2], crop[3])) {
            (Some(width), Some(height)) => Ok(Self { width, height, frame_number_bits, lsb_bits }),
            _ => Err(StreamError::Unreadable { unit: "sequence parameter set", at }),
        }
    }

    /// The low bits of a slice's picture order count, where there is one.
    fn order_lsb(&self, unit: &[u8], key: bool, at: usize) -> Result<Option<u32>, StreamError> {
        let mut bits = Bits::of(unit, at, "slice");
        if bits.golomb()? != 0 {
            return Err(StreamError::Unwanted { what: "a picture in more than one slice", at });
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.take(self.frame_number_bits)?;
        if key {
            bits.golomb()?;
        }
        self.lsb_bits.map(|count| bits.take(count)).transpose()
    }
}

/// Picture order counts (clause 8.2.1.1), group by group.
#[derive(Default)]
struct OrderCounts {
    counts: Vec<i64>,
    /// Decoding index of each group's key.
    groups: Vec<usize>,
    /// Of the last picture that others refer to.
    high: i64,
    low: i64,
}

impl OrderCounts {
    fn add(&mut self, lsb: u32, lsb_bits: u32, key: bool, referred: bool) {
        if key {
            self.groups.push(self.counts.len());
            (self.high, self.low) = (0, 0);
        }
        let (lsb, cycle) = (i64::from(lsb), 1i64 << lsb_bits);
        let high = if lsb < self.low && self.low - lsb >= cycle / 2 {
            self.high + cycle
        } else if lsb > self.low && lsb - self.low > cycle / 2 {
            self.high - cycle
        } else {
            self.high
        };
        self.counts.push(high + lsb);
        if referred {
            (self.high, self.low) = (high, lsb);
        }
    }

    /// A picture that is shown behind the one decoded before it (clause 8.2.1.3).
    fn add_next(&mut self, key: bool) {
        if key {
            self.groups.push(self.counts.len());
        }
        self.counts.push(self.counts.len() as i64);
    }

    /// Each picture's place in showing order. Groups are closed: none is shown before the group in front has ended.
    fn ranks(&self, frames: u32) -> Result<Vec<u32>, StreamError> {
        let mut ranks = vec![0; self.counts.len()];
        let mut places = 0..frames;
        for (index, first) in self.groups.iter().enumerate() {
            let end = self.groups.get(index + 1).copied().unwrap_or(self.counts.len());
            let mut group: Vec<usize> = (*first..end).collect();
            group.sort_by_key(|picture| self.counts[*picture]);
            if group.windows(2).any(|pair| self.counts[pair[0]] == self.counts[pair[1]]) {
                return Err(StreamError::Order { first: *first });
            }
            for (picture, place) in group.into_iter().zip(&mut places) {
                ranks[picture] = place;
            }
        }
        Ok(ranks)
    }
}

/// Longest header read here, in bytes.
const HEADER_BYTES: usize = 64;

/// Bits of a unit behind its header byte.
struct Bits {
    bytes: Vec<u8>,
    position: usize,
    unit: &'static str,
    at: usize,
}

impl Bits {
    fn of(unit: &[u8], at: usize, name: &'static str) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        let mut zeros = 0;
        for byte in unit.iter().skip(1).take(HEADER_BYTES) {
            // Clause 7.3.1: a 3 behind two zeros was put in so that no start code appears.
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Self { bytes, position: 0, unit: name, at }
    }

    fn take(&mut self, count: u32) -> Result<u32, StreamError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.position / 8).ok_or(StreamError::Unreadable { unit: self.unit, at: self.at })?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value)
    }

    /// Clause 9.1: as many zeros as there are bits behind the one.
    fn golomb(&mut self) -> Result<u32, StreamError> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        if zeros > 31 {
            return Err(StreamError::Unreadable { unit: self.unit, at: self.at });
        }
        Ok(((1u64 << zeros) - 1) as u32 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CANVAS: Canvas = Canvas { width: 1280, height: 720, frames: 4, fps: 24 };
    /// x264's for 720p: 4 bits of frame number, 6 bits of order count.
    const SEQUENCE: &[u8] = &[0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6a, 0x02, 0x02, 0x02, 0x80];
    const PICTURE: &[u8] = &[0x68, 0xeb, 0xec, 0xb2, 0x2c];

    /// A slice with this order count, whose other numbers are 0, and some content.
    fn slice(key: bool, referred: bool, order: u32) -> Vec<u8> {
        // Macroblock, type, parameter set; frame number; a key's own number; order count.
        let bits = format!("1110000{}{order:06b}1011001110001111", if key { "1" } else { "" });
        let mut unit = vec![u8::from(referred) << 6 | if key { KEY_SLICE } else { SLICE }];
        unit.extend(
            bits.as_bytes()
                .chunks(8)
                .map(|eight| eight.iter().chain(b"00000001").take(8).fold(0, |byte, bit| byte << 1 | (bit - b'0'))),
        );
        unit
    }

    fn annex_b(units: &[Vec<u8>]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], unit.as_slice()].concat()).collect()
    }

    fn parse(slices: Vec<Vec<u8>>) -> Result<Stream, StreamError> {
        let mut units = vec![SEQUENCE.to_vec(), PICTURE.to_vec()];
        units.extend(slices);
        Stream::parse(&annex_b(&units), &CANVAS)
    }

    fn shown(slices: Vec<Vec<u8>>) -> Vec<u32> {
        parse(slices).unwrap().samples.iter().map(|sample| sample.shown).collect()
    }

    #[test]
    fn pictures_are_shown_by_their_order_counts_group_by_group() {
        let b_pyramid = vec![slice(true, true, 0), slice(false, true, 6), slice(false, true, 2), slice(false, false, 4)];
        assert_eq!(shown(b_pyramid.clone()), [0, 3, 1, 2]);
        assert_eq!(parse(b_pyramid).unwrap().delay(), 1);
        let two_groups = vec![slice(true, true, 0), slice(false, true, 2), slice(true, true, 0), slice(false, true, 2)];
        assert_eq!(shown(two_groups), [0, 1, 2, 3]);
    }

    #[test]
    fn an_order_count_may_run_over() {
        let slices = vec![slice(true, true, 0), slice(false, true, 30), slice(false, true, 60), slice(false, true, 2)];
        assert_eq!(shown(slices), [0, 1, 2, 3]);
    }

    #[test]
    fn what_the_recipes_switch_off_is_refused_by_name() {
        let key = || slice(true, true, 0);
        assert_eq!(parse(vec![slice(false, true, 0)]), Err(StreamError::NoKey));
        assert_eq!(parse(vec![key()]), Err(StreamError::Count { asked: 4, found: 1 }));
        let twice = vec![key(), slice(false, true, 2), slice(false, true, 4), slice(false, true, 2)];
        assert_eq!(parse(twice), Err(StreamError::Order { first: 0 }));
        // Its first macroblock is not 0.
        let part = vec![SLICE, 0b0100_0000, 0xff];
        let what = "a picture in more than one slice";
        assert!(matches!(parse(vec![key(), part]), Err(StreamError::Unwanted { what: found, .. }) if found == what));
        let mut other = PICTURE.to_vec();
        other[4] = 0x2d;
        let what = "a second parameter set";
        assert!(matches!(parse(vec![other]), Err(StreamError::Unwanted { what: found, .. }) if found == what));
        assert_eq!(Stream::parse(&annex_b(&[key()]), &CANVAS), Err(StreamError::NoParameters));
        assert_eq!(parse(vec![vec![0x67]]).unwrap_err().to_string(), "the unit at byte 33 has a second parameter set");
        let cut = Stream::parse(&annex_b(&[SEQUENCE[..6].to_vec()]), &CANVAS);
        assert_eq!(cut, Err(StreamError::Unreadable { unit: "sequence parameter set", at: 4 }));
    }

    #[test]
    fn samples_hold_the_slice_behind_its_length_and_nothing_else() {
        let supplemental = vec![SUPPLEMENTAL, 5, 1, 0x80];
        let pictures: Vec<_> = (0..4).map(|index| slice(index == 0, true, index * 2)).collect();
        let mut units = vec![supplemental];
        units.extend(pictures.iter().cloned());
        let stream = parse(units).unwrap();
        for (sample, picture) in stream.samples.iter().zip(&pictures) {
            assert_eq!(sample.bytes[..4], (picture.len() as u32).to_be_bytes());
            assert_eq!(sample.bytes[4..], picture[..]);
        }
        assert_eq!((stream.sets.sps.as_slice(), stream.sets.pps.as_slice()), (SEQUENCE, PICTURE));
    }
}
