//! Campaigns: what is painted ahead because somebody said so, with a budget.
//!
//! A [`Campaign`] is a file; with the templates and the makers it becomes a [`Matrix`]: the plates it wants, each once however
//! many locales share it, the most wanted first, cut at the budget. A template's pre-render rule becomes one in the same way.

mod costs;
mod draft;
mod file;
mod folder;
mod matrix;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{NaiveDate, NaiveTime};
use festoon_spec::{Locale, TemplateId};

pub use costs::{Costs, Defaults};
pub use draft::{Draft, Head, MOST_BYTES, Wishes, Written, Wrong};
pub use folder::{Campaigns, NotKept};
pub use matrix::{Cell, Matrix, Sum, Unresolved};

use crate::{
    makers::Makers,
    pick::{PickError, RankedPick},
    template::{Budget, CatchUp, Mistake, Offset, Place, PrerenderRule, Ratio, SourceFile, Template, Templates},
};

/// Most picks that a campaign may ask for before its budget is looked at.
const MOST_PICKS: usize = 20_000;

/// A campaign as its file says it.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its file's name.
    pub id: String,
    /// For people.
    pub name: String,
    /// First and last day on which its clips are shown, if it says.
    pub window: Option<(NaiveDate, NaiveDate)>,
    /// Another first day, by region.
    pub live: BTreeMap<String, NaiveDate>,
    /// Whether nothing is painted for it at the moment. What was painted stays.
    pub paused: bool,
    /// Where painting stops.
    pub budget: Budget,
    /// What it wants, the most wanted first.
    pub parts: Vec<Part>,
    file: Arc<SourceFile>,
}

/// Some templates with the same wishes.
#[derive(Debug, Clone)]
pub struct Part {
    templates: Vec<Located<TemplateId>>,
    /// `None`: each locale that a template has words for.
    locales: Option<Vec<Locale>>,
    /// Values by parameter; one value is fixed, several are an axis. Each of the part's templates takes those it has.
    choices: BTreeMap<String, Located<Vec<String>>>,
    /// Without any, each template's first.
    ratios: Located<Vec<Ratio>>,
    variations: u32,
}

/// A value with its bytes in the file.
#[derive(Debug, Clone)]
struct Located<T> {
    value: T,
    span: Range<usize>,
}

/// Why there is no campaign, or no matrix of it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CampaignError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It says what it must not.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Mistake(Box<Mistake>),
}

impl CampaignError {
    /// On one line, with its place and hint: for a log.
    pub fn line(&self) -> String {
        match self {
            Self::Read { .. } => self.to_string(),
            Self::Mistake(mistake) => mistake.line(),
        }
    }
}

impl Campaign {
    /// Reads a campaign's file.
    ///
    /// # Errors
    /// If it cannot be read, or with its first mistake.
    pub fn load(path: &Path) -> Result<Self, CampaignError> {
        let text = fs::read_to_string(path).map_err(|source| CampaignError::Read { path: path.to_owned(), source })?;
        file::parse(path, text).map_err(|mistake| CampaignError::Mistake(Box::new(mistake)))
    }

    /// The day on which its clips are shown for the first time in a region, if it says.
    pub fn goes_live(&self, region: &str) -> Option<NaiveDate> {
        self.live.get(region).copied().or(self.window.map(|(first, _)| first))
    }

    /// Its file's text.
    pub fn text(&self) -> &str {
        self.file.text()
    }

    /// Whether its last day is over.
    pub fn is_over(&self, today: NaiveDate) -> bool {
        self.window.is_some_and(|(_, last)| last < today)
    }

    /// The plates it wants within its budget, the most wanted first, and those beyond.
    ///
    /// # Errors
    /// If it names a template that is not there, a parameter that none of a part's templates has, or a value that a parameter
    /// cannot take; if it asks for too much.
    pub fn matrix(&self, templates: &Templates, makers: &Makers, costs: &Costs) -> Result<Matrix, CampaignError> {
        self.expand(templates, makers, costs).map_err(|mistake| CampaignError::Mistake(Box::new(mistake)))
    }

    fn expand(&self, templates: &Templates, makers: &Makers, costs: &Costs) -> Result<Matrix, Mistake> {
        let mut asked: Vec<(&Template, RankedPick)> = Vec::new();
        for part in &self.parts {
            let part_templates = self.templates_of(part, templates)?;
            for template in part_templates {
                let rule = part.rule(&self.id, template);
                let axes = rule.choices.values().map(Vec::len).product::<usize>();
                let axes = axes.saturating_mul(rule.ratios.len().max(1));
                let picks = axes.saturating_mul(rule.locales.len()).saturating_mul(rule.variations as usize);
                if asked.len().saturating_add(picks) > MOST_PICKS {
                    let span = part.templates.first().map_or(0..0, |template| template.span.clone());
                    let message = format!("the campaign asks for more than {MOST_PICKS} picks");
                    return Err(self.mistake(span, message).hinted("name fewer values, locales, ratios or variations"));
                }
                asked.extend(RankedPick::of(&rule, template).into_iter().map(|ranked| (template, ranked)));
            }
        }
        Matrix::of(asked, makers, costs, self.budget).map_err(|unresolved| {
            let hint = unresolved.error.hint();
            let mistake = self.mistake(self.place_of(&unresolved), unresolved.to_string());
            hint.into_iter().fold(mistake, Mistake::hinted)
        })
    }

    /// The templates of a part; each parameter that it names belongs to one of them.
    fn templates_of<'a>(&self, part: &Part, templates: &'a Templates) -> Result<Vec<&'a Template>, Mistake> {
        let mut found: Vec<&Template> = Vec::new();
        for Located { value, span } in &part.templates {
            let template = templates.find(value.as_str()).map_err(|error| {
                let mistake = self.mistake(span.clone(), error.to_string());
                error.hint().into_iter().fold(mistake, Mistake::hinted)
            })?;
            found.push(template);
        }
        for (name, values) in &part.choices {
            if !found.iter().any(|template| template.parameter(name).is_some()) {
                let known: BTreeSet<_> =
                    found.iter().flat_map(|template| &template.parameters).map(|parameter| parameter.name.as_str()).collect();
                let mistake = self.mistake(values.span.clone(), format!("none of these templates has a parameter `{name}`"));
                return Err(mistake.hinted(format!("their parameters are: {}", Vec::from_iter(known).join(", "))));
            }
        }
        Ok(found)
    }

    /// Where the file asks for a pick that cannot be: at the value that is wrong, else at the template.
    fn place_of(&self, unresolved: &Unresolved) -> Range<usize> {
        let pick = &unresolved.pick;
        let has =
            |part: &Part, name: &str, value: &String| part.choices.get(name).is_none_or(|values| values.value.contains(value));
        let asks = |part: &&Part| {
            part.templates.iter().any(|template| template.value == pick.template)
                && pick.parameters.iter().all(|(name, value)| has(part, name, value))
                && pick.ratio.is_none_or(|ratio| part.ratios.value.is_empty() || part.ratios.value.contains(&ratio))
        };
        let part = self.parts.iter().find(asks);
        let wrong = match &unresolved.error {
            PickError::Value { parameter, .. } => part.and_then(|part| part.choices.get(parameter)).map(|values| &values.span),
            PickError::UnknownRatio { .. } => part.map(|part| &part.ratios.span),
            _ => None,
        };
        let template = || part.and_then(|part| part.templates.iter().find(|template| template.value == unresolved.pick.template));
        wrong.cloned().or_else(|| template().map(|template| template.span.clone())).unwrap_or(0..0)
    }

    fn mistake(&self, span: Range<usize>, message: String) -> Mistake {
        Mistake { code: "bad-campaign", message, hint: None, place: Place { file: self.file.clone(), span } }
    }
}

impl Part {
    /// The same wish as a pre-render rule has it, without a date.
    fn rule(&self, id: &str, template: &Template) -> PrerenderRule {
        let mine = self.choices.iter().filter(|(name, _)| template.parameter(name).is_some());
        PrerenderRule {
            id: id.to_owned(),
            feast: None,
            ready: Offset::default(),
            show: None,
            at: NaiveTime::MIN,
            locales: self.locales.clone().unwrap_or_else(|| template.locales().cloned().collect()),
            choices: mine.map(|(name, values)| (name.clone(), values.value.clone())).collect(),
            ratios: self.ratios.value.clone(),
            variations: self.variations,
            catch_up: CatchUp::default(),
            jitter: Duration::ZERO,
            budget: Budget::default(),
        }
    }
}
