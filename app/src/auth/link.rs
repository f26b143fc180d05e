//! `/link#…`: an invited person, or one who lost a passkey, enrols one.

use super::{
    enrol::{Alone, EnrolForm},
    text,
};
use leptos::prelude::*;

/// The page.
#[component]
pub(crate) fn LinkView() -> impl IntoView {
    let t = text::text();
    view! {
        <Alone title=t.link_title>
            <p class="lead" data-link-kind="invite" hidden>
                {t.link_invite}
            </p>
            <p class="lead" data-link-kind="recovery" hidden>
                {t.link_recovery}
                " "
                <b data-user></b>
            </p>
            <EnrolForm/>
        </Alone>
    }
}
