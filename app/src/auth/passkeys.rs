//! The list of my passkeys: add, rename, delete.

use super::{
    enrol::Says,
    fns::{AuthDeletePasskey, AuthRenamePasskey},
    text,
};
use crate::{
    parts::{self, Failure, success_of},
    time::Moment,
};
use api::auth::Passkey;
use leptos::prelude::*;
use ui::{Badge, Button, Card, Dialog, Glyph, Icon, IntoWhole, Kind, Opener};

#[derive(Clone, Copy)]
struct Acts {
    rename: ServerAction<AuthRenamePasskey>,
    delete: ServerAction<AuthDeletePasskey>,
}

/// My passkeys.
#[component]
pub(super) fn Passkeys(list: Vec<Passkey>, reload: Callback<()>) -> impl IntoView {
    let t = text::text();
    let acts = Acts { rename: ServerAction::new(), delete: ServerAction::new() };
    Effect::new(move |_: Option<()>| {
        let done = [acts.rename.value(), acts.delete.value()];
        if done.into_iter().any(|value| value.get().is_some_and(|result| result.is_ok())) {
            reload.run(());
        }
    });
    let failed = Signal::derive(move || {
        [acts.rename.value(), acts.delete.value()].into_iter().find_map(|value| value.get()?.err())
    });
    let only = list.len() == 1;
    view! {
        <Card title=t.passkeys>
            <p class="hint">{if only { t.passkey_last } else { t.passkeys_text }}</p>
            <Failure error=failed/>
            <Says/>
            <ul class="rows">
                {list.into_iter().map(|passkey| view! { <Row passkey only acts/> }).collect_view()}
            </ul>
            <form class="inline-form" data-passkey="add" method="post">
                <div class="field">
                    <label for="passkey-name">{t.passkey_name}</label>
                    <input id="passkey-name" name="passkey_name" class="input" maxlength="80" autocomplete="off"/>
                </div>
                <button class="btn" type="submit">
                    <Icon glyph=Glyph::Plus/>
                    <span>{t.passkey_add}</span>
                </button>
            </form>
        </Card>
    }
}

#[component]
fn Row(passkey: Passkey, only: bool, acts: Acts) -> impl IntoView {
    let t = text::text();
    let id = passkey.id.to_string();
    let (rename, delete) = (format!("rename-{id}"), format!("delete-{id}"));
    view! {
        <li class="row">
            <Icon glyph=Glyph::Fingerprint/>
            <div class="row-what">
                <p class="row-name">
                    {passkey.name.clone()}
                    " "
                    <Badge>{if passkey.synced { t.synced } else { t.device }}</Badge>
                </p>
                <p class="hint">
                    {t.created} " " <Moment ms=Signal::stored(passkey.created_at_ms)/> " · " {t.last_used} " "
                    {match passkey.last_used_at_ms {
                        Some(ms) => view! { <Moment ms=Signal::stored(ms)/> }.whole(),
                        None => t.never.whole(),
                    }}
                </p>
            </div>
            <div class="row-acts">
                <Opener dialog=rename.clone() class="btn btn-quiet">
                    {t.rename}
                </Opener>
                {(!only).then(|| view! { <Opener dialog=delete.clone() class="btn btn-quiet">{t.delete}</Opener> })}
            </div>
            <RenameDialog dialog=rename passkey=passkey.clone() acts/>
            {(!only).then(|| view! { <DeleteDialog dialog=delete passkey acts/> })}
        </li>
    }
}

#[component]
fn RenameDialog(dialog: String, passkey: Passkey, acts: Acts) -> impl IntoView {
    let t = text::text();
    let field = format!("{dialog}-name");
    view! {
        <Dialog id=dialog title=t.passkey_rename close=t.close done=success_of(move || acts.rename.value().get())>
            <ActionForm action=acts.rename>
                <input type="hidden" name="cmd[passkey]" value=passkey.id.to_string()/>
                <div class="field">
                    <label for=field.clone()>{t.passkey_new_name}</label>
                    <input id=field name="cmd[name]" class="input" value=passkey.name required maxlength="80" autocomplete="off"/>
                </div>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=acts.rename.pending()>{parts::text().save}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn DeleteDialog(dialog: String, passkey: Passkey, acts: Acts) -> impl IntoView {
    let t = text::text();
    view! {
        <Dialog id=dialog title=t.passkey_delete close=t.close done=success_of(move || acts.delete.value().get())>
            <p>
                <b>{passkey.name}</b>
                ": "
                {t.passkey_delete_text}
            </p>
            <ActionForm action=acts.delete>
                <input type="hidden" name="cmd[passkey]" value=passkey.id.to_string()/>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger busy=acts.delete.pending()>{t.delete}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
