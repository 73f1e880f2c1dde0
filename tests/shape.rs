//! docs/ARCHITECTURE.md draws who may use whom; these tests hold the drawing and the code together, in both directions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The arrows of one fenced block of the drawing, lines of the form `from → to, to`.
fn drawn(block: &str) -> Arrows {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md is there");
    let start = text.find(&format!("```{block}\n")).unwrap_or_else(|| panic!("ARCHITECTURE.md has no block `{block}`"));
    let body = text[start..].split("```").nth(1).expect("the block ends");
    body.lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (from, to) = line.split_once('→').unwrap_or_else(|| panic!("not an arrow: {line}"));
            let to = to.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            (from.trim().to_owned(), to)
        })
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The program text of a file: comments left out, and what follows `#[cfg(test)]`.
fn program(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the file can be read");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The identifiers that stand right after `crate::` in a file, also in `use crate::{a, b::c}`.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut item = String::new();
        for character in list.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.insert(identifier(item.trim()));
                    item.clear();
                    continue;
                }
                _ => {}
            }
            item.push(character);
        }
        found.insert(identifier(item.trim()));
    }
    found.remove("");
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn packages_use_each_other_only_as_drawn() {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]))
            .expect("cargo prints JSON");
    let mut actual = Arrows::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let uses = actual.entry(package["name"].as_str().expect("a name").to_owned()).or_default();
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name");
            if name.starts_with("festoon") && dependency["kind"].is_null() {
                uses.insert(name.to_owned());
            }
        }
    }
    assert_eq!(actual, drawn("packages"));
}

#[test]
fn the_server_has_no_torch_in_its_tree() {
    let tree = cargo(&["tree", "--offline", "--locked", "-p", "festoon", "-e", "normal,build", "--prefix", "none"]);
    let torch: Vec<&str> = tree.lines().filter(|line| line.starts_with("tch ") || line.starts_with("torch-sys ")).collect();
    assert!(tree.contains("actix-web "), "the tree was read");
    assert_eq!(torch, Vec::<&str>::new());
}

#[test]
fn modules_of_the_server_use_each_other_only_as_drawn() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    let mut actual = Arrows::new();
    for path in files {
        let inside = path.strip_prefix(root().join("src")).expect("below src");
        let module = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let uses = actual.entry(module.clone()).or_default();
        uses.extend(used_modules(&program(&path)).into_iter().filter(|used| *used != module));
    }
    assert_eq!(actual, drawn("modules"));
}

#[test]
fn each_library_has_one_door() {
    let mut files = Vec::new();
    for folder in ["src", "crates", "renderer/src"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut actual = Arrows::new();
    let doors = drawn("doors");
    for path in files {
        let inside = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        if inside.contains("/tests/") || inside.contains("/examples/") || inside.ends_with("build.rs") {
            continue;
        }
        let text = program(&path);
        for library in doors.keys() {
            let said = text.match_indices(library.as_str()).any(|(at, _)| {
                let before = text[..at].chars().next_back().unwrap_or(' ');
                let after = &text[at + library.len()..];
                !before.is_ascii_alphanumeric() && before != '_' && before != ':' && after.starts_with("::")
            });
            if said {
                let door = inside.trim_end_matches(".rs").to_owned();
                actual.entry(library.clone()).or_default().insert(door);
            }
        }
    }
    for (library, places) in &actual {
        for place in places {
            let allowed = doors[library].iter().any(|door| place == door || place.starts_with(&format!("{door}/")));
            assert!(allowed, "{place}.rs says `{library}`, whose door is {:?}", doors[library]);
        }
    }
    let unused: Vec<_> = doors.keys().filter(|library| !actual.contains_key(*library)).collect();
    assert!(unused.is_empty(), "the drawing names doors nobody goes through: {unused:?}");
}

/// Each name in the last column of docs/faults.md is the beginning of a test's name, or its module.
#[test]
fn the_table_of_faults_names_tests_that_there_are() {
    let table = fs::read_to_string(root().join("docs/faults.md")).expect("docs/faults.md is there");
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).expect("the file can be read")).collect();
    let is_module = |name: &str| {
        let below = name.replace("::", "/");
        files.iter().any(|path| path.with_extension("").ends_with(&below))
    };
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        for name in tests.split('`').skip(1).step_by(2) {
            let begins = format!("fn {}", name.rsplit("::").next().unwrap_or(name));
            let is_there = is_module(name) || texts.iter().any(|text| text.contains(&begins));
            assert!(is_there, "docs/faults.md: there is no test `{name}`");
        }
    }
}
