//! How a script is written: which way it runs, how much room its lines need, whether its letters join.

use festoon_spec::Locale;
use unicode_script::{Script, UnicodeScript};

/// What a line of a script needs, in ems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Metrics {
    /// From the baseline to the top of what is usual.
    pub ascent: f32,
    /// From the baseline to the bottom of what is usual.
    pub descent: f32,
    /// From baseline to baseline.
    pub leading: f32,
}

/// Measured on the pinned faces: capitals and descenders of Latin, the square of Han, marks above and below elsewhere.
pub(super) fn metrics(script: Script) -> Metrics {
    let (ascent, descent, leading) = match script {
        Script::Han => (0.88, 0.12, 1.28),
        Script::Arabic => (0.82, 0.34, 1.42),
        Script::Hebrew => (0.72, 0.18, 1.2),
        Script::Thai | Script::Lao | Script::Khmer | Script::Myanmar => (0.98, 0.3, 1.46),
        Script::Latin | Script::Greek | Script::Cyrillic | Script::Armenian | Script::Georgian => (0.76, 0.22, 1.16),
        _ => (0.9, 0.3, 1.38),
    };
    Metrics { ascent, descent, leading }
}

/// Whether letters may be spaced apart: where they join, or hang from a line, they may not.
pub(super) fn may_be_tracked(script: Script) -> bool {
    matches!(
        script,
        Script::Latin | Script::Greek | Script::Cyrillic | Script::Hebrew | Script::Armenian | Script::Georgian | Script::Han
    )
}

/// Whether a text runs from right to left: if anything of it does and its reader's script does, or if its first letter does.
pub(super) fn runs_left(words: &str, locale: &Locale) -> bool {
    let mut strong = words
        .chars()
        .map(|character| character.script())
        .filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown));
    if locale.is_right_to_left() { strong.any(is_leftward) || strong_free(words) } else { strong.next().is_some_and(is_leftward) }
}

/// Whether no letter says a direction: digits and emoji follow the reader.
fn strong_free(words: &str) -> bool {
    words.chars().all(|character| matches!(character.script(), Script::Common | Script::Inherited | Script::Unknown))
}

fn is_leftward(script: Script) -> bool {
    matches!(
        script,
        Script::Arabic
            | Script::Hebrew
            | Script::Syriac
            | Script::Thaana
            | Script::Nko
            | Script::Adlam
            | Script::Hanifi_Rohingya
            | Script::Mandaic
            | Script::Samaritan
    )
}
