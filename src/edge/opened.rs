//! Everything that an edge needs, opened in the right order.

use std::{
    collections::HashMap,
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::available_parallelism,
};

use arc_swap::ArcSwap;
use festoon_film::{Decoder, Encoder, FilmError, find_encoder, overlay::Faces};
use festoon_spec::EncoderId;
use miette::Diagnostic;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Edge, EdgeError, Inner, RendererToken, TokenError,
    children::Children,
    images::Desk,
    mirror::{Mirror, MirrorError, borrowed},
};
use crate::{
    cache::{Cache, CacheOptions, DrawingMemory, Freshness, Loan},
    campaign::{CampaignError, Campaigns, Costs},
    clock::{Clock, Ids},
    compositor::{Compositor, Options},
    config::{Config, MakersError, Role, find_faces},
    decision::Decisions,
    makers::Makers,
    opinion::Opinions,
    origin::{Origin, OriginError},
    purge::{Audit, Cdns, Takedowns},
    queue::{EmbeddedQueue, Policy},
    store::{Store, StoreError},
    template::{Known, Library, Report, Silence},
};

/// An edge on the state folder of this machine.
pub struct Opened {
    /// The edge.
    pub edge: Edge,
    /// What renderers show.
    pub token: RendererToken,
    mirror: Option<Mirror>,
}

/// Why it does not open.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum OpenError {
    /// The state folder.
    #[error("{0}")]
    #[diagnostic(help("{}", .0.hint().unwrap_or("see the cause above")))]
    Store(#[from] StoreError),
    /// What is composed here could not be spliced into plates.
    #[error("clips cannot be composed here: {0}")]
    #[diagnostic(help("{}", .0.hint().unwrap_or_else(|| "install another build of x264, or name its path in FESTOON_X264".into())))]
    Compositor(FilmError),
    /// A template has a mistake.
    #[error("there are mistakes in {folder}:\n{report}")]
    #[diagnostic(help("`festoon check` shows each with its line"))]
    Templates {
        /// The folder.
        folder: PathBuf,
        /// All of them.
        report: String,
    },
    /// A campaign.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Campaign(#[from] CampaignError),
    /// The makers of plates.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Makers(#[from] MakersError),
    /// The renderers' token.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Token(#[from] TokenError),
    /// The address of an edge's origin.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Origin(#[from] OriginError),
    /// An edge without the origin's secret.
    #[error("an edge has to show its origin a token, and has none")]
    #[diagnostic(help(
        "set `token` of [renderers] to the origin's: it is there, or in `renderer.token` of the origin's state folder"
    ))]
    NoToken,
    /// An edge that knows nothing of its origin.
    #[error("nothing is known of the origin: {0}")]
    #[diagnostic(help("an edge starts for the first time while its origin answers; `url` of [origin] names it"))]
    Mirror(#[from] MirrorError),
    /// What the origin took down cannot be let go.
    #[error("what the origin took down cannot be let go: {0}")]
    #[diagnostic(help("nothing is served before that; `festoon doctor` looks for damage"))]
    Takedowns(#[from] EdgeError),
}

impl OpenError {
    fn templates(folder: PathBuf, report: &Report) -> Self {
        Self::Templates { folder, report: report.lines().collect::<Vec<_>>().join("\n") }
    }
}

impl Opened {
    /// Locks the state folder and opens what is in it. Templates are checked against what is `known`. Blocks; must be called inside a runtime.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: Arc<Config>, known: Known, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, OpenError> {
        Self::open_with(config, known, clock, ids, |folder, known| {
            Library::open_knowing(folder.clone(), known).map_err(|report| OpenError::templates(folder, &report))
        })
    }

    /// As [`Opened::open`], for whoever writes the templates: mistakes in them are told and keep nothing from opening.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_for_author(
        config: Arc<Config>,
        known: Known,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, OpenError> {
        Self::open_with(config, known, clock, ids, |folder, known| Ok(Library::open_as_it_is(folder, known)))
    }

    fn open_with(
        config: Arc<Config>,
        known: Known,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        read: fn(PathBuf, Known) -> Result<Library, OpenError>,
    ) -> Result<Self, OpenError> {
        let state = config.state();
        let store = Store::open(&state, Arc::clone(&clock))?;
        let options = CacheOptions { memory_bytes: config.cache.memory_bytes, disk_bytes: config.cache.disk_bytes };
        let origin = match config.server.role {
            Role::Both => None,
            Role::Edge => {
                let token = RendererToken::known(&config.renderers.token, &state).ok_or(OpenError::NoToken)?;
                Some(Origin::new(&config, Some(token), Arc::clone(&clock))?)
            }
        };
        let token = RendererToken::open(&config.renderers.token, &state)?;
        let cache = match &origin {
            None => Cache::open(&store, options, Arc::clone(&clock))?,
            Some(origin) => Cache::open_borrowing(&store, options, loan(origin, &config), Arc::clone(&clock))?,
        };
        let policy = Policy {
            lease_millis: config.lease().as_millis() as u64,
            prerender_margin_millis: u64::from(config.queue.prerender_margin_hours) * 3_600_000,
            ..Policy::default()
        };
        let takedowns = Takedowns::open(&state, store.staging())?;
        let cdns = Cdns::new(&config.cdn, Arc::clone(&clock));
        let decisions = match config.server.role {
            Role::Both => Decisions::open(&state, &store.staging())?,
            Role::Edge => Decisions::of_an_edge(),
        };
        let campaigns = match config.server.role {
            Role::Both => config.path(&config.paths.campaigns),
            // An edge plans nothing, wherever its settings point.
            Role::Edge => state.join("origin/campaigns"),
        };
        let campaigns = Arc::new(Campaigns::open(campaigns)?);
        let start = ids.secret();
        let queue = EmbeddedQueue::open(&store, policy, Arc::clone(&clock), ids)?;
        let opinions = Opinions::open(&state, store.staging())?;
        let costs = Costs::measured_in(&state, config.forecast)?;
        let encoder = find_encoder();
        let faces = find_faces()?;
        let mut mirror = origin.clone().map(|origin| Mirror::new(origin, &state, store.staging()));
        let mut theirs = None;
        let (makers, folder, known) = match &mut mirror {
            None => (config.makers_with(&encoder, &faces)?, config.path(&config.paths.templates), known),
            Some(mirror) => {
                let standing = Handle::current().block_on(mirror.begin())?;
                decisions.take_over(&standing.replaced);
                theirs = Some(standing.takedowns.clone());
                let makers = borrowed(&makers_of_an_edge(&config, &encoder, &faces)?, standing);
                // The origin checked its templates against what it has.
                (makers, mirror.templates(), Known::default())
            }
        };
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        let library = read(folder, known)?;
        let templates = library.current();
        if let Some(silence) = Silence::of(templates.iter().map(|template| &**template), makers.missing_sounds()) {
            tracing::warn!(help = silence.hint(), "{silence}");
        }
        let compositor = compositor(encoder, &makers.encoder, &config, &cache, &clock)?.map(Arc::new);
        let inner = Inner {
            compositor,
            faces: Arc::new(faces),
            library,
            makers: ArcSwap::from_pointee(makers),
            cache,
            queue: Arc::new(queue),
            clock,
            uploads: Mutex::new(HashMap::new()),
            costs: Mutex::new(costs),
            opinions: Arc::new(opinions),
            decisions,
            drawings: DrawingMemory::default(),
            desk_for_images: Desk::new(config.images.at_once),
            desk: tokio::sync::Mutex::new(()),
            draining: CancellationToken::new(),
            origin,
            children: Children::new(start),
            warmer: mirror.as_ref().map(Mirror::warmer).unwrap_or_default(),
            campaigns,
            takedowns,
            audit: Audit::of(&state),
            cdns,
            config,
        };
        let edge = Edge { inner: Arc::new(inner) };
        if let Some(theirs) = theirs {
            // Before anything is served.
            Handle::current().block_on(edge.heed_takedowns(theirs))?;
        }
        Ok(Self { edge, token, mirror })
    }

    /// What keeps an edge like its origin, to be run as long as it answers; `None` if it has none, or it runs already.
    pub fn follow_origin(&mut self) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.mirror.take().map(|mirror| mirror.follow(self.edge.clone()))
    }
}

/// What draws and encodes here; plates are made elsewhere.
fn makers_of_an_edge(
    config: &Config,
    encoder: &Result<Box<dyn Encoder>, FilmError>,
    faces: &Faces,
) -> Result<Makers, MakersError> {
    let mut config = config.clone();
    config.models.0.clear();
    config.makers_with(encoder, faces)
}

/// What an edge has of its origin, and for how long.
fn loan(origin: &Origin, config: &Config) -> Loan {
    let settings = &config.origin;
    let freshness = Freshness {
        fresh_millis: settings.fresh_seconds * 1000,
        stale_millis: settings.stale_seconds * 1000,
        missing_millis: settings.missing_seconds * 1000,
    };
    Loan { upstream: Arc::new(origin.clone()), freshness, blob_bytes: config.limits.blob_bytes }
}

/// What composes clips here; none without an encoder whose streams fit into the plates that are asked for, which an edge that
/// serves plates as they are does not need.
fn compositor(
    encoder: Result<Box<dyn Encoder>, FilmError>,
    plates: &EncoderId,
    config: &Config,
    cache: &Cache,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Compositor>, OpenError> {
    let mut encoder = encoder.map_err(OpenError::Compositor)?;
    if encoder.id().program() != plates.program() {
        let (here, plates) = (encoder.id(), plates);
        tracing::warn!(%here, %plates, "no clips are composed here, plates are served as they are: another program encodes them");
        return Ok(None);
    }
    let decoder = Decoder::find().map_err(OpenError::Compositor)?;
    encoder.stand_by();
    tracing::info!(encoder = encoder.build(), decoder = decoder.build(), "clips are composed here");
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let options = Options {
        at_once: NonZeroUsize::new(config.compositor.at_once).unwrap_or(threads),
        waiting: config.compositor.waiting,
        // With one more than there are cores, none waits alone for the last and longest segment.
        threads: threads.saturating_add(1),
        picture_bytes: config.compositor.picture_bytes,
    };
    let compositor = Compositor::open(Arc::from(encoder), decoder, cache.clone(), Arc::clone(clock), options);
    compositor.map(Some).map_err(OpenError::Compositor)
}
