//! `festoon sign`.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use festoon_spec::UnixMillis;
use miette::miette;
use serde_json::json;

use super::{Exit, Invocation, terminal::table};
use crate::{
    clock::{Clock, SystemClock},
    signing::{self, SigningKeys},
};

/// Arguments of `festoon sign`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What `--help` says below the arguments of each.
const URL_HELP: &str = "\
Examples:
  festoon sign url /v1/clips/new-year/ja-JP.mp4?title=Anna
  festoon sign url https://clips.example.com/v1/clips/new-year/en.mp4 --for 90d

With --json: {url, key, expires_at}";
const NEW_KEY_HELP: &str = "\
Examples:
  festoon sign new-key

With --json: {id, secret, made_at}";
const KEYS_HELP: &str = "\
Examples:
  festoon sign keys

With --json: {keys}; a key has {id, made_at}";
const DROP_KEY_HELP: &str = "\
Examples:
  festoon sign drop-key k2

With --json: {dropped}";

#[derive(Debug, Subcommand)]
enum What {
    /// Sign the address of a clip
    #[command(after_help = URL_HELP)]
    Url {
        /// The address: with or without scheme and host, with its query
        url: String,
        /// How long it holds, for example `7d`, `12h` or `90m`
        #[arg(long = "for", value_name = "TIME", default_value = "7d", value_parser = humantime::parse_duration)]
        time: Duration,
        /// The key, by its id; the newest if left out
        #[arg(long, value_name = "ID")]
        key: Option<String>,
    },
    /// Make a key; two may be live
    #[command(after_help = NEW_KEY_HELP)]
    NewKey,
    /// List the live keys, without their secrets
    #[command(after_help = KEYS_HELP)]
    Keys,
    /// End a key: addresses that it signed are refused from now on
    #[command(after_help = DROP_KEY_HELP)]
    DropKey {
        /// Its id
        id: String,
    },
}

/// Signs addresses, and keeps the keys.
///
/// # Errors
/// If the keys cannot be used, or the address is not that of a clip.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let keys = SigningKeys::of(&config.state());
    let now = SystemClock.now();
    match arguments.what {
        What::Url { url, time, key } => {
            let key = keys.choose(key.as_deref())?;
            let expires = now.plus_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4));
            let url = signed(&url, |path, pairs| signing::sign(&key, path, pairs, expires))?;
            invocation.answer(&json!({ "url": url, "key": key.id, "expires_at": at(expires) }), || url.clone());
        }
        What::NewKey => {
            let key = keys.make(now)?;
            invocation.answer(&json!({ "id": key.id, "secret": key.secret, "made_at": at(key.made_at) }), || {
                let advice =
                    "keep the secret on the server that signs addresses; `festoon sign url` has it from the state folder";
                format!("id      {}\nsecret  {}\n\n{advice}", key.id, key.secret)
            });
        }
        What::Keys => {
            let live = keys.live()?;
            let told: Vec<_> = live.iter().map(|key| json!({ "id": key.id, "made_at": at(key.made_at) })).collect();
            invocation.answer(&json!({ "keys": told }), || {
                if live.is_empty() {
                    return "there is no key: make one with `festoon sign new-key`".to_owned();
                }
                let mut rows = table(&["Key", "Made"]);
                for key in live.iter() {
                    rows.add_row([key.id.clone(), at(key.made_at)]);
                }
                rows.to_string()
            });
        }
        What::DropKey { id } => {
            keys.end(&id)?;
            invocation.answer(&json!({ "dropped": id }), || format!("{id} has ended"));
        }
    }
    Ok(Exit::Done)
}

/// The address with the query that `sign` makes of its path and its pairs.
fn signed(url: &str, sign: impl Fn(&str, &[(String, String)]) -> String) -> miette::Result<String> {
    let start = match url.find("://") {
        Some(scheme) => url[scheme + 3..].find('/').map(|slash| scheme + 3 + slash),
        None => url.starts_with('/').then_some(0),
    };
    let (origin, target) = url.split_at(start.unwrap_or(url.len()));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with("/v1/clips/") {
        let help = "for example /v1/clips/new-year/ja-JP.mp4?title=…";
        return Err(miette!(help = help, "`{url}` is not the address of a clip"));
    }
    if query.contains('#') {
        return Err(miette!("`{url}` has a fragment (`#…`), which is never sent to a server"));
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| signing::NAMES.contains(&name.as_str())) {
        return Err(miette!("`{url}` has `{name}` already"));
    }
    Ok(format!("{origin}{path}?{}", sign(path, &pairs)))
}

fn at(moment: UnixMillis) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(i64::try_from(moment.0).unwrap_or(0)).unwrap_or_default();
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<String, String> {
        signed(url, |path, pairs| format!("{path} {pairs:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_signed_with_or_without_its_host() {
        let pairs = r#"[("title", "A b")]"#;
        let path = "/v1/clips/new-year/ja-JP.mp4";
        assert_eq!(of(&format!("{path}?title=A+b")).unwrap(), format!("{path}?{path} {pairs}"));
        let whole = format!("https://clips.example{path}");
        assert_eq!(of(&format!("{whole}?title=A%20b")).unwrap(), format!("{whole}?{path} {pairs}"));
        assert_eq!(of(path).unwrap(), format!("{path}?{path} []"));
    }

    #[test]
    fn what_is_no_address_of_a_clip_is_not_signed() {
        for url in ["", "clips", "https://clips.example", "https://clips.example/v1/blobs/00.mp4", "/v1/clips"] {
            assert!(of(url).unwrap_err().contains("is not the address of a clip"), "{url}");
        }
        assert!(of("/v1/clips/a/en.mp4?title=a#b").unwrap_err().contains("fragment"));
        assert!(of("/v1/clips/a/en.mp4?kid=a").unwrap_err().contains("has `kid` already"));
    }
}
