//! What campaigns need is at the edges before anybody asks.

use std::fs;

use serde_json::Value;

use super::{
    purges::{post, verb},
    *,
};

const SPRING: &str = r#"
id = "spring"
name = "Spring"
locales = ["en"]

[[part]]
templates = ["lantern"]
choices = { size = ["small", "large"] }
"#;

async fn report(origin: &Server) -> Value {
    let asked = client().get(format!("{}/v1/warm", origin.url)).bearer_auth(TOKEN).send().await.unwrap();
    Answer::of(asked).await.json()
}

/// Waits until the only edge has so many of the campaign's plates.
async fn until_warm(origin: &Server, plates: u64) {
    while report(origin).await["edges"][0]["warm"]["warm:spring"]["there"] != plates {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_has_a_campaign_before_anybody_asks_and_keeps_it_while_the_origin_is_away() {
    let root = tempfile::tempdir().unwrap();
    let file = origin_settings(&root.path().join("origin"));
    fs::create_dir_all(root.path().join("origin/config/campaigns")).unwrap();
    fs::write(root.path().join("origin/config/campaigns/spring.toml"), SPRING).unwrap();
    let mut origin = Server::start(&["serve"], &file);
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &origin.url, |_| {}));
    let clips = ["small", "large"].map(|size| format!("/v1/clips/lantern/en.mp4?size={size}"));
    assert_eq!(origin.get(&clips[0]).await.status, 202);
    paint(&origin).await;

    let (code, told) = verb(&origin, &file, &["warm", "spring"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("warm:spring") && told.contains("origin") && told.contains("edge"), "{told}");
    assert!(told.matches("1 of 2").count() == 2, "{told}");
    // What is painted later comes by itself.
    assert_eq!(origin.get(&clips[1]).await.status, 202);
    paint(&origin).await;
    until_warm(&origin, 2).await;
    let right = [origin.get(&clips[0]).await.body, origin.get(&clips[1]).await.body];
    origin.kill();
    for (clip, right) in clips.iter().zip(&right) {
        let answer = edge.get(clip).await;
        assert_eq!((answer.status, &answer.body), (200, right), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_let_go_by_hand_and_with_its_last_day_and_none_is_made_up() {
    let root = tempfile::tempdir().unwrap();
    let file = origin_settings(root.path());
    let campaign = root.path().join("config/campaigns/spring.toml");
    fs::create_dir_all(campaign.parent().unwrap()).unwrap();
    fs::write(&campaign, SPRING).unwrap();
    let origin = Server::start(&["serve"], &file);
    let (code, told) = verb(&origin, &file, &["warm", "sprnig"]);
    assert!(code == 1 && told.contains("there is no campaign `sprnig`") && told.contains("spring"), "{told}");
    assert_eq!(verb(&origin, &file, &["warm", "spring"]).0, 0);
    assert_eq!(report(&origin).await["here"]["warm:spring"]["wanted"], 2);
    assert_eq!(verb(&origin, &file, &["warm", "--stop", "spring"]).0, 0);
    assert_eq!(report(&origin).await["here"], serde_json::json!({}));
    // One that is over is let go when the next edge asks what it is to have.
    assert_eq!(verb(&origin, &file, &["warm", "spring"]).0, 0);
    fs::write(&campaign, format!("window = {{ from = '2020-01-01', to = '2020-02-01' }}\n{SPRING}")).unwrap();
    let news = serde_json::json!({"edge": "e", "festoon": "0", "revision": null, "seen": null, "wait_seconds": 0});
    assert_eq!(post(&origin, "/v1/edges", &news).await.json()["standing"]["wanted"], serde_json::json!({}));
    assert_eq!(report(&origin).await["here"], serde_json::json!({}));
}
