//! Runs the cases of a reference folder and compares every stage. Shared by the `check` example and the tests.

use festoon_wan::torch::{InferenceMode, Tensor};
use festoon_wan::{
    Device, Expert, Layout, Lora, Noise, PromptEmbeds, Sampler, TextToVideo, Tiling, WanOptions, WanPipeline, prompt_clean,
    scheduler, to_rgb,
};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

pub type Failure = Box<dyn std::error::Error>;

/// The largest absolute differences that a right implementation shows (measured with a second, independent one).
mod tolerance {
    pub const EXACT: f64 = 0.0;
    pub const EMBEDS: f64 = 2e-5;
    pub const SIGMAS: f64 = 1e-6;
    /// Of timesteps that are not whole numbers: f32 rounding at 1000.
    pub const TIMESTEPS: f64 = 2e-4;
    pub const LATENTS: f64 = 5e-5;
    /// Latents times their standard deviation, which is at most 1.6 in the fixtures.
    pub const VAE_IN: f64 = 8e-5;
    pub const VAE_OUT: f64 = 3e-5;
    pub const U8_SHARE: f64 = 0.002;
    pub const U8_MAX: f64 = 1.0;
    /// Relative to the largest value: one and a half steps of bf16, which carries eight bits.
    pub const BF16: f64 = 1.5 / 128.0;
}

#[derive(Debug, Deserialize)]
pub struct Cases {
    pub cases: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub name: String,
    kind: String,
    prompt: OneOrMany,
    neg: Option<OneOrMany>,
    h: u32,
    w: u32,
    frames: u32,
    steps: usize,
    g: f64,
    g2: Option<f64>,
    sched: Schedule,
    #[serde(default)]
    lora: Vec<(String, String, f64)>,
    boundary: Option<f64>,
    max_seq: Option<usize>,
    seed: u64,
    #[serde(default)]
    pos_clean: Vec<String>,
    #[serde(default)]
    neg_clean: Vec<String>,
    expert_per_step: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn to_vec(&self) -> Vec<String> {
        match self {
            OneOrMany::One(text) => vec![text.clone()],
            OneOrMany::Many(texts) => texts.clone(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Schedule {
    r#type: String,
    shift: f64,
    order: Option<usize>,
    solver_type: Option<String>,
}

fn sampler(name: &str) -> Result<Sampler, Failure> {
    match name {
        "unipc" => Ok(Sampler::Unipc),
        "euler" => Ok(Sampler::Euler),
        "lightning_euler" => Ok(Sampler::Lightning),
        other => Err(format!("unknown sampler {other:?}").into()),
    }
}

/// The outcome of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Skip,
    Fail,
}

/// What was compared in a case.
#[derive(Debug)]
pub struct Report {
    pub name: String,
    /// Stage → (largest difference, what is allowed).
    stages: BTreeMap<String, (f64, f64)>,
    u8_share: Option<f64>,
    note: Option<String>,
    skipped: bool,
}

impl Report {
    fn new(name: &str) -> Self {
        Report { name: name.to_owned(), stages: BTreeMap::new(), u8_share: None, note: None, skipped: false }
    }

    fn put(&mut self, stage: &str, error: f64, allowed: f64) {
        // NaN is as bad as it gets.
        let error = if error.is_nan() { f64::INFINITY } else { error };
        let entry = self.stages.entry(stage.to_owned()).or_insert((error, allowed));
        entry.0 = entry.0.max(error);
    }

    fn equal(&mut self, stage: &str, equal: bool) {
        self.put(stage, if equal { 0.0 } else { 1.0 }, tolerance::EXACT);
    }

    /// The stages that are further off than allowed.
    pub fn failed(&self) -> Vec<&str> {
        self.stages.iter().filter(|(_, (error, allowed))| error > allowed).map(|(stage, _)| stage.as_str()).collect()
    }

    pub fn outcome(&self) -> Outcome {
        let u8_fails = self.u8_share.is_some_and(|share| share > tolerance::U8_SHARE);
        if self.skipped {
            Outcome::Skip
        } else if self.failed().is_empty() && !u8_fails && self.note.is_none() {
            Outcome::Pass
        } else {
            Outcome::Fail
        }
    }

    /// One line of JSON.
    pub fn line(&self) -> String {
        let number = |value: f64| if value.is_finite() { json!(value) } else { json!("inf") };
        let stages: BTreeMap<_, _> = self.stages.iter().map(|(stage, (error, _))| (stage, number(*error))).collect();
        let mut line = json!({ "name": self.name, "stages": stages, "u8": self.u8_share, "result": match self.outcome() {
            Outcome::Pass => "pass",
            Outcome::Skip => "skip",
            Outcome::Fail => "fail",
        }});
        if !self.failed().is_empty() {
            line["failed"] = json!(self.failed());
        }
        if let Some(note) = &self.note {
            line["note"] = json!(note);
        }
        line.to_string()
    }
}

/// The tensors of `reference.safetensors`.
pub struct Reference {
    bytes: Vec<u8>,
}

/// One of them, every element as f64.
pub struct Values {
    pub shape: Vec<i64>,
    pub values: Vec<f64>,
}

impl Reference {
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(folder.join("reference.safetensors"))?;
        SafeTensors::deserialize(&bytes)?;
        Ok(Reference { bytes })
    }

    fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.bytes).expect("checked when read");
        tensors.names().into_iter().map(str::to_owned).collect()
    }

    pub fn get(&self, name: &str) -> Option<Values> {
        let tensors = SafeTensors::deserialize(&self.bytes).expect("checked when read");
        let view = tensors.tensor(name).ok()?;
        fn each<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            data.chunks_exact(N).map(|bytes| read(bytes.try_into().expect("N bytes"))).collect()
        }
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => each(data, |bytes| f32::from_le_bytes(bytes) as f64),
            Dtype::F64 => each(data, f64::from_le_bytes),
            Dtype::I32 => each(data, |bytes| i32::from_le_bytes(bytes) as f64),
            Dtype::I64 => each(data, |bytes| i64::from_le_bytes(bytes) as f64),
            Dtype::BF16 => each(data, |bytes: [u8; 2]| f32::from_bits((u16::from_le_bytes(bytes) as u32) << 16) as f64),
            Dtype::U8 => each(data, |bytes: [u8; 1]| bytes[0] as f64),
            _ => return None,
        };
        Some(Values { shape: view.shape().iter().map(|&size| size as i64).collect(), values })
    }

    pub fn need(&self, name: &str) -> Result<Values, Failure> {
        self.get(name).ok_or_else(|| format!("reference.safetensors has no tensor {name:?}").into())
    }
}

impl Values {
    pub fn tensor(&self) -> Result<Tensor, Failure> {
        Ok(Tensor::from_f32(&self.values.iter().map(|&value| value as f32).collect::<Vec<_>>(), &self.shape)?)
    }

    /// The part at `index` of the first dimension.
    pub fn at(&self, index: usize) -> Values {
        let size = self.values.len() / self.shape[0] as usize;
        Values { shape: self.shape[1..].to_vec(), values: self.values[index * size..(index + 1) * size].to_vec() }
    }

    /// The largest absolute difference; infinite if the shapes differ.
    pub fn distance(&self, tensor: &Tensor) -> Result<f64, Failure> {
        if tensor.shape() != self.shape {
            return Ok(f64::INFINITY);
        }
        Ok(distance(&self.values, &tensor.to_vec()?.into_iter().map(f64::from).collect::<Vec<_>>()))
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst, next| if next.is_nan() { f64::INFINITY } else { worst.max(next) })
}

/// Compares everything in `folder`; whether all of it is right.
pub fn check(folder: &Path, each: &mut dyn FnMut(&Report)) -> Result<bool, Failure> {
    let cases: Cases = serde_json::from_slice(&std::fs::read(folder.join("cases.json"))?)?;
    let reference = Reference::read(folder)?;
    // The models are tiny: more threads would only wait for each other.
    let options = WanOptions { threads: Some(1), ..WanOptions::default() };
    let _inference = InferenceMode::enter()?;
    let mut right = true;
    let mut pipeline = WanPipeline::from_pretrained(folder, &options)?;
    for case in &cases.cases {
        let mut report = Report::new(&case.name);
        let outcome = match case.kind.as_str() {
            "t2v" => run(folder, &mut pipeline, case, &reference, &mut report),
            // One expert and another autoencoder, the base checkpoint's text side.
            "ti2v_t" => ti2v_layout(folder)
                .and_then(|layout| Ok(WanPipeline::open(&layout, &options)?))
                .and_then(|mut pipeline| run(folder, &mut pipeline, case, &reference, &mut report)),
            other => {
                report.skipped = true;
                report.note = Some(format!("{other}: image inputs are not supported"));
                Ok(())
            }
        };
        if let Err(error) = outcome {
            report.note = Some(error.to_string());
        }
        right &= report.outcome() != Outcome::Fail;
        each(&report);
    }
    let mut report = Report::new("probes");
    pipeline.set_loras(&[])?;
    if let Err(error) = probes(folder, &mut pipeline, &reference, &mut report) {
        report.note = Some(error.to_string());
    }
    right &= report.outcome() != Outcome::Fail;
    each(&report);
    Ok(right)
}

fn ti2v_layout(folder: &Path) -> Result<Layout, Failure> {
    let base = Layout::read(folder)?;
    let ti2v = folder.join("ti2v");
    Ok(Layout { transformer: ti2v.join("transformer"), transformer_2: None, vae: ti2v.join("vae"), boundary_ratio: None, ..base })
}

fn run(
    folder: &Path,
    pipeline: &mut WanPipeline,
    case: &Case,
    reference: &Reference,
    report: &mut Report,
) -> Result<(), Failure> {
    if case.sched.solver_type.as_deref().is_some_and(|solver| solver != "bh2") {
        return Err(format!("solver_type {:?} is not supported", case.sched.solver_type).into());
    }
    let prompts = case.prompt.to_vec();
    let negatives = match &case.neg {
        Some(OneOrMany::Many(texts)) => texts.clone(),
        Some(OneOrMany::One(text)) => vec![text.clone(); prompts.len()],
        None => vec![String::new(); prompts.len()],
    };
    let mut request = TextToVideo {
        width: case.w,
        height: case.h,
        frames: case.frames,
        steps: case.steps,
        sampler: sampler(&case.sched.r#type)?,
        solver_order: case.sched.order.unwrap_or(2),
        shift: case.sched.shift,
        guidance: case.g,
        guidance_2: case.g2,
        boundary: case.boundary,
        max_sequence_length: case.max_seq.unwrap_or(512),
        ..TextToVideo::default()
    };
    for (file, component, weight) in &case.lora {
        let expert = if component == "transformer_2" { Expert::Low } else { Expert::High };
        request.loras.push(Lora { path: folder.join(format!("lora/{file}.safetensors")), expert, weight: *weight });
    }
    let need = |name: &str| reference.need(&format!("{}/{name}", case.name));
    pipeline.set_loras(&request.loras)?;

    // Text
    let guided = reference.get(&format!("{}/neg_ids", case.name)).is_some();
    let sides = [("pos", &prompts, &case.pos_clean), ("neg", &negatives, &case.neg_clean)];
    let mut embeds: Vec<Vec<PromptEmbeds>> = Vec::new();
    for (side, texts, clean) in sides.into_iter().take(if guided { 2 } else { 1 }) {
        let cleaned: Vec<_> = texts.iter().map(|text| prompt_clean(text)).collect();
        report.equal("clean", cleaned == *clean);
        let (ids, lengths) = (need(&format!("{side}_ids"))?, need(&format!("{side}_len"))?);
        let expected = need(&format!("{side}_embeds"))?;
        let mut rows = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let length = lengths.values[index] as usize;
            let ours: Vec<f64> = pipeline.token_ids(text, request.max_sequence_length)?.into_iter().map(|id| id as f64).collect();
            report.equal("ids", ours == ids.at(index).values[..length]);
            let prompt = pipeline.encode_prompt(text, request.max_sequence_length)?;
            let expected = expected.at(index);
            let expected = Values {
                shape: vec![length as i64, expected.shape[1]],
                values: expected.values[..length * expected.shape[1] as usize].to_vec(),
            };
            report.put("embeds", expected.distance(&prompt.rows)?, tolerance::EMBEDS);
            rows.push(prompt);
        }
        embeds.push(rows);
    }

    // Schedule
    let plan = scheduler(request.sampler, request.steps, request.shift, request.solver_order)?;
    let timesteps = need("timesteps")?;
    let allowed = if request.sampler == Sampler::Unipc { tolerance::EXACT } else { tolerance::TIMESTEPS };
    report.put("timesteps", distance(&timesteps.values, plan.timesteps()), allowed);
    let sigmas: Vec<f64> = plan.sigmas().iter().map(|&sigma| sigma as f64).collect();
    report.put("sigmas", distance(&need("sigmas")?.values, &sigmas), tolerance::SIGMAS);

    // Noise: one draw per prompt, as the reference's list of generators does.
    let shape = pipeline.latent_shape(&request)?;
    let draws =
        (0..prompts.len() as u64).map(|index| Noise::TorchSeed(case.seed + index).draw(&shape)).collect::<Result<Vec<_>, _>>()?;
    let latents = Tensor::cat(&draws, 0)?;
    report.put("latents_init", need("latents_init")?.distance(&latents)?, tolerance::EXACT);

    // Denoising. Whether there is guidance is the pipeline's decision, made as paint() makes it.
    let steps = need("latents_steps")?;
    let mut experts = Vec::new();
    let empty = Vec::new();
    let negatives = if request.guided() { embeds.get(1).unwrap_or(&empty) } else { &empty };
    report.equal("guided", request.guided() == guided);
    let mut worst: f64 = 0.0;
    let latents = pipeline.denoise(&request, latents, &embeds[0], negatives, &mut |step| {
        experts.push(step.expert.name().to_owned());
        worst = worst.max(steps.at(step.index).distance(step.latents).unwrap_or(f64::INFINITY));
        Ok(())
    })?;
    report.equal("experts", experts == case.expert_per_step);
    report.put("latents_steps", worst, tolerance::LATENTS);

    // Pixels
    let z = pipeline.denormalise(&latents)?;
    report.put("vae_in", need("vae_in")?.distance(&z)?, tolerance::VAE_IN);
    let mut chunks = Vec::new();
    pipeline.decode(&z, &mut |pixels| {
        chunks.push(pixels);
        Ok(())
    })?;
    let pixels = Tensor::cat(&chunks, 2)?;
    if let Some(expected) = reference.get(&format!("{}/vae_out", case.name)) {
        report.put("vae_out", expected.distance(&pixels)?, tolerance::VAE_OUT);
    }
    let mut rgb = Vec::new();
    to_rgb(&pixels, &mut rgb)?;
    compare_frames(&need("frames_u8")?.values, &rgb, report);

    // The whole way through, as the renderer goes it, gives the same bytes.
    if let [prompt] = prompts.as_slice() {
        request.prompt = prompt.clone();
        request.negative = match &case.neg {
            Some(text) => text.to_vec().concat(),
            None => String::new(),
        };
        request.noise = Noise::TorchSeed(case.seed);
        let video = pipeline.paint(&request, &mut |_| std::ops::ControlFlow::Continue(()))?;
        report.equal("paint", video.rgb == rgb);
    }
    Ok(())
}

fn compare_frames(expected: &[f64], rgb: &[u8], report: &mut Report) {
    let ours: Vec<f64> = rgb.iter().map(|&byte| byte as f64).collect();
    report.put("u8_max", distance(expected, &ours), tolerance::U8_MAX);
    let differing = expected.iter().zip(&ours).filter(|(a, b)| a != b).count();
    report.u8_share = Some(differing as f64 / expected.len().max(1) as f64);
}

/// Single modules on inputs of their own.
fn probes(folder: &Path, pipeline: &mut WanPipeline, reference: &Reference, report: &mut Report) -> Result<(), Failure> {
    // Schedules
    for name in reference.names() {
        let Some(plan) = name.strip_prefix("sched/").and_then(|rest| rest.strip_suffix("/timesteps")) else { continue };
        let mut parts = plan.rsplitn(3, '_');
        let (steps, shift, kind) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let ours = scheduler(sampler(kind)?, steps.parse()?, shift.parse()?, 2)?;
        let allowed = if kind == "unipc" { tolerance::EXACT } else { tolerance::TIMESTEPS };
        report.put(&format!("schedule.{kind}"), distance(&reference.need(&name)?.values, ours.timesteps()), allowed);
        let sigmas: Vec<f64> = ours.sigmas().iter().map(|&sigma| sigma as f64).collect();
        let expected = reference.need(&format!("sched/{plan}/sigmas"))?;
        report.put("schedule.sigmas", distance(&expected.values, &sigmas), tolerance::SIGMAS);
    }
    // Random numbers
    for count in [5, 16, 33] {
        if let Some(expected) = reference.get(&format!("probe/rng.seed42_n{count}")) {
            report.put("rng", expected.distance(&Tensor::randn(42, &[count])?)?, tolerance::EXACT);
        }
    }
    // Text encoder: two prompts of different length
    if let (Some(ids), Some(mask), Some(out)) =
        (reference.get("probe/t5.ids"), reference.get("probe/t5.mask"), reference.get("probe/t5.out"))
    {
        for index in 0..ids.shape[0] as usize {
            let length = mask.at(index).values.iter().filter(|&&mask| mask != 0.0).count();
            let ids: Vec<i64> = ids.at(index).values[..length].iter().map(|&id| id as i64).collect();
            let expected = out.at(index);
            let width = expected.shape[1];
            let expected =
                Values { shape: vec![length as i64, width], values: expected.values[..length * width as usize].to_vec() };
            report.put("t5", expected.distance(&pipeline.encode_ids(&ids)?)?, tolerance::EMBEDS);
        }
    }
    // Transformers
    if let Some(hidden) = reference.get("probe/tf.hidden") {
        let (timestep, text) = (reference.need("probe/tf.timestep")?, reference.need("probe/tf.text")?);
        let hidden = hidden.tensor()?;
        let prompts = (0..text.shape[0] as usize).map(|index| embeds(&text.at(index))).collect::<Result<Vec<_>, _>>()?;
        let forward = |pipeline: &mut WanPipeline, expert| -> Result<Tensor, Failure> {
            let outputs = (0..prompts.len()).map(|index| {
                let time = Tensor::from_f32(&[timestep.values[index] as f32], &[1])?;
                pipeline.velocity(expert, &hidden.narrow(0, index as i64, 1)?, &time, &prompts[index..=index])
            });
            Ok(Tensor::cat(&outputs.collect::<Result<Vec<_>, _>>()?, 0)?)
        };
        report.put(
            "transformer.high",
            reference.need("probe/tf.out_high")?.distance(&forward(pipeline, Expert::High)?)?,
            tolerance::LATENTS,
        );
        report.put(
            "transformer.low",
            reference.need("probe/tf.out_low")?.distance(&forward(pipeline, Expert::Low)?)?,
            tolerance::LATENTS,
        );
        let per_token = reference.need("probe/tf.timestep2d")?.tensor()?;
        let ours = pipeline.velocity(Expert::High, &hidden.narrow(0, 0, 1)?, &per_token, &prompts[..1])?;
        report.put("transformer.per_token", reference.need("probe/tf.out_high_2d")?.distance(&ours)?, tolerance::LATENTS);
        let options = WanOptions { dtype: Some(festoon_wan::DType::Bf16), device: Device::Cpu, ..WanOptions::default() };
        let mut mixed = WanPipeline::from_pretrained(folder, &options)?;
        let ours = forward(&mut mixed, Expert::High)?;
        let expected = reference.need("probe/tf.out_high_bf16")?;
        let largest = expected.values.iter().fold(0f64, |largest, value| largest.max(value.abs()));
        report.put("transformer.bf16", expected.distance(&ours)? / largest, tolerance::BF16);
    }
    // Autoencoder, whole and tiled
    if let (Some(z), Some(decoded)) = (reference.get("probe/vae.z"), reference.get("probe/vae.decoded")) {
        let mut chunks = Vec::new();
        pipeline.decode(&z.tensor()?, &mut |pixels| {
            chunks.push(pixels);
            Ok(())
        })?;
        report.put("vae.decode", decoded.distance(&Tensor::cat(&chunks, 2)?)?, tolerance::VAE_OUT);
    }
    if let (Some(z), Some(decoded)) = (reference.get("probe/vae.tiled_z"), reference.get("probe/vae.tiled")) {
        let tiling = Tiling { sample_min_height: 32, sample_min_width: 40, sample_stride_height: 16, sample_stride_width: 24 };
        let mut tiled = WanPipeline::from_pretrained(folder, &WanOptions { vae_tiling: Some(tiling), ..WanOptions::default() })?;
        tiled.decode(&z.tensor()?, &mut |pixels| {
            report.put("vae.tiled", decoded.distance(&pixels).unwrap_or(f64::INFINITY), tolerance::VAE_OUT);
            Ok(())
        })?;
    }
    Ok(())
}

/// A prompt from rows that end in zeros.
fn embeds(rows: &Values) -> Result<PromptEmbeds, Failure> {
    let width = rows.shape[1] as usize;
    let real = rows.values.chunks(width).rposition(|row| row.iter().any(|&value| value != 0.0)).map_or(0, |last| last + 1);
    Ok(PromptEmbeds { rows: rows.tensor()?.narrow(0, 0, real as i64)?, total: rows.shape[0] })
}
