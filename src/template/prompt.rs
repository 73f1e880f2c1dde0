//! The prompt of a template: a skeleton in which parameters and the fragments of a locale are filled in.
//!
//! The skeleton is the template author's; values are data and are never read as a skeleton. It runs in a sandbox: no loader,
//! no includes, four filters, strict undefined, bounded steps and size.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use festoon_spec::{Abilities, Canvas, Checkpoint, Locale, Lora, Milli, Noise, Sampler, WanScene};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::{
    Canvases, Chosen, Kind, Parameter, SceneError,
    adapting::{Adapting, Longer, Shortfall},
    declared::Declared,
    place::{Uses, Values, by_locale},
    reader::{Item, Key, Located, Section, Table, did_you_mean},
};

/// Most bytes of a rendered prompt: more than the text encoder's 512 tokens of any language hold.
const MAX_PROMPT_BYTES: usize = 8 * 1024;
/// Most bytes of a skeleton.
const MAX_SKELETON_BYTES: usize = 16 * 1024;
/// Most instructions of one rendering.
const FUEL: u64 = 20_000;
/// Most fragments.
const MAX_FRAGMENTS: usize = 32;
/// The filters of a skeleton.
const FILTERS: [&str; 4] = ["capitalize", "lower", "trim", "upper"];
/// The name that errors give the skeleton.
const NAME: &str = "skeleton";
/// What a table of a locale's fragments calls the language of its prompt.
const LANGUAGE: &str = "language";

/// `[prompt]`.
pub static PROMPT: Section = Section {
    title: "[prompt]",
    about: "What the text-to-video model is told. The skeleton is a Jinja text with `{{ name }}`, `{% if %}` and `{% for %}`, the filters `capitalize`, `lower`, `trim` and `upper`, and nothing else. It may say parameters that touch the plate (a text only with `in_prompt = true`) and fragments. A choice shows as its `prompt`, or its id. Blanks and line ends in the result become single spaces.",
    keys: &[
        Key::needed("skeleton", "a text of at most 16 KiB", "The prompt."),
        Key::optional("negative", "a text", "empty", "What to keep out of the picture."),
        Key::optional(
            "language",
            "a language, for example `ja`",
            "`en`",
            "What the prompt is written in. A model that does not read it refuses the template.",
        ),
        Key::optional(
            "fragments",
            "a table of texts by name",
            "none",
            "Parts of the prompt that differ by locale, as they are where no locale says otherwise.",
        ),
        Key::optional(
            "locale",
            "tables of texts by locale, for example `[prompt.locale.ja]`",
            "none",
            "Fragments of a locale and those that fall back to it: `place = \"a street in Tokyo under cherry blossom\"`. One that is left out is taken from the next locale of the chain, as in `[scene.locale.<locale>]`. `language = \"ja\"` beside them says that the prompt becomes one in another language.",
        ),
    ],
};

/// `[sampling]`.
pub static SAMPLING: Section = Section {
    title: "[sampling]",
    about: "How the text-to-video model paints. What is left out is as the model is meant to be sampled; `festoon-renderer info` lists that, and what else each model can give. A canvas that the model does not paint itself is painted at the nearest size, length and rate that it does, then cropped, scaled and interpolated; `festoon check` says how, or why that cannot be.",
    keys: &[
        Key::needed("model", "the name of a checkpoint in the server's configuration", "Which model."),
        Key::optional("sampler", "`unipc`, `euler` or `lightning`", "the model's", "The solver and its time grid."),
        Key::optional(
            "steps",
            "a whole number from 1 to 100",
            "the model's",
            "Denoising steps; a model refuses more than it takes.",
        ),
        Key::optional("shift", "a number from 0.1 to 20", "the model's", "Flow shift of the time grid."),
        Key::optional(
            "guidance_high",
            "a number from 0 to 20",
            "the model's",
            "Classifier-free guidance of the high-noise expert; 1 or less turns guidance off.",
        ),
        Key::optional(
            "guidance_low",
            "a number from 0 to 20",
            "the model's",
            "Classifier-free guidance of the low-noise expert.",
        ),
        Key::optional(
            "longer",
            "`refuse` or `ping-pong`",
            "`refuse`",
            "What becomes of a canvas that lasts longer than the model paints: `ping-pong` runs what it paints forth and back.",
        ),
        Key::optional("loras", "up to eight tables, see `[[sampling.loras]]`", "none", "Adapters, merged in this order."),
    ],
};

/// `[[sampling.loras]]`.
pub static LORA: Section = Section {
    title: "[[sampling.loras]]",
    about: "A LoRA file and how much of it goes into each expert.",
    keys: &[
        Key::needed("digest", "64 hexadecimal digits", "blake3 of the file."),
        Key::optional("weight_high", "a number from -4 to 4", "1", "Weight in the high-noise expert; 0 leaves it alone."),
        Key::optional("weight_low", "a number from -4 to 4", "1", "Weight in the low-noise expert; 0 leaves it alone."),
    ],
};

/// What the model is told and how it paints, for every locale.
#[derive(Debug, Clone)]
pub(super) struct WanSource {
    skeleton: Skeleton,
    negative: String,
    fragments: BTreeMap<String, String>,
    locales: BTreeMap<Locale, BTreeMap<String, String>>,
    language: Locale,
    /// The language of the prompt for a locale, where it is another, with the key that the locale stands under.
    languages: BTreeMap<Locale, (String, Locale)>,
    phrases: BTreeMap<String, BTreeMap<String, String>>,
    /// The checkpoint's configured name.
    pub model: String,
    sampler: Option<Sampler>,
    steps: Option<u32>,
    shift: Option<Milli>,
    guidance_high: Option<Milli>,
    guidance_low: Option<Milli>,
    loras: Vec<Lora>,
    adapting: Adapting,
}

impl WanSource {
    /// Reads `prompt` and `sampling` of a template; `focus` is what must stay in view of a picture that is cropped. `None` after a
    /// mistake.
    pub fn read(template: &Table<'_>, declared: &Declared, uses: &Uses<'_>, focus: Option<[Milli; 2]>) -> Option<Self> {
        let sampling = template.table("sampling", &SAMPLING);
        let prompt = template.table("prompt", &PROMPT)?;
        let fragments = texts(prompt.entries("fragments", MAX_FRAGMENTS));
        if fragments.contains_key(LANGUAGE) {
            let hint = "choose another name".to_owned();
            let message =
                format!("`{LANGUAGE}` cannot be the name of a fragment: a locale says with it what its prompt is written in");
            prompt.mistake("reserved-name", "fragments", message, hint);
        }
        let language = prompt.find("language").map_or_else(|| "en".parse().ok(), |item| Some(item.read::<Locale>()?.value));
        let (mut locales, mut languages) = (BTreeMap::new(), BTreeMap::new());
        for (locale, item) in by_locale(&prompt) {
            let is_language = |(name, _): &(Located<&str>, Item<'_>)| name.value == LANGUAGE;
            let (said, own): (Vec<_>, Vec<_>) = item.entries(MAX_FRAGMENTS).into_iter().partition(is_language);
            if let Some(language) = said.first().and_then(|(_, said)| said.read::<Locale>()) {
                languages.insert(locale.clone(), (item.name().to_owned(), language.value));
            }
            let own = texts(own);
            for name in own.keys().filter(|name| !fragments.contains_key(*name)) {
                let hint = did_you_mean(name, fragments.keys().map(String::as_str))
                    .unwrap_or_else(|| format!("say what it is elsewhere: write `{name} = …` in [prompt.fragments]"));
                item.mistake("unknown-fragment", format!("there is no fragment `{name}` in [prompt.fragments]"), hint);
            }
            locales.insert(locale, own);
        }
        let phrases = declared
            .sound
            .iter()
            .filter_map(|parameter| match &parameter.kind {
                Kind::Choice { choices } => {
                    let phrase = |choice: &super::Choice| (choice.id.clone(), choice.prompt.clone().unwrap_or(choice.id.clone()));
                    Some((parameter.name.clone(), choices.iter().map(phrase).collect()))
                }
                _ => None,
            })
            .collect();
        let negative = prompt.text("negative").map(|text| one_line(text.value)).unwrap_or_default();
        let skeleton = read_skeleton(&prompt, declared, uses, &fragments);
        let sampling = sampling?;
        // The outer option is a mistake, the inner one what is left to the model.
        let number = |key, limits: std::ops::RangeInclusive<i64>| match sampling.find(key) {
            Some(item) => item.milli(Milli(*limits.start())..=Milli(*limits.end())).map(Some),
            None => Some(None),
        };
        let (shift, guidance_high) = (number("shift", 100..=20_000), number("guidance_high", 0..=20_000));
        let guidance_low = number("guidance_low", 0..=20_000);
        let sampler = sampling.find("sampler").map_or(Some(None), |item| read_sampler(&item).map(Some));
        let steps = sampling.find("steps").map_or(Some(None), |item| item.whole(1..=100).map(Some));
        let longer = sampling.find("longer").map_or(Some(Longer::default()), |item| read_longer(&item));
        let loras: Option<Vec<_>> = sampling.list("loras", 8).iter().map(read_lora).collect();
        let model = sampling.text("model");
        let source = Self {
            skeleton: skeleton?,
            negative,
            fragments,
            locales,
            language: language?,
            languages,
            phrases,
            model: model?.value.to_owned(),
            sampler: sampler?,
            steps: steps?,
            shift: shift?,
            guidance_high: guidance_high?,
            guidance_low: guidance_low?,
            loras: loras?,
            adapting: Adapting { longer: longer?, focus },
        };
        source.try_every_value(&prompt, &declared.sound);
        Some(source)
    }

    /// The scene for the nearest locale of `chain` and the chosen values, as this checkpoint paints it.
    ///
    /// # Errors
    /// If the skeleton fails on these values, or the checkpoint cannot give what the template asks for.
    pub fn build(
        &self,
        chain: &[Locale],
        values: &Values,
        canvas: &Canvas,
        Checkpoint { digest, abilities, .. }: &Checkpoint,
    ) -> Result<WanScene, SceneError> {
        let refused = |shortfall| SceneError::Short { model: self.model.clone(), shortfall };
        let language =
            chain.iter().find_map(|locale| self.languages.get(locale)).map_or(&self.language, |(_, language)| language);
        let steps = self.steps(abilities).and_then(|steps| reads(abilities, language).map(|()| steps)).map_err(refused)?;
        let sampling = &abilities.sampling;
        Ok(WanScene {
            prompt: self.prompt(chain, values)?,
            negative: self.negative.clone(),
            model: *digest,
            loras: self.loras.clone(),
            sampler: self.sampler(abilities),
            steps,
            shift: self.shift.unwrap_or(sampling.shift),
            guidance_high: self.guidance_high.unwrap_or(sampling.guidance_high),
            guidance_low: self.guidance_low.unwrap_or(sampling.guidance_low),
            noise: Noise::PlateKey,
            text_tokens: abilities.prompt.tokens,
            adapted: self.adapting.of(canvas, abilities).map_err(refused)?,
        })
    }

    /// Everything that this checkpoint cannot give, each with the keys that lead to it in template.toml.
    pub fn shortfalls(&self, canvases: &Canvases, abilities: &Abilities) -> Vec<(Vec<&str>, Shortfall)> {
        let mut shortfalls = Vec::new();
        for (ratio, canvas) in canvases.each() {
            match self.adapting.of(&canvas, abilities) {
                Err(shortfall @ Shortfall::WrongRatio { .. }) if ratio == canvases.usual() => {
                    shortfalls.push((vec!["canvas", "width"], shortfall));
                }
                Err(shortfall @ Shortfall::WrongRatio { .. }) => shortfalls.push((vec!["canvas", "ratios"], shortfall)),
                // It lasts as long in every ratio.
                Err(shortfall) if ratio == canvases.usual() => shortfalls.push((vec!["canvas", "frames"], shortfall)),
                _ => {}
            }
        }
        if let Err(shortfall) = self.steps(abilities) {
            shortfalls.push((vec!["sampling", "steps"], shortfall));
        }
        if let Err(shortfall) = reads(abilities, &self.language) {
            shortfalls.push((vec!["prompt", LANGUAGE], shortfall));
        }
        for (written, language) in self.languages.values() {
            if let Err(shortfall) = reads(abilities, language) {
                shortfalls.push((vec!["prompt", "locale", written, LANGUAGE], shortfall));
            }
        }
        shortfalls
    }

    /// The solver.
    pub fn sampler(&self, abilities: &Abilities) -> Sampler {
        self.sampler.unwrap_or(abilities.sampling.sampler)
    }

    /// Denoising steps.
    ///
    /// # Errors
    /// If they are more than the checkpoint takes.
    pub fn steps(&self, abilities: &Abilities) -> Result<u32, Shortfall> {
        let (steps, most) = (self.steps.unwrap_or(abilities.sampling.steps), abilities.sampling.most_steps);
        if steps > most { Err(Shortfall::TooManySteps { steps, most }) } else { Ok(steps) }
    }

    /// What is painted for this canvas; `None` if that is the canvas itself.
    ///
    /// # Errors
    /// If no adapting leads there.
    pub fn adapted(&self, canvas: &Canvas, abilities: &Abilities) -> Result<Option<festoon_spec::Adapted>, Shortfall> {
        self.adapting.of(canvas, abilities)
    }

    /// The locales for which something is said differently.
    pub fn locales(&self) -> impl Iterator<Item = &Locale> {
        self.locales.keys()
    }

    /// Each fragment as the nearest locale of a chain has it.
    pub fn fragments(&self, chain: &[Locale]) -> impl Iterator<Item = (&str, &str)> {
        self.fragments.iter().map(|(name, text)| {
            let own = chain.iter().filter_map(|locale| self.locales.get(locale));
            (name.as_str(), own.clone().find_map(|texts| texts.get(name)).unwrap_or(text).as_str())
        })
    }

    /// What the model is told along a chain of locales, nearest first, and for the chosen values.
    ///
    /// # Errors
    /// If the skeleton fails on these values.
    pub fn prompt(&self, chain: &[Locale], values: &Values) -> Result<String, PromptError> {
        let mut context: BTreeMap<&str, minijinja::Value> =
            self.fragments(chain).map(|(name, text)| (name, minijinja::Value::from(text))).collect();
        for (name, chosen) in values {
            let value = match chosen {
                Chosen::Choice(id) => {
                    let phrase = self.phrases.get(name).and_then(|phrases| phrases.get(id));
                    minijinja::Value::from(phrase.unwrap_or(id).as_str())
                }
                Chosen::Boolean(flag) => minijinja::Value::from(*flag),
                Chosen::Number(number) => minijinja::Value::from(number.to_string()),
                other => minijinja::Value::from(other.to_string()),
            };
            context.insert(name, value);
        }
        self.skeleton.render(context)
    }

    /// Renders with each value that a parameter can take and with the fragments of each locale, to find what fails.
    fn try_every_value(&self, prompt: &Table<'_>, parameters: &[Parameter]) {
        let usual: Values = parameters
            .iter()
            .filter_map(|parameter| Some((parameter.name.clone(), parameter.default.clone().or_else(|| stand_in(parameter))?)))
            .collect();
        let mut tries = vec![(Vec::new(), usual.clone())];
        tries.extend(self.locales.keys().map(|locale| (vec![locale.clone()], usual.clone())));
        for parameter in parameters {
            let values: Vec<Chosen> = match &parameter.kind {
                Kind::Choice { choices } => choices.iter().map(|choice| Chosen::Choice(choice.id.clone())).collect(),
                Kind::Boolean => vec![Chosen::Boolean(false), Chosen::Boolean(true)],
                _ => continue,
            };
            tries.extend(values.into_iter().map(|value| {
                let mut values = usual.clone();
                values.insert(parameter.name.clone(), value);
                (Vec::new(), values)
            }));
        }
        let mut told = Vec::new();
        for (chain, values) in tries {
            if let Err(error) = self.prompt(&chain, &values) {
                let text = error.to_string();
                if !told.contains(&text) {
                    prompt.page.mistake("prompt-fails", self.skeleton.line_span(prompt, error.line), error.to_string(), None);
                    told.push(text);
                }
            }
        }
    }
}

/// A value for a parameter whose default stands in the words.
fn stand_in(parameter: &Parameter) -> Option<Chosen> {
    matches!(parameter.kind, Kind::Text { .. }).then(|| Chosen::Text("text".into()))
}

fn texts(entries: Vec<(Located<&str>, Item<'_>)>) -> BTreeMap<String, String> {
    entries.into_iter().filter_map(|(name, item)| Some((name.value.to_owned(), item.text()?.value.to_owned()))).collect()
}

fn read_sampler(item: &Item<'_>) -> Option<Sampler> {
    let name = item.text()?;
    let samplers = [Sampler::Unipc, Sampler::Euler, Sampler::Lightning];
    let sampler = samplers.into_iter().find(|sampler| sampler.name() == name.value);
    if sampler.is_none() {
        let hint = "the samplers are: unipc, euler, lightning".to_owned();
        item.mistake("unknown-sampler", format!("there is no sampler `{}`", name.value), hint);
    }
    sampler
}

fn read_longer(item: &Item<'_>) -> Option<Longer> {
    let name = item.text()?;
    let longer = Longer::NAMES.into_iter().find(|(known, _)| *known == name.value);
    if longer.is_none() {
        item.mistake("bad-value", format!("`longer` is `{}`, expected `refuse` or `ping-pong`", name.value), None);
    }
    longer.map(|(_, longer)| longer)
}

fn reads(abilities: &Abilities, language: &Locale) -> Result<(), Shortfall> {
    if abilities.reads(language) {
        return Ok(());
    }
    Err(Shortfall::UnknownLanguage { language: language.clone(), known: abilities.prompt.languages.clone() })
}

fn read_lora(item: &Item<'_>) -> Option<Lora> {
    let table = item.table(&LORA)?;
    let weight = |key| match table.find(key) {
        Some(item) => item.milli(Milli(-4000)..=Milli(4000)),
        None => Some(Milli::ONE),
    };
    let (digest, weight_high, weight_low) = (table.read("digest"), weight("weight_high"), weight("weight_low"));
    Some(Lora { digest: digest?.value, weight_high: weight_high?, weight_low: weight_low? })
}

/// Compiles the skeleton and compares the names it says with those that there are.
fn read_skeleton(
    prompt: &Table<'_>,
    declared: &Declared,
    uses: &Uses<'_>,
    fragments: &BTreeMap<String, String>,
) -> Option<Skeleton> {
    let written = prompt.text("skeleton")?;
    let span = written.span.clone();
    if written.value.len() > MAX_SKELETON_BYTES {
        prompt.mistake("too-long", "skeleton", format!("the skeleton is longer than {MAX_SKELETON_BYTES} bytes"), None);
        return None;
    }
    let skeleton = match Skeleton::new(written.value) {
        Ok(skeleton) => skeleton,
        Err(error) => {
            let line = line_span(prompt.page.file.text(), &span, written.value, error.line);
            prompt.page.mistake("prompt-syntax", line, error.to_string(), None);
            return None;
        }
    };
    let said = skeleton.names();
    let before = prompt.page.count();
    for name in &said {
        if fragments.contains_key(name) {
            continue;
        }
        let place = name_span(prompt.page.file.text(), &span, name);
        if declared.find(name).is_err() {
            let names = fragments.keys().chain(declared.sound.iter().map(|parameter| &parameter.name)).map(String::as_str);
            let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| match names.collect::<Vec<_>>() {
                names if names.is_empty() => "there are no parameters and no fragments".to_owned(),
                names => format!("the names are: {}", names.join(", ")),
            });
            let message = format!("the skeleton says `{name}`, which is neither a parameter nor a fragment");
            prompt.page.mistake("unknown-name", place, message, hint);
            continue;
        }
        match uses.parameter(prompt.page, place.clone(), name).map(|parameter| &parameter.kind) {
            Some(Kind::Text { in_prompt: false, .. }) => {
                let hint = format!("write `in_prompt = true` in [parameters.{name}] if what people type may steer the model");
                prompt.page.mistake("text-in-prompt", place, format!("the text `{name}` may not be put into a prompt"), hint);
            }
            Some(Kind::Image) => {
                prompt.page.mistake("misfit", place, format!("the image `{name}` cannot be put into a prompt"), None);
            }
            _ => {}
        }
    }
    for name in fragments.keys() {
        if declared.find(name).is_ok() {
            prompt.mistake("repeated-name", "fragments", format!("`{name}` is a fragment and a parameter"), None);
        } else if !said.contains(name) {
            prompt.mistake("unused-fragment", "fragments", format!("the skeleton never says the fragment `{name}`"), None);
        }
    }
    (prompt.page.count() == before).then_some(skeleton)
}

/// A compiled skeleton.
#[derive(Debug, Clone)]
struct Skeleton {
    environment: Arc<Environment<'static>>,
    written: Arc<str>,
}

/// Why a skeleton does not compile or render.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the prompt skeleton fails{}: {detail}", line.map(|line| format!(" in its line {line}")).unwrap_or_default())]
pub struct PromptError {
    /// The line of the skeleton, from 1, if known.
    pub line: Option<usize>,
    /// What is wrong.
    pub detail: String,
}

impl From<minijinja::Error> for PromptError {
    fn from(error: minijinja::Error) -> Self {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        Self { line: error.line(), detail }
    }
}

impl Skeleton {
    fn new(written: &str) -> Result<Self, PromptError> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(32);
        environment.add_filter(FILTERS[0], minijinja::filters::capitalize);
        environment.add_filter(FILTERS[1], minijinja::filters::lower);
        environment.add_filter(FILTERS[2], minijinja::filters::trim);
        environment.add_filter(FILTERS[3], minijinja::filters::upper);
        environment.add_template_owned(NAME, written.to_owned())?;
        Ok(Self { environment: Arc::new(environment), written: written.into() })
    }

    /// The names that it takes from outside, in the order of the alphabet.
    fn names(&self) -> Vec<String> {
        let template = self.environment.get_template(NAME).expect("added when the skeleton was made");
        let mut names: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        names.sort();
        names
    }

    fn render(&self, context: BTreeMap<&str, minijinja::Value>) -> Result<String, PromptError> {
        let template = self.environment.get_template(NAME).expect("added when the skeleton was made");
        let mut prompt = Bounded(Vec::new());
        template.render_captured_to(minijinja::Value::from_pairs(context), &mut prompt).map_err(|error| {
            if prompt.0.len() >= MAX_PROMPT_BYTES {
                PromptError { line: None, detail: format!("the prompt is longer than {MAX_PROMPT_BYTES} bytes") }
            } else {
                PromptError::from(error)
            }
        })?;
        Ok(one_line(&String::from_utf8_lossy(&prompt.0)))
    }

    fn line_span(&self, prompt: &Table<'_>, line: Option<usize>) -> Range<usize> {
        let span = prompt.find("skeleton").map_or(prompt.span.clone(), |item| item.span());
        line_span(prompt.page.file.text(), &span, &self.written, line)
    }
}

/// Collects at most [`MAX_PROMPT_BYTES`].
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = MAX_PROMPT_BYTES - self.0.len();
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(taken) }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Blanks and line ends become single spaces.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes of one line of a text that is written at `span` of a file. The whole value if the text has escapes, whose lines
/// are not lines of the file.
fn line_span(file: &str, span: &Range<usize>, text: &str, line: Option<usize>) -> Range<usize> {
    let raw = &file[span.clone()];
    let (Some(line), Some(start)) = (line, raw.find(text)) else { return span.clone() };
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let Some(wanted) = text.split('\n').nth(line.saturating_sub(1)) else { return span.clone() };
    let at = span.start + start + before;
    at..at + wanted.len()
}

/// The first place in a skeleton where a name stands as a word inside `{{ }}` or `{% %}`; the whole value if it does not.
fn name_span(file: &str, span: &Range<usize>, name: &str) -> Range<usize> {
    let raw = &file[span.clone()];
    let is_word = |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    let last = |text: &str, braces: [&str; 2]| braces.iter().filter_map(|brace| text.rfind(brace)).max();
    let found = raw.match_indices(name).find(|(at, _)| {
        let (before, after) = (&raw[..*at], &raw[at + name.len()..]);
        let inside = last(before, ["{{", "{%"]) > last(before, ["}}", "%}"]);
        inside && !is_word(before.chars().next_back()) && !is_word(after.chars().next())
    });
    found.map_or(span.clone(), |(at, _)| span.start + at..span.start + at + name.len())
}
