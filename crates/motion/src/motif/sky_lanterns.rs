//! Paper lanterns with a flame inside that rise over a lake between mountains.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, World},
    canvas::Canvas,
    colour::{BLACK, Tint, WHITE, blend, glowing, haze, luminance, plus, scaled},
    curve::{bump, mix, ramp},
    dice::Dice,
    plane::Plane,
    scene::Layer,
    sprite::{CLEAR, Ink, Sprite, ink, over},
};

/// Half the height of a lantern in the middle distance, in units.
const TALL: f32 = 21.0;
/// Depth of the far shore.
const SHORE: f32 = 0.92;

/// Lanterns of one distance.
struct Band {
    depth: f32,
    count: usize,
    /// Whether the shore's water reflects them.
    mirrored: bool,
    blur: usize,
}

/// One colour of lantern, in focus and twice out of it.
struct Paper {
    focus: [Sprite; 3],
    light: Tint,
}

pub(super) struct SkyLanterns {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    papers: Vec<Paper>,
    ridges: Vec<Plane>,
    horizon: f32,
    deep: Tint,
    haze: Tint,
}

impl SkyLanterns {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let horizon = world.half_height * if world.tall() { 0.72 } else { 0.62 };
        let band = |depth: f32, count, blur| {
            let depth = (depth + layer.depth - 0.5).clamp(0.0, 1.3);
            Band { depth, count: casting.count(count), mirrored: depth > 0.4, blur }
        };
        let texels = (2.0 * TALL * nearness(0.1) * layer.scale * world.unit).ceil() as usize;
        let papers = colours.moving.iter().map(|&tint| {
            let sharp = Sprite::paint((texels * 4 / 5).clamp(8, 220), texels.clamp(10, 275), 2, |x, y| lantern(x, y, tint));
            Paper {
                focus: [sharp.clone(), sharp.blurred(0.06), sharp.blurred(0.16)],
                light: glowing(blend(tint, [1.0, 0.42, 0.1], 0.22), 1.0),
            }
        });
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 30.0,
            bands: vec![band(1.3, 170.0, 0), band(0.95, 50.0, 0), band(0.6, 20.0, 0), band(0.3, 7.0, 0), band(0.03, 3.4, 1)],
            papers: papers.collect(),
            ridges: if casting.staged { ridges(&casting, horizon) } else { Vec::new() },
            horizon,
            deep: scaled(colours.sky(0.25), 0.4),
            haze: haze(colours.sky(1.0), colours.moving(0), 0.15),
        }
    }

    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let rise = 25.0 * near.max(0.5) * self.layer.speed.max(0.02);
        let half = TALL * near * self.layer.scale;
        let low =
            if band.mirrored && !self.ridges.is_empty() { self.horizon - half } else { self.world.half_height + 1.4 * half };
        let high = -self.world.half_height - 1.4 * half;
        let wide = self.world.half_width + self.margin + half;
        let dice = self.dice.fork(10 + number as u64);
        let breeze = 14.0 * near * shot.moment.wander(self.dice.fork(3), 0.12);
        for life in shot.moment.glimpses(dice, band.count, (low - high) / rise) {
            let mut hand = dice.fork(1).hand(life.number);
            let x = hand.spread(wide) + breeze + (life.age - 0.4) * hand.spread(60.0) * near;
            let sway = shot.moment.wave(hand.range(0.1, 0.22), hand.unit());
            let paper = &self.papers[hand.index(self.papers.len())];
            let size = hand.range(0.75, 1.15) * half;
            // They are lit on the shore, and far lanterns go out high up rather than leave the picture.
            let lit = life.shown * if band.mirrored { ramp(0.0, 0.08, life.age) } else { 1.0 };
            let flicker = 1.0
                + 0.07 * shot.moment.wave(hand.range(1.4, 2.6), hand.unit())
                + 0.05 * shot.moment.wave(hand.range(3.0, 5.0), 0.0);
            let bright = flicker * hand.range(0.8, 1.1);
            let spot = shot.spot(x + 5.0 * near * sway, mix(low, high, life.age), band.depth);
            if spot.x + 4.0 * size * spot.unit < 0.0
                || spot.x - 4.0 * size * spot.unit > self.world.half_width * 2.0 * self.world.unit
            {
                continue;
            }
            let air = ramp(1.5, 0.7, band.depth);
            canvas.halo(
                spot.x,
                spot.y + 0.3 * size * spot.unit,
                size * 3.4 * spot.unit,
                scaled(paper.light, 0.15 * lit * bright * air),
            );
            if size * spot.unit < 2.2 {
                canvas.spark(
                    spot.x,
                    spot.y,
                    0.75 * size * spot.unit,
                    scaled(paper.light, 1.6 * lit * bright * mix(0.6, 1.0, air)),
                );
                continue;
            }
            let place = spot.turned(0.8 * size, size, 0.012 * sway + hand.spread(0.01));
            canvas.sprite(&paper.focus[band.blur], place, scaled(WHITE, bright * mix(0.7, 1.0, air)), lit);
        }
    }
}

/// A paper bag over a ring with a flame, lit from below. The box is 0.8 wide to 1 high.
fn lantern(x: f32, y: f32, tint: Tint) -> Ink {
    let wide = if y < -0.42 {
        let up = (y + 0.42) / 0.5;
        0.86 * (1.0 - up * up).max(0.0).sqrt().sqrt().min(1.0)
    } else {
        mix(0.86, 0.56, ramp(-0.42, 1.15, y))
    };
    let (low, across) = (0.8 - 0.05 * (1.0 - x * x * 2.0).max(0.0), x / wide.max(1e-3));
    // The open bottom: a thin ring with the flame's light in it.
    let (rx, ry) = (x / 0.6, (y - 0.8) / 0.085);
    let ring = rx * rx + ry * ry;
    let flame = {
        let (fx, fy) = (x / 0.13, (y - 0.74) / 0.2);
        bump((fx * fx + fy * fy).sqrt().min(1.0))
    };
    let hot = blend(glowing(tint, 1.0), [1.0, 0.78, 0.42], 0.42);
    let body = if across.abs() < 1.0 && y > -0.92 && y < low {
        let (dx, dy) = (x * 0.9, y - 0.66);
        let near = 1.0 / (1.0 + 3.1 * (dx * dx + dy * dy));
        // Panels of paper: the light is caught in the folds.
        let fold = (across * 2.2 + 0.5).fract().abs() - 0.5;
        let paper = 1.0 - 0.16 * ramp(0.36, 0.5, fold.abs());
        let limb = 1.0 - 0.5 * across * across * across * across;
        let paper_tint = glowing(blend(tint, [1.0, 0.33, 0.06], 0.12), 0.7);
        let warm = blend(paper_tint, hot, ramp(0.3, 0.95, near));
        ink(scaled(warm, (0.26 + 1.75 * near * near) * paper * limb), 0.97)
    } else {
        CLEAR
    };
    let mouth = if ring < 1.0 { ink(scaled(hot, mix(2.4, 0.8, ring)), 1.0) } else { CLEAR };
    let rim = if (1.0..1.35).contains(&ring) && y > 0.76 { ink(scaled(hot, 0.25), 0.9) } else { CLEAR };
    let lit = over(over(body, rim), mouth);
    let glow = scaled([1.0, 0.85, 0.55], 2.6 * flame * flame);
    over(lit, [glow[0], glow[1], glow[2], 0.0])
}

/// Ridges of mountains in mist, and a village along the shore.
fn ridges(casting: &Casting, horizon: f32) -> Vec<Plane> {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let air = blend(colours.sky(0.92), glowing(colours.moving(0), 0.25), 0.12);
    let dark = scaled(colours.sky(0.0), 0.55);
    let warm = glowing(blend(colours.moving(0), [1.0, 0.65, 0.3], 0.5), 1.0);
    [(1u64, 1.08, 0.62, 0.62, 520.0), (2, 1.0, 0.4, 0.38, 380.0), (3, SHORE, 0.17, 0.1, 300.0)]
        .into_iter()
        .map(|(number, depth, tall, fog, broad)| {
            let dice = dice.fork(30 + number);
            let tall = tall * world.short() * 0.42;
            let crest = move |x: f32| {
                let peak = 1.0 - dice.hills(x / broad).abs();
                let rough = dice.fork(1).hills(x / (broad * 0.31)) * 0.24 + dice.fork(2).hills(x / (broad * 0.09)) * 0.07;
                horizon - tall * (0.28 + 0.62 * peak * peak + rough * (0.3 + peak)).max(0.03)
            };
            let edge = 0.7 / world.unit;
            let near = blend(dark, air, fog);
            Plane::paint_columns(world, &eye, depth, [horizon - 1.5 * tall, horizon + 2.0], crest, |&crest, x, y| {
                let cover = ramp(-edge, edge, y - crest);
                if cover <= 0.0 {
                    return CLEAR;
                }
                let mist = ramp(0.15, 1.0, (y - crest) / (horizon - crest + 14.0)) * mix(0.3, 0.75, fog);
                let mut tint = blend(near, air, mist);
                if number == 3 && horizon - y < 9.0 {
                    let (cell, row) = ((x / 7.0).floor(), ((horizon - y) / 3.0).floor());
                    let light = dice.fork(5).hand((cell as i64 * 8 + row as i64) as u64).unit();
                    let village = ramp(0.1, 0.8, dice.fork(6).hills(x / 140.0));
                    let (dx, dy) = (x / 7.0 - cell - 0.5, (horizon - y) / 3.0 - row - 0.5);
                    if light < 0.34 * village {
                        tint = plus(tint, scaled(warm, 1.6 * bump((3.2 * (dx * dx + 0.18 * dy * dy).sqrt()).min(1.0))));
                    }
                }
                ink(tint, cover)
            })
        })
        .collect()
}

impl Actor for SkyLanterns {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 420.0, y / 80.0) * 0.6 + cloud.fork(1).land(x / 170.0, y / 36.0) * 0.4;
        let low = bump(((y - self.horizon) / (1.1 * self.world.half_height)).clamp(-1.0, 1.0));
        plus(scaled(base, 1.0 + 0.22 * drift), scaled(self.haze, low * (0.8 + 0.3 * drift)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        if self.ridges.is_empty() {
            return;
        }
        for star in 0..130 {
            let mut hand = self.dice.fork(5).hand(star);
            let (x, y) =
                (hand.spread(self.world.half_width * 1.15), mix(-1.1 * self.world.half_height, 0.1 * self.horizon, hand.unit()));
            let spot = shot.spot(x, y, crate::camera::SKY);
            let bright = hand.unit() * (0.35 - luminance(self.deep)).max(0.0);
            canvas.spark(spot.x, spot.y, 0.7 * spot.unit, [1.6 * bright * bright * 3.0; 3]);
        }
        for ridge in &self.ridges {
            ridge.draw(shot, canvas);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let (mirrored, open): (Vec<_>, Vec<_>) = self.bands.iter().enumerate().partition(|(_, band)| band.mirrored);
        for (number, band) in mirrored {
            self.band(shot, canvas, number, band);
        }
        if !self.ridges.is_empty() {
            let shore = shot.spot(0.0, self.horizon, SHORE);
            canvas.mirror(shore.y, 0.66, blend(BLACK, self.deep, 0.35), shot.moment.cycles(0.3, 0.0), shore.unit);
        }
        for (number, band) in open {
            self.band(shot, canvas, number, band);
        }
    }
}
