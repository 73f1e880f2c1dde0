//! The forms that a clip is delivered in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::SoundCodec;

/// How a clip is encoded and wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Profile {
    /// H.264 in MP4, as it is kept: with an overlay fragmented, so that it is sent while it is made.
    #[default]
    Mp4,
    /// The same pictures as one progressive MP4 file, its index in front, to be saved.
    Download,
    /// H.264 in MP4 with 480 pixels on the shorter side.
    Small,
    /// AV1 in WebM, or VP9 where the encoder of AV1 is missing.
    Webm,
    /// HLS: which renditions there are.
    Hls,
    /// HLS: the segments at full size.
    HlsFull,
    /// HLS: the segments of [`Profile::Small`].
    HlsSmall,
    /// HLS: the segments of the sound.
    HlsSound,
    /// One picture of the clip.
    Poster(Still),
    /// A small animation without a player.
    Preview,
    /// Small pictures of the whole clip on one sheet.
    Storyboard,
    /// Which part of the storyboard is which time.
    StoryboardTrack,
    /// What the overlay says, and when.
    Captions,
}

/// Formats of a single picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Still {
    /// Baseline JPEG.
    Jpeg,
    /// Lossy WebP.
    Webp,
    /// AVIF.
    Avif,
}

/// What clients see of a profile.
struct Row {
    profile: Profile,
    name: &'static str,
    extension: &'static str,
    media_type: &'static str,
    about: &'static str,
}

/// Of the profiles with one extension the first is taken where none is named.
const ROWS: [Row; 15] = [
    row(Profile::Mp4, "mp4", "mp4", "video/mp4", "H.264; with an overlay fragmented and sent while it is made"),
    row(Profile::Download, "download", "mp4", "video/mp4", "the same pictures as one progressive file, as an attachment"),
    row(Profile::Small, "480p", "mp4", "video/mp4", "H.264, 480 pixels on the shorter side"),
    row(Profile::Webm, "webm", "webm", "video/webm", "AV1, or VP9 where there is no encoder of AV1"),
    row(Profile::Hls, "hls", "m3u8", HLS, "HLS: names the renditions"),
    row(Profile::HlsFull, "hls-full", "m3u8", HLS, "HLS: the segments at full size"),
    row(Profile::HlsSmall, "hls-480p", "m3u8", HLS, "HLS: the segments at 480 pixels"),
    row(Profile::HlsSound, "hls-sound", "m3u8", HLS, "HLS: the segments of the sound"),
    row(Profile::Poster(Still::Jpeg), "poster-jpg", "jpg", "image/jpeg", "one picture; `at` chooses the second"),
    row(Profile::Storyboard, "storyboard", "jpg", "image/jpeg", "small pictures of the whole clip on one sheet"),
    row(Profile::Poster(Still::Webp), "poster-webp", "webp", "image/webp", "one picture; `at` chooses the second"),
    row(
        Profile::Preview,
        "preview",
        "webp",
        "image/webp",
        "an animation of 12 pictures per second, 480 pixels on the longer side",
    ),
    row(Profile::Poster(Still::Avif), "poster-avif", "avif", "image/avif", "one picture; `at` chooses the second"),
    row(Profile::Captions, "captions", "vtt", "text/vtt; charset=utf-8", "what the overlay says, and when"),
    row(
        Profile::StoryboardTrack,
        "storyboard-track",
        "vtt",
        "text/vtt; charset=utf-8",
        "which part of `storyboard` is which time",
    ),
];

/// RFC 8216, 4.
const HLS: &str = "application/vnd.apple.mpegurl";

const fn row(
    profile: Profile,
    name: &'static str,
    extension: &'static str,
    media_type: &'static str,
    about: &'static str,
) -> Row {
    Row { profile, name, extension, media_type, about }
}

impl Profile {
    /// Every profile.
    pub fn all() -> impl Iterator<Item = Profile> {
        ROWS.iter().map(|row| row.profile)
    }

    /// The profile that files of this extension have where none is named.
    pub fn of_extension(extension: &str) -> Option<Profile> {
        Self::with_extension(extension).next()
    }

    /// Every profile whose files have this extension.
    pub fn with_extension(extension: &str) -> impl Iterator<Item = Profile> {
        ROWS.iter().filter(move |row| row.extension == extension).map(|row| row.profile)
    }

    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.profile == self).expect("a test finds every profile in the table")
    }

    /// The name used in URLs and keys.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        self.row().extension
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        self.row().media_type
    }

    /// What it is, in a line.
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// Whether it is a text that says where things are, or when: written anew for whoever asks, never kept.
    pub fn is_written(self) -> bool {
        matches!(
            self,
            Profile::Hls
                | Profile::HlsFull
                | Profile::HlsSmall
                | Profile::HlsSound
                | Profile::StoryboardTrack
                | Profile::Captions
        )
    }

    /// How its sound is encoded; none of what is only looked at.
    pub fn sound(self) -> Option<SoundCodec> {
        match self {
            Profile::Mp4 | Profile::Download | Profile::Small | Profile::Hls | Profile::HlsSound => Some(SoundCodec::Aac),
            Profile::Webm => Some(SoundCodec::Opus),
            Profile::HlsFull
            | Profile::HlsSmall
            | Profile::Poster(_)
            | Profile::Preview
            | Profile::Storyboard
            | Profile::StoryboardTrack
            | Profile::Captions => None,
        }
    }
}

/// Not a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{given}`: expected one of {}", names())]
pub struct UnknownProfile {
    given: String,
}

fn names() -> String {
    ROWS.map(|row| row.name).join(", ")
}

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        let row = ROWS.iter().find(|row| row.name == text);
        row.map(|row| row.profile).ok_or_else(|| UnknownProfile { given: text.chars().take(40).collect() })
    }
}

impl TryFrom<String> for Profile {
    type Error = UnknownProfile;
    fn try_from(text: String) -> Result<Self, UnknownProfile> {
        text.parse()
    }
}

impl From<Profile> for &'static str {
    fn from(profile: Profile) -> Self {
        profile.name()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
