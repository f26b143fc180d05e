//! The pages for who is not in yet, `/login`, `/setup` and `/link`: one chunk, as they are small and share all.

use super::{link::LinkView, login::Login, setup::Setup};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_location, lazy_route};
use ui::IntoWhole;

/// One of the three, by its address.
#[derive(Debug)]
pub struct DoorPage;

#[lazy_route]
impl LazyRoute for DoorPage {
    fn data() -> Self {
        DoorPage
    }

    fn view(this: DoorPage) -> AnyView {
        _ = this;
        match use_location().pathname.get_untracked().as_str() {
            "/setup" => view! { <Setup/> }.whole(),
            "/link" => view! { <LinkView/> }.whole(),
            _ => view! { <Login/> }.whole(),
        }
    }
}
