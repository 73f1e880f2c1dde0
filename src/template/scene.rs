//! The scene of motion graphics before anything is chosen: its [places](super::place) hold a value or take one from a
//! parameter, and a locale may say a part of it differently.
//!
//! Whatever a locale may leave out is looked for along its chain of locales, key by key, and at last in `[scene]` and
//! `[palettes]`. Everything is checked when the template is read, so building a scene cannot fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use festoon_spec::{Camera, CameraMove, Colour, Finish, Locale, Milli, Motif, MotionLayer, MotionScene, Palette};

use super::{
    Chosen,
    place::{FromChosen, Source, Uses, Values, by_locale, number, place},
    reader::{Item, Key, Section, Table, did_you_mean},
};

/// Most layers of a scene.
const MAX_LAYERS: usize = 8;
/// Most named palettes of a template.
const MAX_PALETTES: usize = 32;

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
        Key::optional(
            "locale",
            "tables by locale, see `[palettes.<name>.locale.<locale>]`",
            "none",
            "What the palette looks like in single locales.",
        ),
    ],
};

/// `[palettes.<name>.locale.<locale>]`.
pub static PALETTE_LOCALE: Section = Section {
    title: "[palettes.<name>.locale.<locale>]",
    about: "What is different for a locale and those that fall back to it: red and gold for `zh` where others see blue and gold. A key that is left out is taken from the next locale of the chain, as in `[scene.locale.<locale>]`.",
    keys: &[
        Key::optional("sky", "two or three colours", "as in the palette", "The background from top to bottom."),
        Key::optional("colours", "one to six colours", "as in the palette", "What moves; motifs take the first ones most."),
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
    about: "What is different for a locale and those that fall back to it. Each key replaces the whole value of `[scene]`; a key that is left out is taken from the next locale of the chain, at last from `[scene]`: `zh-Hant-TW` looks in `zh-Hant-TW`, `zh-Hant`, `zh`, `[scene]`, for a picture is in no script. Locales that come to the same scene share its plates. `festoon check` shows which locale gets which scene.",
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
    about: "How the eye moves, and its lens.",
    keys: &[
        Key::needed("movement", "`static`, `pan`, `push`, `orbit` or `handheld`", "Which way."),
        Key::optional("amount", "a number from 0 to 3", "1", "How far."),
        Key::optional(
            "shutter",
            "a number from 0 to 1",
            "0",
            "The share of a frame's time that the shutter stays open: what moves is smeared along its way. Film has 0.5.",
        ),
        Key::optional(
            "aperture",
            "a number from 0 to 1",
            "0",
            "How far the lens is open: the wider, the softer the layers whose depth is not the focus.",
        ),
        Key::optional("focus", "a number from 0 to 1", "0.5", "The depth that stays sharp."),
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
        Key::optional(
            "warmth",
            "a number from -1 to 1",
            "0",
            "The white of the picture: -1 is blue as shade, 1 golden as a lamp.",
        ),
        Key::optional("contrast", "a number from -1 to 1", "0", "-1 is matte, 1 is hard."),
        Key::optional("saturation", "a number from -1 to 1", "0", "Colourfulness: -1 is grey, 1 twice as colourful."),
    ],
};

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

/// A scene of motion graphics, for every locale.
#[derive(Debug, Clone)]
pub(super) struct MotionSource {
    palettes: BTreeMap<String, PaletteSource>,
    scene: SceneSource,
    locales: BTreeMap<Locale, OwnScene>,
}

#[derive(Debug, Clone)]
struct PaletteSource {
    sky: Vec<Source<Colour>>,
    colours: Vec<Source<Colour>>,
    locales: BTreeMap<Locale, OwnPalette>,
}

/// A palette as one table writes it.
#[derive(Debug, Clone)]
struct OwnPalette {
    sky: Option<Vec<Source<Colour>>>,
    colours: Option<Vec<Source<Colour>>>,
}

/// What the nearest locale of `chain` says, else what is said for everybody.
fn nearest<'a, O, T: ?Sized>(
    chain: &[Locale],
    own: &'a BTreeMap<Locale, O>,
    said: impl Fn(&'a O) -> Option<&'a T>,
    all: &'a T,
) -> &'a T {
    chain.iter().filter_map(|locale| own.get(locale)).find_map(said).unwrap_or(all)
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
    shutter: Source<Milli>,
    aperture: Source<Milli>,
    focus: Source<Milli>,
}

#[derive(Debug, Clone)]
struct FinishSource {
    glow: Source<Milli>,
    grain: Source<Milli>,
    vignette: Source<Milli>,
    warmth: Source<Milli>,
    contrast: Source<Milli>,
    saturation: Source<Milli>,
}

const TENTH: Milli = Milli(100);
const ZERO: Milli = Milli(0);
const MINUS_ONE: Milli = Milli(-1000);
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
        let table = template.table("scene", &SCENE)?;
        let scene = OwnScene::read(&table, uses, &names).complete();
        let mut locales = BTreeMap::new();
        for (locale, item) in by_locale(&table) {
            if let Some(own) = item.table(&SCENE_LOCALE) {
                locales.insert(locale, OwnScene::read(&own, uses, &names));
            }
        }
        Some(Self { palettes, scene: scene?, locales })
    }

    /// The locales for which something is said differently.
    pub fn locales(&self) -> impl Iterator<Item = &Locale> {
        self.locales.keys().chain(self.palettes.values().flat_map(|palette| palette.locales.keys()))
    }

    /// The scene along a chain of locales, nearest first, and for the chosen values.
    pub fn build(&self, chain: &[Locale], values: &Values) -> MotionScene {
        let (scene, own) = (&self.scene, &self.locales);
        let layers = nearest(chain, own, |own| own.layers.as_ref(), &scene.layers);
        let palette = nearest(chain, own, |own| own.palette.as_ref(), &scene.palette).take(values);
        let camera = nearest(chain, own, |own| own.camera.as_ref(), &scene.camera);
        let finish = nearest(chain, own, |own| own.finish.as_ref(), &scene.finish);
        let looped = nearest(chain, own, |own| own.looped.as_ref(), &scene.looped);
        let there = |layer: &&LayerSource| layer.when.iter().all(|(name, value)| values.get(name) == Some(value));
        MotionScene {
            layers: layers.iter().filter(there).map(|layer| layer.build(values)).collect(),
            palette: self.palettes.get(&palette.0).expect("checked: every name of a palette is one").build(chain, values),
            camera: camera.build(values),
            finish: finish.build(values),
            looped: looped.take(values),
        }
    }
}

impl OwnPalette {
    fn read(table: &Table<'_>, uses: &Uses<'_>) -> Self {
        let colours = |key: &str, count: RangeInclusive<usize>| {
            let items = table.find(key)?.list(*count.end());
            if items.len() < *count.start() {
                table.mistake("too-few", key, format!("`{key}` needs at least {} colours", count.start()), None);
            }
            let read = |item: &Item<'_>| item.read::<Colour>().map(|colour| colour.value);
            items.iter().map(|item| place(item, uses, read, |_| true)).collect::<Option<Vec<_>>>()
        };
        Self { sky: colours("sky", 2..=3), colours: colours("colours", 1..=6) }
    }
}

impl PaletteSource {
    fn read(table: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let OwnPalette { sky, colours } = OwnPalette::read(table, uses);
        let locales = by_locale(table).into_iter().filter_map(|(locale, item)| {
            let own = item.table(&PALETTE_LOCALE)?;
            Some((locale, OwnPalette::read(&own, uses)))
        });
        let locales = locales.collect();
        Some(Self { sky: sky?, colours: colours?, locales })
    }

    fn build(&self, chain: &[Locale], values: &Values) -> Palette {
        let take = |colours: &[Source<Colour>]| colours.iter().map(|colour| colour.take(values)).collect();
        Palette {
            sky: take(nearest(chain, &self.locales, |own| own.sky.as_deref(), &self.sky)),
            colours: take(nearest(chain, &self.locales, |own| own.colours.as_deref(), &self.colours)),
        }
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
            let Some(parameter) = uses.parameter(table.page, name.span, name.value) else { continue };
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

impl CameraSource {
    /// The move is read by the caller.
    fn read(movement: Option<Source<CameraMove>>, table: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let part = |key, usual| number(table, uses, key, ZERO..=Milli::ONE, usual);
        let amount = number(table, uses, "amount", ZERO..=THREE, Milli::ONE);
        let (shutter, aperture) = (part("shutter", ZERO), part("aperture", ZERO));
        let focus = part("focus", Camera::usual_focus());
        Some(Self { movement: movement?, amount: amount?, shutter: shutter?, aperture: aperture?, focus: focus? })
    }

    fn still() -> Self {
        let Camera { movement, amount, shutter, aperture, focus } = Camera::new(CameraMove::Static, Milli::ONE);
        let fixed = Source::Fixed;
        Self {
            movement: Source::Fixed(movement),
            amount: fixed(amount),
            shutter: fixed(shutter),
            aperture: fixed(aperture),
            focus: fixed(focus),
        }
    }

    fn build(&self, values: &Values) -> Camera {
        Camera {
            movement: self.movement.take(values),
            amount: self.amount.take(values),
            shutter: self.shutter.take(values),
            aperture: self.aperture.take(values),
            focus: self.focus.take(values),
        }
    }
}

impl FinishSource {
    fn read(table: &Table<'_>, uses: &Uses<'_>) -> Option<Self> {
        let laid = |key| number(table, uses, key, ZERO..=Milli::ONE, ZERO);
        let graded = |key| number(table, uses, key, MINUS_ONE..=Milli::ONE, ZERO);
        let (glow, grain, vignette) = (laid("glow"), laid("grain"), laid("vignette"));
        let (warmth, contrast, saturation) = (graded("warmth"), graded("contrast"), graded("saturation"));
        Some(Self {
            glow: glow?,
            grain: grain?,
            vignette: vignette?,
            warmth: warmth?,
            contrast: contrast?,
            saturation: saturation?,
        })
    }

    fn plain() -> Self {
        let off = || Source::Fixed(ZERO);
        Self { glow: off(), grain: off(), vignette: off(), warmth: off(), contrast: off(), saturation: off() }
    }

    fn build(&self, values: &Values) -> Finish {
        Finish {
            glow: self.glow.take(values),
            grain: self.grain.take(values),
            vignette: self.vignette.take(values),
            warmth: self.warmth.take(values),
            contrast: self.contrast.take(values),
            saturation: self.saturation.take(values),
        }
    }
}

/// A scene as one table writes it.
#[derive(Debug, Clone)]
struct OwnScene {
    layers: Option<Vec<LayerSource>>,
    palette: Option<Source<PaletteName>>,
    camera: Option<CameraSource>,
    finish: Option<FinishSource>,
    looped: Option<Source<bool>>,
}

impl OwnScene {
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
            CameraSource::read(movement, &camera, uses)
        });
        let finish = table.find("finish").and_then(|item| item.table(&FINISH));
        let finish = finish.and_then(|finish| FinishSource::read(&finish, uses));
        let looped = table.find("looped").and_then(|item| place(&item, uses, |item| item.flag(), |_| true));
        Self { layers, palette, camera, finish, looped }
    }

    /// Fills the gaps with what is usual. `None` if a part that must be there is not.
    fn complete(self) -> Option<SceneSource> {
        Some(SceneSource {
            layers: self.layers?,
            palette: self.palette?,
            camera: self.camera.unwrap_or_else(CameraSource::still),
            finish: self.finish.unwrap_or_else(FinishSource::plain),
            looped: self.looped.unwrap_or(Source::Fixed(false)),
        })
    }
}
