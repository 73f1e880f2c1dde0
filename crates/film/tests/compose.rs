//! Plates in segments, and clips made of them.

use std::{
    fs,
    io::Write,
    num::NonZeroUsize,
    ops::Range,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use festoon_film::{
    Cancel, Composer, Draw, Encoder, Ffmpeg, FilmError, Footage, Frames, Picture, Pictures, Plate, Recipe, Stream, X264,
    probe_fragment, probe_init,
};
use festoon_spec::{Canvas, EncoderId, FrameRange};
use rustix::process::getpriority_process;

use crate::scene::encode_with;

/// Four seconds of a small picture.
pub const CANVAS: Canvas = Canvas { width: 160, height: 96, frames: 48, fps: 12 };
/// The first is longer than a second and so two segments; the second ends with the plate.
pub const WINDOWS: [FrameRange; 2] = [FrameRange { start: 7, end: 25 }, FrameRange { start: 37, end: 48 }];
pub const CUTS: [(u32, u32); 5] = [(0, 7), (7, 16), (16, 25), (25, 37), (37, 48)];

/// A bright bar across the middle.
pub struct Bar(pub Vec<Range<u32>>);

impl Draw for Bar {
    fn windows(&self) -> &[Range<u32>] {
        &self.0
    }

    fn draw(&self, _: u32, picture: &mut Picture) {
        let (width, height) = (picture.width(), picture.height());
        let [luma, ..] = picture.planes_mut();
        luma[width * (height / 3)..width * (height / 2)].fill(225);
    }
}

pub fn everywhere() -> Bar {
    Bar(WINDOWS.map(Range::from).to_vec())
}

/// A plate and its pictures in memory.
pub struct Hot {
    pub plate: Plate,
    footage: Footage,
    pictures: Vec<Arc<Vec<Picture>>>,
}

impl Hot {
    pub fn make() -> Self {
        Self::made_by(&X264::find().unwrap())
    }

    pub fn made_by(encoder: &dyn Encoder) -> Self {
        let plate = encode_with(encoder, &CANVAS, &WINDOWS).unwrap();
        let ffmpeg = Ffmpeg::find().unwrap();
        let pictures = |held: &festoon_film::Held| Arc::new(ffmpeg.pictures(&held.bytes, &Cancel::default()).unwrap());
        let footage = Footage {
            canvas: CANVAS,
            init: plate.init.clone().into(),
            segments: plate.segments.iter().map(|held| (held.frames, held.bytes.clone().into())).collect(),
            windows: plate.mezzanines.iter().map(|held| held.frames).collect(),
        };
        let pictures = plate.mezzanines.iter().map(pictures).collect();
        Self { plate, footage, pictures }
    }

    pub fn compose(&self, encoder: &dyn Encoder, at_once: usize, drawing: &dyn Draw) -> Result<Vec<Bytes>, FilmError> {
        let mut pieces = Vec::new();
        let composer = Composer { encoder, at_once: NonZeroUsize::new(at_once).unwrap() };
        composer.compose(&self.footage, self, drawing, &Cancel::default(), &mut |piece| {
            pieces.push(piece);
            Ok(())
        })?;
        Ok(pieces)
    }
}

impl Pictures for Hot {
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, FilmError> {
        Ok(Arc::clone(&self.pictures[window]))
    }
}

/// What ffmpeg decodes, without a warning: a hash per frame with its time.
pub fn decoded(file: &[u8]) -> Vec<String> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "warning", "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ffmpeg.stdin.take().unwrap().write_all(file).unwrap();
    let output = ffmpeg.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace(' ', "")).collect()
}

/// The frames that are not the same, of as many.
pub fn differ(one: &[String], other: &[String]) -> Vec<u32> {
    assert_eq!(one.len(), other.len());
    (0..).zip(one.iter().zip(other)).filter(|(_, (one, other))| one != other).map(|(frame, _)| frame).collect()
}

/// Time of showing and of decoding of every packet, in frames, in the order of the file.
fn times(file: &[u8]) -> Vec<(i64, i64)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    fs::write(&path, file).unwrap();
    let arguments = ["-v", "warning", "-show_entries", "packet=pts,dts", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap() / 512;
    let pairs = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut fields = line.trim_end_matches(',').split(',');
        (number(fields.next().unwrap()), number(fields.next().unwrap()))
    });
    pairs.collect()
}

#[test]
fn a_plate_in_segments_is_the_whole_file() {
    let plate = encode_with(&X264::find().unwrap(), &CANVAS, &WINDOWS).unwrap();
    let cuts: Vec<_> = plate.segments.iter().map(|held| (held.frames.start, held.frames.end)).collect();
    assert_eq!(cuts, CUTS);
    let index = probe_init(&plate.init).unwrap();
    assert_eq!(index.media, plate.media);
    for held in &plate.segments {
        probe_fragment(&held.bytes, held.frames).unwrap();
    }
    let fragmented: Vec<u8> =
        [plate.init.clone()].into_iter().chain(plate.segments.iter().map(|held| held.bytes.clone())).flatten().collect();
    let frames = decoded(&fragmented);
    assert_eq!(frames.len(), 48);
    assert_eq!(frames, decoded(&plate.mp4), "the same pictures at the same times");

    for file in [&fragmented, &plate.mp4] {
        let times = times(file);
        assert!(times.iter().zip(-2i64..).all(|((_, dts), expected)| *dts == expected), "{times:?}");
        let mut shown: Vec<_> = times.iter().map(|(pts, _)| *pts).collect();
        shown.sort_unstable();
        assert_eq!(shown, (0..48).collect::<Vec<_>>());
        assert!(times.iter().all(|(pts, dts)| pts >= dts));
    }
    let windows: Vec<_> = plate.mezzanines.iter().map(|held| held.frames).collect();
    assert_eq!(windows, WINDOWS);
}

#[test]
fn a_plate_is_the_same_bytes_whenever_it_is_made() {
    let x264 = X264::find().unwrap();
    let make = || encode_with(&x264, &CANVAS, &WINDOWS).unwrap();
    assert_eq!(make(), make());
}

#[test]
fn a_clip_is_its_plate_except_where_it_is_drawn_on() {
    let hot = Hot::make();
    let pieces = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap();
    assert_eq!(pieces[0], hot.plate.init);
    for (piece, held) in pieces[1..].iter().zip(&hot.plate.segments) {
        let touched = WINDOWS.iter().any(|window| window.touches(held.frames));
        assert_eq!(*piece != held.bytes, touched, "{}", held.frames);
        probe_fragment(piece, held.frames).unwrap();
    }
    let clip = pieces.concat();
    let drawn: Vec<u32> = WINDOWS.iter().flat_map(|window| window.start..window.end).collect();
    assert_eq!(differ(&decoded(&hot.plate.mp4), &decoded(&clip)), drawn);
    assert_eq!(times(&clip).iter().map(|(_, dts)| *dts).collect::<Vec<_>>(), (-2..46).collect::<Vec<_>>());
}

#[test]
fn what_is_drawn_is_seen() {
    let hot = Hot::make();
    let drawing = everywhere();
    let clip = hot.compose(&X264::find().unwrap(), 1, &drawing).unwrap().concat();
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = ffmpeg.stdin.take().unwrap();
    let feed = std::thread::spawn(move || input.write_all(&clip).unwrap());
    let shown = ffmpeg.wait_with_output().unwrap().stdout;
    feed.join().unwrap();
    for (window, pictures) in WINDOWS.iter().zip(&hot.pictures) {
        for (frame, picture) in (window.start..window.end).zip(pictures.iter()) {
            let mut wanted = picture.clone();
            drawing.draw(frame, &mut wanted);
            let frame = frame as usize * wanted.bytes().len();
            let psnr = crate::scene::psnr(wanted.bytes(), &shown[frame..frame + wanted.bytes().len()]);
            assert!(psnr > 34.0, "frame {frame} has {psnr:.1} dB");
        }
    }
}

#[test]
fn a_clip_is_the_same_bytes_however_many_are_encoded_at_once() {
    let hot = Hot::make();
    let x264 = X264::find().unwrap();
    let one = hot.compose(&x264, 1, &everywhere()).unwrap();
    assert_eq!(one, hot.compose(&x264, 5, &everywhere()).unwrap());
}

#[test]
fn encoders_that_were_started_before_make_the_same_clip() {
    let hot = Hot::make();
    let mut x264 = X264::find().unwrap();
    let clip = hot.compose(&x264, 2, &everywhere()).unwrap();
    x264.stand_by();
    // The first finds none that waits, and asks for some.
    for _ in 0..3 {
        assert_eq!(clip, hot.compose(&x264, 2, &everywhere()).unwrap());
    }
}

#[test]
fn only_what_is_touched_is_made_anew() {
    let hot = Hot::make();
    let x264 = X264::find().unwrap();
    // Within the first window's second half.
    let pieces = hot.compose(&x264, 2, &Bar(vec![18..20])).unwrap();
    let anew: Vec<_> = pieces[1..].iter().zip(&hot.plate.segments).filter(|(piece, held)| **piece != held.bytes).collect();
    assert_eq!(anew.iter().map(|(_, held)| held.frames).collect::<Vec<_>>(), [FrameRange { start: 16, end: 25 }]);
    // Nothing at all.
    let pieces = hot.compose(&x264, 2, &Bar(Vec::new())).unwrap();
    assert!(pieces[1..].iter().zip(&hot.plate.segments).all(|(piece, held)| *piece == held.bytes));
}

/// An encoder that notes how often it was begun, and what its streams are like.
struct Noting {
    x264: X264,
    begun: AtomicUsize,
    begin: Box<dyn Fn(usize) -> Result<Recipe, FilmError> + Send + Sync>,
}

impl Noting {
    fn new(begin: impl Fn(usize) -> Result<Recipe, FilmError> + Send + Sync + 'static) -> Self {
        Self { x264: X264::find().unwrap(), begun: AtomicUsize::new(0), begin: Box::new(begin) }
    }
}

impl Encoder for Noting {
    fn id(&self) -> &EncoderId {
        self.x264.id()
    }

    fn build(&self) -> &str {
        self.x264.build()
    }

    fn encode(&self, _: Recipe, canvas: &Canvas, frames: &mut Frames<'_>, cancel: &Cancel) -> Result<Stream, FilmError> {
        let recipe = (self.begin)(self.begun.fetch_add(1, Ordering::SeqCst))?;
        self.x264.encode(recipe, canvas, frames, cancel)
    }
}

#[test]
fn what_is_in_front_of_the_first_drawn_frame_waits_for_no_encoder() {
    let hot = Hot::make();
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let opened = Mutex::new(opened);
    // The first segment is encoded only once the pieces in front of it have come.
    let encoder = Noting::new(move |begun| {
        if begun == 0 {
            opened.lock().unwrap().recv().unwrap();
        }
        Ok(Recipe::Overlay)
    });
    let composer = Composer { encoder: &encoder, at_once: NonZeroUsize::MIN };
    let mut pieces = 0;
    let mut take = |_| {
        pieces += 1;
        if pieces == 2 {
            open.send(()).unwrap();
        }
        Ok(())
    };
    composer.compose(&hot.footage, &hot, &everywhere(), &Cancel::default(), &mut take).unwrap();
    assert_eq!(pieces, 6);
}

#[test]
fn later_segments_give_way_to_earlier_ones() {
    let hot = Hot::make();
    let nice = || getpriority_process(None).unwrap();
    let (own, seen) = (nice(), Arc::new(Mutex::new(Vec::new())));
    let notes = Arc::clone(&seen);
    let encoder = Noting::new(move |_| {
        notes.lock().unwrap().push(nice());
        Ok(Recipe::Overlay)
    });
    hot.compose(&encoder, 1, &everywhere()).unwrap();
    let expected: Vec<i32> = (0..3).map(|place| (own + 5 * place).min(19)).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(nice(), own, "who composes is as urgent as before");
}

#[test]
fn a_cancelled_composition_begins_no_other_segment() {
    let hot = Hot::make();
    let cancel = Cancel::default();
    let told = cancel.clone();
    let encoder = Noting::new(move |_| {
        told.cancel();
        Ok(Recipe::Overlay)
    });
    let composer = Composer { encoder: &encoder, at_once: NonZeroUsize::MIN };
    let error = composer.compose(&hot.footage, &hot, &everywhere(), &cancel, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, FilmError::Cancelled), "{error}");
    assert_eq!(encoder.begun.load(Ordering::SeqCst), 1);
}

#[test]
fn a_segment_that_fails_ends_the_clip_and_stops_the_others() {
    let hot = Hot::make();
    let encoder = Noting::new(|begun| match begun {
        0 => Ok(Recipe::Overlay),
        _ => Err(FilmError::Missing { program: "x264", looked: "this test".into() }),
    });
    let error = hot.compose(&encoder, 1, &everywhere()).unwrap_err();
    assert!(matches!(error, FilmError::Missing { .. }), "{error}");
}

#[test]
fn whoever_takes_no_more_ends_the_clip() {
    let hot = Hot::make();
    let x264 = X264::find().unwrap();
    let composer = Composer { encoder: &x264, at_once: NonZeroUsize::MIN };
    let cancel = Cancel::default();
    let result = composer.compose(&hot.footage, &hot, &everywhere(), &cancel, &mut |_| Err(FilmError::Cancelled));
    assert!(matches!(result, Err(FilmError::Cancelled)));
    assert!(cancel.is_cancelled());
}

#[test]
fn an_overlay_of_other_parameter_sets_is_not_spliced_in() {
    let hot = Hot::make();
    let encoder = Noting::new(|_| Ok(Recipe::Mezzanine));
    let error = hot.compose(&encoder, 1, &everywhere()).unwrap_err();
    assert_eq!(error.to_string(), format!("the parameter sets of overlays by {} are not those of the plate", encoder.build()));
    // The same is found without a plate, when a server starts.
    let encoder = Noting::new(|begun| Ok(if begun == 0 { Recipe::Plate } else { Recipe::Mezzanine }));
    assert!(matches!(encoder.shared_sets(&CANVAS, &Cancel::default()), Err(FilmError::Sets { .. })));
}

#[test]
fn a_drawing_that_leaves_the_windows_is_refused_before_a_byte_is_given() {
    let hot = Hot::make();
    for (drawn, told) in [(6..8, "6..8"), (20..26, "20..26"), (30..31, "30..31"), (47..49, "47..49")] {
        let x264 = X264::find().unwrap();
        let composer = Composer { encoder: &x264, at_once: NonZeroUsize::MIN };
        let mut take = |_| panic!("nothing is given");
        let error = composer.compose(&hot.footage, &hot, &Bar(vec![drawn]), &Cancel::default(), &mut take).unwrap_err();
        assert_eq!(error.to_string(), format!("the overlay draws on the frames {told}, which are in no window of the plate"));
    }
}

#[test]
fn a_fragment_that_is_cut_off_or_of_other_frames_is_refused() {
    let hot = Hot::make();
    let held = &hot.plate.segments[1];
    for length in 0..held.bytes.len() {
        assert!(probe_fragment(&held.bytes[..length], held.frames).is_err(), "cut to {length}");
    }
    let error = probe_fragment(&held.bytes, hot.plate.segments[2].frames).unwrap_err();
    assert_eq!(error.to_string(), "the fragment holds the frames 7..16, not 16..25");
    let twice = [held.bytes.clone(), held.bytes.clone()].concat();
    assert_eq!(
        probe_fragment(&twice, held.frames).unwrap_err().to_string(),
        "the index contradicts itself: a fragment is not two boxes"
    );
    for length in 0..hot.plate.init.len() {
        assert!(probe_init(&hot.plate.init[..length]).is_err(), "cut to {length}");
    }
}
