//! Decoding by the `ffmpeg` program.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use festoon_spec::{Canvas, Media};

use super::Take;
use crate::{
    Cancel, FilmError, Picture,
    jail::{Jail, Limits},
    mp4, program,
};

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

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Decodes every frame and gives them to `take` as RGB, one by one in showing order.
    ///
    /// # Errors
    /// [`FilmError::Container`] if it is no such file, [`FilmError::Jail`] if decoding fails,
    /// [`FilmError::Frames`] if it warns or gives another number of frames than the file says, [`FilmError::Frame`] for
    /// what `take` returns.
    pub fn decode(&self, file: &[u8], cancel: &Cancel, take: &mut Take<'_>) -> Result<Media, FilmError> {
        let media = mp4::open(file)?.media;
        self.look(file, &media, &Look::at_all(&media, Pixels::Rgb), cancel, take)?;
        Ok(media)
    }

    /// Decodes every frame as it was encoded.
    ///
    /// # Errors
    /// As [`Ffmpeg::decode`].
    pub fn pictures(&self, file: &[u8], cancel: &Cancel) -> Result<Vec<Picture>, FilmError> {
        let media = mp4::open(file)?.media;
        let black = Picture::new(&canvas(&media))?;
        let mut pictures = Vec::new();
        let mut take = |_, bytes: &[u8]| {
            let mut picture = black.clone();
            picture.set_planes(bytes);
            pictures.push(picture);
            Ok(())
        };
        self.look(file, &media, &Look::at_all(&media, Pixels::Planes), cancel, &mut take)?;
        Ok(pictures)
    }

    /// Decodes a file, or a part of one, that holds `media`, and gives the frames that are looked at to `take`, counted from 0.
    ///
    /// # Errors
    /// [`FilmError::Jail`] if decoding fails, [`FilmError::Frames`] if it warns or gives another number of frames than are
    /// looked at, [`FilmError::Frame`] for what `take` returns.
    pub(crate) fn look(
        &self,
        file: &[u8],
        media: &Media,
        look: &Look,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<(), FilmError> {
        let frame_bytes = look.frame_bytes();
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
        let jail = Jail { program: self.program.clone(), args: look.arguments(media), limits: limits(media, look, file) };
        let warnings = jail.run::<FilmError>(cancel, &mut &*file, &mut collect)?;
        if decoded != look.count || !frame.is_empty() || !warnings.is_empty() {
            return Err(FilmError::Frames { said: look.count, decoded, warnings });
        }
        Ok(())
    }
}

pub(crate) fn canvas(media: &Media) -> Canvas {
    Canvas { width: media.width, height: media.height, frames: media.frames, fps: media.fps }
}

/// In which form frames come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pixels {
    /// Rows of R, G, B.
    Rgb,
    /// What [`Picture::bytes`] holds.
    Planes,
}

/// Which frames come out, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub pixels: Pixels,
    pub width: u32,
    pub height: u32,
    /// The first of them.
    pub first: u32,
    /// From each to the next.
    pub step: u32,
    /// How many.
    pub count: u32,
}

impl Look {
    /// Every frame in full size.
    pub fn at_all(media: &Media, pixels: Pixels) -> Self {
        Self { pixels, width: media.width, height: media.height, first: 0, step: 1, count: media.frames }
    }

    fn frame_bytes(&self) -> usize {
        let pixels = self.width as usize * self.height as usize;
        match self.pixels {
            Pixels::Rgb => pixels * 3,
            Pixels::Planes => pixels * 3 / 2,
        }
    }

    fn arguments(&self, media: &Media) -> Vec<OsString> {
        let Look { width, height, first, step, count, .. } = self;
        let mut filters = Vec::new();
        // One more than there should be, so that a file with too many is found out.
        let mut most = media.frames + 1;
        if (*first, *step, *count) != (0, 1, media.frames) {
            most = *count;
            filters.push(format!("select=gte(n\\,{first})*not(mod(n-{first}\\,{step}))"));
        }
        if (*width, *height) != (media.width, media.height) {
            filters.push(format!("scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact"));
        }
        let filters = if filters.is_empty() { "null".to_owned() } else { filters.join(",") };
        let pixels = match self.pixels {
            Pixels::Rgb => "rgb24",
            Pixels::Planes => "yuv420p",
        };
        #[rustfmt::skip]
        let arguments = [
            "-nostdin", "-hide_banner", "-loglevel", "warning",
            "-protocol_whitelist", "pipe", "-format_whitelist", "mov", "-codec_whitelist", "h264",
            "-threads", "1", "-f", "mov", "-i", "pipe:0", "-filter_threads", "1",
            "-map", "0:v:0", "-vf", &filters, "-frames:v", &most.to_string(), "-fps_mode", "passthrough", "-pix_fmt", pixels, "-f", "rawvideo", "pipe:1",
        ];
        arguments.map(Into::into).into()
    }
}

fn limits(media: &Media, look: &Look, file: &[u8]) -> Limits {
    let frame = u64::from(media.width) * u64::from(media.height) * 3;
    let raw = frame * u64::from(media.frames);
    // Decoding takes about 10 ms for a frame of 720p (2.8 MB of RGB); a hundred times that, and a minute.
    let seconds = raw / 2_764_800;
    // One frame more than is looked at, so that a file with too many is told from one that writes without end.
    let output = (u64::from(look.count) + 1) * look.frame_bytes() as u64;
    Limits::generous(seconds, (2 << 30) + 64 * frame + file.len() as u64, output)
}
