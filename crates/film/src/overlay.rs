//! What is drawn on a plate.
//!
//! An overlay touches only some frames of a clip, its [windows](Draw::windows): every other frame of the plate is delivered
//! as it is stored. Whatever composes a clip needs no more than [`Draw`].

use std::ops::Range;

use crate::Picture;

/// Draws on the frames of a clip.
pub trait Draw: Send + Sync {
    /// The frames that it touches: sorted, not empty, neither overlapping nor adjacent.
    fn windows(&self) -> &[Range<u32>];

    /// Draws on the picture of frame `frame`, counted from the start of the clip. Outside the windows it leaves the picture
    /// as it is. The same frame always gets the same pixels, whatever was drawn before.
    fn draw(&self, frame: u32, picture: &mut Picture);
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
