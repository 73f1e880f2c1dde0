//! The command line: one file a verb.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod doctor;
pub mod gc;
pub mod key;
pub mod operator;
pub mod phases;
pub mod prerender;
pub mod purge;
pub mod reindex;
pub mod schedule;
pub mod serve;
pub mod sign;
pub mod state;
pub mod terminal;
pub mod up;
pub mod warm;

/// Pre-renders parametric video templates and serves them, already made, from a content-addressed cache.
#[derive(Debug, Parser)]
#[command(name = "festoon", version)]
pub struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the server and local renderers, and keep both running.
    Up(up::Arguments),
    /// Start the server alone.
    Serve(serve::Arguments),
    /// Paint a campaign ahead of time.
    Prerender(prerender::Arguments),
    /// Check templates and report every mistake.
    Check(check::Arguments),
    /// Show when feasts fall and what is planned for them.
    Schedule(schedule::Arguments),
    /// Explain the keys of a pick, field by field.
    Key(key::Arguments),
    /// Let go of copies in memory, on disk, at edges and in CDNs.
    Purge(purge::PurgeArguments),
    /// Delete, and keep from being made again.
    Takedown(purge::TakedownArguments),
    /// Have campaigns warm at every edge before their time; show what is warm where.
    Warm(warm::Arguments),
    /// Sign addresses, and keep the keys.
    Sign(sign::Arguments),
    /// Drop what the disk budget has no room for.
    Gc(gc::Arguments),
    /// Rebuild the index from the files.
    Reindex(reindex::Arguments),
    /// Look for damage and say what to do about it.
    Doctor(doctor::Arguments),
}

impl CommandLine {
    /// Runs the verb.
    ///
    /// # Errors
    /// With a report for the terminal.
    pub fn run(self) -> miette::Result<ExitCode> {
        if !matches!(self.verb, Verb::Up(_) | Verb::Serve(_)) {
            end_quietly_with_the_reader();
        }
        match self.verb {
            Verb::Up(arguments) => up::run(arguments),
            Verb::Serve(arguments) => serve::run(arguments),
            Verb::Prerender(arguments) => prerender::run(arguments),
            Verb::Check(arguments) => check::run(arguments),
            Verb::Schedule(arguments) => schedule::run(arguments),
            Verb::Key(arguments) => key::run(arguments),
            Verb::Purge(arguments) => purge::purge(arguments),
            Verb::Takedown(arguments) => purge::take_down(arguments),
            Verb::Warm(arguments) => warm::run(arguments),
            Verb::Sign(arguments) => sign::run(arguments),
            Verb::Gc(arguments) => gc::run(arguments),
            Verb::Reindex(arguments) => reindex::run(arguments),
            Verb::Doctor(arguments) => doctor::run(arguments),
        }
    }
}

/// Lets `festoon … | head` end as other programs do. Rust ignores SIGPIPE, so that `println!` panics once nobody reads; a server
/// must go on without its terminal, everything else has nothing left to do.
fn end_quietly_with_the_reader() {
    // SAFETY: sets a default action before any thread is started; no handler of ours is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
