//! `/settings/tokens`: API tokens of the workspace. They are made on the server machine, by `chela admin token`.

use super::{
    fns::{AuthDeleteToken, auth_tokens},
    text,
};
use crate::{
    parts::{self, Failure, Pager, Unloaded, failure_of, success_of},
    time::Moment,
};
use api::{
    Page,
    auth::{ApiToken, ListTokens, Role},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::{Badge, Button, Card, CopyText, Dialog, Glyph, Icon, IntoWhole, Kind, Opener, Toasts};

/// The page.
#[component]
pub(crate) fn Tokens() -> impl IntoView {
    let query = use_query_map();
    let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
    let tokens = Resource::new_blocking(
        move || cursor.get(),
        |cursor| auth_tokens(ListTokens { limit: None, cursor }),
    );
    let t = text::text();
    let toasts = use_context::<Toasts>();
    let delete = ServerAction::<AuthDeleteToken>::new();
    let value = delete.value();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(_)) = value.get() {
            if let Some(toasts) = toasts {
                toasts.say(t.token_deleted);
            }
            tokens.refetch();
        }
    });
    view! {
        <Title text=t.tokens/>
        <Card title=t.tokens>
            <p class="hint">{t.tokens_text}</p>
            <CopyText text="chela admin token --name NAME" label=t.copy/>
            <Failure error=failure_of(move || value.get())/>
            <Transition>
                {move || Suspend::new(async move {
                    match tokens.await {
                        Ok(page) => {
                            view! { <List page delete later=cursor.get_untracked().is_some()/> }.whole()
                        }
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
        </Card>
    }
}

#[component]
fn List(page: Page<ApiToken>, delete: ServerAction<AuthDeleteToken>, later: bool) -> impl IntoView {
    let t = text::text();
    let none = page.items.is_empty();
    view! {
        {none.then(|| view! { <p class="hint none">{t.tokens_none}</p> })}
        <ul class="rows">
            {page.items.into_iter().map(|token| view! { <Row token delete/> }).collect_view()}
        </ul>
        <Pager base="/settings/tokens" later next=page.next/>
    }
}

#[component]
fn Row(token: ApiToken, delete: ServerAction<AuthDeleteToken>) -> impl IntoView {
    let t = text::text();
    let dialog = format!("delete-{}", token.id);
    let role = match token.role {
        Role::Owner => t.role_owner,
        Role::Viewer => t.role_viewer,
    };
    view! {
        <li class="row">
            <Icon glyph=Glyph::KeyRound/>
            <div class="row-what">
                <p class="row-name">
                    {token.name.clone()} " " <Badge>{role}</Badge>
                    {token.admin.then(|| view! { " " <Badge>{t.admin}</Badge> })}
                </p>
                <p class="hint">
                    {t.created} " " <Moment ms=Signal::stored(token.created_at_ms)/> " · " {t.last_used} " "
                    {match token.last_used_at_ms {
                        Some(ms) => view! { <Moment ms=Signal::stored(ms)/> }.whole(),
                        None => t.never.whole(),
                    }}
                </p>
            </div>
            <div class="row-acts">
                <Opener dialog=dialog.clone() class="btn btn-quiet">
                    {t.delete}
                </Opener>
            </div>
            <Dialog id=dialog title=t.token_delete close=t.close done=success_of(move || delete.value().get())>
                <p>
                    <b>{token.name}</b>
                    ": "
                    {t.token_delete_text}
                </p>
                <ActionForm action=delete>
                    <input type="hidden" name="cmd[token]" value=token.id.to_string()/>
                    <div class="dialog-acts">
                        <button type="button" class="btn" data-close>
                            {parts::text().cancel}
                        </button>
                        <Button kind=Kind::Danger busy=delete.pending()>{t.delete}</Button>
                    </div>
                </ActionForm>
            </Dialog>
        </li>
    }
}
