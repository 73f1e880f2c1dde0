//! Our side of `make bench-motion`: paints 120 frames of 1280 × 720 of a motif on one thread and throws them away.
//!
//! `bench_motion MOTIF raw|jpeg [CAMERA [SHUTTER]]`, or `bench_motion --list raw` for the names of all motifs.
//! `scripts/bench-motion.py` times the process.

#[allow(dead_code, reason = "each example shows a part of the gallery")]
mod gallery;

use std::{env, error::Error, hint::black_box};

use festoon_motion::{Camera, CameraMove, Motif, Painting, Size};

/// Remotion's default, so that both sides do the same work.
const QUALITY: u8 = 80;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (motif, output, more) = match arguments[..] {
        ["--list", ..] => {
            Motif::ALL.iter().for_each(|motif| println!("{}", motif.name()));
            return Ok(());
        }
        [motif, output @ ("raw" | "jpeg"), ref more @ ..] => (Motif::from_name(motif)?, output, more),
        _ => return Err("usage: bench_motion MOTIF raw|jpeg [CAMERA [SHUTTER]]".into()),
    };
    let mut scene = gallery::scenes(motif)[0].clone();
    scene.camera = Camera::new(more.first().map_or(Ok(CameraMove::Static), |name| CameraMove::from_name(name))?, 1.0);
    scene.camera.shutter = more.get(1).map_or(Ok(0.0), |text| text.parse())?;
    let size = Size { width: 1280, height: 720 };
    let mut painting = Painting::new(&scene, size, 120, 24, gallery::seed(1))?;
    let mut rgb = vec![0; size.rgb_bytes()];
    for index in 0..painting.frames() {
        painting.frame(index, &mut rgb);
        if output == "jpeg" {
            let mut bytes = Vec::new();
            let color = jpeg_encoder::ColorType::Rgb;
            jpeg_encoder::Encoder::new(&mut bytes, QUALITY).encode(&rgb, size.width as u16, size.height as u16, color)?;
            black_box(bytes);
        }
        black_box(&rgb);
    }
    Ok(())
}
