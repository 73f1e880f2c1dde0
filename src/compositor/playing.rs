//! A clip that grows while it is read.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use festoon_film::Cancel;
use festoon_spec::RenderKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::cache::Entry;

/// The clip will not be whole: composing it failed. What was read of it is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clip could not be composed to its end")]
pub struct Broken;

/// What there is of a clip.
#[derive(Debug, Default)]
struct Shown {
    pieces: Vec<Bytes>,
    /// Whether it is whole, once nothing more comes.
    end: Option<bool>,
    /// What was kept of it.
    kept: Option<Entry>,
    /// Nothing more happens to it.
    closed: bool,
}

/// A clip being made, as its maker sees it.
#[derive(Debug, Default)]
pub(super) struct Film {
    shown: watch::Sender<Shown>,
    /// Stops encoders.
    cancel: Cancel,
    /// Ends waits.
    left: CancellationToken,
}

impl Film {
    pub fn push(&self, piece: Bytes) {
        self.shown.send_modify(|shown| shown.pieces.push(piece));
    }

    /// Nothing more comes. The first end counts.
    pub fn end(&self, whole: bool) {
        self.shown.send_if_modified(|shown| {
            let first = shown.end.is_none();
            shown.end.get_or_insert(whole);
            first
        });
    }

    /// It is whole, and in the cache.
    pub fn keep(&self, entry: Entry) {
        self.shown.send_modify(|shown| {
            shown.end.get_or_insert(true);
            shown.kept = Some(entry);
        });
    }

    /// Its maker is done with it, one way or another.
    pub fn close(&self) {
        self.shown.send_modify(|shown| shown.closed = true);
    }

    pub fn pieces(&self) -> Vec<Bytes> {
        self.shown.borrow().pieces.clone()
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
    shown: Option<watch::Receiver<Shown>>,
    next: usize,
    over: bool,
}

impl Playing {
    /// To be called while `inner.live` is locked, so that a film that nobody reads any more finds no new reader.
    pub(super) fn of(film: &Arc<Film>, key: RenderKey, inner: &Arc<Inner>) -> Self {
        let shown = Some(film.shown.subscribe());
        Self { key, film: Arc::clone(film), inner: Arc::clone(inner), shown, next: 0, over: false }
    }

    /// The next piece, once it is there; `None` behind the last one. A clip that breaks says so once.
    pub async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        let shown = self.shown.as_mut().filter(|_| !self.over)?;
        // It ends with the film, which `self` holds.
        let grown = shown.wait_for(|shown| shown.pieces.len() > self.next || shown.end.is_some()).await.ok()?;
        let piece = grown.pieces.get(self.next).cloned();
        let whole = grown.end == Some(true);
        drop(grown);
        match piece {
            Some(piece) => {
                self.next += 1;
                Some(Ok(piece))
            }
            None => {
                self.over = true;
                (!whole).then_some(Err(Broken))
            }
        }
    }

    /// Its entry, once it is kept.
    ///
    /// # Errors
    /// If the clip breaks, or is not kept.
    pub async fn kept(mut self) -> Result<Entry, Broken> {
        let shown = self.shown.as_mut().ok_or(Broken)?;
        let shown = shown.wait_for(|shown| shown.kept.is_some() || shown.closed).await.map_err(|_| Broken)?;
        shown.kept.clone().ok_or(Broken)
    }

    /// Every byte, once the last one is there.
    ///
    /// # Errors
    /// If the clip breaks.
    pub async fn whole(mut self) -> Result<Bytes, Broken> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole.freeze())
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let mut live = self.inner.live();
        self.shown = None;
        if self.film.shown.receiver_count() > 0 || self.film.shown.borrow().end.is_some() {
            return;
        }
        self.film.cancel.cancel();
        self.film.left.cancel();
        if live.get(&self.key).is_some_and(|other| Arc::ptr_eq(other, &self.film)) {
            live.remove(&self.key);
        }
    }
}
