//! Texts of chat.

use crate::i18n::texts;

texts! {
    threads: "Chats", "聊天";
    new_thread: "New chat", "新聊天";
    rename: "Rename chat", "重命名聊天";
    rename_label: "Title", "标题";
    delete: "Delete chat", "删除聊天";
    delete_title: "Delete this chat?", "删除此聊天？";
    delete_text: "It goes here and in the bot, with its transcript. This cannot be undone.", "此处和机器人中的记录都会删除，无法撤销。";
    conversation: "Conversation", "对话";
    empty_title: "Say something", "说点什么";
    empty_text: "The answer streams in as the bot writes it.", "机器人会边写边显示回答。";
    not_ready_title: "This bot is not running", "此机器人未在运行";
    not_ready_text: "You can read its chats. Start it to talk to it.", "您可以阅读聊天记录；启动后才能交谈。";
    starting_title: "This bot is not ready yet", "此机器人尚未就绪";
    starting_text: "See its stages in the overview; this page follows by itself.", "请在概览中查看各阶段，本页会自动更新。";
    message: "Message", "消息";
    message_hint: "Write a message", "输入消息";
    keys_send: "to send", "发送";
    keys_line: "for a new line", "换行";
    send: "Send", "发送";
    stop: "Stop answer", "停止回答";
    you: "You", "您";
    thinking: "Thinking…", "思考中…";
    p_starting: "Starting the model…", "正在启动模型…";
    p_queued: "Queued…", "排队中…";
    p_preparing: "Preparing…", "准备中…";
    p_retrying: "Trying again…", "正在重试…";
    writing: "writing", "正在书写";
    failed: "This answer failed", "此回答失败";
    cut_aborted: "You stopped this answer.", "您已停止此回答。";
    tool_running: "running", "运行中";
    tool_done: "done", "已完成";
    tool_failed: "failed", "失败";
    tool_args: "Arguments", "参数";
    tool_result: "Result", "结果";
    tokens: "{} in · {} out", "输入 {} · 输出 {}";
    older: "Older messages", "更早的消息";
    newest: "Newest messages", "最新消息";
    close: "Close", "关闭";
}
