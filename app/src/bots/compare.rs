//! Two bots side by side: what sets them apart.

use super::{
    configs_text, fns::bots_get, limits::limits_in_words, list::text as list_text, more_text,
    pending::PromptText, state, text,
};
use crate::parts::{Heading, Unloaded};
use api::{
    ApiError,
    bots::{BotDetail, GetBot},
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use ui::{EmptyState, Glyph, IntoWhole};

/// Nothing where the address does not name two.
type Both = Result<Option<(BotDetail, BotDetail)>, ApiError>;

/// `/bots/compare?left=…&right=…`
#[derive(Debug)]
pub struct ComparePage {
    both: Resource<Both>,
}

#[lazy_route]
impl LazyRoute for ComparePage {
    fn data() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            ["left", "right"].map(|side| query.with(|query| query.get(side)).unwrap_or_default())
        });
        let both = Resource::new_blocking(
            move || asked.get(),
            |[left, right]| async move {
                if left.is_empty() || right.is_empty() {
                    return Ok(None);
                }
                Ok(Some((bots_get(GetBot { bot: left }).await?, bots_get(GetBot { bot: right }).await?)))
            },
        );
        ComparePage { both }
    }

    fn view(this: ComparePage) -> AnyView {
        view! {
            <Heading title=list_text::text().compare>
                <a class="btn" href="/bots">{text::text().to_bots}</a>
            </Heading>
            <Transition>
                {move || Suspend::new(async move {
                    match this.both.await {
                        Ok(Some((left, right))) => view! { <Sides left right/> }.whole(),
                        Ok(None) => {
                            let l = list_text::text();
                            view! { <EmptyState glyph=Glyph::Bot title=l.compare_none text=l.compare_how/> }.whole()
                        }
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
        }
        .whole()
    }
}

#[component]
fn Sides(left: BotDetail, right: BotDetail) -> impl IntoView {
    let (t, l) = (text::text(), list_text::text());
    let m = more_text::text();
    let column = |bot: &BotDetail| {
        let settings = &bot.settings;
        let pending = if bot.pending.is_some() { m.yes } else { m.no };
        [
            (t.col_state, state::shown(&bot.summary, t).word.to_owned()),
            (t.step_model, settings.model.clone()),
            (t.step_prompt, settings.prompt.clone()),
            (t.step_profile, state::profile_name(settings.profile, t).to_owned()),
            (t.col_runtime, state::runtime_name(bot.summary.runtime, t).to_owned()),
            (configs_text::text().resources, limits_in_words(settings.limits)),
            (t.tags, bot.summary.tags.join(", ")),
            (t.restarts, bot.restarts.to_string()),
            (t.pending_title, pending.to_owned()),
        ]
    };
    let heads = [&left, &right].map(|bot| {
        let href = format!("/bots/{}/overview", bot.summary.slug);
        view! { <th scope="col"><a href=href>{bot.summary.name.clone()}</a></th> }
    });
    let rows = column(&left).into_iter().zip(column(&right)).map(|((field, from), (_, to))| {
        let class = (from != to).then_some("differs");
        view! {
            <tr class=class>
                <th scope="row">{field}</th>
                <td><PromptText text=from/></td>
                <td><PromptText text=to/></td>
            </tr>
        }
    });
    view! {
        <section class="card">
            <table class="diff compare">
                <thead>
                    <tr>
                        <td></td>
                        {heads.into_iter().collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
            <p class="hint">{l.compare_hint}</p>
        </section>
    }
}
