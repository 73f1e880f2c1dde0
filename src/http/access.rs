//! The access log: one line for each answer, in the combined format that log readers know, with the microseconds to the
//! answer's head at the end.
//!
//! Each worker writes lines into a buffer of its own, and one thread carries the buffers to the file, so that no request waits
//! for a disk. Buffers are bounded: when the disk is slower than the requests, lines are dropped and counted. Queries are not
//! logged, since titles are what people wrote. A crash loses the lines of the last moment.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use chrono::DateTime;
use festoon_spec::UnixMillis;

use crate::{config::Log, metrics};

/// How long a line waits for the file at most.
const CARRIED_EVERY: Duration = Duration::from_millis(200);
/// Bytes of lines that a worker may have waiting.
const WAITING: usize = 1 << 20;
/// Bytes of a target and of an agent's name that are told.
const TOLD: usize = 256;

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Who asked.
    pub client: IpAddr,
    /// When.
    pub now: UnixMillis,
    /// How.
    pub method: &'a str,
    /// For what; the query is left out.
    pub target: &'a str,
    /// `1.1` for example.
    pub version: &'a str,
    /// The status that was answered.
    pub status: u16,
    /// Bytes of the body, where they are known.
    pub bytes: Option<u64>,
    /// `User-Agent`.
    pub agent: Option<&'a [u8]>,
    /// Until the answer's head.
    pub took: Duration,
}

/// Where a worker writes its lines. Clones write into the same buffer.
#[derive(Clone)]
pub struct Lines(Arc<Mutex<Buffer>>);

struct Buffer {
    text: Vec<u8>,
    lost: u64,
    /// The second that `moment` tells.
    second: u64,
    moment: Vec<u8>,
}

impl Lines {
    /// Adds a line.
    pub fn add(&self, line: &Line<'_>) {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.text.len() >= WAITING {
            buffer.lost += 1;
            return;
        }
        let second = line.now.0 / 1000;
        if buffer.second != second {
            buffer.second = second;
            let moment = DateTime::from_timestamp(second as i64, 0).unwrap_or_default();
            buffer.moment = moment.format(" - - [%d/%b/%Y:%H:%M:%S +0000] \"").to_string().into_bytes();
        }
        let Buffer { text, moment, .. } = &mut *buffer;
        write!(text, "{}", line.client).expect("a vector grows");
        text.extend_from_slice(moment);
        text.extend_from_slice(line.method.as_bytes());
        text.push(b' ');
        plain(text, line.target.split('?').next().unwrap_or_default().as_bytes());
        text.extend_from_slice(b" HTTP/");
        text.extend_from_slice(line.version.as_bytes());
        text.extend_from_slice(b"\" ");
        decimal(text, line.status.into());
        text.push(b' ');
        match line.bytes {
            Some(bytes) => decimal(text, bytes),
            None => text.push(b'-'),
        }
        text.extend_from_slice(b" \"-\" \"");
        plain(text, line.agent.unwrap_or(b"-"));
        text.extend_from_slice(b"\" ");
        decimal(text, line.took.as_micros() as u64);
        text.push(b'\n');
    }
}

/// Text of strangers: nothing in it ends a line or a quotation.
fn plain(text: &mut Vec<u8>, given: &[u8]) {
    let told = &given[..given.len().min(TOLD)];
    if told.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'"' && *byte != b'\\') {
        text.extend_from_slice(told);
        return;
    }
    for byte in told {
        match byte {
            b'"' | b'\\' | 0..b' ' | b'\x7f'.. => write!(text, "\\x{byte:02X}").expect("a vector grows"),
            _ => text.push(*byte),
        }
    }
}

/// A number in decimal digits, without the detour of the formatter.
pub fn decimal(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

/// The log of a server. Dropping it finishes it.
pub struct AccessLog {
    buffers: Arc<Mutex<Vec<Lines>>>,
    /// The thread, which ends when the sender is dropped; none once the log is finished.
    writer: Mutex<Option<(mpsc::Sender<()>, JoinHandle<()>)>>,
}

impl AccessLog {
    /// Begins to write into `log/access.log` of the state folder.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(state: &Path, settings: &Log) -> io::Result<Self> {
        let mut file = Rotating::open(state.join("log"), settings)?;
        let buffers: Arc<Mutex<Vec<Lines>>> = Arc::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let all = Arc::clone(&buffers);
        let carry = move || {
            let mut text = Vec::new();
            loop {
                let ended = stopped.recv_timeout(CARRIED_EVERY) == Err(mpsc::RecvTimeoutError::Disconnected);
                for lines in &*all.lock().unwrap_or_else(PoisonError::into_inner) {
                    text.clear();
                    let lost = {
                        let mut buffer = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
                        std::mem::swap(&mut buffer.text, &mut text);
                        std::mem::take(&mut buffer.lost)
                    };
                    file.write(&text, lost);
                }
                if ended {
                    return;
                }
            }
        };
        let writer = std::thread::Builder::new().name("access-log".into()).spawn(carry)?;
        Ok(Self { buffers, writer: Mutex::new(Some((stop, writer))) })
    }

    /// A buffer for another worker.
    pub fn lines(&self) -> Lines {
        let buffer = Buffer { text: Vec::new(), lost: 0, second: u64::MAX, moment: Vec::new() };
        let lines = Lines(Arc::new(Mutex::new(buffer)));
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(lines.clone());
        lines
    }

    /// Writes what waits and closes the file. Lines that are added later are lost.
    pub fn finish(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, writer)) = writer {
            drop(stop);
            if writer.join().is_err() {
                tracing::error!("the access log's thread died");
            }
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A file that is put aside when it is large.
struct Rotating {
    folder: PathBuf,
    file: File,
    bytes: u64,
    most: u64,
    files: usize,
    failing: bool,
}

impl Rotating {
    fn open(folder: PathBuf, settings: &Log) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let file = OpenOptions::new().create(true).append(true).open(folder.join("access.log"))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder, file, bytes, most: settings.access_bytes, files: settings.access_files, failing: false })
    }

    fn write(&mut self, text: &[u8], lost: u64) {
        let mut lost = lost;
        if !text.is_empty() {
            match self.try_write(text) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(%error, folder = %self.folder.display(), "the access log cannot be written");
                    }
                    lost += text.iter().filter(|byte| **byte == b'\n').count() as u64;
                }
            }
        }
        if lost > 0 {
            metrics::access_lines_lost(lost);
        }
    }

    fn try_write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.bytes >= self.most {
            let name = |number: usize| match number {
                0 => self.folder.join("access.log"),
                number => self.folder.join(format!("access.log.{number}")),
            };
            for number in (0..self.files.saturating_sub(1)).rev() {
                match fs::rename(name(number), name(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            self.file = OpenOptions::new().create(true).write(true).truncate(true).open(name(0))?;
            self.bytes = 0;
        }
        self.file.write_all(text)?;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line(target: &str) -> Line<'_> {
        Line {
            client: IpAddr::from([192, 0, 2, 1]),
            now: UnixMillis(1_800_000_000_123),
            method: "GET",
            target,
            version: "1.1",
            status: 200,
            bytes: Some(4096),
            agent: Some(b"player \"x\"\n"),
            took: Duration::from_micros(17),
        }
    }

    fn written(state: &Path, name: &str) -> String {
        fs::read_to_string(state.join("log").join(name)).unwrap()
    }

    #[test]
    fn a_line_tells_the_path_and_nothing_that_people_wrote_and_cannot_be_forged() {
        let state = tempfile::tempdir().unwrap();
        let log = AccessLog::open(state.path(), &Log::default()).unwrap();
        log.lines().add(&line("/v1/clips/new-year/ja.mp4?title=Secret"));
        log.lines().add(&Line { bytes: None, agent: None, ..line("/a\"b") });
        drop(log);
        let expected = "192.0.2.1 - - [15/Jan/2027:08:00:00 +0000] \"GET /v1/clips/new-year/ja.mp4 HTTP/1.1\" 200 4096 \"-\" \
                        \"player \\x22x\\x22\\x0A\" 17\n\
                        192.0.2.1 - - [15/Jan/2027:08:00:00 +0000] \"GET /a\\x22b HTTP/1.1\" 200 - \"-\" \"-\" 17\n";
        assert_eq!(written(state.path(), "access.log"), expected);
    }

    #[test]
    fn so_many_files_are_kept_and_no_more() {
        let state = tempfile::tempdir().unwrap();
        for run in 0..4 {
            // Each run finds a file that is full.
            let log = AccessLog::open(state.path(), &Log { access_bytes: 1, access_files: 2, ..Log::default() }).unwrap();
            log.lines().add(&line(&format!("/{run}")));
        }
        assert!(written(state.path(), "access.log").contains("/3 ") && written(state.path(), "access.log.1").contains("/2 "));
        assert_eq!(fs::read_dir(state.path().join("log")).unwrap().count(), 2);
    }

    #[test]
    fn what_the_disk_cannot_follow_is_dropped_and_counted() {
        let buffer = Buffer { text: vec![b' '; WAITING], lost: 0, second: 0, moment: Vec::new() };
        let lines = Lines(Arc::new(Mutex::new(buffer)));
        lines.add(&line("/"));
        let buffer = lines.0.lock().unwrap();
        assert_eq!((buffer.text.len(), buffer.lost), (WAITING, 1));
    }
}
