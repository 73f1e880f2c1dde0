//! The command line: `run` works for a server, `info` says what this machine can paint with, `paint` paints one plate
//! without a server, `motion` makes clips to train a model with.

mod info;
mod motion;
mod paint;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    config::{Config, ConfigError, LogForm},
    run::{self, RunError},
    server::ServerError,
    workshop::{Workshop, WorkshopError},
};
pub use motion::MotionCommandError;
pub use paint::PaintError;

/// What `--help` says below the arguments.
const HELP: &str = "\
Examples:
  festoon-renderer --server https://clips.example.com --model default=models/default
  festoon-renderer info --json
  festoon-renderer paint --spec plate.json --out plate.mp4

Exit status:
   0  it was done, or what was in hand was finished
   1  it could not be done; standard error says why
   2  the arguments do not fit; nothing was done
  70  the device failed: start it again
  77  the server refuses the token
  78  the settings are wrong, or something is missing";

/// Paints the plates of a festoon server.
#[derive(Debug, Parser)]
#[command(name = "festoon-renderer", version)]
#[command(after_help = HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lease jobs from a server and paint them, until a signal (the default)
    Run(Run),
    /// Say what this machine can paint with
    Info {
        #[command(flatten)]
        settings: Settings,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Paint one plate to a file, without a server
    Paint {
        #[command(flatten)]
        settings: Settings,
        /// A plate spec as JSON
        #[arg(long, value_name = "FILE")]
        spec: PathBuf,
        /// Where the MP4 goes
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make captioned clips of the motion painter, to train a model with
    Motion(motion::Motion),
}

#[derive(Debug, clap::Args)]
struct Run {
    #[command(flatten)]
    settings: Settings,
    /// The server's address [setting: server]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The renderer's name [setting: name]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Settings {
    /// A settings file over the built-in config/renderer.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A checkpoint folder [setting: models]; may be repeated
    #[arg(long = "model", value_name = "NAME=FOLDER", value_parser = named_folder)]
    models: Vec<(String, PathBuf)>,
}

fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => Ok((name.to_owned(), folder.into())),
        _ => Err("expected NAME=FOLDER, for example tiny=models/tiny".into()),
    }
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing can be painted here.
    #[error(transparent)]
    Workshop(#[from] WorkshopError),
    /// The renderer stopped.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plate was not painted.
    #[error(transparent)]
    Paint(#[from] PaintError),
    /// The clips were not made.
    #[error(transparent)]
    Motion(#[from] MotionCommandError),
}

impl CommandError {
    fn hint(&self) -> Option<String> {
        match self {
            CommandError::Config(_) => Some("every key and its meaning is in config/renderer.toml".into()),
            CommandError::Workshop(error) => error.hint(),
            CommandError::Run(RunError::Server(error)) => error.hint().map(str::to_owned),
            CommandError::Run(_) => None,
            CommandError::Paint(error) => error.hint(),
            CommandError::Motion(error) => error.hint(),
        }
    }

    /// By sysexits(3), so that a supervisor can tell what a restart may mend.
    fn status(&self) -> u8 {
        match self {
            CommandError::Config(_) | CommandError::Workshop(_) => 78,
            CommandError::Run(RunError::Server(ServerError::Address { .. })) => 78,
            CommandError::Run(RunError::Server(ServerError::Unauthorized { .. })) => 77,
            CommandError::Run(RunError::DeviceFault) => 70,
            CommandError::Run(_) | CommandError::Paint(_) | CommandError::Motion(_) => 1,
        }
    }
}

impl CommandLine {
    /// Does what it says; errors go to standard error, with a hint on a line of its own.
    pub fn run(self) -> ExitCode {
        match self.command.unwrap_or(Command::Run(self.run)).run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                if let Some(hint) = error.hint() {
                    eprintln!("hint: {hint}");
                }
                ExitCode::from(error.status())
            }
        }
    }
}

impl Command {
    fn run(self) -> Result<(), CommandError> {
        rustls::crypto::ring::default_provider().install_default().expect("nothing else installs a TLS provider");
        match self {
            Command::Run(Run { settings, server, name }) => {
                let mut config = settings.load()?;
                config.server = server.unwrap_or(config.server);
                config.name = name.unwrap_or(config.name);
                let config = config.settle()?;
                start_log(config.log);
                let workshop = Workshop::open(&config)?;
                Ok(runtime()?.block_on(run::run(&config, workshop))?)
            }
            Command::Info { settings, json } => {
                let config = settings.load()?.settle()?;
                Ok(info::info(&config, &Workshop::open(&config)?, json)?)
            }
            Command::Paint { settings, spec, out } => {
                let config = settings.load()?.settle()?;
                let plate = paint::read(&spec)?;
                let workshop = Workshop::open(&config)?;
                Ok(runtime()?.block_on(paint::paint(workshop, plate, &out))?)
            }
            Command::Motion(asked) => Ok(motion::motion(&asked)?),
        }
    }
}

impl Settings {
    fn load(self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        config.models.extend(self.models);
        Ok(config)
    }
}

/// Two threads are plenty for one lease at a time; painting has a thread of its own.
fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Lines on standard error. A panic is one of them: it belongs to one plate and is logged where it happened.
fn start_log(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match form {
        LogForm::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogForm::Json => lines.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, message = panic.payload_as_str().unwrap_or("without a message"), "panic");
    }));
}
