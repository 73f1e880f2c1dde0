//! `festoon gc`: keeps the cache to its disk budget, by hand.

use std::process::ExitCode;

use super::state::{StateArguments, cache_report, size, wait};

/// Arguments of `festoon gc`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateArguments,
    /// Bytes that may stay; without it, the settings' `cache.disk_bytes`.
    #[arg(long, value_name = "BYTES")]
    budget: Option<u64>,
}

/// Drops what was used longest ago until the rest fits. What campaigns pin stays.
///
/// # Errors
/// If a server has the state folder, or the disk fails.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    let open = arguments.state.open()?;
    let budget = arguments.budget.unwrap_or(open.config.cache.disk_bytes);
    let evicted = wait(open.cache.gc(budget))?.map_err(|error| cache_report(&error))?;
    arguments.state.answer(&evicted, || {
        let mut text =
            format!("dropped {} entries, freed {}; {} stay", evicted.entries, size(evicted.bytes), size(evicted.kept_bytes));
        if evicted.over_bytes > 0 {
            text += &format!("\n{} above the budget: campaigns pin them", size(evicted.over_bytes));
        }
        text
    });
    Ok(ExitCode::SUCCESS)
}
