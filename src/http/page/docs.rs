//! `/docs`: the OpenAPI document as a page: what each address takes and answers, with a command line to copy.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::HtmlEscape;
use serde::Serialize;
use serde_json::Value;

use super::{Frame, Made, answer, visitor::Visitor};
use crate::http::{
    Shared,
    openapi::document,
    problem::{Code, Problem},
    routes::ROWS,
};

#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    version: &'static str,
    /// What the interface is, one paragraph after the other.
    about: Vec<&'static str>,
    areas: Vec<Area>,
    schemas: Vec<Schema>,
    problems: Vec<Told>,
}

/// Addresses that belong together.
#[derive(Debug, Serialize)]
struct Area {
    name: &'static str,
    about: &'static str,
    operations: Vec<Operation>,
}

#[derive(Debug, Serialize)]
struct Operation {
    id: &'static str,
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    about: &'static str,
    needs_token: bool,
    parameters: Vec<Field>,
    body: Option<Body>,
    answers: Vec<Told>,
    /// A command line that asks for it.
    curl: String,
}

#[derive(Debug, Serialize)]
struct Body {
    media_type: &'static str,
    kind: Option<Kind>,
    example: Option<String>,
}

/// A parameter, or a field of an object.
#[derive(Debug, Serialize)]
struct Field {
    name: &'static str,
    /// Where a parameter is sent.
    place: &'static str,
    kind: Kind,
    is_required: bool,
    about: &'static str,
}

/// What a value is.
#[derive(Debug, Serialize)]
struct Kind {
    text: String,
    /// The schema that says more.
    to: Option<&'static str>,
}

/// What a number or a code means.
#[derive(Debug, Serialize)]
struct Told {
    name: String,
    status: Option<u16>,
    about: &'static str,
    media_types: Vec<&'static str>,
    kind: Option<Kind>,
    codes: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Schema {
    name: &'static str,
    about: &'static str,
    kind: Kind,
    fields: Vec<Field>,
}

/// `/docs`
pub async fn docs(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let made = Visitor::of(&request).and_then(|visitor| made(&visitor, &request));
    answer(&request, &shared, "docs", made)
}

fn made(visitor: &Visitor, request: &HttpRequest) -> Result<Made, Problem> {
    let connection = request.connection_info();
    let here = format!("{}://{}", connection.scheme(), connection.host());
    Made::new(Frame::of(visitor, request), "API – festoon".into(), &View::of(&here))
}

impl View {
    fn of(here: &str) -> Self {
        let document = document();
        let area = |tag: &'static Value| Area {
            name: text(&tag["name"]),
            about: text(&tag["description"]),
            operations: operations()
                .filter(|(_, _, own)| own["tags"][0] == tag["name"])
                .map(|own| Operation::of(own, here))
                .collect(),
        };
        let schemas = fields(&document["components"]["schemas"]);
        Self {
            title: text(&document["info"]["summary"]),
            version: text(&document["info"]["version"]),
            about: text(&document["info"]["description"]).split("\n\n").collect(),
            areas: items(&document["tags"]).map(area).collect(),
            schemas: schemas.map(|(name, schema)| Schema::of(name, schema)).collect(),
            problems: Code::ALL.iter().map(Told::of_code).collect(),
        }
    }
}

/// Path, method, and what is said of it, in the order of the routes.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = &document()["paths"];
    let each = ROWS.iter().flat_map(|row| row.methods.iter().map(|method| (row.path, *method)));
    each.filter_map(|(path, method)| Some((path, method, paths.get(path)?.get(method.to_lowercase())?)))
}

impl Operation {
    fn of((path, method, own): (&'static str, &'static str, &'static Value), here: &str) -> Self {
        let parameters: Vec<&'static Value> = items(&own["parameters"]).map(meant).collect();
        let body = fields(&own["requestBody"]["content"]).next();
        let needs_token = own["security"].is_array();
        Self {
            id: text(&own["operationId"]),
            method,
            path,
            summary: text(&own["summary"]),
            about: text(&own["description"]),
            needs_token,
            curl: curl(here, path, method, own, &parameters),
            parameters: parameters.into_iter().map(Field::of_parameter).collect(),
            body: body.map(|(media_type, content)| Body {
                media_type,
                kind: content["schema"].get("$ref").map(|_| Kind::of(&content["schema"])),
                example: content.get("example").map(|example| format!("{example:#}")),
            }),
            answers: fields(&own["responses"]).filter(|(status, _)| *status != "default").map(Told::of_answer).collect(),
        }
    }
}

/// What to type into a terminal. What has no example is a variable of the shell.
fn curl(here: &str, path: &str, method: &str, own: &Value, parameters: &[&Value]) -> String {
    let example = |parameter: &Value| match &parameter["example"] {
        Value::Null => format!("${}", text_of(&parameter["name"]).to_uppercase()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut address = path.to_owned();
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "path") {
        address = address.replace(&format!("{{{}}}", text_of(&parameter["name"])), &example(parameter));
    }
    let is_sent =
        |parameter: &&&Value| parameter["in"] == "query" && (parameter["required"] == true || !parameter["example"].is_null());
    let pairs = parameters.iter().filter(is_sent).flat_map(|parameter| match &parameter["example"] {
        Value::Object(pairs) => pairs.iter().map(|(name, value)| format!("{name}={}", text_of(value))).collect(),
        _ => vec![format!("{}={}", text_of(&parameter["name"]), example(parameter))],
    });
    let pairs: Vec<String> = pairs.collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    let success = &own["responses"]["200"]["content"];
    let how = match method {
        "GET" if success.get("text/event-stream").is_some() => " -N",
        "get"
            if success
                .as_object()
                .is_some_and(|content| content.contains_key("video/mp4") || content.contains_key("image/png")) =>
        {
            " -O"
        }
        "GET" => "",
        "POST" => " -X POST",
        "PUT" => " -X PUT",
        _ => " -X DELETE",
    };
    let mut line = format!("curl{how} \"{here}{address}{query}\"");
    if own["security"].is_array() {
        line += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    for (media_type, content) in own["requestBody"]["content"].as_object().into_iter().flatten() {
        line += &format!(" \\\n  -H 'Content-Type: {media_type}' \\\n  ");
        line += &match content.get("example") {
            Some(example) => format!("-d '{example}'"),
            None => "--data-binary @file".to_owned(),
        };
    }
    line
}

impl Field {
    fn of_parameter(parameter: &'static Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            kind: Kind::of(&parameter["schema"]),
            is_required: parameter["required"] == true,
            about: text(&parameter["description"]),
        }
    }

    /// The fields of an object, those of what it is made of in front.
    fn all_of(schema: &'static Value) -> Vec<Self> {
        let required: Vec<&Value> = items(&schema["required"]).collect();
        let own = fields(&schema["properties"]).map(|(name, property)| Self {
            name,
            place: "",
            kind: Kind::of(property),
            is_required: required.iter().any(|needed| *needed == name),
            about: text(&property["description"]),
        });
        items(&schema["allOf"]).flat_map(|part| Self::all_of(meant(part))).chain(own).collect()
    }
}

impl Kind {
    fn of(schema: &'static Value) -> Self {
        let plain = |text: String| Self { text, to: None };
        if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
            return Self { text: name.to_owned(), to: Some(name) };
        }
        if let Some(inner) = schema.get("items") {
            let inner = Self::of(inner);
            return Self { text: format!("list of {}", inner.text), to: inner.to };
        }
        if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            let inner = Self::of(inner);
            return Self { text: format!("{} by name", inner.text), to: inner.to };
        }
        if let Some(members) = schema["enum"].as_array() {
            return plain(members.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "));
        }
        let choices: Vec<Self> = items(&schema["oneOf"]).map(Self::of).collect();
        if let Some(to) = choices.first().map(|first| first.to) {
            return Self { text: choices.into_iter().map(|choice| choice.text).collect::<Vec<_>>().join(" | "), to };
        }
        match (&schema["const"], &schema["type"]) {
            (Value::String(only), _) => plain(format!("\"{only}\"")),
            (_, Value::String(one)) => plain(one.clone()),
            (_, Value::Array(several)) => plain(several.iter().map(text_of).collect::<Vec<_>>().join(" | ")),
            _ => plain("object".into()),
        }
    }
}

impl Told {
    fn of_answer((status, answer): (&'static str, &'static Value)) -> Self {
        let content = || fields(&answer["content"]);
        let kind = content().map(|(_, content)| &content["schema"]).find(|schema| schema.get("$ref").is_some());
        Self {
            name: status.to_owned(),
            status: None,
            about: text(&answer["description"]),
            media_types: content().map(|(media_type, _)| media_type).collect(),
            kind: kind.map(Kind::of),
            codes: items(&answer["x-codes"]).map(text).collect(),
        }
    }

    fn of_code(code: &Code) -> Self {
        let (name, status) = (code.name().to_owned(), Some(code.status()));
        Self { name, status, about: code.title(), media_types: Vec::new(), kind: None, codes: Vec::new() }
    }
}

impl Schema {
    fn of(name: &'static str, schema: &'static Value) -> Self {
        Self { name, about: text(&schema["description"]), kind: Kind::of(schema), fields: Field::all_of(schema) }
    }
}

/// A sentence of the document, in which what stands between backticks is code.
pub fn prose(sentence: &str) -> minijinja::Value {
    let parts = sentence.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => HtmlEscape(part).to_string(),
        _ => format!("<code>{}</code>", HtmlEscape(part)),
    });
    minijinja::Value::from_safe_string(parts.collect())
}

/// A [`Kind`], with a link to the schema that says more.
pub fn kind(kind: minijinja::Value) -> Result<minijinja::Value, minijinja::Error> {
    let (text, to) = (kind.get_attr("text")?, kind.get_attr("to")?);
    let text = format!("<code>{}</code>", HtmlEscape(text.as_str().unwrap_or_default()));
    Ok(minijinja::Value::from_safe_string(match to.as_str() {
        Some(to) => format!("<a href=\"#{}\">{text}</a>", HtmlEscape(to)),
        None => text,
    }))
}

/// What a reference of the document means.
fn meant(value: &'static Value) -> &'static Value {
    let to = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    to.and_then(|to| document().pointer(to)).unwrap_or(value)
}

fn fields(object: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn items(list: &'static Value) -> impl Iterator<Item = &'static Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap_or_default()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
