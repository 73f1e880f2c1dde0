//! The real encoder and decoder, through the public interface.

#![allow(clippy::unwrap_used)]

mod adapt;
mod browser;
mod compose;
mod container;
mod derive;
mod encode;
mod encoders;
mod inspect;
mod jail;
mod overlay;
mod scene;
mod sound;
