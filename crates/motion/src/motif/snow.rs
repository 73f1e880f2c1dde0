//! Falling snow in depth, before a forest, snowy hills and a cottage with a light in it.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Tint, WHITE, blend, glowing, luminance, plus, scaled},
    curve::{bump, fraction, mix, ramp},
    dice::Dice,
    plane::{self, Plane},
    scene::Layer,
    sprite::{CLEAR, Ink, ink, over},
};

/// Flakes of one distance.
struct Band {
    depth: f32,
    count: usize,
    /// Radius in units, at the middle distance.
    radius: f32,
    /// 0 is in focus.
    blur: usize,
    bright: f32,
}

pub(super) struct Snow {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    flake: Tint,
    bands: Vec<Band>,
    profiles: [Profile; 3],
    planes: Vec<Plane>,
    cottage: Option<Cottage>,
    horizon: Tint,
    moon: Tint,
    moon_at: (f32, f32),
}

/// Where the light in the window is.
struct Cottage {
    x: f32,
    y: f32,
    depth: f32,
    size: f32,
    light: Tint,
}

impl Snow {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let band = |depth: f32, count, radius, blur, bright| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.0),
            count: casting.count(count),
            radius,
            blur,
            bright,
        };
        let night = colours.night();
        let snow = Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 80.0,
            flake: blend(colours.moving(0), WHITE, 0.12),
            bands: vec![
                band(0.95, 420.0, 1.5, 0, 0.5),
                band(0.75, 260.0, 1.9, 0, 0.7),
                band(0.5, 130.0, 2.5, 0, 0.85),
                band(0.28, 46.0, 4.2, 1, 0.5),
                band(0.08, 16.0, 13.0, 2, 0.17),
            ],
            profiles: [
                Profile::new(|r| ramp(1.0, 0.25, r)),
                Profile::new(|r| ramp(1.0, 0.35, r) * mix(0.8, 1.0, r)),
                Profile::new(|r| ramp(1.0, 0.72, r) * mix(0.75, 1.0, r * r)),
            ],
            planes: Vec::new(),
            cottage: None,
            horizon: blend(colours.sky(0.86), WHITE, 0.25),
            moon: glowing(blend(colours.moving(1), WHITE, 0.8), if night { 0.5 } else { 0.35 }),
            moon_at: (-0.52 * world.half_width, -0.5 * world.half_height),
        };
        if casting.staged { snow.staged(&casting, night) } else { snow }
    }

    fn staged(mut self, casting: &Casting, night: bool) -> Self {
        let Casting { world, dice, colours, eye, .. } = *casting;
        let high = world.half_height;
        let air = self.horizon;
        let dark = scaled(blend(colours.sky(0.1), [0.01, 0.02, 0.03], 0.55), if night { 0.55 } else { 0.3 });
        // Trees farther away stand in more air.
        for (number, depth, base, tallest, fog) in
            [(1, 1.0, 0.3, 62.0, 0.72), (2, 0.85, 0.42, 112.0, 0.45), (3, 0.7, 0.62, 230.0, 0.12)]
        {
            let forest = Forest::new(dice.fork(10 + number), world, base * high, tallest, number == 3, eye.reach(depth));
            let needles = blend(dark, air, fog);
            let frost = blend(needles, blend(air, WHITE, 0.45), mix(0.6, 0.25, fog));
            let top = base * high - tallest * 1.9;
            let (down_to, earth) = ([top, plane::floor(world, &eye, depth)], blend(needles, air, 0.5));
            let column = |x: f32| forest.column(x);
            self.planes.push(Plane::paint_columns(world, &eye, depth, down_to, column, |column, x, y| {
                forest.at(column, x, y, needles, frost, earth)
            }));
        }
        let lit = scaled(blend(colours.sky(0.75), WHITE, if night { 0.5 } else { 0.75 }), if night { 0.75 } else { 0.95 });
        let shade = blend(lit, colours.sky(0.35), 0.55);
        for (number, depth, base) in [(21, 0.6, 0.62), (22, 0.4, 0.8)] {
            let hills = dice.fork(number);
            let crest = move |x: f32| base * high + hills.hills(x / 420.0) * 30.0 + hills.fork(1).hills(x / 150.0) * 5.0;
            if number == 22 {
                self.cottage = Some(Cottage {
                    x: world.half_width * if world.tall() { 0.42 } else { 0.56 },
                    y: 0.0,
                    depth: 0.6,
                    size: 0.085 * world.short(),
                    light: glowing(blend(colours.moving(1), [1.0, 0.62, 0.22], 0.5), 1.0),
                });
            }
            let cottage = self.cottage.as_mut().map(|cottage| {
                cottage.y = mix(0.62, 0.8, 0.35) * high;
                (cottage.x, cottage.y, cottage.size, cottage.light)
            });
            let top = base * high - 36.0 - if cottage.is_some() { 0.3 * world.short() } else { 0.0 };
            let down_to = [top, plane::floor(world, &eye, depth)];
            self.planes.push(Plane::paint_columns(world, &eye, depth, down_to, crest, |crest, x, y| {
                let depth_in = y - crest;
                let cover = ramp(-0.7 / world.unit, 0.7 / world.unit, depth_in);
                let house =
                    cottage.map_or(CLEAR, |(x0, y0, size, glow)| house((x - x0) / size, (y - y0) / size, dark, lit, glow));
                if cover == 0.0 {
                    return house;
                }
                let grain = dice.fork(5).land(x / 60.0, y / 14.0) * 0.05 + dice.fork(6).land(x / 260.0, y / 60.0) * 0.1;
                let light = (bump((depth_in / 70.0).clamp(0.0, 1.0)) * 0.75 + grain + 0.2).clamp(0.0, 1.0);
                over(house, ink(blend(shade, lit, light), cover))
            }));
        }
        self
    }
}

/// A small house, one unit high to its eaves, its door step at (0, 0).
fn house(x: f32, y: f32, wood: Tint, snow: Tint, light: Tint) -> Ink {
    let wall = x.abs() < 0.9 && (-0.95..0.4).contains(&y);
    let eaves = -1.75 + 0.85 * x.abs();
    let roof = y > eaves && y < eaves + 0.3 && x.abs() < 1.18;
    let gable = y > eaves && y < -0.9 && x.abs() < 0.95;
    let chimney = (0.42..0.64).contains(&x) && (-2.05..-1.3).contains(&y);
    let cap = (0.38..0.68).contains(&x) && (-2.14..-2.02).contains(&y);
    let pane = |cx: f32, cy: f32, w: f32, h: f32| {
        let (dx, dy) = ((x - cx) / w, (y - cy) / h);
        (dx.abs() < 1.0 && dy.abs() < 1.0)
            .then(|| if dx.abs() < 0.09 || dy.abs() < 0.08 { 0.12 } else { 1.3 - 0.35 * (dx * dx + dy * dy) })
    };
    let window = pane(-0.48, -0.45, 0.2, 0.24).or(pane(0.48, -0.45, 0.2, 0.24)).or(pane(0.0, -1.12, 0.14, 0.16));
    match window {
        _ if roof || cap => ink(snow, 1.0),
        Some(bright) => ink(scaled(light, 1.6 * bright), 1.0),
        None if wall || gable || chimney => ink(plus(wood, scaled(light, 0.025 * bump(x) * bump((y + 0.3) / 1.4))), 1.0),
        None => CLEAR,
    }
}

/// Pines on a rolling hill.
struct Forest {
    dice: Dice,
    base: f32,
    spacing: f32,
    first: i32,
    trees: Vec<Tree>,
}

/// A tree's foot (two numbers), height and bend.
type Tree = (f32, f32, f32, f32);

impl Forest {
    fn new(dice: Dice, world: World, base: f32, tallest: f32, framing: bool, reach: f32) -> Self {
        let spacing = tallest * 0.26;
        let half = world.half_width + reach + tallest;
        let first = (-half / spacing).floor() as i32;
        let mut forest = Self { dice, base, spacing, first, trees: Vec::new() };
        let tree = |cell: i32| {
            let mut hand = dice.hand(cell as i64 as u64);
            let x = (cell as f32 + 0.5 + hand.spread(0.45)) * spacing;
            // The nearest trees frame the picture and leave its middle open.
            let side = if framing { ramp(0.42, 0.95, x.abs() / world.half_width) } else { 1.0 };
            let stand = 0.55 + 0.45 * dice.fork(1).hills(x / (tallest * 3.0));
            (x, forest.crest(x), tallest * hand.range(0.55, 1.15) * stand.max(0.25) * side, hand.spread(0.03))
        };
        forest.trees = (first..-first).map(tree).collect();
        forest
    }

    fn crest(&self, x: f32) -> f32 {
        self.base + self.dice.fork(2).hills(x / 330.0) * 22.0 + self.dice.fork(3).hills(x / 90.0) * 4.0
    }

    /// The crest at a place across, and the trees that may stand there.
    fn column(&self, x: f32) -> (f32, &[Tree]) {
        let cell = (x / self.spacing).floor() as i32 - self.first;
        let tree = |index: i32| usize::try_from(index).unwrap_or(0).min(self.trees.len());
        (self.crest(x), &self.trees[tree(cell - 1)..tree(cell + 2)])
    }

    fn at(&self, &(crest, trees): &(f32, &[Tree]), x: f32, y: f32, needles: Tint, frost: Tint, earth: Tint) -> Ink {
        let mut seen = if y > crest { ink(blend(earth, needles, ramp(60.0, 0.0, y - crest)), 1.0) } else { CLEAR };
        for &(foot, ground, height, bend) in trees {
            if height < 6.0 {
                continue;
            }
            let down = (y - (ground + 4.0 - height)) / height;
            if !(0.0..1.0).contains(&down) {
                continue;
            }
            let tiers = 3.0 + (height / 22.0).min(5.0);
            let step = fraction(down * tiers * (1.15 - 0.15 * down));
            let edge = height * (0.03 + 0.21 * down) * (0.55 + 0.45 * step);
            let off = x - foot - bend * height * (1.0 - down);
            // The land is within ±1: most places need none.
            let ragged = |off: f32| off < edge * (1.0 + 0.25 * self.dice.fork(4).land(x / 2.3, y / 2.9));
            if off.abs() < 1.25 * edge && (off.abs() < 0.75 * edge || ragged(off.abs())) {
                let snowed = ramp(0.62, 0.12, step) * ramp(-0.2, 0.6, 0.5 - off / (edge + 1.0));
                seen = ink(blend(needles, frost, snowed), 1.0);
            }
        }
        seen
    }
}

impl Actor for Snow {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 330.0, y / 95.0) * 0.6 + cloud.fork(1).land(x / 130.0, y / 48.0) * 0.4;
        let haze = blend(base, self.horizon, 0.55 * ramp(-0.1, 0.4, y / self.world.half_height));
        let lit = scaled(haze, 1.0 + 0.16 * drift);
        let (dx, dy) = (x - self.moon_at.0, y - self.moon_at.1);
        let away = (dx * dx + dy * dy).sqrt() / self.world.short();
        plus(lit, scaled(self.moon, bump((away / 0.75).min(1.0)) * 0.11 + bump((away / 0.2).min(1.0)) * 0.22))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        if self.planes.is_empty() {
            return;
        }
        let moon = shot.spot(self.moon_at.0, self.moon_at.1, crate::camera::SKY);
        let brightness = 1.4 + 1.2 * luminance(self.moon);
        canvas.disc(moon.x, moon.y, 0.042 * self.world.short() * moon.unit, &self.profiles[2], scaled(self.moon, brightness));
        for plane in &self.planes {
            plane.draw(shot, canvas);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if let Some(cottage) = &self.cottage {
            let spot = shot.spot(cottage.x, cottage.y - 0.4 * cottage.size, cottage.depth);
            let flicker = 1.0 + 0.06 * shot.moment.wave(1.3, 0.0) + 0.04 * shot.moment.wave(2.9, 0.4);
            canvas.halo(spot.x, spot.y, cottage.size * 4.2 * spot.unit, scaled(cottage.light, 0.22 * flicker));
        }
        let (wide, high) = (self.world.half_width + self.margin, self.world.half_height + self.margin);
        for (number, band) in self.bands.iter().enumerate() {
            let near = super::nearness(band.depth);
            let fall = 58.0 * near * self.layer.speed.max(0.02);
            let dice = self.dice.fork(40 + number as u64);
            let gust = 26.0 * near * shot.moment.wander(self.dice.fork(8), 0.25 * self.layer.speed);
            for life in shot.moment.lives(dice, band.count, 2.0 * high / fall) {
                let mut hand = dice.fork(1).hand(life.number);
                let sway = hand.range(4.0, 15.0) * near * shot.moment.wave(hand.range(0.15, 0.5) * self.layer.speed, hand.unit());
                let x = hand.spread(wide) + sway + gust + (life.age - 0.5) * 60.0 * near;
                let spot = shot.spot(x, mix(-high, high, life.age), band.depth);
                let radius = band.radius * hand.range(0.7, 1.35) * near.sqrt() * self.layer.scale * spot.unit;
                let tint = scaled(self.flake, band.bright * hand.range(0.6, 1.0));
                if band.blur == 0 {
                    canvas.spark(spot.x, spot.y, radius, tint);
                } else {
                    canvas.disc(spot.x, spot.y, radius * 1.6, &self.profiles[band.blur], tint);
                }
            }
        }
    }
}
