//! What `festoon prerender` shows, orders and follows. The server is a stand-in that answers as the real one does.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use festoon::{
    cache::{Cache, CacheOptions, Manifest, Recipe},
    campaign::{Campaign, Costs, Defaults},
    clock::{Clock, SystemClock},
    store::Store,
};
use festoon_spec::UnixMillis;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{makers, open, write_template};
use crate::bench;

/// A project with the templates `one`, `two` and `three` and a campaign of them.
fn project(window: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir_all(config.join("feasts")).unwrap();
    fs::write(config.join("festoon.toml"), "[encoder]\nid = 'x264 test plate/1'\n").unwrap();
    fs::write(config.join("feasts/any.toml"), "id = 'any'\nname = 'Any'\ndefault = { table = {} }\n").unwrap();
    for template in ["one", "two", "three"] {
        write_template(&folder.path().join("templates"), template, "[[prerender]]\nid = 'standing'\nlocales = ['en', 'fr']\n");
    }
    let campaign =
        format!("id = 'launch'\nname = 'Launch'\nlocales = ['en']\n{window}[[part]]\ntemplates = ['one', 'two', 'three']\n");
    fs::write(folder.path().join("launch.toml"), campaign).unwrap();
    folder
}

async fn prerender(project: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_festoon"))
        .arg("prerender")
        .args(arguments)
        .arg("--config")
        .arg(project.join("config/festoon.toml"))
        .current_dir(project)
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[tokio::test]
async fn a_dry_run_shows_the_matrix_its_keys_and_the_forecast_and_orders_nothing() {
    let project = project("");
    let (code, table, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--dry-run"]).await;
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(table.contains("3 plates for 3 picks: 0 are kept, 3 are to be painted in about 1 second"), "{table}");
    let (code, json, _) = prerender(project.path(), &["--campaign", "launch.toml", "--dry-run", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(json["missing"], json!({ "plates": 3, "picks": 3, "cost_millis": 3 * 90 }));
    let key = json["cells"][0]["key"].as_str().unwrap();
    assert!(key.len() == 64 && table.contains(&key[..12]), "{key}\n{table}");
    assert_eq!(json["cells"][0]["state"], "to-paint");
}

#[tokio::test]
async fn what_is_kept_is_shown_as_kept_and_teaches_the_forecast_also_while_a_server_has_the_folder() {
    let project = project("");
    let campaign = Campaign::load(&project.path().join("launch.toml")).unwrap();
    let costs = Costs::new(Defaults::default());
    let matrix = campaign.matrix(&open(&project.path().join("templates")), &makers(), &costs).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&project.path().join("state"), clock.clone()).unwrap();
    let cache = Cache::open(&store, CacheOptions::default(), clock).unwrap();
    let bytes = bench::footage(1, 100);
    let mut outcome = bench::outcome(&bytes);
    outcome.timings = BTreeMap::from([("paint".into(), 4000)]);
    let manifest = Manifest::new(Recipe::Plate(Box::new(matrix.cells[0].plate.clone())), outcome, UnixMillis(0));
    cache.keep(cache.stage_bytes(bytes).await.unwrap(), manifest).await.unwrap();

    let (_, json, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--dry-run", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{errors}"));
    let states: Vec<_> = json["cells"].as_array().unwrap().iter().map(|cell| cell["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["kept", "to-paint", "to-paint"]);
    assert_eq!(json["missing"], json!({ "plates": 2, "picks": 2, "cost_millis": 8000 }));
    assert_eq!(json["cells"][1]["measured"], true);
}

#[tokio::test]
async fn without_a_campaign_the_rules_of_the_templates_are_meant() {
    let project = project("");
    let (code, json, errors) = prerender(project.path(), &["--dry-run", "--json"]).await;
    assert_eq!(code, Some(0), "{errors}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["campaign"], &json["sum"]["plates"], &json["sum"]["picks"]), (&Value::Null, &json!(3), &json!(6)));
}

#[tokio::test]
async fn a_campaign_whose_last_day_has_passed_is_refused() {
    let project = project("window = { from = '2020-01-01', to = '2020-02-01' }\n");
    let (code, _, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--dry-run"]).await;
    assert!(code == Some(1) && errors.contains("the campaign `launch` was over on 2020-02-01"), "{errors}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_what_to_do() {
    // Bound and let go: nobody listens there now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (project, server) = (project(""), format!("http://127.0.0.1:{port}"));
    let (code, _, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--server", &server]).await;
    assert!(
        code == Some(4) && errors.contains(&format!("no server answers at {server}/")) && errors.contains("festoon up"),
        "{errors}"
    );
    let (code, _, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--server", "ftp://x"]).await;
    assert!(code == Some(1) && errors.contains("`ftp://x` is not the address of a server"), "{errors}");
}

/// What the stand-in has been asked, and for which plate keys.
#[derive(Default)]
struct Asked {
    keys: Vec<String>,
    orders: Vec<Value>,
    looks: usize,
}

type Shared = web::Data<Mutex<Asked>>;

async fn pick(asked: Shared, order: web::Json<Value>) -> HttpResponse {
    let mut asked = asked.lock().unwrap();
    asked.orders.push(order.clone());
    let template = order["template"].as_str().unwrap().to_owned();
    let place = ["one", "two", "three"].iter().position(|name| *name == template).unwrap();
    let plate = &asked.keys[place];
    match (template.as_str(), asked.orders.len()) {
        ("one", 1) => HttpResponse::TooManyRequests()
            .insert_header(("Retry-After", "0"))
            .json(json!({ "title": "the queue is full", "status": 429, "code": "queue-full" })),
        ("three", _) => HttpResponse::Ok().json(json!({ "status": "ready", "plate": plate, "clip_url": "/" })),
        _ => HttpResponse::Accepted().json(json!({ "id": template, "plate": plate, "status": "queued", "url": "/" })),
    }
}

async fn ticket(asked: Shared, id: web::Path<String>) -> HttpResponse {
    let mut asked = asked.lock().unwrap();
    asked.looks += 1;
    let place = usize::from(*id == "two");
    let mut ticket = json!({ "id": *id, "plate": asked.keys[place], "status": "painting" });
    ticket["progress"] = json!({ "stage": "paint", "done": 1, "of": 2, "permille": 500 });
    if asked.looks > 2 {
        ticket["status"] = json!(if *id == "two" { "failed" } else { "done" });
        ticket["reason"] = if *id == "two" { json!("the picture is black") } else { Value::Null };
    }
    HttpResponse::Ok().json(ticket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_placed_followed_and_summed_up() {
    let project = project("");
    let (_, json, _) = prerender(project.path(), &["--campaign", "launch.toml", "--dry-run", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    let key = |template: &str| {
        let cell = json["cells"].as_array().unwrap().iter().find(|cell| cell["picks"][0]["template"] == template).unwrap();
        cell["key"].as_str().unwrap().to_owned()
    };
    let asked: Shared =
        web::Data::new(Mutex::new(Asked { keys: vec![key("one"), key("two"), key("three")], ..Asked::default() }));
    let for_app = asked.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(for_app.clone())
            .route("/v1/picks", web::post().to(pick))
            .route("/v1/tickets/{id}", web::get().to(ticket))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    let running = tokio::spawn(server);

    let (code, json, errors) = prerender(project.path(), &["--campaign", "launch.toml", "--server", &address, "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}{errors}"));
    assert_eq!(code, Some(3), "one plate failed: {json}{errors}");
    let states: Vec<_> =
        json["cells"].as_array().unwrap().iter().map(|cell| (&cell["picks"][0]["template"], &cell["state"])).collect();
    for (template, state) in [("one", "painted"), ("two", "failed"), ("three", "kept")] {
        assert!(states.contains(&(&json!(template), &json!(state))), "{template}: {json}");
    }
    assert!(json.to_string().contains("the picture is black"), "{json}");
    assert!(errors.contains("3 of 3: "), "{errors}");
    {
        let asked = asked.lock().unwrap();
        assert!(asked.orders.iter().all(|order| order["lane"] == "prerender" && order["locale"] == "en"), "{:?}", asked.orders);
    }

    // A server with other makers makes other plates of the same picks: that must not pass for painted.
    *asked.lock().unwrap() = Asked { keys: vec![key("two"), key("two"), key("one")], ..Asked::default() };
    let (code, summary, _) = prerender(project.path(), &["--campaign", "launch.toml", "--server", &address]).await;
    assert_eq!(code, Some(3));
    assert!(summary.contains("0 painted, 0 were kept, 3 failed"), "{summary}");
    assert!(summary.contains("it has other templates, models or encoders than this folder"), "{summary}");

    handle.stop(true).await;
    running.await.unwrap().unwrap();
}
