//! What the gate measures, frame by frame, for whoever looks at a plate: taken from the file that is kept. A renderer measured the
//! same before it encoded; the numbers of its verdict are a little higher, since encoding takes noise away.

use std::sync::Arc;

use festoon_film::{Cancel, Expectation, FilmError, Inspector, Measured, Picture};
use festoon_spec::{Canvas, Lane};

use super::{Compositor, CompositorError};
use crate::cache::Entry;

impl Compositor {
    /// What the gate measures of each frame of a plate. It is decoded once however many ask, when a turn of the pool is free.
    ///
    /// # Errors
    /// [`CompositorError::Full`] if too many wait; if its bytes are gone or decoding fails.
    pub async fn measured(&self, plate: &Entry) -> Result<Arc<Vec<Measured>>, Arc<CompositorError>> {
        let measure = async {
            let bytes = self.inner.load(&plate.key, &plate.blob).await?;
            let turn = self.inner.pool.enter(Lane::Free)?.turn().await;
            let (decoder, media) = (self.inner.decoder.clone(), plate.media.clone());
            let canvas = Canvas { width: media.width, height: media.height, frames: media.frames, fps: media.fps };
            let measured = tokio::task::spawn_blocking(move || {
                let (mut inspector, mut picture) = (Inspector::new(&canvas, Expectation::default()), Picture::new(&canvas)?);
                decoder.decode(&bytes, &Cancel::default(), &mut |_, rgb| {
                    picture.set_rgb(rgb);
                    inspector.look(&picture);
                    Ok(())
                })?;
                drop(turn);
                Ok::<_, FilmError>(inspector.into_measured())
            });
            match measured.await {
                Ok(measured) => Ok(measured?),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => Err(CompositorError::Film(FilmError::Cancelled)),
            }
        };
        self.inner.measurements.get(plate.blob, measure).await
    }
}
