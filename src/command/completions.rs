//! `festoon completions`: what completes the command line in a shell.

use clap_complete::Shell;
use serde_json::json;

use super::{CommandLine, Exit, Invocation};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon completions bash > /etc/bash_completion.d/festoon
  festoon completions zsh > ~/.zfunc/_festoon
  festoon completions fish > ~/.config/fish/completions/festoon.fish

With --json: {shell, script}";

/// Arguments of `festoon completions`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// None; as the other verbs.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut CommandLine::grammar(), "festoon", &mut script);
    let script = String::from_utf8(script).expect("the command line is written in UTF-8");
    invocation.answer(&json!({ "shell": arguments.shell.to_string(), "script": script }), || script.trim_end().to_owned());
    Ok(Exit::Done)
}
