//! `chela doctor`: beside the server, without it, and with something broken.

use crate::binary::Machine;
use serde_json::Value;
use std::{net::TcpListener, os::unix::fs::PermissionsExt};

/// What was found, by check.
fn findings(machine: &Machine, code: i32) -> Vec<(String, String, String)> {
    let ran = machine.run(&["doctor", "--json"]);
    assert_eq!(ran.status.code(), Some(code), "{ran:?}");
    let value: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let all = value["findings"].as_array().expect("findings");
    for bad in all.iter().filter(|finding| finding["level"] != "ok") {
        assert!(!text(bad, "means").is_empty() && !text(bad, "remedy").is_empty(), "{bad}");
    }
    all.iter().map(|f| (text(f, "check"), text(f, "level"), text(f, "found"))).collect()
}

fn level(findings: &[(String, String, String)], check: &str) -> String {
    let found = findings.iter().find(|(name, ..)| name == check);
    found.unwrap_or_else(|| panic!("{check} was not looked at: {findings:?}")).1.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_machine_is_called_sound_with_the_server_and_without() {
    let mut machine = Machine::new();
    let own = format!("http://localhost:{}", machine.panel.port());
    machine.set("CHELA_PUBLIC_URL", &own);
    findings(&machine, 0);
    let serving = machine.serve().await;
    let found = findings(&machine, 0);
    for check in [
        "server",
        "data dir",
        "disk",
        "master key",
        "database",
        "public URL",
        "WebSocket",
        "clock",
        "engine",
        "relay",
    ] {
        assert_ne!(level(&found, check), "fail", "{found:?}");
    }
    assert!(found.iter().any(|(check, _, said)| check == "server" && said.contains("pid")), "{found:?}");
    let words = machine.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("0 failed"), "{words:?}");
    assert_eq!(serving.terminate().await, Some(0));
    assert_eq!(level(&findings(&machine, 0), "database"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_found_and_ends_with_1() {
    let mut machine = Machine::new();
    assert!(machine.run(&["migrate"]).status.success());
    let key = machine.data().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("mode");
    assert_eq!(level(&findings(&machine, 1), "master key"), "fail");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("mode");

    let holder = TcpListener::bind(machine.panel).expect("the port");
    let found = findings(&machine, 1);
    assert!(found.iter().any(|(check, _, said)| check == "panel" && said.contains("pid")), "{found:?}");
    drop(holder);

    // The address leads to nobody, though a server runs.
    machine.set("CHELA_PUBLIC_URL", "http://localhost:9");
    let serving = machine.serve().await;
    assert_eq!(level(&findings(&machine, 1), "public URL"), "fail");
    assert_eq!(serving.terminate().await, Some(0));

    let database = machine.data().join("chela.db");
    let mut bytes = std::fs::read(&database).expect("a database");
    let end = bytes.len();
    bytes[4096..end].fill(0x55);
    std::fs::write(&database, bytes).expect("written");
    assert_eq!(level(&findings(&machine, 1), "database"), "fail");
}
