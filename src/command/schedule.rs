//! `festoon schedule`: when feasts fall and what is planned for them.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use clap::Subcommand;
use festoon_spec::Locale;
use serde_json::json;

use super::{Exit, Invocation, terminal::table};
use crate::{
    clock::{Clock, SystemClock},
    schedule::{Feast, Feasts, Preview, YEARS, preview},
    template,
};

/// Arguments of `festoon schedule`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What `--help` says below the arguments of `preview`.
const PREVIEW_HELP: &str = "\
Examples:
  festoon schedule preview --locale fr-FR
  festoon schedule preview --locale ja-JP --from 2027-01-01 --years 2

With --json: {locale, region, zone, tzdata, from, until, days, unknown}";

/// What `--help` says below the arguments of `feasts`.
const FEASTS_HELP: &str = "\
Examples:
  festoon schedule feasts

With --json: {feasts}; a feast has {id, name, everywhere, regions, overrides}";

#[derive(Debug, Subcommand)]
enum What {
    /// List the feasts of a locale with their dates, and when plates for them are due
    #[command(after_help = PREVIEW_HELP)]
    Preview {
        /// Whose feasts: a locale such as `fr-FR`
        #[arg(long)]
        locale: Locale,
        /// The first day, `YYYY-MM-DD`; without it, today (UTC)
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
        /// How many years
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
        years: u32,
    },
    /// List every feast that is known, and where it is kept
    #[command(after_help = FEASTS_HELP)]
    Feasts,
}

/// Prints what is asked for.
///
/// # Errors
/// If the settings or the feasts cannot be read, or the days lie outside the years that are known.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let config = invocation.settings()?;
    let feasts = Feasts::load(&config.path(&config.paths.feasts))?;
    match arguments.what {
        What::Preview { locale, from, years } => {
            let (from, until) = days(from, years, SystemClock)?;
            let (templates, report) = template::check(&config.path(&config.paths.templates), &template::Known::default());
            if !report.is_clean() && !invocation.json {
                eprintln!("note: templates with mistakes are left out; `festoon check` shows them");
            }
            let preview = preview(&feasts, &templates, &locale, from, until);
            invocation.answer(&preview, || preview_text(&preview));
        }
        What::Feasts => {
            let described: Vec<_> = feasts.iter().map(describe).collect();
            invocation.answer(&json!({ "feasts": described }), || feasts_table(&feasts));
        }
    }
    Ok(Exit::Done)
}

/// The first day and the one after the last.
fn days(from: Option<NaiveDate>, years: u32, clock: impl Clock) -> miette::Result<(NaiveDate, NaiveDate)> {
    let today = || DateTime::<Utc>::from_timestamp_millis(clock.now().0 as i64).unwrap_or_default().date_naive();
    let from = from.unwrap_or_else(today);
    let until = from.checked_add_months(chrono::Months::new(years * 12));
    match until {
        Some(until) if YEARS.contains(&from.year()) && YEARS.contains(&until.year()) => Ok((from, until)),
        _ => Err(miette::miette!(
            help = format!("ask for days from {}-01-01 to {}-12-31", YEARS.start(), YEARS.end()),
            "dates are known only from {} to {}, not for {years} years from {from}",
            YEARS.start(),
            YEARS.end()
        )),
    }
}

fn preview_text(preview: &Preview) -> String {
    let head = format!(
        "{}: feasts of {} ({}, tzdata {}) from {} to before {}",
        preview.locale, preview.region, preview.zone, preview.tzdata, preview.from, preview.until
    );
    let mut table = table(&["Date", "Day", "± days", "Feast", "Plates due"]);
    for day in &preview.days {
        let uncertainty = if day.uncertainty == 0 { String::new() } else { format!("± {}", day.uncertainty) };
        let due: Vec<_> = day.rules.iter().map(|rule| format!("{}  {}/{}", rule.due, rule.template, rule.rule)).collect();
        table.add_row([
            day.date.to_string(),
            day.weekday.clone(),
            uncertainty,
            format!("{} ({})", day.name, day.feast),
            due.join("\n"),
        ]);
    }
    let unknown: String = preview.unknown.iter().map(|unknown| format!("\nunknown: {unknown}")).collect();
    format!("{head}\n{table}{unknown}")
}

fn describe(feast: &Feast) -> serde_json::Value {
    json!({
        "id": feast.id,
        "name": feast.name,
        "everywhere": feast.default.is_some(),
        "regions": feast.regions.keys().collect::<Vec<_>>(),
        "overrides": feast.overrides.keys().collect::<Vec<_>>(),
    })
}

fn feasts_table(feasts: &Feasts) -> String {
    let mut table = table(&["Id", "Name", "Kept"]);
    for feast in feasts.iter() {
        let regions = || feast.regions.keys().cloned().collect::<Vec<_>>().join(" ");
        let kept = match (&feast.default, feast.regions.len()) {
            (None, _) => format!("in {}", regions()),
            (Some(_), 0) => "everywhere".to_owned(),
            (Some(_), 1..=12) => format!("everywhere; by another rule in {}", regions()),
            (Some(_), count) => format!("everywhere; by other rules in {count} regions"),
        };
        table.add_row([&feast.id, &feast.name, &kept]);
    }
    table.to_string()
}
