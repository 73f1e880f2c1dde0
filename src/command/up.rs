//! `festoon up`: the server and its local renderers; with a campaign, also what it wants painted.

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use festoon_film::{Cancel, Decoder};
use festoon_spec::BlobHash;
use miette::IntoDiagnostic;
use serde::Serialize;
use serde_json::json;

use super::{
    Exit, Invocation,
    phases::{Before, Phases},
    prerender::{Painted, client::Client, paint_campaign},
    serve::{self, Running, start_log},
    terminal::{Lines, Progress},
};
use crate::{
    campaign::Campaign,
    clock::{RandomIds, SystemClock},
    config::{Config, Role},
    supervisor::{Pauses, Plan, Supervisor, program_beside_this_one},
};

/// How long renderers may drain when everything stops: a little more than they allow a plate in hand.
const PATIENCE: Duration = Duration::from_secs(40);

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon up
  festoon up --port 9000 --renderers 2
  festoon up --campaign config/campaigns/demo.toml --once

With --json: {url}, once it answers; with --campaign then {campaign, checked, phases} on another line";

/// Arguments of `festoon up`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: serve::Arguments,
    /// Renderer processes to start; without it `count` of [renderers]
    #[arg(long, value_name = "N")]
    renderers: Option<usize>,
    /// Paint this campaign first
    #[arg(long, value_name = "FILE")]
    campaign: Option<PathBuf>,
    /// Then fetch and decode each of its clips, and stop: 0 if all are right, 3 if not
    #[arg(long, requires = "campaign")]
    once: bool,
    /// A phase that was over before, for the table of phases; may be repeated
    #[arg(long, value_name = "NAME=SECONDS")]
    before: Vec<Before>,
}

/// Runs it.
///
/// # Errors
/// With a report for the terminal.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = arguments.server.settings(invocation)?;
    if config.server.role == Role::Edge {
        return Err(miette::miette!(help = "start it with `festoon serve --role edge`", "an edge has no renderers"));
    }
    start_log(&config)?;
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    runtime.block_on(up(&arguments, config, invocation))
}

async fn up(arguments: &Arguments, config: Config, invocation: &Invocation) -> miette::Result<Exit> {
    let mut phases = Phases::begin_after(&arguments.before);
    let count = arguments.renderers.unwrap_or(config.renderers.count);
    if let Some(campaign) = &arguments.campaign {
        // A mistake in it is told before anything is started.
        Campaign::load(campaign)?;
    }
    let mut running = Running::start(config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
    let plan = plan(running.edge().config(), count, &running)?;
    let mut supervisor = Supervisor::start(plan)?;
    invocation.answer(&json!({ "url": running.url() }), || format!("festoon answers at {}", running.url()));
    phases.end("server answers");
    let ended = paint_and_serve(arguments, count, &mut running, &mut supervisor, &mut phases, invocation).await;
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
    invocation: &Invocation,
) -> miette::Result<Exit> {
    if let Some(campaign) = &arguments.campaign {
        let (edge, url) = (running.edge().clone(), running.url().to_owned());
        let token = running.opened().token.clone();
        let painted = tokio::select! {
            painted = paint_campaign(campaign, &edge, &url, &token, phases, invocation) => painted?,
            told = running.until_told_to_stop() => return told.into_diagnostic().map(|()| Exit::Done),
            () = supervisor.deserted(), if count > 0 => {
                return Err(miette::miette!(help = "its lines above say why", "no renderer can work, so the campaign cannot be painted"));
            }
        };
        if arguments.once {
            let checked = check(&painted, &url).await?;
            if !invocation.json {
                println!("{} clips fetched, {} plates decoded, {} wrong", checked.clips, checked.plates, checked.wrong);
            }
            phases.end("clips checked");
            let answer = json!({ "campaign": painted.answer, "checked": checked, "phases": phases.answer() });
            invocation.answer(&answer, || phases.text());
            return Ok(Exit::found(checked.wrong == 0 && painted.whole));
        }
        let answer = json!({ "campaign": painted.answer, "checked": null, "phases": phases.answer() });
        invocation.answer(&answer, || format!("{}\nthe gallery is at {url}/   (Ctrl-C stops)", phases.text()));
    }
    // Only now, so that what was asked for first is painted first.
    running.plan_ahead().await?;
    running.until_told_to_stop().await.into_diagnostic()?;
    Ok(Exit::Done)
}

/// What came of fetching every clip.
#[derive(Debug, Default, Serialize)]
struct Checked {
    clips: usize,
    /// That were decoded.
    plates: usize,
    wrong: usize,
}

/// Fetches each clip over HTTP and decodes it whole; each plate once, however many clips show it.
async fn check(painted: &Painted, url: &str) -> miette::Result<Checked> {
    let client = Client::new(url, None)?;
    let decoder = Decoder::find().into_diagnostic()?;
    let (mut decoded, mut wrong) = (HashSet::new(), 0_usize);
    let progress = Progress::of("fetching clips", painted.picks.len() as u64);
    for pick in &painted.picks {
        progress.one_more();
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
    Ok(Checked { clips: painted.picks.len(), plates: decoded.len(), wrong })
}

async fn decode(decoder: Decoder, clip: Bytes) -> Result<(), String> {
    let work = move || decoder.decode(&clip, &Cancel::default(), &mut |_, _| Ok(())).map(drop);
    match tokio::task::spawn_blocking(work).await {
        Ok(decoded) => decoded.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The renderer that the settings name, or the one beside this program.
pub(super) fn renderer_program(config: &Config) -> miette::Result<PathBuf> {
    match config.renderers.program.as_path() {
        empty if empty == Path::new("") => program_beside_this_one().into_diagnostic(),
        named => Ok(config.path(named)),
    }
}

/// So many renderers of this machine for a server.
pub(super) fn plan(config: &Config, count: usize, running: &Running) -> miette::Result<Plan> {
    let program = renderer_program(config)?;
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
