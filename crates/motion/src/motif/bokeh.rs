//! Out-of-focus lights that drift and breathe.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, blend, glowing, scaled},
    curve::{bump, fade, mix, ramp},
    dice::Dice,
    scene::Layer,
};

pub(super) struct Bokeh {
    dice: Dice,
    layer: Layer,
    colours: Colours,
    count: usize,
    /// From nearly sharp to very soft rims.
    profiles: Vec<Profile>,
    reach: f32,
    bright: f32,
    glow: Tint,
    world: World,
}

impl Bokeh {
    pub(super) fn new(casting: Casting) -> Self {
        let profile = |softness: f32| {
            // A lens's disc: flat, a little brighter towards the rim, with the rim as soft as it is far from the focus.
            Profile::new(move |r| ramp(1.0, 1.0 - softness, r) * mix(0.8, 1.0, ramp(0.35, 1.0 - softness, r)))
        };
        let night = casting.colours.night();
        Self {
            dice: casting.dice,
            layer: casting.layer,
            colours: casting.colours.clone(),
            count: casting.count(130.0),
            profiles: [0.09, 0.2, 0.42].into_iter().map(profile).collect(),
            reach: casting.eye.reach(0.0) + 90.0,
            bright: if night { 0.5 } else { 0.24 },
            glow: glowing(blend(casting.colours.moving(0), casting.colours.sky(1.0), 0.75), if night { 0.045 } else { 0.08 }),
            world: casting.world,
        }
    }
}

impl Actor for Bokeh {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (u, v) = (x / self.world.half_width, y / self.world.half_height);
        let warm = bump(((u - 0.25) * (u - 0.25) * 0.6 + (v - 0.35) * (v - 0.35)).sqrt() / 1.5);
        let lit = scaled(self.glow, warm);
        [base[0] + lit[0], base[1] + lit[1], base[2] + lit[2]]
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for life in shot.moment.lives(self.dice, self.count, 9.0 / self.layer.speed.max(0.05)) {
            let mut hand = self.dice.fork(1).hand(life.number);
            let depth = (self.layer.depth + hand.spread(0.5)).clamp(0.0, 1.0);
            let size = mix(13.0, 62.0, hand.unit() * hand.unit()) * nearness(depth) * self.layer.scale;
            let x = hand.spread(self.world.half_width + self.reach) + hand.spread(46.0) * (life.age - 0.5) * 2.0;
            // Lights gather in the lower half and leave the middle calm.
            let band = hand.unit();
            let y = self.world.half_height * (mix(-1.1, 1.15, 1.0 - band * band)) - life.age * hand.range(10.0, 60.0);
            let pulse = 0.75 + 0.25 * shot.moment.wave(hand.range(0.12, 0.4) * self.layer.speed, hand.unit());
            let colour = glowing(self.colours.moving(hand.index(self.colours.moving.len())), self.bright);
            let tint = blend(colour, [self.bright; 3], 0.12 * hand.unit());
            let spot = shot.spot(x, y, depth);
            let radius = size * spot.unit;
            let dim = fade(life.age, 0.25) * pulse * mix(0.4, 1.3, hand.unit()) * 30.0 / (size + 14.0);
            let profile = &self.profiles[hand.index(self.profiles.len())];
            canvas.disc(spot.x, spot.y, radius.max(1.0), profile, scaled(tint, dim));
        }
    }
}
