//! The list of my sessions: end one, end all others.

use super::{
    fns::{AuthRevokeOtherSessions, AuthRevokeSession},
    text,
};
use crate::{
    parts::Failure,
    time::{Moment, utc},
};
use api::auth::Session;
use leptos::prelude::*;
use ui::{Badge, Button, Card, Glyph, Icon, Kind, Toasts, Tone};

/// My sessions.
#[component]
pub(super) fn Sessions(list: Vec<Session>, reload: Callback<()>) -> impl IntoView {
    let t = text::text();
    let toasts = use_context::<Toasts>();
    let one = ServerAction::<AuthRevokeSession>::new();
    let others = ServerAction::<AuthRevokeOtherSessions>::new();
    Effect::new(move |_: Option<()>| {
        let done = [one.value(), others.value()];
        if done.into_iter().any(|value| value.get().is_some_and(|result| result.is_ok())) {
            if let Some(toasts) = toasts {
                toasts.say(t.revoked);
            }
            reload.run(());
        }
    });
    let failed = Signal::derive(move || {
        [one.value(), others.value()].into_iter().find_map(|value| value.get()?.err())
    });
    let several = list.len() > 1;
    view! {
        <Card title=t.sessions>
            <Failure error=failed/>
            <ul class="rows">
                {list.into_iter().map(|session| view! { <Row session action=one/> }).collect_view()}
            </ul>
            {several
                .then(|| {
                    view! {
                        <ActionForm action=others>
                            <Button busy=others.pending()>{t.revoke_others}</Button>
                        </ActionForm>
                    }
                })}
        </Card>
    }
}

#[component]
fn Row(session: Session, action: ServerAction<AuthRevokeSession>) -> impl IntoView {
    let t = text::text();
    view! {
        <li class="row">
            <Icon glyph=Glyph::Monitor/>
            <div class="row-what">
                <p class="row-name">
                    {session.label} " "
                    {session.current.then(|| view! { <Badge tone=Tone::Ok>{t.this_session}</Badge> })}
                </p>
                <p class="hint">
                    {t.seen} " " <Moment ms=Signal::stored(session.seen_at_ms)/> " · " {t.expires} " "
                    {utc(session.expires_at_ms)}
                </p>
            </div>
            <div class="row-acts">
                {(!session.current)
                    .then(|| {
                        view! {
                            <ActionForm action=action>
                                <input type="hidden" name="cmd[session]" value=session.id.to_string()/>
                                <Button kind=Kind::Quiet>{t.revoke}</Button>
                            </ActionForm>
                        }
                    })}
            </div>
        </li>
    }
}
