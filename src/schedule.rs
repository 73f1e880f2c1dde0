//! Decides what is painted ahead of time, and when.
//!
//! A [feast](Feast) is a movable date per region; a template's pre-render rule says how long before it which plates must be
//! ready. Together they make a [`Schedule`]; the [`Planner`] enumerates its [`occurrences`] and places them through
//! [`Orders`]; a minute [`Ticker`] drives it. Planning twice, late, by two planners or under a clock that jumps is harmless: an
//! occurrence has a key, and a key is placed once.
//!
//! Nothing here paints, waits or knows the queue.

mod agenda;
mod easter;
mod feast;
mod feast_file;
mod lunar;
mod occurrence;
mod orders;
mod planner;
mod preview;
mod rule;
mod state;
mod ticker;
mod zone;

pub use agenda::{Agenda, schedules};
pub use feast::{Feast, FeastDay, Feasts, FeastsError, UnknownDate, YEARS, region_of};
pub use occurrence::{Dates, Due, Found, Occurrence, Schedule, UnknownFeast, Wanted, due, occurrences, shown};
pub use orders::{OrderError, Orders, PlannedPlate};
pub use planner::{Planner, Settings, Tick};
pub use preview::{Preview, PreviewDay, PreviewRule, preview};
pub use state::{CLAIM_MILLIS, Claim, FileState, PlannerState, Remembered, StateError};
pub use ticker::{Guard, Run, Ticker, TickerError};
pub use zone::{instant, today_in, zone_of};
