//! A scene cast for one size, length and seed.

use std::sync::Arc;

use crate::{
    camera::{Eye, Shot, World},
    canvas::{Canvas, Exposure},
    colour::{Colours, linear},
    dice::Dice,
    finish::Darkroom,
    focus::Pane,
    motif::{Actor, Casting},
    scene::{self, MotionError, Scene, Size},
    shutter::{Shutter, Track, Turn},
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
    /// The share of a frame's time that the shutter is open.
    shutter: f64,
    eye: Eye,
    sky: Arc<Sky>,
    /// In the order of the scene's layers; the first sets the stage.
    layers: Vec<Cast>,
    exposure: Exposure,
    /// Sky and stage, once painted, if the eye rests.
    still: Option<Exposure>,
    darkroom: Darkroom,
}

/// A layer with its actor.
#[derive(Clone)]
struct Cast {
    actor: Arc<dyn Actor>,
    world: World,
    /// What it is painted on, if it is out of focus.
    pane: Option<Pane>,
    /// What is noted of its motion, and a canvas that is never seen, if the shutter is open for a while.
    blur: Option<(Track, Exposure)>,
}

/// The farthest that a thing can move while the shutter is open, in units; what moves farther has begun anew elsewhere.
const FARTHEST: f32 = 90.0;

impl Cast {
    /// Plays the layer on its pane, or on the picture.
    fn play(&mut self, picture: &mut Exposure, shot: &Shot, closing: &Shot) {
        let exposure = match &mut self.pane {
            Some(pane) => &mut pane.exposure,
            None => picture,
        };
        let turn = shot.moment.turn;
        let Some((track, unseen)) = &mut self.blur else {
            self.actor.play(shot, &mut Canvas::new(exposure, Shutter::Quick, turn));
            return;
        };
        track.clear();
        self.actor.play(closing, &mut Canvas::new(unseen, Shutter::Closing(track), turn));
        track.rewind();
        let farthest = FARTHEST * self.world.unit;
        self.actor.play(shot, &mut Canvas::new(exposure, Shutter::Open(track, farthest), turn));
    }
}

impl Painting {
    /// Casts a scene for a size in pixels, a number of frames (1 to 1200) at frames per second (1 to 120), and a seed.
    ///
    /// # Errors
    /// The first field of the scene or the canvas that cannot be painted.
    pub fn new(scene: &Scene, size: Size, frames: u32, fps: u32, seed: [u8; 32]) -> Result<Self, MotionError> {
        scene::check(scene, size, frames, fps)?;
        let dice = Dice::new(&seed);
        let eye = Eye::new(scene.camera, dice.fork(1));
        let all = |colours: &[[u8; 3]]| colours.iter().map(|&rgb| linear(rgb)).collect();
        let colours = Colours { sky: all(&scene.palette.sky), moving: all(&scene.palette.colours) };
        let cast = |(index, &layer): (usize, &scene::Layer)| {
            let pane = Pane::new(size, &scene.camera, layer.depth);
            let world = pane.as_ref().map_or(World::new(size), |pane| pane.world(World::new(size)));
            let dice = dice.fork(100 + index as u64);
            let actor = Casting { layer, world, eye, colours: &colours, dice, staged: index == 0 }.cast();
            let (width, height) = pane.as_ref().map_or((size.width as usize, size.height as usize), Pane::size);
            let blur = (scene.camera.shutter > 0.0).then(|| (Track::default(), Exposure::new(width, height)));
            Cast { actor, world, pane, blur }
        };
        let layers: Vec<Cast> = scene.layers.iter().enumerate().map(cast).collect();
        let first = &layers[0];
        let sky = Arc::new(Sky::new(first.world, &eye, &colours, |x, y, base| first.actor.sky(x, y, base)));
        Ok(Self {
            size,
            frames,
            fps,
            looped: scene.looped,
            shutter: f64::from(scene.camera.shutter),
            eye,
            sky,
            layers,
            exposure: Exposure::new(size.width as usize, size.height as usize),
            still: None,
            darkroom: Darkroom::new(size, scene.finish, dice.fork(2)),
        })
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
    /// on in time, which in a looped scene comes round: there, frame N of N is frame 0, bit for bit.
    ///
    /// # Panics
    /// If `rgb` is not [`Size::rgb_bytes`] long.
    pub fn frame(&mut self, index: u32, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), self.size.rgb_bytes(), "a frame of {} × {} in RGB", self.size.width, self.size.height);
        let index = if self.looped { index % self.frames } else { index };
        let turn = Turn::default();
        let (open, close) = (self.moment(f64::from(index), &turn), self.moment(f64::from(index) + self.shutter, &turn));
        let (pose, later) = (self.eye.pose(&open), self.eye.pose(&close));
        self.exposure.soft.clear();
        for (number, layer) in self.layers.iter_mut().enumerate() {
            let shot = Shot { moment: open, world: layer.world, pose };
            let closing = Shot { moment: close, world: layer.world, pose: later };
            if let Some(pane) = &mut layer.pane {
                pane.exposure.clear();
            }
            if number == 0 {
                let ground = layer.pane.as_mut().map_or(&mut self.exposure, |pane| &mut pane.exposure);
                match &self.still {
                    Some(still) => ground.copy_from(still),
                    None => {
                        let mut canvas = Canvas::new(ground, Shutter::Quick, &turn);
                        self.sky.draw(&shot, &mut canvas);
                        layer.actor.stage(&shot, &mut canvas);
                        if self.eye.rests() {
                            self.still = Some(ground.clone());
                        }
                    }
                }
            }
            layer.play(&mut self.exposure, &shot, &closing);
            if let Some(pane) = &mut layer.pane {
                pane.lay_over(&mut self.exposure, number == 0);
            }
        }
        self.darkroom.develop(&mut self.exposure, index, rgb);
    }

    /// The instant so many frames after the first.
    fn moment<'a>(&self, frame: f64, turn: &'a Turn) -> Moment<'a> {
        let fps = f64::from(self.fps);
        Moment { seconds: frame / fps, length: f64::from(self.frames) / fps, looped: self.looped, turn }
    }
}
