//! What leaves look like: five kinds, drawn with their tip up.

use crate::{
    colour::{Tint, WHITE, blend, scaled, shaded},
    curve::{bump, cosine, mix, ramp},
    dice::Dice,
    sprite::{CLEAR, Ink, ink},
};

/// What tree it fell from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Maple,
    Oak,
    Birch,
    Ginkgo,
    Willow,
}

impl Kind {
    pub(super) const ALL: [Kind; 5] = [Kind::Maple, Kind::Birch, Kind::Oak, Kind::Ginkgo, Kind::Willow];

    /// Half its width, in half lengths.
    pub(super) fn wide(self) -> f32 {
        match self {
            Kind::Maple | Kind::Ginkgo => 1.0,
            Kind::Oak => 0.72,
            Kind::Birch => 0.66,
            Kind::Willow => 0.3,
        }
    }

    /// How far inside the blade a place is (above 0), and how near a vein (0 to 1).
    fn blade(self, x: f32, y: f32) -> (f32, f32) {
        match self {
            Kind::Maple => maple(x, y),
            Kind::Ginkgo => ginkgo(x, y),
            Kind::Oak => {
                let t = (0.62 - y) / 1.56;
                let lobes = 0.74 + 0.26 * cosine(4.5 * t + 0.42);
                feather(x, t, 0.66 * swell(t, 0.58) * lobes, 4.5, 0.55)
            }
            Kind::Birch => {
                let t = (0.62 - y) / 1.56;
                let saw = (t * 17.0) - (t * 17.0).floor();
                feather(x, t, 0.62 * swell(t, 0.36) * (0.93 + 0.07 * saw), 7.0, 0.7)
            }
            Kind::Willow => {
                let t = (0.74 - y) / 1.7;
                feather(x, t, 0.27 * swell(t, 0.42), 9.0, 1.1)
            }
        }
    }
}

/// The outline of a simple leaf: 0 at its foot and its tip, 1 where it is widest.
fn swell(t: f32, widest: f32) -> f32 {
    if !(0.0..1.0).contains(&t) {
        return 0.0;
    }
    let u = if t < widest { t / widest } else { (1.0 - t) / (1.0 - widest) };
    // Round at the foot, drawn out at the tip.
    if t < widest { (u * (2.0 - u)).sqrt() } else { u * (2.0 - u) * mix(0.75, 1.0, u) }
}

/// A leaf with one rib and side veins that rise from it.
fn feather(x: f32, t: f32, wide: f32, veins: f32, slant: f32) -> (f32, f32) {
    if wide <= 0.0 {
        return (-1.0, 0.0);
    }
    let rib = bump((x / mix(0.035, 0.012, t)).clamp(-1.0, 1.0));
    let place = (t - slant * x.abs()) * veins;
    let off = (place - place.floor() - 0.5).abs();
    let side = bump((off / 0.09).min(1.0)) * ramp(wide, 0.5 * wide, x.abs());
    (wide - x.abs(), rib.max(0.55 * side))
}

/// Five pointed, toothed lobes around the end of the stem.
fn maple(x: f32, y: f32) -> (f32, f32) {
    let (mut inside, mut vein) = (-1.0f32, 0.0f32);
    // Direction of each lobe from the end of the stem (sine and cosine of 0, 49 and 104 degrees), its length and breadth.
    for (s, c, long, broad) in [
        (0.0, 1.0, 1.3, 0.3),
        (0.7501, 0.6613, 1.12, 0.27),
        (-0.7501, 0.6613, 1.12, 0.27),
        (0.9686, -0.2487, 0.72, 0.2),
        (-0.9686, -0.2487, 0.72, 0.2),
    ] {
        let (u, v) = (x, 0.36 - y);
        let (along, across) = (v * c + u * s, (u * c - v * s).abs());
        let t = along / long;
        if !(-0.06..1.0).contains(&t) {
            continue;
        }
        let teeth = t * 4.0 - (t * 4.0).floor();
        let shape = ramp(-0.1, 0.42, t).sqrt() * (1.0 - t) * 1.75;
        let wide = broad * (shape.min(1.0) * (0.82 + 0.22 * teeth)).min(1.05 * (1.0 - t) * 2.2);
        inside = inside.max(wide - across);
        let rib = bump((across / mix(0.026, 0.008, t.max(0.0))).min(1.0));
        let place = (t - 0.9 * across) * 7.0;
        let side = bump(((place - place.floor() - 0.5).abs() / 0.1).min(1.0)) * ramp(wide, 0.3 * wide, across);
        vein = vein.max(rib).max(0.45 * side * f32::from(u8::from(wide > across)));
    }
    let (dx, dy) = (x, y - 0.1);
    (inside.max(0.4 - (dx * dx + dy * dy).sqrt()), vein)
}

/// A fan with a notch and a wavy edge.
fn ginkgo(x: f32, y: f32) -> (f32, f32) {
    let (u, v) = (x, 0.56 - y);
    let far = (u * u + v * v).sqrt();
    // 0 straight up, 1 to the side.
    let aside = libm::atan2f(u.abs(), v.max(1e-3)) / std::f32::consts::FRAC_PI_2;
    let reach = 1.36 * (1.0 - 0.2 * aside * aside) + 0.035 * cosine(aside * 5.0 + 0.1) - 0.34 * bump((aside / 0.07).min(1.0));
    let side = (0.8 - aside) * far * 1.4;
    let place = aside * 17.0;
    let vein = 0.5 * bump(((place - place.floor() - 0.5).abs() / 0.2).min(1.0)) * ramp(0.1, 0.5, far);
    ((reach - far).min(side), vein)
}

/// A leaf of a colour, with patches of a second one; a different one with every dice.
pub(super) fn leaf(kind: Kind, x: f32, y: f32, tint: Tint, second: Tint, dice: Dice) -> Ink {
    let x = x * kind.wide();
    // A bend that differs from leaf to leaf.
    let x = x + 0.07 * (y * y - 0.3) * if dice.hand(1).chance(0.5) { 1.0 } else { -1.0 };
    let (inside, vein) = kind.blade(x, y);
    let foot = match kind {
        Kind::Maple => 0.36,
        Kind::Ginkgo => 0.5,
        Kind::Willow => 0.72,
        Kind::Oak | Kind::Birch => 0.6,
    };
    let stem = x.abs() < mix(0.018, 0.03, ramp(foot, 1.0, y)) && (foot - 0.02..0.99).contains(&y);
    let dark = scaled(shaded(tint, 0.6, 0.8), 0.8);
    if inside <= 0.0 {
        return if stem { ink(dark, 1.0) } else { CLEAR };
    }
    // Colour runs from the ribs to the edge, in patches, with a few brown spots.
    let patch = dice.land(x * 2.3 + 5.0, y * 2.3) * 0.6 + dice.fork(1).land(x * 6.0, y * 6.0) * 0.4;
    let edge = ramp(0.16, 0.0, inside);
    let spots = ramp(0.62, 0.85, dice.fork(2).land(x * 11.0, y * 11.0) + 0.25 * edge);
    let mottled = blend(tint, second, 0.6 * ramp(-0.15, 0.75, patch));
    let aged = blend(mottled, shaded(tint, 0.68, 0.9), 0.5 * edge + 0.4 * spots);
    let light = 1.0 + 0.1 * patch - 0.14 * ramp(0.0, 0.5, y) + 0.16 * x;
    let ribbed = blend(aged, blend(tint, WHITE, 0.38), 0.5 * vein);
    ink(scaled(ribbed, light), ramp(0.0, 0.02, inside) * 0.98)
}
