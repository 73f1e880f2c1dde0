//! The sun comes up behind hills in the mist, with rays, drifting clouds and birds.

use super::{Actor, Casting};
use crate::{
    camera::{SKY, Shot, World},
    canvas::Canvas,
    cloud::{Look, cloud},
    colour::{Air, Tint, WHITE, blend, glowing, haze, luminance, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::Dice,
    plane::{self, Plane},
    scene::Layer,
    sprite::{CLEAR, Place, Sprite, ink},
};

/// A hill range: name, depth, height of its foot and of its crests in short sides, fog, length of its hills in units.
const RANGES: [(u64, f32, f32, f32, f32, f32); 5] = [
    (1, 1.08, 0.1, 0.2, 0.86, 430.0),
    (2, 1.0, 0.17, 0.17, 0.66, 370.0),
    (3, 0.88, 0.25, 0.16, 0.46, 320.0),
    (4, 0.68, 0.34, 0.15, 0.26, 300.0),
    (5, 0.42, 0.46, 0.16, 0.08, 340.0),
];

/// A beam of light through the haze.
struct Beam {
    turn: f32,
    wide: f32,
    long: f32,
    bright: f32,
    rate: f32,
    start: f32,
}

pub(super) struct Sunrise {
    dice: Dice,
    layer: Layer,
    world: World,
    /// Where the sun stands at the middle of the scene, in units.
    sun: (f32, f32),
    radius: f32,
    glow: Tint,
    disc: Sprite,
    beams: Vec<Beam>,
    beam: Sprite,
    clouds: Vec<Sprite>,
    cloud_count: usize,
    hills: Vec<Plane>,
    mist: Option<Sprite>,
    wing: Sprite,
    birds: usize,
    air: Air,
    day: f32,
}

impl Sunrise {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let mut hand = dice.hand(1);
        let short = world.short();
        let low = base(world, RANGES[0].2) - 0.17 * short;
        let sun = (hand.range(0.08, 0.3) * world.half_width * if hand.chance(0.5) { 1.0 } else { -1.0 }, low);
        let glow = glowing(blend(colours.moving(0), colours.sky(1.0), 0.4), 1.0);
        let day = luminance(colours.sky(0.5)).min(1.0);
        let beam = |index: usize| {
            let mut hand = dice.fork(12).hand(index as u64);
            Beam {
                turn: (index as f32 + hand.spread(0.4)) / 15.0,
                wide: hand.range(0.05, 0.17),
                long: hand.range(0.7, 1.25) * (0.6 * short + 0.4 * world.half_height),
                bright: hand.range(0.35, 1.0),
                rate: hand.range(0.06, 0.16),
                start: hand.unit(),
            }
        };
        let broad = ((0.5 * short * world.unit * layer.scale) as usize).clamp(36, 360);
        let look = Look {
            lit: blend(glowing(blend(colours.moving(0), WHITE, 0.35), 0.62 + 0.4 * day), colours.sky(1.0), 0.2),
            shade: blend(shaded(blend(colours.sky(0.25), colours.sky(0.7), 0.5), 0.96, 1.0), glow, 0.06),
            light: (0.0, 1.0),
            flat: 0.8,
            dense: 0.82,
        };
        let clouds = (0..4).map(|number| cloud(dice.fork(40 + number), broad, broad / 5, look));
        let far = broad.min(160);
        Self {
            dice,
            layer,
            world,
            sun,
            radius: 0.085 * short * layer.scale.clamp(0.4, 1.8),
            glow,
            disc: {
                // It hides the sky, as light upon a bright sky would only be white.
                let side = ((0.2 * short * world.unit * layer.scale) as usize).clamp(16, 320);
                let (core, rim) = (blend(glowing(colours.moving(0), 0.95), WHITE, 0.22), glowing(colours.moving(0), 0.78));
                Sprite::paint(side, side, 2, |x, y| {
                    let far = (x * x + y * y).sqrt();
                    ink(blend(core, rim, ramp(0.35, 1.05, far)), ramp(0.99, 0.95, far))
                })
            },
            beams: (0..if layer.amount > 0.0 { 15 } else { 0 }).map(beam).collect(),
            beam: Sprite::paint(64, 32, 1, |x, y| {
                // From the sun (left) outwards: wider, softer, dimmer.
                let out = 0.5 + 0.5 * x;
                let across = bump((y / mix(0.08, 1.0, out)).clamp(-1.0, 1.0));
                let shine = across * ramp(0.02, 0.16, out) * (1.0 - out) * (1.0 - out);
                [shine, shine, shine, 0.0]
            }),
            cloud_count: casting.count(11.0),
            clouds: clouds.collect(),
            hills: if staged { RANGES.iter().map(|range| hills(&casting, range, sun, glow)).collect() } else { Vec::new() },
            mist: staged.then(|| {
                let tint = blend(haze(colours.sky(1.0), colours.moving(0), 0.4 + 0.4 * day), colours.sky(1.0), 0.5);
                cloud(dice.fork(45), far, far / 5, Look { lit: tint, shade: tint, light: (0.0, -1.0), flat: 1.0, dense: 0.5 })
            }),
            wing: Sprite::paint(24, 8, 2, |x, y| {
                let thick = mix(0.9, 0.25, 0.5 + 0.5 * x);
                ink(scaled(colours.sky(0.1), 0.16), ramp(thick, 0.6 * thick, y.abs()))
            }),
            birds: casting.count(9.0),
            air: Air::new(colours),
            day,
        }
    }

    /// Where the sun is now. In a scene that does not come round it rises; in a loop it only breathes.
    fn sun(&self, shot: &Shot) -> (f32, f32) {
        let rise = match shot.moment.looped {
            true => 0.012 * shot.moment.wave(0.1, 0.0),
            false => mix(0.055, -0.055, ramp(-0.25, 1.25, shot.moment.progress())) * self.layer.speed.min(2.0),
        };
        (self.sun.0, self.sun.1 + rise * self.world.short())
    }

    fn shine(&self, shot: &Shot, canvas: &mut Canvas) {
        let (x, y) = self.sun(shot);
        let spot = shot.spot(x, y, SKY);
        let radius = self.radius * spot.unit;
        let soft = mix(0.9, 0.22, self.day);
        canvas.halo(spot.x, spot.y, 2.4 * radius, scaled(self.glow, 0.2 * soft));
        canvas.halo(spot.x, spot.y, 6.5 * radius, scaled(self.glow, 0.22 * soft));
        canvas.sprite(&self.disc, spot.upright(self.radius, self.radius), WHITE, 1.0);
        let turning = 0.02 * shot.moment.wave(0.05 * self.layer.speed, 0.3);
        for beam in &self.beams {
            let pulse = 0.62 + 0.38 * shot.moment.wave(beam.rate * self.layer.speed, beam.start);
            let turn = beam.turn + turning;
            // Those that go down are lost in the hills.
            let up = ramp(0.45, -0.2, sine(turn));
            let half = 0.5 * beam.long * spot.unit;
            let (s, c) = (sine(turn), cosine(turn));
            let wide = 0.5 * beam.wide * beam.long * spot.unit * 2.2;
            let place =
                Place { x: spot.x + c * half, y: spot.y + s * half, across: [c * half, s * half], down: [-s * wide, c * wide] };
            let bright = 0.34 * beam.bright * pulse * up * soft * self.layer.amount.min(1.5);
            // Into the soft light: beams have no edges.
            canvas.soft_sprite(&self.beam, place, scaled(self.glow, bright));
        }
    }

    fn clouds(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(60);
        for life in shot.moment.lives(dice, self.cloud_count, 46.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let high = hand.unit();
            let y = mix(self.sun.1 - 0.06 * self.world.short(), -0.96 * self.world.half_height, high);
            let half = 0.3 * self.world.short() * mix(0.5, 1.25, high) * hand.range(0.7, 1.3) * self.layer.scale.sqrt();
            let drift = (life.age - 0.5) * 0.5 * self.world.short() * mix(0.5, 1.2, high);
            let spot = shot.spot(hand.spread(1.05 * self.world.half_width) + drift, y, mix(1.1, 0.95, high));
            let sprite = &self.clouds[hand.index(self.clouds.len())];
            // The nearer the sun, the brighter.
            let (dx, dy) = ((spot.x / spot.unit - self.world.half_width - self.sun.0), y - self.sun.1);
            let near = bump(((dx * dx + dy * dy).sqrt() / (1.1 * self.world.short())).min(1.0));
            let place = spot.upright(half, half * hand.range(0.17, 0.26));
            canvas.sprite(sprite, place, scaled(WHITE, mix(0.82, 1.22, near)), fade(life.age, 0.2) * mix(0.6, 0.95, hand.unit()));
        }
    }

    fn birds(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(70);
        let speed = self.layer.speed.max(0.05);
        for life in shot.moment.lives(dice, self.birds.min(1), 17.0 / speed) {
            let mut hand = dice.fork(1).hand(life.number);
            let way = if hand.chance(0.5) { 1.0 } else { -1.0 };
            let x = way * (2.0 * life.age - 1.0) * (self.world.half_width + 160.0);
            let level = mix(-0.62, -0.1, hand.unit()) * self.world.half_height;
            for bird in 0..self.birds {
                let mut hand = dice.fork(2).fork(life.number).hand(bird as u64);
                // In a loose wedge behind the first.
                let place = (bird as f32 / 2.0).ceil() * if bird % 2 == 0 { 1.0 } else { -1.0 };
                let (back, side) = (place.abs() * 24.0 + hand.spread(9.0), place * 9.0 + hand.spread(7.0));
                let bob = 3.0 * shot.moment.wave(hand.range(0.3, 0.5) * speed, hand.unit());
                let spot = shot.spot(x - way * back, level + side + bob - 30.0 * life.age, 0.8);
                let half = hand.range(5.5, 8.0) * self.layer.scale.sqrt() * self.world.short() / 720.0;
                // Some beats, then a glide.
                let beat = shot.moment.wave(hand.range(1.6, 2.1) * speed.min(1.5), hand.unit());
                let glide = ramp(-0.2, 0.6, shot.moment.wave(0.2 * speed, hand.unit()));
                let lift = mix(0.055, 0.13 * beat + 0.02, glide);
                for side in [-1.0, 1.0] {
                    // Each wing in two pieces: the arm, and the hand that follows it.
                    let (mut jx, mut jy) = (spot.x, spot.y);
                    for (turn, long) in [(lift + 0.03, 0.5), (0.55 * lift - 0.045, 0.62)] {
                        let reach = half * long * spot.unit;
                        let (dx, dy) = (side * cosine(turn) * reach, -sine(turn) * reach);
                        let thick = (0.13 * half * spot.unit).max(0.5) / reach;
                        let place = Place {
                            x: jx + dx,
                            y: jy + dy,
                            across: [dx * 1.08, dy * 1.08],
                            down: [-dy * thick * side, dx * thick * side],
                        };
                        canvas.sprite(&self.wing, place, WHITE, 0.85);
                        (jx, jy) = (jx + 2.0 * dx, jy + 2.0 * dy);
                    }
                }
            }
        }
    }

    fn mist(&self, shot: &Shot, canvas: &mut Canvas, mist: &Sprite, range: usize) {
        let (number, depth, foot, ..) = RANGES[range];
        let dice = self.dice.fork(80 + number);
        for life in shot.moment.lives(dice, 2, 30.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let x = hand.spread(0.8 * self.world.half_width) + (life.age - 0.5) * 0.4 * self.world.short();
            let y = base(self.world, foot) - 0.02 * self.world.short();
            let half = hand.range(0.5, 0.75) * self.world.short();
            let spot = shot.spot(x, y + hand.spread(0.02) * self.world.short(), depth);
            canvas.sprite(mist, spot.upright(half, 0.13 * half), WHITE, 0.75 * fade(life.age, 0.35));
        }
    }
}

/// Height of a place below the middle given in short sides: in tall pictures the hills keep to the lower part.
fn base(world: World, down: f32) -> f32 {
    world.half_height + (down - 0.5) * world.short() * mix(1.0, 1.25, f32::from(u8::from(world.tall())))
}

/// One range, its feet in the mist, its crests lit from where the sun comes up.
fn hills(casting: &Casting, range: &(u64, f32, f32, f32, f32, f32), sun: (f32, f32), glow: Tint) -> Plane {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let &(number, depth, foot, tall, fog, broad) = range;
    let dice = dice.fork(30 + number);
    let (low, tall) = (base(world, foot), tall * world.short());
    let day = luminance(colours.sky(0.5)).min(1.0);
    let air = blend(haze(colours.sky(0.95), colours.moving(0), 0.34 + 0.5 * day), colours.sky(1.0), 0.5);
    let ground = blend(shaded(colours.sky(0.2), 0.42, 1.1), shaded(colours.moving(colours.moving.len() - 1), 0.42, 0.95), 0.6);
    let near = blend(ground, air, 0.92 * fog);
    // Mist follows the hill, not the trees on it.
    let swell = |x: f32| 0.5 + 0.5 * dice.hills(x / broad);
    let hill = |x: f32| {
        let swell = swell(x);
        low - tall * (0.12 + 0.85 * swell * swell + 0.3 * dice.fork(1).hills(x / (0.38 * broad)) * (0.35 + 0.6 * swell))
    };
    let hill_and_crest = |x: f32| {
        let hill = hill(x);
        let rough = 0.1 * dice.fork(2).hills(x / (0.13 * broad)) * (0.35 + 0.6 * swell(x));
        // Woods: from afar a rough edge, near by single crowns.
        let wood = match number {
            5 => 0.075 * (0.5 + 0.5 * dice.fork(3).hills(x / 7.0)) + 0.05 * (0.5 + 0.5 * dice.fork(4).hills(x / 2.6)),
            3 | 4 => 0.03 * dice.fork(3).hills(x / 4.0),
            _ => 0.0,
        };
        (hill, hill - tall * (rough + wood))
    };
    let edge = 0.7 / world.unit;
    let bottom = if number == 5 { plane::floor(world, &eye, depth) } else { base(world, foot + 0.14) };
    Plane::paint_columns(world, &eye, depth, [low - 1.45 * tall, bottom], hill_and_crest, |&(hill, crest), x, y| {
        let cover = ramp(-edge, edge, y - crest);
        if cover <= 0.0 {
            return CLEAR;
        }
        let below = y - hill + 0.1 * tall;
        let (dx, dy) = ((x - sun.0) / world.short(), (y - sun.1) / world.short());
        let close = bump(((dx * dx + 0.7 * dy * dy).sqrt() / 1.05).min(1.0));
        let mist = ramp(0.05, 1.15, below / (0.95 * tall)) * mix(0.42, 0.85, fog);
        let lit = blend(near, plus(air, scaled(glow, 0.18 * close)), mist);
        let rim = bump(((y - crest) / (0.05 * tall)).min(1.0)) * close * mix(0.35, 0.12, fog);
        ink(plus(lit, scaled(glow, rim + 0.12 * close * fog)), cover)
    })
}

impl Actor for Sunrise {
    fn sky(&self, x: f32, y: f32, _: Tint) -> Tint {
        let horizon = base(self.world, RANGES[0].2);
        let clear = self.air.at((y + self.world.half_height) / (horizon + self.world.half_height));
        let (dx, dy) = ((x - self.sun.0) / self.world.short(), (y - self.sun.1) / self.world.short());
        let away = (dx * dx + 1.5 * dy * dy).sqrt();
        let near = bump((away / 1.15).min(1.0));
        let high = self.dice.fork(7);
        let veil = 0.6 * high.land(x / 420.0, y / 46.0) + 0.4 * high.fork(1).land(x / 170.0, y / 22.0);
        let soft = mix(0.27, 0.08, self.day);
        let warm = plus(clear, scaled(self.glow, soft * near * near + 0.1 * soft * near));
        plus(warm, scaled(self.glow, 0.16 * soft * ramp(0.0, 0.7, veil) * (0.25 + near)))
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        self.shine(shot, canvas);
        self.clouds(shot, canvas);
        for (range, hills) in self.hills.iter().enumerate() {
            hills.draw(shot, canvas);
            if range == 2 {
                self.birds(shot, canvas);
            }
            if let Some(mist) = self.mist.as_ref().filter(|_| (1..4).contains(&range)) {
                self.mist(shot, canvas, mist, range);
            }
        }
        if self.hills.is_empty() {
            self.birds(shot, canvas);
        }
    }
}
