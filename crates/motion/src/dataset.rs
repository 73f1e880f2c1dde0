//! Labelled scenes by number: what a model that paints from words is taught with.
//!
//! A [`Recipe`] is a size, a length, a seed and a choice of motifs. Its n-th [`Sample`] is a scene of one motif, the
//! [`Labels`] that were drawn for it, and [`Captions`] made from the labels, so that a caption is true by construction. A
//! sample depends on the recipe and its number alone: samples can be made in any order, on any number of threads.
//!
//! Motifs are drawn evenly, then the pairs of colour and background that a picture of the motif lets one tell apart, then
//! camera moves. Nothing here is drawn that the caption would have to mention and does not.

mod captions;
mod label;
mod staging;

pub use captions::Captions;
pub use label::{Background, Family};

use crate::{
    dice::Dice,
    painting::Painting,
    scene::{Camera, CameraMove, Layer, Motif, MotionError, Scene, Size, check},
};

/// Which samples there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    size: Size,
    frames: u32,
    fps: u32,
    seed: u64,
    motifs: Vec<Motif>,
}

/// What is seen in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Labels {
    /// What is drawn.
    pub motif: Motif,
    /// Its leading colour.
    pub family: Family,
    /// What it is drawn on.
    pub background: Background,
    /// How the eye moves.
    pub camera: CameraMove,
}

/// One scene, what is seen in it, and the words for that.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which sample of its recipe this is.
    pub index: u64,
    /// What is seen.
    pub labels: Labels,
    /// The same in words.
    pub captions: Captions,
    /// What is painted.
    pub scene: Scene,
    /// The seed to paint it with.
    pub seed: [u8; 32],
}

impl Labels {
    /// Whether the colour is told from the background, and the motif seen on it. Only such labels are drawn.
    pub fn clear(&self) -> bool {
        staging::clear(self.motif, self.family, self.background)
    }
}

impl Recipe {
    /// Raised whenever the same recipe makes other samples: other labels, words or pixels, painters that get better among them.
    /// Samples of two versions do not belong in one data set. A test compares what is made with what this version made.
    ///
    /// 1 was made by painters of eleven motifs to begin with and then of more, which changed what those had in common.
    pub const VERSION: u32 = 3;

    /// Samples of `frames` frames of that size at `fps` frames per second. Motifs count once and in no order.
    ///
    /// # Errors
    /// The first of the numbers that cannot be painted, by its field's name, or no motif at all.
    pub fn new(size: Size, frames: u32, fps: u32, seed: u64, motifs: &[Motif]) -> Result<Self, MotionError> {
        let motifs: Vec<Motif> = Motif::ALL.iter().copied().filter(|motif| motifs.contains(motif)).collect();
        let Some(&first) = motifs.first() else {
            return Err(MotionError::Count { field: "motifs", found: 0, low: 1, high: Motif::ALL.len() });
        };
        let recipe = Self { size, frames, fps, seed, motifs };
        let labels = Labels { motif: first, family: Family::Red, background: Background::Night, camera: CameraMove::Static };
        check(&recipe.sample_of(labels, 0).scene, size, frames, fps)?;
        Ok(recipe)
    }

    /// Pixels across and down.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Frames of a sample.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Frames per second.
    pub fn fps(&self) -> u32 {
        self.fps
    }

    /// What chance is drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The motifs, in the order of [`Motif::ALL`].
    pub fn motifs(&self) -> &[Motif] {
        &self.motifs
    }

    /// The sample of that number.
    pub fn sample(&self, index: u64) -> Sample {
        let mut hand = self.dice(index).hand(1);
        let motif = self.motifs[hand.index(self.motifs.len())];
        let pairs: Vec<(Family, Background)> = Family::ALL
            .iter()
            .flat_map(|&family| Background::ALL.iter().map(move |&background| (family, background)))
            .filter(|&(family, background)| staging::clear(motif, family, background))
            .collect();
        let (family, background) = pairs[hand.index(pairs.len())];
        let camera = CameraMove::ALL[hand.index(CameraMove::ALL.len())];
        self.sample_of(Labels { motif, family, background, camera }, index)
    }

    /// The sample that would have that number if these labels had been drawn for it.
    pub fn sample_of(&self, labels: Labels, index: u64) -> Sample {
        let dice = self.dice(index);
        let staging = staging::staging(labels.motif);
        let mut hand = dice.hand(2);
        let palette = label::palette(labels.family, labels.background, &mut hand);
        let layer = Layer {
            amount: staging.amount * hand.range(0.85, 1.15),
            speed: staging.speed * hand.range(0.85, 1.15),
            scale: staging.scale * hand.range(0.92, 1.08),
            ..Layer::new(labels.motif)
        };
        let camera = Camera::new(labels.camera, staging::reach(labels.camera) * hand.range(0.85, 1.15));
        let scene = Scene { layers: vec![layer], palette, camera, finish: staging.finish, looped: false };
        let captions = captions::captions(&labels, &mut dice.hand(3));
        Sample { index, labels, captions, scene, seed: self.bytes(index) }
    }

    /// Paints a sample of this recipe into `rgb`, frame after frame, as 8-bit sRGB.
    ///
    /// # Panics
    /// If the sample is of a recipe with another size or length, or `rgb` is not [`Recipe::clip_bytes`] long.
    pub fn paint(&self, sample: &Sample, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), self.clip_bytes(), "a clip of {} frames", self.frames);
        let mut painting = Painting::new(&sample.scene, self.size, self.frames, self.fps, sample.seed)
            .expect("what a recipe stages can be painted");
        for (index, frame) in (0..).zip(rgb.chunks_exact_mut(self.size.rgb_bytes())) {
            painting.frame(index, frame);
        }
    }

    /// Bytes of one clip in RGB.
    pub fn clip_bytes(&self) -> usize {
        self.size.rgb_bytes() * self.frames as usize
    }

    /// The seed of a sample's painting.
    fn bytes(&self, index: u64) -> [u8; 32] {
        let mut bytes = *b"0123456789abcdeffestoon/dataset1";
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&index.to_le_bytes());
        bytes
    }

    /// The dice of what is drawn before anything is painted; a painting throws others from the same seed.
    fn dice(&self, index: u64) -> Dice {
        Dice::new(&self.bytes(index)).fork(9000)
    }
}
