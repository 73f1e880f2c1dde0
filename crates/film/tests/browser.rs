//! A composed clip in Chromium: it plays to its end, and each boundary between stored and new segments can be sought; and so
//! are its other forms played and shown.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use festoon_film::{Cancel, Deriver, SoundFile, X264, probe_fragments, sounding};
use festoon_spec::{SoundCodec, Still};

use crate::{
    compose::{CANVAS, CUTS, Hot, WINDOWS, everywhere},
    sound::{PLAIN, bed, soundtrack, tone},
};

/// Only for a browser that hangs: the test fails then.
const PATIENCE: Duration = Duration::from_secs(180);

/// Plays, seeks to the middle of each frame that it is told, and reports how bright the place of the bar is there.
const PAGE: &str = r#"<!doctype html><video id=v muted width=160 height=96></video><script>
const on = (name) => new Promise((done) => v.addEventListener(name, done, { once: true }));
const report = (told) => fetch("/report", { method: "POST", body: JSON.stringify(told) });
v.addEventListener("error", () => report({ error: v.error.message }));
(async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 96];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const loaded = on("loadeddata");
  v.src = "/clip.mp4";
  await loaded;
  const duration = v.duration;
  const ended = on("ended");
  await v.play();
  await ended;
  const { corruptedVideoFrames } = v.getVideoPlaybackQuality();
  const seen = [];
  for (const frame of FRAMES) {
    const sought = on("seeked");
    const presented = new Promise((done) => v.requestVideoFrameCallback(done));
    v.currentTime = (frame + 0.5) / FPS;
    await sought;
    await presented;
    context.drawImage(v, 0, 0);
    const [r, g, b] = context.getImageData(155, 40, 1, 1).data;
    seen.push(0.2126 * r + 0.7152 * g + 0.0722 * b > 190);
  }
  await report({ duration, corruptedVideoFrames, seen, sounds: v.webkitAudioDecodedByteCount > 0 });
})().catch((error) => report({ error: String(error) }));
</script>"#;

/// How a clip is sent.
#[derive(Clone, Copy)]
enum Sending {
    /// All of it, with ranges, as this media type: as a kept clip.
    Whole(&'static str),
    /// In chunks, without a length: as a clip that is being made.
    Chunks,
}

#[test]
fn chromium_plays_a_clip_and_seeks_to_each_boundary() {
    let hot = Hot::make();
    let pieces: Vec<Vec<u8>> =
        hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().iter().map(|piece| piece.to_vec()).collect();
    // The first and the last frame of each segment.
    let frames: Vec<u32> = CUTS.iter().flat_map(|(start, end)| [*start, end - 1]).collect();
    let drawn = |frame: &u32| WINDOWS.iter().any(|window| (window.start..window.end).contains(frame));
    let expected: Vec<bool> = frames.iter().map(drawn).collect();
    // Without a length or ranges a browser only seeks in what it has kept: there the clip is played to its end.
    for (sending, frames, expected) in
        [(Sending::Whole("video/mp4"), frames, expected), (Sending::Chunks, Vec::new(), Vec::new())]
    {
        let page = PAGE.replace("FRAMES", &format!("{frames:?}")).replace("FPS", &CANVAS.fps.to_string());
        let told = shown(&page, &pieces, sending);
        assert!(told.contains("\"duration\":4,\"corruptedVideoFrames\":0,"), "{told}");
        assert!(told.contains(&format!("\"seen\":{expected:?}").replace(' ', "")), "{told}, expected were {expected:?}");
    }
}

#[test]
fn chromium_plays_the_form_for_the_web_and_seeks_in_it() {
    let hot = Hot::make();
    let clip = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat();
    let webm = Deriver::find().unwrap().webm(&clip, &CANVAS, None, &Cancel::default()).unwrap().bytes;
    let frames = [0, 10, 24, 25, 36, 40, 3];
    let page = PAGE.replace("FRAMES", &format!("{frames:?}")).replace("FPS", &CANVAS.fps.to_string());
    let told = shown(&page, &[webm], Sending::Whole("video/webm"));
    let drawn = frames.map(|frame| WINDOWS.iter().any(|window| (window.start..window.end).contains(&frame)));
    assert!(told.contains("\"duration\":4,\"corruptedVideoFrames\":0,"), "{told}");
    assert!(told.contains(&format!("\"seen\":{drawn:?}").replace(' ', "")), "{told}, expected were {drawn:?}");
}

#[test]
fn chromium_plays_a_clip_with_sound_and_seeks_in_it() {
    let hot = Hot::make();
    let silent = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat();
    let bed = bed(tone(48_000, 440.0, 6.0));
    let clip = sounding(&silent, &soundtrack(&bed, PLAIN, SoundCodec::Aac)).unwrap();
    let opus = soundtrack(&bed, PLAIN, SoundCodec::Opus);
    let webm = Deriver::find().unwrap().webm(&silent, &CANVAS, Some(&opus), &Cancel::default()).unwrap().bytes;
    // As it is streamed: every fragment, of pictures and of sound, by itself.
    let parts = probe_fragments(&clip).unwrap();
    let places = parts.sound.iter().zip(&parts.fragments).flat_map(|(sound, (_, pictures))| [sound, pictures]);
    let pieces: Vec<Vec<u8>> = [&parts.init].into_iter().chain(places).map(|place| clip[place.clone()].to_vec()).collect();
    assert_eq!(pieces.concat(), clip);
    let frames: Vec<u32> = CUTS.iter().flat_map(|(start, end)| [*start, end - 1]).collect();
    let drawn = |frame: &u32| WINDOWS.iter().any(|window| (window.start..window.end).contains(frame));
    for (pieces, sending, frames) in [
        (vec![clip], Sending::Whole("video/mp4"), frames.clone()),
        (pieces, Sending::Chunks, Vec::new()),
        (vec![webm], Sending::Whole("video/webm"), frames),
    ] {
        let expected: Vec<bool> = frames.iter().map(drawn).collect();
        let page = PAGE.replace("FRAMES", &format!("{frames:?}")).replace("FPS", &CANVAS.fps.to_string());
        let told = shown(&page, &pieces, sending);
        // Of fragments Chromium also counts the packet in front of the first picture, which is not heard.
        let lasts = |seconds: &str| told.contains(&format!("\"duration\":{seconds},\"corruptedVideoFrames\":0,"));
        assert!((lasts("4") || lasts("4.021333")) && told.contains("\"sounds\":true"), "{told}");
        assert!(told.contains(&format!("\"seen\":{expected:?}").replace(' ', "")), "{told}, expected were {expected:?}");
    }
}

/// Appends the segments of two renditions, pictures and sound, and plays them to their end.
const RENDITIONS: &str = r#"<!doctype html><video id=v muted></video><script>
const on = (target, name) => new Promise((done) => target.addEventListener(name, done, { once: true }));
const report = (told) => fetch("/report", { method: "POST", body: JSON.stringify(told) });
v.addEventListener("error", () => report({ error: v.error.message }));
(async () => {
  const source = new MediaSource();
  v.src = URL.createObjectURL(source);
  await on(source, "sourceopen");
  const renditions = RENDITIONS;
  const buffers = renditions.map(([type]) => source.addSourceBuffer(type));
  for (const [place, [, segments]] of renditions.entries()) {
    const buffer = buffers[place];
    for (const hex of segments) {
      buffer.appendBuffer(Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)));
      await on(buffer, "updateend");
    }
  }
  const millis = (seconds) => Math.round(seconds * 1000);
  const buffered = buffers.map(({ buffered }) => [buffered.length, millis(buffered.start(0)), millis(buffered.end(buffered.length - 1))]);
  source.endOfStream();
  const ended = on(v, "ended");
  await v.play();
  await ended;
  await report({ buffered, sounds: v.webkitAudioDecodedByteCount > 0 });
})().catch((error) => report({ error: String(error) }));
</script>"#;

#[test]
fn chromium_plays_renditions_of_pictures_and_of_sound_side_by_side() {
    let hot = Hot::make();
    let clip = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat();
    let sound = soundtrack(&bed(tone(48_000, 440.0, 6.0)), PLAIN, SoundCodec::Aac).file().unwrap();
    let (pictures, sounds) = (probe_fragments(&clip).unwrap(), SoundFile::read(&sound).unwrap());
    let pictures = [&pictures.init].into_iter().chain(pictures.fragments.iter().map(|(_, place)| place));
    let sounds = [&sounds.init].into_iter().chain(sounds.fragments.iter().map(|(_, place)| place));
    let pictures: Vec<String> = pictures.map(|place| hex(&clip[place.clone()])).collect();
    let sounds: Vec<String> = sounds.map(|place| hex(&sound[place.clone()])).collect();
    let codec = &hot.plate.media.codec;
    let renditions =
        format!("[['video/mp4; codecs=\"{codec}\"', {pictures:?}], ['audio/mp4; codecs=\"mp4a.40.2\"', {sounds:?}]]");
    let told = shown(&RENDITIONS.replace("RENDITIONS", &renditions), &[], Sending::Chunks);
    // One stretch each, of the same length.
    assert!(told.contains("\"buffered\":[[1,0,4000],[1,0,4000]]"), "{told}");
    assert!(told.contains("\"sounds\":true"), "{told}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes pictures, and reports their sizes and one pixel's brightness.
const PICTURES: &str = r#"<!doctype html><script>
const report = (told) => fetch("/report", { method: "POST", body: JSON.stringify(told) });
(async () => {
  const told = [];
  for (const [type, hex] of PICTURES) {
    const bytes = Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
    const picture = await createImageBitmap(new Blob([bytes], { type }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const [r, g, b] = context.getImageData(155, 40, 1, 1).data;
    told.push([type, picture.width, picture.height, 0.2126 * r + 0.7152 * g + 0.0722 * b > 190]);
  }
  await report(told);
})().catch((error) => report(String(error)));
</script>"#;

#[test]
fn chromium_shows_every_picture_of_a_clip() {
    let hot = Hot::make();
    let (deriver, cancel) = (Deriver::find().unwrap(), Cancel::default());
    let clip = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat();
    let media = &hot.plate.media;
    let drawn = deriver.picture(&clip, media, 10, &cancel).unwrap();
    let still = |still| deriver.still(&drawn, still, &cancel).unwrap().bytes;
    // The first frame of the preview and the first tile of the sheet have no bar.
    let pictures = [
        ("image/jpeg", still(Still::Jpeg)),
        ("image/webp", still(Still::Webp)),
        ("image/avif", still(Still::Avif)),
        ("image/webp", deriver.preview(&clip, &CANVAS, &cancel).unwrap().bytes),
        ("image/jpeg", deriver.storyboard(&clip, media, &cancel).unwrap().bytes),
    ];
    let pictures: Vec<_> = pictures.iter().map(|(media_type, bytes)| [(*media_type).to_owned(), hex(bytes)]).collect();
    let told = shown(&PICTURES.replace("PICTURES", &format!("{pictures:?}")), &[], Sending::Chunks);
    let expected = r#"[["image/jpeg",160,96,true],["image/webp",160,96,true],["image/avif",160,96,true],["image/webp",160,96,false],["image/jpeg",800,192,false]]"#;
    assert_eq!(told, expected);
}

/// What the page reports.
fn shown(page: &str, pieces: &[Vec<u8>], sending: Sending) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (report, reported) = mpsc::channel();
    let (page, pieces) = (page.to_owned(), Arc::new(pieces.to_vec()));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (page, pieces, report) = (page.clone(), Arc::clone(&pieces), report.clone());
            // A browser that goes away in the middle is none of ours.
            thread::spawn(move || drop(answer(stream, &page, &pieces, sending, &report)));
        }
    });
    let profile = tempfile::tempdir().unwrap();
    let _browser = Browser(
        Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{address}/"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed: apt-get install chromium"),
    );
    reported.recv_timeout(PATIENCE).expect("the page reports")
}

struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn answer(
    stream: TcpStream,
    page: &str,
    pieces: &[Vec<u8>],
    sending: Sending,
    report: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut range) = (0, None);
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some(value) = lower.strip_prefix("range: bytes=") {
            range = value.split('-').next().and_then(|start| start.trim().parse::<usize>().ok());
        }
    }
    match (path.as_str(), sending) {
        ("/", _) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
            write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len())
        }
        ("/report", _) => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            // The first report counts.
            let _ = report.send(String::from_utf8_lossy(&body).into_owned());
            write!(stream, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        }
        ("/clip.mp4", Sending::Whole(media_type)) => {
            let clip = pieces.concat();
            let start = range.unwrap_or(0).min(clip.len());
            let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
            let (whole, last) = (clip.len(), clip.len() - 1);
            write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nAccept-Ranges: bytes\r\nConnection: close\r\n")?;
            write!(stream, "Content-Range: bytes {start}-{last}/{whole}\r\nContent-Length: {}\r\n\r\n", whole - start)?;
            stream.write_all(&clip[start..])
        }
        ("/clip.mp4", Sending::Chunks) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close";
            write!(stream, "{head}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in pieces {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(piece)?;
                write!(stream, "\r\n")?;
            }
            write!(stream, "0\r\n\r\n")
        }
        _ => write!(stream, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    }
}
