//! A rangoli of coloured powder on the floor, ringed by oil lamps, under garlands of marigolds.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, plus, scaled, shaded},
    curve::{bump, cosine, fraction, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink, over},
};

/// Sectors of the pattern.
const FOLD: f32 = 16.0;
/// How far out each part of the pattern goes, from the middle.
const PARTS: [f32; 3] = [0.44, 0.76, 1.0];

/// Depth of the garlands.
const GARLAND: f32 = 1.0;

pub(super) struct RangoliLights {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    /// Middle, radius across, and how flat the floor is seen.
    centre: (f32, f32),
    radius: f32,
    flat: f32,
    parts: Vec<Sprite>,
    bowl: Sprite,
    flame: Sprite,
    pool: Sprite,
    ring: Sprite,
    flowers: Vec<Sprite>,
    lamps: usize,
    staged: bool,
    disc: Profile,
}

impl RangoliLights {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let flat = if world.tall() { 0.6 } else { 0.44 };
        let radius = (0.8 * world.half_width).min(0.6 * world.half_height / flat) * layer.scale;
        // On a small canvas it is finer than the pixels, so that a turned pattern is the same pattern.
        let wanted = radius * 1.65 * world.unit;
        let (density, samples) = if wanted < 320.0 { ((2.0 * wanted).clamp(200.0, 320.0), 1) } else { (wanted.min(1100.0), 2) };
        let parts = (0..PARTS.len()).map(|part| {
            let side = ((density * PARTS[part]) as usize).max(8);
            Sprite::paint(side, side, samples, |x, y| pattern(x * PARTS[part], y * PARTS[part], part, colours, dice.fork(9)))
        });
        let clay = ((0.16 * radius * world.unit) as usize).clamp(8, 160);
        let flowers = colours.moving.iter().take(2).map(|&tint| {
            let side = ((0.075 * world.short() * world.unit) as usize).clamp(6, 90);
            Sprite::paint(side, side, 3, |x, y| marigold(x, y, tint))
        });
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            centre: (0.0, world.half_height * if world.tall() { 0.36 } else { 0.3 }),
            radius,
            flat,
            parts: parts.collect(),
            bowl: Sprite::paint(clay, clay * 2 / 3, 3, |x, y| bowl(x, y / 1.5)),
            flame: Sprite::paint((clay / 3).max(5), (clay * 2 / 3).max(8), 3, flame),
            pool: Sprite::paint(40, 40, 1, |x, y| {
                let light = bump((x * x + y * y).sqrt().min(1.0));
                [light, light, light, 0.0].map(|v| v * v)
            }),
            ring: Sprite::paint(96, 96, 2, |x, y| {
                let light = bump((((x * x + y * y).sqrt() - 0.82) / 0.17).clamp(-1.0, 1.0));
                [light, light, light, 0.0]
            }),
            flowers: flowers.collect(),
            lamps: (16.0 * layer.amount.clamp(0.25, 2.0)).round() as usize,
            staged: casting.staged,
            disc: Profile::new(|r| ramp(1.0, 0.75, r) * mix(0.7, 1.0, r)),
        }
    }

    /// A place on the floor, of a soft sprite of that radius.
    fn on_floor(&self, shot: &Shot, x: f32, y: f32, radius: f32) -> Place {
        shot.spot(x, y, self.layer.depth).upright(radius, radius * self.flat)
    }

    fn diya(&self, shot: &Shot, canvas: &mut Canvas, index: usize) {
        // Counted from the far side, so that nearer ones stand before those behind.
        let place = if index == 0 { 0 } else { index.div_ceil(2) };
        let side = if index % 2 == 1 { 1.0 } else { -1.0 };
        let turn = side * place as f32 / self.lamps as f32;
        let (x, y) =
            (self.centre.0 + sine(turn) * self.radius * 1.13, self.centre.1 - cosine(turn) * self.radius * 1.13 * self.flat);
        let spot = shot.spot(x, y, self.layer.depth);
        let half = 0.078 * self.radius * mix(0.86, 1.1, 0.5 - 0.5 * cosine(turn));
        let dice = self.dice.fork(60).fork(index as u64);
        let (lean, stretch) = (shot.moment.wander(dice, 2.2), shot.moment.wander(dice.fork(1), 3.1));
        let bright = 1.0 + 0.16 * shot.moment.wander(dice.fork(2), 3.6);
        let warm = [1.0, 0.56, 0.17];
        canvas.soft_sprite(&self.pool, self.on_floor(shot, x, y, half * 5.2), scaled(warm, 0.2 * bright));
        canvas.sprite(&self.bowl, spot.upright(half, half / 1.5), scaled(WHITE, bright), 1.0);
        let tall = half * (0.62 + 0.07 * stretch);
        let foot = shot.spot(x, y - 0.26 * half, self.layer.depth);
        let tip = [lean * 0.1 * tall * spot.unit, 0.0];
        let flame = Place {
            x: foot.x + tip[0] / 2.0,
            y: foot.y - tall * spot.unit * 0.9,
            across: [tall * 0.5 * spot.unit, 0.0],
            down: [-tip[0], tall * spot.unit],
        };
        canvas.sprite(&self.flame, flame, scaled(WHITE, bright), 1.0);
        canvas.halo(flame.x, flame.y, half * 2.4 * spot.unit, scaled(warm, 0.26 * bright));
    }

    fn garland(&self, shot: &Shot, canvas: &mut Canvas) {
        let size = 0.03 * self.world.short();
        let swags = if self.world.tall() { 2.0 } else { 4.0 };
        let wide = 2.3 * self.world.half_width / swags;
        // A little above the edge: a camera that comes nearer must not lose it.
        let top = -self.world.half_height - 0.01 * self.world.short();
        for swag in 0..swags as usize {
            let left = -1.15 * self.world.half_width + swag as f32 * wide;
            let sway = shot.moment.wave(0.17 * self.layer.speed, 0.13 * swag as f32);
            let beads = (wide * 1.12 / (size * 1.15)) as usize;
            for bead in 0..=beads {
                let t = bead as f32 / beads as f32;
                let sag = 4.0 * t * (1.0 - t);
                let x = left + t * wide + 4.0 * sag * sway;
                let y = top + 0.1 * self.world.short() * sag;
                self.flower(shot, canvas, (x, y), size, swag * 1000 + bead);
            }
            // A tassel hangs where two swags meet.
            for bead in 0..6 {
                let swing = 1.4 * bead as f32 * shot.moment.wave(0.21 * self.layer.speed, 0.31 * swag as f32);
                self.flower(
                    shot,
                    canvas,
                    (left + swing, top + bead as f32 * size * 1.3),
                    size * 0.92,
                    90_000 + swag * 1000 + bead,
                );
            }
        }
    }

    /// Flowers of one number look the same; they come in pairs of a colour.
    fn flower(&self, shot: &Shot, canvas: &mut Canvas, at: (f32, f32), size: f32, number: usize) {
        let mut hand = self.dice.fork(80).hand(number as u64);
        let spot = shot.spot(at.0, at.1, GARLAND);
        let place = spot.turned(size, size * 0.94, hand.unit());
        canvas.sprite(&self.flowers[(number / 2) % self.flowers.len()], place, scaled(WHITE, hand.range(0.75, 1.05)), 1.0);
    }
}

/// One part of the pattern at a place of the whole: from the middle, 1 is the rim.
fn pattern(x: f32, y: f32, part: usize, colours: &Colours, dice: Dice) -> Ink {
    let far = (x * x + y * y).sqrt();
    // Most of a part's square is not the part: its corners, and where the parts within it lie.
    let (low, high) = [(0.0, 0.44), (0.44, 0.762), (0.76, 0.99)][part];
    if !(low..high).contains(&far) {
        return CLEAR;
    }
    let turn = libm::atan2f(y, x) / std::f32::consts::TAU;
    let sector = |count: f32, offset: f32| {
        let place = fraction(turn * count + offset) - 0.5;
        // Across a sector as a length, so that dots are round.
        (place, place / count * std::f32::consts::TAU * far)
    };
    let colour = |index: usize| {
        let tint = colours.moving(index);
        scaled(glowing(tint, 0.42), 1.0)
    };
    let line = blend(WHITE, colours.moving(0), 0.12);
    let dot = |count: f32, offset: f32, at: f32, radius: f32| {
        let (_, across) = sector(count, offset);
        let away = (across * across + (far - at) * (far - at)).sqrt();
        ramp(radius, radius * 0.72, away)
    };
    // A petal from `low` to `high`: its inside, and its outline.
    let petal = |count: f32, offset: f32, low: f32, high: f32, fullness: f32| {
        let (place, across) = sector(count, offset);
        let t = (far - low) / (high - low);
        let wide = fullness / count * 3.1 * (low + high) / 2.0 * (4.0 * t * (1.0 - t)).max(0.0).sqrt() * mix(1.15, 0.75, t);
        let depth = wide - across.abs();
        let inside = place.abs() < 0.5 && (0.0..1.0).contains(&t);
        (
            if inside { ramp(0.0, 0.006, depth) } else { 0.0 },
            if inside { ramp(0.016, 0.01, (depth - 0.006).abs()) } else { 0.0 },
            t,
        )
    };
    let ring = |at: f32, half: f32| ramp(half, half * 0.6, (far - at).abs());
    let mut seen = CLEAR;
    let mut lay = |tint: Tint, cover: f32| seen = over(seen, ink(tint, cover));
    match part {
        0 => {
            lay(colour(1), ramp(0.43, 0.425, far));
            lay(scaled(colour(1), 0.55), ramp(0.34, 0.335, far));
            let (fill, edge, t) = petal(FOLD / 2.0, 0.5, 0.1, 0.41, 1.35);
            lay(blend(colour(2), colour(0), ramp(0.0, 1.0, t)), fill);
            lay(line, edge);
            let (fill, edge, t) = petal(FOLD / 2.0, 0.0, 0.05, 0.33, 1.2);
            lay(blend(colour(3), colour(2), ramp(0.2, 1.0, t)), fill);
            lay(line, edge);
            lay(colour(0), ramp(0.1, 0.095, far));
            lay(line, dot(8.0, 0.0, 0.07, 0.012).max(ring(0.1, 0.006)).max(ramp(0.028, 0.02, far)));
            lay(line, ring(0.43, 0.007));
        }
        1 => {
            let band = ramp(0.445, 0.45, far) * ramp(0.755, 0.75, far);
            lay(scaled(colour(4), 0.34), band * 0.9);
            let (fill, edge, t) = petal(FOLD, 0.5, 0.45, 0.745, 1.0);
            lay(blend(colour(3), colour(4), ramp(0.1, 0.9, t)), fill);
            lay(line, edge);
            let (fill, edge, t) = petal(FOLD, 0.0, 0.46, 0.7, 0.78);
            lay(blend(colour(1), colour(0), ramp(0.0, 0.9, t)), fill);
            lay(line, edge);
            let (fill, _, _) = petal(FOLD, 0.0, 0.5, 0.63, 0.45);
            lay(colour(2), fill);
            lay(line, dot(2.0 * FOLD, 0.25, 0.475, 0.008).max(dot(FOLD, 0.5, 0.72, 0.009)));
            lay(line, ring(0.755, 0.006));
        }
        _ => {
            let (place, _) = sector(FOLD, 0.5);
            let scallop = 0.865 + 0.05 * cosine(place) * cosine(place);
            lay(colour(0), ramp(0.763, 0.768, far) * ramp(scallop, scallop - 0.006, far));
            lay(scaled(colour(1), 0.8), ramp(0.79, 0.795, far) * ramp(scallop - 0.03, scallop - 0.036, far));
            lay(line, ramp(0.011, 0.006, (far - scallop).abs()));
            let (fill, edge, t) = petal(FOLD, 0.5, 0.79, 0.985, 0.5);
            lay(blend(colour(2), colour(3), ramp(0.1, 0.9, t)), fill);
            lay(line, edge);
            lay(line, dot(FOLD, 0.0, 0.93, 0.011).max(dot(FOLD, 0.0, 0.955, 0.007)).max(dot(FOLD, 0.0, 0.972, 0.0045)));
            lay(colour(2), dot(FOLD, 0.0, 0.83, 0.014));
        }
    }
    if seen[3] == 0.0 {
        return CLEAR;
    }
    // Powder lies unevenly, alike in every sector: a turn by one sector changes nothing.
    let (_, across) = sector(if part == 0 { FOLD / 2.0 } else { FOLD }, 0.0);
    let powder = 0.86 + 0.17 * dice.land(across * 210.0, far * 210.0) + 0.1 * dice.fork(1).land(across * 42.0, far * 42.0);
    [seen[0] * powder, seen[1] * powder, seen[2] * powder, seen[3]]
}

/// A clay bowl with oil, seen from a little above; the flame comes after. 1.5 wide to 1 high.
fn bowl(x: f32, y: f32) -> Ink {
    let clay = [0.3, 0.09, 0.035];
    let (ex, ey) = (x / 0.96, (y + 0.1) / 0.33);
    let mouth = ex * ex + ey * ey;
    let side = {
        let down = (y + 0.1) / 0.66;
        let wide = 0.96 * (1.0 - (down * down * 0.82)).max(0.0).sqrt();
        (0.0..0.95).contains(&down) && x.abs() < wide
    };
    if mouth < 0.74 {
        // Light from the flame on the oil.
        let near = bump(((x * x + (y + 0.12) * (y + 0.12) * 5.0).sqrt() / 0.8).min(1.0));
        return ink(plus(scaled([1.0, 0.46, 0.1], 0.1 + 1.1 * near), scaled(clay, 0.4)), 1.0);
    }
    if mouth < 1.0 {
        return ink(scaled([1.0, 0.46, 0.17], mix(0.62, 0.3, (y + 0.43) / 0.66)), 1.0);
    }
    if side {
        let round = 1.0 - x * x;
        return ink(scaled(clay, 0.25 + 0.95 * round * ramp(0.75, -0.1, y)), 1.0);
    }
    CLEAR
}

/// A drop of fire: pale within, orange without, blue at its foot.
fn flame(x: f32, y: f32) -> Ink {
    // 0 at the foot, 1 at the tip.
    let t = 0.5 - 0.5 * y;
    let wide = 0.78 * (t.max(0.0).sqrt() * (1.0 - t) * 2.3).min(1.0);
    let out = x.abs() / wide.max(1e-3);
    if out >= 1.0 {
        return CLEAR;
    }
    let core = bump(out) * ramp(1.0, 0.25, t);
    let tint = blend([1.0, 0.38, 0.06], [1.0, 0.86, 0.5], core);
    let blue = ramp(0.18, 0.02, t);
    let light =
        scaled(blend(tint, [0.25, 0.4, 1.0], 0.6 * blue), mix(1.0, 3.6, core) * ramp(1.0, 0.8, out) * mix(1.0, 0.35, blue));
    [light[0], light[1], light[2], 0.5 * ramp(1.0, 0.6, out)]
}

/// A round head of ruffled petals.
fn marigold(x: f32, y: f32, tint: Tint) -> Ink {
    let far = (x * x + y * y).sqrt();
    let turn = libm::atan2f(y, x) / std::f32::consts::TAU;
    let rim = 0.9 + 0.08 * cosine(turn * 13.0);
    if far > rim {
        return CLEAR;
    }
    let row = far * 3.6;
    let ruffle = 0.5 + 0.5 * cosine(turn * mix(9.0, 15.0, (row.floor() / 4.0).min(1.0)).round() + row.floor() * 0.31);
    let depth = 1.0 - 0.45 * (row.fract() * (1.0 - 0.5 * ruffle));
    let ball = 1.12 - 0.55 * far * far - 0.18 * (x + y);
    ink(scaled(blend(shaded(tint, 0.8, 1.1), tint, ruffle), (depth * ball).max(0.1)), 1.0)
}

impl Actor for RangoliLights {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = ((x - self.centre.0) / self.radius, (y - self.centre.1) / (self.radius * self.flat));
        let lit = bump(((dx * dx + dy * dy).sqrt() / 2.1).min(1.0));
        let stone = self.dice.fork(7);
        let grain = stone.land(x / 70.0, y / 30.0) * 0.5 + stone.fork(1).land(x / 230.0, y / 100.0) * 0.5;
        plus(scaled(base, 1.0 + 0.15 * grain), scaled([1.0, 0.5, 0.2], 0.075 * lit))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for index in 0..30u64 {
            let mut hand = self.dice.fork(50).hand(index);
            let (x, y) = (hand.spread(1.15 * self.world.half_width), mix(-1.0, -0.3, hand.unit()) * self.world.half_height);
            let spot = shot.spot(x, y, 1.05);
            let tint = glowing(blend(self.colours.moving(index as usize), [1.0, 0.6, 0.25], 0.5), hand.range(0.03, 0.14));
            canvas.disc(spot.x, spot.y, hand.range(9.0, 30.0) * spot.unit, &self.disc, tint);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let spot = shot.spot(self.centre.0, self.centre.1, self.layer.depth);
        for part in (0..PARTS.len()).rev() {
            // One sector in some seconds, neighbours against one another: a loop ends on a whole sector.
            let rate = [0.3, -0.22, 0.16][part] * self.layer.speed;
            let turn = shot.moment.cycles(rate, 0.0) / FOLD * if part == 0 { 2.0 } else { 1.0 };
            let breath = 1.0 + 0.16 * shot.moment.wave(0.32 * self.layer.speed, -0.22 * part as f32);
            let radius = self.radius * PARTS[part] * spot.unit;
            let (s, c) = (sine(turn) * radius, cosine(turn) * radius);
            let place = Place { x: spot.x, y: spot.y, across: [c, s * self.flat], down: [-s, c * self.flat] };
            canvas.sprite(&self.parts[part], place, scaled([1.0, 0.95, 0.88], breath), 1.0);
        }
        for wave in 0..2 {
            let out = fraction(shot.moment.cycles(0.36 * self.layer.speed, 0.5 * wave as f32));
            let tint = scaled(glowing(blend(self.colours.moving(2), WHITE, 0.4), 1.0), 0.3 * bump(2.0 * out - 1.0));
            let radius = self.radius * 1.25 * out.max(0.02);
            canvas.soft_sprite(&self.ring, self.on_floor(shot, self.centre.0, self.centre.1, radius), tint);
        }
        for index in 0..self.lamps {
            self.diya(shot, canvas, index);
        }
        for life in shot.moment.lives(self.dice.fork(70), (46.0 * self.layer.amount) as usize, 6.0 / self.layer.speed.max(0.05)) {
            let mut hand = self.dice.fork(71).hand(life.number);
            let (turn, far) = (hand.unit(), hand.unit().sqrt() * self.radius * 1.2);
            let x = self.centre.0 + sine(turn) * far + 16.0 * shot.moment.wave(hand.range(0.1, 0.3), hand.unit());
            let y = self.centre.1 + cosine(turn) * far * self.flat - life.age * hand.range(70.0, 240.0);
            let spot = shot.spot(x, y, self.layer.depth);
            let bright = bump(2.0 * life.age - 1.0) * (0.6 + 0.4 * shot.moment.wave(hand.range(0.8, 2.0), hand.unit()));
            canvas.spark(spot.x, spot.y, hand.range(0.8, 1.7) * spot.unit, scaled([1.0, 0.66, 0.28], 1.5 * bright));
        }
        if self.staged && !self.flowers.is_empty() {
            self.garland(shot, canvas);
        }
    }
}
