//! Other forms of a clip, for where a video of full size is not what is wanted: a picture, a sheet of small pictures, a small
//! animation, a smaller video, a video of another codec, a file to be saved, a list of segments, a track of text.
//!
//! What is decoded or encoded for them is so by the `ffmpeg` program in a [jail](crate::jail), or by the [`Encoder`] of the
//! clips, on one thread each; files are written here. The same clip gives the same bytes wherever the
//! [build](Deriver::build) is the same.

mod avif;
mod captions;
mod ebml;
mod hls;
mod preview;
mod small;
mod still;
mod storyboard;
mod webm;
mod webvtt;

use std::{collections::HashSet, ffi::OsString, sync::OnceLock};

use festoon_spec::{Canvas, Media};

use crate::{
    BoxError, Cancel, Ffmpeg, FilmError,
    jail::{Jail, Limits},
    program::listed,
};

pub use captions::captions;
pub use hls::{Addressed, Rendition, SoundRendition, Variant, master_playlist, media_playlist, sound_playlist};
pub use small::{SHORTER_SIDE, SmallPlate, small_canvas};
pub use still::jpeg;
pub use storyboard::Storyboard;

/// Names what is done here besides encoding: a change that moves a byte of a form takes the next number.
const VERSION: &str = "derive/1";

/// Makes other forms of clips.
#[derive(Debug, Clone)]
pub struct Deriver {
    /// Or where it was looked for; then there are only the forms that need no program.
    ffmpeg: Result<Ffmpeg, String>,
    /// The encoders that this build of it has.
    encoders: HashSet<String>,
    build: String,
}

impl Deriver {
    /// With the `ffmpeg` program of this machine, if there is one; it is asked once for what it has.
    ///
    /// # Errors
    /// [`FilmError::Version`] and [`FilmError::Jail`] if there is a program that does not answer.
    pub fn find() -> Result<Self, FilmError> {
        static FOUND: OnceLock<Deriver> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let found = match Ffmpeg::find() {
            Ok(ffmpeg) => Self::with(ffmpeg)?,
            Err(FilmError::Missing { looked, .. }) => {
                Self { ffmpeg: Err(looked), encoders: HashSet::new(), build: VERSION.to_owned() }
            }
            Err(error) => return Err(error),
        };
        Ok(FOUND.get_or_init(|| found).clone())
    }

    fn with(ffmpeg: Ffmpeg) -> Result<Self, FilmError> {
        let encoders: HashSet<String> = listed(ffmpeg.program(), "-encoders")?.into_iter().collect();
        let build = format!("{VERSION} ffmpeg {}", ffmpeg.version());
        let mut deriver = Self { ffmpeg: Ok(ffmpeg), encoders, build };
        let web = webm::Codec::of(&deriver).map_or("without one for the web", webm::Codec::encoder);
        deriver.build = format!("{} {web}", deriver.build);
        Ok(deriver)
    }

    /// Names this version, the program's and what it encodes videos for the web with: part of the key of every form.
    pub fn build(&self) -> &str {
        &self.build
    }

    /// The program's version, if it has this encoder.
    pub(crate) fn version_with(&self, encoder: &str) -> Option<&str> {
        self.ffmpeg.as_ref().ok().filter(|_| self.encoders.contains(encoder)).map(Ffmpeg::version)
    }

    pub(crate) fn need(&self, encoder: &'static str) -> Result<(), FilmError> {
        if self.encoders.contains(encoder) {
            return Ok(());
        }
        Err(FilmError::NoEncoder { encoder, version: self.ffmpeg()?.version().to_owned() })
    }

    fn ffmpeg(&self) -> Result<&Ffmpeg, FilmError> {
        self.ffmpeg.as_ref().map_err(|looked| FilmError::Missing { program: "ffmpeg", looked: looked.clone() })
    }

    /// Pipes bytes through the program, and gives what it writes.
    pub(crate) fn convert(
        &self,
        arguments: &[&str],
        input: &[u8],
        limits: Limits,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, FilmError> {
        #[rustfmt::skip]
        let common = [
            "-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "pipe",
            "-filter_threads", "1", "-fflags", "+bitexact", "-threads", "1",
        ];
        let args = common.iter().chain(arguments).map(OsString::from).collect();
        let jail = Jail { program: self.ffmpeg()?.program().to_owned(), args, limits };
        jail.output(cancel, &mut &*input)
    }
}

/// A form of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// The file.
    pub bytes: Vec<u8>,
    /// What is in it; of a picture the codec is the format's name.
    pub media: Media,
}

impl Derived {
    fn picture(bytes: Vec<u8>, (width, height): (u32, u32), format: &str) -> Self {
        Self { bytes, media: Media { width, height, frames: 1, fps: 1, codec: format.to_owned() } }
    }
}

/// How the program is told to read a clip.
const CLIP: [&str; 8] = ["-format_whitelist", "mov", "-codec_whitelist", "h264", "-f", "mov", "-i", "pipe:0"];

/// Far more than the slowest machine needs to encode this canvas.
fn limits(canvas: &Canvas) -> Limits {
    let frame = u64::from(canvas.width) * u64::from(canvas.height) * 3 / 2;
    let raw = frame * u64::from(canvas.frames);
    // AV1 at preset 10 takes 20 to 40 ms for a frame of 720p (1.4 MB), a still picture three times that.
    let seconds = raw / 691_200;
    // An encoder of AV1 holds some 100 frames with their pyramids, and a stack for each of its threads. Nothing grows by being
    // compressed, headers aside.
    Limits::generous(seconds, (6 << 30) + 1000 * frame, 2 * raw + (1 << 20))
}

/// Ends a form whose bytes are not what was asked for.
pub(crate) fn not_a(form: &'static str, source: impl Into<BoxError>) -> FilmError {
    FilmError::Form { form, source: source.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use festoon_spec::Still;

    use super::*;
    use crate::{Expectation, Picture, X264, encode_plate};

    #[test]
    fn a_form_that_the_program_has_no_encoder_for_is_refused_by_name() {
        let poor = Deriver { encoders: HashSet::new(), ..Deriver::find().unwrap() };
        let canvas = Canvas { width: 64, height: 36, frames: 2, fps: 12 };
        let picture = Picture::new(&canvas).unwrap();
        let cancel = Cancel::default();
        let told = |error: FilmError| {
            assert!(error.hint().unwrap().starts_with("install another build of ffmpeg"));
            error.to_string().split('`').nth(1).unwrap().to_owned()
        };
        assert_eq!(told(poor.webm(b"", &canvas, None, &cancel).unwrap_err()), "libsvtav1");
        assert_eq!(told(poor.preview(b"", &canvas, &cancel).unwrap_err()), "libwebp_anim");
        assert_eq!(told(poor.still(&picture, Still::Webp, &cancel).unwrap_err()), "libwebp");
        assert_eq!(told(poor.still(&picture, Still::Avif, &cancel).unwrap_err()), "libaom-av1");
        assert!(poor.still(&picture, Still::Jpeg, &cancel).is_ok(), "it needs no program");
    }

    #[test]
    fn without_the_program_there_is_what_needs_none() {
        let alone = Deriver { ffmpeg: Err("nowhere".into()), encoders: HashSet::new(), build: VERSION.into() };
        let canvas = Canvas { width: 64, height: 36, frames: 2, fps: 12 };
        let error = alone.webm(b"", &canvas, None, &Cancel::default()).unwrap_err();
        assert_eq!(error.to_string(), "ffmpeg is not installed: looked in nowhere");
        assert!(alone.still(&Picture::new(&canvas).unwrap(), Still::Jpeg, &Cancel::default()).is_ok());
    }

    #[test]
    fn without_av1_there_is_vp9() {
        let found = Deriver::find().unwrap();
        let only = |name: &str| Deriver { encoders: [name.to_owned()].into(), ..found.clone() };
        assert_eq!(webm::Codec::of(&only("libvpx-vp9")).unwrap().encoder(), "libvpx-vp9");
        assert_eq!(webm::Codec::of(&only("libsvtav1")).unwrap().encoder(), "libsvtav1");
        assert_eq!(webm::Codec::of(&only("libx264")), None);
    }

    #[test]
    fn pictures_too_small_for_av1_are_vp9() {
        let canvas = Canvas { width: 64, height: 36, frames: 5, fps: 12 };
        let mut paint = |index: u32, rgb: &mut [u8]| {
            rgb.fill(index as u8 * 50);
            Ok(())
        };
        let (x264, cancel) = (X264::find().unwrap(), Cancel::default());
        let plate = encode_plate(&x264, &canvas, &[], Expectation::default(), &mut paint, &cancel).unwrap();
        let made = Deriver::find().unwrap().webm(&plate.mp4, &canvas, None, &cancel).unwrap();
        assert_eq!((made.media.codec.as_str(), made.media.frames), ("vp9", 5));
        assert_eq!(made.bytes.windows(5).filter(|window| window == b"V_VP9").count(), 1);
    }
}
