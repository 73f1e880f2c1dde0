//! What all verbs share: which settings, and how to answer.

use std::{iter::successors, path::PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::Exit;
use crate::config::{Config, ConfigError};

/// What may be said to every verb.
#[derive(Debug, clap::Args)]
pub struct Invocation {
    /// The settings file; without it config/festoon.toml, if there is one
    #[arg(long, value_name = "FILE", global = true, help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// Answer in JSON, on one line
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
}

impl Invocation {
    /// The settings.
    ///
    /// # Errors
    /// If they cannot be read or do not fit.
    pub(super) fn settings(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }

    /// Prints the answer, for a program or for a person.
    pub(super) fn answer(&self, answer: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            println!("{}", serde_json::to_string(answer).expect("answers are plain data with text keys"));
        } else {
            println!("{}", text());
        }
    }

    /// Tells why a verb could not do its work.
    pub(super) fn tell(&self, error: &miette::Report, exit: Exit) {
        if self.json {
            tell_as_json(error, exit);
        } else {
            eprintln!("Error: {error:?}");
        }
    }
}

/// Tells an error as the last line of standard error.
pub(super) fn tell_as_json(error: &miette::Report, exit: Exit) {
    let mut told = described(&**error);
    told["causes"] = successors(error.chain().nth(1), |cause| cause.source()).map(ToString::to_string).collect();
    told["related"] = error.related().into_iter().flatten().map(described).collect();
    eprintln!("{}", json!({ "error": told, "exit": exit.code() }));
}

fn described(error: &dyn miette::Diagnostic) -> Value {
    json!({
        "code": error.code().map(|code| code.to_string()),
        "message": error.to_string(),
        "help": error.help().map(|help| help.to_string()),
    })
}
