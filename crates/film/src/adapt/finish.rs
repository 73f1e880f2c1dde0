//! What enlarging takes away, put back as far as it can be known: edges are made as steep as they were, and what has no detail
//! left gets the fine grain that an eye expects and that hides the steps of eight bits.

use super::{
    contour,
    raster::{Pixel, Raster, add},
};

/// Enlarged this many times, a picture is sharpened fully.
const FULL_AT: f64 = 4.0;
/// How much of what a blur takes away is added, at full strength.
const STRENGTH: f32 = 1.6;
/// The largest deviation of the grain at full strength, in levels of 255.
const GRAIN: f32 = 1.5;
/// A little more than half a level: rounding leaves no steps in a slow gradient.
const DITHER: f32 = 0.6;

/// What is done to frames that are enlarged by some factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finish {
    sharpness: f32,
    grain: f32,
}

impl Finish {
    /// For frames that become this many times as wide; nothing for those that do not grow. Only those that are doubled on the
    /// way are sharpened.
    pub fn new(factor: f64, is_doubled: bool) -> Self {
        let share = ((factor - 1.0) / (FULL_AT - 1.0)).clamp(0.0, 1.0) as f32;
        let grain = if share > 0.0 { DITHER + GRAIN * share } else { 0.0 };
        Self { sharpness: if is_doubled { STRENGTH * share } else { 0.0 }, grain }
    }

    /// Smooths the edges of a doubled frame along and steepens them across. No pixel leaves the range of its neighbours, so that
    /// edges get no seams.
    pub fn sharpen(&self, frame: Raster) -> Raster {
        if self.sharpness == 0.0 {
            return frame;
        }
        let frame = contour::smoothed(&frame);
        let blurred = blurred(&frame);
        let (low, high) = extremes(&frame);
        let mut sharp = frame;
        let limits = low.pixels.iter().zip(&high.pixels);
        for ((pixel, blurred), (low, high)) in sharp.pixels.iter_mut().zip(&blurred.pixels).zip(limits) {
            for lane in 0..4 {
                let steeper = pixel[lane] + (pixel[lane] - blurred[lane]) * self.sharpness;
                pixel[lane] = steeper.clamp(low[lane], high[lane]);
            }
        }
        sharp
    }

    /// Writes a frame of this number as packed 8-bit RGB.
    ///
    /// # Panics
    /// If `rgb` is not as long as the frame.
    pub fn write(&self, index: u32, frame: &Raster, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), frame.pixels.len() * 3, "a frame of {} x {}", frame.width, frame.height);
        let level = |level: f32| (level + 0.5).clamp(0.0, 255.0) as u8;
        let (triples, _) = rgb.as_chunks_mut::<3>();
        let rows = triples.chunks_exact_mut(frame.width).zip(frame.pixels.chunks_exact(frame.width));
        for ((bytes, pixels), y) in rows.zip(0..) {
            let row = scramble(index.wrapping_mul(0x9E37_79B9) ^ scramble(y));
            for ((bytes, pixel), x) in bytes.iter_mut().zip(pixels).zip(0..) {
                // One grain for all three: it has no colour.
                let grain = self.grain * triangular(row ^ x);
                *bytes = [pixel[0], pixel[1], pixel[2]].map(|value| level(value + grain));
            }
        }
    }
}

/// Between -1 and 1, mostly near 0.
fn triangular(number: u32) -> f32 {
    let bits = scramble(number);
    let (one, other) = ((bits & 0xFFFF) as f32, (bits >> 16) as f32);
    (one - other) / 65_536.0
}

/// Spreads what is in a number over all its bits.
fn scramble(number: u32) -> u32 {
    let mut bits = number.wrapping_add(0x9E37_79B9);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x21F0_AAAD);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x735A_2D97);
    bits ^ (bits >> 15)
}

/// By binomial weights over five pixels each way: a standard deviation of one.
fn blurred(frame: &Raster) -> Raster {
    const WEIGHTS: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
    let across = each(frame, |x, y| {
        let mut sum = [0.0; 4];
        for (shift, weight) in (-2..).zip(WEIGHTS) {
            add(&mut sum, frame.at(x + shift, y), weight);
        }
        sum
    });
    each(&across, |x, y| {
        let mut sum = [0.0; 4];
        for (shift, weight) in (-2..).zip(WEIGHTS) {
            add(&mut sum, across.at(x, y + shift), weight);
        }
        sum
    })
}

/// The least and the greatest of the nine pixels around each.
fn extremes(frame: &Raster) -> (Raster, Raster) {
    let of_three = |frame: &Raster, pick: fn(f32, f32) -> f32| {
        let across = each(frame, |x, y| three(frame.at(x - 1, y), frame.at(x, y), frame.at(x + 1, y), pick));
        each(&across, |x, y| three(across.at(x, y - 1), across.at(x, y), across.at(x, y + 1), pick))
    };
    (of_three(frame, f32::min), of_three(frame, f32::max))
}

fn three(one: Pixel, other: Pixel, third: Pixel, pick: fn(f32, f32) -> f32) -> Pixel {
    std::array::from_fn(|lane| pick(pick(one[lane], other[lane]), third[lane]))
}

fn each(like: &Raster, pixel: impl Fn(isize, isize) -> Pixel) -> Raster {
    let mut raster = Raster::new(like.width, like.height);
    for y in 0..like.height {
        for x in 0..like.width {
            raster.pixels[y * like.width + x] = pixel(x as isize, y as isize);
        }
    }
    raster
}
