//! A phone: a slab of glass in a frame of metal, its screen aglow, its cameras on a bump at the back. It floats a little
//! above the table.

use super::{Foot, PITCH, Product, Vector, dot, lacquer, per, studio, unit};
use crate::{
    colour::{BLACK, Colours, Tint, WHITE, blend, glowing, luminance, plus, scaled, shaded},
    curve::{bump, cosine, mix, ramp, sine},
    sprite::{CLEAR, Ink, Sprite, ink},
    tempo::Moment,
};

/// Width of the picture to its height.
const ASPECT: f32 = 0.46;
/// Half the phone's width, height and thickness, in half heights of the picture; the radius of its corners.
const HALF: Vector = [0.385, 0.8, 0.044];
const CORNER: f32 = 0.105;
/// How round the frame is from front to back.
const ROUND: f32 = 0.03;
/// How far the screen stays away from the outline.
const BEZEL: f32 = 0.026;
/// The bump: its middle (seen from behind it is on the left), half sizes, and the radius of its corners.
const BUMP: (Vector, Vector, f32) = ([0.17, 0.57, -0.054], [0.17, 0.18, 0.026], 0.075);
/// The lenses on the bump, and their radius.
const LENSES: [(f32, f32); 3] = [(0.245, 0.65), (0.245, 0.49), (0.1, 0.57)];
const LENS: f32 = 0.064;

pub(super) struct Phone {
    texels: usize,
    back: Tint,
    frame: Tint,
    emblem: Tint,
    /// The waves on the screen, from the farthest to the nearest.
    waves: Vec<Tint>,
    /// What lies behind them, from top to bottom.
    night: (Tint, Tint),
    shine: Tint,
}

impl Phone {
    /// `texels` is the picture's height.
    pub(super) fn new(colours: &Colours, texels: usize) -> Self {
        let (lead, metal) = (colours.moving(0), colours.moving(colours.moving.len() - 1));
        // A palette of one colour still makes waves that are told apart.
        let wave = |index: usize| {
            let tint = blend(colours.moving(if index.is_multiple_of(2) { 0 } else { index.div_ceil(2) }), lead, 0.25);
            let bright = mix(0.62, 0.95, index as f32 / 3.0);
            shaded(glowing(tint, bright.min(luminance(tint) * 2.0 + 0.45)), mix(0.8, 1.08, index as f32 / 3.0), 1.1)
        };
        Self {
            texels,
            back: lead,
            frame: blend(metal, [0.5, 0.5, 0.52], 0.35),
            emblem: blend(metal, WHITE, 0.4),
            waves: (0..4).map(wave).collect(),
            night: (shaded(glowing(lead, 0.4), 0.4, 1.0), glowing(blend(lead, colours.moving(1), 0.5), 0.7)),
            shine: glowing(lead, 1.0),
        }
    }

    /// The picture on the screen: waves of the palette's colours that lap over one another. −1 to 1 in both directions.
    fn screen(&self, x: f32, y: f32, phase: f32) -> Tint {
        let mut seen = blend(self.night.1, self.night.0, ramp(-0.4, 1.0, y));
        // A sun behind the waves.
        let (dx, dy) = (0.5 * (x - 0.3), y - 0.42 - 0.03 * sine(phase));
        let sun = (dx * dx + dy * dy).sqrt();
        seen = plus(seen, scaled(self.waves[3], 0.5 * bump((sun / 0.62).min(1.0)) + 0.35 * ramp(0.19, 0.17, sun)));
        for (number, &tint) in self.waves.iter().enumerate() {
            let number = number as f32;
            let swell = sine(0.23 * x + 0.31 * number + phase) + 0.45 * sine(0.41 * x - 0.17 * number - phase + 0.4);
            let crest = 0.3 - 0.36 * number + (0.16 + 0.02 * number) * swell;
            let deep = crest - y;
            // A wave's shadow on the one behind it, then the wave: bright at its crest.
            seen = scaled(seen, 1.0 - 0.4 * ramp(-0.22, 0.0, deep));
            let lit = mix(0.5, 1.15, ramp(0.75, 0.0, deep)) + 0.25 * ramp(0.07, 0.0, deep);
            seen = blend(seen, scaled(tint, lit), ramp(-0.006, 0.006, deep));
        }
        seen
    }
}

/// Distance to a rectangle with round corners.
fn card(x: f32, y: f32, half: (f32, f32), corner: f32) -> f32 {
    let (dx, dy) = (x.abs() - half.0 + corner, y.abs() - half.1 + corner);
    let (px, py) = (dx.max(0.0), dy.max(0.0));
    (px * px + py * py).sqrt() + dx.max(dy).min(0.0) - corner
}

/// Distance to a card with some thickness and round edges.
fn slab(p: Vector, half: Vector, corner: f32, round: f32) -> f32 {
    let (out, through) = (card(p[0], p[1], (half[0], half[1]), corner) + round, p[2].abs() - half[2] + round);
    let (px, py) = (out.max(0.0), through.max(0.0));
    (px * px + py * py).sqrt() + out.max(through).min(0.0) - round
}

fn distance(p: Vector) -> f32 {
    let body = slab(p, HALF, CORNER, ROUND);
    if p[2] > 0.0 {
        return body;
    }
    let (middle, half, corner) = BUMP;
    body.min(slab([p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]], half, corner, 0.016))
}

/// The phone at one angle.
struct Posed<'a> {
    phone: &'a Phone,
    turn: (f32, f32),
    lift: f32,
    phase: f32,
    pixel: f32,
    /// A ray's direction in the phone's own space, and its parts' inverses.
    ray: Vector,
    per: Vector,
}

impl Posed<'_> {
    /// From the product's space into the phone's.
    fn inward(&self, v: Vector) -> Vector {
        let (s, c) = self.turn;
        [v[0] * c - v[2] * s, v[1], v[0] * s + v[2] * c]
    }

    /// From the phone's space into the product's.
    fn outward(&self, v: Vector) -> Vector {
        let (s, c) = self.turn;
        [v[0] * c + v[2] * s, v[1], v[2] * c - v[0] * s]
    }

    fn seen(&self, x: f32, y: f32) -> Ink {
        let (sin, cos) = PITCH;
        let origin = self.inward([x, (y - self.lift) * cos + 2.0 * sin, 2.0 * cos - (y - self.lift) * sin]);
        // Only what passes through the box around phone and bump is followed.
        let (mut near, mut far) = (0.0f32, f32::MAX);
        for (axis, (low, high)) in [(-HALF[0], HALF[0]), (-HALF[1], HALF[1]), (-0.081, HALF[2])].into_iter().enumerate() {
            let (a, b) =
                ((low - self.pixel - origin[axis]) * self.per[axis], (high + self.pixel - origin[axis]) * self.per[axis]);
            near = near.max(a.min(b));
            far = far.min(a.max(b));
        }
        if near >= far {
            return CLEAR;
        }
        let at = |t: f32| -> Vector { std::array::from_fn(|axis| origin[axis] + self.ray[axis] * t) };
        if let Some(p) = self.flat(at, origin[2]) {
            return ink(self.light(p), 1.0);
        }
        let (mut t, mut nearest, mut nearest_at) = (near, f32::MAX, near);
        for _ in 0..28 {
            let away = distance(at(t));
            if away < nearest {
                (nearest, nearest_at) = (away, t);
            }
            if away < 0.1 * self.pixel || t > far {
                break;
            }
            t += away;
        }
        let cover = ramp(0.9 * self.pixel, 0.0, nearest);
        if cover <= 0.0 {
            return CLEAR;
        }
        ink(self.light(at(nearest_at)), cover)
    }

    /// Where a ray meets the flat of the screen, of the bump or of the back, which most rays do: those need no search.
    fn flat(&self, at: impl Fn(f32) -> Vector, from: f32) -> Option<Vector> {
        let through = |plane: f32| at((plane - from) / self.ray[2]);
        let within = |p: Vector| card(p[0], p[1], (HALF[0], HALF[1]), CORNER) < -ROUND;
        if self.ray[2].abs() < 1e-3 {
            return None;
        }
        if self.ray[2] < 0.0 {
            return Some(through(HALF[2])).filter(|&p| within(p));
        }
        let (middle, half, corner) = BUMP;
        let over = |p: Vector| card(p[0] - middle[0], p[1] - middle[1], (half[0], half[1]), corner);
        let (high, low) = (through(middle[2] - half[2]), through(-HALF[2]));
        if over(high) < -0.017 {
            return Some(high);
        }
        // The bump may stand between the eye and the back only where the ray passes near it.
        let (dx, dy) = (0.5 * (low[0] - high[0]), 0.5 * (low[1] - high[1]));
        let clear = over([high[0] + dx, high[1] + dy, 0.0]) > (dx * dx + dy * dy).sqrt() + self.pixel;
        Some(low).filter(|&p| clear && within(p))
    }

    fn light(&self, p: Vector) -> Tint {
        let inside = -card(p[0], p[1], (HALF[0], HALF[1]), CORNER);
        // The flat of the glass; beyond it the frame bends away.
        if inside > ROUND * 0.7 && p[2] > 0.0 {
            return self.front(p, inside);
        }
        let (middle, half, corner) = BUMP;
        let (bx, by) = (p[0] - middle[0], p[1] - middle[1]);
        let from_bump = card(bx, by, (half[0], half[1]), corner);
        let deep = -p[2];
        if inside > ROUND * 0.7 && deep < HALF[2] + 0.004 && from_bump > 0.0 {
            return self.back(p, from_bump);
        }
        if from_bump < -0.016 * 0.7 && deep > HALF[2] + 0.01 {
            return self.cameras(p);
        }
        const STEP: f32 = 0.002;
        let slope = |axis: usize| {
            let (mut a, mut b) = (p, p);
            a[axis] += STEP;
            b[axis] -= STEP;
            distance(a) - distance(b)
        };
        let normal = self.outward(unit([slope(0), slope(1), slope(2)]));
        let bumped = from_bump < 0.004 && deep > HALF[2];
        lacquer(if bumped { blend(self.phone.back, self.phone.frame, 0.4) } else { self.phone.frame }, normal, 0.9, 0.85)
    }

    /// What the flat glass facing `side` mirrors at a place: a little bent, so that light sweeps over it.
    fn sheen(&self, p: Vector, side: f32) -> (Vector, f32) {
        let normal = unit(self.outward(unit([0.2 * p[0], 0.09 * p[1], side])));
        let slant = 1.0 - dot(normal, [0.0, PITCH.0, PITCH.1]).clamp(0.0, 1.0);
        let slant = slant * slant;
        (normal, studio(normal) * mix(0.1, 0.9, slant * slant))
    }

    fn front(&self, p: Vector, inside: f32) -> Tint {
        let (_, mirrored) = self.sheen(p, 1.0);
        let edge = |width: f32, place: f32| ramp(-width, width, place);
        let lit = edge(0.7 * self.pixel, inside - BEZEL);
        let mut seen = [0.004, 0.004, 0.005];
        if lit > 0.0 {
            let (x, y) = (p[0] / (HALF[0] - BEZEL), p[1] / (HALF[1] - BEZEL));
            let pill = card(p[0], p[1] - 0.7, (0.085, 0.024), 0.024);
            let island = edge(0.7 * self.pixel, -pill);
            let picture = self.phone.screen(x, y, self.phase);
            // The bar at the lower edge that every such phone has.
            let bar = edge(0.7 * self.pixel, -card(p[0], p[1] + 0.735, (0.11, 0.006), 0.006));
            seen = blend(seen, blend(blend(picture, WHITE, 0.75 * bar), BLACK, island), lit);
        }
        plus(seen, scaled(WHITE, mirrored))
    }

    fn back(&self, p: Vector, from_bump: f32) -> Tint {
        let (normal, mirrored) = self.sheen(p, -1.0);
        let far = (p[0] * p[0] + (p[1] - 0.02) * (p[1] - 0.02)).sqrt();
        let ring = ramp(0.7 * self.pixel, -0.7 * self.pixel, (far - 0.1).abs() - 0.016);
        let dot = ramp(0.7 * self.pixel, -0.7 * self.pixel, far - 0.035);
        let glass = lacquer(self.phone.back, normal, 0.25, 0.3);
        let emblem = lacquer(self.phone.emblem, normal, 0.9, 0.6);
        // The bump keeps light from what is beside it.
        let shade = mix(0.55, 1.0, ramp(0.0, 0.035, from_bump));
        plus(scaled(blend(glass, emblem, ring.max(dot)), shade), scaled(WHITE, 0.6 * mirrored))
    }

    fn cameras(&self, p: Vector) -> Tint {
        let (normal, mirrored) = self.sheen(p, -1.0);
        let mut seen = lacquer(blend(self.phone.back, BLACK, 0.25), normal, 0.6, 0.3);
        let soft = 0.7 * self.pixel;
        for (x, y) in LENSES {
            let (dx, dy) = (p[0] - x, p[1] - y);
            let far = (dx * dx + dy * dy).sqrt();
            if far > LENS + soft {
                continue;
            }
            let bright = 0.5 + 0.5 * dot([dx / LENS, dy / LENS, 0.0], [0.5, 0.8, 0.0]);
            let rim = scaled(self.phone.frame, mix(0.35, 1.3, bright));
            // The glass: dark, with a coloured coating and the studio's lamp in it.
            let (gx, gy) = (dx / LENS + 0.3, dy / LENS - 0.35);
            let lamp = bump(((gx * gx + gy * gy).sqrt() / 0.3).min(1.0));
            let coat = scaled(self.phone.shine, 0.1 * bump(((far / LENS - 0.45) / 0.3).clamp(-1.0, 1.0)) * (1.0 - bright));
            let glass = plus(plus([0.006, 0.006, 0.008], coat), scaled(WHITE, 0.75 * lamp * (0.3 + mirrored)));
            seen = blend(seen, blend(glass, rim, ramp(-soft, soft, far - 0.8 * LENS)), ramp(soft, -soft, far - LENS));
        }
        let (dx, dy) = (p[0] - 0.1, p[1] - 0.69);
        let flash = ramp(soft, -soft, (dx * dx + dy * dy).sqrt() - 0.022);
        plus(blend(seen, [0.95, 0.9, 0.75], flash), scaled(WHITE, 0.5 * mirrored))
    }
}

impl Product for Phone {
    fn aspect(&self) -> f32 {
        ASPECT
    }

    fn sole(&self) -> f32 {
        // Below its lower edge by as much as it floats.
        PITCH.1 * (HALF[1] + 0.07)
    }

    fn foot(&self, turn: f32) -> Foot {
        let (across, along) = (cosine(turn).abs(), sine(turn).abs());
        Foot { wide: mix(HALF[2], HALF[0], across) * 0.95, deep: mix(HALF[2], HALF[0], along) * 0.95 }
    }

    fn picture(&self, turn: f32, moment: &Moment) -> Sprite {
        let (height, width) = (self.texels, ((self.texels as f32 * ASPECT) as usize).max(6));
        let (sin, cos) = PITCH;
        let mut posed = Posed {
            phone: self,
            turn: (sine(turn), cosine(turn)),
            lift: 0.018 * moment.wave(0.2, 0.0),
            phase: moment.rounds(0.2, 0.0),
            pixel: 2.0 / height as f32,
            ray: [0.0; 3],
            per: [0.0; 3],
        };
        posed.ray = posed.inward([0.0, -sin, -cos]);
        posed.per = per(posed.ray);
        Sprite::from_rows(width, height, |row, inks| {
            let y = 1.0 - (row as f32 + 0.5) / height as f32 * 2.0;
            for (column, ink) in inks.iter_mut().enumerate() {
                *ink = posed.seen(((column as f32 + 0.5) / width as f32 * 2.0 - 1.0) * ASPECT, y);
            }
        })
    }

    fn shine(&self, turn: f32) -> Tint {
        scaled(self.shine, cosine(turn).max(0.0))
    }
}
