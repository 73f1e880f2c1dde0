//! What is written down.

use serde::{Deserialize, Serialize};

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
