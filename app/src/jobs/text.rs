//! Texts of jobs.

use crate::i18n::texts;
use api::jobs::{JobState, JobWait};
use ui::{Glyph, Tone};

texts! {
    title: "Jobs", "任务";
    lead: "Work that goes on by itself. What is done leaves the list, unless it failed before or took long.", "后台自动进行的工作。完成后即从列表消失，除非曾经失败或耗时较长。";
    states: "States", "状态";
    all: "All", "全部";
    queued: "Waiting", "等待中";
    running: "Running", "运行中";
    done: "Done", "已完成";
    dead: "Given up", "已放弃";
    cancelled: "Cancelled", "已取消";
    none_title: "No such jobs", "没有此类任务";
    none_text: "What waits, runs or was given up stands here.", "等待、运行或已放弃的任务会显示在这里。";
    reconcile: "Bring a bot to what is wanted", "使机器人达到期望状态";
    upgrade: "Give a bot another OpenClaw", "更换机器人的 OpenClaw 版本";
    push: "Tell devices of news", "通知设备";
    send: "Push to a device", "推送到设备";
    together: "Push several at once to a device", "合并推送到设备";
    forget: "Delete a thread in its bot", "在机器人中删除会话";
    wait_runtime: "waits for what its bot runs in to answer", "等待机器人的运行环境响应";
    wait_bot: "waits until its bot is up", "等待机器人启动";
    wait_gateway: "waits for the gateway of its bot", "等待机器人的网关";
    wait_pause: "pauses after a failure of its bot", "机器人失败后暂停中";
    ended: "ended", "结束于";
    tries: "Try {}", "第 {} 次";
    of: "of", "共";
    added: "added", "添加于";
    next: "next", "下次";
    took: "took", "用时";
    retry: "Retry", "重试";
    run_now: "Run now", "立即运行";
    cancel: "Cancel job", "取消任务";
    discard: "Discard", "丢弃";
}

/// A kind in words.
pub(super) fn kind<'a>(kind: &'a str, t: &'static Text) -> &'a str {
    match kind {
        "bots.reconcile" => t.reconcile,
        "bots.upgrade" => t.upgrade,
        "notify.push" => t.push,
        "notify.send" => t.send,
        "notify.together" => t.together,
        "chat.forget_session" => t.forget,
        other => other,
    }
}

/// What a job waits for.
pub(super) const fn wait(wait: JobWait, t: &'static Text) -> &'static str {
    match wait {
        JobWait::Runtime => t.wait_runtime,
        JobWait::Bot => t.wait_bot,
        JobWait::Gateway => t.wait_gateway,
        JobWait::Pause => t.wait_pause,
    }
}

/// How a state reads.
pub(super) const fn state(state: JobState, t: &'static Text) -> (Tone, Glyph, &'static str) {
    match state {
        JobState::Queued => (Tone::Idle, Glyph::CirclePause, t.queued),
        JobState::Running => (Tone::Info, Glyph::LoaderCircle, t.running),
        JobState::Done => (Tone::Ok, Glyph::CircleCheck, t.done),
        JobState::Dead => (Tone::Bad, Glyph::CircleX, t.dead),
        JobState::Cancelled => (Tone::Idle, Glyph::CircleX, t.cancelled),
    }
}
