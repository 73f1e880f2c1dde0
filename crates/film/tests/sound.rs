//! Sound beside the pictures, read by other programs than wrote it.

use std::{f64::consts::PI, fs, path::Path, process::Command, sync::LazyLock};

use festoon_film::{
    Addressed, Bed, BedError, Cancel, Deriver, FilmError, SOUND_RATE, SoundFile, SoundRendition, Soundtrack, Variant, X264,
    master_playlist, media_playlist, probe, probe_fragments, progressive, silent, sound_playlist, sounding, sounding_samples,
};
use festoon_spec::{Digest, Laying, Milli, SoundCodec, SoundSpec};
use proptest::{prelude::*, sample::Index};

use crate::compose::{CANVAS, Hot, decoded, everywhere};

static DERIVER: LazyLock<Deriver> = LazyLock::new(|| Deriver::find().unwrap());

/// As it lies, from its beginning to its end.
pub const PLAIN: Laying = Laying { start: Milli(0), looped: false, gain: Milli(0), fade_in: Milli(0), fade_out: Milli(0) };

/// A silent clip, and the pieces that it was made of.
static SILENT: LazyLock<Vec<u8>> =
    LazyLock::new(|| Hot::make().compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat());

/// 16-bit WAV of two channels.
fn wav(rate: u32, samples: impl Iterator<Item = [f64; 2]>) -> Vec<u8> {
    let data: Vec<u8> = samples.flatten().flat_map(|sample| ((sample * 32767.0).round() as i16).to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 4).to_le_bytes());
    file.extend(b"\x04\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    [file, data].concat()
}

/// A tone of this pitch for so many seconds.
pub fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<u8> {
    let value = move |at: u32| 0.5 * (2.0 * PI * hertz * f64::from(at) / f64::from(rate)).sin();
    wav(rate, (0..(f64::from(rate) * seconds) as u32).map(|at| [value(at), value(at)]))
}

pub fn bed(file: Vec<u8>) -> Bed {
    Bed::open(file).unwrap()
}

/// The sound of the test's clip.
pub fn soundtrack(bed: &Bed, laying: Laying, codec: SoundCodec) -> Soundtrack {
    let build = DERIVER.sound_build(codec).expect("ffmpeg is installed: apt-get install ffmpeg");
    let spec = SoundSpec { bed: bed.digest(), laying, frames: CANVAS.frames, fps: CANVAS.fps, codec, build };
    DERIVER.soundtrack(bed, &spec, &Cancel::default()).unwrap()
}

fn lay(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

/// What a program writes that has nothing to complain of.
fn written(program: &str, folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    output.stdout
}

/// The left side of what ffmpeg hears in a file from 0 on, without a warning.
fn heard(name: &str, file: &[u8]) -> Vec<f32> {
    let folder = lay(name, file);
    let arguments =
        ["-v", "warning", "-copyts", "-i", name, "-map", "0:a:0", "-af", "atrim=start=0", "-f", "f32le", "-ac", "2", "-"];
    let bytes = written("ffmpeg", folder.path(), &arguments);
    bytes.chunks_exact(8).map(|pair| f32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]])).collect()
}

/// The level around a second: the root of the mean square of a twentieth of it.
fn level(heard: &[f32], second: f64) -> f64 {
    let (middle, half) = ((second * f64::from(SOUND_RATE)) as usize, SOUND_RATE as usize / 40);
    let part = &heard[middle.saturating_sub(half)..(middle + half).min(heard.len())];
    (part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / part.len() as f64).sqrt()
}

#[test]
fn a_bed_is_the_same_sound_in_whatever_it_is_packed() {
    let file = tone(44_100, 440.0, 1.5);
    let folder = lay("bed.wav", &file);
    let plain = bed(file);
    assert!((plain.seconds() - 1.5).abs() < 1e-4 && (plain.headroom() - 6.02).abs() < 0.01, "{}", plain.headroom());
    for (name, options) in [("bed.flac", ["-c:a", "flac"]), ("bed.ogg", ["-c:a", "libvorbis"])] {
        let arguments = ["-v", "error", "-i", "bed.wav", options[0], options[1], "-y", name];
        written("ffmpeg", folder.path(), &arguments);
        let packed = bed(fs::read(folder.path().join(name)).unwrap());
        assert_eq!(packed.seconds(), plain.seconds(), "{name}");
        assert!((packed.headroom() - plain.headroom()).abs() < 1.0, "{name}: {}", packed.headroom());
        assert_ne!(packed.digest(), plain.digest());
    }
}

#[test]
fn what_is_no_bed_is_refused_by_name() {
    let refused = |file: Vec<u8>| Bed::open(file).unwrap_err();
    let good = tone(48_000, 440.0, 0.2);
    let folder = lay("bed.wav", &good);
    written("ffmpeg", folder.path(), &["-v", "error", "-i", "bed.wav", "-y", "bed.flac"]);
    let flac = fs::read(folder.path().join("bed.flac")).unwrap();
    assert!(matches!(refused(flac[..flac.len() / 2].to_vec()), BedError::Broken { .. }), "cut off");
    assert_eq!(refused(b"\x89PNG\r\n\x1a\n".to_vec()), BedError::Unknown);
    assert_eq!(refused(Vec::new()), BedError::Unknown);
    assert_eq!(refused(tone(48_000, 440.0, 0.0)), BedError::Empty);
    assert_eq!(refused(tone(4_000, 440.0, 0.5)), BedError::Rate { rate: 4_000 });
    assert_eq!(refused(tone(8_000, 440.0, 181.0)), BedError::TooLong);
    assert!(matches!(refused(vec![0; 9 << 20]), BedError::TooManyBytes { .. }));
    written("ffmpeg", folder.path(), &["-v", "error", "-i", "bed.wav", "-ac", "6", "-y", "six.flac"]);
    assert_eq!(refused(fs::read(folder.path().join("six.flac")).unwrap()), BedError::Channels { channels: 6 });
    // Whatever stands where: an error or a bed, never a panic.
    for at in (0..flac.len()).step_by(7) {
        let mut damaged = flac.clone();
        damaged[at] ^= 0x5a;
        let _ = Bed::open(damaged);
        let mut damaged = good.clone();
        damaged[at.min(good.len() - 1)] ^= 0xff;
        let _ = Bed::open(damaged);
    }
}

#[test]
fn sound_lies_beside_pictures_that_stay_as_they_are() {
    let sound = soundtrack(&bed(tone(48_000, 440.0, 6.0)), PLAIN, SoundCodec::Aac);
    let clip = sounding(&SILENT, &sound).unwrap();
    let (parts, plain) = (probe_fragments(&clip).unwrap(), probe_fragments(&SILENT).unwrap());
    assert_eq!(parts.fragments.len(), plain.fragments.len());
    for ((frames, place), (same, stored)) in parts.fragments.iter().zip(&plain.fragments) {
        assert_eq!((frames, &clip[place.clone()]), (same, &SILENT[stored.clone()]));
    }
    assert_eq!(parts.sound.len(), plain.fragments.len(), "sound in front of each");
    assert!(parts.sound.iter().zip(&parts.fragments).all(|(sound, (_, picture))| sound.end == picture.start));
    assert_eq!(silent(&clip).unwrap(), *SILENT);
    assert_eq!(Soundtrack::read(&clip).unwrap().as_ref(), Some(&sound));

    let folder = lay("clip.mp4", &clip);
    written("ffmpeg", folder.path(), &["-v", "warning", "-i", "clip.mp4", "-f", "null", "-"]);
    let pictures = |file: &[u8]| {
        let folder = lay("clip.mp4", file);
        let arguments = ["-v", "warning", "-i", "clip.mp4", "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
        written("ffmpeg", folder.path(), &arguments)
    };
    assert_eq!(pictures(&clip), pictures(&SILENT));
    let entries = ["-v", "warning", "-show_entries", "stream=codec_name,start_time", "-of", "csv=p=0", "clip.mp4"];
    // One packet stands in front of the first picture: what it decodes to is not heard.
    assert_eq!(String::from_utf8(written("ffprobe", folder.path(), &entries)).unwrap(), "h264,0.000000\naac,-0.021333\n");

    // The numbers of fragments, behind version and flags, grow in the order of the file.
    let number = |at: usize| u32::from_be_bytes(clip[at + 8..at + 12].try_into().unwrap());
    let numbers: Vec<u32> = (0..clip.len() - 12).filter(|at| clip[*at..].starts_with(b"mfhd")).map(number).collect();
    assert_eq!(numbers.len(), 2 * plain.fragments.len());
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[test]
fn sound_begins_and_ends_with_the_pictures() {
    // Silence, and a tone from the first second on until half a second before the end.
    let (rate, length) = (44_100, 4.0);
    let value = |at: u32| {
        let second = f64::from(at) / f64::from(rate);
        if (1.0..3.5).contains(&second) { 0.5 * (2.0 * PI * 1000.0 * second).sin() } else { 0.0 }
    };
    let bed = bed(wav(rate, (0..(f64::from(rate) * length) as u32).map(|at| [value(at); 2])));
    for (name, codec) in [("clip.mp4", SoundCodec::Aac), ("clip.webm", SoundCodec::Opus)] {
        let sound = soundtrack(&bed, PLAIN, codec);
        let file = match codec {
            SoundCodec::Aac => progressive(&sounding(&SILENT, &sound).unwrap()).unwrap(),
            SoundCodec::Opus => DERIVER.webm(&SILENT, &CANVAS, Some(&sound), &Cancel::default()).unwrap().bytes,
        };
        let heard = heard(name, &file);
        let expected = sounding_samples(CANVAS.frames, CANVAS.fps) as usize;
        assert!(heard.len().abs_diff(expected) <= 1024, "{name}: {} samples, {expected} belong there", heard.len());
        let loud = |sample: &f32| sample.abs() > 0.2;
        let first = heard.iter().position(loud).unwrap();
        let last = heard.iter().rposition(loud).unwrap();
        assert!(first.abs_diff(48_000) < 60, "{name}: the tone begins at sample {first}");
        assert!(last.abs_diff(3 * 48_000 + 24_000) < 60, "{name}: the tone ends at sample {last}");
    }
}

#[test]
fn what_is_streamed_begins_with_the_first_picture_too() {
    // A tone from the very start: nothing of it may be lost, nothing may stand in front.
    let sound = soundtrack(&bed(tone(48_000, 1000.0, 6.0)), PLAIN, SoundCodec::Aac);
    let heard = heard("clip.mp4", &sounding(&SILENT, &sound).unwrap());
    let expected = sounding_samples(CANVAS.frames, CANVAS.fps) as usize;
    assert!(heard.len().abs_diff(expected) <= 1024, "{} samples, {expected} belong there", heard.len());
    let first = heard.iter().position(|sample| sample.abs() > 0.2).unwrap();
    assert!(first < 60, "the tone begins at sample {first}");
}

#[test]
fn fades_and_gain_are_heard() {
    let laying = Laying { gain: Milli(-6000), fade_in: Milli(1000), fade_out: Milli(2000), looped: true, ..PLAIN };
    let bed = bed(tone(48_000, 500.0, 0.75));
    for (name, codec) in [("clip.mp4", SoundCodec::Aac), ("clip.webm", SoundCodec::Opus)] {
        let sound = soundtrack(&bed, laying, codec);
        let file = match codec {
            SoundCodec::Aac => sounding(&SILENT, &sound).unwrap(),
            SoundCodec::Opus => DERIVER.webm(&SILENT, &CANVAS, Some(&sound), &Cancel::default()).unwrap().bytes,
        };
        let heard = heard(name, &file);
        // A tone of half the height, 6 dB down.
        let full = 0.5 / 2f64.sqrt() * 10f64.powf(-0.3);
        for (second, share) in [(0.5, 0.5), (1.5, 1.0), (3.0, 0.5), (3.5, 0.1464)] {
            let found = level(&heard, second) / full;
            assert!((found - share).abs() < 0.06, "{name}: {found:.3} of the full level at {second} s, {share} belongs there");
        }
        assert!(level(&heard, 0.0) < 0.1 * full && level(&heard, 4.0) < 0.1 * full, "{name}: its ends are quiet");
    }
}

#[test]
fn the_seam_of_a_loop_does_not_click() {
    // 110.25 waves: the end does not meet the start.
    let laying = Laying { looped: true, ..PLAIN };
    let sound = soundtrack(&bed(tone(48_000, 441.0, 0.25)), laying, SoundCodec::Aac);
    let heard = heard("clip.mp4", &sounding(&SILENT, &sound).unwrap());
    let steps = |from: f64, to: f64| {
        let part = &heard[(from * 48_000.0) as usize..(to * 48_000.0) as usize];
        part.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    };
    let (usual, seam) = (steps(0.55, 0.7), steps(0.74, 0.76));
    assert!(seam < 1.5 * usual, "a step of {seam} at the seam, {usual} elsewhere");
}

#[test]
fn the_same_bed_laid_the_same_way_is_the_same_bytes() {
    let bed = bed(tone(44_100, 300.0, 1.0));
    let laying = Laying { looped: true, ..PLAIN };
    for codec in SoundCodec::ALL {
        let one = soundtrack(&bed, laying, codec);
        assert!(one == soundtrack(&bed, laying, codec), "{codec:?}");
        assert!(one != soundtrack(&bed, Laying { gain: Milli(-1000), ..laying }, codec), "{codec:?}: gain");
        assert!(one != soundtrack(&bed, Laying { start: Milli(101), ..laying }, codec), "{codec:?}: start");
    }
}

#[test]
fn a_download_with_sound_has_both_tracks_taking_turns() {
    let sound = soundtrack(&bed(tone(48_000, 440.0, 6.0)), PLAIN, SoundCodec::Aac);
    let clip = sounding(&SILENT, &sound).unwrap();
    let download = progressive(&clip).unwrap();
    assert_eq!(probe(&download).unwrap(), probe(&progressive(&SILENT).unwrap()).unwrap());
    let at = |kind: &[u8]| download.windows(4).position(|window| window == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
    let packets = |stream: &str, file: &[u8]| {
        let folder = lay("clip.mp4", file);
        let entries = ["-v", "warning", "-select_streams", stream, "-show_packets", "-show_data_hash", "md5"];
        let shown = ["-show_entries", "packet=pts,dts,size,data_hash", "-of", "csv=p=0", "clip.mp4"];
        String::from_utf8(written("ffprobe", folder.path(), &[&entries[..], &shown].concat())).unwrap()
    };
    assert_eq!(packets("v", &download), packets("v", &clip));
    // A packet that is not heard has a line of its own that says so.
    let listed = packets("a", &download);
    assert_eq!(listed.lines().filter(|line| line.contains("MD5:")).count(), sound.packets().len(), "{listed}");
    // In the order of the file, no half second of one is without the other.
    let folder = lay("clip.mp4", &download);
    let arguments = ["-v", "warning", "-show_entries", "packet=codec_type,pos", "-of", "csv=p=0", "clip.mp4"];
    let text = String::from_utf8(written("ffprobe", folder.path(), &arguments)).unwrap();
    let mut packets: Vec<(u64, &str)> = text
        .lines()
        .filter(|line| line.contains(','))
        .map(|line| {
            let (kind, at) = line.trim_end_matches(',').split_once(',').unwrap();
            (at.parse().unwrap(), kind)
        })
        .collect();
    packets.sort_unstable();
    let turns = 1 + packets.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert_eq!(turns, 2 * 8, "{turns} turns in 4 s");
    written("ffmpeg", folder.path(), &["-v", "warning", "-i", "clip.mp4", "-f", "null", "-"]);
}

/// The parts of a soundtrack's file, as HLS has them.
pub fn rendition(file: &[u8]) -> SoundRendition {
    let part = |place: &std::ops::Range<usize>| Addressed {
        uri: "sound.mp4".into(),
        range: Some(place.start as u64..place.end as u64),
        bytes: place.len() as u64,
    };
    let SoundFile { soundtrack, init, fragments } = SoundFile::read(file).unwrap();
    let segments = fragments.iter().map(|(samples, place)| (samples.clone(), part(place))).collect();
    SoundRendition { codec: soundtrack.codec(), init: part(&init), segments }
}

#[test]
fn hls_has_the_sound_in_a_rendition_of_its_own() {
    let sound = soundtrack(&bed(tone(48_000, 440.0, 6.0)), PLAIN, SoundCodec::Aac);
    let file = sound.file().unwrap();
    let folder = lay("sound.mp4", &file);
    fs::write(folder.path().join("clip.mp4"), &*SILENT).unwrap();
    let parts = probe_fragments(&SILENT).unwrap();
    let part = |place: &std::ops::Range<usize>| Addressed {
        uri: "clip.mp4".into(),
        range: Some(place.start as u64..place.end as u64),
        bytes: place.len() as u64,
    };
    let media = probe(&progressive(&SILENT).unwrap()).unwrap();
    let segments = parts.fragments.iter().map(|(frames, place)| (*frames, part(place))).collect();
    let pictures = festoon_film::Rendition { media, init: part(&parts.init), segments };
    let (sounding, target) = (rendition(&file), pictures.target());
    fs::write(folder.path().join("pictures.m3u8"), media_playlist(&pictures)).unwrap();
    fs::write(folder.path().join("sound.m3u8"), sound_playlist(&sounding, target)).unwrap();
    let variants = [Variant { uri: "pictures.m3u8".into(), rendition: pictures }];
    let master = master_playlist(&variants, Some(("sound.m3u8", &sounding)));
    fs::write(folder.path().join("master.m3u8"), &master).unwrap();
    let names = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"sound.m3u8\"\n";
    assert!(master.contains(names) && master.contains(",mp4a.40.2\",") && master.contains(",AUDIO=\"sound\"\n"), "{master}");

    let heard = ["-v", "warning", "-i", "master.m3u8", "-map", "0:a", "-f", "f32le", "-ac", "2", "-"];
    let heard = written("ffmpeg", folder.path(), &heard).len() / 8;
    assert!(heard.abs_diff(sound.length() as usize) <= 2 * 1024, "{heard} samples");
    let seen = ["-v", "warning", "-i", "master.m3u8", "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
    let seen = String::from_utf8(written("ffmpeg", folder.path(), &seen)).unwrap();
    assert_eq!(seen.lines().filter(|line| !line.starts_with('#')).count(), CANVAS.frames as usize);
    // The playlist says how long the sound lasts, to a millionth.
    let playlist = fs::read_to_string(folder.path().join("sound.m3u8")).unwrap();
    let lasts = |line: &str| line.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok();
    let seconds: f64 = playlist.lines().filter_map(lasts).sum();
    assert!((seconds - 4.0).abs() < 1e-5, "{seconds} s");
}

#[test]
fn a_soundtrack_of_its_own_is_read_as_it_was_written() {
    for codec in SoundCodec::ALL {
        let sound = soundtrack(&bed(tone(48_000, 440.0, 1.0)), PLAIN, codec);
        let file = sound.file().unwrap();
        let read = SoundFile::read(&file).unwrap();
        assert_eq!(read.soundtrack, sound);
        assert_eq!(read.fragments.first().unwrap().0.start, 0);
        assert_eq!(read.fragments.last().unwrap().0.end, sounding_samples(CANVAS.frames, CANVAS.fps));
        assert!(read.fragments.windows(2).all(|pair| pair[0].0.end == pair[1].0.start && pair[0].1.end == pair[1].1.start));
        assert!(read.fragments.iter().all(|(samples, _)| samples.end - samples.start <= u64::from(SOUND_RATE)));
        for length in (0..file.len()).step_by(211) {
            assert!(SoundFile::read(&file[..length]).is_err() || length == file.len(), "cut to {length}");
        }
    }
}

#[test]
fn a_clip_that_is_cut_off_or_lacks_some_of_its_sound_has_no_download() {
    let sound = soundtrack(&bed(tone(48_000, 440.0, 6.0)), PLAIN, SoundCodec::Aac);
    let clip = sounding(&SILENT, &sound).unwrap();
    let parts = probe_fragments(&clip).unwrap();
    let edges = parts.sound.iter().flat_map(|place| [place.start, place.end]);
    for length in (0..clip.len()).step_by(997).chain(edges) {
        assert!(progressive(&clip[..length]).is_err(), "cut to {length}");
    }
    for place in &parts.sound {
        let lacking = [&clip[..place.start], &clip[place.end..]].concat();
        assert!(progressive(&lacking).is_err(), "without {place:?}");
        assert_eq!(silent(&lacking).unwrap(), *SILENT);
    }
    let twice = [&clip[..], &clip[parts.sound[0].clone()]].concat();
    assert!(Soundtrack::read(&twice).unwrap().is_some_and(|read| read.packets().len() == sound.packets().len()));
}

proptest! {
    /// Damage in front of the media, where each byte means something.
    #[test]
    fn no_damage_makes_reading_sound_panic(places in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        static FILES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
            let bed = bed(tone(48_000, 440.0, 1.0));
            let [aac, opus] = SoundCodec::ALL.map(|codec| soundtrack(&bed, PLAIN, codec));
            [sounding(&SILENT, &aac).unwrap(), aac.file().unwrap(), opus.file().unwrap()]
        });
        for file in &*FILES {
            let mut file = file.clone();
            let index = file.windows(4).position(|window| window == b"mdat").unwrap() + 4;
            for (place, byte) in &places {
                file[place.index(index)] = *byte;
            }
            let _ = (SoundFile::read(&file), silent(&file), progressive(&file));
        }
    }
}

#[test]
fn sound_of_the_wrong_kind_and_without_an_encoder_is_refused_by_name() {
    let bed = bed(tone(48_000, 440.0, 1.0));
    let aac = soundtrack(&bed, PLAIN, SoundCodec::Aac);
    let error = DERIVER.webm(&SILENT, &CANVAS, Some(&aac), &Cancel::default()).unwrap_err();
    assert!(matches!(error, FilmError::Form { form: "WebM", .. }), "{error}");
    let cancel = Cancel::default();
    cancel.cancel();
    let spec = SoundSpec {
        bed: Digest::of(b"any"),
        laying: PLAIN,
        frames: CANVAS.frames,
        fps: CANVAS.fps,
        codec: SoundCodec::Aac,
        build: String::new(),
    };
    assert!(matches!(DERIVER.soundtrack(&bed, &spec, &cancel), Err(FilmError::Cancelled)));
    // Pictures are decoded the same with and without sound.
    let with = sounding(&SILENT, &aac).unwrap();
    assert_eq!(decoded(&silent(&with).unwrap()), decoded(&SILENT));
}
