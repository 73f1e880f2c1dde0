//! festoon-renderer: leases jobs from a festoon server, paints their plates, inspects and encodes them, hands them in.
//!
//! It is a process of its own, so that a device fault, a panic or a lack of memory costs a plate and never the server.
//! Nothing is kept here: a renderer that is killed loses the time it spent, and the server leases the job again.
//!
//! The way through: [`run`] asks for a lease; [`lease`] checks it and keeps it; [`easel`] is the one thread that paints,
//! with a [`painter`]; [`plate`] turns frames into bytes; [`server`] carries them away. [`shards`] stands aside: clips for
//! training, which no server asks for.

pub mod command;
pub mod config;
pub mod drain;
pub mod easel;
pub mod fault;
pub mod lease;
pub mod models;
pub mod painter;
pub mod plate;
pub mod progress;
pub mod run;
pub mod server;
pub mod shards;
pub mod workshop;
