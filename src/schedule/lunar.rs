//! Dates of other calendars as Gregorian ones: the only place that knows `icu_calendar`.

use chrono::{Datelike, NaiveDate};
use icu_calendar::{
    AsCalendar, Date,
    cal::{ChineseTraditional, Hebrew, Hijri, KoreanTraditional, Persian},
    types::{Month, RataDie},
};
use serde::Deserialize;

/// A calendar whose days move in the Gregorian year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Lunisolar, months counted from the one of the Spring Festival; reckoned at UTC+8.
    Chinese,
    /// The same reckoned at UTC+9 (dangi).
    Korean,
    /// Lunisolar; month 1 is Tishri, 3 Kislev, 6 Adar (Adar II in a leap year), 7 Nisan.
    Hebrew,
    /// Hijri by the tables of Umm al-Qura University; month 9 is Ramadan, 10 Shawwal, 12 Dhu al-Hijja.
    UmmAlQura,
    /// Solar Hijri; month 1 is Farvardin.
    Persian,
}

impl Calendar {
    /// The days of `year` (Gregorian) that are this day of this month (never a leap month). Usually one; a Hijri day may
    /// fall twice in a year, or not at all. A day that the month lacks in some year is no day.
    pub fn days_in(self, year: i32, month: u8, day: u8) -> Vec<NaiveDate> {
        match self {
            Calendar::Chinese => days_in(ChineseTraditional::new(), year, month, day),
            Calendar::Korean => days_in(KoreanTraditional::new(), year, month, day),
            Calendar::Hebrew => days_in(Hebrew::new(), year, month, day),
            Calendar::UmmAlQura => days_in(Hijri::new_umm_al_qura(), year, month, day),
            Calendar::Persian => days_in(Persian::new(), year, month, day),
        }
    }
}

fn days_in<C: AsCalendar + Copy>(calendar: C, year: i32, month: u8, day: u8) -> Vec<NaiveDate> {
    let year_at = |month, day| {
        let gregorian = NaiveDate::from_ymd_opt(year, month, day).expect("New Year's Day and Eve are in every year");
        Date::from_rata_die(RataDie::new(i64::from(gregorian.num_days_from_ce())), calendar).year().extended_year()
    };
    (year_at(1, 1)..=year_at(12, 31))
        .filter_map(|theirs| Date::try_new(theirs.into(), Month::new(month), day, calendar).ok())
        .filter_map(|date| NaiveDate::from_num_days_from_ce_opt(i32::try_from(date.to_rata_die().to_i64_date()).ok()?))
        .filter(|date| date.year() == year)
        .collect()
}
