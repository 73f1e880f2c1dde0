//! Encoders: pictures in, a H.264 stream out.

mod level;
pub(crate) mod openh264;
mod x264;

use festoon_spec::{Canvas, EncoderId};

use crate::{
    Cancel, FilmError, Picture,
    h264::{ParameterSets, Stream},
};

pub use openh264::OpenH264;
pub use x264::X264;

/// Fills the picture with the frame of this index. Called once per frame, in order.
pub type Frames<'a> = dyn FnMut(u32, &mut Picture) -> Result<(), FilmError> + 'a;

/// What a stream is for. Streams of plates and of overlays have the same [parameter sets](Encoder::shared_sets), so that one
/// can take the other's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// A segment of a plate: made once, kept, delivered often.
    Plate,
    /// A segment with an overlay on it: made while somebody waits.
    Overlay,
    /// A plate's frames at nearly no loss and quickly decoded, for overlays to be drawn on.
    Mezzanine,
}

/// A build of an encoder with its recipes. The same pictures give the same bytes, on every machine that has the same build.
pub trait Encoder: Send + Sync {
    /// Build and recipe of plates: part of every plate's key.
    fn id(&self) -> &EncoderId;

    /// The program and its version: part of every clip's key.
    fn build(&self) -> &str;

    /// Whether it can encode pictures of this canvas at all: asked before the first one is made.
    ///
    /// # Errors
    /// [`FilmError::Canvas`].
    fn check(&self, canvas: &Canvas) -> Result<(), FilmError> {
        Picture::new(canvas).map(drop)
    }

    /// Asks for encoders that are started before overlays are to be encoded, so that nobody waits for that: for whoever composes
    /// clips. Does nothing where there is nothing to start.
    fn stand_by(&mut self) {}

    /// Encodes `canvas.frames` pictures, in closed groups that begin with a key. Holds one picture at a time, besides what the
    /// encoder itself looks ahead.
    ///
    /// # Errors
    /// [`FilmError::Canvas`], [`FilmError::Jail`], [`FilmError::Stream`], [`FilmError::Cancelled`], and what `frames`
    /// returns.
    fn encode(&self, recipe: Recipe, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError>;

    /// The parameter sets that plates and overlays of this size and rate have, found by encoding a black picture with both
    /// recipes.
    ///
    /// # Errors
    /// [`FilmError::Sets`] if they differ, else as [`Encoder::encode`].
    fn shared_sets(&self, canvas: &Canvas, cancel: &Cancel) -> Result<ParameterSets, FilmError> {
        let one = Canvas { frames: 1, ..*canvas };
        let sets = |recipe| Ok::<_, FilmError>(self.encode(recipe, &one, &mut |_, _| Ok(()), cancel)?.sets);
        let (plate, overlay) = (sets(Recipe::Plate)?, sets(Recipe::Overlay)?);
        if plate == overlay { Ok(plate) } else { Err(FilmError::Sets { what: "overlays", build: self.build().to_owned() }) }
    }
}

/// The encoder of this machine: the `x264` program, or else the library inside `ffmpeg`, or else openh264, which needs no
/// program.
///
/// # Errors
/// If there is an `x264` that cannot be used.
pub fn find_encoder() -> Result<Box<dyn Encoder>, FilmError> {
    match X264::find() {
        Ok(x264) => Ok(Box::new(x264)),
        // An ffmpeg may be built without the library, or be broken: then it is as if it were not there.
        Err(FilmError::Missing { .. }) => Ok(match X264::find_in_ffmpeg() {
            Ok(x264) => Box::new(x264),
            Err(_) => Box::new(OpenH264::here()),
        }),
        Err(error) => Err(error),
    }
}
