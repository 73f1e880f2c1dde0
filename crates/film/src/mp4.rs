//! MP4 files, progressive and fragmented. Nothing in them tells when or by which program they were written: the same stream
//! is the same file.
//!
//! In a progressive file the index stands in front, so that a player starts with the first bytes. A fragmented file has an
//! index without samples in front; then come [fragments](fragment), each with an index of its own, that can be replaced one
//! by one.
//!
//! Decoding runs ahead of showing by [`LAG`] frames in every file, so that a fragment does not depend on its neighbours. An
//! edit list starts the presentation at the first picture: it begins at 0 and lasts exactly frames ÷ rate. (Negative offsets
//! instead would do the same in players, but ffmpeg 5.1 then starts fragmented files late.)

mod fragment;
mod probe;
mod sound;

use festoon_spec::{Canvas, Media};
use mp4_atom::{
    Atom, Avc1, Avcc, AvccExt, Codec, Colr, Ctts, CttsEntry, Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp,
    Hdlr, Header, Mdat, Mdhd, Mdia, Minf, Moov, Mvhd, Pasp, Stbl, Stco, Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts,
    SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use crate::h264::{ParameterSets, Sample, Stream};

pub use fragment::{fragment, init, silent, sounding, sounding_init};
pub use probe::{
    ContainerError, FragmentedIndex, Fragments, fragment_samples, probe, probe_fragment, probe_fragments, probe_init,
};
pub(crate) use probe::{Opened, WebTrack, open, web_track};
pub use sound::{SOUND_RATE, SoundFile, Soundtrack, sounding_samples};
pub(crate) use sound::{packet, priming, sound_packets};

/// Ticks of a frame: a fine grid in which two rates have common multiples.
const FRAME_TICKS: u32 = 512;

/// By how many frames showing lags behind decoding: as much as two B-frames of which one is referred to need. The same for
/// all, also for streams that need less.
const LAG: u32 = 2;

/// The track of the pictures.
const TRACK: u32 = 1;

/// Ends a box that could not be written.
fn unwritable(source: mp4_atom::Error) -> ContainerError {
    ContainerError::Unwritable { source }
}

/// Writes the stream as a file of this canvas's rate.
///
/// # Errors
/// [`ContainerError::Unwritable`] if a size does not fit its field, [`ContainerError::Lag`] if the stream needs more.
pub fn mux(stream: &Stream, canvas: &Canvas) -> Result<Vec<u8>, ContainerError> {
    whole(stream, canvas, None)
}

/// The same pictures, and the same sound, as a fragmented file holds, as a progressive one: no byte of either changes.
///
/// # Errors
/// Whatever [`probe_fragments`] and [`Soundtrack::read`] say of the file.
pub fn progressive(fragmented: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let Fragments { init, fragments, .. } = probe_fragments(fragmented)?;
    let FragmentedIndex { media, sets } = probe_init(&fragmented[init])?;
    let mut samples = Vec::with_capacity(media.frames as usize);
    for (frames, place) in fragments {
        samples.extend(fragment_samples(&fragmented[place], frames)?.into_iter().map(|mut sample| {
            sample.shown += frames.start;
            sample
        }));
    }
    let Media { width, height, frames, fps, .. } = media;
    let canvas = Canvas { width, height, frames, fps };
    whole(&Stream { sets, samples }, &canvas, Soundtrack::read(fragmented)?.as_ref())
}

/// A progressive file. Where there is sound, it takes turns with the pictures every half second, so that a player that has one
/// has the other.
fn whole(stream: &Stream, canvas: &Canvas, sound: Option<&Soundtrack>) -> Result<Vec<u8>, ContainerError> {
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"isom"),
        minor_version: 512,
        compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new).into(),
    };
    let count = stream.samples.len();
    let turn = if sound.is_some() { (canvas.fps / 2).max(1) as usize } else { count.max(1) };
    let mut media = Vec::new();
    let (mut pictures, mut packets) = (Chunks::default(), Chunks::default());
    for first in (0..count).step_by(turn) {
        let behind = count.min(first + turn);
        pictures.add(media.len(), behind - first);
        media.extend(stream.samples[first..behind].iter().map(|sample| sample.bytes.as_slice()).collect::<Vec<_>>().concat());
        if let Some(sound) = sound {
            let until = if behind == count { sound.packets().len() } else { sound.packets_before(behind as u32, canvas.fps) };
            let turn = packets.samples..until;
            packets.add(media.len(), turn.len());
            media.extend(sound.packets()[turn].concat());
        }
    }
    let mut head = Vec::new();
    ftyp.encode(&mut head).map_err(unwritable)?;
    let index_at = head.len();
    // The index's size does not depend on the offsets in it, so it is written twice: to know them, and with them.
    let mut media_at = 0;
    for _ in 0..2 {
        head.truncate(index_at);
        let sound = sound.map(|sound| (sound, &packets));
        index(canvas, samples(stream, canvas, &pictures, media_at)?, sound, media_at)?.encode(&mut head).map_err(unwritable)?;
        Header { kind: Mdat::KIND, size: Some(media.len()) }.encode(&mut head).map_err(unwritable)?;
        media_at = head.len();
    }
    head.append(&mut media);
    Ok(head)
}

/// Where the chunks of a track lie.
#[derive(Default)]
struct Chunks {
    /// Where each begins in the media, and how many samples it has; none is empty.
    places: Vec<(usize, usize)>,
    /// Samples of all.
    samples: usize,
}

impl Chunks {
    fn add(&mut self, at: usize, count: usize) {
        if count > 0 {
            self.places.push((at, count));
            self.samples += count;
        }
    }

    /// The tables that say it, if the media begins there.
    fn tables(&self, media_at: usize) -> Result<(Stsc, Stco), ContainerError> {
        let mut runs: Vec<StscEntry> = Vec::new();
        for ((_, count), first_chunk) in self.places.iter().zip(1u32..) {
            let samples_per_chunk = *count as u32;
            if runs.last().is_none_or(|run| run.samples_per_chunk != samples_per_chunk) {
                runs.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index: 1 });
            }
        }
        let offsets = self.places.iter().map(|(at, _)| u32::try_from(media_at + at));
        let offsets = offsets.collect::<Result<_, _>>().map_err(|_| unwritable(mp4_atom::Error::TooLarge(Stco::KIND)))?;
        Ok((Stsc { entries: runs }, Stco { entries: offsets }))
    }
}

/// The index, with these tables of samples, and those of the sound, if there is any.
fn index(canvas: &Canvas, stbl: Stbl, sound: Option<(&Soundtrack, &Chunks)>, media_at: usize) -> Result<Moov, ContainerError> {
    let mut moov = picture_index(canvas, stbl);
    if let Some((sound, chunks)) = sound {
        let (stsc, stco) = chunks.tables(media_at)?;
        moov.trak.push(sound.trak(moov.mvhd.duration, stsc, stco));
        moov.mvhd.next_track_id += 1;
    }
    Ok(moov)
}

fn picture_index(canvas: &Canvas, stbl: Stbl) -> Moov {
    let timescale = canvas.fps * FRAME_TICKS;
    let duration = u64::from(canvas.frames) * u64::from(FRAME_TICKS);
    let (width, height) = (canvas.width as u16, canvas.height as u16);
    Moov {
        mvhd: Mvhd { timescale, duration, rate: 1.into(), volume: 1.into(), next_track_id: TRACK + 1, ..Mvhd::default() },
        trak: vec![Trak {
            tkhd: Tkhd {
                track_id: TRACK,
                duration,
                enabled: true,
                in_movie: true,
                width: width.into(),
                height: height.into(),
                ..Tkhd::default()
            },
            edts: Some(Edts {
                elst: Some(Elst {
                    entries: vec![ElstEntry {
                        segment_duration: duration,
                        media_time: Some(u64::from(LAG * FRAME_TICKS)),
                        media_rate: 1.into(),
                    }],
                }),
            }),
            mdia: Mdia {
                mdhd: Mdhd { timescale, duration, language: "und".into(), ..Mdhd::default() },
                hdlr: Hdlr { handler: FourCC::new(b"vide"), name: "video".into() },
                minf: Minf { vmhd: Some(Vmhd::default()), dinf: data_reference(), stbl, ..Minf::default() },
            },
            ..Trak::default()
        }],
        ..Moov::default()
    }
}

/// The media is in this file.
fn data_reference() -> Dinf {
    Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } }
}

fn samples(stream: &Stream, canvas: &Canvas, chunks: &Chunks, media_at: usize) -> Result<Stbl, ContainerError> {
    let (stsc, stco) = chunks.tables(media_at)?;
    let count = stream.samples.len() as u32;
    let keys = stream.samples.iter().zip(1u32..).filter(|(sample, _)| sample.key).map(|(_, number)| number);
    let sizes = stream.samples.iter().map(|sample| sample.bytes.len() as u32);
    let mut offsets: Vec<CttsEntry> = Vec::new();
    for (sample, decoded) in stream.samples.iter().zip(0..) {
        let sample_offset = offset(sample, decoded)?;
        match offsets.last_mut() {
            Some(run) if run.sample_offset == sample_offset => run.sample_count += 1,
            _ => offsets.push(CttsEntry { sample_count: 1, sample_offset }),
        }
    }
    Ok(Stbl {
        stsd: description(&stream.sets, canvas)?,
        stts: Stts { entries: vec![SttsEntry { sample_count: count, sample_delta: FRAME_TICKS }] },
        ctts: Some(Ctts { entries: offsets }),
        stss: Some(Stss { entries: keys.collect() }),
        stsc,
        stsz: Stsz { samples: StszSamples::Different { sizes: sizes.collect() } },
        stco: Some(stco),
        ..Stbl::default()
    })
}

/// By how many ticks a sample is shown after it is decoded, [`LAG`] included.
fn offset(sample: &Sample, decoded: u32) -> Result<i64, ContainerError> {
    let frames = (sample.shown + LAG).checked_sub(decoded).ok_or(ContainerError::Lag { most: LAG })?;
    Ok(i64::from(frames) * i64::from(FRAME_TICKS))
}

/// What the samples are.
fn description(sets: &ParameterSets, canvas: &Canvas) -> Result<Stsd, ContainerError> {
    let mut avcc = Avcc::new(&sets.sps, &sets.pps).map_err(unwritable)?;
    // ISO/IEC 14496-15, 5.3.3.1: profiles from High up also say their sample format, which is 4:2:0 in 8 bits.
    avcc.ext = (avcc.avc_profile_indication >= 100).then(AvccExt::default);
    let avc1 = Avc1 {
        visual: Visual { data_reference_index: 1, width: canvas.width as u16, height: canvas.height as u16, ..Visual::default() },
        avcc,
        // ITU-T H.273: 1 is BT.709 in each of the three.
        colr: Some(Colr::Nclx {
            colour_primaries: 1,
            transfer_characteristics: 1,
            matrix_coefficients: 1,
            full_range_flag: false,
        }),
        pasp: Some(Pasp { h_spacing: 1, v_spacing: 1 }),
        ..Avc1::default()
    };
    Ok(Stsd { codecs: vec![Codec::Avc1(avc1)] })
}
