//! `[audio]`: what sounds, for whom, and every mistake that can be made with it.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

use festoon::{
    makers::Makers,
    pick::{Heard, Pick, Resolved},
    template::Template,
};
use festoon_spec::{Laying, Milli, Profile, SoundCodec};

use super::{Folder, commands::festoon_where as festoon, makers};
use crate::http::sound::{AUDIO, tone};

/// The template of motion graphics, which lasts a second, with two beds.
fn folder() -> Folder {
    let words = super::MOTION_WORDS.to_owned()
        + "[parameters.sound]\nlabel = \"Sound\"\n[parameters.sound.choices]\nlow = \"Low\"\nhigh = \"High\"\noff = \"Off\"\n";
    let folder = Folder::motion()
        .edit("test/template.toml", "[scene]\n", &format!("{AUDIO}\n[scene]\n"))
        .with("test/words/en.toml", &words)
        .with("test/words/fr.toml", &words);
    fs::write(folder.path().join("test/low.wav"), tone(220.0, 0.7)).unwrap();
    fs::write(folder.path().join("test/high.wav"), tone(880.0, 0.7)).unwrap();
    folder
}

/// Makers that encode both.
fn sounding() -> Makers {
    Makers { sounds: SoundCodec::ALL.map(|codec| (codec, format!("{codec:?} test"))).into(), ..makers() }
}

fn pick(template: &Template, makers: &Makers, profile: Profile, parameters: &[(&str, &str)]) -> Resolved {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
    let pick = Pick { parameters, profile, ..Pick::usual(template.id.clone(), "en".parse().unwrap()) };
    pick.resolve(template, makers).unwrap()
}

#[test]
fn a_bed_is_in_the_key_of_what_is_heard_and_of_nothing_else() {
    let template = folder().template();
    let makers = sounding();
    let of = |profile, sound| pick(&template, &makers, profile, &[("sound", sound)]);
    let [low, high, off] = ["low", "high", "off"].map(|sound| of(Profile::Mp4, sound));
    assert!(low.plate_key == high.plate_key && low.plate_key == off.plate_key, "plates are silent");
    let keys = [&low, &high, &off].map(|resolved| resolved.clip_key);
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    let sound = low.film.sound.clone().unwrap();
    let laying = Laying { start: Milli(0), looped: true, gain: Milli(-6000), fade_in: Milli(250), fade_out: Milli(500) };
    assert_eq!((sound.laying, sound.frames, sound.fps, sound.codec), (laying, 24, 24, SoundCodec::Aac));
    assert_eq!(Some(sound.bed), low.bed.as_ref().map(festoon_film::Bed::digest));
    for profile in Profile::all() {
        let [low, off] = ["low", "off"].map(|sound| of(profile, sound));
        let heard = profile.sound().map(Heard::Bed);
        assert_eq!((low.heard(profile), low.clip_key != off.clip_key), (heard, heard.is_some()), "{profile}");
    }
    // How it lies is in the key too.
    let louder = folder().edit("test/template.toml", "gain = -6", "gain = -5").template();
    assert_ne!(pick(&louder, &makers, Profile::Mp4, &[("sound", "low")]).clip_key, low.clip_key);
    assert_eq!(pick(&louder, &makers, Profile::Mp4, &[("sound", "low")]).plate_key, low.plate_key);
    assert_eq!(pick(&louder, &makers, Profile::Mp4, &[("sound", "off")]).clip_key, off.clip_key);
}

#[test]
fn where_nothing_encodes_a_bed_the_clip_is_silent_and_says_so() {
    let template = folder().template();
    let here = Makers { sounds: [(SoundCodec::Aac, "aac test".to_owned())].into(), ..makers() };
    let [clip, web] = [Profile::Mp4, Profile::Webm].map(|profile| pick(&template, &here, profile, &[]));
    assert_eq!(clip.heard(Profile::Mp4), Some(Heard::Bed(SoundCodec::Aac)));
    assert_eq!(web.heard(Profile::Webm), Some(Heard::Missing(SoundCodec::Opus)));
    assert_eq!(web.clip.sound, None, "a silent clip has the key of one");
    let off = pick(&template, &here, Profile::Webm, &[("sound", "off")]);
    assert_eq!((off.heard(Profile::Webm), off.clip_key), (Some(Heard::Silence), web.clip_key));

    let folder = folder();
    let nowhere = [("FESTOON_FFMPEG", "/nowhere/ffmpeg")];
    let (code, out, err) = festoon(&["check", "."], folder.path(), &nowhere);
    assert_eq!(code, Some(0), "the templates are right: {err}");
    assert!(out.ends_with("1 template, no mistakes\n"), "{out}");
    for told in ["warning: clips are silent here in MP4 and HLS (AAC) and in WebM (Opus)", "`test`", "apt-get install ffmpeg"] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let (_, out, _) = festoon(&["check", ".", "--json"], folder.path(), &nowhere);
    assert!(out.contains("\"silence\":\"clips are silent here"), "{out}");
    let (_, out, err) = festoon(&["check", ".", "--json"], folder.path(), &[]);
    assert!(out.contains("\"silence\":null") && err.is_empty(), "{out} {err}");
}

#[test]
fn each_mistake_with_sound_is_found_where_it_is() {
    let low = "low = \"low.wav\"";
    let cases = [
        (low, "low = \"none.wav\"", "unreadable", "none.wav", ""),
        (low, "low = \"../test/low.wav\"", "bad-path", "not the name of a file beside", ""),
        (low, "low = \"/etc/passwd\"", "bad-path", "not the name of a file beside", ""),
        (low, "low = \"linked.wav\"", "bad-path", "leads out of the template's folder", ""),
        (low, "low = \"words/en.toml\"", "bad-bed", "neither WAV, FLAC nor Ogg Vorbis", "save it as a WAV"),
        (low, "low = \"short.wav\"", "bad-bed", "it cannot be read", "save it as a WAV"),
        (low, "low = \"long.wav\"", "bad-bed", "lasts longer than 180 s", ""),
        (low, "low = \"large.wav\"", "too-large", "is larger than 8388608 bytes", ""),
        (low, "low = 3", "wrong-type", "is of type integer", ""),
        (low, "low = \"low.wav\", loud = \"high.wav\"", "unknown-choice", "`loud` is not a choice of the parameter `sound`", ""),
        (", off = \"\"", "", "missing-choice", "no value for: off", ""),
        ("by = \"sound\"", "by = \"sond\"", "unknown-parameter", "no parameter `sond`", "did you mean `sound`?"),
        ("by = \"sound\"", "by = \"title\"", "misfit", "`by` needs a choice or boolean parameter", ""),
        ("gain = -6", "gain = 13", "out-of-range", "`gain` is 13, expected a number from -60 to 12", ""),
        ("gain = -6", "gain = 9", "too-loud", "dB above what can be played", "write `gain = 6.2`, or less"),
        ("gain = -6", "gain = \"loud\"", "wrong-type", "`gain` is of type string", ""),
        ("gain = -6", "volume = 3", "unknown-key", "no key `volume` in [audio]", "file, gain, loop"),
        ("fade_in = 0.25", "fade_in = -1", "out-of-range", "`fade_in` is -1, expected a number from 0", ""),
        (
            "fade_in = 0.25",
            "fade_in = 0.6",
            "out-of-range",
            "the fades take 1.1 s together, and the sound lasts 1.00 s",
            "shorter",
        ),
        (
            "loop = true",
            "loop = false\nstart = 0.3",
            "out-of-range",
            "the fades take 0.75 s together, and the sound lasts 0.40 s",
            "`loop`",
        ),
        ("loop = true", "loop = true\nstart = 0.7", "out-of-range", "the clip begins at 0.7 s of a bed that lasts 0.70 s", ""),
        ("loop = true", "loop = \"yes\"", "wrong-type", "`loop` is of type string", ""),
        ("touches = \"sound\"", "touches = \"overlay\"", "", "", ""),
        (
            "file = { by = \"sound\", low = \"low.wav\", high = \"high.wav\", off = \"\" }",
            "file = \"low.wav\"",
            "unused-parameter",
            "`sound` touches the sound, but [audio] does not use it",
            "by = \"sound\"",
        ),
        (
            "file = { by = \"sound\", low = \"low.wav\", high = \"high.wav\", off = \"\" }",
            "",
            "missing-key",
            "[audio] needs the key `file`",
            "",
        ),
        (
            "amount = \"{crowd}\"",
            "amount = { by = \"sound\", low = 0.8, high = 2, off = 1 }",
            "not-in-plate",
            "touches the sound, but is used in the plate",
            "touches = \"plate\"",
        ),
    ];
    for (old, new, code, message, hint) in cases {
        let folder = folder();
        let file = |name: &str| folder.path().join("test").join(name);
        fs::write(file("short.wav"), &tone(220.0, 0.7)[..30]).unwrap();
        if new.contains("long.wav") {
            // Silence, a byte a sample.
            let mut long = tone(220.0, 0.0);
            long[4..8].copy_from_slice(&1_448_036u32.to_le_bytes());
            long[24..28].copy_from_slice(&8_000u32.to_le_bytes());
            long[28..32].copy_from_slice(&8_000u32.to_le_bytes());
            long[32..36].copy_from_slice(b"\x01\0\x08\0");
            long[40..44].copy_from_slice(&1_448_000u32.to_le_bytes());
            long.resize(44 + 1_448_000, 128);
            fs::write(file("long.wav"), long).unwrap();
        }
        fs::write(file("large.wav"), if new.contains("large.wav") { vec![0; (8 << 20) + 1] } else { Vec::new() }).unwrap();
        fs::write(folder.path().join("elsewhere.wav"), tone(220.0, 0.7)).unwrap();
        symlink("../elsewhere.wav", file("linked.wav")).unwrap();
        let folder = folder.edit("test/template.toml", old, new);
        let report = folder.report();
        if code.is_empty() {
            // A parameter of the overlay may choose what sounds; here nothing is drawn that could use it.
            assert!(report.is_clean(), "{new}: {report}");
            continue;
        }
        let found = report.mistakes.iter().find(|mistake| mistake.code == code && mistake.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{new}: no {code} {message:?} in\n{report}"));
        assert!(found.hint.as_deref().unwrap_or_default().contains(hint), "{new}: {:?}", found.hint);
        assert!(found.place.file.path.ends_with("test/template.toml"), "{new}: {}", found.place.file.path.display());
        let (line, _) = found.place.file.line_and_column(found.place.span.start);
        assert!(line > 1, "{new}: found at line {line}");
    }
}
