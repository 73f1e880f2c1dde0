//! `prompt_clean`, after diffusers' `pipelines/wan/pipeline_wan.py`: mend broken text as ftfy does, undo HTML escapes
//! twice, and make every run of white space one space.

use crate::html::unescape;
use std::borrow::Cow;

/// The text as the tokenizer is to see it. Full-width letters become narrow, curly quotes straight, mojibake is undone.
pub fn prompt_clean(text: &str) -> String {
    let text = without_terminal_escapes(text);
    let text = plsfix::fix_text(&text, None);
    let text = unescape(&unescape(&text));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
