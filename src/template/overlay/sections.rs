//! The tables of `[overlay]`: what may stand in them.

use super::super::reader::{Key, Section};

/// `[overlay]`.
pub static OVERLAY: Section = Section {
    title: "[overlay]",
    about: "What is drawn on the plate: titles, logos, shapes. Only the frames of its windows are encoded for each person; all others are delivered as they are stored. `festoon check` lays out every text of every locale and proves that it fits, can be read and keeps to the safe area; `--sheet` shows it.",
    keys: &[
        Key::needed("windows", "one to four tables, see `[[overlay.windows]]`", "When anything may be drawn."),
        Key::needed("layers", "one to 24 tables, see `[[overlay.layers]]`", "From the farthest to the nearest."),
        Key::optional(
            "safe_area",
            "a number from 0 to 25, or two, across and down, or a table, see `safe_area`",
            "5; in ratios narrower than 2:3, which fill a phone, 14 above, 20 below and 6 beside",
            "Per cent of the frame that everything that is read keeps from its edges. In narrow ratios apps lay their own over the picture: profile and search above, caption and buttons below.",
        ),
        Key::optional(
            "budget",
            "a number from 0.1 to 30",
            "3",
            "Most seconds that the windows may take together: what they take is encoded while somebody waits.",
        ),
        Key::optional(
            "colours",
            "a table of colours by token",
            "none",
            "Names that colours of layers can say; see below for what may stand there.",
        ),
        Key::optional(
            "faces",
            "tables, see `[overlay.faces.<role>]`",
            "`title` in bold serif, `text` in regular sans",
            "What layers write with.",
        ),
        Key::optional(
            "at",
            "tables by ratio, see `[overlay.at.\"<ratio>\"]`",
            "none",
            "What is different in single ratios; layers have an `at` of their own.",
        ),
    ],
};

/// `[overlay.at."<ratio>"]`.
pub static OVERLAY_AT: Section = Section {
    title: "[overlay.at.\"<ratio>\"]",
    about: "What is different in one of the ratios that `[canvas]` offers, for example `[overlay.at.\"9:16\"]`.",
    keys: &[Key::optional("safe_area", "as in `[overlay]`", "as in `[overlay]`", "The safe area in this ratio.")],
};

/// `safe_area`.
pub static SAFE_AREA: Section = Section {
    title: "safe_area = { … } of `[overlay]`",
    about: "How far everything that is read keeps from each edge of the screen, whichever way the script runs.",
    keys: &[
        Key::needed("top", "a number from 0 to 40", "Per cent of the frame's height."),
        Key::needed("right", "a number from 0 to 40", "Per cent of its width."),
        Key::needed("bottom", "a number from 0 to 40", "Per cent of its height."),
        Key::needed("left", "a number from 0 to 40", "Per cent of its width."),
    ],
};

/// `[[overlay.windows]]`.
pub static WINDOW: Section = Section {
    title: "[[overlay.windows]]",
    about: "A time in which layers are seen. The plate is cut where windows begin and end. They stand in order and do not touch.",
    keys: &[
        Key::needed("name", "a name", "What layers call it."),
        Key::needed(
            "from",
            "a number of seconds, at least 0.5",
            "When it begins. Before the first one the stored plate plays while the rest is encoded.",
        ),
        Key::needed("until", "a number of seconds", "When it ends."),
    ],
};

/// `[overlay.faces.<role>]`.
pub static FACE: Section = Section {
    title: "[overlay.faces.<role>]",
    about: "What layers of a role are written with. A voice has faces for every script; a face of the template's own is tried before them.",
    keys: &[
        Key::optional(
            "voice",
            "`sans` or `serif`",
            "`sans`",
            "Noto Sans; or Noto Serif Display with Naskh Arabic and Serif CJK.",
        ),
        Key::optional("weight", "`regular` or `bold`", "`regular`", "How heavy."),
        Key::optional("file", "a file in the template's folder", "none", "A brand face: TrueType or OpenType, at most 4 MiB."),
    ],
};

const NAME: Key = Key::needed("name", "a name, unique in the overlay", "What messages and other layers call it.");
const KIND: Key = Key::needed("kind", "`text`, `image`, `shape`, `scrim` or `bar`", "What it is.");
const WINDOW_OF: Key = Key::needed("window", "the name of a window", "When it is seen.");
const DELAY: Key = Key::optional("delay", "a number of seconds", "0", "How much later than its window it comes.");
const ENTER: Key = Key::optional("enter", "a table, see `enter` and `exit`", "at once", "How it comes.");
const EXIT: Key = Key::optional("exit", "a table, see `enter` and `exit`", "at once", "How it goes.");
const OPACITY: Key = Key::optional("opacity", "a number from 0 to 1", "1", "How much of it is seen.");
const WHEN: Key = Key::optional(
    "when",
    "a table `{ parameter = value }`",
    "always",
    "The layer is there only if each parameter has that value. One with an empty text, or without its picture, is never there.",
);
const AT: Key = Key::optional(
    "at",
    "tables by ratio, for example `at = { \"9:16\" = { size = [5, 11] } }`",
    "none",
    "Keys of this layer that are different in single ratios; all but `name`, `kind` and `window`.",
);
const ANCHOR: Key = Key::optional(
    "anchor",
    "`top`, `middle` or `bottom`, a hyphen, and `start`, `centre`, `end`, `left` or `right`",
    "`middle-centre`",
    "Which point of the safe area it stands at. `start` is where reading starts: the right in Arabic.",
);
const OFFSET: Key =
    Key::optional("offset", "two numbers from -50 to 50", "`[0, 0]`", "From there across and down, in per cent of the frame.");
const UNDER: Key = Key::optional(
    "under",
    "the name of an earlier layer",
    "none",
    "Stands below that layer instead; both are placed as one, by the anchor of the upper one.",
);
const GAP: Key = Key::optional("gap", "a number from 0 to 50", "2", "Distance to that layer, in per cent of the shorter side.");
const COLOUR: Key = Key::needed(
    "colour",
    "a token of `[overlay.colours]`, `#rrggbb`, `\"{colour parameter}\"` or `{ by = \"parameter\", choice = colour, … }`",
    "Its colour.",
);

macro_rules! layer_section {
    ($name:ident, $kind:literal, $about:literal, [$($key:expr),* $(,)?]) => {
        #[doc = concat!("`[[overlay.layers]]` of kind `", $kind, "`.")]
        pub static $name: Section = Section {
            title: concat!("[[overlay.layers]] of kind `", $kind, "`"),
            about: $about,
            keys: &[NAME, KIND, WINDOW_OF, DELAY, ENTER, EXIT, OPACITY, WHEN, AT, $($key),*],
        };
    };
}

layer_section!(
    TEXT_LAYER,
    "text",
    "Writing. It is as large as fits, in as few lines as look well; lines break by the rules of the script. What does not fit at the smallest size, or has a character that no face has, is refused before anything is painted.\n\nType is measured against the shorter side, so a ratio may be narrower for it than the first: upright frames and squares are, where the first is landscape. There as many more lines are allowed as the frame is narrower, and they are as much wider as leaves them the same margins; `at` says otherwise.",
    [
        Key::needed(
            "text",
            "a text with `{parameter}` and `{words.name}` in it",
            "What is written. Parameters give their value, choices their label; `words.name` is taken from `[overlay]` of the locale's words.",
        ),
        Key::optional("face", "a role of `[overlay.faces]`", "`text`", "What it is written with."),
        COLOUR,
        Key::needed(
            "size",
            "a number or two, from 1 to 60",
            "The smallest and the largest type, in per cent of the shorter side."
        ),
        Key::optional(
            "width",
            "a number from 5 to 100",
            "80",
            "The widest line, in per cent of the frame's width. Panels keep to the safe area with what they have beside the line."
        ),
        Key::optional("lines", "a whole number from 1 to 10", "1", "Most lines."),
        Key::optional(
            "align",
            "`start`, `centre`, `end`, `left` or `right`",
            "as the anchor",
            "Where each line stands; `start` is on the right for a text that runs from right to left.",
        ),
        Key::optional(
            "tracking",
            "a number from -0.1 to 1",
            "0",
            "Added between letters, in ems; scripts whose letters join are left alone."
        ),
        Key::optional("leading", "a number from 0.7 to 2", "1", "Distance of lines, as a multiple of what suits the script."),
        Key::optional("shadow", "a table, see `shadow`", "none", "Below the letters."),
        Key::optional("outline", "a table, see `outline`", "none", "Around the letters."),
        Key::optional("panel", "a table, see `panel`", "none", "Behind all lines, as large as they are."),
        ANCHOR,
        OFFSET,
        UNDER,
        GAP,
    ]
);
layer_section!(
    IMAGE_LAYER,
    "image",
    "A picture: PNG, JPEG or WebP of at most 8 MiB and 24 million pixels; SVG only from the template's folder.",
    [
        Key::needed("file", "a file in the template's folder, or `\"{image parameter}\"`", "Which picture."),
        Key::needed(
            "within",
            "two numbers from 1 to 100",
            "The box that it is fitted into, in per cent of the frame's width and height."
        ),
        Key::optional("radius", "a number from 0 to 50", "0", "Radius of its corners, in per cent of the shorter side."),
        ANCHOR,
        OFFSET,
        UNDER,
        GAP,
    ]
);
layer_section!(
    SHAPE_LAYER,
    "shape",
    "A rectangle, a line, a disc.",
    [
        COLOUR,
        Key::optional("towards", "as `colour`", "none", "The last colour of a gradient in reading direction."),
        Key::needed("size", "two numbers from 0.1 to 100", "Per cent of the frame's width, and of the shorter side down."),
        Key::optional("radius", "a number from 0 to 50", "0", "Radius of the corners, in per cent of the shorter side."),
        ANCHOR,
        OFFSET,
        UNDER,
        GAP,
    ]
);
layer_section!(
    SCRIM_LAYER,
    "scrim",
    "A gradient that darkens or lightens the plate, so that writing on it can be read.",
    [
        COLOUR,
        Key::needed("side", "`top`, `bottom`, `start`, `end`, `middle` or `all`", "Where it is strongest."),
        Key::optional("reach", "a number from 5 to 200", "60", "How far it reaches, in per cent of the frame."),
    ]
);
layer_section!(
    BAR_LAYER,
    "bar",
    "A strip of colour along an edge of the frame.",
    [
        COLOUR,
        Key::needed("side", "`top`, `bottom`, `start` or `end`", "Which edge."),
        Key::optional("thickness", "a number from 0.2 to 30", "1.2", "Per cent of the shorter side."),
    ]
);

/// `enter` and `exit`.
pub static ANIMATION: Section = Section {
    title: "enter = { … }, exit = { … } of a layer",
    about: "How a layer comes or goes.",
    keys: &[
        Key::needed("kind", "`fade`, `rise`, `wipe` or `type-on`", "In which way; `type-on` is for writing only."),
        Key::optional("seconds", "a number from 0.04 to 5", "0.4", "For how long."),
        Key::optional("easing", "`linear`, `in`, `out` or `in-out`", "`out`", "At which pace."),
    ],
};

/// `shadow`.
pub static SHADOW: Section = Section {
    title: "shadow = { … } of a text",
    about: "A soft shadow. Lengths are shares of the size of type.",
    keys: &[
        Key::optional("colour", "as the layer's `colour`", "`#000000`", "Its colour."),
        Key::optional("opacity", "a number from 0 to 1", "0.5", "How dark it is."),
        Key::optional("blur", "a number from 0 to 2", "0.15", "How soft it is."),
        Key::optional("drop", "a number from 0 to 1", "0.03", "How far it falls."),
    ],
};

/// `outline`.
pub static OUTLINE: Section = Section {
    title: "outline = { … } of a text",
    about: "A line around each letter.",
    keys: &[
        Key::needed("colour", "as the layer's `colour`", "Its colour."),
        Key::optional(
            "width",
            "a number from 0.005 to 0.3",
            "0.04",
            "How far it reaches beyond the letter, as a share of the size of type.",
        ),
    ],
};

/// `panel`.
pub static PANEL: Section = Section {
    title: "panel = { … } of a text",
    about: "A panel behind the writing. Lengths are shares of the size of type.",
    keys: &[
        Key::needed("colour", "as the layer's `colour`", "Its colour."),
        Key::optional("opacity", "a number from 0 to 1", "1", "How much it covers."),
        Key::optional("padding", "a number or two from 0 to 4, beside and above", "`[0.7, 0.4]`", "Room around the writing."),
        Key::optional("radius", "a number from 0 to 4", "0.3", "Radius of the corners; a large one makes a pill."),
    ],
};
