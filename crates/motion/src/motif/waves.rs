//! A sea under a low sun or moon: swell in perspective with the sky in it, foam on the crests, glints on the way to the
//! light.
//!
//! The water is a sum of waves on a plane seen from one unit above it. It is painted in lines of equal distance, from the
//! horizon to the eye, so that a crest covers what lies behind it.

mod lace;

use lace::Lace;

use super::{Actor, Casting};
use crate::{
    camera::{SKY, Shot, World},
    canvas::{Canvas, Profile},
    colour::{Air, Colours, Tint, WHITE, blend, glowing, gradient, luminance, plus, scaled, shaded},
    curve::{bump, cosine, mix, ramp, sine},
    dice::Dice,
    scene::Layer,
    sprite::Sprite,
};

/// How many waves are added up.
const SWELLS: usize = 17;
/// Waves are worked out for that many columns at a time.
const LANES: usize = 8;
/// Steps of the mirrored sky, from the horizon up.
const STEPS: usize = 256;

/// One wave of the sum.
struct Swell {
    /// Turns per distance, sideways and towards the horizon.
    across: f32,
    away: f32,
    high: f32,
    /// Cycles per second.
    rate: f32,
    start: f32,
}

/// The water along one line of equal distance.
#[derive(Default)]
struct Line {
    high: Vec<[f32; LANES]>,
    across: Vec<[f32; LANES]>,
    away: Vec<[f32; LANES]>,
}

impl Line {
    fn clear(&mut self, columns: usize) {
        for part in [&mut self.high, &mut self.across, &mut self.away] {
            part.clear();
            part.resize(columns.div_ceil(LANES), [0.0; LANES]);
        }
    }

    /// Adds a wave: `turns` at the first column and `step` more at each next one.
    fn add(&mut self, swell: &Swell, turns: f32, step: f32, high: f32) {
        let mut sines: [f32; LANES] = std::array::from_fn(|lane| sine(turns + step * lane as f32));
        let mut cosines: [f32; LANES] = std::array::from_fn(|lane| cosine(turns + step * lane as f32));
        // The next columns are the same ones turned on.
        let (s, c) = (sine(step * LANES as f32), cosine(step * LANES as f32));
        let tau = std::f32::consts::TAU;
        let (steep_across, steep_away) = (high * swell.across * tau, high * swell.away * tau);
        for ((heights, across), away) in self.high.iter_mut().zip(&mut self.across).zip(&mut self.away) {
            for lane in 0..LANES {
                let (sin, cos) = (sines[lane], cosines[lane]);
                heights[lane] += high * sin;
                across[lane] += steep_across * cos;
                away[lane] += steep_away * cos;
                sines[lane] = sin * c + cos * s;
                cosines[lane] = cos * c - sin * s;
            }
        }
    }
}

/// The sun or the moon.
struct Light {
    x: f32,
    y: f32,
    radius: f32,
    tint: Tint,
    /// Of the sky around it.
    glow: Tint,
    disc: Profile,
}

/// The colours of the water, from the palette.
struct Water {
    deep: Tint,
    face: Tint,
    lip: Tint,
    foam: Tint,
    haze: Tint,
    /// The mirrored sky, from the horizon up.
    sky: Vec<Tint>,
}

impl Water {
    fn new(colours: &Colours, light: &Light) -> Self {
        let lead = colours.moving(0);
        let bright = if colours.moving.len() > 1 { colours.moving(1) } else { shaded(lead, 1.35, 1.0) };
        let white = blend(blend(light.tint, bright, 0.15), WHITE, 0.6);
        let sky = |step: usize| {
            let up = step as f32 / STEPS as f32;
            let seen = plus(colours.sky(1.0 - up), scaled(light.glow, 0.3 * (1.0 - up) * (1.0 - up)));
            blend(seen, scaled(lead, 1.1), 0.28)
        };
        let lip = gradient(lead, bright, 0.85);
        let day = (0.2 + 1.5 * luminance(colours.sky(0.8))).min(1.0);
        Self {
            deep: shaded(lead, 0.62, 1.05),
            face: shaded(lead, 0.9, 1.05),
            lip,
            // As bright as the sky lets it be, and in no colour darker than the water under it.
            foam: std::array::from_fn(|channel| (white[channel] * day).max(1.3 * lip[channel])),
            haze: plus(colours.sky(1.0), scaled(light.glow, 0.2)),
            sky: (0..STEPS).map(sky).collect(),
        }
    }
}

/// A place that mirrors the light now and then.
struct Glint {
    x: f32,
    /// How far away, as the height of the sea's edge over this place's: 0 at the horizon, 1 at the bottom.
    near: f32,
    wide: f32,
    bright: f32,
    rate: f32,
    start: f32,
}

pub(super) struct Waves {
    dice: Dice,
    layer: Layer,
    world: World,
    horizon: f32,
    /// Pixels per tangent, in units.
    focus: f32,
    swells: Vec<Swell>,
    lace: Lace,
    light: Light,
    water: Water,
    glints: Vec<Glint>,
    dash: Sprite,
    air: Air,
    staged: bool,
}

/// The canvas's part of the work: where the sea is seen, in pixels.
struct Lens {
    horizon: f32,
    bottom: f32,
    /// Pixels from one worked-out column to the next.
    stride: usize,
}

/// One line of equal distance, as the eye sees it.
struct Sight {
    /// Where it would be if the sea were flat, in pixels below the horizon.
    flat: f32,
    /// Its distance, in heights of the eye.
    far: f32,
    /// Pixels per tangent.
    focus: f32,
    /// Its first column, and from one worked-out column to the next, in heights of the eye.
    left: f32,
    step: f32,
    /// Mean square slope of the waves that are too short to be told apart there.
    lost: f32,
    /// Of all waves together.
    tallest: f32,
}

impl Waves {
    pub(super) fn new(casting: Casting) -> Self {
        let Casting { layer, world, dice, colours, staged, .. } = casting;
        let mut hand = dice.hand(1);
        let level = match (staged, world.tall()) {
            (true, false) => 0.06,
            (true, true) => 0.14,
            (false, false) => 0.44,
            (false, true) => 0.56,
        };
        let horizon = level * world.half_height;
        let lead = colours.moving(colours.moving.len() - 1);
        let light = Light {
            x: hand.range(0.1, 0.4) * world.half_width * if hand.chance(0.5) { 1.0 } else { -1.0 },
            y: horizon - hand.range(0.13, 0.2) * world.short(),
            radius: 0.046 * world.short(),
            tint: glowing(blend(lead, WHITE, 0.3), 1.0),
            glow: scaled(glowing(blend(lead, colours.sky(1.0), 0.35), 1.0), {
                let sky = luminance(colours.sky(1.0));
                0.12 + 0.3 * sky * (1.2 - sky)
            }),
            disc: Profile::new(|r| ramp(1.0, 0.94, r) * mix(1.0, 0.86, r * r)),
        };
        let glint = |index: usize| {
            let mut hand = dice.fork(11).hand(index as u64);
            let near = hand.unit() * hand.unit();
            let stray = hand.chance(0.12);
            let spread = mix(50.0, 330.0, near) * world.short() / 720.0;
            Glint {
                x: if stray { hand.spread(1.1 * world.half_width) } else { light.x + hand.bell(spread) },
                near,
                wide: mix(1.8, 9.0, near) * hand.range(0.6, 1.1) * layer.scale.sqrt().min(1.4),
                bright: hand.range(0.6, 2.4) * if stray { 0.4 } else { 1.0 },
                rate: hand.range(0.25, 0.7),
                start: hand.unit(),
            }
        };
        let glints = (0..casting.count(330.0)).map(glint).collect();
        Self {
            dice,
            layer,
            world,
            horizon,
            focus: 0.9 * world.short(),
            swells: swells(&layer, dice.fork(2)),
            lace: Lace::new(dice.fork(3), world.unit),
            water: Water::new(colours, &light),
            light,
            glints,
            dash: Sprite::paint(48, 16, 1, |x, y| {
                let q = bump((x * x + y * y).sqrt().min(1.0));
                [q, q, q, 0.0]
            }),
            air: Air::new(colours),
            staged,
        }
    }

    /// Depth in the scene of the water that is seen at a height: 0 is the horizon, 1 the bottom.
    fn depth(&self, near: f32) -> f32 {
        (mix(1.08, 0.15, near) + self.layer.depth - 0.5).clamp(0.0, 1.1)
    }

    fn sea(&self, shot: &Shot, canvas: &mut Canvas, lens: &Lens) {
        let width = canvas.sharp.width;
        let columns = width.div_ceil(lens.stride) + 1;
        let range = lens.bottom - lens.horizon;
        let speed = self.layer.speed;
        let phases: Vec<f32> = self.swells.iter().map(|swell| shot.moment.cycles(swell.rate * speed, swell.start)).collect();
        let tallest: f32 = self.swells.iter().map(|swell| swell.high).sum::<f32>().max(1e-4);
        let mut line = Line::default();
        // By column: where the last line was, in pixels, and what it looked like.
        let mut before: Vec<(f32, Tint)> = vec![(f32::MAX, [0.0; 3]); columns];
        let mut inks = before.clone();
        let unit = self.world.unit;
        let (mut flat, mut lowest) = (0.45, lens.horizon);
        // Waves nearer than the picture's edge still rise into it.
        while lowest < lens.bottom + 1.0 && flat < 5.0 * range {
            // Lines may lie further apart where a wave fills many of them.
            let spacing = mix(1.0, 2.0, ramp(0.0, 0.5, flat / range)) * unit.max(0.8);
            flat += spacing;
            let near = (flat / range).min(1.0);
            let spot = shot.spot(0.0, self.horizon, self.depth(near));
            let focus = self.focus * spot.unit;
            let far = focus / flat;
            let (left, step) = (-spot.x / focus * far, lens.stride as f32 / focus * far);
            // What a pixel spans at that distance: shorter waves are left to the roughness of the surface.
            let footprint = far * far / focus * spacing;
            line.clear(columns);
            let mut lost = 0.0f32;
            for (swell, &phase) in self.swells.iter().zip(&phases) {
                let span = (swell.away * footprint).abs().max((swell.across * step).abs());
                let seen = ramp(0.5, 0.12, span);
                let steep = swell.high * std::f32::consts::TAU * (swell.away.abs() + swell.across.abs());
                lost += (1.0 - seen * seen) * steep * steep * 0.5;
                if seen > 0.0 {
                    let turns = swell.across * left + swell.away * far + phase;
                    line.add(swell, turns - turns.floor(), swell.across * step, swell.high * seen);
                }
            }
            let sight = Sight { flat, far, focus, left, step, lost, tallest };
            self.shade(shot, lens, &line, &sight, &mut inks);
            self.lay(canvas, lens, near, &inks, &before);
            lowest = inks.iter().fold(f32::MAX, |lowest, ink| lowest.min(ink.0));
            std::mem::swap(&mut inks, &mut before);
        }
    }

    /// Heights in pixels and colours along one line.
    fn shade(&self, shot: &Shot, lens: &Lens, line: &Line, sight: &Sight, inks: &mut [(f32, Tint)]) {
        let &Sight { flat, far, focus, left, step, lost, tallest } = sight;
        let light = &self.light;
        let sun = ((light.x) / self.focus, ((self.horizon - light.y) / self.focus).max(0.04));
        let down = flat / focus;
        let away = ramp(10.0, 120.0, far);
        // The rougher, the wider and the dimmer the light's reflection.
        let rough = 0.0016 + 0.35 * lost;
        let gleam = 1.1 * (0.0042 / (rough + 0.0026)).sqrt();
        let peaks = 2.2 / tallest.max(0.02);
        let fine = ramp(8.0, 3.6, far);
        let water = &self.water;
        let amount = self.layer.amount.min(1.6);
        let flow = shot.moment.cycles(0.03 * self.layer.speed, 0.0) * Lace::PERIOD;
        for (column, ink) in inks.iter_mut().enumerate() {
            let (block, lane) = (column / LANES, column % LANES);
            let (raw, hx, hz) = (line.high[block][lane], line.across[block][lane], line.away[block][lane]);
            // Crests are sharper than troughs, as in Stokes' waves.
            let stokes = 1.0 + 0.5 * peaks * raw;
            let high = raw * (1.0 + 0.25 * peaks * raw) - 0.04 * tallest;
            let (hx, hz) = (hx * stokes, hz * stokes);
            let y = lens.horizon + flat * (1.0 - high);
            let side = (left + step * column as f32) / far;
            // The view (side, −down, 1) mirrored in the surface (−hx, 1, −hz).
            let inverse = 1.0 / (1.0 + hx * hx + hz * hz);
            let dot = -(down + hx * side + hz) * inverse;
            let mirrored = (side + 2.0 * dot * hx, -down - 2.0 * dot, 1.0 + 2.0 * dot * hz);
            let facing = (-dot / (inverse * (1.0 + down * down + side * side)).sqrt()).clamp(0.0, 1.0);
            let grazing = 1.0 - facing;
            let squared = grazing * grazing;
            let fresnel = 0.03 + 0.8 * squared * squared * grazing;
            let up = (mirrored.1.abs() / (mirrored.2.abs() + 0.3)).min(0.999);
            let sky = water.sky[(up * STEPS as f32) as usize];
            let rise = high / tallest * 1.7;
            let thin = ramp(-0.15, 0.9, rise) * (0.35 + 0.65 * ramp(-0.05, 0.32, hz)) * mix(1.0, 0.3, away);
            let body = blend(blend(water.deep, water.face, ramp(-0.7, 0.6, rise)), water.lip, 0.75 * thin);
            let mut seen = blend(body, sky, fresnel);
            let (off_x, off_y) = (mirrored.0 / mirrored.2.max(0.2) - sun.0, 0.5 * (mirrored.1 / mirrored.2.max(0.2) - sun.1));
            let lobe = 1.0 / (1.0 + (off_x * off_x + off_y * off_y) / rough);
            let spark = lobe * lobe * gleam;
            seen = plus(seen, scaled(light.tint, spark * (0.35 + 2.2 * fresnel)));
            let broken = ramp(0.02, 0.95, rise) * amount;
            if broken > 0.0 && far < 34.0 {
                // Near by the foam is lace, further away only a brighter crest.
                let lace = if fine > 0.0 {
                    let (x, z) = (side * far, far - flow);
                    let close = 0.7 * ramp(4.0, 1.6, far);
                    let broad = self.lace.at(x, z);
                    let seen =
                        if close > 0.0 { broad * (1.0 - close + 1.9 * close * self.lace.at(2.7 * z, 2.7 * x)) } else { broad };
                    mix(0.3, seen, fine)
                } else {
                    0.3
                };
                let crest = ramp(0.7, 1.3, rise) * amount;
                let foam = (crest * (0.3 + 0.7 * lace) + 0.62 * lace * broken) * ramp(34.0, 7.0, far);
                let lit = 0.85 + 0.3 * ramp(-0.2, 0.3, -hz) + 0.3 * spark;
                seen = blend(seen, scaled(water.foam, lit), foam.min(0.9));
            }
            let haze = 0.8 * ramp(12.0, 150.0, far);
            *ink = (y, blend(seen, plus(water.haze, scaled(light.tint, 0.3 * spark)), haze));
        }
    }

    /// Lays a line over those behind it, and what lies between it and the one before where the water faces the eye.
    fn lay(&self, canvas: &mut Canvas, lens: &Lens, near: f32, inks: &[(f32, Tint)], before: &[(f32, Tint)]) {
        let (width, height) = (canvas.sharp.width, canvas.sharp.height as f32);
        // Without a stage the sea's far edge is lost in mist.
        let cover = if self.staged { 1.0 } else { ramp(0.0, 0.22, near) };
        let share = 1.0 / lens.stride as f32;
        for (column, (here, behind)) in inks.windows(2).zip(before.windows(2)).enumerate() {
            let from = column * lens.stride;
            for sub in 0..lens.stride.min(width.saturating_sub(from)) {
                let part = sub as f32 * share;
                let y = mix(here[0].0, here[1].0, part);
                let last = mix(behind[0].0, behind[1].0, part);
                // A crest that rises before the last line begins at its own height.
                let top = last.min(y).max(0.0);
                if top >= height || y < 0.0 {
                    continue;
                }
                let ink = blend(here[0].1, here[1].1, part);
                let (first, end) = (top as usize, y.min(height - 1.0) as usize);
                if end <= first + 1 {
                    for row in first..=end {
                        // The pixel in which the line begins is only partly covered by it.
                        let cover = if row == first { cover * (row as f32 + 1.0 - top) } else { cover };
                        tinge(&mut canvas.sharp.pixels[row * width + from + sub], ink, cover);
                    }
                    continue;
                }
                let above = blend(behind[0].1, behind[1].1, part);
                let step = 1.0 / (y - last);
                for row in first..=end {
                    let cover = if row == first { cover * (row as f32 + 1.0 - top) } else { cover };
                    let between = ((row as f32 + 0.5 - last) * step).clamp(0.0, 1.0);
                    tinge(&mut canvas.sharp.pixels[row * width + from + sub], blend(above, ink, between), cover);
                }
            }
        }
    }

    fn glints(&self, shot: &Shot, canvas: &mut Canvas, lens: &Lens) {
        for (number, glint) in (1..).zip(&self.glints) {
            canvas.part(number);
            let wave = 0.5 + 0.5 * shot.moment.wave(glint.rate * self.layer.speed.max(0.2), glint.start);
            let flash = glint.bright * wave * wave * wave * wave;
            if flash < 0.02 {
                continue;
            }
            let near = mix(0.012, 0.95, glint.near);
            let spot = shot.spot(glint.x, self.horizon, self.depth(near));
            let y = lens.horizon + near * (lens.bottom - lens.horizon);
            let (half_width, half_height) = (glint.wide * mix(0.5, 1.0, wave), (0.13 * glint.wide).max(0.7 / spot.unit));
            let place = crate::camera::Spot { y, ..spot }.upright(half_width, half_height);
            canvas.sprite(&self.dash, place, scaled(self.light.tint, flash), 1.0);
        }
    }
}

fn tinge(pixel: &mut [f32; 4], ink: Tint, cover: f32) {
    let ink = [ink[0], ink[1], ink[2], 1.0];
    for channel in 0..4 {
        pixel[channel] += (ink[channel] - pixel[channel]) * cover;
    }
}

/// Waves from the long swell to ripples, most of them towards the eye.
fn swells(layer: &Layer, dice: Dice) -> Vec<Swell> {
    let mut long = 8.4;
    let mut swells: Vec<Swell> = (0..SWELLS)
        .map(|index| {
            let mut hand = dice.hand(index as u64);
            let length = long * layer.scale * hand.range(0.88, 1.12);
            long *= 0.75;
            // Ripples run in all directions, the swell from the horizon.
            let turn = hand.bell(mix(0.1, 0.2, index as f32 / SWELLS as f32));
            // The longest waves only lift the others; those of a few heights of the eye are the ones that break.
            let steep = match index {
                0..=2 => 0.0075,
                3..=5 => 0.023,
                _ => mix(0.017, 0.0115, index as f32 / SWELLS as f32),
            };
            Swell {
                across: sine(turn) / length,
                away: cosine(turn) / length,
                high: steep * length * layer.amount.min(2.0) * hand.range(0.8, 1.2),
                // In deep water waves of four times the length are twice as fast.
                rate: 0.42 / length.sqrt().max(0.2),
                start: hand.unit(),
            }
        })
        .collect();
    // However large the waves are asked to be, the eye stays above the water.
    let most = 0.5 / swells.iter().map(|swell| swell.high).sum::<f32>().max(0.5);
    swells.iter_mut().for_each(|swell| swell.high *= most);
    swells
}

impl Actor for Waves {
    fn sky(&self, x: f32, y: f32, _: Tint) -> Tint {
        let light = &self.light;
        let base = self.air.at((y + self.world.half_height) / (self.horizon + self.world.half_height));
        let (dx, dy) = (x - light.x, y - light.y);
        let away = (dx * dx + 1.8 * dy * dy).sqrt() / self.world.short();
        let near = bump((away / 1.2).min(1.0));
        let low = bump(((y - self.horizon) / (0.7 * self.world.half_height)).clamp(-1.0, 1.0));
        let warm = plus(base, scaled(light.glow, 0.42 * near * near + 0.3 * near * low));
        // Streaks of cloud, thinner towards the horizon, lit from where the light is.
        let cloud = self.dice.fork(7);
        let high = ((self.horizon - y) / self.world.half_height).max(0.0);
        let flat = mix(10.0, 58.0, high.min(1.0));
        let broad = 0.6 * cloud.land(x / (flat * 8.0), y / flat) + 0.4 * cloud.fork(1).land(x / (flat * 3.1), y / (flat * 0.45));
        let fine = cloud.fork(2).land(x / (flat * 1.3), y / (flat * 0.22));
        let cover = ramp(-0.05, 0.8, broad + 0.22 * fine) * ramp(0.01, 0.12, high) * ramp(1.3, 0.55, high);
        let lit = plus(scaled(base, 0.9), scaled(light.glow, 0.3 + 1.3 * near * near));
        blend(warm, lit, 0.7 * cover)
    }

    fn stage(&self, shot: &Shot, canvas: &mut Canvas) {
        if !self.staged {
            return;
        }
        let light = &self.light;
        let spot = shot.spot(light.x, light.y, SKY);
        let dim = mix(1.0, 0.55, luminance(light.glow).min(1.0));
        canvas.disc(spot.x, spot.y, light.radius * spot.unit, &light.disc, scaled(light.tint, 1.4));
        canvas.halo(spot.x, spot.y, 3.6 * light.radius * spot.unit, scaled(light.tint, 0.3 * dim));
        canvas.halo(spot.x, spot.y, 11.0 * light.radius * spot.unit, scaled(light.tint, 0.12 * dim));
    }

    fn play(&self, shot: &Shot, canvas: &mut Canvas) {
        if !self.staged && self.layer.amount == 0.0 {
            return;
        }
        let lens = Lens {
            horizon: shot.spot(0.0, self.horizon, SKY).y,
            bottom: canvas.sharp.height as f32,
            stride: ((2.6 * self.world.unit).round() as usize).clamp(1, 6),
        };
        if lens.bottom - lens.horizon < 1.0 {
            return;
        }
        if !canvas.looks_ahead() {
            self.sea(shot, canvas, &lens);
        }
        self.glints(shot, canvas, &lens);
    }
}
