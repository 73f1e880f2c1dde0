//! Reads along while somebody writes templates: after each saved change everything is checked and drawn, as `festoon check`
//! does it, and whoever watches learns what is wrong.
//!
//! What the reading finds is told at once; what the drawing finds follows, since that takes a while. A save in between begins
//! anew.

use std::sync::Arc;

use festoon_film::overlay::Faces;
use tokio::sync::watch;

use super::{Library, Mistake, Template, proof::prove_all};

/// What is wrong after a reading.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Which reading this is about, the first one being 0.
    pub reading: u64,
    /// Every mistake that is known.
    pub mistakes: Vec<Mistake>,
    /// Whether everything was drawn too.
    pub proved: bool,
}

/// Looks at a library after each reading.
#[derive(Debug)]
pub struct Proofreader {
    library: Library,
    faces: Arc<Faces>,
    findings: watch::Sender<Arc<Findings>>,
}

impl Proofreader {
    /// One for this library, and what it says.
    pub fn new(library: Library, faces: Arc<Faces>) -> (Self, watch::Receiver<Arc<Findings>>) {
        let first = Findings { mistakes: library.problems().mistakes.clone(), ..Findings::default() };
        let (findings, said) = watch::channel(Arc::new(first));
        (Self { library, faces, findings }, said)
    }

    /// Reads along for as long as the library is there.
    pub async fn read_along(self) {
        let mut readings = self.library.readings();
        loop {
            let reading = *readings.borrow_and_update();
            let read = self.library.problems().mistakes.clone();
            let is_right = read.is_empty();
            self.findings.send_replace(Arc::new(Findings { reading, mistakes: read, proved: false }));
            if is_right {
                let templates: Vec<Template> = self.library.current().iter().map(|template| (**template).clone()).collect();
                let faces = Arc::clone(&self.faces);
                let mut drawing = tokio::task::spawn_blocking(move || prove_all(&templates, &faces, &|| {}));
                let drawn = tokio::select! {
                    drawn = &mut drawing => drawn,
                    // What is being drawn is out of date.
                    changed = readings.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                };
                match drawn {
                    Ok(mistakes) => drop(self.findings.send_replace(Arc::new(Findings { reading, mistakes, proved: true }))),
                    Err(error) => tracing::error!(%error, "the templates could not be drawn"),
                }
            }
            if readings.changed().await.is_err() {
                return;
            }
        }
    }
}
