//! What is painted before anybody asks: which choices, locales and variations, for which feast, within which budget.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use chrono::NaiveTime;
use festoon_spec::Locale;
use serde::Serialize;

use super::{
    Canvases, Ratio, Touches,
    canvas::MAX_RATIOS,
    declared::Declared,
    reader::{Item, Key, Section, Table, did_you_mean},
};

/// Most picks of one rule.
const MAX_PICKS: usize = 20_000;
/// Most takes of each of its picks.
const MAX_VARIATIONS: u32 = 100;

/// `[[prerender]]`.
pub static RULE: Section = Section {
    title: "[[prerender]]",
    about: "What is painted before anybody asks: every combination of its locales, choices, ratios and variations, the most wanted first, until the budget ends.",
    keys: &[
        Key::optional("id", "a name", "the feast, or `always`", "The rule's name, unique in the template."),
        Key::optional(
            "feast",
            "the id of a feast",
            "none: the rule holds all year round",
            "What it prepares; the date is that of each locale's region.",
        ),
        Key::optional(
            "ready",
            "a distance such as `P21D before`",
            "`P14D before`",
            "When everything must be painted, counted from the feast.",
        ),
        Key::optional(
            "show",
            "two distances, for example `[\"P14D before\", \"P1D after\"]`",
            "not said",
            "When the clips are shown: from, to.",
        ),
        Key::optional(
            "at",
            "a time such as `02:00`",
            "`00:00`",
            "Wall-clock time of `ready` in the zone of the locale's region.",
        ),
        Key::optional("locales", "a list of locales, the most wanted first", "every locale with words", "For whom."),
        Key::optional(
            "choices",
            "a table of lists: values by parameter, the most wanted first",
            "the defaults",
            "Which values of parameters that touch the plate.",
        ),
        Key::optional(
            "ratios",
            "a list of ratios that `[canvas]` offers, the most wanted first",
            "the first that it offers",
            "In which ratios.",
        ),
        Key::optional("variations", "a whole number from 1 to 100", "1", "How many takes of each."),
        Key::optional(
            "catch_up",
            "`none`, `latest` or `{ all = <at most> }`",
            "`latest`",
            "What happens to dates that were missed.",
        ),
        Key::optional("jitter", "a length of time of at most a week, such as `45m`", "`0s`", "Starts are spread over this long."),
        Key::optional("budget", "a table, see `[prerender.budget]`", "no limit", "Where painting stops."),
    ],
};

/// `[prerender.budget]`.
pub static BUDGET: Section = Section {
    title: "[prerender.budget]",
    about: "Where painting stops, for one date.",
    keys: &[
        Key::optional("plates", "a whole number from 1", "no limit", "Most plates; picks that share a plate count once."),
        Key::optional("gpu_seconds", "a whole number from 1", "no limit", "Most seconds of painting."),
    ],
};

/// One `[[prerender]]` of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrerenderRule {
    /// Its name inside the template, unique there: a planned run is remembered under it.
    pub id: String,
    /// The feast that it prepares, resolved in the region of each locale. Without one the rule holds all year round.
    pub feast: Option<String>,
    /// When everything must be painted: the due date of its jobs, counted from the feast.
    pub ready: Offset,
    /// When the clips are shown, counted from the feast: from, to.
    pub show: Option<(Offset, Offset)>,
    /// The wall-clock time of `ready` in the zone of the locale's region.
    #[serde(serialize_with = "hours_and_minutes")]
    pub at: NaiveTime,
    /// For whom, the most wanted first; never empty.
    pub locales: Vec<Locale>,
    /// Values to paint, per parameter, the most wanted first; canonical. A parameter that is not named keeps its default.
    pub choices: BTreeMap<String, Vec<String>>,
    /// In which ratios, the most wanted first; without any, in the template's first.
    pub ratios: Vec<Ratio>,
    /// How many takes of each; at least 1.
    pub variations: u32,
    /// What happens to dates that were missed.
    pub catch_up: CatchUp,
    /// Starts are spread over this long.
    #[serde(serialize_with = "seconds")]
    pub jitter: Duration,
    /// Where painting stops.
    pub budget: Budget,
}

/// Where painting stops; each part that is left out has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Budget {
    /// Most plates of one date. Picks that share a plate count once.
    pub plates: Option<u32>,
    /// Most seconds of painting of one date.
    pub gpu_seconds: Option<u32>,
}

/// What happens to dates that passed while nobody planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case", tag = "policy")]
pub enum CatchUp {
    /// They are left out.
    None,
    /// The last one is made up for.
    #[default]
    Latest,
    /// Each is made up for, the newest `max`.
    All {
        /// The most.
        max: u32,
    },
}

/// A distance from a feast: whole days by the calendar, then minutes by the clock. Negative is before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Offset {
    /// Days.
    pub days: i32,
    /// Minutes, of the same sign.
    pub minutes: i32,
}

/// Not an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a distance from a feast: expected an ISO 8601 duration of at most two years and a side, for example `P21D before`, `PT12H after` or `P0D`"
)]
pub struct OffsetError(pub String);

impl FromStr for Offset {
    type Err = OffsetError;
    fn from_str(text: &str) -> Result<Self, OffsetError> {
        let wrong = || OffsetError(text.chars().take(40).collect());
        let (duration, sign) = match text.split_once(' ') {
            Some((duration, "before")) => (duration, -1),
            Some((duration, "after")) => (duration, 1),
            None if text == "P0D" => (text, 1),
            _ => return Err(wrong()),
        };
        let minutes = iso_minutes(duration).filter(|minutes| *minutes <= 731 * 24 * 60).ok_or_else(wrong)?;
        let days = minutes / (24 * 60);
        Ok(Self { days: sign * days as i32, minutes: sign * (minutes % (24 * 60)) as i32 })
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, minutes) = (self.days.abs(), self.minutes.abs());
        match (days, minutes) {
            (_, 0) => write!(f, "P{days}D")?,
            (0, _) => write!(f, "PT{minutes}M")?,
            _ => write!(f, "P{days}DT{minutes}M")?,
        }
        match self.days + self.minutes {
            0 => Ok(()),
            sum if sum < 0 => f.write_str(" before"),
            _ => f.write_str(" after"),
        }
    }
}

impl Serialize for Offset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads one rule. `has_words` says whether a locale is served with words of its own or of its parents.
pub(super) fn read_rule(
    item: &Item<'_>,
    declared: &Declared,
    canvases: Option<&Canvases>,
    all_locales: &[Locale],
    has_words: &dyn Fn(&Locale) -> bool,
    feasts: Option<&BTreeSet<String>>,
) -> Option<PrerenderRule> {
    let table = item.table(&RULE)?;
    let feast = table.text("feast").map(|feast| feast.value.to_owned());
    if let (Some(feast), Some(feasts)) = (&feast, feasts)
        && !feasts.contains(feast)
    {
        let hint = did_you_mean(feast, feasts.iter().map(String::as_str));
        table.mistake("unknown-feast", "feast", format!("there is no feast `{feast}`"), hint);
    }
    for key in ["ready", "show", "at"].into_iter().filter(|key| feast.is_none() && table.has(key)) {
        table.mistake(
            "misplaced-key",
            key,
            format!("`{key}` is counted from a feast, and the rule has none"),
            "write `feast = …`".to_owned(),
        );
    }
    let id = table.text("id").map(|id| id.value.to_owned()).or_else(|| feast.clone()).unwrap_or_else(|| "always".to_owned());
    let ready = table.read("ready").map_or(Offset { days: -14, minutes: 0 }, |offset| offset.value);
    let show = read_show(&table);
    let at = table.text("at").and_then(|written| {
        let time = NaiveTime::parse_from_str(written.value, "%H:%M").ok();
        if time.is_none() {
            table.mistake(
                "bad-value",
                "at",
                format!("`{}` is not a time: expected `hh:mm`, for example `02:00`", written.value),
                None,
            );
        }
        time
    });
    let mut locales = Vec::new();
    for item in table.list("locales", 200) {
        let Some(locale) = item.read::<Locale>() else { continue };
        if !has_words(&locale.value) {
            let message = format!("neither `{}` nor its parents have words", locale.value);
            item.mistake("missing-words", message, format!("write words/{}.toml", locale.value));
        } else if locales.iter().any(|other: &Locale| other.maximized() == locale.value.maximized()) {
            item.mistake("repeated-locale", format!("`{}` is there twice", locale.value), None);
        } else {
            locales.push(locale.value);
        }
    }
    if !table.has("locales") {
        locales = all_locales.to_vec();
    }
    let choices = read_rule_choices(&table, declared);
    let ratios = read_rule_ratios(&table, canvases);
    let variations = table.whole("variations", 1..=MAX_VARIATIONS).unwrap_or(1);
    let picks = choices.values().map(Vec::len).product::<usize>();
    let picks = [locales.len(), ratios.len().max(1), variations as usize].into_iter().fold(picks, usize::saturating_mul);
    if picks > MAX_PICKS {
        item.mistake("too-many", format!("the rule names {picks} picks, at most {MAX_PICKS} are allowed"), None);
        return None;
    }
    let jitter = table.text("jitter").and_then(|written| {
        let jitter = read_duration(written.value);
        if jitter.is_none() {
            let message = format!("`{}` is not a length of time: expected at most a week, for example `45m`", written.value);
            table.mistake("bad-value", "jitter", message, None);
        }
        jitter
    });
    let budget = table.table("budget", &BUDGET).map(|budget| Budget {
        plates: budget.whole("plates", 1..=u32::MAX),
        gpu_seconds: budget.whole("gpu_seconds", 1..=u32::MAX),
    });
    Some(PrerenderRule {
        id,
        feast,
        ready,
        show,
        at: at.unwrap_or_default(),
        locales,
        choices,
        ratios,
        variations,
        catch_up: table.find("catch_up").map(|item| read_catch_up(&item)).unwrap_or_default(),
        jitter: jitter.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
    })
}

/// The ratios of a rule; each must be one that the template offers.
fn read_rule_ratios(table: &Table<'_>, canvases: Option<&Canvases>) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for item in table.list("ratios", MAX_RATIOS) {
        let Some(ratio) = item.read::<Ratio>().map(|ratio| ratio.value) else { continue };
        if let Some(canvases) = canvases.filter(|canvases| !canvases.ratios().contains(&ratio)) {
            let hint = format!("its ratios are: {}", canvases.listed());
            item.mistake("unknown-ratio", format!("the template does not offer the ratio `{ratio}`"), hint);
        } else if ratios.contains(&ratio) {
            item.mistake("repeated-name", format!("`{ratio}` is there twice"), None);
        } else {
            ratios.push(ratio);
        }
    }
    ratios
}

fn read_show(table: &Table<'_>) -> Option<(Offset, Offset)> {
    if !table.has("show") {
        return None;
    }
    let sides: Option<Vec<Offset>> = table.list("show", 2).iter().map(|item| item.read().map(|offset| offset.value)).collect();
    match sides?.as_slice() {
        [from, to] if from < to => Some((*from, *to)),
        [from, to] => {
            table.mistake("out-of-range", "show", format!("`show` ends at `{to}`, which is not after `{from}`"), None);
            None
        }
        _ => {
            table.mistake("too-few", "show", "`show` needs two distances: from, to", None);
            None
        }
    }
}

fn read_rule_choices(table: &Table<'_>, declared: &Declared) -> BTreeMap<String, Vec<String>> {
    let mut choices = BTreeMap::new();
    for (name, item) in table.entries("choices", 32) {
        let parameter = match declared.find(name.value) {
            Ok(Some(parameter)) => parameter,
            Ok(None) => continue,
            Err(hint) => {
                table.page.mistake("unknown-parameter", name.span, format!("there is no parameter `{}`", name.value), hint);
                continue;
            }
        };
        if parameter.touches != Touches::Plate {
            let touches = parameter.touches.name();
            let message = format!("the parameter `{}` touches the {touches}, so no plate depends on it", name.value);
            table.page.mistake("not-in-plate", name.span, message, "leave it out".to_owned());
            continue;
        }
        let before = table.page.count();
        let mut values: Vec<String> = Vec::new();
        for item in item.list(200) {
            let Some(written) = item.plain() else { continue };
            match parameter.read(&written.value).map(|value| value.to_string()) {
                Ok(value) if values.contains(&value) => item.mistake("repeated-name", format!("`{value}` is there twice"), None),
                Ok(value) => values.push(value),
                Err(error) => item.mistake(error.code(), error.to_string(), error.hint()),
            }
        }
        if values.is_empty() && table.page.count() == before {
            item.mistake("too-few", format!("no value for `{}`", name.value), "name one, or leave the parameter out".to_owned());
        }
        choices.insert(parameter.name.clone(), values);
    }
    choices
}

/// `catch_up = { all = n }`.
static CATCH_UP: Section = Section {
    title: "catch_up",
    about: "How many missed dates are made up for.",
    keys: &[Key::needed("all", "a whole number from 1 to 100", "The most.")],
};

fn read_catch_up(item: &Item<'_>) -> CatchUp {
    if item.is_table() {
        return item
            .table(&CATCH_UP)
            .and_then(|table| table.whole("all", 1..=100))
            .map_or_else(CatchUp::default, |max| CatchUp::All { max });
    }
    match item.text().map(|text| text.value) {
        Some("none") => CatchUp::None,
        Some("latest") | None => CatchUp::Latest,
        Some(other) => {
            item.mistake("bad-value", format!("`catch_up` is `{other}`, expected `none`, `latest` or `{{ all = 3 }}`"), None);
            CatchUp::Latest
        }
    }
}

/// Minutes of `PnWnDTnHnM`, each part optional, at least one there.
fn iso_minutes(text: &str) -> Option<u32> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    units(date, &[('W', 7 * 24 * 60), ('D', 24 * 60)])?.checked_add(units(time, &[('H', 60), ('M', 1)])?)
}

/// The sum of numbers that each carry one of the units, in the order of the units.
fn units(mut text: &str, units: &[(char, u32)]) -> Option<u32> {
    let mut sum = 0u32;
    for (unit, minutes) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            if number.len() > 6 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            sum = sum.checked_add(number.parse::<u32>().ok()?.checked_mul(*minutes)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

/// A length of time such as `45m`, `2h` or `90s`, at most a week.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    let seconds = number.parse::<u32>().ok()?.checked_mul(seconds)?;
    (seconds <= 7 * 86400).then(|| Duration::from_secs(u64::from(seconds)))
}

fn hours_and_minutes<S: serde::Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format("%H:%M"))
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn offsets_are_read_and_shown() {
        for (text, days, minutes) in
            [("P21D before", -21, 0), ("P1D after", 1, 0), ("PT12H before", 0, -720), ("P0D", 0, 0), ("P1DT30M after", 1, 30)]
        {
            let offset: Offset = text.parse().unwrap();
            assert_eq!((offset.days, offset.minutes), (days, minutes), "{text}");
            assert_eq!(offset.to_string().parse::<Offset>().unwrap(), offset, "{text}");
        }
        assert_eq!("P3W before".parse::<Offset>().unwrap(), "P21D before".parse().unwrap());
    }

    #[test]
    fn what_is_not_an_offset_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "21D before",
            "P21D",
            "P21D  before",
            "P-1D before",
            "P1DT before",
            "P9999999D after",
            "P800D after",
            "P1D sideways",
            "PT1M1H after",
        ] {
            assert!(text.parse::<Offset>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(read_duration("45m"), Some(Duration::from_secs(2700)));
        for text in ["", "m", "45", "45 m", "-1m", "8d", "4294967295h", "é"] {
            assert_eq!(read_duration(text), None, "{text:?}");
        }
    }
}
