//! Prices as a file: out as spreadsheets read it, and back in, all of it or nothing.

use super::{
    catalogue,
    draft::Draft,
    moment,
    service::{Desk, MOST, full, shipped},
    store, tariff,
};
use crate::{
    audit,
    platform::{
        Platform,
        csv::{self, Record, cell},
        ctx::OpCtx,
        error::OpError,
        http::Problem,
    },
};
use api::{ApiError, Code, FieldError, Verb, ids::PriceId, money::amount, prices::*};
use axum::{
    Extension, Router,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use entity::prices::model_price as row;
use http::header;
use policy::{Granted, act};
use std::{collections::HashSet, sync::Arc};

/// The columns of an export. A file that is read needs those of model and price; the others may be missing.
const COLUMNS: [&str; 10] = [
    "since",
    "vendor",
    "model",
    "up_to_input",
    "input_usd",
    "output_usd",
    "cache_read_usd",
    "cache_write_usd",
    "thinking_usd",
    "source",
];
const NEEDED: [&str; 4] = ["vendor", "model", "input_usd", "output_usd"];
/// Lines that cannot be used and are named; more are counted.
const MOST_BAD: usize = 20;

/// The file's address. Not a verb: its answer is a file.
pub fn routes(platform: Arc<Platform>) -> Router {
    Router::new().route("/api/prices/export", get(export)).with_state(platform)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The shipped ones, too.
    #[serde(default)]
    all: bool,
}

async fn export(
    State(p): State<Arc<Platform>>,
    Extension(ctx): Extension<OpCtx>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let granted = policy::check::<act::ReadPrices>(&ctx.subject).map_err(ApiError::from)?;
    let Query(asked) = asked.map_err(|error| ApiError::new(Code::Invalid, error.body_text()))?;
    let own = store::all(p.db.read(), &granted).await.map_err(ApiError::from)?;
    let mut all: Vec<ModelPrice> = own.into_iter().map(store::word).collect();
    all.sort_by_key(|price| (price.vendor.clone(), price.model.clone(), price.since_ms, price.up_to_input));
    if asked.all {
        // Not those of models that have prices of their own: read again, they would come before these.
        let at = |price: &ModelPrice| (price.vendor.clone(), price.model.clone());
        let own: HashSet<_> = all.iter().map(at).collect();
        let shipped = catalogue::ENTRIES.iter().filter(|entry| entry.price.is_some()).map(shipped);
        all.extend(shipped.filter(|price| !own.contains(&at(price))));
    }
    let file: String = all.iter().map(line).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"chela-prices.csv\""),
    ];
    Ok((headers, format!("{}\r\n{file}", COLUMNS.join(","))).into_response())
}

fn line(price: &ModelPrice) -> String {
    let usd = |figure: Option<i64>| figure.map(amount).unwrap_or_default();
    let cells = [
        moment::write(price.since_ms),
        price.vendor.clone(),
        price.model.clone(),
        price.up_to_input.map(|most| most.to_string()).unwrap_or_default(),
        usd(price.input_price),
        usd(price.output_price),
        usd(price.cache_read_price),
        usd(price.cache_write_price),
        usd(price.thinking_price),
        price.source.clone().unwrap_or_default(),
    ];
    cells.map(|text| cell(&text).into_owned()).join(",") + "\r\n"
}

/// What was found wrong with a file's lines.
#[derive(Default)]
struct Bad {
    lines: usize,
    said: Vec<FieldError>,
}

impl Bad {
    fn line(&mut self, line: u32, reasons: &[String]) {
        self.lines += 1;
        if self.said.len() < MOST_BAD {
            let detail = format!("line {line}: {}", reasons.join("; "));
            self.said.push(FieldError { pointer: "/csv".to_owned(), detail });
        }
    }

    fn done(self) -> Result<(), ApiError> {
        let message = match self.said.as_slice() {
            [] => return Ok(()),
            [one] => one.detail.clone(),
            all if self.lines > all.len() => {
                format!("{} lines cannot be used; the first {MOST_BAD} are named.", self.lines)
            }
            all => format!("{} lines cannot be used.", all.len()),
        };
        let mut error = ApiError::new(Code::Invalid, message);
        error.fields = self.said;
        Err(error.with_hint("Nothing was changed. Mend these lines and try again."))
    }
}

/// A price of a file with its line.
type Found = (u32, Draft);

fn drafts(file: &str, now_ms: i64) -> Result<Vec<Found>, ApiError> {
    let wrong = |detail: String| ApiError::field("/csv", detail);
    if file.len() > MAX_IMPORT_BYTES {
        return Err(wrong(format!("must have at most {} KiB", MAX_IMPORT_BYTES / 1024)));
    }
    let records = csv::records(file)
        .map_err(|line| wrong(format!("line {line}: a quotation mark opens here that nothing closes")))?;
    let mut records = records.into_iter();
    let (_, head) =
        records.next().ok_or_else(|| wrong("must have a line with the names of its columns".into()))?;
    if let Some(strange) = head.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let strange: String = strange.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(wrong(format!("line 1: no column is named '{strange}'; they are {}", COLUMNS.join(","))));
    }
    if let Some(twice) =
        head.iter().enumerate().find(|(n, name)| head.iter().take(*n).any(|one| one == *name))
    {
        return Err(wrong(format!("line 1: the column '{}' stands there twice", twice.1)));
    }
    let missing = NEEDED.iter().find(|name| !head.iter().any(|known| known == *name));
    if let Some(missing) = missing {
        return Err(wrong(format!("line 1: the column '{missing}' is missing; an export has all of them")));
    }
    if records.len() > MAX_IMPORT_LINES {
        return Err(wrong(format!("must have at most {MAX_IMPORT_LINES} prices")));
    }
    let (mut bad, mut found) = (Bad::default(), Vec::<Found>::new());
    for record in records {
        match read(&head, &record, now_ms) {
            Err(reasons) => bad.line(record.0, &reasons),
            Ok(draft) => match found.iter().find(|(_, other)| other.collides(&draft)) {
                Some((other, _)) => {
                    bad.line(record.0, &[format!("says the price of line {other} once more")]);
                }
                None => found.push((record.0, draft)),
            },
        }
    }
    bad.done()?;
    Ok(found)
}

/// One line, or every rule that it breaks.
fn read(head: &[String], (_, cells): &Record, now_ms: i64) -> Result<Draft, Vec<String>> {
    if cells.len() > head.len() {
        return Err(vec![format!("has {} fields, and there are {} columns", cells.len(), head.len())]);
    }
    let get = |name: &str| {
        let at = head.iter().position(|known| known == name)?;
        cells.get(at).filter(|text| !text.is_empty()).cloned()
    };
    let up_to = get("up_to_input").map(|text| text.parse::<i64>()).transpose();
    let up_to_input =
        up_to.map_err(|_no_number| vec!["up to input must be a number of tokens".to_owned()])?;
    let q = SetPrice {
        vendor: get("vendor").unwrap_or_default(),
        model: get("model").unwrap_or_default(),
        input_usd: get("input_usd"),
        output_usd: get("output_usd"),
        cache_read_usd: get("cache_read_usd"),
        cache_write_usd: get("cache_write_usd"),
        thinking_usd: get("thinking_usd"),
        up_to_input,
        since: get("since"),
        source: get("source"),
        ..SetPrice::default()
    };
    Draft::read(&q, now_ms).map_err(|error| {
        let named = |field: &FieldError| {
            format!("{} {}", field.pointer.trim_start_matches('/').replace('_', " "), field.detail)
        };
        error.fields.iter().map(named).collect()
    })
}

/// The price that holds now and says the same.
fn holding<'a>(draft: &Draft, all: &'a [row::Model], now_ms: i64) -> Option<&'a row::Model> {
    let mut of: Vec<_> = all.iter().filter(|row| draft.is_same_model(row)).collect();
    of.sort_by_key(|row| row.id);
    tariff::sort(&mut of);
    tariff::now(&of, now_ms).iter().copied().find(|row| draft.is_for(row) && draft.says(row))
}

/// Models of which the lines without a beginning do not all say what holds now: all of those begin anew, as prices of one
/// beginning belong together.
fn begun_anew(drafts: &[Found], all: &[row::Model], now_ms: i64) -> HashSet<(&'static str, String)> {
    let new = |draft: &&Draft| draft.since_ms.is_none() && holding(draft, all, now_ms).is_none();
    drafts
        .iter()
        .map(|(_, draft)| draft)
        .filter(new)
        .map(|draft| (draft.vendor, draft.model.clone()))
        .collect()
}

/// What a price of a file comes to, beside those there are. Without a beginning it is for now: one that holds now and
/// says the same is enough, unless its model's begin anew.
fn outcome<'a>(
    draft: &Draft,
    all: &'a [row::Model],
    anew: &HashSet<(&'static str, String)>,
    now_ms: i64,
) -> (ImportOutcome, Option<&'a row::Model>) {
    let there = if draft.since_ms.is_some() {
        all.iter().filter(|row| draft.is_at(row)).max_by_key(|row| row.id)
    } else if anew.contains(&(draft.vendor, draft.model.clone())) {
        None
    } else {
        holding(draft, all, now_ms)
    };
    match there {
        None => (ImportOutcome::Added, None),
        Some(row) if draft.says(row) => (ImportOutcome::Unchanged, Some(row)),
        Some(row) => (ImportOutcome::Replaced, Some(row)),
    }
}

pub(super) async fn import(
    desk: Arc<Desk>,
    ctx: OpCtx,
    granted: Granted<act::WritePrices>,
    q: ImportPrices,
) -> Result<Imported, OpError> {
    let p = &desk.platform;
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let drafts = drafts(&q.csv, ctx.now_ms)?;
    let check = q.check.unwrap_or(false);
    let plan = |all: &[row::Model]| {
        let mut came = Imported { check, added: 0, replaced: 0, unchanged: 0, lines: Vec::new() };
        let mut rows = Vec::new();
        let anew = begun_anew(&drafts, all, ctx.now_ms);
        for (line, draft) in &drafts {
            let (outcome, before) = outcome(draft, all, &anew, ctx.now_ms);
            let (id, since_ms) =
                before.map_or_else(|| (PriceId(p.ids.uuid()), ctx.now_ms), |b| (b.id, b.since_ms));
            let row = draft.clone().row(id, workspace_id, since_ms);
            let count = match outcome {
                ImportOutcome::Added => &mut came.added,
                ImportOutcome::Replaced => &mut came.replaced,
                ImportOutcome::Unchanged => &mut came.unchanged,
            };
            *count += 1;
            // One that is not there yet has no id until it is.
            let id = before.map(|before| before.id).or(Some(row.id).filter(|_| !check));
            let price = ModelPrice { id, ..store::word(row.clone()) };
            let before = before.filter(|_| outcome == ImportOutcome::Replaced).cloned().map(store::word);
            came.lines.push(ImportedLine { line: *line, outcome, price, before });
            rows.push((outcome, row));
        }
        if all.len() + usize::try_from(came.added).unwrap_or(usize::MAX) > MOST {
            Err(full())
        } else {
            Ok((came, rows))
        }
    };
    if check {
        return Ok(plan(&store::all(p.db.read(), &granted).await?)?.0);
    }
    let came =
        p.db.write(async |tx| {
            let (came, rows) = plan(&store::all(tx, &granted).await?)?;
            for (outcome, row) in rows {
                match outcome {
                    ImportOutcome::Added => store::insert(tx, &granted, row).await?,
                    ImportOutcome::Replaced => store::replace(tx, &granted, row).await?,
                    ImportOutcome::Unchanged => {}
                }
            }
            if came.added + came.replaced > 0 {
                let what = format!("{} added, {} replaced", came.added, came.replaced);
                audit::record(tx, p.ids.as_ref(), &ctx, ImportPrices::NAME, Some(what)).await?;
            }
            Ok(came)
        })
        .await?;
    if came.added + came.replaced > 0 {
        desk.routing.refresh().await?;
    }
    Ok(came)
}
