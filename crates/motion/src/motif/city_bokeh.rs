//! A wet street at night, out of focus: lit windows up both sides, lamps down the kerbs, and traffic that comes and goes,
//! all of it once more in the asphalt.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, plus, scaled, shaded},
    curve::{bump, mix, ramp},
    dice::{Dice, Hand},
    scene::Layer,
    sprite::Sprite,
};

/// How far away the street ends, and where traffic passes the eye; 1 is the lower edge of the picture.
const FAR: f32 = 12.0;
const PAST: f32 = 0.62;
/// From the middle of the street to its lanes, its lamps and its walls.
const LANES: [f32; 2] = [0.5, 1.12];
const KERB: f32 = 1.75;
const WALL: f32 = 2.15;

/// A light of the street: to the right, up, away.
#[derive(Clone, Copy)]
struct Lamp {
    right: f32,
    up: f32,
    away: f32,
    /// In units, where the street begins.
    radius: f32,
    tint: Tint,
}

pub(super) struct CityBokeh {
    dice: Dice,
    layer: Layer,
    colours: Colours,
    world: World,
    /// Where the street vanishes, and how far below that its beginning is, in units.
    vanishing: (f32, f32),
    drop: f32,
    /// What shines steadily, and what flickers.
    steady: Vec<Lamp>,
    restless: Vec<Lamp>,
    disc: Profile,
    streak: Sprite,
    gain: f32,
    /// How bright houses are, to the sky behind them.
    stone: f32,
    staged: bool,
}

impl CityBokeh {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let mut hand = dice.hand(1);
        let vanishing = (hand.spread(0.24) * world.half_width, world.half_height * hand.range(0.06, 0.2));
        let mut city = Self {
            dice,
            layer,
            colours: colours.clone(),
            world,
            vanishing,
            drop: 1.3 * world.half_height - vanishing.1,
            steady: Vec::new(),
            restless: Vec::new(),
            // The rim of a disc is a little brighter and as soft as the lens is good.
            disc: Profile::new(|r| ramp(1.0, 0.86, r) * mix(0.7, 1.0, ramp(0.2, 0.92, r))),
            streak: Sprite::paint(24, 48, 1, |x, y| {
                let light = bump(x) * bump(y) * (0.55 + 0.45 * bump((y + 0.35).clamp(-1.0, 1.0)));
                [light, light, light, 0.0]
            }),
            gain: if colours.night() { 1.0 } else { 0.85 },
            // Under a bright sky the street itself is in its own shade, so that its lights show.
            stone: if colours.night() { 0.76 } else { 0.4 },
            staged: casting.staged,
        };
        city.light();
        city
    }

    /// Lights the windows and the lamps.
    fn light(&mut self) {
        let warm = [1.0, 0.72, 0.4];
        for (number, side) in [-1.0f32, 1.0].into_iter().enumerate() {
            for column in 0..30u64 {
                let dice = self.dice.fork(10 + number as u64).fork(column);
                let mut house = dice.hand(0);
                // Houses stand closer together the farther they are, as seen.
                let away = 1.5 + (FAR - 1.5) * (column as f32 / 29.0) * (column as f32 / 29.0) + house.range(0.0, 0.12);
                let storeys = house.range(4.0, 15.0) as u64;
                let lit = house.range(0.2, 0.62) * (0.55 + 0.45 * self.layer.amount.min(2.0));
                let lead = house.index(self.colours.moving.len());
                for storey in 0..storeys {
                    let mut hand = dice.hand(1 + storey);
                    if !hand.chance(lit) {
                        continue;
                    }
                    let shop = storey == 0;
                    let own = self.colours.moving(if hand.chance(0.7) { lead } else { hand.index(self.colours.moving.len()) });
                    let tint = blend(glowing(own, 1.0), warm, if shop { 0.1 } else { 0.3 });
                    let bright = if shop { hand.range(0.5, 1.1) } else { mix(0.1, 0.75, hand.unit() * hand.unit()) };
                    let lamp = Lamp {
                        right: side * (WALL + hand.range(-0.05, 0.3)),
                        up: 0.25 + 0.42 * storey as f32 + hand.range(-0.06, 0.06),
                        away: away * hand.range(0.96, 1.04),
                        radius: if shop { 34.0 } else { 25.0 } * hand.range(0.8, 1.15),
                        tint: scaled(tint, bright * self.gain),
                    };
                    if hand.chance(0.16) { self.restless.push(lamp) } else { self.steady.push(lamp) }
                }
            }
            let mut hand = self.dice.hand(20 + number as u64);
            let lamp_tint = blend(glowing(self.colours.moving(number), 1.0), [1.0, 0.8, 0.5], 0.35);
            let shift = hand.range(0.0, 0.8);
            for post in 0..7 {
                self.steady.push(Lamp {
                    right: side * KERB,
                    up: 1.28,
                    away: 1.45 + shift + 1.5 * post as f32,
                    radius: 42.0,
                    tint: scaled(lamp_tint, 1.15 * self.gain),
                });
            }
        }
        // The far end of the street, where lights crowd.
        let mut hand = self.dice.hand(30);
        for _ in 0..46 {
            let tint = blend(glowing(self.colours.moving(hand.index(self.colours.moving.len())), 1.0), warm, 0.35);
            let lamp = Lamp {
                right: hand.bell(5.5),
                up: hand.unit() * hand.unit() * 4.4,
                away: hand.range(9.0, FAR),
                radius: 30.0,
                tint: scaled(tint, mix(0.12, 0.6, hand.unit()) * self.gain),
            };
            if hand.chance(0.3) { self.restless.push(lamp) } else { self.steady.push(lamp) }
        }
    }

    /// A place of the street in the world, and its depth.
    fn seen(&self, right: f32, up: f32, away: f32) -> (f32, f32, f32) {
        let depth = (self.layer.depth + 0.5 - 1.1 / away.max(0.9)).clamp(0.0, 1.1);
        (self.vanishing.0 + right * self.drop / away, self.vanishing.1 + (1.0 - up) * self.drop / away, depth)
    }

    /// A light as a disc, its glow, and the streak that it leaves on the wet street.
    fn shine(&self, shot: &Shot, canvas: &mut Canvas, lamp: &Lamp, bright: f32) {
        let (x, y, depth) = self.seen(lamp.right, lamp.up, lamp.away);
        let spot = shot.spot(x, y, depth);
        // A lens makes far lights hardly smaller than near ones.
        let radius = lamp.radius * (0.3 + 0.7 / lamp.away.max(0.5)) * self.layer.scale;
        let pixels = (radius * spot.unit).max(0.8);
        let tint = scaled(lamp.tint, bright);
        canvas.disc(spot.x, spot.y, pixels, &self.disc, scaled(tint, 0.62));
        canvas.halo(spot.x, spot.y, 2.6 * pixels, scaled(tint, 0.1));
        let (_, floor, _) = self.seen(lamp.right, -lamp.up, lamp.away);
        if floor < self.world.half_height * 1.5 {
            let spot = shot.spot(x, floor, depth);
            let long = radius * (1.4 + 1.1 * lamp.up);
            let mut place = spot.upright(0.85 * radius, long);
            place.across[0] = place.across[0].max(2.4);
            place.down[1] = place.down[1].max(3.2);
            canvas.soft_sprite(&self.streak, place, scaled(tint, 0.3 / (1.0 + 0.35 * lamp.up)));
        }
    }

    /// Cars of one lane: those on the left come, those on the right go.
    fn lane(&self, shot: &Shot, canvas: &mut Canvas, lane: usize, comes: bool) {
        let dice = self.dice.fork(40 + lane as u64 + if comes { 2 } else { 0 });
        let lasting = [6.5, 5.0][lane] / self.layer.speed.max(0.05);
        let white = blend([1.0, 0.93, 0.82], glowing(self.colours.moving(self.colours.moving.len() - 1), 1.0), 0.3);
        let red = blend([1.1, 0.07, 0.05], glowing(self.colours.moving(0), 1.0), 0.45);
        for life in shot.moment.lives(dice, (5.0 * self.layer.amount).round() as usize, lasting) {
            let mut hand: Hand = dice.fork(1).hand(life.number);
            let way = if comes { life.age } else { 1.0 - life.age };
            let away = mix(FAR, PAST, way);
            let middle = LANES[lane] * if comes { -1.0 } else { 1.0 } + hand.spread(0.05);
            let shown = ramp(0.0, 0.16, way) * ramp(1.0, 0.985, way);
            // Cars before it hide a far one now and then.
            let hidden = 1.0 - 0.6 * ramp(2.0, 6.0, away) * ramp(0.1, 0.9, shot.moment.wander(dice.fork(2 + life.number), 1.3));
            let braking =
                if comes { 1.0 } else { 1.0 + 0.8 * ramp(0.35, 0.8, shot.moment.wander(dice.fork(900 + life.number), 0.5)) };
            let tint = scaled(if comes { white } else { red }, self.gain * hand.range(0.75, 1.1));
            let (half, up, radius) = if hand.chance(0.2) { (0.24, 0.3, 30.0) } else { (0.19, 0.19, 25.0) };
            for side in [-1.0, 1.0] {
                let lamp = Lamp { right: middle + side * half, up, away, radius, tint };
                self.shine(shot, canvas, &lamp, 1.25 * shown * hidden * braking);
            }
        }
    }
}

impl Actor for CityBokeh {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x - self.vanishing.0, y - self.vanishing.1);
        let away = (WALL * self.drop / dx.abs().max(1.0)).clamp(0.5, FAR);
        let stone = shaded(base, self.stone, 0.9);
        // Houses: each as high as chance made it, softly, as nothing here is in focus. In turns of the street's length,
        // seen from here, they are about equally wide.
        let dice = self.dice.fork(if dx < 0.0 { 10 } else { 11 }).fork(900);
        let row = 11.0 / away.sqrt();
        let tall = |house: f32| 3.3 + 2.2 * (0.5 + dice.hand(house as u64).spread(0.5));
        // A wall between two houses is as soft wherever it is seen.
        let wall = (60.0 / (dx.abs().max(1.0) * WALL * self.drop).sqrt()).min(0.6);
        let step = ramp(1.0 - wall, 1.0, row - row.floor());
        let roof = -(mix(tall(row.floor()), tall(row.floor() + 1.0), step) - 1.0) * self.drop / away;
        let soft = 16.0 + 26.0 / away;
        let foot = self.drop / away;
        let house = ramp(roof - soft, roof + soft, dy);
        // The farther a house, the more of the lit air lies before it.
        let mut seen = blend(base, stone, house * mix(0.95, 0.45, ramp(2.0, FAR, away)));
        // The street: dark, with the sky's light on it towards the end.
        let road = ramp(foot - 34.0, foot + 34.0, dy);
        let wet = ramp(1.0, 0.0, dy / self.drop);
        seen = blend(
            seen,
            blend(shaded(base, 0.8 * self.stone, 0.8), shaded(self.colours.sky(0.7), 0.8, 1.0), 0.5 * wet * wet),
            road,
        );
        let glow = |wide: f32, high: f32| {
            let (u, v) = (dx / (wide * self.world.half_width), dy / (high * self.world.half_height));
            let light = bump((u * u + v * v).sqrt().min(1.0));
            light * light
        };
        let haze = glowing(blend(self.colours.moving(0), [1.0, 0.7, 0.4], 0.25), self.gain);
        plus(seen, scaled(haze, 0.06 * glow(1.2, 1.3) + 0.1 * glow(0.45, 0.5)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for lamp in &self.steady {
            self.shine(shot, canvas, lamp, 1.0);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if self.staged {
            for (number, lamp) in self.restless.iter().enumerate() {
                let dice = self.dice.fork(60).fork(number as u64);
                let bright = 0.65 + 0.55 * shot.moment.wander(dice, dice.hand(0).range(0.4, 1.6));
                self.shine(shot, canvas, lamp, bright.max(0.0));
            }
        }
        // The outer lane first: the inner ones pass before it.
        for lane in (0..LANES.len()).rev() {
            self.lane(shot, canvas, lane, true);
            self.lane(shot, canvas, lane, false);
        }
        // What passes close throws light at the lens.
        let near = shot.spot(self.vanishing.0, self.vanishing.1, self.layer.depth);
        canvas.halo(
            near.x,
            near.y,
            260.0 * near.unit,
            scaled(blend(WHITE, glowing(self.colours.moving(0), 1.0), 0.5), 0.02 * self.gain),
        );
    }
}
