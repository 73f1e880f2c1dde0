//! How a plate is made from what a checkpoint paints: the rules, and why a template may be refused.
//!
//! A checkpoint paints the sizes, lengths and frame rate that it was trained on, and nothing else well. A canvas that is one
//! of these is painted as it is. Any other is *adapted*:
//!
//! - **size**: painted at the native size of which most is seen after the picture was cropped to the canvas' ratio; among those
//!   that are about equal, the smallest that need not be enlarged, else the largest. The part around the template's `focus` is
//!   seen, or the middle. Then scaled.
//! - **length**: painted with as many frames as its seconds need, rounded up to what the model counts in, the rest cut off.
//! - **frame rate**: painted at the model's own, frames between are interpolated.
//!
//! What no adapting can give is refused: a canvas that lasts longer (unless the template lets it run forth and back), more
//! steps than the checkpoint takes, a prompt in a language that it does not read, a ratio of which too little would be
//! seen: half of the picture, or three tenths around a `focus`. `festoon check` tells which of the two happens, and [`Pick::resolve`](crate::pick::Pick::resolve) does it.

use std::fmt;

use festoon_spec::{Abilities, Adapted, Canvas, CheckpointKind, Locale, Milli, NativeSize, Sampler, TemplateId};
use serde::Serialize;

use super::Ratio;

/// Sizes that show this much less of the painted picture than the best one are as good, if they fit better otherwise.
const ABOUT_EQUAL: f64 = 0.05;
/// Less than this share of what is painted may not be seen: what the prompt is about would be cut off.
const LEAST_SEEN: f64 = 0.5;
/// Less than this share, where the template says what must stay in view: an upright frame shows 0.316 of one of 16:9.
const LEAST_IN_FOCUS: f64 = 0.3;
/// The autoencoder keeps the first frame and packs four of the others into one.
const PACKED_FRAMES: u32 = 4;

/// What is done with a canvas that lasts longer than the checkpoint paints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Longer {
    /// Nothing: the template is refused.
    #[default]
    Refuse,
    /// What was painted runs forth and back.
    PingPong,
}

impl Longer {
    /// Each by the name that templates use.
    pub const NAMES: [(&'static str, Longer); 2] = [("refuse", Longer::Refuse), ("ping-pong", Longer::PingPong)];
}

/// How a template wants to be adapted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Adapting {
    /// What is done with a canvas that lasts longer than the checkpoint paints.
    pub longer: Longer,
    /// What must stay in view of a picture that is cropped, in per cent across and down; without it, the middle does.
    pub focus: Option<[Milli; 2]>,
}

/// What a checkpoint cannot give a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Shortfall {
    /// It paints fewer seconds.
    #[error(
        "{} frames at {} per second last longer than what it paints: {most} frames at {fps} per second",
        canvas.frames,
        canvas.fps
    )]
    TooLong {
        /// What the template asks for.
        canvas: Canvas,
        /// Frames that the checkpoint paints at most.
        most: u32,
        /// Its frame rate.
        fps: u32,
    },
    /// None of its sizes is shaped like the canvas.
    #[error("it paints no size near the ratio of {} by {}", canvas.width, canvas.height)]
    WrongRatio {
        /// What the template asks for.
        canvas: Canvas,
        /// What it paints.
        sizes: Vec<NativeSize>,
        /// Whether the template says what must stay in view.
        focused: bool,
    },
    /// It takes fewer steps.
    #[error("{steps} steps are more than it takes: {most}")]
    TooManySteps {
        /// What the template asks for.
        steps: u32,
        /// What the checkpoint takes.
        most: u32,
    },
    /// It does not read the language.
    #[error("it does not read prompts in `{language}`")]
    UnknownLanguage {
        /// The prompt's.
        language: Locale,
        /// What it reads.
        known: Vec<Locale>,
    },
}

impl Shortfall {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Shortfall::TooLong { .. } => "too-long-for-model",
            Shortfall::WrongRatio { .. } => "ratio-not-painted",
            Shortfall::TooManySteps { .. } => "too-many-steps",
            Shortfall::UnknownLanguage { .. } => "language-not-read",
        }
    }

    /// What would be right.
    pub fn hint(&self) -> String {
        let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
        match self {
            Shortfall::TooLong { canvas, most, fps } => {
                let fits = u64::from(most - 1) * u64::from(canvas.fps) / u64::from(*fps) + 1;
                format!("{fits} frames at {} per second fit, or write `longer = \"ping-pong\"` in [sampling]", canvas.fps)
            }
            Shortfall::WrongRatio { sizes, focused, .. } => {
                let sizes = format!("its sizes are: {}", list(&mut sizes.iter().map(ToString::to_string)));
                let advice = "; say in [canvas] with `focus` what must stay in view, then three tenths of its picture are enough";
                if *focused { sizes } else { sizes + advice }
            }
            Shortfall::TooManySteps { most, .. } => format!("write {most} or less, or leave `steps` to the model"),
            Shortfall::UnknownLanguage { known, .. } => {
                format!(
                    "its languages are: {}; `language` says what a prompt is written in",
                    list(&mut known.iter().map(ToString::to_string))
                )
            }
        }
    }
}

impl Adapting {
    /// What the checkpoint paints for this canvas; `None` if that is the canvas itself.
    ///
    /// # Errors
    /// If no adapting leads there.
    pub fn of(&self, canvas: &Canvas, abilities: &Abilities) -> Result<Option<Adapted>, Shortfall> {
        let size = self.size(canvas, &abilities.sizes).ok_or_else(|| Shortfall::WrongRatio {
            canvas: *canvas,
            sizes: abilities.sizes.clone(),
            focused: self.focus.is_some(),
        })?;
        let (fps, counts) = (abilities.fps, abilities.frames);
        // The steps in time from the first frame of the canvas to its last, in frames of the model.
        let steps = (u64::from(canvas.frames) - 1) * u64::from(fps);
        let packs = steps.div_ceil(u64::from(canvas.fps)).div_ceil(u64::from(PACKED_FRAMES));
        let needed = packs * u64::from(PACKED_FRAMES) + 1;
        let is_longer = steps > u64::from(counts.most - 1) * u64::from(canvas.fps);
        if is_longer && self.longer == Longer::Refuse {
            return Err(Shortfall::TooLong { canvas: *canvas, most: counts.most, fps });
        }
        let frames = if is_longer { counts.most } else { (needed as u32).clamp(counts.least, counts.most) };
        let painted = Canvas { width: size.width, height: size.height, frames, fps };
        let middle = Adapted { painted, ping_pong: is_longer, corner: None };
        Ok((painted != *canvas).then(|| Adapted { corner: self.corner(&middle, canvas), ..middle }))
    }

    /// Where the part around the focus begins; `None` if that is where the part around the middle does.
    fn corner(&self, middle: &Adapted, canvas: &Canvas) -> Option<[Milli; 2]> {
        let (focus, seen, unseen) = (self.focus?, middle.seen(canvas), middle.unseen(canvas));
        let sides = [middle.painted.width, middle.painted.height].map(f64::from);
        let begins = |side: usize| (sides[side] * focus[side].get() / 100.0 - seen[side] / 2.0).clamp(0.0, unseen[side].max(0.0));
        let rounded = |[across, down]: [f64; 2]| Some([Milli::new(across)?, Milli::new(down)?]);
        rounded([begins(0), begins(1)]).filter(|corner| rounded(middle.seen_from(canvas)) != Some(*corner))
    }

    /// The native size for this canvas; `None` if all would lose too much of their picture.
    fn size(&self, canvas: &Canvas, sizes: &[NativeSize]) -> Option<NativeSize> {
        let least = if self.focus.is_some() { LEAST_IN_FOCUS } else { LEAST_SEEN };
        let ratio = |width: u32, height: u32| f64::from(width) / f64::from(height);
        let seen = |size: &NativeSize| {
            let (painted, asked) = (ratio(size.width, size.height), ratio(canvas.width, canvas.height));
            (painted / asked).min(asked / painted)
        };
        let best = sizes.iter().map(seen).fold(0.0, f64::max);
        let area = |size: &&NativeSize| u64::from(size.width) * u64::from(size.height);
        let good = sizes.iter().filter(|size| best >= least && seen(size) >= (best - ABOUT_EQUAL).max(least));
        let covers = |size: &&NativeSize| size.width >= canvas.width && size.height >= canvas.height;
        good.clone().filter(covers).min_by_key(area).or_else(|| good.max_by_key(area)).copied()
    }
}

/// How the plates of a template come about, for whoever asks before they are painted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Making {
    /// The template.
    pub template: TemplateId,
    /// The configured name of the checkpoint.
    pub model: String,
    /// What the checkpoint is good for.
    pub kind: CheckpointKind,
    /// In which ratio, where the template offers several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// What is delivered.
    pub canvas: Canvas,
    /// What is painted, where that is something else.
    pub adapted: Option<Adapted>,
    /// The solver.
    pub sampler: Sampler,
    /// Denoising steps.
    pub steps: u32,
}

impl fmt::Display for Making {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Canvas { width, height, frames, fps } = self.adapted.map_or(self.canvas, |adapted| adapted.painted);
        let how = if self.adapted.is_some() { "adapted" } else { "native" };
        let ratio = self.ratio.map(|ratio| format!(" in {ratio}")).unwrap_or_default();
        write!(f, "{}{ratio}: {how}, painted {width}x{height} x{frames} at {fps} fps", self.template)?;
        if let Some(adapted) = &self.adapted {
            let seen = adapted.seen(&self.canvas).map(|side| side.round() as u32);
            if seen != [width, height] {
                write!(f, ", cropped to {}x{}", seen[0], seen[1])?;
                if adapted.corner.is_some() {
                    let [left, top] = adapted.seen_from(&self.canvas).map(|side| side.round() as u32);
                    write!(f, " from {left},{top}")?;
                }
            }
            if seen != [self.canvas.width, self.canvas.height] {
                write!(f, ", scaled to {}x{}", self.canvas.width, self.canvas.height)?;
            }
            if fps != self.canvas.fps {
                write!(f, ", interpolated to {} fps", self.canvas.fps)?;
            }
            if adapted.ping_pong {
                write!(f, ", forth and back to {} frames", self.canvas.frames)?;
            }
        }
        write!(f, "; by `{}` ({}), {} steps of {}", self.model, self.kind, self.steps, self.sampler.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use festoon_spec::FrameCounts;

    use super::*;

    fn small() -> Abilities {
        let sizes = vec![NativeSize { width: 160, height: 96 }];
        Abilities { sizes, frames: FrameCounts { least: 17, most: 17 }, fps: 8, ..Abilities::official() }
    }

    fn adapt(canvas: &Canvas, abilities: &Abilities, longer: Longer) -> Result<Option<Adapted>, Shortfall> {
        Adapting { longer, focus: None }.of(canvas, abilities)
    }

    fn canvas(width: u32, height: u32, frames: u32, fps: u32) -> Canvas {
        Canvas { width, height, frames, fps }
    }

    #[test]
    fn what_the_model_paints_is_left_alone() {
        let adapted = |canvas, abilities| adapt(&canvas, &abilities, Longer::Refuse).unwrap();
        assert_eq!(adapted(canvas(160, 96, 17, 8), small()), None);
        assert_eq!(adapted(canvas(1280, 720, 81, 16), Abilities::official()), None);
        assert_eq!(adapted(canvas(480, 832, 5, 16), Abilities::official()), None);
    }

    #[test]
    fn the_rest_is_painted_as_the_model_can_and_long_enough() {
        for (abilities, asked, painted) in [
            // Its 17 frames at 8 reach exactly as far as 49 at 24.
            (small(), canvas(1280, 720, 49, 24), canvas(160, 96, 17, 8)),
            (small(), canvas(1280, 720, 1, 24), canvas(160, 96, 17, 8)),
            (small(), canvas(160, 96, 16, 8), canvas(160, 96, 17, 8)),
            // Five seconds, and one frame into the fourth pack.
            (Abilities::official(), canvas(1280, 720, 121, 24), canvas(1280, 720, 81, 16)),
            (Abilities::official(), canvas(1280, 720, 20, 24), canvas(1280, 720, 17, 16)),
            // More frames a second than the canvas shows.
            (Abilities::official(), canvas(1280, 720, 9, 8), canvas(1280, 720, 17, 16)),
            // Sizes: the smallest that need not be enlarged, else the largest; but the ratio comes first.
            (Abilities::official(), canvas(640, 360, 17, 16), canvas(832, 480, 17, 16)),
            (Abilities::official(), canvas(1920, 1080, 17, 16), canvas(1280, 720, 17, 16)),
            (Abilities::official(), canvas(360, 640, 17, 16), canvas(480, 832, 17, 16)),
            (Abilities::official(), canvas(1080, 1920, 17, 16), canvas(720, 1280, 17, 16)),
        ] {
            let adapted = adapt(&asked, &abilities, Longer::Refuse).unwrap().unwrap();
            assert_eq!((adapted.painted, adapted.ping_pong), (painted, false), "{asked:?}");
        }
    }

    #[test]
    fn a_canvas_that_lasts_a_frame_too_long_is_refused_or_runs_forth_and_back() {
        let asked = canvas(1280, 720, 50, 24);
        let shortfall = adapt(&asked, &small(), Longer::Refuse).unwrap_err();
        assert_eq!(
            shortfall.to_string(),
            "50 frames at 24 per second last longer than what it paints: 17 frames at 8 per second"
        );
        assert!(shortfall.hint().starts_with("49 frames at 24 per second fit, or write"), "{}", shortfall.hint());
        let adapted = adapt(&asked, &small(), Longer::PingPong).unwrap().unwrap();
        assert_eq!((adapted.painted, adapted.ping_pong), (canvas(160, 96, 17, 8), true));
        let fits = adapt(&canvas(1280, 720, 49, 24), &small(), Longer::PingPong).unwrap().unwrap();
        assert!(!fits.ping_pong, "what fits does not run back");
    }

    #[test]
    fn a_ratio_of_which_less_than_half_is_seen_is_refused() {
        // 96 of 160 columns are seen in a square, 54 upright.
        assert!(adapt(&canvas(720, 720, 17, 8), &small(), Longer::Refuse).unwrap().is_some());
        let shortfall = adapt(&canvas(720, 1280, 17, 8), &small(), Longer::Refuse).unwrap_err();
        assert_eq!(shortfall.to_string(), "it paints no size near the ratio of 720 by 1280");
        assert!(shortfall.hint().starts_with("its sizes are: 160x96; say in [canvas] with `focus`"), "{}", shortfall.hint());
    }

    /// 54 of 160 columns are seen upright, 80 of them in 5:6; around the focus, as far as the picture reaches.
    #[test]
    fn what_is_in_focus_stays_in_view() {
        let focused = |focus: [i64; 2], canvas: Canvas| {
            let adapting = Adapting { longer: Longer::Refuse, focus: Some(focus.map(|share| Milli(share * 1000))) };
            adapting.of(&canvas, &small()).unwrap().unwrap()
        };
        let upright = canvas(720, 1280, 17, 8);
        for (across, corner) in [(0, Some(0)), (10, Some(0)), (50, None), (70, Some(85)), (100, Some(106))] {
            let adapted = focused([across, 50], upright);
            assert_eq!(adapted.corner, corner.map(|left| [Milli(left * 1000), Milli(0)]), "{across} %");
            assert_eq!(adapted.painted, canvas(160, 96, 17, 8));
        }
        assert_eq!(focused([0, 100], canvas(800, 960, 17, 8)).corner, Some([Milli(0), Milli(0)]));
        assert_eq!(focused([50, 0], canvas(160, 90, 17, 8)).corner, Some([Milli(0), Milli(0)]));
        assert_eq!(focused([0, 0], canvas(320, 192, 17, 8)).corner, None, "nothing is cropped, so the key does not say where");
        let slim = Adapting { focus: Some([Milli(50_000); 2]), ..Adapting::default() }.of(&canvas(480, 1280, 17, 8), &small());
        assert_eq!(slim.unwrap_err().hint(), "its sizes are: 160x96", "too little would be seen even so");
    }

    #[test]
    fn a_making_says_each_step_that_is_taken() {
        let told = |canvas: Canvas, abilities: &Abilities| {
            let adapted = adapt(&canvas, abilities, Longer::PingPong).unwrap();
            let (template, model) = ("sea".parse().unwrap(), "small".to_owned());
            let kind = CheckpointKind::Demonstration;
            Making { template, model, kind, ratio: None, canvas, adapted, sampler: Sampler::Euler, steps: 4 }.to_string()
        };
        let by = "; by `small` (demonstration), 4 steps of euler";
        for (canvas, painted) in [
            (canvas(160, 96, 17, 8), "sea: native, painted 160x96 x17 at 8 fps"),
            (canvas(160, 90, 17, 8), "sea: adapted, painted 160x96 x17 at 8 fps, cropped to 160x90"),
            (
                canvas(1280, 720, 49, 24),
                "sea: adapted, painted 160x96 x17 at 8 fps, cropped to 160x90, scaled to 1280x720, interpolated to 24 fps",
            ),
            (canvas(160, 96, 40, 8), "sea: adapted, painted 160x96 x17 at 8 fps, forth and back to 40 frames"),
        ] {
            assert_eq!(told(canvas, &small()), format!("{painted}{by}"));
        }
    }
}
