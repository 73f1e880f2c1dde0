//! From a bed to packets: AAC beside H.264, Opus in WebM.

use festoon_spec::{SoundCodec, SoundSpec};

use super::{Bed, laying::lay};
use crate::{
    Cancel, Deriver, FilmError,
    derive::not_a,
    jail::Limits,
    mp4::{SOUND_RATE, Soundtrack, sound_packets, sounding_samples},
};

/// Names what is done to a bed before it is encoded, and how it is: a change that moves a byte takes the next number.
const VERSION: &str = "sound/1";

/// Samples that are mixed but not needed: what resampling looks ahead.
const BEYOND: usize = 256;

fn encoder(codec: SoundCodec) -> &'static str {
    match codec {
        SoundCodec::Aac => "aac",
        SoundCodec::Opus => "libopus",
    }
}

/// Of stereo music neither leaves much to be heard.
fn bit_rate(codec: SoundCodec) -> &'static str {
    match codec {
        SoundCodec::Aac => "128k",
        SoundCodec::Opus => "96k",
    }
}

impl Deriver {
    /// Names what makes sound of this codec here; none if nothing does.
    pub fn sound_build(&self, codec: SoundCodec) -> Option<String> {
        let version = self.version_with(encoder(codec))?;
        Some(format!("{VERSION} ffmpeg {version} {}", encoder(codec)))
    }

    /// The bed as `spec` says, which names it and this build.
    ///
    /// # Errors
    /// [`FilmError::Missing`] and [`FilmError::NoEncoder`] if there is nothing to encode with, [`FilmError::Form`] if what comes
    /// out is not what was asked for, [`FilmError::Jail`], [`FilmError::Cancelled`].
    pub fn soundtrack(&self, bed: &Bed, spec: &SoundSpec, cancel: &Cancel) -> Result<Soundtrack, FilmError> {
        self.need(encoder(spec.codec))?;
        let samples = bed.samples().map_err(|error| not_a("sound", error))?;
        let length = sounding_samples(spec.frames, spec.fps);
        let needed = (length * u64::from(samples.rate)).div_ceil(u64::from(SOUND_RATE)) as usize;
        let laid = lay(&samples, &spec.laying, needed + BEYOND);
        let bytes: Vec<u8> = laid.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
        let rate = samples.rate.to_string();
        let exact = format!("aresample={SOUND_RATE}:resampler=swr,apad=whole_len={length},atrim=end_sample={length}");
        // Without the processor's own instructions the bytes are the same on every one; it is a matter of milliseconds.
        #[rustfmt::skip]
        let arguments = [
            "-cpuflags", "0",
            "-f", "f32le", "-ar", &rate, "-ac", "2", "-channel_layout", "stereo", "-i", "pipe:0",
            "-af", &exact, "-c:a", encoder(spec.codec), "-b:a", bit_rate(spec.codec), "-flags:a", "+bitexact",
            "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1",
        ];
        // A second of sound takes a few milliseconds, and far less than its samples.
        let limits = Limits::generous(length / u64::from(SOUND_RATE), 4 << 30, bytes.len() as u64 + (1 << 20));
        let file = self.convert(&arguments, &bytes, limits, cancel)?;
        Ok(Soundtrack::new(spec.codec, length, sound_packets(&file, spec.codec)?)?)
    }
}
