//! Lines of foam between bubbles, as a texture.

use crate::{
    curve::{mix, ramp},
    dice::Dice,
};

/// Foam's lace, without a seam in either direction.
pub(super) struct Lace {
    side: usize,
    texels: Vec<f32>,
}

impl Lace {
    /// Its period, in heights of the eye.
    pub(super) const PERIOD: f32 = 3.6;

    pub(super) fn new(dice: Dice, unit: f32) -> Self {
        let side = ((512.0 * unit) as usize).clamp(64, 512);
        let cells = 30i64;
        let bubble = |x: i64, y: i64| {
            let mut hand = dice.hand((y.rem_euclid(cells) * cells + x.rem_euclid(cells)) as u64);
            [hand.unit(), hand.unit()]
        };
        let bubbles: Vec<[f32; 2]> = (0..cells * cells).map(|cell| bubble(cell % cells, cell / cells)).collect();
        let patch = |x: f32, y: f32, count: i64| {
            let (cx, cy) = (x.floor(), y.floor());
            let at = |dx: i64, dy: i64| {
                let (column, row) = ((cx as i64 + dx).rem_euclid(count), (cy as i64 + dy).rem_euclid(count));
                dice.fork(count as u64).hand((row * count + column) as u64).unit()
            };
            let (u, v) = (ramp(0.0, 1.0, x - cx), ramp(0.0, 1.0, y - cy));
            mix(mix(at(0, 0), at(1, 0), u), mix(at(0, 1), at(1, 1), u), v)
        };
        let texel = |index: usize| {
            let (x, y) = ((index % side) as f32 / side as f32, (index / side) as f32 / side as f32);
            // Stretched by the wind, and bent so that no two bubbles are alike.
            let (bend, lean) = (2.4 * patch(x * 9.0, y * 9.0, 9), 1.9 * patch(x * 13.0, y * 13.0, 13));
            let (u, v) = (x * cells as f32 + bend, y * cells as f32 + lean);
            let (cx, cy) = (u as i64, v as i64);
            let (mut first, mut second) = (9.0f32, 9.0f32);
            for dy in -1..=1 {
                for dx in -1..=1 {
                    let cell = (cy + dy).rem_euclid(cells) * cells + (cx + dx).rem_euclid(cells);
                    let bubble = bubbles[cell as usize];
                    let (ax, ay) = ((cx + dx) as f32 + bubble[0] - u, (cy + dy) as f32 + bubble[1] - v);
                    let far = ax * ax + ay * ay;
                    if far < first {
                        (first, second) = (far, first);
                    } else {
                        second = second.min(far);
                    }
                }
            }
            let thick = patch(x * 8.0, y * 8.0, 8);
            let lines = ramp(mix(0.12, 0.5, thick), 0.0, second.sqrt() - first.sqrt());
            let grain = patch(x * 61.0, y * 61.0, 61);
            lines
                * (0.55 + 0.6 * grain)
                * ramp(0.22, 0.72, 0.6 * patch(x * 6.0, y * 6.0, 6) + 0.4 * patch(x * 23.0, y * 23.0, 23))
        };
        Self { side, texels: (0..side * side).map(texel).collect() }
    }

    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let side = self.side as f32;
        let place = |v: f32| {
            let v = v / Self::PERIOD;
            (v - v.floor()) * side
        };
        let (u, v) = (place(x), place(y));
        let (cx, cy) = ((u as usize).min(self.side - 1), (v as usize).min(self.side - 1));
        let (nx, ny) = (if cx + 1 == self.side { 0 } else { cx + 1 }, if cy + 1 == self.side { 0 } else { cy + 1 });
        let (upper, lower) = (&self.texels[cy * self.side..], &self.texels[ny * self.side..]);
        let (fu, fv) = (u - cx as f32, v - cy as f32);
        mix(mix(upper[cx], upper[nx], fu), mix(lower[cx], lower[nx], fu), fv)
    }
}
