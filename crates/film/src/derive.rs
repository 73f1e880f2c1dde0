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

use std::{collections::HashSet, ffi::OsString, time::Duration};

use festoon_spec::Canvas;

use crate::{
    BoxError, Cancel, Ffmpeg, FilmError,
    decoder::feed,
    jail::{Jail, Limits},
    program::listed,
};

pub use captions::captions;
pub use hls::{Addressed, Rendition, Variant, master_playlist, media_playlist};
pub use small::{SHORTER_SIDE, SmallPlate, small_canvas};
pub use storyboard::Storyboard;

/// Names what is done here besides encoding: a change that moves a byte of a form takes the next number.
const VERSION: &str = "derive/1";

/// Makes other forms of clips.
#[derive(Debug, Clone)]
pub struct Deriver {
    ffmpeg: Ffmpeg,
    /// The encoders that this build of it has.
    encoders: HashSet<String>,
    build: String,
}

impl Deriver {
    /// With the `ffmpeg` program of this machine.
    ///
    /// # Errors
    /// As [`Ffmpeg::find`].
    pub fn find() -> Result<Self, FilmError> {
        let ffmpeg = Ffmpeg::find()?;
        let encoders: HashSet<String> = listed(ffmpeg.program(), "-encoders")?.into_iter().collect();
        let mut deriver = Self { ffmpeg, encoders, build: String::new() };
        let web = webm::Codec::of(&deriver).map_or("without one for the web", webm::Codec::encoder);
        deriver.build = format!("{VERSION} ffmpeg {} {web}", deriver.ffmpeg.version());
        Ok(deriver)
    }

    /// Names this version, the program's and what it encodes videos for the web with: part of the key of every form.
    pub fn build(&self) -> &str {
        &self.build
    }

    fn need(&self, encoder: &'static str) -> Result<(), FilmError> {
        if self.encoders.contains(encoder) {
            return Ok(());
        }
        Err(FilmError::NoEncoder { encoder, version: self.ffmpeg.version().to_owned() })
    }

    /// Pipes bytes through the program, and gives what it writes.
    fn convert(&self, arguments: &[&str], input: &[u8], limits: Limits, cancel: &Cancel) -> Result<Vec<u8>, FilmError> {
        #[rustfmt::skip]
        let common = [
            "-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "pipe",
            "-filter_threads", "1", "-fflags", "+bitexact", "-threads", "1",
        ];
        let args = common.iter().chain(arguments).map(OsString::from).collect();
        let jail = Jail { program: self.ffmpeg.program().to_owned(), args, limits };
        let mut output = Vec::new();
        jail.run::<FilmError>(cancel, &mut feed(input), &mut |piece| {
            output.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(output)
    }
}

/// How the program is told to read a clip.
const CLIP: [&str; 8] = ["-format_whitelist", "mov", "-codec_whitelist", "h264", "-f", "mov", "-i", "pipe:0"];

/// Far more than the slowest machine needs to encode this canvas, so that only a hung or mad program meets them.
fn limits(canvas: &Canvas) -> Limits {
    let frame = u64::from(canvas.width) * u64::from(canvas.height) * 3 / 2;
    let raw = frame * u64::from(canvas.frames);
    // AV1 at preset 10 takes 20 to 40 ms for a frame of 720p (1.4 MB), a still picture ten times that.
    let seconds = 60 + raw / 691_200;
    Limits {
        patience: Duration::from_secs(4 * seconds),
        cpu: Duration::from_secs(seconds),
        // An encoder of AV1 holds some 100 frames with their pyramids, and a stack for each of its threads.
        address_space: (6 << 30) + 1000 * frame,
        open_files: 64,
        // Nothing grows by being compressed, headers aside.
        output: 2 * raw + (1 << 20),
    }
}

/// Ends a form whose bytes are not what was asked for.
fn not_a(form: &'static str, source: impl Into<BoxError>) -> FilmError {
    FilmError::Form { form, source: source.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use festoon_spec::Still;

    use super::*;
    use crate::Picture;

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
        assert_eq!(told(poor.webm(b"", &canvas, &cancel).unwrap_err()), "libsvtav1");
        assert_eq!(told(poor.preview(b"", &canvas, &cancel).unwrap_err()), "libwebp_anim");
        assert_eq!(told(poor.still(&picture, Still::Webp, &cancel).unwrap_err()), "libwebp");
        assert_eq!(told(poor.still(&picture, Still::Avif, &cancel).unwrap_err()), "libaom-av1");
        assert!(poor.still(&picture, Still::Jpeg, &cancel).is_ok(), "it needs no program");
    }

    #[test]
    fn without_av1_there_is_vp9() {
        let found = Deriver::find().unwrap();
        let only = |name: &str| Deriver { encoders: [name.to_owned()].into(), ..found.clone() };
        assert_eq!(webm::Codec::of(&only("libvpx-vp9")).unwrap().encoder(), "libvpx-vp9");
        assert_eq!(webm::Codec::of(&only("libsvtav1")).unwrap().encoder(), "libsvtav1");
        assert_eq!(webm::Codec::of(&only("libx264")), None);
    }
}
