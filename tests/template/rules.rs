//! What the pre-render rules of a template ask for.

use festoon::pick::RankedPick;

use super::Folder;

#[test]
fn a_rule_names_the_ratios_that_are_painted() {
    let canvas = "fps = 24\nratios = [\"16:9\", \"9:16\", \"1:1\"]\n";
    let folder = || Folder::motion().edit("test/template.toml", "fps = 24\n", canvas);
    let shown = |folder: Folder| -> Vec<String> {
        let template = folder.template();
        let picks = RankedPick::of(&template.prerender[0], &template);
        let line =
            |ranked: &RankedPick| format!("{} {} {}", ranked.rank, ranked.pick.parameters["mood"], ranked.pick.ratio.unwrap());
        picks.iter().map(line).collect()
    };
    assert_eq!(shown(folder()), ["0 wild 16:9", "1 calm 16:9"], "without any, the template's first");
    let named = folder().edit("test/template.toml", "[[prerender]]", "[[prerender]]\nratios = [\"9:16\", \"16:9\"]");
    assert_eq!(shown(named), ["0 wild 9:16", "1 wild 16:9", "1 calm 9:16", "2 calm 16:9"]);
}

#[test]
fn a_rule_ranks_by_how_far_down_its_lists_a_pick_stands() {
    let folder = Folder::motion().edit(
        "test/template.toml",
        "choices = { mood = [\"wild\", \"calm\"] }",
        "choices = { mood = [\"wild\", \"calm\"] }\nlocales = [\"en\", \"en-GB\"]\nvariations = 2",
    );
    let template = folder.template();
    let picks = RankedPick::of(&template.prerender[0], &template);
    let shown: Vec<_> = picks
        .iter()
        .map(|ranked| {
            format!("{} {} {} {}", ranked.rank, ranked.pick.locale, ranked.pick.parameters["mood"], ranked.pick.variation)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 en wild 0",
            "1 en wild 1",
            "1 en calm 0",
            "1 en-GB wild 0",
            "2 en calm 1",
            "2 en-GB wild 1",
            "2 en-GB calm 0",
            "3 en-GB calm 1",
        ]
    );
}
