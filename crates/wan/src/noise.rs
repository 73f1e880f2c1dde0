//! The initial noise of a painting.

use crate::error::Result;
use crate::torch::Tensor;

/// Where the noise comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noise {
    /// From a key, by arithmetic of this package: the same bits on every machine.
    Key([u8; 32]),
    /// As `torch.randn` with a CPU generator of this seed draws it: for comparison with the reference. Its bits depend on
    /// libtorch's version and on the processor.
    TorchSeed(u64),
}

/// Changing anything about how keys become noise changes this name too.
const CONTEXT: &str = "festoon-wan 2026-11-22 initial noise v1";

impl Noise {
    /// Standard normal numbers in f32, on the CPU.
    pub fn draw(&self, shape: &[i64]) -> Result<Tensor> {
        match self {
            Noise::Key(key) => Tensor::from_f32(&normals(key, shape.iter().product::<i64>() as usize), shape),
            Noise::TorchSeed(seed) => Tensor::randn(*seed, shape),
        }
    }
}

/// Box–Muller over Philox4x32-10, with the `libm` crate's functions, which do not differ between machines as those of the
/// system may.
fn normals(key: &[u8; 32], count: usize) -> Vec<f32> {
    let derived = blake3::derive_key(CONTEXT, key);
    let word = |index: usize| u32::from_le_bytes(derived[index * 4..index * 4 + 4].try_into().expect("four bytes"));
    let (philox_key, stream) = ([word(0), word(1)], [word(2), word(3)]);
    let mut values = Vec::with_capacity(count + 3);
    for block in 0..count.div_ceil(4) as u64 {
        let [a, b, c, d] = philox4x32_10([block as u32, (block >> 32) as u32, stream[0], stream[1]], philox_key);
        values.extend(box_muller(a, b));
        values.extend(box_muller(c, d));
    }
    values.truncate(count);
    values
}

/// Two independent normals from 64 random bits.
fn box_muller(a: u32, b: u32) -> [f32; 2] {
    // In (0, 1): the logarithm is finite.
    let unit = |bits: u32| (bits as f64 + 0.5) / 4_294_967_296.0;
    let radius = (-2.0 * libm::log(unit(a))).sqrt();
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * unit(b));
    [(radius * cos) as f32, (radius * sin) as f32]
}

/// Philox4x32 with ten rounds: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = 0xD251_1F53u64 * counter[0] as u64;
        let second = 0xCD9E_8D57u64 * counter[2] as u64;
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_answers() {
        // The known-answer vectors of the authors' Random123 library.
        assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32_10([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox4x32_10([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_key_always_gives_the_same_bits() {
        let bits: Vec<u32> = normals(&[7; 32], 5).iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, normals(&[7; 32], 9)[..5].iter().map(|value| value.to_bits()).collect::<Vec<_>>());
        assert_eq!(bits, PUBLISHED, "the noise of a published key must never move");
    }

    const PUBLISHED: [u32; 5] = [3201246570, 3206193001, 3146049857, 1067000953, 1072280361];

    #[test]
    fn every_byte_of_the_key_matters() {
        let base = normals(&[0; 32], 4);
        for byte in 0..32 {
            let mut key = [0; 32];
            key[byte] = 1;
            assert_ne!(normals(&key, 4), base, "byte {byte}");
        }
    }

    #[test]
    fn the_numbers_are_standard_normal() {
        let values = normals(&[42; 32], 100_000);
        let count = values.len() as f64;
        let moment = |power: i32| values.iter().map(|&value| (value as f64).powi(power)).sum::<f64>() / count;
        // Five standard errors of each moment: 1/√n, √2/√n, √15/√n, √96/√n.
        let bound = |deviation: f64| 5.0 * deviation / count.sqrt();
        assert!(moment(1).abs() < bound(1.0), "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < bound(2f64.sqrt()), "variance {}", moment(2));
        assert!(moment(3).abs() < bound(15f64.sqrt()), "third moment {}", moment(3));
        assert!((moment(4) - 3.0).abs() < bound(96f64.sqrt()), "fourth moment {}", moment(4));
    }
}
