//! Requests that are made to be read in two ways, to reach what has no address, or to spoil what caches keep for others.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use serde_json::json;

use super::connections::Raw;
use crate::{bench, installation::*};

const CLIP: &str = "/v1/clips/lantern/en.mp4";
/// What an attacker wants to be answered on its own, to the next client of a shared connection.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends all of it at once; gives the statuses of all answers until the connection is closed.
fn statuses(installation: &Installation, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(installation.running.url().strip_prefix("http://").unwrap()).unwrap();
    // A server that has heard enough closes before it has read everything.
    if stream.write_all(bytes).is_ok() {
        stream.shutdown(Shutdown::Write).ok();
    }
    let mut came = Vec::new();
    let mut piece = [0; 16 << 10];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        came.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8_lossy(&came);
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

/// What comes before the attack on the same connection: nothing, what the express counter answers, what only actix does.
fn beginnings() -> [(&'static str, String, Vec<u16>); 3] {
    [
        ("first", String::new(), vec![]),
        ("behind a hit", format!("GET {CLIP} HTTP/1.1\r\nHost: x\r\n\r\n"), vec![200]),
        ("behind a post", "POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}".into(), vec![404]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_answered() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    let post = |fields: &str, body: &str| format!("POST /v1/picks HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}{HIDDEN}");
    let json = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let get = |fields: &str| format!("GET {CLIP} HTTP/1.1\r\nHost: x\r\n{fields}\r\n{HIDDEN}");
    let length = HIDDEN.len();
    let empty = "0\r\n\r\n";
    let attacks = [
        ("length and chunks", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX")),
        ("chunks and length", post(&format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), empty)),
        ("two lengths", post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), "")),
        ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}")),
        ("a list of lengths", post(&format!("Content-Length: 0, {length}\r\n"), "")),
        ("a length with a sign", post("Content-Length: +2\r\n", "{}")),
        ("a negative length", post("Content-Length: -1\r\n", "")),
        ("a length in another base", post("Content-Length: 0x2\r\n", "{}")),
        ("a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n", "")),
        ("a space before the colon", post(&format!("Content-Length : {length}\r\n"), "")),
        ("a folded field", post(&format!("X: a\r\n Content-Length: {length}\r\n"), "")),
        ("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", empty)),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", empty)),
        ("a coding behind another", post("Transfer-Encoding: identity, chunked\r\n", empty)),
        ("a coding before another", post("Transfer-Encoding: chunked, identity\r\n", empty)),
        ("two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", empty)),
        ("a control character in a coding", post("Transfer-Encoding: \x0bchunked\r\n", empty)),
        (
            "chunks in HTTP/1.0",
            post("Transfer-Encoding: chunked\r\n", empty).replace("HTTP/1.1\r\nHost: x\r\nT", "HTTP/1.0\r\nHost: x\r\nT"),
        ),
        ("lines of a chunk that end in LF", post(json, "2\n{}\n0\n\n")),
        ("a chunk's size in another base", post(json, "0x2\r\n{}\r\n0\r\n\r\n")),
        ("a negative chunk", post(json, "-1\r\n{}\r\n0\r\n\r\n")),
        ("a chunk beyond all numbers", post(json, "fffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        ("a chunk that is longer than it says", post(json, "2\r\n{}XX0\r\n\r\n")),
        ("a space before a chunk's size", post(json, " 2\r\n{}\r\n0\r\n\r\n")),
        ("a CR alone", get("A: x\rB: y\r\n")),
        ("a zero", get("A: a\0b\r\n")),
        ("two hosts", get("Host: y\r\n")),
        ("no host", get("").replace("Host: x\r\n\r\nGET", "A: b\r\n\r\nGET")),
        ("a version to come", get("").replacen("HTTP/1.1", "HTTP/1.2", 1)),
        ("no version", format!("GET {CLIP}\r\n{HIDDEN}")),
        ("a line break in the target", format!("GET {CLIP}?a\n=b HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}")),
    ];
    tokio::task::block_in_place(|| {
        for (what, attack) in &attacks {
            for (place, begin, mut expected) in beginnings() {
                expected.push(400);
                assert_eq!(statuses(&installation, format!("{begin}{attack}").as_bytes()), expected, "{what}, {place}");
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_belongs_to_its_request_whoever_reads_it() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    let length = HIDDEN.len();
    let requests = [
        // A body that nobody asked for, or nobody reads, is no request.
        ("a GET with a body", format!("GET {CLIP} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"), vec![200]),
        (
            "a body that is not read",
            format!("POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"),
            vec![404],
        ),
        // Behind a body's end there is the next request, and a field in the trailer moves no end.
        (
            "a GET in chunks",
            format!("GET {CLIP} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
            vec![200, 200],
        ),
        (
            "a length in the trailer",
            format!(
                "POST /v1/picks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"
            ),
            vec![400, 200],
        ),
    ];
    tokio::task::block_in_place(|| {
        for (what, request, answers) in &requests {
            for (place, begin, expected) in beginnings() {
                let expected = [expected, answers.clone()].concat();
                assert_eq!(statuses(&installation, format!("{begin}{request}").as_bytes()), expected, "{what}, {place}");
            }
        }
    });
}

/// Fields that a cache in front does not tell answers apart by.
const UNKEYED: &[(&str, &str)] = &[
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Proto", "evil"),
    ("X-Forwarded-Port", "666"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-For", "203.0.113.66"),
    ("X-Real-IP", "203.0.113.66"),
    ("Forwarded", "for=203.0.113.66;host=evil.example;proto=evil"),
    ("Host", "evil.example"),
    ("X-Host", "evil.example"),
    ("X-Original-URL", "/evil"),
    ("X-Original-Host", "evil.example"),
    ("X-Rewrite-URL", "/evil"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Method-Override", "DELETE"),
    ("Accept", "text/evil"),
    ("Accept-Encoding", "evil, gzip;q=0"),
    ("Accept-Charset", "evil"),
    ("Origin", "https://evil.example"),
    ("Referer", "https://evil.example/"),
    ("Cookie", "lang=evil; session=evil"),
    ("User-Agent", "evil"),
    ("Cache-Control", "no-cache"),
    ("Pragma", "no-cache"),
    ("Via", "1.1 evil.example"),
    ("TE", "trailers"),
];

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_no_cache_knows_change_nothing_in_an_answer() {
    // As bad as it gets: whoever asks is a proxy that is trusted.
    let installation = Installation::with(|config| config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let blob = installation.paint(CLIP).await;
    let told = |answer: Answer| {
        let fields = answer.headers.iter().filter(|(name, _)| !["date", "server-timing"].contains(&name.as_str()));
        let fields: BTreeSet<String> = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        // The log has the cause of an error under a name that is new each time.
        (answer.status, fields, answer.text())
    };
    for path in [
        CLIP,
        &format!("/v1/blobs/{blob}.mp4"),
        "/v1/clips/lantern.mp4",
        "/v1/clips/lantern/en.m3u8",
        "/v1/clips/lantern/en.jpg",
        "/v1/clips/lantern/xx-none.mp4?size=huge",
        "/v1/clips/nothing/en.mp4",
        "/v1/templates",
        "/",
        "/nothing",
    ] {
        // The first makes what is not there yet.
        installation.get(path).await;
        let usual = told(installation.get(path).await);
        for field @ (name, value) in UNKEYED {
            let answer = told(installation.get_with(path, &[*field]).await);
            let (_, fields, text) = &answer;
            let echoed =
                text.contains("evil") || fields.iter().any(|line| line.contains("evil") || line.contains("203.0.113.66"));
            assert!(!echoed, "{path} repeats {name}: {value}: {fields:?} {text}");
            assert_eq!(answer, usual, "{path} with {name}: {value}");
        }
        assert_eq!(told(installation.get(path).await), usual, "{path} afterwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_where_it_is_as_it_was_asked_and_no_cache_keeps_it() {
    let ask = async |trusted: &[&str]| {
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let installation = Installation::with(|config| config.server.trusted_proxies = trusted).await;
        let forwarded = [("X-Forwarded-Host", "clips.example"), ("X-Forwarded-Proto", "https"), ("Host", "inside.example")];
        let page = installation.get_with("/t/lantern", &forwarded).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
        page.text().replace("&#x2f;", "/")
    };
    let (stranger, proxy) = (ask(&[]).await, ask(&["127.0.0.0/8"]).await);
    assert!(stranger.contains("http://inside.example/t/lantern") && !stranger.contains("clips.example"), "{stranger}");
    assert!(proxy.contains("https://clips.example/t/lantern") && !proxy.contains("inside.example"), "{proxy}");
}

/// Names that have meant something to some program.
const TRICKS: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2E%2e%2F%2e%2e%2fetc%2fpasswd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "..\\..\\x",
    "%00",
    "lantern%00",
    "%2500",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%",
    "%zz",
    "con",
    "-",
    "*",
    "~root",
    "$HOME",
    "{template}",
    "a:b",
    "a;b=c",
    "lantern%2f",
    "%2flantern",
    "lantern/",
    "/lantern",
    "lantern/../lantern",
    "./lantern",
    "lantern%20",
    "lantern.",
    "LANTERN",
    "file:%2f%2f%2fetc%2fpasswd",
    "http:%2f%2fevil.example",
    "%0d%0aX-Evil:%201",
    "%e2%80%ae",
    "%f0%9f%92%a9",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_an_address_leads_out_of_what_there_is() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    let long = "a".repeat(3000);
    let state = installation.running.opened().edge.config().state();
    let names = |folder: &std::path::Path| -> BTreeSet<String> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let before = (names(installation.folder.path()), names(&state));
    let token = installation.running.opened().token.reveal().to_owned();
    let address = installation.running.url().strip_prefix("http://").unwrap().to_owned();
    let parts = [
        ("GET", "/v1/clips/@/en.mp4"),
        ("GET", "/v1/clips/lantern/@.mp4"),
        ("GET", "/v1/clips/lantern/en.@"),
        ("GET", "/v1/clips/@.mp4"),
        ("GET", "/v1/clips/lantern/en.mp4?profile=@"),
        ("GET", "/v1/clips/lantern/en.mp4?@=1"),
        ("GET", "/v1/blobs/@.mp4"),
        ("PUT", "/v1/blobs/@.mp4"),
        ("GET", "/v1/images/@.png"),
        ("GET", "/v1/tickets/@"),
        ("GET", "/v1/tickets/@/events"),
        ("DELETE", "/v1/tickets/@"),
        ("POST", "/v1/leases/@/renew"),
        ("POST", "/v1/leases/@/hand-in"),
        ("GET", "/v1/entries/@"),
        ("GET", "/v1/edges/files/@"),
        ("DELETE", "/v1/takedowns/@"),
        ("DELETE", "/v1/warm/@"),
        ("GET", "/t/@"),
        ("GET", "/assets/@"),
        ("GET", "/operator/campaigns/@"),
        ("GET", "/operator/campaigns/@/table.csv"),
        ("GET", "/@"),
    ];
    tokio::task::block_in_place(|| {
        for (method, part) in parts {
            for trick in TRICKS.iter().copied().chain([long.as_str()]) {
                let target = part.replace('@', trick);
                let mut raw = Raw::to(&address);
                raw.send(&format!(
                    "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
                ));
                let (status, fields, body) = raw.answer(false);
                let code: u16 = status.split(' ').nth(1).unwrap().parse().unwrap();
                let text = String::from_utf8_lossy(&body);
                // A name may be a way to write one that there is; else it is refused, and it is nobody's fault but the client's.
                let is_there = code < 300 || [307, 308].contains(&code);
                assert!(is_there || (400..500).contains(&code), "{method} {target}: {status} {text}");
                assert!(!text.contains("root:") && !text.contains(&token), "{method} {target}: {text}");
                assert!(!fields.iter().any(|line| line.starts_with("x-evil")), "{method} {target}: {fields:?}");
            }
        }
    });
    assert_eq!((names(installation.folder.path()), names(&state)), before, "something was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_of_ranges_fields_pairs_and_brackets_cost_no_more_than_they_are() {
    let installation = Installation::start().await;
    let footage = bench::footage(1, 1 << 20);
    let blob = bench::keep(installation.running.edge().cache(), 1, &footage).await.blob;
    let path = format!("/v1/blobs/{blob}.mp4");
    let many = |spec: &dyn Fn(usize) -> String, count| (0..count).map(spec).collect::<Vec<_>>().join(",");
    // `Connection: close` is for actix, without it the express counter reads the same.
    for way in [&[][..], &[("Connection", "close")]] {
        for (what, range) in [
            ("all of it, again and again", many(&|_| "0-".into(), 60)),
            ("more specs than are looked at", many(&|number| format!("{number}-"), 1000)),
            ("single bytes", many(&|number| format!("{}-{}", number * 9, number * 9), 60)),
            ("suffixes", many(&|number| format!("-{}", number + 1), 60)),
            ("numbers beyond all numbers", many(&|_| format!("0-{}", "9".repeat(300)), 20)),
        ] {
            let range = format!("bytes={range}");
            let fields = [way, &[("Range", range.as_str())]].concat();
            let answer = installation.get_with(&path, &fields).await;
            assert!(matches!(answer.status, 200 | 206), "{what}: {}", answer.status);
            assert!(answer.body.len() <= footage.len() + 1000, "{what}: {} bytes", answer.body.len());
        }
        let fields: String = (0..900).map(|number| format!("X{number}: 1\r\n")).collect();
        let close = if way.is_empty() { "" } else { "Connection: close\r\n" };
        let many = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{close}{fields}\r\n");
        let told = tokio::task::block_in_place(|| statuses(&installation, many.as_bytes()));
        assert!(matches!(told[..], [400 | 431]), "900 fields: {told:?}");
        let pairs = "a=1&".repeat(1500);
        let answer = installation.get_with(&format!("{CLIP}?{pairs}"), way).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-query"));
        let percents = "%".repeat(6000);
        let answer = installation.get_with(&format!("{CLIP}?title={percents}"), way).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "text-too-long"));
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        for path in ["/v1/picks", "/v1/purge", "/v1/leases"] {
            let token = installation.running.opened().token.reveal().to_owned();
            let request = installation.client.post(installation.url(path)).bearer_auth(token);
            let answer =
                Answer::of(request.header("Content-Type", "application/json").body(deep.clone()).send().await.unwrap()).await;
            assert!(matches!(answer.code().as_str(), "bad-body" | "body-too-large"), "{path}: {}", answer.text());
        }
    }
    let numbers = json!({"template": "lantern", "locale": "en", "variation": 1e300});
    assert_eq!(installation.post("/v1/picks", &numbers).await.code(), "bad-body");
    assert_eq!(installation.get("/healthz").await.status, 200);
}
