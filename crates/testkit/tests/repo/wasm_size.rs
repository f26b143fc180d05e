//! How much a browser loads, measured on the release build of the browser half (`target/site-release`, made by
//! `./x test` and `./x build`), compressed as it is served.

use crate::source::{json, root};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

const KIB: usize = 1024;
/// Entry, the page itself and the chunks it shares with others. The aim is 300: until it is met this holds the line
/// where it is. It went up to 690 with upgrades, limits, bundles, sleep and jobs, and came down when followers began to read
/// their own news and pages stopped carrying the asynchronous way of being taken over (ADR 0001, `ui::whole`). Usage, budgets and
/// virtual keys brought two more chunks; stops and the choice of keys 25 KB to their two pages; the models page moved what it shares
/// with others. Budgets and virtual keys are the heaviest with 716, of which 4 are their tags and the dialog that changes a key, and 2 in
/// the entry what a call says of its budget and a model of its name, scenarios and reasoning. Then 2 more: a refused call's reason, and
/// what a form of a virtual key says at each of its fields.
const FIRST_LOAD_WASM: usize = 720 * KIB;
/// What each further page may add. The aim is 80.
const FURTHER_PAGE_WASM: usize = 105 * KIB;
const STYLE: usize = 20 * KIB;

fn brotli(path: &Path) -> usize {
    let raw = std::fs::read(path).unwrap();
    let mut packed = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    packed.write_all(&raw).unwrap();
    packed.into_inner().len()
}

/// Compressed sizes of the files of one kind in the site's pkg folder, by file name.
fn sizes(extension: &str) -> Option<BTreeMap<String, usize>> {
    let entries = std::fs::read_dir(root().join("target/site-release/pkg")).ok()?;
    let mut sizes = BTreeMap::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|found| found == extension) {
            sizes.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), brotli(&path));
        }
    }
    (!sizes.is_empty()).then_some(sizes)
}

#[test]
fn the_browser_half_stays_within_its_budget() {
    let Some(wasm) = sizes("wasm") else {
        eprintln!("no release build of the browser half here: ./x test makes one");
        return;
    };
    let entry = wasm.iter().find(|(name, _)| name.starts_with("chela")).expect("the entry").1;

    // page -> the chunks it needs, its own and shared ones.
    let manifest = json("target/site-release/pkg/__wasm_split_manifest.json");
    let pages: BTreeMap<&str, BTreeSet<String>> = manifest
        .as_object()
        .unwrap()
        .iter()
        .map(|(page, chunks)| (page.as_str(), chunks.as_array().unwrap().iter().map(chunk_file).collect()))
        .collect();
    let weight = |chunks: &BTreeSet<String>| chunks.iter().map(|name| wasm[name]).sum::<usize>();

    let mut over = Vec::new();
    for (page, chunks) in &pages {
        let first = entry + weight(chunks);
        println!("{page}: first load {} KB", first / KIB);
        if first > FIRST_LOAD_WASM {
            over.push(format!("{page}: first load {} KB", first / KIB));
        }
        // Coming from any other page, what that one loaded is already there.
        let own: BTreeSet<String> = chunks
            .iter()
            .filter(|chunk| pages.iter().filter(|(_, others)| others.contains(*chunk)).count() == 1)
            .cloned()
            .collect();
        if weight(&own) > FURTHER_PAGE_WASM {
            over.push(format!("{page}: adds {} KB", weight(&own) / KIB));
        }
    }
    for (name, size) in sizes("css").unwrap() {
        if size > STYLE {
            over.push(format!("{name}: {} KB", size / KIB));
        }
    }
    assert!(over.is_empty(), "over the budget (entry is {} KB): {over:#?}", entry / KIB);
}

/// A chunk as the manifest names it -> its file.
fn chunk_file(name: &serde_json::Value) -> String {
    let name = name.as_str().unwrap();
    if name.ends_with(".wasm") { name.to_owned() } else { format!("{name}.wasm") }
}
