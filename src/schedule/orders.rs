//! The door through which the plan reaches the queue and the cache.

use std::collections::BTreeSet;

use async_trait::async_trait;
use festoon_spec::{PlateSpec, RenderKey, UnixMillis};

/// One plate that the plan wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPlate {
    /// The schedule that wants it, for example `new-year/new_year`. Also the name under which it is pinned.
    pub schedule: String,
    /// What to paint.
    pub spec: PlateSpec,
    /// Its key.
    pub key: RenderKey,
    /// When it must be ready. How long before that it should be painted is the queue's to say.
    pub due: UnixMillis,
    /// Forecast of what it costs.
    pub cost_millis: u64,
}

/// Why an order was not taken. The planner tries again at its next tick.
#[derive(Debug, thiserror::Error)]
#[error("the order of plate {key} was not taken: {source}")]
pub struct OrderError {
    /// The plate.
    pub key: RenderKey,
    /// The cause.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Takes the planner's orders. Every call may come twice, also from another process: the second must change nothing.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Wants this plate in lane `prerender`. A plate that is in the cache or already live in the queue costs nothing.
    /// Returns once the order outlives a crash.
    async fn order(&self, plate: &PlannedPlate) -> Result<(), OrderError>;

    /// Nobody's plan wants this plate any more: a queued job that nobody else waits for may go. A plate that is being
    /// painted or is painted stays.
    async fn withdraw(&self, key: &RenderKey) -> Result<(), OrderError>;

    /// The plates that this schedule needs kept now, in the cache or not yet. Replaces what it pinned before; an empty set
    /// lets go of all.
    async fn pin(&self, schedule: &str, plates: &BTreeSet<RenderKey>) -> Result<(), OrderError>;
}
