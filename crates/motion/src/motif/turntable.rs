//! A product on a turntable in studio light, with its shadow and its reflection. Each product is a file of its own.

mod ball;
mod bottle;
mod gift_box;
mod phone;
mod turned;

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{BLACK, Colours, Tint, WHITE, blend, glowing, luminance, plus, scaled},
    curve::{bump, cosine, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Place, Sprite, ink},
    tempo::Moment,
};
use turned::Turned;

/// How far down the eye looks, as the sine and cosine of the angle.
const PITCH: (f32, f32) = (0.207_911_7, 0.978_147_6);

/// A direction or a place in the product's space: right, up, towards the eye.
type Vector = [f32; 3];

fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(v: Vector) -> Vector {
    let length = dot(v, v).sqrt().max(1e-9);
    v.map(|part| part / length)
}

/// What a ray's parts are multiplied by in place of a division; it never runs quite along a side.
fn per(ray: Vector) -> Vector {
    ray.map(|part| 1.0 / if part.abs() < 1e-6 { 1e-6 } else { part })
}

/// Light that a mirror facing `normal` throws at the eye: a large softbox to the left, a strip to the right, one above.
fn studio(normal: Vector) -> f32 {
    let view = [0.0, PITCH.0, PITCH.1];
    let twice = 2.0 * dot(normal, view);
    let seen = [twice * normal[0] - view[0], twice * normal[1] - view[1], twice * normal[2] - view[2]];
    let sharp = |low: f32, high: f32, x: f32| ramp(low - 0.05, low + 0.02, x) * ramp(high + 0.05, high - 0.02, x);
    let front = ramp(-0.35, 0.1, seen[2]);
    let left = sharp(-0.93, -0.5, seen[0]) * sharp(-0.28, 0.62, seen[1]) * front;
    let right = sharp(0.66, 0.8, seen[0]) * sharp(-0.3, 0.66, seen[1]) * front;
    let above = ramp(0.72, 0.95, seen[1]);
    let below = 0.05 * ramp(0.0, -0.6, seen[1]);
    0.95 * left * mix(0.75, 1.0, seen[1]) + 0.6 * right + 0.75 * above + below + 0.06
}

/// How much light falls on a matt surface: a key from the upper left, a fill from the right, and what the studio throws back.
fn matt(normal: Vector) -> f32 {
    let key = dot(normal, [-0.52, 0.6, 0.608]).max(0.0);
    let fill = dot(normal, [0.72, 0.2, 0.665]).max(0.0);
    0.2 + 0.62 * key + 0.2 * fill + 0.1 * normal[1].max(0.0)
}

/// A surface's colour: matt below, glossy above, mirroring more where it is seen at a slant.
fn lacquer(albedo: Tint, normal: Vector, gloss: f32, metal: f32) -> Tint {
    let slant = 1.0 - dot(normal, [0.0, PITCH.0, PITCH.1]).clamp(0.0, 1.0);
    let slant2 = slant * slant;
    let mirror = studio(normal);
    let body = scaled(albedo, matt(normal) * mix(1.0, 0.32, metal));
    let clear = scaled(WHITE, mirror * gloss * mix(0.3, 1.0, slant2 * slant2));
    let tinted = scaled(albedo, mirror * 1.25);
    plus(body, blend(clear, tinted, metal))
}

/// How much of the table a product covers, in half heights of its picture.
#[derive(Clone, Copy)]
struct Foot {
    /// From the middle to the right.
    wide: f32,
    /// From the middle towards the eye.
    deep: f32,
}

/// What stands on the table.
trait Product: Send + Sync {
    /// Width of its picture to its height.
    fn aspect(&self) -> f32;

    /// Where the middle of its sole is seen, below the picture's middle, in half heights.
    fn sole(&self) -> f32;

    /// What its shadow is cast by, turned by so many turns.
    fn foot(&self, turn: f32) -> Foot;

    /// It, turned by so many turns.
    fn picture(&self, turn: f32, moment: &Moment) -> Sprite;

    /// Light that it gives to what is around it.
    fn shine(&self, _turn: f32) -> Tint {
        BLACK
    }
}

/// Makes a product in the colours of a scene, its picture so many texels high.
type Maker = fn(&Colours, usize) -> Box<dyn Product>;

pub(super) struct Turntable {
    layer: Layer,
    world: World,
    product: Box<dyn Product>,
    /// Where the product stands, and the table's radius, in units.
    foot: (f32, f32),
    radius: f32,
    table: Option<Sprite>,
    mark: Sprite,
    shadow: Sprite,
    wall: Tint,
    accent: Tint,
    dice: Dice,
    mote: Tint,
    disc: Profile,
    dark: bool,
    /// Where the light on the wall is, in half widths, and how far the table has turned at first.
    lamp: f32,
    start: f32,
}

impl Turntable {
    pub(super) fn ball(casting: Casting) -> Self {
        Self::new(casting, |colours, texels| Box::new(Turned::new(ball::Ball::new(colours), texels)))
    }

    pub(super) fn gift_box(casting: Casting) -> Self {
        Self::new(casting, |colours, texels| Box::new(gift_box::GiftBox::new(colours, texels)))
    }

    pub(super) fn bottle(casting: Casting) -> Self {
        Self::new(casting, |colours, texels| Box::new(Turned::new(bottle::Bottle::new(colours), texels)))
    }

    pub(super) fn phone(casting: Casting) -> Self {
        Self::new(casting, |colours, texels| Box::new(phone::Phone::new(colours, texels)))
    }

    fn new(casting: Casting, product: Maker) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let radius = 0.36 * world.short() * layer.scale;
        let size = radius * 0.98;
        let texels = ((2.0 * size * world.unit).ceil() as usize).clamp(12, 900);
        let dark = luminance(colours.sky(0.7)) < 0.25;
        let foot = (0.0, world.half_height * if world.tall() { 0.34 } else { 0.5 });
        let mut hand = dice.hand(1);
        Self {
            layer,
            world,
            product: product(colours, texels),
            foot,
            radius,
            table: casting.staged.then(|| table(&casting, radius, dark)),
            mark: Sprite::paint(16, 16, 2, |x, y| {
                let light = bump((x * x + y * y).sqrt().min(1.0));
                [light, light, light, 0.0]
            }),
            shadow: Sprite::paint(64, 64, 1, |x, y| ink(BLACK, ramp(1.0, 0.1, (x * x + y * y).sqrt()))),
            wall: blend(colours.sky(0.35), WHITE, if dark { 0.12 } else { 0.75 }),
            accent: glowing(colours.moving(colours.moving.len() - 1), 1.0),
            dice,
            mote: blend(colours.moving(colours.moving.len() - 1), WHITE, 0.6),
            disc: Profile::new(|r| ramp(1.0, 0.55, r)),
            dark,
            lamp: hand.spread(0.22),
            start: hand.spread(0.11),
        }
    }

    /// Turns since the first frame: one in seven seconds at the usual speed.
    fn spin(&self, moment: &Moment) -> f32 {
        moment.cycles(0.145 * self.layer.speed, self.start)
    }
}

/// The table's top, glossy and lit from above, and its side with a thin line of light. Its box is 1 wide to 0.36 high.
fn table(casting: &Casting, radius: f32, dark: bool) -> Sprite {
    let Casting { world, colours, .. } = *casting;
    let accent = glowing(colours.moving(colours.moving.len() - 1), if dark { 0.9 } else { 0.5 });
    let top_tint = if dark { blend(colours.sky(0.8), BLACK, 0.25) } else { blend(colours.sky(0.9), WHITE, 0.7) };
    let width = (2.0 * radius * world.unit).ceil() as usize;
    Sprite::paint(width.max(12), (width * 36 / 100).max(6), 3, |x, y| {
        let (y, flat, deep) = (y * 0.36, PITCH.0, 0.1);
        let away = (x * x + (y + 0.08) * (y + 0.08) / (flat * flat)).sqrt();
        if away < 1.0 {
            let sheen = 0.25 * bump((x + 0.35) / 0.9 - 0.6 * (y + 0.08)) + 0.12 * ramp(0.1, -0.25, y);
            let rim = ramp(0.965, 0.985, away);
            let light = if dark { 0.35 + 1.1 * sheen } else { 0.62 + 0.6 * sheen };
            let groove = 1.0 - 0.12 * ramp(0.006, 0.0, (away - 0.86).abs() - 0.003);
            return ink(plus(scaled(top_tint, light * groove), scaled(WHITE, 0.25 * rim * if dark { 0.5 } else { 1.0 })), 1.0);
        }
        // The side: the top's edge moved down.
        let edge = -0.08 + flat * (1.0 - x * x).max(0.0).sqrt();
        let down = (y - edge) / deep;
        if x.abs() < 1.0 && (0.0..1.0).contains(&down) {
            let round = (1.0 - x * x).sqrt();
            let soft = 0.35 + 0.5 * bump((x + 0.45) / 0.5) + 0.3 * bump((x - 0.72) / 0.2);
            let line = bump(((down - 0.52) / 0.16).clamp(-1.0, 1.0));
            let side = scaled(top_tint, (0.2 + 0.45 * soft * round) * mix(1.0, 0.7, down));
            return ink(plus(side, scaled(accent, 1.5 * line * (0.35 + 0.65 * round))), 1.0);
        }
        CLEAR
    })
}

impl Actor for Turntable {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let (dx, dy) = (
            x / (1.25 * self.world.half_width) - self.lamp,
            (y + 0.12 * self.world.half_height) / (1.15 * self.world.half_height),
        );
        let spot = bump((dx * dx + dy * dy).sqrt().min(1.0));
        // The wall runs into the floor without an edge; the floor is a little darker near the eye.
        let floor = ramp(0.25, 1.0, y / self.world.half_height);
        let lit = blend(base, self.wall, if self.dark { 0.55 } else { 0.6 } * spot);
        let rim = scaled(self.accent, if self.dark { 0.05 } else { 0.015 } * spot * spot);
        plus(scaled(lit, 1.0 - 0.16 * floor), rim)
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        let Some(table) = &self.table else { return };
        let depth = self.layer.depth;
        let spot = shot.spot(self.foot.0, self.foot.1 + 0.2 * self.radius, depth);
        canvas.sprite(
            &self.shadow,
            spot.upright(1.55 * self.radius, 0.36 * self.radius),
            WHITE,
            if self.dark { 0.6 } else { 0.3 },
        );
        let spot = shot.spot(self.foot.0, self.foot.1 + 0.08 * self.radius, depth);
        canvas.sprite(table, spot.upright(self.radius, 0.36 * self.radius), WHITE, 1.0);
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        let depth = self.layer.depth;
        let turn = self.spin(&shot.moment);
        for index in 0..36u64 {
            let mut hand = self.dice.fork(5).hand(index);
            let far = hand.unit();
            let x = hand.spread(1.1 * self.world.half_width) + 18.0 * shot.moment.wave(hand.range(0.05, 0.15), hand.unit());
            let y = hand.spread(self.world.half_height) + 14.0 * shot.moment.wave(hand.range(0.05, 0.15), hand.unit());
            let bright = (0.5 + 0.5 * shot.moment.wave(hand.range(0.1, 0.3), hand.unit())) * if self.dark { 0.16 } else { 0.1 };
            let spot = shot.spot(x, y, 0.9);
            canvas.disc(spot.x, spot.y, mix(2.0, 9.0, far * far * far) * spot.unit, &self.disc, scaled(self.mote, bright));
        }
        if self.table.is_some() {
            // Marks in the groove show that the table turns.
            for mark in 0..24 {
                let angle = turn + mark as f32 / 24.0;
                let (x, z) = (sine(angle) * 0.925 * self.radius, cosine(angle) * 0.925 * self.radius);
                let spot = shot.spot(self.foot.0 + x, self.foot.1 + z * PITCH.0, depth);
                let half = self.radius * if mark % 6 == 0 { 0.016 } else { 0.009 };
                let light = if mark % 6 == 0 { 1.2 } else { 0.5 } * if self.dark { 1.0 } else { 0.45 };
                canvas.sprite(&self.mark, spot.upright(half * 1.6, half), scaled(self.accent, light), 1.0);
            }
        }
        if canvas.looks_ahead() {
            // What turns stays where it is, and its picture is costly.
            return;
        }
        let (picture, aspect, sole) = (self.product.picture(turn, &shot.moment), self.product.aspect(), self.product.sole());
        let half = self.radius * 0.98;
        let spot = shot.spot(self.foot.0, self.foot.1, depth);
        // The sole's middle stands on the foot: `sole` is where it is in the picture, in half heights from the middle.
        let lift = sole * half * spot.unit;
        let mirrored =
            Place { x: spot.x, y: spot.y + lift, across: [half * aspect * spot.unit, 0.0], down: [0.0, -half * spot.unit] };
        let shadow = shot.spot(self.foot.0 + 0.04 * self.radius, self.foot.1 + 0.012 * self.radius, depth);
        if self.table.is_some() {
            picture.draw_within(canvas.sharp, mirrored, if self.dark { 0.3 } else { 0.22 }, |x, y| {
                let (dx, dy) = ((x - spot.x) / (self.radius * spot.unit), (y - spot.y) / (self.radius * PITCH.0 * spot.unit));
                ramp(1.0, 0.9, (dx * dx + dy * dy).sqrt()) * ramp(1.25, 0.1, dy)
            });
        }
        let shine = self.product.shine(turn);
        if shine != BLACK {
            let lit = shot.spot(self.foot.0, self.foot.1 + 0.06 * self.radius, depth);
            canvas.halo(lit.x, lit.y - 1.1 * lift, 1.9 * half * lit.unit, scaled(shine, if self.dark { 0.11 } else { 0.06 }));
            canvas.halo(lit.x, lit.y, 0.9 * half * lit.unit, scaled(shine, if self.dark { 0.1 } else { 0.05 }));
        }
        let Foot { wide, deep } = self.product.foot(turn);
        let reach = |grown: f32| (wide * half * grown, (deep * half * grown).max(0.06 * half) * PITCH.0 * 1.1);
        for (spot, grown, dense) in [(shadow, 1.5, 0.55), (spot, 1.12, 0.6)] {
            let (across, down) = reach(grown);
            canvas.sprite(&self.shadow, spot.upright(across, down), WHITE, dense);
        }
        let upright =
            Place { x: spot.x, y: spot.y - lift, across: [half * aspect * spot.unit, 0.0], down: [0.0, half * spot.unit] };
        canvas.sprite(&picture, upright, WHITE, 1.0);
    }
}
