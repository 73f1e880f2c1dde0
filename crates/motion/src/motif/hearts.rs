//! Glossy hearts that rise, sway and beat.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, World},
    canvas::Canvas,
    colour::{Colours, Tint, WHITE, blend, haze, plus, scaled, shaded},
    curve::{bump, cosine, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Ink, Sprite, ink},
};

/// Half the width of a heart in the middle distance, in units.
const HALF: f32 = 36.0;

/// Hearts of one distance.
struct Band {
    depth: f32,
    count: usize,
    blur: usize,
    opacity: f32,
}

pub(super) struct Hearts {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    /// A heart of each colour: in focus, and twice out of it.
    hearts: Vec<[Sprite; 3]>,
    colours: Colours,
    light: Tint,
    sparkle: Tint,
}

impl Hearts {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let band = |depth: f32, count, blur, opacity| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            blur,
            opacity,
        };
        let form = Form::new(((2.0 * HALF * nearness(0.2) * layer.scale * world.unit).ceil() as usize).clamp(8, 220));
        let hearts = colours.moving.iter().map(|&tint| {
            let sharp = form.coloured(tint);
            [sharp.clone(), sharp.blurred(0.09), sharp.blurred(0.3)]
        });
        let night = colours.night();
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 60.0,
            bands: vec![
                band(1.2, 22.0, 1, 0.55),
                band(0.9, 16.0, 0, 0.85),
                band(0.55, 12.0, 0, 1.0),
                band(0.3, 5.0, 0, 1.0),
                band(0.0, 2.6, 2, 0.6),
            ],
            hearts: hearts.collect(),
            colours: colours.clone(),
            light: if night { haze(colours.sky(0.7), colours.moving(0), 0.1) } else { scaled(WHITE, 0.12) },
            sparkle: blend(colours.moving(1), WHITE, 0.6),
        }
    }
}

/// A heart's relief: how high it swells over each texel, and how it catches light. Colour comes after.
struct Form {
    side: usize,
    /// The rim's distance from the middle by angle.
    rim: Vec<f32>,
}

impl Form {
    const ANGLES: usize = 720;

    fn new(side: usize) -> Self {
        let inside = |x: f32, y: f32| {
            // The classic sextic curve, with its middle moved to where the two lobes meet the body.
            let (x, y) = (x * 1.2, -(y * 1.14) + 0.12);
            let q = x * x + y * y - 1.0;
            q * q * q - x * x * y * y * y < 0.0
        };
        let rim = (0..Self::ANGLES).map(|step| {
            let turn = step as f32 / Self::ANGLES as f32;
            let (dx, dy) = (cosine(turn), sine(turn));
            let (mut low, mut high) = (0.0, 1.6);
            for _ in 0..18 {
                let middle = (low + high) / 2.0;
                *if inside(dx * middle, dy * middle) { &mut low } else { &mut high } = middle;
            }
            low
        });
        Self { side, rim: rim.collect() }
    }

    /// The share of the way from the middle to the rim.
    fn outward(&self, x: f32, y: f32) -> f32 {
        let place = libm::atan2f(y, x) / std::f32::consts::TAU;
        let place = (place - place.floor()) * Self::ANGLES as f32;
        let index = place as usize;
        let part = place - index as f32;
        let rim = mix(self.rim[index % Self::ANGLES], self.rim[(index + 1) % Self::ANGLES], part);
        (x * x + y * y).sqrt() / rim
    }

    fn height(&self, x: f32, y: f32) -> f32 {
        let out = self.outward(x, y).min(1.0);
        // A cushion: steep at the rim, nearly flat in the middle.
        let round = (1.0 - out * out).max(0.0).sqrt();
        0.62 * mix(round, (1.0 - out * out * out).max(0.0), 0.35)
    }

    fn coloured(&self, tint: Tint) -> Sprite {
        let deep = shaded(tint, 0.62, 1.1);
        let bright = shaded(tint, 1.1, 0.98);
        let pale = blend(tint, WHITE, 0.55);
        Sprite::paint(self.side, self.side, 2, |x, y| self.shade(x, y, tint, deep, bright, pale))
    }

    fn shade(&self, x: f32, y: f32, tint: Tint, deep: Tint, bright: Tint, pale: Tint) -> Ink {
        let out = self.outward(x, y);
        if out >= 1.0 {
            return CLEAR;
        }
        const STEP: f32 = 0.02;
        let (gx, gy) = (
            (self.height(x + STEP, y) - self.height(x - STEP, y)) / (2.0 * STEP),
            (self.height(x, y + STEP) - self.height(x, y - STEP)) / (2.0 * STEP),
        );
        let length = (gx * gx + gy * gy + 1.0).sqrt();
        let normal = [-gx / length, -gy / length, 1.0 / length];
        let dot = |light: [f32; 3]| normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2];
        let key = dot([-0.46, -0.66, 0.59]);
        let body = blend(deep, bright, ramp(-0.45, 0.95, key));
        // A window's reflection above, a bounce of the tint below, a rim of light where the surface turns away.
        let gloss = ramp(0.9, 0.985, dot([-0.36, -0.56, 0.745]));
        let sheen = 0.3 * ramp(0.35, 1.0, key) * ramp(0.55, 0.1, y + 0.3);
        let rim = ramp(0.55, 0.05, normal[2]) * ramp(0.2, 0.9, dot([0.5, 0.75, 0.43]));
        let colour = plus(
            plus(body, scaled(pale, 0.2 * sheen + 0.38 * rim)),
            plus(scaled(WHITE, 0.85 * gloss * gloss), scaled(tint, 0.12 * rim)),
        );
        ink(colour, 1.0)
    }
}

/// Two beats and a rest, 0 to 1 to 0, over one turn.
fn beat(turn: f32) -> f32 {
    let turn = turn - turn.floor();
    bump(((turn - 0.16) / 0.15).clamp(-1.0, 1.0)) + 0.6 * bump(((turn - 0.42) / 0.17).clamp(-1.0, 1.0))
}

impl Actor for Hearts {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x / self.world.half_width, (y + 0.15 * self.world.half_height) / self.world.half_height);
        let middle = bump(((dx * dx * 0.7 + dy * dy * 0.7).sqrt() / 1.2).min(1.0));
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 280.0, y / 200.0);
        plus(scaled(base, 1.0 + 0.05 * drift), scaled(self.light, middle))
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for (number, band) in self.bands.iter().enumerate() {
            self.band(shot, canvas, number, band);
        }
        self.dust(shot, canvas);
    }
}

impl Hearts {
    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let half = HALF * near * self.layer.scale;
        let high = self.world.half_height + 1.6 * half;
        let wide = self.world.half_width + self.margin;
        let speed = self.layer.speed.max(0.02);
        let dice = self.dice.fork(10 + number as u64);
        for life in shot.moment.glimpses(dice, band.count, 2.0 * high / (58.0 * near.max(0.55) * speed)) {
            let mut hand = dice.fork(1).hand(life.number);
            // They crowd towards the sides and leave the middle to a title.
            let side = hand.spread(1.0);
            let place = side.signum() * side.abs().sqrt();
            let (rate, start) = (hand.range(0.1, 0.26) * speed, hand.unit());
            let sway = shot.moment.wave(rate, start);
            let x = place * wide + 20.0 * near * sway;
            let spot = shot.spot(x, mix(high, -high, life.age), band.depth);
            let pulse = 1.0 + 0.075 * beat(shot.moment.cycles(0.85 * speed, hand.unit()));
            let size = half * hand.range(0.6, 1.1) * pulse;
            let yaw = mix(0.82, 1.0, 0.5 + 0.5 * shot.moment.wave(rate * 0.7, hand.unit()));
            let sprites = &self.hearts[hand.index(self.hearts.len())];
            let place = spot.turned(size * yaw, size, 0.045 * shot.moment.wave(rate, start + 0.25) + hand.spread(0.03));
            canvas.sprite(&sprites[band.blur], place, WHITE, life.shown * band.opacity);
        }
    }

    /// Specks of light between the hearts.
    fn dust(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(30);
        let high = self.world.half_height * 1.1;
        for life in shot.moment.lives(dice, (70.0 * self.layer.amount) as usize, 7.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let depth = hand.unit();
            let x = hand.spread(self.world.half_width * 1.2) + hand.spread(20.0) * life.age;
            let spot = shot.spot(x, hand.spread(high) - 60.0 * life.age, depth);
            let twinkle = 0.5 + 0.5 * shot.moment.wave(hand.range(0.4, 1.2), hand.unit());
            let bright = bump(2.0 * life.age - 1.0) * twinkle;
            canvas.spark(
                spot.x,
                spot.y,
                hand.range(0.8, 2.2) * nearness(depth).sqrt() * spot.unit,
                scaled(self.sparkle, 1.1 * bright),
            );
            if hand.chance(0.25) {
                let tint = blend(self.sparkle, self.colours.moving(0), 0.5);
                canvas.halo(spot.x, spot.y, 13.0 * spot.unit, scaled(tint, 0.35 * bright));
            }
        }
    }
}
