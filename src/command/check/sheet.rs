//! The contact sheet of `festoon check --sheet`: what every locale will see of every template, at the middle of each window.
//!
//! Plates are painted by the renderer beside this program, from the very specs that a pick resolves to, small and with few
//! frames: overlays are laid out in shares of the frame, so a small frame shows what a large one will.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use festoon_film::{Cancel, Decoder, Draw as _, Picture, overlay::Faces};
use festoon_spec::{Canvas, Locale, Painter, PlateSpec, RenderKey};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::{
    config::Config,
    makers::Makers,
    pick::{Pick, Resolved},
    supervisor::program_beside_this_one,
    template::Template,
};

/// The longer side of a frame on the sheet.
const LONG: u32 = 416;
/// Frames per second of the plates: enough to have one near the middle of each window.
const FPS: u32 = 4;
/// Between frames.
const GAP: usize = 8;

/// One frame of the sheet.
struct Tile {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Writes the sheet: a row for each template and window, a column for each locale.
///
/// # Errors
/// If a plate cannot be painted or decoded, or the file not be written.
pub fn write(path: &Path, templates: &[Template], faces: &Faces, config: &Config) -> miette::Result<()> {
    let makers = config.makers()?;
    let program = match config.renderers.program.as_os_str().is_empty() {
        true => program_beside_this_one().into_diagnostic()?,
        false => config.path(&config.renderers.program),
    };
    let painter = Plates { program, decoder: Decoder::find().into_diagnostic()?, painted: BTreeMap::new() };
    let rows = rows(templates, faces, &makers, painter)?;
    let width = rows.iter().map(|row| row.iter().map(|tile| tile.width + GAP).sum::<usize>()).max().unwrap_or(0) + GAP;
    let height = rows.iter().map(|row| row.iter().map(|tile| tile.height).max().unwrap_or(0) + GAP).sum::<usize>() + GAP;
    let mut sheet = vec![24; width * height * 3];
    let mut top = GAP;
    for row in &rows {
        let mut left = GAP;
        for tile in row {
            for (line, pixels) in tile.rgb.chunks_exact(tile.width * 3).enumerate() {
                let at = ((top + line) * width + left) * 3;
                sheet[at..at + pixels.len()].copy_from_slice(pixels);
            }
            left += tile.width + GAP;
        }
        top += row.iter().map(|tile| tile.height).max().unwrap_or(0) + GAP;
    }
    let file = std::fs::File::create(path).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().into_diagnostic()?;
    writer.write_image_data(&sheet).into_diagnostic()?;
    writer.finish().into_diagnostic()
}

fn rows(templates: &[Template], faces: &Faces, makers: &Makers, mut plates: Plates) -> miette::Result<Vec<Vec<Tile>>> {
    let mut rows = Vec::new();
    for template in templates.iter().filter(|template| template.painter() == Painter::motion()) {
        let picks: Vec<_> = template.locales().map(|locale| resolve(template, locale, makers)).collect::<miette::Result<_>>()?;
        for window in template.overlay_windows() {
            let mut row = Vec::new();
            for resolved in &picks {
                let frame = (window.start + window.end) / 2;
                let canvas = small(&template.canvas);
                let second = f64::from(frame) / f64::from(template.canvas.fps);
                let mut picture = plates.frame(resolved, &canvas, (second * f64::from(FPS)).round() as usize)?;
                let at_rate = Canvas { width: canvas.width, height: canvas.height, ..template.canvas };
                let drawing = resolved.overlay.prepare(faces, &at_rate);
                let drawing = drawing.map_err(|error| miette!("{} {}: {error}", template.id, resolved.pick.locale))?;
                drawing.draw(frame, &mut picture);
                row.push(Tile { width: picture.width(), height: picture.height(), rgb: picture.rgb() });
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

fn resolve(template: &Template, locale: &Locale, makers: &Makers) -> miette::Result<Resolved> {
    let pick = Pick {
        template: template.id.clone(),
        locale: locale.clone(),
        parameters: BTreeMap::new(),
        variation: 0,
        profile: Default::default(),
        at: None,
    };
    pick.resolve(template, makers).map_err(|error| miette!("{} {locale}: {error}", template.id))
}

/// The canvas in its ratio and length, small and with few frames.
fn small(canvas: &Canvas) -> Canvas {
    let scale = f64::from(LONG) / f64::from(canvas.width.max(canvas.height));
    let side = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32).max(8) * 2;
    let seconds = f64::from(canvas.frames) / f64::from(canvas.fps);
    Canvas {
        width: side(canvas.width),
        height: side(canvas.height),
        frames: (seconds * f64::from(FPS)).round().max(1.0) as u32,
        fps: FPS,
    }
}

/// Small plates, each painted once.
struct Plates {
    program: PathBuf,
    decoder: Decoder,
    painted: BTreeMap<RenderKey, Vec<Vec<u8>>>,
}

impl Plates {
    fn frame(&mut self, resolved: &Resolved, canvas: &Canvas, at: usize) -> miette::Result<Picture> {
        let spec = PlateSpec { canvas: *canvas, windows: Vec::new(), ..resolved.plate.clone() };
        let key = spec.key();
        if !self.painted.contains_key(&key) {
            let frames = self.paint(&spec)?;
            self.painted.insert(key, frames);
        }
        let frames = &self.painted[&key];
        let mut picture = Picture::new(canvas).into_diagnostic()?;
        picture.set_rgb(&frames[at.min(frames.len() - 1)]);
        Ok(picture)
    }

    fn paint(&self, spec: &PlateSpec) -> miette::Result<Vec<Vec<u8>>> {
        let folder = tempfile::tempdir().into_diagnostic()?;
        let (written, out) = (folder.path().join("plate.json"), folder.path().join("plate.mp4"));
        std::fs::write(&written, serde_json::to_vec(spec).into_diagnostic()?).into_diagnostic()?;
        let run = Command::new(&self.program).arg("paint").arg("--spec").arg(&written).arg("--out").arg(&out).output();
        let run = run.into_diagnostic().wrap_err_with(|| format!("cannot start {}", self.program.display()))?;
        if !run.status.success() {
            let said = String::from_utf8_lossy(&run.stderr);
            return Err(miette!("{} painted no plate: {}", self.program.display(), said.trim()));
        }
        let mut frames = Vec::new();
        let bytes = std::fs::read(&out).into_diagnostic()?;
        let mut take = |_, rgb: &[u8]| {
            frames.push(rgb.to_vec());
            Ok(())
        };
        self.decoder.decode(&bytes, &Cancel::default(), &mut take).into_diagnostic()?;
        Ok(frames)
    }
}
