//! Paints contact sheets: each motif in three palettes.
//!
//! `sheet OUT` writes what the documentation shows (`make sheets`): `OUT/motifs.jpg` with a row of three palettes per motif, in
//! two columns of motifs, `OUT/MOTIF.webp`, a looped preview, and `OUT/README.md`, a page of them. It needs `ffmpeg`.
//!
//! `sheet OUT MOTIF [WIDTHxHEIGHT [CAMERA]]` writes `OUT/MOTIF.png` (three palettes down, four times across), and a whole frame of
//! each palette.

mod gallery;

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use festoon_motion::{Camera, CameraMove, Motif, Painting, Size};

/// What the pictures of the sheet of all motifs and the previews are made from.
const WHOLE: Size = Size { width: 1280, height: 720 };
/// How many times smaller they are.
const SMALL: u32 = 4;
/// Motifs beside one another on the sheet of all.
const COLUMNS: u32 = 2;
/// Frames of a preview, how many there are a second, and the qualities that are tried: the first that is small enough is taken.
const PREVIEWS: [(u32, u32, &[u32]); 2] = [(48, 12, &[80, 68, 56, 46, 38]), (32, 8, &[56, 46, 38, 30, 24, 18, 12])];
/// The most bytes of a preview: a page shows all of them at once.
const PREVIEW_BYTES: usize = 185_000;

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
    fs::create_dir_all(&out)?;
    let Some(motif) = arguments.get(1).map(|name| Motif::from_name(name)).transpose()? else {
        all(&out)?;
        fs::write(out.join("README.md"), page())?;
        return Motif::ALL.iter().try_for_each(|&motif| preview(&out, motif));
    };
    let size = match arguments.get(2) {
        None => WHOLE,
        Some(text) => {
            let (width, height) = text.split_once('x').ok_or("a size is written WIDTHxHEIGHT")?;
            Size { width: width.parse()?, height: height.parse()? }
        }
    };
    let movement = arguments.get(3).map_or(Ok(CameraMove::Static), |name| CameraMove::from_name(name))?;
    one(&out, motif, size, movement)
}

/// One motif at four times, and its three palettes in full.
fn one(out: &Path, motif: Motif, size: Size, movement: CameraMove) -> Result<(), Box<dyn Error>> {
    let mut sheet = Sheet::new(2 * size.width, 3 * size.height / 2);
    for (line, mut scene) in gallery::scenes(motif).into_iter().enumerate() {
        scene.camera = Camera::new(movement, 1.0);
        let mut painting = Painting::new(&scene, size, 120, 24, gallery::seed(line as u8))?;
        for (column, index) in [4, 40, 76, 119].into_iter().enumerate() {
            let mut frame = Sheet::new(size.width, size.height);
            painting.frame(index, &mut frame.rgb);
            sheet.paste(&frame.shrunk(2), column as u32 * size.width / 2, line as u32 * size.height / 2);
            if index == 76 {
                frame.save(&out.join(format!("{}-{line}.png", motif.name())))?;
            }
        }
    }
    sheet.save(&out.join(format!("{}.png", motif.name())))
}

/// Every motif in its three palettes: down the first column, then down the next.
fn all(out: &Path) -> Result<(), Box<dyn Error>> {
    let (width, height) = (WHOLE.width / SMALL, WHOLE.height / SMALL);
    let rows = (Motif::ALL.len() as u32).div_ceil(COLUMNS);
    let mut sheet = Sheet::new(COLUMNS * 3 * width, rows * height);
    for (place, &motif) in (0..).zip(Motif::ALL) {
        for (column, scene) in (0..).zip(gallery::scenes(motif)) {
            let mut frame = Sheet::new(WHOLE.width, WHOLE.height);
            Painting::new(&scene, WHOLE, 120, 24, gallery::seed(column as u8))?.frame(76, &mut frame.rgb);
            sheet.paste(&frame.shrunk(SMALL), (place / rows * 3 + column) * width, place % rows * height);
        }
    }
    let (path, [width, height]) = (out.join("motifs.jpg"), [sheet.size.width, sheet.size.height].map(u16::try_from));
    jpeg_encoder::Encoder::new_file(&path, 86)?.encode(&sheet.rgb, width?, height?, jpeg_encoder::ColorType::Rgb)?;
    println!("{}", path.display());
    Ok(())
}

/// The page that shows the previews, two beside one another.
fn page() -> String {
    let cell = |motif: &Motif| format!("![{0}]({0}.webp)<br>`{0}`: {1}", motif.name(), motif.about());
    let rows: String = Motif::ALL
        .chunks(2)
        .map(|pair| format!("| {} | {} |\n", cell(&pair[0]), pair.get(1).map(cell).unwrap_or_default()))
        .collect();
    format!(
        "# Motifs\n\n\
         {} motifs of the motion painter, each as a loop of four seconds in one palette; the pictures are smaller and coarser than\n\
         what is painted. Templates name them (see [templates.md](../templates.md)), put them in layers, and bring their own colours:\n\
         [all of them in three palettes](motifs.jpg). This page and its pictures are made by `make sheets`.\n\n\
         | | |\n|---|---|\n{rows}",
        Motif::ALL.len()
    )
}

/// A loop of a motif, as an animated WebP of the best quality that is small enough.
fn preview(out: &Path, motif: Motif) -> Result<(), Box<dyn Error>> {
    let size = Size { width: WHOLE.width / SMALL, height: WHOLE.height / SMALL };
    let mut scene = gallery::scenes(motif)[0].clone();
    scene.looped = true;
    scene.finish.grain = 0.0;
    scene.camera.shutter = 0.5;
    let double = Size { width: 2 * size.width, height: 2 * size.height };
    let path = out.join(format!("{}.webp", motif.name()));
    for (frames, fps, qualities) in PREVIEWS {
        let mut painting = Painting::new(&scene, double, frames, fps, gallery::seed(1))?;
        let mut loop_of_frames = Vec::with_capacity(size.rgb_bytes() * frames as usize);
        let mut frame = Sheet::new(double.width, double.height);
        for index in 0..frames {
            painting.frame(index, &mut frame.rgb);
            loop_of_frames.extend_from_slice(&frame.shrunk(2).rgb);
        }
        for &quality in qualities {
            let bytes = webp(&loop_of_frames, size, fps, quality)?;
            if bytes.len() <= PREVIEW_BYTES {
                fs::write(&path, &bytes)?;
                println!("{}: {} bytes, {fps} a second at quality {quality}", path.display(), bytes.len());
                return Ok(());
            }
        }
    }
    Err(format!("{}: more than {PREVIEW_BYTES} bytes at any quality", path.display()).into())
}

/// Frames as an animated WebP that begins again for ever.
fn webp(frames: &[u8], size: Size, fps: u32, quality: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    // The muxer writes sizes into its header at the end, so it needs a file that it can go back in.
    let path = env::temp_dir().join(format!("festoon-sheet-{}.webp", std::process::id()));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]);
    command.args(["-s", &format!("{}x{}", size.width, size.height), "-r", &fps.to_string(), "-i", "-"]);
    command.args(["-c:v", "libwebp_anim", "-lossless", "0", "-compression_level", "4", "-loop", "0"]);
    command.args(["-quality", &quality.to_string()]).arg(&path);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("ffmpeg has no input")?.write_all(frames)?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("ffmpeg ended with {status}").into());
    }
    let bytes = fs::read(&path)?;
    fs::remove_file(&path)?;
    Ok(bytes)
}
