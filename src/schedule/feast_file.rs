//! The file form of a feast.
//!
//! ```toml
//! id = "mothers_day"
//! name = "Mother's Day"
//! default = { nth = "2 sun may" }
//! region.GB = { easter = -21 }
//! region.FR = { nth = "last sun may", unless = { easter = 49 }, else = { nth = "1 sun jun" } }
//! overrides.VN.2030 = "02-02"
//! ```
//! A rule starts from one of `fixed = "MM-DD"`, `nth = "<1..5|last|-n> <weekday> <month>"`, `easter = <days>`,
//! `orthodox_easter = <days>`, `calendar = "…", month, day` or `table.<year> = "MM-DD"`, and may add `plus_days`, `uncertainty`
//! and `unless` with `else`.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use chrono::Weekday;
use serde::Deserialize;
use toml::Spanned;

use super::{
    feast::{Feast, YEARS},
    lunar::Calendar,
    rule::{Base, MonthDay, Rule},
};
use crate::template::{Mistake, Place, SourceFile};

/// Most days that a rule may move a date, so that a rule cannot leave the neighbouring years.
const MOST_DAYS: i16 = 200;
/// Most days of uncertainty: a sighting moves a month by one day, two calendars of one country by two.
const MOST_UNCERTAIN: u8 = 7;
/// How deep `unless` and `else` may nest.
const DEPTH: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeastFile {
    id: Spanned<String>,
    name: String,
    default: Option<Spanned<RawRule>>,
    #[serde(default)]
    region: BTreeMap<Spanned<String>, Spanned<RawRule>>,
    #[serde(default)]
    overrides: BTreeMap<Spanned<String>, RawTable>,
}

type RawTable = BTreeMap<Spanned<String>, Spanned<RawDays>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    fixed: Option<Spanned<String>>,
    nth: Option<Spanned<String>>,
    easter: Option<Spanned<i16>>,
    orthodox_easter: Option<Spanned<i16>>,
    calendar: Option<Spanned<Calendar>>,
    month: Option<Spanned<u8>>,
    day: Option<Spanned<u8>>,
    table: Option<RawTable>,
    plus_days: Option<Spanned<i16>>,
    uncertainty: Option<Spanned<u8>>,
    unless: Option<Box<Spanned<RawRule>>>,
    #[serde(rename = "else")]
    otherwise: Option<Box<Spanned<RawRule>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawDays {
    One(String),
    Several(Vec<String>),
}

/// Reads a feast from the text of its file, whose name must be its id.
pub(super) fn parse(path: &Path, text: String) -> Result<Feast, Mistake> {
    let source = Source(Arc::new(SourceFile::new(path.to_owned(), text)));
    let file: FeastFile = toml::from_str(source.0.text())
        .map_err(|error| source.mistake("bad-toml", error.span().unwrap_or(0..0), error.message().to_owned(), None))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let id = file.id.get_ref();
    if *id != stem {
        return Err(source.at(&file.id, format!("the id is `{id}` but the file is named `{stem}`")).hinted("give both one name"));
    }
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(source.at(&file.id, format!("`{id}` is not an id")).hinted("use lower-case letters, digits and underscores"));
    }
    if file.default.is_none() && file.region.is_empty() {
        return Err(source.at(&file.id, format!("`{id}` has no rule")).hinted("add `default = { … }` or `region.XX = { … }`"));
    }
    let default = file.default.map(|rule| source.rule(&rule, DEPTH)).transpose()?;
    let mut regions = BTreeMap::new();
    for (region, rule) in &file.region {
        regions.insert(source.region(region)?, source.rule(rule, DEPTH)?);
    }
    let mut overrides = BTreeMap::new();
    for (region, table) in &file.overrides {
        overrides.insert(source.region(region)?, source.table(table)?);
    }
    Ok(Feast { id: id.clone(), name: file.name, default, regions, overrides })
}

/// The file that is read, for the place of a mistake.
struct Source(Arc<SourceFile>);

impl Source {
    fn mistake(&self, code: &'static str, span: Range<usize>, message: String, hint: Option<String>) -> Mistake {
        Mistake { code, message, hint, place: Place { file: self.0.clone(), span } }
    }

    fn at<T>(&self, place: &Spanned<T>, message: impl Into<String>) -> Mistake {
        self.mistake("bad-feast", place.span(), message.into(), None)
    }

    fn region(&self, region: &Spanned<String>) -> Result<String, Mistake> {
        let code = region.get_ref();
        let known = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !known {
            let mistake = self.at(region, format!("`{code}` is not a region"));
            return Err(mistake.hinted("use the two capital letters of ISO 3166, for example `GB`"));
        }
        Ok(code.clone())
    }

    fn rule(&self, spanned: &Spanned<RawRule>, depth: usize) -> Result<Rule, Mistake> {
        let raw = spanned.get_ref();
        if depth == 0 {
            return Err(self.at(spanned, format!("`unless` and `else` nest deeper than {DEPTH}")));
        }
        if let (None, Some(stray)) = (&raw.calendar, raw.month.as_ref().or(raw.day.as_ref())) {
            return Err(self
                .at(stray, "`month` and `day` belong to a `calendar`")
                .hinted("write `fixed = \"MM-DD\"` for a fixed day"));
        }
        let mut bases = Vec::new();
        if let Some(fixed) = &raw.fixed {
            bases.push(Base::Fixed { day: self.month_day(fixed, fixed.get_ref())? });
        }
        if let Some(nth) = &raw.nth {
            bases.push(self.nth(nth)?);
        }
        if let Some(days) = &raw.easter {
            bases.push(Base::Easter(self.days(days)?));
        }
        if let Some(days) = &raw.orthodox_easter {
            bases.push(Base::OrthodoxEaster(self.days(days)?));
        }
        if let Some(calendar) = &raw.calendar {
            bases.push(self.calendar(calendar, raw)?);
        }
        if let Some(table) = &raw.table {
            bases.push(Base::Table(self.table(table)?));
        }
        let (Some(base), true) = (bases.pop(), bases.is_empty()) else {
            let mistake = self.at(spanned, "a rule starts from exactly one thing");
            return Err(mistake.hinted("one of `fixed`, `nth`, `easter`, `orthodox_easter`, `calendar`, `table`"));
        };
        let unless = match (&raw.unless, &raw.otherwise) {
            (Some(unless), Some(otherwise)) => Some(Box::new((self.rule(unless, depth - 1)?, self.rule(otherwise, depth - 1)?))),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(self.at(alone, "`unless` and `else` go together"));
            }
        };
        let uncertainty = match &raw.uncertainty {
            Some(days) if *days.get_ref() > MOST_UNCERTAIN => {
                return Err(
                    self.at(days, format!("the uncertainty is {} days, at most {MOST_UNCERTAIN} make sense", days.get_ref()))
                );
            }
            days => days.as_ref().map_or(0, |days| *days.get_ref()),
        };
        let plus_days = raw.plus_days.as_ref().map(|days| self.days(days)).transpose()?.unwrap_or(0);
        Ok(Rule { base, plus_days, uncertainty, unless })
    }

    fn calendar(&self, calendar: &Spanned<Calendar>, raw: &RawRule) -> Result<Base, Mistake> {
        let (Some(month), Some(day)) = (&raw.month, &raw.day) else {
            return Err(self.at(calendar, "a day of a calendar needs `month` and `day`"));
        };
        if !(1..=12).contains(month.get_ref()) {
            return Err(self.at(month, format!("there is no month {}", month.get_ref())).hinted("1 to 12"));
        }
        if !(1..=31).contains(day.get_ref()) {
            return Err(self
                .at(day, format!("there is no day {}", day.get_ref()))
                .hinted("1 to 30, or 31 in the Persian calendar"));
        }
        Ok(Base::Calendar { calendar: *calendar.get_ref(), month: *month.get_ref(), day: *day.get_ref() })
    }

    fn days(&self, days: &Spanned<i16>) -> Result<i16, Mistake> {
        let number = *days.get_ref();
        if number.abs() > MOST_DAYS {
            return Err(self.at(days, format!("{number} days is too far: at most {MOST_DAYS} either way")));
        }
        Ok(number)
    }

    fn month_day<T>(&self, place: &Spanned<T>, text: &str) -> Result<MonthDay, Mistake> {
        MonthDay::parse(text).ok_or_else(|| {
            self.at(place, format!("`{text}` is not a day of the year")).hinted("write `MM-DD`, for example `05-10`")
        })
    }

    fn nth(&self, nth: &Spanned<String>) -> Result<Base, Mistake> {
        let wrong = || {
            self.at(nth, format!("`{}` is not a weekday of a month", nth.get_ref()))
                .hinted("write which, weekday and month, for example `2 sun may` or `last sun may`")
        };
        let words: Vec<_> = nth.get_ref().split(' ').collect();
        let [which, weekday, month] = words[..] else { return Err(wrong()) };
        let nth = if which == "last" { -1 } else { which.parse().map_err(|_| wrong())? };
        let weekday: Weekday = weekday.parse().map_err(|_| wrong())?;
        let month: chrono::Month = month.parse().map_err(|_| wrong())?;
        if nth == 0 || !(-5..=5).contains(&nth) {
            return Err(wrong());
        }
        Ok(Base::Nth { nth, weekday, month: month.number_from_month() })
    }

    fn table(&self, table: &RawTable) -> Result<BTreeMap<i32, Vec<MonthDay>>, Mistake> {
        let mut years = BTreeMap::new();
        for (year, days) in table {
            let number = year.get_ref().parse().ok().filter(|year| YEARS.contains(year)).ok_or_else(|| {
                let range = format!("{} to {}", YEARS.start(), YEARS.end());
                self.at(year, format!("`{}` is not a year from {range}", year.get_ref()))
            })?;
            let listed = match days.get_ref() {
                RawDays::One(day) => std::slice::from_ref(day),
                RawDays::Several(days) => days,
            };
            let mut parsed = Vec::new();
            for day in listed {
                let day_of_year = self.month_day(days, day)?;
                if day_of_year.in_year(number).is_none() {
                    return Err(self.at(days, format!("{number} has no day `{day}`")));
                }
                parsed.push(day_of_year);
            }
            years.insert(number, parsed);
        }
        Ok(years)
    }
}
