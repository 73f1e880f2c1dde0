//! Campaigns: what their files may say, and the plates that come of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use festoon::{
    cache::ManifestReader,
    campaign::{Campaign, CampaignError, Cell, Costs, Defaults, Matrix},
    template::Mistake,
};
use festoon_spec::{Outcome, Painter};

use super::{makers, open, templates, write_template};
use crate::bench;

fn load(text: &str) -> Result<Campaign, CampaignError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("launch.toml");
    fs::write(&path, format!("id = 'launch'\nname = 'Launch'\n{text}")).unwrap();
    Campaign::load(&path)
}

fn matrix(text: &str) -> Result<Matrix, CampaignError> {
    load(text)?.matrix(&templates(""), &makers(), &Costs::new(Defaults::default()))
}

fn mistake(text: &str) -> Mistake {
    match matrix(text) {
        Err(CampaignError::Mistake(mistake)) => *mistake,
        Err(other) => panic!("{other}"),
        Ok(matrix) => panic!("{matrix:?}"),
    }
}

/// `<mood> <take>: <locales>` of each cell.
fn lines(cells: &[Cell]) -> Vec<String> {
    let line = |cell: &Cell| {
        let first = &cell.picks[0];
        let locales: Vec<_> = cell.picks.iter().map(|pick| pick.locale.to_string()).collect();
        format!("{} {}: {}", first.parameters["mood"], first.variation, locales.join(" "))
    };
    cells.iter().map(line).collect()
}

const PART: &str = "[[part]]\ntemplates = ['card']\n";

#[test]
fn locales_that_show_the_same_share_one_plate() {
    let matrix = matrix(&format!("locales = ['en', 'fr', 'ja']\n{PART}")).unwrap();
    assert_eq!(lines(&matrix.cells), ["still 0: en fr", "still 0: ja"]);
    assert_eq!((matrix.sum().plates, matrix.sum().picks), (2, 3));
}

#[test]
fn without_locales_each_locale_with_words_is_meant() {
    assert_eq!(lines(&matrix(PART).unwrap().cells), ["still 0: en fr", "still 0: ja"]);
}

#[test]
fn what_is_wanted_most_goes_first_and_what_more_share_before_what_few_do() {
    let matrix =
        matrix(&format!("locales = ['ja', 'en', 'fr']\n{PART}choices = {{ mood = ['lively', 'still'] }}\nvariations = 2\n"));
    // Japanese is named first, and its scene is the same in both moods.
    assert_eq!(
        lines(&matrix.unwrap().cells),
        ["lively 0: ja ja", "lively 0: en fr", "lively 1: ja ja", "lively 1: en fr", "still 0: en fr", "still 1: en fr"]
    );
}

#[test]
fn a_campaign_is_painted_in_the_ratios_it_names() {
    let wish = |ratios: &str| matrix(&format!("locales = ['en']\n{PART}ratios = [{ratios}]\n"));
    let sizes = |matrix: Matrix| {
        let size = |cell: &Cell| (cell.plate.canvas.width, cell.plate.canvas.height);
        matrix.cells.iter().map(size).collect::<Vec<_>>()
    };
    let [usual, first] = [matrix(&format!("locales = ['en']\n{PART}")), wish("'16:9'")].map(Result::unwrap);
    assert_eq!(usual, first);
    let usual = sizes(usual)[0];
    assert_eq!(sizes(wish("'9:16', '16:9'").unwrap()), [(usual.1, usual.0), usual], "the most wanted first");
    for (ratios, message, hint) in [
        ("'2:3'", "card for en: the template `card` does not offer the ratio `2:3`", "the ratios are: 16:9, 9:16"),
        ("'wide'", "`wide` is not a ratio", ""),
        ("'9:16', '18:32'", "`9:16` is there twice", ""),
        ("", "the list is empty", "leave `ratios` out"),
    ] {
        let Err(CampaignError::Mistake(mistake)) = wish(ratios) else { panic!("{ratios}: no mistake") };
        assert!(mistake.message.contains(message), "{}", mistake.message);
        assert!(mistake.hint.clone().unwrap_or_default().contains(hint), "{:?}", mistake.hint);
        assert!(mistake.line().contains("launch.toml:6:"), "at the ratios: {}", mistake.line());
    }
}

#[test]
fn a_larger_budget_only_adds_plates() {
    let wish =
        |budget: &str| format!("budget = {{ {budget} }}\n{PART}choices = {{ mood = ['still', 'lively'] }}\nvariations = 4\n");
    let all = matrix(&wish("")).unwrap();
    assert!(all.beyond.is_empty());
    for plates in 0..=all.cells.len() {
        let cut = matrix(&wish(&format!("plates = {plates}"))).unwrap();
        assert_eq!(cut.cells, all.cells[..plates]);
        assert_eq!(cut.beyond, all.cells[plates..]);
    }
    // 320 x 180 x 24 pixels at 65 ms a million: 90 ms a plate, so eleven in a second.
    assert_eq!(matrix(&wish("gpu_seconds = 1")).unwrap().cells.len(), 11);
}

#[test]
fn fixed_parameters_are_not_an_axis() {
    let matrix = matrix(&format!("locales = ['en']\n{PART}parameters = {{ mood = 'lively' }}\n")).unwrap();
    assert_eq!(lines(&matrix.cells), ["lively 0: en"]);
}

#[test]
fn each_mistake_in_a_campaign_names_its_line_column_and_what_would_be_right() {
    for (text, place, message, hint) in [
        ("[[part]]\ntemplates = ['card']\nlocale = ['en']\n", (5, 1), "unknown field `locale`", ""),
        ("", (1, 6), "the campaign wants nothing", "[[part]]"),
        ("[[part]]\ntemplates = []\n", (4, 13), "the list is empty", "name a template"),
        ("[[part]]\ntemplates = ['Card']\n", (4, 14), "`Card` is not a template id", ""),
        ("[[part]]\ntemplates = ['cart']\n", (4, 14), "there is no template `cart`", "`card`"),
        ("[[part]]\ntemplates = ['card']\nlocales = ['english']\n", (5, 12), "`english` is no", "."),
        ("[[part]]\ntemplates = ['card']\nlocales = ['fr', 'fr-FR']\n", (5, 18), "`fr-FR` is there twice", ""),
        ("[[part]]\ntemplates = ['card']\nchoices = { modo = ['still'] }\n", (5, 20), "has a parameter `modo`", "mood"),
        (
            "[[part]]\ntemplates = ['card']\nchoices = { mood = ['still', 'wild'] }\n",
            (5, 20),
            "`wild` is not one of its choices",
            "still, lively",
        ),
        ("[[part]]\ntemplates = ['card']\nchoices = { mood = [] }\n", (5, 20), "the list is empty", "`mood`"),
        ("[[part]]\ntemplates = ['card']\nvariations = 0\n", (5, 14), "0 is not a number of takes", "1 to 100"),
        (
            "[[part]]\ntemplates = ['card']\nparameters = { mood = 'still' }\nchoices = { mood = ['still'] }\n",
            (6, 20),
            "`mood` is fixed in `parameters`",
            "leave it out",
        ),
        (
            "window = { from = '2026-13-01', to = '2026-12-31' }\n[[part]]\ntemplates = ['card']\n",
            (3, 19),
            "`2026-13-01` is not a date",
            "YYYY-MM-DD",
        ),
        (
            "window = { from = '2026-12-31', to = '2026-12-01' }\n[[part]]\ntemplates = ['card']\n",
            (3, 10),
            "before it begins",
            "",
        ),
    ] {
        let mistake = mistake(text);
        assert_eq!(mistake.place.file.line_and_column(mistake.place.span.start), place, "{}", mistake.line());
        assert!(mistake.message.contains(message), "{}", mistake.line());
        assert!(mistake.hint.clone().unwrap_or(".".into()).contains(hint), "{}", mistake.line());
    }
}

#[test]
fn a_campaign_that_asks_for_too_much_is_refused_before_it_is_resolved() {
    let part = "[[part]]\ntemplates = ['card']\nvariations = 100\nchoices = { mood = ['still', 'lively'] }\n";
    let mistake = mistake(&part.repeat(40));
    assert!(mistake.message.contains("more than 20000 picks"), "{}", mistake.line());
}

#[test]
fn a_campaign_is_over_after_its_last_day() {
    let campaign = load(&format!("window = {{ from = '2026-12-01', to = '2027-01-06' }}\n{PART}")).unwrap();
    assert!(!campaign.is_over("2027-01-06".parse().unwrap()));
    assert!(campaign.is_over("2027-01-07".parse().unwrap()));
}

#[test]
fn the_shipped_campaigns_can_be_read() {
    let mut found = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/campaigns")).unwrap() {
        Campaign::load(&entry.unwrap().path()).unwrap_or_else(|error| panic!("{error}"));
        found += 1;
    }
    assert!(found > 0);
}

/// So that `make demo` ends within the quarter of an hour that it promises: a plate takes two cores seven seconds.
const MOST_DEMO_PLATES: usize = 100;

#[test]
fn the_demo_paints_every_shipped_template_in_each_of_its_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (templates, makers) = (open(&root.join("templates")), crate::template::makers());
    let campaign = Campaign::load(&root.join("config/campaigns/demo.toml")).unwrap();
    let matrix = campaign.matrix(&templates, &makers, &Costs::default()).unwrap();
    assert!(matrix.beyond.is_empty() && matrix.cells.len() <= MOST_DEMO_PLATES, "{:?}", matrix.sum());
    let painted: BTreeSet<_> =
        matrix.cells.iter().flat_map(|cell| &cell.picks).map(|pick| (&pick.template, &pick.locale)).collect();
    for template in templates.iter() {
        for locale in template.locales() {
            assert!(painted.contains(&(&template.id, &locale.minimized())), "{} {locale}", template.id);
        }
    }
    // What everybody sees at once comes first, and no model must be read for it.
    let first = &matrix.cells[0];
    assert_eq!(first.plate.scene.painter(), Painter::motion());
    assert!(matrix.cells.iter().all(|cell| cell.locales().len() <= first.locales().len()));
}

#[test]
fn a_forecast_follows_what_plates_of_the_same_painter_took() {
    let folder = tempfile::tempdir().unwrap();
    write_template(folder.path(), "card", "");
    let mut costs = Costs::new(Defaults { motion_millis: 1000, wan_millis: 1 });
    let all = load(PART).unwrap().matrix(&open(folder.path()), &makers(), &costs).unwrap();
    let plate = &all.cells[0].plate;
    // 320 x 180 x 24 = 1.3824 million pixels.
    assert_eq!(costs.millis(plate), 1383);
    assert!(!costs.has_measured(plate));
    costs.learn(plate, &outcome(100));
    costs.learn(plate, &outcome(300));
    assert_eq!(costs.millis(plate), 200);
    assert!(costs.has_measured(plate));
}

#[test]
fn a_folder_in_which_nothing_was_painted_is_forecast_by_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    assert!(ManifestReader::of(folder.path()).some(9).unwrap().is_empty());
    let costs = Costs::measured_in(folder.path(), Defaults::default()).unwrap();
    let all = load(PART).unwrap().matrix(&templates(""), &makers(), &costs).unwrap();
    assert_eq!(all.cells[0].cost_millis, 90);
}

/// A plate that took this long.
fn outcome(millis: u64) -> Outcome {
    let timings = BTreeMap::from([("paint".into(), millis / 2), ("encode".into(), millis - millis / 2)]);
    Outcome { timings, ..bench::outcome(b"plate") }
}
