//! The eye: where a thing of the world lands on the canvas.
//!
//! The world is measured in units of which a canvas of any size and ratio holds 921,600 (1280 × 720), so that a motif
//! spreads evenly in wide, tall and square pictures. The middle is (0, 0); y points down.

use crate::{
    curve::{cosine, mix, ramp, sine},
    dice::Dice,
    scene::{Camera, CameraMove, Size},
    tempo::Moment,
};

/// The part of the world that the canvas shows when the eye is at rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    /// From the middle to the right edge, in units.
    pub(crate) half_width: f32,
    /// From the middle to the bottom edge, in units.
    pub(crate) half_height: f32,
    /// Pixels per unit.
    pub(crate) unit: f32,
}

impl World {
    pub(crate) fn new(size: Size) -> Self {
        let (width, height) = (size.width as f32, size.height as f32);
        let unit = (width * height / 921_600.0).sqrt();
        Self { half_width: width / 2.0 / unit, half_height: height / 2.0 / unit, unit }
    }

    /// The shorter side, in units: what a thing that must fit is measured by.
    pub(crate) fn short(&self) -> f32 {
        2.0 * self.half_width.min(self.half_height)
    }

    /// The same world on a canvas that is `times` smaller.
    pub(crate) fn coarser(self, times: usize) -> Self {
        Self { unit: self.unit / times as f32, ..self }
    }

    /// Whether the picture is taller than wide.
    pub(crate) fn tall(&self) -> bool {
        self.half_height > self.half_width
    }
}

/// How much a thing at a depth follows the eye; 1 in the middle distance.
fn parallax(depth: f32) -> f32 {
    mix(1.7, 0.3, depth)
}

/// Depth of the sky itself, beyond every layer.
pub(crate) const SKY: f32 = 1.12;

/// The eye at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    x: f32,
    y: f32,
    zoom: f32,
    /// 0: near things move most. 1: the middle distance stands still and what lies beyond moves the other way.
    pivot: f32,
}

/// A place on the canvas, in pixels, and how many pixels a unit of the world is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) unit: f32,
}

/// One instant seen by the eye.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot<'a> {
    pub(crate) moment: Moment<'a>,
    pub(crate) world: World,
    pub(crate) pose: Pose,
}

impl Shot<'_> {
    /// Where a point of the world at a depth is seen.
    pub(crate) fn spot(&self, x: f32, y: f32, depth: f32) -> Spot {
        let follow = parallax(depth);
        let shift = follow - self.pose.pivot;
        let zoom = 1.0 + self.pose.zoom * follow;
        let unit = self.world.unit * zoom;
        Spot {
            x: self.world.half_width * self.world.unit + (x - self.pose.x * shift) * unit,
            y: self.world.half_height * self.world.unit + (y - self.pose.y * shift) * unit,
            unit,
        }
    }
}

/// A camera at work in a scene.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eye {
    camera: Camera,
    dice: Dice,
}

/// Half a pan, in units at the usual amount.
const PAN: f32 = 42.0;
/// How much nearer a push comes.
const PUSH: f32 = 0.13;
/// Radius of an orbit, in units.
const ORBIT: f32 = 40.0;
/// Reach of an unsteady hand, in units.
const HAND: f32 = 9.0;

impl Eye {
    pub(crate) fn new(camera: Camera, dice: Dice) -> Self {
        Self { camera, dice }
    }

    /// Whether the eye never moves.
    pub(crate) fn rests(&self) -> bool {
        self.camera.movement == CameraMove::Static || self.camera.amount == 0.0
    }

    /// How far beyond the edge, in units, the eye may look at a depth.
    pub(crate) fn reach(&self, depth: f32) -> f32 {
        let most = match self.camera.movement {
            CameraMove::Static | CameraMove::Push => 0.0,
            CameraMove::Pan => PAN,
            CameraMove::Orbit => ORBIT,
            CameraMove::Handheld => 2.0 * HAND,
        };
        most * self.camera.amount * parallax(depth).max(1.0)
    }

    /// Where the eye is. A looped scene's eye comes back.
    pub(crate) fn pose(&self, moment: &Moment) -> Pose {
        let amount = self.camera.amount;
        let mut pose = Pose { x: 0.0, y: 0.0, zoom: 0.0, pivot: 0.0 };
        let progress = moment.progress();
        match self.camera.movement {
            CameraMove::Static => {}
            CameraMove::Pan if moment.looped => pose.x = PAN * amount * sine(progress),
            CameraMove::Pan => pose.x = PAN * amount * (2.0 * progress - 1.0),
            CameraMove::Push if moment.looped => pose.zoom = PUSH * amount * (0.5 - 0.5 * cosine(progress)),
            CameraMove::Push => pose.zoom = PUSH * amount * mix(progress, ramp(0.0, 1.0, progress), 0.35),
            CameraMove::Orbit => {
                // A loop goes round once; otherwise a third of the way, slowly enough to look at.
                let turn = if moment.looped { progress } else { mix(-0.17, 0.17, progress) };
                pose.x = ORBIT * amount * sine(turn);
                pose.y = 0.35 * ORBIT * amount * cosine(turn);
                pose.zoom = 0.02 * amount * cosine(turn);
                pose.pivot = 1.0;
            }
            CameraMove::Handheld => {
                let drift = |name, rate| moment.wander(self.dice.fork(name), rate);
                pose.x = HAND * amount * (drift(1, 0.45) + 0.35 * drift(2, 1.7));
                pose.y = HAND * amount * (0.8 * drift(3, 0.5) + 0.3 * drift(4, 1.9));
                pose.zoom = 0.012 * amount * (1.0 + drift(5, 0.35));
            }
        }
        pose
    }
}
