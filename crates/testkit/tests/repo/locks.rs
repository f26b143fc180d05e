//! Lock files: they pin by hash and name no registry's address.

use crate::source::{json, read, root};

const NPM_TREES: &[&str] = &["end2end", "style", "plugin/node", "plugin/openclaw"];

#[test]
fn npm_lock_files_keep_hashes_and_no_address() {
    for tree in NPM_TREES {
        let lock = json(&format!("{tree}/package-lock.json"));
        for (name, package) in lock["packages"].as_object().unwrap() {
            // The tree itself and what lies inside another package's archive have no archive of their own.
            if name.is_empty() || package["inBundle"] == true || package["link"] == true {
                continue;
            }
            assert!(package["integrity"].is_string(), "{tree}: {name} has no integrity");
            assert!(package["resolved"].is_null(), "{tree}: {name} names {}", package["resolved"]);
        }
        assert!(
            read(&format!("{tree}/.npmrc")).contains("omit-lockfile-registry-resolved=true"),
            "{tree}/.npmrc must keep addresses out of the next lock file"
        );
    }
}

#[test]
fn cargo_lock_takes_everything_from_crates_io() {
    let foreign: Vec<String> = read("Cargo.lock")
        .lines()
        .filter(|line| {
            line.starts_with("source = ")
                && !line.contains("registry+https://github.com/rust-lang/crates.io-index")
        })
        .map(str::to_owned)
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn the_licences_that_the_manifests_name_are_here() {
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(root().join(file).is_file(), "{file}");
    }
}
