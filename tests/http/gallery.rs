//! The pages as they are sent.

use std::fs;

use crate::installation::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_gallery_speaks_the_visitors_language() {
    let installation = Installation::start().await;
    for (query, language, expected) in [
        ("", "ja", "<html lang=\"ja\" dir=\"ltr\">"),
        ("?locale=ar", "en", "<html lang=\"ar\" dir=\"rtl\">"),
        ("?locale=en&lang=ar", "ja", "<html lang=\"ar\" dir=\"rtl\">"),
        ("", "zh-CN", "<html lang=\"zh-Hans\" dir=\"ltr\">"),
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
        let cards = page.split("<ul class=\"cards\">").nth(1).unwrap().replace("&#x2f;", "/");
        assert!(cards.split("href=\"/t/").nth(1).unwrap().starts_with(first), "{gates:?}, {said}: {cards}");
        let is_marked = page.contains("Demonstration model");
        assert_eq!(is_marked, said == "demonstration" || gates.is_some(), "{gates:?}, {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_next_where_the_visitor_lives_comes_first() {
    let installation = Installation::with(|config| {
        let root = config.root();
        for (id, date) in [("near", "01-20"), ("far", "11-20")] {
            let feast = format!("id = \"{id}\"\nname = \"{id} feast\"\n[region]\nFR = {{ fixed = \"{date}\" }}\n");
            fs::write(root.join(format!("config/feasts/{id}.toml")), feast).unwrap();
        }
        for (template, feast) in [("lantern", "far"), ("poster", "near")] {
            let file = root.join(format!("templates/{template}/template.toml"));
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, format!("{text}\n[[prerender]]\nfeast = \"{feast}\"\n")).unwrap();
        }
        fs::write(root.join("models/tiny/festoon.json"), {
            let said = fs::read_to_string(root.join("models/tiny/festoon.json")).unwrap();
            said.replace("\"demonstration\"", "\"production\"")
        })
        .unwrap();
    })
    .await;
    let order = |page: &str| {
        let (lantern, poster) = (page.find("/t/lantern"), page.find("/t/poster"));
        poster.unwrap() < lantern.unwrap()
    };
    let page = |language: &'static str| {
        let installation = &installation;
        async move { installation.get_with("/?lang=en", &[("Accept-Language", language)]).await.text().replace("&#x2f;", "/") }
    };
    let french = page("fr-FR").await;
    assert!(order(&french) && french.contains("near feast ·") && french.contains("datetime=\"2027-11-20\""), "{french}");
    let american = page("en-US").await;
    assert!(!order(&american) && !american.contains("near feast ·"), "{american}");
    let filtered = installation.get("/?lang=en&feast=far").await.text().replace("&#x2f;", "/");
    assert!(filtered.contains("/t/lantern") && !filtered.contains("/t/poster"), "{filtered}");
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
    assert_eq!(installation.get("/assets/studio.css").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_text_on_the_page() {
    let installation = Installation::start().await;
    let page = installation.get("/t/lantern?title=%3Cscript%3E").await.text();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    let wrong = installation.get("/t/lantern?tint=%3Cb%3E").await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.text().contains("role=\"alert\"") && !wrong.text().contains("<b>"), "{}", wrong.text());
    let missing = installation.get("/t/%3Cb%3E?lang=ja").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("そのテンプレートはありません") && !missing.text().contains("<b>"), "{}", missing.text());
    let unread = installation.get("/?lang=%3Cb%3E").await;
    assert!(unread.status == 422 && !unread.text().contains("<b>"), "{}", unread.text());
}
