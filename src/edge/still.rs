//! How a pick looks, drawn on what there is: for whoever writes its template.

use bytes::Bytes;
use festoon_spec::{Colour, Scene};

use super::{Edge, EdgeError, Shown};
use crate::{
    compositor::{Ground, Stills},
    pick::{Pick, Resolved},
};

/// What a model's plate is taken for until it is painted: from light to dark, so that writing is seen on both.
const UNPAINTED: [Colour; 2] = [Colour([0x8a, 0x92, 0x9e]), Colour([0x2c, 0x31, 0x3a])];

/// What a pick is drawn on.
#[derive(Debug, Clone)]
pub enum Below {
    /// Its own plate.
    Own(Box<Shown>),
    /// Another one that stands in, and in what it differs.
    Nearest(Box<Shown>, &'static str),
    /// Nothing is painted that could.
    Nothing,
}

impl Edge {
    /// What a pick would be drawn on now, and the pick as it is resolved. Nothing is ordered.
    ///
    /// # Errors
    /// [`EdgeError::Pick`] if it does not resolve or cannot be drawn, else if the cache fails.
    pub async fn below(&self, pick: &Pick) -> Result<(Below, Resolved), EdgeError> {
        let (_, resolved) = self.resolve(pick)?;
        self.drawing(&resolved).await?;
        let below = match self.peek(pick, false).await? {
            Some(shown) => Below::Own(shown.into()),
            None => match self.stand_in(&resolved.pick).await? {
                Some((shown, differs)) => Below::Nearest(shown.into(), differs),
                None => Below::Nothing,
            },
        };
        Ok((below, resolved))
    }

    /// The picture of a pick at a frame, as a JPEG.
    ///
    /// # Errors
    /// As [`Edge::below`]; [`EdgeError::Compositor`] if the plate does not decode.
    pub async fn still(&self, stills: &Stills, pick: &Pick, frame: u32) -> Result<Bytes, EdgeError> {
        let (below, resolved) = self.below(pick).await?;
        let ground = match below {
            Below::Own(shown) | Below::Nearest(shown, _) => Ground::Plate(shown.entry.into()),
            Below::Nothing => Ground::Sky(match &resolved.plate.scene {
                Scene::Motion(motion) => motion.palette.sky.clone(),
                Scene::Wan(_) => UNPAINTED.into(),
            }),
        };
        let canvas = resolved.plate.canvas;
        let drawing = self.drawing(&resolved).await?;
        Ok(stills.draw(ground, canvas, frame.min(canvas.frames - 1), drawing).await?)
    }
}
