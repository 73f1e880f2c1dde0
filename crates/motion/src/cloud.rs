//! Clouds, painted once.

use crate::{
    colour::{Tint, blend},
    curve::{bump, mix, ramp},
    dice::Dice,
    sprite::{CLEAR, Sprite, ink},
};

/// How a cloud catches the light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Where it faces the light, and where it does not.
    pub(crate) lit: Tint,
    pub(crate) shade: Tint,
    /// Towards the light, in the picture's half width and half height.
    pub(crate) light: (f32, f32),
    /// From a heap (0) to a streak (1).
    pub(crate) flat: f32,
    /// How much of what lies behind it is hidden at most, 0 to 1.
    pub(crate) dense: f32,
}

/// One cloud that fills its picture; other dice make another cloud.
pub(crate) fn cloud(dice: Dice, width: usize, height: usize, look: Look) -> Sprite {
    // Noise is as fine across as it is down, whatever the picture's ratio is.
    let ratio = width as f32 / height as f32;
    let noise = |x: f32, y: f32| {
        let (u, v) = (x * ratio * mix(1.3, 0.42, look.flat), y * mix(1.3, 1.9, look.flat));
        0.5 * dice.land(u, v)
            + 0.28 * dice.fork(1).land(2.1 * u, 2.1 * v)
            + 0.16 * dice.fork(2).land(4.4 * u, 4.4 * v)
            + 0.09 * dice.fork(3).land(9.1 * u, 9.1 * v)
    };
    let thick = |x: f32, y: f32| {
        // A heap has a flat foot and a round top, a streak thins out on all sides.
        let foot = mix(ramp(1.0, 0.45, y), 1.0, look.flat);
        let low = y - mix(0.25, 0.0, look.flat);
        let within = bump((x * x + low * low * mix(1.0, 1.5, look.flat)).sqrt().min(1.0)) * foot;
        within * (1.0 + 0.2 * look.flat) + 1.15 * noise(x, y) * within.sqrt() - 0.24
    };
    Sprite::paint(width, height, 1, |x, y| {
        let here = thick(x, y);
        let cover = ramp(0.0, 0.62, here);
        if cover <= 0.0 {
            return CLEAR;
        }
        let there = thick(x + 0.11 * look.light.0 / ratio.max(1.0).sqrt(), y + 0.2 * look.light.1);
        let facing = 0.5 + 0.9 * (here - there) + 0.25 * (x * look.light.0 + y * look.light.1) * (1.0 - look.flat);
        ink(blend(look.shade, look.lit, ramp(0.05, 0.95, facing)), cover * look.dense)
    })
}
