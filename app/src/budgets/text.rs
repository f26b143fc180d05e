//! Texts of budgets and virtual keys.

use crate::i18n::{fill, texts};
use api::budgets::{BudgetPeriod, BudgetState, BudgetUnit};
use ui::{Glyph, Tone};

texts! {
    tabs: "Relay", "模型中继";
    keys: "Keys", "密钥";
    chains: "Chains", "备用链";
    catalogue: "Models", "模型";
    virtual_keys: "Virtual keys", "虚拟密钥";
    title: "Budgets", "预算";
    lead: "How much model calls may use. When a budget that refuses is used up, spending ends until its next window.", "模型调用的用量上限。预算用尽并设为拒绝时，消费会停止，直到下一个周期。";
    none_title: "No budgets", "没有预算";
    none_text: "Model calls may use what they like. A budget of money a month for the whole workspace is a good first one.", "模型调用目前没有上限。建议先为整个工作区设置每月金额预算。";
    workspace: "Whole workspace", "整个工作区";
    bot: "Bot", "机器人";
    bot_hint: "Name or slug; empty for all.", "名称或短名；留空表示全部。";
    tag: "Tag", "标签";
    tag_hint: "Instead of a bot: one budget for all bots and virtual keys that carry it, such as a team's.", "代替机器人：带此标签的所有机器人和虚拟密钥共用一份预算，例如一个团队。";
    tagged: "Tag {}", "标签 {}";
    a_window: "{} a {}", "{} / {}";
    virtual_key: "Virtual key", "虚拟密钥";
    anyone: "Any", "任意";
    model: "Model", "模型";
    model_hint: "openai/gpt-5-mini, or openai/* for a whole vendor; empty for all.", "例如 openai/gpt-5-mini，或 openai/* 表示整个供应商；留空表示全部。";
    counts: "Counts", "计量";
    money: "Money (USD)", "金额（美元）";
    tokens: "Tokens", "令牌";
    requests: "Requests", "请求";
    amount: "Amount", "数量";
    amount_hint: "5.00 for money; 0 stops all calls it is for.", "金额如 5.00；0 表示停止相关调用。";
    per: "Per", "周期";
    minute: "minute", "分钟";
    day: "day", "天";
    month: "month", "月";
    hard: "When it is used up", "用尽时";
    refuses: "Refuse calls", "拒绝调用";
    tells: "Only tell people", "仅通知";
    instead: "Cheaper model", "更便宜的模型";
    instead_hint: "Calls to its vendor go to it instead of being refused, e.g. openai/gpt-5-mini; empty for none.", "对该供应商的调用改用此模型而不被拒绝，例如 openai/gpt-5-mini；留空表示无。";
    instead_from: "Calls go to it", "改用时机";
    when_full: "when there is no room", "预算不足时";
    from_percent: "from {} % used on", "用量达到 {}% 起";
    goes_when_full: "Calls go to {} when there is no room.", "预算不足时改用 {}。";
    goes_from: "Calls go to {} from {} % used on.", "调用改用 {}，自用量达到 {}% 起。";
    add_title: "New budget", "新建预算";
    add: "Add budget", "添加预算";
    added: "Budget added", "预算已添加";
    open: "Open", "正常";
    near: "Nearly used up", "即将用尽";
    spent: "Used up", "已用尽";
    stopped: "Stopped", "已停止";
    of: "{} of {} a {}", "{} / {}（每{}）";
    all_refused: "All calls it is for are refused.", "相关调用全部被拒绝。";
    n_tokens: "{} tokens", "{} 个令牌";
    n_requests: "{} requests", "{} 个请求";
    one_request: "1 request", "1 个请求";
    one_token: "1 token", "1 个令牌";
    reserved: "{} held for calls that run", "{} 预留给进行中的调用";
    forecast: "{} by the end at this pace", "按当前速度预计用到 {}";
    anew: "Begins anew", "重新开始于";
    soft: "tells only", "仅通知";
    change: "Change", "修改";
    change_title: "Change this budget", "修改此预算";
    change_text: "What was used stays used.", "已用量不变。";
    changed: "Budget changed", "预算已修改";
    delete: "Delete", "删除";
    delete_title: "Delete this budget?", "删除此预算？";
    delete_text: "What it stopped goes on at once.", "它停止的调用会立即恢复。";
    deleted: "Budget deleted", "预算已删除";
    stop: "Stop all model calls", "停止所有模型调用";
    stop_title: "Stop all model calls of this workspace?", "停止此工作区的所有模型调用？";
    stop_text: "No bot and no program calls a model until you allow it again. Calls that run end at once.", "在您重新允许之前，任何机器人和程序都无法调用模型。进行中的调用会立即结束。";
    stop_vendor: "Stop calls to a vendor", "停止对某个供应商的调用";
    stop_vendor_text: "No call goes to this vendor until you allow it again. Calls that run end at once; chains go on with other vendors.", "在您重新允许之前，不会再调用此供应商。进行中的调用会立即结束，备用链会使用其他供应商。";
    stop_bot: "Stop spending", "停止消费";
    set_budget: "Set a budget", "设置预算";
    stop_bot_title: "Stop this bot's model calls?", "停止此机器人的模型调用？";
    stop_bot_text: "The bot stays up and calls no model until you allow it again. Calls that run end at once.", "机器人保持运行，但在您重新允许之前无法调用模型。进行中的调用会立即结束。";
    stop_now: "Stop now", "立即停止";
    vendor: "Vendor", "供应商";
    why: "Why (others read it)", "原因（其他人可见）";
    stopped_all: "All model calls are stopped", "所有模型调用已停止";
    stopped_vendor: "Model calls to {} are stopped", "对 {} 的模型调用已停止";
    stopped_bot: "Model calls of {} are stopped", "{} 的模型调用已停止";
    stopped_who: "Stopped by {}", "停止者：{}";
    allow: "Allow again", "重新允许";
    is_stopped: "Model calls stopped", "模型调用已停止";
    is_allowed: "Model calls allowed again", "模型调用已重新允许";
    zone: "Days and months begin in", "日与月的时区";
    set_zone: "Save", "保存";
    zone_saved: "Time zone saved", "时区已保存";
    k_lead: "What people and programs call models with, instead of a vendor's key. Their base URL is this site's address followed by /api/v1, or the relay's own port.", "供人员和程序调用模型使用，代替供应商密钥。基础地址为本站地址加 /api/v1，或中继自己的端口。";
    k_none_title: "No virtual keys", "没有虚拟密钥";
    k_none_text: "Make one for every program, so that each has its own models, limits and costs.", "为每个程序创建一个，各自拥有模型、上限和费用。";
    k_name: "Name", "名称";
    k_models: "Models", "模型";
    k_models_hint: "With commas between them; empty for all.", "用逗号分隔；留空表示全部。";
    k_tags: "Tags", "标签";
    k_tags_hint: "Such as its team: budgets and usage go by them. Provider keys with the first tag are used first, then those with the next.", "例如所属团队：预算和用量按标签统计。优先使用带第一个标签的供应商密钥，其次是下一个标签。";
    k_expires: "Ends", "到期";
    k_never: "Never", "永不";
    k_days: "In {} days", "{} 天后";
    k_budget: "USD a month", "每月美元";
    k_rate: "Requests a minute", "每分钟请求数";
    k_empty: "Empty: no limit.", "留空：不限。";
    k_add_title: "New virtual key", "新建虚拟密钥";
    k_add: "Make key", "创建密钥";
    k_made: "Your key, shown this once", "您的密钥，仅显示这一次";
    k_copy: "Copy", "复制";
    k_all: "all models", "全部模型";
    k_used: "Used", "最近使用";
    k_unused: "Never used", "从未使用";
    k_former: "The secret before works until", "旧密钥有效至";
    k_open: "Open", "正常";
    k_blocked: "Blocked", "已停用";
    k_expired: "Ended", "已到期";
    k_block: "Block", "停用";
    k_unblock: "Unblock", "启用";
    k_change_title: "Change this virtual key", "修改此虚拟密钥";
    k_rotate: "Rotate", "轮换";
    k_rotate_title: "A new secret for this key", "为此密钥生成新内容";
    k_rotate_text: "The old one works on for a while, so that nothing fails while you put the new one in place.", "旧内容会继续有效一段时间，以免替换期间调用失败。";
    k_overlap: "The old one works on for", "旧内容继续有效";
    k_hour: "1 hour", "1 小时";
    k_whole_day: "1 day", "1 天";
    k_at_once: "Ends at once", "立即失效";
    k_delete_title: "Delete this virtual key?", "删除此虚拟密钥？";
    k_delete_text: "Whoever uses it is out at once. Its calls stay in the ledger.", "使用者会立即失去访问。其调用记录会保留。";
    k_changed: "Key changed", "密钥已修改";
    k_deleted: "Key deleted", "密钥已删除";
    close: "Close", "关闭";
}

/// How a budget stands.
pub(super) const fn state(state: BudgetState, t: &'static Text) -> (Tone, Glyph, &'static str) {
    match state {
        BudgetState::Open => (Tone::Ok, Glyph::CircleCheck, t.open),
        BudgetState::Near => (Tone::Warn, Glyph::TriangleAlert, t.near),
        BudgetState::Spent => (Tone::Bad, Glyph::CircleX, t.spent),
        BudgetState::Stopped => (Tone::Bad, Glyph::CircleX, t.stopped),
    }
}

pub(super) const fn period(period: BudgetPeriod, t: &'static Text) -> &'static str {
    match period {
        BudgetPeriod::Minute => t.minute,
        BudgetPeriod::Day => t.day,
        BudgetPeriod::Month => t.month,
    }
}

/// An amount as its budget counts it.
pub(super) fn amount(unit: BudgetUnit, amount: i64, t: &'static Text) -> String {
    match unit {
        BudgetUnit::Money => crate::usage::usd(amount),
        BudgetUnit::Tokens if amount == 1 => t.one_token.to_owned(),
        BudgetUnit::Requests if amount == 1 => t.one_request.to_owned(),
        BudgetUnit::Tokens => fill(t.n_tokens, &amount.to_string()),
        BudgetUnit::Requests => fill(t.n_requests, &amount.to_string()),
    }
}
