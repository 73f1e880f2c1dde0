//! What the OpenAPI document says of an answer: every answer that an [`Installation`](crate::installation::Installation) or its
//! renderer reads, in whichever test, is held against it.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::LazyLock};

use festoon::http::openapi_document;
use jsonschema::Validator;
use regex::Regex;
use serde_json::{Value, json};

use crate::installation::Answer;

/// The document, ready to be compared with.
pub struct Interface {
    document: Value,
    paths: Vec<(Regex, String)>,
    /// By path, method, status and media type.
    schemas: BTreeMap<[String; 4], Validator>,
}

/// What the program says of itself.
pub static INTERFACE: LazyLock<Interface> = LazyLock::new(|| Interface::of(openapi_document().clone()));

impl Interface {
    pub fn of(document: Value) -> Self {
        let templates = document["paths"].as_object().unwrap().keys();
        let hole = Regex::new(r"\\\{[a-z]+\\\}").unwrap();
        let pattern = |path: &str| format!("^{}$", hole.replace_all(&regex::escape(path), "[^/]+"));
        let paths = templates.map(|path| (Regex::new(&pattern(path)).unwrap(), path.clone())).collect();
        let mut schemas = BTreeMap::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                        if media_type.ends_with("json") {
                            let at = [path, method, status, media_type].map(|text| text.to_owned());
                            schemas.insert(at, validator(&document, content["schema"].clone()));
                        }
                    }
                }
            }
        }
        let problem = "application/problem+json";
        let everywhere = document["components"]["responses"]["Problem"]["content"][problem]["schema"].clone();
        schemas.insert(["", "", "default", problem].map(str::to_owned), validator(&document, everywhere));
        Self { document, paths, schemas }
    }

    /// An answer, if the document says so.
    pub fn held(&self, method: &str, target: &str, answer: Answer) -> Answer {
        if let Some(complaint) = self.complaint(method, target, &answer) {
            panic!("src/http/openapi is not what is done: {complaint}: {}", answer.text());
        }
        answer
    }

    /// What the document does not say of an answer, if anything. Pages, and addresses of nothing, are not its matter.
    pub fn complaint(&self, method: &str, target: &str, answer: &Answer) -> Option<String> {
        let path = target.split('?').next().unwrap_or_default();
        let method = method.to_lowercase().replace("head", "get");
        let operation = |template: &str| self.document["paths"][template].get(&method);
        let fitting = self.paths.iter().filter(|(pattern, _)| pattern.is_match(path)).map(|(_, template)| template.as_str());
        let (template, operation) = fitting.filter_map(|template| Some((template, operation(template)?))).next()?;
        let whose = format!("{method} {target} is answered {}", answer.status);
        let status = answer.status.to_string();
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
        if media_type == "application/problem+json" {
            let code = answer.json()["code"].clone();
            let codes = |at: &Value| at["x-codes"].as_array().is_some_and(|codes| codes.contains(&code));
            let is_told = codes(&operation["responses"][&status]) || codes(&self.document["components"]["responses"]["Problem"]);
            if !is_told {
                return Some(format!("{whose} with the code {code}, which is not told"));
            }
            let schema = &self.schemas[&["", "", "default", &media_type].map(str::to_owned)];
            return schema.validate(&answer.json()).err().map(|error| format!("{whose}: {error}"));
        }
        let Some(response) = operation["responses"].get(&status) else { return Some(format!("{whose}, which is not told")) };
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = header["$ref"].as_str().and_then(|to| self.document.pointer(&to[1..])).unwrap_or(header);
            if header["required"] == true && answer.header(name).is_empty() {
                return Some(format!("{whose} without {name}"));
            }
        }
        if answer.body.is_empty() {
            return None;
        }
        if response["content"].get(&media_type).is_none() {
            return Some(format!("{whose} with {media_type}, which is not told"));
        }
        let schema = self.schemas.get(&[template, &method, &status, &media_type].map(str::to_owned))?;
        schema.validate(&answer.json()).err().map(|error| format!("{whose}: {error} at `{}`", error.instance_path()))
    }
}

/// A schema of the document. Clients pass over fields that they do not know; here each has to be described.
pub fn validator(document: &Value, schema: Value) -> Validator {
    let mut components = document["components"].clone();
    for component in components["schemas"].as_object_mut().unwrap().values_mut() {
        close(component, false);
    }
    let mut schema = schema;
    close(&mut schema, true);
    let whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": components });
    jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{error}: {whole}"))
}

/// Refuses fields that are not described, where a schema is used; one that is part of another leaves that to it.
fn close(schema: &mut Value, is_whole: bool) {
    let Value::Object(fields) = schema else { return };
    let is_open = fields.contains_key("additionalProperties");
    if is_whole && !is_open && ["properties", "allOf", "$ref"].iter().any(|name| fields.contains_key(*name)) {
        fields.insert("unevaluatedProperties".into(), false.into());
    }
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("allOf", Value::Array(parts)) => parts.iter_mut().for_each(|part| close(part, false)),
            ("oneOf" | "anyOf", Value::Array(choices)) => choices.iter_mut().for_each(|choice| close(choice, true)),
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(|property| close(property, true)),
            ("items" | "additionalProperties", inner) => close(inner, true),
            _ => {}
        }
    }
}
