//! Logos that people bring: taken in, drawn, refused, forgotten.

use festoon::{cache::Examination, config::Config};
use festoon_film::{Cancel, Decoder};
use festoon_spec::BlobHash;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::installation::*;

/// Two seconds; a logo, if there is one, in the upper right corner for the second half of the first.
const SHOP: &str = r##"
painter = "motion"

[canvas]
width = 320
height = 180
frames = 24
fps = 12

[parameters.logo]
kind = "image"
touches = "overlay"
SCENE
[overlay]
windows = [{ name = "brand", from = 0.5, until = 1 }]
safe_area = 5

[[overlay.layers]]
name = "brand"
kind = "image"
window = "brand"
file = "{logo}"
within = [20, 20]
anchor = "top-end"
"##;

const SHOP_WORDS: &str = "title = \"Shop\"\ndescription = \"A shop.\"\n[parameters.logo]\nlabel = \"Logo\"\n";
const WINDOW: std::ops::Range<usize> = 6..12;
/// The box of the logo: a fifth of the frame each way, in its safe area's upper right corner.
const BOX: [usize; 4] = [240, 9, 304, 45];

fn add_shop(config: &mut Config) {
    add_template(config, "shop", &SHOP.replace("SCENE", SNOW), SHOP_WORDS);
}

/// A PNG of one colour, opaque.
pub fn logo(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    png_of(width, height, &colour.repeat((width * height) as usize))
}

fn png_of(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(rgb).unwrap();
    writer.finish().unwrap();
    file
}

async fn bring(installation: &Installation, file: impl Into<reqwest::Body>) -> Answer {
    let request = installation.client.post(installation.url("/v1/images")).body(file);
    Answer::of(request.send().await.unwrap()).await
}

/// Brings a file that is taken, and gives what picks call it.
async fn brought(installation: &Installation, file: Vec<u8>) -> String {
    let answer = bring(installation, file).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["image"].as_str().unwrap().to_owned()
}

/// The colour in the middle of a picture that is kept.
fn middle(png: &[u8]) -> [u8; 4] {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgba);
    let at = (info.height as usize / 2 * info.width as usize + info.width as usize / 2) * 4;
    pixels[at..at + 4].try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_that_was_brought_is_seen_in_its_box_and_nowhere_else() {
    let installation = Installation::with(add_shop).await;
    // Wider than its box: it is made narrower, in its own ratio.
    let answer = bring(&installation, logo(400, 100, [255, 0, 0])).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"), "{}", answer.text());
    let kept = answer.json();
    assert_eq!((&kept["width"], &kept["height"]), (&json!(400), &json!(100)));
    assert_eq!(answer.header("location"), kept["url"].as_str().unwrap());
    let file = installation.get(kept["url"].as_str().unwrap()).await;
    assert_eq!((file.status, file.header("content-type"), middle(&file.body)), (200, "image/png", [255, 0, 0, 255]));
    assert_eq!(kept["image"], BlobHash::of(&file.body).to_string());

    let plain = "/v1/clips/shop/en.mp4".to_owned();
    let branded = format!("{plain}?logo={}", kept["image"].as_str().unwrap());
    installation.paint(&plain).await;
    let decoder = Decoder::find().unwrap();
    let mut shown = Vec::new();
    for address in [&plain, &branded] {
        let clip = installation.get(address).await;
        assert_eq!(clip.status, 200, "{}", clip.text());
        shown.push(decoder.pictures(&clip.body, &Cancel::default()).unwrap());
    }
    let [without, with] = shown.try_into().unwrap();
    let differ: Vec<usize> = (0..24).filter(|frame| without[*frame] != with[*frame]).collect();
    assert_eq!(differ, WINDOW.collect::<Vec<_>>());
    let [left, top, right, bottom] = BOX;
    let rgb = with[8].rgb();
    let red = |x: usize, y: usize| {
        let [red, green, blue] = rgb[(y * 320 + x) * 3..][..3] else { unreachable!() };
        red > 200 && green < 60 && blue < 60
    };
    // A quarter as high as it is wide, at the upper end of the box.
    let [wide, high] = [right - left, (right - left) / 4];
    assert!(red(left + wide / 2, top + high / 2) && red(left + 3, top + 3) && red(right - 4, top + high - 4));
    let elsewhere = (0..180).flat_map(|y| (0..320).map(move |x| (x, y)));
    let stray = elsewhere.filter(|(x, y)| !(left - 2..right + 2).contains(x) || !(top - 2..bottom + 2).contains(y));
    assert_eq!(stray.filter(|(x, y)| red(*x, *y)).count(), 0);

    let keys: Vec<_> = [json!({}), json!({ "logo": kept["image"] })].into_iter().collect();
    let mut clips = Vec::new();
    for parameters in keys {
        let pick = json!({"template": "shop", "locale": "en", "parameters": parameters});
        clips.push(installation.post("/v1/picks", &pick).await.json()["clip"].clone());
    }
    assert_ne!(clips[0], clips[1], "the key says which logo");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_are_the_pixels_and_not_the_file() {
    let installation = Installation::start().await;
    let first = brought(&installation, logo(30, 20, [0, 0, 255])).await;
    // The same picture with a note in it, and with its pixels packed in another way.
    let mut noted = Vec::new();
    let mut encoder = png::Encoder::new(&mut noted, 30, 20);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".into(), "a note that tells where it was drawn".into()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0, 0, 255].repeat(600)).unwrap();
    writer.finish().unwrap();
    assert_eq!(brought(&installation, noted).await, first);
    let file = installation.get(&format!("/v1/images/{first}.png")).await.body;
    assert!(!file.windows(6).any(|window| window == b"a note"));

    let large = bring(&installation, logo(4096, 1024, [9, 9, 9])).await.json();
    assert_eq!((&large["width"], &large["height"]), (&json!(2048), &json!(512)), "no frame shows more");
    let svg = r##"<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
        <svg xmlns="http://www.w3.org/2000/svg" xmlns:tool="urn:tool" viewBox="0 0 10 10"><tool:view/>
        <style>.mark { fill: #00ff00 }</style><g><path class="mark" d="M0 0h10v10H0z"/></g></svg>"##;
    let drawn = brought(&installation, svg.into()).await;
    assert_eq!(middle(&installation.get(&format!("/v1/images/{drawn}.png")).await.body), [0, 255, 0, 255]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_or_too_large_a_one_is_refused_by_name() {
    let installation = Installation::with(|config| config.images.per_minute = 100).await;
    let whole = logo(64, 64, [200, 10, 10]);
    let mut damaged = whole.clone();
    let at = damaged.len() - 30;
    damaged[at] ^= 0xff;
    // Says that it has 20,000 x 20,000 pixels, and is 60 bytes long.
    let mut bomb = logo(1, 1, [0; 3]);
    bomb[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let sum = crc(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.to_be_bytes());
    let svg = |inside: &str| format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>{inside}</svg>").into_bytes();
    let many = "<g/>".repeat(301);
    let deep = format!("{}{}", "<g>".repeat(17), "</g>".repeat(17));
    let cases: Vec<(&str, Vec<u8>, u16, &str, &str)> = vec![
        ("nothing", Vec::new(), 400, "bad-body", "no bytes"),
        ("prose", b"a picture of a cat".to_vec(), 422, "bad-image", "neither PNG, JPEG, WebP nor SVG"),
        ("a GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), 422, "bad-image", "neither PNG, JPEG, WebP nor SVG"),
        ("a PNG cut off", whole[..whole.len() / 2].to_vec(), 422, "bad-image", "cannot be read as PNG"),
        ("a damaged PNG", damaged, 422, "bad-image", "cannot be read as PNG"),
        ("a PNG's name alone", whole[..8].to_vec(), 422, "bad-image", "cannot be read as PNG"),
        ("a JPEG of nothing", b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), 422, "bad-image", "cannot be read as JPEG"),
        ("a line of 20,000 pixels", logo(20_000, 1, [1; 3]), 413, "image-too-large", "20000 x 1 pixels, at most 8192"),
        ("a bomb", bomb, 413, "image-too-large", "20000 x 20000 pixels, at most 8192 on a side and 24000000"),
        ("too many pixels", logo(8000, 3001, [1; 3]), 413, "image-too-large", "8000 x 3001 pixels"),
        ("a letter", svg("<text x='1' y='5'>x</text>"), 422, "bad-image", "a <text>"),
        ("a filter", svg("<filter id='f'/>"), 422, "bad-image", "a <filter>"),
        ("a file of the server", svg("<image href='/etc/passwd' width='9' height='9'/>"), 422, "bad-image", "a <image>"),
        ("what repeats", svg("<use href='#a'/>"), 422, "bad-image", "a <use>"),
        ("a dashed line", svg("<path d='M0 0h9' stroke-dasharray='.0001'/>"), 422, "bad-image", "dashed lines"),
        ("many nodes", svg(&many), 422, "bad-image", "more than 300 nodes"),
        ("deep nodes", svg(&deep), 422, "bad-image", "more than 16 deep"),
        ("no SVG", b"<svg><g></svg>".to_vec(), 422, "bad-image", "cannot be read as SVG"),
        ("a long SVG", svg(&" ".repeat(200_000)), 413, "image-too-large", "at most 131072 are allowed"),
    ];
    for (what, file, status, code, told) in cases {
        let answer = bring(&installation, file).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}: {}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(told), "{what}: {}", answer.text());
    }
    let answer = bring(&installation, vec![0; (8 << 20) + 1]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body-too-large"), "{}", answer.text());
    let usage = installation.running.edge().cache().usage();
    assert_eq!((usage.entries, usage.bytes), (0, 0), "nothing of it is kept");
}

/// The check sum of a PNG's chunk (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_that_nobody_brought_is_named_with_its_parameter() {
    let installation = Installation::with(add_shop).await;
    let plate = installation.paint("/v1/clips/shop/en.mp4").await;
    let nobodys = "0".repeat(64);
    for image in [nobodys.as_str(), &plate.to_string()] {
        let address = format!("/v1/clips/shop/en.mp4?logo={image}");
        let pick = json!({"template": "shop", "locale": "en", "parameters": {"logo": image}});
        for answer in [installation.get(&address).await, installation.post("/v1/picks", &pick).await] {
            assert_eq!((answer.status, answer.code().as_str()), (422, "missing-image"), "{}", answer.text());
            assert_eq!(answer.json()["detail"], format!("`logo`: the image {image} is not kept here"));
            assert_eq!(answer.json()["hint"], "bring it with POST /v1/images");
        }
        let head = installation.client.head(installation.url(&address)).send().await.unwrap();
        assert_eq!(head.status(), 422);
        assert_eq!(installation.get(&format!("/v1/images/{image}.png")).await.code(), "unknown-blob");
    }
    let answer = installation.get("/v1/clips/shop/en.mp4?logo=logo.png").await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad-image"));
    assert!(answer.text().contains("64 lower-case hexadecimal digits"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_kept_within_the_caches_budget() {
    let installation = Installation::with(add_shop).await;
    let image = brought(&installation, logo(50, 50, [7, 200, 7])).await;
    let clip = format!("/v1/clips/shop/en.mp4?logo={image}");
    installation.paint(&clip).await;
    // What is streamed first is kept a moment later.
    while installation.get(&clip).await.header("etag").is_empty() {}
    let cache = installation.running.edge().cache();
    assert_eq!(cache.reindex().await.unwrap(), 3, "a plate, its clip, and the image");
    let state = installation.folder.path().join("state");
    assert_eq!(Examination::of_files(&state).unwrap().problems, []);
    cache.gc(0).await.unwrap();
    assert_eq!(cache.usage().bytes, 0);
    assert_eq!(installation.get(&clip).await.code(), "missing-image");
    assert_eq!(brought(&installation, logo(50, 50, [7, 200, 7])).await, image, "it can be brought again");
    assert_eq!(installation.get(&clip).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_brings_so_many_images_a_minute_and_the_operator_any_number() {
    let installation = Installation::with(|config| config.images.per_minute = 2).await;
    let file = logo(2, 2, [0; 3]);
    for _ in 0..2 {
        assert_eq!(bring(&installation, file.clone()).await.status, 201);
    }
    let answer = bring(&installation, file.clone()).await;
    assert_eq!((answer.status, answer.code().as_str(), answer.header("retry-after")), (429, "too-many-images", "60"));
    let token = installation.running.opened().token.reveal();
    let request = installation.client.post(installation.url("/v1/images")).bearer_auth(token).body(file.clone());
    assert_eq!(request.send().await.unwrap().status(), 201);
    installation.clock.advance(60_000);
    assert_eq!(bring(&installation, file).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_arrive_slowly_leave_room_for_so_many_at_once() {
    let installation = Installation::with(|config| {
        config.images.at_once = 1;
        config.images.per_minute = u32::MAX;
    })
    .await;
    let arrive_slowly = || {
        let begun = Ok::<_, std::io::Error>(logo(2, 2, [0; 3])[..20].to_vec());
        let body = reqwest::Body::wrap_stream(stream::iter([begun]).chain(stream::pending()));
        tokio::spawn(installation.client.post(installation.url("/v1/images")).body(body).send())
    };
    let mut slow = arrive_slowly();
    // Until the slow one has its place, this one finds it free; and it may have been the slow one that found it taken.
    let turned_away = loop {
        let answer = bring(&installation, logo(2, 2, [0; 3])).await;
        if answer.status != 201 {
            break answer;
        }
        if slow.is_finished() {
            slow = arrive_slowly();
        }
    };
    assert_eq!((turned_away.status, turned_away.code().as_str()), (503, "unavailable"), "{}", turned_away.text());
    slow.abort();
    loop {
        let answer = bring(&installation, logo(2, 2, [0; 3])).await;
        if answer.status == 201 {
            break;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
}
