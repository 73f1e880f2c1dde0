//! The contact sheet of `festoon check --sheet`: what every locale will see of every template in every ratio, at the middle of
//! each window.
//!
//! Plates are painted by the renderer beside this program, from the very specs that a pick resolves to, small and with few
//! frames: overlays are laid out in shares of the frame, so a small frame shows what a large one will.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use festoon_film::{Cancel, Decoder, Draw as _, Picture, jpeg, overlay::Faces};
use festoon_spec::{Adapted, Canvas, Locale, PlateSpec, RenderKey, Scene};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::{
    command::up::renderer_program,
    config::Config,
    makers::Makers,
    pick::{Pick, Resolved},
    template::{Ratio, Template},
};

/// Frames of other ratios have as many pixels as one of this size.
const TILE: [u32; 2] = [256, 144];
/// Frames per second of the plates: enough to have one near the middle of each window.
const FPS: u32 = 4;
/// Between frames.
const GAP: usize = 8;

/// What is pictured; a list that is empty stands for all.
#[derive(Debug)]
pub struct Pictured<'a> {
    /// For whom.
    pub locales: &'a [Locale],
    /// In which ratios.
    pub ratios: &'a [Ratio],
}

/// One frame of the sheet.
struct Tile {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Writes the sheet, as a JPEG if the file's name ends so, else as a PNG: a row for each template, ratio and window, a column for
/// each locale; of a single locale a row for each template, with its windows and ratios. Templates whose model is not installed
/// are left out.
///
/// # Errors
/// If a plate cannot be painted or decoded, or the file not be written.
pub fn write(path: &Path, templates: &[Template], pictured: &Pictured<'_>, faces: &Faces, config: &Config) -> miette::Result<()> {
    let makers = config.makers()?;
    let program = renderer_program(config)?;
    let models = makers.models.keys().filter_map(|name| {
        let folder = config.path(config.models.0.get(name)?);
        Some(format!("--model={name}={}", folder.display()))
    });
    let models = models.collect();
    let plates = Plates { program, models, decoder: Decoder::find().into_diagnostic()?, painted: BTreeMap::new() };
    let installed = |template: &&Template| template.model().is_none_or(|model| makers.models.contains_key(model));
    let templates: Vec<_> = templates.iter().filter(installed).collect();
    let rows = Rows { faces, makers: &makers, plates }.of(&templates, pictured)?;
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
    save(path, width, height, &sheet).wrap_err_with(|| format!("cannot write {}", path.display()))
}

fn save(path: &Path, width: usize, height: usize, rgb: &[u8]) -> miette::Result<()> {
    if path.extension().is_some_and(|extension| extension == "jpg" || extension == "jpeg") {
        let file = jpeg(rgb, (width as u32, height as u32)).into_diagnostic()?;
        return std::fs::write(path, file).into_diagnostic();
    }
    let file = std::fs::File::create(path).into_diagnostic()?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().into_diagnostic()?;
    writer.write_image_data(rgb).into_diagnostic()?;
    writer.finish().into_diagnostic()
}

/// Makes the rows of the sheet.
struct Rows<'a> {
    faces: &'a Faces,
    makers: &'a Makers,
    plates: Plates,
}

impl Rows<'_> {
    fn of(mut self, templates: &[&Template], pictured: &Pictured<'_>) -> miette::Result<Vec<Vec<Tile>>> {
        let mut rows = Vec::new();
        for template in templates {
            let offered = template.canvases.ratios().iter().copied();
            let ratios: Vec<_> = offered.filter(|ratio| pictured.ratios.is_empty() || pictured.ratios.contains(ratio)).collect();
            let locales: Vec<_> =
                if pictured.locales.is_empty() { template.locales().cloned().collect() } else { pictured.locales.to_vec() };
            let middles: Vec<u32> = template.overlay_windows().iter().map(|window| (window.start + window.end) / 2).collect();
            if let [locale] = locales.as_slice() {
                let mut row = Vec::new();
                for frame in middles {
                    for ratio in &ratios {
                        row.push(self.tile(template, locale, *ratio, frame)?);
                    }
                }
                rows.push(row);
                continue;
            }
            for ratio in ratios {
                for frame in &middles {
                    let tiles = locales.iter().map(|locale| self.tile(template, locale, ratio, *frame));
                    rows.push(tiles.collect::<miette::Result<_>>()?);
                }
            }
        }
        Ok(rows)
    }

    fn tile(&mut self, template: &Template, locale: &Locale, ratio: Ratio, frame: u32) -> miette::Result<Tile> {
        let failed = |error| miette!("{} {locale} {ratio}: {error}", template.id);
        let pick = Pick { ratio: Some(ratio), ..Pick::usual(template.id.clone(), locale.clone()) };
        let resolved = pick.resolve(template, self.makers).map_err(failed)?;
        let canvas = resolved.plate.canvas;
        let small = small(&canvas);
        let second = f64::from(frame) / f64::from(canvas.fps);
        let mut picture = self.plates.frame(&resolved, &small, (second * f64::from(FPS)).round() as usize)?;
        let at_rate = Canvas { width: small.width, height: small.height, ..canvas };
        let drawing = resolved.overlay.prepare(self.faces, &at_rate).map_err(|error| failed(error.into()))?;
        drawing.draw(frame, &mut picture);
        Ok(Tile { width: picture.width(), height: picture.height(), rgb: picture.rgb() })
    }
}

/// The canvas in its ratio and length, small and with few frames.
fn small(canvas: &Canvas) -> Canvas {
    let seconds = f64::from(canvas.frames) / f64::from(canvas.fps);
    let frames = (seconds * f64::from(FPS)).round().max(1.0) as u32;
    Ratio::of(canvas).canvas(&Canvas { width: TILE[0], height: TILE[1], frames, fps: FPS })
}

/// The plate on another canvas. What a model paints by itself it is to paint here too, and not in a size that it was never
/// trained on.
fn on_canvas(plate: &PlateSpec, canvas: Canvas) -> PlateSpec {
    let mut scene = plate.scene.clone();
    if let Scene::Wan(wan) = &mut scene {
        wan.adapted.get_or_insert(Adapted { painted: plate.canvas, ping_pong: false, corner: None });
    }
    PlateSpec { scene, canvas, windows: Vec::new(), ..plate.clone() }
}

/// Small plates, each painted once.
struct Plates {
    program: PathBuf,
    /// Says to the renderer where models are.
    models: Vec<String>,
    decoder: Decoder,
    painted: BTreeMap<RenderKey, Vec<Picture>>,
}

impl Plates {
    fn frame(&mut self, resolved: &Resolved, canvas: &Canvas, at: usize) -> miette::Result<Picture> {
        let spec = on_canvas(&resolved.plate, *canvas);
        let key = spec.key();
        if !self.painted.contains_key(&key) {
            let frames = self.paint(&spec)?;
            self.painted.insert(key, frames);
        }
        let frames = &self.painted[&key];
        let picture = &frames[at.min(frames.len() - 1)];
        if (picture.width(), picture.height()) != (canvas.width as usize, canvas.height as usize) {
            return Err(miette!("{} painted another size than was asked for", self.program.display()));
        }
        Ok(picture.clone())
    }

    fn paint(&self, spec: &PlateSpec) -> miette::Result<Vec<Picture>> {
        let folder = tempfile::tempdir().into_diagnostic()?;
        let (written, out) = (folder.path().join("plate.json"), folder.path().join("plate.mp4"));
        std::fs::write(&written, serde_json::to_vec(spec).into_diagnostic()?).into_diagnostic()?;
        let run = Command::new(&self.program)
            .arg("paint")
            .args(&self.models)
            .arg("--spec")
            .arg(&written)
            .arg("--out")
            .arg(&out)
            .output();
        let run = run.into_diagnostic().wrap_err_with(|| format!("cannot start {}", self.program.display()))?;
        if !run.status.success() {
            let said = String::from_utf8_lossy(&run.stderr);
            return Err(miette!("{} painted no plate: {}", self.program.display(), said.trim()));
        }
        let bytes = std::fs::read(&out).into_diagnostic()?;
        self.decoder.pictures(&bytes, &Cancel::default()).into_diagnostic()
    }
}
