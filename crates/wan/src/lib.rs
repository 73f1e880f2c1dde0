//! Wan 2.1/2.2 text-to-video on libtorch.
//!
//! [`WanPipeline`] opens a checkpoint in diffusers' folder layout and paints a [`TextToVideo`] into a [`Video`]. The
//! numbers are those of diffusers 0.42.1 in f32, step by step, within rounding; files and types carry its names.
//!
//! | here | upstream |
//! |---|---|
//! | [`WanPipeline`], `pipeline_wan.rs`, `text_to_video.rs` | diffusers `pipelines/wan/pipeline_wan.py` |
//! | `prompt.rs` | its `prompt_clean` (ftfy, html) |
//! | `tokenizer.rs`, `modeling_umt5.rs` | transformers `T5Tokenizer`, `models/umt5/modeling_umt5.py` |
//! | `transformer_wan.rs` | diffusers `models/transformers/transformer_wan.py` |
//! | `autoencoder_kl_wan.rs` | diffusers `models/autoencoders/autoencoder_kl_wan.py`, decoding |
//! | `scheduling_*.rs` | diffusers `schedulers/` |
//! | [`Lora`], `lora.rs` | diffusers `loaders/lora_conversion_utils.py` |
//!
//! Not here: image inputs, and anything about jobs, files of video or HTTP. One pipeline paints one clip at a time; it may
//! move between threads. It spends memory on models only while they are needed (see [`WanPipeline`]'s module).
//! tch, the binding to libtorch, is named in [`torch`] only.

mod autoencoder_kl_wan;
mod component;
mod error;
mod html;
mod layout;
mod linear;
mod lora;
mod modeling_umt5;
mod noise;
mod pipeline_wan;
mod prompt;
mod safetensors;
mod scheduler;
mod scheduling_flow_match_euler_discrete;
mod scheduling_unipc_multistep;
mod text_to_video;
mod tokenizer;
pub mod torch;
mod transformer_wan;
mod weights;

pub use autoencoder_kl_wan::Tiling;
pub use error::{ErrorKind, Result, WanError};
pub use layout::Layout;
pub use lora::{Expert, Lora};
pub use noise::Noise;
pub use pipeline_wan::{Step, WanPipeline, to_rgb};
pub use prompt::prompt_clean;
pub use scheduler::{Sampler, Scheduler, scheduler};
pub use text_to_video::{Progress, Stage, TextToVideo, Video, WanOptions};
pub use torch::{DType, Device};
pub use transformer_wan::PromptEmbeds;
