//! Campaigns: what is painted ahead because somebody said so, with a budget.

mod costs;
mod matrix;

pub use costs::{Costs, Defaults};
pub use matrix::{Cell, Matrix, Sum, Unresolved};
