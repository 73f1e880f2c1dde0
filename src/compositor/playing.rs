//! A clip that grows while it is read.

use std::sync::Arc;

use bytes::Bytes;
use festoon_film::Cancel;
use festoon_spec::RenderKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::cache::{BrokenOff, Entry, Growing, Reader};

/// The clip will not be whole: composing it failed. What was read of it is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clip could not be composed to its end")]
pub struct Broken;

impl From<BrokenOff> for Broken {
    fn from(BrokenOff: BrokenOff) -> Self {
        Self
    }
}

/// What became of a clip.
#[derive(Debug, Default)]
struct Fate {
    /// What was kept of it.
    kept: Option<Entry>,
    /// Nothing more happens to it.
    closed: bool,
}

/// A clip being made, as its maker sees it.
#[derive(Debug, Default)]
pub(super) struct Film {
    bytes: Growing,
    fate: watch::Sender<Fate>,
    /// Stops encoders.
    cancel: Cancel,
    /// Ends waits.
    left: CancellationToken,
}

impl Film {
    /// The next piece; nothing is none.
    pub fn push(&self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes.push(piece);
        }
    }

    /// Nothing more comes. The first end counts.
    pub fn end(&self, whole: bool) {
        self.bytes.end(whole);
    }

    /// It is whole, and in the cache.
    pub fn keep(&self, entry: Entry) {
        self.bytes.end(true);
        self.fate.send_modify(|fate| fate.kept = Some(entry));
    }

    /// Its maker is done with it, one way or another.
    pub fn close(&self) {
        self.fate.send_modify(|fate| fate.closed = true);
    }

    /// Every byte of a clip that is whole.
    pub fn bytes(&self) -> Bytes {
        self.bytes.so_far()
    }

    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Ends when the last reader has left.
    pub async fn left(&self) {
        self.left.cancelled().await;
    }
}

/// A clip being made, as one reader sees it: from its start, as fast as it comes. Dropping the last one of a clip that is not
/// finished stops its making.
#[derive(Debug)]
pub struct Playing {
    key: RenderKey,
    film: Arc<Film>,
    inner: Arc<Inner>,
    /// There until it is dropped.
    reader: Option<Reader>,
}

impl Playing {
    /// To be called while `inner.live` is locked, so that a film that nobody reads any more finds no new reader.
    pub(super) fn of(film: &Arc<Film>, key: RenderKey, inner: &Arc<Inner>) -> Self {
        Self { key, film: Arc::clone(film), inner: Arc::clone(inner), reader: Some(film.bytes.reader()) }
    }

    /// The next piece, once it is there; `None` behind the last one. A clip that breaks says so once.
    pub async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        Some(self.reader.as_mut()?.next().await?.map_err(Broken::from))
    }

    /// Its entry, once it is kept.
    ///
    /// # Errors
    /// If the clip breaks, or is not kept.
    pub async fn kept(self) -> Result<Entry, Broken> {
        let mut fate = self.film.fate.subscribe();
        // It ends with the film, which `self` holds.
        let fate = fate.wait_for(|fate| fate.kept.is_some() || fate.closed).await.map_err(|_| Broken)?;
        fate.kept.clone().ok_or(Broken)
    }

    /// Every byte that was not read yet, once the last one is there.
    ///
    /// # Errors
    /// If the clip breaks.
    pub async fn whole(mut self) -> Result<Bytes, Broken> {
        Ok(self.reader.as_mut().ok_or(Broken)?.rest().await?)
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let mut live = self.inner.live();
        self.reader = None;
        if self.film.bytes.readers() > 0 || self.film.bytes.is_over() {
            return;
        }
        self.film.cancel.cancel();
        self.film.left.cancel();
        if live.get(&self.key).is_some_and(|other| Arc::ptr_eq(other, &self.film)) {
            live.remove(&self.key);
        }
    }
}
