//! `/operator/review`: plates that the gate doubts, with the frames and the numbers that it doubts, to be approved, rejected or
//! painted anew.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use chrono::{DateTime, SecondsFormat, Utc};
use festoon_film::{BRIGHT_SHARE, Measured, NOISE_VARIANCE, STILL_DIFFERENCE};
use festoon_spec::{Media, Profile, Reason, RenderKey, Scene, UnixMillis, Verdict};
use serde::Serialize;

use super::{
    Made,
    operator::{self, Desk},
    submitted::Submitted,
};
use crate::{
    decision::{Decision, LONGEST_NOTE},
    edge::{Edge, Waiting},
    http::{
        Shared,
        delivery::Described,
        problem::{Code, Problem},
        reviews::{MOST_DECIDED, Wish},
        stream,
    },
};

/// Plates on one page: each is decoded to be measured.
const MOST_CARDS: usize = 6;
/// Decisions that are listed below.
const MOST_DECISIONS: usize = 20;
/// Stretches of a plate, from each of which one frame is shown.
const STRETCHES: usize = 4;
/// Size of a plot, in its own units.
const PLOT: (f64, f64) = (320.0, 80.0);
/// Bytes of a form: a key and its field's name for each plate, and a note.
const FORM_BYTES: usize = MOST_DECIDED * 80 + LONGEST_NOTE * 12 + 4096;

#[derive(Debug, Serialize)]
struct View {
    cards: Vec<Card>,
    /// Plates that wait and are not shown.
    more: usize,
    /// Whether it is about one plate only.
    single: bool,
    decided: Vec<Decided>,
    longest_note: usize,
    /// This page.
    here: String,
}

/// A plate to look at.
#[derive(Debug, Serialize)]
struct Card {
    key: RenderKey,
    short: String,
    template: String,
    /// The template's page.
    href: String,
    /// What the painter was told.
    told: Option<String>,
    take: u32,
    width: u32,
    height: u32,
    seconds: f64,
    film: String,
    verdict: &'static str,
    reasons: Vec<Reason>,
    made_at: String,
    renderer: String,
    spent_seconds: u64,
    wanted_by: Vec<String>,
    frames: Vec<Frame>,
    plots: Vec<Plot>,
    decision: Option<Decided>,
}

/// A picture of a plate.
#[derive(Debug, Serialize)]
struct Frame {
    href: String,
    /// Seconds from the beginning.
    at: String,
}

/// A number over time.
#[derive(Debug, Serialize)]
struct Plot {
    name: &'static str,
    /// Whether the gate doubts the plate for it.
    doubted: bool,
    /// Points of a line in an SVG.
    points: String,
    /// Where the limit is, and what it is.
    limit: Option<(f64, String)>,
    highest: String,
    highest_at: String,
    lowest: String,
    /// Where the frames are that are shown.
    marks: Vec<f64>,
    width: f64,
    height: f64,
}

/// What was decided.
#[derive(Debug, Serialize)]
struct Decided {
    plate: RenderKey,
    short: String,
    href: String,
    template: String,
    ruling: &'static str,
    note: String,
    by: String,
    at: String,
}

/// `GET /operator/review`
pub async fn review(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    operator::answer(&request, &shared, "review", listed(&request, &shared).await)
}

/// `GET /operator/review/{plate}`
pub async fn reviewed(request: HttpRequest, shared: web::Data<Shared>, key: web::Path<String>) -> HttpResponse {
    operator::answer(&request, &shared, "review", one(&request, &shared, &key).await)
}

/// `POST /operator/review`
pub async fn decide(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> HttpResponse {
    operator::done(&request, &shared, decided(&request, &shared, payload).await)
}

/// `GET /operator/review/{plate}/plate.mp4`
pub async fn film(request: HttpRequest, shared: web::Data<Shared>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    operator::admit(&request, &shared)?;
    let (blob, loaded) = shared.edge.film_of_plate(&read(&key)?).await?;
    let kept = vec![(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"))];
    let described = Described::new(blob, Profile::Mp4.media_type(), kept);
    stream::answer_blob(&request, &shared, loaded, described).await
}

/// `GET /operator/review/{plate}/frames/{frame}.jpg`
pub async fn frame(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    operator::admit(&request, &shared)?;
    let (key, frame) = path.into_inner();
    let frame = frame.parse().map_err(|_| Problem::new(Code::UnknownEntry, "frames have numbers"))?;
    let picture = shared.edge.frame_of_plate(&read(&key)?, frame).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .content_type("image/jpeg")
        .body(picture))
}

fn read(key: &str) -> Result<RenderKey, Problem> {
    key.parse().map_err(|error| Problem::new(Code::UnknownEntry, format!("{error}")))
}

async fn decided(request: &HttpRequest, shared: &Shared, payload: web::Payload) -> Result<String, Problem> {
    operator::admit_act(request, shared)?;
    let form = Submitted::read(request, shared, payload, FORM_BYTES).await?;
    Wish::of(form.all("plate"), form.one("judgement"), form.one("note"))?.decide(shared).await?;
    Ok(form.one("to").to_owned())
}

async fn listed(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let (waiting, count) = shared.edge.to_review(MOST_CARDS).await?;
    let more = count - waiting.len();
    let cards = futures_util::future::join_all(waiting.into_iter().map(|waiting| Card::of(shared, &desk, waiting))).await;
    let decided = shared.edge.decisions().latest(MOST_DECISIONS);
    let decided = decided.iter().map(|decision| Decided::of(decision, &desk)).collect();
    let here = desk.visitor.link("/operator/review", &[]);
    desk.made("review", &View { cards, more, single: false, decided, longest_note: LONGEST_NOTE, here })
}

async fn one(request: &HttpRequest, shared: &Shared, key: &str) -> Result<Made, Problem> {
    let desk = operator::admit(request, shared)?;
    let key = read(key)?;
    let waiting = shared.edge.plate_to_review(&key).await?;
    let waiting = waiting.ok_or_else(|| Problem::new(Code::UnknownEntry, format!("the plate {key} is not kept here")))?;
    let cards = vec![Card::of(shared, &desk, waiting).await];
    let here = desk.visitor.link(&path_of(&key), &[]);
    desk.made("review", &View { cards, more: 0, single: true, decided: Vec::new(), longest_note: LONGEST_NOTE, here })
}

/// The page of a plate.
pub fn path_of(key: &RenderKey) -> String {
    format!("/operator/review/{key}")
}

fn moment(at: UnixMillis) -> String {
    let at = i64::try_from(at.0).ok().and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC);
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Decided {
    fn of(decision: &Decision, desk: &Desk) -> Self {
        Self {
            plate: decision.plate,
            short: decision.plate.short().to_string(),
            href: desk.visitor.link(&path_of(&decision.plate), &[]),
            template: decision.template.to_string(),
            ruling: decision.ruling.name(),
            note: decision.note.clone(),
            by: decision.by.clone(),
            at: moment(decision.at),
        }
    }
}

impl Card {
    async fn of(shared: &Shared, desk: &Desk, waiting: Waiting) -> Self {
        let edge: &Edge = &shared.edge;
        let Waiting { entry, manifest, wanted_by } = &waiting;
        let (verdict, reasons) = match &entry.verdict {
            Verdict::Passed => ("passed", Vec::new()),
            Verdict::Flagged { reasons } => ("flagged", reasons.clone()),
            Verdict::Failed { reasons } => ("failed", reasons.clone()),
        };
        let media = &entry.media;
        let measured = edge.measured(entry).await;
        let measured: &[Measured] = measured.as_ref().map_or(&[], |measured| measured.as_slice());
        let shown = shown_frames(&reasons, measured, media.frames);
        let spec = waiting.spec();
        let template = spec.map(|spec| spec.template.to_string()).unwrap_or_default();
        let path = path_of(&entry.key);
        let frames = shown.iter().map(|frame| Frame { href: format!("{path}/frames/{frame}.jpg"), at: second(*frame, media) });
        Self {
            key: entry.key,
            short: entry.key.short().to_string(),
            href: desk.visitor.link(&format!("/t/{template}"), &[]),
            template,
            told: spec.and_then(|spec| match &spec.scene {
                Scene::Wan(wan) => Some(wan.prompt.clone()),
                Scene::Motion(_) => None,
            }),
            take: spec.map_or(0, |spec| spec.variation) + 1,
            width: media.width,
            height: media.height,
            seconds: f64::from(media.frames) / f64::from(media.fps.max(1)),
            film: format!("{path}/plate.mp4"),
            verdict,
            made_at: moment(entry.made_at),
            renderer: manifest.outcome.renderer.name.clone(),
            spent_seconds: manifest.outcome.timings.values().sum::<u64>() / 1000,
            wanted_by: wanted_by.iter().cloned().collect(),
            frames: frames.collect(),
            plots: SERIES.iter().filter_map(|series| series.plot(&reasons, measured, media, &shown)).collect(),
            decision: edge.decisions().of(&entry.key).map(|decision| Decided::of(&decision, desk)),
            reasons,
        }
    }
}

/// One of the numbers of frames.
struct Series {
    name: &'static str,
    /// The finding of the gate that it decides.
    code: &'static str,
    of: fn(&Measured) -> f64,
    /// Which side of it is doubtful is plain from the gate's finding.
    limit: Option<f64>,
    written: fn(f64) -> String,
}

const SERIES: [Series; 4] = [
    Series {
        name: "noise",
        code: "noise",
        of: |frame| frame.noise,
        limit: Some(NOISE_VARIANCE),
        written: |value| format!("{value:.0}"),
    },
    Series {
        name: "bright",
        code: "blown-out",
        of: |frame| frame.bright,
        limit: Some(BRIGHT_SHARE),
        written: |value| format!("{:.0} %", value * 100.0),
    },
    Series {
        name: "change",
        code: "frozen",
        of: |frame| frame.change,
        limit: Some(STILL_DIFFERENCE),
        written: |value| format!("{value:.2}"),
    },
    Series { name: "light", code: "black", of: |frame| frame.light, limit: None, written: |value| format!("{value:.0}") },
];

/// The frames that the gate doubts most, one from each stretch of the plate; without a doubt one from the middle of each.
fn shown_frames(reasons: &[Reason], measured: &[Measured], frames: u32) -> Vec<u32> {
    let doubted = SERIES.iter().find(|series| reasons.iter().any(|reason| reason.code == series.code));
    let stretches = STRETCHES.min(frames as usize).max(1);
    let bounds = |stretch: usize| (frames as usize * stretch / stretches, frames as usize * (stretch + 1) / stretches);
    let worst = |series: &Series, (from, to): (usize, usize)| {
        let values = measured.get(from..to)?.iter().map(series.of);
        values.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(at, value)| ((from + at) as u32, value))
    };
    if let Some(series) = doubted.filter(|_| measured.len() == frames as usize && frames > 0) {
        let mut found: Vec<(u32, f64)> = (0..stretches).filter_map(|stretch| worst(series, bounds(stretch))).collect();
        let is_over = |value: f64| series.limit.is_none_or(|limit| value > limit);
        if found.iter().any(|(_, value)| is_over(*value)) {
            found.retain(|(_, value)| is_over(*value));
        }
        return found.into_iter().map(|(frame, _)| frame).collect();
    }
    (0..stretches).map(bounds).map(|(from, to)| ((from + to) / 2) as u32).filter(|frame| *frame < frames).collect()
}

fn second(frame: u32, media: &Media) -> String {
    format!("{:.2}", f64::from(frame) / f64::from(media.fps.max(1)))
}

impl Series {
    /// `None` without numbers.
    fn plot(&self, reasons: &[Reason], measured: &[Measured], media: &Media, shown: &[u32]) -> Option<Plot> {
        let values: Vec<f64> = measured.iter().map(self.of).collect();
        let (at, highest) = values.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1))?;
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let (width, height) = PLOT;
        // Room above the line and the limit.
        let top = highest.max(self.limit.unwrap_or(0.0)).max(f64::MIN_POSITIVE) * 1.1;
        let across = |frame: usize| width * frame as f64 / (values.len().max(2) - 1) as f64;
        let down = |value: f64| height * (1.0 - value / top);
        let points = values.iter().enumerate().map(|(frame, value)| format!("{:.1},{:.1}", across(frame), down(*value)));
        Some(Plot {
            name: self.name,
            doubted: reasons.iter().any(|reason| reason.code == self.code),
            points: points.collect::<Vec<_>>().join(" "),
            limit: self.limit.map(|limit| (down(limit), (self.written)(limit))),
            highest: (self.written)(highest),
            highest_at: second(at as u32, media),
            lowest: (self.written)(lowest),
            marks: shown.iter().map(|frame| across(*frame as usize)).collect(),
            width,
            height,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(values: &[f64]) -> Vec<Measured> {
        values.iter().map(|noise| Measured { noise: *noise, ..Measured::default() }).collect()
    }

    fn reason(code: &str) -> Vec<Reason> {
        vec![Reason { code: code.into(), detail: String::new() }]
    }

    #[test]
    fn the_frames_that_are_shown_are_those_that_the_gate_doubts_most() {
        let over = NOISE_VARIANCE * 2.0;
        let measured = noisy(&[1.0, over, 2.0, 3.0, over, over * 2.0, 0.0, 5.0]);
        assert_eq!(shown_frames(&reason("noise"), &measured, 8), [1, 5], "one of each stretch that has some");
        assert_eq!(
            shown_frames(&reason("noise"), &noisy(&[1.0, 2.0, 3.0, 1.0]), 4),
            [0, 1, 2, 3],
            "encoding took the noise away"
        );
        assert_eq!(shown_frames(&reason("another"), &measured, 8), [1, 3, 5, 7]);
        assert_eq!(shown_frames(&reason("noise"), &[], 8), [1, 3, 5, 7], "nothing was measured");
        assert_eq!(shown_frames(&[], &[], 1), [0]);
    }
}
