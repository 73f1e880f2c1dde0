//! A video for the web: AV1, or VP9, in WebM.
//!
//! The program cannot write this format whole into a pipe: the length and the table of keys, without which players do not
//! seek, are known at the end only. So it writes fragments, and the file is written here.

use festoon_spec::{Canvas, Media};

use super::{CLIP, Derived, Deriver, ebml, limits, not_a};
use crate::{
    Cancel, FilmError,
    mp4::{Soundtrack, WebTrack, web_track},
};

/// SVT-AV1 takes no smaller pictures.
const AV1_SHORTEST_SIDE: u32 = 64;

/// What videos for the web are encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// AV1 by SVT-AV1.
    Av1,
    /// VP9 by libvpx.
    Vp9,
}

impl Codec {
    /// The best one that is there.
    pub fn of(deriver: &Deriver) -> Option<Self> {
        [Codec::Av1, Codec::Vp9].into_iter().find(|codec| deriver.need(codec.encoder()).is_ok())
    }

    /// The best one that is there and takes pictures of this size.
    fn for_canvas(deriver: &Deriver, canvas: &Canvas) -> Option<Self> {
        match Self::of(deriver)? {
            Codec::Av1 if canvas.width.min(canvas.height) < AV1_SHORTEST_SIDE => Some(Codec::Vp9),
            codec => Some(codec),
        }
    }

    /// By the program's name.
    pub fn encoder(self) -> &'static str {
        match self {
            Codec::Av1 => "libsvtav1",
            Codec::Vp9 => "libvpx-vp9",
        }
    }

    /// Of AV1 the fastest preset but one: of the templates' smooth motion graphics 10 takes twice the time and as many bytes for
    /// the same SSIM. Somebody waits.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Codec::Av1 => &["-c:v", "libsvtav1", "-preset", "12", "-crf", "35", "-svtav1-params", "lp=1"],
            Codec::Vp9 => &[
                "-c:v",
                "libvpx-vp9",
                "-deadline",
                "realtime",
                "-cpu-used",
                "6",
                "-crf",
                "34",
                "-b:v",
                "0",
                "-row-mt",
                "0",
                "-threads",
                "1",
            ],
        }
    }
}

impl Deriver {
    /// The silent clip as WebM, with this sound beside the pictures.
    ///
    /// # Errors
    /// [`FilmError::NoEncoder`] if the program has none for the web, [`FilmError::Form`] if it makes another number of
    /// pictures or the sound is not Opus, [`FilmError::Jail`], [`FilmError::Cancelled`].
    pub fn webm(&self, clip: &[u8], canvas: &Canvas, sound: Option<&Soundtrack>, cancel: &Cancel) -> Result<Derived, FilmError> {
        let codec = Codec::for_canvas(self, canvas).unwrap_or(Codec::Av1);
        self.need(codec.encoder())?;
        // Two seconds from key to key, to seek by.
        let group = (2 * canvas.fps).to_string();
        let color = ["-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"];
        let file = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1"];
        let output = ["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-g", &group];
        let arguments = [&CLIP[..], &output, codec.arguments(), &color, &file].concat();
        let video = self.convert(&arguments, clip, limits(canvas), cancel)?;
        let track = web_track(&video)?;
        if track.samples.len() != canvas.frames as usize || !track.samples.first().is_some_and(|first| first.key) {
            return Err(not_a("WebM", format!("{} pictures went in, {} came out", canvas.frames, track.samples.len())));
        }
        let Canvas { width, height, frames, fps } = *canvas;
        let media = Media { width, height, frames, fps, codec: name(&track) };
        Ok(Derived { bytes: ebml::write(&track, canvas, sound)?, media })
    }
}

/// RFC 6381, as the codecs' bindings to ISO files say it.
fn name(track: &WebTrack) -> String {
    match &track.av1 {
        Some(av1) => {
            let tier = if av1.seq_tier_0 { 'H' } else { 'M' };
            format!("av01.{}.{:02}{tier}.08", av1.seq_profile, av1.seq_level_idx_0)
        }
        None => "vp9".into(),
    }
}
