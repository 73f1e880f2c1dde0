//! The frames between two frames.
//!
//! Each displacement that is found the same in both directions is carried to the wanted moment; where two things arrive at
//! one place, the one that moves (and so is nearer, or at least what the eye follows) takes it. Each pixel there is then
//! fetched from both frames along its displacement and mixed by time. A side on which something else lies at that place
//! counts less: what is uncovered is taken from the later frame, what is being covered from the earlier. Where neither
//! direction knows anything, the two frames are mixed as they are, which is what a cross-fade does everywhere.

use super::{
    flow::{Field, Vector, box_sums},
    raster::{Pixel, Raster, add, floor, mix},
};

/// Two directions that miss each other by this many pixels are trusted half.
const MISS: f32 = 0.9;
/// A window that differs by this many levels is trusted half.
const DIFFERENCE: f32 = 14.0;
/// What is trusted less is not carried.
const LEAST_TRUST: f32 = 0.12;
/// A displacement of this many pixels is as well faded as moved.
const SLIGHT: f32 = 0.3;
/// Two displacements that differ by this many pixels belong to different things.
const OTHER: f32 = 1.2;

/// Two frames and how one becomes the other.
#[derive(Debug)]
pub(super) struct Between {
    first: Raster,
    second: Raster,
    forward: Side,
    backward: Side,
    /// Pixels of the frames per pixel of the fields.
    scale: f32,
}

/// The displacements from one of the frames, and how far each is trusted (0 to 1).
#[derive(Debug)]
struct Side {
    field: Field,
    trust: Vec<f32>,
}

/// What is known of each pixel of the wanted moment.
struct Carried {
    /// From the first frame to the second.
    vectors: Vec<Vector>,
    trust: Vec<f32>,
}

impl Between {
    /// `first` and `second` are what is mixed; `small_first` and `small_second` the same, perhaps smaller, for the search.
    pub fn new(first: Raster, second: Raster, small_first: &Raster, small_second: &Raster) -> Self {
        let there = Field::between(small_first, small_second);
        let back = Field::between(small_second, small_first);
        let forward = Side { trust: trust(&there, &back, small_first, small_second), field: there.clone() };
        let backward = Side { trust: trust(&back, &there, small_second, small_first), field: back };
        let scale = first.width as f32 / small_first.width as f32;
        Self { first, second, forward, backward, scale }
    }

    /// The frame at `time`, 0 being the first and 1 the second.
    pub fn at(&self, time: f32) -> Raster {
        let carried = self.carry(time);
        let (width, height) = (self.forward.field.width, self.forward.field.height);
        let field = Field { width, height, vectors: carried.vectors };
        let mut frame = Raster::new(self.first.width, self.first.height);
        for y in 0..frame.height {
            for x in 0..frame.width {
                let (sx, sy) = ((x as f32 + 0.5) / self.scale - 0.5, (y as f32 + 0.5) / self.scale - 0.5);
                let vector = field.bilinear(sx, sy);
                let trust = level(&carried.trust, width, height, sx, sy);
                let index = y * frame.width + x;
                frame.pixels[index] = self.pixel(time, (x as f32, y as f32), (sx, sy), vector, trust, index);
            }
        }
        frame
    }

    fn pixel(&self, time: f32, (x, y): (f32, f32), (sx, sy): (f32, f32), vector: Vector, trust: f32, index: usize) -> Pixel {
        let faded = mix(self.first.pixels[index], self.second.pixels[index], time);
        if trust <= 0.0 {
            return faded;
        }
        let [dx, dy] = vector;
        let (back, ahead) = (time, 1.0 - time);
        // Where the pixel lies in either frame, on the fields' grid.
        let (from, to) = ((sx - back * dx, sy - back * dy), (sx + ahead * dx, sy + ahead * dy));
        let there = self.forward.field.bilinear(from.0, from.1);
        let here = self.backward.field.bilinear(to.0, to.1);
        let agree = |ox: f32, oy: f32| {
            let miss = (ox * ox + oy * oy) / (OTHER * OTHER);
            1.0 / (1.0 + miss * miss)
        };
        let first = (1.0 - time) * (agree(there[0] - dx, there[1] - dy) + 0.001);
        let second = time * (agree(here[0] + dx, here[1] + dy) + 0.001);
        let scaled = self.scale;
        let one = self.first.bicubic(x - back * dx * scaled, y - back * dy * scaled);
        let other = self.second.bicubic(x + ahead * dx * scaled, y + ahead * dy * scaled);
        let mut moved = [0.0; 4];
        add(&mut moved, one, first / (first + second));
        add(&mut moved, other, second / (first + second));
        // What hardly moves is not worth the little that fetching between pixels blurs.
        let length = (dx * dx + dy * dy) / (SLIGHT * SLIGHT);
        mix(faded, moved, trust * length / (1.0 + length))
    }

    /// Carries both sides' displacements to `time`.
    fn carry(&self, time: f32) -> Carried {
        let (width, height) = (self.forward.field.width, self.forward.field.height);
        let mut vectors = vec![[0.0; 2]; width * height];
        let mut rank = vec![0.0f32; width * height];
        let mut known = vec![0.0f32; width * height];
        for (side, reach, sign) in [(&self.forward, time, 1.0), (&self.backward, 1.0 - time, -1.0f32)] {
            for y in 0..height {
                for x in 0..width {
                    let index = y * width + x;
                    let trust = side.trust[index];
                    if trust < LEAST_TRUST {
                        continue;
                    }
                    let [dx, dy] = side.field.vectors[index];
                    let (tx, ty) = (x as f32 + reach * dx, y as f32 + reach * dy);
                    let length = (dx * dx + dy * dy).sqrt();
                    let (left, top) = (floor(tx), floor(ty));
                    for (cx, cy) in [(left, top), (left + 1.0, top), (left, top + 1.0), (left + 1.0, top + 1.0)] {
                        if cx < 0.0 || cy < 0.0 || cx >= width as f32 || cy >= height as f32 {
                            continue;
                        }
                        let near = (1.0 - (tx - cx).abs()) * (1.0 - (ty - cy).abs());
                        if near < 0.1 {
                            continue;
                        }
                        // Trust first, then motion, then nearness.
                        let worth = trust * (1.0 + 0.25 * length.min(8.0)) * (0.5 + near);
                        let place = cy as usize * width + cx as usize;
                        if worth > rank[place] {
                            rank[place] = worth;
                            known[place] = trust;
                            vectors[place] = [sign * dx, sign * dy];
                        }
                    }
                }
            }
        }
        fill(&mut vectors, &mut known, width, height);
        let field = Field { width, height, vectors };
        let mut trust = box_sums(&known, width, height, 1);
        for trust in &mut trust {
            *trust = (*trust / 9.0).min(1.0);
        }
        Carried { vectors: field.vectors, trust }
    }
}

/// Places where nothing arrived were uncovered: they move as the slowest of their neighbours, which is what lies behind.
fn fill(vectors: &mut [Vector], known: &mut [f32], width: usize, height: usize) {
    const ROUNDS: usize = 8;
    for _ in 0..ROUNDS {
        let before = known.to_vec();
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                if before[index] > 0.0 {
                    continue;
                }
                let mut slowest: Option<(f32, Vector, f32)> = None;
                for (dx, dy) in [(-1isize, 0isize), (1, 0), (0, -1), (0, 1)] {
                    let (nx, ny) = (x as isize + dx, y as isize + dy);
                    if nx < 0 || ny < 0 || nx >= width as isize || ny >= height as isize {
                        continue;
                    }
                    let neighbour = ny as usize * width + nx as usize;
                    if before[neighbour] <= 0.0 {
                        continue;
                    }
                    let [right, down] = vectors[neighbour];
                    let length = right * right + down * down;
                    if slowest.is_none_or(|(least, ..)| length < least) {
                        slowest = Some((length, vectors[neighbour], before[neighbour]));
                    }
                }
                if let Some((_, vector, trust)) = slowest {
                    vectors[index] = vector;
                    known[index] = trust * 0.9;
                }
            }
        }
    }
}

/// How far the displacements of a field are trusted: those that lead back to where they began, between windows that are alike.
fn trust(field: &Field, back: &Field, from: &Raster, to: &Raster) -> Vec<f32> {
    let (width, height) = (field.width, field.height);
    let mut differences = vec![0.0; width * height];
    let mut misses = vec![0.0; width * height];
    for y in 0..height {
        for x in 0..width {
            let index = y * width + x;
            let [dx, dy] = field.vectors[index];
            let (tx, ty) = (x as f32 + dx, y as f32 + dy);
            let [bx, by] = back.bilinear(tx, ty);
            misses[index] = ((dx + bx) * (dx + bx) + (dy + by) * (dy + by)) / (MISS * MISS);
            differences[index] = super::raster::distance(from.pixels[index], to.bilinear(tx, ty)) / 4.0;
        }
    }
    let sums = box_sums(&differences, width, height, 1);
    let trust = |(miss, sum): (&f32, &f32)| {
        let difference = sum / 9.0 / DIFFERENCE;
        1.0 / ((1.0 + miss) * (1.0 + difference * difference))
    };
    misses.iter().zip(&sums).map(trust).collect()
}

/// Between places of a plane, by straight lines.
fn level(plane: &[f32], width: usize, height: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (floor(x), floor(y));
    let (right, low) = (x - left, y - top);
    let at =
        |x: isize, y: isize| plane[y.clamp(0, height as isize - 1) as usize * width + x.clamp(0, width as isize - 1) as usize];
    let (left, top) = (left as isize, top as isize);
    let upper = at(left, top) + (at(left + 1, top) - at(left, top)) * right;
    let lower = at(left, top + 1) + (at(left + 1, top + 1) - at(left, top + 1)) * right;
    upper + (lower - upper) * low
}
