//! When feasts fall for a locale, and what the templates prepare for them.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat};
use chrono_tz::Tz;
use festoon_spec::{Locale, UnixMillis};
use serde::Serialize;

use super::{
    feast::{Feast, FeastDay, Feasts, region_of},
    occurrence::{due, utc},
    zone::zone_of,
};
use crate::template::Template;

/// The feasts of a locale between two days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// For whom.
    pub locale: Locale,
    /// Whose feasts.
    pub region: String,
    /// Whose wall clock.
    pub zone: &'static str,
    /// Release of the tz database that is built in.
    pub tzdata: &'static str,
    /// The first day.
    pub from: NaiveDate,
    /// The day after the last.
    pub until: NaiveDate,
    /// In order.
    pub days: Vec<PreviewDay>,
    /// What is not known, in sentences.
    pub unknown: Vec<String>,
}

/// One feast on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewDay {
    /// The day.
    pub date: NaiveDate,
    /// Three letters.
    pub weekday: String,
    /// A sighting may move it by this many days either way.
    pub uncertainty: u8,
    /// The feast's id.
    pub feast: String,
    /// Its English name.
    pub name: String,
    /// What the templates prepare.
    pub rules: Vec<PreviewRule>,
}

/// One pre-render rule for a feast's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewRule {
    /// The template.
    pub template: String,
    /// The rule.
    pub rule: String,
    /// When its plates are due, before any jitter; RFC 3339 with the zone's offset.
    pub due: String,
    /// When they are no longer shown.
    pub shown_until: String,
}

/// The feasts of a locale on the days `from` to the one before `until`, with the rules of the templates that prepare them.
pub fn preview<'a>(
    feasts: &Feasts,
    templates: impl IntoIterator<Item = &'a Template>,
    locale: &Locale,
    from: NaiveDate,
    until: NaiveDate,
) -> Preview {
    let region = region_of(locale);
    let zone = zone_of(&region);
    let templates: Vec<_> = templates.into_iter().collect();
    let (mut days, mut unknown) = (Vec::new(), Vec::new());
    for feast in feasts.iter() {
        for year in from.year()..=until.year() {
            match feast.days(&region, year) {
                Ok(found) => days.extend(
                    found
                        .into_iter()
                        .filter(|day| from <= day.date && day.date < until)
                        .map(|day| preview_day(feast, day, &templates, locale, &region, zone)),
                ),
                // The year of the last day may begin after it.
                Err(_) if NaiveDate::from_yo_opt(year, 1).is_none_or(|first| until <= first) => {}
                Err(error) => unknown.push(format!("{error}; {}", error.hint())),
            }
        }
    }
    days.sort_by(|one, other| (one.date, &one.feast).cmp(&(other.date, &other.feast)));
    let tzdata = chrono_tz::IANA_TZDB_VERSION;
    Preview { locale: locale.clone(), region, zone: zone.name(), tzdata, from, until, days, unknown }
}

fn preview_day(feast: &Feast, day: FeastDay, templates: &[&Template], locale: &Locale, region: &str, zone: Tz) -> PreviewDay {
    let mut rules = Vec::new();
    for template in templates {
        for rule in template.prerender.iter().filter(|rule| rule.feast.as_deref() == Some(&feast.id)) {
            if rule.locales.iter().any(|planned| planned.minimized() == locale.minimized()) {
                let due = due(rule, region, day);
                rules.push(PreviewRule {
                    template: template.id.to_string(),
                    rule: rule.id.clone(),
                    due: local(due.by, zone).to_rfc3339_opts(SecondsFormat::Secs, true),
                    shown_until: local(due.shown_until, zone).to_rfc3339_opts(SecondsFormat::Secs, true),
                });
            }
        }
    }
    PreviewDay {
        date: day.date,
        weekday: day.date.weekday().to_string(),
        uncertainty: day.uncertainty,
        feast: feast.id.clone(),
        name: feast.name.clone(),
        rules,
    }
}

fn local(instant: UnixMillis, zone: Tz) -> DateTime<Tz> {
    utc(instant).with_timezone(&zone)
}
