//! Paper confetti and streamers that tumble and flash in the light.

use super::{Actor, Casting, Tumble, nearness};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled},
    curve::{bump, cosine, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Place, Sprite, ink},
};

/// Half the length of a piece in the middle distance, in units.
const LONG: f32 = 13.0;

/// Pieces of one distance.
struct Band {
    depth: f32,
    count: usize,
    blur: usize,
}

/// A piece of white paper, in focus and twice out of it, and its half width to its half length.
struct Cut {
    paper: [Sprite; 3],
    slim: f32,
}

pub(super) struct Confetti {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    cuts: Vec<Cut>,
    streamers: usize,
    colours: Colours,
    spot: Tint,
    lamps: Vec<(f32, f32, f32, usize)>,
    disc: Profile,
}

impl Confetti {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let band = |depth: f32, count, blur| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            blur,
        };
        let texels = ((2.0 * LONG * nearness(0.1) * layer.scale * world.unit).ceil() as usize).clamp(6, 96);
        let cut = |slim: f32, shape: fn(f32, f32) -> bool| {
            let width = ((texels as f32 * slim) as usize).max(4);
            let sharp = Sprite::paint(width, texels, 3, |x, y| if shape(x, y) { ink(WHITE, 1.0) } else { CLEAR });
            Cut { paper: [sharp.clone(), sharp.blurred(0.16), sharp.blurred(0.42)], slim }
        };
        let night = colours.night();
        let mut hand = dice.hand(6);
        let mut lamp = |_| {
            (hand.spread(1.2 * world.half_width), hand.spread(1.2 * world.half_height), hand.range(18.0, 64.0), hand.index(6))
        };
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 50.0,
            bands: vec![band(1.2, 150.0, 0), band(0.9, 110.0, 0), band(0.6, 70.0, 0), band(0.3, 20.0, 1), band(0.02, 7.0, 2)],
            cuts: vec![
                cut(0.62, |_, _| true),
                cut(1.0, |x, y| x * x + y * y < 1.0),
                cut(0.3, |_, _| true),
                cut(1.0, |x, y| {
                    // A five-pointed star.
                    let (mut u, v) = (libm::atan2f(x, -y) / std::f32::consts::TAU * 5.0, (x * x + y * y).sqrt());
                    u = (u - (u + 0.5).floor()).abs() / 5.0;
                    v * cosine(u) + v * sine(u) * 1.38 < 0.98 && v < 1.0 && v * (cosine(u) * 0.5 + sine(u) * 1.35) < 0.5
                }),
            ],
            streamers: casting.count(9.0),
            colours: colours.clone(),
            spot: if night {
                haze(colours.sky(1.0), colours.moving(0), 0.075)
            } else {
                scaled(blend(colours.sky(1.0), WHITE, 0.6), 0.13)
            },
            lamps: if casting.staged { (0..22).map(&mut lamp).collect() } else { Vec::new() },
            disc: Profile::new(|r| ramp(1.0, 0.6, r)),
        }
    }
}

impl Actor for Confetti {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (u, v) = (x / self.world.half_width, y / self.world.half_height);
        let middle = bump(((u * u * 0.75 + (v - 0.05) * (v - 0.05) * 0.7).sqrt() / 1.15).min(1.0));
        // Two spotlights cross from above.
        let beam = |from: f32, lean: f32| {
            let off = (u - from - lean * (v + 1.3)) / (0.1 + 0.2 * (v + 1.3));
            bump(off.clamp(-1.0, 1.0)) * ramp(1.5, -1.2, v)
        };
        let beams = beam(-0.95, 0.42) + beam(0.95, -0.42);
        plus(base, scaled(self.spot, middle + 0.34 * beams))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for &(x, y, radius, colour) in &self.lamps {
            let spot = shot.spot(x, y, 1.0);
            canvas.disc(spot.x, spot.y, radius * spot.unit, &self.disc, glowing(self.colours.moving(colour), 0.045));
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for (number, band) in self.bands.iter().enumerate() {
            if number == 2 {
                self.streamers(shot, canvas);
            }
            self.band(shot, canvas, number, band);
        }
    }
}

impl Confetti {
    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let half = LONG * near * self.layer.scale;
        let high = self.world.half_height + 2.0 * half;
        let wide = self.world.half_width + self.margin;
        let speed = self.layer.speed.max(0.02);
        let dice = self.dice.fork(10 + number as u64);
        let gust = shot.moment.wander(self.dice.fork(4), 0.3 * speed);
        for life in shot.moment.lives(dice, band.count, 2.0 * high / (112.0 * near.max(0.6) * speed)) {
            let mut hand = dice.fork(1).hand(life.number);
            let (rate, start) = (hand.range(0.25, 0.6) * speed, hand.unit());
            let x =
                hand.spread(wide) + (22.0 * shot.moment.wave(rate, start) + 14.0 * gust + hand.spread(60.0) * life.age) * near;
            let y = mix(-high, high, life.age) - 7.0 * near * shot.moment.wave(2.0 * rate, 2.0 * start);
            let tumble = Tumble {
                yaw: shot.moment.cycles(hand.range(0.3, 1.0) * speed, hand.unit()),
                pitch: shot.moment.cycles(hand.range(0.4, 1.5) * speed, hand.unit()),
                roll: shot.moment.cycles(hand.spread(0.25) * speed, hand.unit()),
            };
            let cut = &self.cuts[match hand.index(12) {
                0..=6 => 0,
                7..=9 => 1,
                10 => 2,
                _ => 3,
            }];
            let tint = self.colours.moving(hand.index(self.colours.moving.len()));
            let size = half * hand.range(0.75, 1.2);
            let spot = shot.spot(x, y, band.depth);
            let (place, facing, lit) = tumble.place(&spot, size * cut.slim, size);
            let colour = paper(tint, facing, lit);
            let opacity = if band.blur == 2 { 0.72 } else { 1.0 } * ramp(1.9, 0.9, band.depth);
            canvas.sprite(&cut.paper[band.blur], place, colour, opacity);
        }
    }

    /// Curled ribbons, drawn as a chain of small turned pieces.
    fn streamers(&self, shot: &Shot, canvas: &mut Canvas) {
        const LINKS: usize = 46;
        let dice = self.dice.fork(40);
        let depth = (0.15 + self.layer.depth).min(1.0);
        let near = nearness(depth) * self.layer.scale;
        let high = self.world.half_height + 110.0 * near;
        let speed = self.layer.speed.max(0.02);
        for life in shot.moment.lives(dice, self.streamers, 2.0 * high / (86.0 * speed)) {
            let mut hand = dice.fork(1).hand(life.number);
            let x = hand.spread(self.world.half_width + self.margin);
            let y = mix(-high, high, life.age);
            let tint = self.colours.moving(hand.index(self.colours.moving.len()));
            let (curls, radius, long) = (hand.range(2.2, 4.2), hand.range(7.0, 12.0), hand.range(60.0, 105.0));
            let spin = shot.moment.cycles(hand.range(0.3, 0.7) * speed, hand.unit());
            let lean = 0.5 * shot.moment.wave(0.2 * speed, hand.unit());
            let at = |t: f32| {
                let turn = spin + curls * t;
                let along = (t - 0.5) * long;
                ((along * lean + radius * cosine(turn)) * near, (along + 0.32 * radius * sine(turn)) * near, sine(turn))
            };
            for link in 0..LINKS {
                let (a, b) = (at(link as f32 / LINKS as f32), at((link + 1) as f32 / LINKS as f32));
                let spot = shot.spot(x + (a.0 + b.0) / 2.0, y + (a.1 + b.1) / 2.0, depth);
                let down = [(b.0 - a.0) * 0.62 * spot.unit, (b.1 - a.1) * 0.62 * spot.unit];
                let facing = a.2;
                let across = [3.0 * near * spot.unit, -0.8 * near * spot.unit];
                let lit = 0.5 + 0.5 * sine(spin + curls * (link as f32 / LINKS as f32) + 0.1);
                canvas.sprite(
                    &self.cuts[0].paper[0],
                    Place { x: spot.x, y: spot.y, across, down },
                    paper(tint, facing, lit),
                    1.0,
                );
            }
        }
    }
}

/// Glossy paper: its back is paler, and it flashes when it throws the light at the eye.
fn paper(tint: Tint, facing: f32, lit: f32) -> Tint {
    let side = if facing >= 0.0 { tint } else { blend(scaled(tint, 0.72), WHITE, 0.08) };
    let flash = ramp(0.93, 1.0, lit);
    plus(scaled(side, mix(0.42, 1.08, lit)), scaled(blend(tint, WHITE, 0.6), 1.3 * flash * flash))
}
