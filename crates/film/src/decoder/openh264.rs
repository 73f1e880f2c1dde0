//! openh264's decoder, for machines without `ffmpeg`: it reads what its encoder made.
//!
//! It runs in this process. It is given files of the cache alone, whose bytes are what their name says, and of the one
//! profile that its own encoder writes.

use festoon_spec::{Canvas, Media};
use openh264::formats::YUVSource;

use crate::{
    Cancel, FilmError, Picture,
    encoder::openh264::BUILD,
    mp4::{self, Opened},
};

/// In front of the profile of what the encoder of the same name makes: baseline.
const PROFILE: &str = "avc1.42";

/// The decoder in this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenH264;

impl OpenH264 {
    /// Its version.
    pub fn build(self) -> &'static str {
        BUILD
    }

    /// Decodes every frame and gives them to `take`, one by one.
    pub fn decode(
        self,
        file: &[u8],
        cancel: &Cancel,
        take: &mut dyn FnMut(u32, &Picture) -> Result<(), FilmError>,
    ) -> Result<Media, FilmError> {
        let Opened { media, sets, samples } = mp4::open(file)?;
        if !media.codec.starts_with(PROFILE) {
            return Err(FilmError::OpenH264 { said: format!("`{}` is not what it encodes: install ffmpeg", media.codec) });
        }
        let Media { width, height, frames, fps, .. } = media;
        let mut picture = Picture::new(&Canvas { width, height, frames, fps })?;
        let mut decoder = openh264::decoder::Decoder::new()?;
        let mut packet = Vec::new();
        for unit in [&sets.sps, &sets.pps] {
            packet.extend_from_slice(&[0, 0, 0, 1]);
            packet.extend_from_slice(unit);
        }
        let mut decoded = 0;
        for sample in samples {
            if cancel.is_cancelled() {
                return Err(FilmError::Cancelled);
            }
            annex_b(sample, &mut packet);
            // Without B-frames a picture is whole, and to be shown, when its sample is.
            if let Some(shown) = decoder.decode(&packet)? {
                copy(&shown, &mut picture)?;
                take(decoded, &picture)?;
                decoded += 1;
            }
            packet.clear();
        }
        if decoded != frames {
            return Err(FilmError::Frames { said: frames, decoded, warnings: String::new() });
        }
        Ok(media)
    }
}

/// Puts start codes where a sample has lengths. What is behind a length that does not fit is left out, and missed by the decoder.
fn annex_b(mut sample: &[u8], packet: &mut Vec<u8>) {
    while let Some((length, behind)) = sample.split_first_chunk() {
        let Some((unit, rest)) = behind.split_at_checked(u32::from_be_bytes(*length) as usize) else { return };
        packet.extend_from_slice(&[0, 0, 0, 1]);
        packet.extend_from_slice(unit);
        sample = rest;
    }
}

/// Takes the rows without what pads them.
fn copy(shown: &openh264::decoder::DecodedYUV<'_>, picture: &mut Picture) -> Result<(), FilmError> {
    let (width, height) = (picture.width(), picture.height());
    if shown.dimensions() != (width, height) {
        let (wide, high) = shown.dimensions();
        return Err(FilmError::OpenH264 { said: format!("a picture of {wide} x {high} in a file of {width} x {height}") });
    }
    let (luma, cb, cr) = shown.strides();
    let [to_luma, to_cb, to_cr] = picture.planes_mut();
    for (from, stride, to, width) in
        [(shown.y(), luma, to_luma, width), (shown.u(), cb, to_cb, width / 2), (shown.v(), cr, to_cr, width / 2)]
    {
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
            to.copy_from_slice(&from[..width]);
        }
    }
    Ok(())
}
