//! From a plate and a drawing to a clip, piece by piece.
//!
//! A clip is a plate's fragmented file in which the segments that the drawing touches are replaced: their frames are taken
//! from the mezzanine, drawn on and encoded; every other segment goes out byte for byte as it was stored. Pieces come in the
//! order of the file, each as soon as it is there, and what is in front of the first touched segment comes at once. Nothing in the
//! file changes when it is whole: what was streamed is what is kept.
//!
//! Touched segments are encoded several at once, each by one thread of an encoder of its own: the same plate, drawing and
//! encoder give the same bytes.

use std::{
    num::NonZeroUsize,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::scope,
};

use bytes::Bytes;
use festoon_spec::{Canvas, FrameRange};
use rustix::process::{getpriority_process, setpriority_process};

use crate::{
    Cancel, Draw, Encoder, FilmError, Picture, Recipe,
    h264::ParameterSets,
    mp4::{fragment, probe_init},
};

/// Version of what composing does to pictures besides drawing: a change that moves a byte takes the next number.
const VERSION: &str = "compose/3";

/// By how much each segment gives way to the one before it: two that differ by 5 share a core about 3 to 1 (sched(7)).
const NICE: i32 = 5;
/// The largest nice value there is.
const MOST_NICE: i32 = 19;

/// Names what makes clips out of plates and drawings with this build of an encoder: part of every clip's key.
pub fn compositor(build: &str) -> String {
    format!("{VERSION} {build}")
}

/// A plate as clips are made from it.
#[derive(Debug, Clone)]
pub struct Footage {
    /// Its size, length and rate.
    pub canvas: Canvas,
    /// What stands in front of the segments.
    pub init: Bytes,
    /// Fragments that hold every frame, in order.
    pub segments: Vec<(FrameRange, Bytes)>,
    /// What can be drawn on.
    pub windows: Vec<FrameRange>,
}

/// Where the pictures of a plate's windows come from: memory, or a mezzanine that is decoded.
pub trait Pictures: Sync {
    /// Every picture of the window with this place in [`Footage::windows`]. Asked for by several threads, once per segment.
    ///
    /// # Errors
    /// Why there are none.
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, FilmError>;
}

/// What composes clips.
pub struct Composer<'a> {
    /// Encodes touched segments.
    pub encoder: &'a dyn Encoder,
    /// How many of them at once.
    pub at_once: NonZeroUsize,
}

/// A segment to be made anew.
struct Touched<'a> {
    frames: FrameRange,
    /// The place of its window.
    window: usize,
    /// The window's first frame.
    window_start: u32,
    drawn: Vec<&'a Range<u32>>,
}

impl Composer<'_> {
    /// Composes a clip and gives it to `take`, piece by piece. `cancel` belongs to this composition: it is also set when one of
    /// its parts fails, so that the others stop.
    ///
    /// # Errors
    /// [`FilmError::Outside`] if the drawing leaves the plate's windows, before anything is taken; [`FilmError::Cancelled`];
    /// what `pictures` or `take` return; what stood in the encoder's way.
    pub fn compose(
        &self,
        footage: &Footage,
        pictures: &dyn Pictures,
        drawing: &dyn Draw,
        cancel: &Cancel,
        take: &mut dyn FnMut(Bytes) -> Result<(), FilmError>,
    ) -> Result<(), FilmError> {
        let touched = touched(footage, drawing.windows())?;
        let sets = probe_init(&footage.init)?.sets;
        let job = Job { encoder: self.encoder, canvas: &footage.canvas, sets, pictures, drawing, cancel };
        let next = AtomicUsize::new(0);
        let own = getpriority_process(None).unwrap_or(0);
        let (made, ready) = mpsc::channel();
        scope(|scope| {
            for _ in 0..self.at_once.get().min(touched.len()) {
                let (made, next, touched, job) = (made.clone(), &next, &touched, &job);
                scope.spawn(move || {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(segment) = touched.get(place) else { return };
                        give_way(own, place);
                        // Nobody listens any more if another segment failed.
                        if made.send((place, job.make(segment))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(made);
            let deliver = Delivery { footage, touched: &touched, ready };
            let result = deliver.in_order(take);
            if result.is_err() {
                cancel.cancel();
            }
            result
        })
    }
}

/// Makes this thread, and what it has encoded, give way to those with earlier segments, for which players wait; `own` is the
/// nice value of who composes.
fn give_way(own: i32, place: usize) {
    let more = i32::try_from(place).unwrap_or(i32::MAX).saturating_mul(NICE);
    // A thread that may not be told is as urgent as before: the clip is the same.
    let _ = setpriority_process(None, own.saturating_add(more).min(MOST_NICE));
}

/// Pieces in the order of the file.
struct Delivery<'a> {
    footage: &'a Footage,
    touched: &'a [Touched<'a>],
    ready: mpsc::Receiver<(usize, Result<Vec<u8>, FilmError>)>,
}

impl Delivery<'_> {
    fn in_order(self, take: &mut dyn FnMut(Bytes) -> Result<(), FilmError>) -> Result<(), FilmError> {
        let mut early: Vec<Option<Bytes>> = vec![None; self.touched.len()];
        let mut wanted = 0;
        take(self.footage.init.clone())?;
        for (frames, stored) in &self.footage.segments {
            if self.touched.get(wanted).is_none_or(|segment| segment.frames != *frames) {
                take(stored.clone())?;
                continue;
            }
            let piece = loop {
                if let Some(piece) = early[wanted].take() {
                    break piece;
                }
                // The workers are gone only after they sent everything, or when one of them panicked, which the scope tells.
                let (place, made) = self.ready.recv().map_err(|_| FilmError::Cancelled)?;
                early[place] = Some(made?.into());
            };
            take(piece)?;
            wanted += 1;
        }
        Ok(())
    }
}

/// What all touched segments of a clip are made with.
struct Job<'a> {
    encoder: &'a dyn Encoder,
    canvas: &'a Canvas,
    sets: ParameterSets,
    pictures: &'a dyn Pictures,
    drawing: &'a dyn Draw,
    cancel: &'a Cancel,
}

impl Job<'_> {
    fn make(&self, segment: &Touched<'_>) -> Result<Vec<u8>, FilmError> {
        if self.cancel.is_cancelled() {
            return Err(FilmError::Cancelled);
        }
        let pictures = self.pictures.of_window(segment.window)?;
        let mut frame = |index: u32, picture: &mut Picture| {
            let frame = segment.frames.start + index;
            let place = (frame - segment.window_start) as usize;
            let stored = pictures.get(place).ok_or(FilmError::Frames {
                said: place as u32 + 1,
                decoded: pictures.len() as u32,
                warnings: String::new(),
            })?;
            picture.set_planes(stored.bytes());
            if segment.drawn.iter().any(|window| window.contains(&frame)) {
                self.drawing.draw(frame, picture);
            }
            Ok(())
        };
        let canvas = Canvas { frames: segment.frames.count(), ..*self.canvas };
        let stream = self.encoder.encode(Recipe::Overlay, &canvas, &mut frame, self.cancel)?;
        if stream.sets != self.sets {
            return Err(FilmError::Sets { what: "overlays", build: self.encoder.build().to_owned() });
        }
        Ok(fragment(&stream.samples, segment.frames.start)?)
    }
}

/// The segments that are drawn on. Each lies in one window, because plates are cut where windows begin and end.
fn touched<'a>(footage: &Footage, drawn: &'a [Range<u32>]) -> Result<Vec<Touched<'a>>, FilmError> {
    for range in drawn {
        let drawn = FrameRange::from(range.clone());
        if !footage.windows.iter().any(|window| window.holds(drawn)) {
            return Err(FilmError::Outside { drawn });
        }
    }
    let mut touched = Vec::new();
    for (frames, _) in &footage.segments {
        let drawn: Vec<_> = drawn.iter().filter(|range| frames.touches((*range).clone().into())).collect();
        if drawn.is_empty() {
            continue;
        }
        let window = footage.windows.iter().position(|window| window.holds(*frames));
        let window = window.ok_or(FilmError::Outside { drawn: *frames })?;
        touched.push(Touched { frames: *frames, window, window_start: footage.windows[window].start, drawn });
    }
    Ok(touched)
}
