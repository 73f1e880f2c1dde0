//! `festoon gc`: keeps the cache to its disk budget, by hand.

use super::{
    Exit, Invocation,
    state::{StateArguments, cache_report, size, wait},
    terminal::Progress,
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon gc
  festoon gc --budget 5368709120 --state /var/lib/festoon

With --json: {entries, bytes, kept_bytes, over_bytes}";

/// Arguments of `festoon gc`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateArguments,
    /// Bytes that may stay; without it, the settings' `cache.disk_bytes`
    #[arg(long, value_name = "BYTES")]
    budget: Option<u64>,
}

/// Drops what was used longest ago until the rest fits. What campaigns pin stays.
///
/// # Errors
/// If a server has the state folder, or the disk fails.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let open = arguments.state.open(invocation)?;
    let budget = arguments.budget.unwrap_or(open.config.cache.disk_bytes);
    let before = open.cache.usage().bytes;
    let progress = Progress::of_bytes("dropping", before.saturating_sub(budget));
    let evicted = wait(progress.follow(open.cache.gc(budget), || before.saturating_sub(open.cache.usage().bytes)))?;
    let evicted = evicted.map_err(|error| cache_report(&error))?;
    drop(progress);
    invocation.answer(&evicted, || {
        let mut text =
            format!("dropped {} entries, freed {}; {} stay", evicted.entries, size(evicted.bytes), size(evicted.kept_bytes));
        if evicted.over_bytes > 0 {
            text += &format!("\n{} above the budget: campaigns pin them", size(evicted.over_bytes));
        }
        text
    });
    Ok(Exit::Done)
}
