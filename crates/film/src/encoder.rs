//! Encoders: pictures in, a H.264 stream out.

mod libx264;
mod recipe;
mod x264;

use std::{ffi::OsString, path::Path, time::Duration};

use festoon_spec::{Canvas, EncoderId};

use crate::{
    Cancel, FilmError, Picture,
    h264::{ParameterSets, Stream},
    jail::{Feed, Jail, Limits},
};

pub use libx264::Libx264;
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

/// The encoder of this machine: the `x264` program, or else the library inside `ffmpeg`.
///
/// # Errors
/// What is said of `x264`, if there is neither.
pub fn find_encoder() -> Result<Box<dyn Encoder>, FilmError> {
    match X264::find() {
        Ok(x264) => Ok(Box::new(x264)),
        Err(missing @ FilmError::Missing { .. }) => match Libx264::find() {
            Ok(libx264) => Ok(Box::new(libx264)),
            Err(_) => Err(missing),
        },
        Err(error) => Err(error),
    }
}

/// Pipes the pictures of a canvas through a program in a jail, and gives what it writes.
fn run(
    program: &Path,
    args: Vec<OsString>,
    canvas: &Canvas,
    frames: &mut Frames<'_>,
    cancel: &Cancel,
) -> Result<Vec<u8>, FilmError> {
    let mut picture = Picture::new(canvas)?;
    let jail = Jail { program: program.to_owned(), args, limits: limits(&picture, canvas) };
    let mut next = 0;
    let mut feed = |input: &mut Vec<u8>| {
        frames(next, &mut picture)?;
        input.extend_from_slice(picture.bytes());
        next += 1;
        Ok::<_, FilmError>(if next == canvas.frames { Feed::End } else { Feed::More })
    };
    let mut annex_b = Vec::new();
    jail.run(cancel, &mut feed, &mut |piece| {
        annex_b.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(annex_b)
}

/// Far more than the slowest machine needs, so that only a hung or mad encoder meets them.
fn limits(picture: &Picture, canvas: &Canvas) -> Limits {
    let frame = picture.bytes().len() as u64;
    let raw = frame * u64::from(canvas.frames);
    // The recipes take 10 to 20 ms for a frame of 720p (1.4 MB); some fifty times that, and a minute.
    let seconds = 60 + raw / 1_382_400;
    Limits {
        patience: Duration::from_secs(4 * seconds),
        cpu: Duration::from_secs(seconds),
        // Look-ahead and references hold about 60 frames with their half-pel planes; ffmpeg's libraries take a GiB alone.
        address_space: (2 << 30) + 400 * frame,
        open_files: 64,
        // Nothing grows by being compressed, headers aside.
        output: raw + (1 << 20),
    }
}
