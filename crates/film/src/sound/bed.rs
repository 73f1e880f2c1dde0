//! Beds: recordings that come with a template. WAV, FLAC and Ogg Vorbis, told apart by their bytes, whatever they are called.

use std::{fmt, io::Cursor, sync::Arc};

use festoon_spec::Digest;
use symphonia::core::{
    codecs::audio::AudioDecoderOptions,
    errors::Error,
    formats::{FormatOptions, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

/// Most bytes of a file.
pub const MOST_BED_BYTES: usize = 8 << 20;
/// Most seconds: 66 MB of samples at 48 kHz, while it is laid.
pub const LONGEST_BED: u32 = 180;
/// Samples per second, least and most: telephones and studios.
const RATES: [u32; 2] = [8_000, 96_000];

/// Why a file is not taken as a bed: in words, to follow "the bed cannot be used: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BedError {
    /// Too many bytes.
    #[error("it has {bytes} bytes, at most {MOST_BED_BYTES} are allowed")]
    TooManyBytes {
        /// How many.
        bytes: usize,
    },
    /// Something else.
    #[error("it is neither WAV, FLAC nor Ogg Vorbis")]
    Unknown,
    /// Damaged, or cut off, or of a kind that the decoder does not know.
    #[error("it cannot be read: {said}")]
    Broken {
        /// What the decoder said.
        said: String,
    },
    /// Not one or two channels.
    #[error("it has {channels} channels, one or two are allowed")]
    Channels {
        /// How many.
        channels: usize,
    },
    /// A rate that nothing is recorded in.
    #[error("it has {rate} samples per second, {} to {} are allowed", RATES[0], RATES[1])]
    Rate {
        /// As it says.
        rate: u32,
    },
    /// Too long.
    #[error("it lasts longer than {LONGEST_BED} s")]
    TooLong,
    /// Nothing in it.
    #[error("there is no sound in it")]
    Empty,
    /// Values that are no numbers, or far too large.
    #[error("it has samples that are no sound")]
    NoSound,
}

/// A recording, proved to be one.
#[derive(Clone, PartialEq, Eq)]
pub struct Bed {
    bytes: Arc<[u8]>,
    digest: Digest,
    /// Samples of each channel per second.
    rate: u32,
    /// Samples of each channel.
    length: usize,
    /// The farthest sample from 0, where 1 is the loudest that can be played, in millionths, rounded up.
    peak: u32,
}

impl Bed {
    /// Reads a file through, and keeps its bytes.
    ///
    /// # Errors
    /// [`BedError`], for any bytes whatever.
    pub fn open(bytes: impl Into<Arc<[u8]>>) -> Result<Self, BedError> {
        let bytes = bytes.into();
        let Samples { rate, stereo } = Samples::read(&bytes)?;
        let peak = stereo.iter().flatten().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let peak = (f64::from(peak) * 1e6).ceil() as u32;
        Ok(Self { digest: Digest::of(&bytes), bytes, rate, length: stereo.len(), peak })
    }

    /// blake3 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        self.length as f64 / f64::from(self.rate)
    }

    /// By how many decibels its loudest sample stays below the loudest that can be played; below 0 it is above.
    pub fn headroom(&self) -> f64 {
        -20.0 * libm::log10(f64::from(self.peak.max(1)) / 1e6)
    }

    /// Its samples.
    pub(super) fn samples(&self) -> Result<Samples, BedError> {
        Samples::read(&self.bytes)
    }
}

impl fmt::Debug for Bed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, rate, length, .. } = self;
        f.debug_struct("Bed").field("digest", digest).field("rate", rate).field("length", length).finish_non_exhaustive()
    }
}

/// A recording as samples: left and right; a single channel is both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    /// Pairs per second.
    pub rate: u32,
    pub stereo: Vec<[f32; 2]>,
}

impl Samples {
    fn read(file: &Arc<[u8]>) -> Result<Self, BedError> {
        if file.len() > MOST_BED_BYTES {
            return Err(BedError::TooManyBytes { bytes: file.len() });
        }
        // The library also looks for what it knows behind whatever else a file begins with.
        let known = file.starts_with(b"fLaC") || file.starts_with(b"OggS") || file.starts_with(b"RIFF");
        if !known {
            return Err(BedError::Unknown);
        }
        let broken = |error: Error| BedError::Broken { said: error.to_string() };
        let stream = MediaSourceStream::new(Box::new(Cursor::new(Arc::clone(file))), Default::default());
        let (format, meta) = (FormatOptions::default(), MetadataOptions::default());
        let mut format = symphonia::default::get_probe().probe(&Hint::new(), stream, format, meta).map_err(broken)?;
        let track = format.default_track(TrackType::Audio).ok_or(BedError::Unknown)?;
        let (number, parameters) = (track.id, track.codec_params.as_ref().and_then(|parameters| parameters.audio()));
        let parameters = parameters.ok_or(BedError::Unknown)?;
        let options = AudioDecoderOptions::default();
        let mut decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &options).map_err(broken)?;
        let (mut rate, mut stereo, mut samples) = (0, Vec::new(), Vec::new());
        while let Some(packet) = format.next_packet().map_err(broken)? {
            if packet.track_id != number {
                continue;
            }
            let decoded = decoder.decode(&packet).map_err(broken)?;
            let (channels, said) = (decoded.spec().channels().count(), decoded.spec().rate());
            if !(1..=2).contains(&channels) {
                return Err(BedError::Channels { channels });
            }
            if !(RATES[0]..=RATES[1]).contains(&said) || (rate != 0 && said != rate) {
                return Err(BedError::Rate { rate: said });
            }
            rate = said;
            samples.resize(decoded.samples_interleaved(), 0.0f32);
            decoded.copy_to_slice_interleaved(&mut samples);
            // What festoon makes of it is finite: sums of a few samples, far below what 32 bits hold.
            if samples.iter().any(|sample| !sample.is_finite() || sample.abs() > 64.0) {
                return Err(BedError::NoSound);
            }
            stereo.extend(samples.chunks_exact(channels).map(|pair| [pair[0], pair[channels - 1]]));
            if stereo.len() as u64 > u64::from(rate) * u64::from(LONGEST_BED) {
                return Err(BedError::TooLong);
            }
        }
        if stereo.is_empty() {
            return Err(BedError::Empty);
        }
        Ok(Self { rate, stereo })
    }
}
