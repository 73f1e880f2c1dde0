//! `festoon reindex`: makes the index again from the manifests.

use serde_json::json;

use super::{
    Exit, Invocation,
    state::{StateArguments, cache_report, wait},
    terminal::Progress,
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon reindex
  festoon reindex --state /var/lib/festoon

With --json: {entries, set_aside}";

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
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let open = arguments.state.open(invocation)?;
    let progress = Progress::of("reading manifests", open.cache.usage().entries);
    let entries =
        wait(progress.follow(open.cache.reindex(), || open.cache.reindexed()))?.map_err(|error| cache_report(&error))?;
    drop(progress);
    let damages = open.store.damages();
    invocation.answer(&json!({ "entries": entries, "set_aside": damages }), || match damages {
        0 => format!("{entries} entries indexed"),
        _ => format!("{entries} entries indexed; the index before was damaged and is set aside"),
    });
    Ok(Exit::Done)
}
