//! Whether the edge can do its work.

use crate::{cache::CacheError, store::StoreError};

use super::Edge;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, for machines.
    pub name: &'static str,
    /// Whether it holds.
    pub passed: bool,
    /// What was found, in a few words.
    pub detail: String,
}

impl Edge {
    /// Looks: templates, the state folder, room on its disk, and that the server does not stop.
    pub async fn check(&self) -> Vec<Check> {
        let limit = self.inner.config.limits.free_disk_bytes;
        let disk = match self.inner.cache.free_bytes().await {
            Ok(free) => Check { name: "disk", passed: free >= limit, detail: format!("{free} bytes free, {limit} needed") },
            Err(error) => failed("disk", &error),
        };
        let store = match self.can_write().await {
            Ok(()) => Check { name: "store", passed: true, detail: "writable".into() },
            Err(error) => failed("store", &error),
        };
        let problems = self.inner.library.problems();
        let count = self.inner.library.current().iter().len();
        let mistakes = problems.lines().count();
        let detail = match mistakes {
            0 => format!("{count} read"),
            // The last good ones are served: a broken save is the author's to mend, not a reason to stop.
            _ => format!("{count} read; {mistakes} mistakes in later saves, the ones before are kept"),
        };
        let templates = Check { name: "templates", passed: count > 0, detail };
        let stops = self.inner.draining.is_cancelled();
        let detail = if stops { "the server stops" } else { "the server runs" };
        let mut checks = vec![templates, store, disk, Check { name: "draining", passed: !stops, detail: detail.into() }];
        checks.extend(self.inner.origin.as_ref().map(|origin| {
            // What was borrowed is served without it: no reason to send visitors elsewhere.
            let detail = if origin.answers() { "it answers" } else { "it does not answer; what was borrowed is served" };
            Check { name: "origin", passed: true, detail: detail.into() }
        }));
        checks
    }

    /// Writes a byte beside the plates.
    async fn can_write(&self) -> Result<(), CacheError> {
        let mut staging = self.inner.cache.stage(1).await?;
        staging.write(bytes::Bytes::from_static(b"?")).await?;
        staging.finish().await.map(drop)
    }
}

/// Paths are the operator's business, who reads the log.
fn failed(name: &'static str, error: &CacheError) -> Check {
    tracing::error!(check = name, %error, "not ready");
    let detail = match error {
        CacheError::Store(StoreError::Full { .. }) => "the disk is full",
        CacheError::Store(StoreError::ReadOnly { .. }) => "the state folder is read-only",
        _ => "failed; the log has the cause",
    };
    Check { name, passed: false, detail: detail.into() }
}
