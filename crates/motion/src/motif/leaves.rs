//! Autumn leaves that tumble through a wood in low light.

mod shape;

use shape::{Kind, leaf};

use super::{Actor, Casting, Tumble, nearness};
use crate::{
    camera::{Shot, World},
    canvas::{Canvas, Profile},
    colour::{Tint, WHITE, blend, gradient, luminance, plus, scaled, shaded},
    curve::{bump, cosine, fade, mix, ramp, sine},
    dice::Dice,
    plane::{self, Plane},
    scene::Layer,
    sprite::{CLEAR, Place, Sprite, ink},
};

/// Half the length of a leaf in the middle distance, in units.
const LONG: f32 = 29.0;

/// Leaves of one distance.
struct Band {
    depth: f32,
    count: usize,
    blur: usize,
}

/// One leaf, in focus and out of it.
struct Blade {
    kind: Kind,
    focus: [Sprite; 2],
}

/// Foliage far out of focus.
struct Spot {
    x: f32,
    y: f32,
    radius: f32,
    tint: Tint,
    rate: f32,
    start: f32,
}

/// A tree in the distance.
struct Trunk {
    x: f32,
    foot: f32,
    /// Half its width, in units.
    half: f32,
    /// In turns.
    lean: f32,
    depth: f32,
    row: usize,
}

pub(super) struct Leaves {
    dice: Dice,
    layer: Layer,
    world: World,
    margin: f32,
    bands: Vec<Band>,
    leaves: Vec<Blade>,
    spots: Vec<Spot>,
    disc: Profile,
    trunks: Vec<Trunk>,
    /// Of each row.
    bark: [Sprite; 2],
    ground: Option<Plane>,
    beam: Sprite,
    /// Of the sun between the trees, and of the leaves it shines through.
    sun: Tint,
    canopy: Vec<Tint>,
    day: f32,
    staged: bool,
}

impl Leaves {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let band = |depth: f32, count, blur| Band {
            depth: (depth + layer.depth - 0.5).clamp(0.0, 1.2),
            count: casting.count(count),
            blur,
        };
        let texels = ((2.0 * LONG * nearness(0.12) * layer.scale * world.unit).ceil() as usize).clamp(10, 190);
        let mut leaves = Vec::new();
        for (index, &tint) in colours.moving.iter().enumerate() {
            let second = colours.moving(index + 1);
            for pick in 0..3 {
                let kind = Kind::ALL[(index + [0, 1, 3][pick]) % Kind::ALL.len()];
                let dice = dice.fork(30 + (index * 3 + pick) as u64);
                let across = ((texels as f32 * kind.wide()) as usize).max(6);
                let sharp = Sprite::paint(across, texels, 2, |x, y| leaf(kind, x, y, tint, second, dice));
                leaves.push(Blade { kind, focus: [sharp.clone(), sharp.blurred(0.11)] });
            }
        }
        let day = ramp(0.02, 0.4, luminance(colours.sky(0.5)));
        let sun = blend(blend(colours.sky(0.0), colours.moving(0), 0.25), WHITE, mix(0.2, 0.6, day));
        let canopy: Vec<Tint> =
            colours.moving.iter().map(|&tint| blend(gradient(colours.sky(0.3), tint, 0.45), colours.sky(0.2), 0.25)).collect();
        let spot = |index: usize| {
            let mut hand = dice.fork(8).hand(index as u64);
            let high = hand.unit();
            Spot {
                x: hand.spread(1.15 * world.half_width),
                y: mix(-1.05, 0.25, high * hand.unit()) * world.half_height,
                radius: mix(12.0, 44.0, hand.unit() * hand.unit()) * world.short() / 720.0,
                tint: scaled(
                    blend(colours.moving(index), sun, hand.range(0.1, 0.5)),
                    mix(0.16, 0.085, day) * hand.range(0.4, 1.0),
                ),
                rate: hand.range(0.08, 0.25),
                start: hand.unit(),
            }
        };
        Self {
            dice,
            layer,
            world,
            margin: casting.eye.reach(0.0) + 60.0,
            bands: vec![band(1.1, 46.0, 0), band(0.8, 32.0, 0), band(0.52, 26.0, 0), band(0.3, 9.0, 0), band(0.02, 3.4, 1)],
            leaves,
            spots: (0..if staged { 70 } else { 0 }).map(spot).collect(),
            disc: Profile::new(|r| ramp(1.0, 0.78, r) * mix(0.8, 1.0, r)),
            trunks: if staged { trunks(&casting) } else { Vec::new() },
            bark: [bark(&casting, sun, 0.6), bark(&casting, sun, 0.28)],
            ground: staged.then(|| ground(&casting)),
            beam: Sprite::paint(64, 24, 1, |x, y| {
                let shine = bump(y) * ramp(-1.0, -0.55, x) * ramp(1.0, -0.4, x);
                [shine, shine, shine, 0.0]
            }),
            sun,
            canopy,
            day,
            staged,
        }
    }

    fn band(&self, shot: &Shot, canvas: &mut Canvas, number: usize, band: &Band) {
        let near = nearness(band.depth);
        let half = LONG * near * self.layer.scale;
        let high = self.world.half_height + 1.3 * half;
        let wide = self.world.half_width + self.margin;
        let speed = self.layer.speed.max(0.02);
        let fall = 56.0 * near.max(0.55) * speed;
        let dice = self.dice.fork(10 + number as u64);
        let gust = shot.moment.wander(self.dice.fork(4), 0.25 * speed);
        for life in shot.moment.lives(dice, band.count, 2.0 * high / fall) {
            let mut hand = dice.fork(1).hand(life.number);
            let blade = &self.leaves[hand.index(self.leaves.len())];
            // A leaf falls like a swing: fast through the middle, slow and lifted at both ends, leaning as it goes.
            let (rate, start) = (hand.range(0.17, 0.3) * speed, hand.unit());
            let swing = shot.moment.wave(rate, start);
            let lift = shot.moment.wave(2.0 * rate, 2.0 * start + 0.25);
            let reach = hand.range(22.0, 46.0) * near;
            let drift = (life.age - 0.5) * 2.0 * high * hand.range(0.05, 0.45) + 26.0 * near * gust;
            let x = hand.spread(wide + 0.3 * high) + drift + reach * swing;
            let y = mix(-high, high, life.age) + 0.24 * reach * lift;
            let spin = hand.chance(0.35);
            let tumble = Tumble {
                yaw: if spin {
                    shot.moment.cycles(hand.range(0.25, 0.6) * speed, hand.unit())
                } else {
                    0.13 * swing + hand.spread(0.12)
                },
                pitch: if hand.chance(0.3) {
                    shot.moment.cycles(hand.range(0.2, 0.45) * speed, hand.unit())
                } else {
                    0.1 + 0.1 * shot.moment.wave(rate * 1.5, hand.unit()) + hand.spread(0.07)
                },
                roll: hand.unit() + 0.11 * swing + life.age * hand.spread(0.5),
            };
            let size = half * hand.range(0.7, 1.18) * if blade.kind == Kind::Birch { 0.8 } else { 1.0 };
            let spot = shot.spot(x, y, band.depth);
            let (place, facing, lit) = tumble.place(&spot, blade.kind.wide() * size, size);
            // Light shines through a leaf that is seen from below.
            let through = if facing > 0.0 { 0.0 } else { 0.12 };
            let air = ramp(1.5, 0.6, band.depth);
            let shade = mix(0.66, 1.14, lit) + through;
            let opacity = fade(life.age, 0.02) * mix(0.78, 1.0, air) * if band.blur == 1 { 0.88 } else { 1.0 };
            canvas.sprite(&blade.focus[band.blur], place, scaled(WHITE, shade), opacity);
        }
    }

    fn trunk(&self, shot: &Shot, canvas: &mut Canvas, trunk: &Trunk) {
        // From well above the picture down to its foot.
        let top = -1.6 * self.world.half_height;
        let (middle, half) = ((trunk.foot + top) / 2.0, (trunk.foot - top) / 2.0);
        let place = shot.spot(trunk.x, middle, trunk.depth).turned(trunk.half, half, trunk.lean);
        canvas.sprite(&self.bark[trunk.row], place, WHITE, 1.0);
    }

    /// Sunlight that slants between the trees.
    fn beams(&self, shot: &Shot, canvas: &mut Canvas) {
        if !self.staged {
            return;
        }
        for index in 0..6u64 {
            let mut hand = self.dice.fork(50).hand(index);
            let pulse = 0.6 + 0.4 * shot.moment.wave(hand.range(0.06, 0.14) * self.layer.speed, hand.unit());
            let x = mix(-1.25, 0.55, (index as f32 + hand.unit()) / 6.0) * self.world.half_width;
            let turn = hand.range(0.155, 0.185);
            let (half, wide) = (1.2 * self.world.half_height, hand.range(16.0, 52.0));
            let spot = shot.spot(x + 0.45 * half, -0.25 * self.world.half_height, 0.9);
            let (s, c) = (sine(turn) * spot.unit, cosine(turn) * spot.unit);
            let place = Place { x: spot.x, y: spot.y, across: [c * half, s * half], down: [-s * wide, c * wide] };
            canvas.soft_sprite(&self.beam, place, scaled(self.sun, mix(0.085, 0.13, self.day) * pulse * hand.range(0.4, 1.0)));
        }
    }
}

/// Trunks far out of focus, in two rows.
fn trunks(casting: &Casting) -> Vec<Trunk> {
    let Casting { world, dice, eye, .. } = *casting;
    let size = world.short() / 720.0;
    let mut trunks = Vec::new();
    for (row, depth, foot, spacing, thick) in [(0usize, 1.08, 0.19, 84.0, 17.0), (1, 0.98, 0.115, 215.0, 40.0)] {
        let spacing = spacing * size;
        let reach = ((world.half_width + eye.reach(depth)) / spacing).ceil() as i64 + 1;
        for cell in -reach..=reach {
            let mut hand = dice.fork(60 + row as u64).hand(cell as u64);
            if hand.chance(0.72) {
                trunks.push(Trunk {
                    x: (cell as f32 + 0.5 + hand.spread(0.4)) * spacing,
                    foot: world.half_height - foot * world.short() + hand.spread(12.0) * size,
                    half: thick * size * hand.range(0.45, 1.0),
                    lean: hand.spread(0.009),
                    depth,
                    row,
                });
            }
        }
    }
    trunks
}

/// A trunk: round, lit on the left, lost in the crowns above and in the mist at its foot.
fn bark(casting: &Casting, sun: Tint, fog: f32) -> Sprite {
    let colours = casting.colours;
    let dark = scaled(shaded(blend(colours.sky(0.9), colours.sky(0.3), 0.3), 0.62, 0.8), 0.8);
    let bark = blend(dark, colours.sky(0.5), fog);
    Sprite::paint(24, 64, 1, |x, y| {
        let cover = ramp(1.0, 0.3, x.abs()) * mix(0.86, 0.6, ramp(0.2, -0.9, y)) * ramp(1.0, 0.86, y);
        ink(plus(bark, scaled(sun, 0.13 * ramp(0.25, -0.7, x))), cover)
    })
}

/// A floor of leaves, out of focus too: farther ones lie closer together.
fn ground(casting: &Casting) -> Plane {
    let Casting { world, dice, colours, eye, .. } = *casting;
    let (depth, size) = (0.98, world.short() / 720.0);
    let dice = dice.fork(62);
    let low = world.half_height - 0.19 * world.short();
    let bottom = plane::floor(world, &eye, depth);
    let dark = scaled(shaded(blend(colours.sky(0.9), colours.sky(0.3), 0.3), 0.62, 0.8), 0.8);
    let litter: Vec<Tint> = colours.moving.iter().map(|&tint| blend(shaded(tint, 0.6, 0.85), dark, 0.5)).collect();
    let mean = scaled(litter.iter().copied().fold([0.0; 3], plus), 1.0 / litter.len() as f32);
    Plane::paint(world, &eye, depth, low - 30.0 * size, bottom, |x, y| {
        let cover = ramp(low - 28.0 * size, low + 40.0 * size, y);
        if cover <= 0.0 {
            return CLEAR;
        }
        let near = ramp(low, bottom, y);
        let down = (y - low) / size;
        // Rows grow taller towards the eye; a place's own row must not depend on where it is across.
        let (u, v) = (x / (24.0 * size), 24.0 * down / (down.max(0.0) + 130.0));
        // Each noise lies at an angle of its own, so that no grid shows.
        let patch =
            0.5 * dice.fork(1).land(u + 0.5 * v, v - 0.3 * u) + 0.5 * dice.fork(3).land(1.9 * u - 0.8 * v, 1.9 * v + 0.9 * u);
        let which = (0.5 + 0.5 * dice.fork(2).land(0.7 * u - 0.4 * v, 0.7 * v + 0.3 * u)) * litter.len() as f32;
        let (one, other) = (which as usize % litter.len(), (which as usize + 1) % litter.len());
        let leaf = blend(mean, blend(litter[one], litter[other], which - which.floor()), 0.42);
        let light = 0.74 + 0.3 * patch + 0.35 * bump(((x + 0.3 * world.half_width) / world.half_width).clamp(-1.0, 1.0));
        ink(scaled(blend(leaf, dark, 0.5 * near), light), cover * mix(0.5, 0.9, near))
    })
}

impl Actor for Leaves {
    fn sky(&self, x: f32, y: f32, base: Tint) -> Tint {
        // Crowns out of focus: denser above, broken by light.
        let crown = self.dice.fork(7);
        let dense = 0.55 * crown.land(x / 150.0, y / 110.0)
            + 0.3 * crown.fork(1).land(x / 66.0, y / 52.0)
            + 0.2 * crown.fork(2).land(x / 28.0, y / 24.0);
        let which = (0.5 + 0.5 * crown.fork(3).land(x / 190.0, y / 130.0)) * self.canopy.len() as f32;
        let (a, b) = (which as usize % self.canopy.len(), (which as usize + 1) % self.canopy.len());
        let foliage = blend(self.canopy[a], self.canopy[b], which - which.floor());
        let high = ramp(0.55, -0.7, y / self.world.half_height);
        let leafy = blend(base, scaled(foliage, 1.0 + 0.3 * dense), 0.72 * ramp(-0.35, 0.5, dense + 0.55 * high - 0.1) * high);
        let (dx, dy) = (x + 0.5 * self.world.half_width, y + 0.75 * self.world.half_height);
        let away = (dx * dx + dy * dy).sqrt() / (1.2 * self.world.short());
        plus(leafy, scaled(self.sun, mix(0.2, 0.34, self.day) * bump(away.min(1.0)) * (0.7 - 0.5 * dense).max(0.15)))
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        for trunk in self.trunks.iter().filter(|trunk| trunk.row == 0) {
            self.trunk(shot, canvas, trunk);
        }
        if let Some(ground) = &self.ground {
            ground.draw(shot, canvas);
        }
        for trunk in self.trunks.iter().filter(|trunk| trunk.row == 1) {
            self.trunk(shot, canvas, trunk);
        }
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        for spot in &self.spots {
            let breath = 0.75 + 0.25 * shot.moment.wave(spot.rate * self.layer.speed, spot.start);
            let at = shot.spot(spot.x, spot.y, 1.04);
            canvas.disc(at.x, at.y, spot.radius * at.unit, &self.disc, scaled(spot.tint, breath));
        }
        self.beams(shot, canvas);
        for (number, band) in self.bands.iter().enumerate() {
            self.band(shot, canvas, number, band);
        }
    }
}
