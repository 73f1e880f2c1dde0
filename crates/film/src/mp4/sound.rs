//! Sound beside the pictures: a track of its own, in fragments of its own between those of the pictures, which stay as they are.
//!
//! Encoders put some samples in front of the first that sounds; an edit list starts the presentation behind them, with the
//! first picture, and ends it with the last.

use std::ops::Range;

use bytes::Bytes;
use festoon_spec::{FrameRange, SoundCodec};
use mp4_atom::{
    Audio, Codec, Decode as _, Dops, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Mehd, Minf, Moov, Mp4a, Mvex,
    Mvhd, Opus, Smhd, Stbl, Stco, Stsc, Stsd, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak, Trex, TrunEntry,
    esds::{DecoderConfig, DecoderSpecific, EsDescriptor, Esds, SLConfig},
};

use super::{
    ContainerError, data_reference,
    fragment::{KEY, Run},
    probe::{Mp4Box, samples_of, track},
    unwritable,
};

/// Samples per second of every soundtrack.
pub const SOUND_RATE: u32 = 48_000;
/// The track beside that of the pictures.
pub(super) const SOUND_TRACK: u32 = 2;
/// Left and right.
const CHANNELS: u8 = 2;
/// ISO/IEC 14496-3, 1.6.2.1: AAC-LC, 48 kHz, two channels; then, that there is no band replication to look for.
const AUDIO_SPECIFIC: [u8; 5] = [0x11, 0x90, 0x56, 0xe5, 0x00];
/// ISO/IEC 14496-1, 7.2.6.6: audio of ISO/IEC 14496-3, in an audio stream.
const AAC_OBJECT: (u8, u8) = (0x40, 0x05);

/// Samples in front of the first that sounds.
pub(crate) const fn priming(codec: SoundCodec) -> u32 {
    match codec {
        // One packet, whose other half the first one needs.
        SoundCodec::Aac => 1024,
        // What libopus looks ahead at this rate.
        SoundCodec::Opus => 312,
    }
}

/// Samples of a packet.
pub(crate) const fn packet(codec: SoundCodec) -> u32 {
    match codec {
        SoundCodec::Aac => 1024,
        // 20 ms.
        SoundCodec::Opus => 960,
    }
}

/// Samples that sound under so many frames.
pub fn sounding_samples(frames: u32, fps: u32) -> u64 {
    (u64::from(frames) * u64::from(SOUND_RATE) + u64::from(fps) / 2) / u64::from(fps)
}

/// Encoded sound of a certain length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soundtrack {
    codec: SoundCodec,
    length: u64,
    packets: Vec<Vec<u8>>,
}

/// A soundtrack's own file, and where its parts lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundFile {
    /// What it holds.
    pub soundtrack: Soundtrack,
    /// What is in front of the fragments.
    pub init: Range<usize>,
    /// Each with the samples that sound in it, in order.
    pub fragments: Vec<(Range<u64>, Range<usize>)>,
}

impl Soundtrack {
    /// Of so many samples that sound. Packets behind the last that is needed are left out.
    ///
    /// # Errors
    /// [`ContainerError::Contradiction`] if there are too few.
    pub fn new(codec: SoundCodec, length: u64, mut packets: Vec<Vec<u8>>) -> Result<Self, ContainerError> {
        let needed = (length + u64::from(priming(codec))).div_ceil(u64::from(packet(codec))) as usize;
        if length == 0 || packets.len() < needed {
            return Err(ContainerError::Contradiction("there is less sound than the index says"));
        }
        packets.truncate(needed);
        Ok(Self { codec, length, packets })
    }

    /// How it is encoded.
    pub fn codec(&self) -> SoundCodec {
        self.codec
    }

    /// Samples that sound.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is decoded, one behind the other.
    pub fn packets(&self) -> &[Vec<u8>] {
        &self.packets
    }

    /// How many packets begin to sound before the end of this frame.
    pub(crate) fn packets_before(&self, frame: u32, fps: u32) -> usize {
        let samples = sounding_samples(frame, fps);
        if samples >= self.length {
            return self.packets.len();
        }
        let packets = (samples + u64::from(priming(self.codec))).div_ceil(u64::from(packet(self.codec)));
        (packets as usize).min(self.packets.len())
    }

    /// Samples of a packet that count: of the last one what is left.
    fn duration(&self, place: usize) -> u32 {
        let all = self.length + u64::from(priming(self.codec));
        let before = place as u64 * u64::from(packet(self.codec));
        all.saturating_sub(before).min(packet(self.codec).into()) as u32
    }

    /// A file of its own: fragments that last a second or less.
    ///
    /// # Errors
    /// [`ContainerError::Unwritable`] if a size does not fit its field.
    pub fn file(&self) -> Result<Vec<u8>, ContainerError> {
        let ftyp = Ftyp {
            major_brand: FourCC::new(b"iso6"),
            minor_version: 0,
            compatible_brands: [b"iso6", b"cmfc", b"mp41"].map(FourCC::new).into(),
        };
        let moov = Moov {
            mvhd: Mvhd {
                timescale: SOUND_RATE,
                duration: self.length,
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: SOUND_TRACK + 1,
                ..Mvhd::default()
            },
            trak: vec![sound_trak(self.codec, self.length, self.length, None)],
            mvex: Some(Mvex { mehd: Some(Mehd { fragment_duration: self.length }), trex: vec![trex(self.codec)] }),
            ..Moov::default()
        };
        let mut file = Vec::new();
        ftyp.encode(&mut file).map_err(unwritable)?;
        moov.encode(&mut file).map_err(unwritable)?;
        let group = (SOUND_RATE / packet(self.codec)) as usize;
        for first in (0..self.packets.len()).step_by(group) {
            file.extend(self.fragment(first..self.packets.len().min(first + group), first as u32 + 1)?);
        }
        Ok(file)
    }

    /// The sound beside segments that hold these frames, for each a fragment that goes in front of it; nothing beside one that is
    /// over before a packet begins.
    ///
    /// # Errors
    /// [`ContainerError::Unwritable`] if a size does not fit its field.
    pub fn beside(&self, segments: impl IntoIterator<Item = FrameRange>, fps: u32) -> Result<Vec<Bytes>, ContainerError> {
        let mut first = 0;
        let beside = segments.into_iter().map(|frames| {
            let packets = first..self.packets_before(frames.end, fps);
            first = packets.end;
            // Fragments of pictures have the number of their first frame, and one more: this is above that of the one in front.
            if packets.is_empty() { Ok(Bytes::new()) } else { self.fragment(packets, frames.start).map(Bytes::from) }
        });
        beside.collect()
    }

    /// Its track in a progressive file whose film lasts so many ticks.
    pub(super) fn trak(&self, duration: u64, stsc: Stsc, stco: Stco) -> Trak {
        let (all, last) = (self.packets.len() as u32, self.duration(self.packets.len() - 1));
        let mut times = vec![SttsEntry { sample_count: all - 1, sample_delta: packet(self.codec) }];
        times.push(SttsEntry { sample_count: 1, sample_delta: last });
        times.retain(|run| run.sample_count > 0);
        let tables = Stbl {
            stts: Stts { entries: times },
            stsc,
            stsz: Stsz {
                samples: StszSamples::Different { sizes: self.packets.iter().map(|packet| packet.len() as u32).collect() },
            },
            stco: Some(stco),
            ..Stbl::default()
        };
        sound_trak(self.codec, duration, self.length, Some(tables))
    }

    fn fragment(&self, packets: Range<usize>, sequence: u32) -> Result<Vec<u8>, ContainerError> {
        let ends = packets.end == self.packets.len();
        let entry = |place: usize| TrunEntry {
            size: Some(self.packets[place].len() as u32),
            flags: None,
            cts: None,
            duration: ends.then(|| self.duration(place)),
        };
        let run = Run {
            track: SOUND_TRACK,
            sequence,
            at: packets.start as u64 * u64::from(packet(self.codec)),
            entries: packets.clone().map(entry).collect(),
        };
        run.write(self.packets[packets].iter().map(Vec::as_slice))
    }

    /// Reads the sound of a file in fragments; none if it is silent.
    ///
    /// # Errors
    /// Says what is missing or wrong, for any bytes whatever; it never panics.
    pub fn read(file: &[u8]) -> Result<Option<Self>, ContainerError> {
        let whole = Mp4Box::whole(file);
        let moov = whole.only(b"moov", "the file")?;
        let Some((number, trak)) = track(&moov, b"soun")? else { return Ok(None) };
        let movie = moov.only(b"mvhd", "`moov`")?.read::<Mvhd>()?;
        let edits = trak.only(b"edts", "`trak`")?.only(b"elst", "`edts`")?.read::<Elst>()?.entries;
        let [ElstEntry { segment_duration, .. }] = edits.as_slice() else {
            return Err(ContainerError::Contradiction("the sound is cut into pieces"));
        };
        let length = (u128::from(*segment_duration) * u128::from(SOUND_RATE) + u128::from(movie.timescale) / 2)
            .checked_div(movie.timescale.into());
        let length = length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let codec = sound_codec(&trak)?;
        let packets = samples_of(&whole, file, number)?.into_iter().map(|sample| sample.bytes.to_vec());
        Self::new(codec, length, packets.collect()).map(Some)
    }
}

impl SoundFile {
    /// Reads a soundtrack's own file.
    ///
    /// # Errors
    /// Says what is missing or wrong, for any bytes whatever; it never panics.
    pub fn read(file: &[u8]) -> Result<Self, ContainerError> {
        let soundtrack = Soundtrack::read(file)?.ok_or(ContainerError::Contradiction("there is no sound"))?;
        let boxes = Mp4Box::whole(file).children()?;
        let first = boxes.iter().position(|child| child.kind == FourCC::new(b"moof")).unwrap_or(boxes.len());
        let init = 0..boxes.get(first).map_or(file.len(), |first| first.at);
        let (packet, priming) = (u64::from(packet(soundtrack.codec)), u64::from(priming(soundtrack.codec)));
        let mut behind = 0;
        let mut fragments = Vec::new();
        for pair in boxes[first..].chunks(2) {
            let [moof, mdat] = pair else { return Err(ContainerError::Contradiction("a fragment is not two boxes")) };
            let place = moof.at..mdat.body_at + mdat.body.len();
            let count = samples_of(&Mp4Box::whole(&file[place.clone()]), &file[place.clone()], SOUND_TRACK)?.len() as u64;
            let sounds = |packets: u64| (packets * packet).saturating_sub(priming).min(soundtrack.length);
            fragments.push((sounds(behind)..sounds(behind + count), place));
            behind += count;
        }
        Ok(Self { soundtrack, init, fragments })
    }
}

/// Which codec a track has that was written here or by ffmpeg for festoon.
fn sound_codec(trak: &Mp4Box<'_>) -> Result<SoundCodec, ContainerError> {
    let stbl = trak.only(b"mdia", "`trak`")?.only(b"minf", "`mdia`")?.only(b"stbl", "`minf`")?;
    // Version, flags and the number of entries.
    let entries = stbl.only(b"stsd", "`stbl`")?.inside(8)?.children()?;
    let [entry] = entries.try_into().map_err(|_| ContainerError::Contradiction("not one sample entry"))?;
    let mut fields = entry.body;
    Audio::decode(&mut fields).map_err(|source| ContainerError::BadBox { kind: entry.kind, source })?;
    let extensions = entry.inside(entry.body.len() - fields.len())?;
    match &<[u8; 4]>::from(entry.kind) {
        b"mp4a" => {
            let found = extensions.only(b"esds", "`mp4a`")?.read::<Esds>()?.es_desc.dec_config.dec_specific;
            if !found.is_some_and(|found| found.raw.starts_with(&AUDIO_SPECIFIC[..2])) {
                return Err(ContainerError::Contradiction("the sound is not AAC-LC with two channels at 48 kHz"));
            }
            Ok(SoundCodec::Aac)
        }
        b"Opus" => {
            let Dops { output_channel_count, pre_skip, .. } = extensions.only(b"dOps", "`Opus`")?.read::<Dops>()?;
            if output_channel_count != CHANNELS || u32::from(pre_skip) != priming(SoundCodec::Opus) {
                return Err(ContainerError::Contradiction("the sound is not Opus with two channels as libopus makes it"));
            }
            Ok(SoundCodec::Opus)
        }
        _ => Err(ContainerError::SoundCodec { found: entry.kind.to_string() }),
    }
}

/// Unpacks what ffmpeg writes into a pipe.
///
/// # Errors
/// Says what is missing or wrong.
pub(crate) fn sound_packets(file: &[u8], codec: SoundCodec) -> Result<Vec<Vec<u8>>, ContainerError> {
    let whole = Mp4Box::whole(file);
    let sound = track(&whole.only(b"moov", "the file")?, b"soun")?;
    let (number, trak) = sound.ok_or(ContainerError::Contradiction("there is no sound"))?;
    if sound_codec(&trak)? != codec {
        return Err(ContainerError::Contradiction("the sound is of another codec than was asked for"));
    }
    Ok(samples_of(&whole, file, number)?.into_iter().map(|sample| sample.bytes.to_vec()).collect())
}

/// The track in the index of a film that lasts so many ticks of its own, of which so many samples sound; without tables of
/// samples where fragments bring their own.
pub(super) fn sound_trak(codec: SoundCodec, duration: u64, length: u64, tables: Option<Stbl>) -> Trak {
    let media = length + u64::from(priming(codec));
    Trak {
        tkhd: Tkhd { track_id: SOUND_TRACK, duration, enabled: true, in_movie: true, volume: 1.into(), ..Tkhd::default() },
        edts: Some(Edts {
            elst: Some(Elst {
                entries: vec![ElstEntry {
                    segment_duration: duration,
                    media_time: Some(priming(codec).into()),
                    media_rate: 1.into(),
                }],
            }),
        }),
        mdia: Mdia {
            mdhd: Mdhd { timescale: SOUND_RATE, duration: media, language: "und".into(), ..Mdhd::default() },
            hdlr: Hdlr { handler: FourCC::new(b"soun"), name: "sound".into() },
            minf: Minf {
                smhd: Some(Smhd::default()),
                dinf: data_reference(),
                stbl: Stbl { stsd: description(codec), ..tables.unwrap_or_default() },
                ..Minf::default()
            },
        },
        ..Trak::default()
    }
}

/// What fragments of the track leave unsaid.
pub(super) fn trex(codec: SoundCodec) -> Trex {
    Trex {
        track_id: SOUND_TRACK,
        default_sample_description_index: 1,
        default_sample_duration: packet(codec),
        default_sample_size: 0,
        default_sample_flags: KEY,
    }
}

fn description(codec: SoundCodec) -> Stsd {
    let audio = Audio {
        data_reference_index: 1,
        channel_count: CHANNELS.into(),
        sample_size: 16,
        sample_rate: (SOUND_RATE as u16).into(),
    };
    Stsd {
        codecs: vec![match codec {
            SoundCodec::Aac => {
                let (object_type_indication, stream_type) = AAC_OBJECT;
                let specific = DecoderSpecific { profile: 2, freq_index: 3, chan_conf: CHANNELS, raw: AUDIO_SPECIFIC.into() };
                let es_desc = EsDescriptor {
                    es_id: SOUND_TRACK as u16,
                    dec_config: DecoderConfig {
                        object_type_indication,
                        stream_type,
                        dec_specific: Some(specific),
                        ..DecoderConfig::default()
                    },
                    sl_config: SLConfig::default(),
                    ..EsDescriptor::default()
                };
                Codec::Mp4a(Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None })
            }
            SoundCodec::Opus => Codec::Opus(Opus {
                audio,
                dops: Dops {
                    output_channel_count: CHANNELS,
                    pre_skip: priming(codec) as u16,
                    input_sample_rate: SOUND_RATE,
                    output_gain: 0,
                    channel_mapping: None,
                },
                btrt: None,
            }),
        }],
    }
}
