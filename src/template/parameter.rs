//! What a person may choose: typed, bounded, and in one canonical form.

use std::fmt;

use festoon_spec::{Colour, ColourError, Digest, Milli};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Code points in one grapheme: the longest emoji sequences have about ten; more is a pile of combining marks.
const GRAPHEME_CODE_POINTS: usize = 20;

/// Names that a query string uses for something else; no parameter may have one.
pub const RESERVED: [&str; 17] = [
    "at",
    "expires",
    "fallback",
    "format",
    "key",
    "kid",
    "lang",
    "locale",
    "profile",
    "ratio",
    "sig",
    "signature",
    "template",
    "tenant",
    "token",
    "variation",
    "wait",
];

/// One thing that may be chosen in a template.
#[derive(Debug, Clone, Serialize)]
pub struct Parameter {
    /// Lower-case letters, digits and underscores; what a query string and a prompt call it.
    pub name: String,
    /// What may be chosen.
    #[serde(flatten)]
    pub kind: Kind,
    /// What a change moves.
    pub touches: Touches,
    /// Taken when nothing is chosen. A text without one here has one in the words of each locale; an image may have none.
    pub default: Option<Chosen>,
}

/// What a change of a parameter moves: the expensive footage, or only what is drawn on it, or only what sounds under it.
///
/// In this order: what touches one may depend on what touches those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touches {
    /// The plate.
    Plate,
    /// The overlay.
    Overlay,
    /// The sound.
    Sound,
}

impl Touches {
    /// The name used in template.toml.
    pub fn name(self) -> &'static str {
        match self {
            Touches::Plate => "plate",
            Touches::Overlay => "overlay",
            Touches::Sound => "sound",
        }
    }
}

/// What may be chosen.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// One of a few.
    Choice {
        /// In the order of the template.
        choices: Vec<Choice>,
    },
    /// Free text.
    Text {
        /// Most characters as a reader counts them (grapheme clusters).
        max_graphemes: usize,
        /// Most lines.
        lines: usize,
        /// What the whole text must match.
        pattern: Option<Pattern>,
        /// Whether the text may be put into a prompt.
        in_prompt: bool,
    },
    /// An sRGB colour.
    Colour,
    /// A number on a grid: `min`, `min + step`, … up to `max`.
    Number {
        /// The smallest.
        min: Milli,
        /// The largest.
        max: Milli,
        /// The distance of neighbours.
        step: Milli,
    },
    /// An uploaded picture, named by the blake3 of its bytes.
    Image,
    /// Yes or no.
    Boolean,
}

impl Kind {
    /// The name used in template.toml.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Choice { .. } => "choice",
            Kind::Text { .. } => "text",
            Kind::Colour => "colour",
            Kind::Number { .. } => "number",
            Kind::Image => "image",
            Kind::Boolean => "boolean",
        }
    }
}

/// One of a few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What a query string calls it.
    pub id: String,
    /// What a prompt says for it, if not the id.
    pub prompt: Option<String>,
}

/// A regular expression that a whole text must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    compiled: regex::Regex,
}

impl Pattern {
    /// Most memory that one may need when compiled.
    const SIZE_LIMIT: usize = 256 * 1024;

    /// Compiles it. Matching takes time linear in the text, so a pattern cannot be used to stall.
    ///
    /// # Errors
    /// If it is not a regular expression, or a very large one.
    pub fn new(written: &str) -> Result<Self, regex::Error> {
        let compiled = regex::RegexBuilder::new(&format!(r"\A(?:{written})\z")).size_limit(Self::SIZE_LIMIT).build()?;
        Ok(Self { written: written.to_owned(), compiled })
    }

    /// As written in the template.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

/// A value that a parameter has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The id of a choice.
    Choice(String),
    /// Text, in NFC, with `\n` between lines and no blank around it.
    Text(String),
    /// A colour.
    Colour(Colour),
    /// A number.
    Number(Milli),
    /// The digest of a picture's bytes.
    Image(Digest),
    /// Yes or no.
    Boolean(bool),
}

impl fmt::Display for Chosen {
    /// The canonical text, which a query string may carry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::Choice(text) | Chosen::Text(text) => f.write_str(text),
            Chosen::Colour(colour) => write!(f, "{colour}"),
            Chosen::Number(number) => write!(f, "{number}"),
            Chosen::Image(digest) => write!(f, "{digest}"),
            Chosen::Boolean(flag) => write!(f, "{flag}"),
        }
    }
}

impl Serialize for Chosen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not one of the choices.
    #[error("`{given}` is not one of its choices")]
    NotAChoice {
        /// The text, shortened.
        given: String,
        /// What may be chosen.
        allowed: Vec<String>,
    },
    /// Too many characters.
    #[error("the text has {graphemes} characters, at most {limit} are allowed")]
    TooLong {
        /// As a reader counts them.
        graphemes: usize,
        /// The most.
        limit: usize,
    },
    /// Too many lines.
    #[error("the text has {lines} lines, at most {limit} are allowed")]
    TooManyLines {
        /// How many.
        lines: usize,
        /// The most.
        limit: usize,
    },
    /// A control character or one that turns the direction of the text around it.
    #[error("the text holds the invisible character U+{code_point:04X}, which is not allowed")]
    ForbiddenCharacter {
        /// Which.
        code_point: u32,
    },
    /// A pile of combining marks or of invisible joiners.
    #[error("one character of the text is made of {code_points} code points, at most {GRAPHEME_CODE_POINTS} are allowed")]
    PiledUp {
        /// How many.
        code_points: usize,
    },
    /// Not what the template's pattern asks for.
    #[error("the text does not match the pattern `{pattern}`")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Not a colour.
    #[error(transparent)]
    Colour(#[from] ColourError),
    /// Not a number.
    #[error("`{given}` is not a number")]
    NotANumber {
        /// The text, shortened.
        given: String,
    },
    /// A number outside its range.
    #[error("{given} is not between {min} and {max}")]
    OutOfRange {
        /// The number.
        given: Milli,
        /// The smallest.
        min: Milli,
        /// The largest.
        max: Milli,
    },
    /// A number between two steps.
    #[error("{given} is not on the grid from {min} in steps of {step}")]
    OffStep {
        /// The number.
        given: Milli,
        /// The smallest.
        min: Milli,
        /// The step.
        step: Milli,
        /// The nearest number on the grid.
        nearest: Milli,
    },
    /// Not the digest of an image.
    #[error("`{given}` is not an image: expected the 64 lower-case hexadecimal digits of its blake3 hash")]
    NotAnImage {
        /// The text, shortened.
        given: String,
    },
    /// Neither yes nor no.
    #[error("`{given}` is neither `true` nor `false`")]
    NotABoolean {
        /// The text, shortened.
        given: String,
    },
}

impl ValueError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            ValueError::NotAChoice { .. } => "unknown-choice",
            ValueError::TooLong { .. } => "text-too-long",
            ValueError::TooManyLines { .. } => "too-many-lines",
            ValueError::ForbiddenCharacter { .. } => "forbidden-character",
            ValueError::PiledUp { .. } => "piled-up-character",
            ValueError::Pattern { .. } => "pattern-mismatch",
            ValueError::Colour(_) => "bad-colour",
            ValueError::NotANumber { .. } => "bad-number",
            ValueError::OutOfRange { .. } => "number-out-of-range",
            ValueError::OffStep { .. } => "number-off-step",
            ValueError::NotAnImage { .. } => "bad-image",
            ValueError::NotABoolean { .. } => "bad-boolean",
        }
    }

    /// What would be right, where the message does not say it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ValueError::NotAChoice { allowed, .. } => Some(format!("choose one of: {}", allowed.join(", "))),
            ValueError::TooLong { graphemes, limit } => Some(format!("leave out {} characters", graphemes - limit)),
            ValueError::OffStep { nearest, .. } => Some(format!("the nearest is {nearest}")),
            _ => None,
        }
    }
}

impl Parameter {
    /// Reads a value and brings it to its canonical form: two texts that mean the same give equal values.
    ///
    /// # Errors
    /// If the text is no value of this parameter.
    pub fn read(&self, given: &str) -> Result<Chosen, ValueError> {
        let short = || given.chars().take(60).collect::<String>();
        match &self.kind {
            Kind::Choice { choices } => match choices.iter().find(|choice| choice.id == given) {
                Some(choice) => Ok(Chosen::Choice(choice.id.clone())),
                None => Err(ValueError::NotAChoice {
                    given: short(),
                    allowed: choices.iter().map(|choice| choice.id.clone()).collect(),
                }),
            },
            Kind::Text { max_graphemes, lines, pattern, .. } => {
                let text = tidy(given);
                let graphemes = text.graphemes(true).filter(|grapheme| *grapheme != "\n").count();
                if graphemes > *max_graphemes {
                    return Err(ValueError::TooLong { graphemes, limit: *max_graphemes });
                }
                let written = text.split('\n').count();
                if written > *lines {
                    return Err(ValueError::TooManyLines { lines: written, limit: *lines });
                }
                let hidden = || hidden_letters(&text);
                if let Some(forbidden) = text.chars().find(|character| is_forbidden(*character)).or_else(hidden) {
                    return Err(ValueError::ForbiddenCharacter { code_point: u32::from(forbidden) });
                }
                let largest = text.graphemes(true).map(|grapheme| grapheme.chars().count()).max().unwrap_or(0);
                if largest > GRAPHEME_CODE_POINTS {
                    return Err(ValueError::PiledUp { code_points: largest });
                }
                match pattern {
                    Some(pattern) if !pattern.compiled.is_match(&text) => {
                        Err(ValueError::Pattern { pattern: pattern.written.clone() })
                    }
                    _ => Ok(Chosen::Text(text)),
                }
            }
            Kind::Colour => Ok(Chosen::Colour(given.parse()?)),
            Kind::Number { min, max, step } => {
                let number = given.parse().ok().and_then(Milli::new).ok_or_else(|| ValueError::NotANumber { given: short() })?;
                if number < *min || number > *max {
                    return Err(ValueError::OutOfRange { given: number, min: *min, max: *max });
                }
                let steps = (number.0 - min.0) as f64 / step.0 as f64;
                let nearest = Milli((min.0 + steps.round() as i64 * step.0).min(max.0));
                if nearest != number {
                    return Err(ValueError::OffStep { given: number, min: *min, step: *step, nearest });
                }
                Ok(Chosen::Number(number))
            }
            Kind::Image => given.parse().map(Chosen::Image).map_err(|_| ValueError::NotAnImage { given: short() }),
            Kind::Boolean => match given {
                "true" => Ok(Chosen::Boolean(true)),
                "false" => Ok(Chosen::Boolean(false)),
                _ => Err(ValueError::NotABoolean { given: short() }),
            },
        }
    }
}

/// NFC, `\n` between lines, no blank at either end.
fn tidy(text: &str) -> String {
    text.trim().replace("\r\n", "\n").replace('\r', "\n").nfc().collect()
}

/// Control characters, and those that override or embed a direction (UAX 9): they let a text show as another one.
/// The first invisible letter (Unicode's tags) outside the flag of a region, the one thing that is written with them.
/// Nobody sees them, but a text encoder reads them: sentences can hide behind one visible character.
fn hidden_letters(text: &str) -> Option<char> {
    let mut shown = text.graphemes(true).filter(|grapheme| !grapheme.starts_with('\u{1F3F4}'));
    shown.find_map(|grapheme| grapheme.chars().find(|character| matches!(character, '\u{E0000}'..='\u{E007F}')))
}

fn is_forbidden(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}
