//! What somebody meets who knows Chela from its pages alone: words that say what is wrong, and names that work everywhere.

use super::*;
use serde_json::{Value, json};
use testkit::vendor::Mode;

async fn house() -> (TestServer, Who, Home) {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let home = Home::at(at.panel, &owner);
    (at, owner, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_of_the_word_that_is_wrong() {
    let (at, _owner, home) = house().await;
    let wrong = |words: &[&str], said: &[&str]| _ = home.run(words).ended(1, said);
    let budget = ["budget", "add", "--requests", "1", "--per", "day"];
    wrong(&[&budget[..], &["--model", "nobody/x"]].concat(), &["--model: must be of a vendor", "nobody"]);
    wrong(
        &[&budget[..], &["--soft", "--instead", "openai/small"]].concat(),
        &["--instead-from: must be said"],
    );
    home.run(&[&budget[..], &["--bot", "nope"]].concat()).ended(3, &["no bot named 'nope'"]);
    home.run(&["spending", "list", "--bot", "nope"]).ended(3, &["no bot named 'nope'"]);
    wrong(&["chain", "rm", "coding", "--yes"], &["'coding' is shipped with Chela"]);
    home.run(&["chain", "rm", "nobodys", "--yes"]).ended(3, &[]);
    let region = home.piped(&["key", "add", "--vendor", "openai@mars"], KEY);
    region.ended(1, &["--vendor: names a region that OpenAI does not have"]);

    // Amounts as they are typed.
    wrong(&["budget", "lookout", "--money", "0"], &["--money: must be 0.000001 to 1000000000.00 USD"]);
    let dear = ["price", "set", "openai/x", "--input-usd", "99999999", "--output-usd", "1"];
    wrong(&dear, &["--input-usd: must be 0 to 10000.00 USD per million tokens"]);
    wrong(
        &["key", "set", "OpenAI", "--expires", "9999-12-31"],
        &["--expires: must be 9999-12-30 at the latest"],
    );

    // Calls of no time, of nobody and of an unset variable.
    for verb in [&["usage"][..], &["usage", "summary"], &["usage", "trend"]] {
        let all = |more: &[&str]| home.run(&[verb, more].concat());
        all(&["--from", "2026-11-20", "--to", "2026-11-01"]).ended(1, &["--to: must not be before from"]);
        all(&["--from", "2100-01-01"]).ended(1, &["--from: must not be in the future"]);
        all(&["--from", ""]).ended(2, &["--from"]);
        all(&["--zone", ""]).ended(2, &["--zone"]);
        all(&["--tag", "nosuch"]).ended(1, &["--tag: must be a tag that a bot or virtual key carries"]);
        all(&["--tag", "none"]).ended(0, &[]);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_goes_by_its_name_wherever_calls_are_limited() {
    let (at, owner, home) = house().await;
    at.make_bot(&owner, "Red Fox").await;
    let fox = ["--bot", "Red Fox"];
    home.run(&[&["budget", "add", "--requests", "5", "--per", "day"], &fox[..]].concat()).ok();
    home.run(&[&["budget", "stop", "--yes"], &fox[..]].concat()).ok();
    home.run(&[&["budget", "allow"], &fox[..]].concat()).ended(0, &["deleted"]);
    home.run(&[&["spending", "stop", "--yes"], &fox[..]].concat()).ok();
    assert!(home.run(&[&["spending", "list"], &fox[..]].concat()).ok().contains("Red Fox"));
    home.run(&[&["spending", "allow"], &fox[..]].concat()).ended(0, &["allowed again"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_says_when_it_ends_and_how_long_its_old_secret_works() {
    let (at, _owner, home) = house().await;
    home.run(&["virtual-key", "add", "Batch", "--expires", "5"]).ok();
    let listed = home.run(&["virtual-key", "list"]).ok();
    assert!(listed.contains("EXPIRES"), "{listed}");
    let one = || home.run(&["virtual-key", "list", "-o", "json"]).json()[0].clone();
    assert!(one()["expires_at_ms"].is_i64());
    home.run(&["virtual-key", "change", "Batch", "--expires", "never"]).ok();
    assert_eq!(one()["expires_at_ms"], Value::Null);
    home.run(&["virtual-key", "change", "Batch", "--expires", "soon"]).ended(2, &["--expires", "or never"]);
    home.run(&["virtual-key", "list", "--limit", "0"]).ended(2, &["--limit", "must be 1 or more"]);
    home.run(&["virtual-key", "rotate", "Batch"]).ended(0, &["The old secret works until 20"]);
    home.run(&["virtual-key", "rotate", "Batch", "--overlap", "0"]).ended(0, &["works no longer"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_not_there_is_no_vendor_that_refuses() {
    let (at, _owner, home) = house().await;
    // It says nothing of the key.
    at.world.vendor.play(Mode::Echo);
    let said = home.run(&["key", "test", "OpenAI"]).ended(1, &["the vendor could not be asked: "]);
    assert!(!said.err.contains("refuses"), "{said:?}");
    let base = at.world.vendor.base_url();
    let add = ["key", "add", "--vendor", "openai", "--label", "Other", "--base-url", &base];
    home.piped(&add, KEY).ended(1, &["could not be asked", "`--accept-failing`"]);
    at.world.vendor.play(Mode::Status { status: 401, body: "{}".to_owned() });
    home.piped(&add, KEY).ended(1, &["does not accept this key", "`--accept-failing`"]);
    home.run(&["key", "test", "OpenAI"]).ended(1, &["the vendor refuses this key"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_budget_led_elsewhere_and_the_budget_that_told_of_it_are_known() {
    let (at, _owner, home) = house().await;
    let secret = home.run(&["virtual-key", "add", "Batch", "-o", "json"]).json();
    let program = Who::Bearer(secret["secret"].as_str().expect("a secret").to_owned());
    let add = ["budget", "add", "--requests", "1", "--per", "day", "--virtual-key", "Batch"];
    home.run(&[&add[..], &["--soft", "--instead", "openai/small", "--instead-from", "50"]].concat()).ok();
    let wide = home.run(&["budget", "list", "-o", "wide"]).ok();
    assert!(wide.contains("openai/small from 50 %"), "{wide}");
    for calls in 1..=2 {
        let body = json!({ "model": "openai/fake-model", "messages": [] });
        at.ask(&program, "POST", "/api/v1/chat/completions", body).await.ok(200);
        eventually("its row", async || (rows_of(&at, "usage_rows").await == calls).then_some(())).await;
    }
    let listed = home.run(&["usage", "-o", "wide"]).ok();
    assert!(listed.contains("ASKED FOR") && listed.contains("openai/small"), "{listed}");
    let last = home.run(&["usage", "-o", "name"]).ok();
    let shown = home.run(&["usage", "show", last.lines().next().expect("an id")]).ok();
    let asked = shown.lines().find(|line| line.starts_with("Asked for:")).expect("what was asked for");
    assert!(asked.ends_with("fake-model") && shown.contains("openai/small"), "{shown}");

    eventually("it to be told", async || {
        let told = home.run(&["notification", "list", "-o", "wide"]).ok();
        let all = ["Batch: 1 request a day", "bud_", "Batch: "];
        all.iter().all(|word| told.contains(word)).then_some(())
    })
    .await;
    at.stop().await;
}
