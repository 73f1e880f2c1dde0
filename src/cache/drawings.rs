//! Laid out overlays in memory: while a title is typed, asked for and fetched in its forms.

use std::sync::Arc;

use festoon_film::overlay::Drawing;
use festoon_spec::Digest;

/// Memory for them: a title takes 1 to 4 MB of it at 1280x720.
const MOST_BYTES: u64 = 64 << 20;
/// Weights are counted in these.
const UNIT: u64 = 1 << 10;

/// An overlay's digest, and width and height of the frames that it is laid out for.
pub type DrawingName = (Digest, [u32; 2]);

/// Overlays that were laid out lately. It holds copies only: what it lets go is laid out again.
pub struct DrawingMemory(moka::sync::Cache<DrawingName, Arc<Drawing>>);

impl Default for DrawingMemory {
    fn default() -> Self {
        let weigh =
            |_: &DrawingName, drawing: &Arc<Drawing>| u32::try_from(drawing.bytes() as u64 / UNIT + 1).unwrap_or(u32::MAX);
        let lately = moka::policy::EvictionPolicy::lru();
        Self(moka::sync::Cache::builder().max_capacity(MOST_BYTES / UNIT).weigher(weigh).eviction_policy(lately).build())
    }
}

impl DrawingMemory {
    /// What was laid out under this name, if it is still here.
    pub fn get(&self, name: &DrawingName) -> Option<Arc<Drawing>> {
        self.0.get(name)
    }

    /// Remembers what was laid out.
    pub fn put(&self, name: DrawingName, drawing: Arc<Drawing>) {
        self.0.insert(name, drawing);
    }
}
