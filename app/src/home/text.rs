//! Texts of home.

use crate::i18n::texts;

texts! {
    home: "Home", "首页";
    attention: "Needs attention", "需要处理";
    all_well: "Nothing needs you", "一切正常";
    look: "Look", "查看";
    key_failing: "is failing", "失败";
    day: "Last 24 hours", "最近 24 小时";
    cost: "Cost", "费用";
    unknown: "unknown", "未知";
    calls: "Model calls", "模型调用";
    failed: "Failed calls", "失败调用";
    tokens_in: "Tokens in", "输入令牌";
    tokens_out: "Tokens out", "输出令牌";
    bots: "Bots", "机器人";
    all_bots: "All bots", "全部机器人";
    start_title: "Three steps to a bot that answers", "三步拥有会回答的机器人";
    step_passkey: "Create your passkey", "创建通行密钥";
    step_passkey_done: "Done: you are in.", "已完成，您已登录。";
    step_key: "Add a provider key", "添加供应商密钥";
    step_key_text: "Paste it once; Chela finds out the vendor and tests it.", "粘贴一次，Chela 会识别供应商并测试。";
    step_key_done: "Done: your bots can use its models.", "已完成，机器人可以使用其模型。";
    step_bot: "Create your first bot", "创建第一个机器人";
    step_bot_text: "A name and a model are enough.", "只需名称和模型。";
    restart: "Restart", "重启";
    start: "Start", "启动";
    logs: "Open logs", "查看日志";
}
