//! `festoon-renderer motion --dataset`: captioned clips of the motion painter, to train a model with.

use std::{
    io::{self, Write},
    num::NonZero,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use festoon_motion::{Motif, MotionError, Size, dataset::Recipe};
use indicatif::{ProgressBar, ProgressStyle};

use crate::shards::{Order, ShardError};

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Motion {
    /// How many clips
    #[arg(long = "dataset", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    count: u64,
    /// Pixels across and down; both even, 16 to 4096
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "160x96", value_parser = size)]
    size: Size,
    /// Frames of a clip, 1 to 1200
    #[arg(long, default_value_t = 17)]
    frames: u32,
    /// Frames per second, 1 to 120
    #[arg(long, default_value_t = 8)]
    fps: u32,
    /// What chance is drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of the first clip: clips beyond those of another run are not among them
    #[arg(long, value_name = "INDEX", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1 << 48))]
    first: u64,
    /// Only these motifs, evenly
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    motifs: Vec<String>,
    /// Threads that paint; all cores if not given. The clips are the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The folder for `clips-00000.npy` and `clips-00000.jsonl`, and so on. Run it again to go on where it was stopped
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn size(text: &str) -> Result<Size, String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.map(|(width, height)| Size { width, height }).ok_or_else(|| "expected WIDTHxHEIGHT, for example 160x96".into())
}

/// Why there is no data set.
#[derive(Debug, thiserror::Error)]
pub enum MotionCommandError {
    /// Such clips cannot be painted.
    #[error(transparent)]
    Recipe(#[from] MotionError),
    /// The folder cannot be filled.
    #[error(transparent)]
    Shards(#[from] ShardError),
}

impl MotionCommandError {
    /// What would help, in a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            MotionCommandError::Recipe(error) => Some(error.hint()),
            MotionCommandError::Shards(error) => error.hint(),
        }
    }
}

/// Fills the folder and says how fast.
///
/// # Errors
/// If such clips cannot be painted, or the folder not be filled.
pub fn motion(asked: &Motion) -> Result<(), MotionCommandError> {
    let motifs = match asked.motifs.as_slice() {
        [] => Motif::ALL.to_vec(),
        names => names.iter().map(|name| Motif::from_name(name)).collect::<Result<_, _>>()?,
    };
    let recipe = Recipe::new(asked.size, asked.frames, asked.fps, asked.seed, &motifs)?;
    let order = Order { recipe, first: asked.first, count: asked.count };
    let threads = asked.threads.and_then(|threads| NonZero::new(threads.into()));
    let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
    let bar = ProgressBar::new(order.count);
    let style = ProgressStyle::with_template("{pos} of {len} clips {bar:40} {per_sec}  {eta} left");
    bar.set_style(style.expect("the template is a constant that indicatif takes"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let start = Instant::now();
    let filled = order.fill(&asked.out, threads, |clips| bar.inc(clips))?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let told = serde_json::json!({
        "out": asked.out, "painted": filled.painted, "found": filled.found, "bytes": order.bytes(), "seconds": seconds,
        "clips_per_second": filled.painted as f64 / seconds.max(1e-9),
    });
    // Whoever closed the pipe has read enough.
    let _ = writeln!(io::stdout(), "{told}");
    Ok(())
}
