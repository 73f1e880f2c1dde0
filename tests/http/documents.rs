//! docs/http.md says what the server does.

use std::{collections::BTreeSet, fs};

use festoon::http::{Code, ROWS};
use festoon_spec::Profile;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/http.md")).unwrap()
}

/// The rows of the table below a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = page();
    let section = page.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("there is no section `{heading}`"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect()).collect()
}

#[test]
fn the_reference_lists_every_address() {
    let documented: BTreeSet<Vec<String>> = table("Addresses").into_iter().collect();
    let served: BTreeSet<Vec<String>> =
        ROWS.iter().map(|row| vec![row.path.to_owned(), row.methods.join(", "), row.about.to_owned()]).collect();
    assert_eq!(documented, served);
}

#[test]
fn the_reference_lists_every_profile() {
    let told: Vec<Vec<String>> = Profile::all()
        .map(|profile| [profile.name(), profile.extension(), profile.media_type(), profile.about()].map(str::to_owned).into())
        .collect();
    assert_eq!(table("Profiles"), told);
}

#[test]
fn the_reference_lists_every_problem() {
    let documented: BTreeSet<Vec<String>> = table("Problems").into_iter().collect();
    let told: BTreeSet<Vec<String>> =
        Code::ALL.iter().map(|code| vec![code.name().to_owned(), code.status().to_string(), code.title().to_owned()]).collect();
    assert_eq!(documented, told);
}

#[test]
fn the_dashboard_asks_for_what_is_counted() {
    let read = |path: &str| fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (dashboard, counted) = (read("deploy/grafana.json"), read("src/metrics.rs"));
    let panels = serde_json::from_str::<serde_json::Value>(&dashboard).unwrap()["panels"].as_array().unwrap().len();
    let word = |text: &str| text.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '_').collect::<String>();
    let asked: BTreeSet<String> = dashboard.match_indices("festoon_").map(|(at, _)| word(&dashboard[at..])).collect();
    assert!(panels > 5 && asked.len() > 5, "{panels} panels ask for {asked:?}");
    for name in asked {
        let name = name.trim_end_matches("_bucket");
        assert!(counted.contains(&format!("\"{name}\"")), "{name} is not counted");
    }
}
