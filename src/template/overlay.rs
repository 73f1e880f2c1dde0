//! The overlay before anything is chosen: `[overlay]` of template.toml.
//!
//! Colours may be tokens and, like conditions, may depend on any parameter, also on those of the plate: white on the night
//! palette, ink on the day's. Everything but what a text comes to is checked when the template is read, so building an
//! overlay cannot fail; whether a text fits is known once it is laid out, see [`super::proof`].

mod layer;
mod phrase;
pub(super) mod sections;

use std::{collections::BTreeMap, ops::Range, path::Path};

use festoon_film::overlay::{FaceRole, MOST_LAYERS, Overlay, SafeArea, Voice, Weight, merged};
use festoon_spec::{Canvas, Colour, Locale, Milli};

pub(super) use phrase::{Names, Phrase, named_words};

use self::{
    layer::LayerSource,
    sections::{FACE, OVERLAY_AT, SAFE_AREA, WINDOW},
};
use super::{
    Canvases, Place as Written, Ratio, Words,
    assets::Assets,
    canvas::MAX_RATIOS,
    place::{Source, Uses, Values, place},
    reader::{Item, Table, did_you_mean},
};

/// Most windows: each costs every plate a segment more.
const MAX_WINDOWS: usize = 4;
/// Frames between two windows, at least: less would be a segment of no worth.
const APART: u32 = 6;

/// What keeps clear of the edges where nothing is said.
const USUAL_SAFE_AREA: SafeArea = SafeArea { top: Milli(5000), right: Milli(5000), bottom: Milli(5000), left: Milli(5000) };
/// The same in frames that fill a phone, where apps lay their own over the picture: profile and search above, caption and buttons
/// below. 14 % above and 20 % below are what Meta's guide to Stories asks for.
const FULL_SCREEN_SAFE_AREA: SafeArea =
    SafeArea { top: Milli(14_000), right: Milli(6000), bottom: Milli(20_000), left: Milli(6000) };

/// The overlay of a template.
#[derive(Debug, Clone)]
pub(super) struct OverlaySource {
    safe_areas: BTreeMap<Ratio, SafeArea>,
    windows: Vec<WindowSource>,
    layers: Vec<LayerSource>,
}

/// A time in which layers are seen.
#[derive(Debug, Clone)]
struct WindowSource {
    name: String,
    frames: Range<u32>,
}

/// What layers are read with.
struct Reading<'r, 'p> {
    uses: &'r Uses<'p>,
    names: Names<'r>,
    canvases: &'r Canvases,
    colours: BTreeMap<String, Source<Colour>>,
    faces: BTreeMap<String, FaceRole>,
    windows: &'r [WindowSource],
    assets: &'r Assets<'r>,
}

impl OverlaySource {
    /// Reads `[overlay]` of a template that lies in `folder`. `None` after a mistake.
    pub fn read(table: &Table<'_>, uses: &Uses<'_>, canvases: &Canvases, words: &[String], folder: &Path) -> Option<Self> {
        let before = table.page.count();
        // Length and frame rate are the same in every ratio.
        let canvas = &canvases.base;
        let windows = read_windows(table, canvas);
        let budget = table.find("budget").map_or(Some(Milli(3000)), |item| item.milli(Milli(100)..=Milli(30_000)))?;
        let touched: u32 = windows.iter().map(|window| window.frames.end - window.frames.start).sum();
        let seconds = Milli::new(f64::from(touched) / f64::from(canvas.fps)).unwrap_or(Milli::ONE);
        if seconds > budget {
            let hint = "make windows shorter, or raise `budget`: each second of them is encoded while somebody waits".to_owned();
            let message = format!("the windows take {seconds} s together, the budget is {budget} s");
            table.mistake("over-budget", "windows", message, hint);
        }
        let safe_areas = read_safe_areas(table, canvases);
        let assets = Assets::new(folder);
        let used = |name: &str| uses.note(name);
        let mut reading = Reading {
            uses,
            names: Names { declared: uses.declared(), words, used: &used },
            canvases,
            colours: BTreeMap::new(),
            faces: BTreeMap::from([
                ("title".to_owned(), FaceRole { voice: Voice::Serif, weight: Weight::Bold, brand: None }),
                ("text".to_owned(), FaceRole { voice: Voice::Sans, weight: Weight::Regular, brand: None }),
            ]),
            windows: &windows,
            assets: &assets,
        };
        for (name, item) in table.entries("colours", 32) {
            if let Some(colour) = reading.colour(&item) {
                reading.colours.insert(name.value.to_owned(), colour);
            }
        }
        for (name, item) in table.entries("faces", 8) {
            if let Some(face) = item.table(&FACE).and_then(|face| reading.face(&face)) {
                reading.faces.insert(name.value.to_owned(), face);
            }
        }
        let mut layers: Vec<LayerSource> = Vec::new();
        for item in table.list("layers", MOST_LAYERS) {
            let Some(layer) = LayerSource::read(&item, &reading, &layers) else { continue };
            if layers.iter().any(|earlier| earlier.name == layer.name) {
                item.mistake("repeated-name", format!("there are two layers called `{}`", layer.name), None);
            }
            layers.push(layer);
        }
        for window in &windows {
            let is_seen = |layer: &LayerSource| layer.window == window.name;
            if table.page.count() == before && !layers.iter().any(is_seen) {
                table.mistake("unused-window", "windows", format!("no layer is seen in the window `{}`", window.name), None);
            }
        }
        (table.page.count() == before).then_some(Self { safe_areas, windows, layers })
    }

    /// Where a layer is written.
    pub fn written(&self, name: &str) -> Option<Written> {
        self.layers.iter().find(|layer| layer.name == name).map(|layer| layer.written.clone())
    }

    /// The frames that overlays may touch, whatever is chosen.
    pub fn windows(&self) -> Vec<Range<u32>> {
        merged(self.windows.iter().map(|window| window.frames.clone()))
    }

    /// The overlay for these values in these words, in a ratio that the template offers.
    pub fn build(&self, locale: &Locale, values: &Values, words: &Words, ratio: Ratio) -> Overlay {
        let mut layers: Vec<festoon_film::overlay::Layer> = Vec::new();
        // Who stands under a layer that is not there stands under the one above it, or on its own in its place.
        let mut absent: BTreeMap<&str, &festoon_film::overlay::Place> = BTreeMap::new();
        for source in &self.layers {
            let Some(mut layer) = source.build(values, words, ratio) else {
                absent.insert(&source.name, source.place(ratio));
                continue;
            };
            while let Some(gone) = layer.place.under.as_deref().and_then(|upper| absent.get(upper)) {
                (layer.place.anchor, layer.place.offset) = (gone.anchor, gone.offset);
                layer.place.under = gone.under.clone();
            }
            layers.push(layer);
        }
        Overlay { locale: locale.maximized(), safe_area: self.safe_areas[&ratio], layers }
    }
}

/// The safe area in each ratio.
fn read_safe_areas(table: &Table<'_>, canvases: &Canvases) -> BTreeMap<Ratio, SafeArea> {
    let said = table.find("safe_area").and_then(|item| read_safe_area(&item));
    let own = read_at(table, canvases, |_, item| {
        let own = item.table(&OVERLAY_AT)?;
        own.find("safe_area").and_then(|item| read_safe_area(&item))
    });
    let usual = |ratio: Ratio| if ratio.is_full_screen() { FULL_SCREEN_SAFE_AREA } else { USUAL_SAFE_AREA };
    let area = |ratio: &Ratio| own.get(ratio).copied().or(said).unwrap_or_else(|| usual(*ratio));
    canvases.ratios().iter().map(|ratio| (*ratio, area(ratio))).collect()
}

fn read_safe_area(item: &Item<'_>) -> Option<SafeArea> {
    if !item.is_table() {
        return item.pair(Milli(0)..=Milli(25_000)).map(|[across, down]| SafeArea::even(across, down));
    }
    let table = item.table(&SAFE_AREA)?;
    let side = |key: &str| table.find(key)?.milli(Milli(0)..=Milli(40_000));
    let (top, right, bottom, left) = (side("top"), side("right"), side("bottom"), side("left"));
    Some(SafeArea { top: top?, right: right?, bottom: bottom?, left: left? })
}

/// What stands under `at`, by ratio; each must be one that the template offers.
fn read_at<'a, T>(table: &Table<'a>, canvases: &Canvases, read: impl Fn(Ratio, &Item<'a>) -> Option<T>) -> BTreeMap<Ratio, T> {
    let mut own = BTreeMap::new();
    for (name, item) in table.entries("at", MAX_RATIOS) {
        match name.value.parse::<Ratio>() {
            Err(error) => table.page.mistake("bad-value", name.span, error.to_string(), None),
            Ok(ratio) if !canvases.ratios().contains(&ratio) => {
                let message = format!("the template does not offer the ratio `{ratio}`");
                table.page.mistake("unknown-ratio", name.span, message, format!("its ratios are: {}", canvases.listed()));
            }
            Ok(ratio) if own.contains_key(&ratio) => {
                table.page.mistake("repeated-name", name.span, format!("the ratio `{ratio}` is there twice"), None);
            }
            Ok(ratio) => drop(read(ratio, &item).and_then(|read| own.insert(ratio, read))),
        }
    }
    own
}

fn read_windows(table: &Table<'_>, canvas: &Canvas) -> Vec<WindowSource> {
    let mut windows: Vec<WindowSource> = Vec::new();
    let items = table.list("windows", MAX_WINDOWS);
    if items.is_empty() && table.has("windows") {
        table.mistake("too-few", "windows", "an overlay needs a window", None);
    }
    for item in items {
        let Some(window) = item.table(&WINDOW) else { continue };
        let name = window.text("name").map(|name| name.value.to_owned());
        let seconds = |key: &str| window.find(key)?.milli(Milli(0)..=Milli(1_800_000));
        let (Some(name), Some(from), Some(until)) = (name, seconds("from"), seconds("until")) else { continue };
        if from < Milli(500) {
            let hint = "start it at 0.5 or later: until then the stored plate plays while the rest is encoded".to_owned();
            window.mistake("too-early", "from", format!("the window `{name}` begins at {from} s"), hint);
        }
        let frame = |seconds: Milli| (seconds.get() * f64::from(canvas.fps)).round() as u32;
        let frames = frame(from)..frame(until);
        let length = Milli::new(f64::from(canvas.frames) / f64::from(canvas.fps)).unwrap_or(Milli::ONE);
        if frames.is_empty() {
            window.mistake("out-of-range", "until", format!("the window `{name}` ends at {until} s, before it begins"), None);
        } else if frames.end > canvas.frames {
            window.mistake(
                "out-of-range",
                "until",
                format!("the window `{name}` ends at {until} s, the plate at {length} s"),
                None,
            );
        }
        if let Some(earlier) = windows.last()
            && frames.start < earlier.frames.end + APART
        {
            let hint = format!("let it begin {APART} frames later, or make one window of the two");
            let how = if frames.start < earlier.frames.end { "overlaps" } else { "touches" };
            window.mistake(
                "overlapping-windows",
                "from",
                format!("the window `{name}` {how} the window `{}`", earlier.name),
                hint,
            );
        }
        if windows.iter().any(|earlier| earlier.name == name) {
            window.mistake("repeated-name", "name", format!("there are two windows called `{name}`"), None);
        }
        windows.push(WindowSource { name, frames });
    }
    windows
}

impl Reading<'_, '_> {
    /// A colour: a token, or what may stand in any place.
    fn colour(&self, item: &Item<'_>) -> Option<Source<Colour>> {
        if let Some(token) = item.as_text().filter(|text| !text.starts_with(['#', '{'])) {
            if let Some(colour) = self.colours.get(token) {
                return Some(colour.clone());
            }
            let hint = did_you_mean(token, self.colours.keys().map(String::as_str))
                .unwrap_or_else(|| format!("declare `{token}` in [overlay.colours], or write `#rrggbb`"));
            item.mistake("unknown-colour", format!("there is no colour `{token}`"), hint);
            return None;
        }
        place(item, self.uses, |item| item.read::<Colour>().map(|colour| colour.value), |_| true)
    }

    fn face(&self, table: &Table<'_>) -> Option<FaceRole> {
        let voice = named(table, "voice", Voice::ALL, Some(Voice::Sans));
        let weight = named(table, "weight", Weight::ALL, Some(Weight::Regular));
        let brand = match table.find("file") {
            Some(item) => Some(self.assets.face(&item)?),
            None => None,
        };
        Some(FaceRole { voice: voice?, weight: weight?, brand })
    }
}

/// What a name at `key` stands for; `usual` if it is not there.
fn named<T: Copy>(table: &Table<'_>, key: &str, all: &[(&'static str, T)], usual: Option<T>) -> Option<T> {
    let Some(item) = table.find(key) else { return usual };
    let name = item.text()?.value;
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if found.is_none() {
        let names = || all.iter().map(|(name, _)| *name);
        let hint =
            did_you_mean(name, names()).unwrap_or_else(|| format!("choose one of: {}", names().collect::<Vec<_>>().join(", ")));
        item.mistake("bad-value", format!("there is no {key} `{name}`"), hint);
    }
    found
}
