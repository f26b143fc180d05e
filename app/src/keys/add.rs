//! Adding a key: paste it, and everything else is told from its shape.

use super::{fns::KeysAdd, text};
use crate::parts::{Failure, failure_of, field_error};
use api::{
    ApiError, Code,
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
    let placed = ["/secret", "/vendor", "/base_url", "/label"];
    let told = Signal::derive(move || {
        let is_placed =
            |error: &ApiError| error.fields.iter().any(|field| placed.contains(&field.pointer.as_str()));
        error.with(|error| error.as_ref().is_some_and(is_placed))
    });
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
            <Failure error told/>
            <ActionForm action=add node_ref=form>
                <SecretField
                    id="key-secret"
                    name="cmd[secret]"
                    label=t.key
                    hint=t.key_hint
                    error=field_error(error, "/secret")
                    required=false
                />
                <Field id="key-vendor" label=t.vendor error=field_error(error, "/vendor")>
                    <select id="key-vendor" name="cmd[vendor]" class="input" aria-describedby="key-vendor-note">
                        <option value="">{t.vendor_detect}</option>
                        {choices(vendors, t)
                            .into_iter()
                            .map(|(value, name, asks, keyless)| {
                                view! {
                                    <option value=value data-base=asks data-keyless=keyless>
                                        {name}
                                    </option>
                                }
                            })
                            .collect_view()}
                    </select>
                </Field>
                <p class="hint only-keyless">{t.keyless}</p>
                <div class="only-base">
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

/// What can be chosen: every vendor, and behind it its other regions. A mark is there or not.
fn choices(
    vendors: Vec<Vendor>,
    t: &text::Text,
) -> Vec<(String, String, Option<&'static str>, Option<&'static str>)> {
    let mark = |on: bool| on.then_some("");
    let of = |vendor: Vendor| {
        let (asks, keyless) = (mark(vendor.asks_base_url), mark(vendor.keyless));
        let regions = vendor.regions.iter().map(|region| {
            let name = match region.id.as_str() {
                "intl" => t.region_intl,
                "eu" => t.region_eu,
                "us" => t.region_us,
                _ => &region.name,
            };
            (format!("{}@{}", vendor.id, region.id), format!("{} ({name})", vendor.name), None, None)
        });
        let regions: Vec<_> = regions.collect();
        std::iter::once((vendor.id, vendor.name, asks, keyless)).chain(regions)
    };
    vendors.into_iter().flat_map(of).collect()
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
