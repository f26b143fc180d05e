//! A bot from a file. `public/page.js` sends it: a form alone cannot send a file as it is.

use crate::{
    bots::{configs_text, text},
    parts,
};
use leptos::prelude::*;
use ui::{Button, Dialog, Field, Glyph, Icon, Kind, Opener};

const DIALOG: &str = "import-bot";

#[component]
pub(super) fn Import() -> impl IntoView {
    let t = configs_text::text();
    let field = |id: &'static str, name: &'static str, label, hint: &'static str| {
        view! {
            <Field id label=label hint=hint>
                <input id=id name=name class="input" autocomplete="off" aria-describedby=format!("{id}-note")/>
            </Field>
        }
    };
    view! {
        <Opener dialog=DIALOG class="btn">
            <Icon glyph=Glyph::Plus/>
            <span>{t.import}</span>
        </Opener>
        <Dialog id=DIALOG title=t.import_title close=text::text().close>
            <p>{t.import_text}</p>
            <form action="/api/bots/import" data-upload>
                <Field id="import-file" label=t.import_file>
                    <input id="import-file" name="file" class="input" type="file" accept=".gz,application/gzip" required/>
                </Field>
                {field("import-name", "name", t.import_name, "")}
                {field("import-model", "model", t.import_model, "")}
                {field("import-trust", "trust", t.import_trust, t.import_trust_hint)}
                <p class="field-bad" role="alert" data-said></p>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary>{t.import}</Button>
                </div>
            </form>
        </Dialog>
    }
}
