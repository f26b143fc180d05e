//! The versions of a bot's settings, what each changed, and the way back to one.

use super::{changes, configs_text, diagnostics::Fixes, pending::PromptText, text};
use crate::{i18n::fill, time::Moment};
use api::{
    Page,
    bots::{BotConfigVersion, RollbackTo, SettingChange},
};
use leptos::{prelude::*, tachys::view::keyed::keyed};
use ui::{Button, Card, Glyph, IntoWhole};

fn named(setting: &str) -> &'static str {
    let (t, c) = (text::text(), configs_text::text());
    match setting {
        "name" => t.step_name,
        "model" => t.step_model,
        "prompt" => t.step_prompt,
        "profile" => t.step_profile,
        "memory_mb" => c.memory_mb,
        "cpu_milli" => c.cpu_milli,
        "pids" => c.pids,
        _ => c.setting,
    }
}

/// Settings that differ.
pub(super) fn differences(changes: Vec<SettingChange>) -> AnyView {
    let row = |SettingChange { setting, before, after }: SettingChange| {
        view! {
            <tr>
                <th scope="row">{named(&setting)}</th>
                <td class="diff-from"><PromptText text=before/></td>
                <td class="diff-to"><PromptText text=after/></td>
            </tr>
        }
    };
    view! { <table class="diff"><tbody>{changes.into_iter().map(row).collect_view()}</tbody></table> }.whole()
}

/// What going back would change, and the button that does it.
pub(super) fn way_back(fixes: Fixes, word: &'static str, to: RollbackTo) -> AnyView {
    let busy = fixes.busy_rollback();
    view! {
        <details class="fold">
            <summary>{word}</summary>
            {differences(to.changes)}
            <ActionForm action=fixes.rollback>
                <input type="hidden" name="cmd[bot]" value=fixes.one.slug()/>
                <input type="hidden" name="cmd[config_id]" value=to.config_id.to_string()/>
                <Button glyph=Glyph::RefreshCw busy>{configs_text::text().roll_back_now}</Button>
            </ActionForm>
        </details>
    }
    .whole()
}

#[component]
pub(super) fn Versions(fixes: Fixes, page: Page<BotConfigVersion>) -> impl IntoView {
    let t = configs_text::text();
    let older = page.next.map(|next| format!("/bots/{}/changes?versions={next}", fixes.one.slug()));
    view! {
        <Card title=t.versions>
            // By what they say: what is read anew closes no fold that is open, nor opens another version's.
            <ol class="rows">
                {keyed(
                    page.items,
                    |version| format!("{version:?}"),
                    move |_, version| ((|_| ()) as fn(usize), row(fixes, version)),
                )}
            </ol>
            {older.map(|href| view! { <nav class="pager"><a class="btn" href=href>{t.later}</a></nav> })}
        </Card>
    }
}

fn row(fixes: Fixes, version: BotConfigVersion) -> impl IntoView {
    let t = configs_text::text();
    let BotConfigVersion { id, at_ms, author, author_name, current, well, changes: changed, rollback } =
        version;
    let by = author.clone();
    let author = changes::who(author_name, author);
    let marks = [current.then_some(t.current), well.then_some(t.well)];
    let small = marks.into_iter().flatten().map(str::to_owned);
    let small = small.chain([fill(super::more_text::text().by, &author)]).collect::<Vec<_>>().join(" · ");
    let changed = if changed.is_empty() { view! { <p>{t.first}</p> }.whole() } else { differences(changed) };
    let back = (!rollback.is_empty())
        .then(|| way_back(fixes, t.roll_back, RollbackTo { config_id: id, changes: rollback }));
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name"><Moment ms=Signal::stored(at_ms)/></p>
                {changed}
                <p class="hint" title=by>{small}</p>
                {back}
            </div>
        </li>
    }
}
