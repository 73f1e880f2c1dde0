//! How the program ends.

use std::{fmt::Write as _, process::ExitCode};

use super::prerender::client::ClientError;

/// How the program ended, for scripts. `--help` and docs/commands.md show the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done,
    /// It could not be done.
    Failed,
    /// The arguments do not fit.
    Usage,
    /// It was done, and something is not right.
    Found,
    /// There is no server to ask.
    Unreachable,
    /// A second signal ended it.
    Stopped,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Exit; 6] = [Self::Done, Self::Failed, Self::Usage, Self::Found, Self::Unreachable, Self::Stopped];

    /// What the shell sees in `$?`. 2 is what other programs answer to wrong arguments, 130 is 128 + SIGINT.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Found => 3,
            Self::Unreachable => 4,
            Self::Stopped => 130,
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "it was done, and all is well",
            Self::Failed => "it could not be done; standard error says why",
            Self::Usage => "the arguments do not fit; nothing was done",
            Self::Found => {
                "it was done, and something is not right: mistakes in templates, damage, plates that failed, edges not reached"
            }
            Self::Unreachable => "no server answers that could be asked",
            Self::Stopped => "a second Ctrl-C or SIGTERM ended it at once",
        }
    }

    /// How a verb ends that failed so.
    pub(super) fn of(error: &miette::Report) -> Self {
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Unreachable { .. }) => Self::Unreachable,
            _ => Self::Failed,
        }
    }

    /// [`Exit::Done`] if all is right.
    pub(super) fn found(right: bool) -> Self {
        if right { Self::Done } else { Self::Found }
    }

    /// The table of `--help`.
    pub(super) fn table() -> String {
        let mut table = String::new();
        for exit in Self::ALL {
            writeln!(table, "  {:>3}  {}", exit.code(), exit.meaning()).expect("a String takes everything");
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
