//! Drops on a window: each bends the lights of the evening behind it upside down into itself, and some run down.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Light},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled},
    curve::{bump, fade, mix, ramp},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Sprite, ink},
};

/// The glass is nearer than everything behind it.
const GLASS: f32 = 0.25;
/// How many times smaller than the canvas the picture is that drops look through.
const COARSE: usize = 4;

/// A light behind the glass, far out of focus.
struct Lamp {
    x: f32,
    y: f32,
    radius: f32,
    depth: f32,
    bright: f32,
    rate: f32,
    start: f32,
    glass: usize,
}

pub(super) struct RainOnGlass {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    lamps: Vec<Lamp>,
    /// One disc for each colour.
    discs: Vec<Sprite>,
    streak: Sprite,
    beads: usize,
    runners: usize,
    horizon: f32,
    fog: Tint,
    gleam: Tint,
}

/// What lies behind the glass, small and soft.
struct View {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 4]>,
}

impl View {
    fn of(light: &Light) -> Self {
        let (width, height) = (light.width.div_ceil(COARSE), light.height.div_ceil(COARSE));
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            // Two lines of four are enough of what is out of focus.
            let (upper, lower) = (light.row(COARSE * y), light.row((COARSE * y + 2).min(light.height - 1)));
            for x in 0..width {
                let (a, b) = (COARSE * x, (COARSE * x + 2).min(light.width - 1));
                let four = [upper[a], upper[b], lower[a], lower[b]];
                pixels.push(std::array::from_fn(|c| (four[0][c] + four[1][c] + four[2][c] + four[3][c]) / 4.0));
            }
        }
        Self { width, height, pixels }
    }

    /// At a place in pixels of the canvas; beyond an edge the picture goes on mirrored.
    fn at(&self, x: f32, y: f32) -> [f32; 4] {
        let within = |v: f32, length: usize| {
            let most = (length - 1) as f32;
            let v = (v / COARSE as f32 - 0.5).abs();
            if v > most { (2.0 * most - v).max(0.0) } else { v }
        };
        let (u, v) = (within(x, self.width), within(y, self.height));
        let (column, row) = (u as usize, v as usize);
        let (next, below) = ((column + 1).min(self.width - 1), (row + 1).min(self.height - 1));
        let (fu, fv) = (u - column as f32, v - row as f32);
        let (upper, lower) = (&self.pixels[row * self.width..], &self.pixels[below * self.width..]);
        std::array::from_fn(|c| mix(mix(upper[column][c], upper[next][c], fu), mix(lower[column][c], lower[next][c], fu), fv))
    }
}

/// One drop on the canvas, in pixels.
struct Drop {
    x: f32,
    y: f32,
    half_width: f32,
    half_height: f32,
    /// How far it is from an ellipse: drawn out to both sides, to three.
    lobes: (f32, f32),
    /// How much narrower its top is than its foot, 0 to 1.
    hang: f32,
    opacity: f32,
}

impl Drop {
    fn draw(&self, light: &mut Light, view: &View, gleam: Tint) {
        let (reach_x, reach_y) = (1.25 * self.half_width + 1.0, 1.25 * self.half_height + 1.0);
        let (left, right) = ((self.x - reach_x).max(0.0) as usize, ((self.x + reach_x).max(0.0) as usize + 1).min(light.width));
        let (top, bottom) = ((self.y - reach_y).max(0.0) as usize, ((self.y + reach_y).max(0.0) as usize + 1).min(light.height));
        let soft = self.half_width.min(self.half_height);
        // A drop is a very wide lens: wherever it is, most of what lies behind the window is seen in it.
        let tall = light.height as f32;
        let (spread, middle) = (2.0 * soft + 0.19 * tall, mix(self.y, 0.6 * tall, 0.6));
        for row in top..bottom {
            let v = (row as f32 + 0.5 - self.y) / self.half_height;
            let narrow = 1.0 / (1.0 - self.hang * ramp(0.7, -1.1, v)).max(0.2);
            for column in left..right {
                let u = (column as f32 + 0.5 - self.x) / self.half_width * narrow;
                let far = (u * u + v * v).sqrt().max(1e-3);
                let (cx, cy) = (u / far, v / far);
                let edge = 1.0 + self.lobes.0 * (cx * cx - cy * cy) + self.lobes.1 * cx * (4.0 * cx * cx - 3.0);
                let out = far / edge;
                let cover = ((1.0 - out) * soft + 0.5).clamp(0.0, 1.0) * self.opacity;
                if cover <= 0.0 {
                    continue;
                }
                let bend = spread * (0.6 + 0.6 * out * out);
                let seen = view.at(self.x - u * bend, middle - v * bend);
                // Light is gathered at the foot, and lost where the drop is steep.
                let steep = 1.0 - 0.6 * ramp(0.62, 1.0, out) * ramp(0.75, -0.6, cy);
                let gathered = mix(0.7, 1.75, ramp(-0.9, 0.9, v)) * steep;
                let (gx, gy) = ((u + 0.3) / 0.3, (v + 0.42) / 0.24);
                let glint = bump((gx * gx + gy * gy).sqrt().min(1.0));
                let crescent = bump(((out - 0.82) / 0.16).clamp(-1.0, 1.0)) * ramp(0.25, 0.95, cy);
                let shine = 0.5 * glint + 0.3 * crescent;
                let hidden = 1.0 - cover * seen[3];
                let pixel = &mut light.row_mut(row)[column];
                for channel in 0..3 {
                    pixel[channel] = pixel[channel] * hidden + cover * (seen[channel] * gathered + gleam[channel] * shine);
                }
                pixel[3] = pixel[3] * hidden + cover * seen[3].max(0.4 * shine);
            }
        }
    }
}

impl RainOnGlass {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let night = colours.night();
        let discs = colours.moving.iter().map(|&tint| {
            let texels = ((100.0 * world.unit) as usize).clamp(12, 128);
            let light = glowing(tint, if night { 0.9 } else { 0.75 });
            Sprite::paint(texels, texels, 2, |x, y| {
                let far = (x * x + y * y).sqrt();
                let disc = ramp(1.0, 0.72, far) * mix(0.7, 1.0, ramp(0.2, 0.8, far));
                // On a bright day light alone would only be white.
                let [red, green, blue, _] = ink(light, disc);
                [red, green, blue, disc * if night { 0.25 } else { 0.85 }]
            })
        });
        let horizon = world.half_height * 0.3;
        let lamp = |index: usize| {
            let mut hand = dice.fork(8).hand(index as u64);
            // Windows above, lamps and cars along the street.
            let street = hand.chance(0.42);
            let y =
                if street { horizon + hand.bell(0.3) * world.half_height } else { hand.range(-0.85, 0.3) * world.half_height };
            Lamp {
                x: hand.spread(1.15 * world.half_width),
                y,
                radius: hand.range(20.0, 58.0) * if street { 1.0 } else { 0.75 } * world.short() / 720.0,
                depth: hand.range(0.85, 1.1),
                bright: hand.range(0.25, 1.0) * if street { 1.0 } else { 0.5 },
                rate: hand.range(0.08, 0.3),
                start: hand.unit(),
                glass: if hand.chance(0.5) { 0 } else { hand.index(colours.moving.len()) },
            }
        };
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            lamps: (0..if staged { 84 } else { 0 }).map(lamp).collect(),
            discs: discs.collect(),
            streak: Sprite::paint(16, 48, 1, |x, y| {
                let wet = bump(x) * ramp(-1.0, 0.6, y) * ramp(1.0, 0.9, y);
                if wet > 0.0 { ink([0.0; 3], 0.2 * wet) } else { CLEAR }
            }),
            beads: casting.count(620.0),
            runners: casting.count(11.0),
            horizon,
            fog: haze(colours.sky(0.6), colours.moving(0), 0.05 + 0.1 * f32::from(u8::from(!night))),
            gleam: blend(glowing(blend(colours.moving(0), WHITE, 0.6), 1.0), WHITE, 0.3),
        }
    }

    fn lamps(&self, shot: &Shot, canvas: &mut Canvas) {
        for lamp in &self.lamps {
            let breath = 0.85 + 0.15 * shot.moment.wave(lamp.rate * self.layer.speed, lamp.start);
            let spot = shot.spot(lamp.x, lamp.y, lamp.depth);
            let place = spot.upright(lamp.radius, lamp.radius);
            canvas.sprite(&self.discs[lamp.glass], place, scaled(WHITE, breath), 0.75 * lamp.bright);
            canvas.halo(spot.x, spot.y, 3.0 * lamp.radius * spot.unit, scaled(self.light(lamp.glass), 0.035 * lamp.bright));
        }
        if self.lamps.is_empty() {
            return;
        }
        // Cars that pass, two lights each.
        let dice = self.dice.fork(9);
        for life in shot.moment.lives(dice, 7, 7.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let way = if hand.chance(0.5) { 1.0 } else { -1.0 };
            let radius = hand.range(22.0, 34.0) * self.world.short() / 720.0;
            let x = way * (2.0 * life.age - 1.0) * (self.world.half_width + 120.0);
            let y = self.horizon + hand.range(0.1, 0.32) * self.world.half_height;
            let glass = hand.index(self.discs.len());
            for side in [-1.0, 1.0] {
                let spot = shot.spot(x + side * 1.3 * radius, y, 0.9);
                canvas.sprite(&self.discs[glass], spot.upright(radius, radius), WHITE, 0.7 * fade(life.age, 0.08));
            }
        }
    }

    fn light(&self, index: usize) -> Tint {
        glowing(self.colours.moving(index), 1.0)
    }

    fn beads(&self, shot: &Shot, light: &mut Light, view: &View) {
        let dice = self.dice.fork(20);
        for life in shot.moment.lives(dice, self.beads, 13.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let (x, y) = (hand.spread(1.06 * self.world.half_width), hand.spread(1.06 * self.world.half_height));
            let small = hand.unit();
            let radius = mix(2.0, 17.0, small * small * small * small * small) * self.size() * hand.range(0.85, 1.15);
            // It lands at once and is gone when it has dried or been swept along.
            let grown = ramp(-0.01, 0.012, life.age) * mix(1.0, 0.82, life.age) * ramp(1.0, 0.96, life.age);
            let spot = shot.spot(x, y, GLASS);
            let half = radius * grown * spot.unit;
            if half < 0.35 {
                continue;
            }
            Drop {
                x: spot.x,
                y: spot.y,
                half_width: half * hand.range(0.9, 1.08),
                half_height: half * hand.range(0.95, 1.2),
                lobes: (hand.spread(0.07), hand.spread(0.08)),
                hang: hand.range(0.0, 0.16),
                opacity: (half / 0.9).min(1.0),
            }
            .draw(light, view, self.gleam);
        }
    }

    /// How far down a runner has come and how far aside: it sticks and slips, and wanders.
    fn path(&self, dice: Dice, along: f32, width: f32) -> (f32, f32) {
        let high = self.world.half_height + 60.0;
        let y = mix(-high, high, along);
        (width * (dice.hills(y / 95.0) + 0.35 * dice.fork(1).hills(y / 31.0)), y)
    }

    fn runners(&self, shot: &Shot, canvas: &mut Canvas, view: &View) {
        let dice = self.dice.fork(30);
        for life in shot.moment.lives(dice, self.runners, 8.5 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let way = dice.fork(2).fork(life.number);
            let x = hand.spread(self.world.half_width);
            let radius = hand.range(9.5, 14.5) * self.size();
            let slips = (2 + hand.index(3)) as f32;
            let start = hand.unit();
            // Down by three quarters of its life; then what it left behind dries.
            let run = (life.age / 0.76).min(1.0);
            let turn = |along: f32| crate::curve::sine(slips * along + start);
            let along = (run - 0.125 / slips * (turn(run) - turn(0.0))).clamp(0.0, 1.1);
            let (aside, down) = self.path(way, along, 17.0);
            let dry = ramp(1.0, 0.8, life.age);
            // The wet track, and the beads that it breaks into.
            for step in (0..9).rev() {
                let back = along - (step as f32 + 0.5) * 0.017;
                let (ax, ay) = self.path(way, back, 17.0);
                let spot = shot.spot(x + ax, ay, GLASS);
                let place = spot.upright(0.72 * radius, 0.0175 * (self.world.half_height + 60.0));
                canvas.sprite(&self.streak, place, WHITE, dry * (1.0 - step as f32 / 9.0));
            }
            let spacing = 0.021 * (720.0 / (2.0 * self.world.half_height)).min(1.4);
            let beads = (along / spacing) as usize;
            for bead in 0..beads {
                let mut hand = way.fork(3).hand(bead as u64);
                let place = (bead as f32 + hand.unit()) * spacing;
                if place > along - 0.02 {
                    continue;
                }
                let (ax, ay) = self.path(way, place, 17.0);
                let spot = shot.spot(x + ax + hand.spread(0.16 * radius), ay, GLASS);
                let age = along - place;
                let half = radius * hand.range(0.12, 0.42) * mix(1.0, 0.62, ramp(0.0, 0.5, age)) * dry * spot.unit;
                if half > 0.35 {
                    Drop {
                        x: spot.x,
                        y: spot.y,
                        half_width: half * hand.range(0.85, 1.0),
                        half_height: half * mix(1.9, 1.1, ramp(0.0, 0.12, age)),
                        lobes: (0.0, hand.spread(0.08)),
                        hang: 0.15,
                        opacity: (half / 0.9).min(1.0),
                    }
                    .draw(canvas.sharp, view, self.gleam);
                }
            }
            let spot = shot.spot(x + aside, down, GLASS);
            // Fast drops are long, those that stick are round.
            let fast = ramp(0.6, 1.7, 1.0 - 0.785 * crate::curve::cosine(slips * run + start));
            let half = radius * spot.unit;
            Drop {
                x: spot.x,
                y: spot.y,
                half_width: half * mix(0.95, 0.8, fast),
                half_height: half * mix(1.2, 1.75, fast),
                lobes: (0.0, 0.03),
                hang: mix(0.25, 0.5, fast),
                opacity: 1.0,
            }
            .draw(canvas.sharp, view, self.gleam);
        }
    }

    fn size(&self) -> f32 {
        self.layer.scale * (self.world.short() / 720.0).max(0.75)
    }
}

impl Actor for RainOnGlass {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        // Houses out of focus, darker than the sky between them, and a street that shines with rain.
        let block = self.dice.fork(7);
        let wall = ramp(-0.6, 0.6, block.hills(x / 150.0) + 0.4 * block.fork(1).hills(x / 62.0));
        let roof = self.horizon - self.world.half_height * mix(0.2, 0.95, wall);
        let inside = ramp(-150.0, 150.0, y - roof) * ramp(50.0, -50.0, y - self.horizon);
        let street = ramp(-30.0, 90.0, y - self.horizon);
        let glow = bump(((y - self.horizon) / (0.55 * self.world.half_height)).clamp(-1.0, 1.0));
        let shine = 0.5 + 0.5 * block.fork(2).land(x / 60.0, y / 240.0);
        let dark = scaled(base, 1.0 - 0.3 * inside - 0.22 * street);
        plus(plus(dark, scaled(self.light(0), 0.05 * glow * (0.4 + street * shine))), self.fog)
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        self.lamps(shot, canvas);
        if canvas.looks_ahead() || self.beads + self.runners == 0 {
            return;
        }
        let view = View::of(canvas.sharp);
        self.beads(shot, canvas.sharp, &view);
        self.runners(shot, canvas, &view);
    }
}
