//! A bot's tags: by what lists are narrowed. They hold at once, without a restart.

use super::{detail::OneBot, fns::BotsUpdate, text};
use crate::parts::{Failure, failure_of};
use leptos::prelude::*;
use ui::{Button, Card, Glyph};

/// One box for each tag, and a field for one more; what is unticked goes with saving.
#[component]
pub(super) fn Tags(one: OneBot) -> impl IntoView {
    let t = text::text();
    let save = ServerAction::<BotsUpdate>::new();
    let value = save.value();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(bot)) = value.get() {
            one.detail.set(bot);
        }
    });
    let tags = Memo::new(move |_| one.detail.with(|bot| bot.summary.tags.clone()));
    let boxes = move || {
        let tick = |tag: String| {
            view! {
                <label class="tag-tick">
                    <input type="checkbox" name="cmd[tags][]" value=tag.clone() checked/>
                    {tag}
                </label>
            }
        };
        tags.get().into_iter().map(tick).collect_view()
    };
    view! {
        <Card title=t.tags>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=save>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <div class="tag-ticks">
                    {boxes}
                    {move || {
                        tags.track();
                        view! {
                            <input
                                class="input"
                                name="cmd[tags][]"
                                maxlength="32"
                                autocomplete="off"
                                autocapitalize="none"
                                aria-label=t.tag_new
                                placeholder=t.tag_new
                            />
                        }
                    }}
                    <Button glyph=Glyph::Check busy=save.pending()>{t.tags_save}</Button>
                </div>
                <p class="hint">{t.tags_hint}</p>
            </ActionForm>
        </Card>
    }
}
