//! A bot in a real engine, with what stands in for OpenClaw.
#![allow(dead_code, reason = "each test binary uses its part")]

use crate::support::{self, data_dir, fresh_bot, fresh_instance, home_of, node, until_said};
use bollard::{
    Docker,
    models::ContainerInspectResponse,
    query_parameters::{InspectContainerOptions, RemoveContainerOptions},
};
use runtime::{
    BotSpec, CancellationToken, Ignore, InstanceId, Runtime,
    docker::{CALL_DEADLINE, DockerConfig, DockerRuntime, EngineAddress},
    home::{BotHome, Homes, Tokens},
    install::Tools,
};
use std::{fs, path::Path, time::Duration};

/// What stands in for OpenClaw: answers on its port, tells of the world around it, obeys TERM.
pub const GATEWAY: &str = r#"
import { createServer } from "node:http";
import { connect } from "node:net";
import { readFileSync } from "node:fs";
const tries = { relay: ["127.0.0.1", 3100], panel: ["127.0.0.1", 3000], outside: ["1.1.1.1", 53] };
const reach = (host, port) => new Promise((done) => {
  const socket = connect({ host, port, timeout: 3000 });
  socket.on("connect", () => { socket.write("hello from the bot"); socket.once("data", (d) => { done("yes " + d); socket.destroy(); }); });
  socket.on("timeout", () => { done("no timeout"); socket.destroy(); });
  socket.on("error", (e) => done("no " + e.code));
});
process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
createServer(async (request, answer) => {
  const found = {};
  for (const [name, [host, port]] of Object.entries(tries)) found[name] = await reach(host, port);
  found.uid = process.getuid();
  found.token = readFileSync("/chela/run/tokens/relay", "utf8");
  answer.end(JSON.stringify(found));
}).listen(Number(process.env.OPENCLAW_GATEWAY_PORT), "127.0.0.1", () => console.log("gateway up"));
"#;

/// An engine, a data dir, a bot.
pub struct Bed {
    pub dir: tempfile::TempDir,
    pub instance: InstanceId,
    pub bot: api::ids::BotId,
    pub home: BotHome,
    pub docker: Docker,
}

impl Bed {
    pub async fn new() -> Self {
        let docker = async { Docker::connect_with_socket_defaults()?.negotiate_version().await }.await;
        let docker = docker.expect("no Docker engine answers: run `./x setup --tests` and start dockerd");
        let (dir, bot) = (data_dir(), fresh_bot());
        let instance = fresh_instance();
        let home = home_of(dir.path(), bot, engine_user());
        home.write_config("{}").unwrap();
        home.write_tokens(&Tokens { relay: "relay-token", gateway: "g", tool: "t" }).unwrap();
        Self { dir, instance, bot, home, docker }
    }

    pub fn runtime(&self) -> DockerRuntime {
        self.runtime_at(EngineAddress::default(), CALL_DEADLINE)
    }

    pub fn runtime_at(&self, engine: EngineAddress, deadline: Duration) -> DockerRuntime {
        DockerRuntime::new(DockerConfig {
            instance: self.instance.clone(),
            homes: Homes::open(self.dir.path(), None).unwrap(),
            tools: tools(self.dir.path(), GATEWAY),
            engine,
            image: None,
            deadline,
        })
    }

    pub fn spec(&self) -> BotSpec {
        let env = [
            ("CHELA_RUN_DIR", "/chela/run"),
            ("CHELA_OPENCLAW", "/app/openclaw/node_modules/openclaw/openclaw.mjs"),
            ("CHELA_WIRES", "sockets"),
            ("OPENCLAW_CONFIG_PATH", "/chela/config/openclaw.json"),
            ("OPENCLAW_GATEWAY_PORT", "18789"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ];
        let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        BotSpec { env, ..support::spec(self.bot, engine_user()) }
    }

    /// Image in place and container created.
    pub async fn created(&self) -> DockerRuntime {
        let runtime = self.runtime();
        runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
        runtime.create(&self.spec()).await.unwrap();
        runtime
    }

    pub async fn running(&self) -> DockerRuntime {
        let runtime = self.created().await;
        runtime.start(self.bot, 1).await.unwrap();
        until_said(&runtime, self.bot, "gateway up").await;
        runtime
    }

    pub fn name(&self) -> String {
        format!("chela-{}-{}", self.instance, self.bot)
    }

    pub async fn inspected(&self) -> ContainerInspectResponse {
        self.docker.inspect_container(&self.name(), None::<InspectContainerOptions>).await.unwrap()
    }

    /// Takes away what a test made, by name.
    pub async fn clear(self) {
        let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
        let _ = self.docker.remove_container(&self.name(), Some(options)).await;
    }
}

pub fn engine_user() -> runtime::BotUser {
    if support::is_root() { runtime::BotUser { uid: 1000, gid: 1000 } } else { support::fresh_user() }
}

/// Tools in place without an installation: this machine's Node and a stand-in for OpenClaw.
pub fn tools(dir: &Path, gateway: &str) -> Tools {
    let tools = Tools::new(dir, Vec::new());
    let places = tools.places(Tools::pinned());
    for file in [&places.node, &places.openclaw] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
    }
    if !places.node.exists() {
        fs::hard_link(node(), &places.node).or_else(|_| fs::copy(node(), &places.node).map(|_| ())).unwrap();
    }
    fs::write(&places.openclaw, gateway).unwrap();
    tools
}
