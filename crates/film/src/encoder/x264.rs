//! The `x264` program, fed raw pictures through a pipe.

use std::{ffi::OsString, path::PathBuf};

use festoon_spec::{Canvas, EncoderId};

use super::{
    Encoder, Frames, Recipe,
    recipe::{PLATES, level, settings},
    run,
};
use crate::{Cancel, FilmError, Picture, h264::Stream, program};

/// The encoder program.
#[derive(Debug, Clone)]
pub struct X264 {
    program: PathBuf,
    build: String,
    id: EncoderId,
}

impl X264 {
    /// Looks for it in `FESTOON_X264`, then in `PATH`, and asks for its version.
    ///
    /// # Errors
    /// [`FilmError::Missing`], or [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer.
    pub fn find() -> Result<Self, FilmError> {
        Self::at(program::find("x264", "FESTOON_X264")?)
    }

    /// The program at this path.
    ///
    /// # Errors
    /// [`FilmError::Version`] and [`FilmError::Jail`] if it does not answer.
    pub fn at(program: PathBuf) -> Result<Self, FilmError> {
        // `x264 0.164.3095 baee400`: the number counts the commits, so it names the build.
        let build = format!("x264 {}", program::version(&program, "--version", "x264")?);
        let id = EncoderId(format!("{build} {PLATES}"));
        Ok(Self { program, build, id })
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
        let annex_b = run(&self.program, arguments(recipe, canvas)?, canvas, frames, cancel)?;
        Ok(Stream::parse(&annex_b, canvas)?)
    }
}

fn arguments(recipe: Recipe, canvas: &Canvas) -> Result<Vec<OsString>, FilmError> {
    let (settings, level) = (settings(recipe), level(canvas)?);
    let size = format!("{}x{}", canvas.width, canvas.height);
    let (fps, frames) = (canvas.fps.to_string(), canvas.frames.to_string());
    // A group of one frame would make an intra-only stream with another header.
    let group = canvas.fps.max(2).to_string();
    #[rustfmt::skip]
    let arguments = [
        "--preset", settings.preset, "--crf", settings.crf,
        "--threads", "1", "--lookahead-threads", "1", "--sync-lookahead", "0", "--cpu-independent",
        "--stitchable", "--profile", "high", "--level", level,
        "--keyint", &group, "--min-keyint", "1", "--no-scenecut",
        "--sar", "1:1", "--range", "tv", "--colorprim", "bt709", "--transfer", "bt709", "--colormatrix", "bt709",
        "--chromaloc", "0",
        "--demuxer", "raw", "--input-csp", "i420", "--input-depth", "8", "--input-range", "tv",
        "--input-res", &size, "--fps", &fps, "--frames", &frames,
        "--muxer", "raw", "--no-progress", "--log-level", "warning",
    ];
    let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    for (name, value) in settings.tools {
        all.push(format!("--{name}").into());
        // What is only on or off takes no value here.
        if !matches!(*name, "weightb" | "8x8dct") {
            all.push(value.into());
        }
    }
    if let Some(tune) = settings.tune {
        all.extend(["--tune", tune].map(OsString::from));
    }
    all.extend(["--output", "-", "-"].map(OsString::from));
    Ok(all)
}
