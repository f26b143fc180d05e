//! All bots: which are not well? What is asked stands in the address, so that a view can be kept and passed on;
//! the server narrows, sorts and counts.

mod bulk;
mod import;
mod narrow;
mod table;
pub(super) mod text;

use super::fns::{bots_list, bots_stats};
use crate::parts::{Heading, Unloaded};
use api::{
    ApiError, Page,
    bots::{BotStats, BotSummary},
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use narrow::Asked;
pub(crate) use table::follow_bots;
use ui::{Glyph, Icon, IntoWhole};

/// `/bots`
#[derive(Debug)]
pub struct BotsPage {
    asked: Memo<Asked>,
    page: Resource<Result<Page<BotSummary>, ApiError>>,
    stats: Resource<Result<BotStats, ApiError>>,
}

#[lazy_route]
impl LazyRoute for BotsPage {
    fn data() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| query.with(Asked::read));
        let page = Resource::new_blocking(move || asked.get(), |asked| bots_list(asked.list()));
        let stats = Resource::new_blocking(move || asked.get(), |asked| bots_stats(asked.stats()));
        BotsPage { asked, page, stats }
    }

    fn view(this: BotsPage) -> AnyView {
        let BotsPage { asked, page, stats } = this;
        view! {
            <Heading title=super::text::text().bots>
                <import::Import/>
                <a class="btn btn-primary" href="/bots/new">
                    <Icon glyph=Glyph::Plus/>
                    <span>{super::text::text().new_bot}</span>
                </a>
            </Heading>
            <Transition>
                {move || Suspend::new(async move {
                    match (page.await, stats.await) {
                        (Ok(page), Ok(stats)) => {
                            view! { <table::Bots asked=asked.get_untracked() page stats/> }.whole()
                        }
                        (Err(error), _) | (_, Err(error)) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
        }
        .whole()
    }
}
