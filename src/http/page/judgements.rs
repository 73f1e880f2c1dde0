//! `/operator/takes`: what people say of takes, for authors: which prompts fail, and which takes are liked.

use actix_web::{HttpRequest, HttpResponse, web};
use festoon_spec::Locale;
use serde::Serialize;

use super::{Made, operator};
use crate::{
    http::{Shared, problem::Problem},
    opinion::{Heard, Opinion, Tally, score},
};

/// Topics that are shown, those that fail most in front.
const MOST: usize = 200;

#[derive(Debug, Serialize)]
struct View {
    topics: Vec<Topic>,
    /// Topics that are not shown.
    hidden: usize,
}

#[derive(Debug, Serialize)]
struct Topic {
    template: String,
    href: String,
    locale: Locale,
    told: String,
    liked: u64,
    turned_down: u64,
    takes: Vec<Take>,
}

#[derive(Debug, Serialize)]
struct Take {
    number: u32,
    score: u32,
    /// How often each thing was said.
    said: Vec<(&'static str, u32)>,
}

/// `/operator/takes`
pub async fn judgements(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    operator::answer(&request, &shared, "takes", made(&request, &shared))
}

fn made(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let heard = shared.edge.opinions();
    let topics = heard.iter().take(MOST).map(|heard| {
        let path = format!("/t/{}", heard.topic.template);
        Topic::of(heard, desk.visitor.link(&path, &[("locale", heard.topic.locale.as_str())]))
    });
    let view = View { topics: topics.collect(), hidden: heard.len().saturating_sub(MOST) };
    desk.made("opinions", &view)
}

impl Topic {
    fn of(heard: &Heard, href: String) -> Self {
        let (liked, turned_down) = heard.sum();
        let mut takes: Vec<Take> = heard.takes.iter().map(|(number, tally)| Take::of(*number, tally)).collect();
        takes.sort_by_key(|take| (std::cmp::Reverse(take.score), take.number));
        let topic = &heard.topic;
        let (template, locale, told) = (topic.template.to_string(), topic.locale.clone(), topic.told.clone());
        Self { template, href, locale, told, liked, turned_down, takes }
    }
}

impl Take {
    fn of(number: u32, tally: &Tally) -> Self {
        let said = Opinion::ALL.into_iter().filter_map(|opinion| Some((opinion.name(), *tally.get(&opinion)?)));
        Self { number, score: score(tally), said: said.collect() }
    }
}
