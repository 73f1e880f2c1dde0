//! Rockets that burst into falling sparks over a city by the water.

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, World},
    canvas::Canvas,
    colour::{BLACK, Colours, Tint, WHITE, blend, glowing, plus, scaled},
    curve::{bump, cosine, mix, ramp, sine},
    dice::{Dice, Hand},
    plane::Plane,
    scene::Layer,
    sprite::{CLEAR, ink},
    tempo::Life,
};

/// Seconds from launch to darkness at the usual speed.
const SHOW: f32 = 3.9;
/// Seconds from launch to burst.
const RISE: f32 = 1.05;
/// What the air takes off a spark's speed, per second.
const DRAG: f32 = 1.9;
/// Units per second².
const GRAVITY: f32 = 46.0;
/// Depth of the far shore.
const SHORE: f32 = 0.95;

/// How a shell bursts.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A ball of round stars.
    Peony,
    /// A ball of stars with long tails.
    Chrysanthemum,
    /// Golden tails that hang in the air.
    Willow,
    /// One tilted ring around a small core.
    Ring,
    /// A few heavy arms.
    Palm,
}

pub(super) struct Fireworks {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    count: usize,
    city: Option<Plane>,
    horizon: f32,
    deep: Tint,
    stars: usize,
}

impl Fireworks {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let horizon = world.half_height * if world.tall() { 0.74 } else { 0.66 };
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            count: casting.count(8.0),
            city: casting.staged.then(|| city(&casting, horizon)),
            horizon,
            deep: scaled(colours.sky(0.2), 0.35),
            stars: if colours.night() { 170 } else { 0 },
        }
    }

    fn shell(&self, shot: &Shot, canvas: &mut Canvas, life: Life) {
        let mut hand = self.dice.fork(2).hand(life.number);
        let seconds = life.age * SHOW;
        let depth = (self.layer.depth + hand.spread(0.25)).clamp(0.0, 1.0);
        let near = nearness(depth) * self.layer.scale;
        let low = if self.city.is_some() { self.horizon } else { self.world.half_height };
        let x = hand.spread(self.world.half_width * 0.82);
        let y = mix(-0.78 * self.world.half_height, 0.1 * low, hand.unit() * hand.range(0.5, 1.0));
        let tilt = hand.spread(46.0);
        let lead = self.colours.moving(hand.index(self.colours.moving.len()));
        let second = self.colours.moving(hand.index(self.colours.moving.len()));
        if seconds < RISE {
            self.rocket(shot, canvas, (x, y, low, tilt), depth, seconds / RISE, &mut hand);
        } else {
            let burst = Burst { x, y, depth, near, since: seconds - RISE, lead, second, number: life.number };
            self.burst(shot, canvas, &burst, &mut hand);
        }
    }

    fn rocket(&self, shot: &Shot, canvas: &mut Canvas, path: (f32, f32, f32, f32), depth: f32, risen: f32, hand: &mut Hand) {
        let (x, y, low, tilt) = path;
        let at = |t: f32| {
            let left = (1.0 - t) * (1.0 - t);
            (x + tilt * left, mix(y, low, left))
        };
        let gold = glowing([1.0, 0.62, 0.25], 1.0);
        for step in 0..46 {
            let back = step as f32 / 46.0;
            let t = risen - back * 0.3;
            if t < 0.0 {
                break;
            }
            let (px, py) = at(t);
            let cold = 1.0 - back;
            let fall = back * back * 14.0;
            let spot = shot.spot(px + hand.spread(0.4 + 3.2 * back), py + fall + hand.spread(2.0), depth);
            let bright = (if step == 0 { 4.0 } else { 1.3 * cold * cold * hand.unit() }) * ramp(1.0, 0.8, risen).max(0.3);
            canvas.spark(spot.x, spot.y, mix(0.7, 1.2, cold) * spot.unit, scaled(blend(gold, WHITE, 0.4 * cold), bright));
        }
        let head = at(risen);
        let spot = shot.spot(head.0, head.1, depth);
        canvas.halo(spot.x, spot.y, 30.0 * spot.unit, scaled(gold, 0.16));
    }

    fn burst(&self, shot: &Shot, canvas: &mut Canvas, burst: &Burst, hand: &mut Hand) {
        let kind = match hand.index(10) {
            0..=2 => Kind::Peony,
            3..=5 => Kind::Chrysanthemum,
            6 | 7 => Kind::Willow,
            8 => Kind::Ring,
            _ => Kind::Palm,
        };
        let (arms, reach, tail, lasting, heavy) = match kind {
            Kind::Peony => (170, 140.0, 0.2, 1.9, 0.8),
            Kind::Chrysanthemum => (150, 172.0, 0.55, 2.3, 0.9),
            Kind::Willow => (110, 150.0, 1.1, 2.85, 1.5),
            Kind::Ring => (72, 132.0, 0.3, 1.9, 0.8),
            Kind::Palm => (17, 176.0, 0.7, 2.3, 1.2),
        };
        let reach = reach * hand.range(0.72, 1.15) * burst.near;
        let age = burst.since / lasting;
        let lead = if kind == Kind::Willow { blend(burst.lead, [1.0, 0.6, 0.2], 0.25) } else { burst.lead };
        let colour = glowing(lead, 1.0);
        self.flash(shot, canvas, burst, reach, colour, hand);
        if age >= 1.0 {
            return;
        }
        let (spin, lean) = (hand.unit(), hand.range(0.12, 0.3));
        let core = hand.chance(0.45) && kind != Kind::Palm;
        for arm in 0..arms {
            let inner = core && arm % 4 == 3;
            let mut throw = self.dice.fork(3).fork(burst.number).hand(arm as u64);
            let direction = match kind {
                Kind::Ring if !inner => {
                    let (s, c) = (sine(arm as f32 / arms as f32), cosine(arm as f32 / arms as f32));
                    let (ls, lc) = (sine(lean), cosine(lean));
                    let (cs, cc) = (sine(spin), cosine(spin));
                    (c * cc - s * ls * cs, c * cs + s * ls * cc, s * lc)
                }
                _ => {
                    // Points spread evenly over a ball by the golden angle, a little disturbed.
                    let z = 1.0 - 2.0 * (arm as f32 + 0.5) / arms as f32;
                    let around = arm as f32 * 0.381_966 + spin + throw.spread(0.012);
                    let flat = (1.0 - z * z).sqrt();
                    (flat * cosine(around), flat * sine(around), z)
                }
            };
            let power = reach * throw.range(0.93, 1.05) * if inner { 0.45 } else { 1.0 };
            let tint = if inner { glowing(burst.second, 1.0) } else { colour };
            let fading = (age * throw.range(0.86, 1.12)).min(1.0);
            let glitter = ramp(0.55, 0.95, fading);
            let flicker = if throw.chance(0.6) && kind != Kind::Willow {
                let beat = self.dice.fork(4).fork(burst.number).hand((arm as u64) << 32 | (burst.since * 17.0) as u64).unit();
                mix(1.0, if beat > 0.5 { 2.2 } else { 0.1 }, glitter)
            } else {
                1.0
            };
            let bright = (1.0 - fading) * (1.0 - 0.45 * fading) * flicker;
            let star = Star { direction, power, tail, heavy, tint, bright, fading, kind };
            canvas.part(arm as u64 + 1);
            star.draw(shot, canvas, burst);
        }
    }

    /// The light of the burst on the smoke around it.
    fn flash(&self, shot: &Shot, canvas: &mut Canvas, burst: &Burst, reach: f32, colour: Tint, hand: &mut Hand) {
        let spot = shot.spot(burst.x, burst.y, burst.depth);
        let first = bump((burst.since / 0.32).min(1.0));
        let later = bump((burst.since / 2.6).min(1.0));
        canvas.halo(
            spot.x,
            spot.y,
            reach * 2.6 * spot.unit,
            scaled(blend(colour, WHITE, 0.3 * first), 0.07 * first + 0.035 * later),
        );
        canvas.halo(spot.x, spot.y, reach * 0.34 * spot.unit, scaled(WHITE, 0.7 * first * first));
        for _ in 0..6 {
            let (angle, far) = (hand.unit(), hand.range(0.15, 0.7) * reach);
            let drift = burst.since * 9.0;
            let (dx, dy) = (far * cosine(angle) + drift, far * sine(angle) * 0.8 - 0.3 * drift);
            let spot = shot.spot(burst.x + dx, burst.y + dy, burst.depth);
            canvas.halo(spot.x, spot.y, reach * hand.range(0.5, 0.9) * spot.unit, scaled(colour, 0.045 * later));
        }
    }
}

/// A shell that has opened.
struct Burst {
    x: f32,
    y: f32,
    depth: f32,
    near: f32,
    /// Seconds since it opened.
    since: f32,
    lead: Tint,
    second: Tint,
    number: u64,
}

/// One spark of a burst with its tail.
struct Star {
    direction: (f32, f32, f32),
    power: f32,
    tail: f32,
    heavy: f32,
    tint: Tint,
    bright: f32,
    fading: f32,
    kind: Kind,
}

impl Star {
    /// Where it is some seconds after the burst: thrown, slowed by the air, falling.
    fn at(&self, burst: &Burst, since: f32) -> (f32, f32) {
        // e^(−x) as a power of a rational, close enough for the eye and the same everywhere.
        let still = 1.0 / (1.0 + DRAG * since / 4.0);
        let still = still * still * still * still;
        let gone = 1.0 - still;
        let fall = GRAVITY * self.heavy * burst.near * (since - gone / DRAG) / DRAG;
        (burst.x + self.direction.0 * self.power * gone * 1.12, burst.y + self.direction.1 * self.power * gone * 1.12 + fall)
    }

    fn draw(&self, shot: &Shot, canvas: &mut Canvas, burst: &Burst) {
        if self.bright < 0.004 {
            return;
        }
        let span = self.tail.min(burst.since);
        let (head, end) = (self.at(burst, burst.since), self.at(burst, burst.since - span));
        let length = ((head.0 - end.0) * (head.0 - end.0) + (head.1 - end.1) * (head.1 - end.1)).sqrt();
        // On a small canvas a step is half a pixel, and as much brighter as there are fewer.
        let stride = 1.9f32.max(0.5 / shot.world.unit);
        let steps = (length / stride).clamp(3.0, 60.0) as usize;
        let hot = (1.0 - 2.2 * self.fading).max(0.0);
        let tint = blend(self.tint, WHITE, 0.08 + 0.5 * hot * hot);
        let heft = if self.kind == Kind::Palm { 1.7 } else { 1.0 };
        // Stars at the far side of the ball are a little dimmer.
        let bright = self.bright * mix(0.75, 1.1, 0.5 + 0.5 * self.direction.2);
        for step in (0..=steps).rev() {
            let back = step as f32 / steps as f32;
            let (x, y) = self.at(burst, burst.since - span * back);
            let spot = shot.spot(x, y, burst.depth);
            let cold = 1.0 - back;
            let (radius, power) =
                if step == 0 { (1.35, 2.6) } else { (mix(0.7, 1.15, cold), 1.05 * cold * (0.35 + 0.65 * cold) * stride / 1.9) };
            let ember = if self.kind == Kind::Willow { blend(self.tint, [1.0, 0.5, 0.16], 0.4) } else { self.tint };
            let tint = blend(ember, tint, cold);
            canvas.spark(spot.x, spot.y, radius * heft * burst.near.sqrt() * spot.unit, scaled(tint, power * bright));
        }
    }
}

/// A skyline with lit windows, down to the water.
fn city(casting: &Casting, horizon: f32) -> Plane {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let near = scaled(colours.sky(0.15), 0.16);
    let far = blend(scaled(colours.sky(0.9), 0.42), near, 0.45);
    let warm = glowing(blend(colours.moving(0), [1.0, 0.7, 0.35], 0.6), 0.5);
    let edge = 0.7 / world.unit;
    Plane::paint(world, &eye, SHORE, horizon - 150.0, horizon + 1.0, |x, y| {
        let mut seen = CLEAR;
        for (row, width, tall, wall) in [(1u64, 31.0f32, 92.0, far), (2, 43.0, 58.0, near)] {
            let dice = dice.fork(60 + row);
            let cell = (x / width).floor();
            let mut hand = dice.hand(cell as i64 as u64);
            // Towers stand together, away from the very middle.
            let district = 0.5 + 0.5 * dice.fork(1).hills(cell * width / 260.0);
            let height = tall * hand.range(0.25, 1.0) * mix(0.45, 1.1, district);
            let within = x - cell * width;
            let (left, right) = (hand.range(0.0, 0.2) * width, width * hand.range(0.82, 1.02));
            let stepped = if hand.chance(0.4) && within > width * 0.3 && within < width * 0.68 { height * 0.18 } else { 0.0 };
            let mast = hand.chance(0.22) && (within - width * 0.49).abs() < 0.7;
            let top = horizon - height - stepped - if mast { 22.0 } else { 0.0 };
            let low = horizon - 7.0;
            if y < low.min(top) - edge || ((within < left || within > right) && y < low) {
                continue;
            }
            seen = ink(wall, 1.0);
            let (wx, wy) = ((within - left) / 4.4, (y - top) / 6.2);
            let lit = dice.fork(2).fork(cell as i64 as u64).hand((wx.floor() as i64 * 977 + wy.floor() as i64) as u64).unit();
            let pane = wx.fract() > 0.3 && wx.fract() < 0.78 && wy.fract() > 0.34 && wy.fract() < 0.72;
            if pane && !mast && wy > 0.6 && lit < 0.3 && y < horizon - 3.0 {
                seen = ink(plus(wall, scaled(warm, mix(0.25, 1.5, lit / 0.3) * if row == 1 { 0.55 } else { 1.0 })), 1.0);
            }
        }
        seen
    })
}

impl Actor for Fireworks {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 300.0, y / 90.0) * 0.6 + cloud.fork(1).land(x / 120.0, y / 40.0) * 0.4;
        let low = ramp(-0.2, 1.0, y / self.horizon);
        plus(scaled(base, 1.0 + 0.22 * drift), scaled(glowing(self.colours.moving(0), 0.05), low * low))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        let Some(city) = &self.city else { return };
        for star in 0..self.stars {
            let mut hand = self.dice.fork(5).hand(star as u64);
            let (x, y) =
                (hand.spread(self.world.half_width * 1.15), mix(-1.15 * self.world.half_height, self.horizon, hand.unit()));
            let spot = shot.spot(x, y, crate::camera::SKY);
            let bright = hand.unit();
            canvas.spark(spot.x, spot.y, 0.75 * spot.unit, [0.05 + 0.4 * bright * bright * bright; 3]);
        }
        city.draw(shot, canvas);
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for life in shot.moment.lives(self.dice, self.count, SHOW / self.layer.speed.max(0.05)) {
            self.shell(shot, canvas, life);
        }
        if self.city.is_some() {
            let shore = shot.spot(0.0, self.horizon, SHORE);
            canvas.mirror(shore.y, 0.62, blend(BLACK, self.deep, 0.6), shot.moment.cycles(0.4, 0.0), shore.unit);
        }
    }
}
