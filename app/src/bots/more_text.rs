//! Texts of a bot's past, health, trash and copies.

use crate::i18n::texts;

texts! {
    upgrade_to: "Upgrade", "升级";
    tab_changes: "Changes", "变更";
    tab_diagnostics: "Diagnostics", "诊断";
    change_waits: "A saved change waits", "有未应用的修改";
    // trash and copies
    to_trash: "Move to trash", "移到回收站";
    trashed_now: "In the trash. It is kept for seven days, then deleted for ever.", "已移到回收站，保留七天后将永久删除。";
    gone_now: "This bot was deleted, or put in the trash.", "此机器人已被删除或移到回收站。";
    look_trash: "Look in the trash", "查看回收站";
    undo: "Undo", "撤销";
    clone: "Clone", "复制";
    clone_title: "Clone this bot", "复制此机器人";
    clone_text: "The new bot gets the same settings and tags, and nothing of what this one remembers. It starts at once.", "新机器人将获得相同的设置和标签，但不会继承此机器人的任何记忆，并会立即启动。";
    clone_name: "Name of the new bot", "新机器人的名称";
    // changes
    past_none: "Nothing happened to it yet.", "尚无任何变更。";
    gone_who: "somebody who is deleted", "已删除的用户或令牌";
    by: "by {}", "操作者：{}";
    lived: "after {}", "运行 {} 后";
    k_created: "Created", "已创建";
    k_changed: "Change saved", "已保存修改";
    k_applied: "Change applied", "已应用修改";
    k_discarded: "Change discarded", "已放弃修改";
    k_start: "Start", "启动";
    k_stop: "Stop", "停止";
    k_restart: "Restart", "重启";
    k_trash: "Moved to the trash", "移到回收站";
    k_restore: "Taken out of the trash", "从回收站恢复";
    k_ready: "Ready", "就绪";
    k_died: "Died", "异常终止";
    k_failed: "Failed", "失败";
    k_ended: "Ended", "已结束";
    k_upgrade: "Upgrade of OpenClaw", "升级 OpenClaw";
    k_return: "Back to the version before", "退回之前的版本";
    k_upgraded: "Upgraded and well", "升级完成且正常";
    k_upgrade_undone: "Upgrade undone", "升级已撤销";
    // two facts
    lives: "Process lives", "进程存活";
    works: "Bot works", "机器人可用";
    yes: "Yes", "是";
    no: "No", "否";
    unknown: "Not known", "未知";
    stopped_as_wanted: "Stopped, as wanted", "已按要求停止";
    gateway: "Gateway", "网关";
    model: "Model", "模型";
    since: "Since", "自";
    died_at: "Died", "终止于";
    restarts: "Restarts", "重启次数";
    last_exit: "Died last", "上次终止";
    last_answer: "Last answer", "上次回答";
    asked: "Asked", "检测于";
    next_try: "Next try", "下次重试";
    more: "Diagnostics", "查看诊断";
    // diagnosis
    diagnose: "Diagnosis", "诊断";
    diagnose_text: "Looks at key, model, process, network and gateway at once. It changes nothing and costs nothing.", "同时检查密钥、模型、进程、网络和网关。不更改任何内容，也不产生费用。";
    run: "Run diagnosis", "运行诊断";
    o_healthy: "Everything the bot needs is there.", "机器人所需一切正常。";
    o_warning: "It can work, but look at this.", "可以运行，但请留意以下内容。";
    o_error: "Something the bot needs is missing.", "机器人缺少所需的条件。";
    c_provider_key: "Provider key", "供应商密钥";
    c_model_access: "Model", "模型";
    c_channel_tokens: "Channels", "渠道";
    c_container: "Process or container", "进程或容器";
    c_network: "Network", "网络";
    c_gateway: "Gateway", "网关";
    v_pass: "Pass", "通过";
    v_warning: "Warning", "警告";
    v_fail: "Fail", "失败";
    f_start: "Start", "启动";
    f_restart: "Restart", "重启";
    f_apply: "Apply", "应用";
    f_test_key: "Test again", "重新检测";
    f_add_key: "Keys", "密钥";
    f_configure: "Configuration", "配置";
    f_logs: "Logs", "日志";
    // history
    uptime: "Uptime", "运行时间";
    uptime_none: "It has not run yet.", "尚未运行。";
    deaths: "deaths: {}", "终止次数：{}";
    history: "How its health changed", "健康变化";
    history_none: "Nothing was seen yet.", "尚无记录。";
    h_healthy: "Healthy", "健康";
    h_degraded: "Lives, but does not work", "存活但不可用";
    h_unhealthy: "Does not live", "未存活";
    h_unknown: "Not known", "未知";
    // post-mortems
    postmortems: "What it left when it died", "终止记录";
    postmortems_none: "It has not died.", "从未异常终止。";
    open: "Open", "打开";
    download: "Download", "下载";
    exit_code: "Exit code", "退出码";
    memory: "Memory limit", "内存上限";
    changed_since: "Changed since it was well", "自正常以来的更改";
    changed_none: "Nothing", "无";
    last_words: "Last output", "最后输出";
    cut: "Earlier lines are not kept.", "更早的内容未保留。";
}
