//! Which plates are due when: pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    time::Duration,
};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use festoon_spec::{Digest, Locale, PlateSpec, RenderKey, UnixMillis};

use super::{
    feast::{FeastDay, Feasts, UnknownDate, YEARS, region_of},
    zone::{instant, zone_of},
};
use crate::{
    campaign::{Campaign, CampaignError, Costs, Matrix, Unresolved},
    makers::Makers,
    pick::{Pick, RankedPick},
    template::{CatchUp, Offset, PrerenderRule, Template, Templates},
};

/// Context of [`Occurrence::key`].
const OCCURRENCE_CONTEXT: &str = "festoon 2026-11 occurrence key v1";
/// Context of [`Schedule::revision`].
const REVISION_CONTEXT: &str = "festoon 2026-11 schedule revision v1";
/// When plates of what has no date are due, counted from the tick that first sees it.
const STANDING_MILLIS: u64 = 24 * 3600 * 1000;

/// A template's pre-render rule, or a campaign, with everything that it will order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `<template>/<rule>`, or `campaign:<id>`.
    pub id: String,
    /// Names what is ordered and when: a change of the rule, of the template's plates or of their makers plans anew.
    pub revision: Digest,
    /// When.
    pub dates: Dates,
    /// What each locale needs within the budget, the most wanted first. Of a campaign that is paused nothing is ordered.
    pub plates: BTreeMap<Locale, Vec<Wanted>>,
    /// Of a campaign that is paused: what stays in the cache all the same.
    pub paused: Option<BTreeSet<RenderKey>>,
}

/// When a schedule needs its plates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dates {
    /// Around the days of this feast, as the rule says.
    Feast(String, Box<PrerenderRule>),
    /// From a campaign's first day through its last, by the wall clock of each locale's region.
    Window {
        /// The first day …
        first: NaiveDate,
        /// … where the region has none of its own.
        live: BTreeMap<String, NaiveDate>,
        /// The last day.
        last: NaiveDate,
    },
    /// As long as the rule or the campaign stands.
    Always,
}

/// A plate that a schedule orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What to paint.
    pub spec: PlateSpec,
    /// Its key.
    pub key: RenderKey,
    /// Forecast of its painting time.
    pub cost_millis: u64,
    /// The most wanted pick that shows it, for this locale.
    pub pick: Pick,
}

impl Schedule {
    /// The schedule of a rule. Its budget cuts the plates of all locales together, cached or not, so that the same rule
    /// orders the same plates whenever it is asked.
    ///
    /// # Errors
    /// If a pick of the rule cannot be resolved, for want of a model for example.
    pub fn of(template: &Template, rule: &PrerenderRule, makers: &Makers, costs: &Costs) -> Result<Self, Unresolved> {
        let asked = RankedPick::of(rule, template).into_iter().map(|ranked| (template, ranked));
        let matrix = Matrix::of(asked, makers, costs, rule.budget)?;
        let mut plates: BTreeMap<Locale, Vec<Wanted>> = BTreeMap::new();
        for locale in &rule.locales {
            let canonical = locale.minimized();
            let wanted = matrix.cells.iter().filter_map(|cell| {
                let pick = cell.picks.iter().find(|pick| pick.locale == canonical)?.clone();
                Some(Wanted { spec: cell.plate.clone(), key: cell.key, cost_millis: cell.cost_millis, pick })
            });
            plates.insert(locale.clone(), wanted.collect());
        }
        let dates = rule.feast.clone().map_or(Dates::Always, |feast| Dates::Feast(feast, Box::new(rule.clone())));
        let id = format!("{}/{}", template.id, rule.id);
        Ok(Self { revision: revision(&dates, &plates), id, dates, plates, paused: None })
    }

    /// The schedule of a campaign.
    ///
    /// # Errors
    /// If it names what is not there.
    pub fn of_campaign(
        campaign: &Campaign,
        templates: &Templates,
        makers: &Makers,
        costs: &Costs,
    ) -> Result<Self, CampaignError> {
        let mut plates: BTreeMap<Locale, Vec<Wanted>> = BTreeMap::new();
        let cells = campaign.matrix(templates, makers, costs)?.cells;
        let paused = campaign.paused.then(|| cells.iter().map(|cell| cell.key).collect());
        for cell in if campaign.paused { &[][..] } else { &cells } {
            for locale in cell.locales() {
                let pick =
                    cell.picks.iter().find(|pick| pick.locale == *locale).expect("a cell's locales are its picks'").clone();
                let wanted = Wanted { spec: cell.plate.clone(), key: cell.key, cost_millis: cell.cost_millis, pick };
                plates.entry(locale.clone()).or_default().push(wanted);
            }
        }
        let window = |(first, last)| Dates::Window { first, live: campaign.live.clone(), last };
        let dates = campaign.window.map_or(Dates::Always, window);
        Ok(Self { id: format!("campaign:{}", campaign.id), revision: revision(&dates, &plates), dates, plates, paused })
    }
}

/// Budget and jitter are in it through the plates and the rule's text; the costs that are learned are not, or every measured
/// plate would plan anew.
fn revision(dates: &Dates, plates: &BTreeMap<Locale, Vec<Wanted>>) -> Digest {
    let mut hasher = Fields::new(REVISION_CONTEXT);
    hasher.put(format!("{dates:?}"));
    for (locale, wanted) in plates {
        hasher.put(locale.as_str());
        for plate in wanted {
            hasher.put(plate.key.as_bytes());
        }
    }
    hasher.finish()
}

/// One date of a schedule for one locale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Names it for ever: planned once, it is never planned again.
    pub key: Digest,
    /// [`Schedule::id`].
    pub schedule: String,
    /// [`Schedule::revision`].
    pub revision: Digest,
    /// For whom.
    pub locale: Locale,
    /// The feast's day in the locale's region, or the first day of the campaign; `None` for what has no date.
    pub date: Option<NaiveDate>,
    /// When its plates must be painted.
    pub due: UnixMillis,
    /// When they are no longer shown; without a word of the rule, at the end of the feast's day. `None` for what has no date:
    /// as long as the rule or the campaign stands.
    pub shown_until: Option<UnixMillis>,
}

/// What [`occurrences`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// To be placed, the earliest due date first.
    pub occurrences: Vec<Occurrence>,
    /// Past their due date and left out by the rule's catch-up policy.
    pub missed: Vec<Occurrence>,
    /// Dates that nobody knows.
    pub unknown: Vec<UnknownDate>,
    /// The rule's feast, if there is no such feast.
    pub unknown_feast: Option<UnknownFeast>,
}

/// A rule names a feast that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schedule `{schedule}` waits for the feast `{feast}`, which does not exist")]
pub struct UnknownFeast {
    /// The schedule.
    pub schedule: String,
    /// The feast.
    pub feast: String,
}

/// The occurrences of a schedule that are to be placed now.
///
/// `planned_through` is the latest due date that an earlier call looked at; `None` if there was none. The window is then
/// `(planned_through, now + horizon]`; the first call looks no farther back than `now`. A `planned_through` beyond the window
/// means that the clock was put back since: the window starts at `now` again, and the keys keep what was placed from being
/// placed twice. A feast's date that is due at or before `now` was missed, and the rule's catch-up policy says what becomes of
/// it; a campaign that is first seen within its window is placed late.
///
/// Jitter moves a due date forward, never back.
pub fn occurrences(
    schedule: &Schedule,
    feasts: &Feasts,
    planned_through: Option<UnixMillis>,
    now: UnixMillis,
    horizon: Duration,
) -> Found {
    let through = now.plus_millis(horizon.as_millis() as u64);
    let known = planned_through.filter(|planned| *planned <= through);
    let after = known.unwrap_or(now);
    let (feast, rule) = match &schedule.dates {
        Dates::Feast(feast, rule) => (feast, rule),
        Dates::Window { first, live, last } => {
            let found = in_window(schedule, *first, live, *last).into_iter();
            let placeable = |occurrence: &Occurrence| {
                occurrence.shown_until > Some(now)
                    && occurrence.due <= through
                    && known.is_none_or(|planned| planned < occurrence.due)
            };
            return Found { occurrences: found.filter(placeable).collect(), ..Found::default() };
        }
        Dates::Always => {
            let placeable = schedule.plates.keys().filter(|_| known.is_none());
            return Found { occurrences: placeable.map(|locale| standing(schedule, locale, now)).collect(), ..Found::default() };
        }
    };
    let Some(feast) = feasts.get(feast) else {
        let unknown_feast = Some(UnknownFeast { schedule: schedule.id.clone(), feast: feast.clone() });
        return Found { unknown_feast, ..Found::default() };
    };
    let mut found = Found::default();
    for locale in &rule.locales {
        let region = region_of(locale);
        let mut due = Vec::new();
        for year in years(rule, after, through) {
            match feast.days(&region, year) {
                Ok(days) => due.extend(days.into_iter().map(|day| occurrence(schedule, rule, locale, &region, day))),
                Err(unknown) if !found.unknown.contains(&unknown) => found.unknown.push(unknown),
                Err(_) => {}
            }
        }
        due.retain(|occurrence| after < occurrence.due && occurrence.due <= through);
        due.sort_by_key(|occurrence| occurrence.due);
        let missed = due.iter().take_while(|occurrence| occurrence.due <= now).count();
        let made_up = match rule.catch_up {
            CatchUp::None => 0,
            CatchUp::Latest => 1,
            CatchUp::All { max } => max as usize,
        };
        found.missed.extend(due.drain(..missed.saturating_sub(made_up)));
        found.occurrences.extend(due);
    }
    found.occurrences.sort_by_key(|occurrence| occurrence.due);
    found
}

/// A campaign's window for each of its locales, where it opens first in front.
fn in_window(schedule: &Schedule, first: NaiveDate, live: &BTreeMap<String, NaiveDate>, last: NaiveDate) -> Vec<Occurrence> {
    let mut found: Vec<_> = schedule
        .plates
        .keys()
        .map(|locale| {
            let region = region_of(locale);
            let first = live.get(&region).copied().unwrap_or(first);
            let Range { start, end } = days(&region, first, last);
            Occurrence {
                key: key(schedule, locale, Some(first)),
                schedule: schedule.id.clone(),
                revision: schedule.revision,
                locale: locale.clone(),
                date: Some(first),
                due: start,
                shown_until: Some(end),
            }
        })
        .collect();
    found.sort_by_key(|occurrence| occurrence.due);
    found
}

/// From the first day through the last, by a region's wall clock.
fn days(region: &str, first: NaiveDate, last: NaiveDate) -> Range<UnixMillis> {
    let midnight = |day: NaiveDate| millis(instant(zone_of(region), day.and_time(NaiveTime::MIN)));
    midnight(first)..midnight(last.succ_opt().unwrap_or(last))
}

/// When a campaign's clips are shown to a locale; always, if it says nothing.
pub fn shown(campaign: &Campaign, locale: &Locale) -> Option<Range<UnixMillis>> {
    let region = region_of(locale);
    Some(days(&region, campaign.goes_live(&region)?, campaign.window?.1))
}

fn standing(schedule: &Schedule, locale: &Locale, now: UnixMillis) -> Occurrence {
    Occurrence {
        key: key(schedule, locale, None),
        schedule: schedule.id.clone(),
        revision: schedule.revision,
        locale: locale.clone(),
        date: None,
        due: now.plus_millis(STANDING_MILLIS),
        shown_until: None,
    }
}

/// The years of feasts whose due dates may lie in a window: the offset, the uncertainty, the jitter and the zone carry a date
/// over New Year.
fn years(rule: &PrerenderRule, after: UnixMillis, through: UnixMillis) -> std::ops::RangeInclusive<i32> {
    const SLACK_DAYS: i64 = 20;
    let ready = i64::from(rule.ready.days);
    let year = |instant: UnixMillis, days: i64| (utc(instant) - TimeDelta::days(ready) + TimeDelta::days(days)).year();
    year(after, -SLACK_DAYS).max(*YEARS.start())..=year(through, SLACK_DAYS).min(*YEARS.end())
}

/// What a rule asks for around one feast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When plates must be painted, before any jitter.
    pub by: UnixMillis,
    /// When they are no longer shown: without a word of the rule, at the end of the feast's day.
    pub shown_until: UnixMillis,
}

/// When the plates of a rule are due for a feast's day in a region, by the region's wall clock. A sighted feast is prepared for
/// its earliest day and shown past its latest.
pub fn due(rule: &PrerenderRule, region: &str, day: FeastDay) -> Due {
    let zone = zone_of(region);
    let at = |offset: Offset, days: i64, time: NaiveTime| {
        let local = (day.date + TimeDelta::days(i64::from(offset.days) + days)).and_time(time);
        millis(instant(zone, local) + TimeDelta::minutes(i64::from(offset.minutes)))
    };
    let uncertainty = i64::from(day.uncertainty);
    // The last day is shown to its end.
    let shown_to = rule.show.map_or(Offset::default(), |(_, to)| to);
    Due { by: at(rule.ready, -uncertainty, rule.at), shown_until: at(shown_to, uncertainty + 1, NaiveTime::MIN) }
}

fn occurrence(schedule: &Schedule, rule: &PrerenderRule, locale: &Locale, region: &str, day: FeastDay) -> Occurrence {
    let Due { by, shown_until } = due(rule, region, day);
    let key = key(schedule, locale, Some(day.date));
    Occurrence {
        due: UnixMillis(by.0.saturating_sub(jitter(&key, rule.jitter))),
        key,
        schedule: schedule.id.clone(),
        revision: schedule.revision,
        locale: locale.clone(),
        date: Some(day.date),
        shown_until: Some(shown_until),
    }
}

fn key(schedule: &Schedule, locale: &Locale, date: Option<NaiveDate>) -> Digest {
    let mut fields = Fields::new(OCCURRENCE_CONTEXT);
    fields.put(&schedule.id);
    fields.put(schedule.revision.as_bytes());
    fields.put(locale.as_str());
    fields.put(date.map(|date| date.to_string()).unwrap_or_default());
    fields.finish()
}

/// Milliseconds below `window`, the same for the same key.
fn jitter(key: &Digest, window: Duration) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    let draw = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    draw.checked_rem(window.as_millis() as u64).unwrap_or(0)
}

/// Length-prefixed fields into one digest.
struct Fields(blake3::Hasher);

impl Fields {
    fn new(context: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }
    fn put(&mut self, field: impl AsRef<[u8]>) {
        self.0.update(&(field.as_ref().len() as u64).to_le_bytes());
        self.0.update(field.as_ref());
    }
    fn finish(self) -> Digest {
        Digest::from_bytes(*self.0.finalize().as_bytes())
    }
}

/// The instant as chrono has it. Clocks that show a year beyond chrono's calendar are taken for its last day.
pub(super) fn utc(instant: UnixMillis) -> DateTime<Utc> {
    let millis = i64::try_from(instant.0).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn millis(instant: DateTime<Utc>) -> UnixMillis {
    UnixMillis(instant.timestamp_millis().max(0) as u64)
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.schedule, self.locale)?;
        self.date.map_or(Ok(()), |date| write!(f, " on {date}"))
    }
}
