//! `festoon config`: which settings are in force, and where each comes from.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use super::{Exit, Invocation, serve, terminal::table};
use crate::config::{Config, DEFAULT_FILE};

/// What `--help` says below the arguments of `show`.
const SHOW_HELP: &str = "\
Examples:
  festoon config show
  festoon config show --effective --config config/festoon.toml
  festoon config show --effective --port 9000 --json

With --json: {file, settings}; a setting has {key, value, from, source}";

/// What is shown in the place of a secret.
const MASK: &str = "(secret)";

/// Arguments of `festoon config`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the settings that are not at their defaults, and where each comes from
    #[command(after_help = SHOW_HELP)]
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Show every setting in force, defaults too
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    server: serve::Arguments,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: Option<PathBuf>,
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
struct Setting {
    key: String,
    value: Value,
    from: &'static str,
    source: String,
}

/// Shows them. Secrets are masked.
///
/// # Errors
/// If they cannot be read or do not fit.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let What::Show(Show { effective, server }) = arguments.what;
    let (config, sources) = server.settings_with_sources(invocation)?;
    let mut settings = Vec::new();
    let defaults = flat(&Config::default());
    for (key, value) in flat(&config) {
        let source = sources.of_setting(&key);
        if effective || !defaults.iter().any(|(name, usual)| *name == key && *usual == value) {
            let value = masked(&key, value);
            settings.push(Setting { key, value, from: source.kind(), source: source.to_string() });
        }
    }
    let file = invocation.config.clone().or_else(|| Path::new(DEFAULT_FILE).is_file().then(|| DEFAULT_FILE.into()));
    let shown = Shown { file, settings };
    invocation.answer(&shown, || shown.text());
    Ok(Exit::Done)
}

impl Shown {
    fn text(&self) -> String {
        if self.settings.is_empty() {
            return "every setting is at its default; `festoon config show --effective` shows them".to_owned();
        }
        let mut rows = table(&["Setting", "Value", "From"]);
        for Setting { key, value, source, .. } in &self.settings {
            rows.add_row([key, &value.to_string(), source]);
        }
        rows.to_string()
    }
}

/// Every setting by its dotted name.
fn flat(config: &Config) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    let tree = serde_json::to_value(config).expect("settings are plain data with text keys");
    flatten(String::new(), tree, &mut settings);
    settings
}

fn flatten(name: String, value: Value, settings: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(name, value, settings);
            }
        }
        value => settings.push((name, value)),
    }
}

/// The value, unless it opens something to whoever reads it.
fn masked(key: &str, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let last = key.rsplit('.').next().unwrap_or_default();
    if !text.is_empty() && ["token", "secret_key"].contains(&last) {
        return MASK.into();
    }
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            // An address with a password has the parts that one is set in.
            url.set_password(Some("secret")).map_or_else(|()| MASK.into(), |()| url.to_string().into())
        }
        _ => value,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Cdn, Cdns};

    #[test]
    fn no_secret_of_any_setting_is_shown() {
        let secret = "do-not-show";
        let token = || secret.to_owned();
        let cdns = [
            ("a", Cdn::Purge { url: format!("https://me:{secret}@cdn.example/"), token: token() }),
            ("b", Cdn::Fastly { service: "s".into(), token: token(), api: "https://api".into() }),
            ("c", Cdn::Cloudflare { zone: "z".into(), token: token(), api: "https://api".into() }),
            (
                "d",
                Cdn::CloudFront {
                    distribution: "d".into(),
                    access_key: "k".into(),
                    secret_key: token(),
                    api: "https://api".into(),
                },
            ),
        ];
        let mut config = Config::in_folder(Path::new("/srv"));
        config.cdn = Cdns(cdns.map(|(name, cdn)| (name.to_owned(), cdn)).into());
        config.renderers.token = token();
        config.origin.url = format!("https://edge:{secret}@origin.example/");
        let shown: Vec<_> = flat(&config).into_iter().map(|(key, value)| (key.clone(), masked(&key, value))).collect();
        assert!(!json!(shown).to_string().contains(secret), "{shown:?}");
        assert!(shown.contains(&("cdn.d.access_key".into(), json!("k"))), "an id is no secret: {shown:?}");
        config.renderers.token.clear();
        assert!(flat(&config).into_iter().any(|(key, value)| key == "renderers.token" && masked(&key, value) == json!("")));
    }
}
