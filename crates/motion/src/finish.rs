//! From light to bytes: glow, vignette, grading, grain and dither.

use crate::{
    canvas::{Exposure, Light},
    dice::Dice,
    grade::{Balance, Tone},
    scene::{Finish, Size},
};

/// Length of the strip of noise that grain and dither are cut from.
const STRIP: usize = 4096;

/// Develops canvases into frames. Holds the buffers of the glow between frames.
#[derive(Debug, Clone)]
pub(crate) struct Darkroom {
    finish: Finish,
    dice: Dice,
    /// Dither and grain in 256ths of a code, repeated so that a row may begin anywhere before [`STRIP`].
    strip: Vec<[i16; 3]>,
    /// Halves, quarters, … of the canvas's soft light.
    pyramid: Vec<Light>,
    /// What the vignette leaves at each column, four times, and takes off at each row.
    columns: Vec<f32>,
    rows: Vec<f32>,
    tone: Tone,
    balance: Option<Balance>,
}

impl Darkroom {
    pub(crate) fn new(size: Size, finish: Finish, dice: Dice) -> Self {
        let (mut width, mut height) = ((size.width as usize).div_ceil(4), (size.height as usize).div_ceil(4));
        let mut pyramid = Vec::new();
        while finish.glow > 0.0 && pyramid.len() < 5 {
            pyramid.push(Light::new(width, height));
            if width.min(height) < 6 {
                break;
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
        }
        let mut hand = dice.hand(0);
        let mut strip = Vec::with_capacity(STRIP);
        let mut last = 0.0;
        for _ in 0..STRIP {
            // Triangular dither of one code, which leaves no banding, under grain that is a little wider than a pixel.
            let dither = (hand.unit() + hand.unit() - 1.0) * 256.0;
            let grain = hand.bell(1.0);
            let noise = (128.0 + dither + (grain * 0.75 + last * 0.4) * finish.grain * 256.0 * 9.0) as i16;
            strip.push([noise; 3]);
            last = grain;
        }
        strip.extend_from_within(..size.width.min(STRIP as u32) as usize);
        let fall = |places: u32, share: f32| {
            let half = places as f32 / 2.0;
            let at = move |place: u32| {
                let off = (place as f32 + 0.5 - half) / half;
                off * off * share * 0.42 * finish.vignette
            };
            (0..places).map(at).collect()
        };
        let aspect = size.width as f32 / (size.width + size.height) as f32;
        let columns: Vec<f32> = fall(size.width, aspect);
        Self {
            finish,
            dice,
            strip,
            pyramid,
            columns: columns.into_iter().flat_map(|fall| [1.0 - fall; 4]).collect(),
            rows: fall(size.height, 1.0 - aspect),
            tone: Tone::of(&finish),
            balance: Balance::of(&finish),
        }
    }

    /// Turns an exposure into 8-bit sRGB. Its soft light is used up.
    pub(crate) fn develop(&mut self, exposure: &mut Exposure, index: u32, rgb: &mut [u8]) {
        if !self.pyramid.is_empty() {
            self.gather(&exposure.sharp);
            self.spread(&mut exposure.soft);
        }
        // Without grain the dither stands still, which an encoder can keep.
        let frame = if self.finish.grain > 0.0 { u64::from(index) + 1 } else { 0 };
        match self.balance {
            None => self.expose(exposure, frame, rgb, |light| light),
            Some(balance) => self.expose(exposure, frame, rgb, |light| balance.graded(light)),
        }
    }

    /// Row by row, in short loops over flat lists, which become vector instructions.
    #[inline(always)]
    fn expose(&self, exposure: &Exposure, frame: u64, rgb: &mut [u8], graded: impl Fn([f32; 4]) -> [f32; 4]) {
        let (width, soft) = (exposure.sharp.width, &exposure.soft);
        let (curve, dice) = (self.tone.curve(), self.dice.fork(frame));
        let mut veil = vec![[0.0f32; 4]; soft.width + 2];
        let mut light = vec![[0.0f32; 4]; width];
        let mut steps = vec![[0u32; 4]; width];
        let mut codes = vec![[0u16; 3]; width];
        for (y, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
            mix_rows(soft, y, &mut veil);
            stretch(&veil, &mut light);
            let darker = self.rows[y];
            let row = exposure.sharp.row(y).as_flattened();
            for ((light, sharp), column) in light.as_flattened_mut().iter_mut().zip(row).zip(&self.columns) {
                let vignette = column - darker;
                *light = (*light + sharp) * if vignette > 0.0 { vignette } else { 0.0 };
            }
            light.iter_mut().for_each(|light| *light = graded(*light));
            curve.steps(light.as_flattened(), steps.as_flattened_mut());
            for (codes, steps) in codes.iter_mut().zip(&steps) {
                *codes = [curve.code(steps[0]), curve.code(steps[1]), curve.code(steps[2])];
            }
            let start = (dice.hand(y as u64).unit() * STRIP as f32) as usize;
            let grain = self.strip[start..start + width].as_flattened();
            for ((out, &code), &grain) in out.iter_mut().zip(codes.as_flattened()).zip(grain) {
                *out = ((i32::from(code) + i32::from(grain)) >> 8).clamp(0, 255) as u8;
            }
        }
    }

    /// The canvas's bright light at a quarter of its size.
    fn gather(&mut self, sharp: &Light) {
        let quarter = &mut self.pyramid[0];
        let mut sums = vec![[0.0f32; 4]; sharp.width];
        for y in 0..quarter.height {
            sums.fill([0.0; 4]);
            for row in 4 * y..(4 * y + 4).min(sharp.height) {
                for (sum, part) in sums.as_flattened_mut().iter_mut().zip(sharp.row(row).as_flattened()) {
                    let bright = part - 0.7;
                    *sum += if bright > 0.0 { bright } else { 0.0 } + 0.04 * part;
                }
            }
            for (pixel, four) in quarter.row_mut(y).iter_mut().zip(sums.chunks(4)) {
                *pixel = [0.0; 4];
                for part in four {
                    for channel in 0..4 {
                        pixel[channel] += part[channel];
                    }
                }
                *pixel = pixel.map(|v| (v / 16.0).min(24.0));
            }
        }
    }

    /// Blurs the gathered light at every width at once and adds it to the soft light.
    fn spread(&mut self, soft: &mut Light) {
        for level in 1..self.pyramid.len() {
            let (wide, narrow) = self.pyramid.split_at_mut(level);
            halve(&wide[level - 1], &mut narrow[0]);
        }
        for level in (1..self.pyramid.len()).rev() {
            let (wide, narrow) = self.pyramid.split_at_mut(level);
            double(&narrow[0], &mut wide[level - 1], 0.8);
        }
        let gain = self.finish.glow * 0.42;
        for (target, glow) in soft.pixels.iter_mut().zip(&self.pyramid[0].pixels) {
            for channel in 0..4 {
                target[channel] += glow[channel] * gain;
            }
        }
    }
}

/// A row of the soft light, with an edge column at both ends, four times as wide: a pixel of it lies in the middle of four.
fn stretch(veil: &[[f32; 4]], row: &mut [[f32; 4]]) {
    // The first four begin half beyond the edge.
    const PARTS: [f32; 4] = [0.125, 0.375, 0.625, 0.875];
    let between = |pair: &[[f32; 4]], part: f32| {
        let mut pixel = pair[0];
        for channel in 0..4 {
            pixel[channel] += (pair[1][channel] - pair[0][channel]) * part;
        }
        pixel
    };
    let (first, rest) = row.split_at_mut(2.min(row.len()));
    for (pixel, part) in first.iter_mut().zip(&PARTS[2..]) {
        *pixel = between(&veil[..2], *part);
    }
    for (four, pair) in rest.chunks_mut(4).zip(veil[1..].windows(2)) {
        for (pixel, part) in four.iter_mut().zip(PARTS) {
            *pixel = between(pair, part);
        }
    }
}

/// The two rows of the soft light around a row of the canvas, mixed, with its edge columns repeated.
fn mix_rows(soft: &Light, y: usize, veil: &mut [[f32; 4]]) {
    let place = (y as f32 + 0.5) / 4.0 - 0.5;
    let upper = place.floor();
    let part = place - upper;
    let row = |row: f32| soft.row(row.clamp(0.0, soft.height as f32 - 1.0) as usize);
    let (first, second) = (row(upper), row(upper + 1.0));
    let last = soft.width;
    for ((mixed, a), b) in veil[1..=last].iter_mut().zip(first).zip(second) {
        for channel in 0..4 {
            mixed[channel] = a[channel] + (b[channel] - a[channel]) * part;
        }
    }
    veil[0] = veil[1];
    veil[last + 1] = veil[last];
}

/// Half the size, each pixel from sixteen, nearer ones weighing more.
fn halve(wide: &Light, narrow: &mut Light) {
    const WEIGHT: [f32; 4] = [0.125, 0.375, 0.375, 0.125];
    let near = |place: usize, offset: usize, most: usize| (2 * place + offset).saturating_sub(1).min(most - 1);
    let mut line = vec![[0.0f32; 4]; wide.width];
    for y in 0..narrow.height {
        line.fill([0.0; 4]);
        for (offset, weight) in WEIGHT.into_iter().enumerate() {
            for (sum, pixel) in line.iter_mut().zip(wide.row(near(y, offset, wide.height))) {
                for channel in 0..4 {
                    sum[channel] += pixel[channel] * weight;
                }
            }
        }
        for (x, pixel) in narrow.row_mut(y).iter_mut().enumerate() {
            let four: [[f32; 4]; 4] = std::array::from_fn(|offset| line[near(x, offset, line.len())]);
            *pixel = std::array::from_fn(|c| (0..4).map(|offset| four[offset][c] * WEIGHT[offset]).sum());
        }
    }
}

/// Adds the smaller picture, smoothly enlarged, to the larger.
fn double(narrow: &Light, wide: &mut Light, gain: f32) {
    let mut line = vec![[0.0f32; 4]; narrow.width];
    for y in 0..wide.height {
        let near = (y / 2).min(narrow.height - 1);
        let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(narrow.height - 1) };
        for ((mixed, a), b) in line.iter_mut().zip(narrow.row(near)).zip(narrow.row(far)) {
            for channel in 0..4 {
                mixed[channel] = (0.75 * a[channel] + 0.25 * b[channel]) * gain;
            }
        }
        for (x, pixel) in wide.row_mut(y).iter_mut().enumerate() {
            let near = (x / 2).min(line.len() - 1);
            let far = if x % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(line.len() - 1) };
            for channel in 0..4 {
                pixel[channel] += 0.75 * line[near][channel] + 0.25 * line[far][channel];
            }
        }
    }
}
