//! Where each pixel of one frame goes in the next.
//!
//! Frames of a small model are soft, few and far apart in time: things cross a tenth of the picture from one to the next, and
//! some (sparks, flakes) are no larger than a pixel or two, which a method that goes from coarse to fine by gradients alone
//! loses. So: every displacement within reach is tried where the picture is about eighty pixels wide, and the best is refined
//! from level to level by trying the neighbours' displacements and those a pixel away, under a price for differing from the
//! neighbours; at the end gradients (Lucas and Kanade) find the fraction of a pixel.
//!
//! Only IEEE additions, multiplications, divisions and square roots, in one fixed order: the same frames give the same bits on
//! every machine.

use super::raster::{Pixel, Raster, distance, floor};

/// The coarsest level is not longer than this.
const COARSE_SIDE: usize = 100;
/// How far it is searched there, as a share of its longer side.
const REACH: f32 = 0.11;
/// Half a window's side.
const HALF: isize = 2;
/// The price of a pixel of displacement, in levels of a window's mean difference: among equals, rest.
const REST: f32 = 0.06;
/// The price of a pixel of difference to one neighbour …
const SMOOTH: f32 = 0.5;
/// … which is not asked twice: beyond this the neighbour belongs to something else.
const SMOOTH_MOST: f32 = 3.0;
/// Half the side of the windows that gradients are summed over.
const GRADIENT_HALF: usize = 3;

/// A displacement in pixels, right and down.
pub(super) type Vector = [f32; 2];

/// A displacement for each pixel of a frame.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub width: usize,
    pub height: usize,
    pub vectors: Vec<Vector>,
}

impl Field {
    /// From the pixels of `from` to those of `to`, which is as large.
    pub fn between(from: &Raster, to: &Raster) -> Self {
        let mut levels = vec![(from.clone(), to.clone())];
        while let Some((from, to)) = levels.last().filter(|(from, _)| from.width.max(from.height) > COARSE_SIDE) {
            let halves = (from.halved(), to.halved());
            levels.push(halves);
        }
        let (coarse_from, coarse_to) = &levels[levels.len() - 1];
        let mut field = search(coarse_from, coarse_to);
        sweep(&mut field, coarse_from, coarse_to);
        for (from, to) in levels.iter().rev().skip(1) {
            field = field.enlarged(from.width, from.height);
            sweep(&mut field, from, to);
        }
        let fine = refine(&field, from, to);
        fine.median()
    }

    #[inline]
    pub fn at(&self, x: isize, y: isize) -> Vector {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.vectors[y * self.width + x]
    }

    /// Between pixels, by straight lines.
    #[inline]
    pub fn bilinear(&self, x: f32, y: f32) -> Vector {
        let (left, top) = (floor(x), floor(y));
        let (right, low) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let mut vector = [0.0; 2];
        for (dx, dy, weight) in
            [(0, 0, (1.0 - right) * (1.0 - low)), (1, 0, right * (1.0 - low)), (0, 1, (1.0 - right) * low), (1, 1, right * low)]
        {
            let part = self.at(left + dx, top + dy);
            vector[0] += part[0] * weight;
            vector[1] += part[1] * weight;
        }
        vector
    }

    /// For a frame of twice the size.
    fn enlarged(&self, width: usize, height: usize) -> Self {
        let mut vectors = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let [dx, dy] = self.at((x / 2) as isize, (y / 2) as isize);
                vectors.push([dx * 2.0, dy * 2.0]);
            }
        }
        Self { width, height, vectors }
    }

    /// Each component the median of nine: lone mistakes go, edges stay.
    fn median(&self) -> Self {
        let mut vectors = Vec::with_capacity(self.vectors.len());
        for y in 0..self.height as isize {
            for x in 0..self.width as isize {
                let mut nine = [[0.0f32; 9]; 2];
                let mut index = 0;
                for dy in -1..=1 {
                    for dx in -1..=1 {
                        let [right, down] = self.at(x + dx, y + dy);
                        (nine[0][index], nine[1][index]) = (right, down);
                        index += 1;
                    }
                }
                for part in &mut nine {
                    part.sort_unstable_by(f32::total_cmp);
                }
                vectors.push([nine[0][4], nine[1][4]]);
            }
        }
        Self { vectors, ..*self }
    }
}

/// The best of all whole displacements within reach, for windows around each pixel.
fn search(from: &Raster, to: &Raster) -> Field {
    let (width, height) = (from.width, from.height);
    let reach = (width.max(height) as f32 * REACH).ceil() as isize;
    let mut vectors = vec![[0.0; 2]; width * height];
    let mut best = vec![f32::INFINITY; width * height];
    let mut differences = vec![0.0; width * height];
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            for y in 0..height {
                for x in 0..width {
                    let there = to.at(x as isize + dx, y as isize + dy);
                    differences[y * width + x] = distance(from.pixels[y * width + x], there);
                }
            }
            let sums = box_sums(&differences, width, height, HALF as usize);
            let price = REST * window_area() * ((dx * dx + dy * dy) as f32).sqrt();
            for ((sum, best), vector) in sums.iter().zip(&mut best).zip(&mut vectors) {
                if sum + price < *best {
                    (*best, *vector) = (sum + price, [dx as f32, dy as f32]);
                }
            }
        }
    }
    Field { width, height, vectors }
}

/// Differences that a window's sum is made of.
fn window_area() -> f32 {
    let side = (2 * HALF + 1) as f32;
    side * side * 4.0
}

/// Four times over the field, from each end in turn: each pixel takes what is best among its own displacement, its
/// neighbours', those a pixel away, and none.
fn sweep(field: &mut Field, from: &Raster, to: &Raster) {
    let (width, height) = (field.width as isize, field.height as isize);
    for pass in 0..4 {
        let backwards = pass % 2 == 1;
        for step in 0..width * height {
            let index = if backwards { width * height - 1 - step } else { step };
            let (x, y) = (index % width, index / width);
            let neighbours = [(-1, 0), (1, 0), (0, -1), (0, 1)].map(|(dx, dy)| field.at(x + dx, y + dy));
            let own = field.vectors[index as usize];
            let near = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]].map(|[dx, dy]: Vector| [own[0] + dx, own[1] + dy]);
            let mut tried: [Vector; 10] = [own; 10];
            let mut count = 0;
            let (mut best, mut least) = (own, f32::INFINITY);
            for candidate in [own].into_iter().chain(neighbours).chain([[0.0; 2]]).chain(near) {
                if tried[..count].contains(&candidate) {
                    continue;
                }
                tried[count] = candidate;
                count += 1;
                let smooth: f32 = neighbours.iter().map(|other| apart(candidate, *other).min(SMOOTH_MOST)).sum();
                let rest = REST * apart(candidate, [0.0; 2]);
                let price = (SMOOTH * smooth + rest) * window_area() / 4.0;
                let limit = least - price;
                if limit <= 0.0 {
                    continue;
                }
                let cost = window(from, to, x, y, candidate, limit) + price;
                if cost < least {
                    (least, best) = (cost, candidate);
                }
            }
            field.vectors[index as usize] = best;
        }
    }
}

/// The sum of differences of the windows around a pixel and around where a whole displacement leads; once past `limit` it
/// does not matter by how much.
fn window(from: &Raster, to: &Raster, x: isize, y: isize, [dx, dy]: Vector, limit: f32) -> f32 {
    let (dx, dy) = (dx as isize, dy as isize);
    let mut sum = 0.0;
    let inside = |x: isize, width: usize| x >= HALF && x + HALF < width as isize;
    if inside(x, from.width) && inside(y, from.height) && inside(x + dx, to.width) && inside(y + dy, to.height) {
        let side = (2 * HALF + 1) as usize;
        for row in -HALF..=HALF {
            let here = ((y + row) * from.width as isize + x - HALF) as usize;
            let there = ((y + dy + row) * to.width as isize + x + dx - HALF) as usize;
            for (here, there) in from.pixels[here..here + side].iter().zip(&to.pixels[there..there + side]) {
                sum += distance(*here, *there);
            }
            if sum >= limit {
                return sum;
            }
        }
        return sum;
    }
    for row in -HALF..=HALF {
        for column in -HALF..=HALF {
            sum += distance(from.at(x + column, y + row), to.at(x + dx + column, y + dy + row));
        }
    }
    sum
}

fn apart(one: Vector, other: Vector) -> f32 {
    let (dx, dy) = (one[0] - other[0], one[1] - other[1]);
    (dx * dx + dy * dy).sqrt()
}

/// Finds fractions of a pixel by gradients; where that does not lessen the difference, the whole displacement stays.
fn refine(whole: &Field, from: &Raster, to: &Raster) -> Field {
    let (width, height) = (whole.width, whole.height);
    let mut field = whole.clone();
    let (slopes_across, slopes_down) = slopes(to);
    let mut moved = warped(to, &field);
    let before = errors(from, &moved);
    for _ in 0..3 {
        let mut sums = vec![[0.0f32; 5]; width * height];
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                let [dx, dy] = field.vectors[index];
                let (tx, ty) = (x as f32 + dx, y as f32 + dy);
                let (across, down) = (slopes_across.bilinear(tx, ty), slopes_down.bilinear(tx, ty));
                let sum = &mut sums[index];
                for lane in 0..4 {
                    let change = from.pixels[index][lane] - moved.pixels[index][lane];
                    sum[0] += across[lane] * across[lane];
                    sum[1] += across[lane] * down[lane];
                    sum[2] += down[lane] * down[lane];
                    sum[3] += across[lane] * change;
                    sum[4] += down[lane] * change;
                }
            }
        }
        let parts: [Vec<f32>; 5] = std::array::from_fn(|part| {
            let plane: Vec<f32> = sums.iter().map(|sum| sum[part]).collect();
            box_sums(&plane, width, height, GRADIENT_HALF)
        });
        for (index, vector) in field.vectors.iter_mut().enumerate() {
            // A little stiffness: without slope there is no move.
            const STIFF: f32 = 400.0;
            let (a, b, c) = (parts[0][index] + STIFF, parts[1][index], parts[2][index] + STIFF);
            let (p, q) = (parts[3][index], parts[4][index]);
            let determinant = a * c - b * b;
            vector[0] += ((p * c - q * b) / determinant).clamp(-0.7, 0.7);
            vector[1] += ((q * a - p * b) / determinant).clamp(-0.7, 0.7);
        }
        moved = warped(to, &field);
    }
    let after = errors(from, &moved);
    for (index, vector) in field.vectors.iter_mut().enumerate() {
        if after[index] >= before[index] || apart(*vector, whole.vectors[index]) > 2.0 {
            *vector = whole.vectors[index];
        }
    }
    field
}

/// Levels per pixel, to the right and down.
fn slopes(frame: &Raster) -> (Raster, Raster) {
    let (mut across, mut down) = (Raster::new(frame.width, frame.height), Raster::new(frame.width, frame.height));
    let half = |one: Pixel, other: Pixel| std::array::from_fn(|lane| (other[lane] - one[lane]) * 0.5);
    for y in 0..frame.height as isize {
        for x in 0..frame.width as isize {
            let index = y as usize * frame.width + x as usize;
            across.pixels[index] = half(frame.at(x - 1, y), frame.at(x + 1, y));
            down.pixels[index] = half(frame.at(x, y - 1), frame.at(x, y + 1));
        }
    }
    (across, down)
}

/// `to` as it looks to whoever moves with the field.
fn warped(to: &Raster, field: &Field) -> Raster {
    let mut moved = Raster::new(field.width, field.height);
    for y in 0..field.height {
        for x in 0..field.width {
            let index = y * field.width + x;
            let [dx, dy] = field.vectors[index];
            moved.pixels[index] = to.bilinear(x as f32 + dx, y as f32 + dy);
        }
    }
    moved
}

/// The difference of two frames around each pixel, as a mean.
pub(super) fn errors(one: &Raster, other: &Raster) -> Vec<f32> {
    let differences: Vec<f32> = one.pixels.iter().zip(&other.pixels).map(|(one, other)| distance(*one, *other)).collect();
    let mut sums = box_sums(&differences, one.width, one.height, HALF as usize);
    for sum in &mut sums {
        *sum /= window_area();
    }
    sums
}

/// The sum over the square of side 2 · `half` + 1 around each place; beyond the edge, the edge's.
pub(super) fn box_sums(plane: &[f32], width: usize, height: usize, half: usize) -> Vec<f32> {
    let mut rows = vec![0.0; plane.len()];
    let mut padded = vec![0.0; width + 2 * half];
    for (row, sums) in plane.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        padded[..half].fill(row[0]);
        padded[half..half + width].copy_from_slice(row);
        padded[half + width..].fill(row[width - 1]);
        sums.fill(0.0);
        for shift in 0..=2 * half {
            for (sum, level) in sums.iter_mut().zip(&padded[shift..]) {
                *sum += level;
            }
        }
    }
    let mut sums = vec![0.0; plane.len()];
    for (y, sums) in sums.chunks_exact_mut(width).enumerate() {
        for shift in 0..=2 * half {
            let from = (y + shift).saturating_sub(half).min(height - 1) * width;
            for (sum, level) in sums.iter_mut().zip(&rows[from..from + width]) {
                *sum += level;
            }
        }
    }
    sums
}
