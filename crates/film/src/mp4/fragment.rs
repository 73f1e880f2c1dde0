//! Fragmented files (ISO/IEC 14496-12, 8.8; ISO/IEC 23000-19, CMAF): an index without samples, and fragments that bring
//! their own.

use festoon_spec::Canvas;
use mp4_atom::{
    Encode, FourCC, Ftyp, Header, Mdat, Mehd, Mfhd, Moof, Mvex, Stbl, Tfdt, Tfhd, Traf, Trex, Trun, TrunEntry, TrunSamples,
};

use super::{Atom, ContainerError, FRAME_TICKS, ParameterSets, TRACK, description, index, offset, unwritable};
use crate::h264::Sample;

/// ISO/IEC 14496-12, 8.8.3.1: this sample depends on no other.
const KEY: u32 = 0x0200_0000;
/// It depends on others, and decoding cannot begin with it.
const NO_KEY: u32 = 0x0101_0000;

/// What stands in front of the fragments of a canvas. It names the whole length, so that a player knows it at once.
///
/// # Errors
/// [`ContainerError::Unwritable`] if the parameter sets are none.
pub fn init(sets: &ParameterSets, canvas: &Canvas) -> Result<Vec<u8>, ContainerError> {
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: [b"iso6", b"cmfc", b"avc1", b"mp41"].map(FourCC::new).into(),
    };
    let mut moov = index(canvas, Stbl { stsd: description(sets, canvas)?, ..Stbl::default() });
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
    let media_bytes = samples.iter().map(|sample| sample.bytes.len()).sum();
    let mut head = Vec::new();
    // The index's size does not depend on the offset in it, so it is written twice: to know the offset, and with it.
    let mut data_offset = 0;
    for _ in 0..2 {
        head.clear();
        let moof = Moof {
            // The first frame's number tells the place as well as a count would, and a replaced fragment keeps it.
            mfhd: Mfhd { sequence_number: first + 1 },
            traf: vec![Traf {
                tfhd: Tfhd { track_id: TRACK, default_base_is_moof: true, ..Tfhd::default() },
                tfdt: Some(Tfdt { base_media_decode_time: u64::from(first) * u64::from(FRAME_TICKS) }),
                trun: vec![Trun { data_offset: Some(data_offset), samples: TrunSamples::Explicit(entries.clone()) }],
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
        bytes.extend_from_slice(&sample.bytes);
    }
    Ok(bytes)
}
