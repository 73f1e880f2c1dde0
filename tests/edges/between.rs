//! Somebody between an edge and its origin: counts what passes, and may change it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::installation::client;

/// What it does to blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// Nothing.
    None,
    /// Changes the last byte.
    LastByte,
    /// Changes the first byte.
    FirstByte,
    /// Stops in the middle.
    BreakOff,
    /// Answers a redirect to somebody else.
    Redirect,
}

#[derive(Clone)]
pub struct Between {
    pub url: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    trick: Trick,
    counts: BTreeMap<String, usize>,
}

impl Between {
    /// Stands in front of `origin`.
    pub async fn start(origin: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared { trick: Trick::None, counts: BTreeMap::new() }));
        let between = Self { url: format!("http://{address}"), shared: Arc::clone(&shared) };
        let origin = origin.to_owned();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (origin, shared) = (origin.clone(), Arc::clone(&shared));
                // A connection that the edge gave up is nobody's concern.
                tokio::spawn(async move { pass(stream, &origin, &shared).await.ok() });
            }
        });
        between
    }

    pub fn play(&self, trick: Trick) {
        self.shared.lock().unwrap().trick = trick;
    }

    /// How often paths that begin like this were asked for.
    pub fn count(&self, prefix: &str) -> usize {
        self.shared.lock().unwrap().counts.iter().filter(|(path, _)| path.starts_with(prefix)).map(|(_, count)| count).sum()
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` if the connection ends before it does.
    pub async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Self>> {
        let mut request = Vec::new();
        let end = loop {
            if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&request[..end]).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut read = Self { method, path, fields, body: request.split_off(end) };
        let length = read.field("content-length").map_or(0, |length| length.parse().unwrap());
        while read.body.len() < length {
            if stream.read_buf(&mut read.body).await? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(read))
    }

    pub fn field(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

async fn pass(mut stream: TcpStream, origin: &str, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut stream).await? else { return Ok(()) };
    let path = &request.path;
    let trick = {
        let mut shared = shared.lock().unwrap();
        *shared.counts.entry(path.clone()).or_default() += 1;
        if path.starts_with("/v1/blobs/") { shared.trick } else { Trick::None }
    };
    let mut passed = client().request(request.method.parse().unwrap(), format!("{origin}{path}")).body(request.body.clone());
    for name in ["authorization", "content-type", "festoon-edge", "prefer"] {
        passed = request.field(name).into_iter().fold(passed, |passed, value| passed.header(name, value));
    }
    let Ok(answer) = passed.send().await else { return Ok(()) };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(bytes) = answer.bytes().await else { return Ok(()) };
    let (mut bytes, whole) = (bytes.to_vec(), bytes.len());
    match trick {
        Trick::None => {}
        Trick::FirstByte => bytes[0] ^= 1,
        Trick::LastByte => bytes[whole - 1] ^= 1,
        Trick::BreakOff => bytes.truncate(whole / 2),
        Trick::Redirect => {
            let answer =
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/secret\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return stream.write_all(answer.as_bytes()).await;
        }
    }
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {whole}\r\nconnection: close\r\n");
    for name in ["content-type", "location", "retry-after", "cache-control", "festoon-nearest", "festoon-ticket"] {
        if let Some(value) = headers.get(name) {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}
