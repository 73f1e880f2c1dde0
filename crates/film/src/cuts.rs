//! Where a plate is cut.
//!
//! Each cut begins a closed group, so that what lies between two of them can be replaced. They are where windows begin and
//! end, and inside long windows too: equal runs of a second at most, so that several are drawn and encoded at once and the first
//! is ready early. What no overlay touches stays in one piece.

use festoon_spec::{Canvas, FrameRange};

use crate::FilmError;

/// The segments of a plate with these windows: all its frames, in order.
///
/// # Errors
/// [`FilmError::Window`] if they are not sorted, apart from each other and inside the canvas.
pub fn segments(canvas: &Canvas, windows: &[FrameRange]) -> Result<Vec<FrameRange>, FilmError> {
    let mut segments = Vec::new();
    let mut behind = 0;
    for window in windows {
        let refuse = |problem| Err(FilmError::Window { window: *window, problem });
        if window.start >= window.end {
            return refuse("it has no frame");
        }
        if window.end > canvas.frames {
            return refuse("the plate ends before it does");
        }
        if window.start < behind || window.start == behind && behind > 0 {
            return refuse("it does not lie behind the window before it, with frames between them");
        }
        if behind < window.start {
            segments.push(FrameRange { start: behind, end: window.start });
        }
        let count = window.count();
        let runs = count.div_ceil(canvas.fps.max(1));
        let edge = |run: u32| window.start + (u64::from(count) * u64::from(run) / u64::from(runs)) as u32;
        segments.extend((0..runs).map(|run| FrameRange { start: edge(run), end: edge(run + 1) }));
        behind = window.end;
    }
    if behind < canvas.frames {
        segments.push(FrameRange { start: behind, end: canvas.frames });
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CANVAS: Canvas = Canvas { width: 64, height: 64, frames: 120, fps: 24 };

    fn cut(windows: &[(u32, u32)]) -> Result<Vec<(u32, u32)>, FilmError> {
        let windows: Vec<_> = windows.iter().map(|(start, end)| FrameRange { start: *start, end: *end }).collect();
        Ok(segments(&CANVAS, &windows)?.iter().map(|segment| (segment.start, segment.end)).collect())
    }

    #[test]
    fn a_plate_without_windows_is_one_segment() {
        assert_eq!(cut(&[]).unwrap(), [(0, 120)]);
    }

    #[test]
    fn cuts_are_where_windows_begin_and_end() {
        assert_eq!(cut(&[(12, 30), (96, 119)]).unwrap(), [(0, 12), (12, 30), (30, 96), (96, 119), (119, 120)]);
        assert_eq!(cut(&[(0, 24), (100, 120)]).unwrap(), [(0, 24), (24, 100), (100, 120)]);
    }

    #[test]
    fn a_long_window_is_cut_into_equal_runs_of_a_second_at_most() {
        assert_eq!(cut(&[(0, 24)]).unwrap()[..1], [(0, 24)]);
        assert_eq!(cut(&[(10, 35)]).unwrap()[1..3], [(10, 22), (22, 35)]);
        assert_eq!(cut(&[(12, 48)]).unwrap()[1..3], [(12, 30), (30, 48)]);
        assert_eq!(cut(&[(0, 120)]).unwrap().len(), 5);
    }

    #[test]
    fn windows_that_overlap_touch_run_backwards_or_leave_the_plate_are_refused_by_name() {
        for (windows, told) in [
            (&[(10, 10)][..], "frames 10..10 are no window for overlays: it has no frame"),
            (&[(20, 10)], "frames 20..10 are no window for overlays: it has no frame"),
            (&[(100, 121)], "frames 100..121 are no window for overlays: the plate ends before it does"),
        ] {
            assert_eq!(cut(windows).unwrap_err().to_string(), told);
        }
        for windows in [[(10, 20), (15, 30)], [(10, 20), (20, 30)], [(50, 60), (10, 20)], [(0, 5), (0, 5)]] {
            let error = cut(&windows).unwrap_err().to_string();
            assert!(error.ends_with("it does not lie behind the window before it, with frames between them"), "{error}");
        }
    }
}
