//! What an installation plans: it follows its templates and its campaigns.

use std::{collections::BTreeMap, fs, sync::Arc};

use festoon::{
    campaign::{Campaigns, Costs, Defaults},
    clock::ManualClock,
    makers::Makers,
    schedule::{Agenda, FileState, Settings},
    template::Library,
};
use festoon_spec::EncoderId;

use super::{
    makers,
    plan::{Book, at, feasts},
    write_template,
};

const RULE: &str = "[[prerender]]\nfeast = 'new_year'\nready = 'P10D before'\nlocales = ['en-US']\n";

struct Installation {
    folder: tempfile::TempDir,
    library: Library,
    clock: Arc<ManualClock>,
    book: Arc<Book>,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_template(folder.path(), "card", RULE);
        let library = Library::open(folder.path()).unwrap();
        Self { folder, library, clock: Arc::new(ManualClock::at(at("2026-12-01T00:00:00Z"))), book: Arc::default() }
    }

    /// Where campaigns are put; it is not there at first.
    fn campaigns(&self) -> std::path::PathBuf {
        self.folder.path().join("card/campaigns")
    }

    fn save_campaign(&self, text: &str) {
        fs::create_dir_all(self.campaigns()).unwrap();
        fs::write(self.campaigns().join("launch.toml"), format!("id = 'launch'\nname = 'Launch'\n{text}")).unwrap();
    }

    fn agenda(&self, state: &tempfile::TempDir, makers: Makers) -> Agenda {
        let memory = Arc::new(FileState::open(state.path()).unwrap());
        let costs = Costs::new(Defaults::default());
        let settings = Settings::default();
        let campaigns = Arc::new(Campaigns::open(self.campaigns()).unwrap());
        Agenda::new(
            self.library.clone(),
            campaigns,
            makers,
            costs,
            feasts(),
            memory,
            settings,
            self.book.clone(),
            self.clock.clone(),
        )
    }
}

#[tokio::test]
async fn a_saved_template_is_planned_at_the_next_tick() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    let agenda = installation.agenda(&state, makers());
    assert_eq!(agenda.tick().await.unwrap().placed.len(), 1);
    installation.clock.advance(60_000);
    assert_eq!(agenda.tick().await.unwrap().placed.len(), 0);
    write_template(installation.folder.path(), "card", &RULE.replace("'en-US'", "'en-US', 'ja-JP'"));
    installation.library.reload();
    installation.clock.advance(60_000);
    // The English date is placed anew under the new revision; its plate is the same.
    assert_eq!(agenda.tick().await.unwrap().placed.len(), 2);
    let keys: std::collections::BTreeSet<_> = installation.book.keys().into_iter().collect();
    assert_eq!((installation.book.keys().len(), keys.len()), (3, 2));
}

#[tokio::test]
async fn another_encoder_makes_other_plates_and_plans_them() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    installation.agenda(&state, makers()).tick().await.unwrap();
    let newer = Makers {
        models: BTreeMap::new(),
        encoder: EncoderId("x264 newer plate/1".into()),
        compositor: "festoon test".into(),
        deriver: "derive test".into(),
        sounds: BTreeMap::new(),
    };
    let tick = installation.agenda(&state, newer).tick().await.unwrap();
    assert_eq!((tick.placed.len(), tick.withdrawn), (1, vec![installation.book.keys()[0]]));
}

#[tokio::test]
async fn a_template_whose_model_is_missing_leaves_the_others_alone() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    let wan = format!(
        "{}[[prerender]]\nlocales = ['en']\n",
        r#"
painter = "wan"
canvas = { width = 64, height = 64, frames = 5, fps = 8 }
prompt = { skeleton = "A fox in the snow." }
sampling = { model = "absent", steps = 2 }
"#
    );
    let template = installation.folder.path().join("fox");
    fs::create_dir_all(template.join("words")).unwrap();
    fs::write(template.join("template.toml"), wan).unwrap();
    fs::write(template.join("words/en.toml"), "title = 'Fox'\ndescription = 'A fox.'\n").unwrap();
    installation.library.reload();
    assert!(installation.library.problems().is_clean(), "{}", installation.library.problems());
    assert_eq!(installation.library.current().iter().len(), 2);
    let tick = installation.agenda(&state, makers()).tick().await.unwrap();
    assert_eq!(tick.placed.iter().map(|occurrence| occurrence.schedule.as_str()).collect::<Vec<_>>(), ["card/new_year"]);
}

/// Shown from 6 to 8 December, in Tokyo 14 hours before New York.
const LAUNCH: &str = "locales = ['en-US', 'ja-JP']\nwindow = { from = '2026-12-06', to = '2026-12-08' }\n[[part]]\ntemplates = ['card']\nchoices = { mood = ['still', 'lively'] }\n";

#[tokio::test]
async fn a_campaign_is_due_on_its_first_day_and_pinned_through_its_last() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    installation.save_campaign(LAUNCH);
    let agenda = installation.agenda(&state, makers());
    let tick = agenda.tick().await.unwrap();
    let placed = tick.placed.iter().filter(|occurrence| occurrence.schedule == "campaign:launch");
    let due: Vec<_> = placed.map(|occurrence| (occurrence.locale.as_str(), occurrence.due)).collect();
    assert_eq!(due, [("ja", at("2026-12-05T15:00:00Z")), ("en", at("2026-12-06T05:00:00Z"))]);
    for (now, pins) in [
        // Both moods look the same in Japanese.
        ("2026-12-01T00:00:00Z", 3),
        ("2026-12-08T14:59:00Z", 3),
        ("2026-12-08T15:01:00Z", 2), // the ninth has begun in Tokyo
        ("2026-12-09T05:01:00Z", 0), // and in New York
    ] {
        installation.clock.set(at(now));
        agenda.tick().await.unwrap();
        assert_eq!(installation.book.pins("campaign:launch"), pins, "at {now}");
    }
}

#[tokio::test]
async fn a_campaign_lives_as_long_as_its_file() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    let agenda = installation.agenda(&state, makers());
    agenda.tick().await.unwrap();
    let minute = async || {
        installation.clock.advance(60_000);
        let tick = agenda.tick().await.unwrap();
        (tick.placed.len(), tick.withdrawn.len(), installation.book.pins("campaign:launch"))
    };
    installation.save_campaign(LAUNCH);
    assert_eq!(minute().await, (2, 0, 3));
    installation.save_campaign("[[part]]\ntemplates = ['cart']\n[[part]]\n");
    assert_eq!(minute().await, (0, 0, 3), "a broken save leaves it as it was");
    fs::remove_file(installation.campaigns().join("launch.toml")).unwrap();
    // One of its plates is wanted for New Year as well.
    assert_eq!(minute().await, (0, 2, 0));
    installation.save_campaign(LAUNCH);
    assert_eq!(minute().await, (2, 0, 3));
    // Also while it runs.
    installation.clock.set(at("2026-12-07T00:00:00Z"));
    assert_eq!(minute().await, (0, 0, 3));
    fs::remove_file(installation.campaigns().join("launch.toml")).unwrap();
    assert_eq!(minute().await, (0, 2, 0));
}

#[tokio::test]
async fn a_mistake_in_a_campaign_is_told_before_anything_is_planned() {
    let installation = Installation::new();
    installation.save_campaign("[[part]]\ntemplates = []\n");
    let mistake = Campaigns::open(installation.campaigns()).unwrap_err().line();
    assert!(mistake.contains("launch.toml:4:13: the list is empty"), "{mistake}");
}

#[tokio::test]
async fn a_campaign_that_is_paused_orders_nothing_keeps_what_it_has_and_goes_on_where_it_was() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    installation.save_campaign(LAUNCH);
    let agenda = installation.agenda(&state, makers());
    let minute = async |text: String| {
        installation.save_campaign(&text);
        installation.clock.advance(60_000);
        agenda.tick().await.unwrap()
    };
    let of_campaign =
        |tick: &festoon::schedule::Tick| tick.placed.iter().filter(|occurrence| occurrence.schedule == "campaign:launch").count();
    assert_eq!(of_campaign(&minute(LAUNCH.to_owned()).await), 2);
    // Also when its window has opened.
    for now in ["2026-12-01T00:00:00Z", "2026-12-07T12:00:00Z"] {
        installation.clock.set(at(now));
        let paused = minute(format!("paused = true\n{LAUNCH}")).await;
        // The third is the rule's as well.
        assert_eq!((of_campaign(&paused), paused.withdrawn.len()), (0, 2), "{now}: {:?}", paused.withdrawn);
        let still = minute(format!("paused = true\n{LAUNCH}# still\n")).await;
        assert_eq!((of_campaign(&still), still.withdrawn.len()), (0, 0), "{now}");
        assert_eq!(installation.book.pins("campaign:launch"), 3, "what is painted stays in the cache");
        let resumed = minute(LAUNCH.to_owned()).await;
        assert_eq!((of_campaign(&resumed), resumed.withdrawn.len()), (2, 0), "{now}");
        assert_eq!(installation.book.pins("campaign:launch"), 3);
    }
}

#[tokio::test]
async fn a_region_with_a_day_of_its_own_is_due_then() {
    let (installation, state) = (Installation::new(), tempfile::tempdir().unwrap());
    installation.save_campaign(&format!("live = {{ JP = '2026-12-04' }}\n{LAUNCH}"));
    let tick = installation.agenda(&state, makers()).tick().await.unwrap();
    let placed = tick.placed.iter().filter(|occurrence| occurrence.schedule == "campaign:launch");
    let due: Vec<_> = placed.map(|occurrence| (occurrence.locale.as_str(), occurrence.due)).collect();
    assert_eq!(due, [("ja", at("2026-12-03T15:00:00Z")), ("en", at("2026-12-06T05:00:00Z"))]);
}
