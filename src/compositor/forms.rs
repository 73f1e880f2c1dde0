//! Other forms of clips: posters, downloads, smaller videos, videos of another codec ([`Deriver`]).
//!
//! A form is made of its clip, which is composed first where it is not kept; a poster needs one picture only, and of that the
//! clip's segments none. What is promised of clips holds for forms: one flight for each, turns of the same [pool](super::Pool),
//! nobody waits, nobody works; and what was made is kept under its own key.

use std::{sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use festoon_film::{
    Bed, Cancel, Derived, Deriver, FilmError, Picture, Pictures as _, SmallPlate, Soundtrack, probe, probe_fragments, probe_init,
    progressive, silent, sounding,
};
use festoon_spec::{Canvas, ClipSpec, FramesPart, Lane, Media, Profile, RenderKey, Segmented, Still};
use futures_util::future::BoxFuture;

use super::{
    Clip, Compositor, CompositorError, End, Inner, Order,
    playing::{Film, Playing},
    pool::Waiting,
    windows::Windows,
};
use crate::{
    cache::{Entry, Recipe},
    metrics,
};

/// A form of a clip to be had.
#[derive(Clone)]
pub struct FormOrder {
    /// What it is.
    pub spec: ClipSpec,
    /// What it is made of.
    pub source: Source,
    /// What sounds under it, where `spec` says that something does.
    pub bed: Option<Bed>,
    /// How urgent it is.
    pub lane: Lane,
}

/// What a form is made of.
#[derive(Clone)]
pub enum Source {
    /// A plate as it is.
    Plate(Box<Entry>),
    /// A clip with something drawn on it.
    Clip(Box<Order>),
}

impl Source {
    fn plate(&self) -> &Entry {
        match self {
            Source::Plate(plate) => plate,
            Source::Clip(order) => &order.plate,
        }
    }
}

impl Compositor {
    /// The form that was made before, or once it is made: now, if nobody asked before. Dropping the wait of the last one who
    /// waits stops the making.
    ///
    /// # Errors
    /// [`CompositorError::Full`] if too many wait; [`CompositorError::NoForm`] for a profile that is not made like this;
    /// [`CompositorError::Broken`] if making or keeping it fails, which is logged; if the cache fails.
    pub async fn form(&self, order: FormOrder) -> Result<Entry, CompositorError> {
        let key = order.spec.key();
        if let Some(kept) = self.inner.cache.find(&key).await? {
            return Ok(kept);
        }
        let joined = self.inner.live().get(&key).map(|film| Playing::of(film, key, &self.inner));
        let playing = match joined {
            Some(playing) => playing,
            None => self.begin(key, order).await?,
        };
        Ok(playing.kept().await?)
    }

    async fn begin(&self, key: RenderKey, order: FormOrder) -> Result<Playing, CompositorError> {
        let profile = order.spec.profile;
        if matches!(profile, Profile::Mp4) || profile.is_written() {
            return Err(CompositorError::NoForm { profile });
        }
        // A poster waits for no clip.
        let clip = match (&order.source, profile) {
            (Source::Plate(_), _) | (_, Profile::Poster(_)) => None,
            // It is made of the silent one.
            (_, Profile::Small) if order.spec.sound.is_some() => None,
            (Source::Clip(order), _) => Some(self.clip(Order::clone(order)).await?),
        };
        let inner = &self.inner;
        let mut live = inner.live();
        if let Some(film) = live.get(&key) {
            return Ok(Playing::of(film, key, inner));
        }
        // Whoever waits for a clip takes no turn that the clip may need.
        let turn = match &clip {
            Some(Clip::Playing(_)) => None,
            // Nor one that the form below may need.
            _ if profile == Profile::Small => None,
            Some(Clip::Kept(_)) | None => Some(inner.pool.enter(order.lane)?),
        };
        let film = Arc::new(Film::default());
        let playing = Playing::of(&film, key, inner);
        live.insert(key, Arc::clone(&film));
        drop(live);
        tokio::spawn(Derivation { compositor: self.clone(), key, order, film }.run(clip, turn));
        Ok(playing)
    }

    /// Names what makes forms here.
    pub fn deriver(&self) -> &str {
        self.inner.deriver.build()
    }

    /// As [`Compositor::form`], for a form that needs another.
    fn form_below(&self, order: FormOrder) -> BoxFuture<'_, Result<Entry, CompositorError>> {
        Box::pin(self.form(order))
    }
}

/// What a form is made of, in memory.
enum Material {
    /// A clip's file, and the sound that goes into another; both have it in a download.
    Whole(Bytes, Option<Soundtrack>),
    /// A clip's file in fragments, and its plate's in full size and small; none for a plate.
    Fragmented(Bytes, Option<[Bytes; 2]>),
    /// A file in fragments with the pictures, and the sound that goes between them.
    Sounding(Bytes, Soundtrack),
    /// A part of a plate, and which frame of it.
    Part { file: Bytes, media: Media, place: u32 },
    /// A frame of a plate's window, by the window's place and the frame's place in it.
    Window { window: usize, place: u32 },
}

/// One form being made.
struct Derivation {
    compositor: Compositor,
    key: RenderKey,
    order: FormOrder,
    film: Arc<Film>,
}

impl Derivation {
    async fn run(self, clip: Option<Clip>, turn: Option<Waiting>) {
        let began = Instant::now();
        let inner = &self.compositor.inner;
        // Also when something in here panics: who waits is told, and the next one begins anew.
        let ended = End { inner, key: &self.key, film: &self.film };
        let profile = self.order.spec.profile.name();
        match self.make(clip, turn, began).await {
            Ok(entry) => {
                metrics::derived(profile, "whole", began.elapsed());
                self.film.keep(entry);
            }
            Err(CompositorError::Film(FilmError::Cancelled)) => {
                metrics::derived(profile, "left", began.elapsed());
                tracing::debug!(key = %self.key.short(), profile, "nobody waits for a form any more");
            }
            Err(error) => {
                metrics::derived(profile, "failed", began.elapsed());
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(key = %self.key.short(), profile, %error, cause, "a form of a clip was not made");
            }
        }
        drop(ended);
    }

    async fn make(&self, clip: Option<Clip>, turn: Option<Waiting>, began: Instant) -> Result<Entry, CompositorError> {
        let Self { compositor, order, film, .. } = self;
        let inner = &compositor.inner;
        let ready = async {
            let material = self.material(clip).await?;
            let turn = match turn {
                Some(turn) => turn,
                None => inner.pool.enter(order.lane)?,
            };
            Ok::<_, CompositorError>((material, turn.turn().await))
        };
        let (material, turn) = tokio::select! {
            ready = ready => ready?,
            () = film.left() => return Err(FilmError::Cancelled.into()),
        };
        let work = Work { inner: Arc::clone(inner), order: order.clone(), runtime: tokio::runtime::Handle::current() };
        let cancel = film.cancel().clone();
        let made = tokio::task::spawn_blocking(move || {
            let made = work.derive(material, &cancel);
            drop(turn);
            made
        });
        let Derived { bytes, media } = match made.await {
            Ok(made) => made?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return Err(FilmError::Cancelled.into()),
        };
        let recipe = Recipe::Clip(order.spec.clone());
        let verdict = order.source.plate().verdict.clone();
        Ok(inner.keep(recipe, verdict, media, bytes.into(), ("derive", began)).await?)
    }

    async fn material(&self, clip: Option<Clip>) -> Result<Material, CompositorError> {
        let (spec, plate) = (&self.order.spec, self.order.source.plate());
        match spec.profile {
            Profile::Poster(_) => self.frame(spec.frame.unwrap_or(0)).await,
            Profile::Small => {
                if let Some(sound) = self.sound().await? {
                    let spec = ClipSpec { sound: None, ..spec.clone() };
                    let small = self.compositor.form_below(FormOrder { spec, bed: None, ..self.order.clone() }).await?;
                    return Ok(Material::Sounding(self.load(&small).await?, sound));
                }
                let full = self.fragmented().await?;
                let Some(clip) = clip else { return Ok(Material::Fragmented(full, None)) };
                let small = FormOrder {
                    spec: ClipSpec::of_plate(plate.key, Profile::Small, None, self.compositor.deriver()),
                    source: Source::Plate(plate.clone().into()),
                    bed: None,
                    lane: self.order.lane,
                };
                let clip = self.silent(clip).await?;
                let small = self.compositor.form_below(small).await?;
                Ok(Material::Fragmented(clip, Some([full, self.load(&small).await?])))
            }
            Profile::Download => match (clip, self.sound().await?) {
                (None, Some(sound)) => Ok(Material::Sounding(self.fragmented().await?, sound)),
                (Some(clip), _) => Ok(Material::Whole(self.whole(clip).await?, None)),
                (None, None) => Ok(Material::Whole(self.load(plate).await?, None)),
            },
            _ => {
                let clip = match clip {
                    Some(clip) => self.silent(clip).await?,
                    None => self.load(plate).await?,
                };
                Ok(Material::Whole(clip, self.sound().await?))
            }
        }
    }

    /// What sounds under the form.
    async fn sound(&self) -> Result<Option<Soundtrack>, CompositorError> {
        match self.order.spec.sound.as_ref().zip(self.order.bed.as_ref()) {
            Some((spec, bed)) => self.compositor.inner.soundtrack(spec, bed).await.map(Some),
            None => Ok(None),
        }
    }

    /// The pictures of a clip.
    async fn silent(&self, clip: Clip) -> Result<Bytes, CompositorError> {
        let clip = self.whole(clip).await?;
        let sounds = matches!(&self.order.source, Source::Clip(film) if film.spec.sound.is_some());
        if sounds { Ok(silent(&clip).map_err(FilmError::from)?.into()) } else { Ok(clip) }
    }

    async fn whole(&self, clip: Clip) -> Result<Bytes, CompositorError> {
        match clip {
            Clip::Kept(entry) => self.load(&entry).await,
            Clip::Playing(playing) => Ok(playing.whole().await?),
        }
    }

    async fn load(&self, entry: &Entry) -> Result<Bytes, CompositorError> {
        self.compositor.inner.load(&self.order.source.plate().key, &entry.blob).await
    }

    /// The plate as one fragmented file.
    async fn fragmented(&self) -> Result<Bytes, CompositorError> {
        let plate = self.order.source.plate();
        let Segmented { init, segments, .. } =
            plate.segmented.as_ref().ok_or(CompositorError::NoSegments { plate: plate.key })?;
        let mut file = BytesMut::new();
        for part in std::iter::once(init).chain(segments.iter().map(|segment| &segment.part)) {
            file.extend_from_slice(&self.compositor.inner.load(&plate.key, &part.blob).await?);
        }
        Ok(file.freeze())
    }

    /// Where the picture of a frame comes from: what is drawn on from the window, as it is drawn on, else from the plate.
    async fn frame(&self, frame: u32) -> Result<Material, CompositorError> {
        let plate = self.order.source.plate();
        let Some(segmented) = &plate.segmented else {
            return Ok(Material::Part { file: self.load(plate).await?, media: plate.media.clone(), place: frame });
        };
        let holds = |part: &FramesPart| (part.frames.start..part.frames.end).contains(&frame);
        if let Source::Clip(order) = &self.order.source
            && order.drawing.windows().iter().any(|window| window.contains(&frame))
        {
            let window = segmented.mezzanines.iter().position(holds);
            let window = window.ok_or(FilmError::Outside { drawn: (frame..frame + 1).into() })?;
            return Ok(Material::Window { window, place: frame - segmented.mezzanines[window].frames.start });
        }
        let segment = segmented.segments.iter().find(|part| holds(part));
        let segment = segment.ok_or(FilmError::Outside { drawn: (frame..frame + 1).into() })?;
        let inner = &self.compositor.inner;
        let init = inner.load(&plate.key, &segmented.init.blob).await?;
        let bytes = inner.load(&plate.key, &segment.part.blob).await?;
        let media = Media { frames: segment.frames.count(), ..plate.media.clone() };
        Ok(Material::Part { file: [init, bytes].concat().into(), media, place: frame - segment.frames.start })
    }
}

/// What is done on a thread that may block.
struct Work {
    inner: Arc<Inner>,
    order: FormOrder,
    runtime: tokio::runtime::Handle,
}

impl Work {
    fn derive(&self, material: Material, cancel: &Cancel) -> Result<Derived, CompositorError> {
        let deriver: &Deriver = &self.inner.deriver;
        let profile = self.order.spec.profile;
        let media = &self.order.source.plate().media;
        let canvas = Canvas { width: media.width, height: media.height, frames: media.frames, fps: media.fps };
        Ok(match (profile, material) {
            (Profile::Download, Material::Whole(clip, _)) => download(&clip)?,
            (Profile::Download, Material::Sounding(pictures, sound)) => {
                download(&sounding(&pictures, &sound).map_err(FilmError::from)?)?
            }
            (Profile::Webm, Material::Whole(clip, sound)) => deriver.webm(&clip, &canvas, sound.as_ref(), cancel)?,
            (Profile::Preview, Material::Whole(clip, _)) => deriver.preview(&clip, &canvas, cancel)?,
            (Profile::Storyboard, Material::Whole(clip, _)) => deriver.storyboard(&clip, media, cancel)?,
            (Profile::Small, Material::Sounding(pictures, sound)) => {
                let bytes = sounding(&pictures, &sound).map_err(FilmError::from)?;
                let init = probe_fragments(&bytes).map_err(FilmError::from)?.init;
                let media = probe_init(&bytes[init]).map_err(FilmError::from)?.media;
                Derived { bytes, media }
            }
            (Profile::Small, Material::Fragmented(clip, plate)) => {
                let plate = plate.as_ref().map(|[full, small]| SmallPlate { full, small });
                deriver.small(self.inner.encoder.as_ref(), &clip, plate, cancel)?
            }
            (Profile::Poster(still), Material::Part { file, media, place }) => {
                self.poster(still, &deriver.picture(&file, &media, place, cancel)?, cancel)?
            }
            (Profile::Poster(still), Material::Window { window, place }) => {
                self.poster(still, &self.drawn(window, place)?, cancel)?
            }
            (profile, _) => return Err(CompositorError::NoForm { profile }),
        })
    }

    fn poster(&self, still: Still, picture: &Picture, cancel: &Cancel) -> Result<Derived, FilmError> {
        self.inner.deriver.still(picture, still, cancel)
    }

    /// A frame of a window as the clip shows it.
    fn drawn(&self, window: usize, place: u32) -> Result<Picture, CompositorError> {
        let Source::Clip(order) = &self.order.source else {
            return Err(CompositorError::NoForm { profile: self.order.spec.profile });
        };
        let segmented = order.plate.segmented.as_ref().ok_or(CompositorError::NoSegments { plate: order.plate.key })?;
        let blobs = segmented.mezzanines.iter().map(|part| part.part.blob).collect();
        let windows = Windows { inner: &self.inner, blobs, plate: order.plate.key, runtime: self.runtime.clone() };
        let pictures = windows.of_window(window)?;
        let frames = pictures.len() as u32;
        let found = pictures.get(place as usize);
        let mut picture =
            found.cloned().ok_or(FilmError::Frames { said: place + 1, decoded: frames, warnings: String::new() })?;
        order.drawing.draw(segmented.mezzanines[window].frames.start + place, &mut picture);
        Ok(picture)
    }
}

/// A fragmented file as a progressive one.
fn download(fragmented: &[u8]) -> Result<Derived, FilmError> {
    let bytes = progressive(fragmented)?;
    let media = probe(&bytes)?;
    Ok(Derived { bytes, media })
}
