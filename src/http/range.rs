//! Which bytes a `Range` field asks for (RFC 9110 §14). Pure: text and length in, ranges out.

use std::ops::Range;

/// More specs than this in one field are not looked at: the whole is cheaper than the bookkeeping.
const MAX_SPECS: usize = 64;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranges {
    /// The whole: no range was asked for, or none that is understood.
    Whole,
    /// These, ascending, apart from each other, never empty and never beyond the end.
    Parts(Vec<Range<u64>>),
    /// Well formed, but nothing of it is inside.
    Unsatisfiable,
}

impl Ranges {
    /// Reads the field for a representation of `length` bytes. Ranges that touch or overlap become one; if more than
    /// `most` remain, the whole is sent instead. Another unit than `bytes` and malformed text are ignored, as the RFC
    /// allows, so that a broken client still gets its video.
    pub fn read(field: &str, length: u64, most: usize) -> Self {
        let Some((unit, set)) = field.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") || length == 0 || set.split(',').count() > MAX_SPECS {
            return Self::Whole;
        }
        let mut parts = Vec::new();
        let mut specs = 0;
        // Empty list elements are legal (RFC 9110 §5.6.1).
        for spec in set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty()) {
            let Some(part) = read_spec(spec, length) else { return Self::Whole };
            specs += 1;
            parts.extend(part);
        }
        if specs == 0 {
            return Self::Whole;
        }
        let parts = coalesce(parts);
        match parts.len() {
            0 => Self::Unsatisfiable,
            count if count > most => Self::Whole,
            _ => Self::Parts(parts),
        }
    }
}

/// One spec: `None` if malformed, `Some(None)` if well formed but outside.
fn read_spec(spec: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = position(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = position(first)?;
    let end = if last.is_empty() { length } else { position(last)?.saturating_add(1).min(length) };
    if !last.is_empty() && position(last)? < first {
        return None;
    }
    Some((first < length).then_some(first..end))
}

/// Digits of any length: beyond `u64` they mean "far beyond the end", not "malformed".
fn position(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

fn coalesce(mut parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    parts.sort_by_key(|part| part.start);
    let mut apart: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for part in parts {
        match apart.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => apart.push(part),
        }
    }
    apart
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // one range is what is meant
mod tests {
    use proptest::prelude::*;

    use super::{Ranges::*, *};

    #[test]
    fn each_form_is_read_as_the_rfc_says() {
        for (field, expected) in [
            ("bytes=0-0", Parts(vec![0..1])),
            ("bytes=0-", Parts(vec![0..100])),
            ("bytes=10-19", Parts(vec![10..20])),
            ("BYTES=10-19", Parts(vec![10..20])),
            ("bytes=-5", Parts(vec![95..100])),
            // A suffix longer than the whole is the whole, a last byte beyond the end is the end.
            ("bytes=-500", Parts(vec![0..100])),
            ("bytes=90-500", Parts(vec![90..100])),
            ("bytes=0-99999999999999999999999", Parts(vec![0..100])),
            ("bytes=-99999999999999999999999", Parts(vec![0..100])),
            // Well formed, outside.
            ("bytes=100-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=100-,200-", Unsatisfiable),
            // One inside is enough.
            ("bytes=200-,5-6", Parts(vec![5..7])),
            // Several: sorted, joined where they touch.
            ("bytes=50-59, 0-9", Parts(vec![0..10, 50..60])),
            ("bytes=0-9,10-19", Parts(vec![0..20])),
            ("bytes=0-50,20-30", Parts(vec![0..51])),
            ("bytes=,0-1,,4-5,", Parts(vec![0..2, 4..6])),
            // Not understood: the whole.
            ("bytes", Whole),
            ("bytes=", Whole),
            ("bytes=,", Whole),
            ("bytes=abc", Whole),
            ("bytes=5-1", Whole),
            ("bytes=-", Whole),
            ("bytes=1-2-3", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1 -2", Whole),
            ("bytes=0-1,x", Whole),
            ("frames=0-1", Whole),
            ("", Whole),
            // More parts than allowed here.
            ("bytes=0-0,2-2,4-4,6-6", Whole),
        ] {
            assert_eq!(Ranges::read(field, 100, 3), expected, "{field}");
        }
    }

    #[test]
    fn a_bomb_of_specs_is_answered_with_the_whole() {
        let bomb = format!("bytes={}", "0-,".repeat(5000));
        assert_eq!(Ranges::read(&bomb, 100, 8), Whole);
    }

    #[test]
    fn nothing_can_be_cut_from_nothing() {
        assert_eq!(Ranges::read("bytes=0-", 0, 8), Whole);
    }

    proptest! {
        #[test]
        fn parts_are_inside_apart_and_few(field in "(bytes=)?[-0-9, x]{0,40}", length in 0u64..200, most in 1usize..5) {
            if let Parts(parts) = Ranges::read(&field, length, most) {
                prop_assert!((1..=most).contains(&parts.len()));
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
                prop_assert!(parts.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }

        #[test]
        fn one_range_is_what_was_asked(first in 0u64..300, more in 0u64..300, length in 1u64..200) {
            let read = Ranges::read(&format!("bytes={first}-{}", first + more), length, 8);
            if first < length {
                prop_assert_eq!(read, Parts(vec![first..(first + more + 1).min(length)]));
            } else {
                prop_assert_eq!(read, Unsatisfiable);
            }
        }
    }
}
