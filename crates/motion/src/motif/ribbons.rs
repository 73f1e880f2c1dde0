//! Ribbons of silk that flow through space. A ribbon is a strip that bends about its own length: where it turns away from
//! the eye it folds over itself, and its sheen runs along the folds.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Light, Profile},
    colour::{Colours, Tint, WHITE, blend, glowing, gradient, luminance, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::{Dice, Hand},
    scene::Layer,
};

/// Most places across a ribbon at which its surface is worked out.
const STEPS: usize = 22;
/// Colours along a ribbon.
const SHADES: usize = 64;
/// Columns of the picture that are painted together: what they hold stays near the processor.
const COLUMNS: usize = 32;
/// Units that a ribbon's waves are measured by.
const SPAN: f32 = 420.0;

/// A wave that runs along a ribbon: how high, how many per span, how many a second, and where it begins.
#[derive(Clone, Copy)]
struct Wave {
    high: f32,
    dense: f32,
    rate: f32,
    start: f32,
}

impl Wave {
    fn new(hand: &mut Hand, high: f32, dense: (f32, f32), rate: f32) -> Self {
        let way = if hand.chance(0.5) { 1.0 } else { -1.0 };
        Self { high, dense: way * hand.range(dense.0, dense.1), rate: rate * hand.range(0.7, 1.3), start: hand.unit() }
    }
}

/// What a ribbon is made of at a place along it.
#[derive(Clone, Copy)]
struct Silk {
    front: Tint,
    back: Tint,
    sheen: Tint,
}

struct Ribbon {
    depth: f32,
    /// How far out of focus, in units.
    soft: f32,
    offset: f32,
    slope: f32,
    width: f32,
    path: [Wave; 3],
    /// How it turns about its length, in turns.
    twist: [Wave; 2],
    tilt: f32,
    /// How far its two edges are turned against one another, and the fold between them.
    curl: Wave,
    curled: f32,
    fold: Wave,
    silk: Vec<Silk>,
}

pub(super) struct Ribbons {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    /// From the farthest to the nearest.
    ribbons: Vec<Ribbon>,
    disc: Profile,
    night: bool,
}

impl Ribbons {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let night = colours.night();
        let (short, count) = (world.short(), casting.count(5.0));
        let ribbons = (0..count).map(|index| {
            let mut hand = dice.fork(1).hand(index as u64);
            // The nearest ones last; the one in focus is the last but one.
            let near = if count > 1 { index as f32 / (count - 1) as f32 } else { 0.7 };
            let depth = (layer.depth + mix(0.42, -0.16, near)).clamp(0.0, 1.1);
            let place = ((index as f32 * 0.618_034 + hand.unit() * 0.2).fract() - 0.5) * 0.9;
            let size = mix(0.62, 1.2, near) * layer.scale;
            let wave = |hand: &mut Hand, high: f32, dense, rate: f32| Wave::new(hand, high, dense, rate);
            let (from, to) = (colours.moving(index), colours.moving(index + 1));
            let reach = vivid_reach(from, to);
            let silk = (0..SHADES).map(|shade| {
                let part = 0.5 * reach * (1.0 - cosine(0.9 * shade as f32 / SHADES as f32));
                silk(shaded(gradient(from, to, part), 1.0, 1.12), mix(0.72, 1.0, near), night)
            });
            Ribbon {
                depth,
                soft: 1.1 + mix(9.0, 0.0, ramp(0.0, 0.55, near)),
                offset: place * short,
                slope: hand.spread(0.16) * short,
                width: short * hand.range(0.2, 0.34) * size,
                path: [
                    wave(&mut hand, 0.17 * short, (0.16, 0.27), 0.11),
                    wave(&mut hand, 0.075 * short, (0.34, 0.55), 0.15),
                    wave(&mut hand, 0.02 * short, (0.8, 1.2), 0.2),
                ],
                twist: [wave(&mut hand, 0.15, (0.2, 0.34), 0.1), wave(&mut hand, 0.06, (0.5, 0.8), 0.16)],
                tilt: hand.spread(0.1),
                curl: wave(&mut hand, 0.2, (0.22, 0.4), 0.12),
                curled: hand.spread(0.16),
                fold: wave(&mut hand, hand_fold(index), (0.25, 0.5), 0.14),
                silk: silk.collect(),
            }
        });
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            ribbons: ribbons.collect(),
            disc: Profile::new(|r| ramp(1.0, 0.72, r) * mix(0.75, 1.0, r)),
            night,
        }
    }

    fn shift(&self, shot: &Shot, wave: &Wave) -> f32 {
        shot.moment.rounds(wave.rate * self.layer.speed, wave.start)
    }

    fn pass<'a>(&self, shot: &Shot, ribbon: &'a Ribbon) -> Pass<'a> {
        let spot = shot.spot(0.0, 0.0, ribbon.depth);
        let (start, middle) = if self.world.tall() { (spot.y, spot.x) } else { (spot.x, spot.y) };
        Pass {
            ribbon,
            unit: spot.unit,
            start,
            middle,
            path: ribbon.path.map(|wave| (wave, self.shift(shot, &wave))),
            twist: ribbon.twist.map(|wave| (wave, self.shift(shot, &wave))),
            curl: self.shift(shot, &ribbon.curl),
            fold: self.shift(shot, &ribbon.fold),
            reach: 1.15 * self.world.half_width.max(self.world.half_height) / SPAN,
            soft: (ribbon.soft * spot.unit).max(1.0),
            weave: Weave::new(ribbon.width * spot.unit),
        }
    }

    /// Ribbons run along the longer side, and are painted in lines across it.
    fn paint(&self, shot: &Shot, light: &mut Light) {
        let passes: Vec<Pass> = self.ribbons.iter().map(|ribbon| self.pass(shot, ribbon)).collect();
        let (width, height) = (light.width, light.height);
        if self.world.tall() {
            for (place, line) in light.pixels.chunks_exact_mut(width).enumerate() {
                passes.iter().for_each(|pass| pass.cross(place, line));
            }
            return;
        }
        // Columns are copied out, some at a time: pixels above one another lie so far apart that each would be fetched anew.
        let mut lines = vec![[0.0f32; 4]; COLUMNS * height];
        for first in (0..width).step_by(COLUMNS) {
            let columns = first..(first + COLUMNS).min(width);
            for (y, row) in light.pixels.chunks_exact(width).enumerate() {
                row[columns.clone()].iter().enumerate().for_each(|(column, pixel)| lines[column * height + y] = *pixel);
            }
            for (place, line) in columns.clone().zip(lines.chunks_exact_mut(height)) {
                passes.iter().for_each(|pass| pass.cross(place, line));
            }
            for (y, row) in light.pixels.chunks_exact_mut(width).enumerate() {
                row[columns.clone()].iter_mut().enumerate().for_each(|(column, pixel)| *pixel = lines[column * height + y]);
            }
        }
    }
}

/// A ribbon at one instant.
struct Pass<'a> {
    ribbon: &'a Ribbon,
    /// Pixels to a unit, and where the world's middle is, along and across, in pixels.
    unit: f32,
    start: f32,
    middle: f32,
    /// Its waves, and how far they have run.
    path: [(Wave, f32); 3],
    twist: [(Wave, f32); 2],
    curl: f32,
    fold: f32,
    /// How far from the middle its colour runs, in spans.
    reach: f32,
    /// How soft its edges are, in pixels.
    soft: f32,
    weave: Weave,
}

impl Pass<'_> {
    /// Lays the ribbon over a line of pixels across it.
    fn cross(&self, place: usize, line: &mut [[f32; 4]]) {
        let (ribbon, unit) = (self.ribbon, self.unit);
        let s = (place as f32 + 0.5 - self.start) / unit / SPAN;
        let wave = |(wave, shift): &(Wave, f32)| wave.high * sine(wave.dense * s + shift);
        let centre = ribbon.offset + ribbon.slope * s + self.path.iter().map(wave).sum::<f32>();
        let tilt = ribbon.tilt + self.twist.iter().map(wave).sum::<f32>();
        let curled = ribbon.curled + wave(&(ribbon.curl, self.curl));
        let folded = ribbon.fold.high * (0.6 + 0.4 * sine(ribbon.fold.dense * s + self.fold));
        let crease = 0.31 * s + self.fold;
        // A narrower ribbon here and there, as it comes and goes in depth.
        let width = ribbon.width * (0.86 + 0.14 * sine(0.19 * s + self.path[0].1)) * unit;
        let shade = ((0.5 + 0.5 * s / self.reach).clamp(0.0, 1.0) * (SHADES - 1) as f32) as usize;
        let section = self.weave.section(width, Bend { tilt, curled, folded, crease }, s, ribbon.silk[shade]);
        section.draw(self.middle + centre * unit, self.soft, line);
    }
}

/// How colourful a colour is, 0 to 1.
fn vivid(tint: Tint) -> f32 {
    let most = tint[0].max(tint[1]).max(tint[2]);
    let least = tint[0].min(tint[1]).min(tint[2]);
    if most < 1e-4 { 0.0 } else { (most - least) / most }
}

/// How far a ribbon may go from one colour to the next, at most half the way: between colours that are opposites lies a grey,
/// which is in nobody's palette.
fn vivid_reach(from: Tint, to: Tint) -> f32 {
    let paler = vivid(from).min(vivid(to));
    let parts = (1..=12).map(|step| 0.04 * step as f32);
    parts.take_while(|&part| vivid(gradient(from, to, part)) >= 0.8 * paler).last().unwrap_or(0.0)
}

/// How deep the fold between a ribbon's edges is, in turns: some are plain.
fn hand_fold(index: usize) -> f32 {
    [0.1, 0.04, 0.13, 0.07][index % 4]
}

fn silk(tint: Tint, near: f32, night: bool) -> Silk {
    let tint = if luminance(tint) < 0.02 { glowing(tint, 0.06) } else { tint };
    let front = scaled(tint, near * if night { 0.95 } else { 1.0 });
    Silk {
        front,
        back: scaled(shaded(tint, 0.72, 1.12), near),
        sheen: scaled(blend(shaded(tint, 1.2, 0.9), WHITE, 0.35), near * if night { 0.85 } else { 0.7 }),
    }
}

/// How a ribbon is bent at a place along it, in turns: as a whole, from edge to edge, and in the fold between them, which
/// begins at `crease`.
struct Bend {
    tilt: f32,
    curled: f32,
    folded: f32,
    crease: f32,
}

/// Waves across a ribbon, the same everywhere along it: the sine and cosine of each at each step.
struct Weave {
    steps: usize,
    fold: [(f32, f32); STEPS + 1],
    fine: [(f32, f32); STEPS + 1],
    coarse: [(f32, f32); STEPS + 1],
}

/// A ribbon cut across: where its surface is seen and what light comes from there.
struct Section {
    steps: usize,
    /// From the ribbon's middle, in pixels.
    seen: [f32; STEPS + 1],
    deep: [f32; STEPS + 1],
    light: [[f32; 4]; STEPS + 1],
}

impl Weave {
    /// For a ribbon about so many pixels wide.
    fn new(width: f32) -> Self {
        let steps = ((width / 2.5) as usize).clamp(9, STEPS);
        let wave = |dense: f32| {
            std::array::from_fn(|step| {
                let turn = dense * step as f32 / steps as f32;
                (sine(turn), cosine(turn))
            })
        };
        Self { steps, fold: wave(1.3), fine: wave(19.0), coarse: wave(7.3) }
    }

    fn section(&self, width: f32, bend: Bend, s: f32, silk: Silk) -> Section {
        let steps = self.steps;
        let mut section = Section { steps, seen: [0.0; STEPS + 1], deep: [0.0; STEPS + 1], light: [[0.0; 4]; STEPS + 1] };
        let part = width / steps as f32;
        // The sine of a sum.
        let shifted = |(sin, cos): (f32, f32), (by_sin, by_cos): (f32, f32)| sin * by_cos + cos * by_sin;
        let shift = |turns: f32| (sine(turns), cosine(turns));
        let (crease, fine, coarse) = (shift(bend.crease), shift(0.4 * s), shift(-0.7 * s));
        let (mut seen, mut deep) = (0.0, 0.0);
        for step in 0..=steps {
            let v = step as f32 / steps as f32;
            let turn = bend.tilt + bend.curled * (v - 0.5) + bend.folded * shifted(self.fold[step], crease);
            let (sin, cos) = (sine(turn), cosine(turn));
            section.seen[step] = seen;
            section.deep[step] = deep;
            seen += part * cos;
            deep += part * sin;
            // The side that faces the eye, and how it faces the lamp above it.
            let (sin, cos, body) = if cos >= 0.0 { (sin, cos, silk.front) } else { (-sin, -cos, silk.back) };
            let lamp = (0.8 * cos + 0.6 * sin).max(0.0);
            // Satin shines across its threads: a narrow sheen that follows the folds, and a broad one.
            let narrow = (0.91 * cos + 0.42 * sin).max(0.0);
            let narrow = narrow * narrow;
            let narrow = narrow * narrow;
            let narrow = narrow * narrow;
            let rim = 1.0 - cos;
            let thread = 1.0 + 0.025 * shifted(self.fine[step], fine) + 0.02 * shifted(self.coarse[step], coarse);
            let hem = ramp(0.035, 0.0, v.min(1.0 - v));
            let shine = (0.62 * narrow * narrow + 0.1 * narrow + 0.16 * rim * rim + 0.16 * hem) * thread;
            let body = scaled(body, (0.1 + 0.68 * lamp * lamp + 0.14 * lamp) * thread);
            let light = plus(body, scaled(silk.sheen, shine));
            section.light[step] = [light[0], light[1], light[2], 1.0];
        }
        for place in &mut section.seen[..=steps] {
            *place -= seen / 2.0;
        }
        section
    }
}

impl Section {
    /// Lays the section into a line of pixels around its middle. Stretches between two folds are drawn from the farthest to
    /// the nearest.
    fn draw(&self, middle: f32, soft: f32, line: &mut [[f32; 4]]) {
        let mut stretches = [(0usize, 0usize, 0.0f32); STEPS];
        let mut count = 0;
        let mut from = 0;
        while from < self.steps {
            let down = self.seen[from + 1] >= self.seen[from];
            let mut to = from + 1;
            while to < self.steps && (self.seen[to + 1] >= self.seen[to]) == down {
                to += 1;
            }
            stretches[count] = (from, to, self.deep[from] + self.deep[to] + self.deep[(from + to) / 2]);
            count += 1;
            from = to;
        }
        let stretches = &mut stretches[..count];
        stretches.sort_by(|a, b| a.2.total_cmp(&b.2));
        self.shade(middle, soft, line);
        let per = 1.0 / soft;
        for &(from, to, _) in stretches.iter() {
            let down = self.seen[to] >= self.seen[from];
            let (top, bottom) = if down { (self.seen[from], self.seen[to]) } else { (self.seen[to], self.seen[from]) };
            let (top, bottom) = (middle + top, middle + bottom);
            let first = (top - soft).max(0.0) as usize;
            let end = ((bottom + soft).ceil().max(0.0) as usize).min(line.len());
            let thin = ((bottom - top) * per).min(1.0);
            let mut step = if down { from } else { to - 1 };
            for (pixel, target) in line.iter_mut().enumerate().take(end).skip(first) {
                let at = pixel as f32 + 0.5;
                let cover = thin * ((at - top) * per + 0.5).clamp(0.0, 1.0) * ((bottom - at) * per + 0.5).clamp(0.0, 1.0);
                if cover <= 0.0 {
                    continue;
                }
                let place = at - middle;
                if down {
                    while step + 1 < to && self.seen[step + 1] < place {
                        step += 1;
                    }
                } else {
                    while step > from && self.seen[step] < place {
                        step -= 1;
                    }
                }
                let (a, b) = (self.seen[step], self.seen[step + 1]);
                let part = if a == b { 0.0 } else { ((place - a) / (b - a)).clamp(0.0, 1.0) };
                let (a, b) = (self.light[step], self.light[step + 1]);
                for channel in 0..4 {
                    let light = a[channel] + (b[channel] - a[channel]) * part;
                    target[channel] += (light - target[channel]) * cover;
                }
            }
        }
    }

    /// The soft shadow on what lies behind, a little lower.
    fn shade(&self, middle: f32, soft: f32, line: &mut [[f32; 4]]) {
        let (low, high) = self.seen[..=self.steps].iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let half = (high - low) / 2.0 * 1.25 + 2.0 * soft;
        let centre = middle + (low + high) / 2.0 + 0.42 * (high - low) + soft;
        let first = (centre - half).max(0.0) as usize;
        let end = ((centre + half).ceil().max(0.0) as usize).min(line.len());
        let scale = 1.0 / half;
        for (pixel, target) in line.iter_mut().enumerate().take(end).skip(first) {
            let off = (pixel as f32 + 0.5 - centre) * scale;
            let keep = 1.0 - 0.36 * bump(off);
            for (channel, keep) in target.iter_mut().zip([keep, keep, keep, 1.0]) {
                *channel *= keep;
            }
        }
    }
}

impl Actor for Ribbons {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x / (1.1 * self.world.half_width) + 0.25, y / (1.1 * self.world.half_height) + 0.2);
        let spot = bump((dx * dx + dy * dy).sqrt().min(1.0));
        let (ex, ey) = (x / self.world.half_width - 0.7, y / self.world.half_height - 0.6);
        let other = bump((ex * ex + ey * ey).sqrt().min(1.0));
        let (lead, second) = (glowing(self.colours.moving(0), 1.0), glowing(self.colours.moving(1), 1.0));
        if self.night {
            return plus(plus(base, scaled(lead, 0.035 * spot)), scaled(second, 0.025 * other));
        }
        blend(blend(base, WHITE, 0.35 * spot), self.colours.moving(1), 0.06 * other)
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if !canvas.looks_ahead() {
            self.paint(shot, canvas.sharp);
        }
        // A little dust in the air, to tell how deep it is.
        let dice = self.dice.fork(20);
        for life in shot.moment.lives(dice, (26.0 * self.layer.amount) as usize, 8.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let drift = (life.age - 0.5) * hand.range(30.0, 90.0);
            let (x, y) = (hand.spread(1.05 * self.world.half_width) + drift, hand.spread(self.world.half_height) - 0.4 * drift);
            let spot = shot.spot(x, y, hand.range(0.1, 0.9));
            let far = hand.unit();
            let lead = glowing(self.colours.moving(hand.index(self.colours.moving.len())), 1.0);
            let tint = blend(lead, WHITE, 0.35);
            let bright = fade(life.age, 0.3) * mix(0.5, 0.05, far.sqrt());
            canvas.disc(spot.x, spot.y, (mix(1.2, 13.0, far * far) * spot.unit).max(0.7), &self.disc, scaled(tint, bright));
        }
    }
}
