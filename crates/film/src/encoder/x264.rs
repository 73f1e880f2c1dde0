//! The `x264` program, fed raw pictures through a pipe.
//!
//! The header flags of plates and overlays are pinned, so that both write the same parameter sets whatever their presets and
//! can be spliced: `--stitchable`, one level per canvas, and each tool that a preset could switch off named. From preset `fast`
//! on, psy-rd writes a chroma offset of -2 into the header by itself; below, the recipe must. One thread and `--cpu-independent`
//! make the bytes the same on every processor. Closed groups of one second start with a key frame, whatever is in the
//! picture.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use festoon_spec::{Canvas, EncoderId};

use super::{Encoder, Frames, Recipe};
use crate::{
    Cancel, FilmError, Picture,
    h264::Stream,
    jail::{Feed, Jail, Limits},
    program,
};

/// What tells the streams of one recipe from those of another.
struct Settings {
    preset: &'static str,
    crf: &'static str,
    tools: &'static [&'static str],
}

/// Names the settings of plates and mezzanines: whatever changes their bytes takes the next number.
const PLATES: &str = "plate/2";

/// Everything that is in the parameter sets and that a preset could change. In a plate of film grain, one reference instead
/// of three saves 11 % of `veryfast`'s processor time and 3 % of `superfast`'s, and costs 1 and 3 % more bytes.
const SPLICED: &[&str] = &[
    "--ref",
    "3",
    "--bframes",
    "2",
    "--b-pyramid",
    "normal",
    "--weightp",
    "1",
    "--weightb",
    "--8x8dct",
    "--chroma-qp-offset",
    "-2",
];

/// Measured on three kinds of content at 720p: `faster` and `fast` take 1.5 to 3 times the processor time for at most 0.002 of
/// SSIM; CRF 18 takes 17 to 145 % more bytes for at most 0.004.
const PLATE: Settings = Settings { preset: "veryfast", crf: "20", tools: SPLICED };

/// Half of `veryfast`'s time: somebody waits.
const OVERLAY: Settings = Settings { preset: "superfast", crf: "20", tools: SPLICED };

/// Twice the bytes of the plate, and decoded in a third of the time that encoding takes. It is never spliced.
const MEZZANINE: Settings = Settings { preset: "superfast", crf: "12", tools: &["--tune", "fastdecode"] };

fn settings(recipe: Recipe) -> &'static Settings {
    match recipe {
        Recipe::Plate => &PLATE,
        Recipe::Overlay => &OVERLAY,
        Recipe::Mezzanine => &MEZZANINE,
    }
}

/// ITU-T H.264 table A-1: level, macroblocks per second, macroblocks per frame.
const LEVELS: [(&str, u64, u64); 8] = [
    ("3.1", 108_000, 3_600),
    ("3.2", 216_000, 5_120),
    ("4", 245_760, 8_192),
    ("4.2", 522_240, 8_704),
    ("5", 589_824, 22_080),
    ("5.1", 983_040, 36_864),
    ("5.2", 2_073_600, 36_864),
    ("6.2", 16_711_680, 139_264),
];

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
        let mut picture = Picture::new(canvas)?;
        let args = arguments(settings(recipe), canvas)?;
        let jail = Jail { program: self.program.clone(), args, limits: limits(&picture, canvas) };
        let mut next = 0;
        let mut feed = |input: &mut Vec<u8>| {
            frames(next, &mut picture)?;
            input.extend_from_slice(picture.bytes());
            next += 1;
            Ok::<_, FilmError>(if next == canvas.frames { Feed::End } else { Feed::More })
        };
        let mut annex_b = Vec::new();
        jail.run(cancel, &mut feed, &mut |piece| {
            annex_b.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(Stream::parse(&annex_b, canvas)?)
    }
}

/// Far more than the slowest machine needs, so that only a hung or mad encoder meets them.
fn limits(picture: &Picture, canvas: &Canvas) -> Limits {
    let frame = picture.bytes().len() as u64;
    let raw = frame * u64::from(canvas.frames);
    // The recipe takes 10 to 20 ms for a frame of 720p (1.4 MB); some fifty times that, and a minute.
    let seconds = 60 + raw / 1_382_400;
    Limits {
        patience: Duration::from_secs(4 * seconds),
        cpu: Duration::from_secs(seconds),
        // Look-ahead and references hold about 60 frames with their half-pel planes.
        address_space: (1 << 30) + 400 * frame,
        open_files: 64,
        // Nothing grows by being compressed, headers aside.
        output: raw + (1 << 20),
    }
}

fn arguments(settings: &Settings, canvas: &Canvas) -> Result<Vec<OsString>, FilmError> {
    let level = level(canvas)?;
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
        "--muxer", "raw", "--no-progress", "--log-level", "warning", "--output", "-", "-",
    ];
    Ok(settings.tools.iter().chain(&arguments).map(OsString::from).collect())
}

/// The lowest level that this canvas fits, from 3.1 up: the level is in the header, so it depends on nothing else.
fn level(canvas: &Canvas) -> Result<&'static str, FilmError> {
    let blocks = u64::from(canvas.width.div_ceil(16)) * u64::from(canvas.height.div_ceil(16));
    let rate = blocks * u64::from(canvas.fps);
    let fits = LEVELS.iter().find(|(_, per_second, per_frame)| rate <= *per_second && blocks <= *per_frame);
    fits.map(|(level, ..)| *level)
        .ok_or(FilmError::Canvas { canvas: *canvas, problem: "no level of H.264 holds that many pixels per second" })
}
