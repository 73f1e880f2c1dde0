//! The OpenAPI 3.1 document at `/openapi.json`, which `/docs` shows and from which the clients are generated.
//!
//! Each file of `openapi` describes an area: paths, and the schemas of what goes over them. What the program knows itself is not
//! written there but put in when the document is made: summaries are those of the [routes](super::routes::ROWS), problems stand as names and
//! come with their status and title, profiles bring their media types, and closed sets their members. Tests compare the paths with
//! the routes, and what the running program answers with the schemas.

use std::{collections::BTreeSet, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use bytes::Bytes;
use festoon_spec::{BlobHash, Lane, Profile};
use serde_json::{Map, Value, json};

use super::{
    Shared,
    delivery::{Described, Representation},
    problem::{Code, Problem},
    routes::ROWS,
};
use crate::opinion::Opinion;

/// It changes with the program only.
const CACHED: &str = "public, max-age=300, stale-while-revalidate=86400";
/// The file that the others are added to.
const ABOUT: &str = "about.json";
/// The group of problems that every address may answer.
const ANYWHERE: &str = "anywhere";
/// Parts of files come in these, when there are several.
const SEVERAL_PARTS: &str = "multipart/byteranges";

#[derive(rust_embed::Embed)]
#[folder = "src/http/openapi"]
struct Files;

/// The document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(made);
/// As it is sent, with its hash.
static SENT: LazyLock<(Bytes, BlobHash)> = LazyLock::new(|| {
    let bytes = Bytes::from(serde_json::to_vec(&*DOCUMENT).expect("a document is plain data"));
    let hash = BlobHash::of(&bytes);
    (bytes, hash)
});

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// `/openapi.json`
pub async fn openapi(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let (bytes, hash) = &*SENT;
    let lifetime = vec![(header::CACHE_CONTROL, HeaderValue::from_static(CACHED))];
    let described = Described::new(*hash, "application/json", lifetime);
    let representation = Representation::new(bytes.clone(), described);
    Ok(representation.answer(&request, shared.config.limits.ranges)?.map_into_boxed_body())
}

fn made() -> Value {
    let mut document = read(ABOUT);
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    let groups = taken(&mut document, "groups");
    let (mut paths, mut schemas) = (Map::new(), taken(&mut document, "schemas"));
    for file in Files::iter().filter(|file| file != ABOUT) {
        let mut area = read(&file);
        schemas.extend(taken(&mut area, "schemas"));
        for (path, operations) in taken(&mut area, "paths") {
            let known = paths.entry(path).or_insert_with(|| json!({}));
            let (Value::Object(known), Value::Object(operations)) = (known, operations) else { continue };
            known.extend(operations);
        }
    }
    for (name, members) in closed_sets() {
        schemas[name]["enum"] = members.into();
    }
    for (path, operations) in &mut paths {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            complete(path, method, operation, &groups);
        }
    }
    document["paths"] = paths.into();
    document["components"]["schemas"] = schemas.into();
    document["components"]["responses"]["Problem"]["x-codes"] = groups[ANYWHERE].clone();
    document
}

fn read(file: &str) -> Value {
    let bytes = Files::get(file).expect("the file is embedded").data;
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The object in a field, which is removed; an empty one if there is none.
fn taken(document: &mut Value, field: &str) -> Map<String, Value> {
    match document.as_object_mut().and_then(|fields| fields.remove(field)) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Schemas whose members the program lists.
fn closed_sets() -> [(&'static str, Vec<&'static str>); 4] {
    let mut extensions: BTreeSet<&str> = Profile::all().map(Profile::extension).collect();
    extensions.insert(super::clips::SEGMENT);
    [
        ("Profile", Profile::all().map(Profile::name).collect()),
        ("Extension", extensions.into_iter().collect()),
        ("Lane", Lane::ALL.map(Lane::name).to_vec()),
        ("Opinion", Opinion::ALL.map(Opinion::name).to_vec()),
    ]
}

/// Puts in what the program knows of an operation.
fn complete(path: &str, method: &str, operation: &mut Value, groups: &Map<String, Value>) {
    let is_this = |methods: &[&str]| methods.iter().any(|own| own.eq_ignore_ascii_case(method));
    if let Some(row) = ROWS.iter().find(|row| row.path == path && is_this(row.methods)) {
        operation["summary"] = row.about.into();
    }
    let problems = operation.as_object_mut().and_then(|fields| fields.remove("problems")).unwrap_or_default();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for response in responses.values_mut() {
        let content = match response["content"].as_str() {
            Some("profiles") => files(&[]),
            Some(_) => files(&[SEVERAL_PARTS]),
            None => continue,
        };
        response["content"] = content;
    }
    for (status, codes) in by_status(&problems, groups) {
        let told: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.name(), code.title())).collect();
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({ "description": told.join(" ") }));
        response["content"]["application/problem+json"]["schema"] = json!({ "$ref": "#/components/schemas/Problem" });
        response["x-codes"] = codes.iter().map(|code| code.name()).collect();
    }
    responses.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
}

/// Bytes of every media type that clips have.
fn files(more: &[&str]) -> Value {
    let types: BTreeSet<&str> = Profile::all().map(|profile| plain(profile.media_type())).chain(more.iter().copied()).collect();
    let file = || json!({ "schema": { "type": "string", "format": "binary" } });
    types.into_iter().map(|media_type| (media_type.to_owned(), file())).collect::<Map<_, _>>().into()
}

/// A media type without its parameters.
fn plain(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default()
}

/// The problems of an operation, which are codes or groups of them, by their status.
fn by_status(problems: &Value, groups: &Map<String, Value>) -> Vec<(u16, Vec<Code>)> {
    let names = problems.as_array().into_iter().flatten().filter_map(Value::as_str);
    let each = names.flat_map(|name| match groups.get(name).and_then(Value::as_array) {
        Some(group) => group.iter().filter_map(Value::as_str).collect(),
        None => vec![name],
    });
    let codes: Vec<Code> = each.map(code).collect();
    let statuses: BTreeSet<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.into_iter().map(|status| (status, codes.iter().copied().filter(|code| code.status() == status).collect())).collect()
}

fn code(name: &str) -> Code {
    Code::ALL.iter().copied().find(|code| code.name() == name).unwrap_or_else(|| panic!("`{name}` is no problem"))
}
