//! HTML character references, undone by the rules of the HTML standard (section 13.2.5.72 ff.), as Python's
//! `html.unescape` does: old names count without their semicolon too, and the longest one that fits is taken.

/// Names that the standard accepts without a semicolon.
const BARE: &str = " AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml \
LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig \
agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14 \
frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm \
oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml \
yacute yen yuml ";
/// The longest bare name.
const BARE_LENGTH: usize = 6;
/// What the numbers 0x80 to 0x9F mean: windows-1252, with its five gaps.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text with each character reference replaced by what it stands for.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let reference = if part.starts_with('#') { number(part) } else { name(part) };
        match reference {
            Some((value, rest)) => {
                plain.push_str(&value);
                plain.push_str(rest);
            }
            None => {
                plain.push('&');
                plain.push_str(part);
            }
        }
    }
    plain
}

/// `#955;`, `#x3bb;`, with or without the semicolon.
fn number(part: &str) -> Option<(String, &str)> {
    let digits = &part[1..];
    let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    let rest = &digits[length..];
    let value = match u32::from_str_radix(&digits[..length], radix) {
        Ok(code @ 0x80..=0x9f) => Some(WINDOWS_1252[code as usize - 0x80]),
        Ok(0) | Err(_) => Some('\u{fffd}'),
        Ok(0x1..=0x8 | 0xb | 0xe..=0x1f | 0x7f | 0xfdd0..=0xfdef) => None,
        Ok(code) if code <= 0x10_ffff && code & 0xfffe == 0xfffe => None,
        Ok(code) => Some(char::from_u32(code).unwrap_or('\u{fffd}')),
    };
    Some((value.map(String::from).unwrap_or_default(), rest.strip_prefix(';').unwrap_or(rest)))
}

/// `copy;`, or a name that may go without the semicolon.
fn name(part: &str) -> Option<(String, &str)> {
    let length = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
    if let (Some(rest), Some(value)) = (part[length..].strip_prefix(';'), named(&part[..length])) {
        return Some((value, rest));
    }
    let bare = (2..=length.min(BARE_LENGTH)).rev().find(|&length| BARE.contains(&format!(" {} ", &part[..length])))?;
    Some((named(&part[..bare])?, &part[bare..]))
}

fn named(name: &str) -> Option<String> {
    let reference = format!("&{name};");
    let value = html_escape::decode_html_entities(&reference);
    (*value != reference).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_undone_as_the_standard_says() {
        for (text, plain) in [
            ("a &amp; b", "a & b"),
            ("&amp;amp;", "&amp;"),
            ("&copy 2026 &COPY;", "© 2026 ©"),
            ("&notit; &notin;", "¬it; ∉"),
            ("&frac12cup", "½cup"),
            ("&#955;&#x3BB;&#x3bb", "λλλ"),
            ("&#128;&#x99;&#0;", "€™\u{fffd}"),
            ("&#xD800;&#1114112;&#99999999999;", "\u{fffd}\u{fffd}\u{fffd}"),
            ("a&#1;b&#xFFFF;c", "abc"),
            ("&; & &#; &#x; &unknown; R&D", "&; & &#; &#x; &unknown; R&D"),
        ] {
            assert_eq!(unescape(text), plain, "of {text:?}");
        }
    }
}
