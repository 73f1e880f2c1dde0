//! Templates: what people pick from.
//!
//! A template is a folder: `template.toml` (its parameters, its plate, what to paint ahead) and `words/<locale>.toml`. Its
//! name is the folder's. [`Library`] holds all of them and follows the folder while it changes; [`Template`] is one of them,
//! checked so thoroughly that a pick with good values resolves. [`Report`] says what is wrong, every mistake with its line.
//!
//! docs/templates.md is written by [`reference`](reference::reference) from the same tables that the reader checks against.

mod adapting;
mod assets;
mod audio;
mod canvas;
mod declared;
mod delivery;
mod folder;
mod library;
mod locale_scene;
mod overlay;
mod parameter;
mod place;
mod prerender;
mod prompt;
pub mod proof;
mod proofreader;
mod public;
mod ratio;
mod reader;
pub mod reference;
mod report;
mod scene;
mod words;

use std::{collections::BTreeMap, ops::Range};

use festoon_film::{
    Bed,
    overlay::{Overlay, SafeArea},
};
use festoon_spec::{Abilities, Canvas, Digest, Laying, Locale, Painter, Scene, TemplateId};

pub use adapting::{Making, Shortfall};
pub use audio::Silence;
pub use canvas::Canvases;
pub use delivery::Lifetimes;
pub use folder::{Known, check};
pub use library::{Library, Templates, UnknownTemplate, Watch, WatchError};
pub use locale_scene::{LocaleScene, Shows};
pub use parameter::{Choice, Chosen, Kind, Parameter, Pattern, RESERVED, Touches, ValueError};
pub use prerender::{Budget, CatchUp, Offset, OffsetError, PrerenderRule};
pub use prompt::PromptError;
pub use proofreader::{Findings, Proofreader};
pub use public::{NotPublic, Public};
pub use ratio::{Ratio, RatioError};
pub use report::{Mistake, Place, Report, SourceFile};
pub use words::{ParameterWords, Words};

use crate::{locale::Fallbacks, makers::Makers};

/// One template, checked.
#[derive(Debug, Clone)]
pub struct Template {
    /// The name of its folder.
    pub id: TemplateId,
    /// What may be chosen, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// Size, length and frame rate of its plates, in each ratio that it offers.
    pub canvases: Canvases,
    /// The frame that stands for its clips where one picture does.
    pub poster: u32,
    /// What is painted before anybody asks.
    pub prerender: Vec<PrerenderRule>,
    /// What strangers may cause to be made.
    pub public: Public,
    /// How long its clips are kept under their names, where it says so.
    pub lifetimes: Lifetimes,
    /// Names these very files: it changes with every saved change, also one that moves no pixel.
    pub revision: Digest,
    default_locale: Locale,
    fallbacks: Fallbacks,
    words: BTreeMap<Locale, (Locale, Words)>,
    source: SceneSource,
    overlay: Option<overlay::OverlaySource>,
    audio: Option<audio::AudioSource>,
    plate_digest: Digest,
}

/// The scene before anything is chosen, by its painter.
#[derive(Debug, Clone)]
enum SceneSource {
    Motion(Box<scene::MotionSource>),
    Wan(Box<prompt::WanSource>),
}

/// Why a template gives no scene for good values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// The installation has no such checkpoint.
    #[error("the template `{template}` is painted by the model `{model}`, which this installation does not have")]
    UnknownModel {
        /// The template.
        template: TemplateId,
        /// The name that the template says.
        model: String,
        /// The names that the installation knows.
        known: Vec<String>,
    },
    /// The checkpoint cannot give what the template asks for.
    #[error("the model `{model}` cannot give what the template asks for: {shortfall}")]
    Short {
        /// The checkpoint's configured name.
        model: String,
        /// What it cannot give.
        shortfall: Shortfall,
    },
    /// The prompt does not render.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

impl Template {
    /// Who paints its plates; of a model's, [`Template::making`] says whether they are adapted afterwards.
    pub fn painter(&self) -> Painter {
        match &self.source {
            SceneSource::Motion(_) => Painter::motion(),
            SceneSource::Wan(_) => Painter::wan(),
        }
    }

    /// The configured name of its checkpoint, if a model paints it.
    pub fn model(&self) -> Option<&str> {
        match &self.source {
            SceneSource::Motion(_) => None,
            SceneSource::Wan(wan) => Some(&wan.model),
        }
    }

    /// The locales that have words of their own, as their files are named.
    pub fn locales(&self) -> impl Iterator<Item = &Locale> {
        self.words.values().map(|(written, _)| written)
    }

    /// The locale whose words are taken when nothing nearer has any.
    pub fn default_locale(&self) -> &Locale {
        &self.default_locale
    }

    /// The words for `locale`, from the nearest locale that has any: its own, its parents', a declared fallback's, at last
    /// the default locale's. Also says whose they are.
    pub fn words(&self, locale: &Locale) -> (&Locale, &Words) {
        let nearest = self.fallbacks.chain(locale).into_iter().find_map(|locale| self.words.get(&locale));
        let (written, words) =
            nearest.or_else(|| self.words.get(&self.default_locale.minimized())).expect("checked: the default locale has words");
        (written, words)
    }

    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// What `parameter` is when nothing is chosen and these words are spoken. Only an image may be nothing.
    pub(crate) fn usual(parameter: &Parameter, words: &Words) -> Option<Chosen> {
        let own = words.parameters.get(&parameter.name).and_then(|words| words.default.clone());
        own.or_else(|| parameter.default.clone())
    }

    /// Names the part of the template that every plate depends on: painter, canvas, scene or skeleton, sampling. Palettes,
    /// choices and locales are not in it, since what a pick takes of them is in its scene: to change one palette leaves the
    /// plates of the others alone.
    pub fn plate_digest(&self) -> Digest {
        self.plate_digest
    }

    /// The frames that an overlay may touch, whatever is chosen: sorted, apart from each other. Plates are cut there.
    pub fn overlay_windows(&self) -> Vec<Range<u32>> {
        self.overlay.as_ref().map(overlay::OverlaySource::windows).unwrap_or_default()
    }

    /// Where a layer of the overlay is written.
    fn layer_place(&self, name: &str) -> Option<Place> {
        self.overlay.as_ref()?.written(name)
    }

    /// What is drawn for `locale` with these values, one for each parameter that has any, in this ratio; without a layer if the
    /// template draws nothing.
    pub(crate) fn overlay(&self, locale: &Locale, values: &BTreeMap<String, Chosen>, ratio: Ratio) -> Overlay {
        let (_, words) = self.words(locale);
        match &self.overlay {
            Some(overlay) => overlay.build(locale, values, words, ratio),
            None => Overlay { locale: locale.maximized(), safe_area: SafeArea::default(), layers: Vec::new() },
        }
    }

    /// Whether anything sounds under its clips.
    pub fn sounds(&self) -> bool {
        self.audio.is_some()
    }

    /// What sounds with these values, one for each parameter that has any; none is silence.
    pub(crate) fn bed(&self, values: &BTreeMap<String, Chosen>) -> Option<(Bed, Laying)> {
        self.audio.as_ref()?.bed(values)
    }

    /// What is painted for `locale` with these values, one for each parameter that has any, on this canvas.
    ///
    /// # Errors
    /// If the model is not installed or cannot give this, or the prompt does not render.
    pub(crate) fn scene(
        &self,
        locale: &Locale,
        values: &BTreeMap<String, Chosen>,
        canvas: &Canvas,
        makers: &Makers,
    ) -> Result<Scene, SceneError> {
        let chain = self.fallbacks.picture_chain(locale);
        match &self.source {
            SceneSource::Motion(motion) => Ok(Scene::Motion(motion.build(&chain, values))),
            SceneSource::Wan(wan) => {
                let model = makers.models.get(&wan.model).ok_or_else(|| SceneError::UnknownModel {
                    template: self.id.clone(),
                    model: wan.model.clone(),
                    known: makers.models.keys().cloned().collect(),
                })?;
                Ok(Scene::Wan(wan.build(&chain, values, canvas, model)?))
            }
        }
    }

    /// How a checkpoint with these abilities paints the plates in each ratio; none if no model does, or this one refuses.
    pub fn makings(&self, abilities: &Abilities) -> Vec<Making> {
        let SceneSource::Wan(wan) = &self.source else { return Vec::new() };
        let several = self.canvases.ratios().len() > 1;
        let making = |(ratio, canvas)| {
            Some(Making {
                template: self.id.clone(),
                model: wan.model.clone(),
                kind: abilities.kind,
                ratio: several.then_some(ratio),
                canvas,
                adapted: wan.adapted(&canvas, abilities).ok()?,
                sampler: wan.sampler(abilities),
                steps: wan.steps(abilities).ok()?,
            })
        };
        self.canvases.each().filter_map(making).collect()
    }
}
