//! The state folder that a verb works on when no server does.

use std::{path::PathBuf, sync::Arc};

use super::Invocation;
use crate::{
    cache::{Cache, CacheError, CacheOptions},
    clock::{Clock, SystemClock},
    config::Config,
    store::{Store, StoreError},
};

/// Which state folder.
#[derive(Debug, clap::Args)]
pub struct StateArguments {
    /// The state folder; without it, the one that the settings name
    #[arg(long, value_name = "FOLDER", env = "FESTOON_STATE")]
    state: Option<PathBuf>,
}

/// An open state folder of which this process is the only user.
pub(super) struct OpenState {
    pub config: Config,
    pub store: Store,
    pub cache: Cache,
}

impl StateArguments {
    /// The folder. It must be one already: a verb that works on what is there must not make an empty one where a name is misspelt.
    pub(super) fn folder(&self, config: &Config) -> miette::Result<PathBuf> {
        let folder = self.state.clone().unwrap_or_else(|| config.state());
        // Every state folder has one, from the server's first start on.
        if folder.join("manifests").is_dir() {
            return Ok(folder);
        }
        let name = folder.display();
        let what =
            if folder.is_dir() { format!("{name} is not a state folder") } else { format!("there is no state folder {name}") };
        Err(miette::miette!(help = "name it with --state, or start the server once: it makes one", "{what}"))
    }

    /// Opens the folder. Fails while a server has it.
    pub(super) fn open(&self, invocation: &Invocation) -> miette::Result<OpenState> {
        let config = invocation.settings()?;
        let folder = self.folder(&config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Store::open(&folder, Arc::clone(&clock)).map_err(|error| report(&error))?;
        let options = CacheOptions { memory_bytes: 0, disk_bytes: config.cache.disk_bytes };
        let cache = Cache::open(&store, options, clock).map_err(|error| report(&error))?;
        Ok(OpenState { config, store, cache })
    }
}

/// An error of the store for the terminal.
pub(super) fn report(error: &StoreError) -> miette::Report {
    match error.hint() {
        Some(hint) => miette::miette!(help = hint, "{error}"),
        None => miette::miette!("{error}"),
    }
}

/// An error of the cache for the terminal.
pub(super) fn cache_report(error: &CacheError) -> miette::Report {
    match error {
        CacheError::Store(error) => report(error),
        error => miette::miette!("{error}"),
    }
}

/// Runs a verb's work to its end.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> miette::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| miette::miette!("cannot start a runtime: {error}"))?.block_on(work))
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
