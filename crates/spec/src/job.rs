//! Work: what is queued, leased, renewed and handed in. The wire between server and renderer (`/v1/leases`) is these types
//! as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EncoderId, ModelDigest, Outcome, Painter, PlateSpec, RenderKey};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This much later.
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
    /// How long after `earlier`, 0 if before.
    pub fn since(self, earlier: UnixMillis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
    /// Whether this is less than so many milliseconds after `begin`, and not before it: what lasts for a while does not last for a
    /// day more when the clock is set back by a day.
    pub fn is_within(self, millis: u64, begin: UnixMillis) -> bool {
        begin <= self && self.since(begin) < millis
    }
}

/// Names one job for ever; a key that is ordered again after its job ended gets another job. 32 hexadecimal digits; the
/// first 12 are the time it was made, so that ids sort by age.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who pays. One-box installations have one tenant, `local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub String);

impl Default for TenantId {
    fn default() -> Self {
        Self("local".into())
    }
}

/// The urgency class of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Due now.
    Paid,
    /// Due in ten minutes.
    Free,
    /// Due before its date.
    Prerender,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Lane; 3] = [Lane::Paid, Lane::Free, Lane::Prerender];

    /// The name on the wire and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Paid => "paid",
            Lane::Free => "free",
            Lane::Prerender => "prerender",
        }
    }
}

/// What a plate needs of a renderer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Needs {
    /// Painter and version.
    pub painter: Painter,
    /// Checkpoint, for painters that have one.
    pub model: Option<ModelDigest>,
    /// Encoder build and recipe.
    pub encoder: EncoderId,
}

/// What a renderer has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capabilities {
    /// Painters it has, with their versions.
    pub painters: Vec<Painter>,
    /// Checkpoints it can load.
    pub models: Vec<ModelDigest>,
    /// Encoders it has.
    pub encoders: Vec<EncoderId>,
}

impl Capabilities {
    /// Whether a plate with these needs can be painted.
    pub fn meet(&self, needs: &Needs) -> bool {
        self.painters.contains(&needs.painter)
            && needs.model.as_ref().is_none_or(|model| self.models.contains(model))
            && self.encoders.contains(&needs.encoder)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum JobState {
    /// Waits for a renderer, not before `run_at`.
    Queued {
        /// Earliest start: backoff after a failure.
        run_at: UnixMillis,
    },
    /// A renderer works on it.
    Leased {
        /// The renderer's name.
        renderer: String,
        /// When the lease ends unless renewed.
        until: UnixMillis,
    },
    /// Its plate is in the cache.
    Done,
    /// Given up; see `reason`.
    Dead {
        /// What the last attempt said.
        reason: String,
    },
    /// Nobody wants it any more.
    Cancelled,
}

/// A plate to paint, as the queue keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The plate's key: one live job per key.
    pub key: RenderKey,
    /// What to paint.
    pub spec: PlateSpec,
    /// Its most urgent order's lane.
    pub lane: Lane,
    /// Who ordered it first.
    pub tenant: TenantId,
    /// The virtual deadline that orders all lanes.
    pub deadline: UnixMillis,
    /// When it was first ordered.
    pub ordered_at: UnixMillis,
    /// How often it was leased; counted at the claim.
    pub attempts: u32,
    /// After this many attempts it is dead.
    pub max_attempts: u32,
    /// Grows with each lease; an older one has lost it.
    pub epoch: u32,
    /// How many orders wait for it.
    pub waiters: u32,
    /// The last progress told.
    pub progress: Option<Progress>,
    /// Someone asked to stop it.
    pub cancel: bool,
    /// Where it stands.
    #[serde(flatten)]
    pub state: JobState,
}

impl Job {
    /// Whether it may still produce a plate.
    pub fn is_live(&self) -> bool {
        matches!(self.state, JobState::Queued { .. } | JobState::Leased { .. })
    }
}

/// What a renderer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading a checkpoint.
    Load,
    /// Encoding the prompt.
    Text,
    /// Denoising steps.
    Denoise,
    /// Latents to pixels.
    Decode,
    /// Painting frames.
    Paint,
    /// Frames to H.264.
    Encode,
    /// Sending the bytes.
    HandIn,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// In which stage.
    pub stage: Stage,
    /// Steps done in this stage.
    pub done: u32,
    /// Steps of this stage.
    pub of: u32,
    /// Share of the whole job, in thousandths.
    pub permille: u16,
}

/// `POST /v1/leases`: a renderer asks for work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// The renderer's name, unique per process.
    pub renderer: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How long the server may hold the request open while there is nothing to do.
    pub wait_seconds: u32,
}

/// The answer with work in it (`200`; `204` without).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// To be carried by every later message about it.
    pub epoch: u32,
    /// The plate's key; the renderer checks that it is the spec's.
    pub key: RenderKey,
    /// What to paint.
    pub spec: PlateSpec,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Renew before this many milliseconds have passed.
    pub lease_millis: u64,
}

/// `POST /v1/leases/{job}/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The lease's epoch.
    pub epoch: u32,
    /// How far it is.
    pub progress: Option<Progress>,
}

/// The answer to a renewal; a lost lease is told by `409`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalAnswer {
    /// Stop at the next step and hand back.
    pub cancel: bool,
    /// Renew before this many milliseconds have passed.
    pub lease_millis: u64,
}

/// `POST /v1/leases/{job}/hand-in`, after the bytes were put at `/v1/blobs/{blake3}.mp4`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandIn {
    /// The lease's epoch.
    pub epoch: u32,
    /// What was made.
    pub outcome: Outcome,
}

/// `POST /v1/leases/{job}/fail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The lease's epoch.
    pub epoch: u32,
    /// What went wrong, in a sentence.
    pub reason: String,
    /// What the queue does with it.
    pub kind: FailureKind,
}

/// What the queue does with a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Another attempt may succeed: back off, then queue again.
    Transient,
    /// No attempt can succeed: dead letter at once.
    Permanent,
    /// The renderer stops or was told to: queue again at once, this attempt does not count.
    HandedBack,
}
