//! A crescent moon and stars over domes, with pierced lamps that swing from chains.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{SKY, Shot, World},
    canvas::{Canvas, Profile},
    colour::{Tint, WHITE, blend, glowing, haze, plus, scaled, shaded},
    curve::{bump, cosine, mix, ramp, sine},
    dice::Dice,
    plane::{self, Plane},
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink, over},
};

/// Half the height of a lamp in the middle distance, in units.
const TALL: f32 = 62.0;
/// Length of a lamp's chain, in half heights of the lamp: always beyond the top of the picture.
const CHAIN: f32 = 14.0;

/// A lamp on its chain.
struct Lamp {
    x: f32,
    /// Its middle at rest.
    y: f32,
    depth: f32,
    half: f32,
    glass: usize,
    blur: usize,
    rate: f32,
    start: f32,
    swing: f32,
}

/// A lamp with glass of one colour, in focus and out of it.
struct Glass {
    focus: [Sprite; 2],
    light: Tint,
}

/// The moon: where it hangs, how large, what it is drawn with, and what it sheds.
struct Moon {
    x: f32,
    y: f32,
    radius: f32,
    sprite: Sprite,
    light: Tint,
}

impl Moon {
    /// Whether a place of the world lies behind the moon, its dark part too.
    fn covers(&self, x: f32, y: f32) -> bool {
        let (dx, dy) = (x - self.x, y - self.y);
        dx * dx + dy * dy < 1.2 * self.radius * self.radius
    }
}

pub(super) struct CrescentAndLamps {
    dice: Dice,
    layer: Layer,
    world: World,
    lamps: Vec<Lamp>,
    glasses: Vec<Glass>,
    chain: Sprite,
    moon: Option<Moon>,
    domes: Vec<Plane>,
    haze: Tint,
    star: Tint,
    glint: Profile,
}

impl CrescentAndLamps {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let gold = colours.moving(1);
        let texels =
            ((2.0 * TALL * nearness(0.25) * layer.scale * world.unit * world.short() / 720.0).ceil() as usize).clamp(12, 340);
        let brass = shaded(gold, 0.9, 1.1);
        let glasses = colours.moving.iter().map(|&tint| {
            let sharp = Sprite::paint((texels / 2).max(6), texels, 3, |x, y| lamp(x * 0.5, y, brass, tint));
            let light = glowing(blend(tint, [1.0, 0.66, 0.26], 0.25), 1.0);
            Glass { focus: [sharp.clone(), sharp.blurred(0.035)], light }
        });
        let links = (texels * 7).min(1600);
        let chain = Sprite::paint(((links as f32 / CHAIN * 0.12) as usize).max(3), links, 2, |x, y| {
            let link = (y * CHAIN * 4.2).fract().abs();
            let wide = if link < 0.5 { 0.9 } else { 0.35 };
            let hollow = link < 0.5 && x.abs() < 0.35 && (0.12..0.38).contains(&link);
            if x.abs() < wide && !hollow { ink(scaled(gold, mix(0.6, 0.2, 0.5 + 0.5 * x)), 0.9) } else { CLEAR }
        });
        let moon = casting.staged.then(|| {
            let radius = 0.125 * world.short();
            let light = glowing(blend(colours.moving(0), WHITE, 0.35), 1.0);
            let side = ((2.0 * radius * world.unit) as usize).clamp(12, 420);
            let (x, y) = moon_place(world);
            let sprite = Sprite::paint(side, side, 3, |x, y| crescent(x, y, light));
            Moon { x, y, radius, sprite, light }
        });
        Self {
            dice,
            layer,
            world,
            lamps: hang(&casting),
            glasses: glasses.collect(),
            chain,
            moon,
            domes: if casting.staged { domes(&casting) } else { Vec::new() },
            haze: haze(colours.sky(1.0), colours.moving(0), 0.11),
            star: blend(glowing(colours.moving(0), 1.0), WHITE, 0.7),
            glint: Profile::new(|r| (1.0 - r) * (1.0 - r) * (1.0 - r)),
        }
    }

    fn twinkle(&self, shot: &Shot, canvas: &mut Canvas) {
        for index in 0..90 {
            let mut hand = self.dice.fork(5).hand(index);
            let (x, y) = (hand.spread(1.1 * self.world.half_width), mix(-1.08, 0.35, hand.unit()) * self.world.half_height);
            let bright = hand.unit() * hand.unit();
            if self.moon.as_ref().is_some_and(|moon| moon.covers(x, y)) {
                continue;
            }
            let wave = 0.5 + 0.5 * shot.moment.wave(hand.range(0.2, 0.7) * self.layer.speed, hand.unit());
            let spot = shot.spot(x, y, SKY);
            let shine = mix(0.25, 1.0, wave) * (0.25 + 1.5 * bright);
            canvas.spark(spot.x, spot.y, mix(0.7, 1.5, bright) * spot.unit, scaled(self.star, shine));
            if bright > 0.42 {
                canvas.disc(spot.x, spot.y, 10.0 * spot.unit, &self.glint, scaled(self.star, 0.3 * shine));
                let reach = mix(5.0, 13.0, wave) * spot.unit;
                for step in 1..=7 {
                    let far = step as f32 / 7.0;
                    let tint = scaled(self.star, 0.5 * shine * (1.0 - far) * (1.0 - far));
                    for (dx, dy) in [(far, 0.0), (-far, 0.0), (0.0, far), (0.0, -far)] {
                        canvas.spark(spot.x + dx * reach, spot.y + dy * reach, 0.65 * spot.unit, tint);
                    }
                }
            }
        }
    }
}

/// Where the moon's middle is.
fn moon_place(world: World) -> (f32, f32) {
    let (x, y) = if world.tall() { (-0.34, -0.42) } else { (-0.46, -0.36) };
    (x * world.half_width, y * world.half_height)
}

/// Lamps in three distances: small ones all over the top, large ones at the sides.
fn hang(casting: &Casting) -> Vec<Lamp> {
    let Casting { layer, world, dice, staged, .. } = *casting;
    let moon = moon_place(world);
    let share = (world.half_width / 640.0).clamp(0.55, 1.3);
    let mut lamps = Vec::new();
    for (number, depth, count, low, high, blur) in
        [(0u64, 0.95, 6.0, -0.62, -0.1, 1), (1, 0.6, 4.6, -0.55, 0.1, 0), (2, 0.25, 2.2, -0.3, 0.25, 0)]
    {
        let depth = (depth + layer.depth - 0.5_f32).clamp(0.0, 1.2);
        let count = casting.count(count * share);
        for index in 0..count {
            let mut hand = dice.fork(20 + number).hand(index as u64);
            let place = (index as f32 + 0.5 + hand.spread(0.28)) / count as f32 * 2.0 - 1.0;
            // The nearer, the further aside.
            let aside = place.signum() * place.abs().sqrt();
            let x = mix(place, aside, [0.1, 0.55, 1.0][number as usize]) * world.half_width * [1.0, 0.92, 0.84][number as usize];
            let half = TALL * nearness(depth) * layer.scale * hand.range(0.85, 1.1) * world.short() / 720.0;
            let y = mix(low, high, if number == 2 { hand.unit() } else { hand.unit() * mix(0.6, 1.0, place.abs()) })
                * world.half_height;
            let (rate, start) = (hand.range(0.18, 0.26), hand.unit());
            let (dx, dy) = ((x - moon.0) / world.short(), (y - moon.1) / world.short());
            if staged && dx.abs() < 0.17 && dy > -0.3 {
                // Nothing hangs before the moon.
                continue;
            }
            lamps.push(Lamp {
                x,
                y,
                depth,
                half,
                glass: index + number as usize,
                blur,
                rate,
                start,
                swing: hand.range(0.004, 0.009),
            });
        }
    }
    lamps
}

/// A waning crescent of gold, brighter along its outer edge.
fn crescent(x: f32, y: f32, light: Tint) -> Ink {
    let (far, hollow) = ((x * x + y * y).sqrt(), ((x - 0.3) * (x - 0.3) + (y + 0.13) * (y + 0.13)).sqrt());
    let cover = ramp(0.95, 0.93, far) * ramp(0.755, 0.79, hollow);
    let rim = ramp(0.6, 0.95, far);
    let bevel = 0.5 + 0.5 * ((-x * 0.6 - y * 0.8) / far.max(0.05));
    ink(scaled(blend(light, WHITE, 0.3 * rim), mix(0.95, 1.35, rim) * mix(0.72, 1.1, bevel)), cover)
}

/// The outline of a lamp: half width by height, both in half heights.
const OUTLINE: [(f32, f32); 17] = [
    (-0.84, 0.015),
    (-0.80, 0.07),
    (-0.72, 0.10),
    (-0.66, 0.17),
    (-0.55, 0.29),
    (-0.47, 0.36),
    (-0.43, 0.40),
    (-0.40, 0.33),
    (-0.06, 0.42),
    (0.34, 0.31),
    (0.37, 0.36),
    (0.42, 0.34),
    (0.52, 0.19),
    (0.62, 0.07),
    (0.69, 0.085),
    (0.76, 0.05),
    (0.90, 0.005),
];

fn lamp(x: f32, y: f32, brass: Tint, glass: Tint) -> Ink {
    // The ring that the chain holds.
    let ring = ((x * x + (y + 0.9) * (y + 0.9)).sqrt() - 0.062).abs() < 0.018;
    let metal = |across: f32, light: f32| {
        let shine = bump(((across + 0.38) / 0.42).clamp(-1.0, 1.0)) + 0.35 * bump(((across - 0.62) / 0.25).clamp(-1.0, 1.0));
        let edge = 1.0 - 0.55 * across * across;
        plus(scaled(brass, (0.14 + 0.75 * shine + light) * edge), scaled(WHITE, 0.1 * shine * shine))
    };
    if ring {
        return ink(metal(x * 8.0, 0.1), 1.0);
    }
    let Some(pair) = OUTLINE.windows(2).find(|pair| (pair[0].0..pair[1].0).contains(&y)) else { return CLEAR };
    let part = (y - pair[0].0) / (pair[1].0 - pair[0].0);
    let wide = mix(pair[0].1, pair[1].1, part);
    let across = x / wide;
    if across.abs() > 1.0 {
        return CLEAR;
    }
    let warm = glowing(blend(glass, [1.0, 0.7, 0.3], 0.2), 1.0);
    let cap = (-0.8..-0.47).contains(&y);
    if cap {
        // Pierced holes let the light out of the dome.
        let turn = libm::asinf(across.clamp(-1.0, 1.0)) * 3.0;
        let (u, v) = ((turn + 0.5).fract().abs() - 0.5, ((y + 0.8) * 11.0).fract() - 0.5);
        let hole = ramp(0.2, 0.13, (u * u + v * v).sqrt()) * ramp(-0.68, -0.62, y);
        return over(ink(metal(across, 0.05 + 0.12 * ramp(-0.7, -0.47, y)), 1.0), ink(scaled(warm, 1.5), hole));
    }
    if !(-0.40..0.34).contains(&y) {
        let light = 0.18 * bump(((y - 0.38) / 0.14).clamp(-1.0, 1.0));
        return ink(metal(across, light), 1.0);
    }
    // Six sides, three of which are seen: arched panes with a lattice, between posts of metal.
    let side = libm::asinf(across.clamp(-1.0, 1.0)) / std::f32::consts::FRAC_PI_3 + 0.5;
    let pane = side - side.floor() - 0.5;
    let height = (y + 0.03) / 0.37;
    let arch = 0.4 * (1.0 - ramp(-0.35, -0.98, height)).sqrt();
    let framed = pane.abs() < arch && height.abs() < 0.93;
    if !framed {
        return ink(metal(across, 0.12 * bump(height.clamp(-1.0, 1.0))), 1.0);
    }
    let (u, v) = (pane * 5.2, height * 3.4);
    let lattice = {
        let (a, b) = ((u + v) - (u + v + 0.5).floor(), (u - v) - (u - v + 0.5).floor());
        ramp(0.11, 0.05, a.abs().min(b.abs()))
    };
    let border = ramp(arch - 0.07, arch - 0.03, pane.abs());
    let (dx, dy) = (x / 0.42, (y - 0.03) / 0.36);
    let near = (1.0 - (dx * dx + dy * dy) * 0.62).max(0.0);
    let hot = blend(scaled(glowing(glass, 1.0), 0.9), [1.0, 0.86, 0.6], near * near * 0.6);
    let lit = scaled(hot, 0.22 + 1.05 * near * near);
    over(ink(lit, 1.0), ink(metal(across, 0.1), 0.85 * lattice.max(border)))
}

/// Two rows of domes and minarets in the haze.
fn domes(casting: &Casting) -> Vec<Plane> {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let scale = world.short() / 720.0;
    let warm = glowing(blend(colours.moving(0), [1.0, 0.66, 0.3], 0.4), 1.0);
    let mut planes = Vec::new();
    for (number, depth, base, size, fog) in [(0u64, 1.05, 0.86, 0.72, 0.62), (1, 0.9, 0.98, 1.0, 0.22)] {
        let dice = dice.fork(40 + number);
        let dark = scaled(colours.sky(0.15), 0.32);
        let wall = blend(dark, colours.sky(0.95), fog);
        let ground = scaled(colours.sky(1.0), mix(0.5, 0.9, fog));
        let low = base * world.half_height;
        let size = size * scale;
        let bottom = plane::floor(world, &eye, depth);
        let edge = 0.6 / world.unit;
        planes.push(Plane::paint(world, &eye, depth, low - 210.0 * size, bottom, |x, y| {
            let cell_width = 190.0 * size;
            let shifted = x / cell_width + 0.37 * number as f32;
            let mut cover: f32 = ramp(-edge, edge, y - low + 14.0 * size);
            let mut light = 0.0f32;
            let first = shifted.floor();
            for cell in [first - 1.0, first, first + 1.0] {
                let mut hand = dice.hand(cell as i64 as u64);
                let (u, v) = ((shifted - cell - 0.5) * cell_width / size, (y - low) / size);
                let (dome, tower, lean) = (hand.range(30.0, 52.0), hand.range(110.0, 175.0), hand.range(58.0, 84.0));
                cover = cover.max(mosque(u, v, dome)).max(minaret(u - lean, v, tower));
                if hand.chance(0.6) {
                    cover = cover.max(minaret(u + lean, v, tower * 0.92));
                }
                let (wx, wy) = ((u / 11.0) - (u / 11.0 + 0.5).floor(), (v + 0.42 * dome - 4.0) / 7.0);
                if u.abs() < dome * 0.95 && wx.abs() < 0.2 && wy.abs() < 1.0 && wx.abs() < 0.2 * (1.0 + wy).clamp(0.0, 1.0).sqrt()
                {
                    light = mix(0.35, 1.0, hand.unit());
                }
            }
            if cover == 0.0 {
                return CLEAR;
            }
            let mist = ramp(low - 70.0 * size, bottom, y);
            let tint = blend(wall, ground, 0.5 * mist);
            ink(plus(tint, scaled(warm, 0.55 * light * (1.0 - 0.6 * fog))), cover)
        }));
    }
    planes
}

/// A hall with an onion dome, 1 inside; its floor is at v = 0.
fn mosque(u: f32, v: f32, dome: f32) -> f32 {
    let hall = u.abs() < dome * 1.15 && v > -0.72 * dome;
    let drum = u.abs() < dome * 0.8 && v > -0.95 * dome;
    // 0 at the drum, 1 at the tip.
    let t = (-0.95 * dome - v) / (1.32 * dome);
    let onion = (0.0..1.0).contains(&t)
        && u.abs()
            < dome * 0.86 * (1.0 - t * t).max(0.0).sqrt() * mix(1.0 + 0.35 * bump(t * 2.2 - 0.7), 0.12, ramp(0.62, 1.0, t));
    let tip = -2.27 * dome;
    let spire = u.abs() < 0.8 && v < tip + 4.0 && v > tip - 13.0;
    let (mx, my) = (u, v - tip + 17.0);
    let moon = mx * mx + my * my < 20.0 && (mx - 1.7) * (mx - 1.7) + (my + 1.0) * (my + 1.0) > 12.0;
    f32::from(u8::from(hall || drum || onion || spire || moon))
}

/// A slender tower with two balconies, 1 inside.
fn minaret(u: f32, v: f32, tall: f32) -> f32 {
    let up = -v / tall;
    let wide = match up {
        _ if up < 0.0 => 6.5,
        _ if (0.46..0.5).contains(&up) || (0.74..0.77).contains(&up) => 7.4,
        _ if up < 0.46 => 5.4,
        _ if up < 0.74 => 4.4,
        _ if up < 0.84 => 3.2,
        _ if up < 1.0 => 3.9 * (1.0 - (up - 0.84) / 0.16),
        _ if up < 1.06 => 0.6,
        _ => 0.0,
    };
    f32::from(u8::from(u.abs() < wide))
}

impl Actor for CrescentAndLamps {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 380.0, y / 100.0) * 0.6 + cloud.fork(1).land(x / 150.0, y / 46.0) * 0.4;
        let low = ramp(-0.1, 1.0, y / self.world.half_height);
        let lit = plus(scaled(base, 1.0 + 0.18 * drift), scaled(self.haze, low * (0.9 + 0.4 * drift)));
        let Some(moon) = &self.moon else { return lit };
        let (dx, dy) = (x - moon.x, y - moon.y);
        let away = (dx * dx + dy * dy).sqrt() / moon.radius;
        // Thin clouds around it take the sky's colour.
        let veil = blend(moon.light, glowing(base, 1.0), 0.45);
        plus(lit, scaled(veil, 0.08 * bump((away / 2.4).min(1.0)) + 0.05 * bump((away / 5.5).min(1.0))))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        if let Some(moon) = &self.moon {
            let spot = shot.spot(moon.x, moon.y, SKY);
            canvas.sprite(&moon.sprite, spot.turned(moon.radius, moon.radius, -0.06), WHITE, 1.0);
        }
        for dome in &self.domes {
            dome.draw(shot, canvas);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if self.moon.is_some() {
            self.twinkle(shot, canvas);
        }
        for lamp in &self.lamps {
            let glass = &self.glasses[lamp.glass % self.glasses.len()];
            let long = (CHAIN + 0.9) * lamp.half;
            let turn = lamp.swing * shot.moment.wave(lamp.rate * self.layer.speed, lamp.start);
            let (s, c) = (sine(turn), cosine(turn));
            let hook = lamp.y - long;
            let spot = shot.spot(lamp.x + s * long, hook + c * long, lamp.depth);
            let half = lamp.half * spot.unit;
            let flicker = 1.0 + 0.05 * shot.moment.wave(0.9, lamp.start) + 0.04 * shot.moment.wave(2.3, lamp.start * 5.0);
            let air = ramp(1.6, 0.5, lamp.depth);
            canvas.halo(spot.x, spot.y, half * 3.4, scaled(glass.light, 0.13 * flicker * air));
            canvas.halo(spot.x, spot.y, half * 1.4, scaled(glass.light, 0.13 * flicker * air));
            let (up_x, up_y) = (s * (CHAIN / 2.0 + 0.9) * half, c * (CHAIN / 2.0 + 0.9) * half);
            let chain = Place {
                x: spot.x - up_x,
                y: spot.y - up_y,
                across: [0.055 * half, 0.0],
                down: [s * CHAIN / 2.0 * half, c * CHAIN / 2.0 * half],
            };
            canvas.sprite(&self.chain, chain, WHITE, mix(0.5, 1.0, air));
            // A lamp swings a little more than its chain.
            let place = spot.turned(0.5 * lamp.half, lamp.half, -1.6 * turn);
            canvas.sprite(&glass.focus[lamp.blur], place, scaled(WHITE, flicker * mix(0.75, 1.0, air)), 1.0);
        }
    }
}
