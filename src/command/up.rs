//! `festoon up`: the server and its local renderers.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use miette::IntoDiagnostic;

use super::serve::{Running, start_log};
use crate::{
    clock::{RandomIds, SystemClock},
    config::Config,
    supervisor::{Pauses, Plan, Supervisor, program_beside_this_one},
};

/// How long renderers may drain when everything stops.
const PATIENCE: Duration = Duration::from_secs(40);

/// Arguments of `festoon up`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The settings file; without it config/festoon.toml, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Renderer processes to start; without it `count` of [renderers].
    #[arg(long, value_name = "N")]
    renderers: Option<usize>,
}

/// Runs it.
///
/// # Errors
/// With a report for the terminal.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    let config = Config::load(arguments.config.as_deref())?;
    start_log(&config)?;
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    runtime.block_on(up(arguments, config))
}

async fn up(arguments: Arguments, config: Config) -> miette::Result<ExitCode> {
    let count = arguments.renderers.unwrap_or(config.renderers.count);
    let mut running = Running::start(config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
    let config = Arc::clone(running.edge().config());
    let supervisor = Supervisor::start(plan(&config, count, &running)?)?;
    println!("festoon answers at {}", running.url());
    let told = running.until_told_to_stop().await.into_diagnostic();
    running.wind_down();
    // Renderers first: what they hand in while they drain is still taken.
    supervisor.drain().await;
    running.stop().await.into_diagnostic()?;
    told.map(|()| ExitCode::SUCCESS)
}

fn plan(config: &Config, count: usize, running: &Running) -> miette::Result<Plan> {
    let program = match config.renderers.program.as_path() {
        empty if empty == Path::new("") => program_beside_this_one().into_diagnostic()?,
        named => config.path(named),
    };
    let absolute = |path: PathBuf| std::path::absolute(path).into_diagnostic();
    let models: Vec<PathBuf> = config.models.0.values().map(|folder| absolute(config.path(folder))).collect::<Result<_, _>>()?;
    let settings = config.path(&config.renderers.settings);
    Ok(Plan {
        program,
        count,
        settings: settings.is_file().then_some(settings),
        models: models.into_iter().filter(|folder| folder.is_dir()).collect(),
        cache: absolute(config.state().join("renderers"))?,
        server: running.url().to_owned(),
        token: running.opened().token.reveal().to_owned(),
        pauses: Pauses::default(),
        patience: PATIENCE,
    })
}
