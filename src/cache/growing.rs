//! Bytes that grow while they are read, by any number of readers at their own pace.

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

/// The bytes will not be whole. What was read of them is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes broke off before their end")]
pub struct BrokenOff;

/// What there is so far.
#[derive(Debug, Default)]
struct Grown {
    pieces: Vec<Bytes>,
    /// Whether they are whole, once nothing more comes.
    end: Option<bool>,
}

/// Bytes that grow, as their maker sees them.
#[derive(Debug, Default)]
pub struct Growing {
    grown: watch::Sender<Grown>,
}

impl Growing {
    /// The next piece.
    pub fn push(&self, piece: Bytes) {
        self.grown.send_modify(|grown| grown.pieces.push(piece));
    }

    /// Nothing more comes. The first end counts.
    pub fn end(&self, whole: bool) {
        self.grown.send_if_modified(|grown| {
            let first = grown.end.is_none();
            grown.end.get_or_insert(whole);
            first
        });
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.grown.borrow().end.is_some()
    }

    /// Everything so far, in one piece.
    pub fn so_far(&self) -> Bytes {
        let mut all = BytesMut::new();
        for piece in &self.grown.borrow().pieces {
            all.extend_from_slice(piece);
        }
        all.freeze()
    }

    /// Somebody who reads them from their start.
    pub fn reader(&self) -> Reader {
        Reader { grown: self.grown.subscribe(), next: 0, over: false }
    }

    /// How many read them.
    pub fn readers(&self) -> usize {
        self.grown.receiver_count()
    }
}

/// Bytes that grow, as one reader sees them: from their start, as fast as they come.
#[derive(Debug)]
pub struct Reader {
    grown: watch::Receiver<Grown>,
    next: usize,
    over: bool,
}

impl Reader {
    /// The next piece, once it is there; `None` behind the last one. Bytes that break off say so once.
    pub async fn next(&mut self) -> Option<Result<Bytes, BrokenOff>> {
        if self.over {
            return None;
        }
        // A maker that went away without an end broke off.
        let Ok(grown) = self.grown.wait_for(|grown| grown.pieces.len() > self.next || grown.end.is_some()).await else {
            self.over = true;
            return Some(Err(BrokenOff));
        };
        match grown.pieces.get(self.next) {
            Some(piece) => {
                self.next += 1;
                Some(Ok(piece.clone()))
            }
            None => {
                self.over = true;
                (grown.end != Some(true)).then_some(Err(BrokenOff))
            }
        }
    }

    /// Everything that was not read yet, once the last byte is there.
    ///
    /// # Errors
    /// If they break off.
    pub async fn rest(&mut self) -> Result<Bytes, BrokenOff> {
        let mut rest = BytesMut::new();
        while let Some(piece) = self.next().await {
            rest.extend_from_slice(&piece?);
        }
        Ok(rest.freeze())
    }
}
