//! How full the cache is, and what happened in it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the cache did since it was opened: metrics.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub entries: AtomicU64,
    pub bytes: AtomicU64,
    pub memory_hits: AtomicU64,
    pub disk_reads: AtomicU64,
    pub corrupt: AtomicU64,
    pub missing: AtomicU64,
    pub evicted: AtomicU64,
    pub pulled: AtomicU64,
    pub forged: AtomicU64,
    /// Manifests that were read since the rows were last made again.
    pub aligned: AtomicU64,
}

/// Copies of what the origin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Borrowing {
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How full the cache is and what happened to it since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Entries.
    pub entries: u64,
    /// Bytes of blobs on disk.
    pub bytes: u64,
    /// Keys that campaigns pin, made or not.
    pub pinned_keys: u64,
    /// Bytes of blobs in memory.
    pub memory_bytes: u64,
    /// Loads that memory answered.
    pub memory_hits: u64,
    /// Loads that read a file.
    pub disk_reads: u64,
    /// Blobs that did not match their name.
    pub corrupt: u64,
    /// Entries whose blob was not there.
    pub missing: u64,
    /// Entries dropped for room.
    pub evicted: u64,
    /// Copies of what the origin has, on disk.
    pub borrowed: Borrowing,
    /// Blobs that came from the origin.
    pub pulled: u64,
    /// Blobs for which the origin sent other bytes than the name says.
    pub forged: u64,
}

impl Counters {
    /// What was counted, beside what others know.
    pub fn usage(&self, pinned_keys: u64, memory_bytes: u64, borrowed: Borrowing) -> Usage {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            entries: count(&self.entries),
            bytes: count(&self.bytes),
            pinned_keys,
            memory_bytes,
            memory_hits: count(&self.memory_hits),
            disk_reads: count(&self.disk_reads),
            corrupt: count(&self.corrupt),
            missing: count(&self.missing),
            evicted: count(&self.evicted),
            borrowed,
            pulled: count(&self.pulled),
            forged: count(&self.forged),
        }
    }
}
