//! Who may cause what: strangers, signed addresses, the token.

use std::process::Command;

use festoon::{
    config::{Config, MayAsk},
    signing::{SigningKey, SigningKeys, sign},
};
use festoon_spec::UnixMillis;
use serde_json::json;

use super::titles::CLIP;
use crate::installation::*;

const PATH: &str = "/v1/clips/card/en.mp4";

/// The card of the titles, with this behind its parameters.
fn add_card(config: &mut Config, public: &str) {
    super::titles::add_card(config);
    let file = config.path(&config.paths.templates).join("card/template.toml");
    let template = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, template.replace("\n[overlay]", &format!("\n{public}\n[overlay]"))).unwrap();
}

/// An installation that makes what is public for strangers.
pub async fn public(table: &str) -> Installation {
    Installation::with(|config| {
        config.strangers.may = MayAsk::Public;
        add_card(config, table);
    })
    .await
}

fn key(installation: &Installation) -> SigningKey {
    let keys = SigningKeys::of(&installation.running.opened().edge.config().state());
    let live = keys.live().unwrap();
    live.last().cloned().unwrap_or_else(|| keys.make(UnixMillis(0)).unwrap())
}

/// A path with these pairs, signed for so many seconds.
pub fn signed(installation: &Installation, path: &str, pairs: &[(&str, &str)], seconds: u64) -> String {
    signed_until(installation, path, pairs, installation.running.opened().edge.now().plus_millis(seconds * 1000))
}

pub fn signed_until(installation: &Installation, path: &str, pairs: &[(&str, &str)], expires: UnixMillis) -> String {
    let pairs: Vec<(String, String)> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    format!("{path}?{}", sign(&key(installation), path, &pairs, expires))
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cause_what_is_public_and_fetch_what_was_made() {
    let installation = public("").await;
    let refused = installation.get(CLIP).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "not-public"));
    assert_eq!(refused.json()["detail"], "`title` is not public");
    assert_eq!(refused.json()["hint"], "leave it out; or sign the address (`festoon sign url`)");
    let refused = installation.get(&format!("{PATH}?variation=1")).await;
    assert_eq!(refused.json()["detail"], "`variation` is 1, public are 0 to 0");
    let asked = json!({ "template": "card", "locale": "en", "parameters": { "title": "Anna" } });
    assert_eq!(installation.post("/v1/picks", &asked).await.code(), "not-public");

    installation.paint(PATH).await;
    assert_eq!(installation.get(PATH).await.status, 200);
    assert_eq!(installation.get(CLIP).await.code(), "not-public", "its plate is there, it is not");
    let playlist = installation.get(&CLIP.replace(".mp4", ".m3u8")).await;
    assert_eq!(playlist.code(), "not-public");
    assert_eq!(installation.get(&CLIP.replace(".mp4", ".jpg")).await.code(), "not-public");
    let by_hand = installation.post_as_operator("/v1/picks", &asked).await;
    assert_eq!((by_hand.status, by_hand.json()["status"].as_str().unwrap()), (200, "ready"));
    let made = installation.get(&signed(&installation, PATH, &[("title", "Anna")], 60)).await;
    assert_eq!((made.status, made.header("festoon-overlay")), (200, "festoon"));
    let kept = loop {
        let kept = installation.get(CLIP).await;
        if kept.status == 200 {
            break kept;
        }
        assert_eq!(kept.code(), "not-public", "until it is kept");
    };
    assert_eq!(kept.body, made.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_says_how_much_of_a_parameter_is_public() {
    let installation = public("[public]\nparameters = [\"title\"]\nvariations = 2\nmax_graphemes = { title = 4 }\n").await;
    assert_eq!(installation.get(CLIP).await.status, 202);
    assert_eq!(installation.get(&format!("{CLIP}&variation=1")).await.status, 202);
    let long = installation.get(&CLIP.replace("Anna", "Anna%20B")).await;
    assert_eq!(long.json()["detail"], "`title` has 6 characters, 4 are public");
    let take = installation.get(&format!("{CLIP}&variation=2")).await;
    assert_eq!(take.json()["detail"], "`variation` is 2, public are 0 to 1");

    let narrow = public("[public]\nparameters = [\"title\"]\nvalues = { title = [\"Anna\", \"Bert\"] }\n").await;
    assert_eq!(narrow.get(CLIP).await.status, 202);
    let other = narrow.get(&CLIP.replace("Anna", "Carla")).await;
    assert_eq!(other.json()["hint"], "choose one of: Anna, Bert; or sign the address (`festoon sign url`)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_holds_until_it_expires_and_for_nothing_else() {
    let installation = public("").await;
    installation.paint(PATH).await;
    let address = signed(&installation, PATH, &[("title", "Anna")], 90);
    let answer = installation.get(&address).await;
    let lifetime = "public, max-age=60, s-maxage=90, stale-while-revalidate=0, stale-if-error=0";
    assert_eq!((answer.status, answer.header("cache-control")), (200, lifetime));
    let other = installation.get(&address.replace("Anna", "Bert")).await;
    assert_eq!((other.status, other.code().as_str()), (403, "bad-signature"));
    assert_eq!(installation.get(&format!("{address}&variation=1")).await.code(), "bad-signature");
    assert_eq!(installation.get(&format!("{PATH}?title=Anna&kid=none&expires=1&sig=00")).await.code(), "bad-signature");
    installation.clock.advance(90_000);
    let late = installation.get(&address).await;
    assert_eq!((late.status, late.code().as_str(), late.header("cache-control")), (403, "signature-expired", "no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_to_a_locale_keeps_the_signature() {
    let installation = public("").await;
    installation.paint(PATH).await;
    let redirect = installation.get(&signed(&installation, "/v1/clips/card.mp4", &[("title", "A & B")], 60)).await;
    assert_eq!(redirect.status, 307);
    let answer = installation.get(redirect.header("location")).await;
    assert_eq!((answer.status, answer.header("festoon-overlay")), (200, "festoon"), "{}", redirect.header("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_strangers_may_nothing_every_address_is_signed_and_a_playlist_signs_what_it_names() {
    let installation = Installation::with(|config| {
        config.strangers.may = MayAsk::Nothing;
        add_card(config, "[public]\nparameters = [\"title\"]\n");
    })
    .await;
    let title = [("title", "Anna")];
    installation.paint(&signed(&installation, PATH, &title, 60)).await;
    assert_eq!(installation.get(PATH).await.code(), "not-public");
    let asked = json!({ "template": "card", "locale": "en" });
    assert_eq!(installation.post("/v1/picks", &asked).await.code(), "unauthorized");
    let playlist = installation.get(&signed(&installation, "/v1/clips/card/en.m3u8", &title, 60)).await;
    assert_eq!(playlist.status, 200, "{}", playlist.text());
    let text = playlist.text();
    let named: Vec<&str> = text.lines().filter(|line| line.starts_with('/')).collect();
    assert!(!named.is_empty(), "{text}");
    for address in named {
        let media = installation.get(address).await;
        assert_eq!(media.status, 200, "{address}");
        let text = media.text();
        let segment = text.lines().find(|line| line.starts_with("/v1/blobs/")).unwrap();
        assert_eq!(installation.get(segment).await.status, 200, "bytes go by their hash");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_much_work_is_done_for_one_address_in_a_minute() {
    let installation = Installation::with(|config| {
        config.strangers.work_per_minute = 3;
        add_card(config, "");
    })
    .await;
    installation.paint(PATH).await;
    let title = |name: &str| format!("{PATH}?title={name}");
    for name in ["Anna", "Bert"] {
        assert_eq!(installation.get(&title(name)).await.status, 200);
    }
    while installation.client.head(installation.url(CLIP)).send().await.unwrap().headers().get("etag").is_none() {
        tokio::task::yield_now().await;
    }
    let enough = installation.get(&title("Carla")).await;
    assert_eq!((enough.status, enough.code().as_str(), enough.header("retry-after")), (429, "too-much-work", "60"));
    assert_eq!(installation.get(&format!("{PATH}?variation=5")).await.code(), "too-much-work", "a plate is work, too");
    assert_eq!(installation.get(CLIP).await.status, 200, "what is there is given");
    assert_eq!(installation.get(&signed(&installation, PATH, &[("title", "Carla")], 60)).await.status, 200);
    installation.clock.advance(60_000);
    assert_eq!(installation.get(&title("Dora")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_signs_what_the_server_accepts() {
    let installation = public("").await;
    installation.paint(PATH).await;
    let state = installation.running.opened().edge.config().state();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_festoon"));
        command.arg("sign").args(arguments).current_dir(installation.folder.path()).env("FESTOON__PATHS__STATE", &state);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, said) = run(&["url", CLIP]);
    assert!(code == 1 && said.contains("make one with `festoon sign new-key`"), "{said}");
    assert_eq!(run(&["new-key"]).0, 0);
    // The server's clock stands still in the past: what was signed today holds.
    let (code, address, _) = run(&["url", CLIP, "--for", "36500d"]);
    assert_eq!((code, installation.get(address.trim()).await.status), (0, 200), "{address}");
    let (_, keys, _) = run(&["keys", "--json"]);
    assert!(!keys.contains("secret"), "{keys}");
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let id = keys["keys"][0]["id"].as_str().unwrap();
    assert_eq!(run(&["drop-key", id]).0, 0);
    assert_eq!(installation.get(address.trim()).await.code(), "bad-signature", "at once");
}
