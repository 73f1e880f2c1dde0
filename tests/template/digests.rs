//! What a change of a template costs.

use festoon::template::Template;

use super::{Folder, MOTION_WORDS};

/// Comments and blanks, words, choices that were not made: none of them may cost a plate.
#[test]
fn the_plate_digest_names_what_every_plate_depends_on_and_nothing_else() {
    let file = "test/template.toml";
    let before = Folder::motion().template();
    for (old, new) in [
        ("[canvas]", "# A comment.\n\n[canvas]"),
        ("width = 320\nheight = 180", "height = 180\nwidth = 320"),
        ("by = \"mood\", calm = 0.5, wild = 2", "calm = 0.50, wild = 2.0, by = \"mood\""),
        ("max = 2\n", "max = 3\n"),
        ("#101020", "#101021"),
        ("[scene.locale.ja]", "[scene.locale.ko]"),
        ("max_graphemes = 10", "max_graphemes = 20"),
    ] {
        let after = Folder::motion().edit(file, old, new).template();
        assert_eq!(after.plate_digest(), before.plate_digest(), "{new}");
        assert_ne!(after.revision, before.revision, "{new}");
    }
    for (old, new) in [
        ("width = 320", "width = 322"),
        ("motif = \"snow\"", "motif = \"petals\""),
        ("palette = \"night\"", "palette = \"night\"\nlooped = true"),
        ("wild = 2 }", "wild = 2.5 }"),
    ] {
        assert_ne!(Folder::motion().edit(file, old, new).template().plate_digest(), before.plate_digest(), "{new}");
    }
    let wan = Folder::wan().template();
    for (old, new, moves) in [
        ("walks", "runs", true),
        ("steps = 4", "steps = 5", true),
        ("negative = \"text\"", "negative = \"blur\"", true),
        ("Paris", "Lyon", false),
        ("a fox\"", "a hare\"", false),
    ] {
        assert_eq!(Folder::wan().edit(file, old, new).template().plate_digest() != wan.plate_digest(), moves, "{new}");
    }
}

#[test]
fn the_overlay_digest_names_the_words_that_can_be_drawn() {
    let badge = "[parameters.badge]\nkind = \"choice\"\ntouches = \"overlay\"\nchoices = [\"new\"]\n\n[palettes.night]";
    let words = format!("{MOTION_WORDS}\n[parameters.badge]\nlabel = \"Badge\"\nchoices = {{ new = \"New\" }}\n");
    let folder = || {
        let folder = Folder::motion().edit("test/template.toml", "[palettes.night]", badge);
        folder.with("test/words/en.toml", &words).with("test/words/fr.toml", &words.replace("\"New\"", "\"Nouveau\""))
    };
    let digest = |template: &Template, locale: &str| template.overlay_digest(&locale.parse().unwrap());
    let before = folder().template();
    assert_ne!(digest(&before, "en"), digest(&before, "fr"));
    assert_eq!(digest(&before, "fr-CA"), digest(&before, "fr"));

    let label = folder().edit("test/words/en.toml", "label = \"Badge\"", "label = \"Sign\"").template();
    assert_eq!(digest(&label, "en"), digest(&before, "en"), "a label is never drawn");
    let drawn = folder().edit("test/words/en.toml", "\"New\"", "\"Fresh\"").template();
    assert_ne!(digest(&drawn, "en"), digest(&before, "en"));
    assert_eq!(digest(&drawn, "fr"), digest(&before, "fr"));
    let another = Folder::motion().template();
    assert_ne!(digest(&another, "en"), digest(&before, "en"), "an overlay parameter more");
}
