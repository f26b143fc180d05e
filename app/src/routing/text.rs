//! Texts of fallback chains.

use crate::i18n::texts;
use api::routing::{ChainTrigger, Dialect, LinkSkipWhy};
use ui::{Glyph, Tone};

texts! {
    title: "Chains", "备用链";
    lead: "Models of several vendors under one name. A caller names the chain as its model; the first link that can serve the call does, until the first word of an answer.", "用一个名称代表多家供应商的模型。调用方把链名当作模型名；在回答的第一个字之前，由第一个可用的环节处理。";
    own: "own", "自有";
    shipped: "shipped", "内置";
    hides: "hides the shipped one", "覆盖内置";
    none_usable: "None usable", "无可用环节";
    ready: "Usable", "可用";
    no_vendor: "No such vendor here", "没有此供应商";
    no_key: "No key", "没有密钥";
    other_dialect: "Other dialect", "接口不同";
    over_limit: "Keys over their limit", "密钥超出限额";
    no_key_for_model: "No key for this model", "没有适用此模型的密钥";
    cooling_down: "Cooling down", "冷却中";
    keys_refused: "Keys refused", "密钥被拒";
    breaker_open: "Breaker open", "熔断中";
    stopped: "Stopped by an operator", "已被操作员停止";
    back: "back", "恢复";
    leads_on: "Goes on after:", "遇到以下情况转到下一个：";
    rate_limit: "asked to slow down", "被限流";
    overloaded: "vendor fails", "供应商故障";
    timeout: "too late", "超时";
    refused: "keys refused", "密钥被拒";
    too_long: "prompt too long", "提示过长";
    tool_error: "tool called wrongly", "工具调用出错";
    first_word: "{} s to the first word", "首字限时 {} 秒";
    tries: "{} keys of a link at most", "每个环节最多 {} 个密钥";
    change: "Change", "修改";
    own_copy: "Write your own", "写一个自有的";
    delete: "Delete", "删除";
    delete_title: "Delete this chain?", "删除此链？";
    delete_own: "Callers that name it are refused from then on.", "之后使用此名称的调用将被拒绝。";
    delete_back: "The shipped chain of this name is back then.", "同名的内置链将恢复。";
    deleted: "Chain deleted", "链已删除";
    saved: "Chain saved: calls use it from now on", "链已保存，立即生效";
    close: "Close", "关闭";
    form_title: "A chain of your own", "自有的链";
    name: "Name", "名称";
    name_hint: "a-z, 0-9 and -. A shipped chain of this name is hidden by it.", "a-z、0-9 和 -。同名的内置链会被覆盖。";
    links: "Links, in order", "环节，按顺序";
    links_hint: "Each as vendor/model. Empty ones are left out.", "格式为 供应商/模型，空行会被忽略。";
    link: "Link {}", "第 {} 个环节";
    seconds: "Seconds to the first word", "首字限时（秒）";
    keys: "Keys of a link", "每个环节的密钥数";
    save: "Save chain", "保存";
    new: "Start with an empty one", "从空白开始";
}

/// The pill of a link.
pub(super) fn state(why: Option<LinkSkipWhy>, t: &'static Text) -> (Tone, Glyph, &'static str) {
    match why {
        None => (Tone::Ok, Glyph::CircleCheck, t.ready),
        Some(LinkSkipWhy::NoVendor) => (Tone::Idle, Glyph::CircleDashed, t.no_vendor),
        Some(LinkSkipWhy::NoKey) => (Tone::Idle, Glyph::CircleDashed, t.no_key),
        Some(LinkSkipWhy::OtherDialect) => (Tone::Idle, Glyph::CircleDashed, t.other_dialect),
        Some(LinkSkipWhy::CoolingDown) => (Tone::Warn, Glyph::CirclePause, t.cooling_down),
        Some(LinkSkipWhy::KeysRefused) => (Tone::Bad, Glyph::CircleX, t.keys_refused),
        Some(LinkSkipWhy::KeysOverLimit) => (Tone::Warn, Glyph::CirclePause, t.over_limit),
        Some(LinkSkipWhy::NoKeyForModel) => (Tone::Idle, Glyph::CircleDashed, t.no_key_for_model),
        Some(LinkSkipWhy::BreakerOpen) => (Tone::Bad, Glyph::CircleX, t.breaker_open),
        Some(LinkSkipWhy::Stopped) => (Tone::Bad, Glyph::CircleX, t.stopped),
    }
}

/// A trigger, and its name in forms.
pub(super) const fn triggers(t: &'static Text) -> [(ChainTrigger, &'static str, &'static str); 6] {
    [
        (ChainTrigger::RateLimit, "rate_limit", t.rate_limit),
        (ChainTrigger::Overloaded, "overloaded", t.overloaded),
        (ChainTrigger::Timeout, "timeout", t.timeout),
        (ChainTrigger::Refused, "refused", t.refused),
        (ChainTrigger::ContextLengthExceeded, "context_length_exceeded", t.too_long),
        (ChainTrigger::ToolError, "tool_error", t.tool_error),
    ]
}

/// Names of interfaces; they are the same in every language.
pub(super) const fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Openai => "OpenAI",
        Dialect::Responses => "Responses",
        Dialect::Anthropic => "Anthropic",
        Dialect::Gemini => "Gemini",
    }
}
