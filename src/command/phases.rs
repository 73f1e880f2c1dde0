//! How long each phase of `festoon up` takes: told in the log as it ends, and all of them together at last.

use std::time::{Duration, Instant};

use super::schedule::table;

/// The phases that have ended, the first one first.
#[derive(Debug)]
pub struct Phases {
    began: Instant,
    ended: Vec<(&'static str, Duration)>,
}

impl Phases {
    /// Begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), ended: Vec::new() }
    }

    /// Notes that a phase has ended, and says so in the log.
    pub fn end(&mut self, phase: &'static str) {
        let since = self.began.elapsed();
        tracing::info!(phase, since_start = %seconds(since), "a phase has ended");
        self.ended.push((phase, since));
    }

    /// Prints all of them.
    pub fn print(&self) {
        let mut table = table(&["Phase", "Took", "Since the start"]);
        let mut before = Duration::ZERO;
        for (phase, since) in &self.ended {
            table.add_row([(*phase).to_owned(), seconds(since.saturating_sub(before)), seconds(*since)]);
            before = *since;
        }
        println!("{table}");
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
    use super::*;

    #[test]
    fn times_are_rounded_to_a_tenth_of_a_second() {
        let shown = [0, 49, 50, 8_249, 59_949, 59_950, 424_180].map(|millis| seconds(Duration::from_millis(millis)));
        assert_eq!(shown, ["0.0 s", "0.0 s", "0.1 s", "8.2 s", "59.9 s", "1 min 0.0 s", "7 min 4.2 s"]);
    }
}
