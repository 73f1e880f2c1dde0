//! x264, fed raw pictures through a pipe, in a jail, by one of two front ends.

mod cli;
mod ffmpeg;
mod recipe;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use festoon_spec::{Canvas, EncoderId};

use self::recipe::PLATES;
use super::{Encoder, Frames, Recipe, level::level};
use crate::{
    Cancel, FilmError, Picture,
    h264::Stream,
    jail::{Feed, Jail, Limits},
    program,
};

/// The words that ask a front end for a stream.
type Arguments = fn(Recipe, &Canvas) -> Result<Vec<OsString>, FilmError>;

/// A build of x264 behind its front end.
#[derive(Debug, Clone)]
pub struct X264 {
    program: PathBuf,
    arguments: Arguments,
    build: String,
    id: EncoderId,
}

impl X264 {
    /// Looks for the `x264` program in `FESTOON_X264`, then in `PATH`, and asks for its version.
    ///
    /// # Errors
    /// [`FilmError::Missing`], or [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer.
    pub fn find() -> Result<Self, FilmError> {
        Self::at(program::find("x264", "FESTOON_X264")?)
    }

    /// The `x264` program at this path.
    ///
    /// # Errors
    /// [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer.
    pub fn at(program: PathBuf) -> Result<Self, FilmError> {
        let build = cli::build(&program)?;
        Ok(Self::behind(program, cli::arguments, build))
    }

    /// The library inside `ffmpeg`, looked for in `FESTOON_FFMPEG`, then in `PATH`, and asked for both versions.
    ///
    /// # Errors
    /// [`FilmError::Missing`], or [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer or lacks the library.
    pub fn find_in_ffmpeg() -> Result<Self, FilmError> {
        let program = program::find("ffmpeg", "FESTOON_FFMPEG")?;
        let build = ffmpeg::build(&program)?;
        Ok(Self::behind(program, ffmpeg::arguments, build))
    }

    fn behind(program: PathBuf, arguments: Arguments, build: String) -> Self {
        let id = EncoderId(format!("{build} {PLATES}"));
        Self { program, arguments, build, id }
    }
}

impl Encoder for X264 {
    fn id(&self) -> &EncoderId {
        &self.id
    }

    fn build(&self) -> &str {
        &self.build
    }

    fn check(&self, canvas: &Canvas) -> Result<(), FilmError> {
        Picture::new(canvas)?;
        level(canvas).map(drop)
    }

    fn encode(&self, recipe: Recipe, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError> {
        let annex_b = run(&self.program, (self.arguments)(recipe, canvas)?, canvas, frames, cancel)?;
        Ok(Stream::parse(&annex_b, canvas)?)
    }
}

/// Pipes the pictures of a canvas through a program in a jail, and gives what it writes.
fn run(
    program: &Path,
    args: Vec<OsString>,
    canvas: &Canvas,
    frames: &mut Frames<'_>,
    cancel: &Cancel,
) -> Result<Vec<u8>, FilmError> {
    let mut picture = Picture::new(canvas)?;
    let jail = Jail { program: program.to_owned(), args, limits: limits(&picture, canvas) };
    let mut next = 0;
    let mut feed = |input: &mut Vec<u8>| {
        frames(next, &mut picture)?;
        input.extend_from_slice(picture.bytes());
        next += 1;
        Ok::<_, FilmError>(if next == canvas.frames { Feed::End } else { Feed::More })
    };
    jail.output(cancel, &mut feed)
}

/// Far more than the slowest machine needs.
fn limits(picture: &Picture, canvas: &Canvas) -> Limits {
    let frame = picture.bytes().len() as u64;
    let raw = frame * u64::from(canvas.frames);
    // The recipes take 10 to 20 ms for a frame of 720p (1.4 MB); some fifty times that, and a minute.
    let seconds = raw / 1_382_400;
    // Look-ahead and references hold about 60 frames with their half-pel planes; ffmpeg's libraries take a GiB alone. Nothing
    // grows by being compressed, headers aside.
    Limits::generous(seconds, (2 << 30) + 400 * frame, raw + (1 << 20))
}
