//! The x264 library inside the `ffmpeg` program, for machines that have no `x264` program.
//!
//! The same recipes with the same pinned header flags, but ffmpeg words the headers differently, so its streams are spliced with
//! its own alone: the build says which is which. ffmpeg does not tell the library's version; the library does, in each stream.

use std::{ffi::OsString, path::Path};

use festoon_spec::Canvas;

use super::{
    super::{Recipe, level::level},
    Raw, group, limits,
    recipe::settings,
};
use crate::{Cancel, FilmError, jail::Jail, program};

/// In front of the version, in the supplemental information of each stream.
const SAYS: &[u8] = b"x264 - core ";

/// The picture by which the library is asked for its version.
const TRIAL: Canvas = Canvas { width: 64, height: 64, frames: 1, fps: 24 };

/// The program, its version, and the library's.
pub(super) fn build(program: &Path) -> Result<String, FilmError> {
    let version = program::version(program, "-version", "ffmpeg version")?;
    let jail = Jail { program: program.to_owned(), args: arguments(Recipe::Plate, &TRIAL)?, limits: limits(&TRIAL) };
    let stream = jail.output(&Cancel::default(), &mut Raw::new(&TRIAL, &mut |_, _| Ok(()))?)?;
    let said = stream.windows(SAYS.len()).position(|window| window == SAYS);
    let said = said.map(|at| &stream[at + SAYS.len()..]).unwrap_or_default();
    // `164 r3095 baee400 - H.264/MPEG-4 AVC codec - …`
    let library: Vec<&str> = std::str::from_utf8(&said[..said.len().min(24)]).unwrap_or_default().split(' ').take(3).collect();
    if library.len() < 3 {
        let said = "no version of libx264".to_owned();
        return Err(FilmError::Version { program: program.display().to_string(), flag: "-c:v libx264", said });
    }
    Ok(format!("ffmpeg {version} libx264 {}", library.join(" ")))
}

pub(super) fn arguments(recipe: Recipe, canvas: &Canvas) -> Result<Vec<OsString>, FilmError> {
    let (settings, level) = (settings(recipe), level(canvas)?);
    let ((by, quality), size) = (settings.quality, format!("{}x{}", canvas.width, canvas.height));
    let (fps, group) = (canvas.fps.to_string(), group(canvas));
    let mut parameters = format!(
        "threads=1:lookahead-threads=1:sync-lookahead=0:cpu-independent=1:stitchable=1:level={level}:keyint={group}:min-keyint=1:scenecut=0"
    );
    for (name, value) in settings.tools.iter().copied().flatten() {
        parameters.push_str(&format!(":{name}={value}"));
    }
    #[rustfmt::skip]
    let arguments = [
        "-nostdin", "-hide_banner", "-loglevel", "warning", "-protocol_whitelist", "pipe", "-filter_threads", "1",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", &size, "-framerate", &fps, "-i", "pipe:0",
        "-vf", "setsar=1", "-fps_mode", "passthrough",
        "-c:v", "libx264", "-preset", settings.preset, &format!("-{by}"), quality, "-profile:v", "high",
        "-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
        "-chroma_sample_location", "left", "-x264-params", &parameters,
    ];
    let tune = settings.tune.map(|tune| ["-tune", tune]);
    let all = arguments.iter().chain(tune.iter().flatten()).chain(&["-f", "h264", "pipe:1"]);
    Ok(all.map(OsString::from).collect())
}
