//! A ball in coloured panels with a printed belt, resting on a ring of metal.

use super::turned::{Form, rounded};
use crate::{
    colour::{Colours, Tint, WHITE, blend, shaded},
    curve::{fraction, ramp},
};

/// Height of the ball's middle, and its radius.
const MIDDLE: f32 = -0.12;
const RADIUS: f32 = 0.66;

pub(super) struct Ball {
    lead: Tint,
    second: Tint,
    metal: Tint,
    /// Between two panels.
    seam: Tint,
}

impl Ball {
    pub(super) fn new(colours: &Colours) -> Self {
        let lead = colours.moving(0);
        Self { lead, second: colours.moving(1), metal: colours.moving(colours.moving.len() - 1), seam: shaded(lead, 0.55, 1.0) }
    }
}

impl Form for Ball {
    const WIDE: f32 = 0.76;
    const FOOT: f32 = 0.4;
    const SOLE: f32 = 0.82;

    fn distance(out: f32, up: f32) -> f32 {
        ((out * out + (up - MIDDLE) * (up - MIDDLE)).sqrt() - RADIUS).min(Self::cap(out, up))
    }

    /// The ring that the ball rests on.
    fn cap(out: f32, up: f32) -> f32 {
        rounded(out, up, [-0.76, 0.34, 0.06, 0.05])
    }

    fn metal(&self) -> Tint {
        self.metal
    }

    fn print(&self, around: f32, up: f32) -> Tint {
        let up = up - MIDDLE;
        // Twelve panels; the seams between them are as wide everywhere, so they take more turns near the poles.
        let around_here = (RADIUS * RADIUS - up * up).max(0.01).sqrt();
        let place = around * 12.0;
        let panel = if place.floor().rem_euclid(2.0) < 1.0 { self.lead } else { self.second };
        let off = (fraction(place + 0.5) - 0.5).abs() / 12.0 * std::f32::consts::TAU * around_here;
        let panel = blend(panel, self.seam, 0.75 * ramp(0.011, 0.005, off));
        let belt = ramp(0.085, 0.08, up.abs());
        let line = ramp(0.012, 0.008, (up.abs() - 0.105).abs());
        let star = fraction(around * 12.0) - 0.5;
        let spot = ramp(0.3, 0.24, (star * star + (up / 0.16) * (up / 0.16)).sqrt());
        blend(blend(blend(panel, WHITE, 0.8 * line), self.metal, belt), WHITE, belt * spot)
    }
}
