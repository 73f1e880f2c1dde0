//! What an installation plans: it follows its templates.

use std::{collections::BTreeMap, sync::Arc};

use festoon::{
    campaign::{Costs, Defaults},
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

    fn agenda(&self, state: &tempfile::TempDir, makers: Makers) -> Agenda {
        let memory = Arc::new(FileState::open(state.path()).unwrap());
        let costs = Costs::new(Defaults::default());
        let settings = Settings::default();
        Agenda::new(self.library.clone(), makers, costs, feasts(), memory, settings, self.book.clone(), self.clock.clone())
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
    let newer = Makers { models: BTreeMap::new(), encoder: EncoderId("x264 newer plate/1".into()) };
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
    std::fs::create_dir_all(template.join("words")).unwrap();
    std::fs::write(template.join("template.toml"), wan).unwrap();
    std::fs::write(template.join("words/en.toml"), "title = 'Fox'\ndescription = 'A fox.'\n").unwrap();
    installation.library.reload();
    assert!(installation.library.problems().is_clean(), "{}", installation.library.problems());
    assert_eq!(installation.library.current().iter().len(), 2);
    let tick = installation.agenda(&state, makers()).tick().await.unwrap();
    assert_eq!(tick.placed.iter().map(|occurrence| occurrence.schedule.as_str()).collect::<Vec<_>>(), ["card/new_year"]);
}
