//! Campaigns as operators make, change and take them along.

use std::fs;

use festoon_spec::{FailureKind, Reason, Verdict};

use super::{
    operator::add_campaign,
    review::{flagged, painted_anew},
};
use crate::installation::*;

const BOARD: &str = "/operator/campaigns/launch?lang=en";

/// Sends a form, or a file, as whoever runs the installation.
async fn send(installation: &Installation, path: &str, kind: &str, body: impl Into<String>) -> Answer {
    let token = installation.running.opened().token.reveal();
    let request = installation.client.post(installation.url(path)).bearer_auth(token).header("Content-Type", kind);
    Answer::of(request.header("Origin", installation.url("")).body(body.into()).send().await.unwrap()).await
}

async fn form(installation: &Installation, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    send(installation, path, "application/x-www-form-urlencoded", body).await
}

/// The names of the campaigns' files.
fn files(installation: &Installation) -> Vec<String> {
    let config = installation.running.edge().config();
    let Ok(found) = fs::read_dir(config.path(&config.paths.campaigns)) else { return Vec::new() };
    let mut names: Vec<String> = found.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(installation: &Installation, name: &str) -> String {
    let config = installation.running.edge().config();
    fs::read_to_string(config.path(&config.paths.campaigns).join(name)).unwrap()
}

const WISHES: [(&str, &str); 8] = [
    ("kind", "wishes"),
    ("id", "spring"),
    ("name", "Spring \"sale\""),
    ("from", "2027-03-01"),
    ("to", "2027-03-31"),
    ("templates", "lantern"),
    ("locales", "ja"),
    ("choices", "size = small | large\n"),
];

fn but(field: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    WISHES.into_iter().map(|(name, given)| (name, if name == field { value } else { given })).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_makes_a_file_and_what_is_wrong_is_told_at_its_field_and_writes_nothing() {
    let installation = Installation::start().await;
    for (fields, field, told) in [
        (but("id", "../up"), "id", "not a name for a campaign"),
        (but("id", ""), "id", "not a name for a campaign"),
        (but("templates", "lamp"), "templates", "there is no template `lamp`"),
        (but("locales", "xx-!"), "locales", "xx-!"),
        (but("from", "soon"), "from", "`soon` is not a date"),
        (but("to", "2027-02-01"), "to", "before it begins"),
        (but("choices", "size = small\nhue: red"), "choices", "parameter `hue`"),
        (but("choices", "size = tiny"), "choices", "tiny"),
        (but("choices", "nothing here"), "choices", "were expected"),
        ([but("id", "spring"), vec![("variations", "many")]].concat(), "variations", "`many` is not a whole number"),
        ([but("id", "spring"), vec![("plates", "-1")]].concat(), "plates", "`-1` is not a whole number"),
    ] {
        let answer = form(&installation, "/operator/campaigns?lang=en", &fields).await;
        let page = answer.text().replace("&#x27;", "'").replace("&#x2f;", "/");
        assert_eq!(answer.status, 422, "{field}: {page}");
        let alert = page.split("role=\"alert\"").nth(1).unwrap_or_else(|| panic!("{page}")).split("</div>").next().unwrap();
        assert!(alert.contains(told) && alert.contains(&format!("`{field}`")), "{field}: {alert}");
        let marked = page.split("aria-invalid=\"true\"").count() - 1;
        assert_eq!(marked, 1, "{field}: {page}");
        assert!(page.contains("value=\"Spring &quot;sale&quot;\""), "what was filled in is still there: {page}");
        assert_eq!(files(&installation), [""; 0]);
    }
    let made = form(&installation, "/operator/campaigns?lang=en", &WISHES).await;
    assert_eq!((made.status, made.header("location")), (303, "/operator/campaigns/spring?lang=en"));
    assert_eq!(files(&installation), ["spring.toml"]);
    let board = installation.get_as_operator(made.header("location")).await.text();
    assert!(board.contains("Spring &quot;sale&quot;") && board.contains("0 of 2 plates ready"), "{board}");
    let again = form(&installation, "/operator/campaigns?lang=en", &WISHES).await;
    assert!(again.status == 422 && again.text().contains("there is a campaign `spring`"), "{}", again.text());
    let replaced = [but("name", "Later"), vec![("replace", "true")]].concat();
    assert_eq!(form(&installation, "/operator/campaigns", &replaced).await.status, 303);
    assert!(file(&installation, "spring.toml").contains("\"Later\""));
    assert_eq!(files(&installation), ["spring.toml"], "nothing is left of what was written on the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_names_line_and_column_of_what_is_wrong_and_comes_back_as_it_was() {
    let installation = Installation::start().await;
    let bring = async |table: &str| send(&installation, "/operator/campaigns?id=tour", "text/csv", table).await;
    for (table, place, told) in [
        ("locale,size\nen,small\n", "line 1, column `template`", "there is no such column"),
        ("template,size,size\nlantern,small,large\n", "line 1, column `size`", "there twice"),
        ("template,locale\nlantern,en\nlamp,en\n", "line 3, column `template`", "there is no template `lamp`"),
        ("template,locale,ratio\nlantern,en,\nlantern,ja,wide\n", "line 3, column `ratio`", "`wide` is not a ratio"),
        ("template,variations\nlantern,2\nlantern,x\n", "line 3, column `variations`", "`x` is not a whole number"),
        ("template,size\nlantern,small\nlantern,tiny\n", "line 3, column `size`", "tiny"),
        ("template,size\nlantern,small\nlantern\n", "line 3", "1 cells, the first line has 2"),
    ] {
        let answer = bring(table).await;
        let page = answer.text().replace("&#x27;", "'");
        assert!(answer.status == 422 && page.contains(place) && page.contains(told), "{place}: {page}");
    }
    let large = send(&installation, "/operator/campaigns?id=tour", "text/csv", "x".repeat(256 * 1024 + 1)).await;
    assert_eq!((large.status, files(&installation)), (413, Vec::new()));
    let table = "template,locale,ratio,variations,size\nlantern,en|ja,16:9,2,small|large\nlantern,ar,,1,\n";
    assert_eq!(bring(table).await.status, 303);
    let taken = installation.get_as_operator("/operator/campaigns/tour/wishes.csv").await;
    assert_eq!(taken.text(), table);
    let board = installation.get_as_operator("/operator/campaigns/tour?lang=en").await.text();
    assert!(board.contains("plates ready"), "{board}");
    let text = installation.get_as_operator("/operator/campaigns/tour/campaign.toml").await.text();
    assert_eq!(text, file(&installation, "tour.toml"));
    let copied = send(&installation, "/operator/campaigns", "application/toml", text.replace("\"tour\"", "\"tour-2\"")).await;
    assert_eq!((copied.status, copied.header("location")), (303, "/operator/campaigns/tour-2"));
    let broken = send(&installation, "/operator/campaigns", "application/toml", "id = \"x\"\nname = 'X'\nparts = []\n").await;
    assert!(broken.status == 422 && broken.text().contains("line 3, column 1"), "{}", broken.text());
    assert_eq!(installation.get_as_operator("/operator/campaigns/tour/secret.txt").await.status, 404);
    assert_eq!(installation.get("/operator/campaigns/tour/campaign.toml").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_planned_paused_and_resumed_by_hand_and_its_file_says_so() {
    let installation = Installation::with(|config| {
        add_campaign(config);
        config.queue.max_attempts = 1;
    })
    .await;
    let act = async |fields: &[(&str, &str)]| form(&installation, BOARD, fields).await;
    let planned = act(&[("act", "plan")]).await;
    assert_eq!(planned.header("location"), "/operator/campaigns/launch?lang=en&planned=2");
    let renderer = installation.renderer("painter");
    let lease = renderer.lease(0).await.unwrap();
    renderer.fail(&lease, FailureKind::Transient).await;
    let board = installation.get_as_operator(BOARD).await.text();
    assert!(board.contains("class=\"state failed\"") && board.contains("class=\"state queued\""), "{board}");
    assert!(act(&[("act", "plan")]).await.header("location").ends_with("planned=1"), "what failed is tried again");

    let before = file(&installation, "launch.toml");
    let path = installation.running.edge().config().path(&installation.running.edge().config().paths.campaigns);
    fs::write(path.join("launch.toml"), format!("# Ours.\n{before}")).unwrap();
    assert_eq!(act(&[("act", "pause")]).await.status, 303);
    assert!(file(&installation, "launch.toml").contains("paused = true"));
    assert_eq!(renderer.lease(0).await, None, "what only this campaign ordered left the queue");
    let refused = act(&[("act", "plan")]).await;
    assert!(refused.status == 422 && refused.text().contains("is paused"), "{}", refused.text());
    assert_eq!(act(&[("act", "resume")]).await.status, 303);
    assert_eq!(file(&installation, "launch.toml"), format!("# Ours.\n{before}"), "all else stays as somebody wrote it");
    assert!(act(&[("act", "plan")]).await.header("location").ends_with("planned=2"));
    assert_eq!(act(&[("act", "burn")]).await.status, 400);
    assert_eq!(form(&installation, "/operator/campaigns/nothing", &[("act", "pause")]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_region_goes_live_on_its_day() {
    let installation = Installation::with(add_campaign).await;
    installation.paint("/v1/clips/lantern/en.mp4").await;
    let live = async || {
        let board = installation.get_as_operator(BOARD).await.text();
        (board.matches("<a class=\"state live\"").count(), board.matches("<a class=\"state ready\"").count())
    };
    assert_eq!(live().await, (0, 2), "its window has not opened");
    let dates = [("act", "live"), ("live-US", "2026-01-01"), ("live-EG", "")];
    assert_eq!(form(&installation, BOARD, &dates).await.status, 303);
    assert!(
        file(&installation, "launch.toml").contains("live = { US = \"2026-01-01\" }"),
        "{}",
        file(&installation, "launch.toml")
    );
    assert_eq!(live().await, (1, 1), "English is shown in the States already, Arabic not in Egypt");
    for (date, told) in [("2028-01-01", "after the window ends"), ("soon", "no date")] {
        let wrong = form(&installation, BOARD, &[("act", "live"), ("live-US", date)]).await;
        assert!(wrong.status == 422 && wrong.text().contains(told), "{}", wrong.text());
    }
    assert_eq!(form(&installation, BOARD, &[("act", "live"), ("live-US", "")]).await.status, 303);
    assert!(!file(&installation, "launch.toml").contains("live"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_are_decided_about_together_and_a_board_says_what_changed_since() {
    let installation = Installation::with(add_campaign).await;
    flagged(&installation, "/v1/clips/lantern/en.mp4").await;
    installation.get("/v1/clips/lantern/en.mp4?size=large").await;
    painted_anew(&installation, Verdict::Flagged { reasons: vec![Reason { code: "noise".into(), detail: "noise".into() }] })
        .await;
    let board = installation.get_as_operator(BOARD).await.text();
    let keys: Vec<&str> = board.split("name=\"plate\" value=\"").skip(1).map(|rest| &rest[..64]).collect();
    assert_eq!((keys.len(), board.matches("<a class=\"state flagged\"").count()), (4, 4), "{board}");
    let mut fields: Vec<(&str, &str)> = keys.iter().map(|key| ("plate", *key)).collect();
    fields.extend([("judgement", "approve"), ("note", ""), ("to", BOARD)]);
    assert_eq!(form(&installation, "/operator/review", &fields).await.header("location"), BOARD);
    let board = installation.get_as_operator(BOARD).await.text();
    assert_eq!((board.matches("<a class=\"state ready\"").count(), board.matches('✓').count()), (4, 4), "{board}");
    assert!(!board.contains("Changed since"), "{board}");

    let edge = installation.running.edge();
    let template = edge.config().path(&edge.config().paths.templates).join("lantern/template.toml");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("small = 1.0", "small = 1.5")).unwrap();
    edge.library().reload();
    let board = installation.get_as_operator(BOARD).await.text();
    assert!(board.contains("Changed since it was approved") && board.contains("<code>template_digest</code>"), "{board}");
    assert_eq!(board.matches("<a class=\"state open\"").count(), 4, "{board}");
    let reject = [("plate", keys[0]), ("judgement", "reject"), ("to", BOARD)];
    assert_eq!(form(&installation, "/operator/review", &reject).await.status, 303, "also what is no longer wanted");
}
