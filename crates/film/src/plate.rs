//! From painted frames to a plate: the whole file, and the same samples in segments that overlays can replace.
//!
//! One thread paints and looks. Beside it each segment has a thread and an encoder of its own, and so has each window's
//! mezzanine; a segment's encoder is still at work on what it looked ahead when the next begins. An encoder sees its own
//! frames only and works on one thread, so the bytes depend on nothing else.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{Scope, ScopedJoinHandle, scope},
};

use festoon_spec::{Canvas, FrameRange, Media, Verdict};

use crate::{
    BoxError, Cancel, Encoder, Expectation, FilmError, Inspector, Picture, Recipe,
    cuts::segments,
    h264::Stream,
    mp4::{fragment, init, mux, probe},
};

/// Pictures that wait for an encoder. They are shared with the other encoder of the same frames.
const WAITING: usize = 2;
/// Encoders that have all their frames and are not done yet; each holds what it looks ahead.
const FINISHING: usize = 3;

/// A finished plate.
#[derive(Debug, Clone, PartialEq)]
pub struct Plate {
    /// The whole file: progressive MP4.
    pub mp4: Vec<u8>,
    /// What is in it, read back from the file.
    pub media: Media,
    /// What the inspector says of the frames.
    pub verdict: Verdict,
    /// What stands in front of the segments in a fragmented file.
    pub init: Vec<u8>,
    /// The samples of the whole file as fragments, in order.
    pub segments: Vec<Held>,
    /// The frames of each window at nearly no loss: progressive MP4.
    pub mezzanines: Vec<Held>,
}

/// Bytes that hold these frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which frames of the plate.
    pub frames: FrameRange,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Fills the RGB frame of this index: rows of R, G, B bytes without gaps.
pub type Paint<'a> = dyn FnMut(u32, &mut [u8]) -> Result<(), BoxError> + 'a;

/// Encodes a plate that overlays can be drawn on in these windows. `paint` is asked for each frame from 0 on, in order, so its
/// calls are also the progress. A handful of frames is held at a time, and the same frames give the same bytes.
///
/// A failed verdict is not an error: the plate is made all the same, for whoever wants to look at it.
///
/// # Errors
/// [`FilmError::Window`] for a window that is none, [`FilmError::Frame`] if `paint` fails, [`FilmError::Cancelled`], or what
/// stood in the encoder's way.
pub fn encode_plate(
    encoder: &dyn Encoder,
    canvas: &Canvas,
    windows: &[FrameRange],
    expectation: Expectation,
    paint: &mut Paint<'_>,
    cancel: &Cancel,
) -> Result<Plate, FilmError> {
    encoder.check(canvas)?;
    let mut rgb = vec![0; Picture::new(canvas)?.rgb_len()];
    let mut inspector = Inspector::new(canvas, expectation);
    let mut next = |index: u32| -> Result<Arc<Picture>, FilmError> {
        if cancel.is_cancelled() {
            return Err(FilmError::Cancelled);
        }
        paint(index, &mut rgb).map_err(|source| FilmError::Frame { index, source })?;
        let mut picture = Picture::new(canvas)?;
        picture.set_rgb(&rgb);
        inspector.look(&picture);
        Ok(Arc::new(picture))
    };
    let encoded = encode_all(encoder, canvas, windows, &mut next, cancel)?;
    let Encoded { segments, mezzanines } = encoded;

    let sets = segments.first().map(|(_, stream)| stream.sets.clone()).ok_or(FilmError::Cancelled)?;
    if segments.iter().any(|(_, stream)| stream.sets != sets) {
        return Err(FilmError::Sets { what: "a segment", build: encoder.build().to_owned() });
    }
    let init = init(&sets, canvas)?;
    let held = |frames: FrameRange, bytes| Held { frames, bytes };
    let mut fragments = Vec::with_capacity(segments.len());
    let mut samples = Vec::with_capacity(canvas.frames as usize);
    for (frames, stream) in segments {
        fragments.push(held(frames, fragment(&stream.samples, frames.start)?));
        samples.extend(stream.samples.into_iter().map(|mut sample| {
            sample.shown += frames.start;
            sample
        }));
    }
    let mezzanines = mezzanines.into_iter().map(|(frames, stream)| {
        let bytes = mux(&stream, &Canvas { frames: frames.count(), ..*canvas })?;
        Ok::<_, FilmError>(held(frames, bytes))
    });
    let mezzanines = mezzanines.collect::<Result<_, _>>()?;
    let mp4 = mux(&Stream { sets, samples }, canvas)?;
    let media = probe(&mp4)?;
    Ok(Plate { mp4, media, verdict: inspector.verdict(), init, segments: fragments, mezzanines })
}

/// The streams of a plate, in order.
#[derive(Default)]
struct Encoded {
    segments: Vec<(FrameRange, Stream)>,
    mezzanines: Vec<(FrameRange, Stream)>,
}

impl Encoded {
    /// Waits for the next one to end.
    fn add(&mut self, mut ended: Working<'_>) -> Result<(), FilmError> {
        let stream = ended.end()?;
        match ended.recipe {
            Recipe::Mezzanine => self.mezzanines.push((ended.frames, stream)),
            Recipe::Plate | Recipe::Overlay => self.segments.push((ended.frames, stream)),
        }
        Ok(())
    }
}

fn encode_all(
    encoder: &dyn Encoder,
    canvas: &Canvas,
    windows: &[FrameRange],
    next: &mut dyn FnMut(u32) -> Result<Arc<Picture>, FilmError>,
    cancel: &Cancel,
) -> Result<Encoded, FilmError> {
    let cuts = segments(canvas, windows)?;
    scope(|scope| {
        let mut encoded = Encoded::default();
        let mut finishing = VecDeque::new();
        let mut mezzanine: Option<Working<'_>> = None;
        let mut windows = windows.iter().peekable();
        let start = |recipe, frames| Working::start(scope, encoder, recipe, canvas, frames, cancel);
        for frames in cuts {
            if let Some(window) = windows.next_if(|window| window.start == frames.start) {
                mezzanine = Some(start(Recipe::Mezzanine, *window));
            }
            let mut segment = start(Recipe::Plate, frames);
            for index in frames.start..frames.end {
                let picture = next(index)?;
                if let Some(working) = &mut mezzanine {
                    working.give(&picture)?;
                }
                segment.give(&picture)?;
            }
            finishing.push_back(segment.close());
            finishing.extend(mezzanine.take_if(|window| window.frames.end == frames.end).map(Working::close));
            while finishing.len() > FINISHING
                && let Some(oldest) = finishing.pop_front()
            {
                encoded.add(oldest)?;
            }
        }
        for working in finishing {
            encoded.add(working)?;
        }
        Ok(encoded)
    })
}

/// An encoder at work. Dropping it while it still takes pictures stops it.
struct Working<'scope> {
    recipe: Recipe,
    frames: FrameRange,
    pictures: Option<SyncSender<Arc<Picture>>>,
    thread: Option<ScopedJoinHandle<'scope, Result<Stream, FilmError>>>,
}

impl<'scope> Working<'scope> {
    fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        encoder: &'env dyn Encoder,
        recipe: Recipe,
        canvas: &Canvas,
        frames: FrameRange,
        cancel: &Cancel,
    ) -> Self {
        let (pictures, given) = sync_channel::<Arc<Picture>>(WAITING);
        let (part, cancel) = (Canvas { frames: frames.count(), ..*canvas }, cancel.clone());
        let thread = scope.spawn(move || {
            let mut take = |_, picture: &mut Picture| {
                // Whoever painted has stopped and says why.
                *picture = Arc::unwrap_or_clone(given.recv().map_err(|_| FilmError::Cancelled)?);
                Ok(())
            };
            encoder.encode(recipe, &part, &mut take, &cancel)
        });
        Self { recipe, frames, pictures: Some(pictures), thread: Some(thread) }
    }

    /// Gives it the next picture; if it takes no more, says why.
    fn give(&mut self, picture: &Arc<Picture>) -> Result<(), FilmError> {
        let sent = self.pictures.as_ref().is_some_and(|pictures| pictures.send(Arc::clone(picture)).is_ok());
        if sent { Ok(()) } else { Err(self.end().err().unwrap_or(FilmError::Cancelled)) }
    }

    /// It has all its pictures.
    fn close(mut self) -> Self {
        self.pictures = None;
        self
    }

    fn end(&mut self) -> Result<Stream, FilmError> {
        self.pictures = None;
        match self.thread.take().map(ScopedJoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(FilmError::Cancelled),
        }
    }
}
