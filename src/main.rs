//! The festoon program: see `festoon --help`.

use std::process::ExitCode;

use clap::Parser;
use festoon::command::CommandLine;

fn main() -> miette::Result<ExitCode> {
    CommandLine::parse().run()
}
