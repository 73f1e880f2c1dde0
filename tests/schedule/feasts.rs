//! When feasts are kept: against an oracle made by scripts/feast-oracle.py, and what their files may say.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{Datelike, NaiveDate};
use festoon::{
    schedule::{Feast, FeastDay, Feasts, FeastsError, region_of},
    template::Mistake,
};

/// Feasts that wait for the moon to be seen, and in how many of the years 2020 to 2045 ours is a day off the oracle, whose
/// dates are estimates there, too.
const SIGHTED: [(&str, &str, usize); 12] = [
    ("eid_al_adha", "BD", 6),
    ("eid_al_adha", "ID", 5),
    ("eid_al_adha", "KW", 6),
    ("eid_al_adha", "MY", 5),
    ("eid_al_adha", "TR", 6),
    ("eid_al_fitr", "AE", 5),
    ("eid_al_fitr", "BD", 5),
    ("eid_al_fitr", "ID", 7),
    ("eid_al_fitr", "IN", 5),
    ("eid_al_fitr", "KW", 5),
    ("eid_al_fitr", "MY", 7),
    ("eid_al_fitr", "TR", 5),
];

fn shipped() -> Feasts {
    Feasts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/feasts")).unwrap()
}

/// Dates of a feast in a region by year, from the oracle.
fn oracle() -> BTreeMap<(String, String), BTreeMap<i32, Vec<NaiveDate>>> {
    let mut all: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
    for line in include_str!("../oracle/feasts.csv").lines().skip(1) {
        let [feast, region, date] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let date: NaiveDate = date.parse().unwrap();
        all.entry((feast.to_owned(), region.to_owned())).or_default().entry(date.year()).or_default().push(date);
    }
    all
}

fn dates(feasts: &Feasts, id: &str, region: &str, year: i32) -> Vec<String> {
    feasts.get(id).unwrap().days(region, year).unwrap().iter().map(|day| day.date.to_string()).collect()
}

#[test]
fn every_date_from_2020_to_2045_is_the_oracles() {
    let feasts = shipped();
    let mut compared = 0;
    for ((id, region), years) in oracle() {
        if SIGHTED.iter().any(|(feast, place, _)| (*feast, *place) == (&id, &region)) {
            continue;
        }
        for (year, theirs) in years {
            // The oracle's table for Singapore has a month too late in 2028 and estimates from 2036 on, where ours ends.
            if (id.as_str(), region.as_str()) == ("diwali", "SG") && (year == 2028 || year > 2035) {
                continue;
            }
            let ours: Vec<_> = feasts.get(&id).unwrap().days(&region, year).unwrap();
            let ours: Vec<_> = ours.iter().map(|day| day.date).collect();
            assert_eq!(ours, theirs, "{id} in {region} in {year}");
            compared += theirs.len();
        }
    }
    assert!(compared > 1300, "the oracle has only {compared} dates");
}

#[test]
fn a_sighting_moves_a_date_by_no_more_than_its_uncertainty() {
    let (feasts, oracle) = (shipped(), oracle());
    for (id, region, expected_off) in SIGHTED {
        let feast = feasts.get(id).unwrap();
        let ours: Vec<FeastDay> = (2020..=2045).flat_map(|year| feast.days(region, year).unwrap()).collect();
        let theirs: Vec<NaiveDate> = oracle[&(id.to_owned(), region.to_owned())].values().flatten().copied().collect();
        assert_eq!(ours.len(), theirs.len(), "{id} in {region}");
        let mut off = 0;
        for (day, theirs) in ours.iter().zip(theirs) {
            let days = (day.date - theirs).num_days().unsigned_abs();
            assert!(days <= u64::from(day.uncertainty), "{id} in {region}: {} is {days} days from {theirs}", day.date);
            off += usize::from(days > 0);
        }
        assert_eq!(off, expected_off, "{id} in {region}");
    }
}

#[test]
fn a_year_that_a_table_lacks_is_unknown_and_says_what_to_do() {
    let feasts = shipped();
    let diwali = feasts.get("diwali").unwrap();
    assert_eq!(diwali.days("SG", 2028).unwrap()[0].date.to_string(), "2028-10-17");
    for year in 2036..=2045 {
        let unknown = diwali.days("SG", year).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            format!("the date of `diwali` in SG in {year} is not known: its table goes from 2020 to 2035")
        );
        assert!(unknown.hint().contains("config/feasts/diwali.toml"), "{}", unknown.hint());
    }
}

/// Dates that the oracle does not have; each is the published one.
#[test]
fn mothers_day_moves_as_each_country_has_it() {
    let feasts = shipped();
    for (region, year, date) in [
        ("GB", 2024, "2024-03-10"),
        ("GB", 2026, "2026-03-15"),
        ("FR", 2023, "2023-06-04"), // the last Sunday of May was Pentecost
        ("FR", 2026, "2026-05-31"),
        ("ES", 2026, "2026-05-03"),
        ("NO", 2026, "2026-02-08"),
        ("SE", 2026, "2026-05-31"),
        ("AR", 2026, "2026-10-18"),
        ("RU", 2026, "2026-11-29"),
        ("MX", 2026, "2026-05-10"),
        ("DE", 2026, "2026-05-10"),
        ("JP", 2027, "2027-05-09"),
        ("IL", 2026, "2026-02-17"),
    ] {
        assert_eq!(dates(&feasts, "mothers_day", region, year), [date], "{region}");
    }
}

#[test]
fn fathers_day_is_ascension_day_in_germany() {
    assert_eq!(dates(&shipped(), "fathers_day", "DE", 2026), ["2026-05-14"]);
}

#[test]
fn vietnam_and_korea_reckon_the_new_moon_in_their_own_zones() {
    let feasts = shipped();
    assert_eq!(dates(&feasts, "lunar_new_year", "CN", 2030), ["2030-02-03"]);
    assert_eq!(dates(&feasts, "lunar_new_year", "VN", 2030), ["2030-02-02"]);
    assert_eq!(dates(&feasts, "lunar_new_year", "CN", 2028), ["2028-01-26"]);
    assert_eq!(dates(&feasts, "lunar_new_year", "KR", 2028), ["2028-01-27"]);
}

#[test]
fn two_eids_fall_into_one_short_year() {
    assert_eq!(dates(&shipped(), "eid_al_fitr", "SA", 2033), ["2033-01-03", "2033-12-23"]);
}

#[test]
fn a_feast_without_a_default_is_kept_only_where_it_has_a_rule() {
    let feasts = shipped();
    let thanksgiving = feasts.get("thanksgiving").unwrap();
    assert!(!thanksgiving.is_kept_in("FR"));
    assert_eq!(thanksgiving.days("FR", 2026).unwrap(), []);
    assert_eq!(dates(&feasts, "thanksgiving", "CA", 2026), ["2026-10-12"]);
}

#[test]
fn a_locale_without_a_region_keeps_the_feasts_of_its_languages_likely_one() {
    for (locale, region) in [("fr", "FR"), ("zh-Hant", "TW"), ("en-GB", "GB"), ("ar", "EG"), ("hi", "IN"), ("es-419", "419")] {
        assert_eq!(region_of(&locale.parse().unwrap()), region, "{locale}");
    }
}

fn load(name: &str, text: &str) -> Result<Feast, Mistake> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    match Feasts::load(folder.path()) {
        Ok(feasts) => Ok(feasts.iter().next().unwrap().clone()),
        Err(FeastsError::Mistakes { mut mistakes }) => Err(mistakes.remove(0)),
        Err(other) => panic!("{other}"),
    }
}

fn place(mistake: &Mistake) -> (usize, usize) {
    mistake.place.file.line_and_column(mistake.place.span.start)
}

#[test]
fn a_rule_may_carry_its_date_over_new_year() {
    let eve = load("eve.toml", "id = 'eve'\nname = 'Eve'\ndefault = { fixed = '01-01', plus_days = -1 }\n").unwrap();
    assert_eq!(eve.days("US", 2026).unwrap()[0].date.to_string(), "2026-12-31");
}

#[test]
fn the_29th_of_february_is_kept_in_leap_years_only() {
    let leap = load("leap.toml", "id = 'leap'\nname = 'Leap day'\ndefault = { fixed = '02-29' }\n").unwrap();
    assert_eq!(leap.days("US", 2026).unwrap(), []);
    assert_eq!(leap.days("US", 2028).unwrap().len(), 1);
}

#[test]
fn the_fifth_sunday_is_kept_only_in_months_that_have_one() {
    let fifth = load("fifth.toml", "id = 'fifth'\nname = 'Fifth'\ndefault = { nth = '5 sun may' }\n").unwrap();
    assert_eq!(fifth.days("US", 2026).unwrap()[0].date.to_string(), "2026-05-31");
    assert_eq!(fifth.days("US", 2025).unwrap(), []);
}

#[test]
fn each_mistake_in_a_feast_names_its_line_column_and_what_would_be_right() {
    for (rule, column, message, hint) in [
        ("{ fixd = '05-10' }", 13, "unknown field `fixd`", ""),
        ("{ fixed = '5-10' }", 21, "`5-10` is not a day of the year", "MM-DD"),
        ("{ fixed = '02-30' }", 21, "`02-30` is not a day of the year", "MM-DD"),
        ("{ nth = '2 sun may', easter = 1 }", 11, "starts from exactly one thing", "`fixed`, `nth`"),
        ("{ uncertainty = 1 }", 11, "starts from exactly one thing", "`fixed`, `nth`"),
        ("{ nth = '6 sun may' }", 19, "`6 sun may` is not a weekday of a month", "`2 sun may`"),
        ("{ nth = '2 sunny may' }", 19, "is not a weekday of a month", "`last sun may`"),
        ("{ easter = 900 }", 22, "900 days is too far", ""),
        ("{ calendar = 'mayan', month = 1, day = 1 }", 24, "unknown variant `mayan`", ""),
        ("{ calendar = 'hebrew', month = 13, day = 1 }", 42, "there is no month 13", "1 to 12"),
        ("{ calendar = 'hebrew', month = 3 }", 24, "needs `month` and `day`", ""),
        ("{ fixed = '01-01', month = 3 }", 38, "belong to a `calendar`", "MM-DD"),
        ("{ fixed = '01-01', uncertainty = 90 }", 44, "the uncertainty is 90 days", ""),
        ("{ nth = '1 sun may', unless = { easter = 49 } }", 41, "`unless` and `else` go together", ""),
        ("{ table = { 26 = '11-08' } }", 23, "`26` is not a year", ""),
        ("{ table = { 2026 = '02-29' } }", 30, "2026 has no day `02-29`", ""),
    ] {
        let mistake = load("odd.toml", &format!("id = 'odd'\nname = 'Odd'\ndefault = {rule}\n")).unwrap_err();
        assert_eq!(place(&mistake), (3, column), "{rule}: {mistake}");
        assert!(mistake.message.contains(message), "{rule}: {mistake}");
        assert!(mistake.hint.unwrap_or_default().contains(hint), "{rule}");
    }
}

#[test]
fn a_feast_must_be_named_as_its_file_and_its_regions_as_in_iso_3166() {
    let wrong_id = load("odd.toml", "id = 'even'\nname = 'Odd'\ndefault = { easter = 0 }\n").unwrap_err();
    assert_eq!(place(&wrong_id), (1, 6));
    assert!(wrong_id.message.contains("the id is `even` but the file is named `odd`"), "{wrong_id}");
    let wrong_region = load("odd.toml", "id = 'odd'\nname = 'Odd'\nregion.Gb = { easter = 0 }\n").unwrap_err();
    assert_eq!(place(&wrong_region), (3, 8));
    assert!(wrong_region.to_string().contains("`Gb` is not a region"), "{wrong_region}");
    let no_rule = load("odd.toml", "id = 'odd'\nname = 'Odd'\n").unwrap_err();
    assert!(no_rule.message.contains("`odd` has no rule"), "{no_rule}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Feasts::load(Path::new("/nowhere/feasts")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere/feasts: "), "{error}");
}
