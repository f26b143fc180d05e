//! What calls sum up to, through the whole server: every screen's figure is the ledger's, and nobody sees another's.

use crate::support::*;
use serde_json::{Value, json};

/// Two bots that have talked, one of them twice and once in vain; the calls' rows, newest first.
pub(crate) async fn talked(at: &TestServer, owner: &Who) -> (String, String, Vec<Value>) {
    at.add_key(owner).await;
    let price = json!({ "vendor": "openai", "model": "fake-model", "input_price": 2_500_000,
        "output_price": 10_000_000, "cache_read_price": 1_250_000 });
    at.ask(owner, "POST", "/api/prices", price).await.ok(201);
    let (dear, cheap) = (at.ready_bot(owner, "Dear").await, at.ready_bot(owner, "Cheap").await);
    for text in ["ask:one", "ask:two"] {
        at.talk(owner, &dear, text).await;
    }
    at.talk(owner, &cheap, "ask:three").await;
    let rows = eventually("the calls' rows", async || {
        let rows = at.get(owner, "/api/usage").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        (rows.len() == 3).then_some(rows)
    });
    (dear, cheap, rows.await)
}

fn cost(sums: &Value) -> i64 {
    sums["cost_micro_usd"].as_i64().expect("a cost")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cost_is_followed_from_the_sum_to_the_call_and_every_figure_agrees() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (dear, cheap, rows) = talked(&at, &owner).await;
    let whole: i64 = rows.iter().map(cost).sum();
    assert_eq!(whole, 3 * 432);

    let today = at.get(&owner, "/api/usage/today").await.ok(200);
    let summary = at.get(&owner, "/api/usage/summary?zone=Asia/Kathmandu").await.ok(200);
    assert_eq!((cost(&today), cost(&summary["sums"])), (whole, whole));
    assert_eq!((&summary["sums"]["calls"], &summary["before"]["calls"]), (&json!(3), &json!(0)));
    let trend = at.get(&owner, "/api/usage/trend?range=24h&by=hour").await.ok(200);
    assert_eq!(
        trend["points"].as_array().expect("points").iter().map(|p| cost(&p["sums"])).sum::<i64>(),
        whole
    );
    for by in ["bot", "model", "vendor", "key", "virtual_key", "status", "day"] {
        let parts = at.get(&owner, &format!("/api/usage/breakdown?by={by}&range=7d")).await.ok(200);
        let parts = parts["items"].as_array().expect("shares").clone();
        assert_eq!(parts.iter().map(|p| cost(&p["sums"])).sum::<i64>(), whole, "{by}");
    }

    let bots = at.get(&owner, "/api/usage/breakdown?by=bot").await.ok(200);
    let first = &bots["items"][0];
    assert_eq!((&first["value"], &first["name"], cost(&first["sums"])), (&json!(dear), &json!("Dear"), 864));
    let pages = at.get(&owner, "/api/usage/breakdown?by=bot&limit=1").await.ok(200);
    let next = pages["next"].as_str().expect("another page");
    let second = at.get(&owner, &format!("/api/usage/breakdown?by=bot&limit=1&cursor={next}")).await.ok(200);
    assert_eq!((&second["items"][0]["value"], &second["next"]), (&json!(cheap), &Value::Null));

    let models = at.get(&owner, &format!("/api/usage/breakdown?by=model&bot={dear}")).await.ok(200);
    let model = &models["items"][0];
    assert_eq!((&model["vendor"], &model["value"]), (&json!("openai"), &json!("fake-model")));
    let narrow =
        format!("bot={dear}&vendor=openai&model=fake-model&status=ok&from=2026-01-01&zone=Europe/Berlin");
    let narrow = narrow.replace("from=2026-01-01", "range=today");
    let list = at.get(&owner, &format!("/api/usage?{narrow}")).await.ok(200);
    let listed = list["items"].as_array().expect("calls");
    assert_eq!((listed.len(), listed.iter().map(cost).sum::<i64>()), (2, 864));
    for nothing in ["status=failed", "bot=none", "model=other", "vendor=anthropic", "range=24h&key=none"] {
        let none = at.get(&owner, &format!("/api/usage?{nothing}")).await.ok(200);
        assert_eq!(none["items"], json!([]), "{nothing}");
        let none = at.get(&owner, &format!("/api/usage/summary?{nothing}")).await.ok(200);
        assert_eq!(none["sums"]["calls"], 0, "{nothing}");
    }

    let id = listed[0]["id"].as_str().expect("an id");
    let bare = id.replace("use_", "req_");
    for name in [id, &bare] {
        let call = at.get(&owner, &format!("/api/usage/{name}")).await.ok(200);
        assert_eq!((&call["call"]["bot_name"], cost(&call["call"])), (&json!("Dear"), 432), "{call}");
        assert_eq!(
            (&call["call"]["cache_read_tokens"], &call["call"]["ended"]),
            (&json!(3), &json!("complete"))
        );
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_every_call_and_no_formula() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (dear, _, _) = talked(&at, &owner).await;
    let formula = at.ready_bot(&owner, "=cmd(\"x\"),y").await;
    at.talk(&owner, &formula, "ask:four").await;
    let rows = eventually("its row", async || {
        let rows =
            at.get(&owner, "/api/usage").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        (rows.len() == 4).then_some(rows)
    });
    let rows = rows.await;
    let file = at.get(&owner, "/api/usage/export.csv").await;
    assert_eq!(file.status, 200, "{}", file.text);
    assert!(file.headers["content-type"].to_str().expect("text").starts_with("text/csv"));
    let lines: Vec<&str> = file.text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 1 + rows.len(), "{}", file.text);
    assert_eq!(lines[0].split(',').count(), 32);
    assert!(file.text.contains(",\"'=cmd(\"\"x\"\"),y\","), "{}", file.text);
    assert!(lines[1].contains(",0.000432,"), "{}", lines[1]);
    let one = at.get(&owner, &format!("/api/usage/export.csv?range=today&bot={dear}")).await;
    assert_eq!(one.text.matches("\r\n").count(), 3, "{}", one.text);
    for (bad, status) in [("?limit=5", 422), ("?since=1", 422), ("?from=never", 422)] {
        let refused = at.get(&owner, &format!("/api/usage/export.csv{bad}")).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, "invalid"), "{bad}");
    }
    let stranger = at.stranger().await;
    assert_eq!(
        at.get(&stranger, "/api/usage/export.csv").await.text.matches("\r\n").count(),
        1,
        "its head only"
    );
    assert_eq!(at.get(&Who::Nobody, "/api/usage/export.csv").await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_calls_are_in_any_sum() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (dear, _, rows) = talked(&at, &owner).await;
    let stranger = at.stranger().await;
    for path in ["summary", "summary?range=month", &format!("summary?bot={dear}")] {
        let sums = at.get(&stranger, &format!("/api/usage/{path}")).await.ok(200);
        assert_eq!(
            (&sums["sums"]["calls"], &sums["sums"]["cost_micro_usd"]),
            (&json!(0), &json!(0)),
            "{path}"
        );
    }
    for path in ["breakdown?by=bot", "breakdown?by=key", "breakdown?by=model", "breakdown?by=day"] {
        assert_eq!(
            at.get(&stranger, &format!("/api/usage/{path}")).await.ok(200)["items"],
            json!([]),
            "{path}"
        );
    }
    let points = at.get(&stranger, "/api/usage/trend").await.ok(200);
    assert!(points["points"].as_array().expect("points").iter().all(|p| p["sums"]["calls"] == 0));
    let id = rows[0]["id"].as_str().expect("an id");
    let foreign = at.get(&stranger, &format!("/api/usage/{id}")).await;
    let unknown = at.get(&stranger, "/api/usage/use_00000000000000000000000000").await;
    assert_eq!((foreign.status, foreign.shape()), (404, unknown.shape()));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_bounds_or_sense_is_refused() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    for (path, field) in [
        ("summary?zone=Mars/Olympus", "/zone"),
        ("summary?range=7d&from=2026-01-01", "/range"),
        ("summary?to=2026-01-01", "/from"),
        ("summary?from=2021-01-01", "/from"),
        ("trend?range=month&bot=nobody", "/bot"),
        ("trend?from=2021-01-01&to=2021-12-31&by=hour", "/by"),
        ("breakdown?limit=201", "/limit"),
        ("breakdown?cursor=-1", "/cursor"),
        ("breakdown?by=colour", "/by"),
        ("summary?status=fine", "/status"),
    ] {
        let refused = at.get(&owner, &format!("/api/usage/{path}")).await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec![field.to_owned()]),
            "{path}: {}",
            refused.text
        );
    }
    at.stop().await;
}
