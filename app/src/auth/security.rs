//! `/settings/security`: my passkeys and my sessions.

use super::{
    fns::{auth_passkeys, auth_sessions},
    passkeys::Passkeys,
    sessions::Sessions,
    text,
};
use crate::parts::Unloaded;
use leptos::prelude::*;
use leptos_meta::Title;
use ui::IntoWhole;

/// The page.
#[component]
pub(crate) fn Security() -> impl IntoView {
    let passkeys = Resource::new_blocking(|| (), |()| auth_passkeys());
    let sessions = Resource::new_blocking(|| (), |()| auth_sessions());
    let t = text::text();
    view! {
        <Title text=t.security/>
        <div class="stack">
            <Transition>
                {move || Suspend::new(async move {
                    match passkeys.await {
                        Ok(list) => view! { <Passkeys list reload=Callback::new(move |()| passkeys.refetch())/> }.whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    match sessions.await {
                        Ok(list) => view! { <Sessions list reload=Callback::new(move |()| sessions.refetch())/> }.whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
        </div>
    }
}
