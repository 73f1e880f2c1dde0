//! The renderer's settings. `config/renderer.toml` is both the reference page and the lowest layer: it is built in, so no
//! default is stated twice. Over it go a file, the environment and the command line. Unknown keys are refused.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    num::NonZero,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde::Deserialize;

/// Every key with its default and meaning.
pub const REFERENCE: &str = include_str!("../../config/renderer.toml");

/// Prefix of the environment's layer.
const ENVIRONMENT: &str = "FESTOON_RENDERER";

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A layer cannot be read, or does not have the right form.
    #[error("the renderer's settings are wrong: {0}")]
    Layer(#[from] ::config::ConfigError),
    /// The token's file cannot be read.
    #[error("cannot read token_file {path}: {source}")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A value is out of its range.
    #[error("{key} is {given}: expected {expected}")]
    Value {
        /// The key's dotted name.
        key: &'static str,
        /// What was given.
        given: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// The settings, each documented in `config/renderer.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's address.
    pub server: String,
    /// The renderer token, or empty.
    pub token: Secret,
    /// The file that holds the token, or empty.
    pub token_file: PathBuf,
    /// The renderer's name, or empty.
    pub name: String,
    /// Threads for the model; 0 for one per core.
    pub threads: usize,
    /// Where the model runs.
    pub device: Device,
    /// The form of log lines.
    pub log: LogForm,
    /// Checkpoint folders by name.
    pub models: BTreeMap<String, PathBuf>,
    /// LoRA files.
    pub loras: Loras,
    /// Where things are kept.
    pub folders: Folders,
    /// Asking for work and keeping it.
    pub lease: LeaseTimes,
    /// Patience with the server.
    pub retry: Retry,
    /// The largest plate.
    pub limits: Limits,
    /// What a signal does to work in hand.
    pub drain: Drain,
}

/// LoRA files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loras {
    /// Folders with `*.safetensors`.
    pub folders: Vec<PathBuf>,
}

/// Where things are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folders {
    /// Remembered digests; empty for the user's cache folder.
    pub cache: PathBuf,
}

/// Asking for work and keeping it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseTimes {
    /// Seconds that the server may hold a request for work.
    pub wait_seconds: u32,
    /// Least milliseconds between two tellings of progress.
    pub progress_millis: u64,
}

/// Patience with the server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The first pause at most, in milliseconds.
    pub first_millis: u64,
    /// Any pause at most, in milliseconds.
    pub most_millis: u64,
    /// How long handing in is tried, in seconds.
    pub give_up_seconds: u64,
}

/// The largest plate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Pixels across.
    pub max_width: u32,
    /// Pixels down.
    pub max_height: u32,
    /// Frames.
    pub max_frames: u32,
    /// Pixels of all frames together.
    pub max_pixels: u64,
}

/// What a signal does to work in hand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// A plate that needs no longer than this is finished.
    pub finish_seconds: u64,
}

/// Where the model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Device {
    /// The first CUDA device, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl TryFrom<String> for Device {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Some(Device::Auto),
            "cpu" => Some(Device::Cpu),
            "cuda" => Some(Device::Cuda(0)),
            other => other.strip_prefix("cuda:").and_then(|number| number.parse().ok()).map(Device::Cuda),
        }
        .ok_or_else(|| format!("`{text}` is not a device: expected `auto`, `cpu`, `cuda` or `cuda:1`"))
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(set)" })
    }
}

impl Config {
    /// The built-in settings, over them `file` if there is one, over that the environment.
    ///
    /// # Errors
    /// If a layer cannot be read, a key is unknown, or a value has the wrong type.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut layers = ::config::Config::builder().add_source(::config::File::from_str(REFERENCE, ::config::FileFormat::Toml));
        if let Some(path) = file {
            layers = layers.add_source(::config::File::from(path).format(::config::FileFormat::Toml));
        }
        let environment = ::config::Environment::with_prefix(ENVIRONMENT)
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(":")
            .with_list_parse_key("loras.folders");
        Ok(layers.add_source(environment).build()?.try_deserialize()?)
    }

    /// The same settings with everything filled in that was left to the machine: the token from its file, the name, the
    /// threads, the cache folder. Ranges are checked.
    ///
    /// # Errors
    /// If the token's file cannot be read or a value is out of its range.
    pub fn settle(mut self) -> Result<Self, ConfigError> {
        if self.token.reveal().is_empty() && !self.token_file.as_os_str().is_empty() {
            let path = self.token_file.clone();
            let token = fs::read_to_string(&path).map_err(|source| ConfigError::TokenFile { path, source })?;
            self.token = Secret(token.trim().to_owned());
        }
        if self.name.is_empty() {
            self.name = format!("{}-{}", host(), std::process::id());
        }
        if self.threads == 0 {
            self.threads = thread::available_parallelism().map_or(1, NonZero::get);
        }
        if self.folders.cache.as_os_str().is_empty() {
            self.folders.cache = cache_folder();
        }
        for (key, given) in [
            ("retry.first_millis", self.retry.first_millis),
            ("retry.most_millis", self.retry.most_millis),
            ("lease.progress_millis", self.lease.progress_millis),
        ] {
            if given == 0 {
                return Err(ConfigError::Value { key, given: "0".into(), expected: "1 or more" });
            }
        }
        if self.lease.wait_seconds > 300 {
            let given = self.lease.wait_seconds.to_string();
            return Err(ConfigError::Value { key: "lease.wait_seconds", given, expected: "300 or less" });
        }
        Ok(self)
    }
}

impl Retry {
    /// The first pause at most.
    pub fn first(&self) -> Duration {
        Duration::from_millis(self.first_millis)
    }
    /// Any pause at most.
    pub fn most(&self) -> Duration {
        Duration::from_millis(self.most_millis.max(self.first_millis))
    }
    /// How long handing in is tried.
    pub fn give_up(&self) -> Duration {
        Duration::from_secs(self.give_up_seconds)
    }
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "renderer".into(), |name| name.trim().to_owned())
}

fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("festoon")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("renderer.toml");
        fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn the_reference_page_alone_is_a_whole_configuration() {
        let config = with("").unwrap().settle().unwrap();
        assert_eq!(config.server, "http://127.0.0.1:8080");
        assert!(config.threads > 0 && !config.name.is_empty() && config.models.is_empty());
        assert!(config.folders.cache.ends_with("festoon"));
    }

    #[test]
    fn each_key_of_the_reference_page_is_explained_above_it() {
        let lines: Vec<&str> = REFERENCE.lines().collect();
        let explained =
            |at: usize| lines[..at].iter().rev().take_while(|line| !line.is_empty()).any(|line| line.starts_with('#'));
        for (at, line) in lines.iter().enumerate() {
            let key = line.split_once(" = ").filter(|_| !line.starts_with('#'));
            assert!(key.is_none() || explained(at), "`{line}` has no comment above it");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        for (text, key) in [("sever = \"x\"", "sever"), ("[limits]\nmax_with = 3", "max_with")] {
            let error = with(text).unwrap_err().to_string();
            assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
        }
    }

    #[test]
    fn a_model_may_have_dots_in_its_name() {
        let config = with("[models]\n\"wan2.2-t2v\" = \"/models/a\"").unwrap();
        assert_eq!(config.models["wan2.2-t2v"], Path::new("/models/a"));
    }

    #[test]
    fn a_device_is_named_as_in_torch_and_a_wrong_one_is_told() {
        assert_eq!(with("device = \"cuda:3\"").unwrap().device, Device::Cuda(3));
        let error = with("device = \"gpu\"").unwrap_err().to_string();
        assert!(error.contains("`gpu` is not a device: expected `auto`, `cpu`, `cuda` or `cuda:1`"), "{error}");
    }

    #[test]
    fn the_token_may_come_from_a_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, " s3cret\n").unwrap();
        let config = with(&format!("token_file = {path:?}")).unwrap().settle().unwrap();
        assert_eq!(config.token.reveal(), "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
        let error = with("token_file = \"/no/such\"").unwrap().settle().unwrap_err().to_string();
        assert!(error.starts_with("cannot read token_file /no/such"), "{error}");
    }

    #[test]
    fn a_pause_of_nothing_is_refused() {
        let error = with("[retry]\nfirst_millis = 0").unwrap().settle().unwrap_err().to_string();
        assert_eq!(error, "retry.first_millis is 0: expected 1 or more");
    }
}
