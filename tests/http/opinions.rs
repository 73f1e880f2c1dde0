//! "Another one", and why.

use serde_json::{Value, json};

use crate::{faults, installation::*};

/// The body that names a take of the lantern, and its clip's address.
async fn take(installation: &Installation, variation: u32) -> (Value, String) {
    let pick = json!({ "template": "lantern", "locale": "en", "variation": variation });
    let answer = installation.post("/v1/picks", &pick).await.json();
    (pick, format!("/v1/clips/{}", answer["clip"].as_str().unwrap()))
}

async fn painted(takes: std::ops::Range<u32>) -> Installation {
    let installation = Installation::start().await;
    for variation in takes {
        installation.paint(&faults::clip(variation as usize)).await;
    }
    installation
}

#[tokio::test(flavor = "multi_thread")]
async fn another_one_is_the_best_liked_that_was_not_seen_then_one_to_be_painted() {
    let installation = painted(0..3).await;
    let another = async |variation: u32, seen: &[u32]| {
        let (pick, clip) = take(&installation, variation).await;
        let answer = installation.post(&format!("{clip}/another"), &json!({ "pick": pick, "seen": seen })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer.json()["variation"].as_u64().unwrap(), answer.json()["ready"].as_bool().unwrap())
    };
    assert_eq!(another(0, &[]).await, (1, true));
    let (pick, clip) = take(&installation, 2).await;
    let liked = installation.post(&format!("{clip}/opinion"), &json!({ "pick": pick, "opinion": "liked" })).await;
    assert_eq!(liked.status, 204, "{}", liked.text());
    assert_eq!(another(0, &[]).await, (2, true), "the liked one is offered first now");
    assert_eq!(another(2, &[0]).await, (1, true));
    assert_eq!(another(1, &[0, 2]).await, (3, false), "all three were seen");
    let page = installation.get("/t/lantern?lang=en").await.text();
    let order: Vec<_> = page.split("data-take=\"").skip(1).map(|rest| rest.chars().next().unwrap()).collect();
    assert_eq!(order.len(), 3, "{page}");
    assert_eq!(order.last(), Some(&'0'), "the one that was turned down twice stands last");
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_read_what_was_said_also_after_a_restart_and_strangers_do_not() {
    let installation = painted(0..1).await;
    let (pick, clip) = take(&installation, 0).await;
    installation.post(&format!("{clip}/another"), &json!({ "pick": pick })).await;
    installation.post(&format!("{clip}/opinion"), &json!({ "pick": pick, "opinion": "off-topic" })).await;
    assert_eq!(installation.get("/v1/opinions").await.status, 401);
    let token = installation.running.opened().token.reveal().to_owned();
    let bearer = format!("Bearer {token}");
    let told = installation.get_with("/v1/opinions", &[("Authorization", &bearer)]).await.json();
    let topic = &told["topics"][0];
    assert_eq!(
        (&topic["template"], &topic["told"], &topic["turned_down"]),
        (&json!("lantern"), &json!("size = small"), &json!(1))
    );
    assert_eq!(topic["takes"][0]["said"], json!({ "another": 1, "off-topic": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opinion_is_only_taken_of_a_clip_that_can_be_seen_and_is_the_one_that_is_named() {
    let installation = painted(0..1).await;
    let (pick, clip) = take(&installation, 0).await;
    let (unpainted, elsewhere) = take(&installation, 7).await;
    for (address, body, status, code) in [
        (format!("{elsewhere}/opinion"), json!({ "pick": unpainted, "opinion": "liked" }), 404, "not-painted"),
        (format!("{clip}/opinion"), json!({ "pick": unpainted, "opinion": "liked" }), 400, "bad-body"),
        ("/v1/clips/nothing/opinion".to_owned(), json!({ "pick": pick, "opinion": "liked" }), 400, "bad-body"),
        (format!("{clip}/opinion"), json!({ "pick": pick, "opinion": "great" }), 400, "bad-body"),
        (format!("{clip}/another"), json!({ "pick": pick, "seen": (0..2000).collect::<Vec<_>>() }), 400, "bad-body"),
    ] {
        let answer = installation.post(&address, &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{address}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_opinions_a_minute() {
    let installation = Installation::with(|config| config.limits.opinions_per_minute = 2).await;
    installation.paint("/v1/clips/lantern/en.mp4").await;
    let (pick, clip) = take(&installation, 0).await;
    let say = async || installation.post(&format!("{clip}/opinion"), &json!({ "pick": pick, "opinion": "liked" })).await.status;
    assert_eq!([say().await, say().await, say().await], [204, 204, 429]);
    installation.clock.advance(60_000);
    assert_eq!(say().await, 204);
}
