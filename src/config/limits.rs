//! What strangers can make grow, and how far.

use festoon_film::overlay::MOST_BYTES;
use serde::{Deserialize, Serialize};

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections per worker.
    pub connections: usize,
    /// Requests of one connection of HTTP/2 that are answered at once.
    pub streams: u32,
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
            streams: 100,
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
