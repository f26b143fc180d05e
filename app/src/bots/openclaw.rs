//! A bot's OpenClaw: which one it has, giving it another one, and going back.

use super::{
    detail::OneBot,
    more_fns::{BotsUpgrade, BotsUpgradeCancel, BotsUpgradeReturn},
};
use crate::{
    i18n::{fill, texts},
    parts::{Failure, failure_of},
    time::Moment,
};
use api::{
    ApiError,
    bots::{BotDetail, Upgrade, UpgradePhase},
};
use leptos::prelude::*;
use ui::{Banner, Button, Card, Glyph, IntoWhole, Kind, Tone};

texts! {
    has: "This bot runs with OpenClaw {}.", "此机器人运行 OpenClaw {}。";
    newest: "There is no other version to give it. A newer Chela brings a newer OpenClaw.", "没有其他可用版本。更新的 Chela 会带来更新的 OpenClaw。";
    how: "The new version first comes up with a copy of this bot's memory, while the old one goes on serving. Then it takes over; if it is not well, Chela goes back to the old version and its memory by itself.", "新版本先用此机器人记忆的副本启动，旧版本继续服务；之后才接管。若新版本不正常，Chela 会自动退回旧版本及其记忆。";
    to: "Version", "版本";
    skip: "Take over at once (where this machine has no room for a second gateway)", "直接接管（本机没有空间再运行一个网关时）";
    upgrade: "Upgrade", "升级";
    cancel: "Cancel", "取消";
    way: "From {} to {}", "从 {} 到 {}";
    queued: "Waits until another bot's upgrade is through", "等待另一个机器人的升级完成";
    preparing: "Installing the new version; the old one serves", "正在安装新版本，旧版本继续服务";
    rehearsing: "The new version comes up with a copy; the old one serves", "新版本正用副本启动，旧版本继续服务";
    proving: "The new version has taken over, and must be well for a minute", "新版本已接管，需正常运行一分钟";
    returning: "Going back to the version before", "正在退回之前的版本";
    done: "Upgraded to {}", "已升级到 {}";
    failed: "The upgrade to {} came to nothing", "升级到 {} 未成功";
    returned: "Back from {}", "已从 {} 退回";
    kept: "The memory from before is kept until", "升级前的记忆保留至";
    back: "Go back to {}", "退回到 {}";
    back_why: "What this bot learned since the upgrade is lost to it. Chats in Chela stay.", "机器人在升级后记住的内容将丢失；Chela 中的聊天保留。";
}

/// Version, upgrade, what became of the last one.
#[component]
pub(super) fn OpenClaw(one: OneBot) -> impl IntoView {
    let t = text();
    let upgrade = ServerAction::<BotsUpgrade>::new();
    let cancel = ServerAction::<BotsUpgradeCancel>::new();
    let back = ServerAction::<BotsUpgradeReturn>::new();
    // The last to answer counts, whichever was asked.
    let answers = [upgrade.value(), cancel.value(), back.value()];
    let said = RwSignal::new(None::<Result<BotDetail, ApiError>>);
    for answer in answers {
        Effect::new(move |_: Option<()>| {
            if let Some(answer) = answer.get() {
                if let Ok(bot) = &answer {
                    one.detail.set(bot.clone());
                }
                said.set(Some(answer));
            }
        });
    }
    let version = Memo::new(move |_| one.detail.with(|bot| bot.summary.openclaw.clone()));
    let offers = Memo::new(move |_| one.detail.with(|bot| bot.openclaw_offers.clone()));
    let last = Memo::new(move |_| one.detail.with(|bot| bot.upgrade.clone()));
    let going = Memo::new(move |_| last.with(|last| last.as_ref().is_some_and(|last| last.phase.goes_on())));
    let form = move || {
        let options = offers.get().into_iter().map(|offer| {
            let value = offer.clone();
            view! { <option value=value>{offer}</option> }
        });
        view! {
            <p class="hint">{t.how}</p>
            <ActionForm action=upgrade>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <div class="field">
                    <label for="openclaw-to">{t.to}</label>
                    <select id="openclaw-to" name="cmd[to]" class="input">{options.collect_view()}</select>
                </div>
                <label class="tag-tick">
                    <input type="checkbox" name="cmd[rehearse]" value="false"/>
                    {t.skip}
                </label>
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::ArrowUp busy=upgrade.pending()>{t.upgrade}</Button>
                </div>
            </ActionForm>
        }
    };
    view! {
        <section id="openclaw">
            <Card title="OpenClaw">
                <p>{move || fill(t.has, &version.get())}</p>
                <Failure error=failure_of(move || said.get())/>
                {move || last.get().map(|last| outcome(one, last, cancel, back))}
                {move || match (going.get(), offers.with(Vec::is_empty)) {
                    (true, _) => ().whole(),
                    (false, true) => view! { <p class="hint">{t.newest}</p> }.whole(),
                    (false, false) => form().whole(),
                }}
            </Card>
        </section>
    }
}

const fn words(phase: UpgradePhase, t: &'static Text) -> (Tone, &'static str) {
    use UpgradePhase as P;
    match phase {
        P::Queued => (Tone::Info, t.queued),
        P::Preparing => (Tone::Info, t.preparing),
        P::Rehearsing => (Tone::Info, t.rehearsing),
        P::Proving => (Tone::Info, t.proving),
        P::Returning => (Tone::Warn, t.returning),
        P::Done => (Tone::Ok, t.done),
        P::Failed => (Tone::Warn, t.failed),
        P::Returned => (Tone::Warn, t.returned),
    }
}

/// How the last upgrade stands, and the way out of it.
fn outcome(
    one: OneBot,
    last: Upgrade,
    cancel: ServerAction<BotsUpgradeCancel>,
    back: ServerAction<BotsUpgradeReturn>,
) -> impl IntoView {
    let t = text();
    let (tone, title) = words(last.phase, t);
    let title = fill(title, &last.to);
    let way = fill(&fill(t.way, &last.from), &last.to);
    let may_cancel = last.phase.goes_on() && !last.phase.swaps();
    let from = last.kept_version.unwrap_or(last.from);
    view! {
        <Banner tone title>
            <p>{last.reason.map_or(way, |reason| reason.message)}</p>
            {may_cancel
                .then(|| {
                    view! {
                        <ActionForm action=cancel>
                            <input type="hidden" name="cmd[bot]" value=one.slug()/>
                            <Button busy=cancel.pending()>{t.cancel}</Button>
                        </ActionForm>
                    }
                })}
            {last
                .kept_until_ms
                .map(|until| {
                    view! {
                        <p>{t.kept} " " <Moment ms=Signal::stored(until)/></p>
                        <details class="fold">
                            <summary>{fill(t.back, &from)}</summary>
                            <p>{t.back_why}</p>
                            <ActionForm action=back>
                                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                                <Button kind=Kind::Danger glyph=Glyph::RefreshCw busy=back.pending()>
                                    {fill(t.back, &from)}
                                </Button>
                            </ActionForm>
                        </details>
                    }
                })}
        </Banner>
    }
}
