//! The two tool profiles. Default deny: OpenClaw's own default runs shell commands for anybody who
//! can write to the bot, so everything that is not named here is taken away.

use serde_json::{Value, json};

use super::bot::{BotConfig, Isolation, Profile};

/// What `shared` never has, over and above what the profile `minimal` leaves out.
const SHARED_DENY: [&str; 12] = [
    "group:sessions",
    "group:messaging",
    "group:memory",
    "group:fs",
    "group:runtime",
    "group:web",
    "group:ui",
    "group:automation",
    "group:nodes",
    "group:agents",
    "group:media",
    "subagents",
];

/// What reaches files, processes, browsers or the local network: taken from a bot that nothing
/// confines. `group:media` reads local files, `group:web` reaches the machine's own services,
/// `skill_workshop` writes files that later run.
const UNCONFINED_DENY: [&str; 9] = [
    "group:runtime",
    "group:fs",
    "group:ui",
    "group:web",
    "group:nodes",
    "group:automation",
    "group:media",
    "skill_workshop",
    "subagents",
];

/// The `tools` section.
pub(super) fn tools(bot: &BotConfig) -> Value {
    let (base, deny): (&str, &[&str]) = match (bot.profile, bot.isolation) {
        (Profile::Shared, _) => ("minimal", &SHARED_DENY),
        (Profile::Own, Isolation::None) => ("coding", &UNCONFINED_DENY),
        // `openclaw` and `gateway` change the gateway itself, which is ours to change.
        (Profile::Own, Isolation::Confined) => ("coding", &["group:automation", "group:nodes"]),
    };
    let mut tools = json!({
        "profile": base,
        "deny": deny,
        "sessions": { "visibility": "self" },
        "agentToAgent": { "enabled": false },
        "elevated": { "enabled": false },
        // Off: every tool's schema goes to the model directly, none hides behind a search tool.
        "toolSearch": false,
    });
    if !bot.plugin_tools.is_empty() {
        tools["alsoAllow"] = json!(bot.plugin_tools);
    }
    tools
}
