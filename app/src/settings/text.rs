//! Texts of settings.

use crate::i18n::texts;

texts! {
    settings: "Settings", "设置";
    profile: "Profile", "个人资料";
    security: "Security", "安全";
    notifications: "Notifications", "通知";
    tokens: "API tokens", "API 令牌";
    instance: "Instance", "实例";
    jobs: "Jobs", "任务";
    version: "Chela", "Chela";
    public_url: "Public address", "公开地址";
    database: "Database", "数据库";
    runtime: "Runtime", "运行环境";
    openclaw: "OpenClaw", "OpenClaw";
    api_docs: "REST API", "REST 接口";
    api_docs_open: "Open its documentation", "打开接口文档";
    reach: "Where it answers", "访问地址";
    copy: "Copy", "复制";
    rt_docker: "Docker", "Docker";
    rt_process: "Processes", "本机进程";
    runtime_why: "Why this runtime", "为何选择此运行环境";
    commands: "For operators", "运维命令";
    commands_where: "On the server machine:", "在服务器上运行：";
    do_doctor: "Find out what is wrong", "检查问题";
    do_backup: "Keep a copy of everything", "创建备份";
    do_link: "Let one more person in, or somebody back in", "邀请他人，或恢复登录";
    do_token: "A token for scripts", "为脚本创建令牌";
    all_well: "Nothing needs an operator.", "没有需要运维处理的事项。";
}
