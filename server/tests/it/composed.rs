//! compose.yaml as `docker compose` runs it: Chela in its own image, the engine behind the shipped proxy, a bot in a container
//! beside them. The engine has a network namespace of its own. Needs root, dockerd, nginx and docker compose 2; without them
//! the test says so.

use crate::{engine::in_the_end, image, support::*};
use runtime::{CancellationToken, Ignore, Runtime, home::Homes};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The address that people use. Inside the engine's namespace nobody else has it.
const URL: &str = "http://localhost:3000";
/// Where OpenClaw's own image has it, and where the image that Chela builds does.
const MAIN: &str = "import \"/app/openclaw/node_modules/openclaw/openclaw.mjs\";\n";

/// `docker compose`, if this machine has it.
fn compose() -> Option<Vec<String>> {
    let words = std::env::var("CHELA_TEST_COMPOSE").unwrap_or_else(|_| "docker compose".to_owned());
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let version = Command::new(&words[0]).args(&words[1..]).args(["version", "--short"]).output().ok()?;
    let said = String::from_utf8_lossy(&version.stdout).trim().trim_start_matches('v').to_owned();
    (version.status.success() && !said.is_empty() && !said.starts_with('1')).then_some(words)
}

struct Composed {
    aim: Aim,
    dir: tempfile::TempDir,
    compose: Vec<String>,
}

fn heard(out: &Output, what: &str) -> String {
    assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// The shipped file with these words in place of those; it must have those.
fn shipped(name: &str, changes: &[(&str, &str)]) -> String {
    let file = image::root().join("docs/ops/deploy").join(name);
    let text = fs::read_to_string(file).expect("a shipped file");
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {name} any more");
        text.replace(from, to)
    })
}

impl Composed {
    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn build(&self, tag: &str, context: &Path) {
        image::said(&self.aim.engine, &["build", "--tag", tag, &context.display().to_string()]);
    }

    /// What the compose file names, made from what is on this machine.
    async fn images(&self) {
        image::context(&self.place("chela"));
        self.build("chela:local", &self.place("chela"));

        let nginx = self.place("nginx");
        let script = "set -e; ROOT=$1; . \"$ROOT/scripts/lib/image.sh\"; umask 022; mkdir -p \"$2\"/etc/nginx \"$2\"/var/log/nginx
            for program in nginx sh rm; do image_program \"$(command -v $program)\" \"$2\" \"/usr/bin/$program\"; done";
        let root = nginx.join("rootfs");
        let laid = Command::new("bash").args(["-c", script, "nginx"]).arg(image::root()).arg(&root).output();
        heard(&laid.expect("bash"), "the files of nginx");
        fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
            .expect("a file");
        fs::write(root.join("etc/group"), "root:x:0:\nnogroup:x:65534:\n").expect("a file");
        let recipe = "FROM scratch\nENV PATH=/usr/bin\nCOPY rootfs/ /\n";
        fs::write(nginx.join("Dockerfile"), recipe).expect("a file");
        self.build("nginx:stable-alpine", &nginx);

        // What Chela would build, with OpenClaw where its own image has it. It answers without a model.
        fs::create_dir(self.place("scratch")).expect("a directory");
        let homes = Homes::open(&self.place("scratch"), None).expect("files");
        let runtime = self.aim.runtime(&self.place("tools"), homes, None);
        runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.expect("an image");
        let images = self.aim.engine.ask("GET", "/images/json").await.expect("an answer").1;
        let tags = images.as_array().into_iter().flatten().filter_map(|image| image["RepoTags"][0].as_str());
        let ours = ["chela:local", "nginx:stable-alpine"];
        let built = tags.into_iter().find(|tag| !ours.contains(tag)).expect("the image of bots").to_owned();
        let bot = self.place("bot");
        fs::create_dir(&bot).expect("a directory");
        fs::write(bot.join("openclaw.mjs"), MAIN).expect("a file");
        let recipe =
            format!("FROM {built}\nENV FAKE_GATEWAY_REPLY=clock\nCOPY openclaw.mjs /app/openclaw.mjs\n");
        fs::write(bot.join("Dockerfile"), recipe).expect("a file");
        self.build("bot:local", &bot);
    }

    /// The shipped files, with this machine's places for the host's.
    fn files(&self) {
        let socket = format!("{}:/var/run/docker.sock", self.aim.engine.socket().display());
        let data = self.place("data").display().to_string();
        let changes = [
            ("/var/run/docker.sock:/var/run/docker.sock", socket.as_str()),
            ("- /var/lib/chela:/var/lib/chela", &format!("- {data}:/var/lib/chela")),
            ("CHELA_HOST_DATA_DIR: /var/lib/chela", &format!("CHELA_HOST_DATA_DIR: {data}")),
            ("https://chela.example.org", URL),
        ];
        fs::write(self.place("compose.yaml"), shipped("compose.yaml", &changes)).expect("a file");
        fs::write(self.place("engine-proxy.conf"), shipped("engine-proxy.conf", &[])).expect("a file");
        let made =
            Command::new("install").args(["-d", "-m", "700", "-o", "1000", "-g", "1000", &data]).status();
        assert!(made.expect("install").success());
    }

    fn compose(&self, words: &[&str]) -> Output {
        let mut compose = Command::new(&self.compose[0]);
        compose.args(&self.compose[1..]).arg("--project-directory").arg(self.dir.path()).args(words);
        compose.env("DOCKER_HOST", format!("unix://{}", self.aim.engine.socket().display()));
        compose.env("CHELA_BOT_IMAGE", "bot:local").stdin(Stdio::null()).output().expect("docker compose")
    }

    /// One that must end well.
    fn composed(&self, words: &[&str]) -> String {
        let out = self.compose(words);
        if !out.status.success() {
            let log = self.compose(&["logs", "--no-color", "--tail", "40"]);
            panic!(
                "{words:?}: {}{}",
                String::from_utf8_lossy(&out.stderr),
                String::from_utf8_lossy(&log.stdout)
            );
        }
        heard(&out, "compose")
    }

    /// The command at a terminal of the host, through the published port.
    fn chela(&self, token: &str, words: &[&str]) -> Value {
        let pid = self.aim.engine.pid().expect("an engine").to_string();
        let mut chela = Command::new("nsenter");
        chela.args(["--target", &pid, "--net", "--", image::CHELA]).args(words).args(["--output", "json"]);
        chela.env("CHELA_URL", URL).env("CHELA_TOKEN", token).env("CHELA_DATA_DIR", self.place("none"));
        chela.stdin(Stdio::null());
        serde_json::from_str(&heard(&chela.output().expect("chela"), &words.join(" "))).unwrap_or_default()
    }

    async fn healthy(&self) {
        in_the_end("Chela to serve", async || {
            self.compose(&["exec", "-T", "chela", "/chela", "healthz"]).status.success().then_some(())
        })
        .await;
    }

    async fn runs(&self, token: &str) {
        in_the_end("the bot to run", async || {
            (self.chela(token, &["bot", "show", "helper"])["observed"] == "running").then_some(())
        })
        .await;
    }

    /// The bots' containers, by id.
    async fn bots(&self) -> Vec<String> {
        let all = self.aim.engine.ask("GET", "/containers/json").await.expect("an answer").1;
        let of_bots = all.as_array().into_iter().flatten().filter(|c| c["Labels"]["chela.bot"].is_string());
        of_bots.filter_map(|c| c["Id"].as_str().map(str::to_owned)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_brings_up_chela_and_the_proxy_and_a_bot_beside_them_that_answers() {
    let Some(compose) = compose() else {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
        assert!(!in_ci, "CI must have docker compose 2: ./x setup --tests");
        eprintln!("skipped: docker compose 2 is not installed");
        return;
    };
    let Some(engine) = Engine::apart().await else { return };
    let dir = tempfile::Builder::new().prefix("cps").tempdir_in("/tmp").expect("a directory");
    let at = Composed { aim: Aim::at(engine), dir, compose };
    at.images().await;
    at.files();
    at.composed(&["up", "--detach"]);
    at.healthy().await;
    let doctor = at.compose(&["exec", "-T", "chela", "/chela", "doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    for fine in ["ok    tools       bots in the engine are made of bot:local", "ok    engine "] {
        assert!(said.contains(fine), "{fine}: {said}");
    }
    let token = at.composed(&["exec", "-T", "chela", "/chela", "admin", "token", "--name", "host", "--json"]);
    let token: Value = serde_json::from_str(&token).expect("JSON");
    let token = token["token"].as_str().expect("a token");
    at.chela(
        token,
        &[
            "key",
            "add",
            "--vendor",
            "ollama",
            "--base-url",
            "https://models.example/v1",
            "--no-key",
            "--accept-failing",
        ],
    );
    at.chela(token, &["bot", "create", "Helper", "--model", "ollama/fake"]);
    at.runs(token).await;
    let before = at.bots().await;
    assert_eq!(before.len(), 1);
    let answer = at.chela(token, &["bot", "chat", "helper", "hello"]);
    assert!(answer["text"].as_str().is_some_and(|text| !text.is_empty()), "it answers: {answer}");

    // Chela goes and comes back, and the bot has been there all along.
    at.composed(&["restart", "chela"]);
    at.healthy().await;
    at.runs(token).await;
    assert_eq!(at.bots().await, before);
    at.chela(token, &["bot", "rm", "helper", "--yes"]);
    in_the_end("the bot to be gone", async || at.bots().await.is_empty().then_some(())).await;
    let log = at.composed(&["logs", "--no-color", "engine"]);
    assert!(!log.contains("emerg"), "{log}");
    let down = at.composed(&["down", "--volumes"]);
    let left = at.aim.engine.ask("GET", "/containers/json?all=1").await.expect("an answer").1;
    assert_eq!(left, json!([]), "{down}");
}
