//! The command line as a shell uses it.
#![allow(clippy::unwrap_used)]

use std::{
    fs, io,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use festoon::command::{CommandLine, Exit, reference};
use serde_json::{Map, Value, json};

fn festoon(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_festoon"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).env_remove("FESTOON_STATE");
    command
}

#[test]
fn a_verb_whose_reader_has_left_ends_without_a_word() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let child = festoon(&["schedule", "feasts"]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.signal(), Some(libc::SIGPIPE));
}

#[test]
fn a_folder_that_is_no_state_folder_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["doctor", "gc", "reindex"] {
        let ended = festoon(&[verb, "--state"]).arg(folder.path()).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{verb}: {told}");
        assert!(told.contains("is not a state folder") && told.contains("--state"), "{verb}: {told}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{verb} made something");
    }
}

/// The arguments of an example of the help: what a shell would make of the line, up to a pipe.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = None;
    for letter in line.chars() {
        match (quoted, letter) {
            (Some(quote), letter) if letter == quote => quoted = None,
            (None, '"' | '\'') => quoted = Some(letter),
            (None, '|' | '>') => break,
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Each command that does something, with its name as it is typed.
fn leaves(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
    let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() {
        return vec![(name.to_owned(), command.clone())];
    }
    below.into_iter().flat_map(|below| leaves(below, &format!("{name} {}", below.get_name()))).collect()
}

fn grammar() -> clap::Command {
    let mut grammar = CommandLine::grammar();
    grammar.build();
    grammar
}

/// The examples of a command, and the members of its answer in JSON.
fn taught(command: &clap::Command) -> (Vec<String>, Vec<String>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = help.lines().filter(|line| line.starts_with("  festoon")).map(|line| line.trim().to_owned()).collect();
    let json = help.split("With --json: {").nth(1).and_then(|json| json.split('}').next()).unwrap_or_default();
    (examples, json.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[test]
fn each_command_teaches_by_examples_that_can_be_typed() {
    let grammar = grammar();
    for (name, command) in leaves(&grammar, "festoon") {
        let (examples, json) = taught(&command);
        assert!(!examples.is_empty() && !json.is_empty(), "`{name}` has no example or no shape in JSON");
        for example in examples {
            assert!(example.starts_with(&name), "an example of `{name}`: {example}");
            let read = grammar.clone().try_get_matches_from(words(&example));
            assert!(read.is_ok(), "{example}: {}", read.unwrap_err());
        }
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "`{name}` does not say what {argument} is");
        }
    }
}

#[test]
fn the_help_lists_every_command_once_and_says_how_it_ends() {
    let help = String::from_utf8(festoon(&["--help"]).output().unwrap().stdout).unwrap();
    for command in grammar().get_subcommands() {
        let listed = help.lines().filter(|line| line.split_whitespace().next() == Some(command.get_name()));
        assert_eq!(listed.count(), 1, "{}: {help}", command.get_name());
    }
    for exit in Exit::ALL {
        assert!(help.contains(&format!("{:>3}  {}", exit.code(), exit.meaning())), "{help}");
    }
    assert!(help.contains("FESTOON__SECTION__KEY"), "{help}");
}

#[test]
fn the_reference_of_commands_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let written = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, reference::reference(), "write it again: festoon man --markdown > docs/commands.md");
}

/// What ended with this status, and what it said on its two streams.
fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn members(json: &str) -> Vec<String> {
    let mut names: Vec<_> = serde_json::from_str::<Map<String, Value>>(json).unwrap().keys().cloned().collect();
    names.sort();
    names
}

#[test]
fn answers_in_json_have_the_members_that_the_help_names() {
    let state = tempfile::tempdir().unwrap();
    for folder in ["blobs", "manifests", "quarantine", "staging"] {
        fs::create_dir(state.path().join(folder)).unwrap();
    }
    let path = state.path().to_str().unwrap();
    let grammar = grammar();
    for (arguments, name) in [
        (&["check", "templates/new-year"][..], "festoon check"),
        (&["schedule", "preview", "--locale", "fr-FR"], "festoon schedule preview"),
        (&["schedule", "feasts"], "festoon schedule feasts"),
        (&["key", "new-year", "--locale", "en"], "festoon key"),
        (&["prerender", "--dry-run"], "festoon prerender"),
        (&["sign", "new-key"], "festoon sign new-key"),
        (&["sign", "keys"], "festoon sign keys"),
        (&["sign", "url", "/v1/clips/new-year/en.mp4"], "festoon sign url"),
        (&["doctor", "--state", path], "festoon doctor"),
        (&["gc", "--state", path], "festoon gc"),
        (&["reindex", "--state", path], "festoon reindex"),
        (&["config", "show"], "festoon config show"),
        (&["completions", "fish"], "festoon completions"),
        (&["man", path], "festoon man"),
    ] {
        let (code, out, err) = ended(festoon(arguments).arg("--json").env("FESTOON__PATHS__STATE", path));
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        assert_eq!(out.trim_end().lines().count(), 1, "{arguments:?}: {out}");
        let (_, leaf) = leaves(&grammar, "festoon").into_iter().find(|(leaf, _)| leaf == name).unwrap();
        let mut documented = taught(&leaf).1;
        documented.retain(|member| name != "festoon prerender" || member != "campaign" || out.contains("\"campaign\""));
        documented.sort();
        assert_eq!(members(&out), documented, "{name}");
    }
}

#[test]
fn errors_are_told_in_json_with_the_status_that_the_program_ends_with() {
    for (arguments, code, part) in [
        (&["check", "--nonsense"][..], Exit::Usage, "--nonsense"),
        (&["key", "nowhere", "--locale", "en"], Exit::Failed, "there is no template `nowhere`"),
        (&["warm", "--server", "http://127.0.0.1:1"], Exit::Unreachable, "no server answers at http://127.0.0.1:1/"),
    ] {
        let (ended_with, out, err) = ended(festoon(arguments).arg("--json"));
        assert_eq!((ended_with, out.as_str()), (Some(code.code().into()), ""), "{arguments:?}: {err}");
        let told: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        assert_eq!(told["exit"], code.code(), "{told}");
        assert!(told["error"]["message"].as_str().unwrap().contains(part), "{told}");
    }
    let root = tempfile::tempdir().unwrap();
    let (code, out, _) = ended(festoon(&["check", "--json"]).arg(root.path()));
    assert_eq!(code, Some(Exit::Found.code().into()));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["clean"], false);
}

#[test]
fn the_settings_in_force_say_where_each_comes_from_and_no_secret() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("festoon.toml");
    fs::write(&file, "[queue]\nlease_seconds = 7\n[renderers]\ntoken = \"hush\"\n").unwrap();
    let mut show = festoon(&["config", "show", "--effective", "--port", "9000", "--config"]);
    let (code, out, err) = ended(show.arg(&file).arg("--json").env("FESTOON__QUEUE__MAX_ATTEMPTS", "9"));
    assert_eq!(code, Some(0), "{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    let named = |key: &str| shown["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone();
    let path = file.to_str().unwrap();
    for (key, value, from, source) in [
        ("queue.lease_seconds", json!(7), "file", path),
        ("queue.max_attempts", json!(9), "environment", "FESTOON__QUEUE__MAX_ATTEMPTS"),
        ("server.listen", json!("127.0.0.1:9000"), "argument", "--port"),
        ("queue.prerender_margin_hours", json!(24), "default", "default"),
        ("renderers.token", json!("(secret)"), "file", path),
    ] {
        assert_eq!(named(key), json!({ "key": key, "value": value, "from": from, "source": source }));
    }
    assert!(!out.contains("hush"), "{out}");

    let (_, changed, _) = ended(festoon(&["config", "show", "--config"]).arg(&file));
    assert!(changed.contains("queue.lease_seconds") && !changed.contains("queue.max_attempts"), "{changed}");
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = ended(festoon(&["man"]).arg(folder.path()));
    assert_eq!(code, Some(0), "{err}");
    let scripts: Vec<_> =
        ["bash", "zsh", "fish", "elvish", "powershell"].map(|shell| ended(&mut festoon(&["completions", shell])).1).into();
    for (name, _) in leaves(&grammar(), "festoon") {
        let page = fs::read_to_string(folder.path().join(format!("{}.1", name.replace(' ', "-")))).unwrap();
        assert!(page.contains(".SH EXTRA") && page.contains("Examples:"), "{name}: {page}");
        let verb = name.split(' ').next_back().unwrap();
        assert!(scripts.iter().all(|script| script.contains(verb)), "{verb}");
    }
    let syntax = Command::new("bash").args(["-n", "-c", &scripts[0]]).output().unwrap();
    assert!(syntax.status.success(), "{}", String::from_utf8_lossy(&syntax.stderr));
}
