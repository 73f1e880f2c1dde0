//! The page, with and without a browser.

use std::{fs, process::Command};

use super::titles::painted_card;
use crate::installation::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_gallery_speaks_the_visitors_language() {
    let installation = Installation::start().await;
    for (query, language, expected) in [
        ("", "ja", "<html lang=\"ja\" dir=\"ltr\">"),
        ("?locale=ar", "en", "<html lang=\"ar\" dir=\"rtl\">"),
        ("?locale=he", "en", "<html lang=\"he\" dir=\"rtl\">"),
        ("", "tlh", "<html lang=\"en\" dir=\"ltr\">"),
    ] {
        let page = installation.get_with(&format!("/{query}"), &[("Accept-Language", language)]).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains(expected), "{query} {language}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gallery_says_who_paints() {
    let installation = Installation::start().await;
    let text = installation.get("/?locale=en").await.text();
    assert!(text.contains("Text-to-video model: tiny (untrained)") && text.contains("Demonstration model"), "{text}");
    assert!(text.contains("Motion graphics"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_leads_the_gallery_only_if_it_passed_its_gates() {
    for (gates, said, first) in [
        (None, "demonstration", "lantern"),
        (Some(r#"{"passed": {"sharp": true, "true to its words": true}, "megabytes": 22.1}"#), "demonstration", "card"),
        (Some(r#"{"passed": {"sharp": true, "true to its words": false}}"#), "production", "lantern"),
        (None, "production", "card"),
    ] {
        let installation = Installation::with(|config| {
            let root = config.root();
            // The folder's order puts it in front of `lantern`.
            fs::rename(root.join("templates/poster"), root.join("templates/card")).unwrap();
            let about = root.join("models/tiny/festoon.json");
            let text = fs::read_to_string(&about).unwrap();
            fs::write(about, text.replace("\"demonstration\"", &format!("\"{said}\""))).unwrap();
            if let Some(gates) = gates {
                fs::write(root.join("models/tiny/gates.json"), gates).unwrap();
            }
        })
        .await;
        let page = installation.get("/?locale=en").await.text();
        let cards = page.split("<ul class=\"cards\">").nth(1).unwrap();
        assert!(cards.split("template=").nth(1).unwrap().starts_with(first), "{gates:?}, {said}: {cards}");
        let is_marked = page.contains("Demonstration model");
        assert_eq!(is_marked, said == "demonstration" || gates.is_some(), "{gates:?}, {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gallery_shows_the_scene_of_each_language_and_those_that_share_one_together() {
    let installation = Installation::with(|config| {
        let template = config.root().join("templates/lantern/template.toml");
        let text = fs::read_to_string(&template).unwrap();
        fs::write(&template, format!("{text}\n[scene.locale.ja]\nlayers = [{{ motif = \"petals\" }}]\n")).unwrap();
    })
    .await;
    let shared = installation.paint("/v1/clips/lantern/en.mp4").await;
    let own = installation.paint("/v1/clips/lantern/ja.mp4").await;
    let page = installation.get("/?locale=ar&template=lantern").await.text();
    let scenes = page.split("<section class=\"scenes\"").nth(1).unwrap().split("</section>").next().unwrap();
    let scenes: Vec<_> = scenes.split("<li").skip(1).collect();
    let [arabic_and_english, japanese] = scenes.as_slice() else { panic!("expected two scenes: {scenes:?}") };
    assert!(arabic_and_english.starts_with(" data-current") && !japanese.starts_with(" data-current"), "{scenes:?}");
    for (scene, blob, names) in [(arabic_and_english, shared, &["العربية", "English"][..]), (japanese, own, &["日本語"])]
    {
        assert!(scene.contains(&blob.to_string()) && names.iter().all(|name| scene.contains(name)), "{scene}");
    }
    assert_eq!(page.matches(&shared.to_string()).count(), 2, "the card and the scene");
    assert!(page.contains("title=Hello&amp;profile=download\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn style_and_script_are_kept_for_ever_under_their_hash() {
    let installation = Installation::start().await;
    let page = installation.get("/").await.text().replace("&#x2f;", "/");
    for (before, kind) in [("href=\"/assets/", "text/css"), ("src=\"/assets/", "text/javascript")] {
        let name = page.split(before).nth(1).unwrap().split('"').next().unwrap();
        let asset = installation.get(&format!("/assets/{name}")).await;
        assert!(asset.status == 200 && asset.header("content-type").starts_with(kind), "{name}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(installation.get("/assets/gallery.css").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_text_on_the_page() {
    let installation = Installation::start().await;
    let page = installation.get("/?template=lantern&title=%3Cscript%3E").await.text();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    let wrong = installation.get("/?template=lantern&tint=%3Cb%3E").await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.text().contains("role=\"alert\"") && !wrong.text().contains("<b>"), "{}", wrong.text());
}

/// The document after its script has run, in a browser.
async fn browse(installation: &Installation, path: &str) -> String {
    let url = installation.url(path);
    let page = tokio::task::spawn_blocking(move || {
        let profile = tempfile::tempdir().unwrap();
        let browser = ["chromium", "google-chrome"]
            .into_iter()
            .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
        Command::new(browser.expect("a browser is installed: apt-get install chromium"))
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .args(["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"])
            .args(["--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .output()
            .unwrap()
    });
    String::from_utf8(page.await.unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_clips_and_a_text_that_is_not_in_the_picture_over_it() {
    let installation = Installation::start().await;
    let blob = installation.paint("/v1/clips/lantern/en.mp4").await;
    let dom = browse(&installation, "/?locale=en&template=lantern&title=Ahoy").await;
    assert!(dom.contains("<figcaption id=\"caption\">Ahoy</figcaption>"), "the script did not run: {dom}");
    assert_eq!(dom.matches(&format!("src=\"/v1/blobs/{blob}.mp4\"")).count(), 1, "{dom}");
    assert!(dom.contains("src=\"/v1/clips/lantern/en.mp4?size=small&amp;tint=%23ffcc00&amp;title=Ahoy\""), "{dom}");
    let counters = installation.get("/metrics").await.text();
    let fetched = "festoon_http_requests_total{route=\"/v1/blobs/{blob}.{ext}\",status=\"2xx\"}";
    assert!(counters.contains(fetched), "the browser did not fetch the clip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_plays_the_clip_that_has_the_title_in_the_picture() {
    let (installation, _) = painted_card().await;
    let dom = browse(&installation, "/?locale=en&template=card&title=Anna").await;
    assert!(
        dom.contains("<figcaption id=\"caption\"></figcaption>"),
        "the title is shown twice, or the script did not run: {dom}"
    );
    assert!(dom.contains("src=\"/v1/clips/card/en.mp4?title=Anna\""), "{dom}");
    let clip = installation.get("/v1/clips/card/en.mp4?title=Anna").await;
    assert!(clip.headers.contains_key("etag"), "the browser did not fetch the clip");
    let refused = browse(&installation, "/?locale=en&template=card&title=%F0%92%80%80").await;
    assert!(refused.contains("no face has a glyph for U+12000"), "{refused}");
}
