//! The festoon-renderer program: see `festoon-renderer --help`.

use std::process::ExitCode;

use clap::Parser;
use festoon_renderer::command::CommandLine;

fn main() -> ExitCode {
    CommandLine::parse().run()
}
