//! Candles of several heights on a dark, polished table: flames that flicker, wax that glows below them, and more of them
//! out of focus behind.

use super::{Actor, Casting};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{BLACK, Colours, Tint, WHITE, blend, glowing, luminance, plus, scaled, shaded},
    curve::{bump, fade, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::{CLEAR, Ink, Place, Sprite, ink, over},
};

/// Light of burning wax.
const FIRE: Tint = [1.0, 0.52, 0.16];
/// A candle's picture is this much taller than the candle: the wick and the rim's ellipse need room above and below.
const ROOM: f32 = 1.12;
/// How flat a circle on the table is seen.
const FLAT: f32 = 0.2;

/// One candle.
struct Candle {
    x: f32,
    /// Where it stands.
    y: f32,
    /// Half its width, and its height.
    half: f32,
    tall: f32,
    /// Beyond the layer's own depth.
    depth: f32,
    /// How far out of focus, in units.
    soft: f32,
    /// In shade, and lit from within.
    body: Sprite,
    glow: Sprite,
}

pub(super) struct Candles {
    dice: Dice,
    layer: Layer,
    world: World,
    /// From the farthest to the nearest.
    candles: Vec<Candle>,
    flame: Sprite,
    pool: Sprite,
    shadow: Sprite,
    disc: Profile,
    colours: Colours,
    /// Where the table begins.
    edge: f32,
    night: bool,
    staged: bool,
}

/// How a candle is shaped: its height to its half width, and where wax ran down.
struct Shape {
    tall: f32,
    dice: Dice,
}

impl Shape {
    /// The candle in the room's light. −1 to 1 across; 0 is the foot's middle, `tall` the rim's middle.
    fn body(&self, x: f32, up: f32, wax: Tint) -> Ink {
        let side = (1.0 - x * x).max(0.0).sqrt();
        let (low, high) = (-FLAT * side, self.tall + self.lip(x) - FLAT * side);
        if x.abs() > 1.0 || up < low {
            return CLEAR;
        }
        let wick = ramp(0.045, 0.025, (x - 0.02 * sine(up * 0.8)).abs()) * ramp(self.tall + 0.3, self.tall + 0.24, up);
        let above = up - self.tall;
        if up > high {
            let rim = (x * x + (above / FLAT) * (above / FLAT)).sqrt();
            let wicked = if above > -0.06 { ink([0.02, 0.015, 0.012], wick) } else { CLEAR };
            if rim > 1.0 {
                return wicked;
            }
            // The top: a rim, and the pool of molten wax in it.
            let melted = ramp(0.86, 0.74, rim);
            let top = blend(scaled(wax, 0.62), scaled(wax, 0.34), melted);
            return over(ink(top, 1.0), wicked);
        }
        let lit = 0.2 + 0.42 * bump(((x + 0.42) / 0.85).clamp(-1.0, 1.0)) + 0.16 * bump(((x - 0.86) / 0.2).clamp(-1.0, 1.0));
        let shade = mix(0.55, 1.0, ramp(0.0, 0.9, up)) * mix(0.45, 1.0, side);
        ink(scaled(wax, lit * shade * (1.0 + self.run(x, up))), 1.0)
    }

    /// How much higher or lower the rim is there.
    fn lip(&self, x: f32) -> f32 {
        0.07 * self.dice.fork(1).hills(x * 2.3) - 0.02
    }

    /// Wax that ran down: brighter on its left, darker on its right.
    fn run(&self, x: f32, up: f32) -> f32 {
        let mut relief = 0.0;
        for drop in 0..3u64 {
            let mut hand = self.dice.fork(2).hand(drop);
            let (at, long, wide) = (hand.spread(0.75), hand.range(0.3, 0.75) * self.tall.min(2.6), hand.range(0.07, 0.12));
            let down = self.tall - up;
            let swell = wide * mix(0.75, 1.25, ramp(0.5 * long, long, down)) * ramp(long + wide, long, down);
            if swell > 0.0 {
                let off = (x - at) / swell.max(1e-3);
                relief += 0.3 * bump((off + 0.35).clamp(-1.0, 1.0)) - 0.35 * bump((off - 0.5).clamp(-1.0, 1.0));
            }
        }
        relief
    }

    /// Light that comes out of the wax when the flame burns.
    fn glow(&self, x: f32, up: f32, wax: Tint) -> Ink {
        let side = (1.0 - x * x).max(0.0).sqrt();
        if x.abs() > 1.0 || up < -FLAT * side {
            return CLEAR;
        }
        let above = up - self.tall;
        let high = self.tall + self.lip(x) - FLAT * side;
        let light = if up > high {
            let rim = (x * x + (above / FLAT) * (above / FLAT)).sqrt();
            if rim > 1.0 {
                return CLEAR;
            }
            // The pool shines, most around the wick.
            mix(1.15, 0.55, ramp(0.2, 0.95, rim)) + 1.5 * bump((rim / 0.34).min(1.0))
        } else {
            let down = high - up;
            let deep = 1.0 / (1.0 + down * (0.9 + 1.1 * down));
            deep * mix(0.35, 1.0, side) * (1.0 + 0.5 * self.run(x, up)) + 0.35 * bump((down / 0.12).min(1.0))
        };
        let through = blend(plus(scaled(wax, 0.95), scaled(FIRE, 0.2 * luminance(wax) + 0.04)), FIRE, 0.16);
        let light = scaled(through, light);
        [light[0], light[1], light[2], 0.0]
    }
}

/// A flame: dark about the wick, pale within, orange at its edge, blue at its foot.
fn flame(x: f32, y: f32) -> Ink {
    // 0 at the foot, 1 at the tip.
    let t = 0.5 - 0.5 * y;
    let wide = 0.62 * (t.max(0.0).sqrt() * (1.0 - t) * 2.45).min(1.0) * mix(1.0, 0.82, t);
    let out = x.abs() / wide.max(1e-3);
    let edge = bump((out / 1.35).min(1.0));
    if edge <= 0.0 || t <= 0.0 || t >= 1.0 {
        return CLEAR;
    }
    let core = bump(out.min(1.0)) * ramp(1.0, 0.3, t);
    let (wx, wy) = (x / 0.14, (t - 0.12) / 0.16);
    let wick = bump((wx * wx + wy * wy).sqrt().min(1.0));
    let blue = ramp(0.2, 0.0, t) * ramp(0.0, 0.8, out);
    let tint = blend(blend([1.0, 0.36, 0.05], [1.0, 0.82, 0.46], core), [0.2, 0.35, 1.0], 0.75 * blue);
    let power = mix(0.7, 4.2, core) * edge * mix(1.0, 0.35, blue) * (1.0 - 0.62 * wick) * ramp(1.0, 0.86, t);
    let light = scaled(tint, power);
    [light[0], light[1], light[2], 0.55 * edge * core]
}

impl Candles {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, .. } = casting;
        let edge = world.half_height * if world.tall() { 0.3 } else { 0.26 };
        let side = ((56.0 * layer.scale * world.unit) as usize).clamp(8, 120);
        let mut candles = Self {
            dice,
            layer,
            world,
            candles: Vec::new(),
            flame: Sprite::paint(side, side * 2, 2, flame),
            pool: Sprite::paint(40, 40, 1, |x, y| {
                let light = bump((x * x + y * y).sqrt().min(1.0));
                [light * light, light * light, light * light, 0.0]
            }),
            shadow: Sprite::paint(32, 32, 1, |x, y| ink(BLACK, ramp(1.0, 0.2, (x * x + y * y).sqrt()))),
            disc: Profile::new(|r| ramp(1.0, 0.8, r) * mix(0.7, 1.0, r)),
            colours: colours.clone(),
            edge,
            night: colours.night(),
            staged: casting.staged,
        };
        // Rows: how many, where they stand, how large, how far out of focus.
        for (row, (usual, level, size, depth, soft)) in
            [(6.0f32, 0.16f32, 0.5f32, 0.4f32, 7.0f32), (5.0, 0.42, 0.78, 0.2, 2.2), (4.0, 0.8, 1.12, 0.0, 0.0)]
                .into_iter()
                .enumerate()
        {
            let wide = if world.tall() { 0.62 } else { 1.0 };
            let count = ((usual * wide * layer.amount.clamp(0.3, 3.0)).round() as usize).max(1);
            for index in 0..count {
                let mut hand = dice.fork(10 + row as u64).hand(index as u64);
                let place = (index as f32 + 0.5 + hand.spread(0.3)) / count as f32 * 2.0 - 1.0;
                // The nearest row leaves the middle free.
                let x = if row == 2 { place.signum() * mix(0.3, 0.98, place.abs()) } else { place } * world.half_width;
                let unit = 0.062 * world.short() * size * layer.scale;
                let half = unit * hand.range(0.8, 1.25);
                let tall = hand.range(1.3, 4.6);
                let wax = colours.moving(hand.index(colours.moving.len()));
                let y = mix(edge, world.half_height, level) + hand.spread(0.05) * world.half_height;
                candles.stand(
                    Candle {
                        x,
                        y,
                        half,
                        tall: tall * half,
                        depth: (layer.depth + depth).min(1.1),
                        soft: soft * (1.0 + layer.scale) / 2.0,
                        body: Sprite::paint(2, 2, 1, |_, _| CLEAR),
                        glow: Sprite::paint(2, 2, 1, |_, _| CLEAR),
                    },
                    Shape { tall, dice: dice.fork(40 + row as u64).fork(index as u64) },
                    wax,
                );
            }
        }
        candles.candles.sort_by(|a, b| a.y.total_cmp(&b.y));
        candles
    }

    /// Paints a candle's pictures and puts it on the table.
    fn stand(&mut self, mut candle: Candle, shape: Shape, wax: Tint) {
        // Even dark wax lets light through.
        let wax = if luminance(wax) < 0.06 { glowing(wax, 0.12) } else { shaded(wax, 0.96, 1.0) };
        let width = ((2.2 * candle.half * self.world.unit).ceil() as usize).clamp(6, 320);
        let height = ((width as f32 * shape.height() / 2.0) as usize).clamp(8, 900);
        let dim = if self.night { 0.45 } else { 0.85 };
        let at = |y: f32| shape.tall / 2.0 - y * shape.height() / 2.0;
        let body = Sprite::paint(width, height, 2, |x, y| {
            let [r, g, b, a] = shape.body(x * 1.03, at(y), wax);
            [r * dim, g * dim, b * dim, a]
        });
        let glow = Sprite::paint(width, height, 2, |x, y| shape.glow(x * 1.03, at(y), wax));
        let blur = candle.soft / (candle.half * shape.height() / 2.0);
        let sharp = candle.soft * self.world.unit < 0.6;
        candle.body = if sharp { body } else { body.blurred(blur) };
        candle.glow = if sharp { glow } else { glow.blurred(blur) };
        self.candles.push(candle);
    }

    fn burn(&self, shot: &Shot, canvas: &mut Canvas, candle: &Candle, number: usize) {
        let dice = self.dice.fork(60).fork(number as u64);
        let speed = self.layer.speed.max(0.1);
        let (lean, stretch) = (shot.moment.wander(dice, 1.5 * speed), shot.moment.wander(dice.fork(1), 2.6 * speed));
        let gust = shot.moment.wander(dice.fork(2), 0.5 * speed);
        let bright = 1.0 + 0.12 * shot.moment.wander(dice.fork(3), 3.4 * speed) + 0.09 * gust;
        let half_tall = (candle.tall + 2.0 * candle.half * FLAT + ROOM * candle.half) / 2.0;
        let spot = shot.spot(candle.x, candle.y - candle.tall / 2.0, candle.depth);
        let foot = shot.spot(candle.x, candle.y, candle.depth);
        let place = spot.upright(candle.half / 1.03, half_tall);
        if self.staged {
            // On the polished table: itself upside down, its contact, and the light it throws.
            let mirrored = Place { y: 2.0 * foot.y - place.y, down: [0.0, -place.down[1]], ..place };
            let reach = 1.1 * candle.tall * foot.unit;
            for (picture, gain) in [(&candle.body, 0.2), (&candle.glow, 0.26 * bright)] {
                picture.draw_within(canvas.sharp, mirrored, gain, |_, y| ramp(foot.y + reach, foot.y, y));
            }
            canvas.sprite(&self.shadow, foot.upright(1.5 * candle.half, 0.42 * candle.half), WHITE, 0.6);
            let pool = foot.upright(6.5 * candle.half, 1.5 * candle.half);
            let warm = blend(FIRE, glowing(self.colours.moving(0), 0.5), 0.25);
            canvas.soft_sprite(&self.pool, pool, scaled(warm, if self.night { 0.13 } else { 0.08 } * bright));
        }
        canvas.sprite(&candle.body, place, WHITE, 1.0);
        canvas.sprite(&candle.glow, place, scaled(WHITE, bright * if self.night { 1.0 } else { 0.62 }), 1.0);
        // The flame stands on the wick and leans with the draught.
        let wick = shot.spot(candle.x, candle.y - candle.tall - 0.06 * candle.half, candle.depth);
        let tall = candle.half.min(0.075 * self.world.short() * self.layer.scale)
            * mix(1.05, 0.8, 0.5 * gust + 0.5)
            * (1.0 + 0.1 * stretch);
        let tip = (0.13 * lean + 0.16 * gust) * tall * wick.unit;
        let fire = Place {
            x: wick.x + tip / 2.0,
            y: wick.y - tall * wick.unit,
            across: [tall * 0.52 * wick.unit, 0.0],
            down: [-tip / 2.0, tall * wick.unit],
        };
        let blur = 1.0 + 0.12 * candle.soft;
        if candle.soft > 4.0 {
            // Out of focus a flame is a soft disc.
            canvas.disc(
                fire.x,
                fire.y,
                (0.62 * tall * wick.unit * blur).max(0.8),
                &self.disc,
                scaled([1.0, 0.66, 0.3], 0.85 * bright),
            );
        } else {
            canvas.sprite(&self.flame, fire, scaled(WHITE, bright), 1.0);
        }
        let aura = blend(FIRE, glowing(self.colours.moving(0), 0.6), 0.2);
        let air = if self.night { 1.0 } else { 0.6 };
        canvas.halo(fire.x, fire.y, 2.6 * tall * wick.unit, scaled(aura, 0.3 * bright * air));
        canvas.halo(fire.x, fire.y, 8.5 * tall * wick.unit, scaled(aura, 0.05 * bright * air));
    }
}

impl Shape {
    /// Height of the picture, in half widths of the candle.
    fn height(&self) -> f32 {
        self.tall + 2.0 * FLAT + ROOM
    }
}

impl Actor for Candles {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        let table = ramp(self.edge - 22.0, self.edge + 22.0, y);
        let wood = self.dice.fork(3);
        let grain = 1.0 + 0.1 * wood.land(x / 320.0, y / 13.0) + 0.08 * wood.fork(1).land(x / 150.0, y / 34.0);
        let board = scaled(shaded(base, if self.night { 0.62 } else { 0.86 }, 1.0), grain);
        let lit = bump(((y - self.edge) / (1.1 * self.world.half_height)).clamp(-1.0, 1.0));
        let wall = 0.8 + 0.35 * wood.fork(2).land(x / 420.0, y / 380.0);
        let warm = blend(FIRE, glowing(self.colours.moving(0), 0.6), 0.35);
        plus(blend(base, board, table), scaled(warm, if self.night { 0.06 } else { 0.05 } * lit * wall.max(0.0)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        // Many more, so far behind that only their light is seen.
        for index in 0..34u64 {
            let mut hand = self.dice.fork(50).hand(index);
            let x = hand.spread(1.15 * self.world.half_width);
            let y = mix(self.edge - 0.04 * self.world.half_height, -0.85 * self.world.half_height, hand.unit() * hand.unit());
            let spot = shot.spot(x, y, (self.layer.depth + 0.6).min(1.1));
            let own = glowing(self.colours.moving(hand.index(self.colours.moving.len())), 1.0);
            let bright = mix(0.04, 0.26, hand.unit() * hand.unit()) * if self.night { 1.0 } else { 0.5 };
            canvas.disc(spot.x, spot.y, hand.range(9.0, 26.0) * spot.unit, &self.disc, scaled(blend(own, FIRE, 0.45), bright));
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for (number, candle) in self.candles.iter().enumerate() {
            self.burn(shot, canvas, candle, number);
        }
        let dice = self.dice.fork(70);
        for life in shot.moment.lives(dice, (30.0 * self.layer.amount) as usize, 6.0 / self.layer.speed.max(0.05)) {
            let mut hand = dice.fork(1).hand(life.number);
            let x = hand.spread(self.world.half_width) + 22.0 * shot.moment.wave(hand.range(0.08, 0.2), hand.unit());
            let y = mix(self.world.half_height, -0.2 * self.world.half_height, hand.unit()) - life.age * hand.range(60.0, 190.0);
            let spot = shot.spot(x, y, self.layer.depth);
            let bright = fade(life.age, 0.4) * (0.55 + 0.45 * shot.moment.wave(hand.range(0.6, 1.6), hand.unit()));
            let tint = blend(FIRE, glowing(self.colours.moving(0), 0.8), 0.4);
            canvas.spark(spot.x, spot.y, hand.range(0.8, 1.9) * spot.unit, scaled(tint, 0.9 * bright));
        }
    }
}
