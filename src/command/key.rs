//! `festoon key`.

use std::process::ExitCode;

/// Arguments of `festoon key`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// With a report for the terminal.
pub fn run(_arguments: Arguments) -> miette::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
