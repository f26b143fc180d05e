//! Texts of the list.

use crate::i18n::texts;

texts! {
    all: "All", "全部";
    running: "Running", "运行中";
    changing: "Changing", "变化中";
    stopped: "Stopped", "已停止";
    attention: "Needs attention", "需要处理";
    trash: "Trash", "回收站";
    views: "Which bots", "筛选";
    search: "Search", "搜索";
    search_for: "Search by name", "按名称搜索";
    tag: "Tag", "标签";
    any_tag: "All tags", "全部标签";
    sort: "Sort", "排序";
    by_newest: "Newest first", "最新创建";
    by_oldest: "Oldest first", "最早创建";
    by_name: "By name", "按名称";
    by_change: "Last changed", "最近变化";
    no_match_title: "No bot fits", "没有符合的机器人";
    no_match_text: "Try other words, or show all.", "请更换条件，或显示全部。";
    show_all: "Show all bots", "显示全部";
    trash_none_title: "The trash is empty", "回收站为空";
    trash_none_text: "A bot that is thrown away stays here for seven days, then it is deleted for good.", "丢弃的机器人会在此保留七天，之后永久删除。";
    col_thrown: "Thrown away", "丢弃时间";
    goes: "Deleted for good", "永久删除于";
    pick: "Select {}", "选择 {}";
    pick_all: "Select all on this page", "选择本页全部";
    picked: "selected", "已选择";
    logs: "Logs", "日志";
    to_trash: "Move to trash", "移到回收站";
    restore: "Restore", "恢复";
    for_ever: "Delete for ever", "永久删除";
    for_ever_title: "Delete the selected bots for ever?", "永久删除所选机器人？";
    for_ever_text: "Their state, chats and tokens go with them. This cannot be undone.", "其状态、聊天记录和令牌都会一并删除，无法撤销。";
    for_ever_type: "Type delete to confirm", "输入 delete 以确认";
    done_start: "Asked to start: {}", "已要求启动：{}";
    done_stop: "Asked to stop: {}", "已要求停止：{}";
    done_restart: "Asked to restart: {}", "已要求重启：{}";
    done_trash: "Moved to trash: {}", "已移到回收站：{}";
    done_restore: "Restored: {}", "已恢复：{}";
    done_delete: "Being deleted: {}", "正在删除：{}";
    as_before: "Wanted so already: {}", "原已如此：{}";
    not_done: "Not done: {}", "未完成：{}";
    undo: "Undo", "撤销";
    compare: "Compare", "比较";
    compare_none: "No two bots chosen", "未选择两个机器人";
    compare_how: "Select two in the list of bots, then Compare.", "在机器人列表中选择两个，然后点击“比较”。";
    compare_hint: "What differs is marked. Settings are those that run; a saved change is not part of them.", "已标出不同之处。此处为正在运行的设置，不含未应用的修改。";
}
