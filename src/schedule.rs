//! When what is painted ahead of time.
//!
//! A [feast](Feast) is a movable date per region; a template's pre-render rule says how long before it which plates must be
//! ready. The planner turns both into occurrences and places them through [`Orders`]; a minute
//! ticker drives it. Planning twice, late, by two planners or under a clock that jumps is harmless: an occurrence has a
//! key, and a key is placed once.
//!
//! Nothing here paints, waits or knows the queue.

mod easter;
mod feast;
mod feast_file;
mod lunar;
mod mistake;
mod orders;
mod rule;

pub use feast::{Feast, FeastDay, Feasts, FeastsError, UnknownDate, YEARS, region_of};
pub use mistake::Mistake;
pub use orders::{OrderError, Orders, PlannedPlate};
