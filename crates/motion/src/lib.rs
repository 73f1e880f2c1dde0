//! Procedural motion graphics, painted on a CPU.
//!
//! A [`Scene`] says what is seen: motifs in layers with depth, a palette, a camera and a finish. A [`Painting`] is a scene
//! cast for one size, length and seed; [`Painting::frame`] paints any of its frames, in any order, always the same bits.
//!
//! Light is added up in linear 32-bit floats and leaves through one tone curve, dithered, as 8-bit sRGB. Only IEEE
//! arithmetic, square roots and the portable functions of `libm` are used, and no fused operations, so that the same
//! scene and seed make the same bytes on every machine.
//!
//! It is a painter of its own, not a model: it knows neither prompts nor files, and draws no text. What a model learns from,
//! [`dataset`] makes: scenes by number, with labels and captions.

mod camera;
mod canvas;
mod cloud;
mod colour;
mod curve;
pub mod dataset;
mod dice;
mod finish;
mod focus;
mod grade;
mod motif;
mod painting;
mod plane;
mod scene;
mod shutter;
mod sky;
mod sprite;
mod tempo;

pub use painting::Painting;
pub use scene::{Camera, CameraMove, Finish, Layer, Motif, MotionError, Palette, Scene, Size};
