//! Texts of the frame.

use crate::i18n::texts;

texts! {
    skip: "Skip to content", "跳到正文";
    main_nav: "Main", "主导航";
    where_: "Where you are", "当前位置";
    home: "Home", "首页";
    bots: "Bots", "机器人";
    keys: "Keys", "密钥";
    usage: "Usage", "用量";
    alerts: "Notifications", "通知";
    settings: "Settings", "设置";
    collapse: "Collapse or expand the side bar", "折叠或展开侧栏";
    you: "Your account", "您的账户";
    sign_out: "Sign out", "退出登录";
    still_signed_in: "You are still signed in", "您仍处于登录状态";
    still_signed_in_more: "Signing out did not work. Try again; on a machine that is not yours, do not leave before it has.", "退出登录未成功，请重试；如果这不是您的设备，请在成功退出之前不要离开。";
    live_open: "Live", "实时";
    live_connecting: "Connecting…", "连接中…";
    live_still: "Not live", "非实时";
    still_title: "This page does not update by itself", "此页面不会自动更新";
    still_text: "Its scripts are switched off or could not be loaded. Links and forms work; reload to see what is new, an answer of a bot as well.", "脚本已禁用或未能加载。链接和表单可以使用；重新加载即可看到最新内容，包括机器人的回答。";
    reload: "Reload", "重新加载";
    live_lost: "Offline, trying again", "已断开，正在重试";
}
