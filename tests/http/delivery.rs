//! Clips and blobs: conditions, ranges, lifetimes.

use festoon_spec::BlobHash;
use serde_json::json;

use crate::installation::*;

const CLIP: &str = "/v1/clips/lantern/en.mp4";

#[tokio::test(flavor = "multi_thread")]
async fn a_plate_is_painted_once_and_served_to_everybody_who_waited() {
    let installation = Installation::start().await;
    let renderer = installation.renderer("r1");
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..20 {
        // Titles touch the overlay only: all of them are one plate.
        let url = installation.url(&format!("{CLIP}?title=Number+{number}"));
        let request = installation.client.get(url).header("Prefer", "wait=60");
        waiting.spawn(async move { Answer::of(request.send().await.unwrap()).await });
    }
    let lease = renderer.lease(60).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    assert_eq!(renderer.lease(0).await, None, "a second job paints the same plate");
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    for answer in waiting.join_all().await {
        assert_eq!((answer.status, answer.header("preference-applied")), (200, "wait=60"), "{}", answer.text());
        assert_eq!(BlobHash::of(&answer.body), outcome.blob);
    }
    assert_eq!(renderer.lease(0).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_that_is_not_ready_is_a_promise_that_no_cache_keeps() {
    let installation = Installation::start().await;
    let answer = installation.get(CLIP).await;
    assert_eq!((answer.status, answer.header("cache-control")), (202, "no-store"));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let again = installation.get(CLIP).await;
    // The first one ordered, and may take that back; the second only looks on.
    assert!(answer.header("location").starts_with(again.header("location")), "asking again made another job");
    let ticket = installation.get(answer.header("location")).await;
    assert_eq!((ticket.status, ticket.json()["status"].as_str()), (200, Some("queued")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_says_how_long_it_lasts_and_a_blob_lasts_for_ever() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    let clip = installation.get(CLIP).await;
    let lifetime = "public, max-age=60, s-maxage=600, stale-while-revalidate=86400, stale-if-error=604800";
    assert_eq!((clip.status, clip.header("cache-control")), (200, lifetime));
    let for_cdns = "max-age=600, stale-while-revalidate=86400, stale-if-error=604800";
    assert_eq!(clip.header("cdn-cache-control"), for_cdns);
    assert_eq!(clip.header("etag"), format!("\"b3-{blob}\""));
    assert_eq!(clip.header("content-type"), "video/mp4");
    assert_eq!(clip.header("content-location"), format!("/v1/blobs/{blob}.mp4"));
    assert_eq!((clip.header("festoon-overlay"), clip.header("content-language")), ("none", "en"));
    assert_eq!((clip.header("access-control-allow-origin"), clip.header("accept-ranges")), ("*", "bytes"));
    assert_eq!(clip.header("x-content-type-options"), "nosniff");
    assert!(!clip.headers.contains_key("vary") && !clip.headers.contains_key("set-cookie"));
    let same = installation.get(clip.header("content-location")).await;
    assert_eq!((same.status, same.body), (200, clip.body));
    assert_eq!(same.headers["cache-control"], "public, max-age=31536000, immutable");
    assert!(!same.headers.contains_key("cdn-cache-control"), "one field says it to all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_says_how_long_its_clips_last() {
    let installation = Installation::with(|config| {
        let path = config.path(&config.paths.templates).join("lantern/template.toml");
        let own = "[delivery]\nclip_seconds = 5\nclip_shared_seconds = 31536000\nnearest_seconds = 1\n";
        let template = std::fs::read_to_string(&path).unwrap() + own;
        std::fs::write(path, template).unwrap();
    })
    .await;
    installation.paint(CLIP).await;
    let clip = installation.get(CLIP).await;
    let lifetime = "public, max-age=5, s-maxage=31536000, stale-while-revalidate=86400, stale-if-error=604800";
    assert_eq!((clip.status, clip.header("cache-control")), (200, lifetime));
    assert_eq!(clip.header("cdn-cache-control"), lifetime.replace("public, max-age=5, s-maxage", "max-age"));
    let nearest = installation.get("/v1/clips/lantern/en.mp4?variation=3&fallback=nearest").await;
    assert_eq!((nearest.status, nearest.header("cache-control")), (200, "public, max-age=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_carries_the_tags_that_it_is_purged_by() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    let cache = installation.running.edge().cache();
    let ticket = installation.post("/v1/picks", &lantern(json!({}))).await.json();
    let (plate, clip) = (ticket["plate"].as_str().unwrap(), ticket["clip"].as_str().unwrap());
    // Of two that need it an id tells; a rule is no campaign, and what is no word cannot be a tag.
    for name in ["campaign:spring", "warm:summer", "lantern/always", "campaign:a b"] {
        cache.pin(name, [plate.parse().unwrap()]).await.unwrap();
    }
    let answer = installation.get(CLIP).await;
    let tags = format!("blob-{blob} template-lantern locale-en key-{plate} key-{clip} campaign-spring campaign-summer");
    assert_eq!((answer.header("surrogate-key"), answer.header("cache-tag")), (tags.as_str(), tags.replace(' ', ",").as_str()));
    let bytes = installation.get(&format!("/v1/blobs/{blob}.mp4")).await;
    assert_eq!(bytes.header("surrogate-key"), format!("blob-{blob}"));
}

/// The same pick, another spelling: a cache in front would keep the clip twice.
#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_are_redirected_to_one_and_never_in_a_circle() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    let ask = async |method: &str, path: &str| {
        let request = installation.client.request(method.parse().unwrap(), installation.url(path));
        Answer::of(request.send().await.unwrap()).await
    };
    for (spelling, canonical) in [
        ("/v1/clips/lantern/EN_us.mp4", "/v1/clips/lantern/en-US.mp4"),
        ("/v1/clips/lantern/en.mp4?variation=0", CLIP),
        ("/v1/clips/lantern/en.mp4?variation=007", "/v1/clips/lantern/en.mp4?variation=7"),
        ("/v1/clips/lantern/en.mp4?profile=mp4&fallback=none", CLIP),
        ("/v1/clips/lantern/en.mp4?tint=%23FFCC00&size=large", "/v1/clips/lantern/en.mp4?size=large&tint=%23ffcc00"),
        ("/v1/clips/lantern/en.mp4?title=++A+%26+B%20", "/v1/clips/lantern/en.mp4?title=A+%26+B"),
        ("/v1/clips/lantern/en.mp4?ratio=64:36&fallback=nearest", "/v1/clips/lantern/en.mp4?ratio=16%3A9&fallback=nearest"),
        ("/v1/clips/lantern/en.jpg?at=0.10", "/v1/clips/lantern/en.jpg?at=0.1"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask(method, spelling).await;
            assert_eq!((answer.status, answer.header("location")), (301, canonical), "{method} {spelling}");
            assert_eq!(answer.header("cache-control"), "public, max-age=86400");
            assert!(answer.header("surrogate-key").starts_with("template-lantern locale-en"));
        }
        assert_ne!(ask("GET", canonical).await.status, 301, "{canonical}");
    }
    // What caches in front can sort themselves, and what a default may change, is no other spelling.
    for same in ["/v1/clips/lantern/en.mp4?size=small&&tint=%23ff%63c00", "/v1/clips/lantern/en.mp4?tint=%23ffcc00&size=small"] {
        assert_eq!(ask("GET", same).await.status, 200, "{same}");
    }
    // Nor is what cannot be read.
    for wrong in ["tint=FFF0", "tint=%23FFCC00&size=huge", "colour=%23FFCC00", "variation=00&variation=1"] {
        let answer = ask("GET", &format!("/v1/clips/lantern/EN.mp4?{wrong}")).await;
        assert!(matches!(answer.status, 400 | 422), "{wrong}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_picks_in_other_words_are_one_clip() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    for same in [
        "/v1/clips/lantern/en.mp4?size=small&tint=%23ffcc00",
        "/v1/clips/lantern/en.mp4?tint=%23ffcc00&size=small",
        "/v1/clips/lantern/en-US.mp4",
    ] {
        let answer = installation.get(same).await;
        assert_eq!((answer.status, answer.header("etag")), (200, format!("\"b3-{blob}\"").as_str()), "{same}");
    }
    assert_eq!(installation.get("/v1/clips/lantern/en.mp4?size=large").await.status, 202);
    assert_eq!(installation.get("/v1/clips/lantern/en.mp4?variation=1").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_like_get_without_the_bytes() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    for path in [CLIP.to_owned(), format!("/v1/blobs/{blob}.mp4"), "/healthz".into(), "/v1/templates".into()] {
        let get = installation.get(&path).await;
        let request = installation.client.head(installation.url(&path)).header("Range", "bytes=0-1");
        let head = Answer::of(request.send().await.unwrap()).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-length", "etag", "content-type", "cache-control", "accept-ranges"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        assert_eq!(get.header("content-length"), get.body.len().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_compared_as_the_rfc_says() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    let (tag, other) = (format!("\"b3-{blob}\""), "\"b3-00\"");
    let (weak, list) = (format!("W/{tag}"), format!("{other}, W/{tag}"));
    for (name, value, status) in [
        ("If-None-Match", tag.as_str(), 304),
        ("If-None-Match", &weak, 304),
        ("If-None-Match", &list, 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", other, 200),
        ("If-None-Match", "not a tag", 200),
        ("If-Match", &tag, 200),
        ("If-Match", "*", 200),
        ("If-Match", &weak, 412),
        ("If-Match", other, 412),
        // An entity tag speaks; dates are not looked at.
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 200),
    ] {
        let answer = installation.get_with(CLIP, &[(name, value)]).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 304 {
            assert_eq!((answer.header("etag"), answer.body.len()), (tag.as_str(), 0));
            assert!(answer.header("cache-control").starts_with("public"));
        }
        if status == 412 {
            assert_eq!(answer.code(), "precondition-failed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_the_bytes_it_names() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    let whole = installation.get(CLIP).await.body;
    let length = whole.len();
    let tag = format!("\"b3-{blob}\"");
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-19".to_owned(), 10, 20),
        ("bytes=100-".to_owned(), 100, length),
        ("bytes=-7".to_owned(), length - 7, length),
        (format!("bytes=5-{}", u128::MAX), 5, length),
        ("bytes=0-9,5-19".to_owned(), 0, 20),
    ] {
        let part = installation.get_with(CLIP, &[("Range", &range), ("If-Range", &tag)]).await;
        assert_eq!((part.status, &part.body), (206, &whole.slice(from..to)), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
        assert_eq!(part.header("content-type"), "video/mp4");
    }
    for whole_anyway in ["bytes=abc", "bytes=5-1", "frames=0-1", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16"] {
        assert_eq!(installation.get_with(CLIP, &[("Range", whole_anyway)]).await.status, 200, "{whole_anyway}");
    }
    for changed in ["\"b3-00\"", "W/\"x\"", "Sun, 22 Nov 2026 00:00:00 GMT"] {
        let answer = installation.get_with(CLIP, &[("Range", "bytes=0-1"), ("If-Range", changed)]).await;
        assert_eq!((answer.status, answer.body.len()), (200, length), "{changed}");
    }
    let outside = installation.get_with(CLIP, &[("Range", &format!("bytes={length}-"))]).await;
    assert_eq!((outside.status, outside.header("content-range")), (416, format!("bytes */{length}").as_str()));
    assert_eq!((outside.code().as_str(), outside.header("cache-control")), ("range-unsatisfiable", "no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ranges_come_in_parts() {
    let installation = Installation::start().await;
    installation.paint(CLIP).await;
    let whole = installation.get(CLIP).await.body;
    let answer = installation.get_with(CLIP, &[("Range", "bytes=20-29, 0-9")]).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |from: usize, to: usize| {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes {from}-{}/{}\r\n\r\n",
            to - 1,
            whole.len()
        );
        [head.as_bytes(), &whole[from..to]].concat()
    };
    let expected = [part(0, 10), part(20, 30), format!("\r\n--{boundary}--\r\n").into_bytes()].concat();
    assert_eq!(answer.body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_visitors_language_chooses_the_locale() {
    let installation = Installation::start().await;
    for (language, locale) in [("ja-JP, en;q=0.5", "ja"), ("fr", "en"), ("ar;q=0.2, ja;q=0.1", "ar"), ("", "en")] {
        let answer = installation.get_with("/v1/clips/lantern.mp4?title=A%26B", &[("Accept-Language", language)]).await;
        assert_eq!((answer.status, answer.header("vary")), (307, "Accept-Language"));
        assert_eq!(answer.header("location"), format!("/v1/clips/lantern/{locale}.mp4?title=A%26B"), "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_clip_stands_in_while_the_right_one_is_painted() {
    let installation = Installation::start().await;
    let blob = installation.paint(CLIP).await;
    for (path, differs) in [
        ("/v1/clips/lantern/en.mp4?size=large&fallback=nearest", "parameters"),
        ("/v1/clips/lantern/en.mp4?variation=3&fallback=nearest", "variation"),
    ] {
        let answer = installation.get(path).await;
        assert_eq!((answer.status, answer.header("festoon-nearest")), (200, differs), "{path}");
        assert_eq!(answer.header("etag"), format!("\"b3-{blob}\""));
        assert_eq!(answer.header("cache-control"), "public, max-age=5");
        let ticket = installation.get(answer.header("festoon-ticket")).await.json();
        assert_eq!(ticket["status"], "queued", "the right one was not ordered");
    }
    let wrong = installation.get("/v1/clips/lantern/en.mp4?fallback=any").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_may_ask_for_ranges() {
    let installation = Installation::start().await;
    let request =
        installation.client.request(reqwest::Method::OPTIONS, installation.url(CLIP)).header("Origin", "https://shop.example");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"));
    assert!(answer.header("access-control-allow-headers").contains("Range"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_plate_is_never_served_and_is_painted_again() {
    let installation = Installation::with(|config| config.cache.memory_bytes = 0).await;
    let blob = installation.paint(CLIP).await;
    let name = blob.to_string();
    let path = installation.folder.path().join("state/blobs").join(&name[..2]).join(&name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let answer = installation.get(CLIP).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(installation.get(&format!("/v1/blobs/{blob}.mp4")).await.status, 404);
    assert_eq!(installation.paint("/v1/clips/lantern/en.mp4").await, blob);
    assert_eq!(installation.get(CLIP).await.status, 200);
}
