//! Texts of the frame.

use crate::i18n::texts;

texts! {
    skip: "Skip to content", "跳到正文";
    main_nav: "Main", "主导航";
    where_: "Where you are", "当前位置";
    home: "Home", "首页";
    bots: "Bots", "机器人";
    keys: "Keys", "密钥";
    settings: "Settings", "设置";
    collapse: "Collapse or expand the side bar", "折叠或展开侧栏";
    you: "Your account", "您的账户";
    sign_out: "Sign out", "退出登录";
    live_open: "Live", "实时";
    live_connecting: "Connecting…", "连接中…";
    live_lost: "Offline, trying again", "已断开，正在重试";
}
