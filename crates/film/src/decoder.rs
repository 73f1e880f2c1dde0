//! Decoding by the `ffmpeg` program: for checks of what was made, not for anything that answers a request.

use std::{path::PathBuf, time::Duration};

use festoon_spec::Media;

use crate::{
    BoxError, Cancel, FilmError,
    jail::{Feed, Jail, Limits},
    mp4, program,
};

/// Most bytes handed to the pipe at once.
const PIECE: usize = 1 << 20;

/// Gets the RGB frame of this index: rows of R, G, B bytes without gaps.
pub type Take<'a> = dyn FnMut(u32, &[u8]) -> Result<(), BoxError> + 'a;

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

    /// Decodes every frame and gives them to `take`, one by one in showing order.
    ///
    /// # Errors
    /// [`FilmError::Container`] for what [`mp4::probe`] refuses, [`FilmError::Jail`] if decoding fails,
    /// [`FilmError::Frames`] if it warns or gives another number of frames than the file says, [`FilmError::Frame`] for
    /// what `take` returns.
    pub fn decode(&self, file: &[u8], cancel: &Cancel, take: &mut Take<'_>) -> Result<Media, FilmError> {
        let media = mp4::probe(file)?;
        let frame_bytes = media.width as usize * media.height as usize * 3;
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
        let jail = Jail { program: self.program.clone(), args: arguments(), limits: limits(&media, file) };
        let warnings = jail.run::<FilmError>(cancel, &mut feed, &mut collect)?;
        if decoded != media.frames || !frame.is_empty() || !warnings.is_empty() {
            return Err(FilmError::Frames { said: media.frames, decoded, warnings });
        }
        Ok(media)
    }
}

fn arguments() -> Vec<std::ffi::OsString> {
    #[rustfmt::skip]
    let arguments = [
        "-nostdin", "-hide_banner", "-loglevel", "warning",
        "-protocol_whitelist", "pipe", "-format_whitelist", "mov", "-codec_whitelist", "h264",
        "-threads", "1", "-f", "mov", "-i", "pipe:0",
        "-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1",
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
