//! Picks, tickets, refusals, and what people get wrong.

use festoon::{
    clock::Clock,
    edge::TicketId,
    schedule::{Orders, PlannedPlate},
};
use festoon_spec::{FailureKind, PlateSpec, Reason, Scene, Verdict};
use futures_util::StreamExt;
use serde_json::json;

use crate::installation::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_people_get_wrong_is_told_with_a_stable_code() {
    let installation = Installation::start().await;
    for (path, status, code, told) in [
        ("/v1/clips/lanturn/en.mp4", 404, "unknown-template", "did you mean `lantern`?"),
        ("/v1/clips/lantern/xx.mp4", 404, "unknown-locale", "xx"),
        ("/v1/clips/lantern/..%2f..%2fetc.mp4", 422, "bad-locale", "expected a BCP-47 tag"),
        ("/v1/clips/lantern/en.avi", 404, "unknown-file-type", ".mp4"),
        ("/v1/clips/lantern/en.mp4?profile=gif", 404, "unknown-profile", "mp4"),
        ("/v1/clips/lantern/en.mp4?colour=red", 422, "unknown-parameter", "tint"),
        ("/v1/clips/lantern/en.mp4?tint=reddish", 422, "bad-colour", "tint"),
        ("/v1/clips/lantern/en.mp4?title=a+title+that+is+far+too+long", 422, "text-too-long", "12"),
        ("/v1/clips/lantern/en.mp4?title=%E2%80%AEevil", 422, "forbidden-character", "title"),
        ("/v1/clips/lantern/en.mp4?size=huge", 422, "unknown-choice", "size"),
        ("/v1/clips/lantern/en.mp4?size=small&size=large", 422, "repeated-parameter", "size"),
        ("/v1/clips/lantern/en.mp4?variation=-1", 422, "bad-variation", "999"),
        ("/v1/clips/lantern/en.mp4?variation=1000", 422, "bad-variation", "999"),
        ("/v1/clips/lantern/en.mp4?title=%FF", 400, "bad-query", "UTF-8"),
        ("/v1/tickets/nope", 404, "unknown-ticket", "nope"),
        ("/v1/tickets/00000000000000000000000000000000", 404, "unknown-ticket", "0000"),
        ("/v1/blobs/ABC.mp4", 404, "unknown-blob", "64 lower-case"),
        ("/nothing", 404, "not-found", "/docs"),
    ] {
        let answer = installation.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
    }
    assert_eq!(installation.renderer("r1").lease(0).await, None, "a wrong request ordered something");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_text_in_a_prompt_stays_text() {
    let installation = Installation::start().await;
    let evil = "{{ place }}{% for x in range(9) %}!{% endfor %}";
    let answer =
        installation.post("/v1/picks", &json!({"template": "poster", "locale": "en", "parameters": {"subject": evil}})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let lease = installation.renderer("r1").lease(0).await.unwrap();
    let Scene::Wan(scene) = &lease.spec.scene else { panic!("the model paints posters") };
    assert_eq!(scene.prompt, format!("A painting of {evil} in a meadow."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pick_is_promised_then_ready() {
    let installation = Installation::start().await;
    let pick = lantern(json!({"title": "Ahoy", "size": "large"}));
    let promised = installation.post("/v1/picks", &pick).await;
    let page = promised.json();
    assert_eq!((promised.status, page["status"].as_str()), (202, Some("queued")));
    assert_eq!(page["clip_url"], "/v1/clips/lantern/en.mp4?size=large&tint=%23ffcc00&title=Ahoy");
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    renderer.hand_in(&lease, &outcome).await;
    let ready = installation.post("/v1/picks", &pick).await;
    let page = ready.json();
    assert_eq!((ready.status, page["status"].as_str(), page["overlay"].as_str()), (200, Some("ready"), Some("none")));
    assert_eq!(page["blob"], outcome.blob.to_string());
    let clip = installation.get(page["clip_url"].as_str().unwrap()).await;
    assert_eq!((clip.status, clip.header("etag")), (200, format!("\"b3-{}\"", outcome.blob).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_as_it_happens() {
    let installation = Installation::start().await;
    let promised = installation.post("/v1/picks", &lantern(json!({}))).await.json();
    let events = installation.client.get(installation.url(promised["events_url"].as_str().unwrap())).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut events = Events { stream: events.bytes_stream().boxed(), text: String::new() };
    assert_eq!(events.next().await, ("progress".into(), "queued".into(), None));
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    assert_eq!(events.next().await, ("progress".into(), "painting".into(), None));
    assert_eq!(renderer.renew(&lease, 500).await.status, 200);
    assert_eq!(events.next().await, ("progress".into(), "painting".into(), Some(500)));
    let outcome = renderer.paint(&lease).await;
    renderer.hand_in(&lease, &outcome).await;
    assert_eq!(events.next().await, ("done".into(), "done".into(), None));
    assert!(events.text.is_empty() && events.stream.next().await.is_none(), "the stream goes on after its end");
}

/// Reads server-sent events.
struct Events {
    stream: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Events {
    /// Name, status and progress of the next event.
    async fn next(&mut self) -> (String, String, Option<u64>) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
                let found = field("event:").zip(field("data:"));
                self.text = rest.to_owned();
                if let Some((name, data)) = found {
                    let page: serde_json::Value = serde_json::from_str(&data).unwrap();
                    return (name, page["status"].as_str().unwrap().to_owned(), page["progress"]["permille"].as_u64());
                }
                continue;
            }
            let piece = self.stream.next().await.expect("the stream ended early").unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_orders_once() {
    let installation = Installation::start().await;
    let send = |key: &'static str, body: serde_json::Value| {
        let request = installation.client.post(installation.url("/v1/picks")).header("Idempotency-Key", key).json(&body);
        async { Answer::of(request.send().await.unwrap()).await }
    };
    let first = send("a-1", lantern(json!({}))).await.json();
    let again = send("a-1", lantern(json!({}))).await.json();
    assert_eq!(first["id"], again["id"], "the answer that was lost cannot be taken back");
    let other = send("a-1", lantern(json!({"size": "large"}))).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency-key-reused"));
    let ticket = TicketId::read(first["id"].as_str().unwrap()).unwrap();
    let job = installation.running.edge().queue().get(&ticket.job).await.unwrap().unwrap();
    assert_eq!(job.waiters, 1, "the repeated request counts as another one that waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plate_that_fails_its_inspection_is_refused_and_not_painted_again_at_once() {
    let installation = Installation::start().await;
    let path = "/v1/clips/lantern/en.mp4";
    installation.get(path).await;
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    let mut outcome = renderer.paint(&lease).await;
    outcome.verdict =
        Verdict::Failed { reasons: vec![Reason { code: "black".into(), detail: "6 of 6 frames are black".into() }] };
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204, "handing in twice is harmless");
    let refused = installation.get(path).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "refused"));
    assert!(refused.text().contains("6 of 6 frames are black"), "{}", refused.text());
    assert_eq!(refused.header("cache-control"), "public, max-age=30");
    assert_eq!(installation.get(&format!("/v1/blobs/{}.mp4", outcome.blob)).await.status, 404);
    assert_eq!(renderer.lease(0).await, None);
    installation.clock.advance(3_600_001);
    assert_eq!(installation.get(path).await.status, 202, "an hour later it may be tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_given_up_says_why() {
    let installation = Installation::with(|config| config.queue.max_attempts = 1).await;
    let path = "/v1/clips/lantern/en.mp4";
    let ticket = installation.get(path).await.json();
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    assert_eq!(renderer.fail(&lease, FailureKind::Transient).await.status, 204);
    let ended = installation.get(ticket["url"].as_str().unwrap()).await.json();
    assert_eq!((ended["status"].as_str(), ended["reason"].as_str()), (Some("failed"), Some("the brush broke (attempt 1 of 1)")));
    assert_eq!(installation.get(path).await.code(), "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_painted_soon_is_turned_away() {
    let installation = Installation::with(|config| config.on_demand.max_queue = 2).await;
    for variation in 1..3 {
        assert_eq!(installation.get(&format!("/v1/clips/lantern/en.mp4?variation={variation}")).await.status, 202);
    }
    let full = installation.get("/v1/clips/lantern/en.mp4?variation=3").await;
    assert_eq!((full.status, full.code().as_str()), (429, "queue-full"));
    assert!(full.header("retry-after").parse::<u64>().unwrap() >= 1);
    let joined = installation.get("/v1/clips/lantern/en.mp4?variation=1").await;
    assert_eq!(joined.status, 202, "what is being painted already is promised all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_be_served_before_others() {
    let installation = Installation::start().await;
    for lane in ["paid", "prerender"] {
        let order = json!({"template": "lantern", "locale": "en", "lane": lane});
        let answer = installation.post("/v1/picks", &order).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{lane}");
        assert_eq!(installation.renderer("r1").lease(0).await, None, "nothing was ordered in {lane}");
    }
    let order = json!({"template": "lantern", "locale": "en", "lane": "paid"});
    assert_eq!(installation.post_as_operator("/v1/picks", &order).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_pre_renders_turns_nobody_away_who_waits() {
    let installation = Installation::with(|config| config.on_demand.max_queue = 2).await;
    let planned = |variation| json!({"template": "lantern", "locale": "en", "variation": variation, "lane": "prerender"});
    for variation in 0..2 {
        assert_eq!(installation.post_as_operator("/v1/picks", &planned(variation)).await.status, 202);
    }
    assert_eq!(installation.post_as_operator("/v1/picks", &planned(2)).await.status, 429);
    assert_eq!(installation.get("/v1/clips/lantern/en.mp4?variation=3").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_takes_back_the_order_that_it_was_given_for_and_no_other() {
    let installation = Installation::start().await;
    let take_back = async |url: &str| {
        let request = client().delete(installation.url(url)).send().await.unwrap();
        Answer::of(request).await
    };
    let mine = installation.post("/v1/picks", &lantern(json!({}))).await.json();
    let theirs = installation.post("/v1/picks", &lantern(json!({"title": "Other"}))).await.json();
    assert_eq!(mine["plate"], theirs["plate"]);
    let [mine, theirs] = [mine["url"].as_str().unwrap(), theirs["url"].as_str().unwrap()];
    assert_ne!(mine, theirs);
    for _ in 0..3 {
        let answer = take_back(mine).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("queued")), "others still wait");
    }
    // A player only joined: it has no order to take back, nor has who guesses.
    let watching = installation.get("/v1/clips/lantern/en.mp4?title=Ahoy").await.json();
    let watching = watching["url"].as_str().unwrap();
    assert_eq!(installation.get(watching).await.json()["status"], "queued");
    let answer = take_back(watching).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "not-your-order"), "{}", answer.text());
    let guessed = take_back(&format!("{watching}{}", "a7".repeat(16))).await;
    assert_eq!(guessed.json()["status"], "queued");
    assert_eq!(take_back(theirs).await.json()["status"], "cancelled");
    assert_eq!(installation.renderer("r1").lease(0).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_due_is_urgent_its_margin_before() {
    let installation = Installation::with(|config| config.queue.prerender_margin_hours = 2).await;
    let page = installation.get("/v1/clips/lantern/en.mp4").await.json();
    let lease = installation.renderer("r1").lease(0).await.unwrap();
    assert_eq!(page["plate"].as_str(), Some(lease.key.to_string().as_str()));
    let spec = PlateSpec { variation: 7, ..lease.spec };
    let due = installation.clock.now().plus_millis(5 * 3_600_000);
    let plate = PlannedPlate { schedule: "lantern/new_year".into(), key: spec.key(), spec, due, cost_millis: 1000 };
    let edge = installation.running.edge();
    edge.order(&plate).await.unwrap();
    let job = edge.queue().live(&plate.key).await.unwrap().unwrap();
    assert_eq!(due.since(job.deadline), 2 * 3_600_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_painted_where_painting_on_demand_is_off() {
    let installation = Installation::with(|config| config.on_demand.enabled = false).await;
    let answer = installation.get("/v1/clips/lantern/en.mp4").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not-painted"));
    assert_eq!(installation.renderer("r1").lease(0).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_in_the_visitors_language() {
    let installation = Installation::start().await;
    let answer = installation.get_with("/v1/templates", &[("Accept-Language", "ja")]).await;
    let list = answer.json();
    assert_eq!((answer.status, answer.header("vary")), (200, "Accept-Language"));
    let ids: Vec<_> = list["templates"].as_array().unwrap().iter().map(|template| template["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["lantern", "poster"]);
    let lantern = &list["templates"][0];
    assert_eq!((lantern["painter"].as_str(), lantern["locale"].as_str()), (Some("motion/4"), Some("ja")));
    assert_eq!(lantern["model_kind"], serde_json::Value::Null);
    assert_eq!(list["templates"][1]["model_kind"], "demonstration");
    assert_eq!(lantern["words"]["title"], "Lantern");
    assert_eq!(lantern["parameters"][2]["choices"][1]["id"], "large");
}
