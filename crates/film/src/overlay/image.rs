//! Pictures that somebody brought: PNG, JPEG, WebP and SVG, told apart by their bytes, whatever they are called.
//!
//! They are decoded by libraries without `unsafe` of their own making, within limits: bytes, pixels, and what decoding may
//! take of memory. The limits on bytes and pixels bound the time. An SVG can ask for work that its length does not show; of
//! strangers' ones only [what stays cheap](upload) is drawn.

mod upload;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits, imageops::FilterType, metadata::Orientation};
use resvg::usvg::{
    self,
    roxmltree::{Document, ParsingOptions},
};
use tiny_skia::{Pixmap, PremultipliedColorU8, Transform};

pub use upload::Upload;

/// Most bytes of a file.
pub const MOST_BYTES: usize = 8 << 20;
/// Most bytes of an SVG.
const MOST_SVG_BYTES: usize = 512 << 10;
/// Longest side, in pixels.
pub const LONGEST_SIDE: u32 = 8192;
/// Most pixels.
pub const MOST_PIXELS: u64 = 24_000_000;

/// Why a file is not taken as a picture: in words, to follow "the picture cannot be shown: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Too many bytes.
    #[error("it has {bytes} bytes, at most {limit} are allowed")]
    TooManyBytes {
        /// How many.
        bytes: usize,
        /// The most.
        limit: usize,
    },
    /// Too many pixels.
    #[error("it is {width} x {height} pixels, at most {LONGEST_SIDE} on a side and {MOST_PIXELS} in all are allowed")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// Something else.
    #[error("it is neither PNG, JPEG, WebP nor SVG")]
    Unknown,
    /// Damaged, or cut off, or of a kind that the decoder does not know.
    #[error("it cannot be read as {format}: {said}")]
    Broken {
        /// What it looked like.
        format: &'static str,
        /// What the decoder said.
        said: String,
    },
    /// An SVG of a stranger that asks for more than its length shows.
    #[error("it is an SVG with {what}, which is drawn only of files that come with a template")]
    Intricate {
        /// What.
        what: String,
    },
}

impl ImageError {
    /// Whether there is too much of it, not something wrong with it.
    pub fn is_too_large(&self) -> bool {
        matches!(self, ImageError::TooManyBytes { .. } | ImageError::TooManyPixels { .. })
    }

    /// What would be right, where the message does not say it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ImageError::Intricate { .. } => Some("export it as a PNG with a transparent background"),
            ImageError::Broken { .. } | ImageError::Unknown => Some("save it as a PNG, a JPEG or a WebP"),
            _ => None,
        }
    }
}

/// Decodes a file and fits it into a box of `width` by `height` pixels, as large as it can be in its own ratio.
///
/// # Errors
/// If it is not a picture, or one beyond the limits.
pub(super) fn fitted(bytes: &[u8], width: u32, height: u32) -> Result<Pixmap, ImageError> {
    within(bytes.len(), MOST_BYTES)?;
    if is_svg(bytes) {
        within(bytes.len(), MOST_SVG_BYTES)?;
        return drawn(&tree(&parsed(bytes, u32::MAX)?)?, width, height);
    }
    let decoded = decoded(bytes)?;
    let [across, down] = fit([decoded.width() as f32, decoded.height() as f32], width, height);
    Ok(scaled(decoded, across, down))
}

fn within(bytes: usize, limit: usize) -> Result<(), ImageError> {
    if bytes > limit { Err(ImageError::TooManyBytes { bytes, limit }) } else { Ok(()) }
}

fn broken<E: ToString>(format: &'static str) -> impl Fn(E) -> ImageError {
    move |error| ImageError::Broken { format, said: error.to_string() }
}

/// The pixels of a file that is no SVG, upright.
fn decoded(bytes: &[u8]) -> Result<DynamicImage, ImageError> {
    let format = image::guess_format(bytes).map_err(|_| ImageError::Unknown)?;
    let name = match format {
        image::ImageFormat::Png => "PNG",
        image::ImageFormat::Jpeg => "JPEG",
        image::ImageFormat::WebP => "WebP",
        _ => return Err(ImageError::Unknown),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken(name))?;
    let (width, height) = decoder.dimensions();
    if width > LONGEST_SIDE || height > LONGEST_SIDE || u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(ImageError::TooManyPixels { width, height });
    }
    // A camera's note that cannot be read turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(broken(name))?;
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

/// Whether a file is meant as an SVG. One that is compressed is not: nobody could tell what it grows to.
pub fn is_svg(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    [&b"<svg"[..], b"<?xml", b"<!--", b"<!DOCTYPE svg"].iter().any(|mark| start.starts_with(mark))
}

/// Drawing programs write a document type; its entities are bounded by the parser.
fn parsed(bytes: &[u8], nodes_limit: u32) -> Result<Document<'_>, ImageError> {
    let text = std::str::from_utf8(bytes).map_err(broken("SVG"))?;
    let options = ParsingOptions { allow_dtd: true, nodes_limit, ..ParsingOptions::default() };
    match Document::parse_with_options(text, options) {
        Err(usvg::roxmltree::Error::NodesLimitReached) => {
            Err(ImageError::Intricate { what: format!("more than {nodes_limit} nodes") })
        }
        parsed => parsed.map_err(broken("SVG")),
    }
}

/// Reads no other file, whatever the SVG names.
fn tree(document: &Document<'_>) -> Result<usvg::Tree, ImageError> {
    let image_href_resolver =
        usvg::ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = usvg::Options { image_href_resolver, ..usvg::Options::default() };
    usvg::Tree::from_xmltree(document, &options).map_err(broken("SVG"))
}

fn drawn(tree: &usvg::Tree, width: u32, height: u32) -> Result<Pixmap, ImageError> {
    let [across, down] = fit([tree.size().width(), tree.size().height()], width, height);
    let none = || ImageError::Broken { format: "SVG", said: "it has no area".to_owned() };
    let mut pixels = Pixmap::new(across, down).ok_or_else(none)?;
    let scale = Transform::from_scale(across as f32 / tree.size().width(), down as f32 / tree.size().height());
    resvg::render(tree, scale, &mut pixels.as_mut());
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
