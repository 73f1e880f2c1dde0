//! Products that are round about their axis. Turning one moves only what is printed on it, so its form, its light and its
//! reflections are worked out once.

use super::{Foot, PITCH, Product, Vector, lacquer, unit};
use crate::{
    colour::{BLACK, Tint, WHITE, plus, scaled},
    curve::{cosine, mix, ramp},
    sprite::{CLEAR, Ink, Sprite},
    tempo::Moment,
};

/// What is round: its outline and what is printed on it. Heights and distances from the axis are in half heights of the
/// picture, of which −1 to 1 is seen.
pub(super) trait Form: Send + Sync {
    /// Width of the picture to its height.
    const WIDE: f32;
    /// Radius of what touches the table.
    const FOOT: f32;
    /// How far the sole is below the picture's middle.
    const SOLE: f32;

    /// Distance to the surface at a distance from the axis and a height.
    fn distance(out: f32, up: f32) -> f32;

    /// Distance to the part that is of metal.
    fn cap(out: f32, up: f32) -> f32;

    /// The metal's colour.
    fn metal(&self) -> Tint;

    /// What is printed on the rest, at so many turns about the axis.
    fn print(&self, around: f32, up: f32) -> Tint;
}

/// Distance to a cylinder with rounded edges: its middle's height, radius, half height, and the edges' radius.
pub(super) fn rounded(out: f32, up: f32, [middle, wide, tall, round]: [f32; 4]) -> f32 {
    let (dx, dy) = (out - wide + round, (up - middle).abs() - tall + round);
    let (px, py) = (dx.max(0.0), dy.max(0.0));
    (px * px + py * py).sqrt() + dx.max(dy).min(0.0) - round
}

/// One point of the picture.
#[derive(Clone, Copy)]
struct Point {
    cover: f32,
    /// Light on the print, per channel of its colour.
    matt: f32,
    /// Light that the surface mirrors or that is not the print's.
    gloss: Tint,
    /// Turns about the axis, and height.
    around: f32,
    up: f32,
    printed: bool,
}

pub(super) struct Turned<F> {
    form: F,
    width: usize,
    height: usize,
    points: Vec<Point>,
}

impl<F: Form> Turned<F> {
    /// `texels` is the picture's height.
    pub(super) fn new(form: F, texels: usize) -> Self {
        let (width, height) = (((texels as f32 * F::WIDE) as usize).max(6), texels);
        let metal = form.metal();
        let points = (0..width * height).map(|index| {
            let x = ((index % width) as f32 + 0.5) / width as f32 * 2.0 - 1.0;
            let y = ((index / width) as f32 + 0.5) / height as f32 * 2.0 - 1.0;
            point::<F>(x * F::WIDE, -y, 2.0 / height as f32, metal)
        });
        Self { width, height, points: points.collect(), form }
    }
}

impl<F: Form> Product for Turned<F> {
    fn aspect(&self) -> f32 {
        F::WIDE
    }

    fn sole(&self) -> f32 {
        PITCH.1 * F::SOLE
    }

    fn foot(&self, _turn: f32) -> Foot {
        Foot { wide: F::FOOT, deep: F::FOOT }
    }

    fn picture(&self, turn: f32, _moment: &Moment) -> Sprite {
        let inked = |point: &Point| {
            if point.cover <= 0.0 {
                return CLEAR;
            }
            let light = if point.printed {
                plus(scaled(self.form.print(point.around - turn, point.up), point.matt), point.gloss)
            } else {
                point.gloss
            };
            let ink: Ink = [light[0] * point.cover, light[1] * point.cover, light[2] * point.cover, point.cover];
            ink
        };
        Sprite::from_rows(self.width, self.height, |y, row| {
            let points = &self.points[y * self.width..][..self.width];
            row.iter_mut().zip(points).for_each(|(ink, point)| *ink = inked(point));
        })
    }
}

/// Where a level ray through the picture meets the product, and how that place is lit.
fn point<F: Form>(x: f32, y: f32, pixel: f32, metal: Tint) -> Point {
    let (sin, cos) = PITCH;
    // The ray starts before the product and goes into the picture, downwards.
    let from: Vector = [x, y * cos + 1.6 * sin, 1.6 * cos - y * sin];
    let along: Vector = [0.0, -sin, -cos];
    let at = |t: f32| [from[0] + along[0] * t, from[1] + along[1] * t, from[2] + along[2] * t];
    let distance = |p: Vector| F::distance((p[0] * p[0] + p[2] * p[2]).sqrt(), p[1]);
    let (mut t, mut nearest, mut nearest_at) = (0.0f32, f32::MAX, 0.0f32);
    for _ in 0..72 {
        let away = distance(at(t));
        if away < nearest {
            (nearest, nearest_at) = (away, t);
        }
        if away < 0.15 * pixel || t > 3.4 {
            break;
        }
        t += away;
    }
    // Half a pixel around the outline is partly covered; its light is that of the nearest place of the surface.
    let cover = ramp(0.9 * pixel, 0.0, nearest);
    let p = at(nearest_at);
    const STEP: f32 = 0.004;
    let slope = |axis: usize| {
        let (mut a, mut b) = (p, p);
        a[axis] += STEP;
        b[axis] -= STEP;
        distance(a) - distance(b)
    };
    let normal = unit([slope(0), slope(1), slope(2)]);
    let out = (p[0] * p[0] + p[2] * p[2]).sqrt();
    let capped = F::cap(out, p[1]) < F::distance(out, p[1]) + 0.01;
    let ground = ramp(-0.95, -0.6, p[1]);
    // Light from the table's top and the dark where the product meets it.
    let bounce = mix(0.55, 1.0, ground);
    let black = lacquer(BLACK, normal, 0.9, 0.0);
    let white = lacquer(WHITE, normal, 0.9, 0.0);
    let around = libm::atan2f(p[0], p[2]) / std::f32::consts::TAU;
    if capped {
        let fluted = 1.0 + 0.06 * cosine(around * 60.0) * f32::from(u8::from(normal[1].abs() < 0.3));
        let light = scaled(lacquer(metal, normal, 0.9, 0.85), bounce * fluted);
        return Point { cover, matt: 0.0, gloss: light, around, up: p[1], printed: false };
    }
    Point { cover, matt: (white[1] - black[1]) * bounce, gloss: scaled(black, bounce), around, up: p[1], printed: true }
}
