//! What an animation does to a layer at one frame.

use super::layer::{Animation, AnimationKind, Easing, Layer};

/// All of a layer.
pub(super) const WHOLE: u16 = 256;

/// How much of the reveal's time a single pixel takes to come: the softness of a wipe's edge, of a letter's birth.
const WIPE_SOFTNESS: f32 = 0.18;
const LETTER_SOFTNESS: f32 = 0.06;

/// How a layer shows at one frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// From 0 to [`WHOLE`].
    pub opacity: u16,
    /// How far below its place it is, as a share of the whole way.
    pub lift: f32,
    /// Which part is seen, if not all of it.
    pub reveal: Option<Reveal>,
}

/// A part of a layer: how much is seen of the pixels that come at each time of its order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reveal {
    /// Whether the order is that of the entrance, not of the exit.
    pub entering: bool,
    /// From 0 to [`WHOLE`], by the pixel's time.
    pub seen: Box<[u16; 256]>,
}

/// How `layer` shows at `frame`, `None` outside its window.
pub(super) fn state(layer: &Layer, frame: u32) -> Option<State> {
    let window = layer.window;
    if !(window.from..window.until).contains(&frame) {
        return None;
    }
    let whole = (layer.opacity.get() * f64::from(WHOLE)).round() as u16;
    let still = State { opacity: whole, lift: 0.0, reveal: None };
    // The first frame shows something already, and so does the last: a frame that is encoded again must be worth it.
    let moving = |animation: &Animation, step: u32, entering: bool| {
        let there = eased(animation.easing, (step + 1) as f32 / (animation.frames + 1) as f32);
        let faded = (f32::from(whole) * there).round() as u16;
        match animation.kind {
            AnimationKind::Fade => State { opacity: faded, ..still.clone() },
            AnimationKind::Rise if entering => State { opacity: faded, lift: 1.0 - there, ..still.clone() },
            AnimationKind::Rise => State { opacity: faded, lift: there - 1.0, ..still.clone() },
            AnimationKind::Wipe => State { reveal: Some(revealed(there, WIPE_SOFTNESS, entering)), ..still.clone() },
            AnimationKind::TypeOn => State { reveal: Some(revealed(there, LETTER_SOFTNESS, entering)), ..still.clone() },
        }
    };
    let (step, left) = (frame - window.from, window.until - 1 - frame);
    match (&layer.entrance, &layer.exit) {
        (Some(entrance), _) if step < entrance.frames => Some(moving(entrance, step, true)),
        (_, Some(exit)) if left < exit.frames => Some(moving(exit, left, false)),
        _ => Some(still),
    }
}

/// What is seen when `there` of the way is gone. While a layer goes, what was read first goes first.
fn revealed(there: f32, softness: f32, entering: bool) -> Reveal {
    let mut seen = Box::new([0; 256]);
    for (time, seen) in seen.iter_mut().enumerate() {
        let time = time as f32 / 255.0;
        let time = if entering { time } else { 1.0 - time };
        let share = ((there * (1.0 + softness) - time) / softness).clamp(0.0, 1.0);
        *seen = (share * f32::from(WHOLE)).round() as u16;
    }
    Reveal { entering, seen }
}

/// Cubic curves: exact on every machine.
fn eased(easing: Easing, time: f32) -> f32 {
    let cubed = |time: f32| time * time * time;
    match easing {
        Easing::Linear => time,
        Easing::In => cubed(time),
        Easing::Out => 1.0 - cubed(1.0 - time),
        Easing::InOut if time < 0.5 => 4.0 * cubed(time),
        Easing::InOut => 1.0 - 4.0 * cubed(1.0 - time),
    }
}
