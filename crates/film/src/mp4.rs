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

use festoon_spec::{Canvas, Media};
use mp4_atom::{
    Atom, Avc1, Avcc, AvccExt, Codec, Colr, Ctts, CttsEntry, Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp,
    Hdlr, Header, Mdat, Mdhd, Mdia, Minf, Moov, Mvhd, Pasp, Stbl, Stco, Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts,
    SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use crate::h264::{ParameterSets, Sample, Stream};

pub use fragment::{fragment, init};
pub use probe::{
    ContainerError, FragmentedIndex, Fragments, fragment_samples, probe, probe_fragment, probe_fragments, probe_init,
};
pub(crate) use probe::{Opened, WebTrack, open, web_track};

/// Ticks of a frame: a fine grid in which two rates, and later an audio track, have common multiples.
const FRAME_TICKS: u32 = 512;

/// By how many frames showing lags behind decoding: as much as two B-frames of which one is referred to need. The same for
/// all, also for streams that need less.
const LAG: u32 = 2;

/// The one track.
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
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"isom"),
        minor_version: 512,
        compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new).into(),
    };
    let media_bytes = stream.samples.iter().map(|sample| sample.bytes.len()).sum();
    let mut head = Vec::new();
    ftyp.encode(&mut head).map_err(unwritable)?;
    let index_at = head.len();
    // The index's size does not depend on the offset in it, so it is written twice: to know the offset, and with it.
    let mut media_at = 0;
    for _ in 0..2 {
        head.truncate(index_at);
        index(canvas, samples(stream, canvas, media_at)?).encode(&mut head).map_err(unwritable)?;
        Header { kind: Mdat::KIND, size: Some(media_bytes) }.encode(&mut head).map_err(unwritable)?;
        // In front of the media stands the index only, so its offset always fits.
        media_at = u32::try_from(head.len()).map_err(|_| unwritable(mp4_atom::Error::TooLarge(Moov::KIND)))?;
    }
    let mut file = head;
    file.reserve_exact(media_bytes);
    for sample in &stream.samples {
        file.extend_from_slice(&sample.bytes);
    }
    Ok(file)
}

/// The same pictures as a fragmented file holds, as a progressive one: no byte of a picture changes.
///
/// # Errors
/// Whatever [`probe_fragments`] says of the file.
pub fn progressive(fragmented: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let Fragments { init, fragments } = probe_fragments(fragmented)?;
    let FragmentedIndex { media, sets } = probe_init(&fragmented[init])?;
    let mut samples = Vec::with_capacity(media.frames as usize);
    for (frames, place) in fragments {
        samples.extend(fragment_samples(&fragmented[place], frames)?.into_iter().map(|mut sample| {
            sample.shown += frames.start;
            sample
        }));
    }
    let Media { width, height, frames, fps, .. } = media;
    mux(&Stream { sets, samples }, &Canvas { width, height, frames, fps })
}

/// The index, with these tables of samples.
fn index(canvas: &Canvas, stbl: Stbl) -> Moov {
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
                minf: Minf {
                    vmhd: Some(Vmhd::default()),
                    dinf: Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } },
                    stbl,
                    ..Minf::default()
                },
            },
            ..Trak::default()
        }],
        ..Moov::default()
    }
}

fn samples(stream: &Stream, canvas: &Canvas, media_at: u32) -> Result<Stbl, ContainerError> {
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
        stsc: Stsc { entries: vec![StscEntry { first_chunk: 1, samples_per_chunk: count, sample_description_index: 1 }] },
        stsz: Stsz { samples: StszSamples::Different { sizes: sizes.collect() } },
        stco: Some(Stco { entries: vec![media_at] }),
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
