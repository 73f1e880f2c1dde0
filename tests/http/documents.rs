//! docs/http.md says what the server does.

use std::{collections::BTreeSet, fs};

use festoon::http::{Code, ROWS};
use festoon_spec::Profile;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/http.md");

/// The table below a heading has these rows, and the first cells of each are names. `make docs` writes them.
fn is_told(heading: &str, names: usize, rows: impl Iterator<Item = Vec<String>>) {
    let cell = |(at, cell): (usize, String)| if at < names { format!("`{cell}`") } else { cell };
    let row = |cells: Vec<String>| format!("| {} |", cells.into_iter().enumerate().map(cell).collect::<Vec<_>>().join(" | "));
    let told: Vec<String> = rows.map(row).collect();
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, section) =
        page.split_once(&format!("## {heading}\n")).unwrap_or_else(|| panic!("there is no section `{heading}`"));
    let (section, after) = section.split_once("\n## ").unwrap_or((section, ""));
    let kept: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    if std::env::var_os("FESTOON_WRITE_DOCS").is_some() {
        let section = section.replacen(&kept.join("\n"), &told.join("\n"), 1);
        let after = if after.is_empty() { String::new() } else { format!("\n## {after}") };
        fs::write(PAGE, format!("{before}## {heading}\n{section}{after}")).unwrap();
    } else {
        assert_eq!(kept, told, "docs/http.md is old: run `make docs`");
    }
}

#[test]
fn the_reference_lists_every_address_profile_and_problem() {
    is_told("Addresses", 1, ROWS.iter().map(|row| vec![row.path.to_owned(), row.methods.join(", "), row.about.to_owned()]));
    let cells = |profile: Profile| [profile.name(), profile.extension(), profile.media_type(), profile.about()];
    is_told("Profiles", 3, Profile::all().map(|profile| cells(profile).map(str::to_owned).into()));
    let cells = |code: &Code| vec![code.name().to_owned(), code.status().to_string(), code.title().to_owned()];
    is_told("Problems", 1, Code::ALL.iter().map(cells));
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
