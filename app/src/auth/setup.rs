//! `/setup#…`: the first person enrols a passkey.

use super::{
    enrol::{Alone, EnrolForm},
    text,
};
use leptos::prelude::*;

/// The page.
#[component]
pub(crate) fn Setup() -> impl IntoView {
    let t = text::text();
    view! {
        <Alone title=t.setup_title>
            <p class="lead">{t.setup_lead}</p>
            <EnrolForm/>
        </Alone>
    }
}
