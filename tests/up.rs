//! `festoon up` with a campaign: painted, checked over HTTP, and how long that took.
#![allow(clippy::unwrap_used)]

use std::{fs, io::Read};

use crate::faults::*;

const CAMPAIGN: &str =
    "id = \"lights\"\nname = \"Lights\"\n[[part]]\ntemplates = [\"lantern\"]\nchoices = { size = [\"small\", \"large\"] }\n";

/// The phases of the last table that was printed.
fn phases(told: &str) -> Vec<&str> {
    let table = told.rsplit("Since the start").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with('│') && line.contains(" s "));
    rows.map(|row| row.trim_start_matches('│').trim().split("  ").next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_painted_and_checked_once_and_each_phase_is_told() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let campaign = root.path().join("lights.toml");
    fs::write(&campaign, CAMPAIGN).unwrap();
    let arguments = ["up", "--renderers", "0", "--once", "--campaign", campaign.to_str().unwrap()];

    let mut server = Server::start(&arguments, &settings);
    let renderer = server.renderer("painter");
    for _ in 0..2 {
        let lease = renderer.lease(60).await.unwrap();
        let outcome = renderer.paint(&lease).await;
        assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    }
    let mut told = String::new();
    server.stdout.read_to_string(&mut told).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("2 painted, 0 were kept, 0 failed"), "{told}");
    assert!(told.contains("6 clips fetched, 2 plates decoded, 0 wrong"), "three locales share each plate: {told}");
    assert_eq!(phases(&told), ["server answers", "first clip served", "campaign painted", "clips checked"], "{told}");

    // Again: everything is kept, and the first clip is served all the same. What came before festoon is counted.
    let arguments = [&arguments[..], &["--before", "built=63"]].concat();
    let mut server = Server::start(&arguments, &settings);
    let mut told = String::new();
    server.stdout.read_to_string(&mut told).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("0 painted, 2 were kept, 0 failed"), "{told}");
    let expected = ["built", "server answers", "first clip served", "campaign painted", "clips checked"];
    assert_eq!(phases(&told), expected, "{told}");
    let last = told.lines().rfind(|line| line.contains("clips checked")).unwrap();
    assert!(last.contains("1 min "), "{last}");
}
