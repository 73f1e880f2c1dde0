//! The background: the palette's gradient, and the light that the first motif lays into it.

use crate::{
    camera::{Eye, SKY, Shot, World},
    canvas::Canvas,
    colour::{Colours, Tint, WHITE},
    sprite::Sprite,
};

/// A sky painted once, at an eighth of the canvas's resolution: it holds nothing sharp.
#[derive(Debug, Clone)]
pub(crate) struct Sky {
    sprite: Sprite,
    half_width: f32,
    half_height: f32,
}

impl Sky {
    /// The gradient; `light` is given a place of the world and the gradient's colour there.
    pub(crate) fn new(world: World, eye: &Eye, colours: &Colours, light: impl Fn(f32, f32, Tint) -> Tint) -> Self {
        // Two texels of margin beyond what the eye can see: the sprite's own border is clear.
        let margin = eye.reach(SKY) + 16.0 / world.unit.min(1.0) + 8.0;
        let (half_width, half_height) = (world.half_width + margin, world.half_height + margin);
        let texels = |half: f32| ((half * 2.0 * world.unit / 8.0).ceil() as usize).max(24);
        let heights: Vec<Tint> = (0..=256).map(|step| colours.sky(step as f32 / 256.0)).collect();
        let sprite = Sprite::paint_opaque(texels(half_width), texels(half_height), |u, v| {
            let (x, y) = (u * half_width, v * half_height);
            let height = ((y / world.half_height * 0.5 + 0.5).clamp(0.0, 1.0) * 256.0) as usize;
            light(x, y, heights[height])
        });
        Self { sprite, half_width, half_height }
    }

    pub(crate) fn draw(&self, shot: &Shot, canvas: &mut Canvas) {
        canvas.sprite(&self.sprite, shot.spot(0.0, 0.0, SKY).upright(self.half_width, self.half_height), WHITE, 1.0);
    }
}
