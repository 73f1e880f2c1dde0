//! The text-to-video model.

use std::{ops::ControlFlow, sync::Arc};

use festoon_film::Expectation;
use festoon_spec::{Lora, Milli, ModelDigest, Noise, PlateSpec, Reason, RenderKey, Sampler, Scene, Stage, WanScene};
use festoon_wan::{ErrorKind, Expert, Progress, TextToVideo, Video, WanError, WanOptions, WanPipeline, torch::Device};

use super::{Frames, Painter};
use crate::{
    fault::Fault,
    models::Models,
    progress::{Plan, Teller},
};

/// Denoising takes most of the time with any useful number of steps.
const PLAN: Plan = &[(Stage::Load, 20), (Stage::Text, 30), (Stage::Denoise, 730), (Stage::Decode, 150), (Stage::Encode, 50)];

/// Wan's autoencoder keeps the first frame and packs four of the others into one.
const TEMPORAL_PACKING: u32 = 4;

/// A configured checkpoint that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("model `{name}`: {source}")]
pub struct BrokenModel {
    /// Its configured name.
    pub name: String,
    /// The cause, with the file.
    pub source: WanError,
}

/// Paints [`Scene::Wan`]. The checkpoint that was used last stays open.
#[derive(Debug)]
pub struct WanPainter {
    models: Arc<Models>,
    device: Device,
    open: Option<(ModelDigest, WanPipeline)>,
}

impl WanPainter {
    /// Opens each checkpoint once, so that a damaged one is told now and not in the middle of a job: all files, tensors
    /// and shapes are checked, weights are read when they are first needed. The first one stays open.
    ///
    /// # Errors
    /// If one cannot be opened.
    pub fn new(models: Arc<Models>, device: Device) -> Result<Self, BrokenModel> {
        let mut open = None;
        for model in models.all().iter().rev() {
            let opened = WanPipeline::from_pretrained(&model.folder, &options(device));
            let pipeline = opened.map_err(|source| BrokenModel { name: model.name.clone(), source })?;
            open = Some((model.digest, pipeline));
        }
        Ok(Self { models, device, open })
    }

    /// Takes the open pipeline, or opens another after closing it. While it is away a panic cannot leave it half changed.
    fn pipeline(&mut self, digest: &ModelDigest) -> Result<WanPipeline, Fault> {
        let folder = self.models.folder(digest)?;
        match self.open.take() {
            Some((open, pipeline)) if open == *digest => Ok(pipeline),
            other => {
                drop(other);
                WanPipeline::from_pretrained(folder, &options(self.device)).map_err(fault)
            }
        }
    }

    fn request(&self, key: &RenderKey, spec: &PlateSpec, scene: &WanScene) -> Result<TextToVideo, Fault> {
        let canvas = spec.canvas;
        if canvas.frames % TEMPORAL_PACKING != 1 {
            let below = canvas.frames.saturating_sub(1) / TEMPORAL_PACKING * TEMPORAL_PACKING + 1;
            let above = below + TEMPORAL_PACKING;
            let frames = canvas.frames;
            return Err(Fault::Unpaintable(format!(
                "canvas.frames is {frames}: the model paints 4n + 1, here {below} or {above}"
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
    fn id(&self) -> festoon_spec::Painter {
        festoon_spec::Painter::wan()
    }

    fn plan(&self) -> Plan {
        PLAN
    }

    fn paint(&mut self, key: &RenderKey, spec: &PlateSpec, teller: &mut Teller) -> Result<Box<dyn Frames>, Fault> {
        let Scene::Wan(scene) = &spec.scene else {
            return Err(Fault::Unpaintable(format!("the wan painter does not paint {}", spec.scene.painter())));
        };
        let request = self.request(key, spec, scene)?;
        teller.tell(Stage::Load, 0, 1)?;
        let mut pipeline = self.pipeline(&scene.model)?;
        teller.tell(Stage::Load, 1, 1)?;
        let painted = pipeline.paint(&request, &mut |Progress { stage, done, of }| {
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
        self.open = Some((scene.model, pipeline));
        let video = painted.map_err(fault)?;
        let (asked, got) =
            ((spec.canvas.width, spec.canvas.height, spec.canvas.frames), (video.width, video.height, video.frames));
        if asked != got {
            let text = format!("canvas is {asked:?} (width, height, frames): this checkpoint paints {got:?} at most");
            return Err(Fault::Unpaintable(text));
        }
        Ok(Box::new(WanFrames(video)))
    }
}

struct WanFrames(Video);

impl Frames for WanFrames {
    fn stage(&self) -> Stage {
        Stage::Encode
    }

    fn expectation(&self) -> Expectation {
        // Whether a checkpoint was trained cannot be read off its files, and an untrained one may well be wanted: its
        // pictures are noise. Black, frozen and flat pictures are mistakes of any checkpoint.
        Expectation { noise: true, ..Expectation::default() }
    }

    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault> {
        let from = index as usize * rgb.len();
        rgb.copy_from_slice(&self.0.rgb[from..from + rgb.len()]);
        Ok(())
    }
}

/// Threads are set once for the process, by the workshop.
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
