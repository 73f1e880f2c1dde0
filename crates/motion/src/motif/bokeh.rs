//! Out-of-focus lights that drift and breathe: strings of lamps far behind, loose ones between, large soft ones in front.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled},
    curve::{bump, fade, mix, ramp},
    dice::Dice,
    scene::Layer,
};

/// Lights of one distance: a lens shows them all about as large.
struct Band {
    depth: f32,
    count: usize,
    /// In units, at the middle distance.
    radius: f32,
    bright: f32,
    profile: Profile,
    /// How closely they follow their string, 0 to 1.
    strung: f32,
}

pub(super) struct Bokeh {
    dice: Dice,
    layer: Layer,
    colours: Colours,
    world: World,
    bands: Vec<Band>,
    reach: f32,
    /// Lights so far out of focus that only their colour is left: place, radius, light.
    washes: Vec<(f32, f32, f32, Tint)>,
}

impl Bokeh {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let gain = if colours.night() { 1.0 } else { 0.42 };
        let band = |depth: f32, count, radius, bright, rim: f32, strung| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            radius,
            bright: bright * gain,
            // A disc a little brighter towards its rim, which is as soft as the light is far from the focus.
            profile: Profile::new(move |r| ramp(1.0, 1.0 - rim, r) * mix(0.72, 1.0, ramp(0.3, 1.0 - rim, r))),
            strung,
        };
        let mut hand = dice.hand(3);
        let wash = |index| {
            let tint = haze(colours.sky(0.5), colours.moving(index), 0.04 * gain * layer.amount.min(1.0));
            let (x, y) = (hand.spread(world.half_width), hand.spread(world.half_height));
            (x, y, hand.range(0.3, 0.62) * world.short(), tint)
        };
        Self {
            dice,
            layer,
            colours: colours.clone(),
            world,
            bands: vec![
                band(1.0, 110.0, 12.0, 0.85, 0.16, 0.9),
                band(0.72, 62.0, 21.0, 0.62, 0.1, 0.8),
                band(0.45, 30.0, 30.0, 0.3, 0.14, 0.45),
                band(0.12, 8.0, 46.0, 0.09, 0.4, 0.0),
            ],
            reach: casting.eye.reach(0.0) + 60.0,
            washes: (0..9).map(wash).collect(),
        }
    }

    /// Where a band's string hangs at a place across: low in the middle, which stays calm for a title.
    fn string(&self, number: usize, x: f32) -> f32 {
        let across = x / self.world.half_width;
        let wander = self.dice.fork(20 + number as u64).hills(across * 1.3 + 7.0);
        // Every other string hangs from above at the sides.
        let hang = if number.is_multiple_of(2) {
            mix(0.78, 0.35, across * across)
        } else {
            mix(-1.02, -0.3, across * across * across * across)
        };
        (hang + 0.2 * wander) * self.world.half_height
    }
}

impl Actor for Bokeh {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        self.washes.iter().fold(base, |sum, &(at_x, at_y, radius, tint)| {
            let (dx, dy) = ((x - at_x) / radius, (y - at_y) / radius);
            plus(sum, scaled(tint, bump((dx * dx + dy * dy).sqrt().min(1.0))))
        })
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let speed = self.layer.speed.max(0.05);
        for (number, band) in self.bands.iter().enumerate() {
            let dice = self.dice.fork(10 + number as u64);
            let near = nearness(band.depth);
            for life in shot.moment.lives(dice, band.count, 10.0 / speed) {
                let mut hand = dice.fork(1).hand(life.number);
                let x = hand.spread(self.world.half_width + self.reach);
                let free = hand.spread(1.08) * self.world.half_height;
                let strung = self.string(number, x) + hand.bell(0.34) * self.world.half_height;
                let drift = (life.age - 0.5) * 46.0 * near;
                let spot = shot.spot(
                    x + drift * hand.spread(0.8),
                    mix(free, strung, band.strung) - drift * hand.range(0.2, 0.9),
                    band.depth,
                );
                let breath = 0.78 + 0.22 * shot.moment.wave(hand.range(0.12, 0.45) * speed, hand.unit());
                let lead = self.colours.moving(hand.index(self.colours.moving.len()));
                let tint = blend(glowing(lead, 1.0), WHITE, 0.16 * hand.unit());
                let bright = band.bright * mix(0.28, 1.0, hand.unit() * hand.unit()) * breath * fade(life.age, 0.22);
                let radius = band.radius * near * self.layer.scale * hand.range(0.82, 1.2) * spot.unit;
                canvas.disc(spot.x, spot.y, radius.max(0.9), &band.profile, scaled(tint, bright));
                canvas.halo(spot.x, spot.y, 2.2 * radius.max(0.9), scaled(tint, 0.16 * bright));
            }
        }
    }
}
