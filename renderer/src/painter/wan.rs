//! The text-to-video model.

use std::{ops::ControlFlow, sync::Arc};

use festoon_film::{Adapter, Expectation};
use festoon_spec::{Canvas, Lora, Milli, ModelDigest, Noise, PlateSpec, Reason, RenderKey, Sampler, Scene, Stage, WanScene};
use festoon_wan::{
    ErrorKind, Expert, Progress, TextToVideo, Video, WanError, WanOptions, WanPipeline,
    torch::{self, Device},
};

use super::{Frames, Painter};
use crate::{
    fault::Fault,
    models::{Model, Models},
    progress::{Plan, Teller},
};

/// Denoising takes most of the time with any useful number of steps.
const PLAN: Plan = &[(Stage::Load, 20), (Stage::Text, 30), (Stage::Denoise, 730), (Stage::Decode, 150), (Stage::Encode, 50)];

/// The same where a small checkpoint's frames are made into those of a large canvas, which then takes as long as painting.
const ADAPTING_PLAN: Plan =
    &[(Stage::Load, 20), (Stage::Text, 20), (Stage::Denoise, 340), (Stage::Decode, 150), (Stage::Paint, 450)];

/// Whether a checkpoint was trained cannot be read off its files, and an untrained one may well be wanted: its pictures are
/// noise. Black, frozen and flat pictures are mistakes of any checkpoint.
const EXPECTATION: Expectation = Expectation { noise: true, still: false, bright: false };

/// A checkpoint of fewer bytes is painted on one thread. Its operations are over before a second thread has woken: one of 22 MB
/// took 2.0 s for 40 evaluations on one thread, and 42.8 s on two where both cores were busy. It is also what makes its plates
/// the same bit for bit whatever the number of threads: sums that threads share are added up in another order.
const ONE_THREAD_BYTES: u64 = 256 << 20;

/// Wan's autoencoder keeps the first frame and packs four of the others into one.
const TEMPORAL_PACKING: u32 = 4;

/// Paints [`Scene::Wan`]. The checkpoint that was used last stays open.
#[derive(Debug)]
pub struct WanPainter {
    models: Arc<Models>,
    device: Device,
    threads: usize,
    open: Option<OpenModel>,
}

/// An open checkpoint.
#[derive(Debug)]
pub struct OpenModel {
    digest: ModelDigest,
    pipeline: WanPipeline,
}

impl WanPainter {
    /// Opens each checkpoint once, so that a damaged one is told now and not in the middle of a job: all files, tensors
    /// and shapes are checked, weights are read when they are first needed. Damaged ones are set aside. Gives the first
    /// whole one, open.
    pub fn try_out(models: &mut Models, device: Device) -> Option<OpenModel> {
        let mut first = None;
        for model in models.all().to_vec() {
            match WanPipeline::from_pretrained(&model.folder, &options(device)) {
                Ok(pipeline) => first = first.or(Some(OpenModel { digest: model.digest, pipeline })),
                Err(error) => models.set_aside(&model.name, error.to_string(), error.hint().map(str::to_owned)),
            }
        }
        first
    }

    /// Paints with these checkpoints, of which one is open, on at most this many threads.
    pub fn new(models: Arc<Models>, device: Device, threads: usize, open: OpenModel) -> Self {
        Self { models, device, threads, open: Some(open) }
    }

    /// Takes the open pipeline, or opens another after closing it. While it is away a panic cannot leave it half changed.
    fn pipeline(&mut self, digest: &ModelDigest) -> Result<WanPipeline, Fault> {
        let Model { folder, bytes, .. } = self.models.checked(digest)?;
        torch::set_threads(if *bytes < ONE_THREAD_BYTES { 1 } else { self.threads });
        match self.open.take() {
            Some(open) if open.digest == *digest => Ok(open.pipeline),
            other => {
                drop(other);
                WanPipeline::from_pretrained(folder, &options(self.device)).map_err(fault)
            }
        }
    }

    fn request(&self, key: &RenderKey, spec: &PlateSpec, scene: &WanScene) -> Result<TextToVideo, Fault> {
        let (field, canvas) = painted(spec, scene);
        if canvas.frames % TEMPORAL_PACKING != 1 {
            let below = canvas.frames.saturating_sub(1) / TEMPORAL_PACKING * TEMPORAL_PACKING + 1;
            let above = below + TEMPORAL_PACKING;
            let frames = canvas.frames;
            return Err(Fault::Unpaintable(format!(
                "{field}.frames is {frames}: the model paints 4n + 1, here {below} or {above}"
            )));
        }
        Ok(TextToVideo {
            prompt: scene.prompt.clone(),
            negative: scene.negative.clone(),
            width: canvas.width,
            height: canvas.height,
            frames: canvas.frames,
            steps: scene.steps as usize,
            sampler: match scene.sampler {
                Sampler::Unipc => festoon_wan::Sampler::Unipc,
                Sampler::Euler => festoon_wan::Sampler::Euler,
                Sampler::Lightning => festoon_wan::Sampler::Lightning,
            },
            shift: scene.shift.get(),
            guidance: scene.guidance_high.get(),
            guidance_2: Some(scene.guidance_low.get()),
            noise: match scene.noise {
                Noise::PlateKey => festoon_wan::Noise::Key(*key.as_bytes()),
                Noise::TorchSeed { seed } => festoon_wan::Noise::TorchSeed(seed),
            },
            loras: self.loras(&scene.loras)?,
            max_sequence_length: scene.text_tokens as usize,
            ..TextToVideo::default()
        })
    }

    /// One entry per expert that a file has a weight in.
    fn loras(&self, loras: &[Lora]) -> Result<Vec<festoon_wan::Lora>, Fault> {
        let mut merged = Vec::new();
        for lora in loras {
            let path = self.models.lora(&lora.digest)?;
            for (expert, weight) in [(Expert::High, lora.weight_high), (Expert::Low, lora.weight_low)] {
                if weight != Milli(0) {
                    merged.push(festoon_wan::Lora { path: path.clone(), expert, weight: weight.get() });
                }
            }
        }
        Ok(merged)
    }
}

impl Painter for WanPainter {
    fn ids(&self) -> Vec<festoon_spec::Painter> {
        vec![festoon_spec::Painter::wan(), festoon_spec::Painter::wan_adapted()]
    }

    fn plan(&self, spec: &PlateSpec) -> Plan {
        match &spec.scene {
            Scene::Wan(WanScene { adapted: Some(_), .. }) => ADAPTING_PLAN,
            _ => PLAN,
        }
    }

    fn paint(&mut self, key: &RenderKey, spec: &PlateSpec, teller: &mut Teller) -> Result<Box<dyn Frames>, Fault> {
        let Scene::Wan(scene) = &spec.scene else {
            return Err(Fault::Unpaintable(format!("the wan painter does not paint {}", spec.scene.painter())));
        };
        let request = self.request(key, spec, scene)?;
        teller.tell(Stage::Load, 0, 1)?;
        let mut pipeline = self.pipeline(&scene.model)?;
        teller.tell(Stage::Load, 1, 1)?;
        let video = pipeline.paint(&request, &mut |Progress { stage, done, of }| {
            let stage = match stage {
                festoon_wan::Stage::Text => Stage::Text,
                festoon_wan::Stage::Denoise => Stage::Denoise,
                festoon_wan::Stage::Decode => Stage::Decode,
            };
            match teller.tell(stage, done as u32, of as u32) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        self.open = Some(OpenModel { digest: scene.model, pipeline });
        let video = video.map_err(fault)?;
        let (field, canvas) = painted(spec, scene);
        let (asked, got) = ((canvas.width, canvas.height, canvas.frames), (video.width, video.height, video.frames));
        if asked != got {
            let text = format!("{field} is {asked:?} (width, height, frames): this checkpoint paints {got:?} at most");
            return Err(Fault::Unpaintable(text));
        }
        Ok(match &scene.adapted {
            None => Box::new(WanFrames(video)),
            Some(adapted) => Box::new(AdaptedFrames(Adapter::new(adapted, &spec.canvas, video.rgb))),
        })
    }
}

/// What the model is asked to paint, and where the spec says so.
fn painted(spec: &PlateSpec, scene: &WanScene) -> (&'static str, Canvas) {
    scene.adapted.map_or(("canvas", spec.canvas), |adapted| ("adapted.painted", adapted.painted))
}

/// As the model painted them.
struct WanFrames(Video);

impl Frames for WanFrames {
    fn stage(&self) -> Stage {
        Stage::Encode
    }

    fn expectation(&self) -> Expectation {
        EXPECTATION
    }

    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault> {
        let from = index as usize * rgb.len();
        rgb.copy_from_slice(&self.0.rgb[from..from + rgb.len()]);
        Ok(())
    }
}

/// Made of what the model painted while they are asked for.
struct AdaptedFrames(Adapter);

impl Frames for AdaptedFrames {
    fn stage(&self) -> Stage {
        Stage::Paint
    }

    fn expectation(&self) -> Expectation {
        EXPECTATION
    }

    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault> {
        self.0.frame(index, rgb);
        Ok(())
    }
}

/// Threads are set for each plate.
fn options(device: Device) -> WanOptions {
    WanOptions { device, ..WanOptions::default() }
}

fn fault(error: WanError) -> Fault {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Checkpoint => Fault::Checkpoint(text),
        ErrorKind::Input => Fault::Unpaintable(text),
        ErrorKind::OutOfMemory => Fault::OutOfMemory(text),
        ErrorKind::Device => Fault::Device(text),
        ErrorKind::NotFinite => Fault::Rejected(vec![Reason { code: "not-finite".into(), detail: text }]),
        ErrorKind::Cancelled => Fault::Stopped,
        _ => Fault::Painter(text),
    }
}
