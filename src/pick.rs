//! What somebody asks for, and what that means: a pick resolves to a plate and a clip. Resolving is pure: the same pick,
//! template and makers give the same keys on every machine.

mod ranked;

use std::collections::BTreeMap;

use festoon_film::overlay::{Drawing, Faces, Overlay, OverlayError};
use festoon_spec::{
    ClipSpec, Digest, FrameRange, Locale, LocaleError, OverlaySpec, PlateSpec, Profile, RenderKey, TemplateId, UnknownProfile,
};
use serde::{Deserialize, Serialize};

use crate::{
    makers::Makers,
    template::{Kind, SceneError, Template, Touches, UnknownTemplate, ValueError},
};

pub use ranked::RankedPick;

/// The highest variation: beyond it "another one" is refused, so that nobody can make the cache grow for ever.
pub const MAX_VARIATION: u32 = 999;

/// The compositor that delivers a plate as it is, because its template draws nothing.
const UNTOUCHED: &str = "none/1";

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// Which template.
    pub template: TemplateId,
    /// For whom.
    pub locale: Locale,
    /// Values by the name of their parameter; what is left out takes its default.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Which take; the first is 0.
    #[serde(default)]
    pub variation: u32,
    /// How it is encoded and wrapped.
    #[serde(default)]
    pub profile: Profile,
}

/// A pick with everything filled in, and the keys of what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The pick in canonical form: each parameter that has a value is in it, and equal picks are equal.
    pub pick: Pick,
    /// The footage.
    pub plate: PlateSpec,
    /// Its name.
    pub plate_key: RenderKey,
    /// What is drawn on it.
    pub overlay: Overlay,
    /// What is delivered.
    pub clip: ClipSpec,
    /// Its name.
    pub clip_key: RenderKey,
}

/// Whose fault it is that a pick does not resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no such thing.
    NotFound,
    /// It was asked in a way that cannot be answered.
    Asked,
    /// The installation lacks something, or the template fails on these values.
    Installation,
}

/// Why a pick does not resolve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// No such template.
    #[error(transparent)]
    UnknownTemplate(#[from] UnknownTemplate),
    /// Not a locale.
    #[error(transparent)]
    BadLocale(#[from] LocaleError),
    /// A well-formed tag that names no language.
    #[error("`{given}` names no language that festoon knows")]
    UnknownLocale {
        /// As asked.
        given: Locale,
        /// The locales that the template has words for.
        known: Vec<Locale>,
    },
    /// No such parameter.
    #[error("the template `{template}` has no parameter `{given}`")]
    UnknownParameter {
        /// The template.
        template: TemplateId,
        /// As asked, shortened.
        given: String,
        /// The parameters that there are.
        known: Vec<String>,
    },
    /// A parameter that was given more than once.
    #[error("`{name}` is given more than once")]
    RepeatedParameter {
        /// Which, shortened.
        name: String,
    },
    /// A value that its parameter cannot take.
    #[error("`{parameter}`: {error}")]
    Value {
        /// The parameter.
        parameter: String,
        /// What is wrong.
        error: ValueError,
    },
    /// A picture that nobody brought, or that was not named for long.
    #[error("`{parameter}`: the image {image} is not kept here")]
    UnknownImage {
        /// The parameter.
        parameter: String,
        /// As asked.
        image: Digest,
    },
    /// Not the number of a take.
    #[error("`{given}` is not a variation: expected a whole number from 0 to {MAX_VARIATION}")]
    BadVariation {
        /// As asked, shortened.
        given: String,
    },
    /// No such profile.
    #[error(transparent)]
    UnknownProfile(#[from] UnknownProfile),
    /// The template cannot be painted here, or not with these values.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// What is to be drawn cannot be: a title that does not fit, a character that no face has.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
}

impl PickError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            PickError::UnknownTemplate(_) => "unknown-template",
            PickError::BadLocale(_) => "bad-locale",
            PickError::UnknownLocale { .. } => "unknown-locale",
            PickError::UnknownParameter { .. } => "unknown-parameter",
            PickError::RepeatedParameter { .. } => "repeated-parameter",
            PickError::Value { error, .. } => error.code(),
            PickError::UnknownImage { .. } => "missing-image",
            PickError::BadVariation { .. } => "bad-variation",
            PickError::UnknownProfile(_) => "unknown-profile",
            PickError::Scene(SceneError::UnknownModel { .. }) => "unknown-model",
            PickError::Scene(SceneError::Short { shortfall, .. }) => shortfall.code(),
            PickError::Scene(SceneError::Prompt(_)) => "prompt-fails",
            PickError::Overlay(error) => error.code(),
        }
    }

    /// What would be right, where the message does not say it.
    pub fn hint(&self) -> Option<String> {
        let listed = |what: &str, names: &mut dyn Iterator<Item = String>| {
            let names: Vec<_> = names.collect();
            Some(if names.is_empty() { format!("there are no {what}") } else { format!("the {what} are: {}", names.join(", ")) })
        };
        match self {
            PickError::UnknownTemplate(unknown) => unknown.hint(),
            PickError::UnknownLocale { known, .. } => listed("locales", &mut known.iter().map(Locale::to_string)),
            PickError::UnknownParameter { known, .. } => listed("parameters", &mut known.iter().cloned()),
            PickError::Value { error, .. } => error.hint(),
            PickError::Scene(SceneError::UnknownModel { known, .. }) => listed("configured models", &mut known.iter().cloned()),
            PickError::Scene(SceneError::Short { shortfall, .. }) => Some(shortfall.hint()),
            PickError::Overlay(error) => error.hint(),
            PickError::UnknownImage { .. } => Some("bring it with POST /v1/images".to_owned()),
            _ => None,
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            PickError::UnknownTemplate(_) | PickError::UnknownLocale { .. } | PickError::UnknownProfile(_) => Fault::NotFound,
            PickError::Scene(_) => Fault::Installation,
            PickError::Overlay(OverlayError::Layer { .. } | OverlayError::Face { .. }) => Fault::Installation,
            _ => Fault::Asked,
        }
    }
}

impl Resolved {
    /// Lays out and draws the overlay for frames of the plate: what cannot be drawn is refused here, before anything is
    /// painted or encoded for it. Takes some milliseconds of a CPU.
    ///
    /// # Errors
    /// [`PickError::Overlay`], naming the limit.
    pub fn prepare(&self, faces: &Faces) -> Result<Drawing, PickError> {
        Ok(self.overlay.prepare(faces, &self.plate.canvas)?)
    }
}

impl Pick {
    /// Reads a pick from the pairs of a query string: `variation` and `profile` are what they say, every other pair is a
    /// parameter. The order of the pairs does not matter.
    ///
    /// # Errors
    /// If a pair is repeated, or `variation` or `profile` has no such value.
    pub fn from_query<N: AsRef<str>, V: AsRef<str>>(
        template: TemplateId,
        locale: Locale,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, PickError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name.as_ref().to_owned(), value.as_ref().to_owned()).is_some() {
                return Err(PickError::RepeatedParameter { name: shortened(name.as_ref()) });
            }
        }
        let variation = match parameters.remove("variation") {
            Some(given) if given.bytes().all(|byte| byte.is_ascii_digit()) => given.parse().ok(),
            Some(given) => return Err(PickError::BadVariation { given: shortened(&given) }),
            None => Some(0),
        };
        let variation = variation.ok_or_else(|| PickError::BadVariation { given: "a very large number".into() })?;
        let profile = parameters.remove("profile").map(|given| given.parse()).transpose()?.unwrap_or_default();
        Ok(Self { template, locale, parameters, variation, profile })
    }

    /// Says what the pick means with this template, made by these makers.
    ///
    /// # Errors
    /// If something in it does not exist or cannot have the value that it has.
    pub fn resolve(&self, template: &Template, makers: &Makers) -> Result<Resolved, PickError> {
        if self.template != template.id {
            return Err(UnknownTemplate { given: self.template.to_string(), alike: Some(template.id.clone()) }.into());
        }
        if !self.locale.is_known() {
            return Err(PickError::UnknownLocale { given: self.locale.clone(), known: template.locales().cloned().collect() });
        }
        if self.variation > MAX_VARIATION {
            return Err(PickError::BadVariation { given: self.variation.to_string() });
        }
        if let Some(given) = self.parameters.keys().find(|name| template.parameter(name).is_none()) {
            return Err(PickError::UnknownParameter {
                template: template.id.clone(),
                given: shortened(given),
                known: template.parameters.iter().map(|parameter| parameter.name.clone()).collect(),
            });
        }

        let (_, words) = template.words(&self.locale);
        let mut values = BTreeMap::new();
        for parameter in &template.parameters {
            let given = self.parameters.get(&parameter.name).filter(|given| !is_no_image(&parameter.kind, given));
            let value = match given {
                Some(given) => {
                    let refused = |error| PickError::Value { parameter: parameter.name.clone(), error };
                    Some(parameter.read(given).map_err(refused)?)
                }
                None => Template::usual(parameter, words),
            };
            if let Some(value) = value {
                values.insert(parameter.name.clone(), value);
            }
        }

        let plate = PlateSpec {
            template: template.id.clone(),
            template_digest: template.plate_digest(),
            scene: template.scene(&self.locale, &values, makers)?,
            canvas: template.canvas,
            windows: template.overlay_windows().into_iter().map(FrameRange::from).collect(),
            variation: self.variation,
            encoder: makers.encoder.clone(),
            watermark: None,
        };
        let plate_key = plate.key();
        let drawn = template.parameters.iter().filter(|parameter| parameter.touches == Touches::Overlay);
        let drawn = drawn.filter_map(|parameter| Some((parameter.name.clone(), values.get(&parameter.name)?.to_string())));
        let overlay = template.overlay(&self.locale, &values);
        let compositor = if overlay.layers.is_empty() { UNTOUCHED.to_owned() } else { makers.compositor.clone() };
        let clip = ClipSpec {
            plate: plate_key,
            overlay: OverlaySpec { digest: overlay.digest(), locale: self.locale.maximized(), values: drawn.collect() },
            profile: self.profile,
            compositor,
        };
        let clip_key = clip.key();
        let pick = Pick {
            template: self.template.clone(),
            locale: self.locale.minimized(),
            parameters: values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            variation: self.variation,
            profile: self.profile,
        };
        Ok(Resolved { pick, plate, plate_key, overlay, clip, clip_key })
    }
}

/// Whether an empty text stands for "no picture".
fn is_no_image(kind: &Kind, given: &str) -> bool {
    matches!(kind, Kind::Image) && given.is_empty()
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
