//! What each form of a clip takes: bytes, milliseconds, processor seconds with those of the programs.
//!
//! `cargo run --release -p festoon-film --example forms -- footage.mp4 [folder for the files]`
//!
//! The footage becomes a plate with two windows, and a clip with a bar drawn in both.

use std::{error::Error, fs, num::NonZeroUsize, ops::Range, path::PathBuf, sync::Arc, time::Instant};

use festoon_film::{
    Cancel, Composer, Decoder, Deriver, Draw, Expectation, Footage, Held, Picture, Pictures, SmallPlate, encode_plate,
    find_encoder, probe, progressive,
};
use festoon_spec::{Canvas, FrameRange, Media, Still};

/// A bright bar across the middle.
struct Bar(Vec<Range<u32>>);

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

struct Hot(Vec<Arc<Vec<Picture>>>);

impl Pictures for Hot {
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, festoon_film::FilmError> {
        Ok(Arc::clone(&self.0[window]))
    }
}

/// Processor seconds of this process, and of the programs that it ran to their end.
fn processor_seconds() -> f64 {
    let used = |who| {
        // SAFETY: `getrusage` fills the structure that it is given, for which zeros are valid.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

/// Makes something, and tells what it took.
fn tell<T: AsRef<[u8]>>(
    folder: Option<&PathBuf>,
    name: &str,
    make: impl FnOnce() -> Result<T, festoon_film::FilmError>,
) -> Result<T, Box<dyn Error>> {
    let (began, used) = (Instant::now(), processor_seconds());
    let made = make()?;
    let (wall, cpu) = (began.elapsed().as_millis(), processor_seconds() - used);
    println!("{name:24} {:>9} bytes {wall:>6} ms {cpu:>6.2} CPU-s", made.as_ref().len());
    if let Some(folder) = folder {
        fs::write(folder.join(name), made.as_ref())?;
    }
    Ok(made)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let footage = fs::read(arguments.next().ok_or("which footage?")?)?;
    let folder = arguments.next().map(PathBuf::from);
    let (encoder, decoder, deriver, cancel) = (find_encoder()?, Decoder::find()?, Deriver::find()?, Cancel::default());
    println!("{} | {}", encoder.build(), deriver.build());

    let Media { width, height, frames, fps, .. } = probe(&footage)?;
    let canvas = Canvas { width, height, frames, fps };
    let windows = [(fps / 2, fps * 2), (frames - fps, frames)].map(|(start, end)| FrameRange { start, end });
    let mut painted = Vec::new();
    decoder.decode(&footage, &cancel, &mut |_, rgb| {
        painted.push(rgb.to_vec());
        Ok(())
    })?;
    let mut paint = |index: u32, rgb: &mut [u8]| {
        rgb.copy_from_slice(&painted[index as usize]);
        Ok(())
    };
    let plate = encode_plate(encoder.as_ref(), &canvas, &windows, Expectation::default(), &mut paint, &cancel)?;
    drop(painted);
    let whole: Vec<u8> = plate.init.iter().chain(plate.segments.iter().flat_map(|held| &held.bytes)).copied().collect();
    let pictures = |held: &Held| decoder.pictures(&held.bytes, &cancel).map(Arc::new);
    let hot = Hot(plate.mezzanines.iter().map(pictures).collect::<Result<_, _>>()?);
    let segments = plate.segments.iter().map(|held| (held.frames, held.bytes.clone().into())).collect();
    let footage = Footage { canvas, init: plate.init.clone().into(), segments, windows: windows.into() };
    let drawing = Bar(windows.map(Range::from).into());
    let (folder, media) = (folder.as_ref(), &plate.media);

    println!("plate {} bytes, {width}x{height}, {frames} frames, {fps} per second", plate.mp4.len());
    let clip = tell(folder, "clip.mp4", || {
        let mut clip = Vec::new();
        let composer = Composer { encoder: encoder.as_ref(), at_once: NonZeroUsize::MIN };
        composer.compose(&footage, &hot, &drawing, &cancel, &mut |piece| {
            clip.extend_from_slice(&piece);
            Ok(())
        })?;
        Ok(clip)
    })?;
    tell(folder, "download.mp4", || Ok(progressive(&clip)?))?;
    let small = tell(folder, "plate-480p.mp4", || Ok(deriver.small(encoder.as_ref(), &whole, None, &cancel)?.bytes))?;
    tell(folder, "clip-480p.mp4", || {
        let plate = SmallPlate { full: &whole, small: &small };
        Ok(deriver.small(encoder.as_ref(), &clip, Some(plate), &cancel)?.bytes)
    })?;
    tell(folder, "clip.webm", || Ok(deriver.webm(&clip, &canvas, None, &cancel)?.bytes))?;
    let picture = &hot.0[0][0];
    for (still, name) in [(Still::Jpeg, "poster.jpg"), (Still::Webp, "poster.webp"), (Still::Avif, "poster.avif")] {
        tell(folder, name, || Ok(deriver.still(picture, still, &cancel)?.bytes))?;
    }
    tell(folder, "poster-elsewhere.jpg", || {
        let picture = deriver.picture(&plate.mp4, media, frames * 2 / 3, &cancel)?;
        Ok(deriver.still(&picture, Still::Jpeg, &cancel)?.bytes)
    })?;
    tell(folder, "preview.webp", || Ok(deriver.preview(&clip, &canvas, &cancel)?.bytes))?;
    tell(folder, "storyboard.jpg", || Ok(deriver.storyboard(&clip, media, &cancel)?.bytes))?;
    Ok(())
}
