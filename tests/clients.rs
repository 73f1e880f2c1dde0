//! The clients in clients/: as the document says, free of type errors, and their examples take a clip that a renderer paints for them.
#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use festoon_spec::BlobHash;

use crate::{faults::*, http::titles::add_card};

const TYPESCRIPT: &str = "clients/typescript";
const PYTHON: &str = "clients/python";

/// The sources, with what the TypeScript client is made of and with.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    told(Command::new("sh").arg(root.join("scripts/node-packages.sh")).arg(TYPESCRIPT));
    root
});

/// A Python that has what the Python client is made of and with.
static INTERPRETER: LazyLock<PathBuf> = LazyLock::new(|| {
    let told = told(
        Command::new("python3").args(["scripts/python-environment.py", "clients/python/requirements.txt"]).current_dir(&*ROOT),
    );
    told.trim().into()
});

/// What a program says that ends well.
fn told(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(done.status.success(), "{command:?}: {out}{err}");
    out + &err
}

/// Has an example take a clip from an installation that has painted nothing yet.
async fn takes_a_clip(example: impl FnOnce(&str, &Path) -> Command + Send + 'static) {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        with_real_renderers(config, renderer_program());
        add_card(config);
    });
    let server = Server::start(&["up", "--renderers", "1"], &settings);
    let file = root.path().join("clip.mp4");
    let mut command = example(&server.url, &file);
    let told = tokio::task::spawn_blocking(move || told(&mut command)).await.unwrap();
    assert!(told.contains("2 templates: card, lantern") && told.contains("card with “Zoë”"), "{told}");
    assert!(told.contains("queued") && told.contains("done: "), "it waited for the plate: {told}");
    let kept = server.get("/v1/clips/card/en.mp4?title=Zo%C3%AB&profile=download").await;
    assert_eq!((kept.status, kept.header("festoon-overlay")), (200, "festoon"));
    assert_eq!(BlobHash::of(&std::fs::read(file).unwrap()), BlobHash::of(&kept.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_is_typed_and_its_example_takes_a_clip() {
    let compiler = ROOT.join(TYPESCRIPT).join("node_modules/typescript/bin/tsc");
    told(Command::new("node").arg(compiler).arg("--project").arg(ROOT.join(TYPESCRIPT)));
    takes_a_clip(|url, file| {
        let mut command = Command::new("node");
        command.arg(ROOT.join(TYPESCRIPT).join("dist/examples/title.js")).arg(url).arg(file).arg("Zoë");
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_is_typed_and_its_example_takes_a_clip() {
    let folder = ROOT.join(PYTHON);
    for check in [
        &["mypy", "--cache-dir=/dev/null", "festoon_client", "examples"][..],
        &["ruff", "check", "--no-cache", "."],
        &["ruff", "format", "--no-cache", "--check", "."],
    ] {
        told(Command::new(&*INTERPRETER).arg("-m").args(check).current_dir(&folder));
    }
    takes_a_clip(move |url, file| {
        let mut command = Command::new(&*INTERPRETER);
        command.arg("-B").arg(folder.join("examples/title.py")).arg(url).arg(file).arg("Zoë").env("PYTHONPATH", folder);
        command
    })
    .await;
}

#[test]
fn what_is_generated_is_of_the_document() {
    told(Command::new(&*INTERPRETER).arg(ROOT.join("scripts/clients.py")).arg("--check"));
}
