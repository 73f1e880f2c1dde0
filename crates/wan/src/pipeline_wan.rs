//! `WanPipeline`, after diffusers' `pipelines/wan/pipeline_wan.py`: a request goes in, a clip comes out.
//!
//! Models are loaded when they are first needed. When memory runs out, those that the present step does not need are
//! dropped and the step is tried once more: a large card keeps both experts, a small one swaps them.

use crate::autoencoder_kl_wan::AutoencoderKLWan;
use crate::component::Component;
use crate::error::{ErrorKind, Result, WanError};
use crate::layout::Layout;
use crate::lora::{Expert, Lora, Patches};
use crate::modeling_umt5::UMT5EncoderModel;
use crate::prompt::prompt_clean;
use crate::scheduler::scheduler;
use crate::text_to_video::{Progress, Stage, TextToVideo, Video, WanOptions};
use crate::tokenizer::T5Tokenizer;
use crate::torch::{self, DType, Device, InferenceMode, Tensor};
use crate::transformer_wan::{PromptEmbeds, TextContext, WanTransformer3DModel};
use crate::weights::Place;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;

/// Timesteps count in these.
const TRAIN_TIMESTEPS: f64 = 1000.0;
/// Above this many tokens in one forward the halves of guidance run one after the other: batching them would only cost
/// memory, the device is busy anyway.
const BATCHED_GUIDANCE_TOKENS: i64 = 16_384;
/// About how many bytes the largest activation of the decoder may have; decides how many frames are decoded at once.
/// Blocks beyond 32 MiB come fresh from the system each time: 16 MiB took 10 % less CPU time than 64 MiB.
const DECODE_BYTES: i64 = 16 << 20;
/// The largest picture side, in pixels, and number of frames that are accepted at all.
const MAX_SIDE: u32 = 8192;
const MAX_FRAMES: u32 = 4001;
/// The longest prompt that is looked at, in bytes; 512 tokens are far fewer.
const MAX_PROMPT: usize = 64 << 10;

/// One finished step of a denoising.
#[derive(Debug)]
pub struct Step<'a> {
    /// Counted from 0.
    pub index: usize,
    /// Steps in all.
    pub of: usize,
    /// The model that was asked.
    pub expert: Expert,
    /// When.
    pub timestep: f64,
    /// What the step left.
    pub latents: &'a Tensor,
}

/// A checkpoint, open and ready to paint.
#[derive(Debug)]
pub struct WanPipeline {
    tokenizer: T5Tokenizer,
    text_encoder: Component<UMT5EncoderModel>,
    transformer: Component<WanTransformer3DModel>,
    transformer_2: Option<Component<WanTransformer3DModel>>,
    vae: Component<AutoencoderKLWan>,
    boundary_ratio: Option<f64>,
    options: WanOptions,
    place: Place,
    prompts: VecDeque<(String, PromptEmbeds)>,
    merged: Vec<Lora>,
}

/// Opening.
impl WanPipeline {
    /// Opens a checkpoint in diffusers' folder layout. All names, shapes and types of tensors are checked here; their
    /// values are read when they are first needed.
    pub fn from_pretrained(folder: &Path, options: &WanOptions) -> Result<Self> {
        Self::open(&Layout::read(folder)?, options)
    }

    /// Opens components that lie anywhere.
    pub fn open(layout: &Layout, options: &WanOptions) -> Result<Self> {
        options.device.open()?;
        if let Some(threads) = options.threads {
            torch::set_threads(threads);
        }
        let dtype = match (options.dtype, options.device) {
            (Some(DType::F16), _) => return Err(WanError::input("dtype", "f16 overflows in this model: use bf16 or f32")),
            (Some(dtype), _) => dtype,
            (None, Device::Cpu) => DType::F32,
            (None, Device::Cuda(_)) => DType::Bf16,
        };
        let text_encoder = Component::<UMT5EncoderModel>::open(&layout.text_encoder)?;
        let tokenizer = T5Tokenizer::from_file(&layout.tokenizer.join("tokenizer.json"), text_encoder.config.vocab_size)?;
        let transformer = Component::<WanTransformer3DModel>::open(&layout.transformer)?;
        let transformer_2 = layout.transformer_2.as_deref().map(Component::<WanTransformer3DModel>::open).transpose()?;
        let vae = Component::<AutoencoderKLWan>::open(&layout.vae)?;
        let experts = [
            (&layout.transformer, Some(&transformer)),
            (layout.transformer_2.as_ref().unwrap_or(&layout.transformer), transformer_2.as_ref()),
        ];
        for (folder, expert) in experts {
            let Some(config) = expert.map(|expert| &expert.config) else { continue };
            let path = folder.join("config.json");
            if config.in_channels != vae.config.z_dim {
                return Err(WanError::malformed(
                    path,
                    format!("in_channels {} but the vae has z_dim {}", config.in_channels, vae.config.z_dim),
                ));
            }
            if config.text_dim != text_encoder.config.d_model {
                return Err(WanError::malformed(
                    path,
                    format!("text_dim {} but the text encoder has d_model {}", config.text_dim, text_encoder.config.d_model),
                ));
            }
        }
        Ok(WanPipeline {
            tokenizer,
            text_encoder,
            transformer,
            transformer_2,
            vae,
            boundary_ratio: layout.boundary_ratio,
            place: Place::On(options.device, dtype),
            options: options.clone(),
            prompts: VecDeque::new(),
            merged: Vec::new(),
        })
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// The version of the loaded libtorch.
    pub fn torch_version(&self) -> Result<String> {
        torch::loaded_version()
    }

    /// The most memory in use since the pipeline was opened or this was last asked, in bytes: of the device on a GPU, of
    /// the process (since its start) on the CPU.
    pub fn peak_memory(&self) -> Result<Option<u64>> {
        if let Some(memory) = self.options.device.memory()? {
            self.options.device.reset_peak()?;
            return Ok(Some(memory.peak));
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        Ok(line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map(|kilobytes| kilobytes * 1024))
    }
}

/// Painting.
impl WanPipeline {
    /// Paints a clip. `progress` is called after each part and may stop the work by breaking.
    pub fn paint(&mut self, request: &TextToVideo, progress: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<Video> {
        let _inference = InferenceMode::enter()?;
        let mut report = |stage, done, of| match progress(Progress { stage, done, of }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(WanError::Cancelled),
        };
        let shape = self.latent_shape(request)?;
        // The sampler is made again when the denoising starts; here it only shows whether its settings are possible.
        scheduler(request.sampler, request.steps, request.shift, request.solver_order)?;
        self.set_loras(&request.loras)?;

        let texts = if request.guided() { 2 } else { 1 };
        report(Stage::Text, 0, texts)?;
        let prompt = self.encode_prompt(&request.prompt, request.max_sequence_length)?;
        report(Stage::Text, 1, texts)?;
        let mut negative = Vec::new();
        if request.guided() {
            negative.push(self.encode_prompt(&request.negative, request.max_sequence_length)?);
            report(Stage::Text, 2, texts)?;
        }

        let latents = request.noise.draw(&shape)?;
        report(Stage::Denoise, 0, request.steps)?;
        let latents =
            self.denoise(request, latents, &[prompt], &negative, &mut |step| report(Stage::Denoise, step.index + 1, step.of))?;
        if !latents.all_finite()? {
            return Err(WanError::NotFinite { stage: "denoising" });
        }

        let z = self.denormalise(&latents)?;
        let (latent_frames, temporal) = (shape[2], self.vae.config.scale_factor_temporal);
        let (width, height) = (shape[4] * self.vae.config.scale_factor_spatial, shape[3] * self.vae.config.scale_factor_spatial);
        let frames = (latent_frames - 1) * temporal + 1;
        let mut rgb = Vec::with_capacity((frames * height * width * 3) as usize);
        report(Stage::Decode, 0, latent_frames as usize)?;
        self.decode(&z, &mut |pixels| {
            if !pixels.all_finite()? {
                return Err(WanError::NotFinite { stage: "decoding" });
            }
            to_rgb(&pixels, &mut rgb)?;
            let done = rgb.len() as i64 / (height * width * 3);
            report(Stage::Decode, ((done - 1) / temporal + 1) as usize, latent_frames as usize)
        })?;
        Ok(Video { width: width as u32, height: height as u32, frames: frames as u32, rgb })
    }

    /// The shape of the latents of a request, `[1, z, frames, height, width]`, or what is wrong with its size.
    pub fn latent_shape(&self, request: &TextToVideo) -> Result<[i64; 5]> {
        let vae = &self.vae.config;
        for (field, side) in [("width", request.width), ("height", request.height)] {
            if side == 0 || side % 16 != 0 || side > MAX_SIDE {
                return Err(WanError::input(field, format!("{side} is not a multiple of 16 between 16 and {MAX_SIDE}")));
            }
        }
        if !(1..=MAX_FRAMES).contains(&request.frames) {
            return Err(WanError::input("frames", format!("{} is not between 1 and {MAX_FRAMES}", request.frames)));
        }
        if !(2..=512).contains(&request.max_sequence_length) {
            return Err(WanError::input(
                "max_sequence_length",
                format!("{} is not between 2 and 512", request.max_sequence_length),
            ));
        }
        for (field, guidance) in [("guidance", Some(request.guidance)), ("guidance_2", request.guidance_2)] {
            if guidance.is_some_and(|guidance| !guidance.is_finite()) {
                return Err(WanError::input(field, "is not a finite number"));
            }
        }
        if request.boundary.is_some_and(|boundary| !(0.0..=1.0).contains(&boundary)) {
            return Err(WanError::input("boundary", "is not between 0 and 1"));
        }
        // Frames are rounded down to a whole number of latent frames after the first one, sides to whole patches.
        let temporal = vae.scale_factor_temporal;
        let asked = request.frames as i64;
        let frames = if asked % temporal == 1 { asked } else { asked / temporal * temporal + 1 };
        let patches = |side: u32| side as i64 / (vae.scale_factor_spatial * 2) * 2;
        let (height, width) = (patches(request.height), patches(request.width));
        if frames != asked
            || height * vae.scale_factor_spatial != request.height as i64
            || width * vae.scale_factor_spatial != request.width as i64
        {
            tracing::warn!(
                frames,
                height = height * vae.scale_factor_spatial,
                width = width * vae.scale_factor_spatial,
                "rounded down to what the model paints"
            );
        }
        if height == 0 || width == 0 {
            return Err(WanError::input(
                "width",
                format!("this checkpoint paints multiples of {} pixels", vae.scale_factor_spatial * 2),
            ));
        }
        let shape = [1, vae.z_dim, (frames - 1) / temporal + 1, height, width];
        let limits = self.transformer.config.max_latents();
        for (field, size, limit) in [("frames", shape[2], limits[0]), ("height", height, limits[1]), ("width", width, limits[2])]
        {
            if size > limit {
                return Err(WanError::input(field, format!("needs {size} latents, this checkpoint's positions end at {limit}")));
            }
        }
        Ok(shape)
    }

    /// Merges these LoRAs, and only these, into the experts. Costs nothing while they stay the same.
    pub fn set_loras(&mut self, loras: &[Lora]) -> Result<()> {
        if self.merged == loras {
            return Ok(());
        }
        if let Some(lora) = loras.iter().find(|lora| !lora.weight.is_finite()) {
            return Err(WanError::input("loras", format!("the weight of {} is not a finite number", lora.path.display())));
        }
        if let (None, Some(lora)) = (&self.transformer_2, loras.iter().find(|lora| lora.expert == Expert::Low)) {
            return Err(WanError::input(
                "loras",
                format!("{} is for the low-noise expert, which this checkpoint has not", lora.path.display()),
            ));
        }
        let of = |loras: &[Lora], expert| loras.iter().filter(|lora| lora.expert == expert).cloned().collect::<Vec<_>>();
        let patches = |component: &Component<WanTransformer3DModel>, expert| -> Result<Option<Patches>> {
            let wanted = of(loras, expert);
            if wanted == of(&self.merged, expert) {
                return Ok(None);
            }
            let mut patches = Patches::default();
            for lora in wanted {
                patches.add(&lora.path, lora.weight, component.weights())?;
            }
            Ok(Some(patches))
        };
        // Both are read before either takes effect.
        let high = patches(&self.transformer, Expert::High)?;
        let low = self.transformer_2.as_ref().map(|component| patches(component, Expert::Low)).transpose()?.flatten();
        if let Some(high) = high {
            self.transformer.patch(high);
        }
        if let (Some(low), Some(component)) = (low, &mut self.transformer_2) {
            component.patch(low);
        }
        self.merged = loras.to_vec();
        Ok(())
    }

    /// Encodes a prompt (cleaned first) as the model is to see it.
    pub fn encode_prompt(&mut self, prompt: &str, max_sequence_length: usize) -> Result<PromptEmbeds> {
        let total = max_sequence_length as i64;
        let text = clean(prompt)?;
        if let Some((_, embeds)) = self.prompts.iter().find(|(known, embeds)| *known == text && embeds.total == total) {
            return Ok(embeds.clone());
        }
        let ids = self.tokenizer.encode(&text, max_sequence_length)?;
        let embeds = PromptEmbeds { rows: self.encode_ids(&ids)?, total };
        self.prompts.push_back((text, embeds.clone()));
        if self.prompts.len() > self.options.prompt_cache {
            self.prompts.pop_front();
        }
        Ok(embeds)
    }

    /// The token ids of a prompt, cleaned and cut to length.
    pub fn token_ids(&self, prompt: &str, max_sequence_length: usize) -> Result<Vec<i64>> {
        self.tokenizer.encode(&clean(prompt)?, max_sequence_length)
    }

    /// The text encoder's output for these tokens, `[tokens, text_dim]`.
    pub fn encode_ids(&mut self, ids: &[i64]) -> Result<Tensor> {
        self.with_room(Part::Text, |pipeline| pipeline.text_encoder.load(pipeline.place)?.forward(ids))
    }

    /// Runs the sampler from `latents` (one clip for each prompt; `negatives` is empty or as long) to its end.
    pub fn denoise(
        &mut self,
        request: &TextToVideo,
        latents: Tensor,
        prompts: &[PromptEmbeds],
        negatives: &[PromptEmbeds],
        on_step: &mut dyn FnMut(&Step<'_>) -> Result<()>,
    ) -> Result<Tensor> {
        let mut scheduler = scheduler(request.sampler, request.steps, request.shift, request.solver_order)?;
        let boundary =
            self.transformer_2.as_ref().and(request.boundary.or(self.boundary_ratio)).map(|ratio| ratio * TRAIN_TIMESTEPS);
        let mut latents = latents.to_device(self.options.device)?;
        let mut guide: Option<(Expert, Guide)> = None;
        let timesteps = scheduler.timesteps().to_vec();
        for (index, &timestep) in timesteps.iter().enumerate() {
            let expert = if boundary.is_none_or(|boundary| timestep >= boundary) { Expert::High } else { Expert::Low };
            let scale = match (expert, request.guidance_2) {
                (Expert::Low, Some(guidance_2)) => guidance_2,
                _ => request.guidance,
            };
            let current = match guide.take() {
                Some((known, current)) if known == expert => current,
                _ => self
                    .with_room(Part::of(expert), |pipeline| Guide::new(pipeline.expert(expert)?, &latents, prompts, negatives))?,
            };
            let time = Tensor::from_f32(&[timestep as f32], &[1])?.to_device(self.options.device)?;
            let velocity =
                self.with_room(Part::of(expert), |pipeline| current.velocity(pipeline.expert(expert)?, &latents, &time, scale))?;
            guide = Some((expert, current));
            latents = scheduler.step(&velocity, &latents)?;
            on_step(&Step { index, of: timesteps.len(), expert, timestep, latents: &latents })?;
        }
        Ok(latents)
    }

    /// One forward of one expert without guidance: the velocity of `latents` at `timestep` (`[1]`, or `[1, tokens]` for
    /// one per token), in f32.
    pub fn velocity(&mut self, expert: Expert, latents: &Tensor, timestep: &Tensor, prompts: &[PromptEmbeds]) -> Result<Tensor> {
        let (latents, timestep) = (latents.to_device(self.options.device)?, timestep.to_device(self.options.device)?);
        self.with_room(Part::of(expert), |pipeline| {
            Guide::new(pipeline.expert(expert)?, &latents, prompts, &[])?.velocity(
                pipeline.expert(expert)?,
                &latents,
                &timestep,
                1.0,
            )
        })
    }

    /// The decoder's input: latents on the scale that the autoencoder was trained on.
    pub fn denormalise(&self, latents: &Tensor) -> Result<Tensor> {
        let config = &self.vae.config;
        let per_channel = |values: &[f32]| Tensor::from_f32(values, &[1, config.z_dim, 1, 1, 1])?.to_device(latents.device());
        latents.mul(&per_channel(&config.latents_std)?)?.add(&per_channel(&config.latents_mean)?)
    }

    /// Decodes to pixels in -1..=1, `[B, 3, frames, H, W]`, handing over some frames at a time.
    pub fn decode(&mut self, z: &Tensor, each: &mut dyn FnMut(Tensor) -> Result<()>) -> Result<()> {
        let place = Place::On(self.options.device, DType::F32);
        let z = z.to(self.options.device, DType::F32)?;
        self.with_room(Part::Vae, |pipeline| pipeline.vae.load(place).map(|_| ()))?;
        // No second try here: frames may have been handed over already.
        let scale = self.vae.config.scale_factor_spatial;
        let vae = self.vae.load(place)?;
        let chunk = vae.chunk_for(z.size(-2) * scale, z.size(-1) * scale, DECODE_BYTES);
        match &self.options.vae_tiling {
            Some(tiling) => each(vae.tiled_decode(&z, tiling, chunk)?),
            None => vae.decode(&z, chunk, each),
        }
    }

    fn expert(&mut self, expert: Expert) -> Result<&WanTransformer3DModel> {
        match (expert, &mut self.transformer_2) {
            (Expert::Low, Some(transformer_2)) => transformer_2.load(self.place),
            (Expert::Low, None) => Err(WanError::input("expert", "this checkpoint has no low-noise expert")),
            (Expert::High, _) => self.transformer.load(self.place),
        }
    }

    /// Does the work; if memory runs out, once more after dropping every model but the one in use.
    fn with_room<T>(&mut self, part: Part, work: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        match work(self) {
            Err(error) if error.kind() == ErrorKind::OutOfMemory && self.release_all_but(part) => {
                tracing::info!(%error, ?part, "dropped the models that are not in use, trying again");
                self.options.device.empty_cache()?;
                work(self)
            }
            outcome => outcome,
        }
    }

    fn release_all_but(&mut self, part: Part) -> bool {
        let text = part != Part::Text && self.text_encoder.release();
        let high = part != Part::High && self.transformer.release();
        let low = part != Part::Low && self.transformer_2.as_mut().is_some_and(Component::release);
        let vae = part != Part::Vae && self.vae.release();
        text | high | low | vae
    }
}

fn clean(prompt: &str) -> Result<String> {
    if prompt.len() > MAX_PROMPT {
        return Err(WanError::input(
            "prompt",
            format!("{} bytes are more than the {MAX_PROMPT} that are accepted", prompt.len()),
        ));
    }
    Ok(prompt_clean(prompt))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Text,
    High,
    Low,
    Vae,
}

impl Part {
    fn of(expert: Expert) -> Self {
        match expert {
            Expert::High => Part::High,
            Expert::Low => Part::Low,
        }
    }
}

/// What one expert keeps over the steps of a denoising: the prompts' side of its cross-attention and the rotary table.
struct Guide {
    contexts: Vec<TextContext>,
    rope: Tensor,
    batch: i64,
}

impl Guide {
    fn new(
        model: &WanTransformer3DModel,
        latents: &Tensor,
        prompts: &[PromptEmbeds],
        negatives: &[PromptEmbeds],
    ) -> Result<Self> {
        let [batch, _, frames, height, width] = latents.shape()[..] else {
            return Err(WanError::Torch(format!("latents of shape {:?} are not [B, C, T, H, W]", latents.shape())));
        };
        let all: Vec<&PromptEmbeds> = prompts.iter().chain(negatives).collect();
        let tokens = frames * (height / 2) * (width / 2) * all.len() as i64;
        let groups =
            if tokens > BATCHED_GUIDANCE_TOKENS { all.chunks(prompts.len().max(1)) } else { all.chunks(all.len().max(1)) };
        let contexts = groups.map(|prompts| model.text_context(prompts)).collect::<Result<_>>()?;
        Ok(Guide { contexts, rope: model.rope(frames, height, width)?, batch })
    }

    /// `negative + scale · (prompt − negative)`, in f32; the prompt's alone where there are no negatives.
    fn velocity(&self, model: &WanTransformer3DModel, latents: &Tensor, timestep: &Tensor, scale: f64) -> Result<Tensor> {
        let parts =
            self.contexts.iter().map(|context| model.forward(latents, timestep, context, &self.rope)?.to_dtype(DType::F32));
        let all = Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?;
        if all.size(0) == self.batch {
            return Ok(all);
        }
        let (prompt, negative) = (all.narrow(0, 0, self.batch)?, all.narrow(0, self.batch, self.batch)?);
        negative.add(&prompt.sub(&negative)?.mul_scalar(scale)?)
    }
}

/// Appends pixels in -1..=1, `[1, 3, frames, H, W]`, as bytes: truncated, as diffusers' `export_to_video` truncates.
pub fn to_rgb(pixels: &Tensor, rgb: &mut Vec<u8>) -> Result<()> {
    pixels.mul_scalar(0.5)?.add_scalar(0.5)?.clamp(0.0, 1.0)?.mul_scalar(255.0)?.permute(&[0, 2, 3, 4, 1])?.extend_bytes(rgb)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::cell::Cell;

    fn loaded() -> WanPipeline {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture");
        let mut pipeline =
            WanPipeline::from_pretrained(&fixture, &WanOptions { threads: Some(1), ..WanOptions::default() }).unwrap();
        let request = TextToVideo { width: 16, height: 16, frames: 1, steps: 2, shift: 3.0, ..TextToVideo::default() };
        pipeline.paint(&request, &mut |_| ControlFlow::Continue(())).unwrap();
        pipeline
    }

    fn out_of_memory<T>() -> Result<T> {
        Err(WanError::OutOfMemory("a test took it all".into()))
    }

    #[test]
    fn a_step_that_runs_out_of_memory_is_tried_again_with_the_other_models_dropped() {
        let mut pipeline = loaded();
        let tries = Cell::new(0);
        let outcome = pipeline.with_room(Part::Low, |pipeline| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                return out_of_memory();
            }
            let low = pipeline.transformer_2.as_mut().unwrap();
            Ok((pipeline.text_encoder.release(), pipeline.transformer.release(), low.release(), pipeline.vae.release()))
        });
        assert_eq!(outcome.unwrap(), (false, false, true, false), "only the model in use is still loaded");
        assert_eq!(tries.get(), 2);
    }

    #[test]
    fn memory_that_is_short_with_nothing_to_drop_is_an_error() {
        let mut pipeline = loaded();
        let tries = Cell::new(0);
        let work = |_: &mut WanPipeline| -> Result<()> {
            tries.set(tries.get() + 1);
            out_of_memory()
        };
        assert_eq!(pipeline.with_room(Part::Vae, work).unwrap_err().kind(), ErrorKind::OutOfMemory);
        assert_eq!(tries.get(), 2);
        assert_eq!(pipeline.with_room(Part::Vae, work).unwrap_err().kind(), ErrorKind::OutOfMemory);
        assert_eq!(tries.get(), 3, "no second try when nothing was dropped");
    }
}
