//! Reading the checkout for the other tests, and the one rule about every source file.

use std::path::{Path, PathBuf};

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// A file of the checkout, as text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A TOML file of the checkout.
pub(crate) fn toml(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A JSON file of the checkout.
pub(crate) fn json(path: &str) -> serde_json::Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of the folders directly in a folder of the checkout; none when it does not exist.
pub(crate) fn folders(path: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root().join(path)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every Rust file beneath a folder of the checkout, relative to the root.
pub(crate) fn rust_files(path: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(path)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// A file of tests says what it holds by the tests' names.
fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.ends_with("tests") || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn every_module_begins_by_saying_what_it_is_responsible_for() {
    let rooms = ["app/src", "frontend/src", "server/src", "entity/src", "migration/src", "crates"];
    let silent: Vec<_> = rooms
        .iter()
        .flat_map(|room| rust_files(room))
        .filter(|path| !is_test(path) && !read(path.to_str().unwrap()).starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "these files do not begin with `//!`: {silent:#?}");
}
