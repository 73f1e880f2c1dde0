//! festoon: the server and the command line.
//!
//! `edge` is the spine (answer a pick; accept an outcome); `http` only translates; each other module hides one thing.
//! docs/ARCHITECTURE.md draws the map.

pub mod cache;
pub mod campaign;
pub mod clock;
pub mod command;
pub mod compositor;
pub mod config;
pub mod decision;
pub mod edge;
pub mod http;
pub mod locale;
pub mod makers;
pub mod metrics;
pub mod opinion;
pub mod origin;
pub mod pick;
pub mod purge;
pub mod queue;
pub mod schedule;
pub mod signing;
pub mod store;
pub mod supervisor;
pub mod template;
