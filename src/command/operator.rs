//! What verbs share that have a running server do what only its operator may ask for.

use std::path::PathBuf;

use super::prerender::{client::Client, operator};
use crate::config::Config;

/// Which server, and how to answer.
#[derive(Debug, clap::Args)]
pub struct OperatorArguments {
    /// The running server; without it, the one that the settings describe.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl OperatorArguments {
    /// A client with the operator's token.
    pub(super) fn client(&self) -> miette::Result<Client> {
        let config = Config::load(self.config.as_deref())?;
        Ok(operator(&config, self.server.clone())?)
    }
}
