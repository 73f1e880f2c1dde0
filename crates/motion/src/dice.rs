//! Counter-based chance: what falls depends on the seed and on names, never on the order of the throws.

use crate::curve::{mix, ramp};

/// splitmix64's finaliser: every input bit reaches every output bit.
fn stir(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A place in the tree of chance. Forks of different names are independent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let words = seed.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("chunks are 8 bytes")));
        Self(words.fold(0x6665_7374_6f6f_6e31, |state, word| stir(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ word)))
    }

    /// The dice of a part, for example of the n-th layer.
    pub(crate) fn fork(self, name: u64) -> Self {
        Self(stir(self.0 ^ stir(name.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// A name for the n-th thing, which no other dice give.
    pub(crate) fn name(self, index: u64) -> u64 {
        self.fork(index).0
    }

    /// A hand of throws for the n-th thing.
    pub(crate) fn hand(self, index: u64) -> Hand {
        Hand(self.fork(index).0)
    }

    /// A smooth curve through chance, about one hill per unit of `x`, in -1..1.
    pub(crate) fn hills(self, x: f32) -> f32 {
        let cell = x.floor();
        let at = |cell: f32| self.hand(cell as i64 as u64).spread(1.0);
        mix(at(cell), at(cell + 1.0), ramp(0.0, 1.0, x - cell))
    }

    /// A smooth landscape through chance, about one hill per unit, in -1..1.
    pub(crate) fn land(self, x: f32, y: f32) -> f32 {
        let row = y.floor();
        let at = |row: f32| self.fork(row as i64 as u64).hills(x);
        mix(at(row), at(row + 1.0), ramp(0.0, 1.0, y - row))
    }
}

/// Throws one after another, always the same for the same thing.
#[derive(Debug, Clone)]
pub(crate) struct Hand(u64);

impl Hand {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        stir(self.0)
    }

    /// Even in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// Even in `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        mix(low, high, self.unit())
    }

    /// Even in `-reach..reach`.
    pub(crate) fn spread(&mut self, reach: f32) -> f32 {
        self.range(-reach, reach)
    }

    /// Bell-shaped around 0, within ±`reach`.
    pub(crate) fn bell(&mut self, reach: f32) -> f32 {
        (self.unit() + self.unit() + self.unit() - 1.5) * (reach / 1.5)
    }

    /// One of `count`, which must not be 0.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        (((self.next() >> 32) * count as u64) >> 32) as usize
    }

    /// True that often.
    pub(crate) fn chance(&mut self, odds: f32) -> bool {
        self.unit() < odds
    }
}
