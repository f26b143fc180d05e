//! Tests of the repository itself: who imports whom, where slices live, that pinned versions agree, that lock files
//! are clean, and how big the browser half is. They read files and `cargo metadata`; they start nothing of Chela.

#[cfg(test)]
mod compose;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod leptos_toml;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod slices;
#[cfg(test)]
mod source;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod wasm_size;
