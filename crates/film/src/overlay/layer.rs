//! The layers of an overlay, as they are after every choice: no parameter, no token, no locale is left to look up.
//!
//! Lengths are shares of the frame in thousandths of a per cent, so that one overlay suits every size of a ratio. Type and
//! everything that goes with type is measured against the shorter side.

use std::{fmt, sync::Arc};

use festoon_spec::{Colour, Digest, Milli};
use serde::Serialize;

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// What messages call it; unique in its overlay.
    pub name: String,
    /// What it shows.
    pub content: Content,
    /// Where it stands.
    pub place: Place,
    /// How much of it is seen, from 0 to 1.
    pub opacity: Milli,
    /// When it is seen.
    pub window: Window,
    /// How it comes.
    pub entrance: Option<Animation>,
    /// How it goes.
    pub exit: Option<Animation>,
}

/// How far everything that is read keeps from the edges of the frame: per cent of its height above and below, of its width beside.
/// The sides are those of the screen, whichever way a script runs: what apps lay over a picture stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SafeArea {
    /// From the upper edge.
    pub top: Milli,
    /// From the right edge.
    pub right: Milli,
    /// From the lower edge.
    pub bottom: Milli,
    /// From the left edge.
    pub left: Milli,
}

impl SafeArea {
    /// As far from both sides, and as far from above and below.
    pub fn even(across: Milli, down: Milli) -> Self {
        Self { top: down, right: across, bottom: down, left: across }
    }
}

/// Frames from the start of the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first frame.
    pub from: u32,
    /// The first frame after.
    pub until: u32,
}

impl Window {
    /// How many frames it has.
    pub fn frames(self) -> u32 {
        self.until.saturating_sub(self.from)
    }
}

/// What a layer shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// Writing.
    Text(Box<Text>),
    /// A picture that somebody brought.
    Image(Image),
    /// A rectangle, sharp or round.
    Shape(Shape),
    /// A gradient that darkens or lightens the plate, so that writing on it can be read.
    Scrim(Scrim),
    /// A strip of colour along an edge of the frame.
    Bar(Bar),
}

/// Where a layer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which point of the safe area, and which point of the layer lies on it.
    pub anchor: Anchor,
    /// From there across and down, in per cent of the frame. Across, it runs with the reading direction where the anchor does.
    pub offset: [Milli; 2],
    /// The layer that it stands under instead. The two are placed as one, by the anchor and offset of the upper one.
    pub under: Option<String>,
    /// The distance to that layer, in per cent of the shorter side.
    pub gap: Milli,
}

/// A point of a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// Down.
    pub vertical: Vertical,
    /// Across.
    pub horizontal: Horizontal,
}

/// A height in a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vertical {
    /// The upper edge.
    Top,
    /// Halfway.
    Middle,
    /// The lower edge.
    Bottom,
}

/// A place across a rectangle or a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Horizontal {
    /// Where reading starts: the left, or the right for a script that runs to the left.
    Start,
    /// Halfway.
    Centre,
    /// Where reading ends.
    End,
    /// The left, whatever the script.
    Left,
    /// The right, whatever the script.
    Right,
}

/// Writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    /// What is written; `\n` ends a line.
    pub words: String,
    /// In which face.
    pub face: FaceRole,
    /// The ink.
    pub colour: Colour,
    /// The smallest and the largest size of type, in per cent of the shorter side.
    pub size: [Milli; 2],
    /// The widest line, in per cent of the frame's width.
    pub width: Milli,
    /// Most lines.
    pub lines: u8,
    /// Where each line stands in the box.
    pub align: Horizontal,
    /// Added between letters, in ems. Scripts whose letters join are left alone.
    pub tracking: Milli,
    /// Distance of lines, as a multiple of what the script asks for.
    pub leading: Milli,
    /// Below the ink.
    pub shadow: Option<Shadow>,
    /// Around the ink.
    pub outline: Option<Outline>,
    /// Behind all lines.
    pub panel: Option<Panel>,
}

/// Which face writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaceRole {
    /// The family of faces, one for each script.
    pub voice: Voice,
    /// How heavy.
    pub weight: Weight,
    /// A face of the template's own, tried before the voice's.
    pub brand: Option<Asset>,
}

/// A family of faces that suit each other, one for each script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voice {
    /// Even strokes: Noto Sans.
    Sans,
    /// Strokes that swell: Noto Serif Display, Noto Naskh Arabic, Noto Serif CJK.
    Serif,
}

/// How heavy a face is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// For reading.
    Regular,
    /// For titles.
    Bold,
}

/// A soft shadow. Lengths are shares of the size of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// Its colour.
    pub colour: Colour,
    /// How dark, from 0 to 1.
    pub opacity: Milli,
    /// How soft: the radius of the blur.
    pub blur: Milli,
    /// How far it falls.
    pub drop: Milli,
}

/// A line around each letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// Its colour.
    pub colour: Colour,
    /// How far it reaches beyond the letter, as a share of the size of type.
    pub width: Milli,
}

/// A panel behind writing: it is as large as the writing, and some more. Lengths are shares of the size of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Panel {
    /// Its colour.
    pub colour: Colour,
    /// How much it covers, from 0 to 1.
    pub opacity: Milli,
    /// Room beside and above the writing.
    pub padding: [Milli; 2],
    /// Radius of the corners; half the height makes a pill.
    pub radius: Milli,
}

/// A picture that somebody brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its file.
    pub file: Asset,
    /// The box that it is fitted into, in per cent of the frame's width and height.
    pub within: [Milli; 2],
    /// Radius of its corners, in per cent of the shorter side.
    pub radius: Milli,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Per cent of the frame's width, and of the shorter side down.
    pub size: [Milli; 2],
    /// Radius of the corners, in per cent of the shorter side.
    pub radius: Milli,
    /// Its colour, or the first of a gradient.
    pub colour: Colour,
    /// The last colour of a gradient across, in reading direction.
    pub towards: Option<Colour>,
}

/// A gradient on the plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scrim {
    /// Where it is strongest.
    pub side: Side,
    /// How far it reaches, in per cent of the frame in its direction.
    pub reach: Milli,
    /// Its colour.
    pub colour: Colour,
}

/// Where a scrim is strongest, or a bar lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The upper edge.
    Top,
    /// The lower edge.
    Bottom,
    /// Where reading starts.
    Start,
    /// Where reading ends.
    End,
    /// The middle of the frame: an ellipse.
    Middle,
    /// Everywhere alike.
    All,
}

/// A strip of colour along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// Which edge; neither [`Side::Middle`] nor [`Side::All`].
    pub side: Side,
    /// How thick, in per cent of the shorter side.
    pub thickness: Milli,
    /// Its colour.
    pub colour: Colour,
}

/// How a layer comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Animation {
    /// In which way.
    pub kind: AnimationKind,
    /// For how long.
    pub frames: u32,
    /// At which pace.
    pub easing: Easing,
}

/// In which way a layer comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnimationKind {
    /// It grows out of the plate.
    Fade,
    /// It fades while it moves up a little.
    Rise,
    /// A soft edge passes over it in reading direction.
    Wipe,
    /// One letter after the other. Only for writing.
    TypeOn,
}

/// The pace of an animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Easing {
    /// Even.
    Linear,
    /// Slow at first.
    In,
    /// Slow at last.
    Out,
    /// Slow at both ends.
    InOut,
}

/// A file that goes into the picture. Two are equal if their bytes are; only the digest is written and hashed.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Asset {
    digest: Digest,
    #[serde(skip)]
    bytes: Option<Arc<[u8]>>,
    #[serde(skip)]
    trusted: bool,
}

impl Asset {
    /// A file that came with a template.
    pub fn of_template(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { trusted: true, ..Self::uploaded(bytes) }
    }

    /// A file that a stranger brought.
    pub fn uploaded(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes: Some(bytes), trusted: false }
    }

    /// A file that is only known by its digest so far; see [`Overlay::supply`](super::Overlay::supply).
    pub fn named(digest: Digest) -> Self {
        Self { digest, bytes: None, trusted: false }
    }

    /// blake3 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether it came with a template.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Its bytes, if they are there.
    pub fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.bytes.as_ref()
    }
}

impl PartialEq for Asset {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}
impl Eq for Asset {}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asset({}, {} bytes)", self.digest.short(), self.bytes.as_ref().map_or(0, |bytes| bytes.len()))
    }
}

/// Names as templates write them.
macro_rules! named {
    ($kind:ty, $all:expr) => {
        impl $kind {
            /// All of them, with the names that templates call them by.
            pub const ALL: &[(&'static str, Self)] = &$all;
        }
    };
}

named!(Voice, [("sans", Voice::Sans), ("serif", Voice::Serif)]);
named!(Weight, [("regular", Weight::Regular), ("bold", Weight::Bold)]);
named!(
    Horizontal,
    [
        ("start", Horizontal::Start),
        ("centre", Horizontal::Centre),
        ("end", Horizontal::End),
        ("left", Horizontal::Left),
        ("right", Horizontal::Right)
    ]
);
named!(Vertical, [("top", Vertical::Top), ("middle", Vertical::Middle), ("bottom", Vertical::Bottom)]);
named!(
    Side,
    [
        ("top", Side::Top),
        ("bottom", Side::Bottom),
        ("start", Side::Start),
        ("end", Side::End),
        ("middle", Side::Middle),
        ("all", Side::All)
    ]
);
named!(
    AnimationKind,
    [
        ("fade", AnimationKind::Fade),
        ("rise", AnimationKind::Rise),
        ("wipe", AnimationKind::Wipe),
        ("type-on", AnimationKind::TypeOn)
    ]
);
named!(Easing, [("linear", Easing::Linear), ("in", Easing::In), ("out", Easing::Out), ("in-out", Easing::InOut)]);
