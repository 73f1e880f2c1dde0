//! The server as its clients see it: players, pages, scripts, renderers.
#![allow(clippy::unwrap_used)]

mod attacks;
mod bad_input;
mod browser;
mod campaigns;
mod clock;
pub mod connections;
mod delivery;
mod documents;
mod gallery;
pub mod images;
mod leases;
mod limits;
mod multiplexed;
mod openapi;
mod operator;
mod opinions;
mod picks;
mod preview;
mod profiles;
pub mod review;
pub mod sound;
mod strangers;
pub mod titles;
