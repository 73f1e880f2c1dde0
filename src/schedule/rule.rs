//! How a date is found in a year.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::{easter, lunar::Calendar};

/// A rule for the dates of a feast in a Gregorian year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where to start.
    pub base: Base,
    /// Days added to it, negative for days before.
    pub plus_days: i16,
    /// The sighting of a moon may move it by this many days either way.
    pub uncertainty: u8,
    /// Where it gives way: if it falls on a date of the first rule, the second counts.
    pub unless: Option<Box<(Rule, Rule)>>,
}

/// Where a [`Rule`] starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The same day each year; 29 February exists in leap years only.
    Fixed {
        /// The day.
        day: MonthDay,
    },
    /// The n-th such weekday of a month: 1 to 5 from its start, -1 to -5 from its end.
    Nth {
        /// Which one.
        nth: i8,
        /// Of which weekday.
        weekday: Weekday,
        /// In which month, 1 to 12.
        month: u32,
    },
    /// Days from western Easter Sunday.
    Easter(i16),
    /// Days from Orthodox Easter Sunday.
    OrthodoxEaster(i16),
    /// A day of another calendar.
    Calendar {
        /// Which one.
        calendar: Calendar,
        /// Its month, from 1.
        month: u8,
        /// Its day, from 1.
        day: u8,
    },
    /// Dates that no rule finds, by year. A year that is not there is unknown.
    Table(BTreeMap<i32, Vec<MonthDay>>),
}

/// A day of any year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

impl MonthDay {
    /// Reads `MM-DD`; `None` if no year has such a day.
    pub fn parse(text: &str) -> Option<Self> {
        let (month, day) = text.split_once('-')?;
        if month.len() != 2 || day.len() != 2 || !(month.to_owned() + day).bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        NaiveDate::from_ymd_opt(2024, month, day).map(|_| Self { month, day })
    }

    /// That day of a year; `None` for 29 February of a common year.
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
    }
}

/// A table has no entry for a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotInTable {
    /// The first and the last year that it has; `None` if it is empty.
    pub known: Option<(i32, i32)>,
}

impl Rule {
    /// A rule that is nothing but its base.
    pub fn of(base: Base) -> Self {
        Self { base, plus_days: 0, uncertainty: 0, unless: None }
    }

    /// The dates that fall into `year`, in order.
    ///
    /// # Errors
    /// If a table has no entry for the year.
    pub fn dates(&self, year: i32) -> Result<Vec<NaiveDate>, NotInTable> {
        let mut dates = Vec::new();
        // Added days may carry a date over New Year, so the neighbours count; their tables may end.
        for base_year in if self.plus_days == 0 { year..=year } else { year - 1..=year + 1 } {
            match self.base.dates(base_year) {
                Ok(found) => dates.extend(found.into_iter().map(|date| plus(date, self.plus_days))),
                Err(unknown) if base_year == year => return Err(unknown),
                Err(_) => {}
            }
        }
        dates.retain(|date| date.year() == year);
        if let Some((unless, otherwise)) = self.unless.as_deref() {
            let taken = unless.dates(year)?;
            if dates.iter().any(|date| taken.contains(date)) {
                return otherwise.dates(year);
            }
        }
        dates.sort_unstable();
        dates.dedup();
        Ok(dates)
    }
}

impl Base {
    fn dates(&self, year: i32) -> Result<Vec<NaiveDate>, NotInTable> {
        Ok(match self {
            Base::Fixed { day } => day.in_year(year).into_iter().collect(),
            Base::Nth { nth, weekday, month } => nth_weekday(year, *month, *weekday, *nth).into_iter().collect(),
            Base::Easter(days) => vec![plus(easter::western(year), *days)],
            Base::OrthodoxEaster(days) => vec![plus(easter::orthodox(year), *days)],
            Base::Calendar { calendar, month, day } => calendar.days_in(year, *month, *day),
            Base::Table(table) => match table.get(&year) {
                Some(days) => days.iter().filter_map(|day| day.in_year(year)).collect(),
                None => {
                    let known = table.keys().next().copied().zip(table.keys().next_back().copied());
                    return Err(NotInTable { known });
                }
            },
        })
    }
}

fn nth_weekday(year: i32, month: u32, weekday: Weekday, nth: i8) -> Option<NaiveDate> {
    if nth > 0 {
        return NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth.unsigned_abs());
    }
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let last = NaiveDate::from_ymd_opt(next_year, next_month, 1)?.pred_opt()?;
    let back = u64::from(last.weekday().days_since(weekday)) + 7 * (u64::from(nth.unsigned_abs()) - 1);
    last.checked_sub_days(Days::new(back)).filter(|date| date.month() == month)
}

/// A date moved by days; both ends of chrono's calendar are hundreds of thousands of years away.
pub(super) fn plus(date: NaiveDate, days: i16) -> NaiveDate {
    date + chrono::TimeDelta::days(i64::from(days))
}
