//! A clock that jumps by a day, forward and back, while the server runs.

use festoon_spec::{BlobHash, UnixMillis};

use super::strangers::{self, signed};
use crate::{bench::START, http::titles::CLIP, installation::*};

const DAY: u64 = 24 * 3600 * 1000;
const PATH: &str = "/v1/clips/card/en.mp4";

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_by_a_day_loses_no_clip_and_no_job_and_holds_nobody_up() {
    let installation = strangers::public("").await;
    let blob = installation.paint(PATH).await;
    let title = [("title", "Anna")];
    let address = signed(&installation, PATH, &title, 3600);
    let drawn = installation.get(&address).await;
    assert_eq!(drawn.status, 200, "{}", drawn.text());
    let renderer = installation.renderer("r1");
    // One job waits, one is leased.
    let take = |number: u32| signed_take(&installation, number);
    for number in [1, 2] {
        assert_eq!(installation.get(&take(number)).await.status, 202);
    }
    let mut held = renderer.lease(0).await.unwrap();
    for (jump, (now, holds)) in
        [(START.0 + DAY, false), (START.0, true), (START.0 - DAY, true), (START.0, true)].into_iter().enumerate()
    {
        installation.clock.set(UnixMillis(now));
        for path in [PATH.to_owned(), format!("/v1/blobs/{blob}.mp4")] {
            let answer = installation.get(&path).await;
            assert_eq!(answer.status, 200, "jump {jump}: {}", answer.text());
        }
        let answer = installation.get(&address).await;
        match holds {
            true => assert_eq!((answer.status, BlobHash::of(&answer.body)), (200, BlobHash::of(&drawn.body)), "jump {jump}"),
            false => assert_eq!((answer.status, answer.code().as_str()), (403, "signature-expired")),
        }
        assert_eq!(installation.get(CLIP).await.status, 200, "jump {jump}: what was drawn is kept");
        // Work goes on at once, and whoever is still painting is heard or told.
        let number = 10 + jump as u32;
        assert_eq!(installation.get(&take(number)).await.status, 202, "jump {jump}");
        let renewed = renderer.renew(&held, 500).await;
        assert!(matches!(renewed.status, 200 | 409), "jump {jump}: {}", renewed.text());
        if renewed.status == 409 {
            held = renderer.lease(0).await.unwrap_or_else(|| panic!("jump {jump}: nothing is given to paint"));
        }
        assert_eq!(installation.get("/readyz").await.status, 200);
    }
    // Every order is painted in the end, each once.
    let mut next = Some(held);
    for _ in 0..2 {
        while let Some(lease) = next {
            let outcome = renderer.paint(&lease).await;
            assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
            next = renderer.lease(0).await;
        }
        // A lease that was lost costs a pause.
        installation.clock.advance(60_000);
        next = renderer.lease(0).await;
    }
    for number in [1, 2, 10, 11, 12, 13] {
        let answer = installation.get(&take(number)).await;
        assert_eq!(answer.status, 200, "take {number}: {}", answer.text());
    }
}

fn signed_take(installation: &Installation, number: u32) -> String {
    let start = START.plus_millis(10 * DAY);
    strangers::signed_until(installation, PATH, &[("variation", &number.to_string())], start)
}
