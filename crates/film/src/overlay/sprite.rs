//! What a layer looks like, ready to be laid over a picture: Y', Cb and Cr multiplied by how much they cover, so that laying
//! it over a frame takes two small multiplications for each sample that it touches.

use tiny_skia::{Pixmap, PremultipliedColorU8};

use super::animation::{Reveal, State};
use crate::Picture;

// ITU-R BT.709-6, items 3.2 to 3.4, as in `picture.rs`.
const KR: f32 = 0.2126;
const KG: f32 = 0.7152;
const KB: f32 = 0.0722;

/// Fractions of a row that a sprite can be moved by.
const STEPS: i32 = 16;

/// A layer that was drawn once. It covers whole samples of colour: its place and size are even.
#[derive(Debug)]
pub(super) struct Sprite {
    luma: Plane,
    chroma: [Plane; 2],
}

/// One plane of a sprite.
#[derive(Debug)]
struct Plane {
    x: i32,
    y: i32,
    width: usize,
    /// Samples, multiplied by `covers`.
    values: Vec<u8>,
    /// How much of what is below is covered.
    covers: Vec<u8>,
    /// When each sample comes, and when it goes.
    order: [Option<Vec<u8>>; 2],
}

/// The rectangle of whole colour samples around these pixels and the neighbours that their colour reaches.
fn even(x: i32, y: i32, width: u32, height: u32) -> (i32, i32, usize, usize) {
    let down = |from: i32| from.div_euclid(2) * 2;
    let up = |to: i32| (to + 1).div_euclid(2) * 2;
    let (left, top) = (down(x - 1), down(y));
    let (right, bottom) = (up(x + width as i32 + 1), up(y + height as i32));
    (left, top, (right - left) as usize, (bottom - top) as usize)
}

impl Sprite {
    /// Memory that its samples take.
    pub fn bytes(&self) -> usize {
        let samples = |plane: &Plane| {
            let orders: usize = plane.order.iter().flatten().map(Vec::len).sum();
            plane.values.len() + plane.covers.len() + orders
        };
        std::iter::once(&self.luma).chain(&self.chroma).map(samples).sum()
    }

    /// A picture whose upper left pixel is at `x`, `y` of the frame.
    pub fn of_pixels(pixels: &Pixmap, x: i32, y: i32) -> Self {
        let (left, top, width, height) = even(x, y, pixels.width(), pixels.height());
        let at = |column: i32, row: i32| -> [f32; 4] {
            let (column, row) = (column + left - x, row + top - y);
            let inside = (0..pixels.width() as i32).contains(&column) && (0..pixels.height() as i32).contains(&row);
            let none = PremultipliedColorU8::TRANSPARENT;
            let pixel = if inside { pixels.pixels()[(row as u32 * pixels.width() + column as u32) as usize] } else { none };
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()].map(f32::from)
        };
        let mut luma = Plane::new(left, top, width, height);
        for (row, column) in cells(height, width) {
            let pixel = at(column, row);
            luma.put(row, column, luma_of(pixel), pixel[3]);
        }
        let mut chroma = [0, 1].map(|_| Plane::new(left / 2, top / 2, width / 2, height / 2));
        for (row, column) in cells(height / 2, width / 2) {
            // Left-sited, as the picture's own: 1:2:1 across and 1:1 down.
            let mut sum = [0.0; 4];
            for (across, weight) in [(-1, 0.125), (0, 0.25), (1, 0.125)] {
                for down in [0, 1] {
                    let pixel = at(2 * column + across, 2 * row + down);
                    sum.iter_mut().zip(pixel).for_each(|(sum, channel)| *sum += weight * channel);
                }
            }
            let differences = differences_of(sum);
            for (plane, value) in chroma.iter_mut().zip(differences) {
                plane.put(row, column, value, sum[3]);
            }
        }
        Self { luma, chroma }
    }

    /// One colour that covers as much as `covers` says of each pixel, from 0 to 1.
    pub fn of_colour(colour: [u8; 3], x: i32, y: i32, size: [u32; 2], covers: impl Fn(f32, f32) -> f32) -> Self {
        let (left, top, width, height) = even(x, y, size[0], size[1]);
        let pixel = [f32::from(colour[0]), f32::from(colour[1]), f32::from(colour[2]), 255.0];
        let (level, differences) = (luma_of(pixel), differences_of(pixel));
        let mut luma = Plane::new(left, top, width, height);
        for (row, column) in cells(height, width) {
            let share = covers((left + column) as f32 + 0.5, (top + row) as f32 + 0.5).clamp(0.0, 1.0);
            luma.put(row, column, level * share, 255.0 * share);
        }
        let mut chroma = [0, 1].map(|_| Plane::new(left / 2, top / 2, width / 2, height / 2));
        for (row, column) in cells(height / 2, width / 2) {
            let share = covers((left + 2 * column) as f32 + 0.5, (top + 2 * row) as f32 + 1.0).clamp(0.0, 1.0);
            for (plane, value) in chroma.iter_mut().zip(differences) {
                plane.put(row, column, value * share, 255.0 * share);
            }
        }
        Self { luma, chroma }
    }

    /// Sets when each pixel comes (`entering`) or goes: from 0 for the first to 1 for the last, by its place in the frame.
    pub fn set_order(&mut self, entering: bool, time: impl Fn(f32, f32) -> f32) {
        let [cb, cr] = &mut self.chroma;
        for (plane, step) in [(&mut self.luma, 1), (cb, 2), (cr, 2)] {
            let order = cells(plane.values.len() / plane.width, plane.width).map(|(row, column)| {
                let time = time(((plane.x + column) * step) as f32 + 0.5, ((plane.y + row) * step) as f32 + 0.5);
                (time.clamp(0.0, 1.0) * 255.0).round() as u8
            });
            plane.order[usize::from(!entering)] = Some(order.collect());
        }
    }

    /// Lays it over a picture. `way` is how many pixels a lift of 1 is.
    pub fn blend(&self, state: &State, way: f32, picture: &mut Picture) {
        let (width, height) = (picture.width(), picture.height());
        let planes = picture.planes_mut();
        // Half rows of luma are quarters of chroma: both move alike.
        let lift = (state.lift * way * STEPS as f32 / 2.0).round() as i32;
        let parts = [
            (&self.luma, width, height, lift * 2),
            (&self.chroma[0], width / 2, height / 2, lift),
            (&self.chroma[1], width / 2, height / 2, lift),
        ];
        for (below, (plane, width, height, lift)) in planes.into_iter().zip(parts) {
            plane.blend(state, lift, below, width, height);
        }
    }
}

impl Plane {
    fn new(x: i32, y: i32, width: usize, height: usize) -> Self {
        Self { x, y, width, values: vec![0; width * height], covers: vec![0; width * height], order: [None, None] }
    }

    fn put(&mut self, row: i32, column: i32, value: f32, cover: f32) {
        let at = row as usize * self.width + column as usize;
        self.values[at] = value.round().clamp(0.0, 255.0) as u8;
        self.covers[at] = cover.round().clamp(0.0, 255.0) as u8;
    }

    /// Lays the plane over that of a picture, `lift` sixteenths of a row lower.
    fn blend(&self, state: &State, lift: i32, below: &mut [u8], width: usize, height: usize) {
        let (whole, part) = (lift.div_euclid(STEPS), lift.rem_euclid(STEPS) as u16);
        let rows = (self.values.len() / self.width) as i32;
        let columns = self.x.max(0)..(self.x + self.width as i32).min(width as i32);
        if columns.is_empty() {
            return;
        }
        let within = (columns.start - self.x) as usize..(columns.end - self.x) as usize;
        let slice = |samples: &'_ [u8], row: i32| -> Option<std::ops::Range<usize>> {
            let from = usize::try_from(row).ok()? * self.width;
            (from < samples.len()).then_some(from + within.start..from + within.end)
        };
        let mut values = vec![0; within.len()];
        let mut covers = vec![0; within.len()];
        for row in 0..rows + i32::from(part > 0) {
            let Ok(target) = usize::try_from(self.y + whole + row) else { continue };
            if target >= height {
                break;
            }
            let target = &mut below[target * width + columns.start as usize..target * width + columns.end as usize];
            let order =
                state.reveal.as_ref().and_then(|reveal| Some((reveal, self.order[usize::from(!reveal.entering)].as_ref()?)));
            match (part, order) {
                (0, None) => {
                    let place = slice(&self.values, row).expect("a row of the plane");
                    lay_over(target, &self.values[place.clone()], &self.covers[place], state.opacity);
                }
                (0, Some((reveal, order))) => {
                    let place = slice(&self.values, row).expect("a row of the plane");
                    let order = &order[place.clone()];
                    reveal_row(&mut values, &self.values[place.clone()], order, reveal);
                    reveal_row(&mut covers, &self.covers[place], order, reveal);
                    lay_over(target, &values, &covers, state.opacity);
                }
                (part, _) => {
                    let (upper, lower) = (slice(&self.values, row - 1), slice(&self.values, row));
                    mix_rows(
                        &mut values,
                        upper.clone().map(|place| &self.values[place]),
                        lower.clone().map(|place| &self.values[place]),
                        part,
                    );
                    mix_rows(&mut covers, upper.map(|place| &self.covers[place]), lower.map(|place| &self.covers[place]), part);
                    lay_over(target, &values, &covers, state.opacity);
                }
            }
        }
    }
}

/// Lays samples over others. All of it fits 16 bits, so that compilers find the wide instructions.
fn lay_over(below: &mut [u8], values: &[u8], covers: &[u8], opacity: u16) {
    for ((below, value), cover) in below.iter_mut().zip(values).zip(covers) {
        let value = (u16::from(*value) * opacity + 128) >> 8;
        let rest = u16::from(*below) * (255 - ((u16::from(*cover) * opacity + 128) >> 8)) + 128;
        *below = (value + ((rest + (rest >> 8)) >> 8)) as u8;
    }
}

/// What is seen of a row.
fn reveal_row(out: &mut [u8], samples: &[u8], order: &[u8], reveal: &Reveal) {
    for ((out, sample), time) in out.iter_mut().zip(samples).zip(order) {
        *out = ((u16::from(*sample) * reveal.seen[usize::from(*time)] + 128) >> 8) as u8;
    }
}

/// A row between two: `part` sixteenths of the upper one.
fn mix_rows(out: &mut [u8], upper: Option<&[u8]>, lower: Option<&[u8]>, part: u16) {
    let rest = STEPS as u16 - part;
    for (at, out) in out.iter_mut().enumerate() {
        let [upper, lower] = [upper, lower].map(|row| row.map_or(0, |row| u16::from(row[at])));
        *out = ((upper * part + lower * rest + 8) / STEPS as u16) as u8;
    }
}

fn cells(rows: usize, columns: usize) -> impl Iterator<Item = (i32, i32)> {
    (0..rows as i32).flat_map(move |row| (0..columns as i32).map(move |column| (row, column)))
}

/// Y' of a colour that is multiplied by its cover: so is the offset of black.
fn luma_of([red, green, blue, cover]: [f32; 4]) -> f32 {
    16.0 / 255.0 * cover + 219.0 / 255.0 * (KR * red + KG * green + KB * blue)
}

/// Cb and Cr of a colour that is multiplied by its cover.
fn differences_of([red, green, blue, cover]: [f32; 4]) -> [f32; 2] {
    let level = KR * red + KG * green + KB * blue;
    let difference = |channel: f32, own: f32| 128.0 / 255.0 * cover + 224.0 / 255.0 * (channel - level) / (2.0 * (1.0 - own));
    [difference(blue, KB), difference(red, KR)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use festoon_spec::Canvas;

    use super::*;
    use crate::overlay::animation::WHOLE;

    const CANVAS: Canvas = Canvas { width: 16, height: 16, frames: 1, fps: 1 };

    fn still() -> State {
        State { opacity: WHOLE, lift: 0.0, reveal: None }
    }

    fn square(colour: [u8; 3]) -> Pixmap {
        let mut pixels = Pixmap::new(4, 4).unwrap();
        pixels.fill(tiny_skia::Color::from_rgba8(colour[0], colour[1], colour[2], 255));
        pixels
    }

    fn of_rgb(colour: [u8; 3]) -> Picture {
        let mut picture = Picture::new(&CANVAS).unwrap();
        picture.set_rgb(&colour.repeat(256));
        picture
    }

    #[test]
    fn an_opaque_colour_has_the_samples_that_the_picture_gives_it() {
        for colour in [[255, 255, 255], [0, 0, 0], [255, 0, 0], [12, 200, 90]] {
            let mut drawn = of_rgb([90, 40, 200]);
            Sprite::of_pixels(&square(colour), 4, 4).blend(&still(), 0.0, &mut drawn);
            let whole = of_rgb(colour);
            assert!(drawn.luma()[5 * 16 + 5].abs_diff(whole.luma()[0]) <= 1, "{colour:?}");
            // The second sample of colour of the square lies between two of its pixels on both sides.
            let at = 3 * 8 + 3;
            assert!(drawn.chroma().0[at].abs_diff(whole.chroma().0[0]) <= 1, "{colour:?}");
            assert!(drawn.chroma().1[at].abs_diff(whole.chroma().1[0]) <= 1, "{colour:?}");
        }
    }

    #[test]
    fn only_the_rectangle_changes_and_nothing_of_it_if_it_is_not_seen() {
        let before = of_rgb([90, 40, 200]);
        let mut drawn = before.clone();
        let sprite = Sprite::of_pixels(&square([255, 255, 255]), 4, 4);
        sprite.blend(&State { opacity: 0, ..still() }, 0.0, &mut drawn);
        assert_eq!(drawn, before);
        sprite.blend(&still(), 0.0, &mut drawn);
        for (at, (before, after)) in before.luma().iter().zip(drawn.luma()).enumerate() {
            let inside = (4..8).contains(&(at % 16)) && (4..8).contains(&(at / 16));
            assert_eq!(before != after, inside, "pixel {at}");
        }
    }

    #[test]
    fn a_sprite_beyond_the_frame_is_cut_off() {
        for (x, y) in [(-2, -3), (14, 15), (-40, 3), (3, 40)] {
            for lift in [-1.0, -0.3, 0.0, 0.7] {
                let mut drawn = of_rgb([0; 3]);
                Sprite::of_pixels(&square([255; 3]), x, y).blend(&State { lift, ..still() }, 8.0, &mut drawn);
            }
        }
    }

    #[test]
    fn half_a_row_lower_is_half_of_each_row() {
        let mut drawn = of_rgb([0; 3]);
        Sprite::of_pixels(&square([255; 3]), 4, 4).blend(&State { lift: 1.0, ..still() }, 0.5, &mut drawn);
        let column: Vec<_> = (3..10).map(|row| drawn.luma()[row * 16 + 5]).collect();
        assert_eq!(column, [16, 126, 235, 235, 235, 126, 16]);
    }
}
