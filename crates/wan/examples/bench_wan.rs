//! Our side of `scripts/bench-wan.py`: `bench CASES NAME DIR OUTPUT` opens the checkpoint in DIR, then paints the case once
//! for each line "run" on standard input and answers with its CPU seconds. OUTPUT receives the frames and, behind them, the
//! last latents in f32. Prompts are not remembered between paintings: each pays for its own.

use festoon_wan::{Noise, TextToVideo, WanOptions, WanPipeline};
use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

#[derive(serde::Deserialize)]
struct Settings {
    prompt: String,
    negative: String,
    guidance: f64,
    guidance_2: f64,
    shift: f64,
    seed: u64,
    cases: std::collections::BTreeMap<String, Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    height: u32,
    width: u32,
    frames: u32,
    steps: usize,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, name, folder, output] = arguments.as_slice() else { return Err("usage: bench CASES NAME DIR OUTPUT".into()) };
    let settings: Settings = serde_json::from_slice(&std::fs::read(cases)?)?;
    let case = settings.cases.get(name).ok_or_else(|| format!("no case {name:?} in {cases}"))?;
    let request = TextToVideo {
        prompt: settings.prompt,
        negative: settings.negative,
        width: case.width,
        height: case.height,
        frames: case.frames,
        steps: case.steps,
        shift: settings.shift,
        guidance: settings.guidance,
        guidance_2: Some(settings.guidance_2),
        noise: Noise::TorchSeed(settings.seed),
        ..TextToVideo::default()
    };
    let options = WanOptions { threads: Some(1), prompt_cache: 0, ..WanOptions::default() };
    let mut pipeline = WanPipeline::from_pretrained(Path::new(folder), &options)?;
    println!("{}", serde_json::json!({ "ready": pipeline.torch_version()? }));
    for line in std::io::stdin().lock().lines() {
        if line?.trim() != "run" {
            return Err("the only command is \"run\"".into());
        }
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let mut marks = Vec::new();
        let video = pipeline.paint(&request, &mut |progress| {
            marks.push((progress.stage, cpu_seconds()));
            ControlFlow::Continue(())
        })?;
        let total = cpu_seconds() - cpu;
        let begin = |stage| marks.iter().find(|(marked, _)| *marked == stage).map_or(cpu, |(_, at)| *at);
        let (denoise, decode) = (begin(festoon_wan::Stage::Denoise), begin(festoon_wan::Stage::Decode));
        println!(
            "{}",
            serde_json::json!({
                "cpu": total, "wall": wall.elapsed().as_secs_f64(), "text": denoise - cpu, "denoise": decode - denoise,
                "decode": cpu + total - decode, "rss_mb": pipeline.peak_memory()?.unwrap_or(0) >> 20,
            })
        );
        let mut bytes = video.rgb;
        bytes.extend(latents(&mut pipeline, &request)?.iter().flat_map(|value| value.to_le_bytes()));
        std::fs::write(output, bytes)?;
    }
    Ok(())
}

/// The last latents, by the same steps again, outside the timing.
fn latents(pipeline: &mut WanPipeline, request: &TextToVideo) -> Result<Vec<f32>, Failure> {
    let noise = request.noise.draw(&pipeline.latent_shape(request)?)?;
    let prompt = pipeline.encode_prompt(&request.prompt, request.max_sequence_length)?;
    let negative = pipeline.encode_prompt(&request.negative, request.max_sequence_length)?;
    Ok(pipeline.denoise(request, noise, &[prompt], &[negative], &mut |_| Ok(()))?.to_vec()?)
}

/// CPU time of this process, all threads together.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
