//! What calls cost, from the command line.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_a_cost_from_the_command_line() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (_, _, rows) = crate::usage::talked(&at, &owner).await;
    let home = Home::at(at.panel, &owner);
    let said = |words: &[&str]| home.run(words).ok();
    assert!(
        said(&["usage", "summary"]).contains("$0.001296 ($0.00 before)"),
        "{}",
        said(&["usage", "summary"])
    );
    let bots = said(&["usage", "breakdown"]);
    let first = bots.lines().nth(1).expect("a line");
    assert!(first.starts_with("Dear ") && first.contains("$0.000864"), "{bots}");
    let models = said(&["usage", "breakdown", "--by", "model", "--bot", "dear", "--range", "today"]);
    assert!(models.contains("openai/fake-model"), "{models}");
    assert!(said(&["usage", "trend", "--range", "7d"]).lines().count() >= 8);
    let listed = said(&["usage", "list", "--bot", "cheap", "-o", "name"]);
    let shown = said(&["usage", "show", listed.trim()]);
    assert!(shown.contains("Cheap") && shown.contains("$0.000432"), "{shown}");
    let file = said(&["usage", "export", "--range", "24h"]);
    assert_eq!(file.lines().count(), 1 + rows.len(), "{file}");
    home.run(&["usage", "list", "--bot", "deer"]).ended(3, &["dear"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_call_says_who_stopped_it_and_the_way_back() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let home = Home::at(at.panel, &owner);
    let secret = home.run(&["virtual-key", "add", "Batch"]).ok();
    let secret = secret.split_whitespace().find(|word| word.starts_with("chela_vk_")).expect("a secret");
    home.run(&["spending", "stop", "--vendor", "openai", "--why", "too dear", "--yes"]).ok();
    let body = serde_json::json!({ "model": "openai/fake-model", "messages": [] });
    let answer = at.ask(&Who::Bearer(secret.to_owned()), "POST", "/api/v1/chat/completions", body).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let id = eventually("its row", async || {
        let rows = at.get(&owner, "/api/usage").await.ok(200);
        rows["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let told = home.run(&["usage", "show", &id]).ok();
    for words in ["test stopped model calls to openai", "(too dear)", "`chela spending allow stp_"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    home.run(&["spending", "allow", "--vendor", "openai"]).ok();
    let told = home.run(&["usage", "show", &id]).ok();
    assert!(told.contains("allowed again 20"), "{told}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_narrowed_by_the_names_that_a_person_sees() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (_, _, rows) = crate::usage::talked(&at, &owner).await;
    let home = Home::at(at.panel, &owner);
    let count =
        |words: &[&str]| home.run(&[&["usage", "list", "-o", "name"], words].concat()).ok().lines().count();
    let key = rows[0]["key"].as_str().expect("an id");
    for (words, calls) in [
        (&["--model", "openai/fake-model"][..], 3),
        (&["--model", "fake-model", "--vendor", "openai"], 3),
        (&["--key", "OpenAI", "--bot", "Dear"], 2),
        (&["--key", "openai"], 3),
        (&["--key", key], 3),
        (&["--key", "none"], 0),
        (&["--virtual-key", "none"], 3),
    ] {
        assert_eq!(count(words), calls, "{words:?}");
    }
    let none =
        home.run(&["usage", "--model", "groq/fake-model"]).ended(0, &["chela usage breakdown --by model"]);
    assert!(!none.out.contains("req_"), "{none:?}");
    home.run(&["usage", "--key", "Other"]).ended(3, &["'Other'", "chela key list"]);
    home.run(&["usage", "summary", "--virtual-key", "Batch"])
        .ended(3, &["'Batch'", "chela virtual-key list"]);
    home.run(&["usage", "--vendor", "nobody"]).ended(1, &["--vendor: must be a vendor"]);
    home.run(&["usage", "--key", ""]).ended(2, &["--key"]);
    home.run(&["usage", "trend", "--bot", "Dear"]).ok();
    at.stop().await;
}
