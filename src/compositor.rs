//! Clips, composed where they are asked for and delivered while they are made.
//!
//! A clip is a plate's fragmented file with the touched segments replaced ([`Composer`]). What is streamed is what is kept:
//! the finished bytes go into the cache under the clip's key as they are, so a player that comes back with a range after the
//! stream broke finds the same bytes, and so does a CDN.
//!
//! - **One flight per clip**: who asks for a clip that is being made reads the same stream from its start.
//! - **Nobody listens, nobody works**: when the last reader has left, the encoders are killed. A finished clip is kept also when
//!   all have left.
//! - **Bounded**: a [`Pool`] lets a few compositions run and a few wait; who pays may wait where others are turned away.
//! - What lies in front of the first drawn frame is given at once, before the composition has its turn.
//! - Where something sounds, the fragments of the sound go between those of the pictures, which stay as they are.
//! - Where windows are hot, nothing is decoded: their pictures stay in memory, by bytes.

mod forms;
mod measuring;
mod playing;
mod pool;
mod sounds;
mod still;
mod windows;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use festoon_film::{Bed, Cancel, Composer, Decoder, Deriver, Draw, Encoder, FilmError, Footage, ParameterSets, sounding_init};
use festoon_spec::{
    BlobHash, Canvas, ClipSpec, FrameRange, FramesPart, Lane, Media, Outcome, Profile, RenderKey, RendererInfo, Segmented,
    Verdict,
};

use crate::{
    cache::{Cache, CacheError, Entry, Manifest, MeasurementMemory, PictureMemory, Recipe},
    clock::Clock,
    metrics,
};
pub use forms::{FormOrder, Source};
use playing::Film;
pub use playing::{Broken, Playing};
pub use pool::{Full, Pool};
pub use still::{Ground, Stills};
use windows::Windows;

/// Size and rate at which the recipes are compared when a server starts.
const TRIAL: Canvas = Canvas { width: 64, height: 64, frames: 1, fps: 24 };

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Compositions that run at once.
    pub at_once: NonZeroUsize,
    /// Compositions that wait for their turn, half of them for who pays.
    pub waiting: usize,
    /// Encoders that one composition may run at once when it is alone.
    pub threads: NonZeroUsize,
    /// Bytes of decoded pictures kept in memory.
    pub picture_bytes: u64,
}

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum CompositorError {
    /// Too many wait already.
    #[error(transparent)]
    Full(#[from] Full),
    /// The plate was kept whole only.
    #[error("the plate {plate} has no segments to compose clips from")]
    NoSegments {
        /// Its key.
        plate: RenderKey,
    },
    /// A blob of the plate is gone or damaged; its entry is dropped and it will be painted again.
    #[error("the blob {blob} of the plate {plate} is lost")]
    Lost {
        /// The plate's key.
        plate: RenderKey,
        /// The blob.
        blob: BlobHash,
    },
    /// What sounds under clips was kept and is gone, twice.
    #[error("the sound {sound} is lost")]
    LostSound {
        /// Its key.
        sound: RenderKey,
    },
    /// The profile is no form that is made of a clip.
    #[error("`{profile}` is not made of a clip")]
    NoForm {
        /// Which one.
        profile: Profile,
    },
    /// What was waited for failed; the log has the cause.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Composing failed.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// The cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// A clip to be had.
#[derive(Clone)]
pub struct Order {
    /// What it is.
    pub spec: ClipSpec,
    /// The plate below.
    pub plate: Entry,
    /// What is drawn on it.
    pub drawing: Arc<dyn Draw>,
    /// What sounds under it, where `spec` says that something does.
    pub bed: Option<Bed>,
    /// How urgent it is.
    pub lane: Lane,
}

/// A clip.
#[derive(Debug)]
pub enum Clip {
    /// It was made before.
    Kept(Box<Entry>),
    /// It is being made.
    Playing(Playing),
}

/// Composes clips. Clones are the same compositor.
#[derive(Debug, Clone)]
pub struct Compositor {
    inner: Arc<Inner>,
}

struct Inner {
    cache: Cache,
    clock: Arc<dyn Clock>,
    encoder: Arc<dyn Encoder>,
    decoder: Decoder,
    deriver: Deriver,
    options: Options,
    pool: Pool,
    pictures: PictureMemory,
    /// Clips that are being made.
    live: Mutex<HashMap<RenderKey, Arc<Film>>>,
    sounds: sounds::Flights,
    measurements: MeasurementMemory,
    /// By width, height and rate.
    sets: Mutex<HashMap<(u32, u32, u32), ParameterSets>>,
}

impl Compositor {
    /// Proves that what this encoder makes can be spliced, by two pictures. Blocks.
    ///
    /// # Errors
    /// If the recipes' parameter sets differ, or cannot be found out.
    pub fn open(
        encoder: Arc<dyn Encoder>,
        decoder: Decoder,
        cache: Cache,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, FilmError> {
        let compositor = Self {
            inner: Arc::new(Inner {
                cache,
                clock,
                encoder,
                decoder,
                deriver: Deriver::find()?,
                pool: Pool::new(options.at_once, options.waiting),
                pictures: PictureMemory::new(options.picture_bytes),
                options,
                live: Mutex::default(),
                sounds: sounds::Flights::default(),
                measurements: MeasurementMemory::default(),
                sets: Mutex::default(),
            }),
        };
        compositor.sets(&TRIAL)?;
        Ok(compositor)
    }

    /// The encoder's build.
    pub fn build(&self) -> &str {
        self.inner.encoder.build()
    }

    /// The parameter sets of overlays of this size and rate, which a plate must have too. Encodes two pictures when it is asked
    /// for the first time. Blocks.
    ///
    /// # Errors
    /// If plates and overlays of this encoder differ, or it fails.
    pub fn sets(&self, canvas: &Canvas) -> Result<ParameterSets, FilmError> {
        let size = (canvas.width, canvas.height, canvas.fps);
        let known = |compositor: &Self| compositor.inner.sets.lock().unwrap_or_else(PoisonError::into_inner).get(&size).cloned();
        if let Some(sets) = known(self) {
            return Ok(sets);
        }
        let sets = self.inner.encoder.shared_sets(canvas, &Cancel::default())?;
        self.inner.sets.lock().unwrap_or_else(PoisonError::into_inner).insert(size, sets.clone());
        Ok(sets)
    }

    /// The clip that was made before, or the stream of the one that is being made, begun now if nobody asked before.
    ///
    /// # Errors
    /// [`CompositorError::Full`] if too many wait; [`CompositorError::NoSegments`], or [`FilmError::Outside`] if the plate
    /// cannot be drawn on like this; if the cache fails. What fails later breaks the stream and is logged.
    pub async fn clip(&self, order: Order) -> Result<Clip, CompositorError> {
        let key = order.spec.key();
        if let Some(kept) = self.inner.cache.find(&key).await? {
            return Ok(Clip::Kept(kept.into()));
        }
        let cuts = Cuts::of(&order)?;
        let mut live = self.inner.live();
        if let Some(film) = live.get(&key) {
            return Ok(Clip::Playing(Playing::of(film, key, &self.inner)));
        }
        // A clip whose pictures are all its plate's is not composed.
        let turn = if cuts.is_untouched() { None } else { Some(self.inner.pool.enter(order.lane)?) };
        let film = Arc::new(Film::default());
        let playing = Playing::of(&film, key, &self.inner);
        live.insert(key, Arc::clone(&film));
        drop(live);
        tokio::spawn(Composition { inner: Arc::clone(&self.inner), key, order, cuts, film }.run(turn));
        Ok(Clip::Playing(playing))
    }

    /// Bytes of decoded pictures in memory.
    pub fn picture_bytes(&self) -> u64 {
        self.inner.pictures.bytes()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compositor").field("build", &self.encoder.build()).finish_non_exhaustive()
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<RenderKey, Arc<Film>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody may join this film any more.
    fn close(&self, key: &RenderKey, film: &Arc<Film>) {
        let mut live = self.live();
        if live.get(key).is_some_and(|other| Arc::ptr_eq(other, film)) {
            live.remove(key);
        }
    }
}

/// Where a plate is cut, and how much of it comes in front of the first drawn frame.
struct Cuts {
    segmented: Segmented,
    /// Segments in front of the first touched one.
    lead: usize,
}

impl Cuts {
    fn is_untouched(&self) -> bool {
        self.lead == self.segmented.segments.len()
    }

    fn of(order: &Order) -> Result<Self, CompositorError> {
        let segmented = order.plate.segmented.clone().ok_or(CompositorError::NoSegments { plate: order.plate.key })?;
        let drawn: Vec<FrameRange> = order.drawing.windows().iter().cloned().map(FrameRange::from).collect();
        for drawn in &drawn {
            if !segmented.mezzanines.iter().any(|window| window.frames.holds(*drawn)) {
                return Err(FilmError::Outside { drawn: *drawn }.into());
            }
        }
        let untouched = |segment: &&FramesPart| !drawn.iter().any(|drawn| segment.frames.touches(*drawn));
        let lead = segmented.segments.iter().take_while(untouched).count();
        Ok(Self { segmented, lead })
    }
}

/// One clip being made.
struct Composition {
    inner: Arc<Inner>,
    key: RenderKey,
    order: Order,
    cuts: Cuts,
    film: Arc<Film>,
}

impl Composition {
    async fn run(self, turn: Option<pool::Waiting>) {
        let began = Instant::now();
        // Also when something in here panics: readers are told, and the next one begins anew.
        let ended = End { inner: &self.inner, key: &self.key, film: &self.film };
        let result = self.compose(turn).await;
        match result {
            Ok(()) => {
                self.film.end(true);
                metrics::composed("whole", began.elapsed());
                match self.keep(began).await {
                    Ok(entry) => self.film.keep(entry),
                    Err(error) => tracing::error!(key = %self.key.short(), %error, "a composed clip is not kept"),
                }
            }
            Err(CompositorError::Film(FilmError::Cancelled)) => {
                metrics::composed("left", began.elapsed());
                tracing::debug!(key = %self.key.short(), "nobody waits for a clip any more");
            }
            Err(error) => {
                metrics::composed("failed", began.elapsed());
                tracing::error!(key = %self.key.short(), plate = %self.order.plate.key.short(), %error, "a clip was not composed");
            }
        }
        drop(ended);
    }

    async fn compose(&self, turn: Option<pool::Waiting>) -> Result<(), CompositorError> {
        let Segmented { init, segments, mezzanines } = &self.cuts.segmented;
        let head = self.load(&init.blob).await?;
        let sounds = tokio::select! {
            sounds = self.begin(&head) => sounds?,
            () = self.film.left() => return Err(FilmError::Cancelled.into()),
        };
        let mut fragments = Vec::with_capacity(segments.len());
        for (segment, sound) in segments[..self.cuts.lead].iter().zip(&sounds) {
            let bytes = self.load(&segment.part.blob).await?;
            self.film.push(sound.clone());
            self.film.push(bytes.clone());
            fragments.push((segment.frames, bytes));
        }
        let Some(turn) = turn else { return Ok(()) };
        let turn = tokio::select! {
            turn = turn.turn() => turn,
            () = self.film.left() => return Err(FilmError::Cancelled.into()),
        };
        for segment in &segments[self.cuts.lead..] {
            fragments.push((segment.frames, self.load(&segment.part.blob).await?));
        }
        let media = &self.order.plate.media;
        let canvas = Canvas { width: media.width, height: media.height, frames: media.frames, fps: media.fps };
        let windows = mezzanines.iter().map(|window| window.frames).collect();
        let footage = Footage { canvas, init: head, segments: fragments, windows };
        let blobs = mezzanines.iter().map(|window| window.part.blob).collect();
        let (inner, film, plate) = (Arc::clone(&self.inner), Arc::clone(&self.film), self.order.plate.key);
        let drawing = Arc::clone(&self.order.drawing);
        let threads = inner.options.threads.get() / inner.pool.running().max(1);
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let runtime = tokio::runtime::Handle::current();
        // What comes in front of each piece, of those that are not given yet.
        let mut in_front = std::iter::once(Bytes::new()).chain(sounds);
        let mut given = 1 + self.cuts.lead;
        let work = move || {
            let windows = Windows { inner: &inner, blobs, plate, runtime };
            let composer = Composer { encoder: inner.encoder.as_ref(), at_once: threads };
            let mut take = |piece: Bytes| {
                let sound = in_front.next().unwrap_or_default();
                if given > 0 {
                    given -= 1;
                } else {
                    film.push(sound);
                    film.push(piece);
                }
                Ok(())
            };
            let result = composer.compose(&footage, &windows, drawing.as_ref(), film.cancel(), &mut take);
            drop(turn);
            result
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => Ok(result?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(FilmError::Cancelled.into()),
        }
    }

    /// Gives what stands in front of the fragments, and finds the sound beside each segment: nothing beside those of a silent clip.
    async fn begin(&self, head: &Bytes) -> Result<Vec<Bytes>, CompositorError> {
        let segments = &self.cuts.segmented.segments;
        let Some((spec, bed)) = self.order.spec.sound.as_ref().zip(self.order.bed.as_ref()) else {
            self.film.push(head.clone());
            return Ok(vec![Bytes::new(); segments.len()]);
        };
        self.film.push(sounding_init(head, spec.codec).map_err(FilmError::from)?.into());
        let soundtrack = self.inner.soundtrack(spec, bed).await?;
        let frames = segments.iter().map(|segment| segment.frames);
        Ok(soundtrack.beside(frames, self.order.plate.media.fps).map_err(FilmError::from)?)
    }

    /// The whole clip goes into the cache: from now on it is found there.
    async fn keep(&self, began: Instant) -> Result<Entry, CacheError> {
        let (recipe, plate) = (Recipe::Clip(self.order.spec.clone()), &self.order.plate);
        self.inner.keep(recipe, plate.verdict.clone(), plate.media.clone(), self.film.bytes(), ("compose", began)).await
    }

    async fn load(&self, blob: &BlobHash) -> Result<Bytes, CompositorError> {
        self.inner.load(&self.order.plate.key, blob).await
    }
}

impl Inner {
    /// What was made goes into the cache, with what it took since it was begun.
    async fn keep(
        &self,
        recipe: Recipe,
        verdict: Verdict,
        media: Media,
        bytes: Bytes,
        (stage, began): (&str, Instant),
    ) -> Result<Entry, CacheError> {
        let staged = self.cache.stage_bytes(bytes).await?;
        let outcome = Outcome {
            blob: staged.blob(),
            bytes: staged.bytes(),
            md5: staged.md5().to_owned(),
            verdict,
            media,
            renderer: RendererInfo { name: "edge".into(), version: env!("CARGO_PKG_VERSION").into(), device: "cpu".into() },
            timings: BTreeMap::from([(stage.to_owned(), began.elapsed().as_millis() as u64)]),
            made_at: self.clock.now(),
            segmented: None,
        };
        let manifest = Manifest::new(recipe, outcome, self.clock.now());
        self.cache.keep(staged, manifest).await
    }

    /// A blob that was made of this plate, or is a part of it.
    async fn load(&self, plate: &RenderKey, blob: &BlobHash) -> Result<Bytes, CompositorError> {
        self.cache.load(blob).await?.ok_or(CompositorError::Lost { plate: *plate, blob: *blob })
    }
}

/// Ends a film however its composition ends.
struct End<'a> {
    inner: &'a Inner,
    key: &'a RenderKey,
    film: &'a Arc<Film>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.film.end(false);
        self.film.close();
        self.inner.close(self.key, self.film);
    }
}
