//! Answers that were given a moment ago, ready to be given again: head and bytes, by the canonical form of what was asked.
//!
//! Each worker has a table of its own, so that looking needs no lock. It is emptied each second, and whenever the cache lost
//! something or a template was read again: what was purged or replaced is not given again, and bytes that the cache let go are
//! held no longer than that.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use foldhash::quality::RandomState;

use super::{Shared, clips, delivery::Representation, gate, routes};
use crate::{metrics::Route, template::Templates};

/// Bytes of one answer are at most this part of the memory that the cache may have: larger ones it does not keep in memory.
const PART: u64 = 8;
/// Answers of a table; those of large clips reach the limit of bytes first.
const MOST: usize = 4096;

/// An answer.
#[derive(Debug)]
pub struct Hot {
    /// The whole representation.
    pub bytes: Bytes,
    /// Its entity tag with the quotes.
    pub tag: String,
    /// Lines of fields that every answer has.
    pub always: Vec<u8>,
    /// Lines of fields that answers with bytes have.
    pub content: Vec<u8>,
    /// Which row of the table of routes it belongs to.
    pub row: usize,
    /// Whether a pick was answered, not a hash.
    pub is_pick: bool,
}

impl Hot {
    fn of(representation: &Representation, row: usize, allow_origin: &HeaderValue) -> Self {
        let path = routes::ROWS[row].path;
        let mut always = Vec::new();
        for (name, value) in representation.described.always() {
            line(&mut always, name.as_str(), value.as_bytes());
        }
        for (name, value) in gate::everywhere(path, allow_origin) {
            line(&mut always, name.as_str(), value.as_bytes());
        }
        let mut content = Vec::new();
        for (name, value) in representation.described.content() {
            line(&mut content, name.as_str(), value.as_bytes());
        }
        Self {
            bytes: representation.bytes.clone(),
            tag: representation.described.tag().to_owned(),
            always,
            content,
            row,
            is_pick: path == routes::CLIP,
        }
    }
}

/// A line of a head.
fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// A moment in which answers do not change.
#[derive(Clone)]
pub struct Moment {
    second: u64,
    losses: u64,
    templates: Arc<Templates>,
}

impl Moment {
    /// This one.
    pub fn now(shared: &Shared) -> Self {
        let second = shared.edge.now().0 / 1000;
        Self { second, losses: shared.edge.cache().losses(), templates: shared.edge.library().current() }
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.second == other.second && self.losses == other.losses && Arc::ptr_eq(&self.templates, &other.templates)
    }
}

/// The answers of a worker.
pub struct Table {
    answers: HashMap<Box<[u8]>, Rc<Hot>, RandomState>,
    bytes: u64,
    moment: Moment,
    memory_bytes: u64,
    workers: u64,
    /// By row.
    pub routes: Vec<Route>,
}

impl Table {
    /// An empty table of one of so many workers.
    pub fn new(shared: &Shared, workers: usize) -> Self {
        Self {
            answers: HashMap::default(),
            bytes: 0,
            moment: Moment::now(shared),
            memory_bytes: shared.config.cache.memory_bytes,
            workers: workers as u64,
            routes: routes::ROWS.iter().map(|row| Route::of(row.path)).collect(),
        }
    }

    /// The answer of this moment.
    pub fn get(&mut self, key: &[u8], moment: Moment) -> Option<Rc<Hot>> {
        if self.moment != moment {
            self.clear();
            self.moment = moment;
        }
        self.answers.get(key).cloned()
    }

    /// Remembers an answer that was found in a moment, unless that is over. Never more than the workers' part of what the
    /// cache has in memory, except for a single answer.
    pub fn remember(&mut self, key: &[u8], hot: Hot, moment: &Moment) {
        let bytes = hot.bytes.len() as u64;
        if self.moment != *moment || bytes > self.memory_bytes / PART {
            return;
        }
        if self.answers.len() >= MOST || self.bytes + bytes > self.memory_bytes / self.workers {
            self.clear();
        }
        self.bytes += bytes;
        if let Some(before) = self.answers.insert(key.into(), hot.into()) {
            self.bytes -= before.bytes.len() as u64;
        }
    }

    fn clear(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }
}

/// Looks for what is ready at a target of kept bytes; `None` if there is no such answer, and somebody else has to say why.
pub async fn find(shared: &Shared, target: &str) -> Option<Hot> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.contains('%') {
        return None;
    }
    let (row, found) = if let Some(rest) = path.strip_prefix("/v1/blobs/") {
        let (name, extension) = rest.rsplit_once('.').filter(|_| !rest.contains('/'))?;
        (routes::BLOB, clips::bytes_of(shared, name, extension).await)
    } else {
        let (template, rest) = path.strip_prefix("/v1/clips/")?.split_once('/')?;
        let (locale, extension) = rest.rsplit_once('.').filter(|_| !rest.contains('/'))?;
        (routes::CLIP, clips::ready(shared, [template, locale, extension], query).await)
    };
    let row = routes::ROWS.iter().position(|one| one.path == row)?;
    // An error is told by the handler, which runs into it again.
    Some(Hot::of(&found.ok()??, row, &shared.allow_origin))
}
