//! The Grafana dashboard names figures that Chela has, and the docs name all of them.

use std::{fs, path::Path};

fn sources(dir: &Path, all: &mut String) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_figure_of_the_dashboard_is_one_that_chela_tells() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/ops/deploy/grafana.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut code = String::new();
    sources(&root.join("server/src"), &mut code);
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expr = target["expr"].as_str().unwrap();
            for word in expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                let Some(name) = word.starts_with("chela_").then(|| word.trim_end_matches("_bucket")) else {
                    continue;
                };
                assert!(code.contains(&format!("\"{name}\"")), "nobody tells {name}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 8, "the dashboard asks for {asked} figures");
}

#[test]
fn every_figure_that_chela_tells_is_in_the_docs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_to_string(root.join("docs/LOGGING.md")).unwrap();
    let mut code = String::new();
    sources(&root.join("server/src"), &mut code);
    let kinds = ["counter", "gauge", "histogram"];
    let told = kinds
        .iter()
        .flat_map(|kind| code.split(&format!("metrics::{kind}!(\"")[..]).skip(1).collect::<Vec<_>>());
    let names: Vec<&str> = told.filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(docs.contains(&format!("`{name}`")), "docs/LOGGING.md does not name {name}");
    }
}
