//! Products that are round about their axis: a bottle, a jar, a ball. Turning one moves only what is printed on it, so
//! its form, its light and its reflections are worked out once.

use super::{PITCH, Vector, lacquer, unit};
use crate::{
    colour::{BLACK, Colours, Tint, WHITE, blend, plus, scaled, shaded},
    curve::{bump, cosine, fraction, mix, ramp},
    sprite::{CLEAR, Ink, Sprite},
};

/// Which product.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Bottle,
    Jar,
    Ball,
}

impl Form {
    pub(super) const ALL: [Form; 3] = [Form::Bottle, Form::Jar, Form::Ball];

    /// Distance to the surface at a distance from the axis and a height; −1 to 1 fits the picture.
    fn distance(self, out: f32, up: f32) -> f32 {
        let rounded = |middle: f32, wide: f32, tall: f32, round: f32| {
            let (dx, dy) = (out - wide + round, (up - middle).abs() - tall + round);
            let (px, py) = (dx.max(0.0), dy.max(0.0));
            (px * px + py * py).sqrt() + dx.max(dy).min(0.0) - round
        };
        match self {
            Form::Bottle => {
                let body = rounded(-0.3, 0.44, 0.52, 0.13);
                let neck = rounded(0.28, 0.12, 0.12, 0.01);
                body.min(neck).min(self.cap(out, up))
            }
            Form::Jar => rounded(-0.34, 0.62, 0.4, 0.1).min(self.cap(out, up)),
            Form::Ball => ((out * out + (up + 0.12) * (up + 0.12)).sqrt() - 0.66).min(self.cap(out, up)),
        }
    }

    /// Distance to the part that is of metal.
    fn cap(self, out: f32, up: f32) -> f32 {
        let (middle, wide, tall, round): (f32, f32, f32, f32) = match self {
            Form::Bottle => (0.56, 0.2, 0.22, 0.04),
            Form::Jar => (0.2, 0.64, 0.15, 0.045),
            // The ring that the ball rests on.
            Form::Ball => (-0.76, 0.34, 0.06, 0.05),
        };
        let (dx, dy) = (out - wide + round, (up - middle).abs() - tall + round);
        let (px, py) = (dx.max(0.0), dy.max(0.0));
        (px * px + py * py).sqrt() + dx.max(dy).min(0.0) - round
    }
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

pub(super) struct Turned {
    form: Form,
    width: usize,
    height: usize,
    points: Vec<Point>,
    colours: Vec<Tint>,
}

impl Turned {
    pub(super) fn new(form: Form, colours: &Colours, texels: usize) -> Self {
        let (width, height) = (((texels as f32 * Self::wide(form)) as usize).max(6), texels);
        let lead = colours.moving(0);
        let metal = colours.moving(colours.moving.len() - 1);
        let points = (0..width * height).map(|index| {
            let x = ((index % width) as f32 + 0.5) / width as f32 * 2.0 - 1.0;
            let y = ((index / width) as f32 + 0.5) / height as f32 * 2.0 - 1.0;
            point(form, x * Self::wide(form), -y, 2.0 / height as f32, metal)
        });
        let print = vec![lead, colours.moving(1), metal, shaded(lead, 0.72, 1.0)];
        Self { form, width, height, points: points.collect(), colours: print }
    }

    const fn wide(form: Form) -> f32 {
        match form {
            Form::Bottle => 0.5,
            Form::Jar => 0.72,
            Form::Ball => 0.76,
        }
    }

    /// Width to height.
    pub(super) fn aspect(&self) -> f32 {
        Self::wide(self.form)
    }

    /// Radius of what touches the table, in half heights.
    pub(super) fn foot(&self) -> f32 {
        match self.form {
            Form::Bottle => 0.44,
            Form::Jar => 0.62,
            Form::Ball => 0.4,
        }
    }

    /// Where the middle of the sole is seen, below the picture's middle, in half heights.
    pub(super) fn sole(&self) -> f32 {
        PITCH.1
            * match self.form {
                Form::Bottle => 0.82,
                Form::Jar => 0.74,
                Form::Ball => 0.82,
            }
    }

    /// The product turned by so many turns.
    pub(super) fn picture(&self, turn: f32) -> Sprite {
        let inked = self.points.iter().map(|point| {
            if point.cover <= 0.0 {
                return CLEAR;
            }
            let light = if point.printed {
                plus(scaled(self.print(point.around - turn, point.up), point.matt), point.gloss)
            } else {
                point.gloss
            };
            let ink: Ink = [light[0] * point.cover, light[1] * point.cover, light[2] * point.cover, point.cover];
            ink
        });
        Sprite::from_inks(self.width, self.height, inked)
    }

    /// What is printed at a place of the surface.
    fn print(&self, around: f32, up: f32) -> Tint {
        let [lead, second, metal, deep] = [self.colours[0], self.colours[1], self.colours[2], self.colours[3]];
        match self.form {
            Form::Bottle | Form::Jar => {
                let (low, high) = if self.form == Form::Bottle { (-0.62, 0.0) } else { (-0.6, -0.1) };
                let middle = (low + high) / 2.0;
                if up < low || up > high {
                    let line = bump(((up - low + 0.035).abs().min((up - high - 0.035).abs()) / 0.014).min(1.0));
                    return blend(lead, metal, line);
                }
                // A band with a row of lozenges, a larger emblem on two sides.
                let side = fraction(around * 2.0) - 0.5;
                let (u, v) = (side * if self.form == Form::Bottle { 1.4 } else { 2.0 }, up - middle);
                let far = (u * u + v * v).sqrt();
                let emblem = ramp(0.215, 0.207, far);
                let ring = ramp(0.012, 0.006, (far - 0.18).abs());
                let petals = ramp(0.006, 0.0, far - 0.07 - 0.08 * petal_wave(u, v));
                let small = fraction(around * 24.0) - 0.5;
                let lozenge = ramp(
                    0.34,
                    0.27,
                    small.abs() + ((up - low - 0.045) / 0.07).abs().min(((up - high + 0.045) / 0.07).abs()) * 0.9,
                );
                let band = blend(second, metal, lozenge * (1.0 - emblem));
                let seal = blend(blend(lead, metal, ring), second, petals);
                blend(band, seal, emblem)
            }
            Form::Ball => {
                let stripe = fraction(around * 6.0);
                let edge = 0.035 / (1.0 - (up + 0.12) * (up + 0.12) * 2.2).max(0.05);
                let panel = if (around * 6.0).floor().rem_euclid(2.0) < 1.0 { lead } else { second };
                let seam = ramp(edge, edge * 0.5, (stripe - 0.5).abs() - 0.5 + edge * 1.5);
                let belt = ramp(0.085, 0.08, (up + 0.12).abs());
                let star = fraction(around * 12.0) - 0.5;
                let spot = ramp(0.3, 0.24, (star * star + ((up + 0.12) / 0.16) * ((up + 0.12) / 0.16)).sqrt());
                blend(blend(blend(panel, deep, 0.0 * seam), metal, belt), WHITE, belt * spot)
            }
        }
    }
}

/// Eight waves around an emblem.
fn petal_wave(u: f32, v: f32) -> f32 {
    let turn = libm::atan2f(v, u) / std::f32::consts::TAU;
    (0.5 + 0.5 * cosine(turn * 8.0)).max(0.0).sqrt()
}

/// Where a level ray through the picture meets the product, and how that place is lit.
fn point(form: Form, x: f32, y: f32, pixel: f32, metal: Tint) -> Point {
    let (sin, cos) = PITCH;
    // The ray starts before the product and goes into the picture, downwards.
    let from: Vector = [x, y * cos + 1.6 * sin, 1.6 * cos - y * sin];
    let along: Vector = [0.0, -sin, -cos];
    let at = |t: f32| [from[0] + along[0] * t, from[1] + along[1] * t, from[2] + along[2] * t];
    let distance = |p: Vector| form.distance((p[0] * p[0] + p[2] * p[2]).sqrt(), p[1]);
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
    let capped = form.cap(out, p[1]) < form.distance(out, p[1]) + 0.01;
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
