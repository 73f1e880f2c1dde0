//! Encoders: pictures in, a H.264 stream out.

mod x264;

use festoon_spec::{Canvas, EncoderId};

use crate::{Cancel, FilmError, Picture, h264::Stream};

pub use x264::X264;

/// Fills the picture with the frame of this index. Called once per frame, in order.
pub type Frames<'a> = dyn FnMut(u32, &mut Picture) -> Result<(), FilmError> + 'a;

/// A build of an encoder with a recipe. The same pictures give the same bytes, on every machine that has the same id.
pub trait Encoder: Send + Sync {
    /// Build and recipe: part of every plate's key.
    fn id(&self) -> &EncoderId;

    /// Encodes `canvas.frames` pictures. Holds one picture at a time, besides what the encoder itself looks ahead.
    ///
    /// # Errors
    /// [`FilmError::Canvas`], [`FilmError::Jail`], [`FilmError::Stream`], [`FilmError::Cancelled`], and what `frames`
    /// returns.
    fn encode(&self, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError>;
}
