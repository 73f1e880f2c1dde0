//! Titles that nobody should be able to hurt the server, or a reader, with.

use serde_json::{Value, json};

use super::titles::{CLIP, add_card};
use crate::installation::*;

/// What, the title, the code it is refused with, and what the answer says of it.
fn bad_titles() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let with = |marks: &str, count: usize| format!("a{}", marks.repeat(count));
    vec![
        ("10,000 characters", "a".repeat(10_000), "text-too-long", "10000 characters, at most 40 are allowed"),
        ("10,000 words", "ab ".repeat(10_000), "text-too-long", "at most 40 are allowed"),
        ("an override of direction", "\u{202e}gnp.exe".into(), "forbidden-character", "U+202E"),
        ("an embedding that is never closed", "\u{202b}abc".into(), "forbidden-character", "U+202B"),
        ("an isolate that is never closed", "abc \u{2066}def".into(), "forbidden-character", "U+2066"),
        ("joiners behind one letter", with("\u{200d}", 5000), "piled-up-character", "at most 20 are allowed"),
        ("accents on one letter", with("\u{301}\u{302}\u{327}", 30), "piled-up-character", "at most 20 are allowed"),
        ("variations of one sign", format!("\u{2764}{}", "\u{fe0f}".repeat(30)), "piled-up-character", "at most 20 are allowed"),
        ("spaces of no width", with("\u{200b}", 5000), "text-too-long", "5001 characters, at most 40 are allowed"),
        ("nothing but spaces of no width", "\u{200b}".repeat(30), "invisible-text", "no visible character"),
        ("nothing but joiners of words", "\u{2060}".repeat(12), "invisible-text", "no visible character"),
        ("hidden letters", with("\u{e0061}", 8), "forbidden-character", "U+E0061"),
        ("a mark of byte order", "a\u{feff}b".into(), "forbidden-character", "U+FEFF"),
        ("a control character", "a\0b".into(), "forbidden-character", "U+0000"),
        ("a line too many", "a\nb".into(), "too-many-lines", "2 lines, at most 1 are allowed"),
        ("a script without a face", "\u{12000}\u{12001}".into(), "missing-glyph", "U+12000"),
        ("a character of private use", "a \u{e000}".into(), "missing-glyph", "U+E000"),
        ("a character that is none", "a\u{ffff}".into(), "missing-glyph", "U+FFFF"),
        ("a word wider than the picture", "W".repeat(40), "text-does-not-fit", "at the smallest size, 14 % of the frame"),
        ("more words than lines", "WWW WWW WWW WWW WWW WWW WWW WWW WWW WWW".into(), "text-does-not-fit", "14 % of the frame"),
    ]
}

async fn assert_refused(installation: &Installation) {
    for (what, title, code, told) in bad_titles() {
        let pick = json!({"template": "card", "locale": "en", "parameters": {"title": title}});
        let mut answers = vec![installation.post("/v1/picks", &pick).await];
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("title", &title).finish();
        if query.len() < 8000 {
            answers.push(installation.get(&format!("/v1/clips/card/en.mp4?{query}")).await);
        }
        for answer in answers {
            assert_eq!((answer.status, answer.code().as_str()), (422, code), "{what}: {}", answer.text());
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("`title`") && detail.contains(told), "{what}: {detail}");
            assert!(detail.len() < 400, "{what}: what was given comes back at length: {detail}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_title_is_refused_by_name_and_limit_whether_its_plate_is_there_or_not() {
    let installation = Installation::with(add_card).await;
    assert_refused(&installation).await;
    assert_eq!(installation.renderer("r1").lease(0).await, None, "nothing was ordered for them");
    installation.paint(CLIP).await;
    assert_refused(&installation).await;
    let kept = installation.running.edge().cache().usage().entries;
    assert_eq!(kept, 1, "the plate, and no clip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_address_is_refused_before_it_is_read() {
    let installation = Installation::with(add_card).await;
    let answer = installation.get(&format!("/v1/clips/card/en.mp4?title={}", "a".repeat(10_000))).await;
    assert_eq!((answer.status, answer.code().as_str()), (414, "uri-too-long"));
    assert!(answer.text().contains("at most 8192 are read"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_that_only_look_odd_are_taken() {
    let installation = Installation::with(add_card).await;
    for title in ["👩‍👩‍👧‍👦 & 🏴󠁧󠁢󠁷󠁬󠁳󠁿", "e\u{301}\u{323}", "\u{200f}שלום\u{200f}", "می\u{200c}خواهم", "", "Q & A <b>{title}</b>", "क्ष्म्य"]
    {
        let pick = json!({"template": "card", "locale": "en", "parameters": {"title": title}});
        let answer = installation.post("/v1/picks", &pick).await;
        assert_eq!(answer.status, 202, "{title}: {}", answer.text());
        assert_ne!(answer.json()["clip"], Value::Null);
    }
}
