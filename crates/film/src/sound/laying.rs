//! Laying a bed under a clip: start, loop, gain and fades. Pure arithmetic, the same on every processor.

use std::f64::consts::PI;

use festoon_spec::{Laying, Milli};

use super::bed::Samples;

/// For how long the seam of a loop that does not close is smoothed, in parts of a second.
const SEAM: u32 = 200;

/// This long, as pairs at the bed's rate.
pub(super) fn lay(bed: &Samples, laying: &Laying, length: usize) -> Vec<[f32; 2]> {
    let at = |seconds: Milli| (seconds.get() * f64::from(bed.rate)).round() as usize;
    let source = bed.stereo.get(at(laying.start)..).unwrap_or_default();
    let sounding = if laying.looped && !source.is_empty() { length } else { length.min(source.len()) };
    let gain = libm::pow(10.0, laying.gain.get() / 20.0);
    let (fade_in, fade_out) = (at(laying.fade_in), at(laying.fade_out));
    let seam = Seam::of(source, (bed.rate / SEAM) as usize);
    let mut laid = Vec::with_capacity(length);
    for place in 0..sounding {
        let share = rise(place, fade_in) * rise(sounding - 1 - place, fade_out);
        let (round, within) = (place / source.len(), place % source.len());
        let step = if round == 0 { [0.0; 2] } else { seam.step(within) };
        let pair = source[within];
        laid.push([0, 1].map(|side| ((f64::from(pair[side]) + step[side]) * gain * share) as f32));
    }
    laid.resize(length, [0.0; 2]);
    laid
}

/// How much is heard this many samples from an end that a fade of so many begins at: half a wave of a cosine.
fn rise(place: usize, fade: usize) -> f64 {
    if place >= fade { 1.0 } else { 0.5 - 0.5 * libm::cos(PI * place as f64 / fade as f64) }
}

/// Where a loop comes back to its start.
struct Seam {
    /// By how much the end stands off the start: nothing where that is no more than the bed moves there anyway.
    jump: [f64; 2],
    /// Over how many samples the start comes back to itself.
    length: usize,
}

impl Seam {
    fn of(source: &[[f32; 2]], length: usize) -> Self {
        let length = length.min(source.len() / 2);
        let (Some(first), Some(last)) = (source.first(), source.last()) else { return Self { jump: [0.0; 2], length: 0 } };
        let near = [&source[..length], &source[source.len() - length..]];
        let jump = [0, 1].map(|side| {
            let jump = f64::from(last[side]) - f64::from(first[side]);
            let moves = near.iter().flat_map(|part| part.windows(2));
            let usual = moves.map(|pair| f64::from((pair[1][side] - pair[0][side]).abs())).fold(0.0, f64::max);
            if jump.abs() > usual { jump } else { 0.0 }
        });
        Self { jump, length }
    }

    /// What is added to a sample this far behind the seam.
    fn step(&self, within: usize) -> [f64; 2] {
        let left = if within < self.length { 1.0 - rise(within, self.length) } else { 0.0 };
        self.jump.map(|jump| jump * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYING: Laying = Laying { start: Milli(0), looped: true, gain: Milli(0), fade_in: Milli(0), fade_out: Milli(0) };

    /// A wave of `hertz` at 1000 samples per second, for so many.
    fn wave(hertz: f64, samples: usize) -> Samples {
        let value = |at: usize| libm::sin(2.0 * PI * hertz * at as f64 / 1000.0) as f32;
        Samples { rate: 1000, stereo: (0..samples).map(|at| [value(at), -value(at)]).collect() }
    }

    /// The farthest that it moves from one sample to the next.
    fn steepest(laid: &[[f32; 2]]) -> f32 {
        laid.windows(2).map(|pair| (pair[1][0] - pair[0][0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_loop_that_closes_goes_on_as_if_it_had_no_end() {
        let endless = lay(&wave(10.0, 400), &LAYING, 400);
        assert_eq!(lay(&wave(10.0, 100), &LAYING, 400).len(), 400);
        for (looped, endless) in lay(&wave(10.0, 100), &LAYING, 400).iter().zip(&endless) {
            assert!((looped[0] - endless[0]).abs() < 1e-6 && (looped[1] - endless[1]).abs() < 1e-6);
        }
    }

    #[test]
    fn a_loop_that_does_not_close_has_no_step() {
        // It ends at the top of a wave and begins at 0.
        let bed = wave(10.0, 126);
        let plain: Vec<[f32; 2]> = bed.stereo.iter().chain(&bed.stereo).copied().collect();
        assert!(steepest(&plain) > 0.9, "the test has a step to smooth");
        let usual = steepest(&bed.stereo);
        let laid = lay(&bed, &LAYING, 252);
        assert!(steepest(&laid) < 6.0 * usual, "{} to {usual}", steepest(&laid));
        // The smoothing is over in 5 ms.
        assert_eq!(laid[131..], plain[131..]);
    }

    #[test]
    fn a_bed_that_is_not_looped_ends_and_fades_where_it_ends() {
        let bed = Samples { rate: 1000, stereo: vec![[0.5, 0.25]; 300] };
        let laying = Laying { looped: false, start: Milli(100), gain: Milli(-6000), fade_in: Milli(50), fade_out: Milli(100) };
        let laid = lay(&bed, &laying, 500);
        let level = |at: usize| f64::from(laid[at][0]);
        let full = 0.5 * 10f64.powf(-0.3);
        assert_eq!((laid.len(), laid[0], laid[199]), (500, [0.0; 2], [0.0; 2]));
        assert!((level(25) - full / 2.0).abs() < 0.01 && (level(75) - full).abs() < 1e-6, "{} {}", level(25), level(75));
        assert!((level(149) - full / 2.0).abs() < 0.01, "{}", level(149));
        assert!(laid[200..].iter().all(|pair| *pair == [0.0; 2]));
        assert!((laid[75][1] / laid[75][0] - 0.5).abs() < 1e-6, "sides stay apart");
    }
}
