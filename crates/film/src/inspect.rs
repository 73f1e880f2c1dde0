//! The first gate: cheap measurements of each frame that catch a painter that went wrong.
//!
//! It sees pictures after conversion, as they are encoded; levels are those of limited-range luma, 16 to 235. What only
//! floats can show (NaN, infinity) is the painter's to refuse.
//!
//! | code | measured | verdict | unless |
//! |---|---|---|---|
//! | `black` | share of black frames | failed | |
//! | `flat` | share of frames of one single colour | failed | |
//! | `frozen` | longest run of frames without change | failed | [`Expectation::still`] |
//! | `blown-out` | median share of nearly white pixels | flagged | [`Expectation::bright`] |
//! | `noise` | median variance of the Laplacian | flagged | [`Expectation::noise`] |
//!
//! The thresholds were measured on clean footage of three kinds (natural textures with grain, fractal zooms with heavy
//! noise, test patterns) and on the same footage with each defect put in; they lie far from both. What an untrained
//! checkpoint paints is faint (it deviates by 11 levels, its Laplacian varies by up to 1,500) and moves: it passes.

use festoon_spec::{Canvas, Reason, Verdict};

use crate::Picture;

/// A frame is black if its mean is below this (clean footage: 99 to 126, black: 16) …
const BLACK_MEAN: f64 = 20.0;
/// … and this share of it …
const BLACK_SHARE: f64 = 0.98;
/// … lies below this level.
const BLACK_LEVEL: u8 = 22;
/// A frame is flat if no plane deviates by this many levels from its mean.
const FLAT_DEVIATION: f64 = 1.0;
/// With more than this share of black, or of flat frames, there is nothing to see.
const EMPTY_SHARE: f64 = 0.5;
/// Two frames are the same if their mean absolute difference is below this (frozen footage: 0.00).
pub const STILL_DIFFERENCE: f64 = 0.05;
/// This many frames without change are frozen (half a second at 24 per second). A shorter plate: all of it.
const FROZEN_FRAMES: u32 = 12;
/// Nearly white.
const BRIGHT_LEVEL: u8 = 228;
/// More than this share of nearly white pixels is blown out (clean: 0.00, overexposed: 0.35 to 0.51).
pub const BRIGHT_SHARE: f64 = 0.25;
/// A Laplacian of more than this variance is noise (clean: up to 1,434, a failed sample: 108,000).
pub const NOISE_VARIANCE: f64 = 20_000.0;
/// Everything but noise is measured on luma reduced to about this width, as the thresholds were: it evens out grain and
/// costs little.
const REDUCED_WIDTH: u32 = 320;

/// What a template means to show; by default none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expectation {
    /// Stillness is meant.
    pub still: bool,
    /// Large white areas are meant.
    pub bright: bool,
    /// Noise is meant: grain far beyond that of film.
    pub noise: bool,
}

/// Looks at the frames of one plate, in order.
#[derive(Debug)]
pub struct Inspector {
    expectation: Expectation,
    /// Side of the squares that are reduced to one level.
    square: usize,
    frames: u32,
    black: u32,
    flat: u32,
    /// The last frame, reduced.
    last: Vec<u8>,
    still: Run,
    longest_still: Run,
    measured: Vec<Measured>,
}

/// What is measured of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// Mean level of its luma, 16 to 235.
    pub light: f64,
    /// Share of nearly white pixels; above [`BRIGHT_SHARE`] in most frames it is blown out.
    pub bright: f64,
    /// Variance of its Laplacian; above [`NOISE_VARIANCE`] in most frames it is noise.
    pub noise: f64,
    /// Mean absolute difference from the frame before, in levels; below [`STILL_DIFFERENCE`] nothing moves. 0 for the first.
    pub change: f64,
}

/// Frames in a row that show the same.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    first: u32,
    frames: u32,
}

impl Inspector {
    /// For the frames of this canvas.
    pub fn new(canvas: &Canvas, expectation: Expectation) -> Self {
        Self {
            expectation,
            square: (canvas.width / REDUCED_WIDTH).max(1) as usize,
            frames: 0,
            black: 0,
            flat: 0,
            last: Vec::new(),
            still: Run::default(),
            longest_still: Run::default(),
            measured: Vec::new(),
        }
    }

    /// Measures the next frame.
    pub fn look(&mut self, picture: &Picture) {
        let reduced = reduce(picture, self.square);
        let share = |count: usize| count as f64 / reduced.len() as f64;
        let (mean, deviation) = spread(&reduced);
        if mean < BLACK_MEAN && share(reduced.iter().filter(|level| **level < BLACK_LEVEL).count()) >= BLACK_SHARE {
            self.black += 1;
        } else {
            let (cb, cr) = picture.chroma();
            let flat = [deviation, spread(cb).1, spread(cr).1].iter().all(|deviation| *deviation < FLAT_DEVIATION);
            self.flat += u32::from(flat);
        }
        let change = if self.frames > 0 { difference(&self.last, &reduced) } else { 0.0 };
        self.measured.push(Measured {
            light: mean,
            bright: share(reduced.iter().filter(|level| **level > BRIGHT_LEVEL).count()),
            noise: laplacian_variance(picture),
            change,
        });
        if self.frames > 0 && change < STILL_DIFFERENCE {
            self.still.frames += 1;
        } else {
            self.still = Run { first: self.frames, frames: 1 };
        }
        if self.still.frames > self.longest_still.frames {
            self.longest_still = self.still;
        }
        self.last = reduced;
        self.frames += 1;
    }

    /// What was measured of each frame seen so far.
    pub fn into_measured(self) -> Vec<Measured> {
        self.measured
    }

    /// What the frames seen so far add up to.
    pub fn verdict(&self) -> Verdict {
        let Self { expectation, frames, .. } = self;
        let frozen_frames = FROZEN_FRAMES.min(*frames).max(2);
        let still = self.longest_still;
        let middle = |of: fn(&Measured) -> f64| median(self.measured.iter().map(of).collect());
        let (bright, noise) = (middle(|frame| frame.bright), middle(|frame| frame.noise));
        let empty = |count: u32| f64::from(count) > EMPTY_SHARE * f64::from(*frames);
        let failed = [
            (empty(self.black), "black", format!("{} of {frames} frames are black", self.black)),
            (empty(self.flat), "flat", format!("{} of {frames} frames are of one single colour", self.flat)),
            (
                !expectation.still && still.frames >= frozen_frames,
                "frozen",
                format!("nothing changes in {} frames from frame {}; {frozen_frames} are too many", still.frames, still.first),
            ),
        ];
        let flagged = [
            (
                !expectation.bright && bright > BRIGHT_SHARE,
                "blown-out",
                format!("{:.0} % of the picture is nearly white; {:.0} % is too much", bright * 100.0, BRIGHT_SHARE * 100.0),
            ),
            (
                !expectation.noise && noise > NOISE_VARIANCE,
                "noise",
                format!("the Laplacian's variance is {noise:.0}; above {NOISE_VARIANCE:.0} it is noise"),
            ),
        ];
        let found = |findings: &[(bool, &str, String)]| -> Vec<Reason> {
            let findings = findings.iter().filter(|(found, ..)| *found);
            findings.map(|(_, code, detail)| Reason { code: (*code).to_owned(), detail: detail.clone() }).collect()
        };
        let (mut reasons, doubts) = (found(&failed), found(&flagged));
        if !reasons.is_empty() {
            reasons.extend(doubts);
            Verdict::Failed { reasons }
        } else if !doubts.is_empty() {
            Verdict::Flagged { reasons: doubts }
        } else {
            Verdict::Passed
        }
    }
}

/// The luma with each full square of this side replaced by its mean.
fn reduce(picture: &Picture, square: usize) -> Vec<u8> {
    let columns = picture.width() / square;
    let area = (square * square) as u32;
    let mut reduced = Vec::with_capacity(columns * (picture.height() / square));
    let mut sums = vec![0; columns];
    for band in picture.luma().chunks_exact(picture.width() * square) {
        sums.fill(0);
        for row in band.chunks_exact(picture.width()) {
            for (sum, levels) in sums.iter_mut().zip(row.chunks_exact(square)) {
                *sum += levels.iter().map(|level| u32::from(*level)).sum::<u32>();
            }
        }
        reduced.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    reduced
}

/// Mean and standard deviation.
fn spread(plane: &[u8]) -> (f64, f64) {
    let (sum, squares) = plane.iter().fold((0u64, 0u64), |(sum, squares), level| {
        let level = u64::from(*level);
        (sum + level, squares + level * level)
    });
    let count = plane.len() as f64;
    let mean = sum as f64 / count;
    (mean, (squares as f64 / count - mean * mean).max(0.0).sqrt())
}

/// Mean absolute difference.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    let sum: u64 = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

/// Variance of the four-neighbour Laplacian over the whole luma: sharpness, and above all noise.
fn laplacian_variance(picture: &Picture) -> f64 {
    let (width, luma) = (picture.width(), picture.luma());
    let inner = (width - 2) * picture.height().saturating_sub(2);
    if inner == 0 {
        return 0.0;
    }
    let (mut sum, mut squares) = (0i64, 0i64);
    for above in 0..picture.height() - 2 {
        let rows = &luma[above * width..(above + 3) * width];
        let (upper, rest) = rows.split_at(width);
        let (middle, lower) = rest.split_at(width);
        let neighbours = middle.windows(3).zip(upper[1..].iter().zip(&lower[1..]));
        for (across, (up, down)) in neighbours {
            let sides = i64::from(across[0]) + i64::from(across[2]) + i64::from(*up) + i64::from(*down);
            let laplacian = 4 * i64::from(across[1]) - sides;
            sum += laplacian;
            squares += laplacian * laplacian;
        }
    }
    let mean = sum as f64 / inner as f64;
    squares as f64 / inner as f64 - mean * mean
}

fn median(values: Vec<f64>) -> f64 {
    let mut sorted = values;
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
