//! Paints contact sheets: each motif in three palettes at several times.
//!
//! `cargo run --release -p festoon-motion --example sheet -- OUT [MOTIF [WIDTHxHEIGHT [CAMERA]]]` writes `OUT/MOTIF.png`
//! (three palettes down, four times across) and, for all motifs, `OUT/motifs.jpg` (one row of three palettes per motif).

mod gallery;

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use festoon_motion::{Camera, CameraMove, Motif, Painting, Size};

/// How many times smaller than a frame the pictures of the sheet of all motifs are.
const SMALL: u32 = 4;

/// An RGB picture that others are pasted into.
struct Sheet {
    size: Size,
    rgb: Vec<u8>,
}

impl Sheet {
    fn new(width: u32, height: u32) -> Self {
        Self { size: Size { width, height }, rgb: vec![255; (width * height * 3) as usize] }
    }

    fn paste(&mut self, frame: &Sheet, left: u32, top: u32) {
        let row = frame.size.width as usize * 3;
        for (y, source) in frame.rgb.chunks_exact(row).enumerate() {
            let start = ((top as usize + y) * self.size.width as usize + left as usize) * 3;
            self.rgb[start..start + row].copy_from_slice(source);
        }
    }

    /// Each pixel from `times`² pixels.
    fn shrunk(&self, times: u32) -> Sheet {
        let mut small = Sheet::new(self.size.width / times, self.size.height / times);
        let (width, side) = (self.size.width as usize, times as usize);
        for (index, value) in small.rgb.iter_mut().enumerate() {
            let (x, y) = (index / 3 % small.size.width as usize, index / 3 / small.size.width as usize);
            let at =
                |part: usize| usize::from(self.rgb[((y * side + part / side) * width + x * side + part % side) * 3 + index % 3]);
            *value = ((0..side * side).map(at).sum::<usize>() / (side * side)) as u8;
        }
        small
    }

    fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        println!("{}", path.display());
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let out = PathBuf::from(arguments.first().ok_or("usage: sheet OUT [MOTIF [WIDTHxHEIGHT [CAMERA]]]")?);
    let only = arguments.get(1).map(|name| Motif::from_name(name)).transpose()?;
    let size = match arguments.get(2) {
        None => Size { width: 1280, height: 720 },
        Some(text) => {
            let (width, height) = text.split_once('x').ok_or("a size is written WIDTHxHEIGHT")?;
            Size { width: width.parse()?, height: height.parse()? }
        }
    };
    let movement = arguments.get(3).map_or(Ok(CameraMove::Static), |name| CameraMove::from_name(name))?;
    fs::create_dir_all(&out)?;
    let motifs: Vec<Motif> = Motif::ALL.iter().copied().filter(|&motif| only.is_none_or(|only| only == motif)).collect();
    let (width, height) = (size.width / SMALL, size.height / SMALL);
    let mut all = Sheet::new(3 * width, motifs.len() as u32 * height);
    for (row, &motif) in motifs.iter().enumerate() {
        let mut sheet = Sheet::new(2 * size.width, 3 * size.height / 2);
        for (line, mut scene) in gallery::scenes(motif).into_iter().enumerate() {
            scene.camera = Camera::new(movement, 1.0);
            let mut painting = Painting::new(&scene, size, 120, 24, gallery::seed(line as u8))?;
            for (column, index) in [4, 40, 76, 119].into_iter().enumerate() {
                let mut frame = Sheet::new(size.width, size.height);
                painting.frame(index, &mut frame.rgb);
                sheet.paste(&frame.shrunk(2), column as u32 * size.width / 2, line as u32 * size.height / 2);
                if index == 76 {
                    all.paste(&frame.shrunk(SMALL), line as u32 * width, row as u32 * height);
                    if only.is_some() {
                        frame.save(&out.join(format!("{}-{line}.png", motif.name())))?;
                    }
                }
            }
        }
        sheet.save(&out.join(format!("{}.png", motif.name())))?;
    }
    if only.is_none() {
        let (path, [width, height]) = (out.join("motifs.jpg"), [all.size.width, all.size.height].map(u16::try_from));
        jpeg_encoder::Encoder::new_file(&path, 88)?.encode(&all.rgb, width?, height?, jpeg_encoder::ColorType::Rgb)?;
        println!("{}", path.display());
    }
    Ok(())
}
