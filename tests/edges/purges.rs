//! What is to go goes everywhere, and what is taken down does not come back.

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
};

use festoon::config::{Cdn, Cdns};
use festoon_spec::BlobHash;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::{between::Request, *};
use crate::http::titles::CLIP;

/// Stands in for a CDN's API: remembers what it is told, and says this.
async fn cdn((status, body): (u16, &'static str)) -> (String, Arc<Mutex<Vec<Request>>>) {
    cdn_that_says(format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())).await
}

async fn cdn_that_says(says: String) -> (String, Arc<Mutex<Vec<Request>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&told);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Ok(Some(request)) = Request::read(&mut stream).await {
                remembered.lock().unwrap().push(request);
                stream.write_all(says.as_bytes()).await.unwrap();
            }
        }
    });
    (url, told)
}

const DONE: (u16, &str) = (200, "{\"success\":true}");
const REFUSED: (u16, &str) = (200, "{\"success\":false,\"errors\":[\"no zone\"]}");
const BROKEN: (u16, &str) = (500, "oops");

/// Runs a verb against a server.
pub fn verb(server: &Server, settings: &Path, arguments: &[&str]) -> (i32, String) {
    let output =
        Command::new(FESTOON).args(arguments).args(["--server", &server.url, "--config"]).arg(settings).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), told)
}

/// An entity tag of a clip that is kept.
async fn kept(server: &Server, path: &str) -> BlobHash {
    loop {
        let answer = server.get(path).await;
        if let Some(tag) = answer.header("etag").strip_prefix("\"b3-") {
            return tag.trim_end_matches('"').parse().unwrap();
        }
    }
}

pub async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    Answer::of(client().post(format!("{}{path}", server.url)).bearer_auth(TOKEN).json(body).send().await.unwrap()).await
}

fn blob_file(state: &Path, folder: &str, blob: &BlobHash) -> PathBuf {
    let name = blob.to_string();
    state.join(folder).join(&name[..2]).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_reaches_disk_and_memory_the_edges_and_every_cdn() {
    let root = tempfile::tempdir().unwrap();
    let [varnish, fastly, cloudflare, cloudfront] = [cdn(DONE).await, cdn(DONE).await, cdn(DONE).await, cdn(DONE).await];
    let folder = root.path().join("origin");
    fs::create_dir_all(&folder).unwrap();
    let file = settings(&folder, |config| {
        add_card(config);
        let (token, api) = (|| "secret".to_owned(), |told: &(String, _)| told.0.clone());
        config.cdn = Cdns(
            [
                ("a", Cdn::Purge { url: format!("{}/purge", varnish.0), token: token() }),
                ("b", Cdn::Fastly { service: "s1/../x".into(), token: token(), api: api(&fastly) }),
                ("c", Cdn::Cloudflare { zone: "z1".into(), token: token(), api: api(&cloudflare) }),
                (
                    "d",
                    Cdn::CloudFront {
                        distribution: "D1".into(),
                        access_key: "id".into(),
                        secret_key: token(),
                        api: api(&cloudfront),
                    },
                ),
            ]
            .map(|(name, cdn)| (name.to_owned(), cdn))
            .into(),
        );
    });
    let origin = Server::start(&["serve"], &file);
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &origin.url, |_| {}));
    assert_eq!(origin.get(CLIP).await.status, 202);
    paint(&origin).await;
    let plate: BlobHash = {
        let pick = json!({"template": "card", "locale": "en", "parameters": {"title": "Anna"}});
        let key = post(&origin, "/v1/picks", &pick).await.json()["plate"].as_str().unwrap().to_owned();
        let entry = client().get(format!("{}/v1/entries/{key}", origin.url)).bearer_auth(TOKEN).send().await.unwrap();
        Answer::of(entry).await.json()["blob"].as_str().unwrap().parse().unwrap()
    };
    // Each composes its own.
    let at_edge = kept(&edge, CLIP).await;
    let clip = kept(&origin, CLIP).await;
    edge.get(&format!("/v1/blobs/{plate}.mp4")).await;
    let there =
        |edge_name: &str, folder: &str, blob| blob_file(&root.path().join(edge_name).join("state"), folder, blob).exists();
    while !there("edge", "borrowed", &plate) {}
    assert!(there("origin", "blobs", &clip) && there("origin", "blobs", &plate) && there("edge", "blobs", &at_edge));

    let (code, told) = verb(&origin, &file, &["purge", "--template", "card", "--reason", "a new logo"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("edge edge: gone") && told.contains("CDN d: gone"), "{told}");
    assert!(!there("origin", "blobs", &clip) && !there("edge", "blobs", &at_edge) && !there("edge", "borrowed", &plate));
    assert!(there("origin", "blobs", &plate), "a purge deleted footage");
    assert_eq!(kept(&origin, CLIP).await, clip);
    assert_eq!(edge.get(CLIP).await.status, 200);

    let one = |(_, told): &(String, Arc<Mutex<Vec<Request>>>)| {
        let told = told.lock().unwrap().clone();
        assert_eq!(told.len(), 1);
        told[0].clone()
    };
    let asked = one(&varnish);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("PURGE", "/purge"));
    assert_eq!((asked.field("surrogate-key"), asked.field("cache-tag")), (Some("template-card"), Some("template-card")));
    assert_eq!(asked.field("authorization"), Some("Bearer secret"));
    let asked = one(&fastly);
    assert_eq!((asked.path.as_str(), asked.field("fastly-key")), ("/service/s1%2F..%2Fx/purge", Some("secret")));
    assert_eq!(asked.body, json!({"surrogate_keys": ["template-card"]}).to_string().into_bytes());
    let asked = one(&cloudflare);
    assert_eq!((asked.path.as_str(), asked.field("authorization")), ("/client/v4/zones/z1/purge_cache", Some("Bearer secret")));
    assert_eq!(asked.body, json!({"tags": ["template-card"]}).to_string().into_bytes());
    let asked = one(&cloudfront);
    assert_eq!(asked.path, "/2020-05-31/distribution/D1/invalidation");
    assert!(asked.field("authorization").unwrap().starts_with("AWS4-HMAC-SHA256 Credential=id/"));
    assert!(String::from_utf8(asked.body).unwrap().contains("<Path>/v1/clips/card*</Path>"));
    let audit = fs::read_to_string(folder.join("state/audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    assert_eq!((&line["action"], &line["reason"], &line["by"]), (&json!("purge"), &json!("a new logo"), &json!("127.0.0.1")));
    assert_eq!(line["what"], json!([{"template": "card"}]));
    // What answers carry is what CDNs are told.
    let tags = origin.get(CLIP).await.header("surrogate-key").to_owned();
    assert!(tags.contains("template-card locale-en key-") && tags.contains(&format!("blob-{clip}")), "{tags}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_down_is_had_by_nobody_and_painted_by_nobody_until_it_is_lifted() {
    let root = tempfile::tempdir().unwrap();
    let file = origin_settings(&root.path().join("origin"));
    let origin = Server::start(&["serve"], &file);
    let settings_of = |name: &str| edge_settings(&root.path().join(name), &origin.url, |_| {});
    let (west, east) = (settings_of("west"), settings_of("east"));
    let (edge, mut late) = (Server::start(&["serve"], &west), Server::start(&["serve"], &east));
    let lantern = "/v1/clips/lantern/en.mp4";
    assert_eq!(origin.get(lantern).await.status, 202);
    paint(&origin).await;
    let blob = BlobHash::of(&until(&edge, lantern, 200).await.body);
    until(&late, lantern, 200).await;
    late.kill();
    // By its bytes alone: nobody need know what they are of.
    let down = post(&origin, "/v1/takedowns", &json!({"what": [{"digest": blob}], "reason": "a mistake"})).await;
    assert_eq!(down.status, 201, "{}", down.text());
    assert_eq!(down.json()["here"]["entries"], 1);
    assert!(!blob_file(&root.path().join("origin/state"), "blobs", &blob).exists());
    assert!(!blob_file(&root.path().join("west/state"), "borrowed", &blob).exists());
    // One that was away learns of it before it serves anything.
    let late = Server::start(&["serve"], &east);
    for server in [&origin, &edge, &late] {
        for path in [lantern.to_owned(), format!("/v1/blobs/{blob}.mp4"), format!("{lantern}?fallback=nearest")] {
            let answer = server.get(&path).await;
            assert_eq!((answer.status, answer.code().as_str()), (451, "taken-down"), "{path}");
        }
        let pick = client().post(format!("{}/v1/picks", server.url)).json(&json!({"template": "lantern", "locale": "en"}));
        assert_eq!(Answer::of(pick.send().await.unwrap()).await.code(), "taken-down");
    }
    assert!(origin.renderer("painter").lease(0).await.is_none(), "it was ordered");
    assert_eq!(origin.get("/v1/clips/lantern/en.mp4?variation=1").await.status, 202, "more was taken down than was named");

    // A whole template, while one of its plates waits and another is being painted.
    let renderer = origin.renderer("painter");
    let lease = renderer.lease(0).await.unwrap();
    assert_eq!(origin.get("/v1/clips/lantern/en.mp4?variation=2").await.status, 202);
    let (code, told) = verb(&origin, &file, &["takedown", "--template", "lantern", "--reason", "a brand's wish"]);
    assert_eq!(code, 0, "{told}");
    assert!(renderer.lease(0).await.is_none(), "what is taken down is still painted");
    let (blobs, outcome) = painted(&lease);
    for bytes in blobs {
        renderer.put(&lease, &BlobHash::of(&bytes), bytes).await;
    }
    renderer.hand_in(&lease, &outcome).await;
    let handed_in = blob_file(&root.path().join("origin/state"), "blobs", &outcome.blob);
    assert!(!handed_in.exists(), "what is taken down was taken in");
    assert_eq!(origin.get("/v1/clips/lantern/en.mp4?variation=2").await.status, 451);

    let (_, list) = verb(&origin, &file, &["takedown", "--list", "--json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["takedowns"][1]["reason"], "a brand's wish");
    for takedown in list["takedowns"].as_array().unwrap() {
        let (code, told) = verb(&origin, &file, &["takedown", "--lift", takedown["id"].as_str().unwrap()]);
        assert_eq!(code, 0, "{told}");
    }
    assert_eq!(origin.get(lantern).await.status, 202);
    until(&edge, lantern, 202).await;
    let (code, told) = verb(&origin, &file, &["takedown", "--lift", "../purge"]);
    assert!(code == 1 && told.contains("no takedown"), "{told}");
    let audit = fs::read_to_string(root.path().join("origin/state/audit.jsonl")).unwrap();
    let actions: Vec<Value> = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["action"].clone()).collect();
    assert_eq!(actions, ["takedown", "takedown", "lift", "lift"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_that_does_not_let_go_is_told_by_name() {
    let root = tempfile::tempdir().unwrap();
    let (refused, broken) = (cdn(REFUSED).await, cdn(BROKEN).await);
    let file = settings(root.path(), |config| {
        let cloudflare = Cdn::Cloudflare { zone: "z".into(), token: "t".into(), api: refused.0.clone() };
        let purge = |url: &str| Cdn::Purge { url: url.to_owned(), token: String::new() };
        let all = [("one", cloudflare), ("two", purge(&broken.0)), ("three", purge("http://127.0.0.1:1"))];
        config.cdn = Cdns(all.map(|(name, cdn)| (name.to_owned(), cdn)).into());
    });
    let server = Server::start(&["serve"], &file);
    let (code, told) = verb(&server, &file, &["purge", "--tag", "locale-ja"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("CDN one: it answers without success") && told.contains("no zone"), "{told}");
    assert!(told.contains("CDN two: it answers 500") && told.contains("oops"), "{told}");
    assert!(told.contains("CDN three:") && told.contains("refused"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_lets_go_of_anything_and_only_of_what_is_named() {
    let installation = Installation::start().await;
    let template = json!({"what": [{"template": "lantern"}], "reason": "r"});
    for path in ["/v1/purge", "/v1/takedowns"] {
        assert_eq!(installation.post(path, &template).await.code(), "unauthorized");
    }
    assert_eq!(installation.get("/v1/takedowns").await.code(), "unauthorized");
    for (path, body, code) in [
        ("/v1/purge", json!({"what": []}), "bad-body"),
        ("/v1/purge", json!({"what": [{"everything": "x"}]}), "bad-body"),
        ("/v1/purge", json!({"what": [{"tag": "all"}]}), "bad-body"),
        ("/v1/purge", json!({"what": [{"campaign": "spring"}]}), "unknown-campaign"),
        ("/v1/takedowns", json!({"what": [{"template": "lantern"}]}), "bad-body"),
        ("/v1/takedowns", json!({"what": [{"tag": "locale-en"}], "reason": "r"}), "bad-body"),
    ] {
        let answer = installation.post_as_operator(path, &body).await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_that_sends_festoon_elsewhere_is_not_followed() {
    let inside = cdn(DONE).await;
    let redirect = format!("HTTP/1.1 307 .\r\nlocation: {}/admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", inside.0);
    let outside = cdn_that_says(redirect).await;
    let url = format!("{}/purge", outside.0);
    let installation = Installation::with(|config| {
        config.cdn = Cdns([("front".to_owned(), Cdn::Purge { url, token: "secret".into() })].into());
    })
    .await;
    let purged = installation.post_as_operator("/v1/purge", &json!({"what": [{"template": "lantern"}]})).await;
    assert_eq!((purged.status, &purged.json()["cdns"][0]["done"]), (200, &json!(false)), "{}", purged.text());
    assert!(!outside.1.lock().unwrap().is_empty());
    assert!(inside.1.lock().unwrap().is_empty(), "the token went elsewhere");
}
