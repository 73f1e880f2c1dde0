//! Pictures that somebody brought: PNG, JPEG and WebP from anybody, SVG from the template's author.
//!
//! They are decoded by libraries without `unsafe` of their own making, within limits: bytes, pixels, and what decoding may
//! take of memory. The limits on bytes and pixels bound the time. Nothing bounds what a hostile SVG may take, so only a file
//! that came with a template is read as one.

use std::io::Cursor;

use image::{DynamicImage, ImageReader, Limits, imageops::FilterType};
use resvg::usvg;
use tiny_skia::{Pixmap, PremultipliedColorU8, Transform};

/// Most bytes of a file.
pub const MOST_BYTES: usize = 8 << 20;
/// Most bytes of an SVG.
const MOST_SVG_BYTES: usize = 512 << 10;
/// Longest side, in pixels.
pub const LONGEST_SIDE: u32 = 8192;
/// Most pixels.
pub const MOST_PIXELS: u64 = 24_000_000;

/// Decodes a file and fits it into a box of `width` by `height` pixels, as large as it can be in its own ratio.
///
/// # Errors
/// If it is not a picture, or one beyond the limits: in words, to follow "the picture cannot be shown: ".
pub(super) fn fitted(bytes: &[u8], width: u32, height: u32) -> Result<Pixmap, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("it has {} bytes, at most {MOST_BYTES} are allowed", bytes.len()));
    }
    if is_svg(bytes) {
        return drawn(bytes, width, height);
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("it is neither PNG, JPEG, WebP nor SVG".to_owned());
    }
    let (wide, high) = reader.into_dimensions().map_err(|error| error.to_string())?;
    if wide > LONGEST_SIDE || high > LONGEST_SIDE || u64::from(wide) * u64::from(high) > MOST_PIXELS {
        return Err(format!(
            "it is {wide} x {high} pixels, at most {LONGEST_SIDE} on a side and {MOST_PIXELS} in all are allowed"
        ));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_SIDE), Some(LONGEST_SIDE));
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| error.to_string())?;
    let [across, down] = fit([wide as f32, high as f32], width, height);
    Ok(scaled(decoded, across, down))
}

/// Whether a file is meant as an SVG. One that is compressed is not: nobody could tell what it grows to.
pub fn is_svg(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    start.starts_with(b"<svg") || (start.starts_with(b"<?xml") && start.len() <= MOST_SVG_BYTES)
}

fn drawn(bytes: &[u8], width: u32, height: u32) -> Result<Pixmap, String> {
    if bytes.len() > MOST_SVG_BYTES {
        return Err(format!("it is an SVG of {} bytes, at most {MOST_SVG_BYTES} are allowed", bytes.len()));
    }
    let tree = usvg::Tree::from_data(bytes, &usvg::Options::default()).map_err(|error| error.to_string())?;
    let [across, down] = fit([tree.size().width(), tree.size().height()], width, height);
    let mut pixels = Pixmap::new(across, down).ok_or("it has no area")?;
    let scale = Transform::from_scale(across as f32 / tree.size().width(), down as f32 / tree.size().height());
    resvg::render(&tree, scale, &mut pixels.as_mut());
    Ok(pixels)
}

/// The largest size in this ratio within the box.
fn fit([wide, high]: [f32; 2], width: u32, height: u32) -> [u32; 2] {
    let scale = (width as f32 / wide).min(height as f32 / high);
    [wide * scale, high * scale].map(|side| (side.round() as u32).max(1))
}

/// Scales premultiplied pixels, so that what cannot be seen does not bleed into edges.
fn scaled(decoded: DynamicImage, width: u32, height: u32) -> Pixmap {
    let mut whole = decoded.into_rgba8();
    for pixel in whole.pixels_mut() {
        let cover = u32::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u32::from(*channel) * cover + 127) / 255) as u8;
        }
    }
    let small = image::imageops::resize(&whole, width, height, FilterType::CatmullRom);
    let mut pixels = Pixmap::new(width, height).expect("sides of at least one pixel, within the box");
    for (pixel, scaled) in pixels.pixels_mut().iter_mut().zip(small.pixels()) {
        let [red, green, blue, cover] = scaled.0;
        // The curve overshoots.
        *pixel = PremultipliedColorU8::from_rgba(red.min(cover), green.min(cover), blue.min(cover), cover)
            .expect("no channel is larger than the cover");
    }
    pixels
}
