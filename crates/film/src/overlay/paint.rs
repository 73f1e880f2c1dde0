//! What shapes, shadows and pictures are drawn with.

use cosmic_text::{Command, SwashContent, SwashImage};
use festoon_spec::Colour;
use tiny_skia::{Color, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8};

/// A colour that covers so much, from 0 to 1.
pub(super) fn colour(colour: Colour, cover: f32) -> Color {
    let [red, green, blue] = colour.0;
    let mut colour = Color::from_rgba8(red, green, blue, 255);
    colour.set_alpha(cover.clamp(0.0, 1.0));
    colour
}

/// A rectangle with round corners; `None` if it has no area.
pub(super) fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Option<Path> {
    /// How far the handles of a cubic that draws a quarter of a circle lie from its ends.
    const HANDLE: f32 = 0.552_284_8;
    let rectangle = tiny_skia::Rect::from_xywh(x, y, width, height)?;
    let radius = radius.min(width / 2.0).min(height / 2.0);
    if radius <= 0.0 {
        return Some(PathBuilder::from_rect(rectangle));
    }
    let (right, bottom, handle) = (x + width, y + height, radius * (1.0 - HANDLE));
    let mut path = PathBuilder::new();
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - handle, y, right, y + handle, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - handle, right - handle, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.cubic_to(x + handle, bottom, x, bottom - handle, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + handle, x + handle, y, x + radius, y);
    path.close();
    path.finish()
}

/// The shadow that pixels cast: their cover, softened, in one colour. Three passes of a box come close to a Gaussian.
pub(super) fn blurred(caster: &Pixmap, radius: f32, colour: Colour, opacity: f32) -> Pixmap {
    let (width, height) = (caster.width() as usize, caster.height() as usize);
    let mut cover: Vec<f32> = caster.pixels().iter().map(|pixel| f32::from(pixel.alpha())).collect();
    let reach = (radius / 2.0).round() as usize;
    if reach > 0 {
        for _ in 0..3 {
            smear(&mut cover, width, 1, height, width, reach);
            smear(&mut cover, height, width, width, 1, reach);
        }
    }
    let mut shade = caster.clone();
    for (pixel, cover) in shade.pixels_mut().iter_mut().zip(cover) {
        let cover = cover * opacity;
        let [red, green, blue] = colour.0.map(|channel| (f32::from(channel) * cover / 255.0) as u8);
        let whole = cover.round().clamp(0.0, 255.0) as u8;
        *pixel = PremultipliedColorU8::from_rgba(red.min(whole), green.min(whole), blue.min(whole), whole)
            .expect("no channel is larger than the cover");
    }
    shade
}

/// Averages each sample with `reach` neighbours on both sides, along lines of `length` samples that lie `step` apart.
fn smear(samples: &mut [f32], length: usize, step: usize, lines: usize, line_step: usize, reach: usize) {
    let share = 1.0 / (2 * reach + 1) as f32;
    let mut line = vec![0.0; length];
    for start in (0..lines).map(|at| at * line_step) {
        for (at, sample) in line.iter_mut().enumerate() {
            *sample = samples[start + at * step];
        }
        let mut sum: f32 = line.iter().take(reach).sum();
        for at in 0..length {
            sum += line.get(at + reach).copied().unwrap_or(0.0);
            if at > reach {
                sum -= line[at - reach - 1];
            }
            samples[start + at * step] = sum * share;
        }
    }
}

/// Lays a glyph's image over the pixels.
pub(super) fn stamp(pixels: &mut Pixmap, image: &SwashImage, x: i32, y: i32, ink: [u8; 3]) {
    let (width, height) = (pixels.width() as i32, pixels.height() as i32);
    for row in 0..image.placement.height as i32 {
        for column in 0..image.placement.width as i32 {
            let (x, y) = (x + column, y + row);
            if !(0..width).contains(&x) || !(0..height).contains(&y) {
                continue;
            }
            let at = (row * image.placement.width as i32 + column) as usize;
            let [red, green, blue, cover] = match image.content {
                SwashContent::Color => [0, 1, 2, 3].map(|channel| image.data[at * 4 + channel]),
                SwashContent::Mask | SwashContent::SubpixelMask => [ink[0], ink[1], ink[2], image.data[at]],
            };
            if cover == 0 {
                continue;
            }
            let below = &mut pixels.pixels_mut()[(y * width + x) as usize];
            let lay = |own: u8, below: u8| {
                let own = u32::from(own) * u32::from(cover) + u32::from(below) * (255 - u32::from(cover));
                ((own + 127) / 255) as u8
            };
            let whole = lay(255, below.alpha());
            let [red, green, blue] = [lay(red, below.red()), lay(green, below.green()), lay(blue, below.blue())];
            *below = PremultipliedColorU8::from_rgba(red.min(whole), green.min(whole), blue.min(whole), whole)
                .expect("no channel is larger than the cover");
        }
    }
}

/// Adds a glyph's outline.
pub(super) fn trace(path: &mut PathBuilder, commands: &[Command], x: f32, y: f32) {
    for command in commands {
        // Outlines point up, pixels down.
        match command {
            Command::MoveTo(to) => path.move_to(x + to.x, y - to.y),
            Command::LineTo(to) => path.line_to(x + to.x, y - to.y),
            Command::QuadTo(by, to) => path.quad_to(x + by.x, y - by.y, x + to.x, y - to.y),
            Command::CurveTo(by, then, to) => path.cubic_to(x + by.x, y - by.y, x + then.x, y - then.y, x + to.x, y - to.y),
            Command::Close => path.close(),
        }
    }
}

/// One colour with soft edges.
pub(super) fn flat(colour: Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour);
    paint
}
