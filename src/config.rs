//! The settings: one file, overridden key by key from the environment.
//!
//! `config/festoon.toml` states every key with its default and meaning; a test holds it and [`Config::default`] together.
//! `FESTOON__SERVER__LISTEN=0.0.0.0:80` overrides `listen` of `[server]`. An unknown key is a mistake. Relative paths are
//! taken from the [project's folder](Config::root).

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Environment, File, FileFormat};
use festoon_film::overlay::MOST_BYTES;
use festoon_spec::Profile;
use serde::{Deserialize, Serialize};

use crate::campaign::Defaults;

mod delivery;
mod limits;
mod log;
mod makers;
mod painting;
mod server;
mod source;

pub use delivery::{Cdn, Cdns, Delivery, Origin};
pub use limits::{Images, Limits, MayAsk, OnDemand, Strangers};
pub use log::{Log, LogFormat};
pub use makers::{MakersError, find_faces};
pub use painting::{Cache, Compositor, Encoder, Models, Queue, Renderers, Schedule};
pub use server::{Paths, Role, Server, Tls};
pub use source::{Source, Sources};

/// Where the settings are looked for when no file is named.
pub const DEFAULT_FILE: &str = "config/festoon.toml";

/// What the variables begin with that override settings.
const PREFIX: &str = "FESTOON__";

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
        Self::load_with_sources(file).map(|(config, _)| config)
    }

    /// As [`Config::load`], with where each setting comes from.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_sources(file: Option<&Path>) -> Result<(Self, Sources), ConfigError> {
        let variables: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.to_ascii_uppercase().starts_with(PREFIX))
            .collect();
        match file.or(Some(Path::new(DEFAULT_FILE)).filter(|file| file.is_file())) {
            Some(file) => {
                let text = fs::read_to_string(file).map_err(|source| ConfigError::Read { path: file.to_owned(), source })?;
                Self::build(&project_folder(file), file, Some(&text), variables)
            }
            None => Self::build(Path::new("."), Path::new("the environment"), None, variables),
        }
    }

    fn build(
        root: &Path,
        file: &Path,
        text: Option<&str>,
        variables: HashMap<String, String>,
    ) -> Result<(Self, Sources), ConfigError> {
        let wrong = |cause: config::ConfigError| ConfigError::Wrong { path: file.to_owned(), cause: cause.to_string() };
        let names: Vec<String> = variables.keys().cloned().collect();
        let environment =
            Environment::with_prefix("FESTOON").prefix_separator("__").separator("__").try_parsing(true).source(Some(variables));
        let mut builder = config::Config::builder();
        if let Some(text) = text {
            builder = builder.add_source(File::from_str(text, FileFormat::Toml));
        }
        let read = builder.add_source(environment).build().map_err(wrong)?;
        let sources = Sources::of(&read, file, &names).map_err(wrong)?;
        let mut settings: Config = read.try_deserialize().map_err(wrong)?;
        settings.root = root.to_owned();
        settings.check()?;
        Ok((settings, sources))
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
        at_least("limits.streams", self.limits.streams.into(), 1, "at least 1 stream")?;
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
    use super::*;

    const SHIPPED: &str = include_str!("../config/festoon.toml");

    fn from(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        with_sources(text, variables).map(|(config, _)| config)
    }

    fn with_sources(text: &str, variables: &[(&str, &str)]) -> Result<(Config, Sources), ConfigError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::build(Path::new("/srv"), Path::new("f.toml"), Some(text), variables)
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
    fn each_setting_says_where_it_comes_from() {
        let variables = [("FESTOON__ON_DEMAND__ENABLED", "false"), ("FESTOON__CDN__FRONT__TOKEN", "t")];
        let file = "[on_demand]\nenabled = true\nmax_queue = 7\n[cdn.front]\nkind = \"purge\"\nurl = \"http://front\"\n";
        let (_, sources) = with_sources(file, &variables).unwrap();
        let sources = ["on_demand.enabled", "on_demand.max_queue", "cdn.front.url", "cdn.front.token", "server.listen"]
            .map(|name| sources.of_setting(name).to_string());
        let environment = variables.map(|(name, _)| name);
        assert_eq!(sources, [environment[0], "f.toml", "f.toml", environment[1], "default"]);
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
