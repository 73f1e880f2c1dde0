//! Pictures painted once and drawn often: turned, squeezed, tinted, at any size.

use crate::{canvas::Light, colour::Tint, shutter::Seat};

/// Premultiplied linear light and coverage. Coverage below the light's own makes it shine through.
pub(crate) type Ink = [f32; 4];

/// Nothing.
pub(crate) const CLEAR: Ink = [0.0; 4];

/// A colour that covers `alpha` of what lies under it.
pub(crate) fn ink(tint: Tint, alpha: f32) -> Ink {
    [tint[0] * alpha, tint[1] * alpha, tint[2] * alpha, alpha]
}

/// `top` over `bottom`.
pub(crate) fn over(bottom: Ink, top: Ink) -> Ink {
    let rest = 1.0 - top[3];
    std::array::from_fn(|channel| bottom[channel] * rest + top[channel])
}

/// Where a sprite lands: its middle and its half axes, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// From the middle to the middle of the right edge.
    pub(crate) across: [f32; 2],
    /// From the middle to the middle of the bottom edge.
    pub(crate) down: [f32; 2],
}

impl Place {
    pub(crate) fn seat(&self) -> Seat {
        let Self { x, y, across, down } = *self;
        [x, y, across[0], across[1], down[0], down[1]]
    }

    pub(crate) fn of([x, y, across_x, across_y, down_x, down_y]: Seat) -> Self {
        Self { x, y, across: [across_x, across_y], down: [down_x, down_y] }
    }

    /// The place made at least so thick that a row or column of pixels sees it, and half its thickness before that: who draws
    /// there dims it by as much as it has gained. Otherwise slivers would be drawn as rows of dots.
    fn thickened(self) -> (Self, f32) {
        let Self { across, down, .. } = self;
        let determinant = across[0] * down[1] - across[1] * down[0];
        let (long, wide) = (length(across), length(down));
        let longest = long.max(wide).max(1e-6);
        let thickness = determinant.abs() / longest;
        if thickness >= THINNEST {
            return (self, thickness);
        }
        // The shorter axis is moved away from the longer one, at a right angle, to the side where it is.
        let push = (THINNEST - thickness) / longest * determinant.signum();
        let place = if long >= wide {
            Self { down: [down[0] - across[1] * push, down[1] + across[0] * push], ..self }
        } else {
            Self { across: [across[0] + down[1] * push, across[1] - down[0] * push], ..self }
        };
        (place, thickness)
    }

    /// How far it reaches from its middle to the right and down, at most.
    fn reaches(&self) -> (f32, f32) {
        (self.across[0].abs() + self.down[0].abs(), self.across[1].abs() + self.down[1].abs())
    }

    /// How far it reaches from its middle, at most.
    pub(crate) fn reach(&self) -> f32 {
        let (x, y) = self.reaches();
        x.max(y)
    }
}

/// Half the thickness of the thinnest sliver that is drawn as such, in pixels: two pixels see it wherever it lies, and its light
/// does not flicker as it moves.
const THINNEST: f32 = 1.0;

fn length(v: [f32; 2]) -> f32 {
    (v[0] * v[0] + v[1] * v[1]).sqrt()
}

/// One resolution of a sprite, with a clear border of one texel.
#[derive(Debug, Clone)]
struct Level {
    width: usize,
    height: usize,
    texels: Vec<Ink>,
    /// Whether a texel and those to the right of it, below it and below on the right are all clear, so that nothing is drawn
    /// between them. Empty if nobody has looked.
    clear: Vec<bool>,
}

impl Level {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, texels: vec![CLEAR; (width + 2) * (height + 2)], clear: Vec::new() }
    }

    fn find_clear(&mut self) {
        let stride = self.stride();
        let mut clear: Vec<bool> = self.texels.iter().map(|texel| *texel == CLEAR).collect();
        // What follows the last texel of a row is the clear border of the next.
        for index in 0..clear.len() {
            let at = |index: usize| clear.get(index).is_none_or(|&clear| clear);
            clear[index] = clear[index] && at(index + 1) && at(index + stride) && at(index + stride + 1);
        }
        self.clear = clear;
    }

    fn stride(&self) -> usize {
        self.width + 2
    }

    fn at_mut(&mut self, x: usize, y: usize) -> &mut Ink {
        let stride = self.stride();
        &mut self.texels[(y + 1) * stride + x + 1]
    }

    fn at(&self, x: usize, y: usize) -> Ink {
        self.texels[(y + 1) * self.stride() + x + 1]
    }

    fn halved(&self) -> Self {
        let mut half = Self::new(self.width.div_ceil(2), self.height.div_ceil(2));
        for y in 0..half.height {
            for x in 0..half.width {
                let (right, low) = ((2 * x + 1).min(self.width - 1), (2 * y + 1).min(self.height - 1));
                let four = [self.at(2 * x, 2 * y), self.at(right, 2 * y), self.at(2 * x, low), self.at(right, low)];
                *half.at_mut(x, y) = std::array::from_fn(|channel| four.iter().map(|texel| texel[channel]).sum::<f32>() / 4.0);
            }
        }
        half
    }
}

/// A picture in several resolutions.
#[derive(Debug, Clone)]
pub(crate) struct Sprite {
    levels: Vec<Level>,
    /// How much larger the picture is than what was painted: blurring needs room.
    extent: [f32; 2],
    opaque: bool,
}

impl Sprite {
    /// Paints `width` × `height` texels, each from `samples`² points; `brush` gets the place, −1 to 1 in both directions.
    pub(crate) fn paint(width: usize, height: usize, samples: usize, brush: impl Fn(f32, f32) -> Ink) -> Self {
        Self::paint_columns(width, height, samples, |_| (), |_, x, y| brush(x, y))
    }

    /// Paints like [`Sprite::paint`], with what `column` makes of each place across at hand: it is made once per column.
    pub(crate) fn paint_columns<Column>(
        width: usize,
        height: usize,
        samples: usize,
        column: impl Fn(f32) -> Column,
        brush: impl Fn(&Column, f32, f32) -> Ink,
    ) -> Self {
        let (width, height) = (width.clamp(2, 4096), height.clamp(2, 4096));
        let mut level = Level::new(width, height);
        let (step_x, step_y) = (2.0 / (width * samples) as f32, 2.0 / (height * samples) as f32);
        let share = 1.0 / (samples * samples) as f32;
        let across = |sx: usize| (sx as f32 + 0.5) * step_x - 1.0;
        let columns: Vec<Column> = (0..width * samples).map(|sx| column(across(sx))).collect();
        for y in 0..height {
            for x in 0..width {
                let mut sum = CLEAR;
                for sub in 0..samples * samples {
                    let (sx, sy) = (x * samples + sub % samples, y * samples + sub / samples);
                    let part = brush(&columns[sx], across(sx), (sy as f32 + 0.5) * step_y - 1.0);
                    debug_assert!(part.iter().all(|v| v.is_finite()), "a brush made {part:?}");
                    for (total, part) in sum.iter_mut().zip(part) {
                        *total += part * share;
                    }
                }
                *level.at_mut(x, y) = sum;
            }
        }
        Self::from_level(level, [1.0, 1.0], false)
    }

    /// A picture that covers the canvas wholly and is only ever drawn larger than it is: a sky.
    pub(crate) fn paint_opaque(width: usize, height: usize, brush: impl Fn(f32, f32) -> Tint) -> Self {
        let mut sprite = Self::paint(width, height, 1, |x, y| ink(brush(x, y), 1.0));
        sprite.levels.truncate(1);
        sprite.opaque = true;
        sprite
    }

    /// A picture made anew for each frame, drawn at about its own size. `fill` gets the number of a row, and the row, clear.
    pub(crate) fn from_rows(width: usize, height: usize, mut fill: impl FnMut(usize, &mut [Ink])) -> Self {
        let mut level = Level::new(width, height);
        let stride = level.stride();
        for (y, row) in level.texels.chunks_exact_mut(stride).skip(1).take(height).enumerate() {
            let row = &mut row[1..=width];
            fill(y, row);
            debug_assert!(row.as_flattened().iter().all(|v| v.is_finite()), "an ink in row {y}");
        }
        Self { levels: vec![level], extent: [1.0, 1.0], opaque: false }
    }

    fn from_level(level: Level, extent: [f32; 2], opaque: bool) -> Self {
        let mut levels = vec![level];
        while let Some(last) = levels.last().filter(|last| last.width.min(last.height) > 3) {
            levels.push(last.halved());
        }
        levels.iter_mut().for_each(Level::find_clear);
        Self { levels, extent, opaque }
    }

    /// The same picture out of focus by `radius`, in half heights of the picture.
    pub(crate) fn blurred(&self, radius: f32) -> Self {
        // Something blurred needs few texels: the first level on which the blur is at most 6 wide.
        let mut index = 0;
        while index + 1 < self.levels.len() && radius * self.levels[index].height as f32 / 2.0 > 6.0 {
            index += 1;
        }
        let source = &self.levels[index];
        let reach = ((radius * source.height as f32 / 2.0).round() as usize).max(1);
        let pad = 2 * reach;
        let mut level = Level::new(source.width + 2 * pad, source.height + 2 * pad);
        for y in 0..source.height {
            for x in 0..source.width {
                *level.at_mut(x + pad, y + pad) = source.at(x, y);
            }
        }
        for _ in 0..2 {
            level = box_blur(&level, reach, true);
            level = box_blur(&level, reach, false);
        }
        let extent = [
            self.extent[0] * level.width as f32 / source.width as f32,
            self.extent[1] * level.height as f32 / source.height as f32,
        ];
        Self::from_level(level, extent, false)
    }

    /// Draws an upright sprite, which may stand on its head, only as far as `share` of a pixel's place says: a reflection
    /// in something with a shape of its own.
    pub(crate) fn draw_within(&self, light: &mut Light, place: Place, opacity: f32, share: impl Fn(f32, f32) -> f32) {
        let level = &self.levels[0];
        let rows = |y: f32| ((y - place.y) / place.down[1] * 0.5 + 0.5) * level.height as f32;
        let columns = |x: f32| ((x - place.x) / place.across[0] * 0.5 + 0.5) * level.width as f32;
        let reach = place.down[1].abs();
        let top = (place.y - reach).max(0.0) as usize;
        let bottom = ((place.y + reach).ceil().max(0.0) as usize).min(light.height);
        let left = (place.x - place.across[0]).max(0.0) as usize;
        let right = ((place.x + place.across[0]).ceil().max(0.0) as usize).min(light.width);
        for y in top..bottom {
            let Some(row) = Some(rows(y as f32 + 0.5)).filter(|&row| row >= 0.0 && row < level.height as f32) else { continue };
            for x in left..right {
                let Some(column) = Some(columns(x as f32 + 0.5)).filter(|&at| at >= 0.0 && at < level.width as f32) else {
                    continue;
                };
                let texel = level.at(column as usize, row as usize);
                if texel[3] > 0.0 {
                    let gain = opacity * share(x as f32 + 0.5, y as f32 + 0.5);
                    lay::<true>(&mut light.row_mut(y)[x], texel.map(|v| v * gain));
                }
            }
        }
    }

    /// Draws the sprite over the light: colour times `tint`, colour and coverage times `opacity`.
    pub(crate) fn draw(&self, light: &mut Light, place: Place, tint: Tint, opacity: f32) {
        self.put::<true>(light, place, tint, opacity);
    }

    /// Draws the sprite over the light as it is seen in all places at once, each for the same time.
    pub(crate) fn smear(&self, light: &mut Light, places: &[Place], tint: Tint, opacity: f32) {
        // Light and coverage are averaged on a small sheet first: it is the average that lies over what is there.
        let (mut left, mut top, mut right, mut bottom) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for place in places {
            let (x, y) = place.reaches();
            let (x, y) = (x * self.extent[0] + 1.0, y * self.extent[1] + 1.0);
            (left, right) = (left.min(place.x - x), right.max(place.x + x));
            (top, bottom) = (top.min(place.y - y), bottom.max(place.y + y));
        }
        let (left, right) = (left.floor().max(0.0), right.ceil().min(light.width as f32));
        let (top, bottom) = (top.floor().max(0.0), bottom.ceil().min(light.height as f32));
        if left >= right || top >= bottom {
            return;
        }
        let mut sheet = Light::new((right - left) as usize, (bottom - top) as usize);
        for &place in places {
            let place = Place { x: place.x - left, y: place.y - top, ..place };
            self.put::<false>(&mut sheet, place, tint, opacity / places.len() as f32);
        }
        for y in 0..sheet.height {
            let row = &mut light.row_mut(top as usize + y)[left as usize..][..sheet.width];
            for (pixel, &texel) in row.iter_mut().zip(sheet.row(y)) {
                lay::<true>(pixel, texel);
            }
        }
    }

    /// Draws the sprite, over what is there or added to it.
    fn put<const OVER: bool>(&self, light: &mut Light, place: Place, tint: Tint, opacity: f32) {
        // The axes reach to the edges of what was painted, the picture as far as blurring has made it.
        let whole =
            Place { across: place.across.map(|v| v * self.extent[0]), down: place.down.map(|v| v * self.extent[1]), ..place };
        let (place, thickness) = whole.thickened();
        let Place { across, down, .. } = place;
        let determinant = across[0] * down[1] - across[1] * down[0];
        debug_assert!(determinant.is_finite() && place.x.is_finite() && place.y.is_finite(), "{place:?}");
        debug_assert!(opacity.is_finite() && tint.iter().all(|v| v.is_finite()), "{tint:?} {opacity}");
        let opacity = opacity * (thickness / THINNEST).min(1.0);
        if opacity <= 0.0 || determinant.abs() <= 1e-6 {
            return;
        }
        let base = &self.levels[0];
        let (scale_x, scale_y) = (2.0 * length(across) / base.width as f32, 2.0 * length(down) / base.height as f32);
        let (fine, coarse) = (scale_x.min(scale_y), scale_x.max(scale_y));
        // A sliver is sampled once or twice across: it must be as coarse as that.
        let mut scale = if thickness < 1.5 * THINNEST { fine } else { 0.7 * coarse + 0.3 * fine };
        let mut index = 0;
        while scale < 0.66 && index + 1 < self.levels.len() {
            scale *= 2.0;
            index += 1;
        }
        let level = &self.levels[index];
        let gain = [tint[0] * opacity, tint[1] * opacity, tint[2] * opacity, opacity];
        if across[1] == 0.0 && down[0] == 0.0 && across[0] > 0.0 && down[1] > 0.0 {
            draw_upright::<OVER>(level, light, place, gain, self.opaque);
        } else {
            draw_turned::<OVER>(level, light, place, gain, determinant);
        }
    }
}

fn box_blur(level: &Level, reach: usize, along: bool) -> Level {
    let mut out = Level::new(level.width, level.height);
    let (lines, length) = if along { (level.height, level.width) } else { (level.width, level.height) };
    let share = 1.0 / (2 * reach + 1) as f32;
    let at = |line: usize, place: usize| if along { level.at(place, line) } else { level.at(line, place) };
    for line in 0..lines {
        let mut sum = CLEAR;
        for place in 0..length + reach {
            if place < length {
                let texel = at(line, place);
                (0..4).for_each(|c| sum[c] += texel[c]);
            }
            if place > 2 * reach {
                let texel = at(line, place - 2 * reach - 1);
                (0..4).for_each(|c| sum[c] -= texel[c]);
            }
            if let Some(middle) = place.checked_sub(reach).filter(|&middle| middle < length) {
                let mean = sum.map(|v| (v * share).max(0.0));
                *if along { out.at_mut(middle, line) } else { out.at_mut(line, middle) } = mean;
            }
        }
    }
    out
}

/// Puts an ink on a pixel: over it, or added to it.
#[inline(always)]
fn lay<const OVER: bool>(pixel: &mut [f32; 4], texel: Ink) {
    let rest = if OVER { 1.0 - texel[3] } else { 1.0 };
    for channel in 0..4 {
        pixel[channel] = pixel[channel] * rest + texel[channel];
    }
}

/// A place in texels, in 65,536ths: stepping along a row is one addition, and a row of a canvas is too short for its rounding to
/// be seen.
fn fixed(place: f32) -> i32 {
    (place * 65536.0) as i32
}

/// The texel of a place that is not negative, and how far beyond its middle the place lies.
#[inline(always)]
fn parts(place: i32) -> (usize, f32) {
    ((place >> 16) as usize, (place & 0xffff) as f32 * (1.0 / 65536.0))
}

/// Rows first, then columns: for pictures that are wide and stand straight.
fn draw_upright<const OVER: bool>(level: &Level, light: &mut Light, place: Place, gain: [f32; 4], opaque: bool) {
    let (step_x, step_y) = (level.width as f32 / (2.0 * place.across[0]), level.height as f32 / (2.0 * place.down[1]));
    let first = |middle: f32, half: f32| (middle - half - 0.5).ceil().max(0.0) as usize;
    let end = |middle: f32, half: f32, most: usize| ((middle + half - 0.5).floor() + 1.0).clamp(0.0, most as f32) as usize;
    let (left, right) = (first(place.x, place.across[0]), end(place.x, place.across[0], light.width));
    let (top, bottom) = (first(place.y, place.down[1]), end(place.y, place.down[1], light.height));
    if left >= right || top >= bottom {
        return;
    }
    // In texels of the bordered level: the middle of texel n lies at n + 1.5.
    let start = (left as f32 + 0.5 - place.x + place.across[0]) * step_x + 0.5;
    let from = start.max(0.0) as usize;
    let to = ((start + (right - left) as f32 * step_x) as usize + 2).min(level.stride());
    let mut line = vec![CLEAR; to - from];
    for y in top..bottom {
        let v = ((y as f32 + 0.5 - place.y + place.down[1]) * step_y + 0.5).clamp(0.0, level.height as f32);
        let (row, part) = (v as usize, v - (v as usize) as f32);
        let upper = &level.texels[row * level.stride()..][from..to];
        let lower = &level.texels[(row + 1) * level.stride()..][from..to];
        for ((mixed, upper), lower) in line.iter_mut().zip(upper).zip(lower) {
            for channel in 0..4 {
                mixed[channel] = (upper[channel] + (lower[channel] - upper[channel]) * part) * gain[channel];
            }
        }
        let (mut u, most, step) = (fixed(start - from as f32), fixed(line.len() as f32 - 1.001), fixed(step_x));
        let mut pixels = &mut light.row_mut(y)[left..right];
        if !opaque {
            // Nothing is drawn where the picture is clear, as boards are above their crest.
            let Some(seen) = line.iter().position(|texel| *texel != CLEAR) else { continue };
            let last = line.iter().rposition(|texel| *texel != CLEAR).expect("one is not clear");
            // A texel is seen half a texel around itself and mixed with its neighbours; one more for the rounding of steps.
            let at = |texel: f32| ((texel - (start - from as f32)) / step_x).max(0.0) as usize;
            let before = at(seen as f32 - 2.0).min(pixels.len());
            let end = (at(last as f32 + 2.0) + 1).clamp(before, pixels.len());
            pixels = &mut pixels[before..end];
            u = u.wrapping_add(step.wrapping_mul(before as i32));
        }
        for pixel in pixels {
            let (column, part) = parts(u.clamp(0, most));
            let pair = &line[column..column + 2];
            let texel: [f32; 4] = std::array::from_fn(|channel| pair[0][channel] + (pair[1][channel] - pair[0][channel]) * part);
            if opaque {
                *pixel = texel;
            } else {
                lay::<OVER>(pixel, texel);
            }
            u = u.wrapping_add(step);
        }
    }
}

fn draw_turned<const OVER: bool>(level: &Level, light: &mut Light, place: Place, gain: [f32; 4], determinant: f32) {
    let Place { x, y, across, down } = place;
    let (half_width, half_height) = (level.width as f32 / 2.0, level.height as f32 / 2.0);
    // Texels per pixel to the right and per pixel down, along both axes of the sprite.
    let (ux, uy) = (down[1] / determinant * half_width, -down[0] / determinant * half_width);
    let (vx, vy) = (-across[1] / determinant * half_height, across[0] / determinant * half_height);
    let reach = across[1].abs() + down[1].abs();
    let top = (y - reach - 0.5).ceil().max(0.0) as usize;
    let bottom = ((y + reach - 0.5).floor() + 1.0).clamp(0.0, light.height as f32) as usize;
    let (most_u, most_v) = (level.width as f32 + 0.999, level.height as f32 + 0.999);
    let (most, steps) = ((fixed(most_u), fixed(most_v)), (fixed(ux), fixed(vx)));
    let stride = level.stride();
    for row in top..bottom {
        let dy = row as f32 + 0.5 - y;
        // In texels of the bordered level at column 0.
        let (u0, v0) = (half_width + 0.5 + uy * dy + ux * (0.5 - x), half_height + 0.5 + vy * dy + vx * (0.5 - x));
        let (mut left, mut right) = (0.0f32, light.width as f32);
        for (start, step, most) in [(u0, ux, most_u), (v0, vx, most_v)] {
            if step.abs() > 1e-6 {
                let (enter, leave) = (-start / step, (most - start) / step);
                left = left.max(enter.min(leave));
                right = right.min(enter.max(leave));
            } else if start < 0.0 || start > most {
                right = -1.0;
            }
        }
        let (left, right) = (left.ceil().max(0.0) as usize, (right.floor() + 1.0).clamp(0.0, light.width as f32) as usize);
        if left >= right {
            continue;
        }
        let (mut u, mut v) = (fixed(u0 + ux * left as f32), fixed(v0 + vx * left as f32));
        for pixel in &mut light.row_mut(row)[left..right] {
            let ((iu, fu), (iv, fv)) = (parts(u.clamp(0, most.0)), parts(v.clamp(0, most.1)));
            let base = iv * stride + iu;
            (u, v) = (u.wrapping_add(steps.0), v.wrapping_add(steps.1));
            if level.clear.get(base).is_some_and(|&clear| clear) {
                continue;
            }
            let (upper, lower) = (&level.texels[base..base + 2], &level.texels[base + stride..base + stride + 2]);
            let mut texel = CLEAR;
            for c in 0..4 {
                let above = upper[0][c] + (upper[1][c] - upper[0][c]) * fu;
                let below = lower[0][c] + (lower[1][c] - lower[0][c]) * fu;
                texel[c] = (above + (below - above) * fv) * gain[c];
            }
            lay::<OVER>(pixel, texel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::WHITE;

    fn drawn(half_width: f32, half_height: f32, turns: f32) -> Light {
        let mut light = Light::new(64, 64);
        let (s, c) = (crate::curve::sine(turns), crate::curve::cosine(turns));
        let place =
            Place { x: 32.3, y: 31.9, across: [c * half_width, s * half_width], down: [-s * half_height, c * half_height] };
        let card = Sprite::paint(40, 40, 1, |_, _| ink(WHITE, 1.0));
        card.draw(&mut light, place, WHITE, 1.0);
        light
    }

    #[test]
    fn a_sliver_is_an_unbroken_dim_line() {
        for turns in [0.0, 0.03, 0.11, 0.125, 0.2, 0.25] {
            let light = drawn(25.0, 0.15, turns);
            let total: f32 = light.pixels.iter().map(|pixel| pixel[0]).sum();
            assert!((total - 50.0 * 0.3).abs() < 4.0, "{total} of {} at {turns}", 50.0 * 0.3);
            for step in -20..=20 {
                let (x, y) = (32.3 + step as f32 * crate::curve::cosine(turns), 31.9 + step as f32 * crate::curve::sine(turns));
                let near = |dx: i32, dy: i32| light.row((y as i32 + dy) as usize)[(x as i32 + dx) as usize][0];
                let most =
                    (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))).map(|(dx, dy)| near(dx, dy)).fold(0.0, f32::max);
                assert!(most > 0.08, "a gap at {step} of a line turned by {turns}");
            }
        }
    }

    #[test]
    fn what_is_thick_enough_is_drawn_where_it_is() {
        let light = drawn(10.0, 5.0, 0.0);
        let total: f32 = light.pixels.iter().map(|pixel| pixel[0]).sum();
        assert!((total - 200.0).abs() < 8.0, "{total}");
        assert_eq!(light.row(31)[32][0], 1.0);
    }

    #[test]
    fn a_smear_is_the_average_of_what_is_seen() {
        let card = Sprite::paint(8, 8, 1, |_, _| ink(WHITE, 1.0));
        let place = |x: f32| Place { x, y: 16.0, across: [4.0, 0.0], down: [0.0, 4.0] };
        let mut light = Light::new(32, 32);
        light.pixels.fill([0.5, 0.5, 0.5, 0.0]);
        card.smear(&mut light, &[place(10.0), place(18.0)], [1.0, 0.0, 0.0], 1.0);
        // Both halves are covered half the time, and lie beside one another.
        for x in [8, 12, 16, 20] {
            assert_eq!(light.row(16)[x][..3], [0.75, 0.25, 0.25], "at {x}");
        }
        assert_eq!(light.row(16)[28], [0.5, 0.5, 0.5, 0.0]);
    }
}
