//! Reads a folder of templates and reports every mistake in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use festoon_spec::{Abilities, Canonical, Canvas, Digest, Locale, Milli, TemplateId, Value};

use super::{
    Canvases, Mistake, Parameter, Public, Report, SceneSource, SourceFile, Template, Touches, Words,
    audio::{AUDIO, AudioSource},
    canvas::CANVAS,
    declared::{Declared, read_parameters},
    delivery::{DELIVERY, Lifetimes},
    overlay::{OverlaySource, named_words, sections::OVERLAY},
    place::Uses,
    prerender::read_rule,
    prompt::WanSource,
    public::PUBLIC,
    reader::{Key, Page, Section, Table, did_you_mean},
    scene::MotionSource,
};
use crate::locale::Fallbacks;

/// Most templates of one folder.
const MAX_TEMPLATES: usize = 1000;
/// Most files of words of one template.
const MAX_WORDS: usize = 200;
/// Most pre-render rules of one template.
const MAX_RULES: usize = 32;
/// Context of a template's plate digest.
const PLATE_CONTEXT: &str = "festoon 2026-11 template plate digest v1";
/// Context of a template's revision.
const REVISION_CONTEXT: &str = "festoon 2026-11 template revision v1";

/// `template.toml`.
pub static TEMPLATE: Section = Section {
    title: "template.toml",
    about: "A template is a folder with this file and `words/<locale>.toml`. The folder's name is the template's id: lower-case letters, digits and single hyphens.",
    keys: &[
        Key::needed(
            "painter",
            "`motion` or `wan`",
            "Who paints the plates: procedural motion graphics, or the text-to-video model.",
        ),
        Key::optional("default_locale", "a locale", "`en`", "Whose words are taken for a locale that has none."),
        Key::optional(
            "fallback",
            "a table of locales by locale",
            "none",
            "Where else to look for words and scenes, for example `{ \"zh-Hant\" = \"zh-Hans\" }`, which never happens by itself.",
        ),
        Key::needed("canvas", "a table, see `[canvas]`", "Size, length, frame rate and ratios."),
        Key::optional("parameters", "a table for each parameter, see `[parameters.<name>]`", "none", "What may be chosen."),
        Key::optional("palettes", "a table for each palette, see `[palettes.<name>]`", "none", "Colours for motion graphics."),
        Key::optional("scene", "a table, see `[scene]`", "none", "What motion graphics paint; needed if `painter = \"motion\"`."),
        Key::optional("prompt", "a table, see `[prompt]`", "none", "What the model is told; needed if `painter = \"wan\"`."),
        Key::optional("sampling", "a table, see `[sampling]`", "none", "How the model paints; needed if `painter = \"wan\"`."),
        Key::optional("overlay", "a table, see `[overlay]`", "none", "What is drawn on the plates."),
        Key::optional("audio", "a table, see `[audio]`", "silence", "What sounds under the clips."),
        Key::optional(
            "poster",
            "seconds from 0 to less than the clip's length",
            "the middle of the first window of `[overlay]`, or of the clip",
            "Which picture stands for a clip: posters without `at=`.",
        ),
        Key::optional("public", "a table, see `[public]`", "the defaults alone", "What strangers may cause to be made."),
        Key::optional(
            "delivery",
            "a table, see `[delivery]`",
            "as in the settings",
            "How long the clips are kept under their names.",
        ),
        Key::optional("prerender", "tables, see `[[prerender]]`", "none", "What is painted before anybody asks."),
    ],
};

/// What templates may refer to. What is not known is not checked.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The ids of feasts.
    pub feasts: Option<BTreeSet<String>>,
    /// The configured checkpoints by name, with what they can give where they are there.
    pub models: Option<BTreeMap<String, Option<Abilities>>>,
}

/// Reads the templates in `folder`, or the one whose folder it is. Gives those without a mistake, and every mistake of the
/// others.
pub fn check(folder: &Path, known: &Known) -> (Vec<Template>, Report) {
    let mut found = Vec::new();
    let mut report = Report::default();
    for (_, read) in read_all(folder, known) {
        match read {
            Ok(template) => found.push(template),
            Err(mistakes) => report.mistakes.extend(mistakes),
        }
    }
    (found, report)
}

/// One folder's name and what was found in it.
pub(super) type ReadFolder = (String, Result<Template, Vec<Mistake>>);

/// Reads each template in `folder`, or the one whose folder it is.
pub(super) fn read_all(folder: &Path, known: &Known) -> Vec<ReadFolder> {
    let name = |folder: &Path| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if folder.join("template.toml").is_file() {
        let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        return vec![(name(&absolute), read(folder, &name(&absolute), known))];
    }
    let folders = match subfolders(folder) {
        Ok(folders) => folders,
        Err(error) => return vec![(String::new(), Err(vec![Mistake::unreadable(folder, &error)]))],
    };
    if folders.is_empty() || folders.len() > MAX_TEMPLATES {
        let message = format!(
            "expected 1 to {MAX_TEMPLATES} folders with a template.toml in {}, found {}",
            folder.display(),
            folders.len()
        );
        return vec![(String::new(), Err(vec![Mistake::of_file(folder, "no-templates", message)]))];
    }
    folders.iter().map(|folder| (name(folder), read(folder, &name(folder), known))).collect()
}

fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Reads one template.
fn read(folder: &Path, name: &str, known: &Known) -> Result<Template, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let id = name.parse::<TemplateId>();
    if let Err(error) = &id {
        mistakes.push(Mistake::of_file(folder, "bad-template-id", error.to_string()));
    }
    let page = match SourceFile::open(&folder.join("template.toml")) {
        Ok(file) => Page::new(file),
        Err(mistake) => {
            mistakes.push(mistake);
            return Err(mistakes);
        }
    };
    let mut revision = Canonical::default();
    revision.text("template.toml", page.file.text());

    let parts = {
        let document = page.parse();
        let table = page.open(&document, &TEMPLATE);
        let declared = read_parameters(&table);
        let drawn = named_words(page.file.text());
        let (words, wrong) = read_words(&folder.join("words"), &declared, &drawn, &mut revision);
        // What a broken template.toml declares is not known well enough to judge words by it.
        if !page.is_broken() {
            mistakes.extend(wrong);
        }
        read_parts(&table, declared, words, &drawn, folder, known)
    };
    mistakes.splice(0..0, page.finish());
    match (id, parts) {
        (Ok(id), Some(parts)) if mistakes.is_empty() => {
            for bed in parts.audio.iter().flat_map(AudioSource::digests) {
                revision.put("bed", Value::Digest(*bed.as_bytes()));
            }
            Ok(parts.named(id, revision.digest(REVISION_CONTEXT)))
        }
        _ => Err(mistakes),
    }
}

/// Everything of a template but its name.
struct Parts {
    parameters: Vec<Parameter>,
    canvases: Canvases,
    default_locale: Locale,
    fallbacks: Fallbacks,
    words: BTreeMap<Locale, (Locale, Words)>,
    source: SceneSource,
    overlay: Option<OverlaySource>,
    audio: Option<AudioSource>,
    poster: u32,
    prerender: Vec<super::PrerenderRule>,
    public: Public,
    lifetimes: Lifetimes,
    plate_digest: Digest,
}

impl Parts {
    fn named(self, id: TemplateId, revision: Digest) -> Template {
        let Parts {
            parameters,
            canvases,
            default_locale,
            fallbacks,
            words,
            source,
            overlay,
            audio,
            poster,
            prerender,
            public,
            lifetimes,
            plate_digest,
        } = self;
        Template {
            id,
            parameters,
            canvases,
            poster,
            prerender,
            public,
            lifetimes,
            revision,
            default_locale,
            fallbacks,
            words,
            source,
            overlay,
            audio,
            plate_digest,
        }
    }
}

/// Reads what template.toml says. Everything is looked at before anything missing ends it, so that every mistake is found.
fn read_parts(
    table: &Table<'_>,
    declared: Declared,
    words: BTreeMap<Locale, (Locale, Words)>,
    drawn: &[String],
    folder: &Path,
    known: &Known,
) -> Option<Parts> {
    let default_locale = match table.find("default_locale") {
        Some(item) => item.read::<Locale>().map(|locale| locale.value),
        None => "en".parse().ok(),
    };
    if let Some(locale) = default_locale.as_ref().filter(|locale| !words.contains_key(&locale.minimized())) {
        let hint = format!("write words/{locale}.toml");
        table.mistake("missing-words", "default_locale", format!("there are no words for the default locale `{locale}`"), hint);
    }
    let fallbacks = read_fallbacks(table);
    let uses = Uses::of(&declared, Touches::Plate);
    let painter = table.text("painter");
    let wan = painter.as_ref().is_some_and(|painter| painter.value == "wan");
    let canvases = table.table("canvas", &CANVAS).and_then(|canvas| Canvases::read(&canvas));
    let source = match painter.as_ref().map(|painter| painter.value) {
        Some("motion") => {
            refuse(table, "motion", &["prompt", "sampling"]);
            require(table, "motion", &["scene"]);
            MotionSource::read(table, &uses).map(|motion| SceneSource::Motion(Box::new(motion)))
        }
        Some("wan") => {
            refuse(table, "wan", &["scene", "palettes"]);
            require(table, "wan", &["prompt", "sampling"]);
            let focus = canvases.as_ref().and_then(|canvases| canvases.focus);
            let source = WanSource::read(table, &declared, &uses, focus);
            if let (Some(source), Some(models)) = (&source, &known.models) {
                check_model(table, source, canvases.as_ref(), models);
            }
            source.map(|wan| SceneSource::Wan(Box::new(wan)))
        }
        Some(other) => {
            let hint = "the painters are: motion, wan".to_owned();
            table.mistake("unknown-painter", "painter", format!("there is no painter `{other}`"), hint);
            None
        }
        None => None,
    };
    if source.is_some() {
        uses.note_unused(table, |name| {
            let hint = "use it in the scene or the prompt, or write `touches = \"overlay\"`".to_owned();
            (format!("the parameter `{name}` touches the plate, but nothing there uses it"), hint)
        });
    }
    let layers = table.table("overlay", &OVERLAY);
    let overlay = layers.map(|layers| {
        canvases.as_ref().and_then(|canvases| read_overlay(&layers, &declared, canvases, drawn, &words, folder, table))
    });
    let audio = read_audio(table, &declared, canvases.as_ref(), folder);
    let chain = |locale: &Locale| fallbacks.as_ref().map(|fallbacks| fallbacks.chain(locale)).unwrap_or_default();
    let mut prerender: Vec<super::PrerenderRule> = Vec::new();
    for item in table.list("prerender", MAX_RULES) {
        let locales: Vec<_> = words.values().map(|(written, _)| written.clone()).collect();
        let has_words = |locale: &Locale| chain(locale).iter().any(|locale| words.contains_key(locale));
        if let Some(rule) = read_rule(&item, &declared, canvases.as_ref(), &locales, &has_words, known.feasts.as_ref()) {
            if prerender.iter().any(|earlier| earlier.id == rule.id) {
                let hint = "write another `id = …`".to_owned();
                item.mistake("repeated-name", format!("there are two rules with the id `{}`", rule.id), hint);
            }
            prerender.push(rule);
        }
    }
    let windows = overlay.as_ref().and_then(Option::as_ref).map(OverlaySource::windows).unwrap_or_default();
    let poster = canvases.as_ref().and_then(|canvases| read_poster(table, &canvases.base, &windows));
    let public = table.table("public", &PUBLIC).map(|table| Public::read(&table, &declared)).unwrap_or_default();
    let lifetimes = table.table("delivery", &DELIVERY).map(|table| Lifetimes::read(&table)).unwrap_or_default();
    let plate_digest = digest_plate(table, wan);
    Some(Parts {
        canvases: canvases?,
        default_locale: default_locale?,
        fallbacks: fallbacks?,
        source: source?,
        parameters: declared.sound,
        words,
        overlay: match overlay {
            Some(read) => Some(read?),
            None => None,
        },
        audio: match audio {
            Some(read) => Some(read?),
            None => None,
        },
        poster: poster?,
        prerender,
        public,
        lifetimes,
        plate_digest,
    })
}

/// The frame that is seen at `poster`.
fn read_poster(table: &Table<'_>, canvas: &Canvas, windows: &[Range<u32>]) -> Option<u32> {
    let Canvas { frames, fps, .. } = *canvas;
    let Some(item) = table.find("poster") else {
        return Some(windows.first().map_or(frames / 2, |window| window.start + (window.end - window.start) / 2));
    };
    let (seconds, last) = (item.milli(Milli(0)..=Milli(1_800_000))?, Milli(i64::from(frames) * 1000 / i64::from(fps)));
    let frame = u32::try_from(seconds.0 * i64::from(fps) / 1000).ok().filter(|frame| *frame < frames);
    if frame.is_none() {
        item.mistake("out-of-range", format!("`poster` is {seconds}, the clip lasts {last} s"), None);
    }
    frame
}

/// Reads `[overlay]`, and notes the parameters that touch it and that nothing of it draws.
fn read_overlay(
    layers: &Table<'_>,
    declared: &Declared,
    canvases: &Canvases,
    drawn: &[String],
    words: &BTreeMap<Locale, (Locale, Words)>,
    folder: &Path,
    table: &Table<'_>,
) -> Option<OverlaySource> {
    let uses = Uses::of(declared, Touches::Overlay);
    let overlay = OverlaySource::read(layers, &uses, canvases, drawn, folder);
    for name in words.values().flat_map(|(_, words)| words.drawn_parameters()) {
        uses.note(name);
    }
    if overlay.is_some() {
        uses.note_unused(table, |name| {
            let hint = format!("write {{{name}}} in a layer, or leave the parameter out");
            (format!("the parameter `{name}` touches the overlay, but no layer uses it"), hint)
        });
    }
    overlay
}

/// Reads `[audio]`, and notes the parameters that touch the sound and that it does not use. `None` of silence, and in it `None`
/// after a mistake.
fn read_audio(table: &Table<'_>, declared: &Declared, canvases: Option<&Canvases>, folder: &Path) -> Option<Option<AudioSource>> {
    let uses = Uses::of(declared, Touches::Sound);
    let audio = table.table("audio", &AUDIO);
    // Length and frame rate are the same in every ratio.
    let read = audio.map(|audio| AudioSource::read(&audio, &uses, &canvases?.base, folder));
    if !matches!(read, Some(None)) {
        uses.note_unused(table, |name| {
            let hint = format!("write `file = {{ by = \"{name}\", … }}` in [audio], or leave the parameter out");
            (format!("the parameter `{name}` touches the sound, but [audio] does not use it"), hint)
        });
    }
    read
}

fn refuse(table: &Table<'_>, painter: &str, keys: &[&str]) {
    for key in keys.iter().filter(|key| table.has(key)) {
        table.mistake("misplaced-key", key, format!("the painter `{painter}` does not read `{key}`"), "leave it out".to_owned());
    }
}

fn require(table: &Table<'_>, painter: &str, keys: &[&str]) {
    for key in keys.iter().filter(|key| !table.has(key)) {
        table.mistake("missing-key", "painter", format!("the painter `{painter}` needs [{key}]"), None);
    }
}

/// Whether the model is there and can give what the template asks for.
fn check_model(table: &Table<'_>, source: &WanSource, canvases: Option<&Canvases>, models: &BTreeMap<String, Option<Abilities>>) {
    let model = &source.model;
    match models.get(model) {
        None => {
            let hint = did_you_mean(model, models.keys().map(String::as_str));
            let message = format!("there is no model `{model}` in the configuration");
            table.mistake_at("unknown-model", &["sampling", "model"], message, hint);
        }
        Some(Some(abilities)) => {
            for (path, shortfall) in canvases.map(|canvases| source.shortfalls(canvases, abilities)).unwrap_or_default() {
                let message = format!("the model `{model}` cannot give this: {shortfall}");
                table.mistake_at(shortfall.code(), &path, message, shortfall.hint());
            }
        }
        // It is told elsewhere that the folder is not there; templates that need it cannot be picked.
        Some(None) => {}
    }
}

fn read_fallbacks(table: &Table<'_>) -> Option<Fallbacks> {
    let mut declared = Vec::new();
    for (from, to) in table.entries("fallback", MAX_WORDS) {
        match from.value.parse::<Locale>() {
            Ok(from) => declared.push((from, to.read::<Locale>()?.value)),
            Err(error) => table.page.mistake("bad-locale", from.span, error.to_string(), None),
        }
    }
    Some(Fallbacks::new(declared))
}

type ReadWords = (BTreeMap<Locale, (Locale, Words)>, Vec<Mistake>);

/// Reads every file of words.
fn read_words(folder: &Path, declared: &Declared, drawn: &[String], revision: &mut Canonical) -> ReadWords {
    let mut words: BTreeMap<Locale, (Locale, Words)> = BTreeMap::new();
    let mut mistakes = Vec::new();
    let files = match words_files(folder) {
        Ok(files) if files.len() <= MAX_WORDS => files,
        Ok(files) => {
            let message = format!("{} files of words, at most {MAX_WORDS} are allowed", files.len());
            return (words, vec![Mistake::of_file(folder, "too-many", message)]);
        }
        Err(error) => return (words, vec![Mistake::unreadable(folder, &error)]),
    };
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let locale = match name.parse::<Locale>() {
            Ok(locale) if locale.as_str() == name => Some(locale),
            Ok(locale) => {
                let message = format!("the file is named `{name}.toml`, its canonical name is `{locale}.toml`");
                mistakes.push(Mistake::of_file(&path, "bad-locale", message));
                None
            }
            Err(error) => {
                mistakes.push(Mistake::of_file(&path, "bad-locale", error.to_string()));
                None
            }
        };
        let page = match SourceFile::open(&path) {
            Ok(file) => Page::new(file),
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
        };
        revision.text(&format!("words/{name}.toml"), page.file.text());
        let read = Words::read(&page, declared, drawn);
        mistakes.extend(page.finish());
        let Some(locale) = locale else { continue };
        if let Some((other, _)) = words.insert(locale.minimized(), (locale.clone(), read)) {
            let message = format!("`{locale}` and `{other}` mean the same: keep one of the two files");
            mistakes.push(Mistake::of_file(&path, "repeated-locale", message));
        }
    }
    (words, mistakes)
}

fn words_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn digest_plate(table: &Table<'_>, wan: bool) -> Digest {
    let mut form = Canonical::default();
    table.write(&mut form, &["painter"]);
    // What else stands in [canvas] is in the plate's own spec, where it moves a pixel.
    table.write_table(&mut form, "canvas", &["fps", "frames", "height", "width"]);
    if wan {
        table.write_inside(&mut form, "prompt", &["skeleton", "negative"]);
        let sampling = ["sampler", "steps", "shift", "guidance_high", "guidance_low", "loras", "longer"];
        table.write_inside(&mut form, "sampling", &sampling);
    } else {
        table.write_inside(&mut form, "scene", &["layers", "palette", "camera", "finish", "looped"]);
    }
    form.digest(PLATE_CONTEXT)
}
