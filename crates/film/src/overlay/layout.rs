//! Where everything stands on a frame, in pixels.

use festoon_spec::{Canvas, Milli};

use super::layer::{Anchor, Horizontal, Layer, SafeArea, Side, Vertical};

/// A rectangle in pixels of the frame: left, top, right, bottom.
pub(super) type Edges = [f32; 4];

/// The frame, and the part of it that every screen shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub width: f32,
    pub height: f32,
    /// Whether reading starts on the right.
    pub leftward: bool,
    pub safe: Edges,
}

impl Frame {
    pub fn new(canvas: &Canvas, safe: SafeArea, leftward: bool) -> Self {
        let (width, height) = (canvas.width as f32, canvas.height as f32);
        let SafeArea { top, right, bottom, left } = safe;
        let [top, right, bottom, left] = [top, right, bottom, left].map(|share| share.get() as f32 / 100.0);
        let safe = [width * left, height * top, width * (1.0 - right), height * (1.0 - bottom)];
        Self { width, height, leftward, safe }
    }

    /// The shorter side.
    pub fn short(&self) -> f32 {
        self.width.min(self.height)
    }

    /// So many per cent of the shorter side.
    pub fn of_short(&self, share: Milli) -> f32 {
        share.get() as f32 / 100.0 * self.short()
    }

    /// The share of the room to the left of what stands so.
    fn across(&self, horizontal: Horizontal) -> f32 {
        match horizontal {
            Horizontal::Centre => 0.5,
            Horizontal::Left => 0.0,
            Horizontal::Right => 1.0,
            Horizontal::Start => f32::from(u8::from(self.leftward)),
            Horizontal::End => f32::from(u8::from(!self.leftward)),
        }
    }

    /// The upper left corners of a column of boxes, each with its gap above, that stands at `anchor`.
    pub fn column(&self, anchor: Anchor, offset: [Milli; 2], boxes: &[([f32; 2], f32)]) -> Vec<[f32; 2]> {
        let height: f32 = boxes.iter().enumerate().map(|(at, (size, gap))| size[1] + if at > 0 { *gap } else { 0.0 }).sum();
        let [left, top, right, bottom] = self.safe;
        let down = match anchor.vertical {
            Vertical::Top => 0.0,
            Vertical::Middle => 0.5,
            Vertical::Bottom => 1.0,
        };
        let turns = self.leftward && matches!(anchor.horizontal, Horizontal::Start | Horizontal::End);
        let away = offset[0].get() as f32 / 100.0 * self.width * if turns { -1.0 } else { 1.0 };
        let mut y = top + (bottom - top - height) * down + offset[1].get() as f32 / 100.0 * self.height;
        let mut corners = Vec::new();
        for (at, ([width, height], gap)) in boxes.iter().enumerate() {
            if at > 0 {
                y += gap;
            }
            let x = left + (right - left - width) * self.across(anchor.horizontal) + away;
            corners.push([x, y]);
            y += height;
        }
        corners
    }

    /// A side of the frame with start and end said as left and right.
    pub fn turned(&self, side: Side) -> Side {
        match side {
            Side::Start if self.leftward => Side::End,
            Side::End if self.leftward => Side::Start,
            side => side,
        }
    }
}

/// The layers in columns: each layer that stands on its own, with those that stand under it, in their order.
pub(super) fn columns(layers: &[Layer]) -> Vec<Vec<usize>> {
    let upper = |at: usize| {
        let under = layers[at].place.under.as_ref()?;
        layers[..at].iter().position(|layer| layer.name == *under)
    };
    let root = |mut at: usize| {
        while let Some(next) = upper(at) {
            at = next;
        }
        at
    };
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for at in 0..layers.len() {
        let root = root(at);
        match columns.iter_mut().find(|column| column[0] == root) {
            Some(column) => column.push(at),
            None => columns.push(vec![at]),
        }
    }
    columns
}
