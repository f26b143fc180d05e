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
        "url": slug.map_or_else(|| "/alerts".to_owned(), |slug| about.kind.page_of(slug)),
        "bot": slug.filter(|_| about.may_restart && !over),
        "open": word("Open", "打开"),
        "restart": word("Restart", "重启"),
        "at_ms": about.row.resolved_at_ms.filter(|_| over).unwrap_or(about.row.last_at_ms),
        "quiet": over,
    })
}
