//! Plays the beds of the templates that come with festoon, and writes them: `beds FOLDER` writes `FOLDER/<template>/bed.ogg`.
//!
//! Every sound is made here, of sines and a little noise; nothing is recorded. A bed lasts five seconds, four chords from the
//! tonic and back to it, and closes: what still rings at its end rings on at its start, so that a loop has no seam.
#![allow(clippy::expect_used)]

use std::{
    env,
    error::Error,
    f64::consts::TAU,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

const RATE: f64 = 48_000.0;
const SECONDS: f64 = 5.0;
const LENGTH: usize = (RATE * SECONDS) as usize;
/// How far the loudest sample stays from the loudest that can be played.
const PEAK: f64 = 0.7;

/// Pitches as MIDI counts them: 69 is the A of 440 Hz.
type Pitch = i32;

/// What a note is played on.
#[derive(Clone, Copy)]
enum Voice {
    /// A small bell, with the partials of a struck bar.
    Bell,
    /// The comb of a music box.
    Box,
    /// A harp: a plucked string.
    Harp,
    /// Wood, struck softly.
    Marimba,
    /// Strings far away, for as long as they are held.
    Pad,
    /// A plucked string, low.
    Bass,
}

/// What a bed is made of. Times in parts of the bed: it has as many steps as `steps` says.
struct Score {
    template: &'static str,
    steps: usize,
    /// Four chords, the lowest note first, each for a quarter of the bed.
    chords: [[Pitch; 4]; 4],
    pad: f64,
    /// What plays the chords' notes, one after the other, and which of them: a pattern that begins anew with each chord.
    figure: (Voice, f64, &'static [usize]),
    /// What plays the tune, and its notes: step, pitch.
    tune: (Voice, f64, &'static [(usize, Pitch)]),
    /// Steps, counted from each chord's first, on which the bass plays.
    bass: &'static [usize],
    /// The same of a soft drum, and of a shaker.
    drum: &'static [usize],
    shaker: &'static [usize],
}

const SCORES: [Score; 6] = [
    // Slow bells over a city: D, G, A, D.
    Score {
        template: "new-year",
        steps: 16,
        chords: [[50, 62, 66, 69], [43, 62, 67, 71], [45, 61, 64, 69], [50, 62, 66, 69]],
        pad: 0.5,
        figure: (Voice::Bell, 0.32, &[1, 2, 3, 2]),
        tune: (Voice::Bell, 0.5, &[(0, 81), (3, 78), (4, 79), (7, 83), (8, 81), (10, 76), (12, 78), (14, 86)]),
        bass: &[0],
        drum: &[],
        shaker: &[],
    },
    // A music box turns in three: C, F, G, C.
    Score {
        template: "christmas",
        steps: 24,
        chords: [[48, 64, 67, 72], [53, 65, 69, 72], [55, 62, 67, 71], [48, 64, 67, 72]],
        pad: 0.3,
        figure: (Voice::Box, 0.3, &[1, 2, 3, 2, 3, 2]),
        tune: (
            Voice::Box,
            0.55,
            &[(0, 79), (2, 76), (4, 84), (6, 81), (8, 84), (10, 81), (12, 79), (14, 83), (16, 86), (18, 84)],
        ),
        bass: &[0],
        drum: &[],
        shaker: &[],
    },
    // Marimba, with a skip: C, F, G, C.
    Score {
        template: "birthday",
        steps: 32,
        chords: [[48, 64, 67, 72], [41, 65, 69, 72], [43, 62, 67, 71], [48, 64, 67, 72]],
        pad: 0.18,
        figure: (Voice::Marimba, 0.4, &[1, 3, 2, 3, 1, 2, 3, 2]),
        tune: (
            Voice::Marimba,
            0.6,
            &[(0, 76), (3, 79), (6, 84), (8, 81), (11, 84), (14, 77), (16, 79), (19, 83), (22, 86), (24, 84), (27, 79), (28, 84)],
        ),
        bass: &[0, 4, 6],
        drum: &[0, 4],
        shaker: &[2, 6],
    },
    // A harp: F, D minor, B flat, F.
    Score {
        template: "wedding",
        steps: 16,
        chords: [[41, 60, 65, 69], [38, 62, 65, 69], [46, 62, 65, 70], [41, 60, 65, 69]],
        pad: 0.6,
        figure: (Voice::Harp, 0.4, &[1, 2, 3, 2]),
        tune: (Voice::Harp, 0.45, &[(0, 77), (2, 81), (4, 79), (6, 77), (8, 74), (10, 79), (12, 77), (15, 84)]),
        bass: &[0],
        drum: &[],
        shaker: &[],
    },
    // Straight on: A minor, F, G, A minor.
    Score {
        template: "flash-sale",
        steps: 32,
        chords: [[45, 64, 69, 72], [41, 65, 69, 72], [43, 62, 67, 71], [45, 64, 69, 72]],
        pad: 0.2,
        figure: (Voice::Harp, 0.32, &[1, 2, 3, 2, 1, 3, 2, 3]),
        tune: (
            Voice::Marimba,
            0.55,
            &[(0, 81), (3, 84), (6, 81), (8, 77), (11, 81), (14, 84), (16, 79), (19, 83), (22, 86), (24, 88), (27, 84), (30, 81)],
        ),
        bass: &[0, 2, 4, 6],
        drum: &[0, 4],
        shaker: &[2, 3, 6, 7],
    },
    // A calm pulse, and a bell now and then: G, E minor, C, G.
    Score {
        template: "product-launch",
        steps: 32,
        chords: [[43, 59, 62, 67], [40, 59, 64, 67], [36, 60, 64, 67], [43, 59, 62, 67]],
        pad: 0.5,
        figure: (Voice::Marimba, 0.22, &[1, 1, 2, 2, 3, 3, 2, 2]),
        tune: (Voice::Bell, 0.4, &[(0, 79), (6, 83), (8, 79), (16, 76), (22, 84), (24, 83), (28, 91)]),
        bass: &[0, 4],
        drum: &[0],
        shaker: &[4],
    },
];

/// Samples of both sides, in a circle.
struct Tape(Vec<[f64; 2]>);

impl Tape {
    /// Adds a sound from this second on, at a place between left (0) and right (1), for so many seconds.
    fn add(&mut self, at: f64, seconds: f64, place: f64, sound: impl Fn(f64) -> f64) {
        let first = (at * RATE) as usize;
        for number in 0..(seconds * RATE) as usize {
            let value = sound(number as f64 / RATE);
            let pair = &mut self.0[(first + number) % LENGTH];
            // Equally loud wherever it stands.
            pair[0] += value * (place * TAU / 4.0).cos();
            pair[1] += value * (place * TAU / 4.0).sin();
        }
    }

    fn note(&mut self, voice: Voice, at: f64, pitch: Pitch, loud: f64, held: f64) {
        let hertz = 440.0 * 2f64.powf(f64::from(pitch - 69) / 12.0);
        // High notes stand more to the right, as on a keyboard.
        let place = (0.5 + f64::from(pitch - 70) / 60.0).clamp(0.25, 0.75);
        // Partials: how many times as high, how loud, how long until a third is left.
        let (partials, attack): (&[(f64, f64, f64)], f64) = match voice {
            Voice::Bell => (&[(1.0, 1.0, 0.9), (2.0, 0.45, 0.6), (2.76, 0.22, 0.35), (5.4, 0.08, 0.15)], 0.003),
            Voice::Box => (&[(1.0, 1.0, 0.45), (2.0, 0.2, 0.3), (4.0, 0.16, 0.12), (6.3, 0.06, 0.05)], 0.002),
            Voice::Harp => (&[(1.0, 1.0, 0.6), (2.0, 0.5, 0.35), (3.0, 0.25, 0.22), (4.0, 0.12, 0.15), (5.0, 0.06, 0.1)], 0.003),
            Voice::Marimba => (&[(1.0, 1.0, 0.22), (3.93, 0.18, 0.06), (9.2, 0.04, 0.02)], 0.002),
            Voice::Bass => (&[(1.0, 1.0, 0.4), (2.0, 0.45, 0.25), (3.0, 0.15, 0.12)], 0.006),
            Voice::Pad => (&[(1.0, 1.0, 0.0), (2.0, 0.3, 0.0), (3.0, 0.12, 0.0), (4.0, 0.05, 0.0)], 0.0),
        };
        if let Voice::Pad = voice {
            // It comes and goes slowly, a little out of tune on each side.
            for (detune, place) in [(0.9985, 0.2), (1.0015, 0.8)] {
                let length = held * 1.6;
                self.add(at, length, place, |second| {
                    let swell = (second / length * TAU / 2.0).sin().powi(2);
                    let wave = |(times, level, _): &(f64, f64, f64)| level * (TAU * hertz * detune * times * second).sin();
                    partials.iter().map(wave).sum::<f64>() * loud * swell * 0.22
                });
            }
            return;
        }
        let longest = partials[0].2 * 5.0;
        self.add(at, longest, place, |second| {
            let rise = (second / attack).min(1.0);
            let wave =
                |(times, level, lasts): &(f64, f64, f64)| level * (TAU * hertz * times * second).sin() * (-second / lasts).exp();
            partials.iter().map(wave).sum::<f64>() * loud * rise
        });
    }

    /// A soft drum: a tone that falls.
    fn drum(&mut self, at: f64) {
        let phase = |second: f64| TAU * (48.0 * second + 70.0 * 0.04 * (1.0 - (-second / 0.04).exp()));
        self.add(at, 0.4, 0.5, |second| 0.55 * phase(second).sin() * (-second / 0.11).exp() * (second / 0.002).min(1.0));
    }

    /// A shaker: noise, the high half of it.
    fn shaker(&mut self, at: f64) {
        let noise = |number: u64| {
            // A multiplier and an increment of Knuth's, to shuffle the number.
            let shuffled = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((shuffled >> 40) as u32) / f64::from(1 << 23) - 1.0
        };
        self.add(at, 0.12, 0.62, |second| {
            let number = (second * RATE) as u64;
            0.05 * (noise(number + 1) - noise(number)) * (-second / 0.025).exp() * (second / 0.004).min(1.0)
        });
    }
}

fn play(score: &Score) -> Vec<[f64; 2]> {
    let mut tape = Tape(vec![[0.0; 2]; LENGTH]);
    let (step, quarter) = (SECONDS / score.steps as f64, score.steps / 4);
    for (number, chord) in score.chords.iter().enumerate() {
        let first = number * quarter;
        let at = |beside: usize| (first + beside) as f64 * step;
        for pitch in &chord[1..] {
            tape.note(Voice::Pad, at(0), *pitch, score.pad, SECONDS / 4.0);
        }
        let (voice, loud, pattern) = score.figure;
        for beside in 0..quarter {
            // The first of each four is a little louder.
            let stress = if beside % 4 == 0 { 1.0 } else { 0.75 };
            tape.note(voice, at(beside), chord[pattern[beside % pattern.len()]], loud * stress, step);
        }
        score.bass.iter().for_each(|beside| tape.note(Voice::Bass, at(*beside), chord[0], 0.5, step));
        score.drum.iter().for_each(|beside| tape.drum(at(*beside)));
        score.shaker.iter().for_each(|beside| tape.shaker(at(*beside)));
    }
    let (voice, loud, notes) = score.tune;
    for (place, pitch) in notes {
        tape.note(voice, *place as f64 * step, *pitch, loud, step);
    }
    let peak = tape.0.iter().flatten().fold(0.0f64, |peak, value| peak.max(value.abs()));
    tape.0.iter().map(|pair| pair.map(|value| value * PEAK / peak)).collect()
}

fn write(samples: &[[f64; 2]], file: &Path) -> Result<(), Box<dyn Error>> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "2", "-channel_layout", "stereo", "-i", "pipe:0"])
        .args(["-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "libvorbis", "-q:a", "3", "-y"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()?;
    let bytes: Vec<u8> = samples.iter().flatten().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    ffmpeg.stdin.take().expect("it was asked for").write_all(&bytes)?;
    let status = ffmpeg.wait()?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg: {status}").into()) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("which folder of templates?")?;
    for score in &SCORES {
        let file = Path::new(&folder).join(score.template).join("bed.ogg");
        write(&play(score), &file)?;
        println!("{}: {} bytes", file.display(), file.metadata()?.len());
    }
    Ok(())
}
