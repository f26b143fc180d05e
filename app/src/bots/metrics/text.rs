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
    sent: "Sent through the relay", "经中继发送";
    received: "Received through the relay", "经中继接收";
    traffic: "Sent and received are the bodies of its model calls through Chela's relay, counted when a call ends. A bot in a container has no other network; what one that runs as a process reaches by itself is not seen. A line across marks what was done to the bot, a red one a failure.", "发送与接收指模型调用经 Chela 中继传输的内容，在调用结束时计入。容器中的机器人没有其他网络；以进程运行的机器人自行访问的流量无法统计。竖线标记对机器人的操作，红线标记故障。";
    table: "As a table", "以表格显示";
}
