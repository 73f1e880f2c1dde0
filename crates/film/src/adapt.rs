//! From the frames that a small, short or slow painter makes to those of a canvas: cropped to its ratio, scaled, the frames
//! between interpolated.
//!
//! Nothing is held but what was painted, what lies between two of its frames, and of small pictures that run forth and back the
//! frames of the way forth; a frame of the canvas is made when it is asked for. The same painted frames give the same bits on
//! every machine: there is one thread, one order of computing, and no arithmetic that differs between processors.

mod between;
mod contour;
mod finish;
mod flow;
mod raster;
mod scaler;

use std::collections::HashMap;

use festoon_spec::{Adapted, Canvas};

use self::{
    between::Between,
    finish::Finish,
    raster::Raster,
    scaler::{Part, Scaler},
};

/// The search for motion looks at frames of at most this many pixels on their longer side: more costs much and finds nothing
/// new.
const SEARCHED_SIDE: usize = 320;
/// Where the canvas is larger, small frames are mixed and finished at twice their size, so that moving them by parts of a pixel
/// blurs nothing that can be seen. Large ones have detail of their own, and would cost seconds each.
const MIXED_SCALE: usize = 2;
/// Pixels on the longer side of a frame that is mixed so.
const MIXED_SIDE: usize = 1280;
/// Where small frames are enlarged, what lies this many pixels from their border is repeated to it: a model paints the
/// outermost pixels worst, having seen nothing beyond them, and enlarged they are a coloured band.
const BORDER: usize = 2;
/// Bytes of finished frames that are kept for the way back.
const KEPT_BYTES: usize = 256 << 20;

/// Makes the frames of a canvas.
#[derive(Debug)]
pub struct Adapter {
    painted: Canvas,
    canvas: Canvas,
    ping_pong: bool,
    rgb: Vec<u8>,
    /// From painted frames to those that are mixed.
    mixed: Option<Scaler>,
    /// From painted frames to those that are searched.
    searched: Option<Scaler>,
    /// From mixed frames to the canvas.
    shown: Option<Scaler>,
    finish: Finish,
    /// The two painted frames around the last moment, by the number of the first.
    between: Option<(u32, Between)>,
    /// What was finished on the way forth, by its place: frames of a large canvas are made of it in a tenth of the time.
    kept: HashMap<Place, Raster>,
}

/// A moment among the painted frames: after which, and how far towards the next, in parts of a frame of the canvas.
type Place = (u32, u32);

impl Adapter {
    /// For these painted frames: packed 8-bit RGB, one frame after the other.
    ///
    /// # Panics
    /// If `rgb` is not as long as the frames of `adapted.painted`.
    pub fn new(adapted: &Adapted, canvas: &Canvas, rgb: Vec<u8>) -> Self {
        let painted = adapted.painted;
        let [width, height] = [painted.width, painted.height].map(|side| side as usize);
        assert_eq!(rgb.len(), width * height * 3 * painted.frames as usize, "{} frames of {width} x {height}", painted.frames);
        let to = [canvas.width, canvas.height].map(|side| side as usize);
        let longer = width.max(height);
        let is_doubled = (to[0] > width || to[1] > height) && longer * MIXED_SCALE <= MIXED_SIDE;
        let mixed_size = if is_doubled { [width * MIXED_SCALE, height * MIXED_SCALE] } else { [width, height] };
        let whole = Part { left: 0.0, top: 0.0, width: width as f64, height: height as f64 };
        let searched_size = [width, height].map(|side| (side * SEARCHED_SIDE).div_ceil(longer));
        let scaler = |size: [usize; 2]| Scaler::new([width, height], whole, size);
        let scale = mixed_size[0] as f64 / width as f64;
        let [seen_width, seen_height] = adapted.seen(canvas);
        let [left, top] = adapted.seen_from(canvas);
        let part = Part { left: left * scale, top: top * scale, width: seen_width * scale, height: seen_height * scale };
        Self {
            painted,
            canvas: *canvas,
            ping_pong: adapted.ping_pong,
            rgb,
            mixed: is_doubled.then(|| scaler(mixed_size)),
            searched: (longer > SEARCHED_SIDE).then(|| scaler(searched_size)),
            finish: Finish::new(f64::from(canvas.width) / seen_width, is_doubled),
            shown: (mixed_size != to).then(|| Scaler::new(mixed_size, part, to)),
            between: None,
            kept: HashMap::new(),
        }
    }

    /// Writes frame `index` of the canvas as packed 8-bit RGB. Cheapest in order.
    ///
    /// # Panics
    /// If `rgb` is not as long as a frame of the canvas.
    pub fn frame(&mut self, index: u32, rgb: &mut [u8]) {
        let place = self.place(index);
        let sharp = match self.kept.remove(&place) {
            Some(kept) => kept,
            None => self.finished(place),
        };
        match &self.shown {
            Some(scaler) => self.finish.write(index, &scaler.scale(&sharp), rgb),
            None => self.finish.write(index, &sharp, rgb),
        }
        let bytes = size_of_val(&*sharp.pixels) * (self.kept.len() + 1);
        if self.ping_pong && bytes <= KEPT_BYTES {
            self.kept.insert(place, sharp);
        }
    }

    /// The picture at a place, before it gets the size of the canvas.
    fn finished(&mut self, (whole, part): Place) -> Raster {
        let mixed = if part == 0 {
            let painted = self.painted_frame(whole);
            self.mixed.as_ref().map_or_else(|| painted.clone(), |scaler| scaler.scale(&painted))
        } else {
            let time = part as f32 / self.canvas.fps as f32;
            self.between(whole).at(time)
        };
        self.finish.sharpen(mixed)
    }

    /// Where a frame of the canvas lies.
    fn place(&self, index: u32) -> Place {
        let (own, theirs) = (u64::from(self.canvas.fps), u64::from(self.painted.fps));
        let last = u64::from(self.painted.frames - 1) * own;
        let mut place = u64::from(index) * theirs;
        if self.ping_pong && last > 0 {
            place %= 2 * last;
            place = place.min(2 * last - place);
        }
        let place = place.min(last);
        ((place / own) as u32, (place % own) as u32)
    }

    /// As it was painted, but for the border.
    fn painted_frame(&self, index: u32) -> Raster {
        let [width, height] = [self.painted.width, self.painted.height].map(|side| side as usize);
        let bytes = width * height * 3;
        let from = index as usize * bytes;
        let mut frame = Raster::from_rgb(width, height, &self.rgb[from..from + bytes]);
        if self.mixed.is_some() {
            frame.repeat_to_border(BORDER);
        }
        frame
    }

    fn between(&mut self, first: u32) -> &Between {
        if self.between.as_ref().is_none_or(|(known, _)| *known != first) {
            let frames = [first, first + 1].map(|index| self.painted_frame(index));
            let scaled = |scaler: &Option<Scaler>, frame: &Raster| {
                scaler.as_ref().map_or_else(|| frame.clone(), |scaler| scaler.scale(frame))
            };
            let [one, other] = [&frames[0], &frames[1]].map(|frame| scaled(&self.mixed, frame));
            let [small_one, small_other] = [&frames[0], &frames[1]].map(|frame| scaled(&self.searched, frame));
            self.between = Some((first, Between::new(one, other, &small_one, &small_other)));
        }
        &self.between.as_ref().expect("made above").1
    }
}
