//! Scaling: a part of a frame becomes a frame of another size.
//!
//! Each new pixel is a sum of the old ones around its place, weighted by Lanczos' kernel. Where the picture becomes smaller the
//! kernel has three lobes and widens with the step, so that nothing flickers; where it becomes larger it has two, since a
//! third would show as a seam beside each edge.

use super::raster::{Pixel, Raster, add};

/// Lobes of the kernel to either side, where a picture shrinks and where it grows.
const SHRINKING: f64 = 3.0;
const GROWING: f64 = 2.0;

/// The part of a frame that is scaled, in its pixels; need not be whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Scales one part of frames of one size to another size.
#[derive(Debug)]
pub(super) struct Scaler {
    across: Vec<Taps>,
    down: Vec<Taps>,
}

/// The old pixels that a new one is made of.
#[derive(Debug)]
struct Taps {
    /// The first; what would lie beyond an edge is the edge's, so its weight is added to that.
    first: usize,
    weights: Vec<f32>,
}

impl Scaler {
    /// From `part` of frames of `from` pixels across and down to frames of `to`.
    pub fn new(from: [usize; 2], part: Part, to: [usize; 2]) -> Self {
        Self { across: taps(from[0], part.left, part.width, to[0]), down: taps(from[1], part.top, part.height, to[1]) }
    }

    /// The part of `frame` in the new size.
    pub fn scale(&self, frame: &Raster) -> Raster {
        let width = self.across.len();
        // Rows first, and only those that are used.
        let first = self.down.iter().map(|taps| taps.first).min().unwrap_or(0);
        let end = self.down.iter().map(|taps| taps.first + taps.weights.len()).max().unwrap_or(0);
        let mut rows: Vec<Pixel> = Vec::with_capacity((end - first) * width);
        for y in first..end {
            let row = frame.row(y);
            rows.extend(self.across.iter().map(|taps| {
                let mut sum = [0.0; 4];
                for (pixel, weight) in row[taps.first..].iter().zip(&taps.weights) {
                    add(&mut sum, *pixel, *weight);
                }
                sum
            }));
        }
        let mut scaled = Raster::new(width, self.down.len());
        for (taps, line) in self.down.iter().zip(scaled.pixels.chunks_exact_mut(width)) {
            for (tap, weight) in taps.weights.iter().enumerate() {
                let from = (taps.first + tap - first) * width;
                for (sum, pixel) in line.iter_mut().zip(&rows[from..from + width]) {
                    add(sum, *pixel, *weight);
                }
            }
        }
        scaled
    }
}

fn taps(from: usize, start: f64, length: f64, to: usize) -> Vec<Taps> {
    let step = length / to as f64;
    let stretch = step.max(1.0);
    let lobes = if step > 1.0 { SHRINKING } else { GROWING };
    let last = from as f64 - 1.0;
    let one = |index: usize| {
        let centre = start + (index as f64 + 0.5) * step - 0.5;
        let (low, high) = ((centre - lobes * stretch).ceil(), (centre + lobes * stretch).floor());
        let (first, end) = (low.clamp(0.0, last), high.clamp(0.0, last));
        let mut weights = vec![0.0f64; (end - first) as usize + 1];
        let mut place = low;
        while place <= high {
            weights[(place.clamp(0.0, last) - first) as usize] += lanczos((place - centre) / stretch, lobes);
            place += 1.0;
        }
        let sum: f64 = weights.iter().sum();
        Taps { first: first as usize, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (0..to).map(one).collect()
}

fn lanczos(x: f64, lobes: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    if x.abs() >= lobes {
        return 0.0;
    }
    let pi_x = std::f64::consts::PI * x;
    lobes * libm::sin(pi_x) * libm::sin(pi_x / lobes) / (pi_x * pi_x)
}
