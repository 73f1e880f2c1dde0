//! `festoon check`.

mod sheet;

use std::path::{Path, PathBuf};

use festoon_film::{Deriver, overlay::Faces};
use festoon_spec::{Colour, Locale, SoundCodec};
use miette::miette;
use serde_json::json;

use super::{
    Exit, Invocation,
    terminal::{Progress, table},
};
use crate::{
    config::{Config, DEFAULT_FILE},
    schedule::Feasts,
    template::{self, Known, LocaleScene, Making, Ratio, Shows, Silence, Template, proof::prove_all, reference::reference},
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon check
  festoon check templates/new-year
  festoon check --json | jq '.mistakes[] | .file, .line, .column, .message'
  festoon check templates/new-year --sheet new-year.jpg --locale ja --ratio 9:16

With --json: {clean, templates, scenes, makings, mistakes, silence}; a mistake has {code, file, line, column, message, hint}";

/// Arguments of `festoon check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder of templates, or one template's folder; the settings' if left out
    folder: Option<PathBuf>,
    /// Print the reference of all template fields, in Markdown, and check nothing
    #[arg(long, conflicts_with_all = ["folder", "sheet"])]
    reference: bool,
    /// Paint a small plate of each scene in each ratio, draw the titles of every locale on it, and write all as one picture: a
    /// PNG, or a JPEG if the name ends so
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Picture only this locale on the sheet; may be repeated. Of a single one, ratios stand beside each other
    #[arg(long = "locale", value_name = "LOCALE", requires = "sheet")]
    locales: Vec<Locale>,
    /// Picture only this ratio on the sheet, for example `9:16`; may be repeated
    #[arg(long = "ratio", value_name = "RATIO", requires = "sheet")]
    ratios: Vec<Ratio>,
}

/// Reports every mistake, also what is drawn and cannot be read, or shows which locale gets which scene. Ends with [`Exit::Found`]
/// if there is a mistake.
///
/// # Errors
/// If the settings or the feasts cannot be read, there are no faces to draw with, a prompt does not render, or the sheet cannot
/// be made.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    if arguments.reference {
        let page = reference();
        invocation.answer(&json!({ "markdown": page }), || page.trim_end().to_owned());
        return Ok(Exit::Done);
    }
    let config = invocation.settings()?;
    let folder = arguments.folder.clone().unwrap_or_else(|| config.path(&config.paths.templates));
    let known = known(invocation, &config)?;
    let (templates, mut report) = template::check(&folder, &known);
    if templates.iter().any(|template| !template.overlay_windows().is_empty()) {
        let faces = Faces::find().map_err(|error| miette!(help = error.hint(), "titles cannot be proved: {error}"))?;
        let progress = Progress::of("drawing titles", templates.len() as u64);
        report.mistakes.extend(prove_all(&templates, &faces, &|| progress.one_more()));
        drop(progress);
        if let Some(path) = &arguments.sheet {
            let pictured = sheet::Pictured { locales: &arguments.locales, ratios: &arguments.ratios };
            sheet::write(path, &templates, &pictured, &faces, &config)?;
        }
    }
    let makings = makings(&templates, &known);
    let silence = silence(&templates);
    let scenes = scenes(&templates)?;
    if invocation.json {
        let names: Vec<_> = templates.iter().map(|template| &template.id).collect();
        let shown: Vec<_> =
            scenes.iter().map(|(template, scenes)| json!({ "template": template.id, "scenes": scenes })).collect();
        let (clean, mistakes, silence) = (report.is_clean(), &report.mistakes, silence.as_ref().map(ToString::to_string));
        let answer = json!({ "clean": clean, "templates": names, "scenes": shown, "makings": makings, "mistakes": mistakes, "silence": silence });
        println!("{answer}");
        return Ok(Exit::found(clean));
    }
    if let Some(silence) = silence {
        // The templates are right: it is this machine that lacks something.
        eprintln!("warning: {silence}\nhelp: {}", silence.hint());
    }
    if report.is_clean() {
        println!("{}", scenes_table(&scenes));
        for making in makings {
            println!("{making}");
        }
        println!("{}, no mistakes", counted(templates.len(), "template"));
        return Ok(Exit::Done);
    }
    let count = report.mistakes.len();
    for mistake in report.mistakes {
        eprintln!("{:?}", miette::Report::new(mistake));
    }
    eprintln!("{} in {}", counted(count, "mistake"), folder.display());
    Ok(Exit::Found)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What of these templates cannot be heard on this machine.
fn silence(templates: &[Template]) -> Option<Silence> {
    let deriver = Deriver::find().ok();
    let can_not = |codec: &SoundCodec| deriver.as_ref().is_none_or(|deriver| deriver.sound_build(*codec).is_none());
    Silence::of(templates.iter(), SoundCodec::ALL.into_iter().filter(can_not).collect())
}

/// How models paint the templates that are left to them, where it is known what they can give.
fn makings(templates: &[Template], known: &Known) -> Vec<Making> {
    let makings = |template: &Template| Some(template.makings(known.models.as_ref()?.get(template.model()?)?.as_ref()?));
    templates.iter().filter_map(makings).flatten().collect()
}

/// What the settings say that there is. Without a file of settings nothing is known, and nothing of it is checked.
fn known(invocation: &Invocation, config: &Config) -> miette::Result<Known> {
    if invocation.config.is_none() && !Path::new(DEFAULT_FILE).is_file() {
        return Ok(Known::default());
    }
    let folder = config.path(&config.paths.feasts);
    let feasts = match folder.is_dir() {
        true => Some(Feasts::load(&folder).map_err(|error| miette!("{error}"))?.ids().map(str::to_owned).collect()),
        false => None,
    };
    Ok(Known { feasts, models: Some(config.abilities()?) })
}

type Scenes<'a> = Vec<(&'a Template, Vec<LocaleScene>)>;

fn scenes(templates: &[Template]) -> miette::Result<Scenes<'_>> {
    let scenes = |template: &Template| template.locale_scenes().map_err(|error| miette!("{}: {error}", template.id));
    templates.iter().map(|template| Ok((template, scenes(template)?))).collect()
}

fn scenes_table(scenes: &Scenes<'_>) -> String {
    let mut table = table(&["Template", "Locales", "Scene", "Colours"]);
    for (template, scenes) in scenes {
        for (scene, at) in scenes.iter().zip(0..) {
            let locales = scene.locales.iter().map(Locale::as_str).collect::<Vec<_>>().join(" ");
            let name = if at == 0 { template.id.as_str() } else { "" };
            let (shown, colours) = match &scene.shows {
                Shows::Motion { scene } => {
                    let motifs: Vec<_> = scene.layers.iter().map(|layer| layer.motif.name()).collect();
                    let hex = |colours: &[Colour]| colours.iter().map(Colour::to_string).collect::<Vec<_>>().join(" ");
                    (motifs.join(", "), format!("{} / {}", hex(&scene.palette.sky), hex(&scene.palette.colours)))
                }
                Shows::Wan { fragments, .. } => {
                    let said: Vec<_> = fragments.iter().map(|(name, text)| format!("{name}: {text}")).collect();
                    (said.join("\n"), String::new())
                }
            };
            table.add_row([name.to_owned(), locales, shown, colours]);
        }
    }
    table.to_string()
}
