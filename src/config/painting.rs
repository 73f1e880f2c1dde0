//! Who paints, what is kept of it, and when it is painted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use festoon_spec::{Profile, Still};
use serde::{Deserialize, Serialize};

use crate::schedule::Settings;

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
