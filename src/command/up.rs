//! `festoon up`: the server and its local renderers; with a campaign, also what it wants painted.

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use festoon_film::{Cancel, Decoder};
use festoon_spec::BlobHash;
use miette::IntoDiagnostic;

use super::{
    phases::{Before, Phases},
    prerender::{Painted, client::Client, paint_campaign},
    serve::{self, Running, start_log},
    terminal::Lines,
};
use crate::{
    campaign::Campaign,
    clock::{RandomIds, SystemClock},
    config::{Config, Role},
    supervisor::{Pauses, Plan, Supervisor, program_beside_this_one},
};

/// How long renderers may drain when everything stops: a little more than they allow a plate in hand.
const PATIENCE: Duration = Duration::from_secs(40);

/// Arguments of `festoon up`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: serve::Arguments,
    /// Renderer processes to start; without it `count` of [renderers].
    #[arg(long, value_name = "N")]
    renderers: Option<usize>,
    /// Paint this campaign first.
    #[arg(long, value_name = "FILE")]
    campaign: Option<PathBuf>,
    /// Then fetch and decode each of its clips, and stop: 0 if all are right, 1 if not.
    #[arg(long, requires = "campaign")]
    once: bool,
    /// A phase that was over before, for the table of phases; may be repeated.
    #[arg(long, value_name = "NAME=SECONDS")]
    before: Vec<Before>,
}

/// Runs it.
///
/// # Errors
/// With a report for the terminal.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    let config = arguments.server.config()?;
    if config.server.role == Role::Edge {
        return Err(miette::miette!(help = "start it with `festoon serve --role edge`", "an edge has no renderers"));
    }
    start_log(&config)?;
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    runtime.block_on(up(&arguments, config))
}

async fn up(arguments: &Arguments, config: Config) -> miette::Result<ExitCode> {
    let mut phases = Phases::begin_after(&arguments.before);
    let count = arguments.renderers.unwrap_or(config.renderers.count);
    if let Some(campaign) = &arguments.campaign {
        // A mistake in it is told before anything is started.
        Campaign::load(campaign)?;
    }
    let mut running = Running::start(config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
    let plan = plan(running.edge().config(), count, &running)?;
    let mut supervisor = Supervisor::start(plan)?;
    println!("festoon answers at {}", running.url());
    phases.end("server answers");
    let ended = paint_and_serve(arguments, count, &mut running, &mut supervisor, &mut phases).await;
    running.wind_down();
    // Renderers first: what they hand in while they drain is still taken.
    supervisor.drain().await;
    running.stop().await.into_diagnostic()?;
    ended
}

/// Paints, checks, and serves until told to stop.
async fn paint_and_serve(
    arguments: &Arguments,
    count: usize,
    running: &mut Running,
    supervisor: &mut Supervisor,
    phases: &mut Phases,
) -> miette::Result<ExitCode> {
    if let Some(campaign) = &arguments.campaign {
        let (edge, url) = (running.edge().clone(), running.url().to_owned());
        let token = running.opened().token.clone();
        let painted = tokio::select! {
            painted = paint_campaign(campaign, &edge, &url, &token, phases) => painted?,
            told = running.until_told_to_stop() => return told.into_diagnostic().map(|()| ExitCode::SUCCESS),
            () = supervisor.deserted(), if count > 0 => {
                return Err(miette::miette!(help = "its lines above say why", "no renderer can work, so the campaign cannot be painted"));
            }
        };
        if arguments.once {
            let right = check(&painted, &url).await? && painted.whole;
            phases.end("clips checked");
            phases.print();
            return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        phases.print();
        println!("the gallery is at {url}/   (Ctrl-C stops)");
    }
    // Only now, so that what was asked for first is painted first.
    running.plan_ahead().await?;
    running.until_told_to_stop().await.into_diagnostic()?;
    Ok(ExitCode::SUCCESS)
}

/// Fetches each clip over HTTP and decodes it whole; each plate once, however many clips show it.
async fn check(painted: &Painted, url: &str) -> miette::Result<bool> {
    let client = Client::new(url, None)?;
    let decoder = Decoder::find().into_diagnostic()?;
    let (mut decoded, mut wrong) = (HashSet::new(), 0_usize);
    for pick in &painted.picks {
        let clip = match client.clip(pick).await {
            Ok(clip) => clip,
            Err(error) => {
                wrong += 1;
                eprintln!("wrong: {error}");
                continue;
            }
        };
        if decoded.insert(BlobHash::of(&clip))
            && let Err(error) = decode(decoder.clone(), clip).await
        {
            wrong += 1;
            eprintln!("wrong: {} {}: {error}", pick.template, pick.locale);
        }
    }
    println!("{} clips fetched, {} plates decoded, {wrong} wrong", painted.picks.len(), decoded.len());
    Ok(wrong == 0)
}

async fn decode(decoder: Decoder, clip: Bytes) -> Result<(), String> {
    let work = move || decoder.decode(&clip, &Cancel::default(), &mut |_, _| Ok(())).map(drop);
    match tokio::task::spawn_blocking(work).await {
        Ok(decoded) => decoded.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
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
        lines: show,
    })
}

/// A line of a renderer, under its name.
fn show(name: &str, line: &str) {
    // A terminal that is gone is no reason to stop serving.
    Lines.write_all(format!("{name} | {line}\n").as_bytes()).ok();
}
