//! Texts of settings.

use crate::i18n::texts;

texts! {
    settings: "Settings", "设置";
    profile: "Profile", "个人资料";
    security: "Security", "安全";
    tokens: "API tokens", "API 令牌";
    instance: "Instance", "实例";
    version: "Version", "版本";
    public_url: "Public address", "公开地址";
    database: "Database", "数据库";
    runtime: "Runtime", "运行环境";
    openclaw: "OpenClaw", "OpenClaw";
    api_docs: "REST API", "REST 接口";
    all_well: "Nothing needs an operator.", "没有需要运维处理的事项。";
}
