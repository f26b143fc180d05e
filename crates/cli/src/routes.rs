//! Every verb of the API: where it lives, and the command that calls it.
//!
//! A test holds this table against the running server's `openapi.json` and against the commands. A new verb gets a
//! row here, or a reason among the [`EXCEPTIONS`].

use api::{
    Verb, audit::*, auth::*, bots::*, budgets::*, chat::*, jobs::*, keys::*, notify::*, orphans::*,
    prices::*, routing::*, settings::*, usage::*, virtual_keys::*,
};
use http::Method;
use serde_json::{Map, Value};

/// One verb.
#[derive(Clone, Debug)]
pub struct Route {
    /// `slice.verb`.
    pub verb: &'static str,
    pub method: Method,
    /// With `{field}` where a field of the command stands.
    pub path: &'static str,
    /// The command, e.g. `bot list`.
    pub command: &'static str,
}

const fn route(verb: &'static str, method: Method, path: &'static str, command: &'static str) -> Route {
    Route { verb, method, path, command }
}

/// Verbs with a command.
pub const ROUTES: &[Route] = &[
    route(GetMe::NAME, Method::GET, "/api/me", "whoami"),
    route(ListTokens::NAME, Method::GET, "/api/tokens", "token list"),
    route(DeleteToken::NAME, Method::DELETE, "/api/tokens/{token}", "token rm"),
    route(ListBots::NAME, Method::GET, "/api/bots", "bot list"),
    route(ReadBotStats::NAME, Method::GET, "/api/bots/stats", "bot stats"),
    route(ListBotEvents::NAME, Method::GET, "/api/bots/{bot}/events", "bot events"),
    route(ReadUptime::NAME, Method::GET, "/api/bots/{bot}/uptime", "bot uptime"),
    route(ReadMetrics::NAME, Method::GET, "/api/bots/{bot}/metrics", "bot metrics"),
    route(ReadBotHealth::NAME, Method::GET, "/api/bots/{bot}/health", "bot health"),
    route(DiagnoseBot::NAME, Method::POST, "/api/bots/{bot}/diagnose", "bot diagnose"),
    route(ListPostmortems::NAME, Method::GET, "/api/bots/{bot}/postmortems", "bot postmortem"),
    route(ReadPostmortem::NAME, Method::GET, "/api/bots/{bot}/postmortems/{postmortem}", "bot postmortem"),
    route(TrashBot::NAME, Method::POST, "/api/bots/{bot}/trash", "bot trash"),
    route(RestoreBot::NAME, Method::POST, "/api/bots/{bot}/restore", "bot restore"),
    route(UpgradeBot::NAME, Method::POST, "/api/bots/{bot}/upgrade", "bot upgrade"),
    route(ReturnBot::NAME, Method::POST, "/api/bots/{bot}/upgrade/return", "bot upgrade"),
    route(CancelUpgrade::NAME, Method::POST, "/api/bots/{bot}/upgrade/cancel", "bot upgrade"),
    route(CloneBot::NAME, Method::POST, "/api/bots/{bot}/clone", "bot clone"),
    route(GetBot::NAME, Method::GET, "/api/bots/{bot}", "bot show"),
    route(BotOptions::NAME, Method::GET, "/api/bot-options", "bot options"),
    route(ReadLogs::NAME, Method::GET, "/api/bots/{bot}/logs", "bot logs"),
    route(ReadStorage::NAME, Method::GET, "/api/bots/{bot}/storage", "bot storage"),
    route(AllowUnisolated::NAME, Method::POST, "/api/bot-options/unisolated", "bot allow-unisolated"),
    route(ForbidUnisolated::NAME, Method::DELETE, "/api/bot-options/unisolated", "bot forbid-unisolated"),
    route(CreateBot::NAME, Method::POST, "/api/bots", "bot create"),
    route(UpdateBot::NAME, Method::PATCH, "/api/bots/{bot}", "bot edit"),
    route(ApplyBot::NAME, Method::POST, "/api/bots/{bot}/apply", "bot apply"),
    route(DiscardBot::NAME, Method::POST, "/api/bots/{bot}/discard", "bot discard"),
    route(ListBotConfigs::NAME, Method::GET, "/api/bots/{bot}/configs", "bot configs"),
    route(SetLimits::NAME, Method::POST, "/api/bots/{bot}/limits", "bot limits"),
    route(RollbackBot::NAME, Method::POST, "/api/bots/{bot}/rollback", "bot rollback"),
    route(StartBot::NAME, Method::POST, "/api/bots/{bot}/start", "bot start"),
    route(StopBot::NAME, Method::POST, "/api/bots/{bot}/stop", "bot stop"),
    route(RestartBot::NAME, Method::POST, "/api/bots/{bot}/restart", "bot restart"),
    route(DeleteBot::NAME, Method::DELETE, "/api/bots/{bot}", "bot rm"),
    route(SendMessage::NAME, Method::POST, "/api/bots/{bot}/messages", "bot chat"),
    route(ListThreads::NAME, Method::GET, "/api/bots/{bot}/threads", "thread list"),
    route(CreateThread::NAME, Method::POST, "/api/bots/{bot}/threads", "thread create"),
    route(GetThread::NAME, Method::GET, "/api/threads/{thread}", "thread show"),
    route(RenameThread::NAME, Method::PATCH, "/api/threads/{thread}", "thread rename"),
    route(DeleteThread::NAME, Method::DELETE, "/api/threads/{thread}", "thread rm"),
    route(ListMessages::NAME, Method::GET, "/api/threads/{thread}/messages", "thread messages"),
    route(StopAnswer::NAME, Method::POST, "/api/threads/{thread}/stop", "thread stop"),
    route(ListKeys::NAME, Method::GET, "/api/keys", "key list"),
    route(AddKey::NAME, Method::POST, "/api/keys", "key add"),
    route(ChangeKey::NAME, Method::PATCH, "/api/keys/{key}", "key set"),
    route(TestKey::NAME, Method::POST, "/api/keys/{key}/test", "key test"),
    route(ReplaceKey::NAME, Method::POST, "/api/keys/{key}/replace", "key replace"),
    route(DeleteKey::NAME, Method::DELETE, "/api/keys/{key}", "key rm"),
    route(ListVendors::NAME, Method::GET, "/api/vendors", "key vendors"),
    route(ListBudgets::NAME, Method::GET, "/api/budgets", "budget list"),
    route(CreateBudget::NAME, Method::POST, "/api/budgets", "budget add"),
    route(ChangeBudget::NAME, Method::PATCH, "/api/budgets/{budget}", "budget change"),
    route(DeleteBudget::NAME, Method::DELETE, "/api/budgets/{budget}", "budget rm"),
    route(GetZone::NAME, Method::GET, "/api/time-zone", "budget zone"),
    route(SetZone::NAME, Method::PUT, "/api/time-zone", "budget zone"),
    route(GetLookout::NAME, Method::GET, "/api/lookout", "budget lookout"),
    route(SetLookout::NAME, Method::PATCH, "/api/lookout", "budget lookout"),
    route(ListStops::NAME, Method::GET, "/api/stops", "spending list"),
    route(StopCalls::NAME, Method::POST, "/api/stops", "spending stop"),
    route(AllowCalls::NAME, Method::DELETE, "/api/stops/{stop}", "spending allow"),
    route(ListVirtualKeys::NAME, Method::GET, "/api/virtual-keys", "virtual-key list"),
    route(CreateVirtualKey::NAME, Method::POST, "/api/virtual-keys", "virtual-key add"),
    route(ChangeVirtualKey::NAME, Method::PATCH, "/api/virtual-keys/{virtual_key}", "virtual-key change"),
    route(
        RotateVirtualKey::NAME,
        Method::POST,
        "/api/virtual-keys/{virtual_key}/rotate",
        "virtual-key rotate",
    ),
    route(DeleteVirtualKey::NAME, Method::DELETE, "/api/virtual-keys/{virtual_key}", "virtual-key rm"),
    route(ListPrices::NAME, Method::GET, "/api/prices", "price list"),
    route(SetPrice::NAME, Method::POST, "/api/prices", "price set"),
    route(DeletePrice::NAME, Method::DELETE, "/api/prices/{price}", "price rm"),
    route(ImportPrices::NAME, Method::POST, "/api/prices/import", "price import"),
    route(ListModels::NAME, Method::GET, "/api/models", "model list"),
    route(SetModel::NAME, Method::PUT, "/api/models", "model set"),
    route(ListChains::NAME, Method::GET, "/api/chains", "chain list"),
    route(ReadChain::NAME, Method::GET, "/api/chains/{chain}", "chain show"),
    route(SetChain::NAME, Method::POST, "/api/chains", "chain set"),
    route(DeleteChain::NAME, Method::DELETE, "/api/chains/{chain}", "chain rm"),
    route(ListNotifications::NAME, Method::GET, "/api/notifications", "notification list"),
    route(MarkRead::NAME, Method::POST, "/api/notifications/read", "notification read"),
    route(MuteBot::NAME, Method::POST, "/api/bots/{bot}/mute", "notification mute"),
    route(ListJobs::NAME, Method::GET, "/api/jobs", "job list"),
    route(GetJob::NAME, Method::GET, "/api/jobs/{job}", "job show"),
    route(RetryJob::NAME, Method::POST, "/api/jobs/{job}/retry", "job retry"),
    route(CancelJob::NAME, Method::POST, "/api/jobs/{job}/cancel", "job cancel"),
    route(DiscardJob::NAME, Method::DELETE, "/api/jobs/{job}", "job discard"),
    route(ListOrphans::NAME, Method::GET, "/api/orphans", "orphans"),
    route(RemoveOrphans::NAME, Method::POST, "/api/orphans/remove", "orphans"),
    route(ListUsage::NAME, Method::GET, "/api/usage", "usage list"),
    route(UsageToday::NAME, Method::GET, "/api/usage/today", "usage today"),
    route(SummarizeUsage::NAME, Method::GET, "/api/usage/summary", "usage summary"),
    route(TrendUsage::NAME, Method::GET, "/api/usage/trend", "usage trend"),
    route(BreakDownUsage::NAME, Method::GET, "/api/usage/breakdown", "usage breakdown"),
    route(ShowUsage::NAME, Method::GET, "/api/usage/{call}", "usage show"),
    route(ListAudit::NAME, Method::GET, "/api/audit", "audit list"),
    route(GetInstance::NAME, Method::GET, "/api/instance", "instance"),
];

/// Verbs without a command, and why.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    (BulkBots::NAME, "start, stop, restart, trash, restore and rm take several bots"),
    (CountUnread::NAME, "notification list --unread shows them"),
    (GetChoices::NAME, "what a person hears of is the person's own; a token is refused"),
    (Choose::NAME, "what a person hears of is the person's own; a token is refused"),
    (GetPushKey::NAME, "pushes go to a person's browser; a token is refused"),
    (Subscribe::NAME, "pushes go to a person's browser; a token is refused"),
    (Unsubscribe::NAME, "pushes go to a person's browser; a token is refused"),
    (ListPasskeys::NAME, "passkeys belong to a person in a browser; a token is refused"),
    (RenamePasskey::NAME, "passkeys belong to a person in a browser; a token is refused"),
    (DeletePasskey::NAME, "passkeys belong to a person in a browser; a token is refused"),
    (ListSessions::NAME, "sessions belong to a person in a browser; a token is refused"),
    (RevokeSession::NAME, "sessions belong to a person in a browser; a token is refused"),
    (RevokeOtherSessions::NAME, "sessions belong to a person in a browser; a token is refused"),
];

/// The route of a verb.
pub(crate) fn of(verb: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.verb == verb)
}

/// The address with its fields filled in; what is used is taken out of `fields`.
pub(crate) fn filled(path: &str, fields: &mut Map<String, Value>) -> String {
    let mut parts = path.split('{');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = fields.remove(name).unwrap_or_default();
        whole.push_str(&segment(value.as_str().unwrap_or_default()));
        whole.push_str(rest);
    }
    whole
}

/// The rest of the fields as a query.
pub(crate) fn query(fields: &Map<String, Value>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::String(text) => pairs.append_pair(name, text),
            other => pairs.append_pair(name, &other.to_string()),
        };
    }
    pairs.finish()
}

/// One segment of a path: whatever somebody typed stays one. A lone dot or two would lead elsewhere.
fn segment(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => safe.push(char::from(byte)),
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_somebody_typed_stays_one_segment_of_the_path() {
        let mut fields = json!({ "bot": "../keys?x=1", "limit": 5 }).as_object().cloned().unwrap();
        assert_eq!(filled("/api/bots/{bot}/threads", &mut fields), "/api/bots/%2E%2E%2Fkeys%3Fx%3D1/threads");
        assert_eq!(query(&fields), "limit=5");
    }
}
