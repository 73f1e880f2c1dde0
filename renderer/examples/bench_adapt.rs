//! How well frames are interpolated: clips of motion graphics are painted at a high frame rate, frames are taken out, and what
//! the adapter puts in their place is compared with them, beside a cross-fade. A Markdown table and `target/bench/adapt.json`.
//!
//! `cargo run --release -p festoon-renderer --example bench_adapt [-- MOTIF …]`

#[path = "../../crates/motion/examples/gallery/mod.rs"]
mod gallery;

use std::{env, error::Error, fs, time::Instant};

use festoon_film::Adapter;
use festoon_motion::{Camera, CameraMove, Motif, Painting, Size};
use festoon_spec::{Adapted, Canvas};

/// What is painted, and how many frames are to come of each.
struct Case {
    name: &'static str,
    painted: Canvas,
    times: u32,
    /// How much larger what is shown is.
    scale: u32,
}

const CASES: [Case; 3] = [
    // What a small model paints, to what is shown.
    Case { name: "160x96, 8 to 24 fps", painted: Canvas { width: 160, height: 96, frames: 7, fps: 8 }, times: 3, scale: 2 },
    // Every other frame left out.
    Case { name: "160x96, 12 to 24 fps", painted: Canvas { width: 160, height: 96, frames: 9, fps: 12 }, times: 2, scale: 2 },
    Case { name: "640x360, 12 to 24 fps", painted: Canvas { width: 640, height: 360, frames: 4, fps: 12 }, times: 2, scale: 1 },
];

fn main() -> Result<(), Box<dyn Error>> {
    let only = env::args().skip(1).map(|name| Motif::from_name(&name)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for case in &CASES {
        println!(
            "\n{}:\n\n| motif | camera | cross-fade, dB | interpolated, dB | gain | ms a frame |\n|---|---|---:|---:|---:|---:|",
            case.name
        );
        let mut gains = Vec::new();
        for &motif in Motif::ALL.iter().filter(|&&motif| only.is_empty() || only.contains(&motif)) {
            for movement in [CameraMove::Static, CameraMove::Pan] {
                let (faded, moved, millis) = compare(case, motif, movement)?;
                let gain = moved - faded;
                println!("| {} | {} | {faded:.2} | {moved:.2} | {gain:+.2} | {millis:.1} |", motif.name(), movement.name());
                gains.push(gain);
                rows.push(serde_json::json!({
                    "case": case.name, "motif": motif.name(), "camera": movement.name(),
                    "crossfade_db": faded, "interpolated_db": moved, "millis_a_frame": millis,
                }));
            }
        }
        gains.sort_by(f64::total_cmp);
        let mean = gains.iter().sum::<f64>() / gains.len() as f64;
        println!("\nmean gain {mean:+.2} dB, least {:+.2}, most {:+.2}", gains[0], gains[gains.len() - 1]);
    }
    fs::create_dir_all("target/bench")?;
    fs::write("target/bench/adapt.json", serde_json::to_vec_pretty(&rows)?)?;
    Ok(())
}

/// PSNR of the frames that were left out: cross-faded, interpolated; and the milliseconds of an interpolated one.
fn compare(case: &Case, motif: Motif, movement: CameraMove) -> Result<(f64, f64, f64), Box<dyn Error>> {
    let Case { painted, times, .. } = case;
    let canvas = Canvas { frames: (painted.frames - 1) * times + 1, fps: painted.fps * times, ..*painted };
    let size = Size { width: canvas.width, height: canvas.height };
    let mut scene = gallery::scenes(motif)[0].clone();
    scene.camera = Camera::new(movement, 1.0);
    scene.finish.grain = 0.0;
    let mut painting = Painting::new(&scene, size, canvas.frames, canvas.fps, gallery::seed(1))?;
    let mut truth = Vec::new();
    for index in 0..canvas.frames {
        let mut rgb = vec![0; size.rgb_bytes()];
        painting.frame(index, &mut rgb);
        truth.push(rgb);
    }
    let kept: Vec<u8> = truth.iter().step_by(*times as usize).flatten().copied().collect();
    let all: Vec<u8> = truth.iter().flatten().copied().collect();
    let shown = Canvas { width: canvas.width * case.scale, height: canvas.height * case.scale, ..canvas };
    let mut scaler = Adapter::new(&Adapted { painted: canvas, ping_pong: false, corner: None }, &shown, all);
    let mut rgb = vec![0; (shown.width * shown.height * 3) as usize];
    for (index, frame) in truth.iter_mut().enumerate() {
        scaler.frame(index as u32, &mut rgb);
        frame.clone_from(&rgb);
    }
    let mut adapter = Adapter::new(&Adapted { painted: *painted, ping_pong: false, corner: None }, &shown, kept);
    let (mut faded, mut moved, mut count) = (0.0, 0.0, 0u32);
    let mut spent = 0.0;
    for index in 0..canvas.frames {
        let asked = Instant::now();
        adapter.frame(index, &mut rgb);
        spent += asked.elapsed().as_secs_f64();
        let part = index % times;
        if part == 0 {
            assert_eq!(rgb, truth[index as usize], "a painted frame is shown as it is");
            continue;
        }
        let (before, after) = (&truth[(index - part) as usize], &truth[(index - part + times) as usize]);
        let fade: Vec<u8> = before
            .iter()
            .zip(after)
            .map(|(one, other)| {
                let (one, other) = (u32::from(*one) * (times - part), u32::from(*other) * part);
                ((one + other + times / 2) / times) as u8
            })
            .collect();
        faded += squares(&fade, &truth[index as usize]);
        moved += squares(&rgb, &truth[index as usize]);
        count += 1;
    }
    let decibels = |sum: f64| 10.0 * (255.0 * 255.0 / (sum / f64::from(count)).max(1e-9)).log10();
    Ok((decibels(faded), decibels(moved), spent * 1000.0 / f64::from(canvas.frames)))
}

/// The mean square of the differences.
fn squares(one: &[u8], other: &[u8]) -> f64 {
    let sum: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other)).pow(2)).sum();
    sum as f64 / one.len() as f64
}
