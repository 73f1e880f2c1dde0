//! What a change of a template costs.

use super::Folder;

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
        ("fps = 24", "fps = 24\nratios = [\"16:9\", \"9:16\"]\nfocus = [20, 50]"),
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
