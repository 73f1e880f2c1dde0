//! The real encoder and decoder, through the public interface.

#![allow(clippy::unwrap_used)]

mod encode;
mod jail;
mod scene;
