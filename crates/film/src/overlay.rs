//! What is drawn on a plate.
//!
//! An [`Overlay`] says it without anything left to look up: words, faces, colours, places, times. [`Overlay::prepare`] lays it
//! out and draws it once; the [`Drawing`] then lays its sprites over single frames. It touches only some frames of a clip, its
//! [windows](Draw::windows): every other frame of the plate is delivered as it is stored. Whatever composes a clip needs no
//! more than [`Draw`].
//!
//! What cannot be drawn as it was meant is refused while preparing: a text that does not fit, a character that no face has, a
//! picture that is none. Nothing is drawn smaller, cut off, or as a box.

mod animation;
mod breaking;
mod drawing;
mod error;
mod faces;
mod image;
mod layer;
mod layout;
mod paint;
mod sprite;
mod text;
mod writing;

use std::ops::Range;

use festoon_spec::{Canonical, Canvas, Digest, Locale, Value};
use serde::Serialize;

pub use self::{
    drawing::{Drawing, LayerBox},
    error::{FacesError, Lines, OverlayError},
    faces::Faces,
    image::{ImageError, LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, Upload},
    layer::{
        Anchor, Animation, AnimationKind, Asset, Bar, Content, Easing, FaceRole, Horizontal, Image, Layer, Outline, Panel, Place,
        SafeArea, Scrim, Shadow, Shape, Side, Text, Vertical, Voice, Weight, Window,
    },
};
use crate::Picture;

/// Names this compositor: it changes with whatever makes the same overlay look different.
pub const COMPOSITOR: &str = "festoon/1";

/// Most layers.
pub const MOST_LAYERS: usize = 24;

/// Context of [`Overlay::digest`].
const CONTEXT: &str = "festoon 2026-11 overlay digest v1";

/// Draws on the frames of a clip.
pub trait Draw: Send + Sync {
    /// The frames that it touches: sorted, not empty, neither overlapping nor adjacent.
    fn windows(&self) -> &[Range<u32>];

    /// Draws on the picture of frame `frame`, counted from the start of the clip. Outside the windows it leaves the picture
    /// as it is. The same frame always gets the same pixels, whatever was drawn before.
    fn draw(&self, frame: u32, picture: &mut Picture);
}

/// What is drawn on a plate, fully resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlay {
    /// Who reads it, maximised: it says where reading starts, and the forms of Han characters where the words do not.
    pub locale: Locale,
    /// How far everything that is read keeps from the edges.
    pub safe_area: SafeArea,
    /// From the farthest to the nearest.
    pub layers: Vec<Layer>,
}

impl Overlay {
    /// The frames that it touches: sorted, neither overlapping nor adjacent.
    pub fn windows(&self) -> Vec<Range<u32>> {
        merged(self.layers.iter().map(|layer| layer.window.from..layer.window.until))
    }

    /// Names everything that it says: two overlays with one digest look the same, with the same faces and [`COMPOSITOR`].
    pub fn digest(&self) -> Digest {
        let said = serde_json::to_value(self).expect("its keys are texts and its numbers are whole");
        let mut form = Canonical::default();
        write(&mut form, "overlay", &said);
        form.digest(CONTEXT)
    }

    /// The pictures whose bytes are not here yet.
    pub fn missing_images(&self) -> impl Iterator<Item = Digest> {
        self.images().filter(|image| image.file.bytes().is_none()).map(|image| image.file.digest())
    }

    /// Hands in the bytes of a picture that somebody uploaded.
    pub fn supply(&mut self, bytes: impl Into<std::sync::Arc<[u8]>>) {
        let asset = Asset::uploaded(bytes);
        for layer in &mut self.layers {
            if let Content::Image(image) = &mut layer.content
                && image.file == asset
            {
                image.file = asset.clone();
            }
        }
    }

    fn images(&self) -> impl Iterator<Item = &Image> {
        self.layers.iter().filter_map(|layer| match &layer.content {
            Content::Image(image) => Some(image),
            _ => None,
        })
    }

    /// Lays everything out for frames of this size and draws it once.
    ///
    /// # Errors
    /// If something cannot be drawn as it is meant; see [`OverlayError`].
    pub fn prepare(&self, faces: &Faces, canvas: &Canvas) -> Result<Drawing, OverlayError> {
        self.check(canvas)?;
        Drawing::new(self, faces, canvas)
    }

    /// Whether what it says of times can be.
    fn check(&self, canvas: &Canvas) -> Result<(), OverlayError> {
        let wrong = |layer: &Layer, problem: String| Err(OverlayError::Layer { layer: layer.name.clone(), problem });
        for (at, layer) in self.layers.iter().enumerate() {
            let Window { from, until } = layer.window;
            if at >= MOST_LAYERS {
                return wrong(layer, format!("there are more than {MOST_LAYERS} layers"));
            }
            if from >= until || until > canvas.frames {
                return wrong(layer, format!("frames {from} to {until} are not a part of the clip's {}", canvas.frames));
            }
            let moving = [layer.entrance, layer.exit].into_iter().flatten().map(|animation| animation.frames).sum::<u32>();
            if moving > until - from {
                return wrong(layer, format!("it comes and goes for {moving} frames, and is there for {}", until - from));
            }
        }
        Ok(())
    }
}

/// Writes every value, so that a field that is added is never forgotten.
fn write(form: &mut Canonical, name: &str, value: &serde_json::Value) {
    match value {
        serde_json::Value::Null => form.put(name, Value::Absent),
        serde_json::Value::Bool(flag) => form.put(name, Value::Flag(*flag)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => form.put(name, Value::Integer(number)),
            None => form.text(name, number.to_string()),
        },
        serde_json::Value::String(text) => form.text(name, text),
        serde_json::Value::Array(items) => form.list(name, items, |form, item| write(form, "item", item)),
        serde_json::Value::Object(fields) => form.group(name, |form| {
            for (name, value) in fields {
                write(form, name, value);
            }
        }),
    }
}

/// Brings frame ranges into the form of [`Draw::windows`].
pub fn merged(ranges: impl IntoIterator<Item = Range<u32>>) -> Vec<Range<u32>> {
    let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u32>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn ranges_that_touch_become_one_and_empty_ones_vanish() {
        assert_eq!(merged([36..60, 12..24, 24..30, 14..20, 70..70]), [12..30, 36..60]);
        assert_eq!(merged([]), []);
    }
}
