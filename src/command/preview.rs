//! `festoon preview`: a page of one template, drawn anew whenever it is saved.
//!
//! A whole server for one author: its state is a folder of its own beside the installation's, so that it runs beside a server,
//! and it listens on this machine alone.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use festoon_spec::TemplateId;
use miette::{IntoDiagnostic, miette};
use serde_json::json;
use tokio::sync::watch;

use super::{
    Exit, Invocation,
    serve::{Running, start_log},
    up,
};
use crate::{
    clock::{RandomIds, SystemClock},
    config::{Config, MayAsk, Role, Tls},
    supervisor::{Supervisor, SupervisorError},
    template::Findings,
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon preview new-year
  festoon preview new-year --open --port 8090
  festoon preview ../my-templates/gift-box --renderers 0

With --json: {url, template}; then a line with {reading, proved, mistakes} after each save";

/// Bytes of plates that the previews of one template keep.
const DISK: u64 = 2 << 30;
/// Bytes of them in memory.
const MEMORY: u64 = 64 << 20;

/// Arguments of `festoon preview`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The template: its id, or its folder
    template: PathBuf,
    /// The port to listen on, on this machine alone; without it a free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Show the page in the browser
    #[arg(long)]
    open: bool,
    /// Renderer processes that paint plates when they are asked for
    #[arg(long, value_name = "N", default_value_t = 1)]
    renderers: usize,
}

/// Serves it until Ctrl-C.
///
/// # Errors
/// If there is no such template, another preview of it runs, or the server does not start. Mistakes in the template are none.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let settings = invocation.settings()?;
    let folder = folder(&arguments.template, &settings)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let template: TemplateId = name.parse().into_diagnostic()?;
    let config = config_for(settings, folder, &template, arguments.port)?;
    start_log(&config)?;
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    runtime.block_on(preview(&arguments, config, template, invocation))
}

/// The template's folder: the one that is named, else the one of the settings' templates.
fn folder(given: &Path, config: &Config) -> miette::Result<PathBuf> {
    let library = config.path(&config.paths.templates);
    let places = [given.to_owned(), library.join(given)];
    match places.iter().find(|place| place.join("template.toml").is_file()) {
        Some(found) => found.canonicalize().into_diagnostic(),
        None => {
            let (given, library) = (given.display(), library.display());
            let help = format!("`festoon new {given}` writes one; or name a folder with a template.toml");
            Err(miette!(help = help, "there is no template `{given}` in {library}"))
        }
    }
}

/// The settings of a server for one author.
fn config_for(mut config: Config, folder: PathBuf, template: &TemplateId, port: u16) -> miette::Result<Config> {
    let state = std::path::absolute(config.state().join("preview").join(template.as_str())).into_diagnostic()?;
    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    config.server.role = Role::Both;
    config.server.proxy_protocol = false;
    config.server.trusted_proxies.clear();
    config.server.workers = 2;
    config.server.drain_seconds = 0;
    config.tls = Tls::default();
    config.paths.templates = folder;
    // Nothing is planned here.
    config.paths.campaigns = state.join("campaigns");
    config.paths.state = state;
    config.schedule.enabled = false;
    config.cdn.0.clear();
    config.cache.disk_bytes = config.cache.disk_bytes.min(DISK);
    config.cache.memory_bytes = config.cache.memory_bytes.min(MEMORY);
    // Nobody but the author is let in.
    config.strangers.may = MayAsk::Everything;
    config.strangers.work_per_minute = u32::MAX;
    config.on_demand.enabled = true;
    config.delivery.serve_flagged = true;
    config.log.access = false;
    config.compositor.eager.clear();
    Ok(config)
}

async fn preview(arguments: &Arguments, config: Config, template: TemplateId, invocation: &Invocation) -> miette::Result<Exit> {
    let paints = arguments.renderers > 0 && up::renderer_program(&config)?.is_file();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let (mut running, findings) = Running::start_for_author(config, clock, ids, template.clone(), paints).await?;
    let count = if paints { arguments.renderers } else { 0 };
    let plan = up::plan(running.edge().config(), count, &running)?;
    if arguments.renderers > 0 && !paints {
        let missing = SupervisorError::NoProgram { path: plan.program.clone() };
        tracing::warn!("nothing is painted: {missing}");
    }
    let supervisor = Supervisor::start(plan)?;
    let url = format!("{}/preview", running.url());
    invocation
        .answer(&json!({ "url": url, "template": template }), || format!("preview of {template} at {url}   (Ctrl-C stops)"));
    if arguments.open
        && let Err(error) = open::that_detached(&url)
    {
        tracing::warn!(%error, "no browser could be started; open the address by hand");
    }
    let told = tokio::select! {
        told = running.until_told_to_stop() => told,
        () = tell(findings, &template, invocation) => Ok(()),
    };
    running.wind_down();
    supervisor.drain().await;
    running.stop().await.into_diagnostic()?;
    told.into_diagnostic().map(|()| Exit::Done)
}

/// Tells what is wrong after each reading, once everything is known of it.
async fn tell(mut findings: watch::Receiver<Arc<Findings>>, template: &TemplateId, invocation: &Invocation) {
    loop {
        let found = Arc::clone(&findings.borrow_and_update());
        let Findings { reading, mistakes, proved } = &*found;
        if *proved || !mistakes.is_empty() {
            if invocation.json {
                println!("{}", json!({ "reading": reading, "proved": proved, "mistakes": mistakes }));
            } else if mistakes.is_empty() {
                println!("{template} has no mistakes");
            } else {
                for mistake in mistakes {
                    eprintln!("{:?}", miette::Report::new(mistake.clone()));
                }
            }
        }
        if findings.changed().await.is_err() {
            return;
        }
    }
}
