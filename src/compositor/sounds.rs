//! What sounds under clips: encoded once for all clips of a length, and kept under a key of its own.
//!
//! Who asks for the same sound waits for the one who encodes it. It takes no turn of the [pool](super::Pool): it is a matter of a
//! tenth of a second, and there are no more sounds than templates have beds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use festoon_film::{Bed, Cancel, FilmError, SoundFile, Soundtrack};
use festoon_spec::{Media, RenderKey, SoundSpec, Verdict};
use tokio::sync::OnceCell;

use super::{Compositor, CompositorError, Inner};
use crate::{
    cache::{Entry, Recipe},
    metrics,
};

/// Sounds that are being encoded.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<RenderKey, Arc<OnceCell<Entry>>>>);

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<RenderKey, Arc<OnceCell<Entry>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops an encoder that nobody waits for any more.
struct Waits(Cancel);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Compositor {
    /// A sound in a file of its own, encoded if it is not kept, and where its parts lie.
    ///
    /// # Errors
    /// If it cannot be encoded; if the cache fails.
    pub async fn sound(&self, spec: &SoundSpec, bed: &Bed) -> Result<(Entry, SoundFile), CompositorError> {
        self.inner.sound(spec, bed).await
    }
}

impl Inner {
    /// A sound as it lies beside pictures.
    pub(super) async fn soundtrack(&self, spec: &SoundSpec, bed: &Bed) -> Result<Soundtrack, CompositorError> {
        Ok(self.sound(spec, bed).await?.1.soundtrack)
    }

    async fn sound(&self, spec: &SoundSpec, bed: &Bed) -> Result<(Entry, SoundFile), CompositorError> {
        let entry = self.sound_entry(spec, bed).await?;
        let bytes = match self.cache.load(&entry.blob).await? {
            Some(bytes) => Some((entry, bytes)),
            // It was found damaged and dropped: it is encoded once more.
            None => {
                let entry = self.sound_entry(spec, bed).await?;
                self.cache.load(&entry.blob).await?.map(|bytes| (entry, bytes))
            }
        };
        let (entry, bytes) = bytes.ok_or(CompositorError::LostSound { sound: spec.key() })?;
        let file = SoundFile::read(&bytes).map_err(FilmError::from)?;
        Ok((entry, file))
    }

    async fn sound_entry(&self, spec: &SoundSpec, bed: &Bed) -> Result<Entry, CompositorError> {
        let key = spec.key();
        if let Some(kept) = self.cache.find(&key).await? {
            return Ok(kept);
        }
        let flight = Arc::clone(self.sounds.lock().entry(key).or_default());
        let landed = flight.get_or_try_init(|| self.encode_sound(spec, bed)).await.cloned();
        // From now on it is found in the cache, or the next one tries again.
        let mut flights = self.sounds.lock();
        if flights.get(&key).is_some_and(|other| Arc::ptr_eq(other, &flight)) {
            flights.remove(&key);
        }
        landed
    }

    async fn encode_sound(&self, spec: &SoundSpec, bed: &Bed) -> Result<Entry, CompositorError> {
        let began = Instant::now();
        let waits = Waits(Cancel::default());
        let (deriver, bed, wanted, cancel) = (self.deriver.clone(), bed.clone(), spec.clone(), waits.0.clone());
        let encoding = tokio::task::spawn_blocking(move || Ok(deriver.soundtrack(&bed, &wanted, &cancel)?.file()?));
        let bytes: Result<Vec<u8>, FilmError> = match encoding.await {
            Ok(encoded) => encoded,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(FilmError::Cancelled),
        };
        let how = if bytes.is_ok() { "whole" } else { "failed" };
        metrics::derived("sound", how, began.elapsed());
        let SoundSpec { frames, fps, codec, .. } = *spec;
        let media = Media { width: 0, height: 0, frames, fps, codec: codec.codec().to_owned() };
        let recipe = Recipe::Sound(spec.clone());
        Ok(self.keep(recipe, Verdict::Passed, media, bytes?.into(), ("encode", began)).await?)
    }
}
