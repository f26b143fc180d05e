//! `/admin/instance`: what this instance is, and what an operator must know now.

use super::{fns::settings_instance, text};
use crate::parts::Unloaded;
use api::settings::{Banner as Notice, Instance};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Banner, Card, CopyText, Glyph, Icon, IntoWhole, Stat, Tone};

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
                    Ok(instance) => view! { <Facts instance/> }.whole(),
                    Err(error) => view! { <Unloaded error/> }.whole(),
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
    let figure = Signal::<String>::stored;
    view! {
        <div class="stack">
            <Notices notices=instance.banners/>
            {well
                .then(|| {
                    view! {
                        <p class="well">
                            <Icon glyph=Glyph::CircleCheck/>
                            {t.all_well}
                        </p>
                    }
                })}
            <dl class="stats">
                <Stat label=t.version value=figure(instance.version)/>
                <Stat label=t.openclaw value=figure(instance.openclaw_version)/>
                <Stat label=t.runtime value=figure(runtime(&instance.runtime, t))/>
                <Stat label=t.database value=figure(instance.database)/>
            </dl>
            <div class="cards-2">
                <Card title=t.reach>
                    <div class="pairs">
                        <p>{t.public_url}</p>
                        <CopyText text=instance.public_url label=t.copy/>
                        <p>{t.api_docs}</p>
                        <p>
                            <a class="btn" href="/api/docs" rel="external">
                                {t.api_docs_open}
                            </a>
                        </p>
                    </div>
                    <details class="fold why">
                        <summary>{t.runtime_why}</summary>
                        <p class="hint mono">{instance.runtime_why}</p>
                    </details>
                </Card>
                <Card title=t.commands>
                    <p class="hint">{t.commands_where}</p>
                    <div class="commands">
                        {[
                            (t.do_doctor, "chela doctor"),
                            (t.do_backup, "chela backup create"),
                            (t.do_link, "chela admin enrol-link --user NAME"),
                            (t.do_token, "chela admin token --name NAME"),
                        ]
                            .into_iter()
                            .map(|(why, command)| {
                                view! {
                                    <p>{why}</p>
                                    <CopyText text=command label=t.copy/>
                                }
                            })
                            .collect_view()}
                    </div>
                </Card>
            </div>
        </div>
    }
}

/// The runtime's name as it is spoken of.
fn runtime(word: &str, t: &'static text::Text) -> String {
    match word {
        "docker" => t.rt_docker.to_owned(),
        "process" => t.rt_process.to_owned(),
        other => other.to_owned(),
    }
}
