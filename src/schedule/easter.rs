//! Easter Sunday of the western and of the eastern churches (Meeus, Astronomical Algorithms, chapter 8). The letters are
//! the book's.

use chrono::{Days, NaiveDate};

/// Western Easter in a Gregorian year.
pub fn western(year: i32) -> NaiveDate {
    let a = year.rem_euclid(19);
    let (b, c) = (year.div_euclid(100), year.rem_euclid(100));
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 19 * l) / 433;
    days_after_22_march(year, h + l - 7 * m)
}

/// Orthodox Easter in a Gregorian year: the Julian computus, moved by the days between the two calendars.
pub fn orthodox(year: i32) -> NaiveDate {
    let d = (19 * year.rem_euclid(19) + 15).rem_euclid(30);
    let e = (2 * year.rem_euclid(4) + 4 * year.rem_euclid(7) - d + 34).rem_euclid(7);
    let century = year.div_euclid(100);
    let calendars_apart = century - century / 4 - 2;
    days_after_22_march(year, d + e + calendars_apart)
}

fn days_after_22_march(year: i32, days: i32) -> NaiveDate {
    let march = NaiveDate::from_ymd_opt(year, 3, 22).expect("every year that a feast is asked for has a March");
    march + Days::new(u64::try_from(days).expect("Easter is never before 22 March"))
}
