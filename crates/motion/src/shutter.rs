//! Motion blur: what an open shutter sees of a thing that moves.
//!
//! A frame is played twice. The first time, at the instant when the shutter closes, nothing is painted: the canvas only
//! notes where each thing lands. The second time, at the instant when it opens, each thing is painted along the way from
//! here to there. So blur costs a second round of deciding where things are, which is cheap, and not a second picture, as
//! adding up pictures of several instants would; and a fast thing is smeared as finely as it needs to be.
//!
//! A thing is known again by the life that it belongs to ([`crate::tempo::Moment::lives`] says whose turn it is), by its
//! part ([`crate::canvas::Canvas::part`]), and by its place among the things of that life and part. What is born or dies
//! while the shutter is open has no counterpart and is painted sharp.

use std::{cell::Cell, collections::HashMap};

/// Whose turn it is to be painted: the name of a life, and of a part of it. Shared by the moment, which passes it on, and the
/// canvas, which tells things apart by it.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    life: Cell<u64>,
    part: Cell<u64>,
}

impl Turn {
    pub(crate) fn pass_to(&self, life: u64) {
        self.life.set(life);
        self.part.set(0);
    }

    pub(crate) fn part(&self, number: u64) {
        self.part.set(number);
    }

    /// Different for different lives and parts.
    fn name(&self) -> u64 {
        self.life.get() ^ self.part.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// What a thing is painted as. Things of different kinds are never the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Spark,
    Halo,
    Disc,
    Sprite,
}

/// Where a thing is: its middle, then its radius or its two half axes, in pixels.
pub(crate) type Seat = [f32; 6];

#[derive(Debug, Clone, Copy)]
struct Mark {
    group: u64,
    kind: Kind,
    seat: Seat,
}

/// Where everything is when the shutter closes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Track {
    marks: Vec<Mark>,
    /// Where the marks of a life and part begin, the first, second … time that it has its turn.
    groups: HashMap<(u64, usize), usize>,
    /// How often each has had its turn.
    turns: HashMap<u64, usize>,
    /// The group whose turn it is, and the next of its marks.
    at: Option<(u64, usize)>,
}

/// How many things of a life may be missing at one of the two instants before the others are not known again.
const PATIENCE: usize = 6;

impl Track {
    /// Forgets the last frame.
    pub(crate) fn clear(&mut self) {
        self.marks.clear();
        self.groups.clear();
        self.rewind();
    }

    /// Comes back to the beginning, to be asked.
    pub(crate) fn rewind(&mut self) {
        self.turns.clear();
        self.at = None;
    }

    /// How often the group has had its turn before, if its turn begins now.
    fn begin(&mut self, group: u64) -> Option<usize> {
        if self.at.is_some_and(|(at, _)| at == group) {
            return None;
        }
        let turns = self.turns.entry(group).or_insert(0);
        *turns += 1;
        Some(*turns - 1)
    }

    fn note(&mut self, group: u64, kind: Kind, seat: Seat) {
        if let Some(turn) = self.begin(group) {
            self.groups.insert((group, turn), self.marks.len());
            self.at = Some((group, 0));
        }
        self.marks.push(Mark { group, kind, seat });
    }

    fn ask(&mut self, group: u64, kind: Kind) -> Option<Seat> {
        if let Some(turn) = self.begin(group) {
            self.at = Some((group, self.groups.get(&(group, turn)).copied().unwrap_or(self.marks.len())));
        }
        let (_, next) = self.at.as_mut()?;
        let rest = self.marks[*next..].iter().take(PATIENCE).take_while(|mark| mark.group == group);
        let (found, mark) = rest.enumerate().find(|(_, mark)| mark.kind == kind)?;
        *next += found + 1;
        Some(mark.seat)
    }
}

/// What a canvas does with the things that are put on it.
#[derive(Debug)]
pub(crate) enum Shutter<'a> {
    /// Everything stands still while it is open.
    Quick,
    /// Only notes where things are.
    Closing(&'a mut Track),
    /// Paints things along their way to where the track says; none farther than this many pixels.
    Open(&'a mut Track, f32),
}

/// From where to where a thing moves while the shutter is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    from: Seat,
    to: Seat,
}

impl Way {
    /// The longest way that a part of the thing goes.
    pub(crate) fn length(&self) -> f32 {
        let off = |index: usize| (self.to[index] - self.from[index]).abs();
        let (x, y) = (off(0) + off(2) + off(4), off(1) + off(3) + off(5));
        (x * x + y * y).sqrt()
    }

    /// `count` places evenly along the way; a single one is in its middle.
    pub(crate) fn places(self, count: usize) -> impl Iterator<Item = Seat> {
        (0..count).map(move |index| {
            let t = (index as f32 + 0.5) / count as f32;
            std::array::from_fn(|number| self.from[number] + (self.to[number] - self.from[number]) * t)
        })
    }
}

impl Shutter<'_> {
    /// The way of a thing of the life whose turn it is; `None` if it is not to be painted now.
    pub(crate) fn way(&mut self, turn: &Turn, kind: Kind, seat: Seat) -> Option<Way> {
        let group = turn.name();
        match self {
            Shutter::Quick => Some(Way { from: seat, to: seat }),
            Shutter::Closing(track) => {
                track.note(group, kind, seat);
                None
            }
            Shutter::Open(track, farthest) => {
                let to = track.ask(group, kind).unwrap_or(seat);
                let way = Way { from: seat, to };
                // What jumps has begun anew elsewhere.
                Some(if way.length() <= *farthest { way } else { Way { from: seat, to: seat } })
            }
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self, Shutter::Closing(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(x: f32) -> Seat {
        [x, 0.0, 1.0, 0.0, 0.0, 0.0]
    }

    /// Notes things by (life, kind, place), then asks for others in the same way.
    fn ways(noted: &[(u64, Kind, f32)], asked: &[(u64, Kind, f32)]) -> Vec<(f32, f32)> {
        let (mut track, turn) = (Track::default(), Turn::default());
        for &(life, kind, x) in noted {
            turn.pass_to(life);
            assert!(Shutter::Closing(&mut track).way(&turn, kind, seat(x)).is_none(), "nothing is painted yet");
        }
        track.rewind();
        let mut open = Shutter::Open(&mut track, 50.0);
        let way = |&(life, kind, x): &(u64, Kind, f32)| {
            turn.pass_to(life);
            let Way { from, to } = open.way(&turn, kind, seat(x)).expect("it is painted");
            (from[0], to[0])
        };
        asked.iter().map(way).collect()
    }

    #[test]
    fn a_thing_is_known_again_by_its_life_and_its_place_in_it() {
        let noted = [(7, Kind::Spark, 3.0), (7, Kind::Spark, 13.0), (8, Kind::Disc, 23.0)];
        let asked = [(7, Kind::Spark, 1.0), (7, Kind::Spark, 11.0), (8, Kind::Disc, 21.0)];
        assert_eq!(ways(&noted, &asked), [(1.0, 3.0), (11.0, 13.0), (21.0, 23.0)]);
    }

    #[test]
    fn lives_that_end_or_begin_leave_the_others_alone() {
        // The first life has ended, with many things of its own; another has taken its place.
        let noted: Vec<_> = (0..40).map(|n| (9, Kind::Spark, n as f32)).chain([(2, Kind::Spark, 6.0)]).collect();
        let asked = [(1, Kind::Spark, 1.0), (1, Kind::Spark, 2.0), (2, Kind::Spark, 5.0)];
        assert_eq!(ways(&noted, &asked), [(1.0, 1.0), (2.0, 2.0), (5.0, 6.0)]);
    }

    #[test]
    fn a_thing_that_is_missing_at_one_instant_does_not_lend_its_way_to_another_kind() {
        let noted = [(1, Kind::Halo, 1.5), (1, Kind::Sprite, 4.0)];
        assert_eq!(ways(&noted, &[(1, Kind::Sprite, 3.0), (1, Kind::Halo, 1.0)]), [(3.0, 4.0), (1.0, 1.0)]);
        assert_eq!(ways(&noted[1..], &[(1, Kind::Halo, 1.0), (1, Kind::Sprite, 3.0)]), [(1.0, 1.0), (3.0, 4.0)]);
    }

    #[test]
    fn a_life_that_has_its_turn_twice_is_known_again_both_times() {
        let things = |shift: f32| [(1, Kind::Halo, shift), (2, Kind::Halo, shift), (1, Kind::Halo, 5.0 + shift)];
        assert_eq!(ways(&things(1.0), &things(0.0)), [(0.0, 1.0), (0.0, 1.0), (5.0, 6.0)]);
    }

    #[test]
    fn what_jumps_is_not_smeared_over_its_jump() {
        assert_eq!(ways(&[(1, Kind::Disc, 90.0)], &[(1, Kind::Disc, 1.0)]), [(1.0, 1.0)]);
    }

    #[test]
    fn places_lie_evenly_along_the_way_and_one_lies_in_its_middle() {
        let way = Way { from: seat(0.0), to: seat(8.0) };
        assert_eq!(way.places(1).map(|place| place[0]).collect::<Vec<_>>(), [4.0]);
        assert_eq!(way.places(4).map(|place| place[0]).collect::<Vec<_>>(), [1.0, 3.0, 5.0, 7.0]);
    }
}
