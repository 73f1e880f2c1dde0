//! Plumes of coloured ink that sink into water and unfold.
//!
//! A plume is the skin of a jet: a sheet, wound into a tube, of which each ring was let go a little later than the one
//! before. Its head rolls up into a ring, as that of any jet does. Every point of it is carried by a flow that neither gains
//! nor loses water, so the sheet stretches and folds as ink does. Where it is gathered it is dense, where it is drawn out it
//! is a veil.

use std::ops::Range;

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::Canvas,
    colour::{Colours, Tint, WHITE, blend, glowing, luminance, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite},
    tempo::Life,
};

/// Seconds from the first drop until a plume has faded.
const LASTING: f32 = 10.0;
/// How much of a plume's life ink keeps flowing.
const POURED: f32 = 0.72;
/// How much of the ink is the head, which rolls up, and how far it does, in turns.
const HEAD: f32 = 0.24;
const ROLLED: f32 = 0.8;

/// A place in the water: right, down, towards the eye, in units.
type Point = [f32; 3];

pub(super) struct InkInWater {
    dice: Dice,
    layer: Layer,
    world: World,
    colours: Colours,
    night: bool,
    count: usize,
    /// Rings of a plume, and points of a ring.
    mesh: (usize, usize),
    /// How many steps a point is carried in.
    steps: usize,
    /// Pixels to a cell of the density.
    cell: f32,
}

/// Ink in each cell of the picture, as its colours' light and its density.
struct Water {
    width: usize,
    height: usize,
    cells: Vec<Ink>,
    /// All cells that there is ink in: columns, then rows.
    inked: [Range<usize>; 2],
}

/// A corner of a triangle: its cell's place, and its density.
type Corner = [f32; 3];

/// The points of a sheet, ring by ring, axis by axis, so that one instruction moves several of them.
struct Points([Vec<f32>; 3]);

impl Points {
    /// Carries the points from `first` on a step along.
    fn carry(&mut self, first: usize, push: f32, eddies: &[Eddy]) {
        let [xs, ys, zs] = &mut self.0;
        for ((x, y), z) in xs[first..].iter_mut().zip(&mut ys[first..]).zip(&mut zs[first..]) {
            let (mut dx, mut dy, mut dz) = (0.0, 0.0, 0.0);
            for &Eddy { dense, strong, start } in eddies {
                let (u, v, w) = (*x * dense + start[0], *y * dense + start[1], *z * dense + start[2]);
                // The curl of itself, which is why it folds what it carries (Arnold, Beltrami, Childress).
                dx += strong * (sine(w) + 0.8 * cosine(v));
                dy += strong * (sine(u) + 0.8 * cosine(w));
                dz += strong * (sine(v) + 0.8 * cosine(u));
            }
            *x += push * dx;
            *y += push * dy;
            *z += push * dz;
        }
    }
}

/// A part of the water's flow: how many turns it makes per unit, how strong it is, and where it begins.
#[derive(Clone, Copy)]
struct Eddy {
    dense: f32,
    strong: f32,
    start: Point,
}

impl Water {
    /// Adds a triangle whose density runs evenly from corner to corner.
    fn lay(&mut self, [mut a, mut b, mut c]: [Corner; 3], tint: Tint) {
        if a[1] > b[1] {
            (a, b) = (b, a);
        }
        if b[1] > c[1] {
            (b, c) = (c, b);
        }
        if a[1] > b[1] {
            (a, b) = (b, a);
        }
        // The first row whose middle lies beyond an edge, so that triangles one above the other share none.
        let beyond = |edge: f32| (edge + 0.5).max(0.0) as usize;
        let (top, bottom) = (beyond(a[1]), beyond(c[1]).min(self.height));
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        if top >= bottom || area.abs() < 1e-4 || a[2] + b[2] + c[2] < 1e-4 {
            return;
        }
        // Density per cell to the right and per cell down.
        let (ab, ac, per) = (b[2] - a[2], c[2] - a[2], 1.0 / area);
        let across = (ab * (c[1] - a[1]) - ac * (b[1] - a[1])) * per;
        let down = (ac * (b[0] - a[0]) - ab * (c[0] - a[0])) * per;
        let slope = |from: Corner, to: Corner| (to[0] - from[0]) / (to[1] - from[1]).max(1e-6);
        let (long, upper, lower) = (slope(a, c), slope(a, b), slope(b, c));
        for row in top..bottom {
            let y = row as f32 + 0.5;
            let long = a[0] + long * (y - a[1]);
            let short = if y < b[1] { a[0] + upper * (y - a[1]) } else { b[0] + lower * (y - b[1]) };
            let (left, right) = (long.min(short).max(0.0), long.max(short).min(self.width as f32));
            if left >= right {
                continue;
            }
            // Cells at both ends are covered in part: where the sheet is seen from its edge, triangles are thinner than a cell.
            let (first, last) = (left as usize, (right as usize).min(self.width - 1));
            let start = a[2] + down * (y - a[1]) - across * a[0];
            for (place, cell) in self.cells[row * self.width + first..=row * self.width + last].iter_mut().enumerate() {
                let from = (first + place) as f32;
                let (from, to) = (from.max(left), (from + 1.0).min(right));
                let part = ((start + across * 0.5 * (from + to)) * (to - from)).max(0.0);
                cell[0] += tint[0] * part;
                cell[1] += tint[1] * part;
                cell[2] += tint[2] * part;
                cell[3] += part;
            }
        }
    }

    /// Says that a plume reaches to these places.
    fn reach(&mut self, seen: &[[f32; 2]]) {
        for (axis, (inked, most)) in self.inked.iter_mut().zip([self.width, self.height]).enumerate() {
            let (low, high) = seen.iter().fold((f32::MAX, f32::MIN), |(low, high), at| (low.min(at[axis]), high.max(at[axis])));
            // Room for what ink spreads as it settles.
            let (low, high) = ((low - 3.0).max(0.0) as usize, ((high + 4.0).max(0.0) as usize).min(most));
            if low < high {
                *inked = if Range::is_empty(inked) { low..high } else { inked.start.min(low)..inked.end.max(high) };
            }
        }
    }

    /// Softens what is there by two cells, in both directions.
    fn settle(&mut self) {
        let [columns, rows] = self.inked.clone();
        let (wide, width) = (columns.len(), self.width);
        let mixed = |a: Ink, b: Ink, c: Ink, d: Ink, e: Ink| -> Ink {
            std::array::from_fn(|i| 0.375 * c[i] + 0.25 * (b[i] + d[i]) + 0.0625 * (a[i] + e[i]))
        };
        // Beyond its ends a line goes on as it ends.
        let mut line = vec![CLEAR; wide + 4];
        for y in rows.clone() {
            let row = &mut self.cells[y * width..][columns.clone()];
            line[2..wide + 2].copy_from_slice(row);
            (line[0], line[1]) = (row[0], row[0]);
            (line[wide + 2], line[wide + 3]) = (row[wide - 1], row[wide - 1]);
            for (cell, near) in row.iter_mut().zip(line.windows(5)) {
                *cell = mixed(near[0], near[1], near[2], near[3], near[4]);
            }
        }
        // The two rows above, as they were.
        let mut above = self.cells[rows.start * width..][columns.clone()].to_vec();
        let mut higher = above.clone();
        for y in rows.clone() {
            let (upper, lower) = self.cells.split_at_mut((y + 1) * width);
            let row = &mut upper[y * width..][columns.clone()];
            let below =
                |rows_below: usize| (y + rows_below < rows.end).then(|| &lower[(rows_below - 1) * width..][columns.clone()]);
            let line = &mut line[..wide];
            line.copy_from_slice(row);
            let near = below(1).unwrap_or(&*line);
            let far = below(2).unwrap_or(near);
            for (x, cell) in row.iter_mut().enumerate() {
                *cell = mixed(higher[x], above[x], line[x], near[x], far[x]);
            }
            higher.copy_from_slice(&above);
            above.copy_from_slice(line);
        }
    }
}

impl InkInWater {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let small = world.unit < 0.3;
        Self {
            dice,
            layer,
            world,
            colours: colours.clone(),
            night: colours.night(),
            count: casting.count(5.0),
            mesh: if small { (18, 20) } else { (56, 48) },
            steps: if small { 4 } else { 6 },
            cell: (2.0 * world.unit).round().clamp(1.0, 6.0),
        }
    }

    /// Where the flow has carried the points of a plume, and how long ago each ring was let go, in lives.
    fn sheet(&self, life: &Life) -> (Points, Vec<f32>) {
        let mut hand = self.dice.fork(2).hand(life.number);
        let (rings, points) = self.mesh;
        let size = self.layer.scale;
        let (hw, hh) = (self.world.half_width, self.world.half_height);
        // From above, now and then from below; side by side as the golden ratio has it.
        let rises = hand.chance(0.22);
        let from = ((life.number as f32 * 0.618_034 + hand.unit() * 0.25).fract() - 0.5) * 1.5 * hw;
        let way = if rises { -1.0 } else { 1.0 };
        let origin = [from, -way * (hh + 26.0), 0.0];
        let lean = -from / hw * 0.25 + hand.spread(0.22);
        let travel = hh * hand.range(1.25, 1.75) * mix(1.0, size, 0.35);
        let (narrow, wide) = (12.0 * size, hand.range(50.0, 85.0) * size);
        let stir = hand.range(95.0, 140.0) * size.sqrt();
        let mut eddy = |low: f32, high: f32, strong: f32| Eddy {
            dense: 1.0 / (hand.range(low, high) * size),
            strong,
            start: [hand.unit(), hand.unit(), hand.unit()],
        };
        let eddies = [eddy(400.0, 520.0, 1.0), eddy(170.0, 220.0, 0.62), eddy(80.0, 110.0, 0.2)];
        let rough = self.dice.fork(3).fork(life.number);
        let (mut places, mut ages) =
            (Points(std::array::from_fn(|_| Vec::with_capacity(rings * points))), Vec::with_capacity(rings));
        for ring in 0..rings {
            let let_go = ring as f32 / (rings - 1) as f32;
            let age = (life.age - POURED * let_go).max(0.0);
            ages.push(age);
            if age <= 0.0 {
                // Still in the nozzle, as are all that come after it.
                places.0.iter_mut().zip(origin).for_each(|(places, at)| places.resize(places.len() + points, at));
                continue;
            }
            let gone = |age: f32| 1.0 - 1.0 / (1.0 + 3.4 * age);
            // The head is pushed by what follows, and goes outwards and back where it was let go first.
            let rolled = (1.0 - let_go / HEAD).max(0.0);
            let gone = mix(gone(age), gone((life.age - POURED * HEAD).max(0.0)), if rolled > 0.0 { 0.8 } else { 0.0 });
            let cap = (14.0 + wide * age.sqrt()) * size * rolled.sqrt().min(1.0);
            let pulse = 1.0 + 0.3 * rough.hills(7.0 * let_go);
            let radius = (narrow + wide * age.sqrt() * (1.0 - 0.45 * let_go)) * pulse + cap * (1.0 - cosine(ROLLED * rolled));
            let fallen = travel * gone + cap * sine(ROLLED * rolled);
            let sway = 26.0 * size * rough.fork(1).hills(2.5 * let_go);
            let first = ring * points;
            for point in 0..points {
                let turn = point as f32 / points as f32;
                let (out, through) = (radius * cosine(turn), radius * sine(turn));
                let place = [origin[0] + lean * fallen + out + sway, origin[1] + way * (fallen + 0.4 * through), through];
                places.0.iter_mut().zip(place).for_each(|(places, at)| places.push(at));
            }
            let push = stir * age * (1.6 - 0.6 * age) / self.steps as f32;
            (0..self.steps).for_each(|_| places.carry(first, push, &eddies));
        }
        (places, ages)
    }

    /// Lays a plume into the water.
    fn plume(&self, shot: &Shot, water: &mut Water, life: &Life) {
        let (rings, points) = self.mesh;
        let (places, ages) = self.sheet(life);
        let mut hand = self.dice.fork(4).hand(life.number);
        // The first colour leads; the others come in turn.
        let index = if hand.chance(0.35) { 0 } else { life.number as usize };
        let tint = self.ink(self.colours.moving(index));
        let shown = ramp(1.0, 0.68, life.age) * ramp(0.0, 0.03, life.age) * hand.range(0.75, 1.05);
        let [xs, ys, zs] = &places.0;
        let seen: Vec<[f32; 2]> = (xs.iter().zip(ys).zip(zs))
            .map(|((&x, &y), &z)| {
                let depth = (self.layer.depth - z / 900.0).clamp(0.0, 1.1);
                let spot = shot.spot(x, y, depth);
                [spot.x / self.cell + 1.0, spot.y / self.cell + 1.0]
            })
            .collect();
        water.reach(&seen);
        // How much ink is where: what a patch holds, over the area that it is drawn out to.
        let scale = self.cell / self.world.unit;
        let usual = 130.0 * self.layer.scale * self.layer.scale * (72.0 * 60.0) / (rings * points) as f32;
        let streaks = self.dice.fork(5).fork(life.number);
        let around = |ring: usize, point: usize| ring * points + if point == points { 0 } else { point };
        let mut dense = vec![0.0f32; rings * points];
        for ring in 0..rings - 1 {
            if ages[ring] <= 0.0 {
                break;
            }
            let spent = shown / (1.0 + 2.2 * ages[ring]);
            for point in 0..points {
                let [a, b, c, d] = [(0, 0), (0, 1), (1, 1), (1, 0)].map(|(i, j)| seen[around(ring + i, point + j)]);
                let area = 0.5 * ((c[0] - a[0]) * (d[1] - b[1]) - (d[0] - b[0]) * (c[1] - a[1])).abs() * scale * scale;
                let held = (0.8 * usual * spent / (area + 0.22 * usual)).min(2.2);
                for (i, j) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
                    dense[around(ring + i, point + j)] += 0.25 * held;
                }
            }
        }
        // Threads along the flow, where the ink left the nozzle thicker.
        let thread: Vec<f32> = (0..points)
            .map(|point| {
                let turn = point as f32 / points as f32;
                let hills = streaks.hills(20.0 * (0.5 - (turn - 0.5).abs()))
                    + 0.6 * streaks.fork(1).land(3.0 * cosine(turn), 3.0 * sine(turn));
                (0.75 + 0.65 * hills).max(0.12)
            })
            .collect();
        for (ring, dense) in dense.chunks_exact_mut(points).enumerate() {
            // The first and the last ring end in nothing.
            let rim = ramp(-0.5, 4.0, ring as f32) * ramp(0.0, 0.02, ages[ring]);
            dense.iter_mut().zip(&thread).for_each(|(dense, thread)| *dense *= rim * thread);
        }
        for (ring, &age) in ages.iter().enumerate().take(rings - 1) {
            if age <= 0.0 {
                break;
            }
            for point in 0..points {
                let corner = |i: usize, j: usize| {
                    let at = around(ring + i, point + j);
                    [seen[at][0], seen[at][1], dense[at]]
                };
                let (a, b, c, d) = (corner(0, 0), corner(0, 1), corner(1, 1), corner(1, 0));
                water.lay([a, b, c], tint);
                water.lay([a, c, d], tint);
            }
        }
    }

    /// A colour as ink: on a night it has to shine by itself.
    fn ink(&self, tint: Tint) -> Tint {
        if self.night { glowing(tint, (luminance(tint) * 1.5).clamp(0.4, 0.85)) } else { shaded(tint, 0.98, 1.15) }
    }

    /// The inked part of the water as it is seen: thin ink lets through what is behind, folds catch the light from above on the
    /// left.
    fn developed(&self, water: &Water) -> Sprite {
        let (width, height) = (water.width, water.height);
        let [columns, rows] = &water.inked;
        let ink = |x: usize, y: usize| {
            let [r, g, b, dense] = water.cells[y * width + x];
            if dense < 1e-3 {
                return CLEAR;
            }
            let at = |x: usize, y: usize| water.cells[y.min(height - 1) * width + x.min(width - 1)][3];
            let slope_x = at(x + 1, y) - at(x.saturating_sub(1), y);
            let slope_y = at(x, y + 1) - at(x, y.saturating_sub(1));
            let relief = (0.55 * slope_x + 0.75 * slope_y) / (0.35 + dense);
            let kept = 1.0 / (1.0 + 0.55 * dense);
            let cover = 1.0 - kept * kept * kept;
            let per = 1.0 / dense;
            let own = [r * per, g * per, b * per];
            let body = if self.night {
                // Dense ink scatters more light.
                scaled(own, (0.5 + 0.6 * cover) * (1.0 + 0.7 * relief).clamp(0.45, 1.9))
            } else {
                let deep = shaded_quickly(own, mix(1.0, 0.52, ramp(0.5, 4.0, dense)));
                scaled(deep, (1.0 + 0.5 * relief).clamp(0.6, 1.5))
            };
            let shine = 0.1 * (relief - 0.25).clamp(0.0, 1.0);
            let light = plus(body, scaled(WHITE, if self.night { shine } else { 0.5 * shine }));
            [light[0] * cover, light[1] * cover, light[2] * cover, cover]
        };
        Sprite::from_rows(columns.len(), rows.len(), |row, inks| {
            inks.iter_mut().zip(columns.clone()).for_each(|(one, x)| *one = ink(x, rows.start + row));
        })
    }
}

/// Darker, and more colourful as it gets darker: what much ink does to light.
fn shaded_quickly(tint: Tint, keep: f32) -> Tint {
    tint.map(|v| v * mix(v, 1.0, keep) * mix(0.85, 1.0, keep))
}

impl Actor for InkInWater {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (x / (1.2 * self.world.half_width), (y + 0.35 * self.world.half_height) / (1.2 * self.world.half_height));
        let lit = bump((dx * dx + dy * dy).sqrt().min(1.0));
        let ripple = self.dice.fork(8).land((x + 0.4 * y) / 210.0, y / 420.0) * 0.6
            + self.dice.fork(9).land((x + 0.4 * y) / 90.0, y / 300.0) * 0.4;
        if self.night {
            let lead = glowing(self.colours.moving(0), 1.0);
            return plus(scaled(base, 1.0 + 0.2 * ripple), scaled(blend(lead, self.colours.sky(1.0), 0.5), 0.03 * lit));
        }
        scaled(blend(base, WHITE, 0.35 * lit), 1.0 + 0.025 * ripple)
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if !canvas.looks_ahead() {
            self.plumes(shot, canvas);
        }
        self.motes(shot, canvas);
    }
}

impl InkInWater {
    /// The ink of all plumes together, which mix where they meet.
    fn plumes(&self, shot: &Shot, canvas: &mut Canvas) {
        let (width, height) = (canvas.sharp.width as f32 / self.cell, canvas.sharp.height as f32 / self.cell);
        // A cell more on each side: a sprite's rim is clear.
        let (wide, high) = (width.ceil() as usize + 2, height.ceil() as usize + 2);
        let mut water = Water { width: wide, height: high, cells: vec![CLEAR; wide * high], inked: [0..0, 0..0] };
        for life in shot.moment.lives(self.dice.fork(1), self.count, LASTING / self.layer.speed.max(0.05)) {
            self.plume(shot, &mut water, &life);
        }
        if water.inked.iter().any(Range::is_empty) {
            return;
        }
        water.settle();
        // The first cell lies beyond the picture.
        let span = |cells: &Range<usize>| {
            let half = 0.5 * cells.len() as f32 * self.cell;
            ((cells.start as f32 - 1.0) * self.cell + half, half)
        };
        let [(x, half_width), (y, half_height)] = water.inked.each_ref().map(span);
        let place = Place { x, y, across: [half_width, 0.0], down: [0.0, half_height] };
        canvas.sprite(&self.developed(&water), place, WHITE, 1.0);
    }

    /// What floats in any water.
    fn motes(&self, shot: &Shot, canvas: &mut Canvas) {
        let dice = self.dice.fork(20);
        for life in shot.moment.lives(dice, (70.0 * self.layer.amount) as usize, 9.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let drift = (life.age - 0.5) * hand.range(20.0, 60.0);
            let x = hand.spread(1.05 * self.world.half_width) + 10.0 * shot.moment.wave(hand.range(0.05, 0.15), hand.unit());
            let spot = shot.spot(x, hand.spread(1.05 * self.world.half_height) + drift, hand.range(0.0, 1.0));
            let bright = fade(life.age, 0.3) * if self.night { 0.22 } else { 0.3 };
            canvas.spark(
                spot.x,
                spot.y,
                hand.range(0.6, 1.5) * spot.unit,
                scaled(blend(WHITE, self.colours.moving(0), 0.3), bright),
            );
        }
    }
}
