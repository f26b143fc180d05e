//! Chela's own image, built from nothing but the binary by an engine without a registry, and run as compose.yaml runs it.
//! Needs root and dockerd; without them the test says so.

use crate::{engine::in_the_end, support::*};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The program under test.
pub(crate) const CHELA: &str = env!("CARGO_BIN_EXE_chela");

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

fn docker(engine: &Engine, words: &[&str]) -> Output {
    let mut docker = Command::new("docker");
    docker.arg("--host").arg(format!("unix://{}", engine.socket().display())).args(words);
    docker.env("DOCKER_BUILDKIT", "0").output().expect("the client of Docker")
}

/// What it says, once it ended well.
pub(crate) fn said(engine: &Engine, words: &[&str]) -> String {
    let out = docker(engine, words);
    assert!(out.status.success(), "docker {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Lays out what the image of Chela is built from, as `./x image` does.
pub(crate) fn context(dir: &Path) {
    let script = "ROOT=$1; . \"$ROOT/scripts/lib/image.sh\"; image_context \"$2\" \"$3\"";
    let laid = Command::new("bash").args(["-c", script, "image"]).arg(root()).arg(CHELA).arg(dir).status();
    assert!(laid.expect("bash").success(), "the context is laid out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_is_built_without_a_registry_and_serves_as_nobody_special() {
    let Some(engine) = Engine::start(&[]).await else { return };
    let dir = tempfile::tempdir().expect("a directory");
    context(dir.path());
    let place = dir.path().display().to_string();
    said(&engine, &["build", "--tag", "chela:test", &place]);
    let user = said(
        &engine,
        &["inspect", "--format", "{{.Config.User}} {{.Config.Healthcheck.Test}}", "chela:test"],
    );
    assert_eq!(user, "1000:1000 [CMD /chela healthz]");
    assert!(said(&engine, &["run", "--rm", "chela:test", "--version"]).starts_with("chela "));

    // A site is inside of a release; here there is none, and what is asked needs none.
    let serve = [
        "run",
        "--detach",
        "--name",
        "chela",
        "--network",
        "none",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges:true",
        "--health-interval",
        "1s",
        "--env",
        "CHELA_PUBLIC_URL=https://chela.example.org",
        "--env",
        "CHELA_RUNTIME=auto",
        "chela:test",
    ];
    said(&engine, &serve);
    in_the_end("Chela to be healthy", async || {
        let state =
            said(&engine, &["inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", "chela"]);
        let log = || String::from_utf8_lossy(&docker(&engine, &["logs", "chela"]).stderr).into_owned();
        assert!(state.starts_with("running"), "it ended: {}", log());
        (state == "running healthy").then_some(())
    })
    .await;
    let stopped = said(&engine, &["stop", "-t", "20", "chela"]);
    assert_eq!(stopped, "chela");
    assert_eq!(said(&engine, &["inspect", "--format", "{{.State.ExitCode}}", "chela"]), "0", "a clean end");
    let asked = docker(&engine, &["run", "--rm", "--network", "none", "chela:test", "healthz"]);
    assert_eq!(asked.status.code(), Some(1), "nobody serves there");
    said(&engine, &["rm", "--force", "--volumes", "chela"]);
    said(&engine, &["rmi", "--force", "chela:test"]);
    engine.end();
}
