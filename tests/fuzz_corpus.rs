//! The inputs that fuzzing found to be interesting, tried again: what must hold for all bytes is in fuzz/src/lib.rs.

use std::{fs, path::Path};

#[path = "../fuzz/src/lib.rs"]
mod properties;

/// Tries each input of a target, and each shortened, in the middle of whatever it was about.
fn try_all(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut tried = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
        let path = entry.expect("the folder can be read").path();
        let bytes = fs::read(&path).expect("the file can be read");
        println!("{}", path.display());
        holds(&bytes);
        holds(&bytes[..bytes.len() / 2]);
        tried += 1;
    }
    assert!(tried > 2, "{tried} inputs in {}", folder.display());
}

#[test]
fn conditions_hold_for_the_corpus() {
    try_all("conditions", properties::conditions);
}

#[test]
fn heads_hold_for_the_corpus() {
    try_all("head", properties::head);
}

#[test]
fn queries_hold_for_the_corpus() {
    try_all("query", properties::query);
}

#[test]
fn signatures_hold_for_the_corpus() {
    try_all("signature", properties::signature);
}

#[test]
fn templates_hold_for_the_corpus() {
    try_all("template", properties::template);
}
