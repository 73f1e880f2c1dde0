//! Glints of light that flare and twinkle: far dust, four-pointed stars in a slow stream, a few large ones in front. Light
//! passes over all of them from side to side, and what it meets flares.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, Spot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled, shaded},
    curve::{bump, fade, fraction, mix, ramp},
    dice::{Dice, Hand},
    scene::Layer,
    sprite::Sprite,
};

/// Stars of one size.
struct Band {
    /// Beyond the layer's own depth.
    depth: f32,
    count: usize,
    /// Half the height of the smallest and of the largest, in units.
    size: (f32, f32),
    /// Seconds from dark to dark.
    lasting: f32,
    /// How closely they follow the stream, 0 to 1.
    streamed: f32,
}

const BANDS: [Band; 3] = [
    Band { depth: 0.25, count: 90, size: (8.0, 30.0), lasting: 2.4, streamed: 0.75 },
    Band { depth: 0.0, count: 46, size: (16.0, 70.0), lasting: 3.0, streamed: 0.85 },
    Band { depth: -0.25, count: 9, size: (84.0, 150.0), lasting: 3.6, streamed: 0.6 },
];

/// One star at one instant.
struct Star {
    /// Half its height, in units.
    half: f32,
    turn: f32,
    lead: Tint,
    bright: f32,
}

pub(super) struct Sparkles {
    dice: Dice,
    layer: Layer,
    colours: Colours,
    world: World,
    reach: f32,
    star: Sprite,
    disc: Profile,
    night: bool,
    /// Soft light in the sky: place, radius, colour.
    washes: Vec<(f32, f32, f32, Tint)>,
}

/// Light of a four-pointed star with faint diagonals, 0 at the rim.
fn glint(x: f32, y: f32) -> f32 {
    let far = (x * x + y * y).sqrt();
    let ray = |along: f32, across: f32, long: f32, thick: f32| {
        let left = (1.0 - along.abs() / long).max(0.0);
        let off = across / (thick * (0.2 + left));
        left * left * left / (1.0 + off * off * (1.0 + off * off))
    };
    let (a, b) = ((x + y) * std::f32::consts::FRAC_1_SQRT_2, (x - y) * std::f32::consts::FRAC_1_SQRT_2);
    let cross = ray(y, x, 1.0, 0.02) + ray(x, y, 0.72, 0.018);
    let faint = 0.4 * (ray(a, b, 0.34, 0.016) + ray(b, a, 0.34, 0.016));
    let core = 1.0 / (1.0 + (far / 0.045) * (far / 0.045));
    (cross + faint + 1.1 * core) * ramp(1.0, 0.55, far)
}

impl Sparkles {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let night = colours.night();
        let side = ((260.0 * layer.scale * world.unit) as usize).clamp(24, 256);
        let mut hand = dice.hand(2);
        let wash = |index| {
            let tint = haze(colours.sky(0.5), colours.moving(index), if night { 0.02 } else { 0.04 });
            (hand.spread(world.half_width), hand.spread(world.half_height), hand.range(0.4, 0.8) * world.short(), tint)
        };
        Self {
            dice,
            layer,
            colours: colours.clone(),
            world,
            reach: casting.eye.reach(0.0) + 40.0,
            // Light is added to a night; on a bright sky a star covers what is behind it.
            star: Sprite::paint(side, side, 2, |x, y| {
                let light = glint(x, y);
                let cover = if night { 0.0 } else { (2.6 * light).min(1.0) };
                if night { [light, light, light, cover] } else { [cover, cover, cover, cover] }
            }),
            disc: Profile::new(|r| ramp(1.0, 0.78, r) * mix(0.68, 1.0, r * r)),
            night,
            washes: (0..6).map(wash).collect(),
        }
    }

    /// The middle of the stream at a place across.
    fn stream(&self, x: f32) -> f32 {
        let across = x / self.world.half_width;
        self.world.half_height * (0.42 * self.dice.fork(1).hills(0.75 * across + 3.0) - 0.28 * across)
    }

    fn place(&self, hand: &mut Hand, streamed: f32) -> (f32, f32) {
        let x = hand.spread(self.world.half_width + self.reach);
        let free = hand.spread(1.05) * self.world.half_height;
        let near = self.stream(x) + hand.bell(0.5) * self.world.half_height;
        (x, if hand.chance(streamed) { near } else { free })
    }

    /// How much light passes over a place.
    fn sweep(&self, shot: &Shot, x: f32, y: f32) -> f32 {
        let along = (x + 0.5 * y) / (2.6 * self.world.half_width);
        let off = fraction(along - shot.moment.rounds(0.2 * self.layer.speed, 0.0)) - 0.5;
        0.5 + 1.1 * bump((off / 0.3).clamp(-1.0, 1.0))
    }

    fn tint(&self, hand: &mut Hand) -> Tint {
        // The leading colour most often.
        let index = (hand.unit() * hand.unit() * self.colours.moving.len() as f32) as usize;
        self.colours.moving(index)
    }

    fn star(&self, canvas: &mut Canvas, spot: &Spot, Star { half, turn, lead, bright }: Star) {
        let place = spot.turned(half, half, turn);
        let radius = half * spot.unit;
        if self.night {
            let tint = glowing(lead, 1.0);
            canvas.sprite(&self.star, place, scaled(blend(tint, WHITE, 0.12), 1.9 * bright), 1.0);
            canvas.spark(spot.x, spot.y, 0.05 * radius + 0.4 * self.world.unit, scaled(WHITE, 1.6 * bright));
            canvas.halo(spot.x, spot.y, 0.85 * radius, scaled(tint, 0.2 * bright));
        } else {
            canvas.halo(spot.x, spot.y, 0.7 * radius, scaled(blend(lead, WHITE, 0.4), 0.16 * bright));
            canvas.sprite(&self.star, place, shaded(lead, 0.92, 1.2), (1.4 * bright).min(1.0));
            canvas.spark(spot.x, spot.y, 0.05 * radius, scaled(WHITE, bright));
        }
    }

    fn dust(&self, shot: &Shot, canvas: &mut Canvas) {
        let speed = self.layer.speed;
        let dice = self.dice.fork(20);
        let depth = (self.layer.depth + 0.4).min(1.1);
        for life in shot.moment.lives(dice, (240.0 * self.layer.amount) as usize, 6.0 / speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let (x, y) = self.place(&mut hand, 0.65);
            let drift = (life.age - 0.5) * hand.range(10.0, 30.0);
            let twinkle = (0.5 + 0.5 * shot.moment.wave(hand.range(0.4, 1.3) * speed, hand.unit())).max(0.0);
            let bright = twinkle * twinkle * fade(life.age, 0.2) * self.sweep(shot, x, y);
            let spot = shot.spot(x + 0.5 * drift, y - drift, depth);
            let radius = hand.range(0.6, 1.5) * self.layer.scale.min(2.0);
            let tint = self.tint(&mut hand);
            if self.night {
                canvas.spark(spot.x, spot.y, radius * spot.unit, scaled(blend(glowing(tint, 1.0), WHITE, 0.25), 1.2 * bright));
            } else {
                canvas.sprite(
                    &self.star,
                    spot.upright(4.5 * radius, 4.5 * radius),
                    shaded(tint, 0.95, 1.1),
                    0.8 * bright.min(1.0),
                );
            }
        }
    }

    /// A few so near that they are out of focus.
    fn discs(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(30);
        let depth = (self.layer.depth - 0.4).max(0.0);
        for life in shot.moment.lives(dice, (16.0 * self.layer.amount) as usize, 7.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let (x, y) = self.place(&mut hand, 0.4);
            let drift = (life.age - 0.5) * hand.range(30.0, 70.0);
            let spot = shot.spot(x + drift, y - 0.7 * drift, depth);
            let radius = hand.range(8.0, 26.0) * nearness(depth) * self.layer.scale * spot.unit;
            let bright = fade(life.age, 0.3) * self.sweep(shot, x, y) * hand.range(0.4, 1.0);
            let tint = if self.night { glowing(self.tint(&mut hand), 0.1) } else { scaled(WHITE, 0.1) };
            canvas.disc(spot.x, spot.y, radius.max(0.8), &self.disc, scaled(tint, bright));
        }
    }
}

impl Actor for Sparkles {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let lit = self.washes.iter().fold(base, |sum, &(at_x, at_y, radius, tint)| {
            let (dx, dy) = ((x - at_x) / radius, (y - at_y) / radius);
            plus(sum, scaled(tint, bump((dx * dx + dy * dy).sqrt().min(1.0))))
        });
        // Silk behind the stream.
        let off = (y - self.stream(x)) / self.world.half_height;
        let veil = bump((off / 0.8).clamp(-1.0, 1.0)) * (0.6 + 0.4 * self.dice.fork(4).land(x / 260.0 + 2.0 * off, off * 3.0));
        plus(lit, scaled(haze(self.colours.sky(0.5), self.colours.moving(0), 0.03), veil))
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        self.dust(shot, canvas);
        let speed = self.layer.speed;
        for (number, band) in BANDS.iter().enumerate() {
            let dice = self.dice.fork(10 + number as u64);
            let depth = (self.layer.depth + band.depth).clamp(0.0, 1.1);
            let count = (band.count as f32 * self.layer.amount).round() as usize;
            for life in shot.moment.lives(dice, count, band.lasting / speed.max(0.05)) {
                let mut hand = dice.fork(1).hand(life.number);
                let (x, y) = self.place(&mut hand, band.streamed);
                let drift = (life.age - 0.5) * hand.range(12.0, 40.0) * nearness(depth);
                let skew = hand.unit();
                let half = mix(band.size.0, band.size.1, skew * skew) * nearness(depth).sqrt() * self.layer.scale;
                // Up at once, down slowly, never quite steady.
                let flare = ramp(0.0, 0.24, life.age) * ramp(1.0, 0.24, life.age) * ramp(1.0, 0.3, life.age);
                let beat = 0.84 + 0.16 * shot.moment.wave(hand.range(2.0, 4.5), hand.unit());
                let bright = flare * beat * self.sweep(shot, x, y);
                let turn = hand.spread(0.035) + 0.05 * (life.age - 0.5);
                let lead = self.tint(&mut hand);
                if bright > 0.01 {
                    let spot = shot.spot(x + 0.5 * drift, y - drift, depth);
                    self.star(canvas, &spot, Star { half: half * (0.55 + 0.45 * flare), turn, lead, bright });
                }
            }
        }
        self.discs(shot, canvas);
    }
}
