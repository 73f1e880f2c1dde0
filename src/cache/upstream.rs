//! Where a cache that borrows gets what it lacks.

use async_trait::async_trait;
use bytes::Bytes;
use festoon_spec::{BlobHash, RenderKey};
use futures_util::stream::BoxStream;

use super::Entry;

/// Somebody who has more.
#[async_trait]
pub trait Upstream: std::fmt::Debug + Send + Sync {
    /// The entry of a key; `None` if there is none.
    async fn entry(&self, key: &RenderKey) -> Result<Option<Entry>, UpstreamError>;

    /// The bytes of a blob as they come, not verified; `None` if it is not there.
    async fn blob(&self, blob: &BlobHash) -> Result<Option<Coming>, UpstreamError>;
}

/// Bytes on their way.
pub struct Coming {
    /// How many there will be.
    pub length: u64,
    /// They, in pieces. Dropping it gives the place to others.
    pub pieces: BoxStream<'static, Result<Bytes, UpstreamError>>,
}

/// Why it does not give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It does not answer, or did not of late and is left alone for a while.
    #[error("the origin does not answer: {reason}")]
    Away {
        /// What the connection says.
        reason: String,
        /// When it may be worth asking again, in milliseconds.
        retry_millis: u64,
    },
    /// Too much is asked of it already.
    #[error("{under_way} requests to the origin are under way already")]
    Busy {
        /// How many.
        under_way: usize,
    },
    /// It answers nonsense, or refuses this edge.
    #[error("the origin answers {what}")]
    Wrong {
        /// What came.
        what: String,
    },
}
