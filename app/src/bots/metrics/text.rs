//! Texts of a bot's figures.

use crate::i18n::texts;

texts! {
    span: "Time span", "时间范围";
    hour: "1 hour", "1 小时";
    six_hours: "6 hours", "6 小时";
    day: "24 hours", "24 小时";
    week: "7 days", "7 天";
    cpu: "CPU, cores", "CPU（核）";
    memory: "Memory", "内存";
    disk: "Files", "文件";
    processes: "Processes", "进程";
    at: "Time (UTC)", "时间（UTC）";
    now: "now {}", "当前 {}";
    most: "most {}", "最高 {}";
    limit: "limit {}", "上限 {}";
    none_title: "Nothing measured in this time", "此时间段没有数据";
    none_text: "A running bot is looked at every 30 seconds; figures are kept for seven days.", "运行中的机器人每 30 秒测量一次，数据保留七天。";
    no_network: "A bot has no network of its own: its model calls pass through Chela's relay.", "机器人没有自己的网络，模型调用经由 Chela 的中继。";
    table: "As a table", "以表格显示";
}
