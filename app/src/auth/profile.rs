//! `/settings/profile`: who I am here, and how pages look to me.

use super::text;
use crate::{
    frame::Person,
    i18n::{Locale, locale},
};
use api::auth::{Me, Role};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Badge, Card};

/// The page.
#[component]
pub(crate) fn Profile() -> impl IntoView {
    let t = text::text();
    let me = use_context::<Person>();
    view! {
        <Title text=t.profile/>
        <div class="stack narrow">{me.map(|Person(me)| view! { <Who me/> })} <Looks/></div>
    }
}

#[component]
fn Who(me: Me) -> impl IntoView {
    let t = text::text();
    let role = match me.role {
        Role::Owner => t.role_owner,
        Role::Viewer => t.role_viewer,
    };
    view! {
        <Card title=t.profile>
            <dl class="facts">
                <dt>{t.name}</dt>
                <dd>{me.name}</dd>
                <dt>{t.workspace}</dt>
                <dd>{me.workspace_name}</dd>
                <dt>{t.role}</dt>
                <dd>{role} {me.admin.then(|| view! { " " <Badge>{t.admin}</Badge> })}</dd>
            </dl>
        </Card>
    }
}

/// A choice that `public/page.js` keeps in a cookie.
#[component]
fn Look(
    name: &'static str,
    legend: &'static str,
    chosen: String,
    options: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    view! {
        <fieldset class="segments">
            <legend>{legend}</legend>
            <div>
                {options
                    .into_iter()
                    .map(|(value, word)| {
                        view! {
                            <label>
                                <input type="radio" name=name value=value data-look=name checked=value == chosen/>
                                <span>{word}</span>
                            </label>
                        }
                    })
                    .collect_view()}
            </div>
        </fieldset>
    }
}

/// What the document was written with; both halves read it the same way.
fn chosen(name: &str) -> String {
    #[cfg(feature = "ssr")]
    let value = crate::request::cookie(&format!("chela_{name}"));
    #[cfg(not(feature = "ssr"))]
    let value = document().document_element().and_then(|html| html.get_attribute(&format!("data-{name}")));
    value
        .filter(|value| matches!(value.as_str(), "light" | "dark" | "compact"))
        .unwrap_or_else(|| "none".to_owned())
}

#[component]
fn Looks() -> impl IntoView {
    let t = text::text();
    let languages = Locale::ALL.into_iter().map(|(locale, name)| (locale.tag(), name)).collect();
    view! {
        <Card title=t.look>
            <Look
                name="theme"
                legend=t.theme
                chosen=chosen("theme")
                options=vec![("none", t.theme_system), ("light", t.theme_light), ("dark", t.theme_dark)]
            />
            <Look name="locale" legend=t.language chosen=locale().tag().to_owned() options=languages/>
            <Look
                name="density"
                legend=t.density
                chosen=chosen("density")
                options=vec![("none", t.density_comfortable), ("compact", t.density_compact)]
            />
        </Card>
    }
}
