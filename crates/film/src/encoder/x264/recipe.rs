//! How streams are encoded, whichever front end of x264 does it.
//!
//! The header flags of plates and overlays are pinned, so that both write the same parameter sets whatever their presets and
//! can be spliced: `stitchable`, one level per canvas, and each tool that a preset could switch off named. From preset `fast`
//! on, psy-rd writes a chroma offset of -2 into the header by itself; below, the recipe must. One thread and `cpu-independent`
//! make the bytes the same on every processor. Closed groups of one second start with a key frame, whatever is in the picture.

use super::super::Recipe;

/// What tells the streams of one recipe from those of another.
pub(super) struct Settings {
    pub preset: &'static str,
    pub crf: &'static str,
    pub tune: Option<&'static str>,
    /// By the names of the library's parameters.
    pub tools: &'static [&'static [(&'static str, &'static str)]],
}

/// Names the settings of plates and mezzanines: whatever changes their bytes takes the next number.
pub(super) const PLATES: &str = "plate/2";

/// Everything that is in the parameter sets and that a preset could change. In a plate of film grain, one reference instead
/// of three saves 11 % of `veryfast`'s processor time and 3 % of `superfast`'s, and costs 1 and 3 % more bytes.
const SPLICED: &[(&str, &str)] = &[
    ("ref", "3"),
    ("bframes", "2"),
    ("b-pyramid", "normal"),
    ("weightp", "1"),
    ("weightb", "1"),
    ("8x8dct", "1"),
    ("cabac", "1"),
    ("chroma-qp-offset", "-2"),
];

/// Measured on three kinds of content at 720p: `faster` and `fast` take 1.5 to 3 times the processor time for at most 0.002 of
/// SSIM; CRF 18 takes 17 to 145 % more bytes for at most 0.004.
const PLATE: Settings = Settings { preset: "veryfast", crf: "20", tune: None, tools: &[SPLICED] };

/// What `ultrafast` would leave out at the price of more bytes.
const KEPT: &[(&str, &str)] = &[("deblock", "0,0"), ("partitions", "i8x8,i4x4")];

/// Somebody waits. With the tools that plates need anyway, `ultrafast` takes 40 to 75 % of `superfast`'s processor time for 60 to
/// 120 % of its bytes and within 0.002 of its SSIM, on the same three kinds of content.
const OVERLAY: Settings = Settings { preset: "ultrafast", crf: "20", tune: None, tools: &[SPLICED, KEPT] };

/// Twice the bytes of the plate, and decoded in a third of the time that encoding takes. It is never spliced.
const MEZZANINE: Settings = Settings { preset: "superfast", crf: "12", tune: Some("fastdecode"), tools: &[] };

pub(super) fn settings(recipe: Recipe) -> &'static Settings {
    match recipe {
        Recipe::Plate => &PLATE,
        Recipe::Overlay => &OVERLAY,
        Recipe::Mezzanine => &MEZZANINE,
    }
}
