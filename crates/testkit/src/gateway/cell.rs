//! What a fake gateway is told, read the way a bot's process reads it: environment, configuration, token
//! files. Serves the program `fake-gateway` and runtimes that keep their gateways in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use openclaw::Endpoint;
use openclaw::config::cell;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::{Listen, ModelApi, Options, Reply, Upstream};

/// Where the gateway of such an environment listens, and how it behaves.
///
/// # Errors
/// Something is missing or malformed: a real gateway would exit with 78.
pub fn told(env: &BTreeMap<String, String>) -> anyhow::Result<(Listen, Options)> {
    // A stand-in of such a version starts with nothing that it finds.
    if let Some(version) = env.get("CHELA_OPENCLAW_VERSION").filter(|version| version.ends_with("-broken")) {
        bail!("OpenClaw {version} refuses this configuration");
    }
    let required =
        |name: &str| env.get(name).with_context(|| format!("the environment variable {name} is missing"));
    let config: Value = serde_json::from_str(&std::fs::read_to_string(required("OPENCLAW_CONFIG_PATH")?)?)
        .context("the configuration is not JSON")?;
    let run_dir = PathBuf::from(required("CHELA_RUN_DIR")?);
    let sockets = required("CHELA_WIRES")? == "sockets";
    let model = config["agents"]["defaults"]["model"]["primary"].as_str().context("no model")?.to_owned();
    let upstream = upstream(&config, &model, &run_dir, sockets)?;
    let reply = match env.get("FAKE_GATEWAY_REPLY").map(String::as_str) {
        Some("echo") => Reply::Echo,
        Some("clock") => Reply::Clock,
        _ => Reply::Model(Box::new(upstream)),
    };
    let starting = env.get("FAKE_GATEWAY_START_MS").and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let options = Options {
        token: token(&run_dir, cell::GATEWAY_TOKEN_FILE)?,
        reply,
        starting: Duration::from_millis(starting),
        model,
        ..Options::default()
    };
    let port = match env.get("OPENCLAW_GATEWAY_PORT") {
        Some(port) => port.parse::<u16>().context("OPENCLAW_GATEWAY_PORT is not a port")?,
        None => config["gateway"]["port"].as_u64().and_then(|p| u16::try_from(p).ok()).context("no port")?,
    };
    let listen = if sockets {
        Listen::Unix(run_dir.join(cell::GATEWAY_SOCKET))
    } else {
        Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    Ok((listen, options))
}

/// The life of the program: serves until it is told to end.
///
/// # Errors
/// What it was told cannot be used.
pub async fn live() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (listen, options) = told(&std::env::vars().collect())?;
    let gateway = super::FakeGateway::start_on(listen, options).await?;
    println!("fake-gateway: listening on {}", gateway.endpoint());
    terminate.recv().await;
    gateway.shut_down();
    // One turn of the runtime lets the goodbyes out; nobody waits for more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

fn upstream(config: &Value, model: &str, run_dir: &Path, sockets: bool) -> anyhow::Result<Upstream> {
    let (vendor, name) = model.split_once('/').context("the model names no vendor")?;
    let provider = &config["models"]["providers"][vendor];
    let base = provider["baseUrl"].as_str().with_context(|| format!("no provider {vendor}"))?;
    let base: http::Uri = base.parse().context("the provider's address")?;
    let endpoint = if sockets {
        Endpoint::Unix(run_dir.join(cell::RELAY_SOCKET))
    } else {
        Endpoint::Tcp(
            base.authority().context("no host")?.as_str().parse().context("not an address and port")?,
        )
    };
    let api = match provider["api"].as_str() {
        Some("anthropic-messages") => ModelApi::AnthropicMessages,
        Some("openai-completions") => ModelApi::OpenAiCompletions,
        other => bail!("unknown api {other:?}"),
    };
    Ok(Upstream {
        endpoint,
        base_path: base.path().trim_end_matches('/').to_owned(),
        token: token(run_dir, cell::RELAY_TOKEN_FILE)?,
        model: name.to_owned(),
        api,
    })
}

fn token(run_dir: &Path, file: &str) -> anyhow::Result<String> {
    let path = run_dir.join(file);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text.trim().to_owned())
}
