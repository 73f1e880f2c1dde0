//! Proofs that what a template draws can be read: everything is laid out and drawn, for every locale, as it will be.
//!
//! In each ratio each locale's words are drawn with every choice in turn, and with texts as long as people may type. What does not fit, has
//! no glyph, leaves the safe area, or does not stand out from the plate is a [`Mistake`] at its layer. The plate of motion
//! graphics is taken for its sky, from top to bottom; of a model's plate nothing is known, so that writing has to stand out
//! from white and from black.

use std::{collections::BTreeMap, num::NonZero, panic::resume_unwind, thread};

use festoon_film::{
    Picture,
    overlay::{Content, Drawing, Faces, Layer, Overlay, OverlayError, Text},
};
use festoon_spec::{Canvas, Colour, Digest, Locale};
use unicode_segmentation::UnicodeSegmentation;

use super::{Chosen, Kind, Mistake, Parameter, Ratio, SceneSource, Template, Touches, Words, place::Values};

/// Proofs are made at this size of the shorter side: layouts grow with the frame, so one size proves all of a ratio.
const SHORT: u32 = 160;
/// Least contrast of writing (WCAG 2.2, 1.4.3): of large type, and of what is smaller than [`LARGE`] of the shorter side.
const CONTRAST: [f64; 2] = [3.0, 4.5];
/// 24 px at 720 lines.
const LARGE: f32 = 24.0 / 720.0;
/// Points that are looked at in a box, across and down.
const POINTS: usize = 9;

/// What is wrong with what these templates draw, in their order. Takes every processor; `proved` is told of each that is done.
pub fn prove_all(templates: &[Template], faces: &Faces, proved: &(dyn Fn() + Sync)) -> Vec<Mistake> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(templates.len());
    let mut all: Vec<(usize, Vec<Mistake>)> = thread::scope(|scope| {
        let part = |first: usize| {
            let templates = templates.iter().enumerate().skip(first).step_by(threads);
            let prove = move |(at, template)| {
                let mistakes = prove(template, faces);
                proved();
                (at, mistakes)
            };
            scope.spawn(move || templates.map(prove).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().flat_map(|(_, mistakes)| mistakes).collect()
}

/// What is wrong with what this template draws. Nothing if it draws nothing.
pub fn prove(template: &Template, faces: &Faces) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (ratio, canvas) in template.canvases.each() {
        let canvas = small(&canvas);
        let mut prover = Prover { template, faces, ratio, canvas, drawn: BTreeMap::new(), mistakes };
        for locale in template.locales() {
            let (_, words) = template.words(locale);
            for values in cases(template, words) {
                prover.case(locale, &values);
            }
            for (parameter, values) in longest(template, words) {
                prover.fits(locale, &values, Some(&parameter));
            }
        }
        mistakes = prover.mistakes;
    }
    mistakes
}

/// The canvas in its ratio and time, with a short side of [`SHORT`].
fn small(canvas: &Canvas) -> Canvas {
    let scale = f64::from(SHORT) / f64::from(canvas.width.min(canvas.height));
    let side = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32).max(8) * 2;
    Canvas { width: side(canvas.width), height: side(canvas.height), ..*canvas }
}

struct Prover<'t> {
    template: &'t Template,
    faces: &'t Faces,
    ratio: Ratio,
    canvas: Canvas,
    /// Overlays that were drawn, and backgrounds that they were seen on.
    drawn: BTreeMap<Digest, (Option<Drawing>, Vec<Vec<Colour>>)>,
    mistakes: Vec<Mistake>,
}

impl Prover<'_> {
    /// Draws what these values come to, and looks at it on its plates.
    fn case(&mut self, locale: &Locale, values: &Values) {
        let Some(overlay) = self.fits(locale, values, None) else { return };
        let skies = self.template.skies(locale, values);
        let mut found = Vec::new();
        if let Some((Some(drawing), seen)) = self.drawn.get_mut(&overlay.digest()) {
            for sky in skies {
                if !seen.contains(&sky) {
                    found.extend(faint(&overlay, drawing, &self.canvas, &sky));
                    seen.push(sky);
                }
            }
        }
        for (layer, contrast, needed, sky) in found {
            let sky = sky.iter().map(Colour::to_string).collect::<Vec<_>>().join(" ");
            let case = self.told(locale);
            let message = format!("{case}: `{layer}` has a contrast of {contrast:.1} to a plate of {sky}, {needed} is needed");
            let hint = "choose another colour, or lay a scrim or a panel below it".to_owned();
            self.note(&layer, "faint-text", message, Some(hint));
        }
    }

    /// Draws what these values come to; the overlay, if it could be.
    fn fits(&mut self, locale: &Locale, values: &Values, longest: Option<&Parameter>) -> Option<Overlay> {
        let overlay = self.template.overlay(locale, values, self.ratio);
        if overlay.layers.is_empty() {
            return None;
        }
        if let Some((drawn, _)) = self.drawn.get(&overlay.digest()) {
            return drawn.is_some().then_some(overlay);
        }
        let prepared = overlay.prepare(self.faces, &self.canvas);
        if let Err(error) = &prepared
            // Nobody can upload a picture yet that this could be proved with.
            && !matches!(error, OverlayError::MissingImage { .. })
        {
            let case = self.told(locale);
            let (message, hint) = match longest {
                Some(parameter) => (
                    format!("{case}: with a `{}` as long as may be typed, {error}", parameter.name),
                    Some("lower its `max_graphemes`, or the smallest `size`, or allow more `lines`".to_owned()),
                ),
                None => (format!("{case}: {error}"), error.hint()),
            };
            self.note(error.layer(), error.code(), message, hint);
        }
        self.drawn.insert(overlay.digest(), (prepared.ok(), Vec::new()));
        Some(overlay)
    }

    /// A case as messages call it: the locale, and the ratio where it is not the usual one.
    fn told(&self, locale: &Locale) -> String {
        let usual = self.ratio == self.template.canvases.usual();
        if usual { locale.to_string() } else { format!("{locale} in {}", self.ratio) }
    }

    fn note(&mut self, layer: &str, code: &'static str, message: String, hint: Option<String>) {
        let Some(place) = self.template.layer_place(layer) else { return };
        let mistake = Mistake { code, message, hint, place };
        // One line is enough for a layer that is wrong in all locales alike: the first, and how many more.
        if self.mistakes.iter().filter(|earlier| earlier.code == code && earlier.place.span == mistake.place.span).count() < 3 {
            self.mistakes.push(mistake);
        }
    }
}

/// The values that are drawn: the usual ones, then with each choice in turn.
fn cases(template: &Template, words: &Words) -> Vec<Values> {
    let usual = usual(template, words);
    let mut cases = vec![usual.clone()];
    for parameter in template.parameters.iter().filter(|parameter| parameter.touches != Touches::Sound) {
        let values: Vec<Chosen> = match &parameter.kind {
            Kind::Choice { choices } => choices.iter().map(|choice| Chosen::Choice(choice.id.clone())).collect(),
            Kind::Boolean => vec![Chosen::Boolean(false), Chosen::Boolean(true)],
            Kind::Number { min, max, .. } if parameter.touches == Touches::Overlay => {
                vec![Chosen::Number(*min), Chosen::Number(*max)]
            }
            _ => Vec::new(),
        };
        for value in values {
            let mut case = usual.clone();
            case.insert(parameter.name.clone(), value);
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
    }
    cases
}

/// The usual values, but one text as long as may be typed: the usual one, over and over.
fn longest(template: &Template, words: &Words) -> Vec<(Parameter, Values)> {
    let usual = usual(template, words);
    let mut cases = Vec::new();
    for parameter in template.parameters.iter().filter(|parameter| parameter.touches == Touches::Overlay) {
        let Kind::Text { max_graphemes, .. } = parameter.kind else { continue };
        let seed = usual.get(&parameter.name).map(Chosen::to_string).filter(|text| !text.is_empty());
        let seed = seed.unwrap_or_else(|| words.title.clone()).replace('\n', " ");
        let endless = format!("{seed} ").repeat(max_graphemes / seed.graphemes(true).count().max(1) + 1);
        let text: String = endless.graphemes(true).take(max_graphemes).collect();
        // A pattern may refuse it, and then nobody can type it.
        if let Ok(value) = parameter.read(&text) {
            let mut case = usual.clone();
            case.insert(parameter.name.clone(), value);
            cases.push((parameter.clone(), case));
        }
    }
    cases
}

fn usual(template: &Template, words: &Words) -> Values {
    let usual = |parameter: &Parameter| Some((parameter.name.clone(), Template::usual(parameter, words)?));
    template.parameters.iter().filter_map(usual).collect()
}

impl Template {
    /// What plates are taken for, each from top to bottom.
    fn skies(&self, locale: &Locale, values: &Values) -> Vec<Vec<Colour>> {
        match &self.source {
            SceneSource::Motion(motion) => vec![motion.build(&self.fallbacks.picture_chain(locale), values).palette.sky],
            SceneSource::Wan(_) => [[0; 3], [255; 3]].map(|colour| vec![Colour(colour)]).to_vec(),
        }
    }
}

/// The writing that does not stand out: layer, contrast, what is needed, sky.
fn faint(overlay: &Overlay, drawing: &Drawing, canvas: &Canvas, sky: &[Colour]) -> Vec<(String, f64, f64, Vec<Colour>)> {
    let mut found = Vec::new();
    for layer in &overlay.layers {
        let Content::Text(text) = &layer.content else { continue };
        let Some(written) = drawing.boxes().iter().find(|written| written.layer == layer.name) else { continue };
        let mut picture = Picture::of_sky(canvas, sky).expect("the canvas was checked when the template was read");
        drawing.draw_without(&layer.name, steady(layer), &mut picture);
        let rgb = picture.rgb();
        let [left, top, right, bottom] = written.ink;
        let mut least = f64::MAX;
        for at in 0..POINTS * POINTS {
            let along = |from: f32, to: f32, at: usize| from + (to - from) * (at as f32 + 0.5) / POINTS as f32;
            let (x, y) = (along(left, right, at % POINTS), along(top, bottom, at / POINTS));
            let place = |place: f32, side: u32| (place.max(0.0) as usize).min(side as usize - 1);
            let pixel = (place(y, canvas.height) * canvas.width as usize + place(x, canvas.width)) * 3;
            let below = Colour([rgb[pixel], rgb[pixel + 1], rgb[pixel + 2]]);
            least = least.min(contrast(text.colour, behind(text, below)));
        }
        let large = written.type_size.is_some_and(|size| size >= LARGE * canvas.width.min(canvas.height) as f32);
        let needed = CONTRAST[usize::from(!large)];
        if least < needed {
            found.push((layer.name.clone(), least, needed, sky.to_vec()));
        }
    }
    found
}

/// What a letter lies on: the panel over the plate, or the outline. A shadow is not counted, it fades away.
fn behind(text: &Text, below: Colour) -> Colour {
    let over = |colour: Colour, share: f64, below: Colour| {
        let mix = |at: usize| f64::from(colour.0[at]) * share + f64::from(below.0[at]) * (1.0 - share);
        Colour([0, 1, 2].map(|at| mix(at).round() as u8))
    };
    match (&text.outline, &text.panel) {
        (Some(outline), _) => outline.colour,
        (None, Some(panel)) => over(panel.colour, panel.opacity.get(), below),
        (None, None) => below,
    }
}

/// A frame at which the layer neither comes nor goes.
fn steady(layer: &Layer) -> u32 {
    let from = layer.window.from + layer.entrance.map_or(0, |entrance| entrance.frames);
    let until = layer.window.until - layer.exit.map_or(0, |exit| exit.frames);
    (from + until) / 2
}

/// The contrast ratio of WCAG 2.2: from 1 to 21.
fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.0.map(|channel| {
        let level = f64::from(channel) / 255.0;
        if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_on_white_has_the_contrast_of_the_recommendation() {
        assert!((contrast(Colour([0; 3]), Colour([255; 3])) - 21.0).abs() < 1e-9);
        assert!((contrast(Colour([0x77; 3]), Colour([255; 3])) - 4.48).abs() < 0.01);
    }
}
