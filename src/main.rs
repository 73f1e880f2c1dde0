//! The festoon program: see `festoon --help`.

use std::process::ExitCode;

use festoon::command::CommandLine;

/// Answers are made of many small pieces of many sizes, which this one hands out and takes back cheaply.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    CommandLine::start()
}
