//! Starts the real gateway the way a bot runs it: `node plugin/cell.mjs` with sockets for wires.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use openclaw::config::cell::{self, CellPaths, Wires};
use openclaw::config::{BotConfig, render, workspace_files};
use openclaw::{ConnectOptions, Endpoint, Isolation, Profile, Token, probe};
use testkit::gateway::Tools;
use tokio::process::{Child, Command};

pub const GATEWAY_TOKEN: &str = "gateway-token-of-this-test";
pub const RELAY_TOKEN: &str = "relay-token-of-this-test";
pub const TOOL_TOKEN: &str = "tool-token-of-this-test";

/// A bot's directories and its process.
pub struct Cell {
    tools: Tools,
    dir: tempfile::TempDir,
    port: u16,
    relay_port: u16,
    process: Option<Child>,
}

impl Cell {
    pub fn new() -> Self {
        let tools = Tools::find().unwrap();
        let dir = tempfile::tempdir().unwrap();
        for name in ["config", "state", "workspace", "run/tokens", "home", "tmp"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let cell = Self { tools, dir, port: free_port(), relay_port: free_port(), process: None };
        let tokens = [
            (cell::RELAY_TOKEN_FILE, RELAY_TOKEN),
            (cell::GATEWAY_TOKEN_FILE, GATEWAY_TOKEN),
            (cell::TOOL_TOKEN_FILE, TOOL_TOKEN),
        ];
        for (file, token) in tokens {
            let path = cell.run_dir().join(file);
            std::fs::write(&path, token).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        }
        cell
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn run_dir(&self) -> PathBuf {
        self.path("run")
    }

    pub fn bot(&self, profile: Profile, isolation: Isolation) -> BotConfig {
        BotConfig {
            profile,
            isolation,
            gateway_port: self.port,
            model: "openai/fake-1".parse().unwrap(),
            relay_base_url: format!("http://127.0.0.1:{}", self.relay_port),
            prompt: "You are the baker's clerk.".to_owned(),
            name: "Baker".to_owned(),
            workspace: self.path("workspace"),
            state: self.path("state"),
            run: self.run_dir(),
            plugin_tools: Vec::new(),
        }
    }

    /// Writes configuration and persona, the configuration by rename as Chela does.
    pub fn write(&self, bot: &BotConfig) {
        let (fresh, config) = (self.path("config/fresh"), self.path("config").join(cell::CONFIG_FILE));
        std::fs::write(&fresh, serde_json::to_vec_pretty(&render(bot)).unwrap()).unwrap();
        std::fs::rename(&fresh, &config).unwrap();
        for file in workspace_files(bot) {
            std::fs::write(self.path("workspace").join(file.name), file.text).unwrap();
        }
    }

    fn command(&self, script: &Path, args: &[&str]) -> Command {
        let paths = CellPaths {
            openclaw: self.tools.openclaw.clone(),
            config_dir: self.path("config"),
            state: self.path("state"),
            workspace: self.path("workspace"),
            run: self.run_dir(),
            home: self.path("home"),
            tmp: self.path("tmp"),
        };
        let mut command = Command::new(&self.tools.node);
        command.arg(script).args(args).env_clear();
        command.envs(cell::environment(&paths, Wires::Sockets, self.port, "2026.9.6"));
        command.env("CHELA_RELAY_PORT", self.relay_port.to_string());
        command.current_dir(self.path("workspace")).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// What `openclaw config validate` says of the written configuration.
    pub async fn validate(&self) -> (bool, String) {
        let output = self.command(&self.tools.openclaw, &["config", "validate"]).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    /// The same with more in its environment.
    pub async fn start_with(&mut self, more: &[(&str, &str)]) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin/cell.mjs");
        let mut command = self.command(&script, &[]);
        command.envs(more.iter().copied());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        for _ in 0..240 {
            if probe::startupz(&self.endpoint(), Duration::from_secs(5)).await.is_ok_and(|s| s.ok) {
                return;
            }
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the gateway ended: {ended:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("the gateway did not start in two minutes:\n{}", self.log());
    }

    pub async fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().unwrap();
        let pid = process.id().unwrap().to_string();
        assert!(Command::new("kill").arg(&pid).status().await.unwrap().success());
        process.wait().await.unwrap().code()
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id().unwrap()
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.run_dir().join(cell::GATEWAY_SOCKET))
    }

    pub fn options(&self) -> ConnectOptions {
        ConnectOptions::new(self.endpoint(), Token::new(GATEWAY_TOKEN))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
