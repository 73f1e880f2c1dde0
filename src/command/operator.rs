//! What verbs share that have a running server do what only its operator may ask for.

use super::{
    Invocation,
    prerender::{client::Client, operator},
};

/// Which server.
#[derive(Debug, clap::Args)]
pub struct OperatorArguments {
    /// The running server; without it, the one that the settings describe
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl OperatorArguments {
    /// A client with the operator's token.
    pub(super) fn client(&self, invocation: &Invocation) -> miette::Result<Client> {
        Ok(operator(&invocation.settings()?, self.server.clone())?)
    }
}
