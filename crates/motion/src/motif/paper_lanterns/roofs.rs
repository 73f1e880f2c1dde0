//! Old roofs with upturned eaves.

use super::Casting;
use crate::{
    colour::{blend, glowing, plus, scaled},
    curve::{mix, ramp},
    dice::Dice,
    plane::{self, Plane},
    sprite::{CLEAR, ink},
};

/// How far below the ridge of a roof its tiles are, at a distance from its middle; the eaves turn up. 1 is the eaves' end.
fn roof(aside: f32) -> f32 {
    let away = 1.0 - aside;
    1.0 - away * (0.35 + 0.65 * away) - 0.24 * ramp(0.62, 1.0, aside) * aside
}

/// A hall or a pagoda; sizes in units of the usual picture.
struct House {
    middle: f32,
    tiers: usize,
    /// From the middle to the end of the lowest eaves.
    wide: f32,
    /// Of the lowest tier.
    tall: f32,
    number: u64,
}

impl House {
    /// How much of a place it covers, and how bright its windows are there; `edge` is half a pixel.
    fn at(&self, u: f32, v: f32, edge: f32, dice: Dice) -> (f32, f32) {
        let (mut cover, mut light) = (0.0f32, 0.0f32);
        let aside = (u - self.middle).abs();
        let (mut foot, mut wide, tall) = (14.0, self.wide, self.tall);
        if aside > wide + 1.0 {
            return (0.0, 0.0);
        }
        for tier in 0..self.tiers {
            let wall = foot - 0.52 * tall;
            let ridge = wall - 0.5 * tall;
            if aside < 0.74 * wide && v > wall - 2.0 && v < foot + 1.0 {
                cover = 1.0;
            }
            if aside < wide {
                let tile = mix(ridge, wall + 3.0, roof(aside / wide));
                let under = mix(wall, wall - 0.05 * tall, aside / wide);
                cover = cover.max(ramp(-edge, edge, v - tile) * ramp(edge, -edge, v - under.max(tile + 2.2)));
            }
            let column = (u - self.middle) / 8.5;
            let pane = column - (column + 0.5).floor();
            if aside < 0.6 * wide && v > wall + 4.0 && v < foot - 3.5 && pane.abs() < 0.34 {
                let cell = (column + 0.5).floor() as i64 as u64 ^ ((tier as u64) << 20);
                let odds = dice.fork(self.number).hand(cell).unit();
                light = light.max(if odds < 0.55 { mix(0.3, 1.0, odds) } else { 0.0 });
            }
            (foot, wide) = (ridge + 0.12 * tall, wide * 0.84);
        }
        if self.tiers > 2 && aside < 1.4 && v > foot - 16.0 && v < foot {
            cover = 1.0;
        }
        (cover, light)
    }
}

/// Two rows of halls and pagodas in the evening haze.
pub(super) fn roofs(casting: &Casting) -> Vec<Plane> {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let warm = glowing(blend(colours.moving(0), [1.0, 0.62, 0.28], 0.5), 1.0);
    let air = blend(colours.sky(0.95), glowing(colours.moving(0), 0.3), 0.2);
    [(0u64, 1.08, 0.13, 0.66, 0.66), (1, 0.98, 0.05, 1.0, 0.3)]
        .into_iter()
        .map(|(number, depth, base, size_here, fog)| {
            let dice = dice.fork(40 + number);
            let size = world.short() / 720.0 * size_here;
            let low = world.half_height - base * world.short();
            let bottom = plane::floor(world, &eye, depth);
            let dark = blend(scaled(colours.sky(0.2), 0.3), air, fog);
            let edge = 0.7 / world.unit / size;
            const BROAD: f32 = 128.0;
            let reach = ((world.half_width + eye.reach(depth)) / size / BROAD).ceil() as i64 + 2;
            let house = |cell: i64| {
                let mut hand = dice.hand(cell as u64);
                let larger = hand.range(0.6, 1.15);
                let (tiers, wide, tall) = match hand.chance(0.27) {
                    true => (3 + hand.index(3), larger * hand.range(40.0, 54.0), larger * 34.0),
                    false => (1 + hand.index(2), larger * hand.range(70.0, 112.0), larger * 44.0),
                };
                House { middle: (cell as f32 + 0.5 + hand.spread(0.38)) * BROAD, tiers, wide, tall, number: cell as u64 }
            };
            let houses: Vec<House> = (-reach..=reach).map(house).collect();
            Plane::paint(world, &eye, depth, low - 215.0 * size, bottom, |x, y| {
                let (u, v) = (x / size, (y - low) / size);
                let cell = (u / BROAD).floor() as i64 + reach;
                let (mut cover, mut light) = (ramp(-4.0, 46.0, v), 0.0f32);
                for house in &houses[(cell - 1).max(0) as usize..((cell + 2).max(0) as usize).min(houses.len())] {
                    let (wall, lamp) = house.at(u, v, edge, dice);
                    (cover, light) = (cover.max(wall), light.max(lamp));
                }
                if cover <= 0.0 {
                    return CLEAR;
                }
                // Mist lies in the streets and thins out again towards the picture's foot.
                let rough = 9.0 * dice.hills(x / 120.0);
                let mist = ramp(-62.0, 26.0, v + rough) * mix(0.38, 0.85, fog);
                let foot = mix(1.0, 0.66, ramp(10.0, 170.0, v));
                ink(
                    plus(scaled(blend(dark, air, mist), foot), scaled(warm, light * (1.0 - 0.6 * mist) * mix(1.1, 0.35, fog))),
                    cover,
                )
            })
        })
        .collect()
}
