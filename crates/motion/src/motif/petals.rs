//! Blossom petals that tumble on the wind, under a flowering branch.

use super::{Actor, Casting, Tumble, nearness};
use crate::{
    camera::{Shot, Spot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::{Dice, Hand},
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink, over},
};

/// Half the length of a petal in the middle distance, in units.
const LONG: f32 = 15.5;

/// Petals of one distance.
struct Band {
    depth: f32,
    count: usize,
    blur: usize,
}

pub(super) struct Petals {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    /// A petal of each colour, in focus and twice out of it.
    petals: Vec<[Sprite; 3]>,
    branch: Option<Branch>,
    sun: Tint,
    spots: Vec<(f32, f32, f32, f32)>,
    colours: Colours,
    disc: Profile,
}

impl Petals {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let band = |depth: f32, count, blur| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            blur,
        };
        let texels = ((2.0 * LONG * nearness(0.1) * layer.scale * world.unit).ceil() as usize).clamp(8, 160);
        let petals = colours.moving.iter().map(|&tint| {
            let foot = foot(tint);
            let sharp = Sprite::paint(texels, texels, 3, |x, y| petal(x, y, tint, foot));
            [sharp.clone(), sharp.blurred(0.12), sharp.blurred(0.32)]
        });
        let mut hand = dice.hand(5);
        let mut spot = |_| {
            let far = hand.unit();
            (
                hand.spread(1.2 * world.half_width),
                hand.spread(1.2 * world.half_height),
                mix(26.0, 90.0, far * far),
                hand.range(0.2, 1.0),
            )
        };
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 60.0,
            bands: vec![band(1.1, 60.0, 0), band(0.8, 50.0, 0), band(0.5, 32.0, 0), band(0.26, 11.0, 1), band(0.02, 4.6, 2)],
            petals: petals.collect(),
            branch: casting.staged.then(|| Branch::new(&casting)),
            sun: if colours.night() {
                blend(colours.sky(0.7), colours.moving(0), 0.14)
            } else {
                blend(colours.sky(0.0), WHITE, 0.8)
            },
            spots: if casting.staged { (0..34).map(&mut spot).collect() } else { Vec::new() },
            colours: colours.clone(),
            disc: Profile::new(|r| ramp(1.0, 0.7, r)),
        }
    }
}

/// The colour of a petal's foot.
fn foot(tint: Tint) -> Tint {
    shaded(tint, 0.86, 1.6)
}

/// One petal, its foot at the bottom, notched at the tip.
fn petal(x: f32, y: f32, tint: Tint, foot: Tint) -> Ink {
    // 0 at the foot, 1 at the tip.
    let t = (0.96 - y) / 1.9;
    if !(0.0..1.0).contains(&t) {
        return CLEAR;
    }
    let wide = 0.8 * (t * mix(2.6, 1.45, t)).min(1.0).sqrt() * ramp(1.02, 0.62, t).sqrt() * mix(0.55, 1.0, ramp(0.0, 0.6, t));
    let notch = -0.97 + 0.3 * (1.0 - x.abs() / 0.17).max(0.0);
    if x.abs() > wide || y < notch {
        return CLEAR;
    }
    let across = x / wide.max(1e-3);
    let tip = blend(tint, WHITE, 0.16);
    let vein = 1.0 - 0.05 * bump(((across * 5.0).fract().abs() - 0.5) * 4.0) * ramp(0.0, 0.3, t) * ramp(1.0, 0.6, t);
    let cup = 0.84 + 0.2 * (0.5 - 0.5 * across) - 0.1 * across * across;
    ink(scaled(blend(foot, tip, ramp(0.0, 0.75, t)), vein * cup), 0.96)
}

/// A branch from a corner, and the blossoms on it.
struct Branch {
    /// From, to, and half width at both, in units.
    twigs: Vec<(f32, f32, f32, f32, f32)>,
    /// Place, half width, turn and kind.
    blossoms: Vec<(f32, f32, f32, f32, usize)>,
    wood: Sprite,
    flowers: Vec<Sprite>,
    depth: f32,
}

impl Branch {
    fn new(casting: &Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = *casting;
        let mut branch = Self {
            twigs: Vec::new(),
            blossoms: Vec::new(),
            wood: Sprite::paint(48, 12, 2, |_, y| {
                let round = (1.0 - y * y).max(0.0).sqrt();
                ink(scaled([0.045, 0.022, 0.018], 0.55 + 1.5 * round * ramp(0.8, -0.9, y)), ramp(1.0, 0.8, y.abs()))
            }),
            flowers: Vec::new(),
            depth: 0.42,
        };
        let texels = ((44.0 * world.unit * layer.scale).ceil() as usize).clamp(10, 120);
        for (index, &tint) in colours.moving.iter().enumerate() {
            for open in [1.0, 0.72] {
                let pale = blend(tint, WHITE, 0.08);
                let (foot, turn) = (foot(pale), index as f32 * 0.03);
                branch.flowers.push(Sprite::paint(texels, texels, 2, |x, y| blossom(x, y, pale, foot, open, turn)));
            }
        }
        let mut hand = dice.hand(77);
        let side = if hand.chance(0.5) { 1.0 } else { -1.0 };
        let reach = world.short() / 720.0;
        let start = (side * (world.half_width + 40.0), -world.half_height * 0.52);
        branch.grow(&mut hand, start, if side > 0.0 { 0.535 } else { -0.035 }, 6.5 * reach, 5, reach);
        let start = (side * (world.half_width * 0.72), -world.half_height - 30.0);
        branch.grow(&mut hand, start, if side > 0.0 { 0.4 } else { 0.1 }, 4.2 * reach, 3, reach);
        branch
    }

    fn grow(&mut self, hand: &mut Hand, from: (f32, f32), turn: f32, thick: f32, left: usize, reach: f32) {
        let (mut at, mut turn, mut thick) = (from, turn, thick);
        // Towards the ground, on either side.
        let droop = 0.004 * cosine(turn).signum();
        let steps = 2 + 2 * left;
        for step in 0..steps {
            let length = hand.range(24.0, 38.0) * reach;
            let to = (at.0 + cosine(turn) * length, at.1 + sine(turn) * length);
            self.twigs.push((at.0, at.1, to.0, to.1, thick));
            if left > 1 && step > 0 && hand.chance(0.62) {
                let off = hand.range(0.05, 0.12) * if hand.chance(0.5) { 1.0 } else { -1.0 };
                self.grow(hand, to, turn + off, thick * 0.55, left.saturating_sub(2), reach);
            }
            let clusters = if left < 4 { 3 } else { 1 };
            for _ in 0..clusters {
                if hand.chance(0.75) {
                    let kind = hand.index(self.flowers.len());
                    let (x, y) = (to.0 + hand.spread(17.0) * reach, to.1 + hand.spread(17.0) * reach);
                    self.blossoms.push((x, y, hand.range(10.0, 21.0) * reach, hand.unit(), kind));
                }
            }
            at = to;
            turn += hand.spread(0.035) + droop;
            thick *= 0.86;
        }
    }

    fn draw(&self, shot: &Shot, canvas: &mut Canvas, layer: &Layer) {
        let wind = shot.moment.wave(0.22 * layer.speed, 0.0);
        // The farther from the stem, the more it gives.
        let bend = |x: f32, y: f32| {
            let free = ramp(1.05, 0.3, x.abs() / shot.world.half_width);
            (x + 2.0 * free * wind, y + 5.0 * free * shot.moment.wave(0.3 * layer.speed, 0.2 + x / 2400.0))
        };
        for &(x0, y0, x1, y1, thick) in &self.twigs {
            let (from, to) = (bend(x0, y0), bend(x1, y1));
            let (a, b) = (shot.spot(from.0, from.1, self.depth), shot.spot(to.0, to.1, self.depth));
            let across = [(b.x - a.x) * 0.54, (b.y - a.y) * 0.54];
            let length = (across[0] * across[0] + across[1] * across[1]).sqrt().max(1e-3);
            let half = thick * a.unit / length;
            let place = Place { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0, across, down: [-across[1] * half, across[0] * half] };
            canvas.sprite(&self.wood, place, WHITE, 1.0);
        }
        for &(x, y, half, turn, kind) in &self.blossoms {
            let (x, y) = bend(x, y);
            let spot = shot.spot(x, y, self.depth);
            let squeeze = mix(0.75, 1.0, (turn * 7.0).fract());
            let place = spot.turned(half * layer.scale, half * squeeze * layer.scale, turn + 0.01 * shot.moment.wave(0.4, turn));
            canvas.sprite(&self.flowers[kind], place, scaled(WHITE, mix(0.82, 1.05, (turn * 13.0).fract())), 1.0);
        }
    }
}

/// Five petals around a yellow heart.
fn blossom(x: f32, y: f32, tint: Tint, foot: Tint, open: f32, turn: f32) -> Ink {
    let mut seen = CLEAR;
    for leaf in 0..5 {
        let angle = leaf as f32 / 5.0 + turn;
        let (s, c) = (sine(angle), cosine(angle));
        let (u, v) = ((x * c + y * s) / 0.5, (-x * s + y * c + 0.5 * open) / 0.5);
        seen = over(seen, petal(u / 1.08, v * 0.98, tint, foot));
    }
    let far = (x * x + y * y).sqrt();
    let heart = ink(scaled([0.8, 0.36, 0.2], 0.9), 0.75 * ramp(0.2, 0.1, far));
    let mut stamen: f32 = 0.0;
    for thread in 0..9 {
        let angle = thread as f32 / 9.0 + 0.03;
        let (dx, dy) = (x - 0.27 * sine(angle), y - 0.27 * cosine(angle));
        let lit = ramp(0.055, 0.035, (dx * dx + dy * dy).sqrt());
        // Not `max`: rustc 1.95 (LLVM 22.1) optimises this loop into one that forgets its last turn.
        if lit > stamen {
            stamen = lit;
        }
    }
    over(over(seen, heart), ink([1.0, 0.72, 0.2], stamen))
}

impl Actor for Petals {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x + 0.55 * self.world.half_width, y + 0.8 * self.world.half_height);
        let away = (dx * dx + dy * dy).sqrt() / (1.3 * self.world.short());
        let lit = blend(base, self.sun, 0.5 * bump(away.min(1.0)));
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 260.0, y / 170.0) * 0.6 + cloud.fork(1).land(x / 110.0, y / 90.0) * 0.4;
        scaled(lit, 1.0 + 0.06 * drift)
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for (index, &(x, y, radius, bright)) in self.spots.iter().enumerate() {
            let spot = shot.spot(x, y, 1.0);
            let tint = plus(scaled(self.sun, 0.055 * bright), scaled(self.colours.moving(index), 0.03 * bright));
            canvas.disc(spot.x, spot.y, radius * spot.unit, &self.disc, tint);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let mut branch = self.branch.as_ref();
        for (number, band) in self.bands.iter().enumerate() {
            if let Some(branch) = branch.take_if(|_| band.depth < 0.5) {
                branch.draw(shot, canvas, &self.layer);
            }
            self.band(shot, canvas, number, band);
        }
        if let Some(branch) = branch {
            branch.draw(shot, canvas, &self.layer);
        }
    }
}

impl Petals {
    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let half = LONG * near * self.layer.scale;
        let high = self.world.half_height + half;
        let wide = self.world.half_width + self.margin;
        let speed = self.layer.speed.max(0.02);
        let fall = 62.0 * near.max(0.55) * speed;
        let dice = self.dice.fork(10 + number as u64);
        let gust = shot.moment.wander(self.dice.fork(4), 0.3 * speed);
        for life in shot.moment.lives(dice, band.count, 2.0 * high / fall) {
            let mut hand = dice.fork(1).hand(life.number);
            let drift = (life.age - 0.5) * 2.0 * high * hand.range(0.35, 0.9) + 22.0 * near * gust;
            let (rate, start) = (hand.range(0.16, 0.4) * speed, hand.unit());
            let swing = shot.moment.wave(rate, start);
            let x = hand.spread(wide + high * 0.6) + drift + 24.0 * near * swing;
            let y = mix(-high, high, life.age) - 9.0 * near * shot.moment.wave(2.0 * rate, 2.0 * start);
            let tumble = Tumble {
                yaw: shot.moment.cycles(hand.range(0.12, 0.5) * speed, hand.unit()),
                pitch: shot.moment.cycles(hand.range(0.15, 0.55) * speed, hand.unit()),
                roll: hand.unit() + 0.08 * swing,
            };
            let sprites = &self.petals[hand.index(self.petals.len())];
            let size = half * hand.range(0.72, 1.2);
            let spot: Spot = shot.spot(x, y, band.depth);
            let (place, facing, lit) = tumble.place(&spot, size * 0.82, size);
            // Light comes through the petal when it is seen from the dark side.
            let shade = mix(0.74, 1.12, lit) * if facing > 0.0 { 1.0 } else { 0.9 };
            let air = ramp(1.5, 0.6, band.depth);
            let opacity = fade(life.age, 0.03) * mix(0.75, 1.0, air) * if band.blur == 2 { 0.8 } else { 1.0 };
            canvas.sprite(&sprites[band.blur], place, scaled(WHITE, shade), opacity);
        }
    }
}
