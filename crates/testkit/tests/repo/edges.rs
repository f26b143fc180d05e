//! Who may import whom: ARCHITECTURE's table, held against the manifests as cargo reads them.

use crate::source::{read, root};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// A room and the rooms it may use. A room that is not listed may not exist.
const MAY_USE: &[(&str, &[&str])] = &[
    ("frontend", &["app"]),
    ("app", &["ui", "api"]),
    ("ui", &["api"]),
    (
        "server",
        &["app", "entity", "migration", "cli", "vault", "policy", "relay", "runtime", "openclaw", "api"],
    ),
    ("entity", &["api"]),
    ("migration", &[]),
    ("cli", &["api"]),
    ("testkit", &["api", "relay", "openclaw", "runtime"]),
    ("policy", &["api"]),
    ("relay", &["api"]),
    ("runtime", &["api"]),
    ("openclaw", &["api"]),
    ("vault", &[]),
    ("api", &[]),
];

/// Crates that only some rooms may name: the database, the container engine, TLS and outbound HTTP.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sea-orm", &["api", "entity", "server"]),
    ("sea-orm-migration", &["migration", "server"]),
    ("bollard", &["runtime"]),
    ("hyper-rustls", &["cli", "relay"]),
    ("chacha20poly1305", &["vault"]),
    ("webauthn-rs", &["server"]),
    ("leptos", &["app", "frontend", "ui", "server"]),
];

/// What must not reach the browser, by any way.
const NEVER_IN_WASM: &[&str] = &[
    "tokio", "hyper", "axum", "sea-orm", "sqlx", "bollard", "rustls", "ring", "relay", "vault", "entity",
    "server",
];

/// Manifests of our rooms: name -> (dependencies, dev-dependencies).
fn manifests() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let metadata: serde_json::Value =
        serde_json::from_slice(&cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))
            .unwrap();
    let mut rooms = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (mut uses, mut dev_uses) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap().to_owned();
            if dependency["kind"] == "dev" {
                dev_uses.insert(name)
            } else {
                uses.insert(name)
            };
        }
        rooms.insert(package["name"].as_str().unwrap().to_owned(), (uses, dev_uses));
    }
    rooms
}

fn cargo(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn a_room_uses_only_the_rooms_it_may() {
    let rooms = manifests();
    let names: BTreeSet<&str> = rooms.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    assert_eq!(names, listed, "the rooms of the workspace and of this table");

    let mut wrong = Vec::new();
    for (room, allowed) in MAY_USE {
        let (uses, dev_uses) = &rooms[*room];
        wrong.extend(
            uses.iter()
                .filter(|used| names.contains(used.as_str()) && !allowed.contains(&used.as_str()))
                .map(|used| format!("{room} -> {used}")),
        );
        // In tests a room may also use what testkit offers; the server stays out of everybody's reach.
        wrong.extend(
            dev_uses
                .iter()
                .filter(|used| used.as_str() == "server" || used.as_str() == "frontend")
                .map(|used| format!("{room} -> {used} (dev)")),
        );
        if uses.contains("testkit") {
            wrong.push(format!("{room} -> testkit outside tests"));
        }
    }
    assert!(wrong.is_empty(), "edges that ARCHITECTURE does not have: {wrong:#?}");
}

#[test]
fn databases_engines_and_ciphers_stay_in_their_rooms() {
    let rooms = manifests();
    let wrong: Vec<String> = ONLY_IN
        .iter()
        .flat_map(|(used, allowed)| {
            rooms
                .iter()
                .filter(move |(room, (uses, _))| uses.contains(*used) && !allowed.contains(&room.as_str()))
                .map(move |(room, _)| format!("{room} -> {used}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_browser_half_holds_words_and_pages_only() {
    let tree = cargo(&[
        "tree",
        "--offline",
        "-p",
        "frontend",
        "--target",
        "wasm32-unknown-unknown",
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let tree = String::from_utf8(tree).unwrap();
    let found: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| NEVER_IN_WASM.contains(name))
        .collect();
    assert!(found.is_empty(), "the wasm would contain {found:?}");
}

#[test]
fn there_is_one_tls_and_it_is_ring() {
    let lock = read("Cargo.lock");
    for name in ["openssl-sys", "native-tls", "aws-lc-sys", "aws-lc-rs"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
}
