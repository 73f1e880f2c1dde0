//! One picture of a clip, drawn anew each time: for whoever is writing its template, and saves every few seconds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use festoon_film::{Cancel, Decoder, Draw, FilmError, Picture, jpeg};
use festoon_spec::{BlobHash, Canvas, Colour};

use super::CompositorError;
use crate::cache::{Cache, Entry};

/// Pictures of plates that are remembered: those that somebody looks at in turn while writing.
const REMEMBERED: usize = 24;

/// A plate, and the frame in it.
type Place = (BlobHash, u32);

/// What is below what is drawn.
#[derive(Debug, Clone)]
pub enum Ground {
    /// A plate.
    Plate(Box<Entry>),
    /// Nothing is painted yet: these colours, from top to bottom.
    Sky(Vec<Colour>),
}

/// Draws stills. Remembers the pictures of plates that it drew on, so that a saved change costs no decoding.
#[derive(Debug)]
pub struct Stills {
    cache: Cache,
    decoder: Decoder,
    remembered: Mutex<VecDeque<(Place, Arc<Picture>)>>,
}

impl Stills {
    /// Draws on plates of this cache.
    ///
    /// # Errors
    /// If there is a decoder that does not answer.
    pub fn of(cache: Cache) -> Result<Self, FilmError> {
        Ok(Self { cache, decoder: Decoder::find()?, remembered: Mutex::default() })
    }

    /// The picture at a frame, as a JPEG.
    ///
    /// # Errors
    /// If the cache fails, or the plate does not decode.
    pub async fn draw(
        &self,
        ground: Ground,
        canvas: Canvas,
        frame: u32,
        drawing: Arc<dyn Draw>,
    ) -> Result<Bytes, CompositorError> {
        let ground = match ground {
            Ground::Plate(plate) => self.frame(&plate, canvas, frame).await?,
            Ground::Sky(sky) => Arc::new(Picture::of_sky(&canvas, &sky)?),
        };
        blocking(move || {
            let mut picture = (*ground).clone();
            drawing.draw(frame, &mut picture);
            let size = (picture.width() as u32, picture.height() as u32);
            Ok(jpeg(&picture.rgb(), size)?.into())
        })
        .await
    }

    async fn frame(&self, plate: &Entry, canvas: Canvas, frame: u32) -> Result<Arc<Picture>, CompositorError> {
        let name = (plate.blob, frame);
        let remembered = |stills: &Self| {
            let remembered = stills.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.iter().find(|(own, _)| *own == name).map(|(_, picture)| Arc::clone(picture))
        };
        if let Some(picture) = remembered(self) {
            return Ok(picture);
        }
        let Some(file) = self.cache.load(&plate.blob).await? else {
            return Ok(Arc::new(Picture::new(&canvas)?));
        };
        let decoder = self.decoder.clone();
        let picture = Arc::new(blocking(move || decode(&decoder, &file, &canvas, frame)).await?);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.push_back((name, Arc::clone(&picture)));
        if remembered.len() > REMEMBERED {
            remembered.pop_front();
        }
        Ok(picture)
    }
}

/// The picture at a frame, or the last one if there are not so many.
fn decode(decoder: &Decoder, file: &[u8], canvas: &Canvas, frame: u32) -> Result<Picture, CompositorError> {
    let mut picture = Picture::new(canvas)?;
    let mut reached = false;
    let mut take = |at: u32, rgb: &[u8]| {
        if at <= frame {
            picture.set_rgb(rgb);
        }
        reached = at >= frame;
        // Nobody wants to see what comes after it.
        if reached { Err("that is enough".into()) } else { Ok(()) }
    };
    match decoder.decode(file, &Cancel::default(), &mut take) {
        Ok(_) => Ok(picture),
        Err(FilmError::Frame { .. }) if reached => Ok(picture),
        Err(error) => Err(error.into()),
    }
}

/// Works on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CompositorError> + Send + 'static,
) -> Result<T, CompositorError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
