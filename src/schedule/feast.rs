//! Feasts: named dates that move from year to year and from region to region.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use chrono::{Datelike, NaiveDate};
use festoon_spec::Locale;

use super::{
    feast_file,
    rule::{MonthDay, NotInTable, Rule},
};
use crate::template::Mistake;

/// The years that a feast may be asked for. The lunisolar calendars are exact in between.
pub const YEARS: std::ops::RangeInclusive<i32> = 1901..=2099;

/// A named date with a rule per region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feast {
    /// Its file's name, for example `mothers_day`; what a template's pre-render rule calls it.
    pub id: String,
    /// Its English name, for people.
    pub name: String,
    /// The rule of regions that have none of their own. Without one, the feast is kept only in the regions below.
    pub default: Option<Rule>,
    /// The rule of a region, by its ISO 3166 code.
    pub regions: BTreeMap<String, Rule>,
    /// Dates announced for a region and a year; they stand in place of what the rule says and are certain.
    pub overrides: BTreeMap<String, BTreeMap<i32, Vec<MonthDay>>>,
}

/// One day on which a feast is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeastDay {
    /// The day, by the calendar on the wall of the region.
    pub date: NaiveDate,
    /// A sighting may move it by this many days either way.
    pub uncertainty: u8,
}

/// Why it is not known when a feast is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the date of `{feast}` in {region} in {year} is not known: {}", known_years(.known))]
pub struct UnknownDate {
    /// The feast.
    pub feast: String,
    /// The region.
    pub region: String,
    /// The year.
    pub year: i32,
    /// The first and the last year of its table.
    pub known: Option<(i32, i32)>,
}

fn known_years(known: &Option<(i32, i32)>) -> String {
    match known {
        Some((first, last)) => format!("its table goes from {first} to {last}"),
        None => "its table is empty".to_owned(),
    }
}

impl UnknownDate {
    /// What to do about it.
    pub fn hint(&self) -> String {
        format!("add {} to the table of config/feasts/{}.toml, or to its [overrides.{}]", self.year, self.feast, self.region)
    }
}

impl Feast {
    /// Whether the feast is kept in this region at all.
    pub fn is_kept_in(&self, region: &str) -> bool {
        self.default.is_some() || self.regions.contains_key(region) || self.overrides.contains_key(region)
    }

    /// The days of a Gregorian year on which the feast is kept in a region, in order; none if it is not kept there or does
    /// not fall into that year. Two where a year of another calendar is short enough.
    ///
    /// # Errors
    /// If the feast goes by a table that does not have the year.
    pub fn days(&self, region: &str, year: i32) -> Result<Vec<FeastDay>, UnknownDate> {
        if let Some(announced) = self.overrides.get(region).and_then(|years| years.get(&year)) {
            let dates = announced.iter().filter_map(|day| day.in_year(year));
            return Ok(dates.map(|date| FeastDay { date, uncertainty: 0 }).collect());
        }
        let Some(rule) = self.regions.get(region).or(self.default.as_ref()) else { return Ok(Vec::new()) };
        match rule.dates(year) {
            Ok(dates) => Ok(dates.into_iter().map(|date| FeastDay { date, uncertainty: rule.uncertainty }).collect()),
            Err(NotInTable { known }) => Err(UnknownDate { feast: self.id.clone(), region: region.to_owned(), year, known }),
        }
    }
}

impl Feast {
    /// The first day on which the feast is kept in a region, `today` or after it; `None` if it is not kept there within two
    /// years, or its date is not known yet.
    pub fn next(&self, region: &str, today: NaiveDate) -> Option<FeastDay> {
        let years = today.year()..=today.year() + 2;
        years.filter_map(|year| self.days(region, year).ok()).flatten().find(|day| today <= day.date)
    }
}

/// The region whose feasts a locale keeps: its own, or the likely one of its language (`fr` keeps those of France).
pub fn region_of(locale: &Locale) -> String {
    locale.region().or_else(|| locale.maximized().region()).unwrap_or_else(|| "001".to_owned())
}

/// Every feast of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feasts {
    by_id: BTreeMap<String, Feast>,
}

/// Why the feasts could not be loaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FeastsError {
    /// The folder or a file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Files say what they must not; every file was looked at.
    #[error("{}", mistakes.iter().map(Mistake::line).collect::<Vec<_>>().join("\n"))]
    Mistakes {
        /// At least one.
        #[related]
        mistakes: Vec<Mistake>,
    },
}

impl Feasts {
    /// Reads each `*.toml` of a folder.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or with a mistake of each file that has one.
    pub fn load(folder: &Path) -> Result<Self, FeastsError> {
        let read = |path: &Path, source| FeastsError::Read { path: path.to_owned(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|source| read(folder, source))? {
            let path = entry.map_err(|source| read(folder, source))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let (mut by_id, mut mistakes) = (BTreeMap::new(), Vec::new());
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|source| read(&path, source))?;
            match feast_file::parse(&path, text) {
                Ok(feast) => {
                    by_id.insert(feast.id.clone(), feast);
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(Self { by_id }) } else { Err(FeastsError::Mistakes { mistakes }) }
    }

    /// A feast by its id.
    pub fn get(&self, id: &str) -> Option<&Feast> {
        self.by_id.get(id)
    }

    /// Every feast, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Feast> {
        self.by_id.values()
    }

    /// The ids of every feast.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }
}
