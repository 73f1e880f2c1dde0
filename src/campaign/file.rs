//! The file form of a campaign.
//!
//! ```toml
//! id = "launch"
//! name = "Launch of the new lamp"
//! locales = ["en", "ja"]                       # of every part that has none of its own; without any, those of each template
//! window = { from = "2026-12-01", to = "2027-01-06" }
//! live = { JP = "2026-12-24" }                 # another first day in some regions
//! budget = { plates = 40, gpu_seconds = 3600 }
//! paused = true                                # nothing is painted for it; left out, it goes on
//!
//! [[part]]
//! templates = ["product-launch"]
//! parameters = { product = "lamp" }            # fixed
//! choices = { mood = ["calm", "bold"] }        # an axis
//! ratios = ["16:9", "9:16"]                    # without any, the first that a template offers
//! variations = 2
//! ```

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use chrono::NaiveDate;
use festoon_spec::{Locale, TemplateId};
use serde::Deserialize;
use toml::Spanned;

use super::{Campaign, Located, Part};
use crate::template::{Budget, Mistake, Place, Ratio, SourceFile};

/// Most takes of a pick.
const MOST_VARIATIONS: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CampaignFile {
    id: Spanned<String>,
    name: String,
    locales: Option<Spanned<Vec<Spanned<String>>>>,
    window: Option<Spanned<RawWindow>>,
    #[serde(default)]
    live: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    budget: RawBudget,
    #[serde(default)]
    part: Vec<RawPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    from: Spanned<String>,
    to: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawBudget {
    plates: Option<u32>,
    gpu_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    templates: Spanned<Vec<Spanned<String>>>,
    locales: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<RawValue>>,
    #[serde(default)]
    choices: BTreeMap<String, Spanned<Vec<RawValue>>>,
    ratios: Option<Spanned<Vec<Spanned<String>>>>,
    variations: Option<Spanned<u32>>,
}

/// A parameter's value as TOML has it; the parameter reads its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawValue {
    Text(String),
    Flag(bool),
    Integer(i64),
    Number(f64),
}

impl RawValue {
    fn text(&self) -> String {
        match self {
            RawValue::Text(text) => text.clone(),
            RawValue::Flag(flag) => flag.to_string(),
            RawValue::Integer(number) => number.to_string(),
            RawValue::Number(number) => number.to_string(),
        }
    }
}

/// Reads a campaign from the text of its file, whose name must be its id.
pub(super) fn parse(path: &Path, text: String) -> Result<Campaign, Mistake> {
    let source = Source(Arc::new(SourceFile::new(path.to_owned(), text)));
    let raw: CampaignFile = toml::from_str(source.0.text())
        .map_err(|error| source.mistake("bad-toml", error.span().unwrap_or(0..0), error.message()))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if *raw.id.get_ref() != stem {
        let message = format!("the id is `{}` but the file is named `{stem}`", raw.id.get_ref());
        return Err(source.at(raw.id.span(), message).hinted("give both one name"));
    }
    if raw.part.is_empty() {
        return Err(source.at(raw.id.span(), "the campaign wants nothing").hinted("add a `[[part]]` with `templates = [ … ]`"));
    }
    let window = raw.window.as_ref().map(|window| source.window(window)).transpose()?;
    let live = source.live(&raw.live, window)?;
    let common = raw.locales.as_ref().map(|locales| source.locales(locales)).transpose()?;
    let parts = raw.part.iter().map(|part| source.part(part, common.as_ref())).collect::<Result<_, _>>()?;
    Ok(Campaign {
        id: raw.id.into_inner(),
        name: raw.name,
        window,
        live,
        paused: raw.paused,
        budget: Budget { plates: raw.budget.plates, gpu_seconds: raw.budget.gpu_seconds },
        parts,
        file: source.0,
    })
}

/// The id that a campaign's text gives itself, if it can be read.
pub(super) fn id_of(text: &str) -> Option<String> {
    text.parse::<toml::Table>().ok()?.get("id")?.as_str().map(str::to_owned)
}

/// The file that is read, for the place of a mistake.
struct Source(Arc<SourceFile>);

impl Source {
    fn mistake(&self, code: &'static str, span: Range<usize>, message: &str) -> Mistake {
        Mistake { code, message: message.to_owned(), hint: None, place: Place { file: self.0.clone(), span } }
    }

    fn at(&self, span: Range<usize>, message: impl AsRef<str>) -> Mistake {
        self.mistake("bad-campaign", span, message.as_ref())
    }

    fn window(&self, window: &Spanned<RawWindow>) -> Result<(NaiveDate, NaiveDate), Mistake> {
        let RawWindow { from, to } = window.get_ref();
        let (first, last) = (self.date(from)?, self.date(to)?);
        if last < first {
            return Err(self.at(window.span(), format!("the window ends on {last}, before it begins on {first}")));
        }
        Ok((first, last))
    }

    fn live(
        &self,
        live: &BTreeMap<String, Spanned<String>>,
        window: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<BTreeMap<String, NaiveDate>, Mistake> {
        let mut dates = BTreeMap::new();
        for (region, date) in live {
            let is_region = match region.len() {
                2 => region.bytes().all(|byte| byte.is_ascii_uppercase()),
                3 => region.bytes().all(|byte| byte.is_ascii_digit()),
                _ => false,
            };
            if !is_region {
                return Err(self.at(date.span(), format!("`{region}` is not a region")).hinted("two capital letters, `JP`"));
            }
            let Some((_, last)) = window else {
                return Err(self.at(date.span(), "`live` moves the first day of a `window`, and there is none"));
            };
            let day = self.date(date)?;
            if day > last {
                return Err(self.at(date.span(), format!("in {region} it begins on {day}, after the window ends on {last}")));
            }
            dates.insert(region.clone(), day);
        }
        Ok(dates)
    }

    fn date(&self, date: &Spanned<String>) -> Result<NaiveDate, Mistake> {
        let text = date.get_ref();
        text.parse().map_err(|_| self.at(date.span(), format!("`{text}` is not a date")).hinted("write `YYYY-MM-DD`"))
    }

    fn locales(&self, locales: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<Locale>, Mistake> {
        if locales.get_ref().is_empty() {
            return Err(self.at(locales.span(), "the list is empty").hinted("name a locale, or leave `locales` out"));
        }
        let mut parsed: Vec<Locale> = Vec::new();
        for locale in locales.get_ref() {
            let known: Locale = locale.get_ref().parse().map_err(|error| self.at(locale.span(), format!("{error}")))?;
            if parsed.iter().any(|earlier| earlier.minimized() == known.minimized()) {
                return Err(self.at(locale.span(), format!("`{known}` is there twice")));
            }
            parsed.push(known);
        }
        Ok(parsed)
    }

    fn part(&self, part: &RawPart, common: Option<&Vec<Locale>>) -> Result<Part, Mistake> {
        if part.templates.get_ref().is_empty() {
            return Err(self.at(part.templates.span(), "the list is empty").hinted("name a template"));
        }
        let mut templates = Vec::new();
        for template in part.templates.get_ref() {
            let value: TemplateId = template.get_ref().parse().map_err(|error| self.at(template.span(), format!("{error}")))?;
            templates.push(Located { value, span: template.span() });
        }
        let mut choices = BTreeMap::new();
        for (name, value) in &part.parameters {
            choices.insert(name.clone(), Located { value: vec![value.get_ref().text()], span: value.span() });
        }
        for (name, values) in &part.choices {
            if values.get_ref().is_empty() {
                return Err(self.at(values.span(), "the list is empty").hinted(format!("name a value of `{name}`")));
            }
            let value = values.get_ref().iter().map(RawValue::text).collect();
            if choices.insert(name.clone(), Located { value, span: values.span() }).is_some() {
                return Err(self
                    .at(values.span(), format!("`{name}` is fixed in `parameters`"))
                    .hinted("leave it out of one of both"));
            }
        }
        let variations = match &part.variations {
            Some(number) if !(1..=MOST_VARIATIONS).contains(number.get_ref()) => {
                let message = format!("{} is not a number of takes", number.get_ref());
                return Err(self.at(number.span(), message).hinted(format!("1 to {MOST_VARIATIONS}")));
            }
            number => number.as_ref().map_or(1, |number| *number.get_ref()),
        };
        let locales = match &part.locales {
            Some(locales) => Some(self.locales(locales)?),
            None => common.cloned(),
        };
        Ok(Part { templates, locales, choices, ratios: self.ratios(part.ratios.as_ref())?, variations })
    }

    fn ratios(&self, ratios: Option<&Spanned<Vec<Spanned<String>>>>) -> Result<Located<Vec<Ratio>>, Mistake> {
        let Some(ratios) = ratios else { return Ok(Located { value: Vec::new(), span: 0..0 }) };
        if ratios.get_ref().is_empty() {
            return Err(self.at(ratios.span(), "the list is empty").hinted("name a ratio, or leave `ratios` out"));
        }
        let mut parsed: Vec<Ratio> = Vec::new();
        for ratio in ratios.get_ref() {
            let known: Ratio = ratio.get_ref().parse().map_err(|error| self.at(ratio.span(), format!("{error}")))?;
            if parsed.contains(&known) {
                return Err(self.at(ratio.span(), format!("`{known}` is there twice")));
            }
            parsed.push(known);
        }
        Ok(Located { value: parsed, span: ratios.span() })
    }
}
