//! One picture.

use festoon_spec::{Canvas, Media, Still};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::{Derived, Deriver, avif, limits, not_a};
use crate::{
    Cancel, FilmError, Picture,
    decoder::{self, Look, Pixels},
};

/// Of 100, as the library counts. At 720p a picture takes about 80 kB.
const JPEG_QUALITY: u8 = 85;
/// Of 100, as the library counts.
const WEBP_QUALITY: &str = "80";
/// Of 63, 0 is without loss. The mode for single pictures takes 0.1 s at 720p where the one for videos takes 1.7 s for a fifth
/// fewer bytes.
const AVIF_QUANTISER: &str = "24";

impl Deriver {
    /// The frame with this place in a file, or in a part of one, that holds `media`.
    ///
    /// # Errors
    /// [`FilmError::Frames`] if there is no such frame, [`FilmError::Jail`] if decoding fails, [`FilmError::Cancelled`].
    pub fn picture(&self, file: &[u8], media: &Media, place: u32, cancel: &Cancel) -> Result<Picture, FilmError> {
        let mut picture = Picture::new(&decoder::canvas(media))?;
        let look = Look { first: place, count: 1, ..Look::at_all(media, Pixels::Planes) };
        self.ffmpeg()?.look(file, media, &look, cancel, &mut |_, planes| {
            picture.set_planes(planes);
            Ok(())
        })?;
        Ok(picture)
    }

    /// A picture in this format, in its full size.
    ///
    /// # Errors
    /// [`FilmError::NoEncoder`] if the program lacks the encoder, [`FilmError::Form`] and [`FilmError::Jail`] if it fails,
    /// [`FilmError::Cancelled`].
    pub fn still(&self, picture: &Picture, still: Still, cancel: &Cancel) -> Result<Derived, FilmError> {
        let size = (picture.width() as u32, picture.height() as u32);
        Ok(match still {
            Still::Jpeg => Derived::picture(jpeg(&picture.rgb(), size)?, size, "jpeg"),
            Still::Webp => Derived::picture(self.webp(picture, cancel)?, size, "webp"),
            Still::Avif => Derived::picture(self.avif(picture, cancel)?, size, "avif"),
        })
    }

    fn webp(&self, picture: &Picture, cancel: &Cancel) -> Result<Vec<u8>, FilmError> {
        self.need("libwebp")?;
        let size = size(picture);
        // From RGB, so that the colours become those of the format's own matrix, which is not the one of the video. The encoder's
        // packet is a whole file; ffmpeg's own form `webp` writes its size last, which a pipe takes only of what is still buffered.
        #[rustfmt::skip]
        let arguments = [
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", &size, "-i", "pipe:0", "-frames:v", "1",
            "-c:v", "libwebp", "-quality", WEBP_QUALITY, "-compression_level", "4", "-pix_fmt", "bgra", "-f", "image2pipe", "pipe:1",
        ];
        let file = self.convert(&arguments, &picture.rgb(), limits(&canvas(picture)), cancel)?;
        webp(file)
    }

    fn avif(&self, picture: &Picture, cancel: &Cancel) -> Result<Vec<u8>, FilmError> {
        self.need("libaom-av1")?;
        let size = size(picture);
        #[rustfmt::skip]
        let arguments = [
            "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", &size, "-i", "pipe:0", "-frames:v", "1",
            "-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
            "-c:v", "libaom-av1", "-still-picture", "1", "-usage", "allintra", "-cpu-used", "8", "-crf", AVIF_QUANTISER, "-b:v", "0",
            "-threads", "1", "-movflags", "+delay_moov+default_base_moof", "-f", "mp4", "pipe:1",
        ];
        let video = self.convert(&arguments, picture.bytes(), limits(&canvas(picture)), cancel)?;
        avif::write(&video, picture.width() as u32, picture.height() as u32)
    }
}

/// A baseline JPEG of rows of R, G, B, this wide and high.
///
/// # Errors
/// [`FilmError::Form`] if a side has more than 65535 pixels.
pub fn jpeg(rgb: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, FilmError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, JPEG_QUALITY);
    // Colour at half the resolution, as the video has it. With tables of the picture's own this library would write a scan for
    // each component, which not every reader takes.
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let side = |length: u32| u16::try_from(length).map_err(|error| not_a("JPEG", error));
    encoder.encode(rgb, side(width)?, side(height)?, ColorType::Rgb).map_err(|error| not_a("JPEG", error))?;
    Ok(file)
}

/// The bytes, if they are a whole WebP file.
pub(super) fn webp(file: Vec<u8>) -> Result<Vec<u8>, FilmError> {
    let says = file.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    let whole =
        file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") && says.map(u64::from) == Some(file.len() as u64 - 8);
    if whole { Ok(file) } else { Err(not_a("WebP", "it is not a whole file")) }
}

fn size(picture: &Picture) -> String {
    format!("{}x{}", picture.width(), picture.height())
}

fn canvas(picture: &Picture) -> Canvas {
    Canvas { width: picture.width() as u32, height: picture.height() as u32, frames: 1, fps: 1 }
}
