//! `festoon reindex`: makes the index again from the manifests.

use std::process::ExitCode;

use serde_json::json;

use super::state::{StateArguments, cache_report, wait};

/// Arguments of `festoon reindex`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateArguments,
}

/// Writes every row anew.
///
/// # Errors
/// If a server has the state folder, or the disk fails.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    let open = arguments.state.open()?;
    let entries = wait(open.cache.reindex())?.map_err(|error| cache_report(&error))?;
    let damages = open.store.damages();
    arguments.state.answer(&json!({ "entries": entries, "set_aside": damages }), || match damages {
        0 => format!("{entries} entries indexed"),
        _ => format!("{entries} entries indexed; the index before was damaged and is set aside"),
    });
    Ok(ExitCode::SUCCESS)
}
