//! Scenery: a painted board at a depth, as wide as the eye can see.

use crate::{
    camera::{Eye, Shot, World},
    canvas::Canvas,
    colour::WHITE,
    sprite::{Ink, Sprite},
};

/// A board that stands in the world.
#[derive(Debug, Clone)]
pub(crate) struct Plane {
    sprite: Sprite,
    middle: f32,
    half_width: f32,
    half_height: f32,
    depth: f32,
}

impl Plane {
    /// A board from side to side, from `top` down to `bottom`, in units; `brush` gets places of the world.
    pub(crate) fn paint(world: World, eye: &Eye, depth: f32, top: f32, bottom: f32, brush: impl Fn(f32, f32) -> Ink) -> Self {
        Self::paint_columns(world, eye, depth, [top, bottom], |_| (), |_, x, y| brush(x, y))
    }

    /// Paints like [`Plane::paint`], from `top` down to `bottom`, with what `column` makes of each place across at hand: a
    /// crest, for example, which costs more than the places below it.
    pub(crate) fn paint_columns<Column>(
        world: World,
        eye: &Eye,
        depth: f32,
        [top, bottom]: [f32; 2],
        column: impl Fn(f32) -> Column,
        brush: impl Fn(&Column, f32, f32) -> Ink,
    ) -> Self {
        // One unit more than the eye sees: the sprite's border is clear.
        let half_width = world.half_width + eye.reach(depth) + 2.0 / world.unit;
        let (middle, half_height) = ((top + bottom) / 2.0, (bottom - top) / 2.0);
        let texels = |half: f32| (half * 2.0 * world.unit).ceil() as usize;
        let sprite = Sprite::paint_columns(
            texels(half_width),
            texels(half_height),
            2,
            |u| column(u * half_width),
            |column, u, v| brush(column, u * half_width, middle + v * half_height),
        );
        Self { sprite, middle, half_width, half_height, depth }
    }

    pub(crate) fn draw(&self, shot: &Shot, canvas: &mut Canvas) {
        let place = shot.spot(0.0, self.middle, self.depth).upright(self.half_width, self.half_height);
        canvas.sprite(&self.sprite, place, WHITE, 1.0);
    }
}

/// The lowest place of the world that the eye can see at a depth, in units, for boards that reach the bottom.
pub(crate) fn floor(world: World, eye: &Eye, depth: f32) -> f32 {
    world.half_height + eye.reach(depth) + 4.0 / world.unit
}
