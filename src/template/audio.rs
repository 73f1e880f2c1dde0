//! `[audio]` of template.toml: what sounds under the clips, and how it lies there.
//!
//! Beds are read through when the template is, so that one that cannot be used is a mistake of the template and not of a clip.

use std::{fmt, path::Path};

use festoon_film::Bed;
use festoon_spec::{Canvas, Digest, Laying, Milli, SoundCodec, TemplateId};

use super::{
    Chosen, Template,
    assets::Assets,
    place::{FromChosen, Source, Uses, Values, place},
    reader::{Key, Section, Table},
};

/// Quieter is not heard, louder is a mistake.
const GAIN: std::ops::RangeInclusive<Milli> = Milli(-60_000)..=Milli(12_000);
/// The longest that a number of seconds may be.
const LONGEST: Milli = Milli(1_800_000);
/// For how long the sound goes where nothing is said: a cut is heard as a click.
const USUAL_FADE_OUT: Milli = Milli(500);

/// `[audio]`.
pub static AUDIO: Section = Section {
    title: "[audio]",
    about: "What sounds under the clips. A bed is encoded once for all clips of a length, as AAC, or as Opus in WebM, and lies beside the pictures: plates stay silent, and the same. A parameter with `touches = \"sound\"` lets people choose a bed, or none.",
    keys: &[
        Key::needed(
            "file",
            "a file in the template's folder, or `{ by = \"parameter\", choice = file, … }`",
            "The bed: WAV, FLAC or Ogg Vorbis with one or two channels, at most 8 MiB and 180 s. An empty text is silence.",
        ),
        Key::optional("gain", "a number from -60 to 12", "0", "Decibels that it is made louder, or quieter below 0."),
        Key::optional(
            "loop",
            "`true` or `false`",
            "`false`",
            "Whether the bed begins anew where it ends; the clip is silent from there on otherwise.",
        ),
        Key::optional("start", "a number of seconds", "0", "Where in the bed the clip begins; a loop comes back there."),
        Key::optional("fade_in", "a number of seconds", "0", "For how long the sound comes."),
        Key::optional("fade_out", "a number of seconds", "0.5", "For how long it goes, before the clip or the bed ends."),
    ],
};

/// What sounds before anything is chosen.
#[derive(Debug, Clone)]
pub(super) struct AudioSource {
    file: Source<Sounding>,
    laying: Laying,
}

/// A bed, or silence.
#[derive(Debug, Clone)]
struct Sounding(Option<Bed>);

impl FromChosen for Sounding {
    const FITS: &'static str = "a file, or a table with one for each choice";
    fn from_chosen(_: &Chosen) -> Option<Self> {
        None
    }
}

impl AudioSource {
    /// Reads `[audio]` of a template that lies in `folder`. `None` after a mistake.
    pub fn read(table: &Table<'_>, uses: &Uses<'_>, canvas: &Canvas, folder: &Path) -> Option<Self> {
        let before = table.page.count();
        let assets = Assets::new(folder);
        let file = table.find("file").and_then(|item| {
            let fixed = |item: &super::reader::Item<'_>| match item.as_text() {
                Some("") => Some(Sounding(None)),
                _ => assets.bed(item).map(|bed| Sounding(Some(bed))),
            };
            place(&item, uses, fixed, |_| true)
        });
        let seconds = |key: &str, usual| table.find(key).map_or(Some(usual), |item| item.milli(Milli(0)..=LONGEST));
        let looped = table.find("loop").map_or(Some(false), |item| item.flag());
        let gain = table.find("gain").map_or(Some(Milli(0)), |item| item.milli(GAIN));
        let (start, fade_in) = (seconds("start", Milli(0)), seconds("fade_in", Milli(0)));
        let fade_out = seconds("fade_out", USUAL_FADE_OUT);
        let laying = Laying { start: start?, looped: looped?, gain: gain?, fade_in: fade_in?, fade_out: fade_out? };
        let source = Self { file: file?, laying };
        for bed in source.beds() {
            // What is wrong with one is mostly wrong with all.
            if table.page.count() == before {
                fits(table, bed, &laying, canvas);
            }
        }
        (table.page.count() == before).then_some(source)
    }

    /// What sounds for these values; none is silence.
    pub fn bed(&self, values: &Values) -> Option<(Bed, Laying)> {
        self.file.take(values).0.map(|bed| (bed, self.laying))
    }

    /// The files.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.beds().map(Bed::digest)
    }

    fn beds(&self) -> impl Iterator<Item = &Bed> {
        let (one, all) = match &self.file {
            Source::Fixed(one) => (Some(one), None),
            Source::By { values, .. } => (None, Some(values.values())),
            Source::Of(_) => (None, None),
        };
        one.into_iter().chain(all.into_iter().flatten()).filter_map(|sounding| sounding.0.as_ref())
    }
}

/// Notes what is wrong with a bed that lies like this under clips of this canvas.
fn fits(table: &Table<'_>, bed: &Bed, laying: &Laying, canvas: &Canvas) {
    let length = f64::from(canvas.frames) / f64::from(canvas.fps);
    let left = bed.seconds() - laying.start.get();
    if left <= 0.0 {
        let message = format!("the clip begins at {} s of a bed that lasts {:.2} s", laying.start, bed.seconds());
        table.mistake("out-of-range", "start", message, None);
        return;
    }
    let sounds = if laying.looped { length } else { length.min(left) };
    let fades = Milli(laying.fade_in.0 + laying.fade_out.0);
    if fades.get() > sounds {
        let key = if table.has("fade_out") { "fade_out" } else { "fade_in" };
        let message = format!("the fades take {fades} s together, and the sound lasts {sounds:.2} s");
        let hint = "make `fade_in` or `fade_out` shorter, or `loop` the bed".to_owned();
        table.mistake("out-of-range", key, message, hint);
    }
    let over = laying.gain.get() - bed.headroom();
    if over > 0.0 {
        let message = format!("the loudest sample of the bed would be {over:.1} dB above what can be played");
        // Down to a tenth.
        let hint = format!("write `gain = {:.1}`, or less", (bed.headroom() * 10.0).floor() / 10.0);
        table.mistake("too-loud", "gain", message, hint);
    }
}

/// Templates whose clips should sound and do not: nothing here encodes their beds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    templates: Vec<TemplateId>,
    missing: Vec<SoundCodec>,
}

impl Silence {
    /// What cannot be heard of these templates where nothing encodes to these codecs; none if all can.
    pub fn of<'t>(templates: impl Iterator<Item = &'t Template>, missing: Vec<SoundCodec>) -> Option<Self> {
        let templates: Vec<_> = templates.filter(|template| template.sounds()).map(|template| template.id.clone()).collect();
        (!templates.is_empty() && !missing.is_empty()).then_some(Self { templates, missing })
    }

    /// What would help.
    pub fn hint(&self) -> &'static str {
        "install ffmpeg (Debian: apt-get install ffmpeg) or name its path in FESTOON_FFMPEG; until then such clips are sent with `Festoon-Sound: missing`"
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.missing.iter().map(|codec| match codec {
            SoundCodec::Aac => "MP4 and HLS (AAC)",
            SoundCodec::Opus => "WebM (Opus)",
        });
        let forms = forms.collect::<Vec<_>>().join(" and in ");
        let templates = self.templates.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        write!(f, "clips are silent here in {forms}, although there is sound in {templates}: ffmpeg, or its encoder, is missing")
    }
}
