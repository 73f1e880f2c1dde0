//! The faces that write.
//!
//! Each script has its pinned faces, taken by file from Debian's Noto packages: nothing is discovered, so that the same words
//! look the same on every machine that has the same files, and [`Faces::digest`] can name what they look like. A text is
//! written with the faces of its own script, not of its reader's: a Japanese name in a French clip has Japanese forms.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cosmic_text::{Fallback, FontSystem, SwashCache, fontdb};
use festoon_spec::{Canonical, CheckpointError, Digest, DigestMemory, Locale, Value};
use unicode_script::{Script, UnicodeScript};

use super::{
    OverlayError,
    error::FacesError,
    layer::{FaceRole, Voice, Weight},
};

/// The environment variable that names the folders to look in instead.
const VARIABLE: &str = "FESTOON_FACES";
/// Where Debian's fonts-noto packages put their files.
const FOLDERS: [&str; 2] = ["/usr/share/fonts/truetype/noto", "/usr/share/fonts/opentype/noto"];
/// Context of [`Faces::digest`].
const CONTEXT: &str = "festoon 2026-11 faces digest v1";
/// Most sets of faces that are kept ready: voices, weights and Han forms make 20, brand faces more.
const MOST_DESKS: usize = 48;
/// Most glyphs that one set keeps drawn.
const MOST_GLYPHS: usize = 4096;

/// Which forms Han characters take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Han {
    Japanese,
    Korean,
    Simplified,
    Traditional,
    HongKong,
}

/// Scripts with their families: sans, serif.
static SCRIPTS: [(Script, [&str; 2]); 19] = [
    (Script::Latin, ["NotoSans", "NotoSerifDisplay"]),
    (Script::Arabic, ["NotoSansArabic", "NotoNaskhArabic"]),
    (Script::Armenian, ["NotoSansArmenian", "NotoSerifArmenian"]),
    (Script::Bengali, ["NotoSansBengali", "NotoSerifBengali"]),
    (Script::Devanagari, ["NotoSansDevanagari", "NotoSerifDevanagari"]),
    (Script::Ethiopic, ["NotoSansEthiopic", "NotoSerifEthiopic"]),
    (Script::Georgian, ["NotoSansGeorgian", "NotoSerifGeorgian"]),
    (Script::Gujarati, ["NotoSansGujarati", "NotoSerifGujarati"]),
    (Script::Gurmukhi, ["NotoSansGurmukhi", "NotoSerifGurmukhi"]),
    (Script::Hebrew, ["NotoSansHebrew", "NotoSerifHebrew"]),
    (Script::Kannada, ["NotoSansKannada", "NotoSerifKannada"]),
    (Script::Khmer, ["NotoSansKhmer", "NotoSerifKhmer"]),
    (Script::Lao, ["NotoSansLao", "NotoSerifLao"]),
    (Script::Malayalam, ["NotoSansMalayalam", "NotoSerifMalayalam"]),
    (Script::Myanmar, ["NotoSansMyanmar", "NotoSerifMyanmar"]),
    (Script::Sinhala, ["NotoSansSinhala", "NotoSerifSinhala"]),
    (Script::Tamil, ["NotoSansTamil", "NotoSerifTamil"]),
    (Script::Telugu, ["NotoSansTelugu", "NotoSerifTelugu"]),
    (Script::Thai, ["NotoSansThai", "NotoSerifThai"]),
];

/// The families of Han characters, kana and hangul by their forms: sans, serif.
static HAN: [(Han, [&str; 2]); 5] = [
    (Han::Japanese, ["NotoSansCJKjp", "NotoSerifCJKjp"]),
    (Han::Korean, ["NotoSansCJKkr", "NotoSerifCJKkr"]),
    (Han::Simplified, ["NotoSansCJKsc", "NotoSerifCJKsc"]),
    (Han::Traditional, ["NotoSansCJKtc", "NotoSerifCJKtc"]),
    (Han::HongKong, ["NotoSansCJKhk", "NotoSerifCJKhk"]),
];

/// Faces for what is in no script's: tried in this order.
const COMMON: [(&str, &str); 4] = [
    ("NotoColorEmoji.ttf", "NotoColorEmoji"),
    ("NotoSansSymbols-Regular.ttf", "NotoSansSymbols-Regular"),
    ("NotoSansSymbols2-Regular.ttf", "NotoSansSymbols2-Regular"),
    ("NotoSansMath-Regular.ttf", "NotoSansMath-Regular"),
];

/// The family that a template's own face goes by.
const BRAND: &str = "brand";
/// The family of emoji.
pub(super) const EMOJI: &str = "NotoColorEmoji";

/// The faces of this machine. Shared: preparing an overlay borrows the ones it needs.
#[derive(Debug)]
pub struct Faces {
    folders: Vec<PathBuf>,
    /// By PostScript name.
    known: BTreeMap<String, fontdb::FaceInfo>,
    desks: Mutex<BTreeMap<DeskName, Arc<Mutex<Desk>>>>,
}

/// What decides which faces write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct DeskName {
    voice: Voice,
    weight: Weight,
    han: Han,
    brand: Option<String>,
}

/// Faces in the order in which they are tried, and their glyphs.
pub(super) struct Desk {
    pub fonts: FontSystem,
    pub glyphs: SwashCache,
    has_brand: bool,
    voice: Voice,
    han: Han,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("voice", &self.voice).field("han", &self.han).finish_non_exhaustive()
    }
}

impl Faces {
    /// Finds the faces in the folders of `FESTOON_FACES`, or else where Debian puts them.
    ///
    /// # Errors
    /// If one is not there, with the package that has it.
    pub fn find() -> Result<Self, FacesError> {
        match env::var_os(VARIABLE).filter(|folders| !folders.is_empty()) {
            Some(folders) => Self::open(env::split_paths(&folders).collect()),
            None => Self::open(FOLDERS.map(PathBuf::from).to_vec()),
        }
    }

    /// Finds the faces in these folders.
    ///
    /// # Errors
    /// If one is not there, with the package that has it.
    pub fn open(folders: Vec<PathBuf>) -> Result<Self, FacesError> {
        let mut known = BTreeMap::new();
        for (file, names) in files() {
            let path = find_file(&folders, &file)?;
            let mut database = fontdb::Database::new();
            // A file that cannot be read holds no faces, which is told below.
            let _ = database.load_font_file(&path);
            for name in names {
                let face = database.faces().find(|face| face.post_script_name == name);
                let unreadable = || FacesError::Unreadable { path: path.clone(), name: name.clone() };
                known.insert(name.clone(), face.ok_or_else(unreadable)?.clone());
            }
        }
        Ok(Self { folders, known, desks: Mutex::default() })
    }

    /// Names the files of all faces.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn digest(&self, memory: &mut DigestMemory) -> Result<Digest, CheckpointError> {
        let mut form = Canonical::default();
        for (file, _) in files() {
            let path = find_file(&self.folders, &file).unwrap_or_else(|_| PathBuf::from(&file));
            form.put(&file, Value::Digest(*memory.file(&path)?.as_bytes()));
        }
        Ok(form.digest(CONTEXT))
    }

    /// The faces that write `words` in this role for this locale.
    pub(super) fn desk(&self, role: &FaceRole, words: &str, locale: &Locale) -> Result<Arc<Mutex<Desk>>, OverlayError> {
        let brand = role.brand.as_ref().map(|brand| brand.digest().to_string());
        let name = DeskName { voice: role.voice, weight: role.weight, han: han(words, locale), brand };
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = desks.get(&name) {
            return Ok(desk.clone());
        }
        if desks.len() >= MOST_DESKS {
            desks.clear();
        }
        let desk = Arc::new(Mutex::new(self.set_up(&name, role)?));
        desks.insert(name, desk.clone());
        Ok(desk)
    }

    fn set_up(&self, name: &DeskName, role: &FaceRole) -> Result<Desk, OverlayError> {
        let mut database = fontdb::Database::new();
        // All faces of a desk claim one weight: which one is taken is decided here, and not by how near the weights are.
        let weight = match name.weight {
            Weight::Regular => fontdb::Weight::NORMAL,
            Weight::Bold => fontdb::Weight::BOLD,
        };
        let mut add = |family: &str, face: &fontdb::FaceInfo| {
            database.push_face_info(fontdb::FaceInfo {
                families: vec![(family.to_owned(), fontdb::Language::English_UnitedStates)],
                style: fontdb::Style::Normal,
                weight,
                stretch: fontdb::Stretch::Normal,
                monospaced: false,
                ..face.clone()
            });
        };
        if let Some(brand) = &role.brand {
            let problem = |problem: &str| OverlayError::Face { layer: String::new(), problem: problem.to_owned() };
            let bytes = brand.bytes().ok_or_else(|| problem("its bytes are not here"))?.clone();
            let mut own = fontdb::Database::new();
            own.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
            let face = own.faces().next().ok_or_else(|| problem("it cannot be read"))?;
            add(BRAND, face);
        }
        for script in SCRIPTS.iter().map(|(script, _)| *script).chain([Script::Han]) {
            let family = family(script, name.voice, name.han);
            add(family, &self.known[&format!("{family}-{}", heavy(name.weight))]);
        }
        for (_, face) in COMMON {
            add(face, &self.known[face]);
        }
        let mut common = vec![*family(Script::Latin, name.voice, name.han)];
        common.extend(COMMON.map(|(_, face)| face));
        common.push(family(Script::Han, name.voice, name.han));
        let chain = Chain { voice: name.voice, han: name.han, common };
        // Which forms Han characters take is decided by the faces; the text engine needs no locale.
        let fonts = FontSystem::new_with_locale_and_db_and_fallback("en".to_owned(), database, chain);
        Ok(Desk { fonts, glyphs: SwashCache::new(), has_brand: role.brand.is_some(), voice: name.voice, han: name.han })
    }
}

impl Desk {
    /// Takes the desk for oneself.
    pub fn take(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
        // A panic in the text engine leaves caches that hold nothing half-made.
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.glyphs.image_cache.len() > MOST_GLYPHS {
            desk.glyphs = SwashCache::new();
        }
        desk
    }

    /// The family that is tried first for a text whose main script is this.
    pub fn family(&self, script: Script) -> &'static str {
        if self.has_brand { BRAND } else { family(script, self.voice, self.han) }
    }
}

/// Which families follow when the first has no glyph.
struct Chain {
    voice: Voice,
    han: Han,
    common: Vec<&'static str>,
}

/// The family of a script; Latin's, which has Greek and Cyrillic too, if it has none of its own.
fn family(script: Script, voice: Voice, han: Han) -> &'static &'static str {
    let families = match script {
        Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo => {
            &HAN.iter().find(|(known, _)| *known == han).expect("all forms are listed").1
        }
        _ => &SCRIPTS.iter().find(|(known, _)| *known == script).unwrap_or(&SCRIPTS[0]).1,
    };
    &families[usize::from(voice == Voice::Serif)]
}

impl Fallback for Chain {
    fn common_fallback(&self) -> &[&'static str] {
        &self.common
    }
    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }
    fn script_fallback(&self, script: Script, _locale: &str) -> &[&'static str] {
        std::slice::from_ref(family(script, self.voice, self.han))
    }
}

fn heavy(weight: Weight) -> &'static str {
    match weight {
        Weight::Regular => "Regular",
        Weight::Bold => "Bold",
    }
}

/// The script that most letters of a text are in; Latin if it has none.
pub(super) fn main_script(words: &str) -> Script {
    let mut counts: Vec<(Script, usize)> = Vec::new();
    for script in words.chars().map(|character| character.script()) {
        // Kana and Han are one writing.
        let script = match script {
            Script::Common | Script::Inherited | Script::Unknown => continue,
            Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul => Script::Han,
            script => script,
        };
        match counts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => counts.push((script, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max();
    counts.iter().find(|(_, count)| Some(*count) == most).map_or(Script::Latin, |(script, _)| *script)
}

/// Which Han forms a text takes: those of the script beside them, else those of its locale.
fn han(words: &str, locale: &Locale) -> Han {
    if words.chars().any(|character| matches!(character.script(), Script::Hiragana | Script::Katakana)) {
        return Han::Japanese;
    }
    if words.chars().any(|character| character.script() == Script::Hangul) {
        return Han::Korean;
    }
    match (locale.language(), locale.script().as_deref(), locale.region().as_deref()) {
        ("ja", ..) => Han::Japanese,
        ("ko", ..) => Han::Korean,
        (_, Some("Hant"), Some("HK" | "MO")) => Han::HongKong,
        (_, Some("Hant"), _) => Han::Traditional,
        _ => Han::Simplified,
    }
}

/// Every file, with the PostScript names of the faces that are taken from it.
fn files() -> Vec<(String, Vec<String>)> {
    let mut files = Vec::new();
    for weight in ["Regular", "Bold"] {
        for family in SCRIPTS.iter().flat_map(|(_, families)| families) {
            files.push((format!("{family}-{weight}.ttf"), vec![format!("{family}-{weight}")]));
        }
        for (voice, file) in ["NotoSansCJK", "NotoSerifCJK"].into_iter().enumerate() {
            let names = HAN.iter().map(|(_, families)| format!("{}-{weight}", families[voice])).collect();
            files.push((format!("{file}-{weight}.ttc"), names));
        }
    }
    files.extend(COMMON.map(|(file, face)| (file.to_owned(), vec![face.to_owned()])));
    files
}

fn find_file(folders: &[PathBuf], file: &str) -> Result<PathBuf, FacesError> {
    let mut places = folders.iter().map(|folder| folder.join(file));
    places.find(|path| path.is_file()).ok_or_else(|| FacesError::Missing {
        file: file.to_owned(),
        package: match file {
            file if file.contains("CJK") => "fonts-noto-cjk",
            "NotoColorEmoji.ttf" => "fonts-noto-color-emoji",
            _ => "fonts-noto-core",
        },
        looked: folders.iter().map(|folder| Path::display(folder).to_string()).collect::<Vec<_>>().join(", "),
    })
}
