//! Curtains of light among the stars, over mountains, pines and a lake that mirrors them.

use super::{Actor, Casting};
use crate::{
    camera::{SKY, Shot, World},
    canvas::Canvas,
    colour::{BLACK, Colours, Tint, WHITE, blend, glowing, haze, plus, scaled},
    curve::{bump, mix, ramp, sine},
    dice::Dice,
    plane::{self, Plane},
    scene::Layer,
    sprite::{CLEAR, Place, Sprite, ink},
};

/// Steps of a curtain from its foot up.
const STEPS: usize = 192;
/// How far a curtain's hem hangs below its foot, in heights of the curtain.
const HEM: f32 = 0.14;
/// Depth of the curtains, nearly the sky's.
const FAR: f32 = 1.08;
/// Depth of the far shore.
const SHORE: f32 = 0.95;

/// One ray of a curtain.
struct Ray {
    /// Where along the curtain it stands, about −1.3 to 1.3.
    along: f32,
    /// How bright it is by itself, how tall, and where it is in the curtain's pulses.
    bright: f32,
    tall: f32,
    phase: f32,
    patch: f32,
}

/// A ribbon that hangs in folds.
struct Curtain {
    /// Height of its foot, in units.
    foot: f32,
    /// From foot to top, in units.
    tall: f32,
    bright: f32,
    /// Across the picture, how much higher its right end is, in units.
    lean: f32,
    /// Depth of its folds, in units.
    fold: f32,
    starts: [f32; 5],
    rays: Vec<Ray>,
}

pub(super) struct Aurora {
    dice: Dice,
    layer: Layer,
    world: World,
    curtains: Vec<Curtain>,
    /// Light and coverage from a curtain's foot up.
    shades: Vec<[f32; 4]>,
    ridges: Vec<Plane>,
    pines: Option<Plane>,
    horizon: f32,
    deep: Tint,
    haze: Tint,
    star: Tint,
    stars: usize,
}

impl Aurora {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let horizon = world.half_height * if world.tall() { 0.72 } else { 0.62 };
        Self {
            dice,
            layer,
            world,
            curtains: curtains(&casting, horizon),
            shades: shades(colours),
            ridges: if staged { ridges(&casting, horizon) } else { Vec::new() },
            pines: staged.then(|| pines(&casting, horizon)),
            horizon,
            deep: scaled(colours.sky(0.25), 0.35),
            haze: haze(colours.sky(1.0), colours.moving(0), 0.1),
            star: blend(glowing(colours.sky(1.0), 1.0), WHITE, 0.7),
            stars: if staged && colours.night() { 320 } else { 0 },
        }
    }

    /// All curtains into a picture of their own, a few pixels to a texel: they have edges only at their feet.
    fn light(&self, shot: &Shot, canvas: &mut Canvas) {
        let (width, height) = (canvas.sharp.width, canvas.sharp.height);
        let (cell_x, cell_y) = if self.world.unit > 0.6 { (2.0, 4.0) } else { (1.0, 2.0) };
        // Behind the mountains there is nothing to paint.
        let low =
            if self.ridges.is_empty() { height as f32 } else { shot.spot(0.0, self.horizon, SHORE).y.clamp(8.0, height as f32) };
        let (columns, rows) = ((width as f32 / cell_x) as usize + 4, (low / cell_y) as usize + 4);
        // By columns, so that a ray is one run.
        let mut picture = vec![[0.0f32; 4]; columns * rows];
        for curtain in &self.curtains {
            self.curtain(shot, curtain, (columns, rows), (cell_x, cell_y), &mut picture);
        }
        let sprite = Sprite::from_rows(columns, rows, |y, row| {
            for (ink, column) in row.iter_mut().zip(picture.chunks_exact(rows)) {
                let [red, green, blue, cover] = column[y];
                *ink = [red, green, blue, cover.min(0.9)];
            }
        });
        let half = (columns as f32 * cell_x / 2.0, rows as f32 * cell_y / 2.0);
        let place = Place { x: half.0 - 2.0 * cell_x, y: half.1 - 2.0 * cell_y, across: [half.0, 0.0], down: [0.0, half.1] };
        sprite.draw(canvas.sharp, place, WHITE, 1.0);
    }

    fn curtain(
        &self,
        shot: &Shot,
        curtain: &Curtain,
        (columns, rows): (usize, usize),
        (cell_x, cell_y): (f32, f32),
        picture: &mut [[f32; 4]],
    ) {
        let speed = self.layer.speed;
        let [broad, narrow, pulse, flow, breath] = curtain.starts;
        let broad = shot.moment.cycles(0.035 * speed, broad);
        let narrow = shot.moment.cycles(-0.055 * speed, narrow);
        let pulse = shot.moment.cycles(0.16 * speed, pulse);
        let flow = shot.moment.cycles(0.07 * speed, flow);
        let breath = 0.86 + 0.14 * shot.moment.wave(0.09 * speed, breath);
        let spot = shot.spot(0.0, curtain.foot, FAR);
        let wide = self.world.half_width * spot.unit;
        let mut before: Option<f32> = None;
        // From one ray to the next where the ribbon hangs without a fold, in columns.
        let usual = 2.6 / curtain.rays.len() as f32 * wide / cell_x;
        for ray in &curtain.rays {
            let along = ray.along;
            // The ribbon swings to and fro while it goes on: folds, in which light gathers.
            let (first, second) = (0.8 * along + broad, 2.3 * along + narrow + 0.1 * sine(0.9 * along + flow));
            let aside = curtain.fold * (1.3 * sine(first) + 0.55 * sine(second));
            let rise = curtain.fold * (0.42 * sine(first + 0.25) + 0.2 * sine(second + 0.25)) - curtain.lean * along;
            let x = (spot.x + along * wide + aside * spot.unit) / cell_x + 2.0;
            let Some(last) = before.replace(x) else { continue };
            // Seen edge-on a fold of something thin would be a blinding line: a veil is thicker than that.
            let step = (x - last).abs().max(0.01 * usual);
            let half = 0.5 * step.max(1.6 * usual);
            let (left, right) = (0.5 * (x + last) - half, 0.5 * (x + last) + half);
            if right < 0.0 || left >= columns as f32 {
                continue;
            }
            let wave = 0.5 + 0.5 * sine(pulse + ray.phase);
            let patch = ramp(-0.5, 0.7, ray.patch + 0.55 * sine(1.1 * along + flow));
            let bright = curtain.bright * breath * patch * (0.2 + 0.8 * wave * ray.bright) * (step * usual).sqrt() / (2.0 * half);
            let tall = curtain.tall * ray.tall * mix(0.75, 1.0, patch) * spot.unit;
            let foot = spot.y + rise * spot.unit;
            if bright < 0.003 || tall < cell_y {
                continue;
            }
            let run = Run { left, right, top: foot - tall, foot, bright };
            run.lay(&self.shades, (columns, rows), cell_y, picture);
        }
    }
}

/// A ray on the way into the picture: from `left` to `right` in columns, from `top` to `foot` in pixels.
struct Run {
    left: f32,
    right: f32,
    top: f32,
    foot: f32,
    bright: f32,
}

impl Run {
    fn lay(&self, shades: &[[f32; 4]], (columns, rows): (usize, usize), cell_y: f32, picture: &mut [[f32; 4]]) {
        let tall = self.foot - self.top;
        // The hem hangs a little below the foot.
        let per_pixel = STEPS as f32 / (tall * (1.0 + HEM));
        let first = (self.top / cell_y + 2.0).ceil().max(0.0);
        let last = ((self.foot + HEM * tall) / cell_y + 2.0).floor().min(rows as f32 - 1.0);
        if first > last {
            return;
        }
        let start = STEPS as f32 - ((first - 2.0) * cell_y - self.top) * per_pixel;
        let end = self.right.min(columns as f32 - 0.01);
        for column in self.left.max(0.0) as usize..=end.max(0.0) as usize {
            let share = (self.right.min(column as f32 + 1.0) - self.left.max(column as f32)).max(0.0) * self.bright;
            let mut place = start;
            for pixel in &mut picture[column * rows..][first as usize..=last as usize] {
                let shade = shades[(place.max(0.0) as usize).min(STEPS - 1)];
                for channel in 0..4 {
                    pixel[channel] += shade[channel] * share;
                }
                place -= per_pixel * cell_y;
            }
        }
    }
}

/// From below its foot to its top: a bright hem, then a veil that thins out and changes colour.
fn shades(colours: &Colours) -> Vec<[f32; 4]> {
    let lead = glowing(colours.moving(0), 1.0);
    let second = glowing(colours.moving(1), 0.8);
    let third = glowing(colours.moving(2), 0.7);
    // On a bright sky light alone would only be white.
    let cover = if colours.night() { 0.0 } else { 0.75 };
    (0..STEPS)
        .map(|step| {
            let up = (step as f32 + 0.5) / STEPS as f32 * (1.0 + HEM) - HEM;
            let hem = ramp(-0.1, 0.03, up);
            let thin = 1.0 - up.max(0.0);
            let veil =
                hem * (0.62 * thin * thin * thin + 0.3 * thin * thin * bump((up - 0.3) / 0.9) + 0.5 * bump((up - 0.03) / 0.13));
            let tint = blend(blend(lead, second, ramp(0.16, 0.55, up)), third, ramp(0.45, 0.95, up));
            let tint = blend(tint, WHITE, 0.18 * bump((up - 0.02) / 0.12));
            let tint = scaled(tint, 0.85 * veil);
            [tint[0], tint[1], tint[2], cover * veil]
        })
        .collect()
}

fn curtains(casting: &Casting, horizon: f32) -> Vec<Curtain> {
    let Casting { layer, world, dice, .. } = *casting;
    let count = casting.count(5.0);
    let size = layer.scale * world.half_height.min(1.25 * world.half_width);
    (0..count)
        .map(|number| {
            let mut hand = dice.fork(20).hand(number as u64);
            let dice = dice.fork(21).fork(number as u64);
            // The first ones hang highest; the others fill the sky down to the mountains.
            let level = mix(0.06, 0.6, (number as f32 + 0.5) / count as f32) + hand.spread(0.05);
            let rays = ((1.1 * world.half_width * world.unit) as usize).clamp(140, 900);
            let ray = |index: usize| {
                let along = (index as f32 + 0.5) / rays as f32 * 2.6 - 1.3;
                let fine = 0.5 + 0.5 * dice.hills(along * 60.0);
                let broad = 0.5 + 0.5 * dice.fork(1).hills(along * 17.0);
                Ray {
                    along,
                    bright: mix(0.28, 1.0, fine * fine) * mix(0.45, 1.0, broad),
                    tall: mix(0.55, 1.0, broad) * mix(0.85, 1.1, fine),
                    phase: 0.9 * dice.fork(2).hills(along * 5.0) + 0.35 * dice.fork(3).hills(along * 19.0),
                    patch: dice.fork(4).hills(along * 1.7),
                }
            };
            Curtain {
                foot: mix(-0.55 * world.half_height, horizon - 0.2 * world.half_height, level),
                tall: size * hand.range(0.75, 1.1),
                bright: hand.range(0.55, 1.0) * if number % 3 == 2 { 0.6 } else { 1.0 },
                lean: size * hand.spread(0.16),
                fold: 0.2 * size * hand.range(0.7, 1.3),
                starts: std::array::from_fn(|_| hand.unit()),
                rays: (0..rays).map(ray).collect(),
            }
        })
        .collect()
}

/// Mountains behind the lake: crests of snow that catch a little of the light.
fn ridges(casting: &Casting, horizon: f32) -> Vec<Plane> {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let air = haze(colours.sky(0.95), colours.moving(0), 0.13);
    let dark = scaled(colours.sky(0.1), 0.3);
    [(1u64, 1.06, 0.42, 0.5, 430.0), (2, 1.0, 0.25, 0.24, 330.0), (3, SHORE, 0.09, 0.05, 190.0)]
        .into_iter()
        .map(|(number, depth, tall, fog, broad)| {
            let dice = dice.fork(30 + number);
            let tall = tall * world.short() * 0.5;
            let crest = |x: f32| {
                let peak = 1.0 - dice.hills(x / broad).abs();
                let rough = dice.fork(1).hills(x / (broad * 0.29)) * 0.25 + dice.fork(2).hills(x / (broad * 0.1)) * 0.09;
                let wood = if number == 3 { 0.35 * (0.5 + 0.5 * dice.fork(4).hills(x / 3.2)) } else { 0.0 };
                horizon - tall * (0.25 + 0.65 * peak * peak + rough * (0.3 + peak) + wood).max(0.03)
            };
            let edge = 0.7 / world.unit;
            let near = blend(dark, air, fog);
            Plane::paint_columns(world, &eye, depth, [horizon - 1.7 * tall, horizon + 2.0], crest, |&crest, x, y| {
                let cover = ramp(-edge, edge, y - crest);
                if cover <= 0.0 {
                    return CLEAR;
                }
                let down = (y - crest) / (horizon - crest + 10.0);
                // Snow lies above, in streaks down the slopes, and is lit by what hangs in the sky.
                let slope = dice.fork(5).land(x / 22.0 + 0.6 * y / 22.0, y / 46.0) + 0.6 * dice.fork(6).land(x / 8.0, y / 17.0);
                let snow = if number < 3 { ramp(0.1, 0.6, 0.5 + 0.8 * slope - 1.5 * down) } else { 0.0 };
                let mist = ramp(0.2, 1.0, down) * mix(0.35, 0.7, fog);
                ink(blend(plus(near, scaled(air, 0.55 * snow)), air, mist), cover)
            })
        })
        .collect()
}

/// A pine, in units: where it stands, its foot, its height.
struct Pine {
    x: f32,
    foot: f32,
    tall: f32,
    number: u64,
}

impl Pine {
    /// How much of a place it covers; `edge` is half a pixel.
    fn at(&self, x: f32, y: f32, edge: f32, dice: Dice) -> f32 {
        let up = (self.foot - y) / self.tall;
        if !(0.0..1.0).contains(&up) {
            return 0.0;
        }
        let aside = x - self.x;
        // Whorls of branches that hang a little, each wider than the one above.
        let whorl = (1.0 - up) * 13.0;
        let rough = 0.28 * dice.fork(self.number).hills(whorl * 1.7 + if aside > 0.0 { 40.0 } else { 0.0 });
        let tooth = whorl - whorl.floor();
        let wide = self.tall * 0.2 * (1.0 - up) * (0.5 + 0.5 * tooth + rough) + 0.006 * self.tall;
        ramp(edge, -edge, aside.abs() - wide)
    }
}

/// The near shore with pines on both sides, out of the middle's way.
fn pines(casting: &Casting, horizon: f32) -> Plane {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let depth = 0.55;
    let dark = scaled(colours.sky(0.0), 0.16);
    let rim = haze(colours.sky(0.6), colours.moving(0), 0.05);
    let bottom = plane::floor(world, &eye, depth);
    let reach = world.half_width + eye.reach(depth);
    let dice = dice.fork(50);
    let ground = move |x: f32| {
        let aside = (x / world.half_width).abs();
        world.half_height - world.short() * (0.15 * ramp(0.25, 1.1, aside) - 0.04 + 0.012 * dice.hills(x / 60.0))
    };
    let spacing = 0.022 * world.short();
    let count = (reach / spacing) as i64 + 3;
    let pines: Vec<Pine> = (-count..=count)
        .map(|index| {
            let mut hand = dice.fork(1).hand(index as u64);
            let x = (index as f32 + hand.spread(0.7)) * spacing;
            let aside = (x / world.half_width).abs();
            let tall = world.short() * (0.05 + 0.31 * ramp(0.42, 1.05, aside)) * hand.range(0.4, 1.15);
            let stands = ramp(0.2, 0.62, aside + hand.spread(0.12));
            Pine { x, foot: ground(x) + 4.0, tall: tall * stands, number: index as u64 }
        })
        .filter(|pine| pine.tall > 6.0)
        .collect();
    let top = pines.iter().map(|pine| pine.foot - pine.tall).fold(horizon, f32::min) - 2.0;
    let edge = 0.7 / world.unit;
    let broad = 0.2 * 1.3 * 0.42 * world.short();
    Plane::paint(world, &eye, depth, top, bottom, |x, y| {
        let mut cover = ramp(-edge, edge, y - ground(x));
        let from = pines.partition_point(|pine| pine.x < x - broad);
        for pine in pines[from..].iter().take_while(|pine| pine.x < x + broad) {
            if cover >= 1.0 {
                break;
            }
            cover = cover.max(pine.at(x, y, edge, dice.fork(2)));
        }
        let low = ramp(top, bottom, y);
        ink(blend(plus(dark, scaled(rim, 0.5)), dark, low), cover)
    })
}

impl Actor for Aurora {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 460.0, y / 200.0) * 0.6 + cloud.fork(1).land(x / 190.0, y / 90.0) * 0.4;
        let low = bump(((y - self.horizon) / (0.9 * self.world.half_height)).clamp(-1.0, 1.0));
        plus(scaled(base, 1.0 + 0.14 * drift), scaled(self.haze, low * (0.9 + 0.3 * drift)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for star in 0..self.stars {
            let mut hand = self.dice.fork(5).hand(star as u64);
            let (x, y) =
                (hand.spread(self.world.half_width * 1.15), mix(-1.15 * self.world.half_height, self.horizon, hand.unit()));
            let spot = shot.spot(x, y, SKY);
            let bright = hand.unit() * hand.unit();
            canvas.spark(spot.x, spot.y, mix(0.6, 1.1, bright) * spot.unit, scaled(self.star, 0.07 + 1.3 * bright * bright));
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for star in 0..self.stars.min(36) {
            let mut hand = self.dice.fork(6).hand(star as u64);
            let (x, y) = (hand.spread(1.1 * self.world.half_width), mix(-1.1 * self.world.half_height, 0.0, hand.unit()));
            let spot = shot.spot(x, y, SKY);
            let wave = 0.5 + 0.5 * shot.moment.wave(hand.range(0.3, 0.9), hand.unit());
            canvas.spark(spot.x, spot.y, 1.1 * spot.unit, scaled(self.star, mix(0.1, 1.1, wave)));
        }
        if !self.curtains.is_empty() && !canvas.looks_ahead() {
            self.light(shot, canvas);
        }
        for ridge in &self.ridges {
            ridge.draw(shot, canvas);
        }
        if let Some(pines) = &self.pines {
            let shore = shot.spot(0.0, self.horizon, SHORE);
            canvas.mirror(shore.y, 0.62, blend(BLACK, self.deep, 0.4), shot.moment.cycles(0.25, 0.0), shore.unit);
            pines.draw(shot, canvas);
        }
    }
}
