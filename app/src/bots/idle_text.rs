//! Texts of bots that sleep.

use crate::i18n::texts;

texts! {
    asleep: "Asleep", "休眠中";
    title: "Sleep when idle", "空闲时休眠";
    after: "Put to sleep after", "空闲多久后休眠";
    never: "Never", "从不";
    minutes: "{} min without work", "空闲 {} 分钟";
    hours: "{} h without work", "空闲 {} 小时";
    day: "a day without work", "空闲 1 天";
    wake: "Wake", "唤醒";
    days: "{} days without work", "空闲 {} 天";
    hint: "Without a message, an answer or a model call for so long it is stopped. A message wakes it. Holds at once; nothing is restarted.", "在此期间没有消息、回答或模型调用则停止，发送消息即可唤醒。立即生效，无需重启。";
    save: "Save", "保存";
    slept: "Put to sleep: nobody needed it", "无人使用，已休眠";
    woke: "Woken", "已唤醒";
    asleep_title: "This bot is asleep.", "机器人正在休眠。";
    asleep_text: "It wakes when you send a message; the answer comes as soon as it is up.", "发送消息即可唤醒，启动完成后立即回答。";
    waking: "Waking up…", "正在唤醒…";
}
