//! What somebody has to look at, and what they decide: for whoever runs the installation.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::{RenderKey, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared, body, leases,
    problem::{Code, Problem},
};
use crate::{
    decision::{Decision, LONGEST_NOTE, Ruling},
    edge::{Judgement, Waiting},
};

/// Plates that are told of at once.
const MOST_TOLD: usize = 100;
/// Plates that one decision may be about.
pub const MOST_DECIDED: usize = 1_000;
/// Who decides: whoever has the installation's token.
pub const OPERATOR: &str = "operator";

/// The body of `POST /v1/reviews`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    plates: Vec<String>,
    judgement: String,
    #[serde(default)]
    note: String,
}

/// A decision as somebody asks for it.
#[derive(Debug)]
pub struct Wish {
    plates: BTreeSet<RenderKey>,
    judgement: Judgement,
    note: String,
}

impl Wish {
    /// Reads one.
    ///
    /// # Errors
    /// `bad-body`, which names the field.
    pub fn of<'a>(plates: impl IntoIterator<Item = &'a str>, judgement: &str, note: &str) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(Code::BadBody, detail);
        let judgement = Judgement::of(judgement).ok_or_else(|| {
            let given: String = judgement.chars().take(40).collect();
            wrong(format!("`judgement` is `{given}`: expected `approve`, `reject` or `repaint`"))
        })?;
        let mut keys = BTreeSet::new();
        for plate in plates {
            let given: String = plate.chars().take(80).collect();
            keys.insert(plate.parse().map_err(|error| wrong(format!("`plates` has `{given}`: {error}")))?);
        }
        if keys.is_empty() || keys.len() > MOST_DECIDED {
            return Err(wrong(format!("`plates` names 1 to {MOST_DECIDED} plates")));
        }
        let note = note.trim();
        if note.chars().count() > LONGEST_NOTE {
            return Err(wrong(format!("`note` has at most {LONGEST_NOTE} characters")));
        }
        Ok(Self { plates: keys, judgement, note: note.to_owned() })
    }

    /// Has it count.
    ///
    /// # Errors
    /// As [`Edge::decide`](crate::edge::Edge::decide).
    pub async fn decide(self, shared: &Shared) -> Result<Vec<Decision>, Problem> {
        Ok(shared.edge.decide(self.plates, self.judgement, self.note, OPERATOR.into()).await?)
    }
}

/// `GET /v1/reviews`
pub async fn reviews(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let (waiting, count) = shared.edge.to_review(MOST_TOLD).await?;
    let waiting: Vec<Value> = waiting.iter().map(described).collect();
    let decided: Vec<Value> = shared.edge.decisions().latest(MOST_TOLD).iter().map(|decision| told(decision)).collect();
    Ok(answer(&json!({ "count": count, "waiting": waiting, "decided": decided })))
}

/// `POST /v1/reviews`
pub async fn decide(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    leases::admit(&request, &shared)?;
    let asked: Asked = body::read_json(&request, payload, &shared.config.limits).await?;
    let wish = Wish::of(asked.plates.iter().map(String::as_str), &asked.judgement, &asked.note)?;
    let decided: Vec<Value> = wish.decide(&shared).await?.iter().map(told).collect();
    Ok(answer(&json!({ "decided": decided })))
}

fn answer(document: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(document)
}

fn described(waiting: &Waiting) -> Value {
    let reasons = match &waiting.entry.verdict {
        Verdict::Passed => &[][..],
        Verdict::Flagged { reasons } | Verdict::Failed { reasons } => reasons,
    };
    json!({
        "plate": waiting.entry.key,
        "template": waiting.spec().map(|spec| &spec.template),
        "reasons": reasons,
        "made_at": waiting.entry.made_at,
        "wanted_by": waiting.wanted_by,
    })
}

fn told(decision: &Decision) -> Value {
    let by = match &decision.ruling {
        Ruling::Repainted(replacement) => Some(replacement.by),
        _ => None,
    };
    json!({
        "plate": decision.plate,
        "template": decision.template,
        "ruling": decision.ruling.name(),
        "in_its_place": by,
        "note": decision.note,
        "by": decision.by,
        "at": decision.at,
    })
}
