//! Texts of notifications.

use crate::i18n::texts;
use api::notify::NotificationKind as Kind;

texts! {
    title: "Notifications", "通知";
    lead: "What happened to your bots, the last first. One line is one trouble, however often it came back.", "机器人发生的事情，最新的在前。每一行是一次故障，无论重复多少次。";
    bell_none: "Notifications, nothing new", "通知，没有新内容";
    bell_one: "Notifications, 1 unread", "通知，1 条未读";
    bell_some: "Notifications, {} unread", "通知，{} 条未读";
    none_title: "Nothing happened", "一切平静";
    none_text: "When a bot fails, runs out of memory, hangs or cannot be reached, you read it here.", "机器人失败、内存不足、无响应或无法连接时，会显示在这里。";
    unread: "Unread", "未读";
    open: "Goes on", "持续中";
    over: "Over", "已结束";
    times: "{} times", "{} 次";
    since: "since", "始于";
    last: "last", "最近";
    runtime: "Runtime {}", "运行环境 {}";
    restart: "Restart", "重启";
    logs: "Open logs", "查看日志";
    mute: "Mute 1 h", "静音 1 小时";
    unmute: "Unmute", "取消静音";
    muted_until: "Muted, ends", "已静音，结束于";
    read: "Mark as read", "标为已读";
    read_all: "Mark all as read", "全部标为已读";
    choose: "What to hear of", "选择通知内容";
    choices_title: "What you hear of", "您接收的通知";
    choices_lead: "Your own choice, in this workspace. Nobody else's changes with it.", "仅影响您在此工作区的通知，不影响他人。";
    kind: "What happened", "事件";
    in_app: "In Chela", "站内";
    push: "Pushed", "推送";
    device: "This device", "此设备";
    device_lead: "Notifications reach this device even while Chela is closed, as long as you are signed in here. They hold names and what happened, nothing a bot said.", "即使 Chela 已关闭，只要您在此设备上保持登录，通知也会送达。通知只包含名称和事件，不包含机器人的内容。";
    device_scripts: "This needs the page's scripts.", "此功能需要启用脚本。";
    device_unsupported: "This browser cannot receive pushes.", "此浏览器无法接收推送。";
    device_insecure: "Pushes need https, or this very machine.", "推送需要 https 或在本机访问。";
    device_home_screen: "On an iPhone or iPad, add Chela to the home screen and open it from there.", "在 iPhone 或 iPad 上，请先将 Chela 添加到主屏幕并从那里打开。";
    device_denied: "Notifications of this site are blocked. Allow them in the browser's settings, then reload.", "此网站的通知已被阻止。请在浏览器设置中允许，然后重新加载。";
    device_busy: "One moment…", "请稍候…";
    device_failed: "It did not work:", "操作未成功：";
    device_on: "Notifications are pushed to this device.", "通知会推送到此设备。";
    device_turn_on: "Notify me on this device", "在此设备上通知我";
    device_turn_off: "Stop on this device", "在此设备上停止";
    save: "Save", "保存";
    saved: "Saved.", "已保存。";
    crash_loop: "Dies again and again", "反复崩溃";
    failed: "Cannot be started", "无法启动";
    out_of_memory: "Out of memory", "内存不足";
    config_refused: "Configuration refused", "配置被拒绝";
    hung: "Lives but does not answer", "进程存活但无响应";
    died: "Ended by itself", "自行退出";
    upgrade_undone: "An upgrade came to nothing", "升级未成功";
    unreachable: "Does not answer", "没有响应";
    unreachable_choice: "A runtime does not answer", "运行环境没有响应";
    budget_near: "A budget is nearly used up", "预算即将用尽";
    budget_spent: "A budget is used up", "预算已用尽";
    heartbeat_loop: "Calls a model in a loop for nobody", "无人使用却循环调用模型";
    idle_spend: "Spends while nobody writes to it", "无人使用却持续消费";
    spending_stopped: "Its model calls are stopped.", "其模型调用已停止。";
    key_expiring: "A provider key ends", "供应商密钥即将到期";
    key_refused: "A provider key that worked is refused", "原本可用的供应商密钥被拒绝";
    budgets: "Budgets", "预算";
    keys: "Keys", "密钥";
    recovered: "It is over (in Chela: stays unread until you have seen it)", "故障结束（站内：看过之前保持未读）";
}

/// What happened, in a few words.
pub(crate) const fn kind(kind: Kind, t: &'static Text) -> &'static str {
    match kind {
        Kind::CrashLoop => t.crash_loop,
        Kind::Failed => t.failed,
        Kind::OutOfMemory => t.out_of_memory,
        Kind::ConfigRefused => t.config_refused,
        Kind::Hung => t.hung,
        Kind::Died => t.died,
        Kind::UpgradeUndone => t.upgrade_undone,
        Kind::Unreachable => t.unreachable,
        Kind::BudgetNear => t.budget_near,
        Kind::BudgetSpent => t.budget_spent,
        Kind::HeartbeatLoop => t.heartbeat_loop,
        Kind::IdleSpend => t.idle_spend,
        Kind::KeyExpiring => t.key_expiring,
        Kind::KeyRefused => t.key_refused,
        Kind::Recovered => t.recovered,
    }
}
