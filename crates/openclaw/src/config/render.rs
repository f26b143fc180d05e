//! `openclaw.json`. The schema is strict: an unknown key stops the gateway with exit code 78, so
//! every key here is checked against the real one by this crate's contract test.

use serde_json::{Value, json};

use super::bot::{BotConfig, Dialect, Model};
use super::cell::{GATEWAY_TOKEN_FILE, RELAY_TOKEN_FILE};
use super::profile;

/// Names of the two secrets. The gateway reads the files itself: an environment variable would be
/// inherited by every command the bot runs.
const RELAY_SECRET: &str = "relay-token";
const GATEWAY_SECRET: &str = "gateway-token";

/// Size at which the gateway begins a new log file; it keeps five old ones.
const LOG_BYTES: u64 = 5 << 20;

/// A dialect in OpenClaw's words.
fn api(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAiChat => "openai-completions",
        Dialect::Anthropic => "anthropic-messages",
        Dialect::Gemini => "google-generative-ai",
    }
}

/// The dialect of a vendor's tree in the relay: OpenAI's chat completions, unless the vendor speaks none.
fn of_vendor(vendor: &str) -> Dialect {
    match vendor {
        "anthropic" | "claude" | "custom-anthropic" => Dialect::Anthropic,
        "custom-gemini" => Dialect::Gemini,
        _ => Dialect::OpenAiChat,
    }
}

/// Where the relay is asked, below its address, and how: a vendor's own tree, or the paths that all vendors share, where
/// the name of a chain is known. What each dialect adds to it by itself differs.
fn place(model: &Model) -> (String, Dialect) {
    match model.chain_dialect() {
        None => (format!("/v1/{}", model.vendor()), of_vendor(model.vendor())),
        Some(dialect @ Dialect::OpenAiChat) => ("/v1".to_owned(), dialect),
        Some(dialect @ Dialect::Anthropic) => (String::new(), dialect),
        Some(dialect @ Dialect::Gemini) => ("/v1beta".to_owned(), dialect),
    }
}

/// The configuration of a bot's gateway, to be written where the bot can only read it.
///
/// # Example
/// ```
/// use openclaw::config::{BotConfig, Isolation, Profile, render};
/// let config = render(&BotConfig {
///     profile: Profile::Shared,
///     isolation: Isolation::Confined,
///     gateway_port: 18789,
///     model: "anthropic/claude-sonnet-4-5".parse().unwrap(),
///     relay_base_url: "http://127.0.0.1:3100".to_owned(),
///     prompt: String::new(),
///     name: "Clerk".to_owned(),
///     workspace: "/workspace".into(),
///     state: "/state".into(),
///     run: "/run/chela".into(),
///     plugin_tools: Vec::new(),
/// });
/// let provider = &config["models"]["providers"]["anthropic"];
/// assert_eq!(provider["baseUrl"], "http://127.0.0.1:3100/v1/anthropic");
/// assert_eq!(provider["apiKey"]["provider"], "relay-token");
/// assert_eq!(config["secrets"]["providers"]["relay-token"]["path"], "/run/chela/tokens/relay");
/// ```
#[must_use]
pub fn render(bot: &BotConfig) -> Value {
    json!({
        "gateway": {
            "mode": "local",
            "port": bot.gateway_port,
            // Named, because inside a container the default would be every address.
            "bind": "loopback",
            "auth": { "mode": "token", "token": secret(GATEWAY_SECRET) },
            "controlUi": { "enabled": false },
        },
        "secrets": { "providers": {
            RELAY_SECRET: token_file(bot, RELAY_TOKEN_FILE),
            GATEWAY_SECRET: token_file(bot, GATEWAY_TOKEN_FILE),
        } },
        "models": models(bot),
        "agents": { "defaults": {
            "model": { "primary": bot.model.to_string() },
            // Otherwise every turn costs a second, untraced call that summarises the first.
            "utilityModel": "",
            "workspace": bot.workspace,
            // Chela writes the persona files itself; the first-run ritual would ask the user.
            "skipBootstrap": true,
            // Otherwise a turn every 30 minutes spends tokens unasked.
            "heartbeat": { "every": "0m" },
        } },
        // Without it every sender of a channel shares one conversation.
        "session": {
            "dmScope": "per-account-channel-peer",
            // A deleted session leaves a compressed copy of its transcript behind; for ever, if
            // nothing is said.
            "maintenance": { "resetArchiveRetention": "1h" },
        },
        "tools": profile::tools(bot),
        "plugins": plugins(bot),
        "skills": { "allowBundled": [] },
        "update": { "checkOnStart": false },
        "discovery": { "mdns": { "mode": "off" } },
        // The default is one file in /tmp for every bot of a host.
        "logging": { "file": bot.state.join("logs/openclaw.log"), "maxFileBytes": LOG_BYTES },
    })
}

fn token_file(bot: &BotConfig, file: &str) -> Value {
    json!({ "source": "file", "path": bot.run.join(file), "mode": "singleValue" })
}

fn secret(name: &str) -> Value {
    json!({ "source": "file", "provider": name, "id": "value" })
}

/// Twelve plugins load by default, a browser among them. None is needed for chat, and without them
/// a warm gateway is ready in seconds.
fn plugins(bot: &BotConfig) -> Value {
    if bot.plugin_tools.is_empty() {
        json!({ "enabled": false })
    } else {
        json!({ "enabled": true, "allow": ["chela"], "slots": { "memory": "none" } })
    }
}

/// One provider, named like the vendor, behind the relay's tree of that vendor; or `chain`, where vendors share a path.
/// `replace` keeps the gateway from adding providers of its own.
fn models(bot: &BotConfig) -> Value {
    let relay = bot.relay_base_url.trim_end_matches('/');
    let (path, dialect) = place(&bot.model);
    let mut providers = serde_json::Map::new();
    providers.insert(
        bot.model.vendor().to_owned(),
        json!({
            "baseUrl": format!("{relay}{path}"),
            "apiKey": secret(RELAY_SECRET),
            "api": api(dialect),
            "models": [ { "id": bot.model.name(), "name": bot.model.name() } ],
        }),
    );
    json!({ "mode": "replace", "providers": providers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Isolation, Profile};

    fn rendered(model: Model) -> Value {
        let at = |name: &str| std::path::PathBuf::from(name);
        render(&BotConfig {
            profile: Profile::Shared,
            isolation: Isolation::Confined,
            gateway_port: 18789,
            model,
            relay_base_url: "http://127.0.0.1:3100/".to_owned(),
            prompt: String::new(),
            name: "Clerk".to_owned(),
            workspace: at("/workspace"),
            state: at("/state"),
            run: at("/run/chela"),
            plugin_tools: Vec::new(),
        })
    }

    #[test]
    fn a_chain_is_asked_on_the_paths_that_all_vendors_share_in_the_dialect_of_its_links() {
        let chain: Model = "chain/coding".parse().unwrap();
        for (dialect, base, api) in [
            (Dialect::OpenAiChat, "http://127.0.0.1:3100/v1", "openai-completions"),
            (Dialect::Anthropic, "http://127.0.0.1:3100", "anthropic-messages"),
            (Dialect::Gemini, "http://127.0.0.1:3100/v1beta", "google-generative-ai"),
        ] {
            let config = rendered(chain.clone().spoken_in(dialect));
            assert_eq!(config["agents"]["defaults"]["model"]["primary"], "chain/coding");
            let provider = json!({
                "baseUrl": base,
                "apiKey": { "source": "file", "provider": "relay-token", "id": "value" },
                "api": api,
                "models": [ { "id": "coding", "name": "coding" } ],
            });
            let all = json!({ "mode": "replace", "providers": { "chain": provider } });
            assert_eq!(config["models"], all, "{dialect:?}");
        }
    }

    #[test]
    fn a_vendors_model_is_asked_in_its_own_tree_whatever_else_was_said() {
        let said: Model = "anthropic/claude-x".parse().unwrap();
        let provider = &rendered(said.spoken_in(Dialect::Gemini))["models"]["providers"]["anthropic"];
        assert_eq!(
            (&provider["baseUrl"], &provider["api"]),
            (&json!("http://127.0.0.1:3100/v1/anthropic"), &json!("anthropic-messages"))
        );
    }
}
