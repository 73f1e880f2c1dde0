//! From painted frames to the file of a plate.

use festoon_spec::{Canvas, Media, Verdict};

use crate::{BoxError, Cancel, Encoder, Expectation, FilmError, Inspector, Picture, mp4};

/// A finished plate.
#[derive(Debug, Clone, PartialEq)]
pub struct Plate {
    /// The file: progressive MP4.
    pub mp4: Vec<u8>,
    /// What is in it, read back from the file.
    pub media: Media,
    /// What the inspector says of the frames.
    pub verdict: Verdict,
}

/// Fills the RGB frame of this index: rows of R, G, B bytes without gaps.
pub type Paint<'a> = dyn FnMut(u32, &mut [u8]) -> Result<(), BoxError> + 'a;

/// Encodes a plate. `paint` is asked for each frame from 0 on, in order, so its calls are also the progress. One frame is held at a time, and one thread encodes: the same frames give the same
/// bytes.
///
/// A failed verdict is not an error: the file is made all the same, for whoever wants to look at it.
///
/// # Errors
/// [`FilmError::Frame`] if `paint` fails, [`FilmError::Cancelled`], or what stood in the encoder's way.
pub fn encode_plate(
    encoder: &dyn Encoder,
    canvas: &Canvas,
    expectation: Expectation,
    paint: &mut Paint<'_>,
    cancel: &Cancel,
) -> Result<Plate, FilmError> {
    let mut rgb = vec![0; Picture::new(canvas)?.rgb_len()];
    let mut inspector = Inspector::new(canvas, expectation);
    let mut frame = |index: u32, picture: &mut Picture| {
        paint(index, &mut rgb).map_err(|source| FilmError::Frame { index, source })?;
        picture.set_rgb(&rgb);
        inspector.look(picture);
        Ok(())
    };
    let stream = encoder.encode(canvas, &mut frame, cancel)?;
    let mp4 = mp4::mux(&stream, canvas)?;
    let media = mp4::probe(&mp4)?;
    Ok(Plate { mp4, media, verdict: inspector.verdict() })
}
