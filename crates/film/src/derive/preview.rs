//! A small animation that needs no player: animated WebP.

use festoon_spec::{Canvas, Media};

use super::{CLIP, Derived, Deriver, limits, still::webp};
use crate::{Cancel, FilmError};

/// Pixels of the longer side, at most.
const LONGER_SIDE: u32 = 480;
/// Pictures per second, at most.
const FPS: u32 = 12;
/// Of 100, as the library counts.
const QUALITY: &str = "60";

impl Deriver {
    /// The clip as an animation that begins anew when it ends.
    ///
    /// # Errors
    /// [`FilmError::NoEncoder`] if the program lacks the encoder, [`FilmError::Form`] and [`FilmError::Jail`] if it fails,
    /// [`FilmError::Cancelled`].
    pub fn preview(&self, clip: &[u8], canvas: &Canvas, cancel: &Cancel) -> Result<Derived, FilmError> {
        self.need("libwebp_anim")?;
        let (width, height) = within(canvas, LONGER_SIDE);
        let fps = canvas.fps.min(FPS);
        let filters = format!("fps={fps},scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact");
        // From RGB, as for a single picture.
        #[rustfmt::skip]
        let output = [
            "-map", "0:v:0", "-vf", &filters, "-pix_fmt", "bgra",
            "-c:v", "libwebp_anim", "-quality", QUALITY, "-compression_level", "3", "-loop", "0", "-f", "webp", "pipe:1",
        ];
        let bytes = webp(self.convert(&[&CLIP[..], &output].concat(), clip, limits(canvas), cancel)?)?;
        let frames = bytes.windows(4).filter(|chunk| chunk == b"ANMF").count() as u32;
        Ok(Derived { bytes, media: Media { width, height, frames, fps, codec: "webp".into() } })
    }
}

/// The size whose longer side is no longer than this, in the canvas's ratio and even.
pub(super) fn within(canvas: &Canvas, longer_side: u32) -> (u32, u32) {
    let longer = canvas.width.max(canvas.height);
    if longer <= longer_side {
        return (canvas.width, canvas.height);
    }
    let scaled = |side: u32| ((side * longer_side + longer) / (2 * longer) * 2).max(2);
    (scaled(canvas.width), scaled(canvas.height))
}
