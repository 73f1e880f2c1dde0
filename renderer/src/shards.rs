//! A folder of captioned clips: shards that a training program maps into memory.
//!
//! `clips-00000.npy` holds up to [`SHARD`] clips as bytes, shape (clips, frames, height, width, 3), and `clips-00000.jsonl`
//! a line of labels and captions per clip. Both appear whole, the lines last, so a shard whose lines are there is done, and
//! a run that was cut off is gone on with by the same command. `dataset.json` says what was asked for; a folder is never
//! filled after two recipes. The bytes do not depend on the number of threads.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    num::NonZero,
    ops::Range,
    os::unix::fs::FileExt,
    panic,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use festoon_motion::{
    Motif,
    dataset::{Recipe, Sample},
};
use serde_json::{Value, json};

/// Clips of a shard: about 200 MB at 160 × 96 × 17.
pub const SHARD: u64 = 256;

/// What a folder is filled with.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which samples there are.
    pub recipe: Recipe,
    /// The first sample.
    pub first: u64,
    /// How many samples, at least one.
    pub count: u64,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Clips painted now.
    pub painted: u64,
    /// Clips found from an earlier run.
    pub found: u64,
}

/// Why a folder was not filled.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder holds clips of another recipe.
    #[error("{} was filled after another recipe: `{field}` is {found}, asked for {asked}", folder.display())]
    Recipe {
        /// The folder.
        folder: PathBuf,
        /// The first entry of dataset.json that differs.
        field: String,
        /// What the folder was filled with.
        found: Value,
        /// What is asked for now.
        asked: Value,
    },
    /// The folder's dataset.json is not one.
    #[error("{} is not what a data set begins with: {source}", path.display())]
    Begun {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another process fills the folder.
    #[error("another process is filling {}", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
}

impl ShardError {
    /// What would help.
    pub fn hint(&self) -> Option<String> {
        match self {
            ShardError::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room and run the same command again: finished shards are kept".into())
            }
            ShardError::Recipe { .. } => Some("choose another folder, or delete this one".into()),
            ShardError::Begun { .. } => Some("choose another folder".into()),
            ShardError::Busy { .. } => Some("wait for it, or choose another folder".into()),
            ShardError::File { .. } => None,
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ShardError {
    move |source| ShardError::File { path: path.to_owned(), source }
}

impl Order {
    /// Shards that the order fills.
    pub fn shards(&self) -> u64 {
        self.count.div_ceil(SHARD)
    }

    /// Bytes of all clips.
    pub fn bytes(&self) -> u64 {
        self.count.saturating_mul(self.recipe.clip_bytes() as u64)
    }

    /// Fills a folder on that many threads. `told` hears how many clips are done, from any thread.
    ///
    /// # Errors
    /// The first file that cannot be written, or a folder that is not this order's.
    pub fn fill(&self, folder: &Path, threads: NonZero<usize>, told: impl Fn(u64) + Sync) -> Result<Filled, ShardError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let _lock = self.begin(folder)?;
        let mut filled = Filled::default();
        for shard in 0..self.shards() {
            let first = self.first + shard * SHARD;
            let clips = SHARD.min(self.count - shard * SHARD);
            let name = |kind| folder.join(format!("clips-{shard:05}.{kind}"));
            let (arrays, lines) = (name("npy"), name("jsonl"));
            if arrays.exists() && lines.exists() {
                told(clips);
                filled.found += clips;
                continue;
            }
            let samples = first..first + clips;
            whole(&arrays, |file| self.paint(samples.clone(), file, threads, &|| told(1)))?;
            whole(&lines, |file| self.describe(samples, file))?;
            filled.painted += clips;
        }
        Ok(filled)
    }

    /// Makes the folder this order's, and keeps other processes out while the file that it returns is open.
    fn begin(&self, folder: &Path) -> Result<File, ShardError> {
        let path = folder.join("dataset.json");
        let lock = folder.join("lock");
        let file = File::create(&lock).map_err(at(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(ShardError::Busy { folder: folder.to_owned() }),
            Err(fs::TryLockError::Error(source)) => return Err(at(&lock)(source)),
        }
        let asked = self.recipe_json();
        match fs::read(&path) {
            Ok(text) => {
                let found: serde_json::Map<String, Value> =
                    serde_json::from_slice(&text).map_err(|source| ShardError::Begun { path: path.clone(), source })?;
                let value = |map: &serde_json::Map<String, Value>, field: &str| map.get(field).cloned().unwrap_or_default();
                if let Some(field) = asked.keys().chain(found.keys()).find(|field| value(&asked, field) != value(&found, field)) {
                    let (found, asked) = (value(&found, field), value(&asked, field));
                    return Err(ShardError::Recipe { folder: folder.to_owned(), field: field.clone(), found, asked });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = serde_json::to_vec_pretty(&asked).expect("names and numbers are JSON");
                whole(&path, |mut file| file.write_all(&text))?;
            }
            Err(source) => return Err(at(&path)(source)),
        }
        Ok(file)
    }

    /// All that the bytes depend on.
    fn recipe_json(&self) -> serde_json::Map<String, Value> {
        let recipe = &self.recipe;
        let size = recipe.size();
        let motifs: Vec<&str> = recipe.motifs().iter().map(|motif: &Motif| motif.name()).collect();
        let entries = json!({
            "version": Recipe::VERSION, "seed": recipe.seed(), "first": self.first, "count": self.count, "shard": SHARD,
            "width": size.width, "height": size.height, "frames": recipe.frames(), "fps": recipe.fps(), "motifs": motifs,
        });
        let Value::Object(entries) = entries else { unreachable!("an object is written above") };
        entries
    }

    /// The array of a shard. Each thread paints the next clip and puts it where it belongs.
    fn paint(&self, samples: Range<u64>, mut file: &File, threads: NonZero<usize>, told: &(impl Fn() + Sync)) -> io::Result<()> {
        let head = self.head(samples.end - samples.start);
        file.write_all(&head)?;
        let (next, failed) = (AtomicU64::new(samples.start), AtomicBool::new(false));
        let work = || {
            let mut clip = vec![0; self.recipe.clip_bytes()];
            while !failed.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= samples.end {
                    break;
                }
                self.recipe.paint(&self.recipe.sample(index), &mut clip);
                let place = head.len() as u64 + (index - samples.start) * clip.len() as u64;
                if let Err(error) = file.write_all_at(&clip, place) {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                told();
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
            let ends: Vec<io::Result<()>> =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic))).collect();
            ends.into_iter().collect()
        })
    }

    /// The head of an array file, NumPy's format version 1.0
    /// (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>): the data begin at a multiple of 64.
    fn head(&self, clips: u64) -> Vec<u8> {
        let (size, frames) = (self.recipe.size(), self.recipe.frames());
        let shape = format!("({clips}, {frames}, {}, {}, 3)", size.height, size.width);
        let mut text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        while !(10 + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut head = b"\x93NUMPY\x01\x00".to_vec();
        head.extend(u16::try_from(text.len()).expect("five numbers are short").to_le_bytes());
        head.extend(text.bytes());
        head
    }

    /// The lines of a shard.
    fn describe(&self, samples: Range<u64>, file: &File) -> io::Result<()> {
        let mut lines = BufWriter::new(file);
        for index in samples {
            writeln!(lines, "{}", line(&self.recipe.sample(index)))?;
        }
        lines.flush()
    }
}

fn line(sample: &Sample) -> Value {
    let Sample { index, labels, captions, .. } = sample;
    json!({
        "index": index, "motif": labels.motif.name(), "palette": labels.family.name(),
        "background": labels.background.name(), "camera": labels.camera.name(),
        "captions": { "en": captions.en, "zh": captions.zh, "ja": captions.ja },
    })
}

/// A file that appears whole or not at all, and stays: written under another name, synced, renamed, its folder synced.
fn whole(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<(), ShardError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let file = File::create(&draft).map_err(at(&draft))?;
    let written = write(&file).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
    written.and_then(|()| File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()).map_err(at(path))
}
