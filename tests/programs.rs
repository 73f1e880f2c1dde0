//! The server on a machine that has no encoder and no decoder beside it.
#![allow(clippy::unwrap_used)]

use crate::{
    faults::*,
    http::titles::{CLIP, WINDOW, add_card, different, frames},
};

#[tokio::test(flavor = "multi_thread")]
async fn without_x264_and_ffmpeg_plates_are_asked_for_and_titles_are_drawn_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        config.encoder.id = String::new();
        add_card(config);
    });
    let server = Server::start_without_programs(&["serve"], &settings);
    assert_eq!(server.get(CLIP).await.status, 202);
    let renderer = server.renderer("painter");
    let lease = renderer.lease(60).await.unwrap();
    assert_eq!(lease.spec.encoder.program(), "openh264");
    let outcome = renderer.paint(&lease).await;
    let handed_in = renderer.hand_in(&lease, &outcome).await;
    assert_eq!(handed_in.status, 204, "{}", handed_in.text());
    let plate = server.get(&format!("/v1/blobs/{}.mp4", outcome.blob)).await;
    let clip = server.get(CLIP).await;
    assert_eq!((clip.status, clip.header("festoon-overlay")), (200, "festoon"), "{}", clip.text());
    assert_eq!(different(&frames(&plate.body), &frames(&clip.body)), WINDOW.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_composes_nothing_where_another_program_encodes_the_plates() {
    let root = tempfile::tempdir().unwrap();
    // The settings name the x264 of the renderers.
    let settings = settings(root.path(), add_card);
    let server = Server::start_without_programs(&["serve"], &settings);
    assert_eq!(server.get(CLIP).await.status, 202);
    let renderer = server.renderer("painter");
    let lease = renderer.lease(60).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    assert_eq!(server.get(&format!("/v1/blobs/{}.mp4", outcome.blob)).await.status, 200);
    let clip = server.get(CLIP).await;
    assert_eq!((clip.status, clip.code().as_str()), (503, "unavailable"));
}
