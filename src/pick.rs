//! What somebody asks for, and what that means: a pick resolves to a plate and a clip. Resolving is pure: the same pick,
//! template and makers give the same keys on every machine.

mod ranked;

use std::collections::BTreeMap;

use festoon_film::{
    Bed,
    overlay::{Drawing, Faces, Overlay, OverlayError},
};
use festoon_spec::{
    Canvas, ClipSpec, Digest, FrameRange, Laying, Locale, LocaleError, Milli, OverlaySpec, PlateSpec, Profile, RenderKey,
    SoundCodec, SoundSpec, TemplateId, UnknownProfile,
};
use serde::{Deserialize, Serialize};

use crate::{
    makers::Makers,
    template::{Kind, Ratio, RatioError, SceneError, Template, Touches, UnknownTemplate, ValueError},
};

pub use ranked::RankedPick;

/// The highest variation: beyond it "another one" is refused, so that nobody can make the cache grow for ever.
pub const MAX_VARIATION: u32 = 999;

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
    /// In which ratio; the template's first if left out, and left out in canonical form if it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// Which take; the first is 0.
    #[serde(default)]
    pub variation: u32,
    /// How it is encoded and wrapped.
    #[serde(default)]
    pub profile: Profile,
    /// Which moment a poster shows, in seconds; in canonical form the beginning of a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Milli>,
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
    /// What sounds under it; none is silence.
    pub bed: Option<Bed>,
    /// The clip in the profile `mp4`, which every other form is made of.
    pub film: ClipSpec,
    /// What is delivered.
    pub clip: ClipSpec,
    /// Its name.
    pub clip_key: RenderKey,
    /// What makes other forms.
    deriver: String,
    /// The bed as it is encoded, in each way that it can be here.
    sounds: BTreeMap<SoundCodec, SoundSpec>,
}

/// What is heard of a clip in a form that can have sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Its bed.
    Bed(SoundCodec),
    /// Nothing, as it was picked.
    Silence,
    /// Nothing, although there is a bed: this installation cannot encode it.
    Missing(SoundCodec),
}

impl Heard {
    /// The name used in headers and answers.
    pub fn name(self) -> &'static str {
        match self {
            Heard::Bed(codec) => codec.name(),
            Heard::Silence => "none",
            Heard::Missing(_) => "missing",
        }
    }
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
    /// Not a ratio.
    #[error(transparent)]
    BadRatio(#[from] RatioError),
    /// A ratio that the template does not offer.
    #[error("the template `{template}` does not offer the ratio `{given}`")]
    UnknownRatio {
        /// The template.
        template: TemplateId,
        /// As asked.
        given: Ratio,
        /// What it offers.
        known: Vec<Ratio>,
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
    /// Not a number of seconds.
    #[error("`at` is `{given}`: expected seconds such as `1.5`")]
    Moment {
        /// As asked, shortened.
        given: String,
    },
    /// Not a moment of the clip.
    #[error("`at` is `{given}`: expected seconds from 0 to less than {length}, which the clip lasts")]
    BadMoment {
        /// As asked, shortened.
        given: String,
        /// Seconds of the clip.
        length: Milli,
    },
    /// A moment of what shows all of them.
    #[error("`at` chooses the picture of a poster, the profile is `{profile}`")]
    NoMoment {
        /// The profile.
        profile: Profile,
    },
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
            PickError::BadRatio(_) => "bad-ratio",
            PickError::UnknownRatio { .. } => "unknown-ratio",
            PickError::BadVariation { .. } => "bad-variation",
            PickError::UnknownProfile(_) => "unknown-profile",
            PickError::Moment { .. } | PickError::BadMoment { .. } | PickError::NoMoment { .. } => "bad-moment",
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
            PickError::UnknownRatio { known, .. } => listed("ratios", &mut known.iter().map(Ratio::to_string)),
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
            PickError::UnknownTemplate(_)
            | PickError::UnknownLocale { .. }
            | PickError::UnknownRatio { .. }
            | PickError::UnknownProfile(_) => Fault::NotFound,
            PickError::Scene(_) => Fault::Installation,
            PickError::Overlay(OverlayError::Layer { .. } | OverlayError::Face { .. }) => Fault::Installation,
            _ => Fault::Asked,
        }
    }
}

impl Resolved {
    /// Whether nothing is drawn on the plate.
    pub fn is_untouched(&self) -> bool {
        self.overlay.layers.is_empty()
    }

    /// Whether the plate is delivered as it is, and silent.
    pub fn is_plate(&self) -> bool {
        self.is_untouched() && self.film.sound.is_none()
    }

    /// What is heard of it in this form; none where nothing could be.
    pub fn heard(&self, profile: Profile) -> Option<Heard> {
        let codec = profile.sound()?;
        Some(match (&self.bed, self.sounds.contains_key(&codec)) {
            (None, _) => Heard::Silence,
            (Some(_), true) => Heard::Bed(codec),
            (Some(_), false) => Heard::Missing(codec),
        })
    }

    /// The same clip in another form. What is only looked at is the same whatever sounds.
    pub fn form(&self, profile: Profile, frame: Option<u32>) -> ClipSpec {
        let sound = profile.sound().and_then(|codec| self.sounds.get(&codec)).cloned();
        match profile {
            Profile::Mp4 => self.film.clone(),
            // Who looks makes no difference to a plate as it is.
            _ if self.is_untouched() => ClipSpec { sound, ..ClipSpec::of_plate(self.plate_key, profile, frame, &self.deriver) },
            _ => {
                let compositor = format!("{} {}", self.film.compositor, self.deriver);
                ClipSpec { profile, frame, sound, compositor, ..self.film.clone() }
            }
        }
    }

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
    /// What a template shows to a locale when nothing else is said.
    pub fn usual(template: TemplateId, locale: Locale) -> Self {
        Self { template, locale, parameters: BTreeMap::new(), ratio: None, variation: 0, profile: Profile::default(), at: None }
    }

    /// Reads a pick from the pairs of a query string: `ratio`, `variation`, `profile` and `at` are what they say, every other
    /// pair is a parameter. The order of the pairs does not matter.
    ///
    /// # Errors
    /// If a pair is repeated, or `ratio`, `variation`, `profile` or `at` has no such value.
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
        let ratio = parameters.remove("ratio").map(|given| given.parse()).transpose()?;
        let profile = parameters.remove("profile").map(|given| given.parse()).transpose()?.unwrap_or_default();
        let at = parameters.remove("at").map(|given| moment(&given)).transpose()?;
        Ok(Self { template, locale, parameters, ratio, variation, profile, at })
    }

    /// The same pick, each value spelt as its parameter spells it. What was left out stays left out, so that this is the same
    /// pick for ever, whatever becomes of defaults. `None` if something in it has no such value: resolving says what.
    pub fn spelt(&self, template: &Template) -> Option<Self> {
        let mut parameters = BTreeMap::new();
        for (name, given) in &self.parameters {
            let parameter = template.parameter(name)?;
            if !is_no_image(&parameter.kind, given) {
                parameters.insert(name.clone(), parameter.read(given).ok()?.to_string());
            }
        }
        Some(Self { parameters, ..self.clone() })
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
        let (offered, usual) = (template.canvases.ratios(), template.canvases.usual());
        let ratio = self.ratio.unwrap_or(usual);
        if !offered.contains(&ratio) {
            return Err(PickError::UnknownRatio { template: template.id.clone(), given: ratio, known: offered.to_vec() });
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

        let canvas = template.canvases.of(ratio);
        let plate = PlateSpec {
            template: template.id.clone(),
            template_digest: template.plate_digest(),
            scene: template.scene(&self.locale, &values, &canvas, makers)?,
            canvas,
            windows: template.overlay_windows().into_iter().map(FrameRange::from).collect(),
            variation: self.variation,
            encoder: makers.encoder.clone(),
            watermark: None,
        };
        let plate_key = plate.key();
        let drawn = template.parameters.iter().filter(|parameter| parameter.touches == Touches::Overlay);
        let drawn = drawn.filter_map(|parameter| Some((parameter.name.clone(), values.get(&parameter.name)?.to_string())));
        let overlay = template.overlay(&self.locale, &values, ratio);
        let compositor = if overlay.layers.is_empty() { ClipSpec::UNTOUCHED } else { &makers.compositor };
        let (bed, laying) = template.bed(&values).unzip();
        let sounds = sounds(bed.as_ref().zip(laying), &plate.canvas, makers);
        let sound = sounds.get(&SoundCodec::Aac).cloned();
        let overlay_spec = match overlay.layers.is_empty() && sound.is_some() {
            // Who looks makes no difference to a plate that only sounds.
            true => OverlaySpec::none(),
            false => OverlaySpec { digest: overlay.digest(), locale: self.locale.maximized(), values: drawn.collect() },
        };
        let film = ClipSpec {
            plate: plate_key,
            overlay: overlay_spec,
            profile: Profile::Mp4,
            frame: None,
            sound,
            compositor: compositor.to_owned(),
        };
        let frame = self.frame(template, &plate.canvas)?;
        let pick = Pick {
            template: self.template.clone(),
            locale: self.locale.minimized(),
            parameters: values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            ratio: Some(ratio).filter(|ratio| *ratio != usual),
            variation: self.variation,
            profile: self.profile,
            at: frame.map(|frame| begins(frame, &plate.canvas)),
        };
        let deriver = makers.deriver.clone();
        let clip = film.clone();
        let clip_key = clip.key();
        let mut resolved = Resolved { pick, plate, plate_key, overlay, bed, film, clip_key, clip, deriver, sounds };
        resolved.clip = resolved.form(self.profile, frame);
        resolved.clip_key = resolved.clip.key();
        Ok(resolved)
    }

    /// The frame of a poster: the one that is seen at its moment, else the one that the template names.
    fn frame(&self, template: &Template, canvas: &Canvas) -> Result<Option<u32>, PickError> {
        let Canvas { frames, fps, .. } = *canvas;
        let Profile::Poster(_) = self.profile else {
            return if self.at.is_none() { Ok(None) } else { Err(PickError::NoMoment { profile: self.profile }) };
        };
        let Some(at) = self.at else { return Ok(Some(template.poster)) };
        let frame = at.0.saturating_mul(fps.into()) / 1000;
        let frame = u32::try_from(frame).ok().filter(|frame| at.0 >= 0 && *frame < frames);
        frame.map(Some).ok_or_else(|| PickError::BadMoment { given: at.to_string(), length: begins(frames, canvas) })
    }
}

/// A bed under clips of this canvas, as it is encoded in each way that it can be here.
fn sounds(bed: Option<(&Bed, Laying)>, canvas: &Canvas, makers: &Makers) -> BTreeMap<SoundCodec, SoundSpec> {
    let Some((bed, laying)) = bed else { return BTreeMap::new() };
    let Canvas { frames, fps, .. } = *canvas;
    let spec = |(codec, build): (&SoundCodec, &String)| {
        let spec = SoundSpec { bed: bed.digest(), laying, frames, fps, codec: *codec, build: build.clone() };
        (*codec, spec)
    };
    makers.sounds.iter().map(spec).collect()
}

/// When a frame begins, in seconds, not earlier: the frame that is seen then is this one.
fn begins(frame: u32, canvas: &Canvas) -> Milli {
    Milli((i64::from(frame) * 1000 + i64::from(canvas.fps) - 1) / i64::from(canvas.fps))
}

/// Seconds in decimal notation, of which thousandths count.
fn moment(given: &str) -> Result<Milli, PickError> {
    let plain = given.len() <= 12 && given.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = given.parse().ok().filter(|_| plain).and_then(Milli::new);
    seconds.ok_or_else(|| PickError::Moment { given: shortened(given) })
}

/// Whether an empty text stands for "no picture".
fn is_no_image(kind: &Kind, given: &str) -> bool {
    matches!(kind, Kind::Image) && given.is_empty()
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
