//! The door of the renderers.

use festoon_spec::{FailureKind, RenderKey};
use serde_json::json;

use crate::installation::*;

const CLIP: &str = "/v1/clips/lantern/en.mp4";

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_the_token_is_let_in() {
    let installation = Installation::start().await;
    let id = "0".repeat(32);
    let blob = "0".repeat(64);
    for (method, path) in [
        ("POST", "/v1/leases".to_owned()),
        ("POST", format!("/v1/leases/{id}/renew")),
        ("POST", format!("/v1/leases/{id}/hand-in")),
        ("POST", format!("/v1/leases/{id}/fail")),
        ("PUT", format!("/v1/blobs/{blob}.mp4?job={id}&epoch=1")),
    ] {
        for authorization in [None, Some("Bearer guess"), Some("Basic Zm9vOmJhcg=="), Some("Bearer")] {
            let mut request = installation.client.request(method.parse().unwrap(), installation.url(&path)).json(&json!({}));
            if let Some(authorization) = authorization {
                request = request.header("Authorization", authorization);
            }
            let answer = Answer::of(request.send().await.unwrap()).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{method} {path} {authorization:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_waits_until_there_is_work() {
    let installation = Installation::start().await;
    let renderer = installation.renderer("r1");
    let (lease, asked) = tokio::join!(renderer.lease(60), installation.get(CLIP));
    let ticket = asked.json()["id"].as_str().unwrap().to_owned();
    assert!(ticket.starts_with(&lease.unwrap().job.to_string()), "{ticket}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_lease_hands_nothing_in() {
    let installation = Installation::start().await;
    installation.get(CLIP).await;
    let (slow, quick) = (installation.renderer("slow"), installation.renderer("quick"));
    let stale = slow.lease(0).await.unwrap();
    let outcome = slow.paint(&stale).await;
    installation.clock.advance(60_000);
    installation.running.edge().reap().await.unwrap();
    // The backoff after a lost lease.
    installation.clock.advance(3_600_000);
    let lease = quick.lease(0).await.unwrap();
    assert_eq!((lease.job.clone(), lease.attempt), (stale.job.clone(), 2));
    for answer in [
        slow.hand_in(&stale, &outcome).await,
        slow.renew(&stale, 900).await,
        slow.fail(&stale, FailureKind::Permanent).await,
        slow.put(&stale, &outcome.blob, "late").await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (409, "lease-lost"));
    }
    assert_eq!(installation.get(CLIP).await.status, 202, "the stale lease's plate was kept");
    let outcome = quick.paint(&lease).await;
    assert_eq!(quick.hand_in(&lease, &outcome).await.status, 204);
    assert_eq!(slow.hand_in(&stale, &outcome).await.status, 409);
    assert_eq!(installation.get(CLIP).await.header("etag"), format!("\"b3-{}\"", outcome.blob));
}

#[tokio::test(flavor = "multi_thread")]
async fn handing_in_twice_is_harmless() {
    let installation = Installation::start().await;
    installation.get(CLIP).await;
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    let (first, second) = tokio::join!(renderer.hand_in(&lease, &outcome), renderer.hand_in(&lease, &outcome));
    assert_eq!((first.status, second.status), (204, 204));
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    assert_eq!(installation.running.edge().cache().usage().entries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_they_are_said_to_be_are_not_kept() {
    let installation = Installation::with(|config| config.queue.max_attempts = 20).await;
    installation.get(CLIP).await;
    let renderer = installation.renderer("r1");
    for wrong in ["hash", "not a video", "md5", "media", "codec", "no segments", "other frames", "not the index"] {
        installation.clock.advance(3_600_000);
        let lease = renderer.lease(0).await.unwrap_or_else(|| panic!("no lease before `{wrong}`"));
        let (blobs, mut outcome) = painted(&lease);
        let answer = match wrong {
            "hash" => renderer.put(&lease, &outcome.blob, "other bytes").await,
            "not a video" => {
                let text = "no video";
                outcome.blob = festoon_spec::BlobHash::of(text.as_bytes());
                outcome.bytes = text.len() as u64;
                outcome.md5 = "6a9e5b2e8c0e4d4f6f6f6f6f6f6f6f6f".into();
                assert_eq!(renderer.put(&lease, &outcome.blob, text).await.status, 204);
                for bytes in blobs.into_iter().skip(1) {
                    assert_eq!(renderer.put(&lease, &festoon_spec::BlobHash::of(&bytes), bytes).await.status, 204);
                }
                renderer.hand_in(&lease, &outcome).await
            }
            _ => {
                for bytes in blobs {
                    assert_eq!(renderer.put(&lease, &festoon_spec::BlobHash::of(&bytes), bytes).await.status, 204);
                }
                let segmented = outcome.segmented.as_mut().unwrap();
                match wrong {
                    "md5" => outcome.md5 = "0".repeat(32),
                    "media" => outcome.media.frames += 1,
                    "codec" => outcome.media.codec = "hev1".into(),
                    "no segments" => outcome.segmented = None,
                    "other frames" => segmented.segments[0].frames.end -= 1,
                    _ => segmented.init = segmented.segments[0].part,
                }
                renderer.hand_in(&lease, &outcome).await
            }
        };
        assert_eq!((answer.status, answer.code().as_str()), (422, "bad-outcome"), "{wrong}");
        if wrong == "hash" {
            renderer.fail(&lease, FailureKind::Transient).await;
        }
    }
    assert_eq!(installation.running.edge().cache().usage().entries, 0);
    assert_eq!(installation.get(CLIP).await.status, 202, "the job is still alive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_in_without_bytes_gives_the_job_back() {
    let installation = Installation::start().await;
    installation.get(CLIP).await;
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    let (_, outcome) = painted(&lease);
    let answer = renderer.hand_in(&lease, &outcome).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "lease-lost"));
    installation.clock.advance(3_600_000);
    assert_eq!(renderer.lease(0).await.unwrap().job, lease.job);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plate_larger_than_allowed_is_not_taken() {
    let installation = Installation::with(|config| config.limits.blob_bytes = 1000).await;
    installation.get(CLIP).await;
    let renderer = installation.renderer("r1");
    let lease = renderer.lease(0).await.unwrap();
    let blob = festoon_spec::BlobHash::of(b"");
    let announced = renderer.put(&lease, &blob, vec![0; 1001]).await;
    assert_eq!((announced.status, announced.code().as_str()), (413, "body-too-large"));
    let pieces = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 100])));
    let streamed = renderer.put(&lease, &blob, reqwest::Body::wrap_stream(pieces)).await;
    assert_eq!((streamed.status, streamed.code().as_str()), (413, "body-too-large"));
    let empty = renderer.put(&lease, &blob, "").await;
    assert_eq!(empty.code(), "bad-outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_carries_the_key_of_its_spec() {
    let installation = Installation::start().await;
    let promised = installation.get(CLIP).await.json();
    let lease = installation.renderer("r1").lease(0).await.unwrap();
    let key: RenderKey = promised["plate"].as_str().unwrap().parse().unwrap();
    assert_eq!((lease.spec.key(), lease.key), (key, key));
}
