//! The renderer as its server and its operator see it: the real program, a server that speaks the real protocol.
#![allow(clippy::unwrap_used)]

mod adapting;
mod commands;
mod draining;
mod leases;
mod origin;
mod plates;
mod program;
mod shards;
mod wan;
