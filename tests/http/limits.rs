//! Limits on what a stranger can send, readiness, counting, and stopping.

use std::{
    io::{ErrorKind, Read, Write},
    mem::ManuallyDrop,
    net::TcpStream,
    os::fd::{AsRawFd, FromRawFd},
};

use festoon_spec::Verdict;
use serde_json::json;

use crate::{bench, installation::*};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_told_so() {
    let installation = Installation::start().await;
    let long = format!("/v1/clips/lantern/en.mp4?title={}", "a".repeat(9000));
    let answer = installation.get(&long).await;
    assert_eq!((answer.status, answer.code().as_str()), (414, "uri-too-long"));
    let answer = installation.get_with("/healthz", &[("X-Filler", &"a".repeat(17_000))]).await;
    assert_eq!((answer.status, answer.code().as_str()), (431, "headers-too-large"));
    let answer = installation.post("/v1/picks", &lantern(json!({"title": "a".repeat(70_000)}))).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body-too-large"));
    let pieces = futures_util::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1000])));
    let request = installation.client.post(installation.url("/v1/picks")).header("Content-Type", "application/json");
    let answer = Answer::of(request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body-too-large"), "a body of unknown length");
    let many: String = (0..70).map(|number| format!("&p{number}=1")).collect();
    let answer = installation.get(&format!("/v1/clips/lantern/en.mp4?{many}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_told_what_is_wrong_with_it() {
    let installation = Installation::start().await;
    let send = |kind: &'static str, body: &'static str| {
        let request = installation.client.post(installation.url("/v1/picks")).header("Content-Type", kind).body(body);
        async { Answer::of(request.send().await.unwrap()).await }
    };
    let answer = send("text/plain", "{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "wrong-media-type"));
    for (body, told) in [
        ("{", "EOF"),
        (r#"{"template": "lantern"}"#, "locale"),
        (r#"{"template": "lantern", "locale": "en", "colour": 1}"#, "colour"),
        (r#"{"template": "lantern", "locale": "en", "lane": "vip"}"#, "paid"),
    ] {
        let answer = send("application/json; charset=utf-8", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-body"), "{body}");
        assert!(answer.text().contains(told), "{body}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_told_which_ones_there_are() {
    let installation = Installation::start().await;
    for (method, path, allow) in [
        ("DELETE", "/v1/picks", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("PATCH", "/v1/blobs/x.mp4", "GET, HEAD, OPTIONS, PUT"),
    ] {
        let request = installation.client.request(method.parse().unwrap(), installation.url(path));
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.header("allow")),
            (405, "method-not-allowed", allow),
            "{method} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_what_is_checked() {
    let installation = Installation::start().await;
    let ready = installation.get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    for check in ["templates", "store", "disk", "draining"] {
        assert_eq!(ready.json()["checks"][check]["passed"], true, "{check}");
    }
    assert_eq!(installation.get("/healthz").await.text(), "ok\n");
    let full = Installation::with(|config| config.limits.free_disk_bytes = u64::MAX).await;
    let answer = full.get("/readyz").await;
    assert_eq!((answer.status, &answer.json()["checks"]["disk"]["passed"]), (503, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_name_routes_and_no_keys() {
    let installation = Installation::start().await;
    let blob = installation.paint("/v1/clips/lantern/en.mp4").await;
    installation.get("/v1/clips/lantern/en.mp4?title=Secret").await;
    let page = installation.get("/metrics").await;
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = page.text();
    for name in [
        "festoon_http_requests_total{route=\"/v1/clips/{template}/{locale}.{ext}\",status=\"2xx\"}",
        "festoon_answers_total{answer=\"ready\"}",
        "festoon_accepted_total{result=\"kept\"}",
        "festoon_queue_jobs{where=\"free\"}",
        "festoon_cache_loads_total{layer=\"memory\"}",
        "festoon_http_request_seconds_bucket",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    assert!(!text.contains("Secret") && !text.contains("lantern") && !text.contains(&blob.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_held_ends_when_the_server_stops() {
    let installation = Installation::start().await;
    let request = installation.client.get(installation.url("/v1/clips/lantern/en.mp4")).header("Prefer", "wait=60");
    let held = tokio::spawn(async move { Answer::of(request.send().await.unwrap()).await });
    // Once its job is there, the request is being held.
    let lease = installation.renderer("r1").lease(60).await.unwrap();
    installation.running.wind_down();
    assert_eq!(held.await.unwrap().status, 202);
    let answer = installation.get("/readyz").await;
    assert_eq!((answer.status, &answer.json()["checks"]["draining"]["passed"]), (503, &json!(false)));
    let renderer = installation.renderer("r1");
    let outcome = renderer.paint(&lease).await;
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204, "what is in flight is still taken");
    assert_eq!(renderer.lease(60).await, None, "no more work is given");
    let url = installation.url("/healthz");
    installation.running.stop().await.unwrap();
    // Over a connection of its own: one that was kept may not have heard yet that it is closed.
    assert!(client().get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let installation = Installation::with(|config| config.limits.stall_seconds = 1).await;
    // More than the buffers of both sides hold.
    let footage = bench::footage(1, 32 << 20);
    let cache = installation.running.edge().cache();
    let blob = bench::keep(cache, 1, &footage).await;
    assert_eq!(blob.verdict, Verdict::Passed);
    let address = installation.running.url().strip_prefix("http://").unwrap().to_owned();
    let mut reader = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let small: libc::c_int = 4096;
        // SAFETY: the descriptor is open and the option's value is an int.
        let set = unsafe {
            let size = size_of_val(&small) as libc::socklen_t;
            libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, (&raw const small).cast(), size)
        };
        assert_eq!(set, 0);
        write!(stream, "GET /v1/blobs/{}.mp4 HTTP/1.1\r\nHost: x\r\n\r\n", blob.blob).unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stream.set_nonblocking(true).unwrap();
        stream
    })
    .await
    .unwrap();
    // The other side gives up by itself: from then on it resets whatever still comes.
    let reset = loop {
        match reader.write(b" ") {
            Err(error) if error.kind() != ErrorKind::WouldBlock => break error.kind(),
            _ => assert_eq!(installation.get("/healthz").await.status, 200),
        }
    };
    assert!(matches!(reset, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{reset}");
}

/// Nagle's algorithm costs 40 ms per answer of more than one write (measured: a tenth of the throughput); actix leaves it on.
#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_connection_sends_at_once_and_has_a_limit_on_silence() {
    let installation = Installation::with(|config| config.limits.stall_seconds = 17).await;
    let mut stream = TcpStream::connect(installation.running.url().strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    // The server runs in this process: its end of the connection is the descriptor whose peer is ours.
    let ours = stream.local_addr().unwrap();
    let theirs = std::fs::read_dir("/proc/self/fd").unwrap().find_map(|entry| {
        let descriptor: i32 = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: only looks at the socket, and the descriptor is not closed by it; another descriptor is no socket and fails.
        let socket = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(descriptor) });
        (socket.peer_addr().ok() == Some(ours)).then_some(socket)
    });
    let theirs = theirs.expect("the server's end is open");
    assert!(theirs.nodelay().unwrap());
    let mut limit: libc::c_uint = 0;
    let mut size = size_of_val(&limit) as libc::socklen_t;
    // SAFETY: the descriptor is open, and the value and its size are as the option wants them.
    let got = unsafe {
        libc::getsockopt(theirs.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, (&raw mut limit).cast(), &raw mut size)
    };
    assert_eq!((got, limit), (0, 17_000));
}
