//! Edges and their origin: real processes, and between them, where a test wants one, somebody who plays tricks.
#![allow(clippy::unwrap_used)]

mod between;
mod borrowing;
mod origins;
mod purges;
mod reviews;
mod warm;

use std::path::{Path, PathBuf};

use festoon::config::{Config, Role};

use crate::{faults::*, http::titles::add_card, installation::*};

/// An origin with a template whose titles are drawn.
fn origin_settings(root: &Path) -> PathBuf {
    std::fs::create_dir_all(root).unwrap();
    settings(root, add_card)
}

/// An edge of the origin at this address. It has no templates of its own.
fn edge_settings(root: &Path, origin: &str, change: impl FnOnce(&mut Config)) -> PathBuf {
    std::fs::create_dir_all(root).unwrap();
    settings(root, |config| {
        config.server.role = Role::Edge;
        config.origin.url = origin.to_owned();
        config.origin.name = root.file_name().unwrap().to_string_lossy().into_owned();
        config.paths.templates = "nowhere".into();
        config.models.0.clear();
        change(config);
    })
}

/// Has the origin's only waiting plate painted.
async fn paint(origin: &Server) {
    let renderer = origin.renderer("painter");
    let lease = renderer.lease(60).await.unwrap();
    let outcome = renderer.paint(&lease).await;
    assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
}

/// The first answer that has this status.
async fn until(server: &Server, path: &str, status: u16) -> Answer {
    loop {
        let answer = server.get(path).await;
        if answer.status == status {
            return answer;
        }
    }
}
