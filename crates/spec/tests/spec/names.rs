//! Names that come from outside: what is one, what is not, and that one thing has one name.

use festoon_spec::{BlobHash, CameraMove, Colour, Locale, Motif, Profile, RenderKey, TemplateId};
use proptest::prelude::*;

#[test]
fn spellings_of_one_locale_are_one_locale() {
    for (spellings, canonical) in [
        (&["zh-cn", "zh_CN", "ZH-cn"][..], "zh-CN"),
        (&["ja-JP", "ja_jp", "JA-jp"], "ja-JP"),
        (&["iw-IL", "he-il"], "he-IL"),
        (&["fr", "FR"], "fr"),
        (&["en-US-u-ca-buddhist", "en-us"], "en-US"),
    ] {
        for spelling in spellings {
            assert_eq!(spelling.parse::<Locale>().unwrap().as_str(), canonical, "{spelling}");
        }
    }
    let maximized = |text: &str| text.parse::<Locale>().unwrap().maximized();
    assert_eq!(maximized("zh-cn"), maximized("zh-Hans-CN"));
    assert_eq!(maximized("zh"), maximized("zh_CN"));
    assert_ne!(maximized("zh-TW"), maximized("zh-CN"));
}

#[test]
fn what_is_not_a_locale_is_refused_with_what_would_be_right() {
    for text in
        ["", "und", "und-FR", "x", "e", "en-", "-en", "en--US", "english", "日本", "en-US;q=0.8", "../../etc", &"en-".repeat(20)]
    {
        let error = text.parse::<Locale>().unwrap_err().to_string();
        assert!(error.contains("ja-JP"), "{text:?}: {error}");
        assert!(error.len() < 200, "{text:?}");
    }
}

#[test]
fn a_locale_knows_its_script_direction_and_ancestry() {
    let locale = |text: &str| text.parse::<Locale>().unwrap();
    assert_eq!(locale("zh-TW").script().as_deref(), Some("Hant"));
    assert_eq!(locale("sr-Latn").script().as_deref(), Some("Latn"));
    for (text, right_to_left) in [("ar-EG", true), ("he", true), ("ur-PK", true), ("az-Arab", true), ("az", false), ("hi", false)]
    {
        assert_eq!(locale(text).is_right_to_left(), right_to_left, "{text}");
    }
    let ancestry = |text: &str| locale(text).ancestry().iter().map(Locale::to_string).collect::<Vec<_>>();
    assert_eq!(ancestry("fr-CA"), ["fr-CA", "fr"]);
    assert_eq!(ancestry("es-MX"), ["es-MX", "es-419", "es"]);
    assert_eq!(ancestry("zh-HK"), ["zh-HK", "zh-TW"], "never to zh, which is written in another script");
    assert_eq!(ancestry("zh-Hans-CN"), ["zh"]);
    assert!(locale("ja").is_known());
    assert!(!locale("qq").is_known());
}

#[test]
fn a_colour_is_six_digits() {
    assert_eq!("#D4AF37".parse::<Colour>().unwrap().to_string(), "#d4af37");
    for text in ["", "#", "d4af37", "#d4af3", "#d4af377", "#d4af3g", "gold", "#+12345", "#\u{663c}\u{663c}", "rgb(1,2,3)"] {
        let error = text.parse::<Colour>().unwrap_err().to_string();
        assert!(error.contains("#rrggbb"), "{text:?}: {error}");
    }
}

#[test]
fn a_template_id_is_safe_in_a_path_and_a_url() {
    for text in ["new-year", "a", "2027", &"a".repeat(64)] {
        assert_eq!(text.parse::<TemplateId>().unwrap().as_str(), text);
    }
    for text in ["", "-", "new--year", "-new", "new-", "New-Year", "new_year", "..", "a/b", "new year", "ñ", &"a".repeat(65)] {
        assert!(text.parse::<TemplateId>().is_err(), "{text:?}");
    }
}

#[test]
fn digests_are_64_lower_case_digits() {
    let hash = BlobHash::of(b"");
    assert_eq!(hash.to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert_eq!(hash.to_string().parse::<BlobHash>().unwrap(), hash);
    assert_eq!(hash.short(), "af1349b9f5f9");
    let text = hash.to_string();
    for wrong in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replace('f', "g")] {
        let error = wrong.parse::<RenderKey>().unwrap_err().to_string();
        assert!(error.contains("64 lower-case hexadecimal digits"), "{error}");
    }
}

#[test]
fn every_name_of_the_scene_reads_back() {
    for motif in Motif::ALL {
        assert_eq!(motif.name().parse::<Motif>().unwrap(), *motif);
        assert_eq!(serde_json::to_value(motif).unwrap(), motif.name());
    }
    for movement in CameraMove::ALL {
        assert_eq!(serde_json::to_value(movement).unwrap(), movement.name());
    }
    assert!("firework".parse::<Motif>().unwrap_err().to_string().contains("firework"));
    for profile in Profile::all() {
        assert_eq!(profile.name().parse::<Profile>().unwrap(), profile);
        assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
        assert!(Profile::with_extension(profile.extension()).any(|other| other == profile), "{profile}");
        assert!(!profile.media_type().is_empty() && !profile.about().is_empty());
    }
    let told = "gif".parse::<Profile>().unwrap_err().to_string();
    assert!(told.starts_with("there is no profile `gif`: expected one of mp4, download, 480p, webm, hls,"), "{told}");
}

#[test]
fn where_no_profile_is_named_the_extension_says_which() {
    let usual =
        ["mp4", "webm", "m3u8", "jpg", "webp", "avif", "vtt"].map(|extension| Profile::of_extension(extension).unwrap().name());
    assert_eq!(usual, ["mp4", "webm", "hls", "poster-jpg", "poster-webp", "poster-avif", "captions"]);
    assert_eq!(Profile::of_extension("gif"), None);
}

proptest! {
    #[test]
    fn a_canonical_locale_reads_as_itself(text in "[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?") {
        if let Ok(locale) = text.parse::<Locale>() {
            prop_assert_eq!(locale.as_str().parse::<Locale>().unwrap(), locale.clone());
            let maximized = locale.maximized();
            prop_assert_eq!(maximized.maximized(), maximized.clone());
            prop_assert_eq!(locale.minimized().maximized(), maximized);
        }
    }

    #[test]
    fn no_text_makes_a_name_panic(text in "\\PC{0,80}") {
        let _ = text.parse::<Locale>().map(|locale| (locale.ancestry(), locale.script(), locale.region()));
        let _ = text.parse::<Colour>();
        let _ = text.parse::<TemplateId>();
        let _ = text.parse::<RenderKey>();
    }
}
