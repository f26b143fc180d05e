//! What a push says. Kinds, names and counts only: nothing a bot or a vendor wrote, no secret.

use api::notify::NotificationKind as Kind;
use entity::notify::notification;
use serde_json::{Value, json};

/// What the message is about, as far as the reader's device needs it.
pub(super) struct About<'a> {
    pub row: &'a notification::Model,
    /// Slug and name.
    pub bot: Option<(&'a str, &'a str)>,
    pub kind: Kind,
    /// Whether the reader may restart it.
    pub may_restart: bool,
}

/// The message for `public/sw.js`.
pub(super) fn message(about: &About<'_>, locale: &str) -> Value {
    let zh = locale == "zh";
    let word = |en: &'static str, other: &'static str| if zh { other } else { en };
    let what = match about.kind {
        Kind::CrashLoop => word("dies again and again", "反复崩溃"),
        Kind::Failed => word("cannot be started", "无法启动"),
        Kind::OutOfMemory => word("ran out of memory", "内存不足"),
        Kind::ConfigRefused => word("its configuration was refused", "配置被拒绝"),
        Kind::Hung => word("does not answer", "无响应"),
        Kind::Died => word("ended by itself", "自行退出"),
        Kind::UpgradeUndone => word("an upgrade came to nothing", "升级未成功"),
        Kind::Unreachable => word("the runtime does not answer", "运行环境没有响应"),
        Kind::BudgetNear => word("a budget is nearly used up", "预算即将用尽"),
        Kind::BudgetSpent => word("a budget is used up", "预算已用尽"),
        Kind::HeartbeatLoop => word("calls a model in a loop for nobody", "无人使用却循环调用模型"),
        Kind::IdleSpend => word("spends while nobody writes to it", "无人使用却持续消费"),
        Kind::KeyExpiring => word("a provider key ends", "供应商密钥即将到期"),
        Kind::KeyRefused => word("a provider key is refused", "供应商密钥被拒绝"),
        Kind::Recovered => word("is well again", "已恢复"),
    };
    let over = about.kind == Kind::Recovered;
    let name = about.bot.map_or("Chela", |(_, name)| name);
    let count = about.row.count;
    let body = match (count, over, zh) {
        (_, true, _) | (..=1, ..) => String::new(),
        (_, false, false) => format!("{count} times so far."),
        (_, false, true) => format!("已发生 {count} 次。"),
    };
    let slug = about.bot.map(|(slug, _)| slug);
    json!({
        "title": format!("{name}: {what}"),
        "body": body,
        "tag": about.row.id.to_string(),
        "url": url(about),
        "bot": slug.filter(|_| about.may_restart && !over && !about.kind.is_of_spending()),
        "open": word("Open", "打开"),
        "restart": word("Restart", "重启"),
        "at_ms": about.row.resolved_at_ms.filter(|_| over).unwrap_or(about.row.last_at_ms),
        "quiet": over,
    })
}

fn url(about: &About<'_>) -> String {
    match about.bot {
        Some((slug, _)) => about.kind.page_of(slug),
        None if about.kind.is_of_budget() || about.kind.is_of_key() => about.kind.page_of(""),
        None => "/alerts".to_owned(),
    }
}

/// Several troubles in one message.
pub(super) struct Together<'a> {
    pub count: usize,
    /// Each of them is one of a bot.
    pub bots: bool,
    /// They go on; otherwise all of them are over.
    pub loud: bool,
    pub at_ms: i64,
    pub tag: &'a str,
}

/// The message for `public/sw.js`.
pub(super) fn together(all: &Together<'_>, locale: &str) -> Value {
    let (n, zh) = (all.count, locale == "zh");
    let title = match (all.loud, all.bots, zh) {
        (true, true, false) => format!("{n} more bots are in trouble"),
        (true, true, true) => format!("另有 {n} 个机器人出现故障"),
        (true, false, false) => format!("{n} more troubles"),
        (true, false, true) => format!("另有 {n} 项故障"),
        (false, true, false) => format!("{n} bots are well again"),
        (false, true, true) => format!("{n} 个机器人已恢复"),
        (false, false, false) => format!("{n} troubles are over"),
        (false, false, true) => format!("{n} 项故障已结束"),
    };
    json!({
        "title": title,
        "body": "",
        "tag": all.tag,
        "url": "/alerts",
        "bot": null,
        "open": if zh { "打开" } else { "Open" },
        "restart": if zh { "重启" } else { "Restart" },
        "at_ms": all.at_ms,
        "quiet": !all.loud,
    })
}
