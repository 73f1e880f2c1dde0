//! Falling snow in depth.
use super::{Actor, Casting};
use crate::{camera::Shot, canvas::Canvas};
pub(super) struct Snow;
impl Snow {
    pub(super) fn new(_casting: Casting) -> Self {
        Self
    }
}
impl Actor for Snow {
    fn play(&self, _shot: &Shot, _canvas: &mut Canvas) {}
}
