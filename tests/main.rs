//! The tests of the festoon package, in one binary.

mod cache;
mod command_line;
mod faults;
mod http;
mod pick;
mod queue;
mod schedule;
mod shape;
mod template;
