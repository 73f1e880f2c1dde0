//! `festoon preview`, the real program with a real renderer: what is saved is shown, by whom it may be seen, and what it says.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use super::browser::perform;
use crate::{
    faults::{FESTOON, renderer_program},
    installation::client,
};

/// A running preview. Dropping it ends it.
struct Preview {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Without the path.
    url: String,
}

impl Preview {
    fn start(project: &Path) -> Self {
        let mut command = Command::new(FESTOON);
        command.args(["preview", "hello", "--json"]).current_dir(project).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.env("FESTOON__RENDERERS__PROGRAM", renderer_program()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let url = first["url"].as_str().unwrap().strip_suffix("/preview").unwrap().to_owned();
        Self { child, lines, url }
    }

    /// What it says of the next reading that it has something to say of.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        // SAFETY: the child is not reaped before `wait`, so the id is its own.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        self.child.wait().unwrap();
    }
}

/// A project with the template `hello` as `festoon new` writes it, but small.
fn project(root: &Path) -> PathBuf {
    for folder in ["config", "templates"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    fs::write(root.join("config/festoon.toml"), "[models]\n").unwrap();
    let written = Command::new(FESTOON).args(["new", "hello"]).current_dir(root).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let file = root.join("templates/hello/template.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    for (usual, small) in [("width = 1280", "width = 320"), ("height = 720", "height = 180"), ("frames = 96", "frames = 48")] {
        assert!(text.contains(usual), "{text}");
        text = text.replacen(usual, small, 1);
    }
    fs::write(&file, text.replacen("fps = 24", "fps = 12", 1)).unwrap();
    root.join("templates/hello")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_author_saves_is_shown_and_what_is_wrong_with_it_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let folder = project(root.path());
    let preview = Preview::start(root.path());
    perform("a_template_being_written", &preview.url, |command| {
        command.env("FESTOON_FOLDER", &folder);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_starts_with_a_broken_template_and_answers_nobody_else() {
    let root = tempfile::tempdir().unwrap();
    let folder = project(root.path());
    let file = folder.join("template.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("fps = 12", "fps = \"many\"", 1)).unwrap();
    let mut preview = Preview::start(root.path());
    let told = preview.next();
    let line = text.lines().position(|line| line == "fps = 12").unwrap() + 1;
    let mistake = &told["mistakes"][0];
    assert_eq!((&mistake["line"], &mistake["column"]), (&line.into(), &7.into()), "{told}");

    let url = preview.url.clone();
    let get = async |path: &str, fields: &[(&str, &str)]| {
        let mut request = client().get(format!("{url}{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = get("/preview", &[]).await;
    assert!(status == 200 && page.contains(&format!("template.toml:{line}:7")), "{page}");
    assert_eq!(get("/preview/picture.jpg", &[]).await.0, 404, "it was never right");
    for path in ["/preview", "/preview/events", "/", "/v1/templates", "/v1/clips/hello/en.mp4"] {
        for field in [("Host", "evil.example"), ("Origin", "http://evil.example"), ("Origin", "null")] {
            let (status, body) = get(path, &[field]).await;
            assert!(status == 421 && body.contains("foreign-host"), "{path} {field:?}: {status} {body}");
        }
    }

    fs::write(&file, text).unwrap();
    assert_eq!(preview.next()["mistakes"], Value::Array(Vec::new()));
    let (status, page) = get("/preview", &[]).await;
    assert!(status == 200 && page.contains("Drawn on a plain background"), "{page}");
}

#[test]
fn a_template_that_is_not_there_is_told_with_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    project(root.path());
    let ended = Command::new(FESTOON).args(["preview", "helo"]).current_dir(root.path()).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("there is no template `helo`") && told.contains("festoon new helo"), "{told}");
}
