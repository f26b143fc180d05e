//! Texts of provider keys.

use crate::i18n::texts;

texts! {
    keys: "Keys", "密钥";
    lead: "Keys of model vendors. They are sealed here and used by Chela's relay only: no bot ever sees one.", "模型供应商的密钥。密封保存在这里，仅由 Chela 的中继使用，机器人永远看不到。";
    add_title: "Add a provider key", "添加供应商密钥";
    key: "Key", "密钥";
    key_hint: "Paste it as your vendor shows it. It is tested at once and never shown again.", "按供应商提供的原样粘贴。会立即测试，之后不再显示。";
    vendor: "Vendor", "供应商";
    vendor_detect: "Detect from the key", "根据密钥识别";
    keyless: "This one takes calls without a key: leave it empty unless your server asks for one.", "它可以不使用密钥：除非服务器要求，否则留空。";
    region_intl: "international", "国际站";
    region_eu: "Europe", "欧洲";
    region_us: "United States", "美国";
    label: "Label (optional)", "标签（可选）";
    label_hint: "To tell several keys apart.", "用于区分多个密钥。";
    base_url: "Base URL", "接口地址";
    base_url_hint: "Where it answers, e.g. https://llm.example.com/v1. An address on your own network must be in CHELA_PRIVATE_UPSTREAMS.", "接口地址，例如 https://llm.example.com/v1。内网地址须列入 CHELA_PRIVATE_UPSTREAMS。";
    add: "Add key", "添加密钥";
    save_failing: "Save it anyway as failing", "仍然保存（标记为失败）";
    added_title: "Key added and working", "密钥已添加并可用";
    added_failing: "Key saved as failing", "密钥已保存，标记为失败";
    added_next: "Create a bot", "创建机器人";
    models: "{} models", "{} 个模型";
    model_one: "1 model", "1 个模型";
    models_show: "Show models", "查看模型";
    none_title: "No keys yet", "还没有密钥";
    none_text: "Paste one, and your bots can use every model behind it.", "粘贴一个密钥，机器人即可使用其全部模型。";
    working: "Working", "可用";
    failing: "Failing", "失败";
    untested: "Untested", "未测试";
    rest_slow: "Its vendor asked to slow down: other keys serve its calls until", "供应商要求降低频率：在此之前由其他密钥处理调用，直到";
    rest_refused: "Calls were refused with it: other keys serve them until", "使用它的调用被拒绝：由其他密钥处理，直到";
    rest_failing: "It failed several times in a row with {}: it is asked again after", "使用 {} 连续多次失败：之后将重试，时间";
    tested: "Tested", "测试于";
    no_secret: "no key", "无密钥";
    latency: "answered in {}", "响应耗时 {}";
    test: "Test", "测试";
    testing_done: "Key tested", "密钥已测试";
    replace: "Replace", "更换";
    replace_title: "Replace this key", "更换此密钥";
    replace_text: "Bots go on with the new one at once. The old one is forgotten.", "机器人会立即使用新密钥，旧密钥将被清除。";
    new_key: "New secret", "新的密钥内容";
    replaced: "Key replaced", "密钥已更换";
    delete: "Delete", "删除";
    delete_title: "Delete this key?", "删除此密钥？";
    delete_text: "Bots whose model needs it will fail until another key serves that vendor.", "依赖它的机器人会失败，直到有其他密钥可用。";
    deleted: "Key deleted", "密钥已删除";
    close: "Close", "关闭";
}
