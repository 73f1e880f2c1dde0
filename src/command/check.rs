//! `festoon check`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use miette::miette;
use serde_json::json;

use crate::{
    config::{Config, DEFAULT_FILE},
    schedule::Feasts,
    template::{self, Known, reference::reference},
};

/// Arguments of `festoon check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder of templates, or one template's folder; the settings' if left out.
    folder: Option<PathBuf>,
    /// The settings; they name the feasts and models that templates may refer to.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the mistakes as JSON.
    #[arg(long)]
    json: bool,
    /// Print the reference of all template fields, in Markdown, and check nothing.
    #[arg(long, conflicts_with_all = ["json", "folder", "config"])]
    reference: bool,
}

/// Reports every mistake. Ends with 1 if there is any.
///
/// # Errors
/// If the settings or the feasts cannot be read.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    if arguments.reference {
        print!("{}", reference());
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(arguments.config.as_deref())?;
    let folder = arguments.folder.clone().unwrap_or_else(|| config.path(&config.paths.templates));
    let (templates, report) = template::check(&folder, &known(&arguments, &config)?);
    if arguments.json {
        let names: Vec<_> = templates.iter().map(|template| &template.id).collect();
        println!("{:#}", json!({ "clean": report.is_clean(), "templates": names, "mistakes": report.mistakes }));
    } else if report.is_clean() {
        let count = templates.len();
        println!("{count} {}, no mistakes", if count == 1 { "template" } else { "templates" });
    }
    if report.is_clean() {
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.json {
        let count = report.mistakes.len();
        for mistake in report.mistakes {
            eprintln!("{:?}", miette::Report::new(mistake));
        }
        eprintln!("{count} {} in {}", if count == 1 { "mistake" } else { "mistakes" }, folder.display());
    }
    Ok(ExitCode::FAILURE)
}

/// What the settings say that there is. Without a file of settings nothing is known, and nothing of it is checked.
fn known(arguments: &Arguments, config: &Config) -> miette::Result<Known> {
    if arguments.config.is_none() && !Path::new(DEFAULT_FILE).is_file() {
        return Ok(Known::default());
    }
    let folder = config.path(&config.paths.feasts);
    let feasts = match folder.is_dir() {
        true => Some(Feasts::load(&folder).map_err(|error| miette!("{error}"))?.ids().map(str::to_owned).collect()),
        false => None,
    };
    Ok(Known { feasts, models: Some(config.models.0.keys().cloned().collect()) })
}
