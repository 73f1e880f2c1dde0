//! Sound between the pictures of clips that are composed.

use festoon_film::{Bed, Deriver, SoundFile, silent, sounding};

use super::*;
use crate::http::sound::tone;

impl Studio {
    /// A title of this brightness with a tone under it.
    fn sounding(&self, brightness: u8) -> Order {
        let bed = Bed::open(tone(440.0, 5.0)).unwrap();
        let laying = Laying { start: Milli(0), looped: false, gain: Milli(0), fade_in: Milli(0), fade_out: Milli(500) };
        let build = Deriver::find().unwrap().sound_build(SoundCodec::Aac).expect("ffmpeg is installed: apt-get install ffmpeg");
        let Canvas { frames, fps, .. } = CANVAS;
        let sound = SoundSpec { bed: bed.digest(), laying, frames, fps, codec: SoundCodec::Aac, build };
        let order = self.order(brightness);
        Order { spec: ClipSpec { sound: Some(sound), ..order.spec.clone() }, bed: Some(bed), ..order }
    }

    async fn sound(&self) -> (Entry, SoundFile) {
        let order = self.sounding(1);
        self.compositor.sound(&order.spec.sound.unwrap(), &order.bed.unwrap()).await.unwrap()
    }

    async fn whole(&self, order: Order) -> Bytes {
        match self.compositor.clip(order).await.unwrap() {
            Clip::Playing(playing) => playing.whole().await.unwrap(),
            Clip::Kept(entry) => self.cache.load(&entry.blob).await.unwrap().unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_with_sound_is_the_silent_one_with_sound_between_its_pictures() {
    let studio = Studio::new().await;
    let (with, without) = (studio.whole(studio.sounding(200)).await, studio.whole(studio.order(200)).await);
    let (_, SoundFile { soundtrack, .. }) = studio.sound().await;
    assert_eq!(with, sounding(&without, &soundtrack).unwrap());
    assert_eq!(without, silent(&with).unwrap());
    // It is as long as the pictures: four seconds.
    assert_eq!(soundtrack.length(), 4 * 48_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_that_only_sounds_is_not_composed() {
    // Nobody may wait, and the only turn is taken.
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow.clone(), 1, 0).await;
    let mut playing = studio.play(1).await;
    lead(&mut playing).await;
    let nothing: Arc<dyn Draw> = Arc::new(Nothing);
    let order = Order { drawing: nothing, ..studio.sounding(200) };
    let clip = studio.whole(order).await;
    let begun = slow.begun.load(Ordering::SeqCst);
    let mut stored = Vec::new();
    let Segmented { init, segments, .. } = studio.plate.segmented.clone().unwrap();
    for part in std::iter::once(init).chain(segments.iter().map(|held| held.part)) {
        stored.extend_from_slice(&studio.cache.load(&part.blob).await.unwrap().unwrap());
    }
    assert_eq!(silent(&clip).unwrap(), stored, "its pictures are the plate's");
    drop(go);
    playing.whole().await.unwrap();
    assert!(begun <= 2, "only the other clip is encoded");
}

/// Draws nothing.
struct Nothing;

impl Draw for Nothing {
    fn windows(&self) -> &[Range<u32>] {
        &[]
    }

    fn draw(&self, _: u32, _: &mut Picture) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_is_damaged_is_encoded_anew_and_is_the_same() {
    // What is kept is read from the disk each time.
    let nothing_in_memory = CacheOptions { memory_bytes: 0, ..CacheOptions::default() };
    let studio = Studio::keeping(nothing_in_memory, Arc::new(X264::find().unwrap()), 2, 0).await;
    let asked = futures_util::future::join_all((0..4).map(|_| studio.sound())).await;
    assert!(asked.iter().all(|sound| *sound == asked[0]), "who asks at once for one sound gets one");
    let (entry, file) = &asked[0];
    let path = studio.bench.blob_path(&entry.blob);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let clip = studio.whole(studio.sounding(100)).await;
    assert_eq!(festoon_film::Soundtrack::read(&clip).unwrap().as_ref(), Some(&file.soundtrack));
    assert_eq!(studio.cache.usage().corrupt, 1);
    let (again, _) = studio.sound().await;
    assert_eq!((again.blob, fs::read(&path).unwrap().len() as u64), (entry.blob, entry.bytes));
}
