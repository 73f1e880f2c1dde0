//! Small pictures of a whole clip on one sheet, and the track that says which is which: what players show above their bar.

use festoon_spec::{Canvas, Media};

use super::{Derived, Deriver, preview::within, still::jpeg, webvtt::Track};
use crate::{
    Cancel, FilmError,
    decoder::{Look, Pixels, canvas},
};

/// Pixels of a tile's longer side, at most.
const LONGER_SIDE: u32 = 160;
/// Tiles in a row.
const COLUMNS: u32 = 5;
/// Tiles of a sheet, at most.
const MOST: u32 = 100;

/// Where the tiles of a clip lie on its sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storyboard {
    canvas: Canvas,
    width: u32,
    height: u32,
    /// Frames from a tile to the next.
    step: u32,
    count: u32,
}

impl Storyboard {
    /// Of clips of this canvas: a tile for each half second, or fewer of a long clip.
    pub fn of(canvas: &Canvas) -> Self {
        let (width, height) = within(canvas, LONGER_SIDE);
        let step = canvas.fps.div_ceil(2).max(canvas.frames.div_ceil(MOST)).max(1);
        Self { canvas: *canvas, width, height, step, count: canvas.frames.div_ceil(step) }
    }

    /// Pixels of the sheet, across and down.
    pub fn size(&self) -> (u32, u32) {
        let columns = self.count.min(COLUMNS);
        (columns * self.width, self.count.div_ceil(COLUMNS) * self.height)
    }

    /// Left and upper edge of a tile.
    fn corner(&self, tile: u32) -> (u32, u32) {
        (tile % COLUMNS * self.width, tile / COLUMNS * self.height)
    }

    /// The track as WebVTT, for a sheet at this address.
    pub fn track(&self, uri: &str) -> String {
        let mut track = Track::new(self.canvas.fps);
        for tile in 0..self.count {
            let (from, (left, top)) = (tile * self.step, self.corner(tile));
            let until = (from + self.step).min(self.canvas.frames);
            track.cue(from, until, [format!("{uri}#xywh={left},{top},{},{}", self.width, self.height)]);
        }
        track.whole()
    }
}

impl Deriver {
    /// The sheet of a clip as JPEG.
    ///
    /// # Errors
    /// [`FilmError::Frames`] and [`FilmError::Jail`] if the clip cannot be decoded, [`FilmError::Cancelled`].
    pub fn storyboard(&self, clip: &[u8], media: &Media, cancel: &Cancel) -> Result<Derived, FilmError> {
        let board = Storyboard::of(&canvas(media));
        let (width, height) = board.size();
        let mut sheet = vec![0; width as usize * height as usize * 3];
        let Storyboard { step, count, .. } = board;
        let look = Look { pixels: Pixels::Rgb, width: board.width, height: board.height, first: 0, step, count };
        let row_bytes = board.width as usize * 3;
        self.ffmpeg()?.look(clip, media, &look, cancel, &mut |tile, rgb| {
            let (left, top) = board.corner(tile);
            for (row, pixels) in rgb.chunks_exact(row_bytes).enumerate() {
                let at = ((top as usize + row) * width as usize + left as usize) * 3;
                sheet[at..at + row_bytes].copy_from_slice(pixels);
            }
            Ok(())
        })?;
        Ok(Derived::picture(jpeg(&sheet, board.size())?, board.size(), "jpeg"))
    }
}
