//! Texts of models.

use crate::i18n::texts;
use api::prices::{ImportOutcome, ModelKind};

texts! {
    tabs: "Relay", "模型中继";
    keys: "Keys", "密钥";
    virtual_keys: "Virtual keys", "虚拟密钥";
    chains: "Chains", "备用链";
    budgets: "Budgets", "预算";
    title: "Models", "模型";
    lead: "What models can do and what a million tokens cost (USD). Your own words stand in place of the shipped ones; calls that were made keep their costs.", "各模型的能力与每百万令牌的价格（美元）。自有内容优先于内置内容；已完成的调用保留原有费用。";
    add: "Add a price", "添加价格";
    export: "Export", "导出";
    find: "Find", "查找";
    search: "Name", "名称";
    vendor: "Vendor", "供应商";
    all_vendors: "All vendors", "全部供应商";
    kind: "Kind", "类型";
    all_kinds: "All kinds", "全部类型";
    only_own: "Only with your own", "仅显示自有";
    model: "Model", "模型";
    context: "Context", "上下文";
    price: "In / out", "输入 / 输出";
    since: "Since", "起始";
    source: "Source", "来源";
    own: "own", "自有";
    deprecated: "deprecated", "已弃用";
    changes: "changes {}", "{} 变更";
    unknown: "unknown", "未知";
    as_family: "as {}", "同 {}";
    unknown_hint: "Nobody said one price: calls are of unknown cost until you set your own.", "没有统一价格：在设置自有价格之前，调用费用未知。";
    edit: "Edit", "编辑";
    edit_of: "Edit {}", "编辑 {}";
    none_title: "No model is known by that", "没有匹配的模型";
    none_text: "Search for less, or set a price of your own for it.", "请放宽条件，或为其设置自有价格。";
    show_all: "Show all models", "显示全部模型";
    close: "Close", "关闭";
    prices: "Prices", "价格";
    no_prices: "No price is known.", "没有已知价格。";
    line: "{} in, {} out", "输入 {}，输出 {}";
    line_cached: "cache {} read, {} written", "缓存读取 {}，写入 {}";
    up_to: "prompts up to {} tokens", "提示不超过 {} 令牌";
    delete: "Delete", "删除";
    delete_of: "Delete the price since {}", "删除自 {} 起的价格";
    deleted: "Price deleted: what held before holds again", "价格已删除，恢复之前的价格";
    new_price: "A price of your own", "自有价格";
    vendor_hint: "Its id, e.g. openai.", "供应商标识，例如 openai。";
    model_hint: "As callers name it, without the vendor.", "调用方使用的名称，不含供应商。";
    input: "Input, USD per million", "输入，美元/百万";
    output: "Output, USD per million", "输出，美元/百万";
    cache_read: "Read from cache", "缓存读取";
    cache_write: "Written to cache", "缓存写入";
    thinking: "Reasoning, USD per million", "推理，美元/百万";
    thinking_hint: "Empty: as other output.", "留空：与其他输出相同。";
    line_thinking: "reasoning {}", "推理 {}";
    called: "Name", "名称";
    good_for: "Good for", "适用场景";
    good_for_hint: "Words such as code, translation.", "例如 code、translation。";
    cache_hint: "Empty: the cost of calls that have such tokens is unknown.", "留空：含此类令牌的调用费用未知。";
    longest: "Longest prompt, tokens", "最长提示（令牌）";
    longest_hint: "Empty: any. Prices of one beginning belong together.", "留空：不限。同一起始时间的价格为一组。";
    begins: "Begins", "起始日";
    begins_hint: "Empty: now. A day begins at midnight UTC.", "留空：立即。以 UTC 零点为准。";
    source_hint: "Where it was read, or who said it.", "出处或提供者。";
    save_price: "Save price", "保存价格";
    price_saved: "Price saved: calls cost that from its beginning on", "价格已保存，自起始时间生效";
    facts: "What it can do", "能力";
    facts_hint: "Empty: as shipped.", "留空：使用内置内容。";
    context_length: "Context, tokens", "上下文（令牌）";
    max_output: "Longest answer, tokens", "最长输出（令牌）";
    vision: "Sees images", "图像理解";
    function_calling: "Calls functions", "函数调用";
    extended_thinking: "Thinks at length", "扩展思考";
    cache_control: "Caches prompts", "提示缓存";
    streaming: "Streams", "流式输出";
    retired: "Deprecated", "已弃用";
    yes: "yes", "是";
    no: "no", "否";
    scores: "Scores, 0 to 100", "评分（0–100）";
    reasoning: "Reasoning", "推理";
    coding: "Coding", "编程";
    creativity: "Creativity", "创意";
    speed: "Speed", "速度";
    notes: "Notes", "备注";
    save_facts: "Save", "保存";
    facts_saved: "Saved: the list of models says it from now on", "已保存，模型列表立即更新";
    take_back: "Take back all of it", "全部撤回";
    import_title: "Import prices", "导入价格";
    import_lead: "A CSV file with the columns of an export. It is checked first; where one line is wrong, none is taken.", "使用与导出相同列的 CSV 文件。先检查；任意一行有误则全部不导入。";
    file: "File", "文件";
    rows: "Or its lines", "或粘贴内容";
    check: "Check", "检查";
    checked: "{} added, {} replaced, {} unchanged", "新增 {}，替换 {}，未变 {}";
    nothing_new: "All of it is here already.", "内容已全部存在。";
    take: "Import", "导入";
    imported: "Prices imported", "价格已导入";
    added: "added", "新增";
    replaced: "replaced", "替换";
    unchanged: "unchanged", "未变";
    line_no: "Line", "行";
    was: "was {}", "原为 {}";
    more_lines: "and {} more", "另有 {} 行";
}

/// A kind's name, and its name in forms.
pub(super) const KINDS: [(ModelKind, &str); 7] = [
    (ModelKind::Llm, "llm"),
    (ModelKind::Vlm, "vlm"),
    (ModelKind::Image, "image"),
    (ModelKind::Video, "video"),
    (ModelKind::Audio, "audio"),
    (ModelKind::Embedding, "embedding"),
    (ModelKind::ThreeD, "3d"),
];

/// The word a form and the API use; it is a term of the trade in every language.
pub(super) fn kind(of: ModelKind) -> &'static str {
    KINDS.iter().find(|(kind, _)| *kind == of).map_or("", |(_, name)| name)
}

/// What came of a line.
pub(super) const fn outcome(of: ImportOutcome, t: &'static Text) -> &'static str {
    match of {
        ImportOutcome::Added => t.added,
        ImportOutcome::Replaced => t.replaced,
        ImportOutcome::Unchanged => t.unchanged,
    }
}
