//! The plate part of a template before anything is chosen: places of the scene that hold a value, or take it from a
//! parameter.
//!
//! A place may hold a value (`amount = 1.4`), a parameter (`amount = "{crowd}"`), or a table that picks by a parameter
//! (`amount = { by = "crowd", few = 0.6, many = 1.8 }`). That every value a parameter can take fits its place is proved when
//! the template is read, so building a scene cannot fail.

use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet, ops::Range, ops::RangeInclusive};

use festoon_spec::{Camera, CameraMove, Colour, Finish, Locale, Milli, Motif, MotionLayer, MotionScene, Palette};

use super::{
    Chosen, Kind, Parameter, Touches,
    declared::Declared,
    reader::{Item, Key, Page, Section, Table, did_you_mean},
};

/// Most layers of a scene.
const MAX_LAYERS: usize = 8;
/// Most named palettes of a template.
const MAX_PALETTES: usize = 32;
/// Most locales with a scene of their own.
const MAX_LOCALES: usize = 200;

/// `[palettes.<name>]`.
pub static PALETTE: Section = Section {
    title: "[palettes.<name>]",
    about: "Colours that belong together, under a name that `palette` of a scene or a choice can say.",
    keys: &[
        Key::needed("sky", "two or three colours, `#rrggbb` or `{colour parameter}`", "The background from top to bottom."),
        Key::needed(
            "colours",
            "one to six colours, `#rrggbb` or `{colour parameter}`",
            "What moves; motifs take the first ones most.",
        ),
    ],
};

/// `[scene]`.
pub static SCENE: Section = Section {
    title: "[scene]",
    about: "What motion graphics paint. Wherever a value stands, `\"{name}\"` takes it from a parameter that touches the plate, and `{ by = \"name\", choice = value, … }` picks one by a choice or boolean parameter.",
    keys: &[
        Key::needed("layers", "one to eight tables, see `[[scene.layers]]`", "From the farthest to the nearest."),
        Key::needed("palette", "the name of a palette", "Brand colours of the scene."),
        Key::optional("camera", "a table, see `[scene.camera]`", "a camera that stands still", "How the eye moves."),
        Key::optional("finish", "a table, see `[scene.finish]`", "nothing", "What is laid over the whole picture."),
        Key::optional("looped", "`true` or `false`", "`false`", "Whether the last frame runs on into the first."),
        Key::optional("locale", "tables by locale, see `[scene.locale.<locale>]`", "none", "Scenes of single locales."),
    ],
};

/// `[scene.locale.<locale>]`.
pub static SCENE_LOCALE: Section = Section {
    title: "[scene.locale.<locale>]",
    about: "What is different for a locale and those that fall back to it. Each key replaces the whole value of `[scene]`; locales without a table of their own share the plates of `[scene]`.",
    keys: &[
        Key::optional("layers", "one to eight tables", "as in `[scene]`", "See `[[scene.layers]]`."),
        Key::optional("palette", "the name of a palette", "as in `[scene]`", "Colours for this locale."),
        Key::optional("camera", "a table", "as in `[scene]`", "See `[scene.camera]`."),
        Key::optional("finish", "a table", "as in `[scene]`", "See `[scene.finish]`."),
        Key::optional("looped", "`true` or `false`", "as in `[scene]`", "Whether the last frame runs on into the first."),
    ],
};

/// `[[scene.layers]]`.
pub static LAYER: Section = Section {
    title: "[[scene.layers]]",
    about: "One motif at one distance.",
    keys: &[
        Key::needed("motif", "the name of a motif", "What is drawn: see the list of motifs below."),
        Key::optional("depth", "a number from 0 to 1", "0", "0 is near (sharp, large, fast), 1 is far."),
        Key::optional("amount", "a number from 0 to 3", "1", "How many."),
        Key::optional("speed", "a number from 0 to 3", "1", "How fast."),
        Key::optional("scale", "a number from 0.1 to 3", "1", "How large."),
        Key::optional(
            "when",
            "a table `{ parameter = value }`",
            "always",
            "The layer is there only if each parameter has that value.",
        ),
    ],
};

/// `[scene.camera]`.
pub static CAMERA: Section = Section {
    title: "[scene.camera]",
    about: "How the eye moves.",
    keys: &[
        Key::needed("movement", "`static`, `pan`, `push`, `orbit` or `handheld`", "Which way."),
        Key::optional("amount", "a number from 0 to 3", "1", "How far."),
    ],
};

/// `[scene.finish]`.
pub static FINISH: Section = Section {
    title: "[scene.finish]",
    about: "What is laid over the whole picture; 0 is off, 1 is strong.",
    keys: &[
        Key::optional("glow", "a number from 0 to 1", "0", "Bloom around light."),
        Key::optional("grain", "a number from 0 to 1", "0", "Film grain."),
        Key::optional("vignette", "a number from 0 to 1", "0", "Darker corners."),
    ],
};

/// The values of the parameters of one pick.
pub(super) type Values = BTreeMap<String, Chosen>;

/// The declared parameters while the plate part is read, and which of them it uses.
pub(super) struct Uses<'p> {
    declared: &'p Declared,
    used: RefCell<BTreeSet<String>>,
}

impl<'p> Uses<'p> {
    pub fn of(declared: &'p Declared) -> Self {
        Self { declared, used: RefCell::default() }
    }

    /// The parameter called `name`, which is used from now on. Notes a mistake if there is none that touches the plate.
    pub fn plate_parameter(&self, page: &Page, span: Range<usize>, name: &str) -> Option<&'p Parameter> {
        let parameter = match self.declared.find(name) {
            Ok(parameter) => parameter?,
            Err(hint) => {
                page.mistake("unknown-parameter", span, format!("there is no parameter `{name}`"), hint);
                return None;
            }
        };
        self.used.borrow_mut().insert(name.to_owned());
        if parameter.touches == Touches::Overlay {
            let hint = format!("write `touches = \"plate\"` in [parameters.{name}]");
            page.mistake(
                "not-in-plate",
                span,
                format!("the parameter `{name}` touches the overlay, but is used in the plate"),
                hint,
            );
            return None;
        }
        Some(parameter)
    }

    /// Whether something in the plate part uses it.
    pub fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }
}

/// A place of a scene.
#[derive(Debug, Clone)]
enum Source<T> {
    /// Holds a value.
    Fixed(T),
    /// Takes what was chosen.
    Of(String),
    /// Takes the value beside what was chosen.
    By { parameter: String, values: BTreeMap<String, T> },
}

/// What a place of a scene can take from a parameter.
trait FromChosen: Clone {
    /// The kind of parameter that fits, in words.
    const FITS: &'static str;
    /// The value, if one of this kind was chosen.
    fn from_chosen(chosen: &Chosen) -> Option<Self>;
}

impl FromChosen for Milli {
    const FITS: &'static str = "a number parameter whose range fits this place";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Number(number) = chosen { Some(*number) } else { None }
    }
}

impl FromChosen for Colour {
    const FITS: &'static str = "a colour parameter";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Colour(colour) = chosen { Some(*colour) } else { None }
    }
}

impl FromChosen for bool {
    const FITS: &'static str = "a boolean parameter";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Boolean(flag) = chosen { Some(*flag) } else { None }
    }
}

impl FromChosen for Motif {
    const FITS: &'static str = "a choice parameter whose choices are motifs";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Choice(id) = chosen { id.parse().ok() } else { None }
    }
}

impl FromChosen for CameraMove {
    const FITS: &'static str = "a choice parameter whose choices are camera moves";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Choice(id) = chosen { camera_move(id) } else { None }
    }
}

/// The name of one of the template's palettes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PaletteName(String);

impl FromChosen for PaletteName {
    const FITS: &'static str = "a choice parameter whose choices are names of palettes";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Choice(id) = chosen { Some(Self(id.clone())) } else { None }
    }
}

fn camera_move(name: &str) -> Option<CameraMove> {
    CameraMove::ALL.iter().copied().find(|movement| movement.name() == name)
}

impl<T: FromChosen> Source<T> {
    fn take(&self, values: &Values) -> T {
        const PROVED: &str = "the template was checked: the parameter exists and each of its values fits";
        match self {
            Source::Fixed(value) => value.clone(),
            Source::Of(name) => values.get(name).and_then(T::from_chosen).expect(PROVED),
            Source::By { parameter, values: cases } => {
                let chosen = values.get(parameter).map(Chosen::to_string).expect(PROVED);
                cases.get(&chosen).cloned().expect(PROVED)
            }
        }
    }
}

/// The values that decide whether a parameter fits a place: all of a few, or both ends of a range.
fn samples(kind: &Kind) -> Vec<Chosen> {
    match kind {
        Kind::Choice { choices } => choices.iter().map(|choice| Chosen::Choice(choice.id.clone())).collect(),
        Kind::Number { min, max, .. } => vec![Chosen::Number(*min), Chosen::Number(*max)],
        Kind::Colour => vec![Chosen::Colour(Colour([0, 0, 0]))],
        Kind::Boolean => vec![Chosen::Boolean(false), Chosen::Boolean(true)],
        Kind::Text { .. } | Kind::Image => Vec::new(),
    }
}

/// Reads a place. `fixed` reads a value that is written there and notes what is wrong with it; `fits` decides on a value that
/// a parameter would bring.
fn place<T: FromChosen>(
    item: &Item<'_>,
    uses: &Uses<'_>,
    fixed: impl Fn(&Item<'_>) -> Option<T>,
    fits: impl Fn(&T) -> bool,
) -> Option<Source<T>> {
    if let Some(name) = item.as_text().and_then(|text| text.strip_prefix('{')?.strip_suffix('}')) {
        let parameter = uses.plate_parameter(item.page, item.span(), name)?;
        let samples = samples(&parameter.kind);
        let misfit = samples.iter().find(|sample| !T::from_chosen(sample).is_some_and(|value| fits(&value)));
        if samples.is_empty() || misfit.is_some() {
            let value = misfit.map(|misfit| format!(": `{misfit}` does not")).unwrap_or_default();
            let message = format!("the {} parameter `{name}` does not fit here{value}", parameter.kind.name());
            item.mistake("misfit", message, format!("expected {}", T::FITS));
            return None;
        }
        return Some(Source::Of(name.to_owned()));
    }
    if item.is_table() {
        return by(item, uses, fixed);
    }
    fixed(item).map(Source::Fixed)
}

/// Reads `{ by = "parameter", choice = value, … }`.
fn by<T: FromChosen>(item: &Item<'_>, uses: &Uses<'_>, fixed: impl Fn(&Item<'_>) -> Option<T>) -> Option<Source<T>> {
    let entries = item.entries(64);
    let Some((_, by)) = entries.iter().find(|(key, _)| key.value == "by") else {
        item.mistake(
            "missing-key",
            "a table in a place of the scene needs the key `by`",
            "write `{ by = \"parameter\", choice = value, … }`".to_owned(),
        );
        return None;
    };
    let name = by.text()?;
    let parameter = uses.plate_parameter(item.page, name.span, name.value)?;
    if !matches!(parameter.kind, Kind::Choice { .. } | Kind::Boolean) {
        by.mistake(
            "misfit",
            format!("`by` needs a choice or boolean parameter, `{}` is a {}", name.value, parameter.kind.name()),
            None,
        );
        return None;
    }
    let mut expected: Vec<String> = samples(&parameter.kind).iter().map(Chosen::to_string).collect();
    let mut values = BTreeMap::new();
    for (key, value) in entries.iter().filter(|(key, _)| key.value != "by") {
        if let Some(at) = expected.iter().position(|choice| choice == key.value) {
            expected.remove(at);
        } else {
            let hint = did_you_mean(key.value, expected.iter().map(String::as_str));
            let message = format!("`{}` is not a choice of the parameter `{}`", key.value, parameter.name);
            item.page.mistake("unknown-choice", key.span.clone(), message, hint);
        }
        if let Some(value) = fixed(value) {
            values.insert(key.value.to_owned(), value);
        }
    }
    if !expected.is_empty() {
        item.mistake("missing-choice", format!("there is no value for: {}", expected.join(", ")), None);
    }
    Some(Source::By { parameter: parameter.name.clone(), values })
}

fn milli_place(item: &Item<'_>, uses: &Uses<'_>, limits: RangeInclusive<Milli>) -> Option<Source<Milli>> {
    place(item, uses, |item| item.milli(limits.clone()), |value| limits.contains(value))
}

/// The number at `key`, or `usual` if it is not there.
fn number(table: &Table<'_>, uses: &Uses<'_>, key: &str, limits: RangeInclusive<Milli>, usual: Milli) -> Option<Source<Milli>> {
    match table.find(key) {
        Some(item) => milli_place(&item, uses, limits),
        None => Some(Source::Fixed(usual)),
    }
}

/// A scene of motion graphics, for every locale.
#[derive(Debug, Clone)]
pub(super) struct MotionSource {
    palettes: BTreeMap<String, PaletteSource>,
    base: SceneSource,
    locales: BTreeMap<Locale, SceneSource>,
}

#[derive(Debug, Clone)]
struct PaletteSource {
    sky: Vec<Source<Colour>>,
    colours: Vec<Source<Colour>>,
}

#[derive(Debug, Clone)]
struct SceneSource {
    layers: Vec<LayerSource>,
    palette: Source<PaletteName>,
    camera: CameraSource,
    finish: FinishSource,
    looped: Source<bool>,
}

#[derive(Debug, Clone)]
struct LayerSource {
    motif: Source<Motif>,
    depth: Source<Milli>,
    amount: Source<Milli>,
    speed: Source<Milli>,
    scale: Source<Milli>,
    when: BTreeMap<String, Chosen>,
}

#[derive(Debug, Clone)]
struct CameraSource {
    movement: Source<CameraMove>,
    amount: Source<Milli>,
}

#[derive(Debug, Clone)]
struct FinishSource {
    glow: Source<Milli>,
    grain: Source<Milli>,
    vignette: Source<Milli>,
}

const TENTH: Milli = Milli(100);
const ZERO: Milli = Milli(0);
const THREE: Milli = Milli(3000);

impl MotionSource {
    /// Reads `palettes` and `scene` of a template. `None` after a mistake.
    pub fn read(template: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let (mut palettes, mut names) = (BTreeMap::new(), BTreeSet::new());
        for (name, item) in template.entries("palettes", MAX_PALETTES) {
            names.insert(name.value);
            if let Some(palette) = item.table(&PALETTE).and_then(|table| PaletteSource::read(&table, uses)) {
                palettes.insert(name.value.to_owned(), palette);
            }
        }
        let scene = template.table("scene", &SCENE)?;
        let base = PartialScene::read(&scene, uses, &names).complete(None);
        let mut locales = BTreeMap::new();
        for (locale, item) in template_locales(&scene) {
            let partial = item.table(&SCENE_LOCALE).map(|table| PartialScene::read(&table, uses, &names));
            if let Some(own) = partial.and_then(|partial| partial.complete(base.as_ref())) {
                locales.insert(locale, own);
            }
        }
        Some(Self { palettes, base: base?, locales })
    }

    /// The scene for the nearest locale of `chain` and the chosen values.
    pub fn build(&self, chain: &[Locale], values: &Values) -> MotionScene {
        let scene = chain.iter().find_map(|locale| self.locales.get(locale)).unwrap_or(&self.base);
        let palette = self.palettes.get(&scene.palette.take(values).0).expect("checked: every name of a palette is one");
        let there = |layer: &&LayerSource| layer.when.iter().all(|(name, value)| values.get(name) == Some(value));
        MotionScene {
            layers: scene.layers.iter().filter(there).map(|layer| layer.build(values)).collect(),
            palette: palette.build(values),
            camera: Camera { movement: scene.camera.movement.take(values), amount: scene.camera.amount.take(values) },
            finish: Finish {
                glow: scene.finish.glow.take(values),
                grain: scene.finish.grain.take(values),
                vignette: scene.finish.vignette.take(values),
            },
            looped: scene.looped.take(values),
        }
    }
}

/// The entries of `locale`, whose keys are locales; what is no locale, or means the same as another, is noted.
pub(super) fn template_locales<'a>(table: &Table<'a>) -> Vec<(Locale, Item<'a>)> {
    let mut locales: Vec<(Locale, Item<'a>)> = Vec::new();
    for (name, item) in table.entries("locale", MAX_LOCALES) {
        match name.value.parse::<Locale>() {
            Ok(locale) if locales.iter().any(|(other, _)| *other == locale.minimized()) => {
                let message = format!("`{}` means the same as an earlier locale", name.value);
                table.page.mistake("repeated-locale", name.span, message, None);
            }
            Ok(locale) => locales.push((locale.minimized(), item)),
            Err(error) => table.page.mistake("bad-locale", name.span, error.to_string(), None),
        }
    }
    locales
}

impl PaletteSource {
    fn read(table: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let colours = |key: &str, count: RangeInclusive<usize>| {
            let items = table.list(key, *count.end());
            if table.has(key) && items.len() < *count.start() {
                table.mistake("too-few", key, format!("`{key}` needs at least {} colours", count.start()), None);
            }
            let read = |item: &Item<'_>| item.read::<Colour>().map(|colour| colour.value);
            items.iter().map(|item| place(item, uses, read, |_| true)).collect::<Option<Vec<_>>>()
        };
        let (sky, colours) = (colours("sky", 2..=3), colours("colours", 1..=6));
        Some(Self { sky: sky?, colours: colours? })
    }

    fn build(&self, values: &Values) -> Palette {
        let take = |colours: &[Source<Colour>]| colours.iter().map(|colour| colour.take(values)).collect();
        Palette { sky: take(&self.sky), colours: take(&self.colours) }
    }
}

impl LayerSource {
    fn read(table: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let motif = table.find("motif").and_then(|item| {
            let names = || Motif::ALL.iter().map(|motif| motif.name());
            let fixed = |item: &Item<'_>| {
                let name = item.text()?;
                let motif = name.value.parse().ok();
                if motif.is_none() {
                    let hint = did_you_mean(name.value, names())
                        .unwrap_or_else(|| format!("the motifs are: {}", names().collect::<Vec<_>>().join(", ")));
                    item.mistake("unknown-motif", format!("there is no motif `{}`", name.value), hint);
                }
                motif
            };
            place(&item, uses, fixed, |_| true)
        });
        let depth = number(table, uses, "depth", ZERO..=Milli::ONE, ZERO);
        let amount = number(table, uses, "amount", ZERO..=THREE, Milli::ONE);
        let speed = number(table, uses, "speed", ZERO..=THREE, Milli::ONE);
        let scale = number(table, uses, "scale", TENTH..=THREE, Milli::ONE);
        let mut when = BTreeMap::new();
        for (name, item) in table.entries("when", 8) {
            let Some(parameter) = uses.plate_parameter(table.page, name.span, name.value) else { continue };
            let Some(written) = item.plain() else { continue };
            match parameter.read(&written.value) {
                Ok(value) => drop(when.insert(name.value.to_owned(), value)),
                Err(error) => item.mistake(error.code(), error.to_string(), error.hint()),
            }
        }
        Some(Self { motif: motif?, depth: depth?, amount: amount?, speed: speed?, scale: scale?, when })
    }

    fn build(&self, values: &Values) -> MotionLayer {
        MotionLayer {
            motif: self.motif.take(values),
            depth: self.depth.take(values),
            amount: self.amount.take(values),
            speed: self.speed.take(values),
            scale: self.scale.take(values),
        }
    }
}

/// A scene as one table writes it.
struct PartialScene {
    layers: Option<Vec<LayerSource>>,
    palette: Option<Source<PaletteName>>,
    camera: Option<CameraSource>,
    finish: Option<FinishSource>,
    looped: Option<Source<bool>>,
}

impl PartialScene {
    fn read(table: &Table<'_>, uses: &Uses<'_>, palettes: &BTreeSet<&str>) -> Self {
        let layers = table.find("layers").map(|item| {
            let items = item.list(MAX_LAYERS);
            let layers: Vec<_> =
                items.iter().filter_map(|item| item.table(&LAYER)).filter_map(|layer| LayerSource::read(&layer, uses)).collect();
            if layers.len() == items.len() && !layers.iter().any(|layer| layer.when.is_empty()) {
                item.mistake(
                    "no-layer",
                    "a scene needs a layer that is always there",
                    "leave out `when` of one layer".to_owned(),
                );
            }
            layers
        });
        let palette = table.find("palette").and_then(|item| {
            let known = |name: &PaletteName| palettes.contains(name.0.as_str());
            let fixed = |item: &Item<'_>| {
                let name = PaletteName(item.text()?.value.to_owned());
                if !known(&name) {
                    let hint = did_you_mean(&name.0, palettes.iter().copied())
                        .unwrap_or_else(|| format!("declare it as [palettes.{}]", name.0));
                    item.mistake("unknown-palette", format!("there is no palette `{}`", name.0), hint);
                }
                Some(name)
            };
            place(&item, uses, fixed, known)
        });
        let camera = table.find("camera").and_then(|item| item.table(&CAMERA)).and_then(|camera| {
            let movement = camera.find("movement").and_then(|item| {
                let fixed = |item: &Item<'_>| {
                    let name = item.text()?;
                    let movement = camera_move(name.value);
                    if movement.is_none() {
                        let hint = did_you_mean(name.value, CameraMove::ALL.iter().map(|movement| movement.name()));
                        item.mistake("unknown-movement", format!("there is no camera move `{}`", name.value), hint);
                    }
                    movement
                };
                place(&item, uses, fixed, |_| true)
            });
            let amount = number(&camera, uses, "amount", ZERO..=THREE, Milli::ONE);
            Some(CameraSource { movement: movement?, amount: amount? })
        });
        let finish = table.find("finish").and_then(|item| item.table(&FINISH)).and_then(|finish| {
            let part = |key| number(&finish, uses, key, ZERO..=Milli::ONE, ZERO);
            let (glow, grain, vignette) = (part("glow"), part("grain"), part("vignette"));
            Some(FinishSource { glow: glow?, grain: grain?, vignette: vignette? })
        });
        let looped = table.find("looped").and_then(|item| place(&item, uses, |item| item.flag(), |_| true));
        Self { layers, palette, camera, finish, looped }
    }

    /// Fills the gaps from `base`, or with what is usual. `None` if a part that must be there is not.
    fn complete(self, base: Option<&SceneSource>) -> Option<SceneSource> {
        let still = || CameraSource { movement: Source::Fixed(CameraMove::Static), amount: Source::Fixed(Milli::ONE) };
        let plain = || FinishSource { glow: Source::Fixed(ZERO), grain: Source::Fixed(ZERO), vignette: Source::Fixed(ZERO) };
        Some(SceneSource {
            layers: self.layers.or_else(|| base.map(|base| base.layers.clone()))?,
            palette: self.palette.or_else(|| base.map(|base| base.palette.clone()))?,
            camera: self.camera.unwrap_or_else(|| base.map_or_else(still, |base| base.camera.clone())),
            finish: self.finish.unwrap_or_else(|| base.map_or_else(plain, |base| base.finish.clone())),
            looped: self.looped.unwrap_or_else(|| base.map_or(Source::Fixed(false), |base| base.looped.clone())),
        })
    }
}
