//! Pictures that people bring, to be drawn on clips: taken in once, named by their bytes, used in any number of picks.
//!
//! What is kept is the decoded picture, encoded anew. It lies in the cache like a plate or a clip, within the same budget: a
//! picture that no pick has named for long goes, and a pick that names it then is told to bring it again. A clip that was
//! composed with it stays as long as clips do.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use festoon_film::overlay::{ImageError, Upload};
use festoon_spec::{BlobHash, Digest, ImageSpec, Media, Outcome, RendererInfo, Verdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Edge, EdgeError};
use crate::{
    cache::{Entry, Manifest, Recipe},
    pick::{PickError, Resolved},
};

/// Pictures that are decoded at once: one takes up to 400 MB.
const DECODED_AT_ONCE: usize = 2;

/// Who may bring a picture at the moment.
#[derive(Debug)]
pub(super) struct Desk {
    /// Places for bytes that arrive.
    places: Arc<Semaphore>,
    decoders: Semaphore,
}

impl Desk {
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), decoders: Semaphore::new(DECODED_AT_ONCE) }
    }
}

/// A place at the desk, to be had before the first byte is read. Dropping it gives it to others.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

/// A picture that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImage {
    /// What picks call it.
    pub image: BlobHash,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bytes of the PNG.
    pub bytes: u64,
}

impl KeptImage {
    fn of(entry: &Entry) -> Self {
        let Entry { blob, bytes, media, .. } = entry;
        Self { image: *blob, width: media.width, height: media.height, bytes: *bytes }
    }
}

impl Edge {
    /// A place for a picture's bytes, `None` if too many arrive already.
    pub fn place_for_image(&self) -> Option<Place> {
        Arc::clone(&self.inner.desk_for_images.places).try_acquire_owned().ok().map(Place)
    }

    /// Decodes a picture that somebody brought and keeps it.
    ///
    /// # Errors
    /// [`EdgeError::Image`] if it is none, or one beyond the limits; if the disk is full or failing.
    pub async fn keep_image(&self, bytes: Bytes, place: Place) -> Result<KeptImage, EdgeError> {
        let inner = &self.inner;
        let turn = inner.desk_for_images.decoders.acquire().await.expect("nobody closes it");
        let work = tokio::task::spawn_blocking(move || Upload::read(&bytes)).await;
        drop((turn, place));
        let Upload { png, width, height } = match work {
            Ok(read) => read?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let staged = inner.cache.stage_bytes(png.into()).await?;
        let image = staged.blob();
        let now = inner.clock.now();
        let outcome = Outcome {
            blob: image,
            bytes: staged.bytes(),
            md5: staged.md5().to_owned(),
            verdict: Verdict::Passed,
            media: Media { width, height, frames: 1, fps: 1, codec: "png".into() },
            renderer: RendererInfo { name: "edge".into(), version: env!("CARGO_PKG_VERSION").into(), device: "cpu".into() },
            timings: BTreeMap::new(),
            made_at: now,
            segmented: None,
        };
        let entry = inner.cache.keep(staged, Manifest::new(Recipe::Image(ImageSpec { image }), outcome, now)).await?;
        Ok(KeptImage::of(&entry))
    }

    /// A picture that somebody brought.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn image(&self, image: &BlobHash) -> Result<Option<Bytes>, EdgeError> {
        self.allowed(None, &[], Some(image))?;
        match self.inner.cache.find(&ImageSpec { image: *image }.key()).await? {
            Some(entry) => Ok(self.inner.cache.load(&entry.blob).await?),
            None => Ok(None),
        }
    }

    /// Puts the bytes of the pictures that a pick names into its overlay.
    pub(super) async fn supply_images(&self, resolved: &mut Resolved) -> Result<(), EdgeError> {
        let missing: Vec<Digest> = resolved.overlay.missing_images().collect();
        for image in missing {
            let Some(bytes) = self.image(&BlobHash::from_bytes(*image.as_bytes())).await? else {
                let named = image.to_string();
                let parameter = resolved.pick.parameters.iter().find(|(_, value)| **value == named);
                let parameter = parameter.map(|(name, _)| name.clone()).unwrap_or_default();
                return Err(PickError::UnknownImage { parameter, image }.into());
            };
            resolved.overlay.supply(&bytes[..]);
        }
        Ok(())
    }
}

impl From<ImageError> for EdgeError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}
