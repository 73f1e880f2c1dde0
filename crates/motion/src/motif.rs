//! The motifs, one file each. An actor is a motif cast for a layer of a scene.

mod aurora;
mod balloons;
mod bokeh;
mod candles;
mod city_bokeh;
mod confetti;
mod crescent_and_lamps;
mod fireworks;
mod gold_dust;
mod hearts;
mod ink_in_water;
mod leaves;
mod paper_lanterns;
mod petals;
mod rain_on_glass;
mod rangoli_lights;
mod ribbons;
mod sky_lanterns;
mod snow;
mod sparkles;
mod sunrise;
mod turntable;
mod waves;

use std::sync::Arc;

use crate::{
    camera::{Eye, Shot, Spot, World},
    canvas::Canvas,
    colour::{Colours, Tint},
    curve::{cosine, sine},
    dice::Dice,
    scene::{Layer, Motif},
    sprite::Place,
};

/// A motif at work. Everything it shows depends on the shot alone.
pub(crate) trait Actor: Send + Sync {
    /// The light it lays into the sky at a place of the world, if it is the first layer; `base` is the gradient's.
    fn sky(&self, _x: f32, _y: f32, base: Tint) -> Tint {
        base
    }

    /// What stands still in the world, if it is the first layer: painted anew only when the eye moves.
    fn stage(&self, _shot: &Shot, _canvas: &mut Canvas) {}

    /// What moves.
    fn play(&self, shot: &Shot, canvas: &mut Canvas);
}

/// What an actor is made from.
#[derive(Clone, Copy)]
pub(crate) struct Casting<'a> {
    pub(crate) layer: Layer,
    pub(crate) world: World,
    pub(crate) eye: Eye,
    pub(crate) colours: &'a Colours,
    pub(crate) dice: Dice,
    /// Whether it is the first layer, which sets the stage.
    pub(crate) staged: bool,
}

impl Casting<'_> {
    pub(crate) fn cast(self) -> Arc<dyn Actor> {
        match self.layer.motif {
            Motif::Fireworks => Arc::new(fireworks::Fireworks::new(self)),
            Motif::Petals => Arc::new(petals::Petals::new(self)),
            Motif::SkyLanterns => Arc::new(sky_lanterns::SkyLanterns::new(self)),
            Motif::Hearts => Arc::new(hearts::Hearts::new(self)),
            Motif::Confetti => Arc::new(confetti::Confetti::new(self)),
            Motif::CrescentAndLamps => Arc::new(crescent_and_lamps::CrescentAndLamps::new(self)),
            Motif::RangoliLights => Arc::new(rangoli_lights::RangoliLights::new(self)),
            Motif::Snow => Arc::new(snow::Snow::new(self)),
            Motif::Bokeh => Arc::new(bokeh::Bokeh::new(self)),
            Motif::TurntableBall => Arc::new(turntable::Turntable::ball(self)),
            Motif::TurntableBox => Arc::new(turntable::Turntable::gift_box(self)),
            Motif::TurntableBottle => Arc::new(turntable::Turntable::bottle(self)),
            Motif::TurntablePhone => Arc::new(turntable::Turntable::phone(self)),
            Motif::PaperLanterns => Arc::new(paper_lanterns::PaperLanterns::new(self)),
            Motif::Waves => Arc::new(waves::Waves::new(self)),
            Motif::Sparkles => Arc::new(sparkles::Sparkles::new(self)),
            Motif::GoldDust => Arc::new(gold_dust::GoldDust::new(self)),
            Motif::CityBokeh => Arc::new(city_bokeh::CityBokeh::new(self)),
            Motif::Candles => Arc::new(candles::Candles::new(self)),
            Motif::Aurora => Arc::new(aurora::Aurora::new(self)),
            Motif::Sunrise => Arc::new(sunrise::Sunrise::new(self)),
            Motif::Ribbons => Arc::new(ribbons::Ribbons::new(self)),
            Motif::InkInWater => Arc::new(ink_in_water::InkInWater::new(self)),
            Motif::RainOnGlass => Arc::new(rain_on_glass::RainOnGlass::new(self)),
            Motif::Balloons => Arc::new(balloons::Balloons::new(self)),
            Motif::Leaves => Arc::new(leaves::Leaves::new(self)),
        }
    }

    /// How many of something of which there are usually `usual`.
    fn count(&self, usual: f32) -> usize {
        (usual * self.layer.amount).round() as usize
    }
}

/// How much larger than in the middle distance a thing is.
fn nearness(depth: f32) -> f32 {
    // As in perspective: twice as far is half as large.
    1.0 / (0.38 + 1.24 * depth)
}

/// How a flat thing lies in space, in turns.
#[derive(Clone, Copy)]
struct Tumble {
    yaw: f32,
    pitch: f32,
    roll: f32,
}

impl Tumble {
    /// Where a sprite of that half size lands, which side it shows (above 0: its face), and how much it faces the light
    /// from above on the left, 0 to 1.
    fn place(self, spot: &Spot, half_width: f32, half_height: f32) -> (Place, f32, f32) {
        let (sy, cy) = (sine(self.yaw), cosine(self.yaw));
        let (sp, cp) = (sine(self.pitch), cosine(self.pitch));
        let (sr, cr) = (sine(self.roll), cosine(self.roll));
        // The thing's own axes after yaw (about its length), pitch (about its width), roll (in the picture).
        let (right, down) = ([cy, sy * sp], [0.0, cp]);
        let normal = [sy, -cy * sp, cy * cp];
        let turned = |[x, y]: [f32; 2], length: f32| [(x * cr - y * sr) * length, (x * sr + y * cr) * length];
        let (w, h) = (half_width * spot.unit, half_height * spot.unit);
        let face = turned([normal[0], normal[1]], 1.0);
        let lit = (0.45 * -face[0] + 0.62 * -face[1] + 0.64 * normal[2]).abs();
        (Place { x: spot.x, y: spot.y, across: turned(right, w), down: turned(down, h) }, normal[2], lit.min(1.0))
    }
}
