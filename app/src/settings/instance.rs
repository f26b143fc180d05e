//! `/admin/instance`: what this instance is, and what an operator must know now.

use super::{fns::settings_instance, text};
use crate::parts::Unloaded;
use api::settings::{Banner as Notice, Instance};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Banner, Card, Tone};

/// The page.
#[component]
pub(crate) fn InstanceView() -> impl IntoView {
    let instance = Resource::new_blocking(|| (), |()| settings_instance());
    let t = text::text();
    view! {
        <Title text=t.instance/>
        <Suspense>
            {move || Suspend::new(async move {
                match instance.await {
                    Ok(instance) => view! { <Facts instance/> }.into_any(),
                    Err(error) => view! { <Unloaded error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// Things an operator must know now.
#[component]
pub(crate) fn Notices(notices: Vec<Notice>) -> impl IntoView {
    notices
        .into_iter()
        .map(|notice| {
            view! {
                <Banner tone=Tone::Warn title=notice.message>
                    {notice.hint.map(|hint| view! { <p>{hint}</p> })}
                </Banner>
            }
        })
        .collect_view()
}

#[component]
fn Facts(instance: Instance) -> impl IntoView {
    let t = text::text();
    let well = instance.banners.is_empty();
    view! {
        <div class="stack narrow">
            <Notices notices=instance.banners/>
            <Card title=t.instance>
                <dl class="facts">
                    <dt>{t.version}</dt>
                    <dd class="mono">{instance.version}</dd>
                    <dt>{t.openclaw}</dt>
                    <dd class="mono">{instance.openclaw_version}</dd>
                    <dt>{t.public_url}</dt>
                    <dd class="mono">{instance.public_url}</dd>
                    <dt>{t.database}</dt>
                    <dd>{instance.database}</dd>
                    <dt>{t.runtime}</dt>
                    <dd>{instance.runtime} <p class="hint">{instance.runtime_why}</p></dd>
                    <dt>{t.api_docs}</dt>
                    <dd><a href="/api/docs" rel="external">"/api/docs"</a></dd>
                </dl>
                {well.then(|| view! { <p class="hint">{t.all_well}</p> })}
            </Card>
        </div>
    }
}
