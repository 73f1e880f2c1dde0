//! What makes frames. Two painters stand behind one trait: the model and the motion graphics.

mod motion;
mod wan;

use festoon_film::Expectation;
use festoon_spec::{PlateSpec, RenderKey, Stage};

pub use self::{motion::MotionPainter, wan::WanPainter};
use crate::{
    fault::Fault,
    progress::{Plan, Teller},
};

/// Makes the frames of a plate.
///
/// A painter lives on one thread for as long as the process. It may panic while it paints: what it keeps warm between
/// plates must not be in it at that moment, so that the next plate starts clean.
pub trait Painter: Send {
    /// Whose pictures it paints, and which versions of them.
    fn ids(&self) -> Vec<festoon_spec::Painter>;

    /// Its stages and their usual shares for such a plate.
    fn plan(&self, spec: &PlateSpec) -> Plan;

    /// Does everything that comes before the first frame. The noise is drawn from `key`.
    ///
    /// # Errors
    /// If the spec cannot be painted, or somebody asked to stop.
    fn paint(&mut self, key: &RenderKey, spec: &PlateSpec, teller: &mut Teller) -> Result<Box<dyn Frames>, Fault>;
}

/// The frames of one plate.
pub trait Frames {
    /// The stage in which frames are fetched: [`Stage::Paint`] if each is painted when it is asked for,
    /// [`Stage::Encode`] if all are ready.
    fn stage(&self) -> Stage;

    /// What the gate must not take for a mistake in these frames.
    fn expectation(&self) -> Expectation;

    /// Writes frame `index` (from 0, asked for in order) as packed 8-bit RGB.
    ///
    /// # Errors
    /// If the frame cannot be painted.
    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault>;
}
