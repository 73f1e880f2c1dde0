//! A frame in floats: what is scaled, moved and blended.

/// Red, green, blue as sRGB code values (0 to 255), and their luma: what eye and search go by.
pub(super) type Pixel = [f32; 4];

/// ITU-R BT.709-6 luma weights.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// A frame, rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raster {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Pixel>,
}

impl Raster {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 4]; width * height] }
    }

    /// From packed 8-bit RGB.
    pub fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Self {
        let (triples, _) = rgb.as_chunks::<3>();
        let pixels: Vec<Pixel> = triples.iter().map(|rgb| with_luma(rgb.map(f32::from))).collect();
        debug_assert_eq!(pixels.len(), width * height);
        Self { width, height, pixels }
    }

    pub fn row(&self, y: usize) -> &[Pixel] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }

    /// The pixel at a whole place; beyond the edge, the edge's.
    #[inline]
    pub fn at(&self, x: isize, y: isize) -> Pixel {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.pixels[y * self.width + x]
    }

    /// Between pixels, by straight lines.
    #[inline]
    pub fn bilinear(&self, x: f32, y: f32) -> Pixel {
        let (left, top) = (floor(x), floor(y));
        let (right, low) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        if let Some(from) = self.inside(left, top, 2) {
            let rows = [&self.pixels[from..from + 2], &self.pixels[from + self.width..from + self.width + 2]];
            return mix(mix(rows[0][0], rows[0][1], right), mix(rows[1][0], rows[1][1], right), low);
        }
        let upper = mix(self.at(left, top), self.at(left + 1, top), right);
        let lower = mix(self.at(left, top + 1), self.at(left + 1, top + 1), right);
        mix(upper, lower, low)
    }

    /// Between pixels, by cubic curves through them (Catmull and Rom): keeps detail where a straight line would blur it.
    #[inline]
    pub fn bicubic(&self, x: f32, y: f32) -> Pixel {
        let (left, top) = (floor(x), floor(y));
        let (across, down) = (cubic_weights(x - left), cubic_weights(y - top));
        let (left, top) = (left as isize - 1, top as isize - 1);
        let mut sum = [0.0; 4];
        if let Some(from) = self.inside(left, top, 4) {
            for (row, down) in down.iter().enumerate() {
                let from = from + row * self.width;
                let mut line = [0.0; 4];
                for (pixel, across) in self.pixels[from..from + 4].iter().zip(across) {
                    add(&mut line, *pixel, across);
                }
                add(&mut sum, line, *down);
            }
            return sum;
        }
        for (row, down) in down.iter().enumerate() {
            let mut line = [0.0; 4];
            for (column, across) in across.iter().enumerate() {
                add(&mut line, self.at(left + column as isize, top + row as isize), *across);
            }
            add(&mut sum, line, *down);
        }
        sum
    }

    /// The index of a place from which a square of `side` pixels lies inside the frame.
    #[inline]
    fn inside(&self, left: isize, top: isize, side: usize) -> Option<usize> {
        let (left, top) = (usize::try_from(left).ok()?, usize::try_from(top).ok()?);
        (left + side <= self.width && top + side <= self.height).then_some(top * self.width + left)
    }

    /// Repeats what lies `border` pixels inside over all that lies further out.
    pub fn repeat_to_border(&mut self, border: usize) {
        let (right, low) = (self.width.saturating_sub(border + 1), self.height.saturating_sub(border + 1));
        for y in 0..self.height {
            for x in 0..self.width {
                let (inner_x, inner_y) = (x.min(right).max(border), y.min(low).max(border));
                if (inner_x, inner_y) != (x, y) {
                    self.pixels[y * self.width + x] = self.at(inner_x as isize, inner_y as isize);
                }
            }
        }
    }

    /// Half as large: each pixel the mean of four.
    pub fn halved(&self) -> Self {
        let mut half = Self::new(self.width.div_ceil(2), self.height.div_ceil(2));
        for y in 0..half.height {
            for x in 0..half.width {
                let mut sum = [0.0; 4];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    add(&mut sum, self.at((2 * x + dx) as isize, (2 * y + dy) as isize), 0.25);
                }
                half.pixels[y * half.width + x] = sum;
            }
        }
        half
    }
}

/// The largest whole number that is not greater. `f32::floor` is a call into the C library where the processor's own
/// instruction cannot be presumed; places in a picture are small enough for integers.
#[inline]
pub(super) fn floor(place: f32) -> f32 {
    let whole = place as i32 as f32;
    if whole > place { whole - 1.0 } else { whole }
}

pub(super) fn with_luma([red, green, blue]: [f32; 3]) -> Pixel {
    [red, green, blue, LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue]
}

/// From `one` (0) to `other` (1).
#[inline]
pub(super) fn mix(one: Pixel, other: Pixel, share: f32) -> Pixel {
    let mut mixed = one;
    for (mixed, other) in mixed.iter_mut().zip(other) {
        *mixed += (other - *mixed) * share;
    }
    mixed
}

#[inline]
pub(super) fn add(sum: &mut Pixel, pixel: Pixel, weight: f32) {
    for (sum, level) in sum.iter_mut().zip(pixel) {
        *sum += level * weight;
    }
}

/// How far two pixels are apart.
#[inline]
pub(super) fn distance(one: Pixel, other: Pixel) -> f32 {
    let mut sum = 0.0;
    for (one, other) in one.into_iter().zip(other) {
        sum += (one - other).abs();
    }
    sum
}

#[inline]
fn cubic_weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (2.0 * t2 - t3 - t), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (4.0 * t2 - 3.0 * t3 + t), 0.5 * (t3 - t2)]
}
