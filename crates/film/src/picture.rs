//! A picture as the encoder takes it: planar Y'CbCr 4:2:0 in 8 bits, BT.709, limited range, chroma sited left.
//!
//! RGB comes in as painters make it and is taken for BT.709 R'G'B' as it stands. The stream says the same of itself (see
//! `encoder/x264.rs`), so what is converted here is what players undo.

use festoon_spec::Canvas;

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
        if canvas.width == 0 || canvas.height == 0 || canvas.width % 2 != 0 || canvas.height % 2 != 0 {
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

    /// Bytes of an RGB frame of this size.
    pub fn rgb_len(&self) -> usize {
        self.width * self.height * 3
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
