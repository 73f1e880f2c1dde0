//! `festoon-renderer paint`: one plate, from a spec to a file, exactly as a job would be painted.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use festoon_film::Cancel;
use festoon_spec::{BlobHash, PlateSpec, Stage};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::{
    drain::Drain,
    easel::{Easel, Order},
    fault::Fault,
    plate::Made,
    progress::Told,
    workshop::Workshop,
};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// The spec's file cannot be read, or the plate's not written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a plate spec.
    #[error("{} is not a plate spec: {source}", path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The spec asks for another encoder than this machine's.
    #[error("the spec asks for the encoder `{asked}`, this machine has `{has}`")]
    Encoder {
        /// In the spec.
        asked: String,
        /// Found here.
        has: String,
    },
    /// The plate was not made.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The system gives no thread or no signal handler.
    #[error("cannot start: {0}")]
    System(io::Error),
}

impl PaintError {
    /// What would help, in a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            PaintError::Encoder { has, .. } => Some(format!("write \"encoder\": \"{has}\" in the spec; its key changes with it")),
            PaintError::Fault(Fault::Unmet(_)) => Some("`festoon-renderer info` lists what this machine has".into()),
            _ => None,
        }
    }
}

/// Reads a spec.
///
/// # Errors
/// If the file cannot be read or is not one.
pub fn read(path: &Path) -> Result<PlateSpec, PaintError> {
    let text = fs::read_to_string(path).map_err(|source| PaintError::File { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| PaintError::Spec { path: path.to_owned(), source })
}

/// Paints a plate into `out`, which appears whole or not at all. Ctrl-C stops it.
///
/// # Errors
/// If the plate cannot be made or the file not be written.
pub async fn paint(workshop: Workshop, spec: PlateSpec, out: &Path) -> Result<(), PaintError> {
    let has = workshop.encoder.id();
    if spec.encoder != *has {
        return Err(PaintError::Encoder { asked: spec.encoder.to_string(), has: has.to_string() });
    }
    let needs = spec.needs();
    if !workshop.capabilities().meet(&needs) {
        return Err(Fault::Unmet(Box::new(needs)).into());
    }
    let drain = Drain::on_signals().map_err(PaintError::System)?;
    let easel = Easel::set_up(workshop.painters, workshop.encoder).map_err(PaintError::System)?;
    let stop = Cancel::default();
    let (told, heard) = watch::channel(None);
    let painting = easel.paint(Order { key: spec.key(), spec: spec.clone(), stop: stop.clone(), told });
    let show = show(heard);
    tokio::pin!(painting, show);
    let made = loop {
        tokio::select! {
            made = &mut painting => break made?,
            () = &mut show => {}
            () = drain.begun(), if !stop.is_cancelled() => stop.cancel(),
        }
    };
    write(out, &made.mp4).map_err(|source| PaintError::File { path: out.to_owned(), source })?;
    // Whoever closed the pipe has read enough.
    let _ = writeln!(io::stdout(), "{}", summary(&spec, out, &made));
    Ok(())
}

/// Follows the progress: a bar on a terminal, a line per stage elsewhere. Never ends.
async fn show(mut heard: watch::Receiver<Option<Told>>) {
    let bar = ProgressBar::new(1000);
    let style = ProgressStyle::with_template("{msg:<24} {bar:40} {percent:>3} %  {eta} left");
    bar.set_style(style.expect("the template is a constant that indicatif takes"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut stage: Option<Stage> = None;
    while heard.changed().await.is_ok() {
        let Some(progress) = heard.borrow_and_update().map(|told| told.progress) else { continue };
        if bar.is_hidden() && stage != Some(progress.stage) {
            eprintln!("{}: {} steps", word(progress.stage), progress.of);
        }
        stage = Some(progress.stage);
        bar.set_message(format!("{} {} of {}", word(progress.stage), progress.done, progress.of));
        bar.set_position(progress.permille.into());
    }
    bar.finish_and_clear();
    std::future::pending().await
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "load",
        Stage::Text => "read the prompt",
        Stage::Denoise => "denoise",
        Stage::Decode => "decode",
        Stage::Paint => "paint",
        Stage::Encode => "encode",
        Stage::HandIn => "hand in",
    }
}

fn summary(spec: &PlateSpec, out: &Path, made: &Made) -> serde_json::Value {
    serde_json::json!({
        "out": out,
        "key": spec.key(),
        "blob": BlobHash::of(&made.mp4),
        "bytes": made.mp4.len(),
        "media": made.media,
        "verdict": made.verdict,
        "milliseconds": made.timings,
    })
}

fn write(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As any file that a program writes; the umask has its say.
    let readable = fs::Permissions::from_mode(0o666);
    let mut draft = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.persist(out)?;
    Ok(())
}
