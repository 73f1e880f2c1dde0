//! What is drawn on a plate: every script looked at by eye once and compared since, what is refused, what the frames between
//! are.

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use festoon_film::{
    Draw, Picture,
    overlay::{
        Anchor, Animation, AnimationKind, Asset, Content, Drawing, Easing, FaceRole, Faces, Horizontal, Image, Layer, Overlay,
        OverlayError, Place, SafeArea, Scrim, Shadow, Side, Text, Vertical, Voice, Weight, Window,
    },
};
use festoon_spec::{Canvas, Colour, Milli};
use image::{
    ImageFormat, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

const CANVAS: Canvas = Canvas { width: 480, height: 150, frames: 48, fps: 24 };

static FACES: LazyLock<Faces> = LazyLock::new(|| Faces::find().expect("fonts-noto-core, -cjk and -color-emoji are installed"));

fn milli(number: f64) -> Milli {
    Milli::new(number).unwrap()
}

fn text(words: &str, voice: Voice) -> Text {
    Text {
        words: words.into(),
        face: FaceRole { voice, weight: Weight::Bold, brand: None },
        colour: Colour([255, 250, 235]),
        size: [milli(12.0), milli(26.0)],
        width: milli(86.0),
        lines: 2,
        align: Horizontal::Centre,
        tracking: milli(0.01),
        leading: milli(1.0),
        shadow: Some(Shadow { colour: Colour([0, 0, 0]), opacity: milli(0.6), blur: milli(0.12), drop: milli(0.03) }),
        outline: None,
        panel: None,
    }
}

fn layer(name: &str, content: Content) -> Layer {
    Layer {
        name: name.into(),
        content,
        place: Place {
            anchor: Anchor { vertical: Vertical::Middle, horizontal: Horizontal::Centre },
            offset: [milli(0.0); 2],
            under: None,
            gap: milli(0.0),
        },
        opacity: Milli::ONE,
        window: Window { from: 12, until: 36 },
        entrance: None,
        exit: None,
    }
}

fn overlay(locale: &str, layers: Vec<Layer>) -> Overlay {
    Overlay {
        locale: locale.parse::<festoon_spec::Locale>().unwrap().maximized(),
        safe_area: SafeArea::even(milli(5.0), milli(5.0)),
        layers,
    }
}

fn titled(locale: &str, words: &str) -> Overlay {
    overlay(locale, vec![layer("title", Content::Text(Box::new(text(words, Voice::Serif))))])
}

fn refused(overlay: &Overlay) -> OverlayError {
    overlay.prepare(&FACES, &CANVAS).expect_err("it is refused")
}

/// A plate like an evening sky.
fn plate() -> Picture {
    let mut picture = Picture::new(&CANVAS).unwrap();
    let rows = (0..CANVAS.height).flat_map(|row| {
        let share = row as f32 / CANVAS.height as f32;
        let pixel = [20.0 + 90.0 * share, 30.0 + 40.0 * share, 90.0].map(|level| level as u8);
        (0..CANVAS.width).flat_map(move |_| pixel)
    });
    picture.set_rgb(&rows.collect::<Vec<_>>());
    picture
}

fn drawn(drawing: &Drawing, frame: u32) -> Picture {
    let mut picture = plate();
    drawing.draw(frame, &mut picture);
    picture
}

fn rgb(picture: &Picture) -> RgbImage {
    RgbImage::from_raw(picture.width() as u32, picture.height() as u32, picture.rgb()).unwrap()
}

/// How unlike two pictures look, 0 for the same: one less the structural similarity of each channel over windows of eight
/// pixels, of the window that differs most. A glyph that moved, changed or is missing makes more than 0.3; a rasteriser that
/// rounds otherwise less than 0.02.
fn distance(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    const SIDE: u32 = 8;
    let (c1, c2) = ((0.01f64 * 255.0).powi(2), (0.03f64 * 255.0).powi(2));
    let mut worst = 0.0f64;
    for y in (0..one.height() - SIDE).step_by(4) {
        for x in (0..one.width() - SIDE).step_by(4) {
            for channel in 0..3 {
                let window = |picture: &RgbImage| -> Vec<f64> {
                    let at = |place: u32| f64::from(picture.get_pixel(x + place % SIDE, y + place / SIDE).0[channel]);
                    (0..SIDE * SIDE).map(at).collect()
                };
                let (one, other) = (window(one), window(other));
                let count = f64::from(SIDE * SIDE);
                let mean = |window: &[f64]| window.iter().sum::<f64>() / count;
                let (m1, m2) = (mean(&one), mean(&other));
                let spread = |left: &[f64], ml: f64, right: &[f64], mr: f64| {
                    left.iter().zip(right).map(|(left, right)| (left - ml) * (right - mr)).sum::<f64>() / count
                };
                let (v1, v2, cov) = (spread(&one, m1, &one, m1), spread(&other, m2, &other, m2), spread(&one, m1, &other, m2));
                let alike = (2.0 * m1 * m2 + c1) * (2.0 * cov + c2) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2));
                worst = worst.max(1.0 - alike);
            }
        }
    }
    worst
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.png"))
}

/// Compares with the picture that was looked at. `FESTOON_GOLDEN=write` writes it anew, to be looked at.
fn compare(name: &str, picture: &RgbImage) {
    let path = golden(name);
    if std::env::var_os("FESTOON_GOLDEN").is_some_and(|wish| wish == "write") {
        let file = std::fs::File::create(path).unwrap();
        let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
        picture.write_with_encoder(encoder).unwrap();
        return;
    }
    let expected = image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_rgb8();
    let distance = distance(&expected, picture);
    assert!(distance < 0.06, "{name} looks different: {distance:.3}");
}

/// Each with what is hard in it: accents, joined letters, conjuncts, marks above and below, lines without spaces, both
/// directions in one line, emoji of several characters.
const SCRIPTS: [(&str, &str, &str); 19] = [
    ("en", "en", "Happy New Year, Alexandra!"),
    ("fr", "fr", "Bonne année à l’île où naît l’œuvre"),
    ("de", "de", "Alles Gute zum Geburtstag, Jürgen Groß"),
    ("es", "es", "¡Feliz cumpleaños, señorita Núñez!"),
    ("ja", "ja", "明けましておめでとうございます。本年もよろしく"),
    ("zh-Hans", "zh-Hans", "恭贺新禧，万事如意，骨与直"),
    ("zh-Hant", "zh-Hant", "恭賀新禧，萬事如意，骨與直"),
    ("ko", "ko", "새해 복 많이 받으세요"),
    ("ar", "ar", "كل عام وأنتم بخير والسلام"),
    ("he", "he", "שנה טובה ומתוקה לכולם"),
    ("hi", "hi", "नववर्ष की हार्दिक शुभकामनाएँ"),
    ("th", "th", "สุขสันต์วันปีใหม่แด่ทุกคนที่รัก"),
    ("ru", "ru", "С Новым годом и Рождеством!"),
    ("el", "el", "Ευτυχισμένο το νέο έτος"),
    ("vi", "vi", "Chúc mừng năm mới, Nguyễn Thế Ước"),
    ("emoji", "en", "Party 🎉👩‍👩‍👧‍👦🏳️‍🌈 ❤️ 🇫🇷 1️⃣"),
    ("mixed", "ar", "عرض Apple 50% اليوم 東京"),
    ("names", "fr", "Pour 山田さくら et محمد"),
    ("bn-ta", "bn", "শুভ নববর্ষ · இனிய புத்தாண்டு"),
];

#[test]
fn every_script_looks_as_it_did_when_it_was_looked_at() {
    for (name, locale, words) in SCRIPTS {
        let drawing = titled(locale, words).prepare(&FACES, &CANVAS).unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(name, &rgb(&drawn(&drawing, 20)));
    }
    let sans = overlay("en", vec![layer("title", Content::Text(Box::new(text("Sans 50% – ab ›", Voice::Sans))))]);
    compare("sans", &rgb(&drawn(&sans.prepare(&FACES, &CANVAS).unwrap(), 20)));
}

#[test]
fn a_letter_that_changed_is_seen() {
    let picture = |words| rgb(&drawn(&titled("en", words).prepare(&FACES, &CANVAS).unwrap(), 20));
    assert!(distance(&picture("Happy New Year"), &picture("Happy New Yaer")) > 0.3);
    assert!(distance(&picture("Happy New Year"), &picture("Happy New Year")) < 1e-9);
}

#[test]
fn han_characters_take_the_forms_of_their_reader_and_of_the_letters_beside_them() {
    let picture = |locale, words| drawn(&titled(locale, words).prepare(&FACES, &CANVAS).unwrap(), 20);
    assert_ne!(picture("ja", "直骨"), picture("zh-Hans", "直骨"));
    assert_ne!(picture("zh-Hant", "直骨"), picture("zh-Hans", "直骨"));
    assert_eq!(picture("fr", "さくら直骨"), picture("ja", "さくら直骨"));
}

#[test]
fn a_text_that_does_not_fit_is_refused_with_the_limit() {
    let mut long = text(&"a long title that goes on and on ".repeat(6), Voice::Serif);
    long.lines = 2;
    let error = refused(&overlay("en", vec![layer("title", Content::Text(Box::new(long)))]));
    let told = error.to_string();
    assert_eq!(error.code(), "text-does-not-fit");
    assert!(told.starts_with("`title` does not fit: it takes ") && told.contains("12 %") && told.contains("2 lines"), "{told}");
    assert!(error.hint().unwrap().starts_with("leave out about "), "{:?}", error.hint());

    let word = refused(&titled("de", "Donaudampfschifffahrtsgesellschaftskapitänswitwenrente"));
    assert!(matches!(word, OverlayError::DoesNotFit { needed: None, .. }), "{word}");
    let endless = refused(&titled("en", &"x".repeat(10_000)));
    assert!(endless.to_string().contains("10000 bytes"), "{endless}");
}

#[test]
fn a_short_text_is_as_large_as_it_may_be_and_a_long_one_takes_a_line_more() {
    let size = |words| titled("en", words).prepare(&FACES, &CANVAS).unwrap().boxes()[0].type_size.unwrap();
    assert_eq!(size("Hello"), 39.0);
    let long = size("May all your wishes come true this year and every year after");
    assert!((18.0..39.0).contains(&long), "{long}");
}

#[test]
fn a_character_that_no_face_has_is_an_error_and_never_a_box() {
    let error = refused(&titled("en", "Hello 𒀀 𓀀 you"));
    let OverlayError::MissingGlyphs { characters, .. } = &error else { panic!("{error}") };
    assert_eq!(characters, &['𒀀', '𓀀']);
    assert!(error.to_string().contains("U+12000"), "{error}");
}

#[test]
fn text_that_shows_nothing_or_piles_up_is_refused() {
    assert!(matches!(refused(&titled("en", "\u{200B}\u{200B}\u{200D}")), OverlayError::Invisible { .. }));
    assert!(matches!(refused(&titled("en", "a\u{0085}b")), OverlayError::Layer { .. }));
    let pile = format!("Z{}", "\u{0301}".repeat(60));
    assert!(matches!(refused(&titled("en", &pile)), OverlayError::OutOfBounds { .. }));
}

#[test]
fn only_the_frames_of_its_window_are_touched() {
    let drawing = titled("en", "Hello").prepare(&FACES, &CANVAS).unwrap();
    assert_eq!(drawing.windows(), [12..36]);
    for (frame, touched) in [(0, false), (11, false), (12, true), (35, true), (36, false), (4000, false)] {
        assert_eq!(drawn(&drawing, frame) != plate(), touched, "frame {frame}");
    }
}

#[test]
fn every_animation_shows_something_at_once_and_comes_to_the_same_picture() {
    let still = drawn(&titled("ar", "كل عام").prepare(&FACES, &CANVAS).unwrap(), 20);
    for kind in [AnimationKind::Fade, AnimationKind::Rise, AnimationKind::Wipe, AnimationKind::TypeOn] {
        let mut moving = titled("ar", "كل عام");
        let animation = Some(Animation { kind, frames: 6, easing: Easing::Out });
        (moving.layers[0].entrance, moving.layers[0].exit) = (animation, animation);
        let drawing = moving.prepare(&FACES, &CANVAS).unwrap();
        let from_plate = |frame| distance(&rgb(&plate()), &rgb(&drawn(&drawing, frame)));
        assert_eq!(drawn(&drawing, 18), still, "{kind:?}");
        assert_eq!(drawn(&drawing, 29), still, "{kind:?}");
        assert!(from_plate(12) > 0.01 && from_plate(35) > 0.01, "{kind:?}");
        let changed = |frame| {
            drawn(&drawing, frame).luma().iter().zip(still.luma()).filter(|(one, other)| one.abs_diff(**other) > 8).count()
        };
        assert!((12..18).map(changed).is_sorted_by(|before, after| before >= after), "{kind:?} comes step by step");
        assert!((30..36).map(changed).is_sorted(), "{kind:?} goes step by step");
    }
}

#[test]
fn a_right_to_left_text_is_typed_from_the_right() {
    let mut typed = titled("he", "שנה טובה");
    typed.layers[0].entrance = Some(Animation { kind: AnimationKind::TypeOn, frames: 12, easing: Easing::Linear });
    let drawing = typed.prepare(&FACES, &CANVAS).unwrap();
    let early = drawn(&drawing, 14);
    let changed: Vec<_> = early
        .luma()
        .iter()
        .zip(plate().luma())
        .enumerate()
        .filter(|(_, (one, other))| one.abs_diff(**other) > 20)
        .map(|(at, _)| at % 480)
        .collect();
    assert!(!changed.is_empty() && changed.iter().all(|x| *x > 240), "{:?}", changed.iter().min());
}

#[test]
fn what_stands_under_another_layer_follows_it() {
    let mut subtitle = layer("subtitle", Content::Text(Box::new(text("A subtitle", Voice::Sans))));
    subtitle.place.under = Some("title".into());
    subtitle.place.gap = milli(4.0);
    if let Content::Text(text) = &mut subtitle.content {
        text.size = [milli(8.0), milli(10.0)];
    }
    let mut title = titled("en", "One line").layers.remove(0);
    if let Content::Text(text) = &mut title.content {
        text.size = [milli(12.0), milli(20.0)];
    }
    let below = |words: &str| {
        let mut title = title.clone();
        if let Content::Text(text) = &mut title.content {
            text.words = words.into();
        }
        let drawing = overlay("en", vec![title, subtitle.clone()]).prepare(&FACES, &CANVAS).unwrap();
        let [title, subtitle] = [0, 1].map(|at| drawing.boxes()[at].ink);
        assert!(subtitle[1] > title[3], "{title:?} {subtitle:?}");
        (title, subtitle)
    };
    let (one, two) = (below("Short").1, below("Two\nlines").1);
    assert!(two[1] > one[1] + 10.0);
}

/// The smallest PNG header that claims a size.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    RgbImage::new(4, 4).write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn pictures_beyond_the_limits_or_broken_are_refused_in_words() {
    let shown = |file: Asset| {
        let image = Image { file, within: [milli(20.0), milli(40.0)], radius: milli(2.0) };
        overlay("en", vec![layer("logo", Content::Image(image))]).prepare(&FACES, &CANVAS)
    };
    let mut png = Vec::new();
    RgbImage::from_pixel(40, 20, image::Rgb([255, 0, 0]))
        .write_to(&mut std::io::Cursor::new(&mut png), ImageFormat::Png)
        .unwrap();
    let drawing = shown(Asset::uploaded(png.clone())).unwrap();
    assert_eq!(drawing.boxes()[0].ink, [192.0, 51.0, 288.0, 99.0], "fitted into its box in its own ratio");

    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><circle cx="5" cy="5" r="5"/></svg>"#;
    assert!(shown(Asset::of_template(&svg[..])).is_ok());
    let problem = |file: Asset| match shown(file).expect_err("refused") {
        OverlayError::Image { problem, .. } => problem,
        other => panic!("{other}"),
    };
    assert!(problem(Asset::uploaded(&svg[..])).contains("SVG"));
    assert!(problem(Asset::uploaded(png_of(20_000, 20))).contains("20000 x 20 pixels"));
    assert!(problem(Asset::uploaded(png_of(8000, 8000))).contains("at most"));
    assert!(!problem(Asset::uploaded(&png[..60])).is_empty());
    assert!(problem(Asset::uploaded(&b"hello, I am no picture"[..])).contains("neither PNG"));
    assert!(problem(Asset::uploaded(vec![0; 9 << 20])).contains("bytes"));

    let digest = Asset::uploaded(png.clone()).digest();
    let missing = Image { file: Asset::named(digest), within: [milli(20.0); 2], radius: milli(0.0) };
    let mut without = overlay("en", vec![layer("logo", Content::Image(missing))]);
    assert_eq!(without.missing_images().collect::<Vec<_>>(), [digest]);
    assert!(matches!(without.prepare(&FACES, &CANVAS), Err(OverlayError::MissingImage { .. })));
    let named = without.digest();
    without.supply(png);
    assert!(without.prepare(&FACES, &CANVAS).is_ok());
    assert_eq!(without.digest(), named, "bytes change nothing that their digest does not");
}

#[test]
fn a_face_that_is_no_font_is_refused_and_one_of_the_templates_own_is_used() {
    let mut own = titled("en", "Brand");
    let face = |overlay: &mut Overlay, bytes: Arc<[u8]>| {
        if let Content::Text(text) = &mut overlay.layers[0].content {
            text.face.brand = Some(Asset::of_template(bytes));
        }
    };
    face(&mut own, b"no font".as_slice().into());
    assert!(matches!(refused(&own), OverlayError::Face { .. }));
    let mono = std::fs::read("/usr/share/fonts/truetype/noto/NotoSansMath-Regular.ttf").unwrap();
    face(&mut own, mono.into());
    let branded = drawn(&own.prepare(&FACES, &CANVAS).unwrap(), 20);
    assert_ne!(branded, drawn(&titled("en", "Brand").prepare(&FACES, &CANVAS).unwrap(), 20));
}

#[test]
fn times_that_cannot_be_are_refused() {
    for (from, until) in [(10, 10), (20, 10), (40, 49)] {
        let mut wrong = titled("en", "Hello");
        wrong.layers[0].window = Window { from, until };
        assert!(matches!(refused(&wrong), OverlayError::Layer { .. }), "{from} {until}");
    }
    let mut hasty = titled("en", "Hello");
    hasty.layers[0].entrance = Some(Animation { kind: AnimationKind::Fade, frames: 25, easing: Easing::Linear });
    assert!(refused(&hasty).to_string().contains("25 frames, and is there for 24"));
}

#[test]
fn the_digest_names_everything_that_is_drawn() {
    let before = titled("en", "Hello");
    let changed = |change: &dyn Fn(&mut Overlay)| {
        let mut overlay = before.clone();
        change(&mut overlay);
        overlay.digest()
    };
    assert_eq!(changed(&|_| {}), before.digest());
    let text = |overlay: &mut Overlay, change: &dyn Fn(&mut Text)| match &mut overlay.layers[0].content {
        Content::Text(text) => change(text),
        _ => unreachable!("the title is a text"),
    };
    let digests = [
        before.digest(),
        changed(&|overlay| overlay.locale = "ja".parse().unwrap()),
        changed(&|overlay| overlay.safe_area.left = milli(6.0)),
        changed(&|overlay| overlay.layers[0].window.until = 35),
        changed(&|overlay| overlay.layers[0].opacity = milli(0.9)),
        changed(&|overlay| overlay.layers[0].place.offset[1] = milli(1.0)),
        changed(&|overlay| text(overlay, &|text| text.words = "Hallo".into())),
        changed(&|overlay| text(overlay, &|text| text.shadow = None)),
        changed(&|overlay| text(overlay, &|text| text.size[1] = milli(25.0))),
        changed(&|overlay| {
            overlay
                .layers
                .insert(0, layer("scrim", Content::Scrim(Scrim { side: Side::All, reach: milli(50.0), colour: Colour([0; 3]) })))
        }),
    ];
    for (at, one) in digests.iter().enumerate() {
        assert!(!digests[at + 1..].contains(one), "change {at}");
    }
}
