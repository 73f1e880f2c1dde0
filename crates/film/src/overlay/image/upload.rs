//! Pictures of strangers, on their way in.
//!
//! What is kept is not what was sent: the pixels are encoded anew, without a camera's notes, upright, and no larger than a
//! frame shows them. So whatever a file hides besides its pixels is gone, and what is drawn later is quick to read.

use image::{DynamicImage, ExtendedColorType, ImageEncoder as _, RgbaImage, codecs::png::PngEncoder};

use super::{ImageError, MOST_BYTES, broken, decoded, drawn, fit, is_svg, parsed, scaled, tree, within};

/// The longest side that is kept: a logo that fills a frame of 1080 lines loses nothing.
const KEPT_SIDE: u32 = 2048;
/// The side of the square that an SVG is drawn into.
const DRAWN_SIDE: u32 = 768;
/// Most bytes of an SVG.
const MOST_SVG_BYTES: usize = 128 << 10;
/// Most nodes of an SVG, texts and comments included. Each can cover the whole square with a layer of its own: some milliseconds.
const MOST_NODES: u32 = 300;
/// Deepest nesting: a group can need a layer of its own, 2 MB.
const DEEPEST: usize = 16;
/// Most clipping paths, which may clip each other wherever one is used.
const MOST_CLIPS: usize = 2;
/// Elements that cost what they show. One that repeats, filters or embeds can cost anything, and text has no face here.
#[rustfmt::skip]
const PLAIN: [&str; 18] = [
    "svg", "g", "defs", "title", "desc", "metadata", "style", "path", "rect", "circle", "ellipse", "line", "polyline",
    "polygon", "linearGradient", "radialGradient", "stop", "clipPath",
];
/// Elements of other name spaces are a drawing program's notes, which nothing draws.
const SVG: &str = "http://www.w3.org/2000/svg";

/// A picture as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A PNG of its pixels, and of nothing else. The same pixels are the same bytes.
    pub png: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Upload {
    /// Reads what a stranger sent. Takes up to about two seconds of a CPU and 400 MB of memory.
    ///
    /// # Errors
    /// If it is not a picture, or one beyond the limits.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        within(bytes.len(), MOST_BYTES)?;
        let pixels = if is_svg(bytes) { plain_svg(bytes)? } else { shrunk(decoded(bytes)?) };
        let (width, height) = pixels.dimensions();
        let mut png = Vec::new();
        let encoder = PngEncoder::new(&mut png);
        encoder.write_image(pixels.as_raw(), width, height, ExtendedColorType::Rgba8).map_err(broken("PNG"))?;
        Ok(Self { png, width, height })
    }
}

fn shrunk(decoded: DynamicImage) -> RgbaImage {
    let (width, height) = (decoded.width(), decoded.height());
    if width <= KEPT_SIDE && height <= KEPT_SIDE {
        return decoded.into_rgba8();
    }
    let [across, down] = fit([width as f32, height as f32], KEPT_SIDE, KEPT_SIDE);
    straight(&scaled(decoded, across, down))
}

/// Colours as files have them, not multiplied by their cover.
fn straight(pixels: &tiny_skia::Pixmap) -> RgbaImage {
    let raw = pixels.pixels().iter().flat_map(|pixel| {
        let colour = pixel.demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    });
    RgbaImage::from_raw(pixels.width(), pixels.height(), raw.collect()).expect("four bytes for each pixel")
}

fn plain_svg(bytes: &[u8]) -> Result<RgbaImage, ImageError> {
    within(bytes.len(), MOST_SVG_BYTES)?;
    let intricate = |what: String| Err(ImageError::Intricate { what });
    let document = parsed(bytes, MOST_NODES)?;
    let mut clips = 0;
    for node in document.descendants().filter(|node| node.tag_name().namespace() == Some(SVG)) {
        let name = node.tag_name().name();
        if !PLAIN.contains(&name) {
            return intricate(format!("a <{}>", name.chars().take(40).collect::<String>()));
        }
        if node.ancestors().count() > DEEPEST {
            return intricate(format!("elements nested more than {DEEPEST} deep"));
        }
        clips += usize::from(name == "clipPath");
        if clips > MOST_CLIPS {
            return intricate(format!("more than {MOST_CLIPS} clipping paths"));
        }
    }
    // A line of a million dashes is short to write.
    if document.input_text().contains("stroke-dasharray") {
        return intricate("dashed lines".to_owned());
    }
    Ok(straight(&drawn(&tree(&document)?, DRAWN_SIDE, DRAWN_SIDE)?))
}
