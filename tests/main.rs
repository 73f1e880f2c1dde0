//! The tests of the festoon package, in one binary.

mod bench;
mod cache;
mod chaos;
mod clients;
mod command_line;
mod compositor;
mod described;
mod edges;
mod faults;
mod faults_limits;
mod faults_store;
mod fuzz_corpus;
mod http;
mod installation;
mod pick;
mod programs;
mod queue;
mod ratios;
mod schedule;
mod segments;
mod service;
mod shape;
mod template;
mod up;
