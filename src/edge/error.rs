//! Why the edge does not answer.

use festoon_film::overlay::ImageError;
use festoon_spec::{JobId, RenderKey, TemplateId};

use crate::{
    cache::CacheError, campaign::NotKept, compositor::CompositorError, pick::PickError, queue::QueueError, store::StoreError,
    template::NotPublic,
};

/// See [`Edge`](super::Edge).
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The pick does not resolve.
    #[error(transparent)]
    Pick(#[from] PickError),
    /// It is not for strangers.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// Enough was done for this address.
    #[error("enough was made for this address; it may ask for more in {seconds} s")]
    TooMuchWork {
        /// When it may come again.
        seconds: u64,
    },
    /// Painting on demand is off.
    #[error("this clip of `{template}` is not painted, and nobody may order it")]
    NotPainted {
        /// The template.
        template: TemplateId,
    },
    /// Too much is promised already.
    #[error("{queued} plates wait already, for about {promised_seconds} seconds of painting")]
    QueueFull {
        /// Jobs that wait.
        queued: u64,
        /// What they are expected to take.
        promised_seconds: u64,
    },
    /// A file of the state folder failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The caller made no order that could be taken back.
    #[error("the ticket {job} shows how far others' order is")]
    NotYourOrder {
        /// The job.
        job: JobId,
    },
    /// The caller has not, or no longer, the job.
    #[error("the lease of job {job} at epoch {epoch} is lost")]
    LeaseLost {
        /// The job.
        job: JobId,
        /// The caller's epoch.
        epoch: u32,
    },
    /// What was handed in is not what was ordered.
    #[error("job {job}: {what}")]
    BadOutcome {
        /// The job.
        job: JobId,
        /// What differs.
        what: String,
    },
    /// What somebody brought is no picture that can be drawn.
    #[error("the image is not taken: {0}")]
    Image(ImageError),
    /// It was taken down.
    #[error("this was taken down")]
    TakenDown,
    /// There is no such campaign, or it cannot be read.
    #[error("there is no campaign `{given}`{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    UnknownCampaign {
        /// As given, shortened.
        given: String,
        /// What is wrong with its file.
        reason: Option<String>,
        /// The campaigns that there are.
        known: Vec<String>,
    },
    /// A campaign is not kept, or not changed.
    #[error(transparent)]
    Campaign(#[from] NotKept),
    /// A plate that nobody knows, or that is not painted.
    #[error("there is no plate {key}")]
    UnknownPlate {
        /// As named.
        key: RenderKey,
    },
    /// A takedown that would take more than anybody means.
    #[error("a takedown names templates, campaigns, keys or bytes, not a whole locale")]
    TooWide,
    /// Nothing can be drawn here.
    #[error("there is no encoder here to compose clips with")]
    NoCompositor,
    /// Nothing smaller is made of what is small.
    #[error("a clip of {width}x{height} pixels has no smaller form")]
    NoSmallerForm {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// There is no sound to be had.
    #[error("nothing sounds under this clip{}", if *.missing { " here: there is no encoder for it" } else { "" })]
    Silent {
        /// Something would, elsewhere.
        missing: bool,
    },
    /// The clip cannot be composed.
    #[error(transparent)]
    Compositor(#[from] CompositorError),
    /// The cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The queue failed.
    #[error(transparent)]
    Queue(QueueError),
}

impl From<QueueError> for EdgeError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::LeaseLost { job, epoch, .. } => Self::LeaseLost { job, epoch },
            other => Self::Queue(other),
        }
    }
}
