//! Colour grading: the white that a picture is seen in, its colourfulness, and the curve from light to code.

use std::sync::{Arc, LazyLock};

use crate::{
    colour::encode,
    curve::{mix, ramp},
    scene::Finish,
};

/// Finest light that is told from black, as a power of two.
const DARKEST: u32 = 127 - 13;
/// Steps of the tone curve per doubling of light, as a power of two: at white a step is a fifth of an 8-bit code.
const FINENESS: u32 = 9;
/// From 2⁻¹³ to 2⁴.
const STEPS: usize = 17 << FINENESS;
/// The least and the most light on the curve.
const ENDS: (f32, f32) = (0.000_122_1, 15.99);
/// A power of two, so that an index into the curve needs no check.
const PLACES: usize = STEPS.next_power_of_two();

/// What red, green and blue weigh in brightness, Rec. 709.
const WEIGHT: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// The curve of a finish without contrast.
static PLAIN: LazyLock<Tone> = LazyLock::new(|| Tone::new(0.0));

/// Codes times 256 by the light's exponent and leading digits.
#[derive(Debug, Clone)]
pub(crate) struct Tone(Arc<[u16]>);

impl Tone {
    pub(crate) fn of(finish: &Finish) -> Self {
        if finish.contrast == 0.0 { PLAIN.clone() } else { Self::new(finish.contrast) }
    }

    fn new(contrast: f32) -> Self {
        let code = |step: usize| {
            let bits = ((step as u32) << (23 - FINENESS)) + (1 << (22 - FINENESS)) + (DARKEST << 23);
            let light = if step == 0 { 0.0 } else { f32::from_bits(bits) };
            (contrasted(encode(shoulder(light)), contrast) * 255.0 * 256.0) as u16
        };
        let whole = (0..STEPS).map(code);
        Self(whole.chain(std::iter::repeat_n(u16::MAX, PLACES - STEPS)).collect())
    }

    pub(crate) fn curve(&self) -> Curve<'_> {
        Curve(self.0.as_ref().try_into().expect("the tone curve has its steps"))
    }
}

/// A tone curve, ready to be looked up.
#[derive(Clone, Copy)]
pub(crate) struct Curve<'a>(&'a [u16; PLACES]);

impl Curve<'_> {
    /// Where on the curve each light is.
    #[inline(always)]
    pub(crate) fn steps(self, light: &[f32], steps: &mut [u32]) {
        for (step, &v) in steps.iter_mut().zip(light) {
            // Comparisons, and not `clamp`: these become single instructions.
            let v = if v > ENDS.0 { v } else { ENDS.0 };
            let v = if v < ENDS.1 { v } else { ENDS.1 };
            *step = (v.to_bits() - (DARKEST << 23)) >> (23 - FINENESS);
        }
    }

    /// The code of a step, times 256.
    #[inline(always)]
    pub(crate) fn code(self, step: u32) -> u16 {
        self.0[step as usize % PLACES]
    }
}

/// Brand colours stay as they are; what is brighter than most of them rolls off towards white.
fn shoulder(v: f32) -> f32 {
    const START: f32 = 0.72;
    if v <= START { v } else { START + (1.0 - START) * (1.0 - libm::expf((START - v) / (1.0 - START))) }
}

/// A code from 0 to 1 after grading: harder by an S around the middle, softer by raised blacks and lowered whites, as print
/// on matte paper has.
fn contrasted(code: f32, contrast: f32) -> f32 {
    if contrast >= 0.0 { mix(code, ramp(0.0, 1.0, code), contrast) } else { mix(code, mix(0.1, 0.92, code), -contrast) }
}

/// What warmth and saturation do to light: three columns of a matrix, for what red, green and blue become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Balance([[f32; 4]; 3]);

impl Balance {
    /// `None` if the finish changes no colour.
    pub(crate) fn of(finish: &Finish) -> Option<Self> {
        if finish.warmth == 0.0 && finish.saturation == 0.0 {
            return None;
        }
        // A third of a stop more red and half a stop less blue, as from noon to the last hour of the day, at the same
        // brightness of white.
        let gain = [0.35, 0.02, -0.5].map(|stops: f32| libm::exp2f(stops * finish.warmth));
        let white: f32 = (0..3).map(|channel| gain[channel] * WEIGHT[channel]).sum();
        let colourful = 1.0 + finish.saturation;
        Some(Self(std::array::from_fn(|from| {
            let gain = gain[from] / white;
            let grey = (1.0 - colourful) * WEIGHT[from];
            let mut column = [gain * grey; 4];
            column[from] += gain * colourful;
            column
        })))
    }

    #[inline(always)]
    pub(crate) fn graded(&self, light: [f32; 4]) -> [f32; 4] {
        let [red, green, blue] = &self.0;
        std::array::from_fn(|channel| light[0] * red[channel] + light[1] * green[channel] + light[2] * blue[channel])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(warmth: f32, saturation: f32) -> Balance {
        Balance::of(&Finish { warmth, saturation, ..Finish::default() }).expect("it changes colours")
    }

    #[test]
    fn a_plain_finish_changes_no_colour_and_shares_its_curve() {
        assert_eq!(Balance::of(&Finish { glow: 1.0, contrast: 0.5, ..Finish::default() }), None);
        assert!(Arc::ptr_eq(&Tone::of(&Finish::default()).0, &PLAIN.0));
    }

    #[test]
    fn warm_white_is_as_bright_as_white_and_golden() {
        for warmth in [-1.0f32, 0.4, 1.0] {
            let [red, green, blue, _] = balance(warmth, 0.0).graded([0.5, 0.5, 0.5, 0.0]);
            let bright = red * WEIGHT[0] + green * WEIGHT[1] + blue * WEIGHT[2];
            assert!((bright - 0.5).abs() < 1e-5, "{bright}");
            assert!((red - blue) * warmth.signum() > 0.1, "red {red}, blue {blue} at {warmth}");
        }
    }

    #[test]
    fn saturation_keeps_brightness_and_leaves_no_colour_at_its_least() {
        let light = [0.6, 0.2, 0.1, 0.0];
        let [red, green, blue, _] = balance(0.0, -1.0).graded(light);
        assert!((red - green).abs() < 1e-6 && (green - blue).abs() < 1e-6, "{red} {green} {blue}");
        let more = balance(0.0, 0.5).graded(light);
        let bright = |light: [f32; 4]| (0..3).map(|channel| light[channel] * WEIGHT[channel]).sum::<f32>();
        assert!((bright(more) - bright(light)).abs() < 1e-6);
        assert!(more[0] > 0.65 && more[2] < 0.05, "{more:?}");
    }

    #[test]
    fn contrast_moves_the_ends_and_keeps_their_order() {
        let at = |contrast: f32, light: f32| {
            let tone = Tone::of(&Finish { contrast, ..Finish::default() });
            {
                let mut step = [0];
                tone.curve().steps(&[light], &mut step);
                tone.curve().code(step[0])
            }
        };
        assert!(at(0.8, 0.02) < at(0.0, 0.02) && at(0.8, 0.6) > at(0.0, 0.6), "harder");
        assert!(at(-0.8, 0.0) > 10 * 256 && at(-0.8, 4.0) < 250 * 256, "matte");
        for contrast in [-1.0, 0.0, 1.0] {
            let tone = Tone::of(&Finish { contrast, ..Finish::default() });
            assert!(tone.0.windows(2).all(|pair| pair[0] <= pair[1]), "the curve falls at {contrast}");
        }
    }
}
