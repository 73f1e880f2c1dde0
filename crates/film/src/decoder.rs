//! Decoders, of files that festoon made: to check them, and to draw on their pictures.

mod ffmpeg;
mod openh264;

use festoon_spec::Media;

use self::openh264::OpenH264;
use crate::{BoxError, Cancel, FilmError, Picture};

pub use ffmpeg::Ffmpeg;
pub(crate) use ffmpeg::{Look, Pixels, canvas};

/// Gets the RGB frame of this index: rows of R, G, B bytes without gaps.
pub type Take<'a> = dyn FnMut(u32, &[u8]) -> Result<(), BoxError> + 'a;

/// What decodes on this machine.
#[derive(Debug, Clone)]
pub struct Decoder(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Ffmpeg(Ffmpeg, String),
    /// Without a program it reads what the encoder of its name made, in this process.
    OpenH264(OpenH264),
}

impl Decoder {
    /// The `ffmpeg` program, or else openh264, which is always there and decodes what openh264 encoded.
    ///
    /// # Errors
    /// [`FilmError::Version`] and [`FilmError::Jail`] if there is a program that does not answer.
    pub fn find() -> Result<Self, FilmError> {
        match Ffmpeg::find() {
            Ok(ffmpeg) => {
                let build = format!("ffmpeg {}", ffmpeg.version());
                Ok(Self(Kind::Ffmpeg(ffmpeg, build)))
            }
            Err(FilmError::Missing { .. }) => Ok(Self::built_in()),
            Err(error) => Err(error),
        }
    }

    /// openh264.
    pub fn built_in() -> Self {
        Self(Kind::OpenH264(OpenH264))
    }

    /// Its name and version.
    pub fn build(&self) -> &str {
        match &self.0 {
            Kind::Ffmpeg(_, build) => build,
            Kind::OpenH264(openh264) => openh264.build(),
        }
    }

    /// Decodes every frame and gives them to `take` as RGB, one by one in showing order.
    ///
    /// # Errors
    /// [`FilmError::Container`] if it is no MP4 file as festoon writes them, [`FilmError::Jail`] or [`FilmError::OpenH264`] if
    /// decoding fails, [`FilmError::Frames`] if the decoder warns or gives another number of frames than the file says,
    /// [`FilmError::Frame`] for what `take` returns.
    pub fn decode(&self, file: &[u8], cancel: &Cancel, take: &mut Take<'_>) -> Result<Media, FilmError> {
        match &self.0 {
            Kind::Ffmpeg(ffmpeg, _) => ffmpeg.decode(file, cancel, take),
            Kind::OpenH264(openh264) => openh264.decode(file, cancel, &mut |index, picture| {
                take(index, &picture.rgb()).map_err(|source| FilmError::Frame { index, source })
            }),
        }
    }

    /// Decodes every frame as it was encoded.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn pictures(&self, file: &[u8], cancel: &Cancel) -> Result<Vec<Picture>, FilmError> {
        match &self.0 {
            Kind::Ffmpeg(ffmpeg, _) => ffmpeg.pictures(file, cancel),
            Kind::OpenH264(openh264) => {
                let mut pictures = Vec::new();
                openh264.decode(file, cancel, &mut |_, picture| {
                    pictures.push(picture.clone());
                    Ok(())
                })?;
                Ok(pictures)
            }
        }
    }
}
