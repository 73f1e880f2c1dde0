//! A gift box with a ribbon, met by rays: what turns has corners, so it is drawn anew for each frame.

use super::{Foot, PITCH, Product, Vector, dot, lacquer, per, unit};
use crate::{
    colour::{Colours, Tint, blend, scaled, shaded},
    curve::{cosine, fraction, mix, ramp, sine},
    sprite::{CLEAR, Ink, Sprite, ink, over},
    tempo::Moment,
};

/// Half sizes of the box and of its lid, and where their middles are; −1 to 1 fits the picture.
const BODY: (Vector, f32) = ([0.54, 0.42, 0.54], -0.4);
const LID: (Vector, f32) = ([0.575, 0.115, 0.575], 0.06);
/// Width of the picture to its height.
const ASPECT: f32 = 0.86;
/// Half the ribbon's width.
const RIBBON: f32 = 0.105;
/// Loops and ends of the bow: direction in turns, lift, reach, half length, half width.
const BOW: [(f32, f32, f32, f32, f32); 6] = [
    (0.0, 0.33, 0.23, 0.25, 0.115),
    (0.5, 0.33, 0.23, 0.25, 0.115),
    (0.25, 0.32, 0.2, 0.22, 0.1),
    (0.75, 0.32, 0.2, 0.22, 0.1),
    (0.125, 0.2, 0.26, 0.2, 0.035),
    (0.625, 0.2, 0.26, 0.2, 0.035),
];

pub(super) struct GiftBox {
    texels: usize,
    paper: Tint,
    lid: Tint,
    pattern: Tint,
    ribbon: Tint,
    /// The ribbon in its own shade, and its stitches.
    fold: Tint,
    stitch: Tint,
}

/// Where a ray goes in.
struct Hit {
    near: f32,
    /// How long it stays inside.
    chord: f32,
    axis: usize,
    sign: f32,
}

impl GiftBox {
    pub(super) fn new(colours: &Colours, texels: usize) -> Self {
        let (paper, ribbon) = (colours.moving(0), colours.moving(colours.moving.len() - 1));
        Self {
            texels,
            paper,
            lid: shaded(paper, 1.06, 1.0),
            pattern: blend(paper, colours.moving(1), 0.45),
            ribbon,
            fold: shaded(ribbon, 0.5, 1.0),
            stitch: shaded(ribbon, 0.75, 1.0),
        }
    }

    /// Paper, its dots and the ribbon over it.
    fn face(&self, p: Vector, half: Vector, axis: usize, lid: bool) -> Tint {
        let (u, v) = match axis {
            0 => (p[2], p[1]),
            1 => (p[0], p[2]),
            _ => (p[0], p[1]),
        };
        let band = u.abs().min(if axis == 1 { v.abs() } else { f32::MAX });
        let ribbon = ramp(RIBBON + 0.006, RIBBON - 0.006, band);
        if ribbon <= 0.0 {
            return self.paper(u, v, half[axis], lid);
        }
        let stitched = blend(self.ribbon, self.stitch, ramp(0.008, 0.003, (band - RIBBON * 0.82).abs()));
        if ribbon >= 1.0 { stitched } else { blend(self.paper(u, v, half[axis], lid), stitched, ribbon) }
    }

    /// The lid is plain; the body has dots, of which none is cut by an edge.
    fn paper(&self, u: f32, v: f32, half: f32, lid: bool) -> Tint {
        if lid {
            return self.lid;
        }
        let (a, b) = (fraction((u + v) * 4.2 + 0.5) - 0.5, fraction((u - v) * 4.2 + 0.5) - 0.5);
        let far = a * a + b * b;
        if far >= 0.2 * 0.2 {
            return self.paper;
        }
        let edge = ramp(0.0, 0.03, half - u.abs().max(v.abs()));
        blend(self.paper, self.pattern, ramp(0.2, 0.16, far.sqrt()) * edge)
    }
}

impl Product for GiftBox {
    fn aspect(&self) -> f32 {
        ASPECT
    }

    fn sole(&self) -> f32 {
        PITCH.1 * 0.82
    }

    fn foot(&self, _turn: f32) -> Foot {
        Foot { wide: 0.68, deep: 0.68 }
    }

    fn picture(&self, turn: f32, _moment: &Moment) -> Sprite {
        let (height, width) = (self.texels, ((self.texels as f32 * ASPECT) as usize).max(6));
        let posed = Posed::new(self, sine(turn), cosine(turn), 2.0 / height as f32);
        Sprite::from_rows(width, height, |row, inks| {
            let y = 1.0 - (row as f32 + 0.5) / height as f32 * 2.0;
            let met = posed.met(y);
            for (column, ink) in inks.iter_mut().enumerate() {
                *ink = posed.seen(((column as f32 + 0.5) / width as f32 * 2.0 - 1.0) * ASPECT, y, &met);
            }
        })
    }
}

/// One loop or end of the bow, or its knot, in the turned box.
struct Loop {
    /// Where its middle is seen, and how far its outline can be from there, squared.
    seen: (f32, f32),
    reach: f32,
    /// From its middle along its axes, each divided by the half length there; the rows take the product's own
    /// directions into a space where the loop is a ball.
    ball: [Vector; 3],
    middle: Vector,
    hollow: bool,
}

/// What the rays of one row may meet.
struct Met<'a> {
    /// How far from the middle rays can meet the box.
    wide: f32,
    loops: Vec<&'a Loop>,
}

/// The box at one angle, with what all rays share.
struct Posed<'a> {
    gift: &'a GiftBox,
    pixel: f32,
    turn: (f32, f32),
    /// A ray's direction in the box's own space, and its parts' inverses.
    ray: Vector,
    per: Vector,
    /// What a flat face adds to and makes of its colour: by axis, then by side.
    faces: [[(f32, f32); 2]; 3],
    loops: Vec<Loop>,
}

/// A surface's light is what it adds, plus its colour times what it leaves: see [`lacquer`], which this measures.
fn light_on(normal: Vector) -> (f32, f32) {
    let (black, white) = (lacquer([0.0; 3], normal, 0.5, 0.0)[1], lacquer([1.0; 3], normal, 0.5, 0.0)[1]);
    (black, white - black)
}

impl<'a> Posed<'a> {
    fn new(gift: &'a GiftBox, s: f32, c: f32, pixel: f32) -> Self {
        let (sin, cos) = PITCH;
        let faces = [[(0.0, 0.0); 2]; 3];
        let mut posed = Self { gift, pixel, turn: (s, c), ray: [0.0; 3], per: [0.0; 3], faces, loops: Vec::new() };
        posed.ray = posed.inward([0.0, -sin, -cos]);
        posed.per = per(posed.ray);
        for axis in 0..3 {
            for (side, sign) in [-1.0, 1.0].into_iter().enumerate() {
                let mut normal = [0.0; 3];
                normal[axis] = sign;
                posed.faces[axis][side] = light_on(posed.outward(normal));
            }
        }
        let knot = (0.0, 0.24, 0.0, 0.1, 0.1);
        for (turn, lift, reach, long, thick) in BOW.into_iter().chain([knot]) {
            let (bs, bc) = (sine(turn), cosine(turn));
            let (ts, tc): (f32, f32) = if thick < 0.05 { (-0.12, 0.992_8) } else { (0.42, 0.907_5) };
            let middle = posed.outward([bc * reach, lift, bs * reach]);
            let axes: [Vector; 3] = [[bc * tc, ts, bs * tc], [-bc * ts, tc, -bs * ts], [-bs, 0.0, bc]];
            let radii = [long, thick, if reach == 0.0 { long } else { RIBBON * 0.95 }];
            let ball = std::array::from_fn(|axis| scaled(posed.outward(axes[axis]), 1.0 / radii[axis]));
            // Seen from the eye, heights shrink by the pitch and what is nearer sinks.
            let seen = (middle[0], middle[1] * cos - middle[2] * sin);
            let reach = long.max(RIBBON) + pixel;
            posed.loops.push(Loop { seen, reach: reach * reach, ball, middle, hollow: thick > 0.05 && turn + lift != 0.24 });
        }
        posed
    }

    /// From the product's space into the box's.
    fn inward(&self, v: Vector) -> Vector {
        let (s, c) = self.turn;
        [v[0] * c - v[2] * s, v[1], v[0] * s + v[2] * c]
    }

    /// From the box's space into the product's.
    fn outward(&self, v: Vector) -> Vector {
        let (s, c) = self.turn;
        [v[0] * c + v[2] * s, v[1], v[2] * c - v[0] * s]
    }

    /// What a row of rays may meet.
    fn met(&self, y: f32) -> Met<'_> {
        let (sin, cos) = PITCH;
        let (s, c) = self.turn;
        let wide = LID.0[0] * (s.abs() + c.abs()) + self.pixel;
        // The lid's farthest corner is seen highest, and the body's nearest lowest; the lid is the wider of them.
        let high = (LID.1 + LID.0[1]) * cos + wide * sin + self.pixel;
        let low = (BODY.1 - BODY.0[1]) * cos - wide * sin - self.pixel;
        let near = |one: &&Loop| (y - one.seen.1) * (y - one.seen.1) < one.reach;
        Met { wide: if (low..high).contains(&y) { wide } else { 0.0 }, loops: self.loops.iter().filter(near).collect() }
    }

    fn seen(&self, x: f32, y: f32, met: &Met) -> Ink {
        let (sin, cos) = PITCH;
        let from = [x, y * cos + 2.0 * sin, 2.0 * cos - y * sin];
        let mut nearest = f32::MAX;
        let mut best = CLEAR;
        if x.abs() < met.wide {
            let origin = self.inward(from);
            for (half, middle, lid) in [(BODY.0, BODY.1, false), (LID.0, LID.1, true)] {
                let Some(hit) = enter([origin[0], origin[1] - middle, origin[2]], self.per, half) else { continue };
                if hit.near < nearest {
                    best = over(best, self.board(&hit, origin, half, middle, lid));
                    nearest = hit.near;
                }
            }
        }
        for one in &met.loops {
            let (dx, dy) = (x - one.seen.0, y - one.seen.1);
            if dx * dx + dy * dy < one.reach
                && let Some((near, ink)) = self.ribbon(one, from, nearest)
            {
                best = over(best, ink);
                nearest = near;
            }
        }
        best
    }

    /// A place of a side or of the lid.
    fn board(&self, hit: &Hit, origin: Vector, half: Vector, middle: f32, lid: bool) -> Ink {
        let mut local: Vector = std::array::from_fn(|axis| origin[axis] + self.ray[axis] * hit.near);
        local[1] -= middle;
        let tint = self.gift.face(local, half, hit.axis, lid);
        // Edges are a little rounded: near them the surface turns to its neighbour.
        let (mut normal, mut bent) = ([0.0; 3], false);
        for (axis, part) in normal.iter_mut().enumerate() {
            if axis == hit.axis {
                *part = hit.sign;
            } else if local[axis].abs() > half[axis] - 0.028 {
                *part = local[axis].signum() * 0.8 * ramp(half[axis] - 0.028, half[axis], local[axis].abs());
                bent = true;
            }
        }
        let (added, left) =
            if bent { light_on(self.outward(unit(normal))) } else { self.faces[hit.axis][usize::from(hit.sign > 0.0)] };
        // Under the lid and at the table it is darker.
        let shade = if lid { 1.0 } else { mix(0.62, 1.0, ramp(0.5, 0.2, local[1])) * mix(0.7, 1.0, ramp(-0.42, -0.1, local[1])) };
        ink(tint.map(|v| (added + v * left) * shade), (hit.chord / (1.6 * self.pixel)).min(1.0))
    }

    /// A place of the bow, if it is nearer than what is already seen.
    fn ribbon(&self, one: &Loop, from: Vector, nearest: f32) -> Option<(f32, Ink)> {
        let (sin, cos) = PITCH;
        let off: Vector = std::array::from_fn(|axis| from[axis] - one.middle[axis]);
        let into = |v: Vector| -> Vector { std::array::from_fn(|row| dot(one.ball[row], v)) };
        let (o, d) = (into(off), into([0.0, -sin, -cos]));
        let (a, b, q) = (dot(d, d), dot(o, d), dot(o, o) - 1.0);
        let inside = b * b - a * q;
        if inside <= 0.0 {
            return None;
        }
        let root = inside.sqrt();
        let near = (-b - root) / a;
        if near >= nearest {
            return None;
        }
        let p: Vector = std::array::from_fn(|axis| o[axis] + d[axis] * near);
        let normal = unit(std::array::from_fn(|axis| (0..3).map(|row| one.ball[row][axis] * p[row]).sum()));
        // The inside of a loop is seen through its side.
        let hollow = if one.hollow { ramp(0.62, 0.42, (p[0] * p[0] * 0.8 + p[1] * p[1] * 1.5).sqrt()) } else { 0.0 };
        let tint = blend(self.gift.ribbon, self.gift.fold, 0.8 * hollow);
        Some((near, ink(lacquer(tint, normal, 0.55, 0.25), (2.0 * root / a / (2.5 * self.pixel)).min(1.0))))
    }
}

/// Where a ray enters a box around the origin; `per` has the inverses of the ray's parts.
fn enter(origin: Vector, per: Vector, half: Vector) -> Option<Hit> {
    let mut hit = Hit { near: f32::MIN, chord: 0.0, axis: 0, sign: 1.0 };
    let mut far = f32::MAX;
    for axis in 0..3 {
        let (middle, reach) = (-origin[axis] * per[axis], half[axis] * per[axis].abs());
        if middle - reach > hit.near {
            hit = Hit { near: middle - reach, chord: 0.0, axis, sign: -per[axis].signum() };
        }
        far = far.min(middle + reach);
    }
    hit.chord = far - hit.near;
    (hit.chord > 0.0).then_some(hit)
}
