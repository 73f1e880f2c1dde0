//! Our side of `scripts/bench-plate.py`: `bench_plate CHECKPOINT PROMPT OUT` paints one plate of four seconds as a job would be
//! painted, stage by stage, and prints the CPU seconds and the peak memory of each as JSON. The plate's spec goes to
//! OUT/spec.json, so that the program itself can paint it again, and the frames of the model to OUT/painted.rgb, for a peer.

use std::{env, error::Error, fs, ops::ControlFlow, path::Path};

use festoon_film::{Adapter, Cancel, Encoder, Expectation, X264, encode_plate};
use festoon_spec::{Adapted, Canvas, Checkpoint, Digest, DigestMemory, Noise, PlateSpec, Sampler, Scene, WanScene};
use festoon_wan::{TextToVideo, WanOptions, WanPipeline};
use serde_json::{Value, json};

/// What is delivered.
const CANVAS: Canvas = Canvas { width: 1280, height: 720, frames: 96, fps: 24 };

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, prompt, out] = arguments.as_slice() else { return Err("usage: bench_plate CHECKPOINT PROMPT OUT".into()) };
    let encoder = X264::find()?;
    let spec = spec(&Checkpoint::open(Path::new(folder), &mut DigestMemory::default())?, prompt, &encoder);
    fs::create_dir_all(out)?;
    fs::write(Path::new(out).join("spec.json"), serde_json::to_vec_pretty(&spec)?)?;
    let Scene::Wan(scene) = &spec.scene else { return Err("the scene of a model's plate is a model's".into()) };
    let adapted = scene.adapted.ok_or("the checkpoint paints this canvas as it is; there is nothing to adapt")?;

    let mut stages = Stages::begin()?;
    let options = WanOptions { threads: Some(1), ..WanOptions::default() };
    let mut pipeline = WanPipeline::from_pretrained(Path::new(folder), &options)?;
    stages.end("open")?;
    let video = pipeline.paint(&request(&spec, scene, &adapted)?, &mut |progress| {
        // What was done since the last telling belongs to the stage that is told.
        match stages.end(match progress.stage {
            festoon_wan::Stage::Text => "text",
            festoon_wan::Stage::Denoise => "denoise",
            festoon_wan::Stage::Decode => "decode",
        }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    stages.end("decode")?;
    fs::write(Path::new(out).join("painted.rgb"), &video.rgb)?;
    drop(pipeline);

    let mut adapter = Adapter::new(&adapted, &CANVAS, video.rgb);
    stages.end("adapt")?;
    let noise = Expectation { noise: true, ..Expectation::default() };
    let mut frame = |index: u32, rgb: &mut [u8]| {
        stages.end("convert, inspect")?;
        adapter.frame(index, rgb);
        stages.end("adapt")
    };
    let plate = encode_plate(&encoder, &CANVAS, &[], noise, &mut frame, &Cancel::default())?;
    stages.end("convert, inspect")?;
    let x264 = usage(libc::RUSAGE_CHILDREN);
    stages.0.push(Stage { name: "encode (x264)", cpu: x264.0, peak_mb: x264.1 });
    let stages: Vec<Value> = stages.0.iter().map(|it| json!({"stage": it.name, "cpu": it.cpu, "peak_mb": it.peak_mb})).collect();
    println!("{}", json!({ "stages": stages, "bytes": plate.mp4.len(), "verdict": plate.verdict, "painted": adapted.painted }));
    Ok(())
}

/// A plate of four seconds, forth and back if the checkpoint paints fewer, sampled as the checkpoint is meant to be.
fn spec(checkpoint: &Checkpoint, prompt: &str, encoder: &X264) -> PlateSpec {
    let abilities = &checkpoint.abilities;
    let (size, sampling) = (abilities.sizes[0], &abilities.sampling);
    let painted = Canvas { width: size.width, height: size.height, frames: abilities.frames.most, fps: abilities.fps };
    let ping_pong = (CANVAS.frames - 1) * painted.fps > (painted.frames - 1) * CANVAS.fps;
    let scene = WanScene {
        prompt: prompt.to_owned(),
        negative: String::new(),
        model: checkpoint.digest,
        loras: Vec::new(),
        sampler: sampling.sampler,
        steps: sampling.steps,
        shift: sampling.shift,
        guidance_high: sampling.guidance_high,
        guidance_low: sampling.guidance_low,
        noise: Noise::PlateKey,
        text_tokens: abilities.prompt.tokens,
        adapted: (painted != CANVAS).then_some(Adapted { painted, ping_pong, corner: None }),
    };
    PlateSpec {
        template: "bench".parse().expect("a constant that is a template's id"),
        template_digest: Digest::of(b"bench"),
        scene: Scene::Wan(scene),
        canvas: CANVAS,
        windows: Vec::new(),
        variation: 0,
        encoder: encoder.id().clone(),
        watermark: None,
    }
}

fn request(spec: &PlateSpec, scene: &WanScene, adapted: &Adapted) -> Result<TextToVideo, Failure> {
    Ok(TextToVideo {
        prompt: scene.prompt.clone(),
        width: adapted.painted.width,
        height: adapted.painted.height,
        frames: adapted.painted.frames,
        steps: scene.steps as usize,
        sampler: match scene.sampler {
            Sampler::Unipc => festoon_wan::Sampler::Unipc,
            Sampler::Euler => festoon_wan::Sampler::Euler,
            Sampler::Lightning => festoon_wan::Sampler::Lightning,
        },
        shift: scene.shift.get(),
        guidance: scene.guidance_high.get(),
        guidance_2: Some(scene.guidance_low.get()),
        noise: festoon_wan::Noise::Key(*spec.key().as_bytes()),
        max_sequence_length: scene.text_tokens as usize,
        ..TextToVideo::default()
    })
}

/// What a stage took.
struct Stage {
    name: &'static str,
    /// Seconds of this process, all threads.
    cpu: f64,
    /// The most memory that was held while it went on, in MB.
    peak_mb: u64,
}

/// The stages so far; time since the last `end` belongs to the one that ends next.
struct Stages(Vec<Stage>, f64);

impl Stages {
    fn begin() -> Result<Self, Failure> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self(Vec::new(), usage(libc::RUSAGE_SELF).0))
    }

    fn end(&mut self, name: &'static str) -> Result<(), Failure> {
        let now = usage(libc::RUSAGE_SELF).0;
        let status = fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let peak_mb = peak.ok_or("/proc/self/status has no VmHWM in kB")?.parse::<u64>()? / 1024;
        // 5: the peak begins anew (proc(5)).
        fs::write("/proc/self/clear_refs", "5")?;
        let cpu = now - std::mem::replace(&mut self.1, now);
        match self.0.iter_mut().find(|stage| stage.name == name) {
            Some(stage) => (stage.cpu, stage.peak_mb) = (stage.cpu + cpu, stage.peak_mb.max(peak_mb)),
            None => self.0.push(Stage { name, cpu, peak_mb }),
        }
        Ok(())
    }
}

/// CPU seconds so far, and the largest memory in MB.
fn usage(who: libc::c_int) -> (f64, u64) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the structure is ours, and the call writes all of it or fails; zeros are a valid value of it.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as u64 / 1024)
}
