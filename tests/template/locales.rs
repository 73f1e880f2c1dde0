//! Which words and which scene a locale gets.

use festoon::template::{LocaleScene, Shows, Template};
use festoon_spec::{Locale, Motif, MotionScene};

use super::{Folder, MOTION_WORDS};

#[test]
fn words_come_from_the_nearest_locale_that_has_any() {
    let words = |title: &str| MOTION_WORDS.replace("Test", title);
    let folder = |fallback: &str| {
        let folder = Folder::motion().edit("test/template.toml", "painter", &format!("{fallback}\npainter"));
        let folder = folder.with("test/words/fr.toml", &words("French")).with("test/words/zh-Hans.toml", &words("Simplified"));
        folder.with("test/words/pt-PT.toml", &words("European Portuguese"))
    };
    let title = |template: &Template, locale: &str| template.words(&locale.parse().unwrap()).1.title.clone();
    let template = folder("").template();
    for (locale, expected) in [
        ("fr", "French"),
        ("fr-CA", "French"),
        ("zh-CN", "Simplified"),
        ("zh-SG", "Simplified"),
        ("zh-TW", "Test"),
        ("pt-PT", "European Portuguese"),
        ("pt-BR", "Test"),
        ("ko-KR", "Test"),
    ] {
        assert_eq!(title(&template, locale), expected, "{locale}");
    }
    let declared = folder("fallback = { zh-Hant = \"zh-Hans\", ko = \"fr\" }").template();
    assert_eq!(title(&declared, "zh-HK"), "Simplified");
    assert_eq!(title(&declared, "ko-KR"), "French");
}

/// The scene that `locale` sees when nothing is chosen.
fn scene(template: &Template, locale: &str) -> MotionScene {
    let locale: Locale = locale.parse().unwrap();
    let scenes = template.locale_scenes().unwrap();
    let LocaleScene { shows, .. } = scenes.into_iter().find(|scene| scene.locales.contains(&locale)).unwrap();
    match shows {
        Shows::Motion { scene } => scene,
        Shows::Wan { prompt, .. } => panic!("the model paints `{prompt}`"),
    }
}

fn motifs(template: &Template, locale: &str) -> Vec<Motif> {
    scene(template, locale).layers.iter().map(|layer| layer.motif).collect()
}

/// What the two colours are that every palette of these tests has.
fn colours(template: &Template, locale: &str) -> String {
    let palette = scene(template, locale).palette;
    format!("{} {}", palette.sky[0], palette.colours[0])
}

#[test]
fn each_part_of_a_scene_comes_from_the_nearest_locale_that_says_it() {
    let file = "test/template.toml";
    let folder = Folder::motion().edit(
        file,
        "[scene.locale.ja]\n",
        "[scene.locale.zh]\nlayers = [{ motif = \"sky-lanterns\" }]\nlooped = true\n\
         [scene.locale.zh-Hant]\nlooped = false\ncamera = { movement = \"pan\" }\n\
         [scene.locale.zh-HK]\nfinish = { glow = 1 }\n\
         [scene.locale.ja]\n",
    );
    let template = folder.template();
    let looks = |locale: &str| {
        let scene = scene(&template, locale);
        let motifs: Vec<_> = scene.layers.iter().map(|layer| layer.motif.name()).collect();
        (motifs.join(" "), scene.looped, scene.camera.movement.name(), scene.finish.glow.get())
    };
    assert_eq!(looks("en"), ("fireworks".into(), false, "static", 0.0));
    assert_eq!(looks("zh"), ("sky-lanterns".into(), true, "static", 0.0));
    assert_eq!(looks("zh-TW"), ("sky-lanterns".into(), false, "pan", 0.0), "a picture is in no script");
    assert_eq!(looks("zh-HK"), ("sky-lanterns".into(), false, "pan", 1.0));
}

#[test]
fn a_palette_may_look_different_in_a_locale() {
    let folder = Folder::motion().edit(
        "test/template.toml",
        "[scene]",
        "[palettes.night.locale.zh]\nsky = [\"#300000\", \"#601010\"]\n\
         [palettes.night.locale.zh-Hant]\ncolours = [\"#ffcc00\"]\n\n[scene]",
    );
    let template = folder.template();
    assert_eq!(colours(&template, "en"), "#000000 #ffd98a");
    assert_eq!(colours(&template, "zh"), "#300000 #ffd98a");
    assert_eq!(colours(&template, "zh-TW"), "#300000 #ffcc00");
    assert_eq!(motifs(&template, "zh"), motifs(&template, "en"));
}

#[test]
fn locales_that_come_to_the_same_scene_are_listed_together() {
    let words = ["fr", "ko", "ja-JP"].map(|locale| format!("test/words/{locale}.toml"));
    let folder = words.iter().fold(Folder::motion(), |folder, file| folder.with(file, MOTION_WORDS));
    let folder = folder.edit("test/template.toml", "[scene.locale.ja]", "[scene.locale.fr]\nlooped = false\n[scene.locale.ja]");
    let scenes = folder.template().locale_scenes().unwrap();
    let locales: Vec<Vec<_>> = scenes.iter().map(|scene| scene.locales.iter().map(Locale::as_str).collect()).collect();
    assert_eq!(locales, [vec!["en", "fr", "ko"], vec!["ja-JP"]]);
}

#[test]
fn a_prompt_is_listed_by_what_it_says_to_a_locale() {
    let scenes = Folder::wan().template().locale_scenes().unwrap();
    let shown: Vec<_> = scenes
        .iter()
        .map(|scene| match &scene.shows {
            Shows::Wan { prompt, fragments } => format!("{} {}: {prompt}", scene.locales[0], fragments["place"]),
            Shows::Motion { .. } => panic!("the model paints it"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "en a forest: In a forest, a fox walks through the light of dawn.",
            "fr Paris: In Paris, a fox walks through the light of dawn.",
            "ja Tokyo: In Tokyo, a fox walks through the light of dawn.",
        ]
    );
}
