//! The command line: one file a verb.
//!
//! Every verb says what it did with an [`Exit`], prints through [`Invocation::answer`], so that `--json` works everywhere, and
//! shows long work through [`terminal::Progress`]. [`reference`] writes docs/commands.md from the same tables that `--help` shows.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

pub mod check;
pub mod completions;
pub mod config;
pub mod doctor;
mod exit;
pub mod gc;
mod help;
mod invocation;
pub mod key;
pub mod man;
pub mod new;
pub mod operator;
pub mod phases;
pub mod prerender;
pub mod preview;
pub mod purge;
pub mod reference;
pub mod reindex;
pub mod schedule;
pub mod serve;
pub mod sign;
pub mod state;
pub mod terminal;
pub mod up;
pub mod warm;

pub use exit::Exit;
pub use invocation::Invocation;

/// Pre-renders parametric video templates and serves them, already made, from a content-addressed cache.
#[derive(Debug, Parser)]
#[command(name = "festoon", version)]
pub struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    invocation: Invocation,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the server and local renderers, and keep both running
    #[command(after_help = up::HELP)]
    Up(up::Arguments),
    /// Start the server alone
    #[command(after_help = serve::HELP)]
    Serve(serve::Arguments),
    /// Write a template to begin with
    #[command(after_help = new::HELP)]
    New(new::Arguments),
    /// Check templates and report every mistake
    #[command(after_help = check::HELP)]
    Check(check::Arguments),
    /// Show a template in the browser while it is written
    #[command(after_help = preview::HELP)]
    Preview(preview::Arguments),
    /// Paint a campaign, or what is due, ahead of time
    #[command(after_help = prerender::HELP)]
    Prerender(prerender::Arguments),
    /// Show when feasts fall and what is planned for them
    Schedule(schedule::Arguments),
    /// Explain the keys of a pick, field by field
    #[command(after_help = key::HELP)]
    Key(key::Arguments),
    /// Sign addresses, and keep the keys
    Sign(sign::Arguments),
    /// Have campaigns warm at every edge before their time; show what is warm where
    #[command(after_help = warm::HELP)]
    Warm(warm::Arguments),
    /// Let go of copies in memory, on disk, at edges and in CDNs
    #[command(after_help = purge::PURGE_HELP)]
    Purge(purge::PurgeArguments),
    /// Delete, and keep from being made again
    #[command(after_help = purge::TAKEDOWN_HELP)]
    Takedown(purge::TakedownArguments),
    /// Look for damage and say what to do about it
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Arguments),
    /// Drop what the disk budget has no room for
    #[command(after_help = gc::HELP)]
    Gc(gc::Arguments),
    /// Rebuild the index from the files
    #[command(after_help = reindex::HELP)]
    Reindex(reindex::Arguments),
    /// Show the settings, and where each comes from
    Config(config::Arguments),
    /// Print what completes this command line in a shell
    #[command(after_help = completions::HELP)]
    Completions(completions::Arguments),
    /// Write the manual pages
    #[command(after_help = man::HELP)]
    Man(man::Arguments),
}

impl CommandLine {
    /// The whole command line, with its help.
    pub fn grammar() -> clap::Command {
        help::dress(Self::command())
    }

    /// Reads the arguments of this process and does what they say.
    pub fn start() -> ExitCode {
        let read = Self::grammar().try_get_matches().and_then(|matches| Self::from_arg_matches(&matches));
        match read {
            Ok(line) => line.run(),
            Err(error) => misunderstood(&error),
        }
        .into()
    }

    /// Runs the verb; tells an error on standard error.
    fn run(self) -> Exit {
        if !matches!(self.verb, Verb::Up(_) | Verb::Serve(_) | Verb::Preview(_)) {
            end_quietly_with_the_reader();
        }
        let invocation = &self.invocation;
        let ended = match self.verb {
            Verb::Up(arguments) => up::run(arguments, invocation),
            Verb::Serve(arguments) => serve::run(arguments, invocation),
            Verb::New(arguments) => new::run(arguments, invocation),
            Verb::Check(arguments) => check::run(arguments, invocation),
            Verb::Preview(arguments) => preview::run(arguments, invocation),
            Verb::Prerender(arguments) => prerender::run(arguments, invocation),
            Verb::Schedule(arguments) => schedule::run(arguments, invocation),
            Verb::Key(arguments) => key::run(arguments, invocation),
            Verb::Sign(arguments) => sign::run(arguments, invocation),
            Verb::Warm(arguments) => warm::run(arguments, invocation),
            Verb::Purge(arguments) => purge::purge(arguments, invocation),
            Verb::Takedown(arguments) => purge::take_down(arguments, invocation),
            Verb::Doctor(arguments) => doctor::run(arguments, invocation),
            Verb::Gc(arguments) => gc::run(arguments, invocation),
            Verb::Reindex(arguments) => reindex::run(arguments, invocation),
            Verb::Config(arguments) => config::run(arguments, invocation),
            Verb::Completions(arguments) => completions::run(arguments, invocation),
            Verb::Man(arguments) => man::run(arguments, invocation),
        };
        ended.unwrap_or_else(|error| {
            let exit = Exit::of(&error);
            invocation.tell(&error, exit);
            exit
        })
    }
}

/// Tells that the arguments do not fit, or prints the help that they ask for.
fn misunderstood(error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Whoever closed the pipe has read enough.
        let _ = error.print();
        return Exit::Done;
    }
    // They could not be read, so it is not known which of them were meant.
    if std::env::args_os().any(|argument| argument == "--json") {
        let told = error.to_string();
        let message = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
        invocation::tell_as_json(&miette::miette!(code = "usage", help = "see `festoon --help`", "{message}"), Exit::Usage);
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// Lets `festoon … | head` end as other programs do. Rust ignores SIGPIPE, so that `println!` panics once nobody reads; a server
/// must go on without its terminal, everything else has nothing left to do.
fn end_quietly_with_the_reader() {
    // SAFETY: sets a default action before any thread is started; no handler of ours is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
