//! Targets in one canonical form: what is asked for, whatever the order and the escaping of its pairs.

/// Brings targets into their canonical form. Keeps its buffers from one target to the next.
#[derive(Debug, Default)]
pub struct Canonical {
    /// Names and values, unescaped, one after another.
    text: Vec<u8>,
    /// Where each pair's name begins and ends, and where its value ends.
    pairs: Vec<[usize; 3]>,
    key: Vec<u8>,
}

impl Canonical {
    /// The canonical form of a target: its path, then its pairs by name, each text with its length in front, so that no two
    /// different requests have one form. The escapes are those of `form_urlencoded`.
    pub fn of(&mut self, target: &str) -> &[u8] {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Self { text, pairs, key } = self;
        text.clear();
        pairs.clear();
        key.clear();
        key.extend_from_slice(path.as_bytes());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let start = text.len();
            unescape(text, name.as_bytes());
            let middle = text.len();
            unescape(text, value.as_bytes());
            pairs.push([start, middle, text.len()]);
        }
        pairs.sort_unstable_by_key(|[start, middle, end]| (&text[*start..*middle], &text[*middle..*end]));
        for [start, middle, end] in pairs {
            for part in [&text[*start..*middle], &text[*middle..*end]] {
                // A path has no zero.
                key.push(0);
                key.extend_from_slice(&(part.len() as u32).to_le_bytes());
                key.extend_from_slice(part);
            }
        }
        key
    }
}

fn unescape(text: &mut Vec<u8>, escaped: &[u8]) {
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        text.push(match byte {
            b'+' => b' ',
            b'%' => match rest.as_slice() {
                [high, low, ..] if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                    rest = rest.as_slice()[2..].iter();
                    high << 4 | low
                }
                _ => b'%',
            },
            byte => *byte,
        });
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(target: &str) -> Vec<u8> {
        Canonical::default().of(target).to_vec()
    }

    #[test]
    fn order_and_escaping_do_not_matter_and_everything_else_does() {
        let target = "/v1/clips/a/en.mp4?title=A+B&tint=%23ff&x=";
        for same in ["/v1/clips/a/en.mp4?tint=%23ff&x=&title=A%20B", "/v1/clips/a/en.mp4?&x&tint=%23%66f&&title=%41+B"] {
            assert_eq!(of(same), of(target), "{same}");
        }
        for other in [
            "/v1/clips/a/ja.mp4?title=A+B&tint=%23ff&x=",
            "/v1/clips/a/en.mp4?title=A+B&tint=%23ff",
            "/v1/clips/a/en.mp4?title=A+B&tint=%23ff&x=&x=",
            "/v1/clips/a/en.mp4?title=A%2BB&tint=%23ff&x=",
            "/v1/clips/a/en.mp4?title=A+B%26tint=%23ff&x=",
        ] {
            assert_ne!(of(other), of(target), "{other}");
        }
    }

    proptest! {
        #[test]
        fn two_targets_have_one_form_only_if_a_reader_of_queries_finds_the_same_in_both(
            one in "[ab=&%+0-9é]{0,24}", other in "[ab=&%+0-9é]{0,24}"
        ) {
            let pairs = |query: &str| {
                let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                pairs.sort();
                pairs
            };
            if of(&format!("/?{one}")) == of(&format!("/?{other}")) {
                prop_assert_eq!(pairs(&one), pairs(&other));
            }
            prop_assert_eq!(of(&format!("/?{one}")), of(&format!("/?{one}&")));
        }
    }
}
