//! `festoon prerender`: paints a campaign, or what the templates' rules have due, ahead of time.

pub(super) mod client;
mod follow;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use festoon_spec::{Locale, RenderKey, UnixMillis};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Exit, Invocation, phases::Phases, state, terminal::table};
use crate::{
    cache::ManifestReader,
    campaign::{Campaign, Cell, Costs, Matrix, Sum},
    clock::{Clock, SystemClock},
    config::Config,
    edge::{Edge, RendererToken},
    makers::Makers,
    pick::Pick,
    schedule::{Feasts, Found, occurrences, schedules},
    template::{Library, Templates, Touches},
};
use client::Client;

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon prerender --dry-run
  festoon prerender --campaign config/campaigns/demo.toml
  festoon prerender --campaign spring.toml --server https://clips.example.com --json

With --json: {campaign, cells, sum, missing, beyond, notes}; a cell has {key, state, rank, cost_millis, measured, picks}";

/// Arguments of `festoon prerender`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A campaign's file; without it, what the templates' pre-render rules have due within the planner's horizon
    #[arg(long, value_name = "FILE")]
    campaign: Option<PathBuf>,
    /// Only show what would be painted and what it costs
    #[arg(long)]
    dry_run: bool,
    /// The running server; without it, the one that the settings describe
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// What is to be painted.
#[derive(Debug, Default)]
struct Work {
    /// The campaign's id; `None` for the templates' rules.
    campaign: Option<String>,
    /// The most urgent or most wanted first.
    cells: Vec<Cell>,
    /// When a cell is due, for the templates' rules.
    due: BTreeMap<RenderKey, UnixMillis>,
    /// What the budgets leave out.
    beyond: Sum,
    /// What somebody should know.
    notes: Vec<String>,
}

/// Where a plate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum State {
    /// It was there before.
    Kept,
    /// Nobody painted it yet.
    ToPaint,
    /// It was painted now.
    Painted,
    /// It could not be.
    Failed { reason: String },
}

/// A cell as it is shown.
#[derive(Debug, Serialize)]
struct Line<'a> {
    key: RenderKey,
    #[serde(flatten)]
    state: &'a State,
    rank: u32,
    cost_millis: u64,
    measured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    /// The pick that is ordered, and those that share its plate.
    picks: &'a [Pick],
}

/// The whole answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    campaign: Option<&'a str>,
    cells: Vec<Line<'a>>,
    sum: Sum,
    /// What is not there yet.
    missing: Sum,
    beyond: Sum,
    notes: &'a [String],
}

/// Shows what is to be painted, orders it on the running server and follows it to its end. Ends with [`Exit::Found`] if a plate
/// could not be painted.
///
/// # Errors
/// If something cannot be read, the campaign or a template has a mistake, or no server answers.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let library = Library::open(config.path(&config.paths.templates))?;
    let makers = config.makers()?;
    let state = config.state();
    let costs = Costs::measured_in(&state, config.forecast).map_err(|error| state::report(&error))?;
    let now = SystemClock.now();
    let work = match &arguments.campaign {
        Some(path) => of_campaign(path, &config, now, &library.current(), &makers, &costs)?,
        None => of_rules(&config, now, &library.current(), &makers, &costs)?,
    };
    let mut states = look(&work.cells, &state)?;
    if !invocation.json {
        print_matrix(&work, &states, &library.current(), &costs);
    }
    if !arguments.dry_run {
        let client = operator(&config, arguments.server)?;
        states = state::wait(follow::paint(&client, &work.cells, states, &mut |_| {}))??;
    }
    if invocation.json {
        invocation.answer(&answer(&work, &states, &costs), String::new);
    } else if !arguments.dry_run {
        print_summary(&work, &states);
    }
    Ok(Exit::found(!states.values().any(|state| matches!(state, State::Failed { .. }))))
}

/// What a server of this process painted for a campaign.
pub(super) struct Painted {
    /// Every clip of the campaign within its budget.
    pub picks: Vec<Pick>,
    /// Whether all of them are there.
    pub whole: bool,
    /// What became of it, for a program.
    pub answer: Value,
}

/// Shows a campaign, has the server of this process paint it, and tells how it went. Two phases end in here: when the first
/// clip has been fetched as a player would, and when all are painted.
///
/// # Errors
/// If the campaign has a mistake, or the server goes away.
pub(super) async fn paint_campaign(
    path: &Path,
    edge: &Edge,
    server: &str,
    token: &RendererToken,
    phases: &mut Phases,
    invocation: &Invocation,
) -> miette::Result<Painted> {
    let (templates, costs) = (edge.library().current(), edge.costs());
    let work = of_campaign(path, edge.config(), edge.now(), &templates, &edge.makers(), &costs)?;
    let states = look(&work.cells, &edge.config().state())?;
    if !invocation.json {
        print_matrix(&work, &states, &templates, &costs);
    }
    let client = Client::new(server, Some(token.reveal().to_owned()))?;
    let (tell, first) = oneshot::channel();
    let paint = async {
        let mut tell = Some(tell);
        let mut ready = |cell: &Cell| {
            if let Some(tell) = tell.take() {
                // Nobody listens any more only when everything ends.
                tell.send(cell.picks[0].clone()).ok();
            }
        };
        work.cells.iter().find(|cell| states.get(&cell.key) == Some(&State::Kept)).into_iter().for_each(&mut ready);
        follow::paint(&client, &work.cells, states.clone(), &mut ready).await
    };
    let (states, ()) = tokio::join!(paint, serve_first(&client, first, phases));
    let states = states?;
    phases.end("campaign painted");
    if !invocation.json {
        print_summary(&work, &states);
    }
    let answer = serde_json::to_value(answer(&work, &states, &costs)).expect("an answer is plain data with text keys");
    let whole = states.values().all(|state| matches!(state, State::Kept | State::Painted));
    Ok(Painted { picks: work.cells.into_iter().flat_map(|cell| cell.picks).collect(), whole, answer })
}

/// Fetches the first clip that is ready, whole.
async fn serve_first(client: &Client, first: oneshot::Receiver<Pick>, phases: &mut Phases) {
    // Without one there is nothing to serve; the summary says why.
    let Ok(pick) = first.await else { return };
    match client.clip(&pick).await {
        Ok(_) => phases.end("first clip served"),
        Err(error) => tracing::warn!(%error, "the first clip that was ready could not be fetched"),
    }
}

/// Which plates are there already.
fn look(cells: &[Cell], state: &Path) -> miette::Result<BTreeMap<RenderKey, State>> {
    let kept = ManifestReader::of(state);
    let mut states = BTreeMap::new();
    for cell in cells {
        let is_kept = kept.read(&cell.key).map_err(|error| state::report(&error))?.is_some();
        states.insert(cell.key, if is_kept { State::Kept } else { State::ToPaint });
    }
    Ok(states)
}

fn of_campaign(
    path: &Path,
    config: &Config,
    now: UnixMillis,
    templates: &Templates,
    makers: &Makers,
    costs: &Costs,
) -> miette::Result<Work> {
    let campaign = Campaign::load(path)?;
    if let Some((_, last)) = campaign.window.filter(|_| campaign.is_over(day(now))) {
        return Err(miette::miette!(
            help = "move `window` in the campaign's file, or leave it out",
            "the campaign `{}` was over on {last}",
            campaign.id
        ));
    }
    let Matrix { cells, beyond } = campaign.matrix(templates, makers, costs)?;
    let mut notes = Vec::new();
    let planned = config.path(&config.paths.campaigns);
    if path.canonicalize().ok().is_none_or(|file| file.parent().map(Path::to_owned) != planned.canonicalize().ok()) {
        notes.push(format!("put the file into {} to have its plates kept until its last day", planned.display()));
    }
    Ok(Work { campaign: Some(campaign.id), cells, beyond: Sum::of(&beyond), notes, ..Work::default() })
}

/// The plates of every occurrence within the horizon, those due first in front; each once.
fn of_rules(config: &Config, now: UnixMillis, templates: &Templates, makers: &Makers, costs: &Costs) -> miette::Result<Work> {
    let feasts = Feasts::load(&config.path(&config.paths.feasts))?;
    let (schedules, unresolved) = schedules(templates, makers, costs);
    let mut work = Work::default();
    let mut notes: BTreeSet<_> =
        unresolved.into_iter().map(|(schedule, error)| format!("`{schedule}` is left out: {error}")).collect();
    let mut wanted = Vec::new();
    for schedule in &schedules {
        let Found { occurrences, unknown, unknown_feast, .. } =
            occurrences(schedule, &feasts, None, now, config.schedule.settings().horizon);
        notes.extend(unknown.iter().map(|unknown| format!("{unknown}; {}", unknown.hint())));
        notes.extend(unknown_feast.iter().map(ToString::to_string));
        for occurrence in occurrences {
            let plates = schedule.plates.get(&occurrence.locale).into_iter().flatten().zip(0..);
            wanted.extend(plates.map(|(plate, place)| (occurrence.due, place, plate)));
        }
    }
    wanted.sort_by_key(|(due, place, _)| (*due, *place));
    let mut places = BTreeMap::new();
    for (due, rank, plate) in wanted {
        let place = *places.entry(plate.key).or_insert(work.cells.len());
        match work.cells.get_mut(place) {
            Some(cell) if cell.picks.contains(&plate.pick) => {}
            Some(cell) => cell.picks.push(plate.pick.clone()),
            None => {
                work.due.insert(plate.key, due);
                work.cells.push(Cell {
                    key: plate.key,
                    plate: plate.spec.clone(),
                    rank,
                    picks: vec![plate.pick.clone()],
                    cost_millis: plate.cost_millis,
                });
            }
        }
    }
    work.notes = notes.into_iter().collect();
    Ok(work)
}

/// A client of this server, else of the one that the settings describe, with the operator's token.
///
/// # Errors
/// If the address is none.
pub(super) fn operator(config: &Config, server: Option<String>) -> Result<Client, client::ClientError> {
    let server = server.unwrap_or_else(|| address(config));
    Client::new(&server, RendererToken::known(&config.renderers.token, &config.state()))
}

/// The address of the server on this machine.
fn address(config: &Config) -> String {
    let mut listen = config.server.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{listen}")
}

fn day(now: UnixMillis) -> chrono::NaiveDate {
    utc(now).date_naive()
}

fn utc(instant: UnixMillis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(instant.0 as i64).unwrap_or_default()
}

fn due(work: &Work, cell: &Cell) -> Option<String> {
    work.due.get(&cell.key).map(|due| utc(*due).format("%Y-%m-%dT%H:%MZ").to_string())
}

fn missing(work: &Work, states: &BTreeMap<RenderKey, State>) -> Sum {
    let missing: Vec<_> = work.cells.iter().filter(|cell| states.get(&cell.key) == Some(&State::ToPaint)).cloned().collect();
    Sum::of(&missing)
}

fn answer<'a>(work: &'a Work, states: &'a BTreeMap<RenderKey, State>, costs: &Costs) -> Answer<'a> {
    let line = |cell: &'a Cell| Line {
        key: cell.key,
        state: states.get(&cell.key).unwrap_or(&State::ToPaint),
        rank: cell.rank,
        cost_millis: cell.cost_millis,
        measured: costs.has_measured(&cell.plate),
        due: due(work, cell),
        picks: &cell.picks,
    };
    Answer {
        campaign: work.campaign.as_deref(),
        cells: work.cells.iter().map(line).collect(),
        sum: Sum::of(&work.cells),
        missing: missing(work, states),
        beyond: work.beyond,
        notes: &work.notes,
    }
}

fn print_matrix(work: &Work, states: &BTreeMap<RenderKey, State>, templates: &Templates, costs: &Costs) {
    let mut table = table(&["Template", "Locales", "Parameters", "Ratio", "Take", "Plate", "Forecast", "Due", ""]);
    for cell in &work.cells {
        let first = &cell.picks[0];
        let template = templates.get(&first.template);
        let moves =
            |name: &str| template.and_then(|template| template.parameter(name)).is_some_and(|it| it.touches == Touches::Plate);
        let parameters = first.parameters.iter().filter(|(name, _)| moves(name)).map(|(name, value)| format!("{name}={value}"));
        let ratio = first.ratio.or_else(|| Some(template?.canvases.usual()));
        let forecast = format!("{}{}", if costs.has_measured(&cell.plate) { "" } else { "~" }, seconds(cell.cost_millis));
        let state = if states.get(&cell.key) == Some(&State::Kept) { "kept" } else { "" };
        table.add_row([
            first.template.to_string(),
            cell.locales().into_iter().map(Locale::as_str).collect::<Vec<_>>().join(" "),
            parameters.collect::<Vec<_>>().join(" "),
            ratio.map(|ratio| ratio.to_string()).unwrap_or_default(),
            first.variation.to_string(),
            cell.key.short(),
            forecast,
            due(work, cell).unwrap_or_default(),
            state.to_owned(),
        ]);
    }
    let (all, missing) = (Sum::of(&work.cells), missing(work, states));
    println!("{table}");
    println!(
        "{} plates for {} picks: {} are kept, {} are to be painted in about {}",
        all.plates,
        all.picks,
        all.plates - missing.plates,
        missing.plates,
        seconds(missing.cost_millis)
    );
    if work.beyond.plates > 0 {
        println!("beyond the budget: {} plates, about {}", work.beyond.plates, seconds(work.beyond.cost_millis));
    }
    for note in &work.notes {
        println!("note: {note}");
    }
}

fn print_summary(work: &Work, states: &BTreeMap<RenderKey, State>) {
    let count = |wanted: fn(&State) -> bool| states.values().filter(|state| wanted(state)).count();
    println!(
        "{} painted, {} were kept, {} failed",
        count(|state| *state == State::Painted),
        count(|state| *state == State::Kept),
        count(|state| matches!(state, State::Failed { .. }))
    );
    for cell in &work.cells {
        if let Some(State::Failed { reason }) = states.get(&cell.key) {
            println!("failed: {} for {} ({}): {reason}", cell.picks[0].template, cell.picks[0].locale, cell.key.short());
        }
    }
}

/// A time for people.
fn seconds(millis: u64) -> String {
    indicatif::HumanDuration(Duration::from_millis(millis.next_multiple_of(1000))).to_string()
}
