//! `festoon key`.

use std::path::{Path, PathBuf};

use festoon_spec::{Abilities, Canonical, Checkpoint, DigestMemory, Gates, Locale, ModelDigest, Value};
use miette::{IntoDiagnostic, miette};
use serde_json::json;

use super::{Exit, Invocation};
use crate::{
    config::Config,
    makers::Makers,
    pick::{Pick, PickError, Resolved},
    template::{Library, Templates},
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon key new-year --locale ja-JP
  festoon key new-year --locale ja-JP palette=gold ratio=9:16 variation=1
  festoon key new-year --locale en --model default=models/default --json

With --json: {pick, plate, clip}; a plate and a clip have {key, fields}";

/// Arguments of `festoon key`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The template
    template: String,
    /// For whom, for example `ja-JP`
    #[arg(long)]
    locale: String,
    /// Values of parameters, `name=value`; also `ratio=9:16`, `variation=1` and `profile=mp4`
    #[arg(value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The folder of templates, instead of the settings'
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// A checkpoint instead of the settings': the name that templates use, and its digest or its folder; may be repeated
    #[arg(long = "model", value_name = "NAME=DIGEST|DIR", value_parser = pair)]
    models: Vec<(String, String)>,
    /// The encoder that plates are asked from, instead of the settings'
    #[arg(long, value_name = "ID")]
    encoder: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `name=value`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Explains the keys of a pick, field by field.
///
/// # Errors
/// If the templates have a mistake or the pick does not resolve.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let folder = arguments.templates.clone().unwrap_or_else(|| config.path(&config.paths.templates));
    let templates = Library::open(folder)?.current();
    let makers = makers(&arguments, config)?;
    let resolved = resolve(&arguments, &templates, &makers).map_err(|error| match error.hint() {
        Some(hint) => miette!(help = hint, code = error.code(), "{error}"),
        None => miette!(code = error.code(), "{error}"),
    })?;
    let plate = json!({ "key": resolved.plate_key, "fields": fields(resolved.plate.canonical()) });
    let clip = json!({ "key": resolved.clip_key, "fields": fields(resolved.clip.canonical()) });
    invocation.answer(&json!({ "pick": resolved.pick, "plate": plate, "clip": clip }), || {
        let plate = explained("plate", &resolved.plate_key.to_string(), resolved.plate.canonical());
        let clip = explained("clip", &resolved.clip_key.to_string(), resolved.clip.canonical());
        format!("{plate}\n{clip}")
    });
    Ok(Exit::Done)
}

fn resolve(arguments: &Arguments, templates: &Templates, makers: &Makers) -> Result<Resolved, PickError> {
    let template = templates.find(&arguments.template)?;
    let locale: Locale = arguments.locale.parse()?;
    let pairs = arguments.parameters.iter().map(|(name, value)| (name, value));
    Pick::from_query(template.id.clone(), locale, pairs)?.resolve(template, makers)
}

/// The installation's makers, with those that the command line names put over them.
fn makers(arguments: &Arguments, mut config: Config) -> miette::Result<Makers> {
    if let Some(encoder) = &arguments.encoder {
        config.encoder.id = encoder.clone();
    }
    let said = config.abilities()?;
    for (name, _) in &arguments.models {
        config.models.0.remove(name);
    }
    let mut makers = config.makers()?;
    for (name, given) in &arguments.models {
        let checkpoint = match given.parse::<ModelDigest>() {
            // Files that are not here say nothing of themselves; those of the settings' checkpoint of this name may.
            Ok(digest) => {
                let abilities = said.get(name).cloned().flatten().unwrap_or_else(Abilities::official);
                Checkpoint { digest, abilities, gates: Gates::default() }
            }
            Err(_) => Checkpoint::open(Path::new(given), &mut DigestMemory::default()).into_diagnostic()?,
        };
        makers.models.insert(name.clone(), checkpoint);
    }
    Ok(makers)
}

/// The fields in the order in which they are hashed.
fn fields(form: Canonical) -> Vec<serde_json::Value> {
    let value = |value: &Value| match value {
        Value::Absent => json!(null),
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Milli(number) => json!(number),
        Value::Flag(flag) => json!(flag),
        Value::Digest(_) => json!(value.to_string()),
    };
    form.fields().into_iter().map(|field| json!({ "name": field.name, "value": value(&field.value) })).collect()
}

/// A key and the fields that it is made of, in the order in which they are hashed.
fn explained(what: &str, key: &str, form: Canonical) -> String {
    let fields = form.fields();
    let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    let lines = fields.iter().map(|field| format!("\n  {:width$}  {}", field.name, field.value));
    format!("{what} {key}{}", lines.collect::<String>())
}
