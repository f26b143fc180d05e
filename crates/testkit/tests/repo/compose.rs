//! The compose file keeps its promises: Chela has no engine's socket, and the proxy before it is the one that is tested.

use serde_json::Value;
use std::{fs, path::Path};

fn shipped(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops/deploy");
    fs::read_to_string(dir.join(name)).unwrap()
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn chela_reaches_the_engine_through_the_tested_proxy_alone() {
    let file: Value = serde_norway::from_str(&shipped("compose.yaml")).unwrap();
    let (chela, engine) = (&file["services"]["chela"], &file["services"]["engine"]);
    assert_eq!(chela["environment"]["DOCKER_HOST"], "unix:///run/engine/engine.sock");
    assert!(shipped("engine-proxy.conf").contains("listen unix:/run/engine/engine.sock;"));
    assert!(words(&chela["volumes"]).iter().all(|volume| !volume.contains("docker.sock")));
    // crates/runtime/tests/proxied.rs runs this very file.
    let mounted = words(&engine["volumes"]);
    assert!(mounted.contains(&"./engine-proxy.conf:/etc/nginx/nginx.conf:ro".to_owned()), "{mounted:?}");
    assert!(mounted.contains(&"/var/run/docker.sock:/var/run/docker.sock".to_owned()), "{mounted:?}");
    assert!(engine["ports"].is_null(), "nobody outside reaches the engine");
    // An internal network would still be open to every user of the host.
    assert_eq!(engine["network_mode"], "none");
    for service in [chela, engine] {
        assert!(words(&service["volumes"]).contains(&"engine:/run/engine".to_owned()));
    }
    let gateway = &file["networks"]["outside"]["ipam"]["config"][0]["gateway"];
    assert_eq!(&chela["environment"]["CHELA_TRUSTED_PROXIES"], gateway, "everybody would be one caller");
    assert_eq!(words(&chela["tmpfs"]), ["/tmp"]);
    for service in [chela, engine] {
        assert_eq!(words(&service["cap_drop"]), ["ALL"]);
        assert_eq!(service["read_only"], true);
    }
    let data = chela["environment"]["CHELA_HOST_DATA_DIR"].as_str().unwrap();
    assert!(words(&chela["volumes"]).iter().any(|volume| volume.starts_with(&format!("{data}:"))));
    assert!(words(&chela["ports"]).iter().all(|port| port.starts_with("127.0.0.1:")));
}

#[test]
fn the_image_holds_the_binary_alone_and_runs_it_as_nobody_special() {
    let file = shipped("Dockerfile");
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.first(), Some(&"FROM scratch"));
    let brought: Vec<_> = lines.iter().filter(|line| line.starts_with("COPY")).collect();
    assert_eq!(brought, [&"COPY rootfs/ /", &"COPY --chown=1000:1000 data/ /var/lib/chela/"]);
    let fetches = |line: &&str| ["RUN", "ADD"].iter().any(|word| line.starts_with(word));
    assert!(!lines.iter().any(fetches), "nothing is fetched");
    assert!(lines.contains(&"USER 1000:1000"));
}
