//! Orders what is missing and follows it to its end, with a bar: what, how far, how long still.

use std::{
    collections::{BTreeMap, VecDeque},
    io::IsTerminal,
    time::{Duration, Instant},
};

use festoon_spec::{RenderKey, Stage};

use super::{
    State,
    client::{Client, ClientError, Ordered, Status, Ticket},
};
use crate::{campaign::Cell, command::terminal::Progress};

/// Tickets are looked at this often, a few at a time.
const LOOK: Duration = Duration::from_millis(500);
/// How many.
const AT_A_TIME: usize = 16;
/// A server that was there and does not answer this often in a row is given up; a restart takes less.
const PATIENCE: u32 = 60;

/// Paints the cells that are to be painted; says of each what became of it, and tells `ready` of each that can be shown as soon
/// as it is known.
///
/// # Errors
/// If the server is not there, or goes away for longer than a restart takes. What was ordered stays ordered.
pub async fn paint(
    client: &Client,
    cells: &[Cell],
    states: BTreeMap<RenderKey, State>,
    ready: &mut dyn FnMut(&Cell),
) -> Result<BTreeMap<RenderKey, State>, ClientError> {
    let to_paint: VecDeque<&Cell> = cells.iter().filter(|cell| states.get(&cell.key) == Some(&State::ToPaint)).collect();
    if to_paint.is_empty() {
        return Ok(states);
    }
    let bar = Progress::of_time("painting", to_paint.iter().map(|cell| cell.cost_millis).sum());
    let all = to_paint.len();
    let mut round = Round { client, states, all, waiting: to_paint, open: VecDeque::new(), done_millis: 0, bar, ready };
    let mut failures = 0;
    while !(round.waiting.is_empty() && round.open.is_empty()) {
        let pause = match round.go().await {
            Ok(pause) => {
                failures = 0;
                pause
            }
            Err(error @ ClientError::Unreachable { .. }) if round.has_met() && failures < PATIENCE => {
                failures += 1;
                round.bar.say(format!("waiting: {error}"));
                2 * LOOK
            }
            Err(error) => return Err(error),
        };
        if !(round.waiting.is_empty() && round.open.is_empty()) {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(round.states)
}

/// What is not at its end yet.
struct Round<'a> {
    client: &'a Client,
    states: BTreeMap<RenderKey, State>,
    all: usize,
    /// Not ordered yet.
    waiting: VecDeque<&'a Cell>,
    /// Ordered; the one not looked at for longest in front.
    open: VecDeque<(&'a Cell, Ticket)>,
    /// Forecast of what is at its end.
    done_millis: u64,
    bar: Progress,
    /// Is told of what can be shown.
    ready: &'a mut dyn FnMut(&Cell),
}

impl<'a> Round<'a> {
    /// Whether the server has answered before.
    fn has_met(&self) -> bool {
        !self.open.is_empty() || self.waiting.len() < self.all
    }

    /// Orders what the server takes, looks at some tickets, and says how long to wait before the next round.
    async fn go(&mut self) -> Result<Duration, ClientError> {
        let until = Instant::now() + LOOK;
        let mut pause = LOOK;
        while let Some(cell) = self.waiting.front().copied() {
            let ended = match self.client.order(&cell.picks[0]).await? {
                Ordered::Later { wait } => {
                    if self.open.is_empty() {
                        pause = wait;
                    }
                    break;
                }
                Ordered::Ready { plate } => Some(same(cell, plate).map_or(State::Kept, |reason| State::Failed { reason })),
                Ordered::Refused { reason } => Some(State::Failed { reason }),
                Ordered::Promised(ticket) => match same(cell, ticket.plate) {
                    Some(reason) => Some(State::Failed { reason }),
                    None => {
                        self.open.push_back((cell, ticket));
                        None
                    }
                },
            };
            self.waiting.pop_front();
            if let Some(state) = ended {
                self.end(cell, state);
            }
            if Instant::now() > until {
                // Many orders take a while: show in between how the first ones do.
                break;
            }
        }
        for _ in 0..self.open.len().min(AT_A_TIME) {
            let Some((cell, earlier)) = self.open.front().map(|(cell, ticket)| (*cell, ticket.clone())) else { break };
            let ticket = self.client.ticket(&earlier.id).await?;
            self.open.pop_front();
            match ticket {
                None => self.end(cell, State::Failed { reason: "the server has forgotten the order".to_owned() }),
                Some(ticket) => match ticket.status {
                    Status::Queued | Status::Painting => self.open.push_back((cell, ticket)),
                    Status::Done => self.end(cell, State::Painted),
                    Status::Failed => {
                        let reason = ticket.reason.unwrap_or_else(|| "the server does not say why".to_owned());
                        self.end(cell, State::Failed { reason });
                    }
                    Status::Cancelled => self.end(cell, State::Failed { reason: "somebody called it off".to_owned() }),
                },
            }
        }
        self.show();
        Ok(pause)
    }

    fn end(&mut self, cell: &Cell, state: State) {
        self.done_millis += cell.cost_millis;
        if !std::io::stderr().is_terminal() {
            let what = match &state {
                State::Failed { reason } => format!("failed ({reason})"),
                State::Painted => "painted".to_owned(),
                State::Kept | State::ToPaint => "kept".to_owned(),
            };
            let left = self.waiting.len() + self.open.len();
            let number = self.all - left.min(self.all);
            eprintln!("{number} of {}: {} {} {what}", self.all, cell.picks[0].template, cell.picks[0].locale);
        }
        if matches!(state, State::Painted | State::Kept) {
            (self.ready)(cell);
        }
        self.states.insert(cell.key, state);
    }

    fn show(&self) {
        let (mut position, mut now) = (self.done_millis, Vec::new());
        for (cell, ticket) in &self.open {
            let Some(progress) = ticket.progress.filter(|_| ticket.status == Status::Painting) else { continue };
            position += cell.cost_millis * u64::from(progress.permille.min(1000)) / 1000;
            now.push(format!("{} {} ({})", cell.picks[0].template, cell.picks[0].locale, stage(progress.stage)));
        }
        let ended = self.all - self.waiting.len() - self.open.len();
        let now = if now.is_empty() { "waiting for a renderer".to_owned() } else { now.join(", ") };
        self.bar.at(position);
        self.bar.say(format!("{ended} of {} plates, {now}", self.all));
    }
}

/// Why the plate is another one than was asked for.
fn same(cell: &Cell, plate: RenderKey) -> Option<String> {
    (plate != cell.key).then(|| {
        format!("the server makes plate {} of it: it has other templates, models or encoders than this folder", plate.short())
    })
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "reading the model",
        Stage::Text => "reading the prompt",
        Stage::Denoise => "denoising",
        Stage::Decode => "decoding",
        Stage::Paint => "painting",
        Stage::Encode => "encoding",
        Stage::HandIn => "handing in",
    }
}
