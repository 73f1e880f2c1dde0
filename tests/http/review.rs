//! Somebody looks at what the gate doubts, and decides.

use festoon_spec::{Outcome, Reason, Verdict};
use serde_json::{Value, json};

use crate::installation::*;

const LANTERN: &str = "/v1/clips/lantern/en.mp4";
const NOISE: &str = "the Laplacian's variance is 30000; above 20000 it is noise";

/// Has what is asked for painted, so that the gate doubts it.
pub async fn flagged(installation: &Installation, path: &str) -> Outcome {
    assert_eq!(installation.get(path).await.status, 202);
    painted_anew(installation, Verdict::Flagged { reasons: vec![Reason { code: "noise".into(), detail: NOISE.into() }] }).await
}

/// Has the next job painted.
pub async fn painted_anew(installation: &Installation, verdict: Verdict) -> Outcome {
    let renderer = installation.renderer("painter");
    let lease = renderer.lease(0).await.expect("something is ordered");
    let outcome = Outcome { verdict, ..renderer.paint(&lease).await };
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    outcome
}

/// What waits to be looked at.
async fn waiting(installation: &Installation) -> Vec<String> {
    let told = installation.get_as_operator("/v1/reviews").await.json();
    told["waiting"].as_array().unwrap().iter().map(|plate| plate["plate"].as_str().unwrap().to_owned()).collect()
}

async fn decide(installation: &Installation, plate: &str, judgement: &str) -> Value {
    let body = json!({ "plates": [plate], "judgement": judgement, "note": "seen" });
    let answer = installation.post_as_operator("/v1/reviews", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["decided"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_flagged_is_shown_to_nobody_before_somebody_approves_it() {
    let installation = Installation::start().await;
    let outcome = flagged(&installation, LANTERN).await;
    let refused = installation.get(LANTERN).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "refused"));
    let plates = waiting(&installation).await;
    let [plate] = plates.as_slice() else { panic!("{plates:?}") };
    let decided = decide(&installation, plate, "approve").await;
    assert_eq!((decided["ruling"].as_str(), decided["by"].as_str()), (Some("approved"), Some("operator")));
    let shown = installation.get(LANTERN).await;
    assert_eq!((shown.status, shown.header("etag")), (200, format!("\"b3-{}\"", outcome.blob).as_str()));
    assert_eq!(waiting(&installation).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_is_never_shown_again_by_any_name_also_after_a_restart() {
    let installation = Installation::start().await;
    let blob = installation.paint(LANTERN).await;
    let by_hash = format!("/v1/blobs/{blob}.mp4");
    assert_eq!((installation.get(LANTERN).await.status, installation.get(&by_hash).await.status), (200, 200));
    let pick = installation.post("/v1/picks", &lantern(json!({}))).await.json();
    decide(&installation, pick["plate"].as_str().unwrap(), "reject").await;
    let Installation { folder, clock, running, client } = installation;
    for _ in 0..2 {
        let url = running.url();
        let get = async |path: &str| Answer::of(client.get(format!("{url}{path}")).send().await.unwrap()).await;
        let refused = get(LANTERN).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "refused"));
        assert!(!refused.text().contains("seen"), "the note is for those who decide: {}", refused.text());
        assert_eq!(get(&by_hash).await.status, 404);
        assert_eq!(get("/v1/clips/lantern/en.mp4?fallback=nearest").await.status, 422);
    }
    running.stop().await.unwrap();
    let again = Installation::run(lay_out(folder.path()), &clock).await.unwrap_or_else(|error| panic!("{error}"));
    let refused = Answer::of(client.get(format!("{}{LANTERN}", again.url())).send().await.unwrap()).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_take_stands_in_the_place_of_one_that_is_repainted_and_of_that_one_too() {
    let installation = Installation::start().await;
    let mut shown = flagged(&installation, LANTERN).await.blob;
    for _ in 0..2 {
        let plate = waiting(&installation).await.remove(0);
        let decided = decide(&installation, &plate, "repaint").await;
        assert_ne!(decided["in_its_place"], decided["plate"]);
        assert_eq!(installation.get(LANTERN).await.status, 202, "it is on its way");
        let lease = installation.renderer("r").lease(0).await.unwrap();
        assert_eq!(json!(lease.key), decided["in_its_place"]);
        let outcome = installation.renderer("r").paint(&lease).await;
        let doubt = Verdict::Flagged { reasons: vec![Reason { code: "noise".into(), detail: NOISE.into() }] };
        let outcome = Outcome { verdict: doubt, ..outcome };
        assert_eq!(installation.renderer("r").hand_in(&lease, &outcome).await.status, 204);
        assert_ne!(outcome.blob, std::mem::replace(&mut shown, outcome.blob));
    }
    let plate = waiting(&installation).await.remove(0);
    decide(&installation, &plate, "approve").await;
    assert_eq!(installation.get(LANTERN).await.header("etag"), format!("\"b3-{shown}\""));
    let pick = installation.post("/v1/picks", &lantern(json!({}))).await.json();
    assert_eq!(pick["plate"].as_str(), Some(plate.as_str()));
    assert_eq!(installation.renderer("r").lease(0).await, None, "nothing is painted twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_cannot_be_is_refused_and_changes_nothing() {
    let installation = Installation::start().await;
    flagged(&installation, LANTERN).await;
    let plate = waiting(&installation).await.remove(0);
    let unknown = "0".repeat(64);
    let long = "x".repeat(1001);
    for (body, status, told) in [
        (json!({"plates": [plate], "judgement": "burn"}), 400, "`judgement` is `burn`"),
        (json!({"plates": [], "judgement": "reject"}), 400, "1 to 1000 plates"),
        (json!({"plates": ["nothing"], "judgement": "reject"}), 400, "`plates` has `nothing`"),
        (json!({"plates": [plate], "judgement": "reject", "note": long}), 400, "at most 1000 characters"),
        (json!({"plates": [plate, unknown], "judgement": "reject"}), 404, "there is no plate"),
    ] {
        let answer = installation.post_as_operator("/v1/reviews", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(answer.text().contains(told), "{}", answer.text());
    }
    assert_eq!(installation.post("/v1/reviews", &json!({"plates": [plate], "judgement": "reject"})).await.status, 401);
    assert_eq!(waiting(&installation).await, [plate], "all of it counts, or nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_frames_and_the_numbers_and_takes_a_plain_form_from_this_site_only() {
    let installation = Installation::start().await;
    let outcome = flagged(&installation, LANTERN).await;
    let page = installation.get_as_operator("/operator/review?lang=en").await.text().replace("&#x2f;", "/");
    assert!(page.contains("the Laplacian&#x27;s variance is 30000") && page.matches("<polyline").count() == 4, "{page}");
    let frames: Vec<&str> = page.split("<img src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(!frames.is_empty(), "{page}");
    for frame in &frames {
        let picture = installation.get_as_operator(frame).await;
        assert_eq!((picture.status, &picture.body[..3]), (200, &[0xff, 0xd8, 0xff][..]), "{frame}");
        assert_eq!(installation.get(frame).await.status, 401);
    }
    let plate = waiting(&installation).await.remove(0);
    let beyond = installation.get_as_operator(&format!("/operator/review/{plate}/frames/6.jpg")).await;
    assert_eq!((beyond.status, beyond.code().as_str()), (404, "unknown-entry"));
    let film = installation.get_as_operator(&format!("/operator/review/{plate}/plate.mp4")).await;
    assert_eq!(film.body.len() as u64, outcome.bytes);

    let form = format!("plate={plate}&judgement=approve&note=fine+%3Cgrain%3E&to=/operator/review?lang=en");
    let send = async |origin: &str| {
        let request = installation.client.post(installation.url("/operator/review")).header("Origin", origin);
        let request = request.bearer_auth(installation.running.opened().token.reveal());
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form.clone());
        Answer::of(request.send().await.unwrap()).await
    };
    assert_eq!(send("https://elsewhere.example").await.status, 401);
    assert_eq!(waiting(&installation).await.len(), 1);
    let done = send(&installation.url("")).await;
    assert_eq!((done.status, done.header("location")), (303, "/operator/review?lang=en"));
    let page = installation.get_as_operator(done.header("location")).await.text();
    assert!(page.contains("Nothing to look at") && page.contains("fine &lt;grain&gt;") && !page.contains("<grain>"), "{page}");
    assert_eq!(installation.get_as_operator(&format!("/operator/review/{plate}")).await.status, 200);
}
