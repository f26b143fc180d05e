//! `Leptos.toml` is what a server started without cargo-leptos reads; it must say what `Cargo.toml` says.

use crate::source::toml;

#[test]
fn leptos_toml_equals_the_section_in_cargo_toml() {
    let section = |path: &str| toml(path)["workspace"]["metadata"]["leptos"].clone();
    assert_eq!(section("Leptos.toml"), section("Cargo.toml"));
}

#[test]
fn pages_are_never_built_with_erased_components() {
    // The two halves of a page would disagree, and hydration would panic.
    let section = &toml("Cargo.toml")["workspace"]["metadata"]["leptos"][0];
    assert_eq!(section["disable-erase-components"].as_bool(), Some(true));
}
