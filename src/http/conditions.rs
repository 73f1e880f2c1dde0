//! What a request makes depend on the state of a representation (RFC 9110 §13), and which part of it is wanted. Pure: texts
//! in, a decision out.

use std::ops::Range;

use super::range::Ranges;

/// The fields of a request that decide; several lines of one field are joined by commas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`.
    pub if_match: Option<&'a str>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// `If-Range`.
    pub if_range: Option<&'a str>,
    /// `Range`; `None` for HEAD, which has no range semantics (§14.2).
    pub range: Option<&'a str>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// 200 with everything.
    Whole,
    /// 206 with these parts, ascending, apart and inside.
    Parts(Vec<Range<u64>>),
    /// 304.
    Unchanged,
    /// 412.
    Failed,
    /// 416.
    Outside,
}

impl Conditions<'_> {
    /// Decides in the order of §13.2.2, for a representation with this strong entity tag (quotes included) and length. Dates
    /// are not looked at, since a tag speaks; fields that cannot be read count as absent.
    pub fn decide(&self, tag: &str, length: u64, most_ranges: usize) -> Decision {
        if self.if_match.is_some_and(|field| names(field, tag, Comparison::Strong) == Some(false)) {
            return Decision::Failed;
        }
        if self.if_none_match.is_some_and(|field| names(field, tag, Comparison::Weak) == Some(true)) {
            return Decision::Unchanged;
        }
        let Some(range) = self.range else { return Decision::Whole };
        // A date there never is the strong validator that it would have to be.
        if self.if_range.is_some_and(|given| given.trim() != tag) {
            return Decision::Whole;
        }
        match Ranges::read(range, length, most_ranges) {
            Ranges::Whole => Decision::Whole,
            Ranges::Parts(parts) => Decision::Parts(parts),
            Ranges::Unsatisfiable => Decision::Outside,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags has this one; `None` if it is no such list.
fn names(field: &str, tag: &str, comparison: Comparison) -> Option<bool> {
    let mut rest = field.trim_matches([' ', '\t']);
    if rest == "*" {
        return Some(true);
    }
    let (mut found, mut tags) = (false, 0);
    loop {
        // Empty elements are legal in a list.
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (tags > 0).then_some(found);
        }
        let (weak, opaque) = match rest.strip_prefix("W/") {
            Some(opaque) => (true, opaque),
            None => (false, rest),
        };
        let end = 1 + opaque.strip_prefix('"')?.find('"')?;
        found |= &opaque[..=end] == tag && !(weak && comparison == Comparison::Strong);
        tags += 1;
        rest = opaque[end + 1..].trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"b3-aa\"";

    #[test]
    fn a_list_of_tags_is_compared_weakly_or_strongly() {
        for (field, weakly, strongly) in [
            ("\"b3-aa\"", Some(true), Some(true)),
            ("W/\"b3-aa\"", Some(true), Some(false)),
            ("\"x\", W/\"b3-aa\"", Some(true), Some(false)),
            ("\"a,b\",,\"b3-aa\"", Some(true), Some(true)),
            (" * ", Some(true), Some(true)),
            ("\"x\"", Some(false), Some(false)),
            ("b3-aa", None, None),
            ("\"b3-aa", None, None),
            ("\"x\" \"b3-aa\"", None, None),
            ("", None, None),
            (",", None, None),
        ] {
            assert_eq!(names(field, TAG, Comparison::Weak), weakly, "{field}");
            assert_eq!(names(field, TAG, Comparison::Strong), strongly, "{field}");
        }
    }

    #[test]
    fn the_first_condition_that_speaks_decides() {
        let decide = |conditions: Conditions<'_>| conditions.decide(TAG, 100, 8);
        let all =
            Conditions { if_match: Some("\"other\""), if_none_match: Some(TAG), if_range: Some(TAG), range: Some("bytes=0-9") };
        assert_eq!(decide(all), Decision::Failed);
        assert_eq!(decide(Conditions { if_match: Some(TAG), ..all }), Decision::Unchanged);
        assert_eq!(decide(Conditions { if_match: None, if_none_match: None, ..all }), Decision::Parts(vec![0..10]));
        let range = Conditions { range: all.range, ..Conditions::default() };
        for changed in ["\"other\"", "W/\"b3-aa\"", "Sun, 22 Nov 2026 00:00:00 GMT"] {
            assert_eq!(decide(Conditions { if_range: Some(changed), ..range }), Decision::Whole, "{changed}");
        }
        assert_eq!(decide(Conditions { range: Some("bytes=100-"), ..range }), Decision::Outside);
        assert_eq!(decide(Conditions::default()), Decision::Whole);
    }
}
