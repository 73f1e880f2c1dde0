//! `festoon new`: what it writes is right as it is written, and nothing is written over.

use std::fs;

use super::{Folder, commands::festoon_where, said_by};

/// A project with a folder for templates and what two models say of themselves.
fn project() -> Folder {
    let project = Folder::empty().with("config/festoon.toml", "");
    for model in ["default", "tiny"] {
        project.write(&format!("models/{model}/festoon.json"), &serde_json::to_string(&said_by(model)).unwrap());
    }
    fs::create_dir(project.path().join("templates")).unwrap();
    project
}

fn festoon(project: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let (code, out, err) = festoon_where(arguments, project.path(), &[("NO_COLOR", "1")]);
    (code, out, err.replace(['│', '×'], " ").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_new_template_is_right_in_every_language_and_ratio_whoever_paints_it() {
    let project = project();
    let locales = ["en", "zh-Hans", "ja-JP", "de", "fr", "es", "ar", "he", "hi", "zh-Hant", "pt-BR"];
    let mut all = vec!["--title", "A \"great\" sale \\ 50 %"];
    all.extend(locales.iter().flat_map(|locale| ["--locale", locale]));
    all.extend(["9:16", "16:9", "1:1", "4:5"].iter().flat_map(|ratio| ["--ratio", ratio]));
    for (id, model) in [("spring-sale", None), ("gift", Some("default")), ("gift-2", Some("tiny"))] {
        let model = model.map(|name| ["--model", name]);
        let arguments = [&["new", id][..], &all, model.as_ref().map_or(&[], |model| model)].concat();
        let (code, out, err) = festoon(&project, &arguments);
        assert_eq!(code, Some(0), "{id}: {err}");
        assert!(out.contains(&format!("festoon preview {id}")), "{out}");
        let (code, checked, err) = festoon(&project, &["check", &format!("templates/{id}"), "--json"]);
        let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(
            (code, &checked["clean"], checked["mistakes"].to_string().as_str()),
            (Some(0), &true.into(), "[]"),
            "{id}: {err}"
        );
    }
    let words = |file: &str| fs::read_to_string(project.path().join("templates/spring-sale").join(file)).unwrap();
    assert!(words("words/ja-JP.toml").contains("こんにちは") && words("words/zh-Hans.toml").contains("你好"));
    // Another script is another text.
    assert!(words("words/zh-Hant.toml").starts_with("# In English, until somebody translates it.\n"));
    assert!(words("template.toml").contains("width = 720\nheight = 1280\n"), "the first ratio is the usual one");

    let (code, _, _) = festoon(&project, &["new", "haru", "--locale", "ja", "--locale", "en"]);
    let text = fs::read_to_string(project.path().join("templates/haru/template.toml")).unwrap();
    assert!(code == Some(0) && text.contains("default_locale = \"ja\""), "{text}");
}

#[test]
fn what_is_there_is_never_written_over_and_what_is_wrong_leaves_nothing() {
    let project = project().with("templates/mine/template.toml", "precious");
    for (arguments, code, told) in [
        (&["new", "mine"][..], 1, "templates/mine is there already, and is left as it is"),
        (
            &["new", "Spring_Sale"],
            2,
            "`Spring_Sale` is not a template id: expected lower-case letters, digits and single hyphens",
        ),
        (&["new", "../mine"], 2, "is not a template id"),
        (&["new", "fresh", "--locale", "english please"], 2, "--locale"),
        (&["new", "fresh", "--ratio", "16x9"], 2, "`16x9` is not a ratio"),
        (&["new", "fresh", "--model", "defualt"], 1, "the settings have no model `defualt`"),
        (&["new", "fresh", "--title", &"x".repeat(100)], 1, "`title` has 100 characters, at most 80 are allowed"),
        (&["new", "fresh", "--into", "nowhere"], 1, "there is no folder nowhere to write a template into"),
    ] {
        let (ended, _, err) = festoon(&project, arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {err}");
        assert!(err.contains(told), "{arguments:?}: {err}");
    }
    assert_eq!(fs::read_to_string(project.path().join("templates/mine/template.toml")).unwrap(), "precious");
    let left: Vec<_> = fs::read_dir(project.path().join("templates")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine"]);
}
