//! A bottle with a printed band and a fluted cap of metal.

use super::turned::{Form, rounded};
use crate::{
    colour::{Colours, Tint, blend},
    curve::{bump, cosine, fraction, ramp},
};

/// Where the printed band begins and ends.
const BAND: (f32, f32) = (-0.62, 0.0);

pub(super) struct Bottle {
    lead: Tint,
    second: Tint,
    metal: Tint,
}

impl Bottle {
    pub(super) fn new(colours: &Colours) -> Self {
        Self { lead: colours.moving(0), second: colours.moving(1), metal: colours.moving(colours.moving.len() - 1) }
    }
}

impl Form for Bottle {
    const WIDE: f32 = 0.5;
    const FOOT: f32 = 0.44;
    const SOLE: f32 = 0.82;

    fn distance(out: f32, up: f32) -> f32 {
        let body = rounded(out, up, [-0.3, 0.44, 0.52, 0.13]);
        let neck = rounded(out, up, [0.28, 0.12, 0.12, 0.01]);
        body.min(neck).min(Self::cap(out, up))
    }

    fn cap(out: f32, up: f32) -> f32 {
        rounded(out, up, [0.56, 0.2, 0.22, 0.04])
    }

    fn metal(&self) -> Tint {
        self.metal
    }

    /// A band with a row of lozenges along its edges, and an emblem on two sides.
    fn print(&self, around: f32, up: f32) -> Tint {
        let (low, high) = BAND;
        if up < low || up > high {
            let line = bump(((up - low + 0.035).abs().min((up - high - 0.035).abs()) / 0.014).min(1.0));
            return blend(self.lead, self.metal, line);
        }
        let (u, v) = ((fraction(around * 2.0) - 0.5) * 1.4, up - (low + high) / 2.0);
        let far = (u * u + v * v).sqrt();
        let emblem = ramp(0.215, 0.207, far);
        let ring = ramp(0.012, 0.006, (far - 0.18).abs());
        let petals = ramp(0.006, 0.0, far - 0.07 - 0.08 * petal_wave(u, v));
        let small = fraction(around * 24.0) - 0.5;
        let row = ((up - low - 0.045) / 0.07).abs().min(((up - high + 0.045) / 0.07).abs());
        let lozenge = ramp(0.34, 0.27, small.abs() + row * 0.9);
        let band = blend(self.second, self.metal, lozenge * (1.0 - emblem));
        let seal = blend(blend(self.lead, self.metal, ring), self.second, petals);
        blend(band, seal, emblem)
    }
}

/// Eight waves around an emblem.
fn petal_wave(u: f32, v: f32) -> f32 {
    let turn = libm::atan2f(v, u) / std::f32::consts::TAU;
    (0.5 + 0.5 * cosine(turn * 8.0)).max(0.0).sqrt()
}
