//! Other forms of clips: one flight, a turn of the same pool, kept under a key of their own.

use festoon::compositor::{FormOrder, Source};
use festoon_film::progressive;

use super::*;

impl Studio {
    /// A form of the clip with a title of this brightness.
    fn form(&self, brightness: u8, profile: Profile) -> FormOrder {
        let clip = self.order(brightness);
        let frame = matches!(profile, Profile::Poster(_)).then_some(10);
        FormOrder {
            spec: ClipSpec { profile, frame, ..clip.spec.clone() },
            source: Source::Clip(clip.into()),
            bed: None,
            lane: Lane::Free,
        }
    }

    fn entries(&self) -> u64 {
        self.cache.usage().entries
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_made_of_its_clip_and_both_are_kept() {
    // The clip has the only turn while it is composed, and the form has it afterwards.
    let studio = Studio::with(Arc::new(X264::find().unwrap()), 1, 0).await;
    let form = studio.compositor.form(studio.form(200, Profile::Download)).await.unwrap();
    let clip = studio.kept(200).await;
    let [form_bytes, clip_bytes] = [studio.cache.load(&form.blob).await.unwrap(), studio.cache.load(&clip.blob).await.unwrap()];
    assert_eq!(form_bytes.unwrap(), progressive(&clip_bytes.unwrap()).unwrap());
    assert_eq!(studio.entries(), 3);
    let manifest = studio.cache.manifest(&form.key).await.unwrap().unwrap();
    assert_eq!(manifest.recipe, Recipe::Clip(studio.form(200, Profile::Download).spec));
    // The second time nothing is made: not even the plate is needed.
    let mut again = studio.form(200, Profile::Download);
    again.source = Source::Plate(Box::new(Entry { segmented: None, blob: BlobHash::of(b"gone"), ..studio.plate.clone() }));
    assert_eq!(studio.compositor.form(again).await.unwrap(), form);
    assert_eq!(studio.cache.reindex().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_form_shares_it_and_the_last_who_leaves_stops_its_clip() {
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow.clone(), 1, 0).await;
    let waiting = |studio: &Studio| {
        let (compositor, order) = (studio.compositor.clone(), studio.form(200, Profile::Download));
        tokio::spawn(async move { compositor.form(order).await })
    };
    let (first, second) = (waiting(&studio), waiting(&studio));
    while slow.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    drop(go);
    while slow.cancelled.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(studio.entries(), 1, "nothing is kept but the plate");
    // The next ones get it, once for both.
    let made = loop {
        let (one, other) = tokio::join!(waiting(&studio), waiting(&studio));
        match (one.unwrap(), other.unwrap()) {
            (Ok(one), Ok(other)) => break [one, other],
            // The turn is given back when the encoder is dead.
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(made[0], made[1]);
    // The form may be there a moment before its clip is kept.
    studio.kept(200).await;
    assert_eq!(studio.entries(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_encodes_no_segment_and_is_turned_away_when_the_pool_is_full() {
    let (slow, go) = Slow::new();
    let studio = Studio::with(slow.clone(), 1, 0).await;
    let poster = studio.compositor.form(studio.form(200, Profile::Poster(Still::Jpeg))).await.unwrap();
    assert_eq!((slow.begun.load(Ordering::SeqCst), studio.entries()), (0, 2));
    assert_eq!((poster.media.width, poster.media.height, poster.media.codec.as_str()), (64, 36, "jpeg"));
    let mut playing = studio.play(1).await;
    lead(&mut playing).await;
    let refused = studio.compositor.form(studio.form(1, Profile::Poster(Still::Jpeg))).await;
    assert!(matches!(refused, Err(CompositorError::Full(_))), "{refused:?}");
    assert!(studio.compositor.form(studio.form(200, Profile::Poster(Still::Jpeg))).await.is_ok(), "it is kept");
    drop(go);
    playing.whole().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_clip_breaks_is_broken_and_made_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::with(Arc::new(mortal(folder.path())), 1, 0).await;
    fs::write(folder.path().join("dead"), "").unwrap();
    let broken = studio.compositor.form(studio.form(200, Profile::Preview)).await;
    assert!(matches!(broken, Err(CompositorError::Broken(Broken))), "{broken:?}");
    fs::remove_file(folder.path().join("dead")).unwrap();
    loop {
        match studio.compositor.form(studio.form(200, Profile::Preview)).await {
            // Frames that look the same are one.
            Ok(entry) => break assert!((2..=24).contains(&entry.media.frames)),
            Err(CompositorError::Full(_) | CompositorError::Broken(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_streamed_or_written_is_no_form() {
    let studio = Studio::new().await;
    for profile in Profile::all().filter(|profile| profile.is_written() || *profile == Profile::Mp4) {
        let refused = studio.compositor.form(studio.form(200, profile)).await;
        assert!(matches!(refused, Err(CompositorError::NoForm { .. })), "{profile}: {refused:?}");
    }
    assert_eq!(studio.entries(), 1);
}
