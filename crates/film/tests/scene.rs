//! Frames to encode: soft colour that drifts, a sharp bright square that moves, and a frame counter in bits.

use festoon_film::{BoxError, Cancel, Encoder, Expectation, FilmError, Plate, encode_plate};
use festoon_spec::{Canvas, FrameRange};

/// The plate of the templates.
pub const PLATE: Canvas = Canvas { width: 1280, height: 720, frames: 120, fps: 24 };

/// Small and short, with a last group that is not full.
pub const SMALL: Canvas = Canvas { width: 96, height: 64, frames: 31, fps: 12 };

pub fn paint(canvas: &Canvas, index: u32, rgb: &mut [u8]) {
    let (width, height) = (canvas.width, canvas.height);
    let time = index as f32 / canvas.fps as f32;
    let (pixels, _) = rgb.as_chunks_mut::<3>();
    for (place, pixel) in (0u32..).zip(pixels) {
        let (x, y) = (place % width, place / width);
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let wave = |speed: f32, phase: f32| 110.0 + 80.0 * (6.0 * (u + v * 0.5) + speed * time + phase).sin();
        *pixel = [wave(1.0, 0.0), wave(1.7, 2.0), wave(0.6, 4.0)].map(|level| level as u8);
        let side = width / 8;
        let left = (width - side) * index / canvas.frames.max(1);
        if (left..left + side).contains(&x) && (height / 3..height / 3 + side).contains(&y) {
            *pixel = [250, 240, 200];
        }
    }
}

pub fn encode(encoder: &dyn Encoder, canvas: &Canvas) -> Result<Plate, FilmError> {
    encode_with(encoder, canvas, &[])
}

/// With these windows for overlays.
pub fn encode_with(encoder: &dyn Encoder, canvas: &Canvas, windows: &[FrameRange]) -> Result<Plate, FilmError> {
    let mut painter = |index: u32, rgb: &mut [u8]| -> Result<(), BoxError> {
        paint(canvas, index, rgb);
        Ok(())
    };
    encode_plate(encoder, canvas, windows, Expectation::default(), &mut painter, &Cancel::default())
}

/// Peak signal to noise ratio of two frames, in dB.
pub fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let squares: u64 = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares.max(1) as f64).log10()
}
