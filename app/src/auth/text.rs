//! Texts of people.

use crate::i18n::texts;

texts! {
    // set-up and links
    setup_title: "Welcome to Chela", "欢迎使用 Chela";
    setup_lead: "Your bots, your keys, your machine. One passkey and you are in.", "您的机器人、您的密钥、您的机器。一枚通行密钥即可进入。";
    link_title: "Create your passkey", "创建通行密钥";
    link_invite: "You have been invited to Chela.", "您受邀使用 Chela。";
    link_recovery: "A new passkey for", "新的通行密钥，属于";
    your_name: "Your name", "您的名字";
    create_passkey: "Create your passkey", "创建通行密钥";
    what_is: "A passkey is kept by your device or password manager and opened with your fingerprint, face or PIN. There is no password.", "通行密钥由您的设备或密码管理器保管，用指纹、面容或 PIN 解锁。没有密码。";
    // login
    login_title: "Sign in", "登录";
    login_do: "Sign in with a passkey", "使用通行密钥登录";
    by_name: "Sign in by name instead", "改用名字登录";
    name: "Name", "名字";
    by_name_hint: "For passkeys on a security key that does not remember names.", "适用于不记录名字的安全密钥。";
    continue_: "Continue", "继续";
    lost: "Lost your passkey? On the server machine:", "通行密钥丢失？请在服务器上运行：";
    // nobody is enrolled yet
    first_title: "Not set up yet", "尚未设置";
    first_lead: "Nobody has a passkey for this Chela yet, so there is nothing to sign in with. The first one is made by a one-time link, which appears on the server machine only.", "此 Chela 还没有任何通行密钥，因此无法登录。第一枚通行密钥通过一次性链接创建，该链接只显示在服务器上。";
    first_serve: "Chela prints it when it starts:", "Chela 启动时会显示它：";
    first_setup: "A fresh one, while Chela runs:", "Chela 运行时获取新的链接：";
    first_later: "Later, a link for one more person, or for a lost passkey:", "之后为其他人，或在通行密钥丢失时：";
    first_again: "I have made my passkey: sign in", "我已创建通行密钥：登录";
    say_no_script: "Passkeys need JavaScript", "通行密钥需要 JavaScript";
    say_no_script_more: "It is switched off in this browser. Switch it on for this site and reload the page.", "此浏览器已禁用 JavaScript。请为本站启用后重新加载页面。";
    // what passkey.js may have to say
    say_cancelled: "Nothing happened yet", "尚未完成";
    say_cancelled_more: "The passkey prompt was closed or timed out. Try again whenever you like; your link stays usable.", "通行密钥窗口被关闭或已超时。可随时重试，链接仍然有效。";
    say_already: "This device has a passkey for you already", "此设备已有您的通行密钥";
    say_already_more: "Sign in with it, or choose another device or password manager.", "请用它登录，或选择其他设备或密码管理器。";
    say_unsupported: "Please update your browser", "请更新浏览器";
    say_unsupported_more: "It is too old for passkeys, or this page is not open over https or localhost. Chrome 129, Safari 18.4 and Firefox 119 or newer work.", "浏览器版本过旧，或页面不是通过 https 或 localhost 打开。Chrome 129、Safari 18.4、Firefox 119 及更新版本可用。";
    say_no_link: "Open this page by its one-time link", "请通过一次性链接打开此页";
    say_no_link_more: "The link was printed when Chela started. A fresh one, on the server machine:", "链接在 Chela 启动时显示。可在服务器上获取新的链接：";
    say_offline: "Chela could not be reached", "无法连接 Chela";
    say_offline_more: "Check your connection and try again.", "请检查网络后重试。";
    // profile
    profile: "Profile", "个人资料";
    workspace: "Workspace", "工作区";
    role: "Role", "角色";
    role_owner: "Owner", "所有者";
    role_viewer: "Viewer", "查看者";
    admin: "Instance administrator", "实例管理员";
    look: "Appearance", "外观";
    theme: "Theme", "主题";
    theme_system: "System", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    language: "Language", "语言";
    density: "Rows", "行距";
    density_comfortable: "Comfortable", "宽松";
    density_compact: "Compact", "紧凑";
    // security
    security: "Security", "安全";
    passkeys: "Passkeys", "通行密钥";
    passkeys_text: "Have two, so that losing one does not lock you out.", "建议至少两枚，以免丢失后无法登录。";
    passkey_name: "Name of the new passkey", "新通行密钥的名称";
    passkey_add: "Add a passkey", "添加通行密钥";
    synced: "Synced", "已同步";
    device: "On one device", "仅限一台设备";
    created: "Created", "创建于";
    last_used: "Last used", "上次使用";
    never: "never", "从未";
    rename: "Rename", "重命名";
    passkey_rename: "Rename passkey", "重命名通行密钥";
    passkey_new_name: "New name", "新名称";
    delete: "Delete", "删除";
    passkey_delete: "Delete this passkey?", "删除此通行密钥？";
    passkey_delete_text: "It will no longer let you in. Remove it from your device as well.", "之后无法再用它登录。请同时从您的设备中移除。";
    passkey_last: "Your only passkey cannot be deleted; add another one first.", "唯一的通行密钥不能删除，请先再添加一枚。";
    sessions: "Sessions", "会话";
    this_session: "This one", "当前会话";
    seen: "Seen", "最近活动";
    expires: "Ends", "到期";
    revoke: "End", "结束";
    revoke_others: "End all others", "结束其他全部会话";
    revoked: "Session ended", "会话已结束";
    // tokens
    tokens: "API tokens", "API 令牌";
    tokens_text: "For scripts and programs. A token is made on the server machine and shown there once:", "供脚本和程序使用。令牌在服务器上创建，仅显示一次：";
    tokens_none: "No tokens yet", "还没有令牌";
    token_delete: "Delete this token?", "删除此令牌？";
    token_delete_text: "Whatever uses it stops working at once.", "使用它的程序会立即失效。";
    token_deleted: "Token deleted", "令牌已删除";
    copy: "Copy", "复制";
    close: "Close", "关闭";
    request_id: "Request", "请求编号";
}
