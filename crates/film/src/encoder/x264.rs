//! x264, fed raw pictures through a pipe, in a jail, by one of two front ends.

mod cli;
mod ffmpeg;
mod recipe;
mod standby;

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use festoon_spec::{Canvas, EncoderId};

use self::{recipe::PLATES, standby::Standby};
use super::{Encoder, Frames, Recipe, level::level};
use crate::{
    Cancel, FilmError, Picture,
    h264::Stream,
    jail::{Input, Jail, Limits},
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
    standby: Option<Arc<Standby>>,
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
        Self { program, arguments, build, id, standby: None }
    }

    fn jail(&self, recipe: Recipe, canvas: &Canvas) -> Result<Jail, FilmError> {
        Ok(Jail { program: self.program.clone(), args: (self.arguments)(recipe, canvas)?, limits: limits(canvas) })
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

    fn stand_by(&mut self) {
        self.standby = Some(Arc::default());
    }

    fn encode(&self, recipe: Recipe, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError> {
        let mut raw = Raw::new(canvas, frames)?;
        let annex_b = match &self.standby {
            // Plates are cut into groups.
            Some(standby) if recipe == Recipe::Overlay && canvas.frames <= group(canvas) => {
                let jail = self.jail(recipe, &Canvas { frames: group(canvas), ..*canvas })?;
                standby.output(&jail, cancel, &mut raw)?
            }
            _ => self.jail(recipe, canvas)?.output(cancel, &mut raw)?,
        };
        Ok(Stream::parse(&annex_b, canvas)?)
    }
}

/// The pictures of a canvas, as a front end reads them.
struct Raw<'a, 'f> {
    frames: &'a mut Frames<'f>,
    picture: Picture,
    next: u32,
    count: u32,
}

impl<'a, 'f> Raw<'a, 'f> {
    fn new(canvas: &Canvas, frames: &'a mut Frames<'f>) -> Result<Self, FilmError> {
        Ok(Self { frames, picture: Picture::new(canvas)?, next: 0, count: canvas.frames })
    }
}

impl Input<FilmError> for Raw<'_, '_> {
    fn next(&mut self) -> Result<Option<&[u8]>, FilmError> {
        if self.next == self.count {
            return Ok(None);
        }
        (self.frames)(self.next, &mut self.picture)?;
        self.next += 1;
        Ok(Some(self.picture.bytes()))
    }
}

/// Frames from a key to the next. A group of one frame would make an intra-only stream with another header.
fn group(canvas: &Canvas) -> u32 {
    canvas.fps.max(2)
}

/// Far more than the slowest machine needs.
fn limits(canvas: &Canvas) -> Limits {
    let frame = u64::from(canvas.width) * u64::from(canvas.height) * 3 / 2;
    let raw = frame * u64::from(canvas.frames);
    // The recipes take 10 to 20 ms for a frame of 720p (1.4 MB); some fifty times that, and a minute.
    let seconds = raw / 1_382_400;
    // Look-ahead and references hold about 60 frames with their half-pel planes; ffmpeg's libraries take a GiB alone. Nothing
    // grows by being compressed, headers aside.
    Limits::generous(seconds, (2 << 30) + 400 * frame, raw + (1 << 20))
}
