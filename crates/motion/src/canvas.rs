//! Where light is added up: a sharp picture, and a soft one of a quarter of its size for what has no edges.

use crate::{
    camera::Spot,
    colour::Tint,
    curve::{cosine, sine},
    shutter::{Kind, Seat, Shutter, Turn, Way},
    sprite::{Place, Sprite},
};

/// Linear light, one `[red, green, blue, unused]` per pixel, so that a pixel is one vector register.
#[derive(Debug, Clone)]
pub(crate) struct Light {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<[f32; 4]>,
}

impl Light {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 4]; width * height] }
    }

    pub(crate) fn clear(&mut self) {
        self.pixels.fill([0.0; 4]);
    }

    pub(crate) fn row(&self, y: usize) -> &[[f32; 4]] {
        &self.pixels[y * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [[f32; 4]] {
        &mut self.pixels[y * self.width..][..self.width]
    }

    /// Adds `tint` times `weight` of 1 − (distance ÷ radius)², over a disc.
    #[inline(always)]
    fn radial(&mut self, x: f32, y: f32, radius: f32, tint: Tint, weight: impl Fn(f32) -> f32) {
        let reach = radius * radius;
        let scale = 1.0 / reach;
        let tint = [tint[0], tint[1], tint[2], 0.0];
        debug_assert!(x.is_finite() && y.is_finite() && radius > 0.0 && tint[1].is_finite(), "{x} {y} {radius} {tint:?}");
        let top = (y - radius - 0.5).ceil().max(0.0);
        let bottom = (y + radius - 0.5).floor().min(self.height as f32 - 1.0);
        if top > bottom {
            return;
        }
        for row in top as usize..=bottom as usize {
            let dy = row as f32 + 0.5 - y;
            let span = reach - dy * dy;
            if span <= 0.0 {
                continue;
            }
            let half = span.sqrt();
            let left = (x - half - 0.5).ceil().max(0.0);
            let right = (x + half - 0.5).floor().min(self.width as f32 - 1.0);
            if left > right {
                continue;
            }
            let (left, right) = (left as usize, right as usize);
            let mut dx = left as f32 + 0.5 - x;
            for pixel in &mut self.row_mut(row)[left..=right] {
                let w = weight((span - dx * dx) * scale);
                for (channel, tint) in pixel.iter_mut().zip(tint) {
                    *channel += tint * w;
                }
                dx += 1.0;
            }
        }
    }
}

/// How bright a disc is from its middle (last) to its rim (first), evenly in squared distance.
#[derive(Debug, Clone)]
pub(crate) struct Profile(Vec<f32>);

impl Profile {
    const STEPS: usize = 512;

    /// `brightness` of the distance from the middle, 0 to 1.
    pub(crate) fn new(brightness: impl Fn(f32) -> f32) -> Self {
        let at = |step| brightness((1.0 - step as f32 / Self::STEPS as f32).max(0.0).sqrt());
        Self((0..=Self::STEPS).map(at).collect())
    }
}

/// Light that has been added up, sharp and soft.
#[derive(Debug, Clone)]
pub(crate) struct Exposure {
    pub(crate) sharp: Light,
    /// A quarter of the size in both directions; it is added to the glow.
    pub(crate) soft: Light,
}

impl Exposure {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { sharp: Light::new(width, height), soft: Light::new(width.div_ceil(4), height.div_ceil(4)) }
    }

    pub(crate) fn clear(&mut self) {
        self.sharp.clear();
        self.soft.clear();
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.sharp.pixels.copy_from_slice(&other.sharp.pixels);
        self.soft.pixels.copy_from_slice(&other.soft.pixels);
    }
}

/// What a frame is painted on: where things are put.
#[derive(Debug)]
pub(crate) struct Canvas<'a> {
    pub(crate) sharp: &'a mut Light,
    pub(crate) soft: &'a mut Light,
    shutter: Shutter<'a>,
    turn: &'a Turn,
}

/// A thing that moves less than this many pixels while the shutter is open is painted once.
const STILL: f32 = 0.6;

impl<'a> Canvas<'a> {
    pub(crate) fn new(exposure: &'a mut Exposure, shutter: Shutter<'a>, turn: &'a Turn) -> Self {
        turn.pass_to(0);
        Self { sharp: &mut exposure.sharp, soft: &mut exposure.soft, shutter, turn }
    }

    /// Whether nothing that is painted now will be seen: motion is only looked for. Who paints pixels directly need not.
    pub(crate) fn looks_ahead(&self) -> bool {
        self.shutter.is_closing()
    }

    /// Says that the n-th part of the thing whose turn it is comes now. Only who puts a varying number of things on the
    /// canvas for one life has to, so that they are known again when the shutter closes.
    pub(crate) fn part(&self, number: u64) {
        self.turn.part(number);
    }

    fn way(&mut self, kind: Kind, seat: Seat) -> Option<Way> {
        self.shutter.way(self.turn, kind, seat)
    }

    /// A point of light of `radius` pixels. One smaller than a pixel is as wide as a pixel, and dimmer.
    pub(crate) fn spark(&mut self, x: f32, y: f32, radius: f32, tint: Tint) {
        let Some(way) = self.way(Kind::Spark, [x, y, radius, 0.0, 0.0, 0.0]) else { return };
        let count = copies(way.length(), 0.8 * radius.max(0.9), 24);
        let share = 1.0 / count as f32;
        for [x, y, radius, ..] in way.places(count) {
            let seen = radius.max(0.62);
            let dim = (radius / seen) * (radius / seen) * share;
            self.sharp.radial(x, y, seen * 1.9, tint.map(|v| v * dim), |q| q * q);
        }
    }

    /// A glow with no edge that fades out at `radius` pixels.
    pub(crate) fn halo(&mut self, x: f32, y: f32, radius: f32, tint: Tint) {
        let Some(way) = self.way(Kind::Halo, [x, y, radius, 0.0, 0.0, 0.0]) else { return };
        let glow = |q: f32| {
            let q2 = q * q;
            q2 * (0.16 + 0.84 * q2 * q2)
        };
        let count = copies(way.length(), 0.3 * radius, 8);
        let share = 1.0 / count as f32;
        for [x, y, radius, ..] in way.places(count) {
            let tint = tint.map(|v| v * share);
            if radius > 14.0 {
                self.soft.radial(x / 4.0, y / 4.0, radius / 4.0, tint, glow);
            } else {
                self.sharp.radial(x, y, radius, tint, glow);
            }
        }
    }

    /// A disc of light with a profile.
    pub(crate) fn disc(&mut self, x: f32, y: f32, radius: f32, profile: &Profile, tint: Tint) {
        let Some(way) = self.way(Kind::Disc, [x, y, radius, 0.0, 0.0, 0.0]) else { return };
        let steps = Profile::STEPS as f32;
        let table: &[f32; Profile::STEPS + 1] = profile.0.as_slice().try_into().expect("every profile has its steps");
        let count = copies(way.length(), 0.8 + 0.08 * radius, 16);
        let share = 1.0 / count as f32;
        for [x, y, radius, ..] in way.places(count) {
            let tint = tint.map(|v| v * share);
            self.sharp.radial(x, y, radius, tint, |q| table[((q * steps) as usize).min(Profile::STEPS)]);
        }
    }

    /// A sprite laid over what is there; see [`Sprite::draw`].
    pub(crate) fn sprite(&mut self, sprite: &Sprite, place: Place, tint: Tint, opacity: f32) {
        let Some(way) = self.way(Kind::Sprite, place.seat()) else { return };
        let count = copies(way.length(), 1.2 + 0.012 * place.reach(), 12);
        if count == 1 {
            way.places(1).for_each(|seat| sprite.draw(self.sharp, Place::of(seat), tint, opacity));
        } else {
            sprite.smear(self.sharp, &way.places(count).map(Place::of).collect::<Vec<_>>(), tint, opacity);
        }
    }

    /// A sprite without edges, laid over the soft light.
    pub(crate) fn soft_sprite(&mut self, sprite: &Sprite, place: Place, tint: Tint) {
        if !self.looks_ahead() {
            sprite.draw(self.soft, Place::of(place.seat().map(|v| v / 4.0)), tint, 1.0);
        }
    }

    /// Everything above `horizon` (a row of pixels) once more below it, upside down, squeezed, rippled and dimmed: still
    /// water at night. `sway` is where the ripples are in their cycle, in turns, and `unit` pixels per unit.
    pub(crate) fn mirror(&mut self, horizon: f32, strength: f32, deep: Tint, sway: f32, unit: f32) {
        if !self.looks_ahead() {
            mirror(self.sharp, horizon, strength, deep, sway, unit);
            mirror(self.soft, horizon / 4.0, strength * 0.8, [0.0; 3], sway, unit / 4.0);
        }
    }
}

/// How many copies of a thing make a smear of that length look even, if they may lie `apart` pixels apart; at most `most`.
fn copies(length: f32, apart: f32, most: usize) -> usize {
    if length < STILL.max(0.5 * apart) { 1 } else { ((length / apart).ceil() as usize + 1).min(most) }
}

fn mirror(light: &mut Light, horizon: f32, strength: f32, deep: Tint, sway: f32, unit: f32) {
    let horizon_row = horizon.max(1.0) as usize;
    if horizon_row >= light.height {
        return;
    }
    let (width, rows) = (light.width, (light.height - horizon_row) as f32);
    let (above, below) = light.pixels.split_at_mut(horizon_row * width);
    for (row, target) in below.chunks_exact_mut(width).enumerate() {
        let depth = (row as f32 + 0.5) / unit;
        // Waves are seen flatter and denser towards the horizon.
        let waves = 34.0 * (1.0 + depth * 0.05) / (1.0 + depth * 0.012) + depth * 0.06;
        let (first, second) = (sine(waves * 0.31 + 2.0 * sway), sine(waves * 0.83 - 3.0 * sway + 0.3));
        let ripple = (first + 0.7 * second) * (0.4 + depth * 0.035) * unit;
        // At the shore the picture is whole; towards the eye more and more of it is squeezed into a wave.
        let place = row as f32 + 0.5;
        let up = (place * (1.05 + 2.3 * place / rows) + (0.6 * second + first) * (0.3 + depth * 0.02) * unit).max(0.0);
        let source = horizon_row.saturating_sub(1 + up as usize);
        let mirrored = &above[source * width..][..width];
        let higher = &above[source.saturating_sub((1.0 + depth * 0.06 * unit) as usize) * width..][..width];
        let fade = strength / (1.0 + depth * 0.004) * (1.0 + 0.22 * second);
        let shift = ripple as isize;
        let deep = [deep[0], deep[1], deep[2], 0.0];
        for (x, pixel) in target.iter_mut().enumerate() {
            let from = (x as isize + shift).clamp(0, width as isize - 1) as usize;
            let also = (x as isize - shift).clamp(0, width as isize - 1) as usize;
            for channel in 0..4 {
                pixel[channel] = deep[channel] + (mirrored[from][channel] * 0.6 + higher[also][channel] * 0.4) * fade;
            }
        }
    }
}

impl Spot {
    /// An upright place for a sprite of that half width and half height, in units.
    pub(crate) fn upright(&self, half_width: f32, half_height: f32) -> Place {
        Place { x: self.x, y: self.y, across: [half_width * self.unit, 0.0], down: [0.0, half_height * self.unit] }
    }

    /// A place turned clockwise by `turns`, for a sprite of that half width and half height, in units.
    pub(crate) fn turned(&self, half_width: f32, half_height: f32, turns: f32) -> Place {
        let (sin, cos) = (sine(turns), cosine(turns));
        let (w, h) = (half_width * self.unit, half_height * self.unit);
        Place { x: self.x, y: self.y, across: [cos * w, sin * w], down: [-sin * h, cos * h] }
    }
}
