//! Reads the parts of a fragmented file, each on its own, as strictly as festoon writes them.

use std::ops::Range;

use festoon_spec::{FrameRange, Media};
use mp4_atom::{FourCC, Mdhd, Mehd, Tfdt, Tfhd, Trex, Trun};

use super::{
    super::{FRAME_TICKS, LAG, TRACK, sound::SOUND_TRACK},
    ContainerError, MOST_SAMPLES, Mp4Box, Opened, codec, sample_entry, sets, track, video_track,
};
use crate::h264::{ParameterSets, Sample};

/// Flag of a sample that decoding cannot begin with (ISO/IEC 14496-12, 8.8.3.1).
const NO_KEY: u32 = 0x0001_0000;

/// What an index without samples says of the fragments behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentedIndex {
    /// What all of them together hold.
    pub media: Media,
    /// Their parameter sets.
    pub sets: ParameterSets,
}

/// Reads what stands in front of fragments.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub fn probe_init(init: &[u8]) -> Result<FragmentedIndex, ContainerError> {
    let moov = Mp4Box::whole(init).only(b"moov", "the file")?;
    let mdia = video_track(&moov)?;
    let timescale = mdia.only(b"mdhd", "`mdia`")?.read::<Mdhd>()?.timescale;
    let stsd = mdia.only(b"minf", "`mdia`")?.only(b"stbl", "`minf`")?.only(b"stsd", "`stbl`")?;
    let (visual, avcc) = sample_entry(&stsd)?;
    let mvex = moov.only(b"mvex", "`moov`")?;
    let ticks = mvex.only(b"trex", "`mvex`")?.read::<Trex>()?.default_sample_duration;
    let duration = mvex.only(b"mehd", "`mvex`")?.read::<Mehd>()?.fragment_duration;
    if ticks == 0 || timescale == 0 || !timescale.is_multiple_of(ticks) || !duration.is_multiple_of(ticks.into()) {
        return Err(ContainerError::Rate("a frame is not a whole part of a second"));
    }
    let frames = u32::try_from(duration / u64::from(ticks)).unwrap_or(u32::MAX);
    if frames == 0 || frames > MOST_SAMPLES {
        return Err(ContainerError::Contradiction("no frames, or more than an hour at 240 per second"));
    }
    let (width, height) = (visual.width.into(), visual.height.into());
    let media = Media { width, height, frames, fps: timescale / ticks, codec: codec(&avcc) };
    Ok(FragmentedIndex { media, sets: sets(avcc)? })
}

/// Checks that a fragment holds these frames, that its first is a key, and that the media its index speaks of is there.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub fn probe_fragment(fragment: &[u8], expected: FrameRange) -> Result<(), ContainerError> {
    let read = Fragment::read(fragment)?;
    if read.frames != expected {
        return Err(ContainerError::Frames { found: read.frames, expected });
    }
    Ok(())
}

/// The pictures of a fragment in decoding order; their places count from its first frame.
///
/// # Errors
/// As [`probe_fragment`].
pub fn fragment_samples(fragment: &[u8], expected: FrameRange) -> Result<Vec<Sample>, ContainerError> {
    let read = Fragment::read(fragment)?;
    if read.frames != expected {
        return Err(ContainerError::Frames { found: read.frames, expected });
    }
    let mut samples = Vec::with_capacity(expected.count() as usize);
    for ((bytes, entry), decoded) in read.samples().zip(read.run.samples.iter()).zip(0u32..) {
        let later = i64::from(decoded) - i64::from(LAG) + entry.cts.unwrap_or(0) / i64::from(FRAME_TICKS);
        let shown = u32::try_from(later).ok().filter(|shown| *shown < expected.count());
        let shown = shown.ok_or(ContainerError::Contradiction("a picture is shown outside its fragment"))?;
        samples.push(Sample { bytes: bytes.to_vec(), key: is_key(entry.flags), shown });
    }
    Ok(samples)
}

/// Where the parts of a whole fragmented file lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragments {
    /// What is in front of them.
    pub init: Range<usize>,
    /// Those of the pictures, each with the frames that it holds, in order.
    pub fragments: Vec<(FrameRange, Range<usize>)>,
    /// Those of the sound, in order; none of a silent file.
    pub sound: Vec<Range<usize>>,
}

/// Finds the fragments of a file that begins with its index and holds nothing else.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub fn probe_fragments(file: &[u8]) -> Result<Fragments, ContainerError> {
    let boxes = Mp4Box::whole(file).children()?;
    let first = boxes.iter().position(|child| child.kind == FourCC::new(b"moof")).unwrap_or(boxes.len());
    let init = 0..boxes.get(first).map_or(file.len(), |first| first.at);
    let frames = probe_init(&file[init.clone()])?.media.frames;
    let sounding = track(&Mp4Box::whole(&file[init.clone()]).only(b"moov", "the file")?, b"soun")?.map(|(number, _)| number);
    let (mut fragments, mut sound) = (Vec::new(), Vec::new());
    let mut behind = 0;
    for pair in boxes[first..].chunks(2) {
        let [moof, mdat] = pair else { return Err(ContainerError::Contradiction("a fragment is not two boxes")) };
        let place = moof.at..mdat.body_at + mdat.body.len();
        if sounding.is_some() && moof.only(b"traf", "`moof`")?.only(b"tfhd", "`traf`")?.read::<Tfhd>()?.track_id == SOUND_TRACK {
            sound.push(place);
            continue;
        }
        let found = Fragment::read(&file[place.clone()])?.frames;
        if found.start != behind || found.end > frames {
            return Err(ContainerError::Frames { found, expected: FrameRange { start: behind, end: frames } });
        }
        behind = found.end;
        fragments.push((found, place));
    }
    if behind != frames {
        return Err(ContainerError::Contradiction("the fragments hold fewer frames than the index says"));
    }
    Ok(Fragments { init, fragments, sound })
}

/// A fragment whose parts fit together.
struct Fragment<'a> {
    frames: FrameRange,
    run: Trun,
    /// Its samples, one behind the other.
    media: &'a [u8],
}

fn is_key(flags: Option<u32>) -> bool {
    flags.is_some_and(|flags| flags & NO_KEY == 0)
}

impl<'a> Fragment<'a> {
    fn read(fragment: &'a [u8]) -> Result<Self, ContainerError> {
        let whole = Mp4Box::whole(fragment);
        let [moof, mdat] =
            whole.children()?.try_into().map_err(|_| ContainerError::Contradiction("a fragment is not two boxes"))?;
        if moof.kind != FourCC::new(b"moof") || mdat.kind != FourCC::new(b"mdat") {
            return Err(ContainerError::Contradiction("a fragment is not `moof` and `mdat`"));
        }
        let traf = moof.only(b"traf", "`moof`")?;
        let Tfhd { track_id, default_base_is_moof, .. } = traf.only(b"tfhd", "`traf`")?.read::<Tfhd>()?;
        if track_id != TRACK {
            return Err(ContainerError::Contradiction("a fragment is of another track than the pictures'"));
        }
        if !default_base_is_moof {
            return Err(ContainerError::Contradiction("a fragment counts from somewhere else"));
        }
        let at = traf.only(b"tfdt", "`traf`")?.read::<Tfdt>()?.base_media_decode_time;
        let run = traf.only(b"trun", "`traf`")?.read::<Trun>()?;
        let ticks = u64::from(FRAME_TICKS);
        if !at.is_multiple_of(ticks) {
            return Err(ContainerError::Rate("a fragment does not begin with a frame"));
        }
        let start = u32::try_from(at / ticks).unwrap_or(u32::MAX);
        let frames = FrameRange { start, end: start.saturating_add(u32::try_from(run.samples.len()).unwrap_or(u32::MAX)) };
        if !run.samples.get(0).is_some_and(|first| is_key(first.flags)) {
            return Err(ContainerError::Contradiction("a fragment does not begin with a key"));
        }
        let bytes: u64 = run.samples.iter().map(|sample| u64::from(sample.size.unwrap_or(0))).sum();
        let from = run.data_offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0);
        let to = from.saturating_add(bytes);
        if from != mdat.body_at as u64 || to != fragment.len() as u64 {
            return Err(ContainerError::NoMedia { from, to, length: fragment.len() });
        }
        Ok(Self { frames, run, media: mdat.body })
    }

    /// The bytes of its pictures.
    fn samples(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.media;
        self.run.samples.iter().map(move |sample| {
            // `read` has added the sizes up.
            let (bytes, behind) = rest.split_at(sample.size.unwrap_or(0) as usize);
            rest = behind;
            bytes
        })
    }
}

/// Opens a whole file in fragments.
///
/// # Errors
/// Says what is missing or wrong, for any bytes whatever; it never panics.
pub(super) fn open(file: &[u8]) -> Result<Opened<'_>, ContainerError> {
    let Fragments { init, fragments, .. } = probe_fragments(file)?;
    let FragmentedIndex { media, sets } = probe_init(&file[init])?;
    let mut samples = Vec::new();
    for (_, place) in fragments {
        samples.extend(Fragment::read(&file[place])?.samples());
    }
    Ok(Opened { media, sets, samples })
}
