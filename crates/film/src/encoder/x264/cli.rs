//! The `x264` program.

use std::{ffi::OsString, path::Path};

use festoon_spec::Canvas;

use super::{
    super::{Recipe, level::level},
    group,
    recipe::settings,
};
use crate::{FilmError, program};

/// The program and its version: `x264 0.164.3095` of `x264 0.164.3095 baee400`; the last number counts the commits.
pub(super) fn build(program: &Path) -> Result<String, FilmError> {
    Ok(format!("x264 {}", program::version(program, "--version", "x264")?))
}

pub(super) fn arguments(recipe: Recipe, canvas: &Canvas) -> Result<Vec<OsString>, FilmError> {
    let (settings, level) = (settings(recipe), level(canvas)?);
    let ((by, quality), size) = (settings.quality, format!("{}x{}", canvas.width, canvas.height));
    let (fps, group) = (canvas.fps.to_string(), group(canvas).to_string());
    #[rustfmt::skip]
    let arguments = [
        "--preset", settings.preset, &format!("--{by}"), quality,
        "--threads", "1", "--lookahead-threads", "1", "--sync-lookahead", "0", "--cpu-independent",
        "--stitchable", "--profile", "high", "--level", level,
        "--keyint", &group, "--min-keyint", "1", "--no-scenecut",
        "--sar", "1:1", "--range", "tv", "--colorprim", "bt709", "--transfer", "bt709", "--colormatrix", "bt709",
        "--chromaloc", "0",
        "--demuxer", "raw", "--input-csp", "i420", "--input-depth", "8", "--input-range", "tv",
        "--input-res", &size, "--fps", &fps,
        "--muxer", "raw", "--no-progress", "--log-level", "warning",
    ];
    let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    for (name, value) in settings.tools.iter().copied().flatten() {
        all.push(format!("--{name}").into());
        // What is only on or off takes no value here.
        if !matches!(*name, "weightb" | "8x8dct" | "cabac") {
            all.push(value.into());
        }
    }
    if let Some(tune) = settings.tune {
        all.extend(["--tune", tune].map(OsString::from));
    }
    all.extend(["--output", "-", "-"].map(OsString::from));
    Ok(all)
}
