//! What the samples of a recipe promise, seen from outside.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use festoon_motion::{
    CameraMove, Motif, MotionError, Size,
    dataset::{Background, Family, Labels, Recipe},
};

/// The size that samples are staged for.
const STAMP: Size = Size { width: 160, height: 96 };

fn recipe(frames: u32, motifs: &[Motif]) -> Recipe {
    Recipe::new(STAMP, frames, 8, 5, motifs).unwrap()
}

fn painted(recipe: &Recipe, labels: Labels, index: u64) -> Vec<u8> {
    let mut rgb = vec![0; recipe.clip_bytes()];
    recipe.paint(&recipe.sample_of(labels, index), &mut rgb);
    rgb
}

fn all_labels() -> impl Iterator<Item = Labels> {
    let pairs = || Family::ALL.iter().flat_map(|&family| Background::ALL.iter().map(move |&background| (family, background)));
    let seen = Motif::ALL.iter().flat_map(move |&motif| pairs().map(move |(family, background)| (motif, family, background)));
    let all = seen.flat_map(|(motif, family, background)| {
        CameraMove::ALL.iter().map(move |&camera| Labels { motif, family, background, camera })
    });
    all.filter(Labels::clear)
}

#[test]
fn a_sample_depends_on_its_recipe_and_number_alone() {
    let small = Size { width: 32, height: 18 };
    let motifs = [Motif::Bokeh, Motif::Hearts, Motif::Confetti];
    let recipe = |seed, motifs: &[Motif]| Recipe::new(small, 3, 8, seed, motifs).unwrap();
    let clip = |recipe: &Recipe, index| {
        let mut rgb = vec![0; recipe.clip_bytes()];
        recipe.paint(&recipe.sample(index), &mut rgb);
        rgb
    };
    let (one, other) = (recipe(1, &motifs), recipe(1, &[Motif::Confetti, Motif::Hearts, Motif::Bokeh, Motif::Hearts]));
    for index in [4000, 0, 7, u64::MAX] {
        assert_eq!(one.sample(index), other.sample(index), "motifs have no order and count once");
        assert!(clip(&one, index) == clip(&other, index));
    }
    assert_ne!(clip(&one, 0), clip(&recipe(2, &motifs), 0), "another seed");
    assert_ne!(clip(&one, 0), clip(&one, 1), "another number");
}

/// The version of the recipe, and what it makes: FNV-1a, 64 bits, of the words and the frames of each motif's first sample, and
/// of the labels that are drawn for many.
///
/// When a digest changes, samples change that somebody may have trained a model with or is about to go on painting: raise
/// [`Recipe::VERSION`], and write the new digests here.
const MADE: (u32, &[(&str, u64)]) = (
    3,
    &[
        ("fireworks", 0x461ae8683e50b3f1),
        ("snow", 0xffdad2b0060bdfee),
        ("sky-lanterns", 0x1729e4db8f6683a5),
        ("petals", 0xbe92ae50ba876040),
        ("hearts", 0xf96d8d3eab215d2c),
        ("confetti", 0xeab2adfd8f07a24d),
        ("bokeh", 0xed5cf22694e13117),
        ("crescent-and-lamps", 0x198d6c80efcbfd18),
        ("rangoli-lights", 0xb54b1acfb1434f7e),
        ("turntable-ball", 0x7fc7a3af1f7f8d6f),
        ("turntable-box", 0x232bcbadbfb56eab),
        ("turntable-bottle", 0x1296ed47986e29e8),
        ("turntable-phone", 0x47b471782aa26c1f),
        ("paper-lanterns", 0xf1fd770edbb370f2),
        ("waves", 0x5c59858072b2cf36),
        ("sparkles", 0x4a9e39a24f115483),
        ("gold-dust", 0xdbc115f9d39eb912),
        ("city-bokeh", 0x261a050c8b2c6d5b),
        ("candles", 0xad4b51ad1c1d3c48),
        ("aurora", 0x77939a46cd16ae09),
        ("sunrise", 0x02d4a4a57b62e62c),
        ("ribbons", 0xfafce938a5bae00a),
        ("ink-in-water", 0xb62dfcbdf7040bb0),
        ("rain-on-glass", 0xb8e0fd6c5bc14455),
        ("balloons", 0x1098e3b8aac2dc15),
        ("leaves", 0xae29cf1b3abb3d35),
        ("labels", 0x460e2e9bf83655b5),
    ],
);

#[test]
fn the_same_recipe_makes_the_same_samples_as_long_as_its_version_stands() {
    let digest = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    };
    let mut made: Vec<(&str, u64)> = Motif::ALL
        .iter()
        .map(|&motif| {
            let recipe = recipe(17, &[motif]);
            let sample = recipe.sample(0);
            let mut bytes = vec![0; recipe.clip_bytes()];
            recipe.paint(&sample, &mut bytes);
            for words in [&sample.captions.en, &sample.captions.zh, &sample.captions.ja] {
                bytes.extend_from_slice(words.as_bytes());
            }
            (motif.name(), digest(&bytes))
        })
        .collect();
    let several = recipe(17, &[Motif::Fireworks, Motif::Waves, Motif::Leaves]);
    let drawn: String = (0..500).map(|index| format!("{:?}", several.sample(index).labels)).collect();
    made.push(("labels", digest(drawn.as_bytes())));
    let table: String = made.iter().map(|(name, digest)| format!("    (\"{name}\", 0x{digest:016x}),\n")).collect();
    let (version, expected) = MADE;
    assert!(made == expected, "version {} made other samples than version {version}:\n{table}", Recipe::VERSION);
    assert_eq!(Recipe::VERSION, version, "raised without need");
}

#[test]
fn motifs_colours_backgrounds_and_cameras_are_drawn_evenly_among_what_is_clear() {
    let recipe = recipe(1, Motif::ALL);
    let each = 400;
    let mut motifs: BTreeMap<Motif, u64> = BTreeMap::new();
    let (mut cameras, mut drawn) = (BTreeMap::new(), BTreeSet::new());
    for index in 0..each * Motif::ALL.len() as u64 {
        let labels = recipe.sample(index).labels;
        assert!(labels.clear(), "{labels:?}");
        *motifs.entry(labels.motif).or_default() += 1;
        *cameras.entry(labels.camera).or_insert(0u64) += 1;
        drawn.insert((labels.motif, labels.family, labels.background));
    }
    // Five deviations of a fair draw: a fair one is never outside.
    for (motif, found) in &motifs {
        assert!(found.abs_diff(each) < 100, "{} is drawn {found} times in place of {each}", motif.name());
    }
    let fair = each * Motif::ALL.len() as u64 / CameraMove::ALL.len() as u64;
    assert!(cameras.len() == CameraMove::ALL.len() && cameras.values().all(|found| found.abs_diff(fair) < fair / 5));
    let pairs: BTreeSet<_> = all_labels().map(|labels| (labels.motif, labels.family, labels.background)).collect();
    assert_eq!(drawn, pairs, "everything that is clear comes up");
}

#[test]
fn every_motif_is_shown_in_every_colour_and_on_several_backgrounds() {
    for &motif in Motif::ALL {
        let shown: Vec<Labels> = all_labels().filter(|labels| labels.motif == motif).collect();
        let families: BTreeSet<_> = shown.iter().map(|labels| labels.family).collect();
        let backgrounds: BTreeSet<_> = shown.iter().map(|labels| labels.background).collect();
        assert_eq!(families.len(), Family::ALL.len(), "{}", motif.name());
        assert!(backgrounds.len() >= 3, "{}: {backgrounds:?}", motif.name());
    }
}

#[test]
fn what_is_staged_stays_within_what_can_be_painted() {
    let recipe = recipe(1, Motif::ALL);
    for index in 0..20_000 {
        let scene = recipe.sample(index).scene;
        let (layer, camera) = (scene.layers[0], scene.camera);
        assert!(scene.layers.len() == 1 && !scene.looped && scene.finish.grain == 0.0);
        for value in [layer.amount, layer.speed, layer.scale, camera.amount] {
            assert!((0.0..=3.0).contains(&value), "{} {layer:?} {camera:?}", layer.motif.name());
        }
    }
}

/// The words by which a caption names a colour, in English, Chinese and Japanese.
fn colour_words(family: Family) -> [&'static str; 3] {
    match family {
        Family::Red => ["red", "红色", "赤い"],
        Family::Orange => ["orange", "橙色", "オレンジ色"],
        Family::Gold => ["golden", "金色", "金色"],
        Family::Green => ["green", "绿色", "緑の"],
        Family::Blue => ["blue", "蓝色", "青い"],
        Family::Violet => ["violet", "紫色", "紫の"],
        Family::Pink => ["pink", "粉色", "ピンク"],
        Family::White => ["white", "白色", "白い"],
    }
}

/// One of these is said of a background, in any of its phrasings.
fn background_words(background: Background) -> [&'static [&'static str]; 3] {
    match background {
        Background::Night => [&["deep blue", "dark blue"], &["深蓝色"], &["深い青", "濃い青"]],
        Background::Dusk => {
            [&["violet and orange", "violet to orange"], &["紫橙色", "紫色渐变橙色"], &["紫とオレンジ", "紫からオレンジ"]]
        }
        Background::Day => [&["pale blue"], &["淡蓝色"], &["淡い水色"]],
        Background::Studio => [&["light grey"], &["浅灰色"], &["明るい灰色"]],
        Background::Forest => [&["forest green", "dark green"], &["森林绿", "深绿色"], &["森の緑", "濃い緑"]],
        Background::Wine => [&["wine red", "dark red"], &["酒红色", "深红色"], &["ワインレッド", "濃い赤"]],
    }
}

fn camera_words(camera: CameraMove) -> [&'static [&'static str]; 3] {
    match camera {
        CameraMove::Static => [&["static", "at rest"], &["静止", "固定"], &["固定", "静止"]],
        CameraMove::Pan => [&["panning", "sideways"], &["横移", "平移"], &["横に", "横へ"]],
        CameraMove::Push => [&["pushing in", "closer"], &["推进", "推近"], &["寄る", "進む"]],
        CameraMove::Orbit => [&["orbiting", "circling"], &["环绕"], &["回り", "回る"]],
        CameraMove::Handheld => [&["handheld", "by hand"], &["手持"], &["手持ち"]],
    }
}

#[test]
fn captions_name_colour_motif_background_and_camera_in_three_languages_and_leave_no_doubt() {
    let recipe = recipe(1, Motif::ALL);
    let mut said: HashMap<String, Labels> = HashMap::new();
    let mut phrasings: BTreeMap<(Motif, usize), BTreeSet<String>> = BTreeMap::new();
    for labels in all_labels() {
        for index in 0..12 {
            let captions = recipe.sample_of(labels, index).captions;
            for (language, caption) in [captions.en, captions.zh, captions.ja].into_iter().enumerate() {
                let says = |words: &[&str]| words.iter().any(|word| caption.contains(word));
                assert!(says(&[colour_words(labels.family)[language]]), "{labels:?}: {caption}");
                assert!(says(background_words(labels.background)[language]), "{labels:?}: {caption}");
                assert!(says(camera_words(labels.camera)[language]), "{labels:?}: {caption}");
                assert!(caption.chars().count() < 140 && !caption.contains(['{', '}']), "{caption}");
                let kana = caption.chars().any(|letter| ('\u{3041}'..='\u{30ff}').contains(&letter));
                let han = caption.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
                match language {
                    0 => assert!(caption.is_ascii() && !caption.contains("a orange") && !caption.contains("an red"), "{caption}"),
                    1 => assert!(han && !kana && !caption.contains(|letter: char| letter.is_ascii_alphabetic()), "{caption}"),
                    _ => assert!(han && kana, "{caption}"),
                }
                phrasings.entry((labels.motif, language)).or_default().insert(caption.clone());
                let first = *said.entry(caption.clone()).or_insert(labels);
                assert_eq!(first, labels, "two things are called {caption}");
            }
        }
    }
    for ((motif, language), phrasings) in phrasings {
        assert!(phrasings.len() > 300, "{} has {} captions in language {language}", motif.name(), phrasings.len());
    }
}

fn mean(picture: &[u8]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for pixel in picture.chunks_exact(3) {
        (0..3).for_each(|channel| sum[channel] += f64::from(pixel[channel]));
    }
    sum.map(|sum| sum / (picture.len() / 3) as f64)
}

fn away(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|channel| (a[channel] - b[channel]).powi(2)).sum()
}

/// Of which of the `known` a picture's colour is.
fn nearest<T: Copy>(known: &[(T, [f64; 3])], colour: [f64; 3]) -> T {
    known.iter().min_by(|a, b| away(a.1, colour).total_cmp(&away(b.1, colour))).unwrap().0
}

/// Where each family's picture lies among the families', as a direction in RGB: its mean over the places where a picture
/// depends on the family, less what the families have in common there.
fn leading_colours(recipe: &Recipe, motif: Motif, background: Background, index: u64) -> Vec<(Family, [f64; 3])> {
    let labels = |family| Labels { motif, family, background, camera: CameraMove::Static };
    let families: Vec<Family> = Family::ALL.iter().copied().filter(|&family| labels(family).clear()).collect();
    let pictures: Vec<Vec<u8>> = families.iter().map(|&family| painted(recipe, labels(family), index)).collect();
    let mut sums = vec![[0.0; 3]; families.len()];
    for place in (0..pictures[0].len()).step_by(3) {
        let values = |channel| pictures.iter().map(move |picture| f64::from(picture[place + channel]));
        let common = [0, 1, 2].map(|channel| values(channel).sum::<f64>() / pictures.len() as f64);
        let spread = (0..3).map(|channel| values(channel).fold(0.0, |most: f64, v| most.max((v - common[channel]).abs())));
        let weight = spread.sum::<f64>();
        for (sum, picture) in sums.iter_mut().zip(&pictures) {
            (0..3).for_each(|channel| sum[channel] += weight * (f64::from(picture[place + channel]) - common[channel]));
        }
    }
    let direction = |sum: [f64; 3]| {
        let length = away(sum, [0.0; 3]).sqrt();
        sum.map(|part| part / length)
    };
    families.into_iter().zip(sums.into_iter().map(direction)).collect()
}

#[test]
fn the_colour_of_a_picture_tells_its_family() {
    for &motif in Motif::ALL {
        let recipe = recipe(1, &[motif]);
        let shown = |background| {
            Family::ALL.iter().any(|&family| Labels { motif, family, background, camera: CameraMove::Static }.clear())
        };
        for background in [Background::Night, Background::Wine, Background::Studio].into_iter().filter(|&one| shown(one)) {
            let known = leading_colours(&recipe, motif, background, 1);
            let unknown = leading_colours(&recipe, motif, background, 2);
            let wrong: Vec<_> = unknown
                .iter()
                .filter_map(|&(family, colour)| {
                    let taken = nearest(&known, colour);
                    (taken != family).then(|| format!("{} is taken for {}", family.name(), taken.name()))
                })
                .collect();
            assert!(wrong.is_empty(), "{} on {}: {wrong:?}", motif.name(), background.name());
        }
    }
}

#[test]
fn the_colour_of_a_picture_tells_its_background() {
    for &motif in Motif::ALL {
        let recipe = recipe(1, &[motif]);
        for family in [Family::Gold, Family::Pink] {
            let labels = |background| Labels { motif, family, background, camera: CameraMove::Static };
            let shown: Vec<Background> = Background::ALL.iter().copied().filter(|&one| labels(one).clear()).collect();
            let means = |index| -> Vec<(Background, [f64; 3])> {
                shown.iter().map(|&one| (one, mean(&painted(&recipe, labels(one), index)))).collect()
            };
            let known = means(1);
            for (background, colour) in means(2) {
                let taken = nearest(&known, colour);
                assert!(taken == background, "{}: {} is taken for {}", motif.name(), background.name(), taken.name());
            }
        }
    }
}

#[test]
fn a_motif_fills_a_good_part_of_a_small_picture_and_moves_in_it() {
    for &motif in Motif::ALL {
        let recipe = recipe(17, &[motif]);
        let labels = |family| Labels { motif, family, background: Background::Night, camera: CameraMove::Static };
        let (red, gold) = (painted(&recipe, labels(Family::Red), 3), painted(&recipe, labels(Family::Gold), 3));
        let frame = STAMP.rgb_bytes();
        let (first, last) = (&gold[..frame], &gold[16 * frame..]);
        let apart = |a: &[u8], b: &[u8], codes: u8| {
            let places = a.chunks_exact(3).zip(b.chunks_exact(3));
            let share = places.filter(|(a, b)| (0..3).any(|channel| a[channel].abs_diff(b[channel]) > codes)).count();
            share as f64 / (frame / 3) as f64
        };
        let coloured = apart(&red[..frame], first, 16);
        assert!(coloured > 0.02, "{} shows its colour on {coloured} of the picture", motif.name());
        let moved = apart(first, last, 8);
        assert!(moved > 0.01, "{} moves on {moved} of the picture", motif.name());
    }
}

#[test]
fn a_recipe_that_cannot_be_painted_is_refused_by_the_name_of_its_field() {
    let new = |width, height, frames, fps, motifs: &[Motif]| Recipe::new(Size { width, height }, frames, fps, 0, motifs);
    let all = Motif::ALL;
    for (refused, named) in [
        (new(161, 96, 17, 8, all), "width"),
        (new(160, 14, 17, 8, all), "height"),
        (new(160, 96, 0, 8, all), "frames"),
        (new(160, 96, 1201, 8, all), "frames"),
        (new(160, 96, 17, 0, all), "fps"),
        (new(160, 96, 17, 8, &[]), "motifs"),
    ] {
        let error: MotionError = refused.unwrap_err();
        assert!(error.to_string().contains(named) && error.hint().contains(named), "{error}");
    }
    // Any even size, not only multiples of what a model needs.
    new(162, 98, 1, 8, all).unwrap();
}
