//! The express counter: plain requests for kept bytes, answered without actix.
//!
//! actix copies every body into a buffer and builds every head out of a map of fields: of a hit, that is most of what the
//! server's processor does. Here a head is one copy of text that was rendered before, and the bytes go from the cache's memory
//! to the kernel in the same call. Whatever is not [`Plain`] or not at hand is left to actix, with the connection; it does not
//! come back.

use std::{cell::RefCell, io, net::IpAddr, pin::pin, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::DateTime;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    access::{Line, Lines, decimal},
    client,
    conditions::Decision,
    hot::{self, Hot, Moment, Table},
    plain::{Plain, Read},
    target::Canonical,
    wire::Wire,
};
use crate::metrics;

/// What begins a connection of HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is over.
    Over,
    /// HTTP/1 that is not plain.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The counter of a worker.
pub struct Express {
    shared: Arc<Shared>,
    lines: Option<Lines>,
    closing: CancellationToken,
    table: RefCell<Table>,
    canonical: RefCell<Canonical>,
    date: RefCell<Date>,
}

/// The `Date` line of a second.
#[derive(Default)]
struct Date {
    second: u64,
    line: Vec<u8>,
}

/// An answer on its way.
struct Reply {
    head: Vec<u8>,
    body: Bytes,
    status: u16,
}

/// A plain request, taken out of the bytes it came in.
struct Asked {
    hot: Rc<Hot>,
    reply: Reply,
    length: usize,
}

/// Which answer is given, or why none is.
enum Found {
    Reply(Box<Asked>),
    /// It may be there; this is where.
    Look(String),
    Wait,
    Other,
}

impl Express {
    /// A counter of one of so many workers.
    pub fn new(shared: Arc<Shared>, lines: Option<Lines>, closing: CancellationToken, workers: usize) -> Self {
        let table = Table::new(&shared, workers);
        Self { shared, lines, closing, table: table.into(), canonical: RefCell::default(), date: RefCell::default() }
    }

    /// Answers a connection as long as its requests are plain. `peer` is who is at its other end.
    pub async fn serve(&self, wire: &mut Wire, peer: IpAddr) -> Next {
        let limits = &self.shared.config.limits;
        let (head_seconds, idle_seconds) =
            (Duration::from_secs(limits.head_seconds), Duration::from_secs(limits.keep_alive_seconds));
        let mut deadline = Instant::now() + head_seconds;
        // Armed once, and again only when it rings too early: setting it for each request would cost more than the rest.
        let mut alarm = pin!(sleep_until(deadline));
        let mut closing = pin!(self.closing.cancelled());
        let mut looked = false;
        loop {
            match self.find(wire.ahead(), looked, peer) {
                Found::Reply(asked) => {
                    looked = false;
                    let Asked { hot, reply, length } = *asked;
                    wire.take(length);
                    if self.send(wire, &hot, &reply).await.is_err() || self.closing.is_cancelled() {
                        return Next::Over;
                    }
                    deadline = Instant::now() + idle_seconds;
                    continue;
                }
                Found::Look(target) => {
                    looked = true;
                    // Before looking, so that what changes in between is noticed.
                    let moment = Moment::now(&self.shared);
                    let Some(hot) = hot::find(&self.shared, &target).await else { return Next::Http1 };
                    self.table.borrow_mut().remember(self.canonical.borrow_mut().of(&target), hot, &moment);
                    continue;
                }
                Found::Other if wire.ahead().starts_with(&PREFACE[..16]) => return Next::Http2,
                Found::Other => return Next::Http1,
                Found::Wait => {}
            }
            if !wire.ahead().is_empty() {
                // The rest of a head has to come as fast as a whole one.
                deadline = deadline.min(Instant::now() + head_seconds);
            }
            loop {
                tokio::select! {
                    biased;
                    filled = wire.fill() => match filled {
                        Ok(1..) => break,
                        Ok(0) | Err(_) => return Next::Over,
                    },
                    () = &mut alarm => {
                        if Instant::now() >= deadline {
                            // Half a head is too slow: actix says so.
                            return if wire.ahead().is_empty() { Next::Over } else { Next::Http1 };
                        }
                        alarm.as_mut().reset(deadline);
                    }
                    () = &mut closing => return if wire.ahead().is_empty() { Next::Over } else { Next::Http1 },
                }
            }
        }
    }

    fn find(&self, bytes: &[u8], looked: bool, peer: IpAddr) -> Found {
        if bytes.is_empty() {
            return Found::Wait;
        }
        let limits = &self.shared.config.limits;
        let plain = match Read::from(bytes, limits.header_bytes, limits.uri_bytes) {
            Read::Plain(plain) => plain,
            Read::Part => return Found::Wait,
            Read::Other => return Found::Other,
        };
        let started = std::time::Instant::now();
        let now = self.shared.edge.now();
        let mut canonical = self.canonical.borrow_mut();
        let key = canonical.of(plain.target);
        let mut table = self.table.borrow_mut();
        let Some(hot) = table.get(key, Moment::now(&self.shared)) else {
            return if looked { Found::Other } else { Found::Look(plain.target.to_owned()) };
        };
        let decision = plain.conditions.decide(&hot.tag, hot.bytes.len() as u64, limits.ranges);
        let Some(reply) = self.reply(&plain, &hot, decision, started, now.0 / 1000) else { return Found::Other };
        let took = started.elapsed();
        table.routes[hot.row].answered(reply.status, took);
        if hot.is_pick {
            metrics::ready();
        }
        self.shared.edge.cache().count_memory_hits(1);
        if let Some(lines) = &self.lines {
            lines.add(&Line {
                client: client::of(peer, plain.forwarded, &self.shared.config.server.trusted_proxies),
                now,
                method: if plain.head_only { "HEAD" } else { "GET" },
                target: plain.target,
                version: "1.1",
                status: reply.status,
                bytes: Some(reply.body.len() as u64),
                agent: plain.agent,
                took,
            });
        }
        let length = plain.length;
        Found::Reply(Box::new(Asked { hot, reply, length }))
    }

    /// The answer, where it is a simple one.
    fn reply(&self, plain: &Plain<'_>, hot: &Hot, decision: Decision, started: std::time::Instant, second: u64) -> Option<Reply> {
        let whole = hot.bytes.len();
        let (status, line, part) = match decision {
            Decision::Whole => (200, "HTTP/1.1 200 OK\r\n", 0..whole),
            Decision::Unchanged => (304, "HTTP/1.1 304 Not Modified\r\n", 0..0),
            Decision::Parts(parts) => match parts.as_slice() {
                [part] => (206, "HTTP/1.1 206 Partial Content\r\n", part.start as usize..part.end as usize),
                _ => return None,
            },
            Decision::Failed | Decision::Outside => return None,
        };
        let mut head = Vec::with_capacity(hot.always.len() + hot.content.len() + 256);
        head.extend_from_slice(line.as_bytes());
        head.extend_from_slice(&hot.always);
        if status != 304 {
            head.extend_from_slice(&hot.content);
            head.extend_from_slice(b"content-length: ");
            decimal(&mut head, part.len() as u64);
            head.extend_from_slice(b"\r\n");
        }
        if status == 206 {
            head.extend_from_slice(b"content-range: bytes ");
            decimal(&mut head, part.start as u64);
            head.push(b'-');
            decimal(&mut head, part.end as u64 - 1);
            head.push(b'/');
            decimal(&mut head, whole as u64);
            head.extend_from_slice(b"\r\n");
        }
        if self.closing.is_cancelled() {
            head.extend_from_slice(b"connection: close\r\n");
        }
        head.extend_from_slice(b"server-timing: edge;dur=");
        milliseconds(&mut head, started.elapsed());
        head.extend_from_slice(b"\r\n");
        self.date.borrow_mut().write(&mut head, second);
        head.extend_from_slice(b"\r\n");
        let body = if plain.head_only { Bytes::new() } else { hot.bytes.slice(part) };
        Some(Reply { head, body, status })
    }

    async fn send(&self, wire: &mut Wire, hot: &Hot, reply: &Reply) -> io::Result<()> {
        let Reply { head, body, .. } = reply;
        debug_assert!(body.len() <= hot.bytes.len());
        match wire.send(head, body).await {
            Ok(()) => {
                metrics::delivered(body.len() as u64, false);
                Ok(())
            }
            Err((sent, error)) => {
                metrics::delivered(sent, sent < body.len() as u64);
                Err(error)
            }
        }
    }
}

impl Date {
    fn write(&mut self, head: &mut Vec<u8>, second: u64) {
        if self.second != second || self.line.is_empty() {
            self.second = second;
            self.line = format!("date: {}\r\n", date(second)).into_bytes();
        }
        head.extend_from_slice(&self.line);
    }
}

/// A second since 1970 as heads say it.
pub fn date(second: u64) -> String {
    let moment = DateTime::from_timestamp(second as i64, 0).unwrap_or_default();
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Milliseconds with three decimals.
pub fn milliseconds(text: &mut Vec<u8>, time: Duration) {
    let micros = time.as_micros() as u64;
    decimal(text, micros / 1000);
    text.push(b'.');
    for place in [100, 10, 1] {
        text.push(b'0' + (micros / place % 10) as u8);
    }
}
