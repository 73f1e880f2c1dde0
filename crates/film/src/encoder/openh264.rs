//! openh264, compiled into festoon, for machines that have neither `x264` nor `ffmpeg`.
//!
//! It runs in this process, without a jail: it gets pictures that festoon made, never a stranger's bytes. One thread encodes with a
//! fixed quantiser, so that the same pictures are the same bytes.

use festoon_spec::{Canvas, EncoderId};
use openh264::{
    OpenH264API,
    encoder::{
        BitRate, Complexity, EncoderConfig, FrameRate, IntraFramePeriod, Level, Profile, QpRange, RateControlMode, VuiConfig,
    },
    formats::YUVSource,
};

use super::{Encoder, Frames, Recipe, level::level};
use crate::{Cancel, FilmError, Picture, h264::Stream};

/// Names the settings of plates and mezzanines: whatever changes their bytes takes the next number.
const PLATES: &str = "plate/1";
/// Its name, and the version of the crate that has the library's source in it.
pub(crate) const BUILD: &str = "openh264 0.9.9";

/// By how much more a picture that has no room is quantised, at most to …
const COARSER: u8 = 6;
const COARSEST: u8 = 51;

/// Its sides are whole blocks at least, and within what level 5.2 allows.
const SIDES: std::ops::RangeInclusive<u32> = 16..=3840;
/// The shorter side at most.
const SHORTER: u32 = 2160;

/// The encoder in this program.
#[derive(Debug, Clone)]
pub struct OpenH264 {
    id: EncoderId,
}

impl OpenH264 {
    /// It is always there.
    pub fn here() -> Self {
        Self { id: EncoderId(format!("{BUILD} {PLATES}")) }
    }
}

impl Encoder for OpenH264 {
    fn id(&self) -> &EncoderId {
        &self.id
    }

    fn build(&self) -> &str {
        BUILD
    }

    fn check(&self, canvas: &Canvas) -> Result<(), FilmError> {
        Picture::new(canvas)?;
        step(canvas).map(drop)
    }

    fn encode(&self, recipe: Recipe, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError> {
        let mut picture = Picture::new(canvas)?;
        let mut quantiser = quantiser(recipe);
        let open = |quantiser| {
            let settings = settings(recipe, canvas, quantiser)?;
            Ok::<_, FilmError>(openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), settings)?)
        };
        let mut encoder = open(quantiser)?;
        let mut annex_b = Vec::new();
        for index in 0..canvas.frames {
            if cancel.is_cancelled() {
                return Err(FilmError::Cancelled);
            }
            frames(index, &mut picture)?;
            // What is more noise than picture can be larger than openh264 has room for; it has lost its state then.
            while let Err(error) = encoder.encode(&picture).map(|coded| coded.write_vec(&mut annex_b)) {
                quantiser += COARSER;
                if quantiser > COARSEST {
                    return Err(error.into());
                }
                encoder = open(quantiser)?;
            }
        }
        Ok(Stream::parse(&annex_b, canvas)?)
    }
}

/// What its pictures are quantised by. At 22 plates have about the bytes of x264's and 3 dB less; 12 is the lowest that it takes.
fn quantiser(recipe: Recipe) -> u8 {
    match recipe {
        Recipe::Plate | Recipe::Overlay => 22,
        Recipe::Mezzanine => 12,
    }
}

/// Plates and overlays differ in their search alone, of which nothing is in the header.
fn settings(recipe: Recipe, canvas: &Canvas, quantiser: u8) -> Result<EncoderConfig, FilmError> {
    let complexity = match recipe {
        Recipe::Plate => Complexity::High,
        Recipe::Overlay | Recipe::Mezzanine => Complexity::Low,
    };
    Ok(EncoderConfig::new()
        .profile(Profile::Baseline)
        .level(step(canvas)?)
        .vui(VuiConfig::bt709())
        .max_frame_rate(FrameRate::from_hz(canvas.fps as f32))
        .intra_frame_period(IntraFramePeriod::from_num_frames(canvas.fps.max(2)))
        .complexity(complexity)
        // Control of the rate has nothing to choose between equal ends; the rate only has to be one that every level allows.
        .rate_control_mode(RateControlMode::Bufferbased)
        .bitrate(BitRate::from_bps(5_000_000))
        .qp(QpRange::new(quantiser, quantiser))
        .num_threads(1)
        .skip_frames(false)
        .scene_change_detect(false)
        .adaptive_quantization(false)
        .background_detection(false))
}

fn step(canvas: &Canvas) -> Result<Level, FilmError> {
    let Canvas { width, height, .. } = *canvas;
    if !SIDES.contains(&width) || !SIDES.contains(&height) || width.min(height) > SHORTER {
        return Err(FilmError::Canvas { canvas: *canvas, problem: "openh264 takes 16 x 16 to 3840 x 2160 pixels" });
    }
    Ok(match level(canvas)? {
        "3.1" => Level::Level_3_1,
        "3.2" => Level::Level_3_2,
        "4" => Level::Level_4_0,
        "4.2" => Level::Level_4_2,
        "5" => Level::Level_5_0,
        "5.1" => Level::Level_5_1,
        "5.2" => Level::Level_5_2,
        _ => return Err(FilmError::Canvas { canvas: *canvas, problem: "openh264 has no level above 5.2" }),
    })
}

impl YUVSource for Picture {
    fn dimensions(&self) -> (usize, usize) {
        (self.width(), self.height())
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width(), self.width() / 2, self.width() / 2)
    }

    fn y(&self) -> &[u8] {
        self.luma()
    }

    fn u(&self) -> &[u8] {
        self.chroma().0
    }

    fn v(&self) -> &[u8] {
        self.chroma().1
    }
}

impl From<openh264::Error> for FilmError {
    fn from(error: openh264::Error) -> Self {
        FilmError::OpenH264 { said: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_build_names_the_crate_that_is_compiled_in() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let versions: Vec<_> = lock.lines().skip_while(|line| *line != "name = \"openh264-sys2\"").take(2).collect();
        assert_eq!(format!("openh264 {}", versions[1]), BUILD.replace(' ', " version = \"") + "\"");
    }
}
