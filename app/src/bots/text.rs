//! Texts of bots.

use crate::i18n::texts;

texts! {
    // list
    bots: "Bots", "机器人";
    new_bot: "New bot", "新建机器人";
    none_title: "No bots yet", "还没有机器人";
    none_text: "A bot answers in chat with the model and the prompt you give it.", "机器人用您选定的模型和提示词在聊天中作答。";
    create_first: "Create your first bot", "创建第一个机器人";
    col_name: "Name", "名称";
    col_state: "State", "状态";
    col_model: "Model", "模型";
    col_runtime: "Runs in", "运行环境";
    col_created: "Created", "创建时间";
    open_chat: "Chat", "聊天";
    // states
    s_running: "Running", "运行中";
    s_degraded: "Degraded", "降级运行";
    s_unhealthy: "Unhealthy", "不健康";
    s_starting: "Starting…", "启动中…";
    s_creating: "Creating…", "创建中…";
    s_queued: "Queued", "排队中";
    s_stopping: "Stopping…", "停止中…";
    s_stopped: "Stopped", "已停止";
    s_deleting: "Deleting…", "删除中…";
    s_failed: "Failed", "失败";
    s_unknown: "Unknown", "未知";
    // stages
    stages: "Stages", "阶段";
    st_queued: "Queued", "排队";
    st_runtime: "Prepare the runtime", "准备运行环境";
    st_image: "Get the image", "获取镜像";
    st_create: "Create", "创建";
    st_start: "Start", "启动";
    st_gateway: "Wait for the gateway", "等待网关";
    st_pairing: "Pair", "配对";
    st_ready: "Ready", "就绪";
    w_waiting: "waiting", "等待中";
    w_running: "in progress", "进行中";
    w_done: "done", "已完成";
    w_failed: "failed", "失败";
    ready_in: "Ready in {}", "{} 后就绪";
    // runtime and profile
    rt_process: "Process on this machine", "本机进程";
    rt_docker: "Docker container", "Docker 容器";
    pf_shared: "Shared", "共享";
    pf_shared_text: "Anybody may talk to it: it gets no tool that touches its host.", "任何人都可以与它交谈：它没有任何可触及主机的工具。";
    pf_own: "Own", "专属";
    pf_own_text: "For one owner, in a container only: it may use files and commands there.", "仅供一位所有者，只能在容器中运行：可以使用其中的文件和命令。";
    unavailable: "not available", "不可用";
    un_title: "Here a bot would run as your own user", "在这里，机器人将以您自己的用户身份运行";
    un_text: "Chela has no Docker to use and does not run as root, so nothing would keep a bot apart from this machine. It is given no tool that runs commands, reads or writes files, or reaches browsers or the network.", "Chela 没有可用的 Docker，也不以 root 身份运行，因此没有任何机制将机器人与本机隔离。它不会得到任何能运行命令、读写文件、使用浏览器或访问网络的工具。";
    un_risk: "If somebody broke out of OpenClaw all the same, they could read what you can read: your files, and Chela's keys.", "若有人仍然突破了 OpenClaw，便能读取您能读取的一切：您的文件，以及 Chela 的密钥。";
    un_better: "Better: install Docker, or run Chela as root. Accept this on a machine of your own only, and for one workspace.", "更好的做法：安装 Docker，或以 root 身份运行 Chela。请仅在您自己的机器上、为一个工作区接受此风险。";
    un_accept: "I accept this", "我接受";
    un_accepted: "Bots that nothing keeps apart from this machine are accepted here.", "已接受在本机运行未隔离的机器人。";
    un_take_back: "Take back", "撤回";
    // create
    create: "Create bot", "创建机器人";
    step_name: "Name", "名称";
    name_hint: "As people will see it. You can change it later.", "大家看到的名字，以后可以修改。";
    name_example: "Support helper", "客服助手";
    step_model: "Model", "模型";
    model_hint: "From the keys of this workspace.", "来自此工作区的密钥。";
    model_typed_hint: "Written vendor/model, e.g. openai/gpt-5-mini.", "写作 供应商/模型，例如 openai/gpt-5-mini。";
    model_type: "Type a model that is not listed", "输入未列出的模型";
    model_pick: "Choose from the list", "从列表中选择";
    more: "More: prompt, where it runs, whom it serves", "更多：提示词、运行位置、服务对象";
    step_prompt: "Prompt", "提示词";
    prompt_hint: "How it should behave. Empty means OpenClaw's own manner.", "它应当如何表现。留空则使用 OpenClaw 的默认方式。";
    step_runtime: "Where it runs", "运行位置";
    step_profile: "Whom it serves", "服务对象";
    summary: "Summary", "概要";
    summary_unnamed: "Not named yet", "尚未命名";
    summary_prompt_default: "OpenClaw's own manner", "OpenClaw 默认方式";
    summary_prompt_own: "Your own", "自定义";
    summary_next: "It starts at once. You will see each stage until it is ready.", "创建后立即启动，您会看到每个阶段直至就绪。";
    need_key_title: "Add a provider key first", "请先添加供应商密钥";
    need_key_text: "A bot needs a model, and a model needs a key. The key stays here: the bot never sees it.", "机器人需要模型，模型需要密钥。密钥只保存在这里，机器人永远看不到。";
    need_key_do: "Add a provider key", "添加供应商密钥";
    // detail
    tab_overview: "Overview", "概览";
    tab_chat: "Chat", "聊天";
    tab_config: "Configuration", "配置";
    tabs: "Bot", "机器人";
    start: "Start", "启动";
    stop: "Stop", "停止";
    cancel_start: "Cancel start", "取消启动";
    restart: "Restart", "重启";
    delete: "Delete", "删除";
    delete_title: "Delete this bot?", "删除此机器人？";
    delete_text: "Its state, chats and tokens go with it. This cannot be undone.", "其状态、聊天记录和令牌都会一并删除，无法撤销。";
    delete_type: "Type {} to confirm", "输入 {} 以确认";
    close: "Close", "关闭";
    deleted_now: "This bot has been deleted.", "此机器人已被删除。";
    to_bots: "All bots", "全部机器人";
    next_try: "Next try", "下次重试";
    restart_needed: "Restart to run with the applied configuration.", "重启后才会使用已应用的配置。";
    facts: "Facts", "信息";
    uptime: "Up since", "启动于";
    restarts: "Restarts", "重启次数";
    talk: "Open chat", "打开聊天";
    recent: "Recent chats", "最近的聊天";
    recent_none: "No chats yet.", "还没有聊天。";
    ready_title: "Ready to talk", "可以交谈了";
    ready_text: "The gateway is connected; answers stream as they are written.", "网关已连接，回答会边写边显示。";
    stopping_text: "It is given a moment to finish what it is doing.", "正在让它完成手头的工作。";
    stopped_title: "Stopped", "已停止";
    stopped_text: "Nothing runs and nothing is spent. Its chats are kept.", "没有任何运行和花费，聊天记录会保留。";
    // config
    config_intro: "A change is saved first and runs only once you apply it.", "修改会先保存，应用之后才会生效。";
    save_change: "Save change", "保存修改";
    saved: "Change saved", "修改已保存";
    applied: "Change applied", "修改已应用";
    discarded: "Change discarded", "修改已放弃";
    pending_title: "A saved change is not applied yet", "有已保存但未应用的修改";
    pending_from: "Now", "当前";
    pending_to: "After", "之后";
    apply: "Apply", "应用";
    discard: "Discard", "放弃";
    empty_value: "(empty)", "（空）";
    stale_title: "Somebody changed this bot since you opened it", "打开之后，有人修改了此机器人";
    stale_text: "You edited version {}; version {} is stored. Yours is still in the form.", "您编辑的是版本 {}，现存版本为 {}。您的内容仍在表单中。";
    stale_theirs: "Stored now", "现存内容";
    stale_keep: "Save mine over it", "用我的覆盖";
    stale_take: "Take the stored one", "采用现存内容";
}
