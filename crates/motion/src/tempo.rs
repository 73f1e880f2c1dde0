//! Time in a scene, and how to make everything in it come round.

use crate::{
    curve::{fade, fraction, mix, ramp, sine},
    dice::Dice,
    shutter::Turn,
};

/// One instant of a scene of a given length.
///
/// In a looped scene every motion made with these methods is the same one length later: rates are rounded to whole cycles
/// per length, and a life longer than the scene is shared by several things, each of which ends where the next began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// Seconds since the first frame.
    pub(crate) seconds: f64,
    /// Seconds of the whole scene.
    pub(crate) length: f64,
    pub(crate) looped: bool,
    /// Is told whose turn it is whenever a life is drawn from [`Moment::lives`].
    pub(crate) turn: &'a Turn,
}

/// One of the things that come and go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// Whose dice to throw: two lives of one number look the same.
    pub(crate) number: u64,
    /// 0 at birth, 1 at death.
    pub(crate) age: f32,
    /// How much of it is seen, 0 to 1: see [`Moment::glimpses`].
    pub(crate) shown: f32,
}

impl Moment<'_> {
    /// Cycles since the first frame at about `rate` cycles a second, plus `offset` cycles.
    pub(crate) fn cycles(&self, rate: f32, offset: f32) -> f32 {
        let rate = f64::from(rate);
        let whole = if self.looped { (rate * self.length).round() / self.length } else { rate };
        // Taken modulo a whole number in f64, so that a long scene keeps its fine steps in f32.
        ((self.seconds * whole + f64::from(offset)).rem_euclid(1024.0)) as f32
    }

    /// As [`Moment::cycles`], but at least once round in a loop, so that what is slow does not stand still there.
    pub(crate) fn rounds(&self, rate: f32, offset: f32) -> f32 {
        self.cycles(if self.looped { rate.max(0.51 / self.length as f32) } else { rate }, offset)
    }

    /// A sine of about `rate` cycles a second.
    pub(crate) fn wave(&self, rate: f32, offset: f32) -> f32 {
        sine(self.rounds(rate, offset))
    }

    /// A smooth wander in -1..1 at about `rate` hills a second.
    pub(crate) fn wander(&self, dice: Dice, rate: f32) -> f32 {
        if !self.looped {
            return dice.hills((self.seconds * f64::from(rate)) as f32);
        }
        let hills = (f64::from(rate) * self.length).round().max(2.0);
        let place = (self.seconds / self.length).rem_euclid(1.0) * hills;
        let at = |hill: f64| dice.hand((hill % hills) as u64).spread(1.0);
        mix(at(place.floor()), at(place.floor() + 1.0), ramp(0.0, 1.0, (place - place.floor()) as f32))
    }

    /// What is alive of about `count` things that each live about `length` seconds.
    pub(crate) fn lives(self, dice: Dice, count: usize, length: f32) -> impl Iterator<Item = Life> {
        let wanted = f64::from(length).max(1.0 / 64.0);
        // In a loop a long life is shared by things that follow one another, a short one is lived several times over.
        let (shared, rounds) = match self.looped {
            false => (1, 0.0),
            true if wanted >= self.length => ((wanted / self.length).round() as u64, 1.0),
            true => (1, (self.length / wanted).round()),
        };
        let length = if self.looped { self.length * shared as f64 / rounds } else { wanted };
        let lanes = (count as u64).div_ceil(shared);
        let lives = (0..lanes * shared).map(move |index| {
            let (lane, follower) = (index / shared, index % shared);
            let start = f64::from(dice.hand(lane).unit()) + follower as f64 / shared as f64;
            let place = self.seconds / length + start;
            let generation = if self.looped { place.floor().rem_euclid(rounds) } else { place.floor() };
            let age = place - place.floor();
            let number = lane + lanes * generation as u64;
            self.turn.pass_to(dice.name(number));
            Life { number, age: age as f32, shown: 1.0 }
        });
        // What is painted after the last life does not belong to it.
        let end = std::iter::from_fn(move || {
            self.turn.pass_to(dice.name(u64::MAX));
            None
        });
        lives.chain(end)
    }

    /// What is alive, as [`Moment::lives`] has it, of things that may live much longer than a loop. There they would follow one
    /// another on the same way, all alike, as beads on a string. So each shows a part of its life in place of the whole, and
    /// comes and goes as [`Life::shown`] says, which who paints it has to heed.
    pub(crate) fn glimpses(self, dice: Dice, count: usize, length: f32) -> impl Iterator<Item = Life> {
        let wanted = f64::from(length);
        let (whole, glimpsed) = if self.looped && wanted > 1.5 * self.length { (0, count) } else { (count, 0) };
        let glimpse = move |number: u64| {
            let mut hand = dice.hand(number);
            let place = (self.seconds / self.length + f64::from(hand.unit())).rem_euclid(1.0);
            let part = self.length / wanted;
            let age = f64::from(hand.unit()) * (1.0 - part) + place * part;
            self.turn.pass_to(dice.name(number));
            Life { number, age: age as f32, shown: fade(place as f32, 0.2) }
        };
        let end = std::iter::from_fn(move || {
            self.turn.pass_to(dice.name(u64::MAX));
            None
        });
        self.lives(dice, whole, length).chain((0..glimpsed as u64).map(glimpse)).chain(end)
    }

    /// How far through the scene, 0 to 1.
    pub(crate) fn progress(&self) -> f32 {
        fraction((self.seconds / self.length) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glimpses(seconds: f64, looped: bool, lasting: f32) -> Vec<Life> {
        let turn = Turn::default();
        Moment { seconds, length: 4.0, looped, turn: &turn }.glimpses(Dice::new(&[7; 32]), 40, lasting).collect()
    }

    #[test]
    fn what_outlives_a_loop_is_glimpsed_and_no_two_are_alike() {
        let (first, last) = (glimpses(0.0, true, 36.0), glimpses(4.0, true, 36.0));
        let numbers: std::collections::BTreeSet<u64> = first.iter().map(|life| life.number).collect();
        assert_eq!(numbers.len(), 40, "each is one of its own");
        for (first, last) in first.iter().zip(&last) {
            assert!((first.age - last.age).abs() < 1e-5 && (first.shown - last.shown).abs() < 1e-3, "{first:?} {last:?}");
        }
        for step in 0..400 {
            let (now, then) = (glimpses(0.01 * f64::from(step), true, 36.0), glimpses(0.01 * f64::from(step + 1), true, 36.0));
            for (now, then) in now.iter().zip(&then) {
                let jumps = then.age < now.age;
                assert!(!jumps || now.shown.max(then.shown) < 0.001, "{now:?} jumps to {then:?}");
                assert!((now.shown - then.shown).abs() < 0.03, "{now:?} {then:?}");
            }
        }
    }

    #[test]
    fn what_is_not_cut_short_lives_as_ever() {
        let turn = Turn::default();
        for (looped, lasting) in [(false, 36.0), (true, 5.0), (true, 1.0)] {
            let moment = Moment { seconds: 1.3, length: 4.0, looped, turn: &turn };
            let lives: Vec<_> = moment.lives(Dice::new(&[7; 32]), 40, lasting).map(|life| (life.number, life.age)).collect();
            let glimpsed = glimpses(1.3, looped, lasting);
            assert!(glimpsed.iter().all(|life| life.shown == 1.0));
            assert_eq!(glimpsed.iter().map(|life| (life.number, life.age)).collect::<Vec<_>>(), lives);
        }
    }
}
