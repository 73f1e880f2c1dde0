//! The motifs, one file each. An actor is a motif cast for a layer of a scene.

mod bokeh;
mod snow;

use std::sync::Arc;

use crate::{
    camera::{Eye, Shot, World},
    canvas::Canvas,
    colour::{Colours, Tint},
    curve::mix,
    dice::Dice,
    scene::{Layer, Motif},
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
            Motif::Snow => Arc::new(snow::Snow::new(self)),
            _ => Arc::new(bokeh::Bokeh::new(self)),
        }
    }

    /// How many of something of which there are usually `usual`.
    fn count(&self, usual: f32) -> usize {
        (usual * self.layer.amount).round() as usize
    }

    /// A depth around the layer's own: `unit` is even in 0..1.
    fn depth(&self, unit: f32, reach: f32) -> f32 {
        // The layer's depth stays the middle of what is spread, as far as there is room.
        let low = (self.layer.depth - reach).clamp(0.0, (1.0 - 2.0 * reach).max(0.0));
        mix(low, (low + 2.0 * reach).min(1.0), unit)
    }
}

/// How much larger than in the middle distance a thing is.
fn nearness(depth: f32) -> f32 {
    // As in perspective: twice as far is half as large.
    1.0 / (0.38 + 1.24 * depth)
}
