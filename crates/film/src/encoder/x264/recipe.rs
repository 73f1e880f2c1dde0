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
    /// How the quality is set, and to what.
    pub quality: (&'static str, &'static str),
    pub tune: Option<&'static str>,
    /// By the names of the library's parameters.
    pub tools: &'static [&'static [(&'static str, &'static str)]],
}

/// Names the settings of plates and mezzanines: whatever changes their bytes takes the next number.
pub(super) const PLATES: &str = "plate/3";

/// Everything that is in the parameter sets and that a preset could change. One reference, no pyramid of B-frames and no weighted
/// prediction of P-frames save 10 to 30 % of a plate's processor time and 15 to 25 % of an overlay's, for between 10 % fewer and
/// 3 % more bytes and 0.0005 of SSIM at most, on seven kinds of content at 720p.
const SPLICED: &[(&str, &str)] = &[
    ("ref", "1"),
    ("bframes", "2"),
    ("b-pyramid", "none"),
    ("weightp", "0"),
    ("weightb", "1"),
    ("8x8dct", "1"),
    ("cabac", "1"),
    ("chroma-qp-offset", "-2"),
];

/// Measured on three kinds of content at 720p: `faster` and `fast` take 1.5 to 3 times the processor time for at most 0.002 of
/// SSIM; CRF 18 takes 17 to 145 % more bytes for at most 0.004.
const PLATE: Settings = Settings { preset: "veryfast", quality: ("crf", "20"), tune: None, tools: &[SPLICED] };

/// What `ultrafast` would leave out at the price of blocks that are seen.
const KEPT: &[(&str, &str)] = &[("deblock", "0,0")];

/// Somebody waits. One quantiser for all needs no look-ahead to choose one, a quarter to a third of the processor time; 21 is what
/// plates have in the mean. On seven kinds of content at 720p its SSIM is that of the plates or up to 0.002 above, and 0.0005
/// below where there is hardly anything to see; `superfast` would take twice the time for half the bytes.
const OVERLAY: Settings = Settings { preset: "ultrafast", quality: ("qp", "21"), tune: None, tools: &[SPLICED, KEPT] };

/// Twice the bytes of the plate, and decoded in a third of the time that encoding takes. It is never spliced.
const MEZZANINE: Settings = Settings { preset: "superfast", quality: ("crf", "12"), tune: Some("fastdecode"), tools: &[] };

pub(super) fn settings(recipe: Recipe) -> &'static Settings {
    match recipe {
        Recipe::Plate => &PLATE,
        Recipe::Overlay => &OVERLAY,
        Recipe::Mezzanine => &MEZZANINE,
    }
}
