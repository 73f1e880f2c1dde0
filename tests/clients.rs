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
    assert!(told.lines().any(|line| line == "done"), "it did not wait for the plate: {told}");
    let kept = server.get("/v1/clips/card/en.mp4?title=Zo%C3%AB&profile=download").await;
    assert_eq!((kept.status, kept.header("festoon-overlay")), (200, "festoon"));
    assert_eq!(BlobHash::of(&std::fs::read(file).unwrap()), BlobHash::of(&kept.body));
}

/// Has a script of `tests/clients` ask an installation that nobody paints for.
fn asks(script: impl FnOnce(&Path, &str) -> Command) {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(&["up", "--renderers", "0"], &settings(root.path(), |_| {}));
    told(script(&ROOT.join("tests/clients"), &server.url).arg(TOKEN));
}

/// The TypeScript client, compiled.
static COMPILED: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = ROOT.join(TYPESCRIPT);
    told(Command::new("node").arg(folder.join("node_modules/typescript/bin/tsc")).arg("--project").arg(&folder));
    folder.join("dist")
});

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_typescript_takes_a_clip() {
    takes_a_clip(|url, file| {
        let mut command = Command::new("node");
        command.arg(COMPILED.join("examples/title.js")).arg(url).arg(file).arg("Zoë");
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_python_takes_a_clip() {
    takes_a_clip(|url, file| {
        let mut command = python(&ROOT.join(PYTHON).join("examples/title.py"));
        command.arg(url).arg(file).arg("Zoë");
        command
    })
    .await;
}

fn python(script: &Path) -> Command {
    let mut command = Command::new(&*INTERPRETER);
    command.arg("-B").arg(script).env("PYTHONPATH", ROOT.join(PYTHON));
    command
}

#[test]
fn the_typescript_client_tells_what_is_wrong_and_does_what_operators_do() {
    asks(|folder, url| {
        let mut command = Command::new("node");
        command.arg(folder.join("orders.mjs")).arg(COMPILED.join("src/index.js")).arg(url);
        command
    });
}

#[test]
fn the_python_client_tells_what_is_wrong_and_does_what_operators_do() {
    asks(|folder, url| {
        let mut command = python(&folder.join("orders.py"));
        command.arg(url);
        command
    });
}

#[test]
fn the_python_client_is_typed_and_tidy() {
    let mypy = ["mypy", "--cache-dir=/dev/null", "festoon_client", "examples"];
    for check in [&mypy[..], &["ruff", "check", "--no-cache", "."], &["ruff", "format", "--no-cache", "--check", "."]] {
        told(Command::new(&*INTERPRETER).arg("-m").args(check).current_dir(ROOT.join(PYTHON)));
    }
}

#[test]
fn what_is_generated_is_of_the_document() {
    told(Command::new(&*INTERPRETER).arg(ROOT.join("scripts/clients.py")).arg("--check"));
}
