//! What is decided at the origin holds at its edges.

use festoon_spec::{Outcome, Reason, Verdict};
use serde_json::json;

use super::{purges::post, *};

const CLIP: &str = "/v1/clips/lantern/en.mp4";

/// Has the origin's only waiting plate painted, so that the gate doubts it.
async fn paint_doubtful(origin: &Server) -> Outcome {
    let renderer = origin.renderer("painter");
    let lease = renderer.lease(60).await.unwrap();
    let reasons = vec![Reason { code: "noise".into(), detail: "it is noise".into() }];
    let outcome = Outcome { verdict: Verdict::Flagged { reasons }, ..renderer.paint(&lease).await };
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    outcome
}

async fn decide(origin: &Server, plate: &str, judgement: &str) {
    let answer = post(origin, "/v1/reviews", &json!({ "plates": [plate], "judgement": judgement })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn edges_show_what_was_approved_and_what_stands_in_the_place_of_what_was_not() {
    let root = tempfile::tempdir().unwrap();
    let origin = Server::start(&["serve"], &origin_settings(&root.path().join("origin")));
    let edge = Server::start(&["serve"], &edge_settings(&root.path().join("edge"), &origin.url, |_| {}));
    assert_eq!(edge.get(CLIP).await.status, 202);
    let plate = async || {
        let waiting = client().get(format!("{}/v1/reviews", origin.url)).bearer_auth(TOKEN).send().await.unwrap();
        let waiting = Answer::of(waiting).await.json();
        let plate = waiting["waiting"][0]["plate"].as_str().map(str::to_owned);
        plate.unwrap_or_else(|| panic!("{waiting}"))
    };
    let first = paint_doubtful(&origin).await;
    assert_eq!(edge.get(CLIP).await.code(), "refused", "nobody has looked");
    let first_plate = plate().await;
    decide(&origin, &first_plate, "approve").await;
    let shown = until(&edge, CLIP, 200).await;
    assert_eq!(shown.header("etag"), format!("\"b3-{}\"", first.blob));
    decide(&origin, &first_plate, "repaint").await;
    // The edge was told before the decision was answered.
    assert_ne!(edge.get(CLIP).await.status, 200);
    assert_eq!(edge.get(&format!("/v1/blobs/{}.mp4", first.blob)).await.status, 404);
    let second = paint_doubtful(&origin).await;
    decide(&origin, &plate().await, "approve").await;
    let shown = until(&edge, CLIP, 200).await;
    assert_eq!(shown.header("etag"), format!("\"b3-{}\"", second.blob));
}
