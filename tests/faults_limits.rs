//! The real server with too little of what it needs, descriptors or disk, and with damage to what it keeps.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
};

use festoon_spec::{BlobHash, Lease};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::{
    faults::*,
    faults_store::Disk,
    http::{connections::Raw, images::logo, titles::add_card},
    installation::*,
};

/// Has a clip painted; gives the plate's bytes' name.
async fn paint(server: &Server, path: &str) -> BlobHash {
    let asked = server.get(path).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let renderer = server.renderer("painter");
    let lease = renderer.lease(60).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    outcome.blob
}

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    Answer::of(client().post(format!("{}{path}", server.url)).bearer_auth(TOKEN).json(body).send().await.unwrap()).await
}

async fn is_painted(server: &Server, number: usize, blob: BlobHash) {
    let answer = server.get(&clip(number)).await;
    assert_eq!((answer.status, BlobHash::of(&answer.body)), (200, blob), "{}", answer.text());
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_the_server_says_so_and_goes_on_and_nothing_counts_as_lost() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        // Each hit has to open its file.
        config.cache.memory_bytes = 0;
    });
    let mut server = Server::start(&["serve"], &settings);
    let blobs = [paint(&server, &clip(0)).await, paint(&server, &clip(1)).await];
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut kept = Raw::to(&address);
    let mut ask = |target: &str, number: usize| {
        kept.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x-{number}\r\n\r\n"));
        tokio::task::block_in_place(|| kept.answer(false))
    };
    assert!(ask(&clip(0), 0).0.contains(" 200 "));

    let process = Pid::from_raw(server.child.id() as i32);
    let open = fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count() as u64;
    let few = Rlimit { current: Some(open + 4), maximum: Some(open + 4) };
    prlimit(process, Resource::Nofile, few).unwrap();
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
        idle.push(stream);
    }
    let (mut refused, mut asked) = (0, 0);
    while refused < 20 {
        asked += 1;
        assert!(asked < 20_000, "descriptors never ran out");
        let number = asked % 2;
        let (status, fields, body) = ask(&clip(number), asked);
        if status.contains(" 503 ") {
            assert!(fields.iter().any(|line| line.starts_with("retry-after: ")), "{fields:?}");
            refused += 1;
        } else {
            assert!(status.contains(" 200 "), "{status} {}", String::from_utf8_lossy(&body));
            assert_eq!(BlobHash::of(&body), blobs[number]);
        }
    }
    // What is written needs files as well: refused, or kept for good.
    let (ordered, _, ticket) = ask(&clip(2), 0);
    assert!(ordered.contains(" 202 ") || ordered.contains(" 503 "), "{ordered}");

    drop(idle);
    loop {
        if let Ok(answer) = client().get(format!("{}/healthz", server.url)).send().await {
            assert_eq!(answer.status(), 200);
            break;
        }
    }
    for (number, blob) in blobs.into_iter().enumerate() {
        is_painted(&server, number, blob).await;
    }
    let counters = server.get("/metrics").await.text();
    let lost: Vec<_> =
        counters.lines().filter(|line| line.starts_with("festoon_cache_lost_total") && !line.ends_with(" 0")).collect();
    assert_eq!(lost, [""; 0]);
    assert_eq!(names(&root.path().join("state/quarantine")), [""; 0]);
    server.kill();
    let server = Server::start(&["serve"], &settings);
    for (number, blob) in blobs.into_iter().enumerate() {
        is_painted(&server, number, blob).await;
    }
    if ordered.contains(" 202 ") {
        let ticket: Value = serde_json::from_slice(&ticket).unwrap();
        assert_eq!(server.get(ticket["url"].as_str().unwrap()).await.status, 200, "the order is lost");
    }
}

/// Writes until not a byte more fits.
fn fill(file: &Path) {
    let mut rest = fs::File::create(file).unwrap();
    for piece in [1 << 20, 4096, 1] {
        while rest.write(&vec![0; piece]).is_ok_and(|written| written > 0) {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_everything_is_done_or_refused_and_all_is_there_when_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), add_card);
    let state = root.path().join("state");
    let Some(_disk) = Disk::mount(&state, "64m") else { return };
    let mut server = Server::start(&["serve"], &settings);
    let blob = paint(&server, &clip(0)).await;
    paint(&server, "/v1/clips/card/en.mp4").await;
    let brought = |number: u8| client().post(format!("{}/v1/images", server.url)).body(logo(8, 8, [number; 3]));
    assert_eq!(brought(1).send().await.unwrap().status(), 201);
    let renderer = server.renderer("painter");
    assert_eq!(server.get(&clip(1)).await.status, 202);
    let lease: Lease = renderer.lease(60).await.unwrap();
    let (bytes, outcome) = painted(&lease);
    let pick = json!({"template": "lantern", "locale": "en"});
    let liked = post(&server, "/v1/picks", &pick).await.json()["clip"].as_str().unwrap().to_owned();
    let opinion = json!({"pick": pick, "opinion": "liked"});

    let rest = state.join("rest");
    fill(&rest);
    let refused = |what: &str, answer: &Answer| {
        assert_eq!((answer.status, answer.code().as_str()), (507, "store-full"), "{what}: {}", answer.text());
        assert_eq!(answer.header("retry-after"), "60", "{what}");
    };
    refused("a plate's bytes", &renderer.put(&lease, &outcome.blob, bytes[0].clone()).await);
    refused("a picture", &Answer::of(brought(2).send().await.unwrap()).await);
    refused("an opinion", &post(&server, &format!("/v1/clips/{liked}/opinion"), &opinion).await);
    // A line may still fit where a page has room; then it is done.
    let what = json!({"what": [{"digest": blob}], "reason": "full"});
    let down = post(&server, "/v1/takedowns", &what).await;
    refused("a takedown", &down);
    let mut orders = Vec::new();
    for number in 10..60 {
        let answer = server.get(&clip(number)).await;
        match answer.status {
            202 => orders.push(answer.json()["url"].as_str().unwrap().to_owned()),
            _ => refused("an order", &answer),
        }
    }
    assert!(orders.len() < 50, "the journal grew on a full disk");
    let purged = post(&server, "/v1/purge", &json!({"what": [{"template": "card"}]})).await;
    assert!(matches!(purged.status, 200 | 507), "{}", purged.text());
    // What is drawn grows in a file that its readers follow.
    refused("a title", &server.get("/v1/clips/card/en.mp4?title=Full").await);
    // An index that failed a write has to be opened again, which needs room; until then what is there may not be looked up.
    for path in [format!("/v1/blobs/{blob}.mp4"), clip(0)] {
        let looked_up = server.get(&path).await;
        match looked_up.status {
            200 => assert_eq!(BlobHash::of(&looked_up.body), blob, "{path}"),
            _ => refused(&path, &looked_up),
        }
    }
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["checks"]["disk"]["passed"]), (503, &json!(false)));
    assert_eq!(names(&state.join("staging")), [""; 0], "half a file stays");

    fs::remove_file(&rest).unwrap();
    assert_eq!(server.get("/readyz").await.status, 200);
    let check = async |server: &Server| {
        is_painted(server, 0, blob).await;
        for ticket in &orders {
            assert_eq!(server.get(ticket).await.status, 200, "{ticket} is lost");
        }
        let drawn = server.get("/v1/clips/card/en.mp4?title=Full").await;
        assert_eq!(drawn.status, 200, "{}", drawn.text());
    };
    check(&server).await;
    assert_eq!(post(&server, &format!("/v1/clips/{liked}/opinion"), &opinion).await.status, 204);
    assert_eq!(brought(2).send().await.unwrap().status(), 201);
    server.kill();
    let server = Server::start(&["serve"], &settings);
    check(&server).await;
    // Half a line that the full disk left spoils none of those behind it.
    assert_eq!(post(&server, "/v1/purge", &json!({"what": [{"template": "card"}], "reason": "room"})).await.status, 200);
    let audit = fs::read_to_string(state.join("audit.jsonl")).unwrap();
    let last: Value = serde_json::from_str(audit.lines().last().unwrap()).unwrap();
    assert_eq!(last["reason"], "room");
}

/// Where a blob lies.
fn blob_file(root: &Path, blob: &BlobHash) -> PathBuf {
    let name = blob.to_string();
    root.join("state/blobs").join(&name[..2]).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn footage_that_rots_is_never_served_is_counted_and_is_painted_again() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| config.cache.memory_bytes = 0);
    let server = Server::start(&["serve"], &settings);
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("a bit", |bytes| bytes[100] ^= 1),
        ("its end", |bytes| bytes.truncate(bytes.len() - 1)),
        ("more than there was", |bytes| bytes.push(0)),
        ("nothing but zeros", |bytes| bytes.fill(0)),
    ];
    for (number, (what, damage)) in damages.into_iter().enumerate() {
        let blob = paint(&server, &clip(number)).await;
        is_painted(&server, number, blob).await;
        let file = blob_file(root.path(), &blob);
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        for path in [format!("/v1/blobs/{blob}.mp4"), clip(number)] {
            let answer = server.get(&path).await;
            assert_ne!(answer.status, 200, "{what}: {path} is served");
        }
        assert_eq!(paint(&server, &clip(number)).await, blob, "{what}");
        is_painted(&server, number, blob).await;
    }
    let counters = server.get("/metrics").await.text();
    assert!(counters.contains("festoon_cache_lost_total{why=\"corrupt\"} 4"), "{counters}");
    assert_eq!(names(&root.path().join("state/quarantine")).len(), 4);
}
