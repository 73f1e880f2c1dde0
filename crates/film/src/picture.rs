//! A picture as the encoder takes it: planar Y'CbCr 4:2:0 in 8 bits, BT.709, limited range, chroma sited left.
//!
//! RGB comes in as painters make it and is taken for BT.709 R'G'B' as it stands. The stream says the same of itself (see
//! `encoder/x264.rs`), so what is converted here is what players undo.

use festoon_spec::{Canvas, Colour};

use crate::FilmError;

/// Longest side, in pixels: what H.264's highest level and an MP4 sample entry both hold with room to spare.
const LONGEST_SIDE: u32 = 8192;

/// One 4:2:0 picture: the whole Y' plane, then Cb, then Cr, rows without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

// ITU-R BT.709-6, item 3.2 (luma weights) and 3.3, 3.4 (colour difference, scaling to 8-bit limited range).
const KR: f64 = 0.2126;
const KG: f64 = 0.7152;
const KB: f64 = 0.0722;
const LUMA_SCALE: f64 = 219.0 / 255.0;
const CHROMA_SCALE: f64 = 224.0 / 255.0;

/// Fractional bits of the fixed-point weights.
const BITS: u32 = 16;

const fn fixed(weight: f64) -> i32 {
    let scaled = weight * (1 << BITS) as f64;
    (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

const Y_WEIGHTS: [i32; 3] = [fixed(KR * LUMA_SCALE), fixed(KG * LUMA_SCALE), fixed(KB * LUMA_SCALE)];
const CB_WEIGHTS: [i32; 3] = difference(2, KB);
const CR_WEIGHTS: [i32; 3] = difference(0, KR);

/// Weights of `(channel - Y') / (2 (1 - K))`. They add up to exactly 0, so that grey has no colour.
const fn difference(channel: usize, own: f64) -> [i32; 3] {
    let scale = CHROMA_SCALE / (2.0 * (1.0 - own));
    let mut weights = [fixed(-KR * scale), fixed(-KG * scale), fixed(-KB * scale)];
    weights[channel] = 0;
    weights[channel] = -(weights[0] + weights[1] + weights[2]);
    weights
}

impl Picture {
    /// A black picture for this canvas.
    ///
    /// # Errors
    /// [`FilmError::Canvas`] if no video can have this size, length or rate.
    pub fn new(canvas: &Canvas) -> Result<Self, FilmError> {
        let refuse = |problem| Err(FilmError::Canvas { canvas: *canvas, problem });
        if canvas.width == 0 || canvas.height == 0 || !canvas.width.is_multiple_of(2) || !canvas.height.is_multiple_of(2) {
            return refuse("width and height must be even and not 0");
        }
        if canvas.width > LONGEST_SIDE || canvas.height > LONGEST_SIDE {
            return refuse("width and height may be 8192 at most");
        }
        if canvas.frames == 0 || canvas.fps == 0 {
            return refuse("there must be a frame, and a frame rate");
        }
        if canvas.fps > 240 || canvas.frames > 240 * 3600 {
            return refuse("at most 240 frames per second and 864000 frames");
        }
        let (width, height) = (canvas.width as usize, canvas.height as usize);
        let mut bytes = vec![128; width * height * 3 / 2];
        bytes[..width * height].fill(16);
        Ok(Self { width, height, bytes })
    }

    /// A sky: these colours from top to bottom, one running into the next; black without any.
    ///
    /// # Errors
    /// As [`Picture::new`].
    pub fn of_sky(canvas: &Canvas, sky: &[Colour]) -> Result<Self, FilmError> {
        let mut picture = Self::new(canvas)?;
        let Some(last) = sky.len().checked_sub(1) else { return Ok(picture) };
        let row = |row: u32| {
            let place = f64::from(row) / f64::from(canvas.height) * last as f64;
            let (at, share) = (place as usize, place.fract());
            let next = sky.get(at + 1).unwrap_or(&sky[at]);
            [0, 1, 2].map(|channel| (f64::from(sky[at].0[channel]) * (1.0 - share) + f64::from(next.0[channel]) * share) as u8)
        };
        let rows: Vec<Vec<u8>> = (0..canvas.height).map(|at| row(at).repeat(canvas.width as usize)).collect();
        picture.set_rgb(&rows.concat());
        Ok(picture)
    }

    /// Pixels across.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Y', then Cb, then Cr: what a raw I420 stream holds.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The Y' plane, 16 to 235.
    pub fn luma(&self) -> &[u8] {
        &self.bytes[..self.width * self.height]
    }

    /// The Cb and the Cr plane, 16 to 240 around 128.
    pub fn chroma(&self) -> (&[u8], &[u8]) {
        self.bytes[self.width * self.height..].split_at(self.width * self.height / 4)
    }

    /// The Y', Cb and Cr planes, to draw on.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = self.bytes.split_at_mut(self.width * self.height);
        let (cb, cr) = chroma.split_at_mut(self.width * self.height / 4);
        [luma, cb, cr]
    }

    /// The picture as RGB, as players show it: rows of R, G, B bytes without gaps. For sheets and proofs; each sample of
    /// colour holds for its four pixels.
    pub fn rgb(&self) -> Vec<u8> {
        let (cb, cr) = self.chroma();
        let mut rgb = Vec::with_capacity(self.rgb_len());
        for (place, luma) in self.luma().iter().enumerate() {
            let at = place / self.width / 2 * (self.width / 2) + place % self.width / 2;
            let level = (f64::from(*luma) - 16.0) / 219.0;
            let blue = level + (f64::from(cb[at]) - 128.0) / 224.0 * 2.0 * (1.0 - KB);
            let red = level + (f64::from(cr[at]) - 128.0) / 224.0 * 2.0 * (1.0 - KR);
            let green = (level - KR * red - KB * blue) / KG;
            rgb.extend([red, green, blue].map(|level| (level * 255.0).round().clamp(0.0, 255.0) as u8));
        }
        rgb
    }

    /// Bytes of an RGB frame of this size.
    pub fn rgb_len(&self) -> usize {
        self.width * self.height * 3
    }

    /// Takes over the planes of another picture, as [`Picture::bytes`] gives them.
    ///
    /// # Panics
    /// If they are not of a picture of this size.
    pub fn set_planes(&mut self, planes: &[u8]) {
        self.bytes.copy_from_slice(planes);
    }

    /// Takes over an RGB frame: rows of R, G, B bytes without gaps.
    ///
    /// # Panics
    /// If `rgb` is not [`Picture::rgb_len`] long.
    pub fn set_rgb(&mut self, rgb: &[u8]) {
        assert_eq!(rgb.len(), self.rgb_len(), "an RGB frame of {} x {} pixels", self.width, self.height);
        let (luma, chroma) = self.bytes.split_at_mut(self.width * self.height);
        let (cb, cr) = chroma.split_at_mut(self.width * self.height / 4);
        let half = self.width / 2;
        let mut sums = vec![[0; 3]; self.width];
        let rows = rgb.chunks_exact(self.width * 6).zip(luma.chunks_exact_mut(self.width * 2));
        let differences = cb.chunks_exact_mut(half).zip(cr.chunks_exact_mut(half));
        for ((rgb, luma), (cb, cr)) in rows.zip(differences) {
            convert_luma(rgb, luma);
            let (upper, lower) = rgb.split_at(self.width * 3);
            convert_chroma(upper, lower, &mut sums, cb, cr);
        }
    }
}

fn convert_luma(rgb: &[u8], luma: &mut [u8]) {
    const OFFSET: i32 = (16 << BITS) + (1 << (BITS - 1));
    let (pixels, _) = rgb.as_chunks::<3>();
    for (pixel, luma) in pixels.iter().zip(luma) {
        let [r, g, b] = pixel.map(i32::from);
        *luma = ((Y_WEIGHTS[0] * r + Y_WEIGHTS[1] * g + Y_WEIGHTS[2] * b + OFFSET) >> BITS) as u8;
    }
}

/// Left-sited: each sample lies on an even column between two rows, and takes 1:2:1 across and 1:1 down.
fn convert_chroma(upper: &[u8], lower: &[u8], sums: &mut [[i32; 3]], cb: &mut [u8], cr: &mut [u8]) {
    /// The eight weights of the window add three bits.
    const WINDOW: u32 = 3;
    const OFFSET: i32 = (128 << (BITS + WINDOW)) + (1 << (BITS + WINDOW - 1));
    let ((upper, _), (lower, _)) = (upper.as_chunks::<3>(), lower.as_chunks::<3>());
    for (sum, (upper, lower)) in sums.iter_mut().zip(upper.iter().zip(lower)) {
        *sum = [0, 1, 2].map(|channel| i32::from(upper[channel]) + i32::from(lower[channel]));
    }
    let mut left = sums[0];
    let (pairs, _) = sums.as_chunks::<2>();
    for ([even, odd], (cb, cr)) in pairs.iter().zip(cb.iter_mut().zip(cr)) {
        let [r, g, b] = [0, 1, 2].map(|channel| left[channel] + 2 * even[channel] + odd[channel]);
        let weigh = |weights: [i32; 3]| (weights[0] * r + weights[1] * g + weights[2] * b + OFFSET) >> (BITS + WINDOW);
        *cb = weigh(CB_WEIGHTS) as u8;
        *cr = weigh(CR_WEIGHTS) as u8;
        left = *odd;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CANVAS: Canvas = Canvas { width: 4, height: 2, frames: 1, fps: 1 };

    fn samples(rgb: [u8; 3]) -> [u8; 3] {
        let mut picture = Picture::new(&CANVAS).unwrap();
        picture.set_rgb(&rgb.repeat(8));
        let (cb, cr) = picture.chroma();
        assert!(picture.luma().iter().all(|level| *level == picture.luma()[0]), "one colour, one level");
        assert_eq!((cb[0], cr[0]), (cb[1], cr[1]), "one colour, one difference");
        [picture.luma()[0], cb[0], cr[0]]
    }

    /// The inverse of ITU-R BT.709-6 in floats.
    fn colour([y, cb, cr]: [u8; 3]) -> [f64; 3] {
        let y = (f64::from(y) - 16.0) / 219.0;
        let b = y + (f64::from(cb) - 128.0) / 224.0 * 1.8556;
        let r = y + (f64::from(cr) - 128.0) / 224.0 * 1.5748;
        let g = (y - 0.2126 * r - 0.0722 * b) / 0.7152;
        [r, g, b].map(|level| level * 255.0)
    }

    #[test]
    fn known_colours_have_the_samples_of_the_recommendation() {
        let bars = [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([128, 128, 128], [126, 128, 128]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 255, 0], [173, 42, 26]),
            ([0, 0, 255], [32, 240, 118]),
            ([255, 255, 0], [219, 16, 138]),
            ([0, 255, 255], [188, 154, 16]),
            ([255, 0, 255], [78, 214, 230]),
        ];
        for (rgb, expected) in bars {
            assert_eq!(samples(rgb), expected, "{rgb:?}");
        }
    }

    #[test]
    fn every_grey_is_without_colour() {
        for level in 0..=255 {
            assert_eq!(samples([level; 3])[1..], [128, 128], "{level}");
        }
    }

    #[test]
    fn a_colour_comes_back_within_two_levels() {
        for place in 0..18u32.pow(3) {
            let rgb = [place % 18, place / 18 % 18, place / 324].map(|step| (step * 15) as u8);
            for (was, is) in rgb.iter().zip(colour(samples(rgb))) {
                assert!((f64::from(*was) - is).abs() <= 2.0, "{rgb:?} comes back as {:?}", colour(samples(rgb)));
            }
        }
    }

    #[test]
    fn chroma_is_sited_on_the_left_column() {
        let mut picture = Picture::new(&CANVAS).unwrap();
        // One blue column, the second: it weighs a quarter on its left sample's site and a quarter on the next.
        let row = [[0, 0, 0], [0, 0, 255], [0, 0, 0], [0, 0, 0]].concat();
        picture.set_rgb(&row.repeat(2));
        assert_eq!(picture.chroma().0, [156, 156]);
        // The third: it is the site of the second sample and does not touch the first.
        let row = [[0, 0, 0], [0, 0, 0], [0, 0, 255], [0, 0, 0]].concat();
        picture.set_rgb(&row.repeat(2));
        assert_eq!(picture.chroma().0, [128, 184]);
    }

    #[test]
    fn a_canvas_that_no_video_can_have_is_refused() {
        for (width, height, frames, fps) in
            [(0, 2, 1, 1), (3, 2, 1, 1), (2, 5, 1, 1), (8194, 2, 1, 1), (2, 2, 0, 1), (2, 2, 1, 0), (2, 2, 1, 241)]
        {
            let canvas = Canvas { width, height, frames, fps };
            assert!(matches!(Picture::new(&canvas), Err(FilmError::Canvas { .. })), "{canvas:?}");
        }
    }
}
