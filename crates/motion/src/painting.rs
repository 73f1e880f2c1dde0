//! A scene cast for one size, length and seed.

use std::sync::Arc;

use crate::{
    camera::{Eye, Shot, World},
    canvas::Canvas,
    colour::{Colours, linear},
    dice::Dice,
    finish::Darkroom,
    motif::{Actor, Casting},
    scene::{self, MotionError, Scene, Size},
    sky::Sky,
    tempo::Moment,
};

/// Paints the frames of one scene.
///
/// What every frame needs is painted once, in [`Painting::new`]. A clone shares it and brings its own canvas, so that
/// several threads can paint frames of one scene; the frames are the same.
#[derive(Clone)]
pub struct Painting {
    size: Size,
    frames: u32,
    fps: u32,
    looped: bool,
    world: World,
    eye: Eye,
    sky: Arc<Sky>,
    /// In the order of the scene's layers; the first sets the stage.
    actors: Vec<Arc<dyn Actor>>,
    canvas: Canvas,
    /// Sky and stage, once painted, if the eye rests.
    still: Option<Canvas>,
    darkroom: Darkroom,
}

impl Painting {
    /// Casts a scene for a size in pixels, a number of frames (1 to 1200) at frames per second (1 to 120), and a seed.
    ///
    /// # Errors
    /// The first field of the scene or the canvas that cannot be painted.
    pub fn new(scene: &Scene, size: Size, frames: u32, fps: u32, seed: [u8; 32]) -> Result<Self, MotionError> {
        scene::check(scene, size, frames, fps)?;
        let dice = Dice::new(&seed);
        let world = World::new(size);
        let eye = Eye::new(scene.camera, dice.fork(1));
        let all = |colours: &[[u8; 3]]| colours.iter().map(|&rgb| linear(rgb)).collect();
        let colours = Colours { sky: all(&scene.palette.sky), moving: all(&scene.palette.colours) };
        let mut actors: Vec<Arc<dyn Actor>> = Vec::with_capacity(scene.layers.len());
        for (index, &layer) in scene.layers.iter().enumerate() {
            let dice = dice.fork(100 + index as u64);
            actors.push(Casting { layer, world, eye, colours: &colours, dice, staged: index == 0 }.cast());
        }
        let sky = Arc::new(Sky::new(world, &eye, &colours, |x, y, base| actors[0].sky(x, y, base)));
        let (canvas, darkroom) = (Canvas::new(size), Darkroom::new(size, scene.finish, dice.fork(2)));
        Ok(Self { size, frames, fps, looped: scene.looped, world, eye, sky, actors, canvas, still: None, darkroom })
    }

    /// Number of frames.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Pixels across and down.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Paints a frame as 8-bit sRGB, rows from the top. Frames may be painted in any order; an index past the last goes
    /// on in time, which in a looped scene comes round.
    ///
    /// # Panics
    /// If `rgb` is not [`Size::rgb_bytes`] long.
    pub fn frame(&mut self, index: u32, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), self.size.rgb_bytes(), "a frame of {} × {} in RGB", self.size.width, self.size.height);
        let (fps, length) = (f64::from(self.fps), f64::from(self.frames) / f64::from(self.fps));
        let moment = Moment { seconds: f64::from(index) / fps, length, looped: self.looped };
        let shot = Shot { moment, world: self.world, pose: self.eye.pose(&moment) };
        match &self.still {
            Some(still) => {
                self.canvas.sharp.pixels.copy_from_slice(&still.sharp.pixels);
                self.canvas.soft.pixels.copy_from_slice(&still.soft.pixels);
            }
            None => {
                self.canvas.soft.clear();
                self.sky.draw(&shot, &mut self.canvas);
                self.actors[0].stage(&shot, &mut self.canvas);
                if self.eye.rests() {
                    self.still = Some(self.canvas.clone());
                }
            }
        }
        for actor in &self.actors {
            actor.play(&shot, &mut self.canvas);
        }
        self.darkroom.develop(&mut self.canvas, if self.looped { index % self.frames } else { index }, rgb);
    }
}
