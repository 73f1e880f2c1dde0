//! The command line as a shell uses it.
#![allow(clippy::unwrap_used)]

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

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
