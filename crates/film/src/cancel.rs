//! A flag that stops an encode from another thread.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells everyone who holds a clone to stop. It cannot be taken back.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for a stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
