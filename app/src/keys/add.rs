//! Adding a key: paste it, and everything else is told from its shape.

use super::{fns::KeysAdd, text};
use crate::parts::{Failure, failure_of, field_error};
use api::{
    Code,
    keys::{KeyStatus, KeySummary, Vendor},
};
use leptos::{html, prelude::*};
use ui::{Banner, Button, Card, Field, Glyph, Kind, SecretField, Tone};

/// The form.
#[expect(clippy::too_many_lines, reason = "one form, its fields in a row")]
#[component]
pub(super) fn AddForm(vendors: Vec<Vendor>, reload: Callback<()>) -> impl IntoView {
    let t = text::text();
    let add = ServerAction::<KeysAdd>::new();
    let value = add.value();
    let error = failure_of(move || value.get());
    let form = NodeRef::<html::Form>::new();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(_)) = value.get() {
            if let Some(form) = form.get_untracked() {
                form.reset();
            }
            reload.run(());
        }
    });
    let refused = Memo::new(move |_| error.with(|e| e.as_ref().is_some_and(|e| e.code == Code::KeyRejected)));
    let added = move || value.get().and_then(Result::ok).map(|key| view! { <Added key/> });
    view! {
        <Card title=t.add_title class="key-form">
            <div class="failure">{added}</div>
            <Failure error/>
            <ActionForm action=add node_ref=form>
                <SecretField
                    id="key-secret"
                    name="cmd[secret]"
                    label=t.key
                    hint=t.key_hint
                    error=field_error(error, "/secret")
                />
                <Field id="key-vendor" label=t.vendor error=field_error(error, "/vendor")>
                    <select id="key-vendor" name="cmd[vendor]" class="input" aria-describedby="key-vendor-note">
                        <option value="">{t.vendor_detect}</option>
                        {vendors
                            .into_iter()
                            .map(|vendor| view! { <option value=vendor.id>{vendor.name}</option> })
                            .collect_view()}
                    </select>
                </Field>
                <div class="only-custom">
                    <Field id="key-base" label=t.base_url hint=t.base_url_hint error=field_error(error, "/base_url")>
                        <input
                            id="key-base"
                            name="cmd[base_url]"
                            class="input mono"
                            type="url"
                            autocomplete="off"
                            aria-describedby="key-base-note"
                        />
                    </Field>
                </div>
                <Field id="key-label" label=t.label hint=t.label_hint error=field_error(error, "/label")>
                    <input
                        id="key-label"
                        name="cmd[label]"
                        class="input"
                        maxlength="80"
                        autocomplete="off"
                        aria-describedby="key-label-note"
                    />
                </Field>
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::Plus busy=add.pending()>
                        {t.add}
                    </Button>
                    {move || {
                        refused
                            .get()
                            .then(|| {
                                view! {
                                    <button class="btn" type="submit" name="cmd[accept_failing]" value="true">
                                        {t.save_failing}
                                    </button>
                                }
                            })
                    }}
                </div>
            </ActionForm>
        </Card>
    }
}

/// What came of it, and the next step.
#[component]
fn Added(key: KeySummary) -> impl IntoView {
    let t = text::text();
    let working = key.status != KeyStatus::Failing;
    let (tone, title) = if working { (Tone::Ok, t.added_title) } else { (Tone::Warn, t.added_failing) };
    view! {
        <Banner tone title>
            {key.status_message.map(|message| view! { <p>{message}</p> })}
            {working.then(|| view! { <p><a class="btn btn-primary" href="/bots/new">{t.added_next}</a></p> })}
        </Banner>
    }
}
