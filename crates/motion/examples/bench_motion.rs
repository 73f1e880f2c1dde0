//! CPU seconds to paint each motif, 120 frames of 1280 × 720 on one thread, as a Markdown table and as
//! `target/bench/motion.json`.
//!
//! `cargo run --release -p festoon-motion --example bench_motion [-- MOTIF]`

mod gallery;

use std::{env, error::Error, fs};

use festoon_motion::{Camera, CameraMove, Motif, Painting, Size};

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill in.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let only = env::args().nth(1).map(|name| Motif::from_name(&name)).transpose()?;
    let (size, frames, fps) = (Size { width: 1280, height: 720 }, 120, 24);
    let mut rgb = vec![0; size.rgb_bytes()];
    let mut rows = Vec::new();
    println!("| motif | camera | set-up, CPU s | {frames} frames, CPU s | ms a frame |");
    println!("|---|---|---:|---:|---:|");
    for &motif in Motif::ALL.iter().filter(|&&motif| only.is_none_or(|only| only == motif)) {
        for movement in [CameraMove::Static, CameraMove::Handheld] {
            let mut scene = gallery::scenes(motif)[0].clone();
            scene.camera = Camera::new(movement, 1.0);
            let start = cpu_seconds()?;
            let mut painting = Painting::new(&scene, size, frames, fps, gallery::seed(1))?;
            let ready = cpu_seconds()?;
            for index in 0..frames {
                painting.frame(index, &mut rgb);
            }
            let (setup, painted) = (ready - start, cpu_seconds()? - ready);
            let each = painted * 1000.0 / f64::from(frames);
            println!("| {} | {} | {setup:.2} | {painted:.2} | {each:.1} |", motif.name(), movement.name());
            rows.push(serde_json::json!({
                "motif": motif.name(), "camera": movement.name(), "setup_cpu_seconds": setup, "frames_cpu_seconds": painted,
            }));
        }
    }
    let report = serde_json::json!({
        "width": size.width, "height": size.height, "frames": frames, "fps": fps, "ours": rows, "peer": null,
    });
    fs::create_dir_all("target/bench")?;
    fs::write("target/bench/motion.json", serde_json::to_vec_pretty(&report)?)?;
    Ok(())
}
