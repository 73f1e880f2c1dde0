//! `prompt_clean`, after diffusers' `pipelines/wan/pipeline_wan.py`: mend broken text as ftfy does, undo HTML escapes
//! twice, and make every run of white space one space.

use crate::html::unescape;
use std::borrow::Cow;

/// The text as the tokenizer is to see it. Full-width letters become narrow, curly quotes straight, mojibake is undone.
pub fn prompt_clean(text: &str) -> String {
    let text = fix_text(&without_terminal_escapes(text));
    let text = unescape(&unescape(&text));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `ftfy.fix_text` by plsfix, a port that differs on rare mojibake only (15 of 20,000 lines made of nothing but traps).
///
/// It is kept from undoing HTML references where ftfy leaves them alone: in the first line that has a `<`, and all that
/// follow.
fn fix_text(text: &str) -> String {
    let html = text.find('<').map_or(text.len(), |at| text[..at].rfind('\n').map_or(0, |newline| newline + 1));
    let (plain, html) = text.split_at(html);
    // A form feed passes plsfix unchanged and is white space to what follows, so it can stand for the ampersand.
    let shielded = html.replace('\u{c}', " ").replace('&', "\u{c}");
    plsfix_whole(plain) + &plsfix_whole(&shielded).replace('\u{c}', "&")
}

fn plsfix_whole(text: &str) -> String {
    // plsfix would cut longer lines at this many bytes, in the middle of a character if it must.
    let config = plsfix::TextFixerConfig { max_decode_length: i32::MAX as _, ..plsfix::TextFixerConfig::default() };
    plsfix::fix_text(text, Some(&config))
}

/// Without ANSI colour sequences, `ESC [ digits and semicolons, letter`. ftfy removes them whole; plsfix only the ESC.
fn without_terminal_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains("\u{1b}[") {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("\u{1b}[");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix(|c: char| c.is_ascii_alphabetic()) {
            Some(rest) => clean.push_str(rest),
            None => {
                clean.push_str("\u{1b}[");
                clean.push_str(part);
            }
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_undone_twice_even_where_ftfy_leaves_it() {
        // ftfy leaves references alone in a text that has a "<".
        assert_eq!(prompt_clean("<3 &amp;amp;lt; x"), "<3 &lt; x");
        assert_eq!(prompt_clean("&amp;amp;amp;lt; x\n<3 &amp;amp;lt; x"), "< x <3 &lt; x");
    }

    #[test]
    fn a_line_of_megabytes_is_cleaned_whole() {
        let line = "é".repeat(700_000);
        assert_eq!(prompt_clean(&line), line);
    }

    #[test]
    fn colour_sequences_of_a_terminal_go_whole() {
        assert_eq!(prompt_clean("\u{1b}[31mred\u{1b}[0;1m fox"), "red fox");
    }
}
