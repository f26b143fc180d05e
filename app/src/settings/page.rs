//! The pages below the tabs of settings, in one chunk: each is small, and people walk through them in a row.

use super::instance::InstanceView;
use crate::{
    auth::{profile::Profile, security::Security, tokens::Tokens},
    notify::choices::ChoicesView,
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_location, lazy_route};
use ui::IntoWhole;

/// One of them, by its address.
#[derive(Debug)]
pub struct SettingsPage;

#[lazy_route]
impl LazyRoute for SettingsPage {
    fn data() -> Self {
        SettingsPage
    }

    fn view(this: SettingsPage) -> AnyView {
        _ = this;
        match use_location().pathname.get_untracked().as_str() {
            "/settings/security" => view! { <Security/> }.whole(),
            "/settings/notifications" => view! { <ChoicesView/> }.whole(),
            "/settings/tokens" => view! { <Tokens/> }.whole(),
            "/admin/instance" => view! { <InstanceView/> }.whole(),
            _ => view! { <Profile/> }.whole(),
        }
    }
}
