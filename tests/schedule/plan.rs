//! The plan: which plates are due when, placed once, whatever the clock and the other planners do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime};
use festoon::{
    campaign::{Costs, Defaults},
    schedule::{
        CLAIM_MILLIS, Feasts, FileState, OrderError, Orders, PlannedPlate, Planner, PlannerState, Schedule, Settings, instant,
        occurrences, schedules, zone_of,
    },
};
use festoon_spec::{RenderKey, UnixMillis};

use super::{makers, templates};

const DAY: u64 = 86400 * 1000;
const HORIZON: Duration = Duration::from_secs(30 * 86400);

fn plan(rules: &str) -> Vec<Schedule> {
    let (schedules, unresolved) = schedules(&templates(rules), &makers(), &Costs::new(Defaults::default()));
    assert!(unresolved.is_empty(), "{unresolved:?}");
    schedules
}

/// Feasts of their own, so that no shipped file is needed.
pub fn feasts() -> Feasts {
    let folder = tempfile::tempdir().unwrap();
    for (id, rule) in [
        ("new_year", "default = { fixed = '01-01' }"),
        ("spring", "default = { fixed = '03-30' }\nregion.FR = { fixed = '03-31' }"),
        ("sighted", "default = { fixed = '06-20', uncertainty = 2 }"),
        ("tabled", "default = { table = { 2026 = '05-05' } }"),
        ("us_only", "region.US = { fixed = '07-04' }"),
    ] {
        fs::write(folder.path().join(format!("{id}.toml")), format!("id = '{id}'\nname = '{id}'\n{rule}\n")).unwrap();
    }
    Feasts::load(folder.path()).unwrap()
}

pub fn at(text: &str) -> UnixMillis {
    UnixMillis(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis() as u64)
}

fn shown(instant: UnixMillis) -> String {
    DateTime::from_timestamp_millis(instant.0 as i64).unwrap().format("%Y-%m-%dT%H:%MZ").to_string()
}

/// Due dates of the first schedule at a moment, by locale and date.
fn due(rules: &str, planned_through: Option<UnixMillis>, now: &str) -> Vec<(String, String)> {
    let found = occurrences(&plan(rules)[0], &feasts(), planned_through, at(now), HORIZON);
    found.occurrences.iter().map(|o| (format!("{} {}", o.locale, o.date.unwrap()), shown(o.due))).collect()
}

fn pair(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

const NEW_YEAR: &str = "[[prerender]]\nfeast = 'new_year'\nready = 'P10D before'\nat = '02:00'\nlocales = ['en-US', 'ja-JP']\n";

/// Orders that are only written down.
#[derive(Debug, Default)]
pub struct Book {
    orders: Mutex<Vec<PlannedPlate>>,
    withdrawn: Mutex<Vec<RenderKey>>,
    pinned: Mutex<BTreeMap<String, BTreeSet<RenderKey>>>,
    closed: Mutex<bool>,
}

impl Book {
    pub fn keys(&self) -> Vec<RenderKey> {
        self.orders.lock().unwrap().iter().map(|plate| plate.key).collect()
    }
    pub fn pins(&self, schedule: &str) -> usize {
        self.pinned.lock().unwrap().get(schedule).map_or(0, BTreeSet::len)
    }
    fn close(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
    }
}

#[async_trait]
impl Orders for Book {
    async fn order(&self, plate: &PlannedPlate) -> Result<(), OrderError> {
        if *self.closed.lock().unwrap() {
            return Err(OrderError { key: plate.key, source: "the queue is closed".into() });
        }
        // Gives another planner its turn in the middle of an occurrence.
        tokio::task::yield_now().await;
        self.orders.lock().unwrap().push(plate.clone());
        Ok(())
    }
    async fn withdraw(&self, key: &RenderKey) -> Result<(), OrderError> {
        self.withdrawn.lock().unwrap().push(*key);
        Ok(())
    }
    async fn pin(&self, schedule: &str, plates: &BTreeSet<RenderKey>) -> Result<(), OrderError> {
        self.pinned.lock().unwrap().insert(schedule.to_owned(), plates.clone());
        Ok(())
    }
}

struct Desk {
    folder: tempfile::TempDir,
    state: Arc<FileState>,
    planner: Planner,
    book: Book,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(FileState::open(folder.path()).unwrap());
    let planner = Planner::new(state.clone(), Settings { horizon: HORIZON });
    Desk { folder, state, planner, book: Book::default() }
}

#[test]
fn a_date_is_due_at_the_wall_clock_time_of_its_locales_region() {
    assert_eq!(
        due(NEW_YEAR, None, "2026-12-01T00:00:00Z"),
        [pair("ja-JP 2027-01-01", "2026-12-21T17:00Z"), pair("en-US 2027-01-01", "2026-12-22T07:00Z")]
    );
}

#[test]
fn nothing_beyond_the_horizon_is_placed_yet() {
    assert_eq!(due(NEW_YEAR, None, "2026-11-01T00:00:00Z"), []);
}

#[test]
fn each_locale_has_the_date_of_its_own_region() {
    let rules = "[[prerender]]\nfeast = 'spring'\nready = 'P7D before'\nlocales = ['en-GB', 'fr-FR', 'fr-CA']\n";
    assert_eq!(
        due(rules, None, "2026-03-01T00:00:00Z"),
        [
            pair("en-GB 2026-03-30", "2026-03-23T00:00Z"),
            pair("fr-CA 2026-03-30", "2026-03-23T04:00Z"),
            pair("fr-FR 2026-03-31", "2026-03-23T23:00Z"),
        ]
    );
}

#[test]
fn a_sighted_feast_is_prepared_for_its_earliest_day_and_shown_past_its_latest() {
    let rules =
        "[[prerender]]\nfeast = 'sighted'\nready = 'P3D before'\nlocales = ['en-GB']\nshow = ['P3D before', 'P1D after']\n";
    let found = occurrences(&plan(rules)[0], &feasts(), None, at("2026-06-01T00:00:00Z"), HORIZON);
    assert_eq!(shown(found.occurrences[0].due), "2026-06-14T23:00Z");
    assert_eq!(shown(found.occurrences[0].shown_until.unwrap()), "2026-06-23T23:00Z");
}

#[test]
fn a_feast_that_a_region_does_not_keep_has_no_date_there() {
    let rules = "[[prerender]]\nfeast = 'us_only'\nready = 'P1D before'\nlocales = ['en-US', 'fr-FR']\n";
    assert_eq!(due(rules, None, "2026-06-20T00:00:00Z"), [pair("en-US 2026-07-04", "2026-07-03T04:00Z")]);
}

#[test]
fn an_unknown_date_is_reported_and_not_guessed() {
    let rules = "[[prerender]]\nfeast = 'tabled'\nready = 'P7D before'\nlocales = ['en-US', 'en-GB']\n";
    let found = occurrences(&plan(rules)[0], &feasts(), None, at("2027-04-10T00:00:00Z"), HORIZON);
    assert_eq!(found.occurrences, []);
    let unknown: Vec<_> = found.unknown.iter().map(|unknown| (unknown.region.as_str(), unknown.year)).collect();
    assert_eq!(unknown, [("US", 2027), ("GB", 2027)]);
}

#[test]
fn a_feast_that_does_not_exist_is_reported() {
    let rules = "[[prerender]]\nfeast = 'festivus'\nlocales = ['en-US']\n";
    let found = occurrences(&plan(rules)[0], &feasts(), None, at("2026-12-01T00:00:00Z"), HORIZON);
    assert_eq!(
        found.unknown_feast.unwrap().to_string(),
        "the schedule `card/festivus` waits for the feast `festivus`, which does not exist"
    );
}

#[test]
fn jitter_is_the_same_each_time_and_never_makes_a_date_late() {
    let jittered = format!("{NEW_YEAR}jitter = '6h'\n");
    let now = "2026-12-01T00:00:00Z";
    let first = occurrences(&plan(&jittered)[0], &feasts(), None, at(now), HORIZON);
    let again = occurrences(&plan(&jittered)[0], &feasts(), None, at("2026-12-02T03:04:05Z"), HORIZON);
    assert_eq!(first.occurrences, again.occurrences);
    for (occurrence, unmoved) in first.occurrences.iter().zip([at("2026-12-21T17:00:00Z"), at("2026-12-22T07:00:00Z")]) {
        let early = unmoved.since(occurrence.due);
        assert!(occurrence.due < unmoved && early < 6 * 3600 * 1000, "{} ms early", early);
    }
}

#[test]
fn a_time_that_a_clock_skips_is_the_first_after_it_and_one_that_it_shows_twice_is_the_first() {
    let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    for (region, wall, utc) in [
        ("DE", "2026-03-29 02:30", "2026-03-29T01:00:00Z"), // put forward from 02:00 to 03:00
        ("DE", "2026-10-25 02:30", "2026-10-25T00:30:00Z"), // put back from 03:00 to 02:00
        ("AU", "2026-10-04 02:15", "2026-10-03T16:00:00Z"),
        ("CL", "2026-09-06 00:10", "2026-09-06T04:00:00Z"), // at midnight
        ("WS", "2011-12-30 10:00", "2011-12-30T10:00:00Z"), // Samoa skipped the day
        ("IN", "2026-03-29 02:30", "2026-03-28T21:00:00Z"), // has no summer time
        ("001", "2026-03-29 02:30", "2026-03-29T02:30:00Z"),
    ] {
        let due = instant(zone_of(region), local(wall));
        assert_eq!(due, DateTime::parse_from_rfc3339(utc).unwrap(), "{region} {wall}");
    }
}

#[test]
fn a_rule_is_due_at_the_same_wall_clock_time_before_and_after_the_clocks_change() {
    let rule = |ready: &str| format!("[[prerender]]\nfeast = 'spring'\nready = '{ready}'\nat = '18:00'\nlocales = ['fr-FR']\n");
    assert_eq!(due(&rule("P3D before"), None, "2026-03-10T00:00:00Z"), [pair("fr-FR 2026-03-31", "2026-03-28T17:00Z")]);
    assert_eq!(due(&rule("P2D before"), None, "2026-03-10T00:00:00Z"), [pair("fr-FR 2026-03-31", "2026-03-29T16:00Z")]);
}

#[test]
fn what_was_missed_is_made_up_for_as_the_rule_says() {
    // Nobody planned from mid-2022 until now: the New Years of 2023 to 2026 were missed, that of 2027 is ahead.
    let planned = Some(at("2022-06-01T00:00:00Z"));
    let rule = |catch_up: &str| format!("{}catch_up = {catch_up}\n", NEW_YEAR.replace(", 'ja-JP'", ""));
    let dates = |catch_up: &str| -> Vec<String> {
        let found = occurrences(&plan(&rule(catch_up))[0], &feasts(), planned, at("2026-12-10T00:00:00Z"), HORIZON);
        assert_eq!(found.occurrences.len() + found.missed.len(), 5);
        found.occurrences.iter().map(|occurrence| occurrence.date.unwrap().to_string()).collect()
    };
    assert_eq!(dates("'none'"), ["2027-01-01"]);
    assert_eq!(dates("'latest'"), ["2026-01-01", "2027-01-01"]);
    assert_eq!(dates("{ all = 2 }"), ["2025-01-01", "2026-01-01", "2027-01-01"]);
    assert_eq!(dates("{ all = 9 }"), ["2023-01-01", "2024-01-01", "2025-01-01", "2026-01-01", "2027-01-01"]);
}

#[test]
fn a_budget_cuts_the_plates_of_all_locales_together_and_counts_a_shared_one_once() {
    let rule = |budget: &str| {
        format!(
            "{}choices = {{ mood = ['still', 'lively'] }}\nvariations = 2\n{budget}",
            NEW_YEAR.replace("'en-US'", "'en-US', 'fr-FR'")
        )
    };
    let plates = |rules: &str| -> BTreeMap<String, usize> {
        plan(rules)[0].plates.iter().map(|(locale, wanted)| (locale.to_string(), wanted.len())).collect()
    };
    // English and French share their four plates; Japanese has one scene for both moods, hence two takes.
    let all = plates(&rule(""));
    assert_eq!(all, BTreeMap::from([("en-US".into(), 4), ("fr-FR".into(), 4), ("ja-JP".into(), 2)]));
    let cut = plates(&rule("budget = { plates = 1 }\n"));
    assert_eq!(cut, BTreeMap::from([("en-US".into(), 1), ("fr-FR".into(), 1), ("ja-JP".into(), 0)]));
    // Each plate is 320 x 180 x 24 pixels: 0.14 s by the default forecast.
    let paid = plates(&rule("budget = { gpu_seconds = 1 }\n"));
    assert_eq!(paid, all);
}

#[tokio::test]
async fn a_tick_orders_each_plate_for_its_due_date_and_the_next_tick_orders_nothing() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let now = at("2026-12-01T00:00:00Z");
    let tick = desk.planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(tick.placed.len(), 2);
    let dates: Vec<_> = desk.book.orders.lock().unwrap().iter().map(|plate| shown(plate.due)).collect();
    assert_eq!(dates, ["2026-12-21T17:00Z", "2026-12-22T07:00Z"], "the margin is the queue's, and taken once");
    for minute in 1..=120 {
        let tick = desk.planner.tick(now.plus_millis(minute * 60_000), &schedules, &feasts, &desk.book).await.unwrap();
        assert!(tick.placed.is_empty() && tick.missed.is_empty());
    }
    assert_eq!(desk.book.keys().len(), 2);
}

#[tokio::test]
async fn a_planner_that_comes_back_after_a_restart_places_nothing_twice() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let now = at("2026-12-01T00:00:00Z");
    desk.planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap();
    let reopened = Arc::new(FileState::open(desk.folder.path()).unwrap());
    let planner = Planner::new(reopened, Settings { horizon: HORIZON });
    let tick = planner.tick(now.plus_millis(DAY), &schedules, &feasts, &desk.book).await.unwrap();
    assert!(tick.placed.is_empty());
    assert_eq!(desk.book.keys().len(), 2);
}

#[tokio::test]
async fn two_planners_at_once_place_each_occurrence_once() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let other = Planner::new(desk.state.clone(), Settings { horizon: HORIZON });
    let now = at("2026-12-01T00:00:00Z");
    let (one, two) =
        tokio::join!(desk.planner.tick(now, &schedules, &feasts, &desk.book), other.tick(now, &schedules, &feasts, &desk.book));
    assert_eq!(one.unwrap().placed.len() + two.unwrap().placed.len(), 2);
    assert_eq!(desk.book.keys().len(), 2);
}

#[tokio::test]
async fn an_occurrence_whose_planner_died_is_placed_by_another_once_its_claim_has_run_out() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let now = at("2026-12-01T00:00:00Z");
    let claimed = occurrences(&schedules[0], &feasts, None, now, HORIZON).occurrences;
    desk.state.claim(&claimed, now).await.unwrap();
    let early = desk.planner.tick(now.plus_millis(CLAIM_MILLIS - 1), &schedules, &feasts, &desk.book).await.unwrap();
    assert!(early.placed.is_empty());
    let late = desk.planner.tick(now.plus_millis(CLAIM_MILLIS), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(late.placed.len(), 2);
}

#[tokio::test]
async fn a_refused_order_is_tried_again_and_nothing_is_lost() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let now = at("2026-12-01T00:00:00Z");
    desk.book.close(true);
    let tick = desk.planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!((tick.placed.len(), tick.refused.len()), (0, 2));
    assert!(tick.refused[0].to_string().contains("the queue is closed"), "{}", tick.refused[0]);
    desk.book.close(false);
    let tick = desk.planner.tick(now.plus_millis(CLAIM_MILLIS), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!((tick.placed.len(), tick.refused.len()), (2, 0));
}

#[tokio::test]
async fn a_clock_that_is_put_back_places_nothing_twice_and_misses_nothing_after() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    desk.planner.tick(at("2026-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    for now in ["2026-11-30T23:59:00Z", "2026-10-01T00:00:00Z", "2026-12-01T00:01:00Z", "2026-12-15T00:00:00Z"] {
        let tick = desk.planner.tick(at(now), &schedules, &feasts, &desk.book).await.unwrap();
        assert!(tick.placed.is_empty() && tick.missed.is_empty(), "at {now}");
    }
    assert_eq!(desk.book.keys().len(), 2);
    let next_year = desk.planner.tick(at("2027-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(next_year.placed.len(), 2);
}

#[tokio::test]
async fn a_clock_that_leaps_years_ahead_and_back_places_one_missed_date_and_then_the_right_ones() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    desk.planner.tick(at("2026-06-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    let leap = desk.planner.tick(at("2036-06-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!((leap.placed.len(), leap.missed.len()), (2, 18));
    let back = desk.planner.tick(at("2026-06-01T00:01:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert!(back.placed.is_empty());
    let december = desk.planner.tick(at("2026-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    let dates: Vec<_> = december.placed.iter().map(|occurrence| occurrence.date.unwrap().to_string()).collect();
    assert_eq!(dates, ["2027-01-01", "2027-01-01"]);
}

#[tokio::test]
async fn a_changed_rule_plans_anew_and_withdraws_what_nothing_wants_any_more() {
    let (desk, feasts) = (desk(), feasts());
    let now = at("2026-12-01T00:00:00Z");
    desk.planner.tick(now, &plan(NEW_YEAR), &feasts, &desk.book).await.unwrap();
    let (english, japanese) = {
        let keys: BTreeMap<_, _> =
            plan(NEW_YEAR)[0].plates.iter().map(|(locale, wanted)| (locale.to_string(), wanted[0].key)).collect();
        (keys["en-US"], keys["ja-JP"])
    };
    let lively = plan(&NEW_YEAR.replace("'en-US', 'ja-JP'", "'en-US', 'fr-FR'"));
    let tick = desk.planner.tick(now.plus_millis(60_000), &lively, &feasts, &desk.book).await.unwrap();
    assert_eq!(tick.placed.len(), 2);
    assert_eq!(*desk.book.withdrawn.lock().unwrap(), [japanese], "the English plate is still wanted");
    assert_eq!(desk.book.pinned.lock().unwrap()["card/new_year"], BTreeSet::from([english]));
    let none = desk.planner.tick(now.plus_millis(120_000), &[], &feasts, &desk.book).await.unwrap();
    assert_eq!(none.withdrawn, [english]);
    assert_eq!(desk.book.pins("card/new_year"), 0);
}

#[tokio::test]
async fn plates_are_pinned_from_their_order_until_they_are_no_longer_shown() {
    let (desk, feasts) = (desk(), feasts());
    let schedules = plan(&format!("{NEW_YEAR}show = ['P10D before', 'P2D after']\n"));
    for (now, pins) in [
        ("2026-11-01T00:00:00Z", 0),
        ("2026-12-01T00:00:00Z", 2),
        ("2027-01-03T12:00:00Z", 2),
        ("2027-01-03T16:00:00Z", 1), // the fourth has begun in Tokyo
        ("2027-01-04T06:00:00Z", 0), // and in New York
    ] {
        desk.planner.tick(at(now), &schedules, &feasts, &desk.book).await.unwrap();
        assert_eq!(desk.book.pins("card/new_year"), pins, "at {now}");
    }
}

#[tokio::test]
async fn a_rule_without_a_feast_is_placed_once_and_pinned_while_it_stands() {
    let (desk, feasts) = (desk(), feasts());
    let schedules = plan("[[prerender]]\nlocales = ['en', 'ja']\n");
    let now = at("2026-12-01T00:00:00Z");
    let tick = desk.planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(tick.placed.len(), 2);
    assert!(tick.placed.iter().all(|occurrence| occurrence.date.is_none()));
    for days in [1, 40, 500] {
        let tick = desk.planner.tick(now.plus_millis(days * DAY), &schedules, &feasts, &desk.book).await.unwrap();
        assert!(tick.placed.is_empty(), "after {days} days");
        assert_eq!(desk.book.pins("card/always"), 2);
    }
    desk.planner.tick(now.plus_millis(501 * DAY), &[], &feasts, &desk.book).await.unwrap();
    assert_eq!(desk.book.pins("card/always"), 0);
}

#[tokio::test]
async fn what_is_long_past_is_forgotten() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    desk.planner.tick(at("2026-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(desk.state.remembered().await.unwrap().len(), 2);
    desk.planner.tick(at("2027-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(desk.state.remembered().await.unwrap().len(), 4);
    desk.planner.tick(at("2028-06-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap();
    assert_eq!(desk.state.remembered().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_damaged_memory_is_set_aside_and_the_dates_ahead_are_planned_again() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let now = at("2026-12-01T00:00:00Z");
    desk.planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap();
    let file = desk.folder.path().join("planner.json");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let state = Arc::new(FileState::open(desk.folder.path()).unwrap());
    assert!(state.remembered().await.unwrap().is_empty());
    assert!(desk.folder.path().join("planner.json.damaged").exists());
    let planner = Planner::new(state, Settings { horizon: HORIZON });
    assert_eq!(planner.tick(now, &schedules, &feasts, &desk.book).await.unwrap().placed.len(), 2);
}

#[tokio::test]
async fn a_memory_that_cannot_be_written_is_an_error_that_names_the_file() {
    let (desk, schedules, feasts) = (desk(), plan(NEW_YEAR), feasts());
    let path = desk.folder.path().to_owned();
    drop(fs::remove_dir_all(&path));
    let error = desk.planner.tick(at("2026-12-01T00:00:00Z"), &schedules, &feasts, &desk.book).await.unwrap_err();
    assert!(error.to_string().contains("planner.json cannot be written"), "{error}");
    assert!(desk.book.keys().is_empty(), "nothing is ordered that cannot be remembered");
}
