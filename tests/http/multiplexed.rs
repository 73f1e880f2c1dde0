//! What a connection of HTTP/2 may make the server do, and how it ends.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use bytes::Bytes;
use h2::client::SendRequest;

use crate::{bench, installation::*};

/// A clip that nobody has painted, asked for by somebody who waits.
const HELD: &str = "/v1/clips/lantern/en.mp4";

const DATA_WINDOWS: std::ops::RangeInclusive<u32> = 16_384..=1 << 20;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A connection, frame by frame: it sends what no library would.
struct Raw(TcpStream);

/// Kind, stream and payload.
type Frame = (u8, u32, Vec<u8>);

impl Raw {
    fn connect(installation: &Installation) -> Self {
        let mut stream = TcpStream::connect(installation.running.url().strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut raw = Self(stream);
        raw.send(SETTINGS, 0, 0, &[]).unwrap();
        raw
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = (payload.len() as u32).to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame)
    }

    /// A GET that is held open. Field by field as HPACK wants it, nothing indexed and nothing compressed.
    fn ask(&mut self, stream: u32) -> std::io::Result<()> {
        let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        // `:method: GET` and `:scheme: http` have numbers; `:path` and `:authority` have one for their names.
        let fields =
            [&[0x82, 0x86, 0x04][..], &text(HELD), &[0x01], &text("x"), &[0], &text("prefer"), &text("wait=60")].concat();
        let (end_headers, end_stream) = (4, 1);
        self.send(HEADERS, end_headers | end_stream, stream, &fields)
    }

    /// The next frame, until the server closes.
    fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let [high, middle, low, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        Some((kind, u32::from_be_bytes(stream), payload))
    }

    /// The next frame of a kind.
    fn next(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.frame().expect("the server closed before");
            if frame.0 == kind {
                return frame;
            }
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_its_limits_and_more_streams_are_refused() {
    let installation = Installation::with(|config| {
        config.limits.streams = 2;
        config.limits.header_bytes = 5000;
    })
    .await;
    tokio::task::block_in_place(|| {
        let mut raw = Raw::connect(&installation);
        let settings = raw.next(SETTINGS).2;
        let told = |id: u16| settings.chunks(6).find(|one| one[..2] == id.to_be_bytes()).map(|one| number(&one[2..]));
        let (max_streams, window, max_header_list) = (told(3), told(4), told(6));
        assert_eq!((max_streams, max_header_list), (Some(2), Some(5000)));
        assert!(window.is_none_or(|window| DATA_WINDOWS.contains(&window)), "{window:?}");
        for stream in [1, 3, 5] {
            raw.ask(stream).unwrap();
        }
        let (_, stream, reason) = raw.next(RST_STREAM);
        assert_eq!((stream, number(&reason)), (5, REFUSED_STREAM));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_back_requests_as_fast_as_it_sends_them_is_sent_away() {
    let installation = Installation::start().await;
    tokio::task::block_in_place(|| {
        let mut raw = Raw::connect(&installation);
        for stream in (1..2000).step_by(2) {
            // The server may have closed already.
            if raw.ask(stream).and_then(|()| raw.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).is_err() {
                break;
            }
        }
        let (_, _, told) = raw.next(GOAWAY);
        assert_eq!(number(&told[4..8]), ENHANCE_YOUR_CALM);
        while raw.frame().is_some() {}
    });
    assert_eq!(installation.get("/healthz").await.status, 200);
}

/// A connection by a library, and what ends with it.
async fn connect(installation: &Installation) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let address = installation.running.url().strip_prefix("http://").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

fn get(path: &str) -> http::Request<()> {
    http::Request::get(format!("http://localhost{path}")).body(()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_told_so_on_its_stream_alone() {
    let installation = Installation::with(|config| config.limits.header_bytes = 5000).await;
    let (mut client, _connection) = connect(&installation).await;
    let mut large = get("/healthz");
    large.headers_mut().insert("x-filler", "a".repeat(6000).parse().unwrap());
    assert_eq!(client.send_request(large, true).unwrap().0.await.unwrap().status(), 431);
    assert_eq!(client.send_request(get("/healthz"), true).unwrap().0.await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_is_reset_and_the_others_go_on() {
    let installation = Installation::with(|config| config.limits.stall_seconds = 1).await;
    let footage = bench::footage(1, 3 << 20);
    let blob = bench::keep(installation.running.edge().cache(), 1, &footage).await.blob;
    let (mut client, _connection) = connect(&installation).await;
    let (response, _) = client.send_request(get(&format!("/v1/blobs/{blob}.mp4")), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    // Never gives back the room that its bytes took.
    let mut came = 0;
    let end = loop {
        match body.data().await {
            Some(Ok(piece)) => came += piece.len(),
            Some(Err(error)) => break error.reason(),
            None => break None,
        }
    };
    assert!(came < footage.len());
    assert_eq!(end, Some(h2::Reason::CANCEL));
    assert_eq!(client.send_request(get("/healthz"), true).unwrap().0.await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed() {
    let installation = Installation::with(|config| config.limits.keep_alive_seconds = 1).await;
    let (mut client, connection) = connect(&installation).await;
    assert_eq!(client.send_request(get("/healthz"), true).unwrap().0.await.unwrap().status(), 200);
    connection.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_when_the_server_stops() {
    let installation = Installation::start().await;
    let footage = bench::footage(1, 3 << 20);
    let blob = bench::keep(installation.running.edge().cache(), 1, &footage).await.blob;
    let (mut client, connection) = connect(&installation).await;
    let (response, _) = client.send_request(get(&format!("/v1/blobs/{blob}.mp4")), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let stopping = tokio::spawn(installation.running.stop());
    let mut came = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        came.extend_from_slice(&piece);
    }
    assert!(came == footage);
    stopping.await.unwrap().unwrap();
    connection.await.unwrap().unwrap();
}
