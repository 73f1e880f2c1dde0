//! Plumes of coloured ink that sink into water and unfold.
//!
//! A plume is the skin of a jet: a sheet, wound into a tube, of which each ring was let go a little later than the one
//! before. Every point of it is carried by a flow that neither gains nor loses water, so the sheet stretches, rolls up and
//! folds as ink does. Where it is gathered it is dense, where it is drawn out it is a veil.

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
}

/// A corner of a triangle: its cell's place, and its density.
type Corner = [f32; 3];

impl Water {
    /// Adds a triangle whose density runs evenly from corner to corner.
    fn lay(&mut self, mut corners: [Corner; 3], tint: Tint) {
        corners.sort_by(|a, b| a[1].total_cmp(&b[1]));
        let [a, b, c] = corners;
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        if area.abs() < 1e-4 || c[1] < 0.0 || a[1] > self.height as f32 {
            return;
        }
        // Density per cell to the right and per cell down.
        let (ab, ac) = (b[2] - a[2], c[2] - a[2]);
        let across = (ab * (c[1] - a[1]) - ac * (b[1] - a[1])) / area;
        let down = (ac * (b[0] - a[0]) - ab * (c[0] - a[0])) / area;
        // The first row whose middle lies beyond an edge, so that triangles one above the other share none.
        let beyond = |edge: f32| (edge + 0.5).max(0.0) as usize;
        let (top, bottom) = (beyond(a[1]), beyond(c[1]).min(self.height));
        let edge = |from: Corner, to: Corner, y: f32| from[0] + (to[0] - from[0]) * (y - from[1]) / (to[1] - from[1]).max(1e-6);
        for row in top..bottom {
            let y = row as f32 + 0.5;
            let long = edge(a, c, y);
            let short = if y < b[1] { edge(a, b, y) } else { edge(b, c, y) };
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

    /// Softens what is there by a cell, in both directions.
    fn settle(&mut self) {
        let (width, height) = (self.width, self.height);
        let mixed = |a: Ink, b: Ink, c: Ink| -> Ink { std::array::from_fn(|i| 0.25 * (a[i] + c[i]) + 0.5 * b[i]) };
        let mut line = vec![CLEAR; width];
        for row in self.cells.chunks_exact_mut(width) {
            line.copy_from_slice(row);
            for x in 1..width - 1 {
                row[x] = mixed(line[x - 1], line[x], line[x + 1]);
            }
        }
        let mut above = self.cells[..width].to_vec();
        for y in 1..height - 1 {
            line.copy_from_slice(&self.cells[y * width..][..width]);
            for x in 0..width {
                self.cells[y * width + x] = mixed(above[x], line[x], self.cells[(y + 1) * width + x]);
            }
            above.copy_from_slice(&line);
        }
    }
}

/// The water's flow at a place: the curl of itself, which is why it folds what it carries (Arnold, Beltrami, Childress).
fn flow([x, y, z]: Point) -> Point {
    [sine(z) + 0.8 * cosine(y), sine(x) + 0.8 * cosine(z), sine(y) + 0.8 * cosine(x)]
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
            mesh: if small { (18, 20) } else { (64, 56) },
            steps: if small { 4 } else { 7 },
            cell: (2.0 * world.unit).round().clamp(1.0, 6.0),
        }
    }

    /// Where the flow has carried the points of a plume, ring by ring, and how long ago each ring was let go, in lives.
    fn sheet(&self, life: &Life) -> (Vec<Point>, Vec<f32>) {
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
        let (narrow, wide) = (12.0 * size, hand.range(105.0, 165.0) * size);
        let stir = hand.range(115.0, 165.0) * size.sqrt();
        let (coarse, fine) = (1.0 / (hand.range(400.0, 520.0) * size), 1.0 / (hand.range(165.0, 220.0) * size));
        let (here, there) = ([hand.unit(), hand.unit(), hand.unit()], [hand.unit(), hand.unit(), hand.unit()]);
        let rough = self.dice.fork(3).fork(life.number);
        let (mut places, mut ages) = (Vec::with_capacity(rings * points), Vec::with_capacity(rings));
        for ring in 0..rings {
            let let_go = ring as f32 / (rings - 1) as f32;
            let age = (life.age - POURED * let_go).max(0.0);
            ages.push(age);
            if age <= 0.0 {
                // Still in the nozzle, as are all that come after it.
                places.resize(places.len() + points, origin);
                continue;
            }
            let gone = 1.0 - 1.0 / (1.0 + 3.4 * age);
            let pulse = 1.0 + 0.3 * rough.hills(7.0 * let_go);
            let radius = (narrow + wide * age.sqrt() * (1.0 - 0.45 * let_go)) * pulse;
            let sway = 26.0 * size * rough.fork(1).hills(2.5 * let_go);
            for point in 0..points {
                let turn = point as f32 / points as f32;
                let (out, through) = (radius * cosine(turn), radius * sine(turn));
                let mut place =
                    [origin[0] + lean * travel * gone + out + sway, origin[1] + way * (travel * gone + 0.4 * through), through];
                let push = stir * age * (1.6 - 0.6 * age) / self.steps as f32;
                for _ in 0..self.steps {
                    let broad = flow(std::array::from_fn(|axis| place[axis] * coarse + here[axis]));
                    let curled = flow(std::array::from_fn(|axis| place[axis] * fine + there[axis]));
                    for axis in 0..3 {
                        place[axis] += push * (broad[axis] + 0.72 * curled[axis]);
                    }
                }
                places.push(place);
            }
        }
        (places, ages)
    }

    /// Lays a plume into the water.
    fn plume(&self, shot: &Shot, water: &mut Water, life: &Life) {
        let (rings, points) = self.mesh;
        let (places, ages) = self.sheet(life);
        let mut hand = self.dice.fork(4).hand(life.number);
        let index = (hand.unit() * hand.unit() * self.colours.moving.len() as f32) as usize;
        let tint = self.ink(self.colours.moving(index));
        let shown = ramp(1.0, 0.68, life.age) * ramp(0.0, 0.03, life.age) * hand.range(0.75, 1.05);
        let seen: Vec<[f32; 2]> = places
            .iter()
            .map(|&[x, y, z]| {
                let depth = (self.layer.depth - z / 900.0).clamp(0.0, 1.1);
                let spot = shot.spot(x, y, depth);
                [spot.x / self.cell + 1.0, spot.y / self.cell + 1.0]
            })
            .collect();
        // How much ink is where: what a patch holds, over the area that it is drawn out to.
        let scale = self.cell / self.world.unit;
        let usual = 130.0 * self.layer.scale * self.layer.scale * (72.0 * 60.0) / (rings * points) as f32;
        let streaks = self.dice.fork(5).fork(life.number);
        let around = |ring: usize, point: usize| ring * points + point % points;
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
        for ring in 0..rings - 1 {
            if ages[ring] <= 0.0 {
                break;
            }
            // The first and the last ring end in nothing.
            let rim = |ring: usize| ramp(-0.5, 4.0, ring as f32) * ramp(0.0, 0.02, ages[ring]);
            for point in 0..points {
                let corner = |i: usize, j: usize| {
                    let at = around(ring + i, point + j);
                    [seen[at][0], seen[at][1], dense[at] * rim(ring + i) * thread[(point + j) % points]]
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

    /// The water as it is seen: thin ink lets through what is behind, folds catch the light from above on the left.
    fn developed(&self, water: &Water) -> Sprite {
        let (width, height) = (water.width, water.height);
        let inks = (0..width * height).map(|index| {
            let [r, g, b, dense] = water.cells[index];
            if dense < 1e-3 {
                return CLEAR;
            }
            let (x, y) = (index % width, index / width);
            let at = |x: usize, y: usize| water.cells[y.min(height - 1) * width + x.min(width - 1)][3];
            let slope_x = at(x + 1, y) - at(x.saturating_sub(1), y);
            let slope_y = at(x, y + 1) - at(x, y.saturating_sub(1));
            let relief = (0.55 * slope_x + 0.75 * slope_y) / (0.35 + dense);
            let kept = 1.0 / (1.0 + 0.55 * dense);
            let cover = 1.0 - kept * kept * kept;
            let own = [r / dense, g / dense, b / dense];
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
        });
        Sprite::from_inks(width, height, inks)
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
        let mut water = Water { width: wide, height: high, cells: vec![CLEAR; wide * high] };
        for life in shot.moment.lives(self.dice.fork(1), self.count, LASTING / self.layer.speed.max(0.05)) {
            self.plume(shot, &mut water, &life);
        }
        water.settle();
        water.settle();
        let (half_width, half_height) = (0.5 * wide as f32 * self.cell, 0.5 * high as f32 * self.cell);
        let place =
            Place { x: half_width - self.cell, y: half_height - self.cell, across: [half_width, 0.0], down: [0.0, half_height] };
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
