//! `festoon new`: a template to begin with, which passes `festoon check` as it is written.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use festoon_spec::{Canvas, Locale, TemplateId};
use miette::{Diagnostic, miette};
use serde_json::json;

use super::{Exit, Invocation};
use crate::template::{self, Known, Ratio, Report};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon new spring-sale
  festoon new spring-sale --title \"Spring sale\" --locale en --locale ja --ratio 9:16 --ratio 16:9
  festoon new gift-box --model default

With --json: {template, folder, files}";

/// What a template begins with, whoever paints it; `@NAME@` is filled in.
const HEAD: &str = include_str!("new/head.toml");
const MOTION: &str = include_str!("new/motion.toml");
const WAN: &str = include_str!("new/wan.toml");
const OVERLAY: &str = include_str!("new/overlay.toml");

/// What the choice that touches the plate says, by who paints it.
const MOOD_OF_MOTION: &str = "[parameters.mood]\nkind = \"choice\"\ntouches = \"plate\"\nchoices = [\"night\", \"day\"]\n";
const MOOD_OF_WAN: &str = "[parameters.mood]\nkind = \"choice\"\ntouches = \"plate\"\n\n[parameters.mood.choices.night]\n\
                           prompt = \"at violet and orange dusk\"\n[parameters.mood.choices.day]\n\
                           prompt = \"in pale blue daylight\"\n";

/// The words of a template to begin with, in the languages that the pages speak.
const WORDS: [(&str, &str); 9] = [
    ("en", include_str!("new/words/en.toml")),
    ("zh-Hans", include_str!("new/words/zh-Hans.toml")),
    ("ja", include_str!("new/words/ja.toml")),
    ("de", include_str!("new/words/de.toml")),
    ("fr", include_str!("new/words/fr.toml")),
    ("es", include_str!("new/words/es.toml")),
    ("ar", include_str!("new/words/ar.toml")),
    ("he", include_str!("new/words/he.toml")),
    ("hi", include_str!("new/words/hi.toml")),
];

/// What a model's template says of its canvas besides: few models paint every ratio.
const FOCUS: &str =
    "# What stays in view where a model paints another ratio, in per cent from the left and from the top.\nfocus = [50, 50]\n";

/// A frame of the usual ratio; frames of others have as many pixels.
const FRAME: Canvas = Canvas { width: 1280, height: 720, frames: 96, fps: 24 };

/// Arguments of `festoon new`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What it is called in addresses: lower-case letters, digits and single hyphens
    #[arg(value_name = "TEMPLATE")]
    id: TemplateId,
    /// What people call it; without it, its id in words
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Have it painted by this model of the settings; without it motion graphics paint it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Write words for this locale; may be repeated. The first is the default
    #[arg(long = "locale", value_name = "LOCALE", default_value = "en")]
    locales: Vec<Locale>,
    /// Offer this ratio; may be repeated. The first is the usual one
    #[arg(long = "ratio", value_name = "RATIO", default_value = "16:9")]
    ratios: Vec<Ratio>,
    /// The folder of templates; without it `templates` of [paths]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

/// Why there is no new template.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum NewError {
    /// Something has that name already.
    #[error("{} is there already, and is left as it is", folder.display())]
    #[diagnostic(help("choose another name, or remove the folder first"))]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no folder to put it into.
    #[error("there is no folder {} to write a template into", folder.display())]
    #[diagnostic(help("name the folder of templates with --into, or in `templates` of [paths]"))]
    NoLibrary {
        /// The folder of templates.
        folder: PathBuf,
    },
    /// The disk fails.
    #[error("cannot write {}: {source}", path.display())]
    Disk {
        /// What was written.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What was asked for makes no right template.
    #[error("what is asked for makes no template:\n{0}")]
    #[diagnostic(help("nothing is written"))]
    Wrong(Report),
}

/// Writes it.
///
/// # Errors
/// If the name is taken, the model is not known, the values make no right template, or the disk fails. Nothing is left then.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let known = Known { models: Some(config.abilities()?), ..Known::default() };
    if let Some(model) = &arguments.model
        && !config.models.0.contains_key(model)
    {
        let names: Vec<_> = config.models.0.keys().map(|name| format!("`{name}`")).collect();
        return Err(miette!(help = format!("there are {}", names.join(", ")), "the settings have no model `{model}`"));
    }
    let library = arguments.into.clone().unwrap_or_else(|| config.path(&config.paths.templates));
    let folder = library.join(arguments.id.as_str());
    let files = arguments.files();
    write(&library, &folder, &files, &known)?;
    let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
    let id = &arguments.id;
    invocation.answer(&json!({ "template": id, "folder": folder, "files": names }), || {
        let written: String = names.iter().map(|name| format!("  {}\n", folder.join(name).display())).collect();
        format!(
            "{id} is written, and right:\n{written}see it with `festoon preview {id}`, check it with `festoon check {}`",
            folder.display()
        )
    });
    Ok(Exit::Done)
}

impl Arguments {
    /// Its files, by their names in the folder.
    fn files(&self) -> Vec<(String, String)> {
        let title = self.title.clone().unwrap_or_else(|| in_words(self.id.as_str()));
        let mut locales = self.locales.clone();
        locales.dedup();
        let quoted: Vec<_> = self.ratios.iter().map(|ratio| quoted(&ratio.to_string())).collect();
        let canvas = self.ratios.first().map_or(FRAME, |ratio| ratio.canvas(&FRAME));
        let default_locale = match locales.first() {
            Some(first) if first.as_str() != "en" => {
                format!(
                    "# Whose words are taken for a locale that has none.\ndefault_locale = {}\n",
                    self::quoted(first.as_str())
                )
            }
            _ => String::new(),
        };
        let (painter, focus, mood, scene) = match &self.model {
            None => ("motion", "", MOOD_OF_MOTION, MOTION.to_owned()),
            Some(model) => ("wan", FOCUS, MOOD_OF_WAN, WAN.replace("@MODEL@", &self::quoted(model))),
        };
        let head = HEAD
            // In a comment: on one line, whatever somebody calls it.
            .replace("@TITLE@", &title.replace(|letter: char| letter.is_control(), " "))
            .replace("@PAINTER@", painter)
            .replace("@DEFAULT_LOCALE@", &default_locale)
            .replace("@WIDTH@", &canvas.width.to_string())
            .replace("@HEIGHT@", &canvas.height.to_string())
            .replace("@RATIOS@", &format!("[{}]", quoted.join(", ")))
            .replace("@FOCUS@", focus)
            .replace("@MOOD@", mood);
        let words = locales.iter().map(|locale| (format!("words/{locale}.toml"), words(locale, &title)));
        [("template.toml".to_owned(), format!("{head}{scene}{OVERLAY}"))].into_iter().chain(words).collect()
    }
}

/// The words for a locale: in its language and script where they are known, else in English.
fn words(locale: &Locale, title: &str) -> String {
    let wanted = locale.maximized();
    let speaks = |tag: &str| {
        let own = tag.parse::<Locale>().expect("the table holds locales").maximized();
        own.language() == wanted.language() && own.script() == wanted.script()
    };
    let title = quoted(title);
    match WORDS.iter().find(|(tag, _)| speaks(tag)) {
        Some((_, words)) => words.replace("@TITLE@", &title),
        None => format!("# In English, until somebody translates it.\n{}", WORDS[0].1.replace("@TITLE@", &title)),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// `spring-sale` is called "Spring sale".
fn in_words(id: &str) -> String {
    let mut words = id.replace('-', " ");
    words[..1].make_ascii_uppercase();
    words
}

/// Writes the files into a folder that is not there yet. Whatever goes wrong, the folder is gone again.
fn write(library: &Path, folder: &Path, files: &[(String, String)], known: &Known) -> Result<(), NewError> {
    fs::create_dir(folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => NewError::Taken { folder: folder.to_owned() },
        io::ErrorKind::NotFound => NewError::NoLibrary { folder: library.to_owned() },
        _ => NewError::Disk { path: folder.to_owned(), source },
    })?;
    let written = write_files(folder, files).and_then(|()| match template::check(folder, known) {
        (_, report) if report.is_clean() => Ok(()),
        (_, report) => Err(NewError::Wrong(report)),
    });
    if written.is_err()
        && let Err(error) = fs::remove_dir_all(folder)
    {
        eprintln!("warning: {} could not be removed again: {error}", folder.display());
    }
    written
}

fn write_files(folder: &Path, files: &[(String, String)]) -> Result<(), NewError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| NewError::Disk { path, source }
    };
    let words = folder.join("words");
    fs::create_dir(&words).map_err(failed(&words))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(())
}
