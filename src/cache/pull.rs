//! One blob on its way from the origin, read while it comes and verified.
//!
//! Who reads it gets pieces as they arrive; the last one is held back until the hash of all of them is the blob's name. So a
//! reader that got every byte got the right ones, and one that did not is told that they broke off.

use std::sync::Arc;

use bytes::Bytes;
use festoon_spec::BlobHash;
use futures_util::StreamExt;
use tokio::sync::watch;

use super::{BrokenOff, Growing, Reader, Upstream, UpstreamError};

/// What the origin said at first: how many bytes will come, or that it has none.
type Head = Result<Option<u64>, UpstreamError>;

/// A blob on its way, shared by all who want it.
#[derive(Debug, Default)]
pub(super) struct Pull {
    head: watch::Sender<Option<Head>>,
    bytes: Growing,
}

/// How a pull ended.
#[derive(Debug)]
pub(super) enum Pulled {
    /// Every byte came, and they are the right ones.
    Whole(Bytes),
    /// It is not there.
    Nothing,
    /// The connection broke, or the origin does not answer.
    Broken(UpstreamError),
    /// Other bytes came than the name says.
    Forged(BlobHash),
}

impl Pull {
    /// Pulls to the end. Whoever waits is told by then, whatever happens.
    pub async fn run(&self, blob: &BlobHash, upstream: &dyn Upstream, most: u64) -> Pulled {
        let pulled = self.pull(blob, upstream, most).await;
        self.head.send_if_modified(|head| {
            let silent = head.is_none();
            if let Pulled::Broken(error) = &pulled {
                head.get_or_insert(Err(error.clone()));
            }
            silent
        });
        self.bytes.end(matches!(pulled, Pulled::Whole(_)));
        pulled
    }

    async fn pull(&self, blob: &BlobHash, upstream: &dyn Upstream, most: u64) -> Pulled {
        let mut coming = match upstream.blob(blob).await {
            Ok(Some(coming)) if coming.length > most => {
                let what = format!("with {} bytes, at most {most} are taken", coming.length);
                return Pulled::Broken(UpstreamError::Wrong { what });
            }
            Ok(Some(coming)) => coming,
            Ok(None) => {
                self.head.send_replace(Some(Ok(None)));
                return Pulled::Nothing;
            }
            Err(error) => return Pulled::Broken(error),
        };
        let length = coming.length;
        self.head.send_replace(Some(Ok(Some(length))));
        let mut hasher = blake3::Hasher::new();
        let mut held_back = Bytes::new();
        let mut count = 0;
        while let Some(piece) = coming.pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Pulled::Broken(error),
            };
            count += piece.len() as u64;
            if count > length {
                return Pulled::Broken(UpstreamError::Wrong { what: format!("with more than the {length} bytes it announced") });
            }
            hasher.update(&piece);
            if !held_back.is_empty() {
                self.bytes.push(std::mem::take(&mut held_back));
            }
            held_back = piece;
        }
        let found = BlobHash::from_bytes(*hasher.finalize().as_bytes());
        if count < length {
            let reason = format!("{count} of {length} bytes came");
            return Pulled::Broken(UpstreamError::Away { reason, retry_millis: 0 });
        }
        if found != *blob {
            return Pulled::Forged(found);
        }
        self.bytes.push(held_back);
        Pulled::Whole(self.bytes.so_far())
    }

    /// A reader, once the origin has begun to answer; `None` if it has no such blob.
    pub async fn reader(self: &Arc<Self>) -> Result<Option<Pulling>, UpstreamError> {
        let reader = self.bytes.reader();
        let mut head = self.head.subscribe();
        let gone = || UpstreamError::Away { reason: "the request was given up".into(), retry_millis: 0 };
        let head = head.wait_for(Option::is_some).await.map_err(|_| gone())?.clone();
        let length = head.unwrap_or_else(|| Err(gone()))?;
        Ok(length.map(|length| Pulling { length, reader }))
    }
}

/// A blob on its way, as one reader sees it.
#[derive(Debug)]
pub struct Pulling {
    length: u64,
    reader: Reader,
}

impl Pulling {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next piece; `None` behind the last one. The last one comes once all are verified; if they are wrong, or the origin goes
    /// away, that is said instead, once.
    pub async fn next(&mut self) -> Option<Result<Bytes, BrokenOff>> {
        self.reader.next().await
    }

    /// Every byte, verified.
    ///
    /// # Errors
    /// If they are wrong, or the origin goes away.
    pub async fn whole(mut self) -> Result<Bytes, BrokenOff> {
        self.reader.rest().await
    }
}
