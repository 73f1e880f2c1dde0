//! Glossy balloons on strings, alone and in bunches, that rise past drifting clouds.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, Spot, World},
    canvas::Canvas,
    cloud::{Look, cloud},
    colour::{Tint, WHITE, blend, luminance, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::{Dice, Hand},
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink},
};

/// Half the height of a balloon in the middle distance, in units.
const TALL: f32 = 46.0;
/// Half the width of a balloon's picture, in its half heights.
const WIDE: f32 = 0.8;
/// Where the string is tied, in half heights below the middle.
const KNOT: f32 = 0.93;

/// Balloons of one distance.
struct Band {
    depth: f32,
    count: usize,
    blur: usize,
    /// How often there is a bunch instead of a single one.
    bunches: f32,
}

pub(super) struct Balloons {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    /// A balloon of each colour, in focus and twice out of it.
    balloons: Vec<[Sprite; 3]>,
    thread: Sprite,
    clouds: Vec<Sprite>,
    sun: Tint,
    day: f32,
}

/// One balloon on its way.
struct Balloon {
    x: f32,
    y: f32,
    half: f32,
    turn: f32,
    colour: usize,
    bright: f32,
    /// How much of it is seen, 0 to 1.
    shown: f32,
}

impl Balloons {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let band = |depth: f32, count, blur, bunches| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            blur,
            bunches,
        };
        let size = layer.scale * mix(1.0, world.short() / 720.0, 0.8);
        let texels = ((2.0 * TALL * nearness(0.3) * size * world.unit).ceil() as usize).clamp(14, 360);
        let balloons = colours.moving.iter().map(|&tint| {
            let across = ((texels as f32 * WIDE) as usize).max(10);
            let sharp = Sprite::paint(across, texels, 2, |x, y| balloon(x * WIDE, y, tint));
            [sharp.clone(), sharp.blurred(0.045), sharp.blurred(0.1)]
        });
        let day = ramp(0.03, 0.5, luminance(colours.sky(0.4)));
        let sun = blend(blend(colours.sky(0.0), colours.sky(1.0), 0.6 * (1.0 - day)), WHITE, 0.85 * day);
        let look = Look {
            lit: blend(blend(colours.sky(1.0), WHITE, mix(0.08, 0.75, day)), sun, 0.3),
            shade: blend(colours.sky(0.45), colours.sky(1.0), 0.35),
            light: (-0.5, -0.85),
            flat: 0.25,
            dense: mix(0.45, 0.85, day),
        };
        let broad = ((0.62 * world.short() * world.unit) as usize).clamp(36, 420);
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 40.0,
            bands: vec![
                band(1.15, 26.0, 0, 0.1),
                band(0.85, 13.0, 0, 0.25),
                band(0.6, 7.0, 0, 0.3),
                band(0.32, 3.6, 0, 0.15),
                band(0.03, 2.0, 1, 0.0),
            ],
            balloons: balloons.collect(),
            // Opaque, so that no place shows where two pieces of a string overlap, and two texels thick: its edges are the
            // sprite's own clear border.
            thread: Sprite::paint(8, 2, 1, |_, _| {
                ink(blend(blend(colours.sky(0.5), WHITE, 0.42), scaled(colours.sky(0.3), 0.5), day), 1.0)
            }),
            clouds: (0..if staged { 3 } else { 0 }).map(|number| cloud(dice.fork(40 + number), broad, broad / 3, look)).collect(),
            sun,
            day,
        }
    }

    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let half = TALL * near * self.layer.scale * mix(1.0, self.world.short() / 720.0, 0.8);
        // A bunch and its strings are four times as tall as one balloon.
        let high = self.world.half_height + 4.6 * half;
        let wide = self.world.half_width + self.margin;
        let speed = self.layer.speed.max(0.02);
        let rise = 46.0 * near.max(0.5) * speed;
        let dice = self.dice.fork(10 + number as u64);
        let gust = 20.0 * near * shot.moment.wander(self.dice.fork(3), 0.16 * speed);
        for life in shot.moment.glimpses(dice, band.count, 2.0 * high / rise) {
            let mut hand = dice.fork(1).hand(life.number);
            let sway = shot.moment.wave(hand.range(0.1, 0.2) * speed, hand.unit());
            let x = hand.spread(wide) + gust + 13.0 * near * sway + (life.age - 0.5) * hand.spread(110.0) * near;
            let y = mix(high, -high, life.age);
            let lean = 0.011 * sway + hand.spread(0.012);
            let opacity = life.shown * mix(0.8, 1.0, ramp(1.3, 0.7, band.depth));
            let one = |hand: &mut Hand, dx: f32, dy: f32, lean: f32| Balloon {
                x: x + dx,
                y: y + dy,
                half: half * hand.range(0.86, 1.1),
                turn: lean,
                colour: hand.index(self.balloons.len()),
                bright: hand.range(0.94, 1.06),
                shown: life.shown,
            };
            if !hand.chance(band.bunches) {
                let balloon = one(&mut hand, 0.0, 0.0, lean);
                let tie = (balloon.half * hand.spread(0.12), balloon.half * hand.range(3.0, 3.9));
                self.string(shot, canvas, band, &balloon, (balloon.x + tie.0, balloon.y + tie.1), hand.unit());
                self.balloon(shot, canvas, band, &balloon, opacity);
                continue;
            }
            let tie = (x + 0.2 * half * sway, y + 3.2 * half);
            let count = 3 + hand.index(4);
            let bunch: Vec<Balloon> = (0..count)
                .map(|index| {
                    // Spread like a hand of cards, those behind higher.
                    let fan = (index as f32 + 0.5) / count as f32 * 2.0 - 1.0;
                    let order = if index % 2 == 0 { -1.0 } else { 1.0 };
                    let bob = shot.moment.wave(hand.range(0.15, 0.3) * speed, hand.unit());
                    let (dx, dy) = (1.05 * fan + 0.05 * bob, 0.55 * fan * fan - 0.34 * order + 0.05 * bob);
                    one(&mut hand, dx * half, dy * half, lean + 0.05 * fan + 0.006 * bob)
                })
                .collect();
            for (index, balloon) in bunch.iter().enumerate() {
                self.string(shot, canvas, band, balloon, tie, 0.17 * index as f32);
            }
            for balloon in bunch.iter().step_by(2).chain(bunch.iter().skip(1).step_by(2)) {
                self.balloon(shot, canvas, band, balloon, opacity);
            }
        }
    }

    fn balloon(&self, shot: &Shot, canvas: &mut Canvas, band: &Band, balloon: &Balloon, opacity: f32) {
        let place = shot.spot(balloon.x, balloon.y, band.depth).turned(WIDE * balloon.half, balloon.half, balloon.turn);
        canvas.sprite(&self.balloons[balloon.colour][band.blur], place, scaled(WHITE, balloon.bright), opacity);
    }

    /// From the knot to where it is held, in waves that die away at both ends.
    fn string(&self, shot: &Shot, canvas: &mut Canvas, band: &Band, balloon: &Balloon, tie: (f32, f32), start: f32) {
        let (s, c) = (sine(balloon.turn), cosine(balloon.turn));
        let knot = (balloon.x - s * KNOT * balloon.half, balloon.y + c * KNOT * balloon.half);
        let drift = shot.moment.cycles(0.22 * self.layer.speed, start);
        let at = |along: f32| {
            let slack = 4.0 * along * (1.0 - along);
            let wave = 0.1 * balloon.half * slack.sqrt() * sine(1.35 * along - drift);
            shot.spot(mix(knot.0, tie.0, along) + wave, mix(knot.1, tie.1, along), band.depth)
        };
        let mut from = at(0.0);
        let thick = (0.014 * balloon.half).clamp(0.5, 1.3) * [1.0, 2.2, 3.5][band.blur];
        // Pieces too short overlap more than they reach, and show as beads.
        let steps = ((tie.1 - knot.1).abs() * self.world.unit / 8.0).clamp(2.0, 11.0) as usize;
        for step in 1..=steps {
            let to = at(step as f32 / steps as f32);
            self.line(canvas, &from, &to, thick, balloon.shown * [1.0, 0.5, 0.4][band.blur]);
            from = to;
        }
    }

    fn line(&self, canvas: &mut Canvas, a: &Spot, b: &Spot, thick: f32, opacity: f32) {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = (dx * dx + dy * dy).sqrt().max(1e-3);
        let (reach, half) = (0.5 + 0.5 / length, (thick * a.unit).max(0.7) / length);
        let place =
            Place { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0, across: [dx * reach, dy * reach], down: [-dy * half, dx * half] };
        canvas.sprite(&self.thread, place, WHITE, opacity * (thick * a.unit / 0.7).clamp(0.4, 1.0));
    }

    fn clouds(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(60);
        let count = if self.clouds.is_empty() { 0 } else { 9 };
        for life in shot.moment.lives(dice, count, 40.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let far = hand.unit();
            let half = mix(0.5, 0.26, far) * self.world.short() * hand.range(0.8, 1.25);
            let x = hand.spread(1.1 * self.world.half_width) + (life.age - 0.5) * 0.3 * self.world.short();
            let y = mix(0.95, -0.85, far.sqrt() * hand.range(0.7, 1.0)) * self.world.half_height;
            let spot = shot.spot(x, y, mix(0.98, 1.1, far));
            let place = spot.upright(half, half * hand.range(0.27, 0.34));
            let cloud = &self.clouds[hand.index(self.clouds.len())];
            canvas.sprite(cloud, place, WHITE, fade(life.age, 0.22) * mix(0.9, 0.55, far));
        }
    }
}

/// Latex blown up tight, lit from above on the left. Its picture is 0.8 wide to 1 high.
fn balloon(x: f32, y: f32, tint: Tint) -> Ink {
    // −1 at the top of the body, 1 where the neck begins.
    let t = (y + 0.11) / 0.86;
    let neck = (0.7..0.93).contains(&y);
    let deep = scaled(shaded(tint, 0.6, 1.05), 0.85);
    if (0.84..0.955).contains(&y) && x.abs() < mix(0.018, 0.085, ramp(0.84, 0.95, y)) {
        let fold = 0.75 + 0.25 * cosine(x * 22.0);
        return ink(scaled(blend(deep, tint, 0.5), fold), 1.0);
    }
    let round = (1.0 - t * t).max(0.0).sqrt();
    let wide = if t < 0.0 { 0.745 * round } else { 0.745 * round * (1.0 - 0.13 * t * t * t) };
    let wide = if neck { wide.max(mix(0.12, 0.03, ramp(0.7, 0.85, y))) } else { wide };
    if x.abs() > wide || !(-1.0..0.93).contains(&y) || wide < 0.02 {
        return CLEAR;
    }
    let (nx, ny) = (x / 0.745, t.clamp(-1.0, 1.0));
    let nz = (1.0 - nx * nx - ny * ny).max(0.0).sqrt();
    let lit = (-0.46 * nx - 0.58 * ny + 0.67 * nz).max(0.0);
    // Light that has gone through the balloon gathers on the far side.
    let through = bump(((nx - 0.42) * (nx - 0.42) + (ny - 0.5) * (ny - 0.5)).sqrt().min(1.0));
    let bright = blend(tint, WHITE, 0.04);
    let mut seen = blend(deep, blend(tint, bright, ramp(0.6, 1.0, lit)), ramp(0.02, 0.72, lit));
    seen = plus(seen, scaled(shaded(tint, 1.1, 1.1), 0.4 * through));
    let rim = 1.0 - nz;
    seen = blend(seen, scaled(blend(tint, WHITE, 0.25), 0.95), 0.42 * rim * rim * rim * rim * (0.4 + 0.6 * lit));
    // A soft box of a window, its small answer below, and a sheen around it.
    let (hx, hy) = (nx + 0.4, ny + 0.47);
    let (a, b) = ((hx * 0.84 + hy * 0.54) / 0.15, (-hx * 0.54 + hy * 0.84) / 0.27);
    let window = ramp(1.0, 0.35, (a * a * (1.0 + 0.4 * b) + b * b).max(0.0).sqrt());
    let sheen = bump(((hx * hx + hy * hy).sqrt() / 0.62).min(1.0));
    let (kx, ky) = ((nx - 0.5) / 0.1, (ny - 0.55) / 0.13);
    let answer = bump((kx * kx + ky * ky).sqrt().min(1.0));
    seen = plus(seen, scaled(WHITE, 0.82 * window + 0.08 * sheen + 0.16 * answer));
    let edge = ramp(wide, wide - 0.02, x.abs());
    ink(seen, edge * mix(0.94, 0.985, rim))
}

impl Actor for Balloons {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x + 0.6 * self.world.half_width, y + 0.8 * self.world.half_height);
        let away = (dx * dx + dy * dy).sqrt() / (1.25 * self.world.short());
        let haze = self.dice.fork(7);
        let veil = haze.land(x / 330.0, y / 150.0) * 0.6 + haze.fork(1).land(x / 140.0, y / 70.0) * 0.4;
        scaled(blend(base, self.sun, mix(0.18, 0.5, self.day) * bump(away.min(1.0))), 1.0 + 0.05 * veil)
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        self.clouds(shot, canvas);
        for (number, band) in self.bands.iter().enumerate() {
            self.band(shot, canvas, number, band);
        }
    }
}
