//! Reads what a file holds out of its index, and checks that the media the index speaks of is there.
//!
//! The bytes may come from anywhere: each box is followed by hand, so that depth and work stay bounded by the file's
//! length, and only leaves are given to the library that reads their fields.

mod fragmented;
mod web;

use festoon_spec::{FrameRange, Media};
use mp4_atom::{Atom, Avcc, Co64, Decode, FourCC, Hdlr, Mdhd, Stco, Stsc, Stsz, StszSamples, Stts, Tkhd, Visual};

use crate::h264::ParameterSets;

pub use fragmented::{FragmentedIndex, Fragments, fragment_samples, probe_fragment, probe_fragments, probe_init};
pub(super) use web::samples_of;
pub(crate) use web::{WebTrack, web_track};

/// No file of festoon's has more: an hour at 240 frames per second.
const MOST_SAMPLES: u32 = 240 * 3600;

/// Why a file could not be written, or is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Pictures are decoded too early for when they are shown.
    #[error("a picture is decoded more than {most} frames ahead of its place")]
    Lag {
        /// What festoon's files allow.
        most: u32,
    },
    /// A fragment does not hold the frames that it should.
    #[error("the fragment holds the frames {found}, not {expected}")]
    Frames {
        /// What it holds.
        found: FrameRange,
        /// What it should hold.
        expected: FrameRange,
    },
    /// A value does not fit its field.
    #[error("the index cannot be written")]
    Unwritable {
        /// What the library said.
        source: mp4_atom::Error,
    },
    /// A box claims more bytes than there are, or fewer than its own header: the file is cut off or damaged.
    #[error("the box `{kind}` at byte {at} says it has {says} bytes, and there are {room}")]
    Overrun {
        /// Its type.
        kind: String,
        /// Where it begins in the file.
        at: usize,
        /// Its size by its header.
        says: u64,
        /// Bytes from its beginning to the end of what it is in.
        room: usize,
    },
    /// A box is missing.
    #[error("there is no `{kind}` in {parent}")]
    NoBox {
        /// The missing one.
        kind: FourCC,
        /// Where it belongs.
        parent: &'static str,
    },
    /// The fields of a box cannot be read.
    #[error("the box `{kind}` cannot be read")]
    BadBox {
        /// Its type.
        kind: FourCC,
        /// What the library said.
        source: mp4_atom::Error,
    },
    /// Not one video track.
    #[error("there are {found} video tracks, not one")]
    Tracks {
        /// How many there are.
        found: usize,
    },
    /// Not H.264.
    #[error("the video is `{found}`, not `avc1`")]
    Codec {
        /// Type of the sample entry.
        found: String,
    },
    /// Neither AAC nor Opus.
    #[error("the sound is `{found}`, neither `mp4a` nor `Opus`")]
    SoundCodec {
        /// Type of the sample entry.
        found: String,
    },
    /// Neither AV1 nor VP9.
    #[error("the video is `{found}`, neither `av01` nor `vp09`")]
    WebCodec {
        /// Type of the sample entry.
        found: String,
    },
    /// Tables contradict each other.
    #[error("the index contradicts itself: {0}")]
    Contradiction(&'static str),
    /// The rate is not a whole number of frames per second throughout.
    #[error("the frame rate is not one whole number: {0}")]
    Rate(&'static str),
    /// Media that the index speaks of is not in the file.
    #[error("media from byte {from} to {to} is missing: the file has {length} bytes")]
    NoMedia {
        /// First byte.
        from: u64,
        /// Behind the last byte.
        to: u64,
        /// The file's length.
        length: usize,
    },
}

/// What a progressive MP4 file with one H.264 track holds.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub fn probe(file: &[u8]) -> Result<Media, ContainerError> {
    Ok(open_progressive(&Mp4Box::whole(file).only(b"moov", "the file")?, file)?.media)
}

/// A file, opened.
pub(crate) struct Opened<'a> {
    pub media: Media,
    pub sets: ParameterSets,
    /// One picture each, in decoding order: units behind their lengths in four bytes.
    pub samples: Vec<&'a [u8]>,
}

/// Opens a file with one H.264 track, progressive or in fragments.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub(crate) fn open(file: &[u8]) -> Result<Opened<'_>, ContainerError> {
    let moov = Mp4Box::whole(file).only(b"moov", "the file")?;
    if moov.all(b"mvex")?.is_empty() { open_progressive(&moov, file) } else { fragmented::open(file) }
}

fn open_progressive<'a>(moov: &Mp4Box<'_>, file: &'a [u8]) -> Result<Opened<'a>, ContainerError> {
    let mdia = video_track(moov)?;
    let timescale = mdia.only(b"mdhd", "`mdia`")?.read::<Mdhd>()?.timescale;
    let stbl = mdia.only(b"minf", "`mdia`")?.only(b"stbl", "`minf`")?;
    let (visual, avcc) = sample_entry(&stbl.only(b"stsd", "`stbl`")?)?;
    let sizes = stbl.only(b"stsz", "`stbl`")?.read::<Stsz>()?.samples;
    let frames = match &sizes {
        StszSamples::Identical { count, .. } => *count,
        StszSamples::Different { sizes } => sizes.len() as u32,
    };
    if frames == 0 || frames > MOST_SAMPLES {
        return Err(ContainerError::Contradiction("no frames, or more than an hour at 240 per second"));
    }
    let fps = rate(&stbl.only(b"stts", "`stbl`")?.read::<Stts>()?, timescale, frames)?;
    let chunks = match stbl.all(b"co64")?.first() {
        Some(long) => long.read::<Co64>()?.entries,
        None => stbl.only(b"stco", "`stbl`")?.read::<Stco>()?.entries.into_iter().map(u64::from).collect(),
    };
    let runs = stbl.only(b"stsc", "`stbl`")?.read::<Stsc>()?;
    let samples = samples(file, &sizes, frames, &runs, &chunks)?;
    let media = Media { width: visual.width.into(), height: visual.height.into(), frames, fps, codec: codec(&avcc) };
    Ok(Opened { media, sets: sets(avcc)?, samples })
}

/// The one parameter set of each kind.
fn sets(avcc: Avcc) -> Result<ParameterSets, ContainerError> {
    match (<[_; 1]>::try_from(avcc.sequence_parameter_sets), <[_; 1]>::try_from(avcc.picture_parameter_sets)) {
        (Ok([sps]), Ok([pps])) => Ok(ParameterSets { sps, pps }),
        _ => Err(ContainerError::Contradiction("not one parameter set of each kind")),
    }
}

/// RFC 6381.
fn codec(avcc: &Avcc) -> String {
    format!("avc1.{:02x}{:02x}{:02x}", avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication)
}

/// The `mdia` of the one video track.
fn video_track<'a>(moov: &Mp4Box<'a>) -> Result<Mp4Box<'a>, ContainerError> {
    match tracks(moov, b"vide")?.as_slice() {
        [(_, trak)] => trak.only(b"mdia", "`trak`"),
        tracks => Err(ContainerError::Tracks { found: tracks.len() }),
    }
}

/// The first track of this kind, and its number.
pub(super) fn track<'a>(moov: &Mp4Box<'a>, handler: &[u8; 4]) -> Result<Option<(u32, Mp4Box<'a>)>, ContainerError> {
    Ok(tracks(moov, handler)?.first().copied())
}

fn tracks<'a>(moov: &Mp4Box<'a>, handler: &[u8; 4]) -> Result<Vec<(u32, Mp4Box<'a>)>, ContainerError> {
    let mut tracks = Vec::new();
    for trak in moov.all(b"trak")? {
        if trak.only(b"mdia", "`trak`")?.only(b"hdlr", "`mdia`")?.read::<Hdlr>()?.handler == FourCC::new(handler) {
            tracks.push((trak.only(b"tkhd", "`trak`")?.read::<Tkhd>()?.track_id, trak));
        }
    }
    Ok(tracks)
}

/// The one sample entry and its decoder configuration.
fn sample_entry(stsd: &Mp4Box<'_>) -> Result<(Visual, Avcc), ContainerError> {
    // Version, flags and the number of entries.
    let entries = stsd.inside(8)?;
    let [entry] = entries.children()?.try_into().map_err(|_| ContainerError::Contradiction("not one sample entry"))?;
    if entry.kind != FourCC::new(b"avc1") {
        return Err(ContainerError::Codec { found: entry.kind.to_string() });
    }
    let mut fields = entry.body;
    let visual = Visual::decode(&mut fields).map_err(|source| ContainerError::BadBox { kind: entry.kind, source })?;
    let extensions = entry.inside(entry.body.len() - fields.len())?;
    let avcc = extensions.only(b"avcC", "`avc1`")?.read::<Avcc>()?;
    Ok((visual, avcc))
}

fn rate(times: &Stts, timescale: u32, frames: u32) -> Result<u32, ContainerError> {
    let [first, rest @ ..] = times.entries.as_slice() else { return Err(ContainerError::Contradiction("no frame has a time")) };
    let counted: u64 = times.entries.iter().map(|run| u64::from(run.sample_count)).sum();
    if counted != u64::from(frames) {
        return Err(ContainerError::Contradiction("`stts` and `stsz` count the frames differently"));
    }
    if rest.iter().any(|run| run.sample_delta != first.sample_delta) {
        return Err(ContainerError::Rate("frames last differently long"));
    }
    if first.sample_delta == 0 || timescale == 0 || !timescale.is_multiple_of(first.sample_delta) {
        return Err(ContainerError::Rate("a frame is not a whole part of a second"));
    }
    Ok(timescale / first.sample_delta)
}

/// Walks chunk by chunk: each holds as many samples as the last run at or before it says.
fn samples<'a>(
    file: &'a [u8],
    sizes: &StszSamples,
    frames: u32,
    runs: &Stsc,
    chunks: &[u64],
) -> Result<Vec<&'a [u8]>, ContainerError> {
    let mut runs = runs.entries.iter().peekable();
    let mut per_chunk = 0;
    let mut samples = Vec::new();
    for (number, from) in (1u32..).zip(chunks) {
        while let Some(run) = runs.next_if(|run| run.first_chunk <= number) {
            per_chunk = run.samples_per_chunk;
        }
        if samples.len() as u64 + u64::from(per_chunk) > u64::from(frames) {
            return Err(ContainerError::Contradiction("the chunks hold more frames than `stsz` counts"));
        }
        let mut at = *from;
        for _ in 0..per_chunk {
            let size = match sizes {
                StszSamples::Identical { size, .. } => *size,
                StszSamples::Different { sizes } => sizes[samples.len()],
            };
            let to = at.saturating_add(u64::from(size));
            let sample = usize::try_from(at).ok().zip(usize::try_from(to).ok()).and_then(|(at, to)| file.get(at..to));
            samples.push(sample.ok_or(ContainerError::NoMedia { from: at, to, length: file.len() })?);
            at = to;
        }
    }
    if samples.len() as u64 != u64::from(frames) {
        return Err(ContainerError::Contradiction("the chunks hold fewer frames than `stsz` counts"));
    }
    Ok(samples)
}

/// A box, or what stands for one, in the file.
#[derive(Clone, Copy)]
pub(super) struct Mp4Box<'a> {
    pub at: usize,
    pub body_at: usize,
    pub kind: FourCC,
    pub body: &'a [u8],
}

impl<'a> Mp4Box<'a> {
    /// The file itself, as the box that its boxes are in.
    pub fn whole(file: &'a [u8]) -> Self {
        Self { at: 0, body_at: 0, kind: FourCC::new(b"file"), body: file }
    }

    /// The boxes in it. Fewer than 8 bytes at the end are padding.
    pub fn children(&self) -> Result<Vec<Mp4Box<'a>>, ContainerError> {
        let mut children = Vec::new();
        let mut rest = self.body;
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let at = self.body_at + self.body.len() - rest.len();
            let [size @ .., k0, k1, k2, k3] = *head;
            let kind = FourCC::new(&[k0, k1, k2, k3]);
            // ISO/IEC 14496-12, 4.2: 0 reaches to the end, 1 says that the size follows in 8 bytes.
            let (header, says) = match (u32::from_be_bytes(size), behind.first_chunk()) {
                (0, _) => (8, rest.len() as u64),
                (1, Some(long)) => (16, u64::from_be_bytes(*long)),
                (size, _) => (8, u64::from(size)),
            };
            let overrun = || ContainerError::Overrun { kind: kind.to_string(), at, says, room: rest.len() };
            let end = usize::try_from(says).map_err(|_| overrun())?;
            let body = rest.get(header..end).ok_or_else(overrun)?;
            children.push(Mp4Box { at, body_at: at + header, kind, body });
            rest = &rest[end..];
        }
        Ok(children)
    }

    pub fn all(&self, kind: &[u8; 4]) -> Result<Vec<Mp4Box<'a>>, ContainerError> {
        let mut children = self.children()?;
        children.retain(|child| child.kind == FourCC::new(kind));
        Ok(children)
    }

    /// The first of its kind.
    pub fn only(&self, kind: &[u8; 4], parent: &'static str) -> Result<Mp4Box<'a>, ContainerError> {
        self.all(kind)?.first().copied().ok_or(ContainerError::NoBox { kind: FourCC::new(kind), parent })
    }

    /// What follows this many bytes of fields, as if it were a box.
    pub fn inside(&self, fields: usize) -> Result<Mp4Box<'a>, ContainerError> {
        let room = self.body.len();
        let overrun = || ContainerError::Overrun { kind: self.kind.to_string(), at: self.at, says: fields as u64, room };
        let body = self.body.get(fields..).ok_or_else(overrun)?;
        Ok(Mp4Box { body_at: self.body_at + fields, body, ..*self })
    }

    /// The fields of a leaf.
    pub fn read<A: Atom>(&self) -> Result<A, ContainerError> {
        A::decode_body(&mut &*self.body).map_err(|source| ContainerError::BadBox { kind: self.kind, source })
    }
}
