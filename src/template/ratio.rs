//! The ratio of a frame's width to its height, and the size that a template's frames have in it.

use std::{fmt, str::FromStr};

use festoon_spec::Canvas;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest side of a frame, in pixels.
pub(super) const LONGEST_SIDE: u32 = 3840;
/// The largest number that may stand on either side of the colon.
const LARGEST: u32 = 9999;
/// Narrower frames than 2:3 are shown full-screen on phones.
const NARROW: (u32, u32) = (2, 3);

/// How many pixels a frame has across for so many down, in lowest terms: `32:18` is `16:9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ratio {
    across: u32,
    down: u32,
}

/// Not a ratio.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a ratio: expected width and height with a colon between, for example `9:16`")]
pub struct RatioError(pub String);

impl Ratio {
    /// The ratio of a size.
    pub fn of(canvas: &Canvas) -> Self {
        Self::reduced(canvas.width.max(1), canvas.height.max(1))
    }

    fn reduced(across: u32, down: u32) -> Self {
        let mut common = (across, down);
        while common.1 != 0 {
            common = (common.1, common.0 % common.1);
        }
        Self { across: across / common.0, down: down / common.0 }
    }

    /// Whether a canvas has this ratio, but for the rounding of a side to an even number of pixels.
    pub fn is_of(self, canvas: &Canvas) -> bool {
        let (width, height) = (u64::from(canvas.width), u64::from(canvas.height));
        let (across, down) = (u64::from(self.across), u64::from(self.down));
        (width * down).abs_diff(height * across) < 2 * down.max(across)
    }

    /// The width of a frame of this ratio whose shorter side is 1: what type, which is measured against that side, has room in.
    pub fn breadth(self) -> f64 {
        f64::from(self.across) / f64::from(self.across.min(self.down))
    }

    /// Whether a frame of this ratio is shown full-screen on a phone, under what apps lay over it.
    pub fn is_full_screen(self) -> bool {
        self.across * NARROW.1 < self.down * NARROW.0
    }

    /// The smallest canvas of exactly this ratio, with even sides, that has no fewer pixels than `base`; the same otherwise.
    pub fn canvas(self, base: &Canvas) -> Canvas {
        let pixels = u64::from(base.width) * u64::from(base.height);
        let (across, down) = (u64::from(self.across), u64::from(self.down));
        let fits = |times: u64| (across * times) * (down * times) >= pixels;
        let mut times = ((pixels as f64 / (across * down) as f64).sqrt() as u64 / 2).max(1) * 2;
        while times > 2 && fits(times - 2) {
            times -= 2;
        }
        while !fits(times) {
            times += 2;
        }
        let side = |part: u64| u32::try_from(part * times).unwrap_or(u32::MAX);
        Canvas { width: side(across), height: side(down), ..*base }
    }
}

impl FromStr for Ratio {
    type Err = RatioError;
    fn from_str(text: &str) -> Result<Self, RatioError> {
        let wrong = || RatioError(text.chars().take(40).collect());
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|number| plain && (1..=LARGEST).contains(number))
        };
        let (across, down) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self::reduced(number(across).ok_or_else(wrong)?, number(down).ok_or_else(wrong)?))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.across, self.down)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    fn canvas(width: u32, height: u32) -> Canvas {
        Canvas { width, height, frames: 120, fps: 24 }
    }

    #[test]
    fn a_ratio_is_one_however_it_is_written() {
        for text in ["9:16", "18:32", "1080:1920", "09:16"] {
            assert_eq!((ratio(text), ratio(text).to_string().as_str()), (ratio("9:16"), "9:16"), "{text}");
        }
        for text in ["", ":", "9:", "0:1", "9x16", "+9:16", "9:16:1", " 9:16", "99999:1", "\u{0661}:1"] {
            assert!(text.parse::<Ratio>().is_err(), "{text:?}");
        }
        assert!("9".repeat(10_000).parse::<Ratio>().unwrap_err().to_string().len() < 200);
    }

    /// Landscape and portrait turned are the same size turned; a square has as many pixels; sides stay even where the ratio is odd.
    #[test]
    fn the_size_in_a_ratio_is_exact_and_has_about_as_many_pixels() {
        for (base, wanted, width, height) in [
            ((1280, 720), "16:9", 1280, 720),
            ((1280, 720), "9:16", 720, 1280),
            ((1280, 720), "1:1", 960, 960),
            ((1280, 720), "4:5", 864, 1080),
            ((1920, 1080), "4:5", 1288, 1610),
            ((720, 1280), "16:9", 1280, 720),
            ((320, 180), "1:1", 240, 240),
            ((64, 36), "4:5", 48, 60),
            ((16, 16), "21:9", 28, 12),
            ((2, 2), "9999:9998", 19_998, 19_996),
        ] {
            let made = ratio(wanted).canvas(&canvas(base.0, base.1));
            assert_eq!((made.width, made.height, made.frames, made.fps), (width, height, 120, 24), "{base:?} in {wanted}");
            assert_eq!(Ratio::of(&made), ratio(wanted));
        }
    }

    #[test]
    fn a_side_that_had_to_be_rounded_keeps_its_ratio() {
        assert!(ratio("16:9").is_of(&canvas(854, 480)) && ratio("16:9").is_of(&canvas(1280, 720)));
        assert!(!ratio("16:9").is_of(&canvas(832, 480)) && !ratio("16:9").is_of(&canvas(720, 1280)));
    }

    #[test]
    fn only_what_fills_a_phone_is_shown_full_screen() {
        assert!(ratio("9:16").is_full_screen() && ratio("9:20").is_full_screen());
        assert!(["2:3", "4:5", "1:1", "16:9"].iter().all(|text| !ratio(text).is_full_screen()));
    }
}
