//! Why an overlay cannot be drawn.

use std::path::PathBuf;

use festoon_spec::{Digest, Milli};

/// Why an overlay cannot be drawn. Everything is found before the first frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// The writing is too long for its box.
    #[error("`{layer}` does not fit: {} at the smallest size, {smallest} % of the frame, where {lines} of {width} % of its width are allowed", needs(*.needed))]
    DoesNotFit {
        /// Which layer.
        layer: String,
        /// How many lines it would take; `None` if a single word is wider than a line.
        needed: Option<usize>,
        /// The smallest size of type.
        smallest: Milli,
        /// How many lines there may be.
        lines: Lines,
        /// How wide they may be.
        width: Milli,
        /// How many characters too many there are, about.
        excess: usize,
    },
    /// No face has a glyph for a character.
    #[error("`{layer}`: no face has a glyph for {}", listed(.characters))]
    MissingGlyphs {
        /// Which layer.
        layer: String,
        /// The characters, each once, at most eight.
        characters: Vec<char>,
    },
    /// Writing that shows nothing.
    #[error("`{layer}`: the text has no visible character")]
    Invisible {
        /// Which layer.
        layer: String,
    },
    /// Marks that pile up, or an offset that is too far.
    #[error("`{layer}` reaches {pixels} pixels beyond the {bounds}")]
    OutOfBounds {
        /// Which layer.
        layer: String,
        /// How far.
        pixels: u32,
        /// Of what.
        bounds: &'static str,
    },
    /// A layer says something impossible of itself.
    #[error("`{layer}`: {problem}")]
    Layer {
        /// Which layer.
        layer: String,
        /// What is wrong.
        problem: String,
    },
    /// The bytes of a picture were not supplied.
    #[error("`{layer}`: the picture {digest} is not here")]
    MissingImage {
        /// Which layer.
        layer: String,
        /// blake3 of its bytes.
        digest: Digest,
    },
    /// A picture cannot be shown.
    #[error("`{layer}`: the picture cannot be shown: {problem}")]
    Image {
        /// Which layer.
        layer: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A face that the template brings is no font.
    #[error("`{layer}`: the face that the template brings is no OpenType font: {problem}")]
    Face {
        /// Which layer.
        layer: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A number of lines, with its noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines(pub u8);

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "line" } else { "lines" })
    }
}

fn needs(needed: Option<usize>) -> String {
    match needed {
        Some(lines) => format!("it takes {lines} lines"),
        None => "one of its words is wider than a line".to_owned(),
    }
}

fn listed(characters: &[char]) -> String {
    let named = |character: &char| format!("U+{:04X} ({character})", u32::from(*character));
    characters.iter().map(named).collect::<Vec<_>>().join(", ")
}

impl OverlayError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            OverlayError::DoesNotFit { .. } => "text-does-not-fit",
            OverlayError::MissingGlyphs { .. } => "missing-glyph",
            OverlayError::Invisible { .. } => "invisible-text",
            OverlayError::OutOfBounds { .. } => "out-of-bounds",
            OverlayError::Layer { .. } => "bad-layer",
            OverlayError::MissingImage { .. } => "missing-image",
            OverlayError::Image { .. } => "bad-image",
            OverlayError::Face { .. } => "bad-face",
        }
    }

    /// The layer that it is about.
    pub fn layer(&self) -> &str {
        match self {
            OverlayError::DoesNotFit { layer, .. }
            | OverlayError::MissingGlyphs { layer, .. }
            | OverlayError::Invisible { layer }
            | OverlayError::OutOfBounds { layer, .. }
            | OverlayError::Layer { layer, .. }
            | OverlayError::MissingImage { layer, .. }
            | OverlayError::Image { layer, .. }
            | OverlayError::Face { layer, .. } => layer,
        }
    }

    /// What would be right.
    pub fn hint(&self) -> Option<String> {
        match self {
            OverlayError::DoesNotFit { needed: None, .. } => Some("write a shorter word, or break it with a hyphen".to_owned()),
            OverlayError::DoesNotFit { excess, .. } => Some(format!("leave out about {excess} characters")),
            OverlayError::MissingGlyphs { .. } => {
                Some("write it with other characters, or give the template a face that has them".to_owned())
            }
            OverlayError::MissingImage { .. } => Some("upload the picture first".to_owned()),
            _ => None,
        }
    }
}

/// Why there are no faces to write with.
#[derive(Debug, thiserror::Error)]
pub enum FacesError {
    /// A face is not installed.
    #[error("the face {file} is not installed: looked in {looked}")]
    Missing {
        /// Its file.
        file: String,
        /// The Debian package that has it.
        package: &'static str,
        /// The folders that were searched.
        looked: String,
    },
    /// A file is no font, or not the one that its name says.
    #[error("{} is not the face {name}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The face's PostScript name.
        name: String,
    },
}

impl FacesError {
    /// What would be right.
    pub fn hint(&self) -> String {
        match self {
            FacesError::Missing { package, .. } => format!("install the Debian package {package}, or run `make setup`"),
            FacesError::Unreadable { .. } => "install Debian's fonts-noto packages again".to_owned(),
        }
    }
}
