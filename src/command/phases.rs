//! How long each phase of `festoon up` takes: told in the log as it ends, and all of them together at last.

use std::{
    borrow::Cow,
    str::FromStr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::terminal::table;

/// The phases that have ended, the first one first.
#[derive(Debug)]
pub struct Phases {
    began: Instant,
    /// What was over by then.
    before: Duration,
    ended: Vec<(Cow<'static, str>, Duration)>,
}

/// A phase that was over when this program started: `built=63`, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    name: String,
    took: Duration,
}

/// Not a phase.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is not a phase: expected a name and whole seconds, `built=63`")]
pub struct BeforeError {
    given: String,
}

impl FromStr for Before {
    type Err = BeforeError;
    fn from_str(text: &str) -> Result<Self, BeforeError> {
        let wrong = || BeforeError { given: text.to_owned() };
        let (name, seconds) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        let seconds: u32 = seconds.parse().map_err(|_| wrong())?;
        Ok(Self { name: name.to_owned(), took: Duration::from_secs(seconds.into()) })
    }
}

impl Phases {
    /// Begins now, after these.
    pub fn begin_after(before: &[Before]) -> Self {
        let mut since = Duration::ZERO;
        let ended = before.iter().map(|Before { name, took }| {
            since += *took;
            (Cow::Owned(name.clone()), since)
        });
        Self { ended: ended.collect(), before: since, began: Instant::now() }
    }

    /// Notes that a phase has ended, and says so in the log.
    pub fn end(&mut self, phase: &'static str) {
        let since = self.before + self.began.elapsed();
        tracing::info!(phase, since_start = %seconds(since), "a phase has ended");
        self.ended.push((Cow::Borrowed(phase), since));
    }

    /// All of them, for a program.
    pub fn answer(&self) -> Value {
        let mut before = 0;
        let mut phase = |(phase, since): &(Cow<'static, str>, Duration)| {
            let since = since.as_millis() as u64;
            let took = since.saturating_sub(std::mem::replace(&mut before, since));
            json!({ "phase": phase, "took_millis": took })
        };
        self.ended.iter().map(&mut phase).collect()
    }

    /// All of them, for a person.
    pub fn text(&self) -> String {
        let mut table = table(&["Phase", "Took", "Since the start"]);
        let mut before = Duration::ZERO;
        for (phase, since) in &self.ended {
            table.add_row([phase.to_string(), seconds(since.saturating_sub(before)), seconds(*since)]);
            before = *since;
        }
        table.to_string()
    }
}

/// A time for people, to a tenth of a second: `7 min 4.2 s`.
fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let (minutes, rest) = (tenths / 600, tenths % 600);
    let seconds = format!("{}.{} s", rest / 10, rest % 10);
    if minutes == 0 { seconds } else { format!("{minutes} min {seconds}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_over_before_is_counted() {
        let before = ["fetched=20", "built=63"].map(|phase| phase.parse().unwrap());
        let mut phases = Phases::begin_after(&before);
        phases.end("server answers");
        let since: Vec<_> = phases.ended.iter().map(|(phase, since)| (phase.as_ref(), since.as_secs() >= 83)).collect();
        assert_eq!(since, [("fetched", false), ("built", true), ("server answers", true)]);
        for wrong in ["built", "=63", "built=a minute", "built=-1"] {
            let error = wrong.parse::<Before>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{wrong}` is not a phase")), "{error}");
        }
    }

    #[test]
    fn times_are_rounded_to_a_tenth_of_a_second() {
        let shown = [0, 49, 50, 8_249, 59_949, 59_950, 424_180].map(|millis| seconds(Duration::from_millis(millis)));
        assert_eq!(shown, ["0.0 s", "0.0 s", "0.1 s", "8.2 s", "59.9 s", "1 min 0.0 s", "7 min 4.2 s"]);
    }
}
