//! Feasts, the plan and the campaigns.
#![allow(clippy::unwrap_used)]

mod feasts;
mod plan;
mod tick;
