//! One slice name in every layer: whoever looks for `bots` finds `bots`.

use crate::source::{folders, read, root, rust_files};

/// Every slice there is or will be, as ARCHITECTURE lists them.
const SLICES: &[&str] = &[
    "auth",
    "workspaces",
    "access",
    "bots",
    "keys",
    "virtual_keys",
    "prices",
    "budgets",
    "routing",
    "usage",
    "crm",
    "identities",
    "tools",
    "chat",
    "channels",
    "extensions",
    "fleet",
    "changes",
    "traces",
    "modules",
    "notify",
    "jobs",
    "audit",
    "jobs",
    "settings",
];

/// Folders of the server and the pages that are no slices.
const SERVER_ROOMS: &[&str] = &["platform", "compose", "commands", "control", "backup"];
const PAGE_ROOMS: &[&str] = &["frame", "home", "live"];

#[test]
fn every_folder_of_a_layer_is_a_slice() {
    let mut strange = Vec::new();
    for (layer, rooms) in [("server/src", SERVER_ROOMS), ("entity/src", &[]), ("app/src", PAGE_ROOMS)] {
        strange.extend(
            folders(layer)
                .into_iter()
                .filter(|name| !SLICES.contains(&name.as_str()) && !rooms.contains(&name.as_str()))
                .map(|name| format!("{layer}/{name}")),
        );
    }
    assert!(strange.is_empty(), "neither slices nor known rooms: {strange:#?}");
}

#[test]
fn a_slice_with_rows_or_pages_has_its_use_cases_under_the_same_name() {
    let server = folders("server/src");
    let mut lost = Vec::new();
    for layer in ["entity/src", "app/src"] {
        lost.extend(
            folders(layer)
                .into_iter()
                .filter(|name| SLICES.contains(&name.as_str()) && !server.contains(name))
                .map(|name| format!("{layer}/{name}")),
        );
    }
    assert!(lost.is_empty(), "no server/src folder of that name for {lost:#?}");
}

#[test]
fn a_slice_with_pages_has_its_words() {
    for slice in folders("app/src").iter().filter(|name| SLICES.contains(&name.as_str())) {
        let words = [format!("crates/api/src/{slice}.rs"), format!("crates/api/src/{slice}/mod.rs")];
        assert!(words.iter().any(|path| root().join(path).is_file()), "api has no words for {slice}");
    }
}

#[test]
fn a_store_is_nobodys_business_but_its_slices() {
    let mut wrong = Vec::new();
    for slice in folders("server/src").iter().filter(|name| SLICES.contains(&name.as_str())) {
        let module = read(&format!("server/src/{slice}/mod.rs"));
        if module.lines().any(|line| line.starts_with("pub") && line.ends_with("mod store;")) {
            wrong.push(format!("server/src/{slice}/mod.rs opens its store"));
        }
        let path = format!("crate::{slice}::store");
        for file in rust_files("server/src") {
            let own = file.starts_with(format!("server/src/{slice}"));
            if !own && read(file.to_str().unwrap()).contains(&path) {
                wrong.push(format!("{} reaches into {path}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
