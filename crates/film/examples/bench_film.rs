//! What `scripts/bench-film.py` times: a plate is made of some footage, then clips are composed on it as they are asked for.
//!
//! `bench_film FOOTAGE.mp4 TITLE.gray FOLDER`; the title is a picture of the footage's size: a byte of luma per pixel,
//! white on black. Then a
//! line per run on standard input, and a JSON object per line on standard output:
//!
//! ```text
//! hot N            one clip, its windows in memory, at most N segments at once; written to FOLDER/ours.mp4
//! warm N           the same, its windows as mezzanines
//! many COUNT EACH  COUNT clips at a time, EACH times, with hot windows
//! reference        the pictures before any loss, with the title, to FOLDER/reference.yuv
//! ```

use std::{
    error::Error,
    fs,
    io::{BufRead, Write},
    num::NonZeroUsize,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use festoon_film::{
    Cancel, Composer, Draw, Encoder, Expectation, Ffmpeg, FilmError, Footage, Held, Picture, Pictures, X264, encode_plate,
};
use festoon_spec::{Canvas, FrameRange};

/// A second and a half, and one second: of 24 frames each.
const WINDOWS: [Range<u32>; 2] = [12..48, 96..120];

/// A title in white.
struct Title {
    windows: [Range<u32>; 2],
    /// Of each pixel, and of each four.
    cover: [Vec<u8>; 2],
    rows: Range<usize>,
}

impl Title {
    /// Of a picture of white words on black, 16 to 235.
    fn of(luma: &[u8], width: usize) -> Self {
        let cover: Vec<u8> = luma.iter().map(|level| (u16::from(level.saturating_sub(16)) * 255 / 219).min(255) as u8).collect();
        let inked: Vec<usize> =
            cover.chunks(width).enumerate().filter(|(_, row)| row.iter().any(|c| *c > 0)).map(|(y, _)| y).collect();
        let rows = inked.first().map_or(0, |y| y / 2 * 2)..inked.last().map_or(0, |y| y / 2 * 2 + 2);
        let quarter = cover.chunks(2 * width).flat_map(|rows| {
            let (upper, lower) = rows.split_at(width);
            let sum = |x: usize| [upper[x], upper[x + 1], lower[x], lower[x + 1]].map(u16::from).iter().sum::<u16>();
            (0..width / 2).map(move |x| (sum(2 * x) / 4) as u8)
        });
        let quarter = quarter.collect();
        Self { windows: WINDOWS, cover: [cover, quarter], rows }
    }
}

impl Draw for Title {
    fn windows(&self) -> &[Range<u32>] {
        &self.windows
    }

    fn draw(&self, _: u32, picture: &mut Picture) {
        let width = picture.width();
        let rows = self.rows.clone();
        let part = rows.start * width..rows.end * width;
        let quarter = rows.start / 2 * (width / 2)..rows.end / 2 * (width / 2);
        let [luma, cb, cr] = picture.planes_mut();
        blend(&mut luma[part.clone()], &self.cover[0][part], 235);
        blend(&mut cb[quarter.clone()], &self.cover[1][quarter.clone()], 128);
        blend(&mut cr[quarter.clone()], &self.cover[1][quarter], 128);
    }
}

fn blend(plane: &mut [u8], cover: &[u8], ink: u16) {
    for (level, cover) in plane.iter_mut().zip(cover) {
        let cover = u16::from(*cover);
        *level = ((u16::from(*level) * (255 - cover) + ink * cover + 127) / 255) as u8;
    }
}

/// The plate, as a server has it.
struct Stage {
    folder: PathBuf,
    x264: X264,
    ffmpeg: Ffmpeg,
    footage: Footage,
    mezzanines: Vec<Held>,
    hot: Vec<Arc<Vec<Picture>>>,
    title: Title,
}

/// Windows in memory.
struct Hot<'a>(&'a Stage);

impl Pictures for Hot<'_> {
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, FilmError> {
        Ok(Arc::clone(&self.0.hot[window]))
    }
}

/// Windows as mezzanines, each decoded once per clip.
struct Warm<'a>(&'a Stage, Vec<std::sync::Mutex<Option<Arc<Vec<Picture>>>>>);

impl Pictures for Warm<'_> {
    fn of_window(&self, window: usize) -> Result<Arc<Vec<Picture>>, FilmError> {
        let mut decoded = self.1[window].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if decoded.is_none() {
            let file = &self.0.mezzanines[window].bytes;
            *decoded = Some(Arc::new(self.0.ffmpeg.pictures(file, &Cancel::default())?));
        }
        Ok(Arc::clone(decoded.as_ref().expect("it was decoded above")))
    }
}

/// When the first and the last byte came.
struct Times {
    first: Duration,
    last: Duration,
}

impl Stage {
    fn compose(&self, pictures: &dyn Pictures, at_once: NonZeroUsize) -> Result<(Vec<Bytes>, Times), FilmError> {
        let began = Instant::now();
        let (mut pieces, mut first) = (Vec::new(), None);
        let composer = Composer { encoder: &self.x264, at_once };
        composer.compose(&self.footage, pictures, &self.title, &Cancel::default(), &mut |piece| {
            first.get_or_insert_with(|| began.elapsed());
            pieces.push(piece);
            Ok(())
        })?;
        let last = began.elapsed();
        Ok((pieces, Times { first: first.unwrap_or(last), last }))
    }

    fn one(&self, pictures: &dyn Pictures, at_once: NonZeroUsize) -> Result<String, Box<dyn Error>> {
        let before = cpu_seconds();
        let (pieces, Times { first, last }) = self.compose(pictures, at_once)?;
        let cpu = cpu_seconds() - before;
        fs::write(self.folder.join("ours.mp4"), pieces.concat())?;
        Ok(format!(
            r#"{{"first_ms": {:.3}, "total_ms": {:.3}, "cpu_s": {cpu:.3}, "bytes": {}, "peak_kib": {}, "peak_child_kib": {}}}"#,
            first.as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3,
            pieces.iter().map(Bytes::len).sum::<usize>(),
            peak_kib(libc::RUSAGE_SELF),
            peak_kib(libc::RUSAGE_CHILDREN),
        ))
    }

    fn many(&self, count: usize, each: usize) -> Result<String, Box<dyn Error>> {
        let cores = thread::available_parallelism()?.get();
        let at_once = NonZeroUsize::new(cores / count).unwrap_or(NonZeroUsize::MIN);
        let (before, began) = (cpu_seconds(), Instant::now());
        let times = thread::scope(|scope| {
            let work = || (0..each).map(|_| Ok(self.compose(&Hot(self), at_once)?.1)).collect::<Result<Vec<_>, FilmError>>();
            let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect::<Result<Vec<_>, _>>()
        })?;
        let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - before);
        let mut last: Vec<f64> = times.iter().flatten().map(|times| times.last.as_secs_f64() * 1e3).collect();
        let mut first: Vec<f64> = times.iter().flatten().map(|times| times.first.as_secs_f64() * 1e3).collect();
        last.sort_by(f64::total_cmp);
        first.sort_by(f64::total_cmp);
        let clips = count * each;
        Ok(format!(
            r#"{{"at_once": {count}, "clips": {clips}, "per_second": {:.3}, "median_ms": {:.1}, "worst_ms": {:.1}, "first_worst_ms": {:.3}, "cpu_s_each": {:.3}}}"#,
            clips as f64 / took,
            last[clips / 2],
            last[clips - 1],
            first[clips - 1],
            cpu / clips as f64,
        ))
    }

    fn reference(&self, footage: &Path) -> Result<String, Box<dyn Error>> {
        let mut file = std::io::BufWriter::new(fs::File::create(self.folder.join("reference.yuv"))?);
        let mut picture = Picture::new(&self.footage.canvas)?;
        let mut take = |index: u32, rgb: &[u8]| {
            picture.set_rgb(rgb);
            if WINDOWS.iter().any(|window| window.contains(&index)) {
                self.title.draw(index, &mut picture);
            }
            Ok(file.write_all(picture.bytes())?)
        };
        self.ffmpeg.decode(&fs::read(footage)?, &Cancel::default(), &mut take)?;
        file.flush()?;
        Ok("{}".into())
    }
}

fn usage(who: libc::c_int) -> libc::rusage {
    // SAFETY: all zeros is a valid `rusage`, and getrusage writes no more than one.
    unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    }
}

/// Of this process and of what it waited for.
fn cpu_seconds() -> f64 {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
        .map(usage)
        .iter()
        .map(|usage| seconds(usage.ru_utime) + seconds(usage.ru_stime))
        .sum()
}

fn peak_kib(who: libc::c_int) -> i64 {
    usage(who).ru_maxrss
}

fn stage(footage: &Path, title: &Path, folder: PathBuf) -> Result<Stage, Box<dyn Error>> {
    let (mut x264, ffmpeg) = (X264::find()?, Ffmpeg::find()?);
    let source = fs::read(footage)?;
    let media = festoon_film::probe(&source)?;
    let canvas = Canvas { width: media.width, height: media.height, frames: media.frames, fps: media.fps };
    let mut frames = Vec::new();
    ffmpeg.decode(&source, &Cancel::default(), &mut |_, rgb| {
        frames.push(rgb.to_vec());
        Ok(())
    })?;
    let mut paint = |index: u32, rgb: &mut [u8]| {
        rgb.copy_from_slice(&frames[index as usize]);
        Ok(())
    };
    let windows = WINDOWS.map(FrameRange::from);
    x264.stand_by();
    let plate = encode_plate(&x264, &canvas, &windows, Expectation::default(), &mut paint, &Cancel::default())?;
    drop(frames);
    fs::write(folder.join("plate.mp4"), &plate.mp4)?;
    let decode = |held: &Held| Ok(Arc::new(ffmpeg.pictures(&held.bytes, &Cancel::default())?));
    let hot = plate.mezzanines.iter().map(decode).collect::<Result<Vec<_>, FilmError>>()?;
    let segments = plate.segments.into_iter().map(|held| (held.frames, held.bytes.into())).collect();
    let footage = Footage { canvas, init: plate.init.into(), segments, windows: windows.to_vec() };
    let title = Title::of(&fs::read(title)?, canvas.width as usize);
    Ok(Stage { folder, x264, ffmpeg, footage, mezzanines: plate.mezzanines, hot, title })
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [footage, title, folder] = arguments.as_slice() else {
        return Err("usage: bench_film FOOTAGE.mp4 TITLE.gray FOLDER".into());
    };
    let stage = stage(footage, title, folder.clone())?;
    let mezzanine: usize = stage.mezzanines.iter().map(|held| held.bytes.len()).sum();
    println!(r#"{{"mezzanine_bytes": {mezzanine}, "segments": {}}}"#, stage.footage.segments.len());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<NonZeroUsize>().ok()).ok_or("a number is missing");
        let answer = match words.first() {
            Some(&"hot") => stage.one(&Hot(&stage), number(1)?)?,
            Some(&"warm") => {
                let decoded = stage.mezzanines.iter().map(|_| std::sync::Mutex::default()).collect();
                stage.one(&Warm(&stage, decoded), number(1)?)?
            }
            Some(&"many") => stage.many(number(1)?.get(), number(2)?.get())?,
            Some(&"reference") => stage.reference(footage)?,
            _ => return Err(format!("`{line}` is no run").into()),
        };
        println!("{answer}");
    }
    Ok(())
}
