//! What is asked of a [`crate::WanPipeline`] and what it gives back.

use crate::autoencoder_kl_wan::Tiling;
use crate::lora::Lora;
use crate::noise::Noise;
use crate::scheduler::Sampler;
use crate::torch::{DType, Device};

/// How a checkpoint is run.
#[derive(Debug, Clone, PartialEq)]
pub struct WanOptions {
    /// Where.
    pub device: Device,
    /// In what precision the text encoder and the transformers compute; by default f32 on the CPU and bf16 on a GPU.
    /// The autoencoder always computes in f32.
    pub dtype: Option<DType>,
    /// Threads inside one operation on the CPU, for the whole process; by default libtorch decides.
    pub threads: Option<usize>,
    /// Decode in overlapping tiles, for pictures that are too large for the memory. Changes pixels slightly.
    pub vae_tiling: Option<Tiling>,
    /// How many encoded prompts are remembered.
    pub prompt_cache: usize,
}

impl Default for WanOptions {
    /// The CPU, its default precision and threads, no tiling.
    fn default() -> Self {
        WanOptions { device: Device::Cpu, dtype: None, threads: None, vae_tiling: None, prompt_cache: 32 }
    }
}

/// What to paint.
#[derive(Debug, Clone, PartialEq)]
pub struct TextToVideo {
    /// What is to be seen.
    pub prompt: String,
    /// What is not; matters only while `guidance` is above 1.
    pub negative: String,
    /// In pixels, a multiple of 16.
    pub width: u32,
    /// In pixels, a multiple of 16.
    pub height: u32,
    /// Rounded down to 4n + 1.
    pub frames: u32,
    /// How often the model is asked.
    pub steps: usize,
    /// How the steps are put together.
    pub sampler: Sampler,
    /// UniPC's order, 1 to 3.
    pub solver_order: usize,
    /// Moves the schedule towards noise; the official settings are 12 for Wan2.2-T2V-A14B and 5 for Lightning.
    pub shift: f64,
    /// Guidance of the high-noise expert. At 1 or below there is no guidance at all, whatever `guidance_2` says.
    pub guidance: f64,
    /// Guidance of the low-noise expert, if another.
    pub guidance_2: Option<f64>,
    /// Where the experts change over, if not where the checkpoint says.
    pub boundary: Option<f64>,
    /// The initial noise.
    pub noise: Noise,
    /// Merged into the experts for this painting.
    pub loras: Vec<Lora>,
    /// Tokens of a prompt that the model sees, 2 to 512.
    pub max_sequence_length: usize,
}

impl Default for TextToVideo {
    /// The official settings of Wan2.2-T2V-A14B at 832×480, with no prompt.
    fn default() -> Self {
        TextToVideo {
            prompt: String::new(),
            negative: String::new(),
            width: 832,
            height: 480,
            frames: 81,
            steps: 40,
            sampler: Sampler::Unipc,
            solver_order: 2,
            shift: 12.0,
            guidance: 4.0,
            guidance_2: Some(3.0),
            boundary: None,
            noise: Noise::Key([0; 32]),
            loras: Vec::new(),
            max_sequence_length: 512,
        }
    }
}

impl TextToVideo {
    /// Classifier-free guidance is on exactly if the first scale is above 1.
    pub fn guided(&self) -> bool {
        self.guidance > 1.0
    }
}

/// How far a painting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Parts done.
    pub done: usize,
    /// Parts in all.
    pub of: usize,
}

/// The stages of a painting, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Prompts are encoded.
    Text,
    /// Noise becomes latents, step by step.
    Denoise,
    /// Latents become pixels; counted in latent frames.
    Decode,
}

/// A finished clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How many pictures.
    pub frames: u32,
    /// All pictures after one another, row by row, three bytes a pixel.
    pub rgb: Vec<u8>,
}
