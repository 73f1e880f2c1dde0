//! What `festoon schedule` prints.

use std::{fs, path::Path, process::Command};

use festoon::schedule::{Feasts, preview};
use serde_json::Value;

use super::{templates, write_template};

fn shipped() -> Feasts {
    Feasts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/feasts")).unwrap()
}

#[test]
fn a_preview_lists_a_locales_feasts_in_order_with_what_is_due_for_them() {
    let templates = templates("[[prerender]]\nfeast = 'mothers_day'\nready = 'P21D before'\nat = '02:00'\nlocales = ['fr-FR']\n");
    let (from, until) = ("2026-05-01".parse().unwrap(), "2026-06-01".parse().unwrap());
    let shown = |locale: &str| {
        let preview = preview(&shipped(), templates.iter().map(AsRef::as_ref), &locale.parse().unwrap(), from, until);
        let day = |day: &festoon::schedule::PreviewDay| {
            let due: Vec<_> = day.rules.iter().map(|rule| format!(" {}/{} {}", rule.template, rule.rule, rule.due)).collect();
            format!("{} {} {}{}", day.date, day.weekday, day.feast, due.concat())
        };
        (preview.zone, preview.days.iter().map(day).collect::<Vec<_>>())
    };
    assert_eq!(
        shown("fr"),
        (
            "Europe/Paris",
            vec![
                "2026-05-27 Wed eid_al_adha".into(),
                "2026-05-31 Sun mothers_day card/mothers_day 2026-05-10T02:00:00+02:00".into(),
            ]
        )
    );
    assert_eq!(
        shown("en-US"),
        ("America/New_York", vec!["2026-05-10 Sun mothers_day".into(), "2026-05-27 Wed eid_al_adha".into()])
    );
}

#[test]
fn a_preview_says_what_it_does_not_know() {
    let (from, until) = ("2035-06-01".parse().unwrap(), "2037-01-01".parse().unwrap());
    let preview = preview(&shipped(), [], &"hi-IN".parse().unwrap(), from, until);
    assert!(preview.days.iter().any(|day| day.feast == "diwali" && day.date.to_string() == "2035-10-30"));
    assert_eq!(preview.unknown.len(), 1, "{:?}", preview.unknown);
    assert!(preview.unknown[0].starts_with("the date of `diwali` in IN in 2036 is not known"), "{}", preview.unknown[0]);
}

/// Runs `festoon schedule` in a project with the shipped settings and feasts.
fn schedule(arguments: &[&str]) -> (bool, String, String) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir_all(config.join("feasts")).unwrap();
    write_template(&folder.path().join("templates"), "card", "");
    fs::copy(shipped.join("festoon.toml"), config.join("festoon.toml")).unwrap();
    for feast in fs::read_dir(shipped.join("feasts")).unwrap() {
        let feast = feast.unwrap();
        fs::copy(feast.path(), config.join("feasts").join(feast.file_name())).unwrap();
    }
    let done = Command::new(env!("CARGO_BIN_EXE_festoon"))
        .arg("schedule")
        .args(arguments)
        .arg("--config")
        .arg(config.join("festoon.toml"))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout), text(done.stderr))
}

#[test]
fn the_command_prints_a_table_or_json() {
    let (ok, table, errors) = schedule(&["preview", "--locale", "fr-FR", "--from", "2026-01-01", "--years", "2"]);
    assert!(ok && errors.is_empty(), "{errors}");
    assert!(table.starts_with("fr-FR: feasts of FR (Europe/Paris, tzdata "), "{table}");
    for line in
        ["│ 2026-05-31   Sun            Mother's Day (mothers_day)", "│ 2027-03-28   Sun            Easter Sunday (easter)"]
    {
        assert!(table.contains(line), "{line}\n{table}");
    }
    assert!(!table.contains("│ 2028-"), "{table}");
    let (ok, json, _) = schedule(&["preview", "--locale", "fr-FR", "--from", "2026-01-01", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(ok && json["days"][0]["feast"] == "new_year" && json["until"] == "2027-01-01", "{json}");
    let (ok, feasts, _) = schedule(&["feasts", "--json"]);
    let feasts: Value = serde_json::from_str(&feasts).unwrap();
    assert!(
        ok && feasts["feasts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|feast| feast["id"] == "thanksgiving" && feast["everywhere"] == false)
    );
}

#[test]
fn the_command_says_what_would_be_right() {
    for (arguments, message) in [
        (&["preview", "--locale", "french"][..], "`french` is not a locale"),
        (&["preview", "--locale", "fr", "--from", "2026-02-30"], "2026-02-30"),
        (&["preview", "--locale", "fr", "--years", "0"], "1..=50"),
        (&["preview", "--locale", "fr", "--from", "2095-01-01", "--years", "10"], "known only from 1901 to 2099"),
        (&["preview", "--locale", "fr", "--from", "0001-01-01"], "known only from 1901 to 2099"),
    ] {
        let (ok, _, errors) = schedule(arguments);
        assert!(!ok && errors.contains(message), "{arguments:?}: {errors}");
    }
}
