//! What is published in a key stays as it is, and a key says everything that moves a pixel.
#![allow(clippy::unwrap_used)]

mod abilities;
mod checkpoint;
mod keys;
mod names;
mod specs;
