//! The settings: one file, overridden key by key from the environment.
//!
//! `config/festoon.toml` states every key with its default and meaning; a test holds it and [`Config::default`] together.
//! `FESTOON__SERVER__LISTEN=0.0.0.0:80` overrides `listen` of `[server]`. An unknown key is a mistake. Relative paths are
//! taken from the [project's folder](Config::root).

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Environment, File, FileFormat};
use festoon_film::overlay::MOST_BYTES;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use festoon_spec::{Profile, Still};

use crate::{campaign::Defaults, schedule::Settings};

mod makers;

pub use makers::{MakersError, find_faces};

/// Where the settings are looked for when no file is named.
pub const DEFAULT_FILE: &str = "config/festoon.toml";

/// Every setting.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it listens.
    pub server: Server,
    /// What an edge has above it.
    pub origin: Origin,
    /// Connections in TLS.
    pub tls: Tls,
    /// Folders.
    pub paths: Paths,
    /// What a stranger can make grow.
    pub limits: Limits,
    /// Pictures that people bring.
    pub images: Images,
    /// Kept plates.
    pub cache: Cache,
    /// Jobs and leases.
    pub queue: Queue,
    /// What an unforeseen request may cause.
    pub on_demand: OnDemand,
    /// What strangers may ask for.
    pub strangers: Strangers,
    /// Lifetimes of answers in browsers and CDNs.
    pub delivery: Delivery,
    /// CDNs in front, which are told what is purged.
    pub cdn: Cdns,
    /// Checkpoint folders by the name that templates use.
    pub models: Models,
    /// The encoder.
    pub encoder: Encoder,
    /// What draws on plates.
    pub compositor: Compositor,
    /// Renderer processes.
    pub renderers: Renderers,
    /// Planned painting.
    pub schedule: Schedule,
    /// What painting costs before anything was painted.
    pub forecast: Defaults,
    /// Log lines.
    pub log: Log,
    #[serde(skip)]
    root: PathBuf,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that answer requests; 0 is one per core.
    pub workers: usize,
    /// Whether each connection begins with the PROXY protocol; those of others than trusted proxies are closed then.
    pub proxy_protocol: bool,
    /// Networks of proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds between `/readyz` turning to 503 and the listener closing, for a proxy to notice.
    pub drain_seconds: u64,
    /// Seconds that requests in flight get to finish at the end.
    pub shutdown_seconds: u64,
    /// What this server is to others.
    pub role: Role,
}

/// What a server is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It has queue, plan and plates, answers visitors, and is the origin of edges.
    #[default]
    Both,
    /// It answers visitors with what it borrows from an origin, and composes clips of it.
    Edge,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            drain_seconds: 0,
            shutdown_seconds: 30,
            role: Role::Both,
        }
    }
}

/// `[origin]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// Its address.
    pub url: String,
    /// What the edge is called in the origin's reports; empty takes the machine's name and the port.
    pub name: String,
    /// Seconds an entry is served without asking again.
    pub fresh_seconds: u64,
    /// Seconds it is served while the origin does not answer.
    pub stale_seconds: u64,
    /// Seconds that the lack of an entry is believed.
    pub missing_seconds: u64,
    /// Seconds for the origin to begin an answer, and for its next piece.
    pub answer_seconds: u64,
    /// Requests to the origin at once.
    pub at_once: usize,
    /// Requests that wait for one of these places.
    pub waiting: usize,
    /// Requests of clients that are passed on at once: they may be held open.
    pub passed_on: usize,
    /// Failures in a row after which the origin is left alone.
    pub failures: u32,
    /// Longest pause before it is asked again, in seconds.
    pub pause_seconds: u64,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            url: String::new(),
            name: String::new(),
            fresh_seconds: 30,
            stale_seconds: 604_800,
            missing_seconds: 5,
            answer_seconds: 10,
            at_once: 64,
            waiting: 512,
            passed_on: 512,
            failures: 5,
            pause_seconds: 30,
        }
    }
}

/// `[tls]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Address and port; none leaves TLS to a proxy in front.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// PEM file with the certificate and those between it and the root.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub key: PathBuf,
}

/// An address, or an empty text for none.
mod address {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}

/// `[paths]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paths {
    /// Everything that festoon keeps.
    pub state: PathBuf,
    /// Template folders.
    pub templates: PathBuf,
    /// Feast tables.
    pub feasts: PathBuf,
    /// Campaign files.
    pub campaigns: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            state: "state".into(),
            templates: "templates".into(),
            feasts: "config/feasts".into(),
            campaigns: "config/campaigns".into(),
        }
    }
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections per worker.
    pub connections: usize,
    /// Bytes of a JSON body.
    pub body_bytes: usize,
    /// Bytes of a plate that a renderer hands in.
    pub blob_bytes: u64,
    /// Bytes of a request's header fields.
    pub header_bytes: usize,
    /// Bytes of a request's target.
    pub uri_bytes: usize,
    /// Seconds for a request's head to arrive.
    pub head_seconds: u64,
    /// Seconds for a JSON body to arrive.
    pub body_seconds: u64,
    /// Seconds an idle connection stays open.
    pub keep_alive_seconds: u64,
    /// Seconds after which a reader that takes nothing is cut off.
    pub stall_seconds: u64,
    /// Seconds a request may be held open (`Prefer: wait`, a renderer's long poll).
    pub wait_seconds: u64,
    /// Opinions of takes that one address may say in a minute.
    pub opinions_per_minute: u32,
    /// Parts of one multiple-range answer.
    pub ranges: usize,
    /// Free bytes below which the disk is not ready to take plates.
    pub free_disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            body_bytes: 64 << 10,
            blob_bytes: 64 << 20,
            header_bytes: 16 << 10,
            uri_bytes: 8 << 10,
            head_seconds: 5,
            body_seconds: 10,
            keep_alive_seconds: 75,
            stall_seconds: 30,
            wait_seconds: 60,
            opinions_per_minute: 60,
            ranges: 8,
            free_disk_bytes: 256 << 20,
        }
    }
}

/// `[images]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// Bytes of one.
    pub bytes: usize,
    /// How many one address may bring in a minute.
    pub per_minute: u32,
    /// How many may be on their way at once, from all addresses together.
    pub at_once: usize,
}

impl Default for Images {
    fn default() -> Self {
        Self { bytes: MOST_BYTES, per_minute: 20, at_once: 16 }
    }
}

/// `[cache]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Bytes of plates kept in memory.
    pub memory_bytes: u64,
    /// Bytes of plates kept on disk, what campaigns pin included.
    pub disk_bytes: u64,
    /// Seconds for which a refused plate is not painted again.
    pub refused_seconds: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, disk_bytes: 20 << 30, refused_seconds: 3600 }
    }
}

/// `[queue]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Seconds a lease lasts unless it is renewed.
    pub lease_seconds: u64,
    /// Attempts before a job is given up.
    pub max_attempts: u32,
    /// Hours before its due date that a pre-render should be painted.
    pub prerender_margin_hours: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self { lease_seconds: 30, max_attempts: 5, prerender_margin_hours: 24 }
    }
}

/// `[on_demand]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnDemand {
    /// Whether a request for a plate that nobody foresaw orders it.
    pub enabled: bool,
    /// Jobs that may wait before more are turned away.
    pub max_queue: u64,
    /// Seconds of promised painting time before more is turned away.
    pub max_wait_seconds: u64,
}

impl Default for OnDemand {
    fn default() -> Self {
        Self { enabled: true, max_queue: 500, max_wait_seconds: 3600 }
    }
}

/// `[strangers]`: who shows neither a signature nor the installation's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Strangers {
    /// What they may ask for.
    pub may: MayAsk,
    /// Clips that are composed and plates that are ordered for one address in a minute; of IPv6, for one /64.
    pub work_per_minute: u32,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { may: MayAsk::Public, work_per_minute: 120 }
    }
}

/// What strangers may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MayAsk {
    /// What was made already, and to make what `[public]` of its template says.
    Public,
    /// Whatever a template offers.
    Everything,
    /// No clip at all: each address has to be signed.
    Nothing,
}

/// `[delivery]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Seconds a browser keeps a clip under its name.
    pub clip_seconds: u64,
    /// Seconds a shared cache keeps it.
    pub clip_shared_seconds: u64,
    /// Seconds a stale clip may be served while it is asked for again.
    pub clip_stale_seconds: u64,
    /// Seconds a stale clip may be served while festoon is down.
    pub clip_error_seconds: u64,
    /// Seconds a stand-in (`fallback=nearest`) is kept.
    pub nearest_seconds: u64,
    /// Whether plates that the inspection flagged are served before somebody looked.
    pub serve_flagged: bool,
    /// Value of `Access-Control-Allow-Origin` on clips and blobs.
    pub allow_origin: String,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            clip_seconds: 60,
            clip_shared_seconds: 600,
            clip_stale_seconds: 86_400,
            clip_error_seconds: 604_800,
            nearest_seconds: 5,
            serve_flagged: true,
            allow_origin: "*".into(),
        }
    }
}

/// `[cdn]`: CDNs by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cdns(pub BTreeMap<String, Cdn>);

/// `[cdn.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Cdn {
    /// Anything that takes HTTP `PURGE` with `Surrogate-Key` or `Cache-Tag`: Varnish, Souin and others.
    Purge {
        /// Where it is sent.
        url: String,
        /// Sent as `Authorization: Bearer`, unless it is empty.
        #[serde(default)]
        token: String,
    },
    /// Fastly.
    Fastly {
        /// The service's id.
        service: String,
        /// An API token that may purge.
        token: String,
        /// The API's address.
        #[serde(default = "fastly")]
        api: String,
    },
    /// Cloudflare.
    Cloudflare {
        /// The zone's id.
        zone: String,
        /// An API token that may purge.
        token: String,
        /// The API's address.
        #[serde(default = "cloudflare")]
        api: String,
    },
    /// Amazon CloudFront.
    CloudFront {
        /// The distribution's id.
        distribution: String,
        /// The id of an access key that may create invalidations.
        access_key: String,
        /// Its secret.
        secret_key: String,
        /// The API's address.
        #[serde(default = "cloudfront")]
        api: String,
    },
}

fn fastly() -> String {
    "https://api.fastly.com".into()
}

fn cloudflare() -> String {
    "https://api.cloudflare.com".into()
}

fn cloudfront() -> String {
    "https://cloudfront.amazonaws.com".into()
}

/// `[models]`: folders by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Models(pub BTreeMap<String, PathBuf>);

impl Default for Models {
    fn default() -> Self {
        Self(["default", "tiny"].map(|name| (name.to_owned(), Path::new("models").join(name))).into())
    }
}

/// `[encoder]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encoder {
    /// The build that plates are asked from; empty asks the one of this machine.
    pub id: String,
}

/// `[compositor]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compositor {
    /// Clips that are composed at once; 0 is one per core.
    pub at_once: usize,
    /// Clips that wait for their turn; half of the places are for who pays.
    pub waiting: usize,
    /// Bytes of decoded pictures kept in memory: the windows of hot plates.
    pub picture_bytes: u64,
    /// Forms of a plate that are made before anybody asks, by their profiles.
    pub eager: Vec<Profile>,
}

impl Default for Compositor {
    fn default() -> Self {
        let eager = vec![Profile::Small, Profile::Poster(Still::Jpeg), Profile::Poster(Still::Webp)];
        Self { at_once: 0, waiting: 64, picture_bytes: 512 << 20, eager }
    }
}

/// `[renderers]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Renderers {
    /// How many `festoon up` starts.
    pub count: usize,
    /// The program; empty takes the `festoon-renderer` beside `festoon`.
    pub program: PathBuf,
    /// Its settings file.
    pub settings: PathBuf,
    /// What renderers show; empty makes one and keeps it in the state folder.
    pub token: String,
}

impl Default for Renderers {
    fn default() -> Self {
        Self { count: 1, program: PathBuf::new(), settings: "config/renderer.toml".into(), token: String::new() }
    }
}

/// `[schedule]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Whether templates' pre-render rules order plates ahead of their dates.
    pub enabled: bool,
    /// Days ahead that due dates are ordered.
    pub horizon_days: u32,
}

impl Schedule {
    /// How the planner looks ahead.
    pub fn settings(&self) -> Settings {
        Settings { horizon: Duration::from_secs(u64::from(self.horizon_days) * 86400) }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self { enabled: true, horizon_days: 30 }
    }
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Which lines: a `tracing` filter.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
    /// Whether each answer gets a line in the state folder's `log/access.log`.
    pub access: bool,
    /// Bytes of a file of the access log before the next is begun.
    pub access_bytes: u64,
    /// Files of the access log that are kept.
    pub access_files: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info,actix_http=off,actix_server=warn,tokio_cron_scheduler=warn".into(),
            format: LogFormat::Text,
            access: true,
            access_bytes: 64 << 20,
            access_files: 4,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// The named file cannot be read.
    #[error("cannot read the settings in {path}: {source}")]
    #[diagnostic(help("name another file with --config"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A key is unknown or its value does not fit.
    #[error("the settings in {path} do not fit: {cause}")]
    #[diagnostic(help("config/festoon.toml lists every key; FESTOON__SECTION__KEY in the environment overrides one"))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What the reader said: it names the key.
        cause: String,
    },
    /// A value is of the right kind but cannot work.
    #[error("`{key}` is {given}: {expected}")]
    Range {
        /// Section and key.
        key: &'static str,
        /// What was given.
        given: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Config {
    /// Reads the settings from `file`, or from [`DEFAULT_FILE`] if that exists, or takes the defaults; then overrides
    /// from the environment.
    ///
    /// # Errors
    /// If a named file cannot be read, a key is unknown, or a value does not fit.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = Environment::with_prefix("FESTOON").prefix_separator("__").separator("__").try_parsing(true);
        match file {
            Some(file) => Self::read(file, environment),
            None if Path::new(DEFAULT_FILE).is_file() => Self::read(Path::new(DEFAULT_FILE), environment),
            None => Self::build(Path::new("."), Path::new("the environment"), None, environment),
        }
    }

    fn read(file: &Path, environment: Environment) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ConfigError::Read { path: file.to_owned(), source })?;
        Self::build(&project_folder(file), file, Some(&text), environment)
    }

    fn build(root: &Path, file: &Path, text: Option<&str>, environment: Environment) -> Result<Self, ConfigError> {
        let wrong = |cause: config::ConfigError| ConfigError::Wrong { path: file.to_owned(), cause: cause.to_string() };
        let mut builder = config::Config::builder();
        if let Some(text) = text {
            builder = builder.add_source(File::from_str(text, FileFormat::Toml));
        }
        let mut settings: Config =
            builder.add_source(environment).build().and_then(config::Config::try_deserialize).map_err(wrong)?;
        settings.root = root.to_owned();
        settings.check()?;
        Ok(settings)
    }

    /// The defaults, in a project folder.
    pub fn in_folder(root: &Path) -> Self {
        Self { root: root.to_owned(), ..Self::default() }
    }

    /// The project's folder: the parent of a `config` folder that holds the settings file, else the file's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A setting's path, made whole.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    /// The folder of everything that festoon keeps.
    pub fn state(&self) -> PathBuf {
        self.path(&self.paths.state)
    }

    /// How long a lease lasts.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.queue.lease_seconds)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let at_least = |key, value: u64, least: u64, expected| match value < least {
            true => Err(ConfigError::Range { key, given: value.to_string(), expected }),
            false => Ok(()),
        };
        at_least("queue.lease_seconds", self.queue.lease_seconds, 1, "a lease lasts at least 1 second")?;
        at_least("queue.max_attempts", u64::from(self.queue.max_attempts), 1, "a job needs at least 1 attempt")?;
        at_least("limits.connections", self.limits.connections as u64, 1, "at least 1 connection")?;
        at_least("limits.stall_seconds", self.limits.stall_seconds, 1, "at least 1 second")?;
        at_least("limits.head_seconds", self.limits.head_seconds, 1, "at least 1 second")?;
        at_least("limits.body_seconds", self.limits.body_seconds, 1, "at least 1 second")?;
        at_least("limits.uri_bytes", self.limits.uri_bytes as u64, 256, "at least 256 bytes")?;
        at_least("limits.header_bytes", self.limits.header_bytes as u64, 1024, "at least 1024 bytes")?;
        at_least("origin.answer_seconds", self.origin.answer_seconds, 1, "at least 1 second")?;
        at_least("origin.at_once", self.origin.at_once as u64, 1, "at least 1 request")?;
        at_least("origin.failures", self.origin.failures.into(), 1, "at least 1 failure")?;
        at_least("origin.pause_seconds", self.origin.pause_seconds, 1, "at least 1 second")?;
        at_least("images.at_once", self.images.at_once as u64, 1, "at least 1 picture")?;
        at_least("images.bytes", self.images.bytes as u64, 1024, "at least 1024 bytes")?;
        at_least("schedule.horizon_days", u64::from(self.schedule.horizon_days), 1, "at least 1 day")?;
        at_least("forecast.motion_millis", self.forecast.motion_millis.into(), 1, "at least 1 millisecond")?;
        at_least("forecast.wan_millis", self.forecast.wan_millis.into(), 1, "at least 1 millisecond")?;
        if self.images.bytes > MOST_BYTES {
            let expected = "no decoder takes more than 8388608 bytes";
            return Err(ConfigError::Range { key: "images.bytes", given: self.images.bytes.to_string(), expected });
        }
        let is_made = |profile: &&Profile| !profile.is_written() && !matches!(profile, Profile::Mp4 | Profile::Download);
        if let Some(profile) = self.compositor.eager.iter().find(|profile| !is_made(profile)) {
            let expected =
                "forms that are made of a plate: 480p, webm, poster-jpg, poster-webp, poster-avif, preview, storyboard";
            return Err(ConfigError::Range { key: "compositor.eager", given: format!("`{profile}`"), expected });
        }
        let origin = &self.delivery.allow_origin;
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            let expected = "`*` or one origin such as `https://example.com`";
            return Err(ConfigError::Range { key: "delivery.allow_origin", given: format!("{origin:?}"), expected });
        }
        Ok(())
    }
}

/// See [`Config::root`].
fn project_folder(file: &Path) -> PathBuf {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match folder.file_name() {
        Some(name) if name == "config" => match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        },
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const SHIPPED: &str = include_str!("../config/festoon.toml");

    fn from(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables: HashMap<_, _> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment =
            Environment::with_prefix("FESTOON").prefix_separator("__").separator("__").try_parsing(true).source(Some(variables));
        Config::build(Path::new("/srv"), Path::new("f.toml"), Some(text), environment)
    }

    #[test]
    fn the_shipped_file_states_every_key_with_its_default() {
        let stated: toml::Table = toml::from_str(SHIPPED).unwrap();
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(stated, defaults);
    }

    #[test]
    fn every_key_of_the_shipped_file_has_its_meaning_on_the_line_above() {
        let lines: Vec<_> = SHIPPED.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#')) {
            assert!(lines[number - 1].starts_with("# "), "line {}: `{line}` has no comment above", number + 1);
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let error = from("[server]\nport = 80\n", &[]).unwrap_err().to_string();
        assert!(error.contains("f.toml") && error.contains("port") && error.contains("listen"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_key() {
        let error = from("[limits]\nranges = \"many\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("limits.ranges") && error.contains("many"), "{error}");
    }

    #[test]
    fn a_value_that_cannot_work_is_refused() {
        let error = from("[queue]\nlease_seconds = 0\n", &[]).unwrap_err().to_string();
        assert_eq!(error, "`queue.lease_seconds` is 0: a lease lasts at least 1 second");
        let error = from("[compositor]\neager = [\"480p\", \"hls\"]\n", &[]).unwrap_err().to_string();
        assert!(error.starts_with("`compositor.eager` is `hls`: forms that are made of a plate: 480p, "), "{error}");
    }

    #[test]
    fn the_environment_overrides_one_key() {
        let variables = [("FESTOON__SERVER__LISTEN", "0.0.0.0:80"), ("FESTOON__ON_DEMAND__ENABLED", "false")];
        let config = from("[on_demand]\nmax_queue = 7\n", &variables).unwrap();
        assert_eq!(config.server.listen, "0.0.0.0:80".parse().unwrap());
        assert_eq!(config.on_demand, OnDemand { enabled: false, max_queue: 7, ..OnDemand::default() });
    }

    #[test]
    fn paths_are_taken_from_the_folder_above_config() {
        assert_eq!(project_folder(Path::new("/srv/config/festoon.toml")), Path::new("/srv"));
        assert_eq!(project_folder(Path::new("config/festoon.toml")), Path::new("."));
        assert_eq!(project_folder(Path::new("/tmp/x/festoon.toml")), Path::new("/tmp/x"));
        assert_eq!(project_folder(Path::new("festoon.toml")), Path::new("."));
        let config = from("", &[]).unwrap();
        assert_eq!(config.state(), Path::new("/srv/state"));
    }
}
