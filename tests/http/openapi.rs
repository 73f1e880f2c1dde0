//! The OpenAPI document says what the program does: each way round, and of real answers.

use std::{collections::BTreeSet, fs, path::Path};

use festoon::http::{ROWS, openapi_document};
use serde_json::{Value, json};

use crate::{
    described::{INTERFACE, Interface, validator},
    installation::*,
};

/// Every operation: path, method, and what is said of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    operations.map(|(path, method, operation)| (path.as_str(), method.as_str(), operation)).collect()
}

/// Every `$ref` of a value.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(to)) => vec![to.as_str()],
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_address_is_described_and_nothing_else() {
    // Every GET answers HEAD alike, and OPTIONS is what browsers ask on their own.
    let is_own = |method: &&&str| !["HEAD", "OPTIONS"].contains(*method);
    let rows = ROWS.iter().filter(|row| !row.is_page());
    let served: BTreeSet<(String, String)> = rows
        .flat_map(|row| row.methods.iter().filter(is_own).map(|method| (row.path.to_owned(), method.to_lowercase())))
        .collect();
    let document = openapi_document();
    let described: BTreeSet<(String, String)> =
        operations(document).into_iter().map(|(path, method, _)| (path.to_owned(), method.to_owned())).collect();
    assert_eq!(described, served, "describe new addresses in src/http/openapi");
}

#[test]
fn the_document_is_whole() {
    let document = openapi_document();
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION"))));
    let named: BTreeSet<&str> = references(document).into_iter().collect();
    for to in &named {
        assert!(document.pointer(&to[1..]).is_some(), "{to} is nowhere");
    }
    for kind in ["schemas", "parameters", "headers", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(named.contains(&*format!("#/components/{kind}/{name}")), "{kind}/{name} is used nowhere");
        }
    }
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} has the name of another");
        assert!(operation["summary"].is_string() && tags.contains(operation["tags"][0].as_str().unwrap()), "{method} {path}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|given| given["$ref"].as_str().map_or(given, |to| document.pointer(&to[1..]).unwrap()));
        let (declared, examples): (BTreeSet<&str>, Vec<&Value>) =
            parameters.filter(|given| given["in"] == "path").map(|given| (given["name"].as_str().unwrap(), given)).unzip();
        let holes: BTreeSet<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(declared, holes, "{method} {path}");
        for parameter in examples.into_iter().filter(|parameter| parameter.get("example").is_some()) {
            let schema = validator(document, parameter["schema"].clone());
            assert!(schema.is_valid(&parameter["example"]), "{method} {path}: {parameter}");
        }
        for content in operation["requestBody"]["content"].as_object().into_iter().flat_map(|content| content.values()) {
            let schema = validator(document, content["schema"].clone());
            assert!(content.get("example").is_none_or(|example| schema.is_valid(example)), "{method} {path}: {content}");
        }
    }
}

/// Beside what all other tests hold against the document: one answer of each main address, as it should be and as it should not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_is_described() {
    let installation = Installation::start().await;
    let operator = json!({ "what": [{ "template": "poster" }], "reason": "a test" });
    assert_eq!(installation.get("/v1/templates").await.status, 200);
    let promised = installation.post("/v1/picks", &lantern(json!({ "title": "Ahoy" }))).await;
    assert_eq!(promised.status, 202);
    let ticket = promised.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(installation.get(&ticket).await.status, 200);
    let cancelled = installation.client.delete(installation.url(&ticket)).send().await.unwrap();
    assert_eq!(INTERFACE.held("DELETE", &ticket, Answer::of(cancelled).await).status, 200);
    installation.paint("/v1/clips/lantern/en.mp4").await;
    let ready = installation.post("/v1/picks", &lantern(json!({}))).await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    let clip = installation.get("/v1/clips/lantern/en.mp4").await;
    assert_eq!(clip.status, 200);
    for (name, value, status) in
        [("if-none-match", clip.header("etag"), 304), ("range", "bytes=0-9", 206), ("range", "bytes=9-9,0-1", 206)]
    {
        assert_eq!(installation.get_with("/v1/clips/lantern/en.mp4", &[(name, value)]).await.status, status);
    }
    assert_eq!(installation.get("/v1/clips/lantern.mp4").await.status, 307);
    let key = ready.json()["clip"].as_str().unwrap().to_owned();
    let plate = ready.json()["plate"].as_str().unwrap().to_owned();
    let said = json!({ "pick": lantern(json!({})), "opinion": "liked" });
    assert_eq!(installation.post(&format!("/v1/clips/{key}/opinion"), &said).await.status, 204);
    let another = json!({ "pick": lantern(json!({})), "seen": [0] });
    assert_eq!(installation.post(&format!("/v1/clips/{key}/another"), &another).await.status, 200);
    assert_eq!(installation.get_as_operator("/v1/opinions").await.json()["topics"].as_array().unwrap().len(), 1);
    assert_eq!(installation.post_as_operator("/v1/purge", &operator).await.status, 200);
    assert_eq!(installation.post_as_operator("/v1/takedowns", &operator).await.status, 201);
    for path in ["/v1/takedowns", "/v1/warm", "/v1/edges", &format!("/v1/entries/{plate}")] {
        assert_eq!(installation.get_as_operator(path).await.status, 200, "{path}");
        assert_eq!(installation.get(path).await.status, 401, "{path}");
    }
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/v1/clips/poster/en.mp4", 451), ("/v1/tickets/x", 404)]
    {
        assert_eq!(installation.get(path).await.status, status, "{path}");
    }
    assert_eq!(installation.post("/v1/picks", &json!({ "template": "lantern" })).await.code(), "bad-body");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_and_kept_by_caches() {
    let installation = Installation::start().await;
    let answer = installation.get("/openapi.json").await;
    assert_eq!((answer.status, &answer.json()), (200, openapi_document()));
    assert!(answer.header("cache-control").starts_with("public, max-age="), "{}", answer.header("cache-control"));
    let again = installation.get_with("/openapi.json", &[("if-none-match", answer.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_described_is_found() {
    let installation = Installation::start().await;
    let templates = installation.get("/v1/templates").await;
    let unknown = installation.get("/v1/tickets/x").await;
    let ready = installation.get("/readyz").await;
    assert_eq!(INTERFACE.complaint("GET", "/v1/templates", &templates), None);
    type Mistake = fn(&mut Value);
    let cases: [(&str, &Answer, &str, Mistake); 5] = [
        ("/v1/templates", &templates, "words", |document| {
            let fields = &mut document["components"]["schemas"]["Template"];
            fields["properties"].as_object_mut().unwrap().remove("words");
            fields["required"] = json!([]);
        }),
        ("/v1/templates", &templates, "string", |document| {
            document["components"]["schemas"]["RatioOffer"]["properties"]["width"]["type"] = json!("string");
        }),
        ("/v1/tickets/x", &unknown, "unknown-ticket", |document| {
            document["paths"]["/v1/tickets/{id}"]["get"]["responses"]["404"] = json!(null);
        }),
        ("/readyz", &ready, "200, which is not told", |document| {
            document["paths"]["/readyz"]["get"]["responses"].as_object_mut().unwrap().remove("200");
        }),
        ("/readyz", &ready, "application/json, which is not told", |document| {
            document["paths"]["/readyz"]["get"]["responses"]["200"]["content"] = json!({ "text/html": {} });
        }),
    ];
    for (path, answer, told, mistake) in cases {
        let mut document = openapi_document().clone();
        mistake(&mut document);
        let complaint = Interface::of(document).complaint("GET", path, answer).unwrap_or_else(|| panic!("{path}: {told} passes"));
        assert!(complaint.contains(told), "{complaint}");
    }
}

/// `make docs` writes it; the clients are generated from it.
#[test]
fn the_kept_document_is_the_served_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let text = serde_json::to_string_pretty(openapi_document()).unwrap() + "\n";
    if std::env::var_os("FESTOON_WRITE_DOCS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert!(fs::read_to_string(&file).is_ok_and(|kept| kept == text), "docs/openapi.json is old: run `make docs`");
}
