//! Texts of what a bot may use, and of the versions of its settings.

use crate::i18n::texts;

texts! {
    // limits
    resources: "Resources", "资源";
    memory_mb: "Memory in MiB", "内存（MiB）";
    memory_hint: "512 to 65536. A change restarts the bot.", "512 至 65536。更改会重启机器人。";
    cpu_milli: "Processor in thousandths", "处理器（千分之一核）";
    cpu_hint: "1000 is one whole processor. Containers only.", "1000 表示一个完整的处理器，仅限容器。";
    pids: "Processes and threads", "进程与线程";
    pids_hint: "64 to 4096. Containers only.", "64 至 4096，仅限容器。";
    // answers
    raise: "Raise memory to {} MiB", "将内存提高到 {} MiB";
    roll_back_well: "Roll back to the settings it was well with", "回退到正常时的设置";
    roll_back: "Roll back", "回退";
    roll_back_now: "Roll back to this now", "立即回退到此版本";
    why: "Why, and what helps", "原因与解决办法";
    setting: "Setting", "设置项";
    // bundles
    export: "Export", "导出";
    import: "Import", "导入";
    import_title: "Import a bot", "导入机器人";
    import_text: "A bundle holds a bot's settings and workspace, signed by the Chela that made it. It holds no key: the keys of this workspace serve it. The new bot is stopped.", "导入包包含机器人的设置和工作区，并由导出它的 Chela 签名。其中不含密钥：将使用此工作区的密钥。新机器人处于停止状态。";
    import_file: "Bundle (.tar.gz)", "导入包（.tar.gz）";
    import_name: "Another name (optional)", "其他名称（可选）";
    import_model: "Another model (optional)", "其他模型（可选）";
    import_trust: "Fingerprint of another Chela that you trust", "您信任的另一个 Chela 的指纹";
    import_trust_hint: "Only for a bundle that was not made here. Ask whoever gave it to you.", "仅用于并非在此导出的导入包，请向提供者核对。";
    // versions
    versions: "Versions of its settings", "设置的历史版本";
    first: "First version", "首个版本";
    current: "applied", "使用中";
    well: "last well", "最近正常";
    later: "Older versions", "更早的版本";
    rolled_back: "Rolled back to older settings", "已回退到旧设置";
}
