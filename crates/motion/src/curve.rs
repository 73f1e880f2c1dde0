//! Curves made of plain arithmetic, the same on every machine.

/// The whole part of a number that fits into 32 bits, rounded down: [`f32::floor`] without a call.
fn floor(x: f32) -> f32 {
    let whole = x as i32 as f32;
    if whole > x { whole - 1.0 } else { whole }
}

/// 1.5 × 2²³: a number added to it is rounded to the nearest whole one, as no bits are left behind the point.
const WHOLE: f32 = 12_582_912.0;

/// Sine of an angle of less than four million turns, within 0.000004: a large picture turned by it is not bent.
///
/// There is no branch and no call in it, so that a loop over many angles becomes vector instructions.
pub(crate) fn sine(turns: f32) -> f32 {
    let x = turns - ((turns + WHOLE) - WHOLE);
    // The outer quarters mirror the inner ones.
    let x = if x.abs() > 0.25 { 0.5f32.copysign(x) - x } else { x };
    let z = x * std::f32::consts::TAU;
    let z2 = z * z;
    // Taylor's series, as z is at most a quarter of a turn.
    z * (1.0 + z2 * (-1.0 / 6.0 + z2 * (1.0 / 120.0 + z2 * (-1.0 / 5040.0 + z2 / 362_880.0))))
}

/// Cosine of an angle in turns, within 0.000004.
pub(crate) fn cosine(turns: f32) -> f32 {
    sine(turns + 0.25)
}

/// From `a` (at 0) to `b` (at 1).
pub(crate) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between. `low` may be the larger one.
pub(crate) fn ramp(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// 1 at 0, falling to 0 at ±1, smooth at both.
pub(crate) fn bump(x: f32) -> f32 {
    let q = (1.0 - x * x).max(0.0);
    q * q
}

/// How much of a life from 0 to 1 is visible: in over the first `share`, out over the last.
pub(crate) fn fade(age: f32, share: f32) -> f32 {
    ramp(0.0, share, age) * ramp(1.0, 1.0 - share, age)
}

/// The fraction of `x`, in 0..1.
pub(crate) fn fraction(x: f32) -> f32 {
    x - floor(x)
}
