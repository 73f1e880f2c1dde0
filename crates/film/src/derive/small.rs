//! A clip with fewer pixels, cut where the clip is cut, so that a player may change from one to the other at each cut.
//!
//! Every fragment is decoded, scaled and encoded by itself. So fragments that a clip shares with its plate are the plate's in
//! the small form too, and are made once.

use std::{sync::mpsc::sync_channel, thread::scope};

use festoon_spec::{Canvas, FrameRange, Media};

use super::{Derived, Deriver};
use crate::{
    Cancel, Encoder, FilmError, Picture, Recipe,
    decoder::{Look, Pixels, canvas},
    h264::{ParameterSets, Stream},
    mp4::{fragment, init, probe_fragments, probe_init},
};

/// Pixels of its shorter side.
pub const SHORTER_SIDE: u32 = 480;

/// Pictures that wait for the encoder.
const WAITING: usize = 2;

/// The canvas of the small form; none of a clip that is as small already.
pub fn small_canvas(canvas: &Canvas) -> Option<Canvas> {
    let shorter = canvas.width.min(canvas.height);
    let scaled = |side: u32| (side * SHORTER_SIDE + shorter) / (2 * shorter) * 2;
    (shorter > SHORTER_SIDE).then(|| Canvas { width: scaled(canvas.width), height: scaled(canvas.height), ..*canvas })
}

/// A plate in full size and in the small form, both as fragmented files.
#[derive(Debug, Clone, Copy)]
pub struct SmallPlate<'a> {
    /// In full size.
    pub full: &'a [u8],
    /// In the small form.
    pub small: &'a [u8],
}

impl Deriver {
    /// A fragmented file in the small form, as a fragmented file with the same cuts. What it shares with the plate is taken
    /// from there.
    ///
    /// # Errors
    /// [`FilmError::Container`] if it is not a whole fragmented file, [`FilmError::TooSmall`] if it has no small form,
    /// [`FilmError::Sets`] if the encoder is not that of the plate; what stood in the decoder's or the encoder's way.
    pub fn small(
        &self,
        encoder: &dyn Encoder,
        clip: &[u8],
        plate: Option<SmallPlate<'_>>,
        cancel: &Cancel,
    ) -> Result<Derived, FilmError> {
        let parts = probe_fragments(clip)?;
        let media = probe_init(&clip[parts.init.clone()])?.media;
        let target = small_canvas(&canvas(&media)).ok_or(FilmError::TooSmall { width: media.width, height: media.height })?;
        let made = plate.map(|plate| Ok::<_, FilmError>((plate, probe_fragments(plate.full)?, probe_fragments(plate.small)?)));
        let made = made.transpose()?;
        let shared = |frames: FrameRange, bytes: &[u8]| {
            let (plate, full, small) = made.as_ref()?;
            let place =
                full.fragments.iter().position(|(other, place)| *other == frames && plate.full[place.clone()] == *bytes)?;
            small.fragments.get(place).filter(|(other, _)| *other == frames).map(|(_, place)| &plate.small[place.clone()])
        };
        let mut sets = match &made {
            Some((plate, _, small)) => Some(probe_init(&plate.small[small.init.clone()])?.sets),
            None => None,
        };
        // Somebody waits for a clip's, nobody for a plate's.
        let recipe = if made.is_some() { Recipe::Overlay } else { Recipe::Plate };
        let mut fragments = Vec::new();
        for (frames, place) in parts.fragments {
            let bytes = &clip[place];
            if let Some(stored) = shared(frames, bytes) {
                fragments.extend_from_slice(stored);
                continue;
            }
            let part = Media { frames: frames.count(), ..media.clone() };
            let target = Canvas { frames: frames.count(), ..target };
            let file = [&clip[parts.init.clone()], bytes].concat();
            let Stream { sets: found, samples } = self.scaled(encoder, recipe, &file, &part, &target, cancel)?;
            if *sets.get_or_insert_with(|| found.clone()) != found {
                return Err(FilmError::Sets { what: "a small segment", build: encoder.build().to_owned() });
            }
            fragments.extend(fragment(&samples, frames.start)?);
        }
        let sets: ParameterSets = sets.ok_or(FilmError::Cancelled)?;
        let init = init(&sets, &target)?;
        let media = probe_init(&init)?.media;
        Ok(Derived { bytes: [init, fragments].concat(), media })
    }

    /// Decodes and encodes at once, a picture at a time.
    fn scaled(
        &self,
        encoder: &dyn Encoder,
        recipe: Recipe,
        file: &[u8],
        media: &Media,
        target: &Canvas,
        cancel: &Cancel,
    ) -> Result<Stream, FilmError> {
        let Canvas { width, height, .. } = *target;
        let look = Look { width, height, ..Look::at_all(media, Pixels::Planes) };
        let black = Picture::new(target)?;
        let (give, given) = sync_channel::<Picture>(WAITING);
        scope(|scope| {
            let decoding = scope.spawn(move || {
                self.ffmpeg()?.look(file, media, &look, cancel, &mut |_, planes| {
                    let mut picture = black.clone();
                    picture.set_planes(planes);
                    // The encoder has stopped and says why.
                    give.send(picture).map_err(|_| FilmError::Cancelled.into())
                })
            });
            let mut take = |_, picture: &mut Picture| {
                *picture = given.recv().map_err(|_| FilmError::Cancelled)?;
                Ok(())
            };
            let encoded = encoder.encode(recipe, target, &mut take, cancel);
            drop(given);
            let decoded = decoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (encoded, decoded) {
                (Ok(stream), Ok(())) => Ok(stream),
                // Who stops first makes the other one stop: what is not a stop is the cause.
                (Err(FilmError::Cancelled), Err(cause)) | (Err(cause), _) | (Ok(_), Err(cause)) => Err(cause),
            }
        })
    }
}
