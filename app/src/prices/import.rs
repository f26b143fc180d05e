//! Prices from a file: what would happen is shown before it does.

use super::{
    fns::PricesImport,
    table::{day, figure},
    text,
};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of},
};
use api::prices::{Imported, ImportedLine, ModelPrice};
use leptos::{html, prelude::*};
use ui::{Button, Glyph, IntoWhole, Kind};

/// Lines that are shown of a file; the others are counted.
const SHOWN: usize = 50;

#[component]
pub(super) fn Import(reload: Callback<&'static str>) -> impl IntoView {
    let t = text::text();
    let (check, take) = (ServerAction::<PricesImport>::new(), ServerAction::<PricesImport>::new());
    let rows = NodeRef::<html::Textarea>::new();
    let wrong = failure_of(move || check.value().get());
    let refused = failure_of(move || take.value().get());
    // What was checked is what is taken, whatever is typed in the meantime.
    let checked = StoredValue::new(String::new());
    Effect::new(move |_: Option<()>| {
        check.input().with(|asked| {
            if let Some(asked) = asked {
                checked.set_value(asked.cmd.csv.clone());
            }
        });
    });
    Effect::new(move |_: Option<()>| {
        if take.value().with(|came| matches!(came, Some(Ok(_)))) {
            check.value().set(None);
            if let Some(rows) =
                rows.get_untracked().filter(|rows| rows.value().lines().eq(checked.get_value().lines()))
            {
                rows.set_value("");
            }
            reload.run(t.imported);
        }
    });
    view! {
        <details class="card fold" id="import">
            <summary>
                <b>{t.import_title}</b>
            </summary>
            <div class="stack">
                <p class="hint">{t.import_lead}</p>
                <Failure error=wrong/>
                <Failure error=refused/>
                <ActionForm action=check>
                    <input type="hidden" name="cmd[check]" value="true"/>
                    <div class="field">
                        <label for="import-file">{t.file}</label>
                        <input id="import-file" type="file" accept=".csv,text/csv" data-into="import-rows"/>
                    </div>
                    <div class="field">
                        <label for="import-rows">{t.rows}</label>
                        <textarea
                            id="import-rows"
                            node_ref=rows
                            class="input mono"
                            name="cmd[csv]"
                            rows="6"
                            required
                            spellcheck="false"
                            placeholder="vendor,model,input_usd,output_usd"
                        ></textarea>
                    </div>
                    <div class="form-acts">
                        <Button busy=check.pending()>{t.check}</Button>
                    </div>
                </ActionForm>
                {move || {
                    let came = check.value().get()?.ok()?;
                    let new = came.added + came.replaced;
                    Some(view! { {outcome(came)} {taking(new > 0, checked.get_value(), take)} })
                }}
            </div>
        </details>
    }
}

/// The button that takes what was checked.
fn taking(something: bool, csv: String, take: ServerAction<PricesImport>) -> AnyView {
    let t = text::text();
    if !something {
        return view! { <p class="hint">{t.nothing_new}</p> }.whole();
    }
    view! {
        <ActionForm action=take>
            <input type="hidden" name="cmd[csv]" value=csv/>
            <Button kind=Kind::Primary glyph=Glyph::Check busy=take.pending()>
                {t.take}
            </Button>
        </ActionForm>
    }
    .whole()
}

/// What would come of each line.
fn outcome(came: Imported) -> AnyView {
    let t = text::text();
    let counts = [came.added, came.replaced, came.unchanged];
    let words = counts.iter().fold(t.checked.to_owned(), |words, count| fill(&words, &count.to_string()));
    let more = came.lines.len().saturating_sub(SHOWN);
    let rows = came.lines.into_iter().take(SHOWN).map(row).collect_view();
    let heads = [t.line_no, t.model, t.price, t.since].map(|word| view! { <th scope="col">{word}</th> });
    view! {
        <p role="status">
            <b>{words}</b>
        </p>
        <div class="table-wrap">
            <table class="table figures models">
                <thead>
                    <tr>{heads.into_iter().collect_view()} <th scope="col"><span class="sr-only">{t.check}</span></th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {(more > 0).then(|| view! { <p class="hint">{fill(t.more_lines, &more.to_string())}</p> })}
    }
    .whole()
}

fn costs(price: &ModelPrice) -> String {
    format!("{} / {}", figure(price.input_price), figure(price.output_price))
}

fn row(line: ImportedLine) -> AnyView {
    let t = text::text();
    let ImportedLine { line, outcome, price, before } = line;
    let before = before.map(|before| format!(" ({})", fill(t.was, &costs(&before))));
    view! {
        <tr>
            <td>{line}</td>
            <th scope="row" class="mono">{format!("{}/{}", price.vendor, price.model)}</th>
            <td>{costs(&price)} {before}</td>
            <td>{day(price.since_ms)}</td>
            <td>{text::outcome(outcome, t)}</td>
        </tr>
    }
    .whole()
}
