//! The library follows its folder.

use std::{fs, time::Duration};

use festoon::template::Library;

use super::{Folder, MOTION_WORDS, WAN, WAN_WORDS, places};

/// Waits until the library has read its folder again and finds it as wanted.
async fn read_again_until(library: &Library, wanted: impl Fn(&Library) -> bool) {
    const GIVE_UP: Duration = Duration::from_secs(60);
    let mut readings = library.readings();
    let wait = async {
        while !wanted(library) {
            readings.changed().await.expect("the library lives");
        }
    };
    tokio::time::timeout(GIVE_UP, wait).await.expect("the library did not follow its folder");
}

fn title(library: &Library) -> Option<String> {
    let id = "test".parse().unwrap();
    library.current().get(&id).map(|template| template.words(&"en".parse().unwrap()).1.title.clone())
}

#[tokio::test]
async fn a_saved_change_is_read_without_a_restart() {
    let folder = Folder::motion();
    let library = Library::open(folder.path()).unwrap();
    let _watch = library.watch().unwrap();
    let kept = library.current();

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("Test", "Changed"));
    read_again_until(&library, |library| title(library).as_deref() == Some("Changed")).await;
    assert!(library.problems().is_clean());
    assert_eq!(kept.iter().next().unwrap().words(&"en".parse().unwrap()).1.title, "Test", "what was taken before stays");

    folder.write("second/words/en.toml", WAN_WORDS);
    folder.write("second/template.toml", WAN);
    read_again_until(&library, |library| library.current().iter().len() == 2 && library.problems().is_clean()).await;

    fs::remove_dir_all(folder.path().join("test")).unwrap();
    read_again_until(&library, |library| title(library).is_none() && library.problems().is_clean()).await;
}

#[tokio::test]
async fn a_broken_save_keeps_the_old_template_and_says_so() {
    let folder = Folder::motion().with("second/template.toml", WAN).with("second/words/en.toml", WAN_WORDS);
    let library = Library::open(folder.path()).unwrap();
    let _watch = library.watch().unwrap();

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("title = \"Test\"", "titel = \"Broken\""));
    read_again_until(&library, |library| !library.problems().is_clean()).await;
    assert_eq!(title(&library).as_deref(), Some("Test"));
    let problems = library.problems();
    assert!(problems.lines().any(|line| line.contains("en.toml:1:1") && line.contains("did you mean `title`?")), "{problems}");

    // The other template still follows its files.
    folder.write("second/words/en.toml", &WAN_WORDS.replace("Test", "Moved on"));
    let second = "second".parse().unwrap();
    let moved = |library: &Library| library.current().get(&second).unwrap().words(&"en".parse().unwrap()).1.title == "Moved on";
    read_again_until(&library, moved).await;
    assert_eq!(title(&library).as_deref(), Some("Test"));

    folder.write("test/words/en.toml", &MOTION_WORDS.replace("Test", "Mended"));
    read_again_until(&library, |library| title(library).as_deref() == Some("Mended")).await;
    assert!(library.problems().is_clean());
}

#[test]
fn a_library_does_not_open_with_a_mistake() {
    let folder = Folder::motion().edit("test/template.toml", "width = 320", "width = 321");
    let report = Library::open(folder.path()).unwrap_err();
    assert_eq!(places(&report, folder.path()), ["test/template.toml:4:9 bad-canvas"]);
}

#[test]
fn an_unreadable_folder_keeps_every_template() {
    let folder = Folder::motion();
    let library = Library::open(folder.path()).unwrap();
    fs::rename(folder.path().join("test"), folder.path().join(".hidden")).unwrap();
    library.reload();
    assert_eq!(title(&library).as_deref(), Some("Test"));
    assert_eq!(library.problems().mistakes[0].code, "no-templates");
}
