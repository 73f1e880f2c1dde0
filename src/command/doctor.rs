//! `festoon doctor`: looks for damage, and repairs it if asked to.

use std::{path::Path, sync::Arc};

use festoon_film::{Decoder, Deriver, FilmError, find_encoder};
use festoon_spec::SoundCodec;
use serde::Serialize;

use super::{
    Exit, Invocation,
    state::{StateArguments, cache_report, report, size, wait},
    terminal::Progress,
};
use crate::{
    cache::{Cache, CacheOptions, Examination, Problem},
    clock::{Clock, RandomIds, SystemClock},
    queue::{EmbeddedQueue, JournalCheck, Policy},
    store::{Index, Store, StoreError},
};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon doctor
  festoon doctor --repair --state /var/lib/festoon

With --json: {in_use_by, blobs, bytes, manifests, rows, quarantined, free_bytes, problems, journal, encoder, decoder, sound, repaired}";

/// Arguments of `festoon doctor`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateArguments,
    /// Repair what can be repaired: corrupt blobs to quarantine, orphans deleted, rows made again
    #[arg(long)]
    repair: bool,
}

/// What this machine encodes and decodes with, or why with nothing.
#[derive(Debug, Serialize)]
struct Tools {
    encoder: String,
    decoder: String,
    /// What sound is encoded with.
    sound: String,
}

impl Tools {
    fn of_this_machine() -> Self {
        let broken = |error: FilmError| format!("cannot be used: {error}");
        Self {
            encoder: find_encoder().map_or_else(broken, |encoder| encoder.build().to_owned()),
            decoder: Decoder::find().map_or_else(broken, |decoder| decoder.build().to_owned()),
            sound: Deriver::find().map_or_else(broken, |deriver| {
                let build = |codec: SoundCodec| {
                    deriver
                        .sound_build(codec)
                        .unwrap_or_else(|| format!("no encoder for {}: such clips are silent", codec.name()))
                };
                SoundCodec::ALL.map(build).join(", ")
            }),
        }
    }
}

/// What the doctor says.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// The process that has the folder, if one has; the index is not looked at then. 0 if it could not be told.
    in_use_by: Option<u32>,
    #[serde(flatten)]
    examination: Examination,
    journal: JournalCheck,
    #[serde(flatten)]
    tools: Tools,
    /// Problems that were repaired.
    repaired: Vec<Problem>,
}

/// Reads everything. The files can be read while a server runs, the index and `--repair` need the folder for themselves.
/// Ends with [`Exit::Found`] if problems are left.
///
/// # Errors
/// If there is no state folder, it cannot be read, or `--repair` finds it in use.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let folder = arguments.state.folder(&config)?;
    let diagnosis = examine(&folder, arguments.repair)?;
    invocation.answer(&diagnosis, || diagnosis.text());
    let sound = diagnosis.examination.problems.is_empty() && diagnosis.journal.damaged_lines == 0;
    Ok(Exit::found(sound))
}

fn examine(folder: &Path, repair: bool) -> miette::Result<Diagnosis> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Taken first: nothing changes while the files are read.
    let (store, in_use_by) = match Store::open(folder, Arc::clone(&clock)) {
        Ok(store) => (Some(store), None),
        Err(StoreError::Locked { pid, .. }) if !repair => (None, Some(pid.unwrap_or_default())),
        Err(error) => return Err(report(&error)),
    };
    let journal = EmbeddedQueue::check_journal(folder).map_err(|error| report(&error))?;
    let mut progress = None;
    let mut look = |read: u64, all: u64| {
        progress.get_or_insert_with(|| Progress::of("hashing", all)).at(read);
    };
    let mut examination = Examination::of_files_watched(folder, &mut look).map_err(|error| report(&error))?;
    drop(progress);
    let mut repaired = Vec::new();
    if let Some(store) = store {
        examination.add_index(&store).map_err(|error| report(&error))?;
        if repair {
            let cache = Cache::open(&store, CacheOptions { memory_bytes: 0, ..CacheOptions::default() }, Arc::clone(&clock));
            let cache = cache.map_err(|error| report(&error))?;
            EmbeddedQueue::open(&store, Policy::default(), clock, Arc::new(RandomIds)).map_err(|error| report(&error))?;
            let found = std::mem::take(&mut examination.problems);
            examination.problems = wait(cache.repair(found.clone()))?.map_err(|error| cache_report(&error))?;
            // Meets what damage is left in the index, and with it sets the index aside.
            store.run_blocking(Index::verify).map_err(|error| report(&error))?;
            repaired = found.into_iter().filter(|problem| !examination.problems.contains(problem)).collect();
        }
    }
    Ok(Diagnosis { in_use_by, examination, journal, tools: Tools::of_this_machine(), repaired })
}

impl Diagnosis {
    fn text(&self) -> String {
        let found = &self.examination;
        let mut lines = vec![
            format!("blobs      {} ({}) hashed", found.blobs, size(found.bytes)),
            format!("manifests  {} read", found.manifests),
            match (found.rows, self.in_use_by) {
                (Some(rows), _) => format!("index      {rows} entries, every page read"),
                (None, Some(0)) => "index      not looked at: another festoon process has it".into(),
                (None, Some(pid)) => format!("index      not looked at: festoon process {pid} has it"),
                (None, None) => "index      damaged".into(),
            },
            format!("journal    {} live jobs in {} lines", self.journal.live_jobs, self.journal.lines),
            format!("disk       {} free", size(found.free_bytes)),
            format!("encoder    {}", self.tools.encoder),
            format!("decoder    {}", self.tools.decoder),
            format!("sound      {}", self.tools.sound),
        ];
        if found.quarantined > 0 {
            lines.push(format!("quarantine {} blobs", found.quarantined));
        }
        if self.journal.damaged_lines > 0 {
            lines.push(format!("problem: {} lines of the queue's journal do not read", self.journal.damaged_lines));
        }
        lines.extend(self.repaired.iter().map(|problem| format!("repaired: {problem}")));
        lines.extend(found.problems.iter().map(|problem| format!("problem: {problem}")));
        if found.problems.iter().any(Problem::can_be_repaired) {
            lines.push("help: stop the server and run `festoon doctor --repair`".into());
        } else if found.problems.is_empty() && self.journal.damaged_lines == 0 {
            lines.push("nothing is wrong".into());
        }
        lines.join("\n")
    }
}
