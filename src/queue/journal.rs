//! The queue's truth: an append-only file of the jobs as they changed.
//!
//! A plate can be made again from its manifest's spec, a job cannot: nobody else knows that it was ordered. So each change
//! of a job that is acknowledged is a line here first, synced to the disk; the index may lose or garble what it likes. One
//! thread writes; changes that arrive while it syncs share the next sync.
//!
//! A line is the first 16 hexadecimal digits of the blake3 of the rest, a space, and the row as JSON. A line that does not
//! match is skipped and counted; a torn end, from a crash in mid-write, is cut off. Ended jobs leave the file when it is
//! rewritten, which happens when most of it is out of date.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::mpsc,
    thread::JoinHandle,
};

use festoon_spec::JobId;
use serde::Serialize;
use tokio::sync::oneshot;

use super::row::Row;
use crate::store::{StoreError, durable, lines, make_folder};

/// Smaller files are not worth a rewrite.
const REWRITE_FROM_BYTES: u64 = 4 << 20;
/// Rewrite when the file is this many times what it was after the last rewrite.
const REWRITE_FACTOR: u64 = 4;

/// The open journal. Dropping it waits until what was appended is written.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None` only while it is dropped.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    path: PathBuf,
}

enum Request {
    Append(String, oneshot::Sender<Result<(), StoreError>>),
    Read(mpsc::SyncSender<Result<Vec<Row>, StoreError>>),
}

/// Resolves once the line is on the disk.
pub(super) struct Kept(oneshot::Receiver<Result<(), StoreError>>);

impl Kept {
    pub async fn wait(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closing))
    }
}

impl Journal {
    /// Opens or makes the file. Blocks.
    pub fn open(path: &Path, staging: &Path) -> Result<Self, StoreError> {
        make_folder(path.parent().expect("the journal has a folder"))?;
        let mut writer = Writer::open(path.to_owned(), staging.to_owned())?;
        let (requests, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("queue-journal".into()).spawn(move || writer.serve(&inbox));
        let writer = thread.map_err(|error| StoreError::at(path, error))?;
        Ok(Self { requests: Some(requests), writer: Some(writer), path: path.to_owned() })
    }

    /// Appends a row. Rows are written in the order of the calls.
    pub fn append(&self, row: &Row) -> Kept {
        let (done, kept) = oneshot::channel();
        self.send(Request::Append(lines::written(row), done));
        Kept(kept)
    }

    /// The last state of each job in the file, after everything appended before this call. Blocks.
    pub fn read(&self) -> Result<Vec<Row>, StoreError> {
        let (reply, rows) = mpsc::sync_channel(1);
        self.send(Request::Read(reply));
        rows.recv().unwrap_or(Err(StoreError::Closing))
    }

    fn send(&self, request: Request) {
        let requests = self.requests.as_ref().expect("taken only by drop");
        if requests.send(request).is_err() {
            // The caller finds its answer's channel closed and reports it.
            tracing::error!(path = %self.path.display(), "the journal's writer is gone");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.requests = None;
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!(path = %self.path.display(), "the journal's writer panicked");
        }
    }
}

struct Writer {
    path: PathBuf,
    staging: PathBuf,
    file: File,
    /// Up to here the file is known to be good.
    length: u64,
    /// Its length after the last rewrite.
    base: u64,
    /// A sync failed: what the system holds of the file is unknown, and it must be written anew.
    broken: bool,
}

impl Writer {
    fn open(path: PathBuf, staging: PathBuf) -> Result<Self, StoreError> {
        let failed = |error| StoreError::at(&path, error);
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut writer = Self { path, staging, file, length, base: 0, broken: false };
        let whole = writer.whole_lines()?;
        if whole < length {
            tracing::warn!(path = %writer.path.display(), bytes = length - whole, "cut a torn line off the journal");
            writer.cut(whole)?;
        }
        durable::sync_folder(writer.path.parent().expect("the journal has a folder"))?;
        if writer.length > REWRITE_FROM_BYTES {
            writer.rewrite()?;
        }
        writer.base = writer.length;
        Ok(writer)
    }

    /// Where the last complete line ends.
    fn whole_lines(&self) -> Result<u64, StoreError> {
        let mut end = self.length;
        let mut block = [0; 4096];
        let mut file = &self.file;
        while end > 0 {
            let start = end.saturating_sub(block.len() as u64);
            let part = &mut block[..(end - start) as usize];
            file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(part)).map_err(|error| self.failed(error))?;
            if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    fn cut(&mut self, length: u64) -> Result<(), StoreError> {
        self.file.set_len(length).and_then(|()| self.file.sync_all()).map_err(|error| self.failed(error))?;
        self.length = length;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::at(&self.path, error)
    }

    fn serve(&mut self, inbox: &mpsc::Receiver<Request>) {
        while let Ok(first) = inbox.recv() {
            let mut lines = String::new();
            let mut waiting = Vec::new();
            let mut readers = Vec::new();
            for request in std::iter::once(first).chain(inbox.try_iter()) {
                match request {
                    Request::Append(line, done) => {
                        lines.push_str(&line);
                        waiting.push(done);
                    }
                    Request::Read(reply) => readers.push(reply),
                }
            }
            if !lines.is_empty() {
                let result = self.append(&lines);
                for done in waiting {
                    // Whoever does not wait any more has no use for the answer.
                    let _ = done.send(result.as_ref().copied().map_err(|error| self.failed(copy(error))));
                }
            }
            for reply in readers {
                let _ = reply.send(self.read());
            }
            if self.length > REWRITE_FROM_BYTES.max(self.base.saturating_mul(REWRITE_FACTOR))
                && let Err(error) = self.rewrite()
            {
                tracing::warn!(path = %self.path.display(), %error, "the journal could not be rewritten and grows on");
                self.base = self.length;
            }
        }
    }

    fn append(&mut self, lines: &str) -> Result<(), io::Error> {
        if self.broken {
            self.rewrite().map_err(|error| io::Error::new(kind(&error), error.to_string()))?;
        }
        if let Err(error) = (&self.file).write_all(lines.as_bytes()) {
            // Half a line may be there. If it cannot be cut off, the file is written anew.
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        if let Err(error) = self.file.sync_data() {
            self.broken = true;
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Calls with each line that matches its digits: its place, its length and its row.
    fn scan(&self, visit: impl FnMut(u64, usize, Row)) -> Result<(), StoreError> {
        let wrong = scan(&self.path, self.length, visit)?;
        if wrong > 0 {
            tracing::error!(path = %self.path.display(), lines = wrong, "the journal has damaged lines; they are skipped");
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows: HashMap<JobId, Row> = HashMap::new();
        self.scan(|_, _, row| {
            let newer = rows.get(&row.job.id).is_none_or(|known| known.revision <= row.revision);
            if newer {
                rows.insert(row.job.id.clone(), row);
            }
        })?;
        Ok(rows.into_values().collect())
    }

    /// Writes a file of the live jobs' last lines and puts it in the place of this one.
    fn rewrite(&mut self) -> Result<(), StoreError> {
        struct Last {
            at: u64,
            length: usize,
            revision: u64,
            live: bool,
        }
        let mut last: HashMap<JobId, Last> = HashMap::new();
        self.scan(|at, length, row| {
            if last.get(&row.job.id).is_none_or(|known| known.revision <= row.revision) {
                last.insert(row.job.id.clone(), Last { at, length, revision: row.revision, live: row.job.is_live() });
            }
        })?;
        let mut places: Vec<_> = last.into_values().filter(|last| last.live).map(|last| (last.at, last.length)).collect();
        places.sort_unstable();
        let failed = |error| StoreError::at(&self.path, error);
        let mut old = File::open(&self.path).map_err(failed)?;
        let staged = tempfile::Builder::new().prefix("journal-").tempfile_in(&self.staging).map_err(failed)?;
        let mut out = BufWriter::new(staged.as_file());
        let mut length = 0;
        for (at, size) in places {
            let mut bytes = vec![0; size];
            old.seek(SeekFrom::Start(at)).and_then(|_| old.read_exact(&mut bytes)).map_err(failed)?;
            out.write_all(&bytes).map_err(failed)?;
            length += size as u64;
        }
        out.flush().map_err(failed)?;
        drop(out);
        staged.as_file().sync_all().map_err(failed)?;
        durable::publish(staged.into_temp_path(), &self.path)?;
        self.file = OpenOptions::new().read(true).append(true).open(&self.path).map_err(failed)?;
        (self.length, self.base, self.broken) = (length, length, false);
        Ok(())
    }
}

/// Calls with each line in the first `length` bytes that matches its digits, and counts those that do not.
fn scan(path: &Path, length: u64, mut visit: impl FnMut(u64, usize, Row)) -> Result<u64, StoreError> {
    let failed = |error| StoreError::at(path, error);
    let file = File::open(path).map_err(failed)?;
    let mut reader = BufReader::new(file.take(length));
    let (mut at, mut wrong) = (0, 0);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(failed)?;
        if read == 0 {
            return Ok(wrong);
        }
        match std::str::from_utf8(&bytes).ok().and_then(|text| lines::read::<Row>(text.trim_end_matches('\n'))) {
            Some(row) => visit(at, read, row),
            None => wrong += 1,
        }
        at += read as u64;
    }
}

/// What a look at the journal found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct JournalCheck {
    /// Lines that read.
    pub lines: u64,
    /// Lines that do not, except one that is still being written.
    pub damaged_lines: u64,
    /// Jobs that are queued or leased.
    pub live_jobs: u64,
}

impl JournalCheck {
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let length = match std::fs::metadata(path) {
            Ok(data) => data.len(),
            // No server ran here yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(StoreError::at(path, error)),
        };
        let mut lines = 0;
        let mut last: HashMap<JobId, (u64, bool)> = HashMap::new();
        let mut end = 0;
        let damaged = scan(path, length, |at, length, row| {
            lines += 1;
            end = at + length as u64;
            if last.get(&row.job.id).is_none_or(|(revision, _)| *revision <= row.revision) {
                last.insert(row.job.id.clone(), (row.revision, row.job.is_live()));
            }
        })?;
        let torn = end < length && !ends_with_newline(path, length)?;
        let live_jobs = last.values().filter(|(_, live)| *live).count() as u64;
        Ok(Self { lines, damaged_lines: damaged - u64::from(torn && damaged > 0), live_jobs })
    }
}

fn ends_with_newline(path: &Path, length: u64) -> Result<bool, StoreError> {
    let failed = |error| StoreError::at(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1)).and_then(|_| file.read_exact(&mut last)).map_err(failed)?;
    Ok(last == *b"\n")
}

/// An error for each of those who share one sync.
fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

fn kind(error: &StoreError) -> io::ErrorKind {
    match error {
        StoreError::Full { .. } => io::ErrorKind::StorageFull,
        StoreError::Io { source, .. } | StoreError::ReadOnly { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    }
}
