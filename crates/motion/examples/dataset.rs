//! Looks at what a data set would hold, and what it costs: per motif one processor's milliseconds per clip and a contact
//! sheet, one row per background, one column per colour, pairs that are not drawn left white.
//!
//! `cargo run --release -p festoon-motion --example dataset -- OUT [MOTIF [WIDTHxHEIGHT]]` writes `OUT/dataset-MOTIF.png`.

use std::{env, error::Error, fs, fs::File, io::BufWriter, path::PathBuf};

use festoon_motion::{
    CameraMove, Motif, Size,
    dataset::{Background, Family, Labels, Recipe},
};

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
    let arguments: Vec<String> = env::args().skip(1).collect();
    let out = PathBuf::from(arguments.first().ok_or("usage: dataset OUT [MOTIF [WIDTHxHEIGHT]]")?);
    let only = arguments.get(1).filter(|name| *name != "all").map(|name| Motif::from_name(name)).transpose()?;
    let size = match arguments.get(2) {
        None => Size { width: 160, height: 96 },
        Some(text) => {
            let (width, height) = text.split_once('x').ok_or("a size is written WIDTHxHEIGHT")?;
            Size { width: width.parse()?, height: height.parse()? }
        }
    };
    fs::create_dir_all(&out)?;
    println!("| motif | clips | CPU ms a clip |");
    println!("|---|---:|---:|");
    let (mut all, mut motifs) = (0.0, 0);
    for &motif in Motif::ALL.iter().filter(|&&motif| only.is_none_or(|only| only == motif)) {
        let recipe = Recipe::new(size, 17, 8, 1, &[motif])?;
        let mut clip = vec![0; recipe.clip_bytes()];
        let (columns, rows) = (Family::ALL.len(), Background::ALL.len());
        let row_bytes = size.width as usize * 3;
        let mut sheet = vec![255; size.rgb_bytes() * columns * rows];
        let (mut seconds, mut clips) = (0.0, 0);
        for (row, &background) in Background::ALL.iter().enumerate() {
            for (column, &family) in Family::ALL.iter().enumerate() {
                let number = row * columns + column;
                let camera = CameraMove::ALL[number % CameraMove::ALL.len()];
                let labels = Labels { motif, family, background, camera };
                if !labels.clear() {
                    continue;
                }
                let start = cpu_seconds()?;
                let sample = recipe.sample_of(labels, number as u64);
                recipe.paint(&sample, &mut clip);
                seconds += cpu_seconds()? - start;
                clips += 1;
                let frame = &clip[size.rgb_bytes() * 8..][..size.rgb_bytes()];
                for (y, line) in frame.chunks_exact(row_bytes).enumerate() {
                    let start = ((row * size.height as usize + y) * columns + column) * row_bytes;
                    sheet[start..start + row_bytes].copy_from_slice(line);
                }
            }
        }
        let each = seconds * 1000.0 / f64::from(clips);
        println!("| {} | {clips} | {each:.1} |", motif.name());
        (all, motifs) = (all + each, motifs + 1);
        let path = out.join(format!("dataset-{}.png", motif.name()));
        let (width, height) = (size.width * columns as u32, size.height * rows as u32);
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&sheet)?;
    }
    let mean = all / f64::from(motifs);
    println!("| mean | | {mean:.1} |\n\n{:.0} clips a second on two processors", 2000.0 / mean);
    Ok(())
}
