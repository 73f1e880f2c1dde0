//! Which level a stream says that it has: how fast and how large a decoder must be.

use festoon_spec::Canvas;

use crate::FilmError;

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

/// The lowest level that this canvas fits, from 3.1 up: the level is in the header, so it depends on nothing else.
///
/// # Errors
/// [`FilmError::Canvas`] if none does.
pub(super) fn level(canvas: &Canvas) -> Result<&'static str, FilmError> {
    let blocks = u64::from(canvas.width.div_ceil(16)) * u64::from(canvas.height.div_ceil(16));
    let rate = blocks * u64::from(canvas.fps);
    let fits = LEVELS.iter().find(|(_, per_second, per_frame)| rate <= *per_second && blocks <= *per_frame);
    fits.map(|(level, ..)| *level)
        .ok_or(FilmError::Canvas { canvas: *canvas, problem: "no level of H.264 holds that many pixels per second" })
}
