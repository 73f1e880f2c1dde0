//! Clips that are composed, streamed and kept.
#![allow(clippy::unwrap_used)]

mod forms;
mod sounds;

use std::{
    fs,
    num::NonZeroUsize,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use bytes::Bytes;
use festoon::{
    cache::{Cache, CacheOptions, Entry, Manifest, Recipe},
    compositor::{Broken, Clip, Compositor, CompositorError, Full, Options, Order, Playing, Pool},
};
use festoon_film::{Cancel, Decoder, Draw, Encoder, Expectation, FilmError, Frames, Held, Picture, Stream, X264, encode_plate};
use festoon_spec::*;

use crate::bench::*;

const CANVAS: Canvas = Canvas { width: 64, height: 36, frames: 24, fps: 6 };
const WINDOW: FrameRange = FrameRange { start: 5, end: 16 };

/// A bar across the picture, as bright as it is asked for.
struct Bar(u8, [Range<u32>; 1]);

impl Draw for Bar {
    fn windows(&self) -> &[Range<u32>] {
        &self.1
    }

    fn draw(&self, _: u32, picture: &mut Picture) {
        let width = picture.width();
        let [luma, ..] = picture.planes_mut();
        luma[width * 10..width * 20].fill(self.0);
    }
}

/// A compositor, and a plate in its cache.
struct Studio {
    bench: Bench,
    cache: Cache,
    compositor: Compositor,
    plate: Entry,
}

impl Studio {
    async fn with(encoder: Arc<dyn Encoder>, at_once: usize, waiting: usize) -> Self {
        Self::keeping(CacheOptions::default(), encoder, at_once, waiting).await
    }

    async fn keeping(kept: CacheOptions, encoder: Arc<dyn Encoder>, at_once: usize, waiting: usize) -> Self {
        let bench = Bench::new();
        let cache = bench.cache_of(&bench.store(), kept);
        let options = Options {
            at_once: NonZeroUsize::new(at_once).unwrap(),
            waiting,
            threads: NonZeroUsize::new(2).unwrap(),
            picture_bytes: 1 << 20,
        };
        let compositor = {
            let (cache, clock) = (cache.clone(), bench.clock.clone());
            let open = move || Compositor::open(encoder, Decoder::find().unwrap(), cache, clock, options).unwrap();
            tokio::task::spawn_blocking(open).await.unwrap()
        };
        let plate = keep_plate(&cache).await;
        Self { bench, cache, compositor, plate }
    }

    async fn new() -> Self {
        Self::with(Arc::new(X264::find().unwrap()), 2, 0).await
    }

    /// A title of this brightness.
    fn order(&self, brightness: u8) -> Order {
        let values = [("title".to_owned(), brightness.to_string())].into();
        let overlay = OverlaySpec { digest: Digest::of(b"words"), locale: "ja-JP".parse().unwrap(), values };
        Order {
            spec: ClipSpec {
                plate: self.plate.key,
                overlay,
                profile: Profile::Mp4,
                frame: None,
                sound: None,
                compositor: "test/1".into(),
            },
            plate: self.plate.clone(),
            drawing: Arc::new(Bar(brightness, [6..15])),
            bed: None,
            lane: Lane::Free,
        }
    }

    async fn play(&self, brightness: u8) -> Playing {
        match self.compositor.clip(self.order(brightness)).await.unwrap() {
            Clip::Playing(playing) => playing,
            Clip::Kept(_) => panic!("it was made before"),
        }
    }

    /// The entry of a clip, once its composition is over.
    async fn kept(&self, brightness: u8) -> Entry {
        loop {
            if let Clip::Kept(entry) = self.compositor.clip(self.order(brightness)).await.unwrap() {
                return *entry;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn keep_plate(cache: &Cache) -> Entry {
    let mut paint = |index: u32, rgb: &mut [u8]| {
        for (at, value) in rgb.iter_mut().enumerate() {
            *value = (at as u32 / 40).wrapping_add(index * 3) as u8;
        }
        Ok(())
    };
    let x264 = X264::find().unwrap();
    let made = encode_plate(&x264, &CANVAS, &[WINDOW], Expectation::default(), &mut paint, &Cancel::default()).unwrap();
    let mut staged = Vec::new();
    let mut named = async |bytes: Vec<u8>| {
        let part = Part { blob: BlobHash::of(&bytes), bytes: bytes.len() as u64 };
        staged.push(cache.stage_bytes(bytes.into()).await.unwrap());
        part
    };
    let init = named(made.init).await;
    let mut held = async |all: Vec<Held>| {
        let mut parts = Vec::new();
        for Held { frames, bytes } in all {
            parts.push(FramesPart { frames, part: named(bytes).await });
        }
        parts
    };
    let segmented = Segmented { init, segments: held(made.segments).await, mezzanines: held(made.mezzanines).await };
    let outcome = Outcome { media: made.media, segmented: Some(segmented), ..outcome(&made.mp4) };
    let spec = PlateSpec { canvas: CANVAS, windows: vec![WINDOW], ..plate(1) };
    let whole = cache.stage_bytes(made.mp4.into()).await.unwrap();
    cache.keep_all(whole, staged, Manifest::new(Recipe::Plate(Box::new(spec)), outcome, START)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_streamed_is_what_is_kept() {
    let studio = Studio::new().await;
    let bytes = studio.play(200).await.whole().await.unwrap();
    let entry = studio.kept(200).await;
    assert_eq!((entry.blob, entry.bytes), (BlobHash::of(&bytes), bytes.len() as u64));
    assert_eq!(studio.cache.load(&entry.blob).await.unwrap(), Some(bytes));
    assert_eq!(entry.media, studio.plate.media);
    let manifest = studio.cache.manifest(&entry.key).await.unwrap().unwrap();
    assert_eq!(manifest.recipe, Recipe::Clip(studio.order(200).spec));
    // The plate and the clip are what the manifests say.
    assert_eq!(studio.cache.reindex().await.unwrap(), 2);
    assert_eq!(studio.cache.find(&entry.key).await.unwrap(), Some(entry));
}

#[tokio::test(flavor = "multi_thread")]
async fn untouched_segments_go_out_as_they_are_stored() {
    let studio = Studio::new().await;
    let mut playing = studio.play(200).await;
    let mut pieces = Vec::new();
    while let Some(piece) = playing.next().await {
        pieces.push(piece.unwrap());
    }
    let segmented = studio.plate.segmented.clone().unwrap();
    let stored: Vec<_> = std::iter::once(segmented.init).chain(segmented.segments.iter().map(|held| held.part)).collect();
    let same: Vec<bool> = stored.iter().zip(&pieces).map(|(part, piece)| part.blob == BlobHash::of(piece)).collect();
    // The index; in front of the window; its two halves; behind it.
    assert_eq!(same, [true, true, false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_plate_is_decoded_once() {
    let studio = Studio::new().await;
    assert_eq!(studio.compositor.picture_bytes(), 0);
    studio.play(100).await.whole().await.unwrap();
    // Without its mezzanine only memory can have the pictures.
    let mezzanine = studio.plate.segmented.as_ref().unwrap().mezzanines[0].part.blob;
    fs::remove_file(studio.bench.blob_path(&mezzanine)).unwrap();
    let again = studio.play(200).await.whole().await.unwrap();
    assert!(!again.is_empty());
}

/// An encoder whose every overlay waits for a signal, and that counts them.
struct Slow {
    x264: X264,
    begun: AtomicUsize,
    cancelled: AtomicUsize,
    signal: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Slow {
    /// And who gives the signals; once that is dropped, nothing waits any more.
    fn new() -> (Arc<Self>, mpsc::Sender<()>) {
        let (go, signal) = mpsc::channel();
        let (begun, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        (Arc::new(Self { x264: X264::find().unwrap(), begun, cancelled, signal: signal.into() }), go)
    }
}

impl Encoder for Slow {
    fn id(&self) -> &EncoderId {
        self.x264.id()
    }

    fn build(&self) -> &str {
        self.x264.build()
    }

    fn encode(
        &self,
        recipe: festoon_film::Recipe,
        canvas: &Canvas,
        frames: &mut Frames<'_>,
        cancel: &Cancel,
    ) -> Result<Stream, FilmError> {
        // Not the trial at the start.
        if canvas.frames > 1 {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let _ = self.signal.lock().unwrap().recv();
        }
        let result = self.x264.encode(recipe, canvas, frames, cancel);
        self.cancelled.fetch_add(usize::from(matches!(result, Err(FilmError::Cancelled))), Ordering::SeqCst);
        result
    }
}

/// The pieces that need no encoder.
async fn lead(playing: &mut Playing) -> Vec<Bytes> {
    vec![playing.next().await.unwrap().unwrap(), playing.next().await.unwrap().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_the_same_clip_reads_the_same_stream_from_its_start() {
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow.clone(), 1, 0).await;
    let mut first = studio.play(200).await;
    let begin = lead(&mut first).await.concat();
    let second = studio.play(200).await;
    drop(go);
    let rest = first.whole().await.unwrap();
    let whole = second.whole().await.unwrap();
    assert_eq!(whole, [begin, rest.to_vec()].concat());
    assert_eq!(slow.begun.load(Ordering::SeqCst), 2, "each of the two touched segments once");
    assert_eq!(studio.kept(200).await.blob, BlobHash::of(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_that_everybody_left_is_stopped_and_begun_anew_by_the_next() {
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow.clone(), 1, 0).await;
    let (mut first, second) = (studio.play(200).await, studio.play(200).await);
    lead(&mut first).await;
    while slow.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    drop(first);
    // One is still there: nothing is stopped, and a third joins it.
    let mut third = studio.play(200).await;
    drop(second);
    lead(&mut third).await;
    drop(third);
    drop(go);
    let whole = loop {
        // The turn is given back when the encoder is dead.
        match studio.compositor.clip(studio.order(200)).await {
            Ok(Clip::Playing(playing)) => break playing.whole().await.unwrap(),
            Err(CompositorError::Full(_)) => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    };
    assert!(slow.cancelled.load(Ordering::SeqCst) > 0);
    assert_eq!(studio.kept(200).await.blob, BlobHash::of(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_turns_away_what_is_new_and_nothing_else() {
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow, 1, 0).await;
    let mut playing = studio.play(1).await;
    lead(&mut playing).await;
    let refused = studio.compositor.clip(studio.order(2)).await;
    assert!(matches!(refused, Err(CompositorError::Full(Full { running: 1, waiting: 0 }))), "{refused:?}");
    // The same clip is still to be had, and so is what is kept.
    let same = studio.play(1).await;
    drop(go);
    assert_eq!(same.whole().await.unwrap()[..4], playing_head(&studio)[..4]);
    playing.whole().await.unwrap();
    studio.kept(1).await;
    studio.play(2).await.whole().await.unwrap();
}

fn playing_head(studio: &Studio) -> Vec<u8> {
    fs::read(studio.bench.blob_path(&studio.plate.segmented.as_ref().unwrap().init.blob)).unwrap()
}

#[tokio::test]
async fn turns_go_to_who_pays_first_and_to_nobody_who_has_left() {
    let pool = Pool::new(NonZeroUsize::MIN, 4);
    let turn = pool.enter(Lane::Free).unwrap().turn().await;
    let (free, gone) = (pool.enter(Lane::Free).unwrap(), pool.enter(Lane::Free).unwrap());
    assert_eq!(pool.enter(Lane::Free).unwrap_err(), Full { running: 1, waiting: 2 }, "half of the places are for who pays");
    assert!(pool.enter(Lane::Prerender).is_err());
    let paid = pool.enter(Lane::Paid).unwrap();
    let last = pool.enter(Lane::Paid).unwrap();
    assert!(pool.enter(Lane::Paid).is_err());
    drop(gone);
    drop(turn);
    let turn = paid.turn().await;
    assert_eq!(pool.running(), 1);
    drop(last);
    drop(turn);
    let turn = free.turn().await;
    drop(turn);
    assert_eq!(pool.running(), 0);
}

/// `x264` that works until the file `dead` lies beside it, and then dies after the first bytes.
fn mortal(folder: &Path) -> X264 {
    let path = folder.join("x264");
    let x264 = "exec /usr/bin/x264 \"$@\"";
    let dies = format!("[ -e {} ] && {{ read -r -N 100 _ 2> /dev/null; exit 9; }}", folder.join("dead").display());
    fs::write(&path, format!("#!/bin/bash\n{dies}\n{x264}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    X264::at(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_whose_encoder_dies_breaks_off_and_is_made_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::with(Arc::new(mortal(folder.path())), 1, 0).await;
    fs::write(folder.path().join("dead"), "").unwrap();
    let mut playing = studio.play(200).await;
    lead(&mut playing).await;
    assert_eq!(playing.next().await, Some(Err(Broken)));
    assert_eq!(playing.next().await, None);
    drop(playing);
    fs::remove_file(folder.path().join("dead")).unwrap();
    let whole = loop {
        match studio.compositor.clip(studio.order(200)).await {
            Ok(Clip::Playing(playing)) => {
                if let Ok(whole) = playing.whole().await {
                    break whole;
                }
            }
            Err(CompositorError::Full(_)) => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(studio.kept(200).await.blob, BlobHash::of(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_drawn_is_refused_before_a_byte() {
    let studio = Studio::new().await;
    let drawing = Arc::new(Bar(1, [4..6]));
    let outside = studio.compositor.clip(Order { drawing, ..studio.order(1) }).await;
    assert!(matches!(outside, Err(CompositorError::Film(FilmError::Outside { .. }))), "{outside:?}");
    let plate = Entry { segmented: None, ..studio.plate.clone() };
    let whole_only = studio.compositor.clip(Order { plate, ..studio.order(1) }).await;
    assert!(matches!(whole_only, Err(CompositorError::NoSegments { .. })), "{whole_only:?}");
}
