//! Two edges and an origin, and what happens when the origin goes away or lies.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use festoon_spec::BlobHash;
use futures_util::future::join_all;
use serde_json::json;

use super::{
    between::{Between, Trick},
    *,
};
use crate::http::titles::{CLIP, WINDOW, different, frames};

/// Files in the folders of a folder.
fn files_in(folder: &Path) -> usize {
    let folders = fs::read_dir(folder).unwrap();
    folders.map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

/// The takes of a clip, from the usual one on.
fn lantern(number: usize) -> String {
    let take = if number == 0 { String::new() } else { format!("?variation={number}") };
    format!("/v1/clips/lantern/en.mp4{take}")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_serve_what_one_origin_has_and_draw_titles_themselves() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    let edges = ["west", "east"].map(|name| {
        let settings = edge_settings(&root.path().join(name), &origin.url, |_| {});
        Server::start(&["serve"], &settings)
    });
    // What nobody has painted is promised through one edge, and the other one's client follows the same ticket.
    let promise = edges[0].get(CLIP).await;
    assert_eq!((promise.status, promise.header("cache-control")), (202, "no-store"), "{}", promise.text());
    let ticket = promise.header("location").to_owned();
    let events = client().get(format!("{}{ticket}/events", edges[1].url)).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let order = json!({"template": "card", "locale": "en", "parameters": {"title": "Anna"}});
    let ordered = client().post(format!("{}/v1/picks", edges[1].url)).json(&order).send().await.unwrap();
    let ordered = Answer::of(ordered).await;
    assert_eq!((ordered.status, &ordered.json()["plate"]), (202, &promise.json()["plate"]), "{}", ordered.text());
    paint(&origin).await;
    let told = events.text().await.unwrap();
    assert!(told.contains("event: done"), "{told}");

    let blob = origin.get(&ticket).await.json()["blob"].as_str().unwrap().to_owned();
    let plate = origin.get(&format!("/v1/blobs/{blob}.mp4")).await;
    for edge in &edges {
        let clip = until(edge, CLIP, 200).await;
        assert_eq!(clip.header("festoon-overlay"), "festoon");
        assert_eq!(different(&frames(&plate.body), &frames(&clip.body)), WINDOW.collect::<Vec<_>>());
        let copy = edge.get(&format!("/v1/blobs/{blob}.mp4")).await;
        assert_eq!((copy.status, &copy.body), (200, &plate.body));
        assert_eq!(copy.header("etag"), plate.header("etag"));
        let part = client().get(format!("{}/v1/blobs/{blob}.mp4", edge.url)).header("Range", "bytes=10-19");
        let part = Answer::of(part.send().await.unwrap()).await;
        assert_eq!((part.status, &part.body[..]), (206, &plate.body[10..20]));
        let ready = client().post(format!("{}/v1/picks", edge.url)).json(&order).send().await.unwrap();
        assert_eq!(Answer::of(ready).await.json()["status"], "ready");
    }
    let known = client().get(format!("{}/v1/edges", origin.url)).bearer_auth(TOKEN).send().await.unwrap();
    let known = Answer::of(known).await.json();
    let names: Vec<_> = known["edges"].as_array().unwrap().iter().map(|edge| edge["edge"].as_str().unwrap()).collect();
    assert_eq!(names, ["east", "west"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_keep_flowing_byte_for_byte_while_the_origin_is_killed_and_started_again() {
    let root = tempfile::tempdir().unwrap();
    let origin_file = origin_settings(&root.path().join("origin"));
    let mut origin = Server::start(&["serve"], &origin_file);
    let port = origin.url.rsplit_once(':').unwrap().1.to_owned();
    let west = edge_settings(&root.path().join("west"), &origin.url, |config| config.origin.fresh_seconds = 0);
    let east = edge_settings(&root.path().join("east"), &origin.url, |config| config.cache.memory_bytes = 0);
    let mut edges = [Server::start(&["serve"], &west), Server::start(&["serve"], &east)];
    let mut painted = Vec::new();
    for number in 0..3 {
        assert_eq!(edges[0].get(&lantern(number)).await.status, 202);
        paint(&origin).await;
        let whole = until(&edges[0], &lantern(number), 200).await;
        assert_eq!(until(&edges[1], &lantern(number), 200).await.body, whole.body);
        painted.push((lantern(number), BlobHash::of(&whole.body)));
    }

    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = Vec::new();
    for edge in &edges {
        for (path, blob) in painted.clone() {
            let (url, stop, served) = (format!("{}{path}", edge.url), Arc::clone(&stop), Arc::clone(&served));
            load.push(tokio::spawn(async move {
                let client = client();
                while !stop.load(Ordering::Relaxed) {
                    let answer = Answer::of(client.get(&url).send().await.unwrap()).await;
                    assert_eq!((answer.status, BlobHash::of(&answer.body)), (200, blob), "{url}: {}", answer.text());
                    served.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
    }
    for round in 0..3 {
        let more = |count: usize| {
            let (served, from) = (Arc::clone(&served), served.load(Ordering::Relaxed));
            async move {
                while served.load(Ordering::Relaxed) < from + count {
                    tokio::task::yield_now().await
                }
            }
        };
        more(60).await;
        origin.kill();
        // What no edge has is told to be out of reach, at once, and when to come back.
        let away = until(&edges[1], &lantern(100 + round), 503).await;
        assert_eq!(away.code(), "origin-away");
        assert!(away.header("retry-after").parse::<u64>().unwrap() >= 1);
        more(60).await;
        origin = Server::start(&["serve", "--port", &port], &origin_file);
        until(&edges[1], &lantern(100 + round), 202).await;
    }
    stop.store(true, Ordering::Relaxed);
    for load in join_all(load).await {
        load.unwrap();
    }

    // An edge that starts while its origin is away serves what it has.
    origin.kill();
    edges[1].kill();
    let again = Server::start(&["serve"], &east);
    for (path, blob) in &painted {
        let answer = again.get(path).await;
        assert_eq!((answer.status, BlobHash::of(&answer.body)), (200, *blob), "{}", answer.text());
    }
    let stand_in = again.get(&format!("{}?size=large&fallback=nearest", lantern(0))).await;
    assert_eq!((stand_in.status, stand_in.header("festoon-nearest")), (200, "parameters"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_byte_is_never_passed_on_as_complete_and_no_copy_of_it_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    let between = Between::start(&origin.url).await;
    let folder = root.path().join("edge");
    let edge = Server::start(&["serve"], &edge_settings(&folder, &between.url, |_| {}));
    assert_eq!(edge.get(&lantern(0)).await.status, 202);
    paint(&origin).await;
    let right = origin.get(&lantern(0)).await;
    let blob = BlobHash::of(&right.body);
    for trick in [Trick::LastByte, Trick::FirstByte, Trick::BreakOff] {
        between.play(trick);
        for path in [format!("/v1/blobs/{blob}.mp4"), lantern(0)] {
            let answer = match client().get(format!("{}{path}", edge.url)).send().await {
                Ok(answer) => Answer::whole(answer).await,
                Err(cut) => Err(cut),
            };
            assert!(answer.is_err(), "{trick:?}: {path} was passed on as complete: {answer:?}");
        }
        let part = client().get(format!("{}{}", edge.url, lantern(0))).header("Range", "bytes=0-9").send().await.unwrap();
        assert_eq!(part.status().as_u16(), 503, "{trick:?}: a part was passed on");
        assert_eq!(files_in(&folder.join("state/borrowed")), 0, "{trick:?}: a copy is kept");
    }
    between.play(Trick::Redirect);
    assert_eq!(edge.get(&format!("/v1/blobs/{blob}.mp4")).await.status, 503);
    between.play(Trick::None);
    let healed = until(&edge, &lantern(0), 200).await;
    assert_eq!(healed.body, right.body);
    // Its readers have it before the copy is kept.
    while files_in(&folder.join("state/borrowed")) == 0 {}
    assert_eq!(files_in(&folder.join("state/borrowed")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_an_edge_for_the_same_its_origin_is_asked_once() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    origin.get(&lantern(0)).await;
    paint(&origin).await;
    let right = origin.get(&lantern(0)).await;
    let between = Between::start(&origin.url).await;
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &between.url, |_| {}));
    let (client, url) = (client(), format!("{}/v1/clips/lantern/en.mp4", edge.url));
    let asked = (0..50).map(|_| async { Answer::of(client.get(&url).send().await.unwrap()).await });
    for answer in join_all(asked).await {
        assert_eq!((answer.status, &answer.body), (200, &right.body));
    }
    assert_eq!((between.count("/v1/entries/"), between.count("/v1/blobs/")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_follows_the_templates_of_its_origin() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &origin.url, |_| {}));
    let words = root.path().join("origin/templates/card/words/en.toml");
    let text = fs::read_to_string(&words).unwrap();
    fs::write(&words, text.replace("title = \"Card\"", "title = \"Postcard\"")).unwrap();
    while !edge.get("/v1/templates?locale=en").await.text().contains("Postcard") {}
    fs::remove_dir_all(root.path().join("origin/templates/card")).unwrap();
    while edge.get("/v1/templates?locale=en").await.text().contains("Postcard") {}
    assert_eq!(edge.get("/v1/clips/card/en.mp4").await.code(), "unknown-template");
    assert!(!root.path().join("edge/state/origin/templates/card").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_is_no_origin_and_lets_no_renderer_in() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &origin.url, |_| {}));
    let of_an_edge = edge_settings(&root.path().join("grandchild"), &edge.url, |_| {});
    let (code, told) = run(&["serve"], &of_an_edge);
    assert!(code == 1 && told.contains("nothing is known of the origin") && told.contains("404"), "{told}");
    for path in ["/v1/edges", "/v1/entries/00"] {
        let asked = client().get(format!("{}{path}", edge.url)).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(Answer::of(asked).await.code(), "not-found");
        let asked = client().get(format!("{}{path}", origin.url)).send().await.unwrap();
        assert_eq!(Answer::of(asked).await.code(), "unauthorized");
    }
    let lease = client().post(format!("{}/v1/leases", edge.url)).bearer_auth(TOKEN).json(&json!({})).send().await.unwrap();
    assert_eq!(Answer::of(lease).await.code(), "not-found");
    let no_token = edge_settings(&root.path().join("stranger"), &origin.url, |config| config.renderers.token.clear());
    let (code, told) = run(&["serve"], &no_token);
    assert!(code == 1 && told.contains("has to show its origin a token"), "{told}");
    let redirected = edge_settings(&root.path().join("odd"), "file:///etc/passwd", |_| {});
    let (code, told) = run(&["serve"], &redirected);
    assert!(code == 1 && told.contains("neither http nor https"), "{told}");
}
