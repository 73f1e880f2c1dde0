//! `[delivery]`: how long the clips of a template are kept under their names.

use super::reader::{Key, Section, Table};

/// A year: what caches take for ever (RFC 9111 asks for no more).
const MOST_SECONDS: u32 = 31_536_000;

/// `[delivery]`.
pub static DELIVERY: Section = Section {
    title: "[delivery]",
    about: "How long browsers and CDNs keep the template's clips under their names. What is left out is as `[delivery]` of the settings says. Bytes under their hash are kept for ever, and a signed address never longer than it holds.",
    keys: &[
        Key::optional(
            "clip_seconds",
            "a whole number from 0 to 31536000",
            "as in the settings",
            "Seconds that a browser keeps a clip.",
        ),
        Key::optional(
            "clip_shared_seconds",
            "a whole number from 0 to 31536000",
            "as in the settings",
            "Seconds that a shared cache, such as a CDN, keeps it.",
        ),
        Key::optional(
            "clip_stale_seconds",
            "a whole number from 0 to 31536000",
            "as in the settings",
            "Seconds that a shared cache may serve it stale while it asks again.",
        ),
        Key::optional(
            "clip_error_seconds",
            "a whole number from 0 to 31536000",
            "as in the settings",
            "Seconds that a shared cache may serve it stale while festoon does not answer.",
        ),
        Key::optional(
            "nearest_seconds",
            "a whole number from 0 to 31536000",
            "as in the settings",
            "Seconds that a stand-in (`fallback=nearest`) is kept.",
        ),
    ],
};

/// Seconds that the clips of a template are kept for, where the template says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetimes {
    /// By a browser.
    pub clip_seconds: Option<u32>,
    /// By a shared cache.
    pub clip_shared_seconds: Option<u32>,
    /// Stale, while it is asked for again.
    pub clip_stale_seconds: Option<u32>,
    /// Stale, while festoon does not answer.
    pub clip_error_seconds: Option<u32>,
    /// Of a stand-in.
    pub nearest_seconds: Option<u32>,
}

impl Lifetimes {
    /// Reads `[delivery]`; every mistake is noted.
    pub(super) fn read(table: &Table<'_>) -> Self {
        let seconds = |key| table.whole(key, 0..=MOST_SECONDS);
        Self {
            clip_seconds: seconds("clip_seconds"),
            clip_shared_seconds: seconds("clip_shared_seconds"),
            clip_stale_seconds: seconds("clip_stale_seconds"),
            clip_error_seconds: seconds("clip_error_seconds"),
            nearest_seconds: seconds("nearest_seconds"),
        }
    }
}
