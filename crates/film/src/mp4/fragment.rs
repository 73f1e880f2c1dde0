//! Fragmented files (ISO/IEC 14496-12, 8.8; ISO/IEC 23000-19, CMAF): an index without samples, and fragments that bring
//! their own.

use festoon_spec::{Canvas, Media, SoundCodec};
use mp4_atom::{
    Encode, FourCC, Ftyp, Header, Mdat, Mehd, Mfhd, Moof, Moov, Mvex, Stbl, Tfdt, Tfhd, Traf, Trex, Trun, TrunEntry, TrunSamples,
};

use super::{
    Atom, ContainerError, FRAME_TICKS, ParameterSets, TRACK, description, offset, picture_index,
    probe::{FragmentedIndex, Fragments, probe_fragments, probe_init},
    sound::{Soundtrack, sound_trak, sounding_samples, trex},
    unwritable,
};
use crate::h264::Sample;

/// ISO/IEC 14496-12, 8.8.3.1: this sample depends on no other.
pub(super) const KEY: u32 = 0x0200_0000;
/// It depends on others, and decoding cannot begin with it.
const NO_KEY: u32 = 0x0101_0000;

/// What stands in front of the fragments of a canvas. It names the whole length, so that a player knows it at once.
///
/// # Errors
/// [`ContainerError::Unwritable`] if the parameter sets are none.
pub fn init(sets: &ParameterSets, canvas: &Canvas) -> Result<Vec<u8>, ContainerError> {
    write_init(&fragmented_index(sets, canvas)?, &[b"iso6", b"cmfc", b"avc1", b"mp41"])
}

/// What stands in front of the same fragments when others with sound lie between them.
///
/// # Errors
/// As [`probe_init`] says of `init`; [`ContainerError::Unwritable`].
pub fn sounding_init(init: &[u8], codec: SoundCodec) -> Result<Vec<u8>, ContainerError> {
    let FragmentedIndex { media, sets } = probe_init(init)?;
    let Media { width, height, frames, fps, .. } = media;
    let mut moov = fragmented_index(&sets, &Canvas { width, height, frames, fps })?;
    moov.trak.push(sound_trak(codec, moov.mvhd.duration, sounding_samples(frames, fps), None));
    moov.mvhd.next_track_id += 1;
    if let Some(mvex) = &mut moov.mvex {
        mvex.trex.push(trex(codec));
    }
    // CMAF has one track in a file.
    write_init(&moov, &[b"iso6", b"avc1", b"mp41"])
}

/// A silent fragmented file with this sound: its fragments stay as they are.
///
/// # Errors
/// Whatever [`probe_fragments`] says of the file; [`ContainerError::Unwritable`].
pub fn sounding(silent: &[u8], sound: &Soundtrack) -> Result<Vec<u8>, ContainerError> {
    let Fragments { init, fragments, .. } = probe_fragments(silent)?;
    let fps = probe_init(&silent[init.clone()])?.media.fps;
    let beside = sound.beside(fragments.iter().map(|(frames, _)| *frames), fps)?;
    let mut file = sounding_init(&silent[init], sound.codec())?;
    for ((_, place), sound) in fragments.into_iter().zip(beside) {
        file.extend_from_slice(&sound);
        file.extend_from_slice(&silent[place]);
    }
    Ok(file)
}

/// A fragmented file without its sound.
///
/// # Errors
/// Whatever [`probe_fragments`] says of the file.
pub fn silent(file: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let Fragments { init: index, fragments, .. } = probe_fragments(file)?;
    let FragmentedIndex { media, sets } = probe_init(&file[index])?;
    let Media { width, height, frames, fps, .. } = media;
    let mut pictures = init(&sets, &Canvas { width, height, frames, fps })?;
    for (_, place) in fragments {
        pictures.extend_from_slice(&file[place]);
    }
    Ok(pictures)
}

fn fragmented_index(sets: &ParameterSets, canvas: &Canvas) -> Result<Moov, ContainerError> {
    let mut moov = picture_index(canvas, Stbl { stsd: description(sets, canvas)?, ..Stbl::default() });
    moov.mvex = Some(Mvex {
        mehd: Some(Mehd { fragment_duration: u64::from(canvas.frames) * u64::from(FRAME_TICKS) }),
        trex: vec![Trex {
            track_id: TRACK,
            default_sample_description_index: 1,
            default_sample_duration: FRAME_TICKS,
            default_sample_size: 0,
            default_sample_flags: NO_KEY,
        }],
    });
    Ok(moov)
}

fn write_init(moov: &Moov, brands: &[&[u8; 4]]) -> Result<Vec<u8>, ContainerError> {
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: brands.iter().map(|brand| FourCC::new(brand)).collect(),
    };
    let mut bytes = Vec::new();
    ftyp.encode(&mut bytes).map_err(unwritable)?;
    moov.encode(&mut bytes).map_err(unwritable)?;
    Ok(bytes)
}

/// A fragment of samples that are decoded and shown from frame `first` on; their places count from there.
///
/// # Errors
/// [`ContainerError::Unwritable`] if a size does not fit its field, [`ContainerError::Lag`] if they need more.
pub fn fragment(samples: &[Sample], first: u32) -> Result<Vec<u8>, ContainerError> {
    let mut entries = Vec::with_capacity(samples.len());
    for (sample, decoded) in samples.iter().zip(0..) {
        entries.push(TrunEntry {
            size: Some(sample.bytes.len() as u32),
            flags: Some(if sample.key { KEY } else { NO_KEY }),
            cts: Some(offset(sample, decoded)?),
            duration: None,
        });
    }
    // The first frame's number tells the place as well as a count would, and a replaced fragment keeps it.
    let at = u64::from(first) * u64::from(FRAME_TICKS);
    let run = Run { track: TRACK, sequence: first + 1, at, entries };
    run.write(samples.iter().map(|sample| sample.bytes.as_slice()))
}

/// The samples of one track that a fragment holds.
pub(super) struct Run {
    pub track: u32,
    pub sequence: u32,
    /// When the first is decoded, in the track's ticks.
    pub at: u64,
    pub entries: Vec<TrunEntry>,
}

impl Run {
    /// The fragment, with these bytes of its samples.
    pub fn write<'a>(&self, samples: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Vec<u8>, ContainerError> {
        let media_bytes = samples.clone().map(<[u8]>::len).sum();
        let mut head = Vec::new();
        // The index's size does not depend on the offset in it, so it is written twice: to know the offset, and with it.
        let mut data_offset = 0;
        for _ in 0..2 {
            head.clear();
            let moof = Moof {
                mfhd: Mfhd { sequence_number: self.sequence },
                traf: vec![Traf {
                    tfhd: Tfhd { track_id: self.track, default_base_is_moof: true, ..Tfhd::default() },
                    tfdt: Some(Tfdt { base_media_decode_time: self.at }),
                    trun: vec![Trun { data_offset: Some(data_offset), samples: TrunSamples::Explicit(self.entries.clone()) }],
                    ..Traf::default()
                }],
            };
            moof.encode(&mut head).map_err(unwritable)?;
            Header { kind: Mdat::KIND, size: Some(media_bytes) }.encode(&mut head).map_err(unwritable)?;
            data_offset = i32::try_from(head.len()).map_err(|_| unwritable(mp4_atom::Error::TooLarge(Moof::KIND)))?;
        }
        let mut bytes = head;
        bytes.reserve_exact(media_bytes);
        for sample in samples {
            bytes.extend_from_slice(sample);
        }
        Ok(bytes)
    }
}
