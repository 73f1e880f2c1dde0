//! Every mistake is found, where it is, with what would be right.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use festoon::template::{Known, check};

use super::{Folder, MOTION, MOTION_WORDS, knowing_tiny, places, tiny};

/// Each edit makes one mistake; it must be found where it is, and say what would be right.
#[test]
fn each_mistake_in_a_template_is_found_where_it_is() {
    let file = "test/template.toml";
    let cases = [
        (
            "painter = \"motion\"",
            "painter = \"motion\"\ndelivery = { clip_seconds = -1 }",
            "2:29 out-of-range",
            "`clip_seconds` is -1, expected a whole number from 0 to 31536000",
            "",
        ),
        ("painter = \"motion\"", "painter = \"motion\"\nposter = 99", "2:10 out-of-range", "`poster` is 99, the clip lasts", ""),
        ("width = 320", "widht = 320", "4:1 unknown-key", "there is no key `widht`", "did you mean `width`?"),
        ("width = 320", "width = 321", "4:9 bad-canvas", "multiple of 2", "320 and 322 are"),
        ("width = 320", "width = \"wide\"", "4:9 wrong-type", "of type string, expected a whole number from 16 to 3840", ""),
        ("fps = 24", "fps = 0", "7:7 out-of-range", "`fps` is 0, expected a whole number from 1 to 60", ""),
        ("painter = \"motion\"", "painter = \"motoin\"", "1:11 unknown-painter", "no painter `motoin`", "motion, wan"),
        ("painter = \"motion\"", "default_locale = \"ko\"\npainter = \"motion\"", "1:18 missing-words", "`ko`", "words/ko.toml"),
        ("painter = \"motion\"", "fallback = { xx-invalid-tag = \"en\" }\npainter = \"motion\"", "1:14 bad-locale", "BCP-47", ""),
        ("kind = \"text\"", "kind = \"txet\"", "9:1 unknown-kind", "`txet`", "did you mean `text`?"),
        ("touches = \"overlay\"", "touches = \"over\"", "11:11 bad-value", "expected `plate`, `overlay` or `sound`", ""),
        ("max_graphemes = 10", "max_graphemes = 10\npattern = \"(\"", "13:11 bad-pattern", "unclosed group", ""),
        ("[parameters.title]", "[parameters.variation]", "9:13 reserved-name", "query string", "another name"),
        ("[parameters.title]", "[parameters.Titel]", "9:13 bad-name", "`Titel`", "lower-case"),
        ("\"calm\", \"wild\"]", "\"calm\", \"calm\"]", "18:20 repeated-name", "`calm` is there twice", ""),
        (
            "choices = [\"calm\", \"wild\"]",
            "choices = [\"calm\", \"wild\"]\ndefault = \"clam\"",
            "19:11 unknown-choice",
            "`clam`",
            "calm, wild",
        ),
        ("max = 2\n", "max = 2.1\n", "24:7 number-off-step", "2.1", "last number of the grid is 2"),
        ("default = 1\n", "default = 1.1\n", "26:11 number-off-step", "1.1", "nearest is 1"),
        ("default = 1\n", "default = 7\n", "26:11 number-out-of-range", "7 is not between 0.5 and 2", ""),
        ("default = \"#ffd98a\"", "default = \"gold\"", "31:11 bad-colour", "#rrggbb", ""),
        ("sky = [\"#000000\", \"#101020\"]", "sky = [\"#000000\"]", "42:7 too-few", "at least 2 colours", ""),
        ("sky = [\"#000000\"", "sky = [\"#00000\"", "42:8 bad-value", "`#00000` is not a colour", ""),
        (
            "colours = [\"{accent}\"",
            "colours = [\"{crowd}\"",
            "43:12 misfit",
            "the number parameter `crowd` does not fit",
            "a colour parameter",
        ),
        (
            "colours = [\"{accent}\"",
            "colours = [\"{acent}\"",
            "43:12 unknown-parameter",
            "no parameter `acent`",
            "did you mean `accent`?",
        ),
        ("palette = \"night\"", "palette = \"nihgt\"", "46:11 unknown-palette", "no palette `nihgt`", "did you mean `night`?"),
        (
            "motif = \"fireworks\"",
            "motif = \"firework\"",
            "49:9 unknown-motif",
            "no motif `firework`",
            "did you mean `fireworks`?",
        ),
        (
            "amount = \"{crowd}\"",
            "amount = \"{mood}\"",
            "50:10 misfit",
            "the choice parameter `mood` does not fit",
            "a number parameter",
        ),
        ("amount = \"{crowd}\"", "amount = 4", "50:10 out-of-range", "from 0 to 3", ""),
        ("amount = \"{crowd}\"", "depth = \"{crowd}\"", "50:9 misfit", "does not fit here: `2` does not", "whose range fits"),
        ("calm = 0.5, wild = 2", "calm = 0.5, wlid = 2", "51:36 unknown-choice", "`wlid`", "did you mean `wild`?"),
        ("by = \"mood\", calm", "calm", "51:9 missing-key", "needs the key `by`", ""),
        ("when = { snowy = true }", "when = { snowy = 3 }", "55:18 bad-boolean", "neither `true` nor `false`", ""),
        ("speed = { by = \"mood\", calm = 0.5, wild = 2 }\n", "when = { snowy = false }\n", "48:1 no-layer", "always there", ""),
        ("[scene.locale.ja]", "[scene.locale.jp_JP_x]", "57:15 bad-locale", "BCP-47", ""),
        ("[scene.locale.ja]", "[scene.locale.jp]", "57:15 bad-locale", "`jp` names no language", "`ja`"),
        ("[scene.locale.ja]", "[scene.locale.zh]\n[scene.locale.zh-Hans]", "58:15 repeated-locale", "same as an earlier", ""),
        ("[scene.locale.ja]", "[scene.locale.ja]\nlayer = []", "58:1 unknown-key", "`layer`", "did you mean `layers`?"),
        ("[scene.locale.ja]", "[scene.locale.ja]\npalette = \"day\"", "58:11 unknown-palette", "`day`", "[palettes.day]"),
        ("{ motif = \"petals\" }", "{ motif = \"petal\" }", "58:21 unknown-motif", "`petal`", "did you mean `petals`?"),
        ("[scene]\n", "[palettes.night.locale.zh]\nsky = [\"#000000\"]\n[scene]\n", "46:7 too-few", "at least 2 colours", ""),
        ("[scene]\n", "[palettes.night.locale.zh]\ncolors = []\n[scene]\n", "46:1 unknown-key", "`colors`", "`colours`?"),
        ("[scene]\n", "[palettes.night.locale.x]\n[scene]\n", "45:24 bad-locale", "BCP-47", ""),
        ("mood = [\"wild\", \"calm\"]", "mood = [\"wild\", \"clam\"]", "61:29 unknown-choice", "`clam`", "calm, wild"),
        ("mood = [\"wild\", \"calm\"]", "title = [\"x\"]", "61:13 not-in-plate", "touches the overlay", ""),
        ("[[prerender]]", "[[prerender]]\nlocales = [\"ko-KR\"]", "61:12 missing-words", "`ko-KR`", "words/ko-KR.toml"),
        ("[[prerender]]", "[[prerender]]\nready = \"P21D before\"", "61:9 misplaced-key", "counted from a feast", "feast"),
        ("[[prerender]]", "[[prerender]]\nfeast = \"x\"\nready = \"21 days\"", "62:9 bad-value", "ISO 8601", ""),
        (
            "[[prerender]]",
            "[[prerender]]\nfeast = \"x\"\nshow = [\"P1D after\", \"P1D before\"]",
            "62:8 out-of-range",
            "which is not after",
            "",
        ),
        ("[[prerender]]", "[[prerender]]\nbudget = { plates = 0 }", "61:21 out-of-range", "`plates` is 0", ""),
        ("[[prerender]]", "[[prerender]]\ncatch_up = \"all\"", "61:12 bad-value", "`latest`", ""),
        ("[scene]\n", "[sampling]\nmodel = \"tiny\"\nsteps = 4\n[scene]\n", "45:1 misplaced-key", "does not read `sampling`", ""),
        ("fps = 24", "fps = 24\nfps = 25", "8:1 syntax", "duplicate key", ""),
        ("[[scene.layers]]", "[[scene.layers]", "48:16 syntax", "unclosed array table", ""),
    ];
    assert_found(Folder::motion, file, &cases);
}

/// What is put in the place of what, and the mistake that it makes: `line:column code`, parts of its message and its hint.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn assert_found(folder: impl Fn() -> Folder, file: &str, cases: &[Case]) {
    let missed = cases.iter().filter_map(|(old, new, place, message, hint)| {
        let report = folder().edit(file, old, new).report();
        let found = report.mistakes.iter().any(|mistake| {
            let (line, column) = mistake.place.file.line_and_column(mistake.place.span.start);
            mistake.place.file.path.ends_with(file)
                && format!("{line}:{column} {}", mistake.code) == *place
                && mistake.message.contains(message)
                && mistake.hint.as_deref().unwrap_or("").contains(hint)
        });
        (!found).then(|| format!("{new:?}: expected {place} {message:?} {hint:?}, found {report}"))
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_mistake_in_a_prompt_is_found_at_its_line() {
    let cases = [
        ("width = 256", "width = 251", "4:9 bad-canvas", "multiple of 2", "250 and 252 are"),
        ("{{ light }}.", "{{ light }.", "26:1 prompt-syntax", "in its line 2", ""),
        ("{{ light }}.", "{{ lihgt }}.", "26:18 unknown-name", "`lihgt`", "did you mean `light`?"),
        ("{{ light }}.", "{{ light | shout }}.", "26:1 prompt-fails", "shout", ""),
        ("{{ light }}.", "{% include \"x\" %}{{ light }}.", "26:1 prompt-syntax", "include", ""),
        ("{{ light }}.", "{{ light }}{% if light == \"dusk\" %}{{ 1 + light }}{% endif %}.", "26:1 prompt-fails", "", ""),
        ("{{ light }}.", "{{ light }}{% for a in [1] * 99999 %}{% endfor %}.", "26:1 prompt-fails", "fuel", ""),
        ("{{ light }}.", "{{ light }}{{ \"x\" * 9999 }}.", "24:12 prompt-fails", "longer than 8192 bytes", ""),
        ("in_prompt = true\n", "", "24:20 text-in-prompt", "`hero` may not be put into a prompt", "in_prompt = true"),
        (
            "touches = \"plate\"\nin_prompt",
            "touches = \"overlay\"\nin_prompt",
            "19:13 misplaced-key",
            "cannot be in a prompt",
            "plate",
        ),
        ("ja = { place", "ja = { plaec", "30:17 unknown-fragment", "`plaec`", "did you mean `place`?"),
        ("place = \"a forest\"", "place = \"a forest\", corner = \"x\"", "29:13 unused-fragment", "`corner`", ""),
        ("place = \"a forest\"", "place = \"a forest\", hero = \"x\"", "29:13 repeated-name", "`hero`", ""),
        ("[sampling]", "[smapling]", "32:2 unknown-key", "`smapling`", "did you mean `sampling`?"),
        ("steps = 4", "steps = 0", "34:9 out-of-range", "from 1 to 100", ""),
        ("steps = 4", "steps = 4\nsampler = \"uni\"", "35:11 unknown-sampler", "`uni`", "unipc, euler, lightning"),
        ("steps = 4", "steps = 4\nloras = [{ digest = \"abc\" }]", "35:21 bad-value", "64 lower-case hexadecimal digits", ""),
        ("steps = 4", "steps = 4\nshift = nan", "35:9 out-of-range", "NaN", ""),
        ("[sampling]", "[scene]\n[sampling]", "32:1 misplaced-key", "does not read `scene`", "leave it out"),
        ("steps = 4", "longer = \"loop\"", "34:10 bad-value", "`loop`", ""),
        ("negative = \"text\"", "language = \"?\"", "28:12 bad-value", "`?` is not a locale", ""),
        ("ja = { place", "ja = { language = 3, place", "30:30 wrong-type", "`language`", ""),
        ("place = \"a forest\"", "place = \"a forest\", language = \"x\"", "29:13 reserved-name", "`language`", "another name"),
        (", {{ hero }}", "", "16:13 unused-parameter", "`hero`", "overlay"),
    ];
    assert_found(Folder::wan, "test/template.toml", &cases);
}

#[test]
fn each_mistake_in_words_is_found_where_it_is() {
    let cases = [
        ("title = \"Test\"", "titel = \"Test\"", "1:1 unknown-key", "`titel`", "did you mean `title`?"),
        ("title = \"Test\"", "", "1:1 missing-key", "`title`", ""),
        ("title = \"Test\"", "title = \" \"", "1:9 empty-text", "`title` is empty", ""),
        ("[parameters.crowd]\nlabel = \"Crowd\"", "", "1:1 missing-words", "`crowd`", "[parameters.crowd]"),
        ("[parameters.crowd]", "[parameters.crwod]", "12:13 undeclared-parameter", "`crwod`", "did you mean `crowd`?"),
        ("default = \"Hello\"", "", "4:1 missing-default", "`title`", "default"),
        ("default = \"Hello\"", "default = \"Hello, hello\"", "6:11 text-too-long", "12 characters, at most 10", "leave out 2"),
        ("calm = \"Calm\", wild", "clam = \"Calm\", wild", "10:13 unknown-choice", "`clam`", "did you mean `calm`?"),
        ("calm = \"Calm\", ", "", "10:11 missing-label", "calm", "[parameters.mood.choices]"),
        ("label = \"Crowd\"", "label = \"Crowd\"\nchoices = {}", "14:11 misplaced-key", "has no choices", ""),
        ("label = \"Crowd\"", "label = \"Crowd\"\ndefault = \"1\"", "14:11 misplaced-key", "number parameter", "template.toml"),
        ("label = \"Mood\"", "label = Mood", "9:9 syntax", "", ""),
    ];
    assert_found(Folder::motion, "test/words/en.toml", &cases);
}

#[test]
fn every_mistake_is_reported_at_once_over_all_files() {
    let folder = Folder::motion()
        .edit("test/template.toml", "width = 320", "width = 321")
        .edit("test/template.toml", "motif = \"snow\"", "motif = \"snwo\"")
        .edit("test/words/en.toml", "label = \"Mood\"", "lable = \"Mood\"")
        .with("other/template.toml", "painter = \"wan\"")
        .with("Bad_Name/template.toml", MOTION);
    assert_eq!(
        folder.places(),
        [
            "Bad_Name/template.toml:1:1 missing-words",
            "Bad_Name:1:1 bad-template-id",
            "Bad_Name/words:1:1 unreadable",
            "other/template.toml:1:1 missing-words",
            "other/template.toml:1:1 missing-key",
            "other/template.toml:1:11 missing-key",
            "other/template.toml:1:11 missing-key",
            "other/words:1:1 unreadable",
            "test/template.toml:4:9 bad-canvas",
            "test/template.toml:54:9 unknown-motif",
            "test/words/en.toml:9:1 unknown-key",
        ]
    );
}

#[test]
fn files_that_are_no_text_or_too_large_are_refused() {
    let folder = Folder::motion();
    fs::write(folder.path().join("test/words/fr.toml"), b"title = \"\xff\"").unwrap();
    let folder = folder.with("test/words/de.toml", &"#".repeat(300_000)).with("test/words/zh_cn.toml", MOTION_WORDS);
    let folder = folder.with("test/words/en-US.toml", MOTION_WORDS).with("test/words/notes.txt", "not read");
    assert_eq!(
        folder.places(),
        [
            "test/words/de.toml:1:1 too-large",
            "test/words/en.toml:1:1 repeated-locale",
            "test/words/fr.toml:1:1 not-utf-8",
            "test/words/zh_cn.toml:1:1 bad-locale",
        ]
    );
    let empty = Folder::empty();
    assert!(empty.report().mistakes[0].message.contains("expected 1 to 1000 folders"));
    let (_, report) = check(&empty.path().join("missing"), &Known::default());
    assert_eq!(report.mistakes[0].code, "unreadable");
}

#[test]
fn feasts_and_models_are_checked_where_they_are_known() {
    let motion = Folder::motion().edit("test/template.toml", "[[prerender]]", "[[prerender]]\nfeast = \"eid_al_fitri\"");
    let known = Known { feasts: Some(BTreeSet::from(["eid_al_fitr".into()])), models: Some(BTreeMap::new()) };
    let (_, report) = check(motion.path(), &known);
    assert_eq!(places(&report, motion.path()), ["test/template.toml:61:9 unknown-feast"]);
    assert_eq!(report.mistakes[0].hint.as_deref(), Some("did you mean `eid_al_fitr`?"));
    assert!(motion.report().is_clean());

    let wan = Folder::wan();
    let (_, report) = check(wan.path(), &known);
    assert_eq!(places(&report, wan.path()), ["test/template.toml:33:9 unknown-model"]);
}

#[test]
fn what_the_model_cannot_give_is_found_where_the_template_asks_for_it() {
    let file = "test/template.toml";
    for (old, new, place, message, hint) in [
        (
            "frames = 17",
            "frames = 18",
            "6:10 too-long-for-model",
            "18 frames at 16 per second last longer",
            "17 frames at 16 per",
        ),
        ("width = 256", "width = 64", "4:9 ratio-not-painted", "no size near the ratio of 64 by 144", "its sizes are: 256x144"),
        ("steps = 4", "steps = 11", "34:9 too-many-steps", "11 steps are more than it takes: 10", "write 10 or less"),
        (
            "negative = \"text\"",
            "language = \"fi\"",
            "28:12 language-not-read",
            "the model `tiny` cannot give this: it does not read prompts in `fi`",
            "its languages are: en, zh, ja",
        ),
        ("ja = { place", "fi = { language = \"fi\", place", "30:30 language-not-read", "`fi`", ""),
    ] {
        let folder = Folder::wan().edit(file, old, new);
        let mut tiny = tiny();
        tiny.sampling.most_steps = 10;
        let known = Known { models: Some(BTreeMap::from([("tiny".to_owned(), Some(tiny))])), ..Known::default() };
        let (_, report) = check(folder.path(), &known);
        assert_eq!(places(&report, folder.path()), [format!("{file}:{place}")], "{new}");
        let mistake = &report.mistakes[0];
        assert!(mistake.message.contains(message) && mistake.hint.as_deref().unwrap().contains(hint), "{report}");
        // Where it is not known what the model can give, nothing is said of it.
        assert!(folder.report().is_clean());
        let absent = Known { models: Some(BTreeMap::from([("tiny".to_owned(), None)])), ..Known::default() };
        assert!(check(folder.path(), &absent).1.is_clean());
    }
    let folder = Folder::wan().edit(file, "frames = 17", "frames = 100").edit(file, "steps = 4", "longer = \"ping-pong\"");
    let (_, report) = check(folder.path(), &knowing_tiny());
    assert!(report.is_clean(), "{report}");
}

#[test]
fn one_template_can_be_checked_by_its_folder() {
    let folder = Folder::motion();
    let (templates, report) = check(&folder.path().join("test"), &Known::default());
    assert!(report.is_clean(), "{report}");
    assert_eq!(templates[0].id.as_str(), "test");
}
