//! The pages of whoever runs the installation.

use std::fs;

use festoon::config::Config;

use crate::installation::*;

/// A campaign that wants the lantern in two sizes.
pub fn add_campaign(config: &mut Config) {
    let folder = config.path(&config.paths.campaigns);
    fs::create_dir_all(&folder).unwrap();
    let text = "id = \"launch\"\nname = \"Launch <of> lanterns\"\nlocales = [\"en\", \"ar\"]\nwindow = { from = \"2027-02-01\", to = \"2027-03-01\" }\n\
                [[part]]\ntemplates = [\"lantern\"]\nchoices = { size = [\"small\", \"large\"] }\n";
    fs::write(folder.join("launch.toml"), text).unwrap();
}

/// Signs in as a browser does, and gives the cookie.
async fn sign_in(installation: &Installation, token: &str) -> Result<String, u16> {
    let form = format!("token={token}&to=/operator/takes");
    let request = installation.client.post(installation.url("/operator/sign-in"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").header("Origin", installation.url(""));
    let answer = Answer::of(request.body(form).send().await.unwrap()).await;
    if answer.status != 303 {
        return Err(answer.status);
    }
    assert_eq!(answer.header("location"), "/operator/takes");
    let cookie = answer.header("set-cookie");
    assert!(["HttpOnly", "SameSite=Strict", "Path=/operator"].iter().all(|part| cookie.contains(part)), "{cookie}");
    Ok(cookie.split(';').next().unwrap().to_owned())
}

const PAGES: [&str; 6] = [
    "/operator",
    "/operator/campaigns",
    "/operator/campaigns/new",
    "/operator/campaigns/launch",
    "/operator/review",
    "/operator/takes",
];

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_let_in_by_the_token_for_twelve_hours_and_nobody_else_is() {
    let installation = Installation::with(add_campaign).await;
    let token = installation.running.opened().token.reveal().to_owned();
    for page in PAGES {
        let answer = installation.get(page).await;
        assert!(
            answer.status == 401 && answer.text().contains("type=\"password\"") && !answer.text().contains("lanterns"),
            "{page}"
        );
    }
    assert_eq!(installation.get("/operator/campaigns/launch/table.csv").await.status, 401);
    assert_eq!(sign_in(&installation, "guess").await, Err(401));
    let cookie = sign_in(&installation, &token).await.unwrap();
    for page in PAGES {
        let answer = installation.get_with(page, &[("Cookie", &format!("other=1; {cookie}"))]).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text());
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let forged = cookie.replacen("=1", "=2", 1);
    assert_eq!(installation.get_with("/operator", &[("Cookie", &forged)]).await.status, 401);
    installation.clock.advance(12 * 3600 * 1000);
    assert_eq!(installation.get_with("/operator", &[("Cookie", &cookie)]).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_form_signs_nobody_in_and_guesses_are_few() {
    let installation = Installation::start().await;
    let token = installation.running.opened().token.reveal().to_owned();
    let url = installation.url("/operator/sign-in");
    let foreign = installation.client.post(&url).header("Origin", "https://elsewhere.example").body(format!("token={token}"));
    assert_eq!(foreign.send().await.unwrap().status(), 401);
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(sign_in(&installation, "guess").await.unwrap_err());
    }
    assert_eq!((statuses[9], statuses[10]), (401, 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_shows_each_plate_of_a_campaign_and_its_table_too() {
    let installation = Installation::with(add_campaign).await;
    installation.paint("/v1/clips/lantern/en.mp4").await;
    installation.get("/v1/clips/lantern/en.mp4?size=large").await;
    let token = installation.running.opened().token.reveal().to_owned();
    let bearer = format!("Bearer {token}");
    let see = async |path: &str| installation.get_with(path, &[("Authorization", &bearer)]).await;
    let board = see("/operator/campaigns/launch?lang=en").await.text();
    assert!(board.contains("Launch &lt;of&gt; lanterns") && !board.contains("<of>"), "{board}");
    assert!(board.contains("1 of 2 plates ready"), "{board}");
    for (state, places) in [("ready", 2), ("queued", 2), ("open", 0)] {
        assert_eq!(board.matches(&format!("<a class=\"state {state}\"")).count(), places, "{state}: {board}");
    }
    let table = see("/operator/campaigns/launch/table.csv").await;
    assert!(table.header("content-type").starts_with("text/csv"));
    let text = table.text();
    let rows: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.contains("\"ready\"")).count(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row.split(',').count() == 10), "{rows:?}");
    assert_eq!(see("/operator/campaigns/nothing").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operations_page_has_the_numbers_of_the_metrics() {
    // The lease outlives the minutes that pass here.
    let installation = Installation::with(|config| config.queue.lease_seconds = 600).await;
    installation.get("/v1/clips/lantern/en.mp4").await;
    let renderer = installation.renderer("painter <1>");
    let lease = renderer.lease(0).await;
    assert!(lease.is_some());
    installation.get("/v1/clips/lantern/en.mp4?size=large").await;
    installation.clock.advance(90_000);
    let bearer = format!("Bearer {}", installation.running.opened().token.reveal());
    let page = installation.get_with("/operator?lang=en", &[("Authorization", &bearer)]).await.text();
    assert!(page.contains("painter &lt;1&gt;"), "{page}");
    let free = page.split("<th scope=\"row\">Free</th>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(
        free.contains("<td>1</td>") && free.contains("data-seconds=\"90\"") && free.contains("data-seconds=\"510\""),
        "{free}"
    );
}
