//! Writing: fitted into its box, shaped, drawn.
//!
//! The text engine shapes and draws glyphs. What is decided here is what a typographer decides: the size, the number of lines
//! and where they end, their distance, and on which side they begin. Advances grow with the size (nothing is hinted), so a
//! text is measured once and the largest size that fits is computed, not searched.

use std::sync::{Arc, Mutex};

use cosmic_text::{
    Attrs, AttrsList, CacheKey, CacheKeyFlags, Family, Hinting, LayoutGlyph, ShapeLine, Shaping, Wrap,
    fontdb::Weight as FontWeight,
};
use festoon_spec::{Locale, Milli};
use tiny_skia::{Color, FillRule, PathBuilder, Pixmap, Stroke, Transform};
use unicode_script::Script;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    OverlayError,
    breaking::{break_lines, pieces},
    error::Lines,
    faces::{Desk, EMOJI, Faces, main_script},
    layer::{Horizontal, Text, Weight},
    paint::{blurred, colour, flat, rounded, stamp, trace},
    writing::{Metrics, may_be_tracked, metrics, runs_left},
};

/// Most bytes of one text.
const MOST_BYTES: usize = 8 * 1024;
/// The size that texts are measured at.
const MEASURE: f32 = 100.0;
/// More lines are only taken if the type grows by more than this share.
const WORTH_A_LINE: f32 = 1.12;
/// Ems between the ink of two lines, at least.
const AIR: f32 = 0.06;

/// A text in its lines, not drawn yet.
pub(super) struct Setting<'a> {
    layer: &'a str,
    text: &'a Text,
    desk: Arc<Mutex<Desk>>,
    lines: Vec<Line>,
    leftward: bool,
    /// The size of type in pixels.
    pub size: f32,
    /// Of the box, with the panel, in pixels.
    pub width: f32,
    /// Of the box, with the panel, in pixels.
    pub height: f32,
}

struct Line {
    glyphs: Vec<LayoutGlyph>,
    width: f32,
    /// From the top of the box.
    baseline: f32,
    /// Its first byte in the text.
    start: usize,
    /// Where each grapheme starts in the line.
    graphemes: Vec<usize>,
}

/// A text that was drawn.
pub(super) struct Drawn {
    pub pixels: Pixmap,
    /// Where the pixels' upper left corner lies from that of the box.
    pub left: i32,
    pub top: i32,
    /// The ink without shadow and panel, in the same coordinates: left, top, right, bottom.
    pub ink: [f32; 4],
    /// When each place comes when it is typed: cells of graphemes with their time.
    pub cells: Vec<Cell>,
}

/// The room of one letter, in pixels of the box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    pub time: f32,
}

/// How large a text may become: pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// The shorter side of the frame.
    pub short: f32,
    /// The frame's width.
    pub frame: f32,
    /// The widest line, at most.
    pub width: f32,
}

impl<'a> Setting<'a> {
    /// Fits the text into its room.
    pub fn fit(layer: &'a str, text: &'a Text, locale: &Locale, faces: &Faces, room: Room) -> Result<Self, OverlayError> {
        check(layer, &text.words)?;
        let script = main_script(&text.words);
        let named = |error| match error {
            OverlayError::Face { problem, .. } => OverlayError::Face { layer: layer.to_owned(), problem },
            other => other,
        };
        let shared = faces.desk(&text.face, &text.words, locale).map_err(named)?;
        let mut desk = Desk::take(&shared);
        let leftward = runs_left(&text.words, locale);
        let style = Style { script, weight: text.face.weight, tracking: text.tracking, leftward };
        let shape = metrics(script);

        let pieces = pieces(&text.words);
        let advances = advances(&mut desk, &text.words, &style);
        let starts: Vec<usize> = std::iter::once(0).chain(pieces.iter().map(|piece| piece.end)).collect();
        let visible = |from: usize, to: usize| {
            let line = &text.words[starts[from]..starts[to]];
            starts[from]..starts[from] + line.trim_end().len()
        };
        let width = |from: usize, to: usize| {
            let bytes = visible(from, to);
            (advances[bytes.end] - advances[bytes.start]) / MEASURE
        };
        let [smallest, largest] = text.size.map(|size| size.get() as f32 / 100.0 * room.short);
        let allowed = (text.width.get() as f32 / 100.0 * room.frame).min(room.width);
        // A panel keeps to the safe area with its padding, which grows with the type.
        let padding = text.panel.map_or(0.0, |panel| 2.0 * panel.padding[0].get() as f32);
        let fits = |widest: f32| largest.min(allowed / widest).min(room.width / (widest + padding));
        let mut best: Option<(f32, Vec<usize>)> = None;
        for ends in break_lines(&pieces, usize::from(text.lines), width) {
            let widest = widest(&ends, width);
            let size = if widest > 0.0 { fits(widest) } else { largest };
            if best.as_ref().is_none_or(|(taken, _)| size > taken * WORTH_A_LINE) {
                best = Some((size, ends));
            }
        }
        let frame = room.frame;
        let too_long = || {
            let allowed = allowed.min(room.width - padding * smallest);
            let whole = width(0, pieces.len()) * smallest;
            let room = allowed * f32::from(text.lines);
            let graphemes = text.words.graphemes(true).count();
            let word = (0..pieces.len()).any(|piece| width(piece, piece + 1) * smallest > allowed);
            let lines = (1..=pieces.len()).find(|lines| {
                break_lines(&pieces, *lines, width).last().is_some_and(|ends| widest(ends, width) * smallest <= allowed)
            });
            OverlayError::DoesNotFit {
                layer: layer.to_owned(),
                needed: if word { None } else { lines },
                smallest: text.size[0],
                lines: Lines(text.lines),
                width: Milli::new(f64::from(allowed / frame * 100.0)).unwrap_or(text.width),
                excess: ((graphemes as f32 * (1.0 - room / whole.max(1.0))).ceil() as usize).max(1),
            }
        };
        let Some((mut size, ends)) = best else { return Err(too_long()) };

        let mut lines = Vec::new();
        let mut from = 0;
        for end in &ends {
            let bytes = visible(from, *end);
            lines.push(set(&mut desk, &text.words, bytes, &style));
            from = *end;
        }
        missing(layer, &text.words, &lines)?;
        // A line by itself may be a little wider than its part of the whole text: letters at its ends meet others there.
        let widest = lines.iter().map(|line| line.width).fold(0.0, f32::max) / MEASURE;
        if widest > 0.0 {
            size = size.min(fits(widest));
        }
        if size < smallest {
            return Err(too_long());
        }
        drop(desk);
        let mut setting = Setting { layer, text, desk: shared, lines, leftward, size, width: 0.0, height: 0.0 };
        setting.stack(shape);
        Ok(setting)
    }

    /// Brings the lines to their size and sets them below each other.
    fn stack(&mut self, shape: Metrics) {
        let scale = self.size / MEASURE;
        for line in &mut self.lines {
            line.width *= scale;
            for glyph in &mut line.glyphs {
                (glyph.x, glyph.y, glyph.w) = (glyph.x * scale, glyph.y * scale, glyph.w * scale);
                glyph.font_size = self.size;
            }
        }
        let [across, down] = self.padding();
        let leading = self.size * shape.leading * self.text.leading.get() as f32;
        // Marks that pile up push lines apart and the box open, rather than touch.
        let ink: Vec<_> = self.lines.iter().map(|line| self.reach(line)).collect();
        let ascent = ink[0].0.max(shape.ascent * self.size);
        let mut baseline = down + ascent;
        for (at, line) in self.lines.iter_mut().enumerate() {
            if at > 0 {
                baseline += leading.max(ink[at - 1].1 + ink[at].0 + AIR * self.size);
            }
            line.baseline = baseline.round();
        }
        let descent = ink.last().map_or(0.0, |ink| ink.1).max(shape.descent * self.size);
        let widest = self.lines.iter().map(|line| line.width).fold(0.0, f32::max);
        (self.width, self.height) = ((widest + 2.0 * across).ceil(), (baseline + descent + down).ceil());
    }

    /// How far the ink of a line reaches above and below its baseline.
    fn reach(&self, line: &Line) -> (f32, f32) {
        let mut desk = Desk::take(&self.desk);
        let Desk { fonts, glyphs, .. } = &mut *desk;
        let mut reach = (0.0f32, 0.0f32);
        for glyph in &line.glyphs {
            let (key, _, top) = key(glyph, 0.0, 0.0);
            if let Some(image) = glyphs.get_image(fonts, key) {
                let above = image.placement.top - top;
                reach = (reach.0.max(above as f32), reach.1.max(image.placement.height as f32 - above as f32));
            }
        }
        reach
    }

    /// Whether the text runs from right to left.
    pub fn leftward(&self) -> bool {
        self.leftward
    }

    fn padding(&self) -> [f32; 2] {
        self.text.panel.map_or([0.0; 2], |panel| panel.padding.map(|room| room.get() as f32 * self.size))
    }

    /// Draws the text.
    pub fn draw(&self) -> Result<Drawn, OverlayError> {
        let mut desk = Desk::take(&self.desk);
        let Desk { fonts, glyphs, .. } = &mut *desk;
        let mut placed = Vec::new();
        let mut bounds: Option<[i32; 4]> = None;
        let mut outlines = PathBuilder::new();
        for line in &self.lines {
            let start = self.line_start(line);
            for glyph in &line.glyphs {
                let (key, x, y) = key(glyph, start, line.baseline);
                if self.text.outline.is_some()
                    && let Some(commands) =
                        glyphs.get_outline_commands(fonts, CacheKey { x_bin: cosmic_text::SubpixelBin::Zero, ..key })
                {
                    trace(&mut outlines, commands, x as f32 + key.x_bin.as_float(), y as f32);
                }
                let Some(image) = glyphs.get_image(fonts, key) else { continue };
                if image.placement.width == 0 || image.placement.height == 0 {
                    continue;
                }
                let (left, top) = (x + image.placement.left, y - image.placement.top);
                let own = [left, top, left + image.placement.width as i32, top + image.placement.height as i32];
                let all = bounds.get_or_insert(own);
                *all = [all[0].min(own[0]), all[1].min(own[1]), all[2].max(own[2]), all[3].max(own[3])];
                placed.push((key, left, top));
            }
        }
        let Some(ink) = bounds else { return Err(OverlayError::Invisible { layer: self.layer.to_owned() }) };
        let outline = self.text.outline.map_or(0.0, |outline| outline.width.get() as f32 * self.size);
        let (blur, drop) = self
            .text
            .shadow
            .map_or((0.0, 0.0), |shadow| (shadow.blur.get() as f32 * self.size, shadow.drop.get() as f32 * self.size));
        let mut whole = ink.map(|edge| edge as f32);
        if self.text.panel.is_some() {
            whole = [whole[0].min(0.0), whole[1].min(0.0), whole[2].max(self.width), whole[3].max(self.height)];
        }
        let soft = (blur * 2.0 + outline + 1.0).ceil();
        let (left, top) = ((whole[0] - soft).floor() as i32, (whole[1] - soft).floor() as i32);
        let (width, height) = ((whole[2] + soft).ceil() as i32 - left, (whole[3] + soft + drop.abs()).ceil() as i32 - top);
        let too_large =
            || OverlayError::OutOfBounds { layer: self.layer.to_owned(), pixels: width.max(height) as u32, bounds: "frame" };
        let new =
            || Pixmap::new(width as u32, height as u32).filter(|_| width <= 1 << 14 && height <= 1 << 14).ok_or_else(too_large);
        let away = Transform::from_translate(-left as f32, -top as f32);

        // What is on top: outline, then ink.
        let mut inked = new()?;
        if let (Some(outline), Some(path)) = (self.text.outline, outlines.finish()) {
            let stroke = Stroke {
                width: 2.0 * outline.width.get() as f32 * self.size,
                line_join: tiny_skia::LineJoin::Round,
                line_cap: tiny_skia::LineCap::Round,
                ..Stroke::default()
            };
            inked.stroke_path(&path, &flat(colour(outline.colour, 1.0)), &stroke, away, None);
            inked.fill_path(&path, &flat(colour(outline.colour, 1.0)), FillRule::Winding, away, None);
        }
        for (key, x, y) in placed {
            let image = glyphs.get_image(fonts, key).as_ref().expect("it was drawn a moment ago");
            stamp(&mut inked, image, x - left, y - top, self.text.colour.0);
        }
        let mut pixels = new()?;
        let panel = self.text.panel.and_then(|panel| {
            let radius = panel.radius.get() as f32 * self.size;
            Some((panel, rounded(0.0, 0.0, self.width, self.height, radius)?))
        });
        if let Some(shadow) = self.text.shadow {
            let mut caster = new()?;
            match &panel {
                Some((_, path)) => caster.fill_path(path, &flat(Color::BLACK), FillRule::Winding, away, None),
                None => caster.draw_pixmap(0, 0, inked.as_ref(), &tiny_skia::PixmapPaint::default(), Transform::identity(), None),
            }
            let shade = blurred(&caster, blur, shadow.colour, shadow.opacity.get() as f32);
            let fall = drop.round() as i32;
            pixels.draw_pixmap(0, fall, shade.as_ref(), &tiny_skia::PixmapPaint::default(), Transform::identity(), None);
        }
        if let Some((panel, path)) = panel {
            let cover = panel.opacity.get() as f32;
            pixels.fill_path(&path, &flat(colour(panel.colour, cover)), FillRule::Winding, away, None);
        }
        pixels.draw_pixmap(0, 0, inked.as_ref(), &tiny_skia::PixmapPaint::default(), Transform::identity(), None);
        let reach = outline.ceil();
        let ink = [ink[0] as f32 - reach, ink[1] as f32 - reach, ink[2] as f32 + reach, ink[3] as f32 + reach];
        Ok(Drawn { pixels, left, top, ink, cells: self.cells() })
    }

    /// Where a line begins, from the left of the box.
    fn line_start(&self, line: &Line) -> f32 {
        let [across, _] = self.padding();
        let free = self.width - 2.0 * across - line.width;
        let share = match self.text.align {
            Horizontal::Centre => 0.5,
            Horizontal::Left => 0.0,
            Horizontal::Right => 1.0,
            Horizontal::Start => f32::from(u8::from(self.leftward)),
            Horizontal::End => f32::from(u8::from(!self.leftward)),
        };
        across + free * share
    }

    fn cells(&self) -> Vec<Cell> {
        let count = self.lines.iter().map(|line| line.graphemes.len()).sum::<usize>().max(2);
        let mut cells = Vec::new();
        let mut before = 0;
        for (at, line) in self.lines.iter().enumerate() {
            let start = self.line_start(line);
            let top = if at == 0 {
                f32::MIN
            } else {
                (self.lines[at - 1].baseline + line.baseline - self.size * 0.7) / 2.0 + self.size * 0.15
            };
            let bottom = self
                .lines
                .get(at + 1)
                .map_or(f32::MAX, |next| (line.baseline + next.baseline - self.size * 0.7) / 2.0 + self.size * 0.15);
            for glyph in &line.glyphs {
                let grapheme = line.graphemes.partition_point(|begin| *begin <= glyph.start).saturating_sub(1);
                let time = (before + grapheme) as f32 / (count - 1) as f32;
                cells.push(Cell { left: start + glyph.x, right: start + glyph.x + glyph.w, top, bottom, time });
            }
            before += line.graphemes.len();
        }
        cells
    }
}

/// What is alike in all lines of a text.
struct Style {
    script: Script,
    weight: Weight,
    tracking: Milli,
    leftward: bool,
}

impl Style {
    fn attributes<'a>(&self, desk: &Desk) -> Attrs<'a> {
        let weight = match self.weight {
            Weight::Regular => FontWeight::NORMAL,
            Weight::Bold => FontWeight::BOLD,
        };
        let attributes = Attrs::new().family(Family::Name(desk.family(self.script))).weight(weight);
        if may_be_tracked(self.script) { attributes.letter_spacing(self.tracking.get() as f32) } else { attributes }
    }

    /// The mark that makes a line run the way the text runs, whatever it begins with.
    fn mark(&self) -> char {
        if self.leftward { '\u{200F}' } else { '\u{200E}' }
    }
}

/// Shapes one line at the size of measuring. Places in it are those in `line`, counted from its first byte.
fn shape(desk: &mut Desk, line: &str, style: &Style) -> Vec<LayoutGlyph> {
    let mark = style.mark();
    let marked = format!("{mark}{line}");
    let attributes = style.attributes(desk);
    let mut list = AttrsList::new(&attributes);
    for (start, grapheme) in line.grapheme_indices(true).filter(|(_, grapheme)| grapheme.contains('\u{FE0F}')) {
        let start = start + mark.len_utf8();
        list.add_span(start..start + grapheme.len(), &attributes.clone().family(Family::Name(EMOJI)));
    }
    let shaped = ShapeLine::new(&mut desk.fonts, &marked, &list, Shaping::Advanced, 8);
    let laid = shaped.layout(MEASURE, None, Wrap::None, None, None, Hinting::Disabled);
    let glyphs = laid.into_iter().flat_map(|line| line.glyphs).filter(|glyph| glyph.start >= mark.len_utf8());
    glyphs
        .map(|mut glyph| {
            (glyph.start, glyph.end) = (glyph.start - mark.len_utf8(), glyph.end - mark.len_utf8());
            glyph.cache_key_flags |= CacheKeyFlags::DISABLE_HINTING;
            glyph
        })
        .collect()
}

/// For each byte of the text and its end: how far all glyphs before it advance.
fn advances(desk: &mut Desk, words: &str, style: &Style) -> Vec<f32> {
    let mut own = vec![0.0; words.len() + 1];
    let mut start = 0;
    for paragraph in words.split('\n') {
        for glyph in shape(desk, paragraph, style) {
            own[start + glyph.start] += glyph.w;
        }
        start += paragraph.len() + 1;
    }
    let mut sum = 0.0;
    let mut advances = Vec::with_capacity(own.len());
    for advance in own {
        advances.push(sum);
        sum += advance;
    }
    advances
}

/// One line of the text.
fn set(desk: &mut Desk, words: &str, bytes: std::ops::Range<usize>, style: &Style) -> Line {
    let start = bytes.start;
    let written = &words[bytes];
    let mut glyphs = shape(desk, written, style);
    let left = glyphs.iter().map(|glyph| glyph.x).fold(f32::MAX, f32::min);
    glyphs.iter_mut().for_each(|glyph| glyph.x -= left);
    let width = glyphs.iter().map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
    // What is added after the last letter would set the line off its middle.
    let tracked = if may_be_tracked(style.script) { style.tracking.get() as f32 * MEASURE } else { 0.0 };
    let graphemes = written.grapheme_indices(true).map(|(start, _)| start).collect();
    let width = if glyphs.is_empty() { 0.0 } else { (width - tracked).max(0.0) };
    Line { glyphs, width, baseline: 0.0, start, graphemes }
}

fn widest(ends: &[usize], width: impl Fn(usize, usize) -> f32) -> f32 {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(from, to)| width(from, *to)).fold(0.0, f32::max)
}

/// Refuses what no text engine should see.
fn check(layer: &str, words: &str) -> Result<(), OverlayError> {
    if words.len() > MOST_BYTES {
        let problem = format!("the text has {} bytes, at most {MOST_BYTES} are allowed", words.len());
        return Err(OverlayError::Layer { layer: layer.to_owned(), problem });
    }
    if let Some(control) = words
        .chars()
        .find(|character| character.is_control() && *character != '\n' || matches!(character, '\u{2028}' | '\u{2029}'))
    {
        let problem = format!("the text holds the control character U+{:04X}", u32::from(control));
        return Err(OverlayError::Layer { layer: layer.to_owned(), problem });
    }
    Ok(())
}

/// Glyph 0 is the box that stands for what a face does not have.
fn missing(layer: &str, words: &str, lines: &[Line]) -> Result<(), OverlayError> {
    let mut characters = Vec::new();
    for line in lines {
        for glyph in line.glyphs.iter().filter(|glyph| glyph.glyph_id == 0) {
            let character = words[line.start + glyph.start..].chars().next();
            characters.extend(character.filter(|character| !characters.contains(character)));
        }
    }
    characters.truncate(8);
    if characters.is_empty() { Ok(()) } else { Err(OverlayError::MissingGlyphs { layer: layer.to_owned(), characters }) }
}

/// The glyph with its line at `start`, on `baseline`; the whole pixels of its place.
fn key(glyph: &LayoutGlyph, start: f32, baseline: f32) -> (CacheKey, i32, i32) {
    let x = start + glyph.x + glyph.font_size * glyph.x_offset;
    // Between rows of pixels the strokes that lie would blur.
    let y = (baseline + glyph.y - glyph.font_size * glyph.y_offset).round();
    CacheKey::new(glyph.font_id, glyph.glyph_id, glyph.font_size, (x, y), glyph.font_weight, glyph.cache_key_flags)
}
