//! `festoon serve`: the server alone.

use std::{
    io::{self, IsTerminal},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use festoon_spec::TemplateId;
use listenfd::ListenFd;
use miette::IntoDiagnostic;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use serde_json::json;

use super::{Exit, Invocation, terminal::Lines};
use crate::{
    clock::{Clock, Ids, RandomIds, SystemClock},
    config::{Config, LogFormat, Role, Source, Sources},
    edge::{Edge, OpenError, Opened, Stills},
    http::{Author, BindError, Bound, Certificate},
    metrics,
    schedule::{Agenda, Feasts, FeastsError, FileState, StateError, Ticker, TickerError},
    template::{Findings, Known, Proofreader, Watch, WatchError},
};

/// How often leases that ran out are taken back.
const REAP: Duration = Duration::from_secs(1);
/// How often a changed certificate is looked for.
const REFRESH: Duration = Duration::from_secs(1);
/// How often the cache writes last uses and keeps to its budget.
const MAINTAIN: Duration = Duration::from_secs(5);

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon serve
  festoon serve --port 80 --state /var/lib/festoon
  festoon serve --role edge --origin https://origin.example.com

With --json: {url}, once it answers";

/// Which settings a server starts with.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The port to listen on; without it that of `listen` of [server]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The state folder; without it `state` of [paths]
    #[arg(long, value_name = "FOLDER", env = "FESTOON_STATE")]
    state: Option<PathBuf>,
    /// What this server is to others; without it `role` of [server]
    #[arg(long)]
    role: Option<Role>,
    /// An edge's origin, such as https://origin.example.com; without it `url` of [origin]
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
}

impl Arguments {
    /// The settings, with what the command line overrides.
    ///
    /// # Errors
    /// If they cannot be read or do not fit.
    pub fn settings(&self, invocation: &Invocation) -> miette::Result<Config> {
        self.settings_with_sources(invocation).map(|(config, _)| config)
    }

    /// As [`Arguments::settings`], with where each comes from.
    ///
    /// # Errors
    /// As [`Arguments::settings`].
    pub fn settings_with_sources(&self, invocation: &Invocation) -> miette::Result<(Config, Sources)> {
        let (mut config, mut sources) = Config::load_with_sources(invocation.config.as_deref())?;
        let mut overridden = |setting, argument| sources.override_with(setting, Source::Argument(argument));
        if let Some(port) = self.port {
            config.server.listen.set_port(port);
            overridden("server.listen", "--port");
        }
        if let Some(state) = &self.state {
            // From where the command is given, not from the project's folder.
            config.paths.state = std::path::absolute(state).into_diagnostic()?;
            let from_variable = std::env::var_os("FESTOON_STATE").is_some_and(|value| value == state.as_os_str());
            overridden("paths.state", if from_variable { "FESTOON_STATE" } else { "--state" });
        }
        if let Some(role) = self.role {
            config.server.role = role;
            overridden("server.role", "--role");
        }
        if let Some(origin) = &self.origin {
            config.origin.url.clone_from(origin);
            overridden("origin.url", "--origin");
        }
        Ok((config, sources))
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    /// The address.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Bind(#[from] BindError),
    /// The state folder, the templates, the makers.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    /// The templates' folder cannot be followed.
    #[error(transparent)]
    #[diagnostic(help("the system limits how many folders are watched: see fs.inotify.max_user_watches"))]
    Watch(#[from] WatchError),
    /// The feasts.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Feasts(#[from] FeastsError),
    /// The planner's memory.
    #[error(transparent)]
    Planner(#[from] StateError),
    /// The minute ticker.
    #[error(transparent)]
    Ticker(#[from] TickerError),
    /// A thread died while the state was opened.
    #[error("the state could not be opened: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// A server that answers, with everything that it does besides.
pub struct Running {
    opened: Arc<Opened>,
    url: String,
    tls_address: Option<SocketAddr>,
    stop: CancellationToken,
    answering: JoinHandle<io::Result<()>>,
    besides: JoinSet<()>,
    /// When what is planned ahead is due; an edge plans nothing.
    feasts: Option<Feasts>,
    ticker: Option<Ticker>,
    _watch: Option<Watch>,
}

impl Running {
    /// Takes the address, opens the state, and begins to answer. Must be called inside a runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, StartError> {
        Self::start_on(None, config, clock, ids).await
    }

    /// As [`Running::start`], on a listener that was taken for this program before it was started, if there is one.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_on(
        listener: Option<TcpListener>,
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, StartError> {
        Self::begin(listener, config, clock, ids, None).await.map(|(running, _)| running)
    }

    /// As [`Running::start`], for whoever writes this template, the only one of the settings' folder: it may have mistakes, which
    /// are told from now on. `paints` says whether there will be a renderer.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_for_author(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        template: TemplateId,
        paints: bool,
    ) -> Result<(Self, watch::Receiver<Arc<Findings>>), StartError> {
        Self::begin(None, config, clock, ids, Some((template, paints))).await
    }

    async fn begin(
        listener: Option<TcpListener>,
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        written: Option<(TemplateId, bool)>,
    ) -> Result<(Self, watch::Receiver<Arc<Findings>>), StartError> {
        metrics::start();
        let bound = Bound::take(&config, listener)?;
        let certificate = bound.certificate();
        let (url, address, tls_address) = (bound.url(), bound.address(), bound.tls_address());
        let config = Arc::new(config);
        let is_edge = config.server.role == Role::Edge;
        let (mut feasts, mut known) = (None, Known::default());
        if !is_edge {
            let folder = config.path(&config.paths.feasts);
            // Who writes a template of their own may have no feasts beside it.
            if written.is_none() || folder.is_dir() {
                let found = Feasts::load(&folder)?;
                known.feasts = Some(found.ids().map(str::to_owned).collect());
                feasts = Some(found);
            }
            known.models = Some(config.abilities().map_err(OpenError::from)?);
        }
        let open = if written.is_some() { Opened::open_for_author } else { Opened::open };
        let mut opened = tokio::task::spawn_blocking(move || open(config, known, clock, ids)).await??;
        let (proofreader, findings) = Proofreader::new(opened.edge.library().clone(), Arc::clone(opened.edge.faces()));
        // An edge's templates change with its origin's, all at once.
        let watch = if is_edge { None } else { Some(opened.edge.library().watch()?) };
        let mut besides = JoinSet::new();
        if let Some(follow) = opened.follow_origin() {
            besides.spawn(follow);
        }
        let author = match written {
            Some((template, paints)) => {
                let stills = Stills::of(opened.edge.cache().clone()).map_err(OpenError::Compositor)?;
                besides.spawn(proofreader.read_along());
                Some(Author::new(template, findings.clone(), stills, paints, address))
            }
            None => None,
        };
        let opened = Arc::new(opened);
        let stop = CancellationToken::new();
        let (answers, stopped, known) = (Arc::clone(&opened), stop.clone(), feasts.clone().unwrap_or_default());
        let answering = tokio::spawn(async move { bound.serve(&answers, known, author, stopped.cancelled_owned()).await });
        besides.spawn(reap(opened.edge.clone()));
        besides.spawn(maintain(opened.edge.clone()));
        if let Some(certificate) = certificate {
            besides.spawn(refresh(certificate));
        }
        let running = Self { opened, url, tls_address, stop, answering, besides, feasts, ticker: None, _watch: watch };
        Ok((running, findings))
    }

    /// Begins to order what the templates' rules and the campaigns want ahead of its dates, each minute, where the settings say so.
    ///
    /// # Errors
    /// If the planner's memory or its clock does not start.
    pub async fn plan_ahead(&mut self) -> Result<(), StartError> {
        let edge = self.edge().clone();
        let config = edge.config();
        let Some(feasts) = self.feasts.clone() else { return Ok(()) };
        if !config.schedule.enabled || self.ticker.is_some() {
            return Ok(());
        }
        let memory = Arc::new(FileState::open(&config.state())?);
        let orders = Arc::new(edge.clone());
        let (library, makers, clock) = (edge.library().clone(), (*edge.makers()).clone(), Arc::clone(edge.clock()));
        let (settings, campaigns) = (config.schedule.settings(), Arc::clone(edge.campaigns()));
        let agenda = Arc::new(Agenda::new(library, campaigns, makers, edge.costs(), feasts, memory, settings, orders, clock));
        let tick = move || {
            let agenda = Arc::clone(&agenda);
            async move { agenda.run().await }
        };
        self.ticker = Some(Ticker::start(tick).await?);
        Ok(())
    }

    /// The edge that answers.
    pub fn edge(&self) -> &Edge {
        &self.opened.edge
    }
    /// What was opened.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }
    /// Its address for clients on this machine.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it answers in TLS.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// Says that it stops: `/readyz` turns, held requests end, no more leases are given. What renderers hand in is still
    /// taken until [`Running::stop`].
    pub fn wind_down(&self) {
        metrics::draining(true);
        self.edge().draining().cancel();
    }

    /// Lets requests in flight finish and closes everything.
    ///
    /// # Errors
    /// If answering failed.
    pub async fn stop(mut self) -> io::Result<()> {
        self.wind_down();
        if let Some(ticker) = self.ticker.take() {
            ticker.stop().await;
        }
        self.stop.cancel();
        let answered = (&mut self.answering).await.map_err(io::Error::other)?;
        self.besides.shutdown().await;
        if let Err(error) = self.edge().cache().maintain().await {
            tracing::warn!(%error, "the last uses of plates are not written");
        }
        answered
    }

    /// Answers until SIGTERM or Ctrl-C. A second one ends the process at once.
    ///
    /// # Errors
    /// If answering failed.
    pub async fn until_told_to_stop(&mut self) -> io::Result<()> {
        tokio::select! {
            told = told_to_stop() => told,
            ended = &mut self.answering => Err(ended.map_or_else(io::Error::other, |ended| {
                ended.err().unwrap_or_else(|| io::Error::other("the server ended by itself"))
            })),
        }
    }
}

async fn reap(edge: Edge) {
    let mut tick = tokio::time::interval(REAP);
    loop {
        tick.tick().await;
        if let Err(error) = edge.reap().await {
            tracing::error!(%error, "leases that ran out are not taken back; trying again");
        }
        metrics::upkeep();
    }
}

async fn maintain(edge: Edge) {
    let mut tick = tokio::time::interval(MAINTAIN);
    loop {
        tick.tick().await;
        if let Err(error) = edge.cache().maintain().await {
            tracing::error!(%error, "the cache is not kept to its budget; trying again");
        }
    }
}

async fn refresh(certificate: Arc<Certificate>) {
    let mut tick = tokio::time::interval(REFRESH);
    loop {
        tick.tick().await;
        match certificate.refresh() {
            Ok(true) => tracing::info!("the certificate was read again"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the certificate cannot be read again; the one from before goes on"),
        }
    }
}

/// Takes as many open files as the system gives: what services begin with is often less than the connections that are allowed.
fn open_files(config: &Config) {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let given = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = config.limits.connections as u64;
    if raised.is_err() || given < connections {
        tracing::warn!(
            given,
            connections,
            "fewer files may be open than connections of one worker; see LimitNOFILE of the service"
        );
    }
}

/// Tells systemd, if it wants to know.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the service is");
    }
}

/// Ends with the first SIGTERM or Ctrl-C; the second ends the process.
async fn told_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: requests in flight finish; a second signal stops at once");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(Exit::Stopped.code().into());
    });
    Ok(())
}

/// Begins to write log lines to standard error.
///
/// # Errors
/// If the filter cannot be read.
pub fn start_log(config: &Config) -> miette::Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter)
        .map_err(|error| miette::miette!(help = "for example `info` or `festoon=debug,warn`", "`filter` of [log]: {error}"))?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(Lines::default).with_ansi(io::stderr().is_terminal());
    match config.log.format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// Runs it.
///
/// # Errors
/// With a report for the terminal.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = arguments.settings(invocation)?;
    start_log(&config)?;
    open_files(&config);
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    runtime.block_on(async {
        // A socket that systemd holds for the service stays open while the service is restarted.
        let listener = ListenFd::from_env().take_tcp_listener(0).into_diagnostic()?;
        let mut running = Running::start_on(listener, config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
        running.plan_ahead().await?;
        invocation.answer(&json!({ "url": running.url() }), || format!("festoon answers at {}", running.url()));
        tell(NotifyState::Ready);
        running.until_told_to_stop().await.into_diagnostic()?;
        tell(NotifyState::Stopping);
        running.stop().await.into_diagnostic()?;
        Ok(Exit::Done)
    })
}
