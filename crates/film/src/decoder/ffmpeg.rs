//! Decoding by the `ffmpeg` program.

use std::{path::PathBuf, time::Duration};

use festoon_spec::{Canvas, Media};

use super::Take;
use crate::{
    Cancel, FilmError, Picture,
    jail::{Feed, Jail, Limits},
    mp4, program,
};

/// Most bytes handed to the pipe at once.
const PIECE: usize = 1 << 20;

/// The decoder program.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    program: PathBuf,
    version: String,
}

impl Ffmpeg {
    /// Looks for it in `FESTOON_FFMPEG`, then in `PATH`, and asks for its version.
    ///
    /// # Errors
    /// [`FilmError::Missing`], or [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer.
    pub fn find() -> Result<Self, FilmError> {
        let program = program::find("ffmpeg", "FESTOON_FFMPEG")?;
        let version = program::version(&program, "-version", "ffmpeg version")?;
        Ok(Self { program, version })
    }

    /// Its version, as it says itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Decodes every frame and gives them to `take` as RGB, one by one in showing order.
    ///
    /// # Errors
    /// [`FilmError::Container`] if it is no such file, [`FilmError::Jail`] if decoding fails,
    /// [`FilmError::Frames`] if it warns or gives another number of frames than the file says, [`FilmError::Frame`] for
    /// what `take` returns.
    pub fn decode(&self, file: &[u8], cancel: &Cancel, take: &mut Take<'_>) -> Result<Media, FilmError> {
        self.decode_as(Pixels::Rgb, file, cancel, take)
    }

    /// Decodes every frame as it was encoded.
    ///
    /// # Errors
    /// As [`Ffmpeg::decode`].
    pub fn pictures(&self, file: &[u8], cancel: &Cancel) -> Result<Vec<Picture>, FilmError> {
        let Media { width, height, frames, fps, .. } = mp4::open(file)?.media;
        let black = Picture::new(&Canvas { width, height, frames, fps })?;
        let mut pictures = Vec::new();
        let mut take = |_, bytes: &[u8]| {
            let mut picture = black.clone();
            picture.set_planes(bytes);
            pictures.push(picture);
            Ok(())
        };
        self.decode_as(Pixels::Planes, file, cancel, &mut take)?;
        Ok(pictures)
    }

    fn decode_as(&self, pixels: Pixels, file: &[u8], cancel: &Cancel, take: &mut Take<'_>) -> Result<Media, FilmError> {
        let media = mp4::open(file)?.media;
        let frame_bytes = pixels.bytes(&media);
        let mut rest = file;
        let mut feed = |input: &mut Vec<u8>| {
            let (piece, behind) = rest.split_at(rest.len().min(PIECE));
            input.extend_from_slice(piece);
            rest = behind;
            Ok(if rest.is_empty() { Feed::End } else { Feed::More })
        };
        let mut frame = Vec::with_capacity(frame_bytes);
        let mut decoded = 0;
        let mut collect = |mut piece: &[u8]| {
            while !piece.is_empty() {
                let (more, behind) = piece.split_at(piece.len().min(frame_bytes - frame.len()));
                frame.extend_from_slice(more);
                piece = behind;
                if frame.len() == frame_bytes {
                    take(decoded, &frame).map_err(|source| FilmError::Frame { index: decoded, source })?;
                    decoded += 1;
                    frame.clear();
                }
            }
            Ok(())
        };
        let jail = Jail { program: self.program.clone(), args: arguments(pixels), limits: limits(&media, file) };
        let warnings = jail.run::<FilmError>(cancel, &mut feed, &mut collect)?;
        if decoded != media.frames || !frame.is_empty() || !warnings.is_empty() {
            return Err(FilmError::Frames { said: media.frames, decoded, warnings });
        }
        Ok(media)
    }
}

/// In which form frames come out.
#[derive(Clone, Copy)]
enum Pixels {
    /// Rows of R, G, B.
    Rgb,
    /// What [`Picture::bytes`] holds.
    Planes,
}

impl Pixels {
    fn name(self) -> &'static str {
        match self {
            Pixels::Rgb => "rgb24",
            Pixels::Planes => "yuv420p",
        }
    }

    /// Of one frame.
    fn bytes(self, media: &Media) -> usize {
        let pixels = media.width as usize * media.height as usize;
        match self {
            Pixels::Rgb => pixels * 3,
            Pixels::Planes => pixels * 3 / 2,
        }
    }
}

fn arguments(pixels: Pixels) -> Vec<std::ffi::OsString> {
    #[rustfmt::skip]
    let arguments = [
        "-nostdin", "-hide_banner", "-loglevel", "warning",
        "-protocol_whitelist", "pipe", "-format_whitelist", "mov", "-codec_whitelist", "h264",
        "-threads", "1", "-f", "mov", "-i", "pipe:0",
        "-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", pixels.name(), "-f", "rawvideo", "pipe:1",
    ];
    arguments.map(Into::into).into()
}

fn limits(media: &Media, file: &[u8]) -> Limits {
    let frame = u64::from(media.width) * u64::from(media.height) * 3;
    let raw = frame * u64::from(media.frames);
    // Decoding takes about 10 ms for a frame of 720p (2.8 MB of RGB); a hundred times that, and a minute.
    let seconds = 60 + raw / 2_764_800;
    Limits {
        patience: Duration::from_secs(4 * seconds),
        cpu: Duration::from_secs(seconds),
        address_space: (2 << 30) + 64 * frame + file.len() as u64,
        open_files: 64,
        // One frame more than it says, so that a file with too many is told from one that writes without end.
        output: raw + frame,
    }
}
