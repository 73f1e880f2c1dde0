//! `[canvas]`: how long plates are, how large in each ratio that the template offers, and what stays in view where a model does
//! not paint the ratio.

use festoon_spec::{Canvas, Milli};

use super::{
    Ratio,
    ratio::LONGEST_SIDE,
    reader::{Key, Section, Table},
};

/// Most ratios of a template.
pub(super) const MAX_RATIOS: usize = 8;

/// `[canvas]`.
pub static CANVAS: Section = Section {
    title: "[canvas]",
    about: "Size, length and frame rate of the plates. What the model paints at other sizes, lengths and rates is adapted to them; see `[sampling]`.\n\nIn a ratio other than the first a plate has the smallest size of exactly that ratio, with even sides, that has no fewer pixels than `width` × `height`: 1280×720 becomes 720×1280 in `9:16`, 960×960 in `1:1`, 864×1080 in `4:5`. Motion graphics are painted in each ratio; so is what a model paints if it has a size of that ratio, else its nearest size is cropped.",
    keys: &[
        Key::needed("width", "an even number from 16 to 3840", "Pixels across, in the first ratio."),
        Key::needed("height", "an even number from 16 to 3840", "Pixels down, in the first ratio."),
        Key::needed("frames", "a whole number from 1 to 1800", "Number of frames."),
        Key::needed("fps", "a whole number from 1 to 60", "Frames per second."),
        Key::optional(
            "ratios",
            "one to eight ratios, for example `[\"16:9\", \"9:16\", \"1:1\", \"4:5\"]`",
            "that of `width` and `height` alone",
            "What may be asked for with `ratio=`. The first is that of `width` and `height`, and what is taken when nothing is asked for.",
        ),
        Key::optional(
            "focus",
            "two numbers from 0 to 100, across and down",
            "the middle",
            "What must stay in view, in per cent of the picture that a model paints: where that is cropped, the part around this point is seen, as near to its middle as the picture reaches. With it three tenths of the picture are enough to be seen; without it, half of it must be.",
        ),
    ],
};

/// The canvases that a template offers.
#[derive(Debug, Clone)]
pub struct Canvases {
    /// In the first ratio.
    pub base: Canvas,
    ratios: Vec<Ratio>,
    /// What must stay in view of a picture that is cropped: per cent across and down.
    pub(super) focus: Option<[Milli; 2]>,
}

impl Canvases {
    /// Reads `[canvas]`. `None` after a mistake.
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let before = table.page.count();
        let (width, height) = (table.whole("width", 16..=LONGEST_SIDE), table.whole("height", 16..=LONGEST_SIDE));
        let (frames, fps) = (table.whole("frames", 1..=1800), table.whole("fps", 1..=60));
        for (key, side) in [("width", width), ("height", height)] {
            if let Some(side) = side.filter(|side| side % 2 != 0) {
                let message = format!("`{key}` is {side}, expected a multiple of 2");
                table.mistake("bad-canvas", key, message, format!("{} and {} are", side - 1, side + 1));
            }
        }
        let focus = match table.find("focus") {
            Some(item) => Some(item.pair(Milli(0)..=Milli(100_000))?),
            None => None,
        };
        let base = Canvas { width: width?, height: height?, frames: frames?, fps: fps? };
        let ratios = read_ratios(table, &base);
        (table.page.count() == before).then_some(Self { base, ratios, focus })
    }

    /// The ratios that are offered; the first is taken when none is asked for.
    pub fn ratios(&self) -> &[Ratio] {
        &self.ratios
    }

    /// The ratio that is taken when none is asked for.
    pub fn usual(&self) -> Ratio {
        self.ratios[0]
    }

    /// The canvas in a ratio, whether it is offered or not.
    pub fn of(&self, ratio: Ratio) -> Canvas {
        if ratio == self.usual() { self.base } else { ratio.canvas(&self.base) }
    }

    /// Each ratio that is offered, with its canvas.
    pub fn each(&self) -> impl Iterator<Item = (Ratio, Canvas)> {
        self.ratios.iter().map(|ratio| (*ratio, self.of(*ratio)))
    }

    /// The ratios as a message lists them.
    pub fn listed(&self) -> String {
        self.ratios.iter().map(Ratio::to_string).collect::<Vec<_>>().join(", ")
    }

    /// How much narrower a frame of this ratio is for its type than the usual one: 1 if it is not.
    pub(super) fn narrowness(&self, ratio: Ratio) -> f64 {
        (ratio.breadth() / self.usual().breadth()).min(1.0)
    }
}

fn read_ratios(table: &Table<'_>, base: &Canvas) -> Vec<Ratio> {
    if !table.has("ratios") {
        return vec![Ratio::of(base)];
    }
    let (mut ratios, before): (Vec<Ratio>, _) = (Vec::new(), table.page.count());
    let items = table.list("ratios", MAX_RATIOS);
    if items.is_empty() && table.page.count() == before {
        table.mistake("too-few", "ratios", "`ratios` needs at least one", format!("write `\"{}\"`", Ratio::of(base)));
    }
    for item in items {
        let Some(ratio) = item.read::<Ratio>().map(|ratio| ratio.value) else { continue };
        let Canvas { width, height, .. } = ratio.canvas(base);
        if ratios.contains(&ratio) {
            item.mistake("repeated-name", format!("the ratio `{ratio}` is there twice"), None);
        } else if ratios.is_empty() && !ratio.is_of(base) {
            let message = format!("the first ratio is `{ratio}`, but {} by {} is `{}`", base.width, base.height, Ratio::of(base));
            item.mistake("bad-canvas", message, "write the ratio of `width` and `height` first".to_owned());
        } else if width.max(height) > LONGEST_SIDE {
            let message =
                format!("in `{ratio}` a plate would have {width} by {height} pixels, at most {LONGEST_SIDE} are allowed");
            item.mistake("out-of-range", message, None);
        }
        ratios.push(ratio);
    }
    ratios
}
