//! Unpacks what ffmpeg writes into a pipe, so that it can be packed anew.

use mp4_atom::{Av1c, Decode, Tfhd, Trun, Visual};

use super::{ContainerError, Mp4Box, track, video_track};

/// Flag of a sample that decoding cannot begin with (ISO/IEC 14496-12, 8.8.3.1).
const NO_KEY: u32 = 0x0001_0000;

/// A video track of a codec of the web, in decoding order.
#[derive(Debug, Clone, PartialEq)]
pub struct WebTrack {
    /// The decoder configuration; without one it is VP9.
    pub av1: Option<Av1c>,
    /// One per picture that is shown.
    pub samples: Vec<WebSample>,
}

/// What is decoded for one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSample {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Decoding can begin here.
    pub key: bool,
}

/// Reads a fragmented file with one track of AV1 or VP9.
///
/// # Errors
/// Says what is missing or wrong.
pub fn web_track(file: &[u8]) -> Result<WebTrack, ContainerError> {
    let whole = Mp4Box::whole(file);
    let stbl = video_track(&whole.only(b"moov", "the file")?)?.only(b"minf", "`mdia`")?.only(b"stbl", "`minf`")?;
    // Version, flags and the number of entries.
    let entries = stbl.only(b"stsd", "`stbl`")?.inside(8)?.children()?;
    let [entry] = entries.try_into().map_err(|_| ContainerError::Contradiction("not one sample entry"))?;
    let av1 = match &<[u8; 4]>::from(entry.kind) {
        b"vp09" => None,
        b"av01" => {
            let mut fields = entry.body;
            Visual::decode(&mut fields).map_err(|source| ContainerError::BadBox { kind: entry.kind, source })?;
            let extensions = entry.inside(entry.body.len() - fields.len())?;
            Some(extensions.only(b"av1C", "`av01`")?.read::<Av1c>()?)
        }
        _ => return Err(ContainerError::WebCodec { found: entry.kind.to_string() }),
    };
    let number = track(&whole.only(b"moov", "the file")?, b"vide")?.map_or(0, |(number, _)| number);
    let samples = samples_of(&whole, file, number)?;
    let samples = samples.into_iter().map(|sample| WebSample { bytes: sample.bytes.to_vec(), key: sample.flags & NO_KEY == 0 });
    Ok(WebTrack { av1, samples: samples.collect() })
}

/// A sample of a fragment.
pub struct Packed<'a> {
    /// Its bytes, of which there are some.
    pub bytes: &'a [u8],
    /// ISO/IEC 14496-12, 8.8.3.1.
    pub flags: u32,
}

/// The samples of a track that the fragments in `whole`, which is `file`, hold.
///
/// # Errors
/// Says what is missing or wrong.
pub fn samples_of<'a>(whole: &Mp4Box<'a>, file: &'a [u8], number: u32) -> Result<Vec<Packed<'a>>, ContainerError> {
    let mut samples = Vec::new();
    for moof in whole.all(b"moof")? {
        let traf = moof.only(b"traf", "`moof`")?;
        let usual = traf.only(b"tfhd", "`traf`")?.read::<Tfhd>()?;
        if usual.track_id != number {
            continue;
        }
        for run in traf.all(b"trun")? {
            let run = run.read::<Trun>()?;
            let offset = run.data_offset.and_then(|offset| usize::try_from(offset).ok());
            let mut from = offset.ok_or(ContainerError::Contradiction("a fragment counts from somewhere else"))? + moof.at;
            for sample in run.samples.iter() {
                let size = sample.size.or(usual.default_sample_size).unwrap_or(0) as usize;
                let to = from.saturating_add(size);
                let missing = ContainerError::NoMedia { from: from as u64, to: to as u64, length: file.len() };
                let bytes = file.get(from..to).filter(|bytes| !bytes.is_empty()).ok_or(missing)?;
                samples.push(Packed { bytes, flags: sample.flags.or(usual.default_sample_flags).unwrap_or(0) });
                from = to;
            }
        }
    }
    Ok(samples)
}
