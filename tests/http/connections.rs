//! What connections may do: one after another, all at once, in TLS, as HTTP/2, through proxies, and until the server stops.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use festoon_spec::BlobHash;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::{bench, installation::*};

const CLIP: &str = "/v1/clips/lantern/en.mp4";

/// A connection and what came on it.
pub struct Raw {
    stream: TcpStream,
    came: Vec<u8>,
}

/// Status line, fields in order, body.
pub type RawAnswer = (String, BTreeSet<String>, Vec<u8>);

impl Raw {
    fn connect(installation: &Installation) -> Self {
        Self::to(installation.running.url().strip_prefix("http://").unwrap())
    }

    pub fn to(address: &str) -> Self {
        Self { stream: TcpStream::connect(address).unwrap(), came: Vec::new() }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next answer; that to HEAD, and a 304, has no body.
    pub fn answer(&mut self, head_only: bool) -> RawAnswer {
        let mut piece = [0; 16 << 10];
        let end = loop {
            if let Some(at) = self.came.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.came));
            self.came.extend_from_slice(&piece[..count]);
        };
        let head = String::from_utf8(self.came.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().lines().map(|line| line.to_ascii_lowercase());
        let status = lines.next().unwrap();
        let fields: BTreeSet<String> = lines.collect();
        let length = fields.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let length = if head_only || status.contains(" 304 ") { 0 } else { length };
        while self.came.len() < length {
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "closed in the body");
            self.came.extend_from_slice(&piece[..count]);
        }
        (status, fields, self.came.drain(..length).collect())
    }

    fn is_closed(&mut self) -> bool {
        // Closed over bytes that nobody read, a connection is reset.
        self.came.is_empty() && !matches!(self.stream.read(&mut [0; 1]), Ok(1..))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_same_whoever_gives_it() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    let hash = format!("/v1/blobs/{blob}.mp4");
    for (method, target, field) in [
        ("GET", CLIP, String::new()),
        ("GET", "/v1/clips/lantern/en.mp4?tint=%23ffcc00&size=small", String::new()),
        ("GET", "/v1/clips/lantern/en.mp4?tint=%23FFCC00", String::new()),
        ("HEAD", CLIP, String::new()),
        ("GET", &hash, String::new()),
        ("GET", &hash, "Range: bytes=10-19\r\n".into()),
        ("GET", &hash, "Range: bytes=-7\r\n".into()),
        ("GET", &hash, "Range: bytes=0-1,4-5\r\n".into()),
        ("GET", &hash, "Range: bytes=99999999-\r\n".into()),
        ("HEAD", &hash, "Range: bytes=10-19\r\n".into()),
        ("GET", &hash, format!("If-None-Match: W/\"b3-{blob}\"\r\n")),
        ("GET", &hash, "If-Match: \"other\"\r\n".into()),
        ("GET", &hash, "If-Range: \"other\"\r\nRange: bytes=0-1\r\n".into()),
    ] {
        let ask = |more: &str| {
            let mut raw = Raw::connect(&installation);
            raw.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{field}{more}\r\n"));
            let (status, mut fields, body) = raw.answer(method == "HEAD");
            let told = |line: &String| !["date:", "server-timing:", "connection:"].iter().any(|name| line.starts_with(name));
            assert!(fields.iter().any(|line| line.starts_with("date:")), "{fields:?}");
            fields.retain(told);
            (status, fields, body)
        };
        // Who wants to leave afterwards is not plain: actix answers.
        let (plain, other) = tokio::task::block_in_place(|| (ask(""), ask("Connection: close\r\n")));
        assert_eq!(plain, other, "{method} {target} {field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_at_once_are_answered_in_turn_until_one_is_not_plain() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    tokio::task::block_in_place(|| {
        let mut raw = Raw::connect(&installation);
        let hash = format!("/v1/blobs/{blob}.mp4");
        let get = |target: &str, field: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{field}\r\n");
        let post = "POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        raw.send(&[get(CLIP, ""), get(&hash, "Range: bytes=0-3\r\n"), post.into(), get("/healthz", ""), get(&hash, "")].concat());
        let whole = raw.answer(false).2;
        assert_eq!(BlobHash::of(&whole), blob);
        assert_eq!(raw.answer(false).2, whole[..4]);
        assert!(raw.answer(false).0.contains(" 404 "));
        assert_eq!(raw.answer(false).2, b"ok\n");
        assert_eq!(raw.answer(false).2, whole);
        // A head in two pieces.
        let mut raw = Raw::connect(&installation);
        raw.send(&get(CLIP, "")[..20]);
        raw.send(&get(CLIP, "")[20..]);
        assert_eq!(raw.answer(false).2, whole);
        raw.stream.shutdown(Shutdown::Write).unwrap();
        assert!(raw.is_closed());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_with_a_small_window_gets_every_byte() {
    let installation = Installation::start().await;
    let footage = bench::footage(1, 2 << 20);
    let kept = bench::keep(installation.running.edge().cache(), 1, &footage).await;
    tokio::task::block_in_place(|| {
        let mut raw = Raw::connect(&installation);
        let small = rustix::net::sockopt::set_socket_recv_buffer_size(&raw.stream, 32 << 10);
        small.unwrap();
        raw.send(&format!("GET /v1/blobs/{}.mp4 HTTP/1.1\r\nHost: x\r\n\r\n", kept.blob));
        assert!(raw.answer(false).2 == footage);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_not_given_from_memory() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    assert_eq!(installation.get(CLIP).await.status, 200);
    assert_eq!(installation.get(CLIP).await.status, 200);
    installation.running.edge().cache().gc(0).await.unwrap();
    assert_eq!(installation.get(CLIP).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_limit_is_told_so_at_once() {
    let installation = Installation::with(|config| {
        config.server.workers = 1;
        config.limits.connections = 2;
    })
    .await;
    tokio::task::block_in_place(|| {
        let ask = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut open: Vec<Raw> = (0..2).map(|_| Raw::connect(&installation)).collect();
        for raw in &mut open {
            raw.send(ask);
            assert!(raw.answer(false).0.contains(" 200 "));
        }
        let mut third = Raw::connect(&installation);
        third.send(ask);
        let (status, fields, body) = third.answer(false);
        assert!(status.contains(" 503 ") && fields.contains("retry-after: 1"), "{status} {fields:?}");
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some("unavailable"), Some(503)));
        assert!(third.is_closed());
        // Whoever is in is still served.
        open[0].send(ask);
        assert!(open[0].answer(false).0.contains(" 200 "));
    });
}

/// A GET over HTTP/2.
async fn get_2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, path: &str) -> (u16, Vec<u8>) {
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http::Request::get(format!("http://localhost{path}")).body(()).unwrap();
    let response = client.send_request(request, true).unwrap().0.await.unwrap();
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        bytes.extend_from_slice(&piece);
    }
    driver.abort();
    (status, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_with_and_without_tls() {
    let keys = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let installation = Installation::with(|config| {
        config.tls.listen = Some("127.0.0.1:0".parse().unwrap());
        (config.tls.certificate, config.tls.key) = ("certificate.pem".into(), "key.pem".into());
        std::fs::write(config.path(&config.tls.certificate), keys.cert.pem()).unwrap();
        std::fs::write(config.path(&config.tls.key), keys.signing_key.serialize_pem()).unwrap();
    })
    .await;
    let footage = bench::footage(1, 3 << 20);
    let blob = bench::keep(installation.running.edge().cache(), 1, &footage).await.blob;
    let path = format!("/v1/blobs/{blob}.mp4");
    let plain = tokio::net::TcpStream::connect(installation.running.url().strip_prefix("http://").unwrap()).await.unwrap();
    assert!(get_2(plain, &path).await == (200, footage.to_vec()));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(keys.cert.pem().as_bytes()).unwrap()).unwrap();
    let in_tls = async |protocol: &str| {
        let mut config = ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let stream = tokio::net::TcpStream::connect(installation.running.tls_address().unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        stream
    };
    assert!(get_2(in_tls("h2").await, &path).await == (200, footage.to_vec()));
    let mut stream = in_tls("http/1.1").await;
    let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let plain = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all([plain, ask].concat().as_bytes()).await.unwrap();
    let mut came = Vec::new();
    stream.read_to_end(&mut came).await.unwrap();
    // Once by the express counter, once by actix.
    let times = came.windows(64).filter(|window| *window == &footage[footage.len() - 64..]).count();
    assert_eq!((times, came.ends_with(&footage)), (2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_tells_who_asks_and_the_access_log_has_it() {
    let installation = Installation::with(|config| {
        config.server.proxy_protocol = true;
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let footage = bench::footage(1, 3000);
    let blob = bench::keep(installation.running.edge().cache(), 1, &footage).await.blob;
    tokio::task::block_in_place(|| {
        let mut raw = Raw::connect(&installation);
        raw.send("PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\r\n");
        raw.send(&format!("GET /v1/blobs/{blob}.mp4?secret=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: player\r\n\r\n"));
        assert_eq!(raw.answer(false).2, footage);
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(raw.answer(false).2, b"ok\n");
        let mut nobody = Raw::connect(&installation);
        nobody.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(nobody.is_closed());
    });
    let (folder, client) = (installation.folder, installation.client);
    installation.running.stop().await.unwrap();
    drop(client);
    let log = std::fs::read_to_string(folder.path().join("state/log/access.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let begins = |line: &str, what: &str| line.starts_with("198.51.100.7 - - [") && line.contains(what);
    assert!(begins(lines[0], &format!("\"GET /v1/blobs/{blob}.mp4 HTTP/1.1\" 200 3000 \"-\" \"player\" ")), "{log}");
    assert!(begins(lines[1], "\"GET /healthz HTTP/1.1\" 200 3 \"-\" \"-\" "), "{log}");
    assert_eq!(lines.len(), 2, "{log}");
}

/// Two servers behind a proxy that asks each how it is before it sends a request there.
struct Proxy {
    client: reqwest::Client,
    backends: Vec<String>,
    /// Requests that each has at the moment, and those it answered.
    under_way: [AtomicUsize; 2],
    answered: [AtomicUsize; 2],
    failed: AtomicUsize,
    ended: AtomicBool,
}

impl Proxy {
    async fn pass(&self, path: &str) -> Option<u16> {
        for (number, backend) in self.backends.iter().enumerate() {
            // Counted before it asks, so that whoever waits for this server's last request waits for this one.
            self.under_way[number].fetch_add(1, Ordering::SeqCst);
            let ready = self.client.get(format!("{backend}/readyz")).send().await.is_ok_and(|ready| ready.status() == 200);
            let status = match ready {
                true => self.client.get(format!("{backend}{path}")).send().await.ok().map(|answer| answer.status().as_u16()),
                false => None,
            };
            self.under_way[number].fetch_sub(1, Ordering::SeqCst);
            if ready {
                self.answered[number].fetch_add(1, Ordering::SeqCst);
                return status;
            }
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_when_a_server_is_restarted_behind_a_proxy_that_asks_whether_it_is_ready() {
    let (first, second) = (Installation::start().await, Installation::start().await);
    for installation in [&first, &second] {
        installation.paint(CLIP).await;
    }
    let proxy = Arc::new(Proxy {
        client: client(),
        backends: [&first, &second].map(|installation| installation.running.url().to_owned()).into(),
        under_way: Default::default(),
        answered: Default::default(),
        failed: AtomicUsize::new(0),
        ended: AtomicBool::new(false),
    });
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let proxy = Arc::clone(&proxy);
        visitors.spawn(async move {
            while !proxy.ended.load(Ordering::SeqCst) {
                if proxy.pass(CLIP).await != Some(200) {
                    proxy.failed.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    let until = async |reached: &dyn Fn() -> bool| {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    until(&|| proxy.answered[0].load(Ordering::SeqCst) >= 20).await;
    first.running.wind_down();
    until(&|| proxy.answered[1].load(Ordering::SeqCst) >= 20).await;
    until(&|| proxy.under_way[0].load(Ordering::SeqCst) == 0).await;
    let address = first.running.url().strip_prefix("http://").unwrap().parse().unwrap();
    first.running.stop().await.unwrap();
    let mut config = lay_out(first.folder.path());
    config.server.listen = address;
    let again = Installation::run(config, &first.clock).await.unwrap_or_else(|error| panic!("{error}"));
    let before = proxy.answered[0].load(Ordering::SeqCst);
    until(&|| proxy.answered[0].load(Ordering::SeqCst) >= before + 20).await;
    proxy.ended.store(true, Ordering::SeqCst);
    visitors.join_all().await;
    assert_eq!(proxy.failed.load(Ordering::SeqCst), 0);
    again.stop().await.unwrap();
}

/// `regex-lite`, which actix-router takes without this feature, costs 7 µs a request (measured).
#[test]
fn the_router_matches_with_the_fast_engine() {
    let manifest = include_str!("../../Cargo.toml");
    let line = manifest.lines().find(|line| line.starts_with("actix-web = ")).unwrap();
    assert!(line.contains("\"unicode\""), "{line}");
}
