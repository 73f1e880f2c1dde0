//! One layer of `[[overlay.layers]]`.

use std::{collections::BTreeMap, ops::RangeInclusive};

use festoon_film::overlay::{
    Anchor, Animation, AnimationKind, Asset, Bar, Content, Easing, Horizontal, Image, Layer, Outline, Panel, Place, Scrim,
    Shadow, Shape, Side, Text, Vertical, Window,
};
use festoon_spec::{Colour, Milli};

use super::{
    Phrase, Reading, named, read_at,
    sections::{ANIMATION, BAR_LAYER, IMAGE_LAYER, OUTLINE, PANEL, SCRIM_LAYER, SHADOW, SHAPE_LAYER, TEXT_LAYER},
};
use crate::template::{
    Chosen, Kind, Place as Written, Ratio, Words,
    place::{Source, Values},
    reader::{Item, Section, Table, did_you_mean},
};

/// Each kind's name and keys.
const KINDS: [(&str, &Section); 5] =
    [("text", &TEXT_LAYER), ("image", &IMAGE_LAYER), ("shape", &SHAPE_LAYER), ("scrim", &SCRIM_LAYER), ("bar", &BAR_LAYER)];

/// Most lines of a text.
const MOST_LINES: u32 = 10;
const NOTHING: Milli = Milli(0);
const HUNDRED: Milli = Milli(100_000);

/// What is the same in every ratio.
const FIXED: [&str; 4] = ["name", "kind", "window", "at"];

/// A layer before anything is chosen.
#[derive(Debug, Clone)]
pub(super) struct LayerSource {
    pub name: String,
    /// Where it is written.
    pub written: Written,
    /// The name of its window.
    pub window: String,
    /// Whether other layers may stand under it.
    stands: bool,
    /// In each ratio that the template offers.
    forms: BTreeMap<Ratio, Form>,
}

/// A layer in one ratio.
#[derive(Debug, Clone)]
struct Form {
    /// As it is whatever is chosen, with placeholders where it depends on it.
    layer: Layer,
    content: ContentSource,
    when: BTreeMap<String, Chosen>,
}

/// What a layer's content takes from what is chosen.
#[derive(Debug, Clone)]
enum ContentSource {
    Text {
        phrase: Phrase,
        colour: Source<Colour>,
        shadow: Option<Source<Colour>>,
        outline: Option<Source<Colour>>,
        panel: Option<Source<Colour>>,
    },
    /// The picture of a parameter.
    Brought(String),
    Shape {
        colour: Source<Colour>,
        towards: Option<Source<Colour>>,
    },
    Coloured(Source<Colour>),
    /// As it stands.
    Fixed,
}

impl LayerSource {
    pub fn read(item: &Item<'_>, reading: &Reading<'_, '_>, earlier: &[LayerSource]) -> Option<Self> {
        let kind = item.peek("kind");
        let Some((kind, section)) = KINDS.iter().find(|(known, _)| kind == Some(*known)) else {
            let names = || KINDS.iter().map(|(name, _)| *name);
            let hint = kind.and_then(|kind| did_you_mean(kind, names()));
            let message = match kind {
                Some(kind) => format!("there is no kind of layer `{kind}`"),
                None => "a layer needs its `kind`".to_owned(),
            };
            let listed = || format!("the kinds are: {}", names().collect::<Vec<_>>().join(", "));
            item.mistake("unknown-kind", message, hint.unwrap_or_else(listed));
            return None;
        };
        let before = item.page.count();
        let table = item.table(section)?;
        let usual = Form::read(&table, kind, reading, earlier)?;
        // What is wrong in the layer itself is told once.
        let is_sound = item.page.count() == before;
        let own = |ratio, own: &Item<'_>| Form::read_over(&table, own, kind, reading, earlier, ratio);
        let mut forms = if is_sound { read_at(&table, reading.canvases, own) } else { BTreeMap::new() };
        for ratio in reading.canvases.ratios() {
            forms.entry(*ratio).or_insert_with(|| usual.clone().narrowed(reading.canvases.narrowness(*ratio), |_| false));
        }
        let written = Written { file: item.page.file.clone(), span: item.span() };
        let stands = !matches!(usual.layer.content, Content::Scrim(_) | Content::Bar(_));
        Some(Self { name: usual.layer.name, written, window: table.text("window")?.value.to_owned(), stands, forms })
    }

    /// Where it stands in a ratio.
    pub fn place(&self, ratio: Ratio) -> &Place {
        &self.forms[&ratio].layer.place
    }

    /// The layer for these values in this ratio; `None` if it is not there.
    pub fn build(&self, values: &Values, words: &Words, ratio: Ratio) -> Option<Layer> {
        self.forms[&ratio].build(values, words)
    }
}

impl Form {
    /// Reads a layer of this kind.
    fn read(table: &Table<'_>, kind: &str, reading: &Reading<'_, '_>, earlier: &[LayerSource]) -> Option<Self> {
        let name = table.text("name")?.value.to_owned();
        let named_window = table.text("window")?;
        let Some(window) = reading.windows.iter().find(|window| window.name == named_window.value) else {
            let hint = did_you_mean(named_window.value, reading.windows.iter().map(|window| window.name.as_str()));
            table.mistake("unknown-window", "window", format!("there is no window `{}`", named_window.value), hint);
            return None;
        };
        let fps = f64::from(reading.canvases.base.fps);
        let delay = table.find("delay").map_or(Some(NOTHING), |item| item.milli(NOTHING..=Milli(60_000)))?;
        let from = window.frames.start + (delay.get() * fps).round() as u32;
        if from >= window.frames.end {
            table.mistake("out-of-range", "delay", format!("`{name}` comes after its window has ended"), None);
            return None;
        }
        let entrance = animation(table, "enter", kind, fps)?;
        let exit = animation(table, "exit", kind, fps)?;
        let moving: u32 = [entrance, exit].iter().flatten().map(|animation| animation.frames).sum();
        if moving > window.frames.end - from {
            let there = Milli::new(f64::from(window.frames.end - from) / fps).unwrap_or_default();
            let hint = "make `enter` or `exit` shorter, or the window longer".to_owned();
            table.mistake(
                "out-of-range",
                "enter",
                format!("`{name}` takes longer to come and go than the {there} s that it is there"),
                hint,
            );
        }
        let when = when(table, reading);
        let place = match kind {
            "scrim" | "bar" => Some(nowhere()),
            _ => read_place(table, earlier),
        };
        let content = match kind {
            "text" => text(table, reading, place.as_ref()?.anchor.horizontal),
            "image" => image(table, reading),
            "shape" => shape(table, reading),
            "scrim" => scrim(table, reading),
            _ => bar(table, reading),
        };
        let (content, source) = content?;
        let typed = [entrance, exit].iter().flatten().any(|animation| animation.kind == AnimationKind::TypeOn);
        if typed && matches!(&content, Content::Text(text) if text.panel.is_some()) {
            let hint = "let it rise, or leave the panel out".to_owned();
            table.mistake("misfit", "panel", format!("`{name}` is typed, and its panel would be typed with it"), hint);
        }
        let layer = Layer {
            name,
            content,
            place: place?,
            opacity: table.find("opacity").map_or(Some(Milli::ONE), |item| item.milli(NOTHING..=Milli::ONE))?,
            window: Window { from, until: window.frames.end },
            entrance,
            exit,
        };
        Some(Self { layer, content: source, when })
    }

    /// Reads a layer in a ratio for which it says some keys differently.
    fn read_over<'a>(
        table: &Table<'a>,
        own: &Item<'a>,
        kind: &str,
        reading: &Reading<'_, '_>,
        earlier: &[LayerSource],
        ratio: Ratio,
    ) -> Option<Self> {
        if let Some(key) = FIXED.into_iter().find(|key| own.has(key)) {
            own.mistake("misplaced-key", format!("`{key}` is the same in every ratio"), "leave it out".to_owned());
            return None;
        }
        let form = Self::read(&table.with(own)?, kind, reading, earlier)?;
        Some(form.narrowed(reading.canvases.narrowness(ratio), |key| own.has(key)))
    }

    /// In a frame that is narrower for its type: lines take more of its width, so that the margins beside them are the same for
    /// the type, and there may be more of them. What the ratio says itself stays.
    fn narrowed(mut self, narrowness: f64, says: impl Fn(&str) -> bool) -> Self {
        if let Content::Text(text) = &mut self.layer.content
            && narrowness < 1.0
        {
            if !says("lines") {
                text.lines = (f64::from(text.lines) / narrowness).ceil().min(f64::from(MOST_LINES)) as u8;
            }
            if !says("width") {
                let margins = Milli::new((HUNDRED.get() - text.width.get()) * narrowness).unwrap_or_default();
                text.width = Milli(HUNDRED.0 - margins.0);
            }
        }
        self
    }

    /// The layer for these values; `None` if it is not there.
    fn build(&self, values: &Values, words: &Words) -> Option<Layer> {
        if !self.when.iter().all(|(name, value)| values.get(name) == Some(value)) {
            return None;
        }
        let mut layer = self.layer.clone();
        match (&mut layer.content, &self.content) {
            (Content::Text(text), ContentSource::Text { phrase, colour, shadow, outline, panel }) => {
                text.words = phrase.write(values, words);
                if text.words.trim().is_empty() {
                    return None;
                }
                text.colour = colour.take(values);
                for (place, colour) in [
                    (text.shadow.as_mut().map(|shadow| &mut shadow.colour), shadow),
                    (text.outline.as_mut().map(|outline| &mut outline.colour), outline),
                    (text.panel.as_mut().map(|panel| &mut panel.colour), panel),
                ] {
                    if let (Some(place), Some(colour)) = (place, colour) {
                        *place = colour.take(values);
                    }
                }
            }
            (Content::Image(image), ContentSource::Brought(parameter)) => match values.get(parameter) {
                Some(Chosen::Image(digest)) => image.file = Asset::named(*digest),
                _ => return None,
            },
            (Content::Shape(shape), ContentSource::Shape { colour, towards }) => {
                shape.colour = colour.take(values);
                shape.towards = towards.as_ref().map(|towards| towards.take(values));
            }
            (Content::Scrim(scrim), ContentSource::Coloured(colour)) => scrim.colour = colour.take(values),
            (Content::Bar(bar), ContentSource::Coloured(colour)) => bar.colour = colour.take(values),
            _ => {}
        }
        Some(layer)
    }
}

type ReadContent = Option<(Content, ContentSource)>;

/// Stands in until something is chosen.
const PLACEHOLDER: Colour = Colour([0, 0, 0]);

fn text(table: &Table<'_>, reading: &Reading<'_, '_>, anchor: Horizontal) -> ReadContent {
    let phrase = table.text("text").and_then(|text| Phrase::read(text.value, table.page, text.span.clone(), &reading.names));
    let face = match table.text("face") {
        Some(role) => match reading.faces.get(role.value) {
            Some(face) => Some(face.clone()),
            None => {
                let hint = did_you_mean(role.value, reading.faces.keys().map(String::as_str))
                    .unwrap_or_else(|| format!("declare it as [overlay.faces.{}]", role.value));
                table.mistake("unknown-face", "face", format!("there is no face `{}`", role.value), hint);
                None
            }
        },
        None => reading.faces.get("text").cloned(),
    };
    let colour = table.find("colour").and_then(|item| reading.colour(&item));
    let size = table.find("size").and_then(|item| item.pair(Milli(1000)..=Milli(60_000)));
    if let Some([smallest, largest]) = size.filter(|[smallest, largest]| smallest > largest) {
        table.mistake(
            "out-of-range",
            "size",
            format!("`size` shrinks from {smallest} to {largest}"),
            "write the smaller one first".to_owned(),
        );
    }
    let number = |table: &Table<'_>, key: &str, limits: RangeInclusive<Milli>, usual: Milli| {
        table.find(key).map_or(Some(usual), |item| item.milli(limits))
    };
    let lines = if table.has("lines") { table.whole("lines", 1..=MOST_LINES) } else { Some(1) };
    let inner = |key: &str, section: &'static Section| table.find(key).map(|item| item.table(section));
    let inner_colour = |table: &Table<'_>, usual: Option<Colour>| match table.find("colour") {
        Some(item) => reading.colour(&item),
        None => usual.map(Source::Fixed),
    };
    let shadow = match inner("shadow", &SHADOW) {
        Some(shadow) => {
            let shadow = shadow?;
            let part = |key: &str, limit: Milli, usual: Milli| number(&shadow, key, NOTHING..=limit, usual);
            let (opacity, blur, drop) = (
                part("opacity", Milli::ONE, Milli(500))?,
                part("blur", Milli(2000), Milli(150))?,
                part("drop", Milli::ONE, Milli(30))?,
            );
            Some((Shadow { colour: PLACEHOLDER, opacity, blur, drop }, inner_colour(&shadow, Some(PLACEHOLDER))?))
        }
        None => None,
    };
    let outline = match inner("outline", &OUTLINE) {
        Some(outline) => {
            let outline = outline?;
            let width = number(&outline, "width", Milli(5)..=Milli(300), Milli(40))?;
            Some((Outline { colour: PLACEHOLDER, width }, inner_colour(&outline, None)?))
        }
        None => None,
    };
    let panel = match inner("panel", &PANEL) {
        Some(panel) => {
            let panel = panel?;
            let padding =
                panel.find("padding").map_or(Some([Milli(700), Milli(400)]), |item| item.pair(NOTHING..=Milli(4000)))?;
            let opacity = number(&panel, "opacity", NOTHING..=Milli::ONE, Milli::ONE)?;
            let radius = number(&panel, "radius", NOTHING..=Milli(4000), Milli(300))?;
            Some((Panel { colour: PLACEHOLDER, opacity, padding, radius }, inner_colour(&panel, None)?))
        }
        None => None,
    };
    let text = Text {
        words: String::new(),
        face: face?,
        colour: PLACEHOLDER,
        size: size?,
        width: number(table, "width", Milli(5000)..=HUNDRED, Milli(80_000))?,
        lines: lines? as u8,
        align: named(table, "align", Horizontal::ALL, Some(anchor))?,
        tracking: number(table, "tracking", Milli(-100)..=Milli::ONE, NOTHING)?,
        leading: number(table, "leading", Milli(700)..=Milli(2000), Milli::ONE)?,
        shadow: shadow.as_ref().map(|(shadow, _)| *shadow),
        outline: outline.as_ref().map(|(outline, _)| *outline),
        panel: panel.as_ref().map(|(panel, _)| *panel),
    };
    let source = ContentSource::Text {
        phrase: phrase?,
        colour: colour?,
        shadow: shadow.map(|(_, colour)| colour),
        outline: outline.map(|(_, colour)| colour),
        panel: panel.map(|(_, colour)| colour),
    };
    Some((Content::Text(Box::new(text)), source))
}

fn image(table: &Table<'_>, reading: &Reading<'_, '_>) -> ReadContent {
    let within = table.find("within").and_then(|item| item.pair(Milli::ONE..=HUNDRED));
    let radius = table.find("radius").map_or(Some(NOTHING), |item| item.milli(NOTHING..=Milli(50_000)));
    let item = table.find("file")?;
    let (file, source) = match item.as_text().and_then(|text| text.strip_prefix('{')?.strip_suffix('}')) {
        Some(name) => {
            let parameter = reading.uses.parameter(item.page, item.span(), name)?;
            if !matches!(parameter.kind, Kind::Image) {
                let message = format!("the {} parameter `{name}` is no picture", parameter.kind.name());
                item.mistake("misfit", message, "expected an image parameter".to_owned());
                return None;
            }
            (Asset::uploaded([]), ContentSource::Brought(name.to_owned()))
        }
        None => (reading.assets.picture(&item)?, ContentSource::Fixed),
    };
    Some((Content::Image(Image { file, within: within?, radius: radius? }), source))
}

fn shape(table: &Table<'_>, reading: &Reading<'_, '_>) -> ReadContent {
    let colour = table.find("colour").and_then(|item| reading.colour(&item));
    let towards = match table.find("towards") {
        Some(item) => Some(reading.colour(&item)?),
        None => None,
    };
    let size = table.find("size").and_then(|item| item.pair(Milli(100)..=HUNDRED));
    let radius = table.find("radius").map_or(Some(NOTHING), |item| item.milli(NOTHING..=Milli(50_000)));
    let shape = Shape { size: size?, radius: radius?, colour: PLACEHOLDER, towards: None };
    Some((Content::Shape(shape), ContentSource::Shape { colour: colour?, towards }))
}

fn scrim(table: &Table<'_>, reading: &Reading<'_, '_>) -> ReadContent {
    let colour = table.find("colour").and_then(|item| reading.colour(&item));
    let reach = table.find("reach").map_or(Some(Milli(60_000)), |item| item.milli(Milli(5000)..=Milli(200_000)));
    let side = named(table, "side", Side::ALL, None);
    Some((Content::Scrim(Scrim { side: side?, reach: reach?, colour: PLACEHOLDER }), ContentSource::Coloured(colour?)))
}

fn bar(table: &Table<'_>, reading: &Reading<'_, '_>) -> ReadContent {
    let colour = table.find("colour").and_then(|item| reading.colour(&item));
    let thickness = table.find("thickness").map_or(Some(Milli(1200)), |item| item.milli(Milli(200)..=Milli(30_000)));
    // The first four: a bar lies along an edge.
    let side = named(table, "side", &Side::ALL[..4], None);
    Some((Content::Bar(Bar { side: side?, thickness: thickness?, colour: PLACEHOLDER }), ContentSource::Coloured(colour?)))
}

fn nowhere() -> Place {
    let anchor = Anchor { vertical: Vertical::Middle, horizontal: Horizontal::Centre };
    Place { anchor, offset: [NOTHING; 2], under: None, gap: NOTHING }
}

fn read_place(table: &Table<'_>, earlier: &[LayerSource]) -> Option<Place> {
    let anchor = match table.text("anchor") {
        Some(written) => {
            let find = |name: &str| {
                let (down, across) = name.split_once('-')?;
                let vertical = Vertical::ALL.iter().find(|(known, _)| *known == down)?.1;
                let horizontal = Horizontal::ALL.iter().find(|(known, _)| *known == across)?.1;
                Some(Anchor { vertical, horizontal })
            };
            let anchor = find(written.value);
            if anchor.is_none() {
                let hint = "for example `bottom-start` or `middle-centre`".to_owned();
                table.mistake("bad-value", "anchor", format!("there is no anchor `{}`", written.value), hint);
            }
            anchor?
        }
        None => nowhere().anchor,
    };
    let offset = table.find("offset").map_or(Some([NOTHING; 2]), |item| item.pair(Milli(-50_000)..=Milli(50_000)));
    let gap = table.find("gap").map_or(Some(Milli(2000)), |item| item.milli(NOTHING..=Milli(50_000)));
    let under = match table.text("under") {
        Some(under) => {
            let upper = earlier.iter().find(|layer| layer.name == under.value);
            if !upper.is_some_and(|upper| upper.stands) {
                let names = earlier.iter().filter(|layer| layer.stands).map(|layer| layer.name.as_str());
                let message = format!("there is no earlier layer `{}` to stand under", under.value);
                table.mistake("unknown-layer", "under", message, did_you_mean(under.value, names));
                return None;
            }
            Some(under.value.to_owned())
        }
        None => None,
    };
    Some(Place { anchor, offset: offset?, under, gap: gap? })
}

/// The outer `None` is a mistake, the inner one no animation.
fn animation(table: &Table<'_>, key: &str, kind_of_layer: &str, fps: f64) -> Option<Option<Animation>> {
    let Some(item) = table.find(key) else { return Some(None) };
    let table = item.table(&ANIMATION)?;
    let kind = named(&table, "kind", AnimationKind::ALL, None);
    let seconds = table.find("seconds").map_or(Some(Milli(400)), |item| item.milli(Milli(40)..=Milli(5000)));
    let easing = named(&table, "easing", Easing::ALL, Some(Easing::Out));
    if kind == Some(AnimationKind::TypeOn) && kind_of_layer != "text" {
        table.mistake("misfit", "kind", format!("a {kind_of_layer} cannot be typed"), "`type-on` is for writing only".to_owned());
    }
    if kind == Some(AnimationKind::Wipe) && kind_of_layer == "scrim" {
        table.mistake("misfit", "kind", "a scrim has no edge to wipe", "write `kind = \"fade\"`".to_owned());
    }
    let frames = ((seconds?.get() * fps).round() as u32).max(1);
    Some(Some(Animation { kind: kind?, frames, easing: easing? }))
}

fn when(table: &Table<'_>, reading: &Reading<'_, '_>) -> BTreeMap<String, Chosen> {
    let mut when = BTreeMap::new();
    for (name, item) in table.entries("when", 8) {
        let Some(parameter) = reading.uses.parameter(table.page, name.span, name.value) else { continue };
        let Some(written) = item.plain() else { continue };
        match parameter.read(&written.value) {
            Ok(value) => drop(when.insert(name.value.to_owned(), value)),
            Err(error) => item.mistake(error.code(), error.to_string(), error.hint()),
        }
    }
    when
}
