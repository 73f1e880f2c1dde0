//! Fine glittering dust that drifts through shafts of light: grains too small to see but for their glints, flakes that
//! turn, and what is so near that it is out of focus.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{SKY, Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled, shaded},
    curve::{bump, fade, mix, ramp},
    dice::{Dice, Hand},
    scene::Layer,
    sprite::{Sprite, ink},
    tempo::Moment,
};

/// Steps of the fan of light from its left edge to its right.
const RAYS: usize = 256;

pub(super) struct GoldDust {
    dice: Dice,
    layer: Layer,
    colours: Colours,
    world: World,
    reach: f32,
    night: bool,
    /// Where the light comes from, beyond the upper edge, and how far the fan opens: across per down.
    lamp: (f32, f32),
    open: (f32, f32),
    /// Which way the drift rises: away from the light.
    lean: f32,
    flake: Sprite,
    disc: Profile,
    staged: bool,
}

/// How bright the fan is at one instant, from its left edge to its right.
struct Fan<'a> {
    dust: &'a GoldDust,
    rays: [f32; RAYS + 1],
}

impl Fan<'_> {
    /// Light at a place of the world, 0 to about 1.
    fn at(&self, x: f32, y: f32) -> f32 {
        let dust = self.dust;
        let down = (y - dust.lamp.1).max(1.0);
        let slope = (x - dust.lamp.0) / down;
        let place = ((slope - dust.open.0) / (dust.open.1 - dust.open.0)).clamp(0.0, 1.0) * RAYS as f32;
        let index = (place as usize).min(RAYS - 1);
        let ray = mix(self.rays[index], self.rays[index + 1], place - index as f32);
        ray * ramp(3.4, 0.4, down / dust.world.half_height)
    }
}

impl GoldDust {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let mut hand = dice.hand(1);
        let side = if hand.chance(0.5) { 1.0 } else { -1.0 };
        let lamp = (side * hand.range(0.5, 0.95) * world.half_width, -1.75 * world.half_height);
        // From the lamp, both lower corners and a little beyond.
        let wide = world.half_width + casting.eye.reach(SKY);
        let (left, right) = ((-wide - lamp.0) / (0.75 * world.half_height), (wide - lamp.0) / (0.75 * world.half_height));
        Self {
            dice,
            layer,
            colours: colours.clone(),
            world,
            reach: casting.eye.reach(0.0) + 40.0,
            night: colours.night(),
            lamp,
            lean: -side,
            open: (left.max(-2.6), right.min(2.6)),
            flake: Sprite::paint(16, 16, 2, |x, y| ink(WHITE, ramp(1.0, 0.4, (x * x + y * y).sqrt()))),
            disc: Profile::new(|r| ramp(1.0, 0.72, r) * mix(0.7, 1.0, r * r)),
            staged: casting.staged,
        }
    }

    fn fan(&self, moment: &Moment) -> Fan<'_> {
        let waves: [f32; 4] = std::array::from_fn(|wave| {
            moment.wave([0.11, 0.17, 0.08, 0.23][wave] * self.layer.speed.max(0.1), [0.0, 0.3, 0.6, 0.15][wave])
        });
        let rays = std::array::from_fn(|step| {
            let place = step as f32 / RAYS as f32;
            let hills = |name: u64, rate: f32| self.dice.fork(name).hills(place * rate);
            let broad = hills(40, 4.0) + 0.5 * waves[0] * hills(41, 5.0);
            let fine = hills(42, 17.0) * (0.7 + 0.3 * waves[1]) + waves[2] * hills(43, 13.0) + 0.5 * waves[3] * hills(44, 31.0);
            let edge = ramp(0.0, 0.2, place) * ramp(1.0, 0.8, place);
            let light = ramp(-0.75, 1.35, broad + 0.42 * fine);
            light * (0.35 + 0.65 * light) * edge
        });
        Fan { dust: self, rays }
    }

    /// The shafts themselves, in the canvas's soft light.
    fn shafts(&self, shot: &Shot, canvas: &mut Canvas, fan: &Fan) {
        let spot = shot.spot(0.0, 0.0, SKY);
        let strength = if self.night { 0.105 } else { 0.2 } * if self.staged { 1.0 } else { 0.6 };
        let tint = scaled(blend(glowing(self.colours.moving(0), 1.0), WHITE, 0.15), strength);
        let step = 4.0 / spot.unit;
        for row in 0..canvas.soft.height {
            let y = (row as f32 * 4.0 + 2.0 - spot.y) / spot.unit;
            let mut x = (2.0 - spot.x) / spot.unit;
            for pixel in canvas.soft.row_mut(row) {
                let light = fan.at(x, y);
                for (channel, tint) in pixel.iter_mut().zip(tint) {
                    *channel += tint * light;
                }
                x += step;
            }
        }
    }

    /// The middle of the drift at a place across.
    fn drift(&self, x: f32) -> f32 {
        let across = x / self.world.half_width;
        self.world.half_height * (0.12 + 0.5 * self.dice.fork(2).hills(0.8 * across + 5.0) - 0.3 * self.lean * across)
    }

    /// Where a grain is: along the drift, or anywhere, carried to one side and stirred.
    fn place(&self, shot: &Shot, hand: &mut Hand, age: f32, thick: f32, swift: f32) -> (f32, f32) {
        let speed = self.layer.speed.max(0.05);
        let from = hand.spread(self.world.half_width + self.reach);
        let along = (age - 0.5) * swift * hand.range(0.6, 1.4);
        let off = hand.bell(thick);
        let free = hand.spread(1.1);
        let loose = hand.chance(0.38);
        let x = from + along;
        let level = if loose { free * self.world.half_height } else { self.drift(x) + off * self.world.half_height };
        let stir = shot.moment.wave(hand.range(0.06, 0.16) * speed, hand.unit());
        let curl = shot.moment.wave(hand.range(0.15, 0.3) * speed, hand.unit());
        (x + 9.0 * curl, level + 16.0 * stir + 5.0 * curl - 0.25 * along)
    }

    fn tint(&self, hand: &mut Hand) -> Tint {
        let index = (hand.unit() * hand.unit() * self.colours.moving.len() as f32) as usize;
        self.colours.moving(index)
    }

    fn grains(&self, shot: &Shot, canvas: &mut Canvas, fan: &Fan) {
        let speed = self.layer.speed;
        let size = self.layer.scale.clamp(0.5, 2.2);
        for (number, (away, count, radius, swift)) in
            [(0.4, 1100.0, (0.5, 1.0), 40.0), (0.1, 480.0, (0.9, 1.9), 75.0), (-0.2, 90.0, (1.7, 3.4), 130.0)]
                .into_iter()
                .enumerate()
        {
            let dice = self.dice.fork(10 + number as u64);
            let depth = (self.layer.depth + away).clamp(0.0, 1.1);
            for life in shot.moment.lives(dice, (count * self.layer.amount) as usize, 8.0 / speed.max(0.05)) {
                let mut hand = dice.fork(1).hand(life.number);
                let (x, y) = self.place(shot, &mut hand, life.age, mix(0.36, 0.7, number as f32 / 2.0), swift);
                // A flake shines when it turns its face.
                let face = shot.moment.wave(hand.range(0.25, 1.1) * speed, hand.unit()).max(0.0);
                let glint = face * face * face * face;
                let lit = 0.25 + 1.3 * fan.at(x, y);
                let shown = fade(life.age, 0.2);
                let bright = shown * lit * (0.2 + 2.6 * glint * glint);
                let spot = shot.spot(x, y, depth);
                let radius = hand.range(radius.0, radius.1) * size;
                let lead = self.tint(&mut hand);
                if self.night {
                    let tint = blend(glowing(lead, 1.0), WHITE, 0.55 * glint * glint);
                    canvas.spark(spot.x, spot.y, radius * spot.unit, scaled(tint, 1.7 * bright));
                    if number == 2 && glint > 0.5 {
                        canvas.halo(spot.x, spot.y, 9.0 * radius * spot.unit, scaled(tint, 0.2 * bright));
                    }
                } else {
                    let tint = plus(shaded(lead, mix(0.84, 1.15, glint), 1.3), scaled(WHITE, 1.2 * glint * glint * glint));
                    let half = (2.1 * radius).max(0.9 / spot.unit);
                    canvas.sprite(&self.flake, spot.upright(half, half), tint, shown * mix(0.6, 1.0, lit.min(1.0)));
                }
            }
        }
    }

    /// What is so near, or so far, that a lens makes discs of it.
    fn discs(&self, shot: &Shot, canvas: &mut Canvas, fan: &Fan) {
        let speed = self.layer.speed;
        for (number, (away, count, radius, strength)) in
            [(0.5, 70.0, (3.0, 9.0), 0.2), (-0.45, 22.0, (11.0, 34.0), 0.1)].into_iter().enumerate()
        {
            let dice = self.dice.fork(20 + number as u64);
            let depth = (self.layer.depth + away).clamp(0.0, 1.1);
            for life in shot.moment.lives(dice, (count * self.layer.amount) as usize, 9.0 / speed.max(0.05)) {
                let mut hand = dice.fork(1).hand(life.number);
                let (x, y) = self.place(shot, &mut hand, life.age, 0.75, if number == 0 { 30.0 } else { 190.0 });
                let breath = 0.7 + 0.3 * shot.moment.wave(hand.range(0.15, 0.5) * speed, hand.unit());
                let spot = shot.spot(x, y, depth);
                let radius = hand.range(radius.0, radius.1) * nearness(depth).sqrt() * self.layer.scale * spot.unit;
                let bright = strength * breath * fade(life.age, 0.25) * (0.35 + fan.at(x, y));
                let tint = if self.night { glowing(self.tint(&mut hand), 1.0) } else { scaled(WHITE, 1.6) };
                canvas.disc(spot.x, spot.y, radius.max(0.8), &self.disc, scaled(tint, bright));
            }
        }
    }
}

impl Actor for GoldDust {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        // Where the lamp is it is brighter, and the drift hangs in the air as a haze.
        let (dx, dy) = ((x - self.lamp.0) / (1.5 * self.world.half_width), (y - self.lamp.1) / (2.6 * self.world.half_height));
        let near = bump((dx * dx + dy * dy).sqrt().min(1.0));
        let off = (y - self.drift(x)) / (0.75 * self.world.half_height);
        let smoke = self.dice.fork(6).land(x / 170.0, y / 110.0) * 0.6 + self.dice.fork(7).land(x / 60.0, y / 45.0) * 0.25;
        let drift = bump(off.clamp(-1.0, 1.0)) * (0.75 + 0.6 * smoke).max(0.0);
        let strength = if self.night { 1.0 } else { 0.45 };
        plus(base, scaled(haze(self.colours.sky(0.5), self.colours.moving(0), 1.0), strength * (0.035 * near + 0.028 * drift)))
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let fan = self.fan(&shot.moment);
        if !canvas.looks_ahead() {
            self.shafts(shot, canvas, &fan);
        }
        self.grains(shot, canvas, &fan);
        self.discs(shot, canvas, &fan);
    }
}
