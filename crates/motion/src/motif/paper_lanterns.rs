//! Round paper lanterns with tassels on cords across a street at dusk, over old roofs in the haze.

mod roofs;

use super::{Actor, Casting, nearness};
use crate::{
    camera::{Shot, Spot, World},
    canvas::{Canvas, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, haze, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::{Dice, Hand},
    plane::Plane,
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink},
};

/// Half the width of a lantern in the middle distance, in units.
const ROUND: f32 = 31.0;
/// Half the side of a lantern's picture, in half widths of the lantern: caps stand out above and below.
const BOX: f32 = 1.08;
/// Half the height of a lantern's paper, in its half widths.
const TALL: f32 = 0.84;
/// Half the length of a tassel, in half widths of the lantern.
const TASSEL: f32 = 0.72;

/// One lantern on a cord.
struct Lantern {
    /// How far along the cord it hangs, 0 to 1.
    along: f32,
    /// Half its width, in units.
    half: f32,
    /// From the cord to its middle, in units.
    drop: f32,
    paper: usize,
    rate: f32,
    start: f32,
    swing: f32,
}

/// A cord from side to side, and what hangs on it.
struct Cord {
    depth: f32,
    from: (f32, f32),
    to: (f32, f32),
    sag: f32,
    start: f32,
    blur: usize,
    lanterns: Vec<Lantern>,
}

impl Cord {
    /// The place of a point of the cord in a light wind, in units.
    fn at(&self, shot: &Shot, layer: &Layer, along: f32) -> (f32, f32) {
        let slack = 4.0 * along * (1.0 - along);
        let wind = shot.moment.wave(0.14 * layer.speed, self.start + 0.6 * along);
        let (x, y) = (mix(self.from.0, self.to.0, along), mix(self.from.1, self.to.1, along));
        let give = 5.0 * nearness(self.depth) * slack * layer.speed.min(1.0);
        (x + 0.8 * give * wind, y + self.sag * slack + 0.5 * give * wind)
    }
}

/// One colour of lantern, in focus and out of it.
struct Paper {
    body: [Sprite; 2],
    tassel: [Sprite; 2],
    light: Tint,
}

pub(super) struct PaperLanterns {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    cords: Vec<Cord>,
    papers: Vec<Paper>,
    thread: Sprite,
    roofs: Vec<Plane>,
    /// Lights far out of focus, and how they look.
    far: Vec<Far>,
    disc: Profile,
    embers: usize,
    haze: Tint,
}

/// A lantern so far away and out of focus that it is a disc of light.
struct Far {
    x: f32,
    y: f32,
    radius: f32,
    tint: Tint,
    rate: f32,
    start: f32,
}

impl PaperLanterns {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let gold = colours.moving(1);
        let texels = ((2.0 * BOX * size(&casting, 0.3) * world.unit).ceil() as usize).clamp(12, 360);
        let papers = colours.moving.iter().map(|&tint| {
            let body = Sprite::paint(texels, texels, 2, |x, y| lantern(x * BOX, y * BOX, tint, gold));
            let tall = ((texels as f32 * TASSEL / BOX) as usize).max(8);
            let tassel = Sprite::paint((tall / 4).max(4), tall, 2, |x, y| tassel(x, y, tint, gold));
            let light = glowing(blend(tint, [1.0, 0.55, 0.2], 0.15), 1.0);
            Paper { body: [body.clone(), body.blurred(0.05)], tassel: [tassel.clone(), tassel.blurred(0.06)], light }
        });
        let mut hand = dice.hand(9);
        let far = (0..if staged { casting.count(34.0) } else { 0 }).map(|index| {
            let low = hand.unit();
            Far {
                x: hand.spread(1.15 * world.half_width),
                y: mix(-0.15, 0.82, (low + hand.unit()) / 2.0) * world.half_height,
                radius: hand.range(6.0, 17.0) * world.short() / 720.0,
                tint: scaled(glowing(colours.moving(index), 1.0), hand.range(0.05, 0.2)),
                rate: hand.range(0.1, 0.3),
                start: hand.unit(),
            }
        });
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            far: far.collect(),
            cords: cords(&casting),
            papers: papers.collect(),
            // Two texels thick: its edges are the sprite's own clear border.
            thread: Sprite::paint(8, 2, 1, |_, y| {
                ink(scaled(blend(shaded(gold, 0.45, 0.8), [0.02; 3], 0.5), if y < 0.0 { 1.3 } else { 0.7 }), 1.0)
            }),
            roofs: if staged { roofs::roofs(&casting) } else { Vec::new() },
            disc: Profile::new(|r| ramp(1.0, 0.84, r) * mix(0.75, 1.0, r)),
            embers: casting.count(26.0),
            haze: haze(colours.sky(1.0), colours.moving(0), 0.16),
        }
    }

    fn cord(&self, shot: &Shot, canvas: &mut Canvas, cord: &Cord) {
        let steps = 22;
        let spot = |along: f32| {
            let (x, y) = cord.at(shot, &self.layer, along);
            shot.spot(x, y, cord.depth)
        };
        let thick = 0.95 * nearness(cord.depth).min(1.7) * (self.world.short() / 720.0).max(0.6);
        for step in 0..steps {
            let (a, b) = (spot(step as f32 / steps as f32), spot((step + 1) as f32 / steps as f32));
            self.line(canvas, &a, &b, thick);
        }
        let air = ramp(1.5, 0.75, cord.depth);
        for lantern in &cord.lanterns {
            let paper = &self.papers[lantern.paper % self.papers.len()];
            let (rate, calm) = (lantern.rate * self.layer.speed, self.layer.speed.min(1.0));
            let gust = 1.0 + 0.5 * shot.moment.wave(0.09 * self.layer.speed, cord.start + 0.5 * lantern.along);
            // A lantern swings about its cord; its tassel follows a little later and swings out further.
            let swing = |late: f32| calm * gust * lantern.swing * shot.moment.wave(rate, lantern.start - late);
            let (turn, trail) = (swing(0.0), 2.1 * swing(0.13));
            let top = spot(lantern.along);
            let half = lantern.half * top.unit;
            let hang = |spot: &Spot, turn: f32, far: f32| (spot.x - sine(turn) * far, spot.y + cosine(turn) * far);
            let (x, y) = hang(&top, turn, lantern.drop * top.unit);
            let flicker = 1.0 + 0.05 * shot.moment.wave(lantern.rate * 3.7, lantern.start * 3.0);
            let bright = flicker * mix(0.72, 1.0, air);
            canvas.halo(x, y, half * 3.2, scaled(paper.light, 0.1 * bright));
            canvas.halo(x, y, half * 1.6, scaled(paper.light, 0.07 * bright));
            let middle = Spot { x, y, ..top };
            let (hook_x, hook_y) = hang(&middle, turn, -1.02 * half);
            self.line(canvas, &top, &Spot { x: hook_x, y: hook_y, ..top }, thick * 0.8);
            let (foot_x, foot_y) = hang(&middle, turn, 0.9 * half);
            let (x, y) = hang(&Spot { x: foot_x, y: foot_y, ..top }, trail, TASSEL * half);
            let tassel = Spot { x, y, ..top }.turned(0.25 * TASSEL * lantern.half, TASSEL * lantern.half, trail);
            canvas.sprite(&paper.tassel[cord.blur], tassel, scaled(WHITE, bright), 1.0);
            let place = middle.turned(BOX * lantern.half, BOX * lantern.half, turn);
            canvas.sprite(&paper.body[cord.blur], place, scaled(WHITE, bright), 1.0);
        }
    }

    /// A thread between two places on the canvas, `thick` units wide.
    fn line(&self, canvas: &mut Canvas, a: &Spot, b: &Spot, thick: f32) {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = (dx * dx + dy * dy).sqrt().max(1e-3);
        // Half a pixel longer at both ends, so that the pieces of a cord meet.
        let (reach, half) = (0.58 + 0.6 / length, (thick * a.unit).max(0.7) / length);
        let place =
            Place { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0, across: [dx * reach, dy * reach], down: [-dy * half, dx * half] };
        canvas.sprite(&self.thread, place, WHITE, (thick * a.unit / 0.7).min(1.0));
    }

    /// Sparks that rise from below and go out.
    fn embers(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(60);
        for life in shot.moment.lives(dice, self.embers, 9.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let depth = hand.range(0.1, 0.9);
            let near = nearness(depth);
            let drift = 26.0 * near * shot.moment.wave(hand.range(0.08, 0.2), hand.unit());
            let x = hand.spread(1.1 * self.world.half_width) + drift + 60.0 * near * life.age;
            let y = mix(1.1, mix(-0.9, 0.2, hand.unit()), life.age) * self.world.half_height;
            let tint = glowing(blend(self.colours.moving(1), [1.0, 0.6, 0.25], 0.4), 1.0);
            let pulse = 0.6 + 0.4 * shot.moment.wave(hand.range(0.5, 1.2), hand.unit());
            let spot = shot.spot(x, y, depth);
            let shine = fade(life.age, 0.25) * pulse * hand.range(0.3, 1.0);
            canvas.spark(spot.x, spot.y, 1.1 * near * spot.unit, scaled(tint, 1.3 * shine));
            canvas.halo(spot.x, spot.y, 9.0 * near * spot.unit, scaled(tint, 0.1 * shine));
        }
    }
}

/// Half the width of a lantern at a depth, in units.
fn size(casting: &Casting, depth: f32) -> f32 {
    ROUND * nearness(depth) * casting.layer.scale * mix(1.0, casting.world.short() / 720.0, 0.8)
}

/// Cords in several distances: far ones hang low over the roofs, near ones high, and two lanterns frame the picture.
fn cords(casting: &Casting) -> Vec<Cord> {
    let Casting { layer, world, dice, .. } = *casting;
    let high = if world.tall() { 0.72 } else { 1.0 };
    let mut cords = Vec::new();
    for (number, depth, level, slant, sag, spacing) in [
        (0u64, 1.1, 0.2, 0.06, 0.14, 3.4),
        (1, 0.94, -0.1, 0.09, 0.17, 3.7),
        (2, 0.72, -0.42, 0.12, 0.2, 4.0),
        (3, 0.46, -0.88, 0.14, 0.3, 4.3),
        (4, 0.22, -1.3, 0.1, 0.2, 4.8),
    ] {
        let mut hand = dice.fork(20).hand(number);
        let depth = (depth + layer.depth - 0.5_f32).clamp(0.0, 1.25);
        let half = size(casting, depth);
        let reach = world.half_width + casting.eye.reach(depth) + 2.0 * half;
        let lean = slant * hand.range(0.5, 1.2) * if number % 2 == 0 { 1.0 } else { -1.0 };
        let end = |side: f32| (side * reach, (high * level + side * lean * high) * world.half_height);
        let count = casting.count(2.0 * reach / (spacing * half));
        if count == 0 {
            continue;
        }
        let phase = hand.spread(0.5);
        let lanterns = (0..count.min(60)).map(|index| {
            let mut hand = dice.fork(30 + number).hand(index as u64);
            let half = half * hand.range(0.86, 1.1);
            Lantern {
                along: ((index as f32 + 0.5 + 0.5 * phase + hand.spread(0.16)) / count.min(60) as f32).clamp(0.0, 1.0),
                half,
                drop: half * hand.range(1.25, 1.9),
                paper: paper(&mut hand, casting.colours),
                rate: hand.range(0.2, 0.3),
                start: hand.unit(),
                swing: hand.range(0.006, 0.014),
            }
        });
        cords.push(Cord {
            depth,
            from: end(-1.0),
            to: end(1.0),
            sag: sag * hand.range(0.8, 1.2) * world.half_height * high,
            start: hand.unit(),
            blur: 0,
            lanterns: lanterns.collect(),
        });
    }
    let side = if dice.hand(21).chance(0.5) { 1.0 } else { -1.0 };
    for (number, side, level) in [(0u64, side, 0.06), (1, -side, -0.52)] {
        if layer.amount < 0.5 {
            break;
        }
        let mut hand = dice.fork(22).hand(number);
        let depth = (0.04 + layer.depth - 0.5).clamp(0.0, 1.0);
        let half = size(casting, depth) * hand.range(0.95, 1.1);
        let (x, y) = (side * hand.range(0.8, 0.92) * world.half_width, -world.half_height - 1.6 * half);
        cords.push(Cord {
            depth,
            from: (x - half, y),
            to: (x + half, y),
            sag: 0.0,
            start: hand.unit(),
            blur: 1,
            lanterns: vec![Lantern {
                along: 0.5,
                half,
                drop: (level * high + hand.spread(0.08)) * world.half_height - y,
                paper: number as usize,
                rate: hand.range(0.14, 0.18),
                start: hand.unit(),
                swing: hand.range(0.004, 0.007),
            }],
        });
    }
    cords
}

/// Most lanterns are of the leading colour.
fn paper(hand: &mut Hand, colours: &Colours) -> usize {
    if hand.chance(0.55) { 0 } else { hand.index(colours.moving.len()) }
}

/// Metal turned round: bright on the left, a thin light on the right edge.
fn metal(gold: Tint, across: f32) -> Tint {
    let shine = bump(((across + 0.35) / 0.5).clamp(-1.0, 1.0)) + 0.4 * bump(((across - 0.7) / 0.25).clamp(-1.0, 1.0));
    plus(
        scaled(shaded(gold, 0.85, 1.1), (0.16 + 0.8 * shine) * (1.0 - 0.5 * across * across)),
        scaled(WHITE, 0.12 * shine * shine),
    )
}

/// A lantern of ribbed paper with a light inside, capped with metal; its half width is 1.
fn lantern(x: f32, y: f32, tint: Tint, gold: Tint) -> Ink {
    let v = y / TALL;
    let cap = (y.abs() - 0.86).abs() < 0.085;
    let loops = ((x * x + (y + 0.98) * (y + 0.98)).sqrt() - 0.055).abs() < 0.02;
    let foot = (0.9..1.0).contains(&y) && x.abs() < 0.05;
    if cap && x.abs() < 0.36 {
        let ridge = 1.0 - 0.45 * ramp(0.03, 0.085, (y.abs() - 0.86).abs());
        let under = if y > 0.0 { 0.2 } else { 0.05 };
        return ink(plus(scaled(metal(gold, x / 0.36), ridge), scaled(glowing(tint, 1.0), under * 0.4)), 1.0);
    }
    if loops || foot {
        return ink(metal(gold, x * 8.0), 1.0);
    }
    if v.abs() >= 1.0 {
        return CLEAR;
    }
    let wide = (1.0 - v * v * (0.72 + 0.28 * v * v)).max(0.0).sqrt();
    let across = x / wide.max(1e-3);
    if across.abs() >= 1.0 {
        return CLEAR;
    }
    // Where between two ribs of bamboo: 0 in the middle of the paper, 1 at a rib.
    let around = libm::asinf(across) / std::f32::consts::FRAC_PI_2;
    let rib = 2.0 * ((around * 5.0 + 0.5) - (around * 5.0 + 0.5).floor() - 0.5).abs();
    let facing = (1.0 - across * across).max(0.0).sqrt();
    let (dx, dy) = (x, y - 0.1);
    let near = 1.0 / (1.0 + 2.1 * (dx * dx + dy * dy));
    // Paper bulges between the ribs, and its upper side catches the last light of the sky.
    let bulge = 1.0 - 0.3 * rib * rib * mix(0.6, 1.0, facing);
    let bamboo = 1.0 - 0.34 * ramp(0.86, 0.97, rib) * mix(1.0, 0.4, near);
    let deep = scaled(shaded(tint, 0.82, 1.15), 0.7);
    let lit = glowing(tint, 0.62);
    let hot = blend(glowing(tint, 0.9), [1.0, 0.8, 0.5], 0.34);
    let warm = blend(blend(deep, lit, ramp(0.22, 0.62, near)), hot, ramp(0.55, 1.0, near));
    let light = (0.3 + 0.98 * near * near) * mix(0.5, 1.0, facing) * bulge * bamboo;
    // Rings of gilt paper at both ends.
    let ring = bump(((v.abs() - 0.83) / 0.05).clamp(-1.0, 1.0)) + bump(((v.abs() - 0.72) / 0.022).clamp(-1.0, 1.0));
    let gilt = blend(scaled(warm, light), plus(metal(gold, across), scaled(hot, 0.12)), 0.75 * ring.min(1.0));
    let (hx, hy) = ((x + 0.42) / 0.36, (y + 0.5) / 0.2);
    let sheen = 0.07 * bump((hx * hx + hy * hy).sqrt().min(1.0));
    ink(plus(gilt, scaled(WHITE, sheen)), 0.985)
}

/// A bead and silk threads below it.
fn tassel(x: f32, y: f32, tint: Tint, gold: Tint) -> Ink {
    let (bx, by) = (x, (y + 0.74) / 0.25);
    let bead = (bx * bx + by * by * 4.0).sqrt();
    if bead < 0.62 {
        return ink(metal(gold, x / 0.62), 1.0);
    }
    if y < -0.74 {
        return if x.abs() < 0.1 { ink(metal(gold, x * 8.0), 1.0) } else { CLEAR };
    }
    let down = (y + 0.62) / 1.6;
    if !(0.0..1.0).contains(&down) {
        return CLEAR;
    }
    let wide = mix(0.42, 0.74, down) - 0.14 * bump((down - 0.25) * 2.2);
    let across = x / wide;
    let strand = 0.5 + 0.5 * cosine(across * 4.5);
    let ragged = 0.9 + 0.1 * cosine(across * 2.7 + 0.2);
    if across.abs() > 1.0 || down > ragged {
        return CLEAR;
    }
    let band = bump((down - 0.1) / 0.05);
    let silk = scaled(shaded(tint, 0.86, 1.1), mix(0.45, 0.95, strand) * mix(1.0, 0.5, across * across) * mix(1.25, 0.55, down));
    ink(blend(silk, metal(gold, across), 0.9 * band), ramp(1.0, 0.86, across.abs()) * ramp(ragged, ragged - 0.1, down))
}

impl Actor for PaperLanterns {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let cloud = self.dice.fork(7);
        let drift = cloud.land(x / 380.0, y / 90.0) * 0.6 + cloud.fork(1).land(x / 150.0, y / 40.0) * 0.4;
        let low = bump(((y - 0.8 * self.world.half_height) / (1.3 * self.world.half_height)).clamp(-1.0, 1.0));
        plus(scaled(base, 1.0 + 0.16 * drift), scaled(self.haze, low * (0.8 + 0.35 * drift)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for roof in &self.roofs {
            roof.draw(shot, canvas);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for light in &self.far {
            let breath = 1.0 + 0.25 * shot.moment.wave(light.rate * self.layer.speed, light.start);
            let spot = shot.spot(light.x, light.y, 1.05);
            canvas.disc(spot.x, spot.y, light.radius * spot.unit, &self.disc, scaled(light.tint, breath));
        }
        for cord in &self.cords {
            self.cord(shot, canvas, cord);
        }
        self.embers(shot, canvas);
    }
}
