//! What a waiting client holds: a view of a job, without what is nobody's business.

use std::fmt;

use festoon_spec::{BlobHash, Job, JobId, JobState, Lane, Progress, RenderKey, UnixMillis};
use serde::{Serialize, Serializer};

use crate::queue::{OrderId, is_hexadecimal};

/// Hexadecimal digits of a job's name.
const JOB_DIGITS: usize = 32;

/// What a ticket is asked for by: its job, followed by the order that it was given for, if it may be taken back. All who wait
/// for a plate share the job; each has an order of its own that nobody else knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketId {
    /// The job.
    pub job: JobId,
    /// The order.
    pub order: Option<OrderId>,
}

impl TicketId {
    /// Reads what [`Display`](fmt::Display) writes: 32 or 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let (job, order) = text.split_at_checked(JOB_DIGITS)?;
        let order = if order.is_empty() { None } else { Some(OrderId::read(order)?) };
        is_hexadecimal(job).then(|| Self { job: JobId(job.to_owned()), order })
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.job, self.order.as_ref().map_or("", OrderId::as_str))
    }
}

impl Serialize for TicketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A promise that a plate is painted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticket {
    /// What it is asked for by.
    pub id: TicketId,
    /// The plate's key.
    pub plate: RenderKey,
    /// How urgent.
    pub lane: Lane,
    /// Where it stands.
    pub status: Status,
    /// How far its renderer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Jobs that are painted before it, while it is queued; see [`Ahead`](crate::queue::Ahead).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// Milliseconds until it is painted, by what painting took here before; none once it ended, or before a paused attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_millis: Option<u64>,
    /// When it was ordered.
    pub ordered_at: UnixMillis,
    /// How often a renderer took it.
    pub attempts: u32,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The plate's bytes, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobHash>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Waits for a renderer.
    Queued,
    /// A renderer works on it.
    Painting,
    /// The plate is there.
    Done,
    /// It was given up.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
}

impl Status {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Done | Status::Failed | Status::Cancelled)
    }
}

impl Ticket {
    /// The view of a job by whoever made `order`; `blob` is what is kept under its key.
    pub fn of(job: &Job, order: Option<OrderId>, blob: Option<BlobHash>) -> Self {
        let (status, reason) = match &job.state {
            JobState::Queued { .. } => (Status::Queued, None),
            JobState::Leased { .. } => (Status::Painting, None),
            JobState::Done => (Status::Done, None),
            JobState::Dead { reason } => (Status::Failed, Some(without_folders(reason))),
            JobState::Cancelled => (Status::Cancelled, None),
        };
        Self {
            id: TicketId { job: job.id.clone(), order },
            plate: job.key,
            lane: job.lane,
            status,
            progress: job.progress.filter(|_| status == Status::Painting),
            ahead: None,
            left_millis: None,
            ordered_at: job.ordered_at,
            attempts: job.attempts,
            reason,
            blob,
        }
    }
}

/// What a renderer said of its failure, for people who need not know where it keeps its files: of each absolute path, the name.
pub(super) fn without_folders(reason: &str) -> String {
    let name = |word: &str| {
        let start = word.find(|letter: char| letter == '/' || letter.is_alphanumeric()).unwrap_or(0);
        let (before, path) = word.split_at(start);
        match path.rsplit_once('/') {
            Some((_, name)) if path.starts_with('/') => format!("{before}…/{name}"),
            _ => word.to_owned(),
        }
    };
    reason.split(' ').map(name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::without_folders;

    #[test]
    fn folders_of_a_renderer_are_not_told() {
        for (said, told) in [
            ("/srv/models/tiny/vae/config.json: no field `z_dim`", "…/config.json: no field `z_dim`"),
            ("cannot read `/srv/models/tiny`: denied (attempt 5 of 5)", "cannot read `…/tiny`: denied (attempt 5 of 5)"),
            ("3 of 4 frames/s, and/or black", "3 of 4 frames/s, and/or black"),
        ] {
            assert_eq!(without_folders(said), told);
        }
    }
}
