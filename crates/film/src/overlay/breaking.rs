//! Where a text is broken into lines.
//!
//! Lines may end where Unicode's UAX 14 says (with its rules for Chinese and Japanese: no closing mark begins a line, no
//! opening mark ends one), in Thai, Lao, Khmer and Burmese between the words of a dictionary. Of all ways to break, the one
//! whose widest line is narrowest is taken: titles look best when their lines are alike. Where the script has no spaces, a
//! break inside a word costs something.

use icu_segmenter::{
    LineSegmenter, WordSegmenter,
    options::{LineBreakOptions, WordBreakInvariantOptions},
};

/// What a break inside a word of Chinese, Japanese or Thai costs, as a share of the line.
const INSIDE_A_WORD: f32 = 0.35;

/// A piece of text that is never broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// Where it ends, in bytes; trailing blanks belong to it.
    pub end: usize,
    /// Whether a line must end here.
    pub must: bool,
    /// Whether a break here falls between two words.
    pub between_words: bool,
}

/// The pieces of a text, in order. The last one ends the text.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let words: Vec<usize> = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()).segment_str(text).collect();
    let ends = LineSegmenter::new_dictionary(LineBreakOptions::default()).segment_str(text);
    // The prefixes that make a Japanese word polite are words to a dictionary, and belong to the next one.
    let polite = |at: usize| at > 0 && matches!(&text[words[at - 1]..words[at]], "お" | "ご" | "御");
    let piece = |end: usize| Piece {
        end,
        must: end == text.len() || text[..end].ends_with('\n'),
        between_words: words.binary_search(&end).is_ok_and(|at| !polite(at)),
    };
    ends.filter(|end| *end > 0).map(piece).collect()
}

/// Breaks into at most `lines` lines: for each number of lines that is possible, from the fewest on, the ends of the best
/// lines as numbers of pieces. `width(from, to)` is that of a line with the pieces `from..to`.
pub(super) fn break_lines(pieces: &[Piece], lines: usize, width: impl Fn(usize, usize) -> f32) -> Vec<Vec<usize>> {
    /// The best way to set the first pieces in some number of lines.
    #[derive(Clone, Copy)]
    struct Best {
        widest: f32,
        ragged: f32,
        from: usize,
    }
    let count = pieces.len();
    let mut rows: Vec<Vec<Option<Best>>> = vec![vec![None; count + 1]];
    rows[0][0] = Some(Best { widest: 0.0, ragged: 0.0, from: 0 });
    for row in 1..=lines {
        let before = &rows[row - 1];
        // No pieces at all need no line.
        let mut bests = vec![None];
        for to in 1..=count {
            let mut best: Option<Best> = None;
            for from in (0..to).rev() {
                // Within a line nothing forces a break.
                if from < to - 1 && pieces[from].must {
                    break;
                }
                let Some(start) = before[from] else { continue };
                let own = width(from, to);
                // Both lines suffer from a break inside a word, or the shorter one would hide what it costs.
                let torn = |at: usize| at > 0 && !pieces[at - 1].must && !pieces[at - 1].between_words;
                let cost = if torn(from) || torn(to) { own * (1.0 + INSIDE_A_WORD) } else { own };
                let candidate = Best { widest: start.widest.max(cost), ragged: start.ragged + cost * cost, from };
                if best.is_none_or(|best| (candidate.widest, candidate.ragged) < (best.widest, best.ragged)) {
                    best = Some(candidate);
                }
            }
            bests.push(best);
        }
        rows.push(bests);
    }
    let ends = |row: usize| {
        let mut ends = vec![count];
        for row in (2..=row).rev() {
            ends.push(rows[row][*ends.last().expect("there is one")].expect("it was reached from here").from);
        }
        ends.reverse();
        ends
    };
    (1..=lines).filter(|row| rows[*row][count].is_some()).map(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text`, every letter one wide, blanks at the end of a line nothing.
    fn lines(text: &str, count: usize) -> Vec<&str> {
        let pieces = pieces(text);
        let start = |piece: usize| if piece == 0 { 0 } else { pieces[piece - 1].end };
        let width = |from: usize, to: usize| text[start(from)..pieces[to - 1].end].trim_end().chars().count() as f32;
        let broken = break_lines(&pieces, count, width);
        let ends = broken.last().expect("it can be broken");
        let mut from = 0;
        let mut lines = Vec::new();
        for end in ends {
            lines.push(text[start(from)..pieces[end - 1].end].trim_end());
            from = *end;
        }
        lines
    }

    #[test]
    fn lines_are_alike() {
        assert_eq!(lines("May all your days be merry and bright", 2), ["May all your days", "be merry and bright"]);
    }

    #[test]
    fn a_break_that_was_typed_stays() {
        assert_eq!(lines("Anna & Ben\nsay yes", 2), ["Anna & Ben", "say yes"]);
        assert!(break_lines(&pieces("a\nb\nc"), 2, |_, _| 1.0).is_empty(), "three lines are not two");
    }

    #[test]
    fn no_closing_mark_begins_a_line_and_no_opening_mark_ends_one() {
        for count in 2..6 {
            for line in lines("「明けまして、おめでとう」ございます。（二〇二七年）ー", count) {
                assert!(!line.starts_with(['、', '。', '」', '）', 'ー', 'っ', 'ょ']), "{line}");
                assert!(!line.ends_with(['「', '（']), "{line}");
            }
        }
    }

    #[test]
    fn japanese_and_thai_break_between_words() {
        let polite = lines("あけましておめでとうございます", 2);
        assert!(matches!(polite.as_slice(), ["あけまして" | "あけましておめでとう", _]), "{polite:?}");
        assert_eq!(lines("สุขสันต์วันปีใหม่", 2), ["สุขสันต์", "วันปีใหม่"]);
    }
}
