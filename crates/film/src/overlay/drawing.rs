//! An overlay that was laid out and drawn once: what is left to do for a frame is to lay its sprites over it.

use std::ops::Range;

use festoon_spec::Canvas;
use tiny_skia::{FillRule, GradientStop, LinearGradient, Paint, Pixmap, Point, SpreadMode, Transform};

use super::{
    Draw, Overlay, OverlayError,
    animation::state,
    faces::Faces,
    image::{fitted, is_svg},
    layer::{AnimationKind, Content, Image, Layer, Scrim, Shape, Side},
    layout::{Edges, Frame, columns},
    paint::{colour, rounded},
    sprite::Sprite,
    text::{Room, Setting},
};
use crate::Picture;

/// How far a layer rises, in per cent of the shorter side.
const RISE: f32 = 4.0;
/// How far ink may reach beyond the safe area, as a share of the shorter side: accents on a first line do.
const OVERHANG: f32 = 0.03;

/// What an overlay looks like on frames of one size.
#[derive(Debug)]
pub struct Drawing {
    windows: Vec<Range<u32>>,
    size: [usize; 2],
    way: f32,
    drawn: Vec<(Layer, Sprite)>,
    boxes: Vec<LayerBox>,
}

/// Where a layer's ink is.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerBox {
    /// Which layer.
    pub layer: String,
    /// In pixels of the frame, without shadow and panel: left, top, right, bottom.
    pub ink: [f32; 4],
    /// The size of type in pixels, of writing.
    pub type_size: Option<f32>,
}

/// A layer's box, before it is known where it stands.
enum Sized<'a> {
    Text(Setting<'a>),
    Pixels(Pixmap),
    /// Stands where its side is.
    Fixed(Box<Sprite>),
}

impl Drawing {
    /// Lays out and draws everything.
    pub(super) fn new(overlay: &Overlay, faces: &Faces, canvas: &Canvas) -> Result<Self, OverlayError> {
        let frame = Frame::new(canvas, overlay.safe_area, overlay.locale.is_right_to_left());
        let mut sized = Vec::new();
        for layer in &overlay.layers {
            sized.push(Some(size(layer, overlay, faces, &frame)?));
        }
        let mut drawn: Vec<Option<(Layer, Sprite)>> = overlay.layers.iter().map(|_| None).collect();
        let mut boxes = Vec::new();
        for column in columns(&overlay.layers) {
            let root = &overlay.layers[column[0]].place;
            let extent = |at: usize| match &sized[at] {
                Some(Sized::Text(setting)) => [setting.width, setting.height],
                Some(Sized::Pixels(pixels)) => [pixels.width() as f32, pixels.height() as f32],
                _ => [0.0, 0.0],
            };
            let extents: Vec<_> = column.iter().map(|at| (extent(*at), frame.of_short(overlay.layers[*at].place.gap))).collect();
            let corners = frame.column(root.anchor, root.offset, &extents);
            for (at, corner) in column.into_iter().zip(corners) {
                let layer = &overlay.layers[at];
                let corner = corner.map(|place| place.round() as i32);
                let sprite = match sized[at].take().expect("each layer is in one column") {
                    Sized::Fixed(sprite) => *sprite,
                    Sized::Pixels(pixels) => {
                        let mut sprite = Sprite::of_pixels(&pixels, corner[0], corner[1]);
                        let [left, top] = corner.map(|place| place as f32);
                        let ink = [left, top, left + pixels.width() as f32, top + pixels.height() as f32];
                        set_wipes(&mut sprite, layer, ink, frame.leftward);
                        inside(layer, ink, &frame)?;
                        boxes.push(LayerBox { layer: layer.name.clone(), ink, type_size: None });
                        sprite
                    }
                    Sized::Text(setting) => {
                        let text = setting.draw()?;
                        let mut sprite = Sprite::of_pixels(&text.pixels, corner[0] + text.left, corner[1] + text.top);
                        let [left, top] = corner.map(|place| place as f32);
                        let ink = [text.ink[0] + left, text.ink[1] + top, text.ink[2] + left, text.ink[3] + top];
                        set_wipes(&mut sprite, layer, ink, setting.leftward());
                        for (entering, kind) in animations(layer) {
                            if kind == AnimationKind::TypeOn {
                                sprite.set_order(entering, |x, y| typed(&text.cells, x - left, y - top));
                            }
                        }
                        inside(layer, ink, &frame)?;
                        boxes.push(LayerBox { layer: layer.name.clone(), ink, type_size: Some(setting.size) });
                        sprite
                    }
                };
                drawn[at] = Some((layer.clone(), sprite));
            }
        }
        Ok(Self {
            windows: overlay.windows(),
            size: [canvas.width as usize, canvas.height as usize],
            way: RISE / 100.0 * frame.short(),
            drawn: drawn.into_iter().flatten().collect(),
            boxes,
        })
    }

    /// Memory that its samples take.
    pub fn bytes(&self) -> usize {
        self.drawn.iter().map(|(_, sprite)| sprite.bytes()).sum()
    }

    /// Where the ink of each layer is that stands somewhere: not of scrims and bars.
    pub fn boxes(&self) -> &[LayerBox] {
        &self.boxes
    }

    /// Draws as [`Draw::draw`] does, without the layer called `name`: what is below and beside it.
    pub fn draw_without(&self, name: &str, frame: u32, picture: &mut Picture) {
        self.draw_layers(frame, picture, |layer| layer.name != name);
    }

    fn draw_layers(&self, frame: u32, picture: &mut Picture, drawn: impl Fn(&Layer) -> bool) {
        assert_eq!(
            [picture.width(), picture.height()],
            self.size,
            "an overlay is drawn on frames of the size it was prepared for"
        );
        for (layer, sprite) in self.drawn.iter().filter(|(layer, _)| drawn(layer)) {
            if let Some(state) = state(layer, frame) {
                sprite.blend(&state, self.way, picture);
            }
        }
    }
}

impl Draw for Drawing {
    fn windows(&self) -> &[Range<u32>] {
        &self.windows
    }

    fn draw(&self, frame: u32, picture: &mut Picture) {
        self.draw_layers(frame, picture, |_| true);
    }
}

fn size<'a>(layer: &'a Layer, overlay: &Overlay, faces: &Faces, frame: &Frame) -> Result<Sized<'a>, OverlayError> {
    Ok(match &layer.content {
        Content::Text(text) => {
            let room = Room { short: frame.short(), frame: frame.width, width: frame.safe[2] - frame.safe[0] };
            Sized::Text(Setting::fit(&layer.name, text, &overlay.locale, faces, room)?)
        }
        Content::Image(image) => Sized::Pixels(picture(layer, image, frame)?),
        Content::Shape(shape) => Sized::Pixels(shaped(layer, shape, frame)?),
        Content::Scrim(scrim) => Sized::Fixed(Box::new(shaded(scrim, frame))),
        Content::Bar(bar) => {
            let thick = frame.of_short(bar.thickness).round().max(1.0);
            let [width, height] = [frame.width, frame.height];
            let [left, top, right, bottom] = match frame.turned(bar.side) {
                Side::Top => [0.0, 0.0, width, thick],
                Side::Bottom => [0.0, height - thick, width, height],
                Side::End => [width - thick, 0.0, width, height],
                _ => [0.0, 0.0, thick, height],
            };
            let size = [(right - left) as u32, (bottom - top) as u32];
            let within = |x: f32, y: f32| f32::from(u8::from((left..right).contains(&x) && (top..bottom).contains(&y)));
            let mut sprite = Sprite::of_colour(bar.colour.0, left as i32, top as i32, size, within);
            set_wipes(&mut sprite, layer, [left, top, right, bottom], frame.leftward);
            Sized::Fixed(Box::new(sprite))
        }
    })
}

fn picture(layer: &Layer, image: &Image, frame: &Frame) -> Result<Pixmap, OverlayError> {
    let wrong = |problem| OverlayError::Image { layer: layer.name.clone(), problem };
    let digest = image.file.digest();
    let bytes = image.file.bytes().ok_or_else(|| OverlayError::MissingImage { layer: layer.name.clone(), digest })?;
    if is_svg(bytes) && !image.file.is_trusted() {
        return Err(wrong("an SVG may only come with a template".to_owned()));
    }
    let [width, height] = [image.within[0].get() as f32 * frame.width, image.within[1].get() as f32 * frame.height];
    let [width, height] = [width, height].map(|side| ((side / 100.0).round() as u32).clamp(1, 8192));
    let mut pixels = fitted(bytes, width, height).map_err(|error| wrong(error.to_string()))?;
    let radius = frame.of_short(image.radius);
    if radius > 0.0 {
        let path = rounded(0.0, 0.0, pixels.width() as f32, pixels.height() as f32, radius).expect("it has an area");
        let mut mask = tiny_skia::Mask::new(pixels.width(), pixels.height()).expect("it has an area");
        mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
        pixels.apply_mask(&mask);
    }
    Ok(pixels)
}

fn shaped(layer: &Layer, shape: &Shape, frame: &Frame) -> Result<Pixmap, OverlayError> {
    let width = (shape.size[0].get() as f32 / 100.0 * frame.width).round().clamp(1.0, frame.width);
    let height = frame.of_short(shape.size[1]).round().clamp(1.0, frame.height);
    let path = rounded(0.0, 0.0, width, height, frame.of_short(shape.radius));
    let none = || OverlayError::Layer { layer: layer.name.clone(), problem: "the shape has no area".to_owned() };
    let path = path.ok_or_else(none)?;
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or_else(none)?;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(shape.colour, 1.0));
    if let Some(towards) = shape.towards {
        let ends = if frame.leftward { [towards, shape.colour] } else { [shape.colour, towards] };
        let stops = vec![GradientStop::new(0.0, colour(ends[0], 1.0)), GradientStop::new(1.0, colour(ends[1], 1.0))];
        let across = [Point::from_xy(0.0, 0.0), Point::from_xy(width, 0.0)];
        if let Some(shader) = LinearGradient::new(across[0], across[1], stops, SpreadMode::Pad, Transform::identity()) {
            paint.shader = shader;
        }
    }
    pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    Ok(pixels)
}

/// A gradient without an edge that could be seen: it begins and ends level.
fn shaded(scrim: &Scrim, frame: &Frame) -> Sprite {
    let [width, height] = [frame.width, frame.height];
    let reach = scrim.reach.get() as f32 / 100.0;
    let soft = |away: f32| {
        let near = (1.0 - away).clamp(0.0, 1.0);
        near * near * (3.0 - 2.0 * near)
    };
    let (far_across, far_down) = ((width * reach).max(1.0), (height * reach).max(1.0));
    let whole = |left: f32, top: f32, right: f32, bottom: f32, covers: &dyn Fn(f32, f32) -> f32| {
        let [left, top] = [left.max(0.0).floor(), top.max(0.0).floor()];
        let size = [(right.min(width) - left).ceil() as u32, (bottom.min(height) - top).ceil() as u32];
        Sprite::of_colour(scrim.colour.0, left as i32, top as i32, size, covers)
    };
    match frame.turned(scrim.side) {
        Side::Top => whole(0.0, 0.0, width, far_down, &|_, y| soft(y / far_down)),
        Side::Bottom => whole(0.0, height - far_down, width, height, &|_, y| soft((height - y) / far_down)),
        Side::Start => whole(0.0, 0.0, far_across, height, &|x, _| soft(x / far_across)),
        Side::End => whole(width - far_across, 0.0, width, height, &|x, _| soft((width - x) / far_across)),
        Side::All => whole(0.0, 0.0, width, height, &|_, _| 1.0),
        Side::Middle => {
            let (x0, y0) = (width / 2.0, height / 2.0);
            let (rx, ry) = (far_across / 2.0, far_down / 2.0);
            whole(x0 - rx, y0 - ry, x0 + rx, y0 + ry, &|x, y| soft((((x - x0) / rx).powi(2) + ((y - y0) / ry).powi(2)).sqrt()))
        }
    }
}

fn animations(layer: &Layer) -> impl Iterator<Item = (bool, AnimationKind)> {
    [(true, layer.entrance), (false, layer.exit)]
        .into_iter()
        .filter_map(|(entering, animation)| Some((entering, animation?.kind)))
}

/// Gives a sprite the order in which a wipe passes over it.
fn set_wipes(sprite: &mut Sprite, layer: &Layer, [left, _, right, _]: Edges, leftward: bool) {
    for (entering, kind) in animations(layer) {
        if kind == AnimationKind::Wipe {
            let time = |x: f32, _: f32| (x - left) / (right - left).max(1.0);
            sprite.set_order(entering, |x, y| if leftward { 1.0 - time(x, y) } else { time(x, y) });
        }
    }
}

/// When a place is typed: with the letter whose room it is in, or the nearest of its line.
fn typed(cells: &[super::text::Cell], x: f32, y: f32) -> f32 {
    let line = cells.iter().filter(|cell| (cell.top..cell.bottom).contains(&y));
    let away = |cell: &super::text::Cell| (cell.left - x).max(x - cell.right).max(0.0);
    line.min_by(|one, other| away(one).total_cmp(&away(other))).map_or(0.0, |cell| cell.time)
}

/// Whether the ink stays where every screen shows it.
fn inside(layer: &Layer, ink: Edges, frame: &Frame) -> Result<(), OverlayError> {
    let [left, top, right, bottom] = frame.safe;
    let beyond = (left - ink[0]).max(top - ink[1]).max(ink[2] - right).max(ink[3] - bottom);
    if beyond > OVERHANG * frame.short() + 1.0 {
        return Err(OverlayError::OutOfBounds { layer: layer.name.clone(), pixels: beyond.ceil() as u32, bounds: "safe area" });
    }
    Ok(())
}
